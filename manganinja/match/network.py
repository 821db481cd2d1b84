# SPDX-License-Identifier: GPL-3.0-or-later
"""The matcher's network: features of pixels, pooled over regions, and attention among regions.

Both pictures go through the same convolutions behind stems of their own. What they give is
averaged over every region at several scales, joined with the region's shape, and becomes a token.
Tokens look at those of their own picture, where who touches whom and who lies where is a bias on
the attention, and at those of the other one (in the way of LightGlue, arXiv 2306.13643). A
product of the tokens says how well two regions match; one more number stands for "none of these".
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .views import COLOUR_FEATURES, GRID, SHAPE_FEATURES, View

MOST_PAIRS = 32
"""Pairs of the artist's that the network tells apart."""

_NEVER = -1e4


@dataclass(frozen=True)
class MatcherConfig:
    """Sizes of the network.

    Attributes:
        channels: of the convolutions at 1/2, 1/4, 1/8, 1/16 and 1/32 of the view's side.
        width: of a token.
        layers: rounds of looking at the own and at the other picture.
        heads: of the attention.
    """

    channels: tuple[int, ...] = (24, 48, 80, 128, 160)
    width: int = 128
    layers: int = 3
    heads: int = 4

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> MatcherConfig:
        """From what a JSON file says."""
        return cls(**{**values, "channels": tuple(values["channels"])})


@dataclass(frozen=True)
class Side:
    """Views of B pictures as tensors, with N rows each, those of smaller views filled up.

    Attributes:
        pictures: (B, C, 128, 128) float in [-1, 1].
        pool: (B, N, GRID**2) float, the share of each row's pixels in each cell.
        shapes: (B, N, 81) float.
        around: (B, N, N) float.
        places: (B, N, 2) float in [-1, 1].
        known: (B, N) bool, rows that are no filling.
        numbers: (B, N, MOST_PAIRS) float, 1 for the pairs that end in a row.
    """

    pictures: Tensor
    pool: Tensor
    shapes: Tensor
    around: Tensor
    places: Tensor
    known: Tensor
    numbers: Tensor


