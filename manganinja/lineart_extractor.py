# SPDX-License-Identifier: GPL-3.0-or-later
"""Line art extracted from coloured pictures."""

from __future__ import annotations

from typing import Any

from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn


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
