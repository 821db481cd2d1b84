# SPDX-License-Identifier: GPL-3.0-or-later
"""What the networks are told beside latents: the reference's CLIP token, the line art's picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPVisionModelWithProjection

from .lineart import FAINTEST_LINE

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class UnconditionalEmbedding(ModelMixin, ConfigMixin):
    """The token of the unconditional row.

    For the published weights it is CLIP's text state of an empty prompt at its first token. The
    causal mask makes it independent of any prompt, so it is stored as the constant it is.

    Args:
        width: channels C of the token.
    """

    @register_to_config
    def __init__(self, width: int = 768) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 1, width))

    def forward(self) -> Tensor:
        """The token, (1, 1, C)."""
        return self.token


def clip_pixels(image: Image.Image, size_px: int) -> Tensor:
    """A picture as CLIP wants it: (1, 3, size_px, size_px) float32, normalised.

    Shortest side to ``size_px`` with Pillow's bicubic filter, centre crop.
    """
    image = image.convert("RGB")
    width, height = image.size
    if width <= height:
        resized = image.resize((size_px, int(size_px * height / width)), Image.Resampling.BICUBIC)
    else:
        resized = image.resize((int(size_px * width / height), size_px), Image.Resampling.BICUBIC)
    left, top = (resized.width - size_px) // 2, (resized.height - size_px) // 2
    crop = np.asarray(resized.crop((left, top, left + size_px, top + size_px)), dtype=np.float32)
    normalised = (crop / 255 - np.asarray(CLIP_MEAN, np.float32)) / np.asarray(CLIP_STD, np.float32)
    return torch.from_numpy(normalised).permute(2, 0, 1).unsqueeze(0)


def signed_to_clip_pixels(pictures: Tensor, size_px: int) -> Tensor:
    """Square pictures (N, 3, S, S) in [-1, 1] as CLIP wants them, on their own device."""
    resized = nn.functional.interpolate(
        pictures, size=(size_px, size_px), mode="bicubic", antialias=True, align_corners=False
    )
    mean = resized.new_tensor(CLIP_MEAN).view(1, 3, 1, 1)
    std = resized.new_tensor(CLIP_STD).view(1, 3, 1, 1)
    return (resized.add(1).div(2).clamp(0, 1) - mean) / std


def image_token(encoder: CLIPVisionModelWithProjection, pixels: Tensor) -> Tensor:
    """(N, 3, S, S) CLIP pixels to (N, 1, C): projected, not normalised."""
    return encoder(pixel_values=pixels).image_embeds.unsqueeze(1)


def to_condition(strength: Tensor) -> Tensor:
    """Line strength (1, 1, H, W) in [0, 1] to ControlNet's condition (1, 3, H, W) in [-1, 1]."""
    cleaned = torch.where(strength <= FAINTEST_LINE, torch.zeros_like(strength), strength)
    return cleaned.expand(-1, 3, -1, -1) * 2 - 1


def lineart_latents(vae: Any, condition: Tensor) -> Tensor:
    """A condition (N, 3, H, W) in [-1, 1] to scaled latents (N, C, h, w), for a U-Net that has
    them beside the noisy ones (the paper's own variant)."""
    mode = vae.encode(condition.to(vae.dtype)).latent_dist.mode()
    return mode * vae.config["scaling_factor"]
