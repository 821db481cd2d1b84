# SPDX-License-Identifier: GPL-3.0-or-later
"""The matcher's network: attention among the regions of two pictures.

A region's shape and what the trunk (:mod:`.trunk`) sees in it become a token. Tokens look at those
of their own picture, where who touches whom and who lies where is a bias on the attention, and at
those of the other one (in the way of LightGlue, arXiv 2306.13643). A product of the tokens, and how
alike the trunk finds them, say how well two regions match; one more number stands for "none of
these".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .trunk import CHANNELS, Look, directions
from .views import COLOUR_FEATURES, SHAPE_FEATURES, View

MOST_PAIRS = 32
"""Pairs of the artist's that the network tells apart."""

_NEVER = -1e4
_LOUD = 10.0
"""Length of a region's features in its token."""
_SHARPNESS = 30.0
"""Of cosines, times what is learned."""


@dataclass(frozen=True)
class MatcherConfig:
    """Sizes of the network.

    Attributes:
        width: of a token.
        layers: rounds of looking at the own and at the other picture.
        heads: of the attention.
    """

    width: int = 128
    layers: int = 3
    heads: int = 4


@dataclass(frozen=True)
class Figure:
    """What the network takes of a picture in n regions.

    Attributes:
        shapes: (n, 81) float32; see :class:`.views.View` for these three.
        around: (n, n) float32.
        places: (n, 2) float32.
        features: (n, 112) float32; see :class:`.trunk.Look` for these two.
        middle: (112,) float32.
    """

    shapes: np.ndarray = field(repr=False)
    around: np.ndarray = field(repr=False)
    places: np.ndarray = field(repr=False)
    features: np.ndarray = field(repr=False)
    middle: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, view: View, look: Look) -> Figure:
        """From both looks at a picture."""
        return cls(view.shapes, view.around, view.places, look.rows.numpy(), look.mean.numpy())

    @property
    def count(self) -> int:
        """Number of regions."""
        return len(self.shapes)

    def take(self, rows: np.ndarray) -> Figure:
        """Some of the regions, by their rows (m,) int."""
        return replace(
            self,
            shapes=self.shapes[rows],
            around=self.around[np.ix_(rows, rows)],
            places=self.places[rows],
            features=self.features[rows],
        )


@dataclass(frozen=True)
class Side:
    """Figures of B pictures as tensors, with N rows each, those of smaller ones filled up.

    Attributes:
        shapes: (B, N, 81) float.
        around: (B, N, N) float.
        places: (B, N, 2) float in [-1, 1].
        features: (B, N, 112) float.
        middle: (B, 1, 112) float.
        known: (B, N) bool, rows that are no filling.
        numbers: (B, N, MOST_PAIRS) float, 1 for the pairs that end in a row.
    """

    shapes: Tensor
    around: Tensor
    places: Tensor
    features: Tensor
    middle: Tensor
    known: Tensor
    numbers: Tensor


def gather(
    figures: Sequence[Figure], ends: Sequence[Sequence[tuple[int, int]]] | None = None
) -> Side:
    """Figures as one batch.

    Args:
        ends: of each figure, (row, number of the pair from 0) of the pairs that end in it.
    """
    count, most = len(figures), max(1, *(figure.count for figure in figures))
    shapes = np.zeros((count, most, SHAPE_FEATURES + COLOUR_FEATURES), np.float32)
    around = np.zeros((count, most, most), np.float32)
    places = np.zeros((count, most, 2), np.float32)
    features = np.zeros((count, most, CHANNELS), np.float32)
    middle = np.zeros((count, 1, CHANNELS), np.float32)
    known = np.zeros((count, most), bool)
    numbers = np.zeros((count, most, MOST_PAIRS), np.float32)
    for at, figure in enumerate(figures):
        n = figure.count
        shapes[at, :n], around[at, :n, :n] = figure.shapes, figure.around
        places[at, :n], known[at, :n] = figure.places, True
        features[at, :n], middle[at, 0] = figure.features, figure.middle
        for row, number in ends[at] if ends else ():
            numbers[at, row, number] = 1
    planes = (shapes, around, places, features, middle, known, numbers)
    return Side(*map(torch.from_numpy, planes))


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
        self.of_features = nn.Linear(CHANNELS, width)
        self.of_shape = nn.Sequential(
            nn.Linear(SHAPE_FEATURES + COLOUR_FEATURES, width), nn.ReLU(), nn.Linear(width, width)
        )
        self.sides = nn.Parameter(torch.zeros(2, width))
        self.numbers = nn.Parameter(torch.randn(MOST_PAIRS, width))
        # Set by training; of no effect afterwards.
        self.dropout = nn.Dropout(0.0)
        self.rounds = nn.ModuleList(_Round(width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.matched = nn.Linear(width, width, bias=False)
        self.alike = nn.Parameter(torch.tensor(0.2))
        self.none = nn.Linear(width, 1)

    def forward(self, lineart: Side, reference: Side) -> list[Tensor]:
        """Logits after each round of attention, the last one counts.

        Returns:
            of each round (B, N, M + 1): of every row of the line art for every row of the
            reference, and for none of them.
        """
        middle = (lineart.middle + reference.middle) / 2
        ours, theirs = (directions(side.features, middle) for side in (lineart, reference))
        alike = self.alike * _SHARPNESS * ours @ theirs.transpose(1, 2)
        hidden_x, hidden_y = _unknown(lineart), _unknown(reference)
        alike = alike + hidden_y[:, 0]
        x, y = self._tokens(lineart, ours, 0), self._tokens(reference, theirs, 1)
        beside_x, beside_y = _beside(lineart), _beside(reference)
        found = []
        for step in self.rounds:
            assert isinstance(step, _Round)
            x, y = step.look(x, lineart, beside_x), step.look(y, reference, beside_y)
            x, y = step.compare(x, y, hidden_y), step.compare(y, x, hidden_x)
            found.append(self._scores(x, y, alike))
        return found

    def _tokens(self, side: Side, features: Tensor, which: int) -> Tensor:
        told = side.numbers @ self.numbers
        seen = self.of_features(_LOUD * features) + self.of_shape(side.shapes)
        return self.dropout(seen + self.sides[which] + told)

    def _scores(self, x: Tensor, y: Tensor, alike: Tensor) -> Tensor:
        x, y = self.norm(x), self.norm(y)
        scores = self.matched(x) @ self.matched(y).transpose(1, 2) * x.shape[2] ** -0.5
        return torch.cat([scores + alike, self.none(x)], dim=2)