def gather(views: Sequence[View], ends: Sequence[Sequence[tuple[int, int]]] | None = None) -> Side:
    """Views as one batch.

    Args:
        ends: of each view, (row, number of the pair from 0) of the pairs that end in it.
    """
    count, most = len(views), max(1, *(view.count for view in views))
    pool = np.zeros((count, most * GRID**2), np.float32)
    shapes = np.zeros((count, most, SHAPE_FEATURES + COLOUR_FEATURES), np.float32)
    around = np.zeros((count, most, most), np.float32)
    places = np.zeros((count, most, 2), np.float32)
    known = np.zeros((count, most), bool)
    numbers = np.zeros((count, most, MOST_PAIRS), np.float32)
    for at, view in enumerate(views):
        n = view.count
        pool[at, view.cells] = view.shares
        shapes[at, :n], around[at, :n, :n] = view.shapes, view.around
        places[at, :n], known[at, :n] = view.places, True
        for row, number in ends[at] if ends else ():
            numbers[at, row, number] = 1
    pictures = np.stack([view.picture for view in views]).astype(np.float32) / 127.5 - 1
    return Side(
        torch.from_numpy(pictures),
        torch.from_numpy(pool).view(count, most, GRID**2),
        *map(torch.from_numpy, (shapes, around, places, known, numbers)),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm_first = nn.GroupNorm(8, channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm_second = nn.GroupNorm(8, channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.norm_first(self.first(x)))
        return F.relu(x + self.norm_second(self.second(inner)))


class _Pixels(nn.Module):
    """Features of pixels at five scales, from 1/2 of the side on."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        first = channels[0]
        self.lineart_stem = nn.Conv2d(2, first, 5, stride=2, padding=2)
        self.reference_stem = nn.Conv2d(5, first, 5, stride=2, padding=2)
        self.first = _Residual(first)
        self.smaller = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.GroupNorm(8, after),
                nn.ReLU(),
                _Residual(after),
            )
            for before, after in itertools.pairwise(channels)
        )

    def forward(self, pictures: Tensor) -> list[Tensor]:
        stem = self.reference_stem if pictures.shape[1] == 5 else self.lineart_stem
        pictures = pictures.contiguous(memory_format=torch.channels_last)
        x = self.first(F.relu(stem(pictures)))
        found = [x]
        for step in self.smaller:
            x = step(x)
            found.append(x)
        return found


def _pooled(features: Sequence[Tensor], pool: Tensor) -> Tensor:
    """(B, N, sum of channels + those of the finest): means over the regions at every scale, and
    how much the finest features vary within a region."""
    rows, parts = pool.shape[1], []
    for level, planes in enumerate(features):
        side = planes.shape[-1]
        if level:
            squares = pool.view(-1, rows, side, 2, side, 2)
            pool = squares.sum(dim=(3, 5)).view(-1, rows, side * side)
        values = planes.flatten(2).transpose(1, 2)
        mean = pool @ values
        parts.append(mean)
        if not level:
            parts.append((pool @ values.square() - mean.square()).clamp(min=1e-5).sqrt())
    return torch.cat(parts, dim=2)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor, other: Tensor, bias: Tensor) -> Tensor:
        """``bias`` (B, heads or 1, N, M) is added to the logits."""

        def split(y: Tensor) -> Tensor:
            return y.unflatten(2, (self.heads, -1)).transpose(1, 2)

        key, value = self.key_value(other).chunk(2, dim=2)
        seen = F.scaled_dot_product_attention(
            split(self.query(x)), split(key), split(value), attn_mask=bias
        )
        return self.out(seen.transpose(1, 2).flatten(2))


class _Round(nn.Module):
    """A look at the own picture, a look at the other one, a thought."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.own, self.other = _Attention(width, heads), _Attention(width, heads)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.beside = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, heads))
        self.thought = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def look(self, x: Tensor, side: Side, beside: Tensor) -> Tensor:
        bias = self.beside(beside).permute(0, 3, 1, 2) + _unknown(side)
        y = self.norms[0](x)
        return x + self.own(y, y, bias)

    def compare(self, x: Tensor, other: Tensor, bias: Tensor) -> Tensor:
        x = x + self.other(self.norms[1](x), self.norms[1](other), bias)
        return x + self.thought(self.norms[2](x))


def _unknown(side: Side) -> Tensor:
    """(B, 1, 1, N), a bias that hides filling."""
    return torch.where(side.known, 0.0, _NEVER)[:, None, None]


def _beside(side: Side) -> Tensor:
    """(B, N, N, 6): who touches whom, and how far off."""
    away = side.places[:, None] - side.places[:, :, None]
    far = away.square().sum(dim=3, keepdim=True).sqrt()
    near = torch.exp(-4 * far)
    touch = torch.stack([side.around, side.around.transpose(1, 2)], dim=3)
    return torch.cat([touch, away, far, near], dim=3)


class Matcher(nn.Module):
    """Says for each region of line art which region of the reference it is.

    Args:
        config: sizes.
    """

    def __init__(self, config: MatcherConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or MatcherConfig()
        width = config.width
        self.pixels = _Pixels(config.channels)
        pooled = sum(config.channels) + config.channels[0]
        self.of_pixels = nn.Linear(pooled, width)
        self.of_shape = nn.Sequential(
            nn.Linear(SHAPE_FEATURES + COLOUR_FEATURES, width), nn.ReLU(), nn.Linear(width, width)
        )
        self.sides = nn.Parameter(torch.zeros(2, width))
        self.numbers = nn.Parameter(torch.randn(MOST_PAIRS, width))
        self.rounds = nn.ModuleList(_Round(width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.matched = nn.Linear(width, width, bias=False)
        self.none = nn.Linear(width, 1)

    def forward(self, lineart: Side, reference: Side) -> list[Tensor]:
        """Logits after each round of attention, the last one counts.

        Returns:
            of each round (B, N, M + 1): of every row of the line art for every row of the
            reference, and for none of them.
        """
        x, y = self._tokens(lineart, 0), self._tokens(reference, 1)
        beside_x, beside_y = _beside(lineart), _beside(reference)
        hidden_x, hidden_y = _unknown(lineart), _unknown(reference)
        found = []
        for step in self.rounds:
            assert isinstance(step, _Round)
            x, y = step.look(x, lineart, beside_x), step.look(y, reference, beside_y)
            x, y = step.compare(x, y, hidden_y), step.compare(y, x, hidden_x)
            found.append(self._scores(x, y, reference))
        return found

    def _tokens(self, side: Side, which: int) -> Tensor:
        pooled = _pooled(self.pixels(side.pictures), side.pool)
        told = side.numbers @ self.numbers
        return self.of_pixels(pooled) + self.of_shape(side.shapes) + self.sides[which] + told

    def _scores(self, x: Tensor, y: Tensor, reference: Side) -> Tensor:
        x, y = self.norm(x), self.norm(y)
        scores = self.matched(x) @ self.matched(y).transpose(1, 2) * x.shape[2] ** -0.5
        scores = scores + torch.where(reference.known, 0.0, _NEVER)[:, None]
        return torch.cat([scores, self.none(x)], dim=2)
