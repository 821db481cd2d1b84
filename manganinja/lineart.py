# SPDX-License-Identifier: GPL-3.0-or-later
"""Line art: recognised in any polarity, kept visible when made small, extracted from pictures."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from PIL import Image
from torch import Tensor, nn

from .errors import BadRequest

FAINTEST_LINE = 0.24
"""Line strength up to which the published code takes a pixel for paper."""


def line_strength(lineart: Image.Image) -> np.ndarray:
    """How much line there is in each pixel of a line-art picture, whatever its convention.

    Black on white, white on black and either of them on transparency are told apart: transparent
    pixels are paper, and the paper's brightness is the brightness of most of the picture.

    Returns:
        (H, W) float32, 0 = paper, 1 = full line.
    """
    grey, white_paper = _on_paper(lineart)
    strength = grey.astype(np.float32) / 255
    return 1 - strength if white_paper else strength


def _on_paper(lineart: Image.Image) -> tuple[np.ndarray, bool]:
    """uint8 grey picture without transparency, and whether its paper is white."""
    if not lineart.has_transparency_data:
        grey = np.asarray(lineart.convert("L"))
        return grey, bool(np.median(grey) >= 128)
    rgba = lineart.convert("RGBA")
    alpha = np.asarray(rgba.getchannel("A"), dtype=np.float32) / 255
    grey = np.asarray(rgba.convert("RGB").convert("L"), dtype=np.float32)
    # White lines on transparency would vanish on white paper, so they get black paper.
    drawn = alpha > 0.5
    if drawn.all():
        flat = np.rint(grey).astype(np.uint8)
        return flat, bool(np.median(flat) >= 128)
    white_paper = not (drawn.any() and np.percentile(grey[drawn], 10) > 200)
    paper = 255.0 if white_paper else 0.0
    return np.rint(grey * alpha + paper * (1 - alpha)).astype(np.uint8), white_paper


def check_has_lines(strength: np.ndarray) -> None:
    """Raise :class:`BadRequest` when a picture has no lines, or hardly anything else."""
    share = float((strength > FAINTEST_LINE).mean())
    if share < 1e-5:
        raise BadRequest(
            "The line art is empty.", "Choose the layer that has the lines, or draw on it first."
        )


def line_width_px(strength: np.ndarray) -> float:
    """Typical width of the lines in pixels: twice their area over the length of their edges."""
    gx = np.abs(np.diff(strength, axis=1)).sum()
    gy = np.abs(np.diff(strength, axis=0)).sum()
    # The sum of |gx| + |gy| overestimates a slanted edge's length by 4 / pi on average.
    edges = (gx + gy) * np.pi / 4
    return float(2 * strength.sum() / edges) if edges > 0 else 0.0


def shrink_lines(strength: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Reduce line strength to (width, height) so that thin lines stay lines.

    A line of 6 px on a page of 3508 px is a quarter of a pixel wide at 128 px and would be taken
    for paper. Lines are widened first until they are about one pixel wide at the new size.
    """
    factor = max(strength.shape[1] / size_px[0], strength.shape[0] / size_px[1])
    if factor > 1:
        missing = round(factor - line_width_px(strength))
        if missing > 0:
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (missing + 1, missing + 1))
            strength = cv2.dilate(strength, kernel)
    interpolation = cv2.INTER_AREA if factor > 1 else cv2.INTER_CUBIC
    return np.clip(cv2.resize(strength, size_px, interpolation=interpolation), 0, 1)


def to_condition(strength: Tensor) -> Tensor:
    """Line strength (1, 1, H, W) in [0, 1] to ControlNet's condition (1, 3, H, W) in [-1, 1]."""
    cleaned = torch.where(strength <= FAINTEST_LINE, torch.zeros_like(strength), strength)
    return cleaned.expand(-1, 3, -1, -1) * 2 - 1


def _norm_relu(layer: nn.Module, channels: int) -> list[nn.Module]:
    return [layer, nn.InstanceNorm2d(channels), nn.ReLU()]


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        first = nn.Conv2d(channels, channels, 3)
        second = nn.Conv2d(channels, channels, 3)
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_norm_relu(first, channels),
            nn.ReflectionPad2d(1),
            second,
            nn.InstanceNorm2d(channels),
        )

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.conv_block(hidden)


class LineartExtractor(ModelMixin, ConfigMixin):
    """Line art from a coloured picture: the generator of informative-drawings (Chan et al. 2022).

    Key names are those of its published file ``sk_model.pth``.

    Args:
        residual_blocks: blocks at the coarsest level.
    """

    @register_to_config
    def __init__(self, residual_blocks: int = 3) -> None:
        super().__init__()
        up: dict[str, Any] = {"stride": 2, "padding": 1, "output_padding": 1}
        self.model0 = nn.Sequential(nn.ReflectionPad2d(3), *_norm_relu(nn.Conv2d(3, 64, 7), 64))
        self.model1 = nn.Sequential(
            *_norm_relu(nn.Conv2d(64, 128, 3, stride=2, padding=1), 128),
            *_norm_relu(nn.Conv2d(128, 256, 3, stride=2, padding=1), 256),
        )
        self.model2 = nn.Sequential(*(_Residual(256) for _ in range(residual_blocks)))
        self.model3 = nn.Sequential(
            *_norm_relu(nn.ConvTranspose2d(256, 128, 3, **up), 128),
            *_norm_relu(nn.ConvTranspose2d(128, 64, 3, **up), 64),
        )
        self.model4 = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(64, 1, 7), nn.Sigmoid())

    def forward(self, picture: Tensor) -> Tensor:
        """Line strength (N, 1, H, W) in [0, 1] of pictures (N, 3, H, W) in [-1, 1]."""
        hidden = (picture + 1) / 2
        for stage in (self.model0, self.model1, self.model2, self.model3, self.model4):
            hidden = stage(hidden)
        return 1 - hidden
