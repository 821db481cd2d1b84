# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of unfinished work at no noticeable cost: latents to colours by one small matrix.

An autoencoder's latents are nearly linear in the colours of the pixels under them. The map is
fitted once to the autoencoder at hand, by least squares on pictures of coloured patches, and takes
a decoding's place where a small picture is enough.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from .framing import Frame

PICTURES, SIDE_PX, PATCHES = 8, 64, 16


def patched_pictures(seed: int = 0) -> Tensor:
    """Rectangles of random colours and brightness, (N, 3, S, S) float32 in [-1, 1]."""
    rng = np.random.default_rng(seed)
    pictures = np.empty((PICTURES, SIDE_PX, SIDE_PX, 3), np.float32)
    for picture in pictures:
        picture[:] = rng.uniform(-1, 1, 3)
        for _ in range(PATCHES):
            left, top = rng.integers(-SIDE_PX // 4, SIDE_PX, 2)
            width, height = rng.integers(SIDE_PX // 8, SIDE_PX // 2, 2)
            box = np.s_[max(top, 0) : top + height, max(left, 0) : left + width]
            picture[box] = rng.uniform(-1, 1, 3) if rng.random() < 0.7 else rng.uniform(-1, 1)
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()


@torch.no_grad()
def fit_latent_colours(vae: Any, device: torch.device | str = "cpu") -> Tensor:
    """The map from scaled latents to colours, (C + 1, 3) float32; the last row is the offset."""
    pictures = patched_pictures()
    latents = torch.cat(
        [
            vae.encode(picture[None].to(device, vae.dtype)).latent_dist.mode().float().cpu()
            for picture in pictures
        ]
    )
    latents = latents * vae.config["scaling_factor"]
    under = F.adaptive_avg_pool2d(pictures, latents.shape[-2:])
    inputs = latents.permute(0, 2, 3, 1).flatten(0, 2)
    inputs = torch.cat([inputs, torch.ones(len(inputs), 1)], dim=1)
    return torch.linalg.lstsq(inputs, under.permute(0, 2, 3, 1).flatten(0, 2)).solution


def preview(latents: Tensor, colours: Tensor, frame: Frame, longest_px: int) -> Image.Image:
    """What scaled latents (1, C, h, w) will look like, without padding.

    Args:
        colours: what :func:`fit_latent_colours` gave.
        frame: how the picture lies in the working picture.
        longest_px: longer side of the result; never more than it has at working resolution.
    """
    values = latents[0].float().cpu().permute(1, 2, 0)
    signed = (values @ colours[:-1] + colours[-1]).clamp(-1, 1)
    image = Image.fromarray(((signed + 1) * 127.5).round().byte().numpy())
    whole, (width, height) = frame.padded_px, frame.placed_px
    box = (0, 0, width / whole[0] * image.width, height / whole[1] * image.height)
    factor = min(1.0, longest_px / max(width, height))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return image.resize(size, Image.Resampling.BICUBIC, box=box)
