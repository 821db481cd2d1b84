# SPDX-License-Identifier: GPL-3.0-or-later
"""PointNet: from a map of numbered points to one embedding per attention resolution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

CODE_FREQUENCIES = 16
LARGEST_CODED_NUMBER = 24
"""Pair numbers that models trained here have seen; codes repeat from 64 on."""


def number_code(point_map: Tensor) -> Tensor:
    """A nearly orthogonal code for each pair number, and a channel that says "here is a point".

    The published network takes the bare number, so a large number shouts louder than a small one
    and a little network learns only slowly to tell 7 from 8. Here the number i becomes
    cos and sin of ``i * pi * (k + 1/2) / 16``, k = 0..15: two codes are orthogonal as long as
    their numbers differ by less than 32.

    Args:
        point_map: (N, 1, H, W) float, 0 where there is no point.

    Returns:
        (N, 33, H, W) float, 0 where there is no point.
    """
    k = torch.arange(CODE_FREQUENCIES, device=point_map.device, dtype=point_map.dtype)
    angle = point_map * (math.pi * (k + 0.5) / CODE_FREQUENCIES).view(1, -1, 1, 1)
    code = torch.cat([torch.cos(angle), torch.sin(angle), torch.ones_like(point_map)], dim=1)
    return code * (point_map > 0)


class PointNet(ModelMixin, ConfigMixin):
    """Strided 3x3 convolutions with SiLU, one block per level of the U-Net.

    Args:
        out_channels: channels of each level, those of the U-Net's levels.
        first_stride: pixels per token at the finest level, a power of two: the VAE's reduction.
        encoding: "number" feeds the bare pair numbers, as the published weights need;
            "code" feeds :func:`number_code`.
    """

    @register_to_config
    def __init__(
        self,
        out_channels: Sequence[int] = (320, 640, 1280, 1280),
        first_stride: int = 8,
        encoding: str = "number",
    ) -> None:
        super().__init__()
        if encoding not in ("number", "code"):
            raise ValueError(f"PointNet encoding must be 'number' or 'code', not {encoding!r}.")
        self.encoding = encoding
        self.blocks = nn.ModuleList()
        channels = 1 if encoding == "number" else 2 * CODE_FREQUENCIES + 1
        for level, width in enumerate(out_channels):
            units = int(math.log2(first_stride)) if level == 0 else 1
            layers: list[nn.Module] = []
            for _ in range(units):
                layers += [nn.Conv2d(channels, width, 3, stride=2, padding=1), nn.SiLU()]
                channels = width
            self.blocks.append(nn.Sequential(*layers))
        if encoding == "code":
            self._start_audible()

    @property
    def most_pairs(self) -> int:
        """Pairs that can be told apart. The published code keeps numbers in 8 bits and loses pair
        256; here they are floats, and whole as far as the weights' precision goes."""
        if self.encoding == "code":
            return LARGEST_CODED_NUMBER
        return round(2 / torch.finfo(self.dtype).eps)

    def _start_audible(self) -> None:
        """Untrained weights that carry a lone pixel through all levels at about unit size.

        Usual initialisation expects the whole 3 x 3 neighbourhood to be filled. A point map has one
        pixel in it, which then comes out at 0.001 (0.00003 at the coarsest of three levels). And
        with other weights at each of the nine places, one pair number would have another
        embedding for each place of its pixel within the token: both ends of a pair would only
        rarely look alike. So all nine places start with the same weights.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                out, channels = module.weight.shape[:2]
                start = torch.randn(out, channels, 1, 1) / math.sqrt(channels)
                module.weight.data.copy_(start.expand_as(module.weight))
                module.bias.data.zero_()

    def forward(self, point_map: Tensor) -> list[Tensor]:
        """Embed a point map.

        Args:
            point_map: (N, 1, H, W) float; the i-th pair's pixel holds i (from 1), others 0.

        Returns:
            Per level (N, h * w, C), row-major, finest first. A map without any point does not
            give zeros: the published biases make it a vector of its own.
        """
        hidden = number_code(point_map) if self.encoding == "code" else point_map
        hidden = hidden.to(self.dtype)
        levels = []
        for block in self.blocks:
            hidden = block(hidden)
            levels.append(hidden.flatten(2).transpose(1, 2))
        return levels
