# SPDX-License-Identifier: GPL-3.0-or-later
"""The small values that the steps of flatting hand to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

EMPTY = -1
"""Palette index of a region that stays transparent."""

SOURCES = ("proposal", "pair", "hint", "empty", "lock", "neighbour", "match", "unknown")
"""What decided a region's colour; :attr:`Assignment.source` holds indices into it."""


@dataclass(frozen=True)
class Regions:
    """A picture cut into regions along its lines.

    Attributes:
        labels: (H, W) int32, the region of every pixel, 0 to ``count - 1``. Pixels under lines
            belong to the nearest region, so that colour runs under the lines.
        lines: (H, W) uint8, 255 where a line or an artist's closing path covers the pixel, else 0.
        areas_px: (count,) int64, pixels of each region that no line covers.
        background: (count,) bool, regions that are the paper round the drawing.
        rooms: (count,) int32, equal for regions that only closed gaps divide, no ink.
    """

    labels: np.ndarray = field(repr=False)
    lines: np.ndarray = field(repr=False)
    areas_px: np.ndarray = field(repr=False)
    background: np.ndarray = field(repr=False)
    rooms: np.ndarray = field(repr=False)

    @property
    def count(self) -> int:
        """Number of regions."""
        return len(self.areas_px)

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height)."""
        return self.labels.shape[1], self.labels.shape[0]


def hex_name(colour: Sequence[int]) -> str:
    """sRGB bytes as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*colour)


@dataclass(frozen=True)
class Palette:
    """Exact colours, each once, most used first where that is known.

    Attributes:
        colours: (K, 3) uint8, sRGB.
        names: K names; "#rrggbb" where a file gives none.
    """

    colours: np.ndarray
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.colours.ndim != 2 or self.colours.shape[1] != 3 or self.colours.dtype != np.uint8:
            raise ValueError("A palette's colours are (K, 3) uint8.")
        if not self.names:
            names = tuple(hex_name(colour) for colour in self.colours.tolist())
            object.__setattr__(self, "names", names)

    def __len__(self) -> int:
        return len(self.colours)

    def with_colour(self, colour: Sequence[int]) -> tuple[Palette, int]:
        """This palette with one more colour, unless it has it; and the colour's index."""
        palette, entries = self.with_colours([colour])
        return palette, int(entries[0])

    def with_colours(self, colours: Sequence[Sequence[int]]) -> tuple[Palette, np.ndarray]:
        """This palette with all of the colours; and the index of each of them."""
        listed = [*map(tuple, self.colours.tolist())]
        entry_of = {colour: number for number, colour in reversed([*enumerate(listed)])}
        for colour in map(tuple, colours):
            if colour not in entry_of:
                entry_of[colour] = len(listed)
                listed.append(colour)
        entries = np.array([entry_of[tuple(colour)] for colour in colours], np.int32)
        if len(listed) == len(self):
            return self, entries
        names = (*self.names, *map(hex_name, listed[len(self) :]))
        return Palette(np.array(listed, np.uint8), names), entries


@dataclass(frozen=True)
class Assignment:
    """A colour for every region.

    Attributes:
        index: (count,) int32, index into the palette, or :data:`EMPTY`.
        confidence: (count,) float32 in [0, 1], share of the region's pixels that agree; 1 where
            the artist decided.
        source: (count,) uint8, index into :data:`SOURCES`.
        off_palette: (count,) float32, distance in OKLab (times 100) from what was proposed to the
            palette's colour; large values deserve a look.
    """

    index: np.ndarray
    confidence: np.ndarray
    source: np.ndarray
    off_palette: np.ndarray

    def taken(self, rows: np.ndarray) -> Assignment:
        """A copy of these rows (n,) int, which may come again."""
        return Assignment(
            self.index[rows], self.confidence[rows], self.source[rows], self.off_palette[rows]
        )


@dataclass(frozen=True)
class Mark:
    """A single dot on the line art.

    Attributes:
        at: (x, y) in pixels of the line art.
        colour: sRGB bytes that the region under it gets, or None: the region stays empty.
    """

    at: tuple[float, float]
    colour: tuple[int, int, int] | None


@dataclass(frozen=True)
class Marks:
    """All that the artist says about regions, in pixels of the line art.

    Attributes:
        pairs: (where on the line art, sRGB colour of the reference's region at the other end).
        hints: colour hints and "leave empty" marks.
        closing: open paths of three or more nodes, each (n, 2) float: they close gaps.
        merging: closed paths, each (n, 2) float: what they enclose becomes one region.
    """

    pairs: Sequence[tuple[tuple[float, float], tuple[int, int, int]]] = ()
    hints: Sequence[Mark] = ()
    closing: Sequence[np.ndarray] = ()
    merging: Sequence[np.ndarray] = ()
