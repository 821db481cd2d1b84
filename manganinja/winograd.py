# SPDX-License-Identifier: GPL-3.0-or-later
"""3 x 3 convolutions with a quarter of the multiplications, for processors without matrix units.

Winograd's minimal filtering F(4 x 4, 3 x 3) (Lavin and Gray, arXiv 1509.09308): tiles of 6 x 6
pixels and the kernels are brought into a space where a convolution is a product, at 36
multiplications for 16 pixels in place of 144. In float32 results differ by about 1e-5 of the
largest. GPUs have their own ways; torch's convolutions on a CPU have none.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Interpolation at 0, 1, -1, 2, -2 and infinity.
_TILE = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_KERNEL = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_BACK = (
    (1, 1, 1, 1, 1, 0),
    (0, 1, -1, 2, -2, 0),
    (0, 1, 1, 4, 4, 0),
    (0, 1, -1, 8, -8, 1),
)

FEWEST_CHANNELS = 128
"""Below it, moving numbers takes longer than what the multiplications save."""
FEWEST_PIXELS = 8 * 8
"""Below it, the kernels, four times as large here, are most of what is read."""
FEWEST_NUMBERS_AT_ONCE = 1_000_000
"""Of the transformed pictures."""


def transformed(kernels: Tensor) -> Tensor:
    """Kernels (O, C, 3, 3) as (36, C, O)."""
    g = kernels.new_tensor(_KERNEL)
    return torch.einsum("ij,ocjk,lk->ilco", g, kernels, g).flatten(0, 1).contiguous()


def convolve(pictures: Tensor, kernels: Tensor, bias: Tensor | None) -> Tensor:
    """A 3 x 3 convolution of stride 1 with padding 1.

    Args:
        pictures: (N, C, H, W) float32, fastest in channels-last memory.
        kernels: what :func:`transformed` made of the weight.
        bias: (O,).

    Returns:
        (N, O, H, W) in channels-last memory.
    """
    n, channels, height, width = pictures.shape
    rows, columns, outputs = -(-height // 4), -(-width // 4), kernels.shape[2]
    bt, at = pictures.new_tensor(_TILE), pictures.new_tensor(_BACK)
    into, back = torch.kron(bt, bt), torch.kron(at, at)
    edges = (0, 0, 1, columns * 4 - width + 1, 1, rows * 4 - height + 1)
    padded = F.pad(pictures.permute(0, 2, 3, 1), edges)
    tiles = padded.unfold(1, 6, 4).unfold(2, 6, 4).permute(4, 5, 0, 1, 2, 3)
    out = pictures.new_empty(n, rows, 4, columns, 4, outputs)
    # Strip by strip, so that what is between two steps stays near the processor; but the kernels
    # are read once for each strip, so strips grow with them.
    at_once = max(FEWEST_NUMBERS_AT_ONCE, kernels.numel() // 3)
    strip = max(1, at_once // (36 * channels * n * columns))
    for top in range(0, rows, strip):
        part = tiles[:, :, :, top : top + strip]
        spectrum = (into @ part.reshape(36, -1)).view(36, -1, channels)
        product = torch.bmm(spectrum, kernels).view(36, -1)
        pixels = (back @ product).view(4, 4, n, -1, columns, outputs)
        out[:, top : top + strip].copy_(pixels.permute(2, 3, 0, 4, 1, 5))
    out = out.view(n, rows * 4, columns * 4, outputs)[:, :height, :width]
    return (out if bias is None else out.add_(bias)).permute(0, 3, 1, 2)


class WinogradConv2d(nn.Conv2d):
    """A convolution that takes this way where it is the faster one. Keys and weights are as ever.

    Its transformed kernels are made at the first use and take four times the weight's memory.
    """

    _kernels: Tensor | None = None

    def forward(self, pictures: Tensor) -> Tensor:
        suits = pictures.dtype == torch.float32 and not torch.is_grad_enabled()
        if not suits or pictures.shape[2] * pictures.shape[3] < FEWEST_PIXELS:
            return super().forward(pictures)
        if self._kernels is None:
            self._kernels = transformed(self.weight)
        return convolve(pictures, self._kernels, self.bias)


def install(*networks: Any, memory_bytes: float = math.inf) -> int:
    """Let the networks' convolutions that can gain from it take this way; says how many.

    Args:
        networks: those that run often enough for their kernels to be worth the memory.
        memory_bytes: for all transformed kernels together. Small kernels come first: they work on
            large pictures, so that they gain most for each byte.
    """
    able = [m for network in networks for m in network.modules() if _can_gain(m)]
    left = memory_bytes
    for count, module in enumerate(sorted(able, key=lambda m: m.weight.numel())):
        left -= module.weight.nbytes * 36 / 9
        if left < 0:
            return count
        module.__class__ = WinogradConv2d
    return len(able)


def _can_gain(module: nn.Module) -> bool:
    return (
        type(module) is nn.Conv2d
        and module.kernel_size == (3, 3)
        and (module.stride, module.padding, module.dilation) == ((1, 1),) * 3
        and module.groups == 1
        and min(module.in_channels, module.out_channels) >= FEWEST_CHANNELS
    )
