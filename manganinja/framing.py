# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of any size and aspect brought to one working size by padding, and nothing squashed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor


@dataclass(frozen=True)
class Frame:
    """Where a picture lies in the working picture: its top left corner, the rest is padding.

    Attributes:
        source_px: (width, height) of the picture as given.
        placed_px: (width, height) at working resolution.
        padded_px: (width, height) of the working picture.
    """

    source_px: tuple[int, int]
    placed_px: tuple[int, int]
    padded_px: tuple[int, int]


def fit_within(size_px: tuple[int, int], resolution: int) -> tuple[int, int]:
    """(width, height) scaled up or down so that the longer side is ``resolution``."""
    factor = min(resolution / size_px[0], resolution / size_px[1])
    return max(1, int(size_px[0] * factor)), max(1, int(size_px[1] * factor))


def common_frames(
    sizes_px: Sequence[tuple[int, int]], resolution: int, multiple: int, square: bool = False
) -> list[Frame]:
    """Bring pictures to one working size by padding; equal aspects need none.

    The published code stretches all of them to one square instead.

    Args:
        sizes_px: (width, height) of each picture.
        resolution: longer side of the working pictures.
        multiple: sides are padded to multiples of this (the VAE's reduction).
        square: pad to ``resolution`` x ``resolution``, for models that know squares alone.
    """
    placed = [fit_within(size, resolution) for size in sizes_px]
    widths, heights = zip(*placed, strict=True)
    longest = (resolution, resolution) if square else (max(widths), max(heights))
    width, height = (-(-side // multiple) * multiple for side in longest)
    return [
        Frame(size, place, (width, height)) for size, place in zip(sizes_px, placed, strict=True)
    ]


def resized(image: Image.Image, frame: Frame) -> Image.Image:
    """At working resolution, without padding: Pillow's bicubic filter, as in the published code."""
    if image.size == frame.placed_px:
        return image
    return image.resize(frame.placed_px, Image.Resampling.BICUBIC)


def padded(values: np.ndarray, frame: Frame, fill: int | None) -> np.ndarray:
    """Pad (h, w, ...) at the right and bottom, with ``fill`` or with the last row and column."""
    right = frame.padded_px[0] - frame.placed_px[0]
    bottom = frame.padded_px[1] - frame.placed_px[1]
    widths = [(0, bottom), (0, right)] + [(0, 0)] * (values.ndim - 2)
    if fill is None:
        return np.pad(values, widths, mode="edge")
    return np.pad(values, widths, constant_values=fill)


def signed_picture(image: Image.Image, frame: Frame) -> Tensor:
    """(1, 3, H, W) float32 in [-1, 1], computed in double precision as the published code does."""
    values = np.asarray(resized(image, frame).convert("RGB"))
    signed = padded(values, frame, None) / 255 * 2 - 1
    return torch.from_numpy(signed.astype(np.float32)).permute(2, 0, 1).unsqueeze(0)
