# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures that end without a line, as head and shoulders often do: the lines stop at one height,
and nothing is drawn across.

No rule of line art tells such an end from the space between two legs. The reference does: where it
ends straight and without a line as well, on the same side, the line art's ends are joined as if the
artist had closed them with a stroke.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator

import cv2
import numpy as np

from .palette import Colour
from .passages import line_width
from .pixels import looked_up

BOTTOM, LEFT, TOP, RIGHT = range(4)
"""Sides, as quarter turns that bring each to the bottom."""
NAMES = ("bottom", "left", "top", "right")

_SLACK = 0.03
"""How far ends lie off one line, beside the figure's height."""
_LEAST_BARE = 0.5
"""Share of its width over which a reference ends without a line."""
_LEAST_OPEN = 0.25
"""Share of its width over which the line art does."""
_STROKE, _STROKES = 2.5, 3.6
"""How wide the end of a stroke is, and of two that lie side by side, in line widths; a foot or a
chin is wider."""
_DIRT = 4.0
"""What is no dirt has so many squares of a line's width."""
_INSIDE = (0.02, 0.06)
"""How far inside an edge its colour is looked at again, beside the figure's height; the bolder of
lines end between."""
_SAME_LEVELS = 24
"""Of one colour along an edge; painted ones are shaded."""


def bare_sides(picture: np.ndarray, paper: Colour | None) -> frozenset[int]:
    """The sides on which what is painted in a reference ends straight and without a line.

    Args:
        picture: (H, W, 4) uint8.
        paper: the colour round the figures, if they are not on nothing.
    """
    figure = picture[..., 3] >= 128
    if paper is not None:
        figure &= (picture[..., :3] != paper).any(axis=2)
    if not figure.any():
        return frozenset()
    return frozenset(
        side
        for side in range(4)
        if _is_bare(np.rot90(picture[..., :3], side), np.rot90(figure, side))
    )


def _is_bare(rgb: np.ndarray, figure: np.ndarray) -> bool:
    """Whether a figure (h, w) bool ends so at the bottom."""
    rows, columns = np.flatnonzero(figure.any(axis=1)), np.flatnonzero(figure.any(axis=0))
    lowest = len(figure) - 1 - figure[::-1].argmax(axis=0)
    height = rows[-1] - rows[0] + 1
    near = columns[lowest[columns] >= rows[-1] - _SLACK * height]
    # Where a line, thin or bold, would be, and what it would bound.
    up = [1, 2, 3, *(round(share * height) for share in _INSIDE)]
    seen = np.stack([rgb[np.maximum(lowest[near] - far, 0), near] for far in up])
    same = np.ptp(seen.astype(np.int16), axis=0).max(axis=1) <= _SAME_LEVELS
    return bool(same.sum() >= _LEAST_BARE * (columns[-1] - columns[0] + 1))


def open_sides(lines: np.ndarray) -> dict[int, list[np.ndarray]]:
    """The sides on which a drawing's lines just end, away from the page's edge, and the paths
    (n, 2) float that join these ends.

    Args:
        lines: (H, W) uint8 mask, 255 = line.
    """
    width_px = line_width(lines)
    _, found, stats, _ = cv2.connectedComponentsWithStats(lines, connectivity=8)
    drawn = stats[:, cv2.CC_STAT_AREA] >= _DIRT * width_px**2
    drawn[0] = False
    ink = looked_up(drawn, np.asarray(found))
    paths = {}
    for side in range(4):
        joined = [
            _turned_back(path, side, lines.shape) for path in _across(np.rot90(ink, side), width_px)
        ]
        if joined:
            paths[side] = joined
    return paths


def _across(ink: np.ndarray, width_px: float) -> list[np.ndarray]:
    """Paths along the bottom of ink (h, w) bool, from the end of one stroke to the next; none where
    these ends are no such side."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows) or rows[-1] >= len(ink) - 2:
        return []
    band = max(1.5 * width_px, _SLACK * (rows[-1] - rows[0] + 1))
    low = ink[max(0, int(rows[-1] - band)) : rows[-1] + 1]
    ends = list(_runs(np.asarray(low.any(axis=0))))
    open_px, paths = 0, []
    for one, other in itertools.pairwise(ends):
        narrow, wide = sorted((one[1] - one[0], other[1] - other[0]))
        if narrow <= _STROKE * width_px and wide <= _STROKES * width_px:
            open_px += other[0] - one[1]
            paths.append(np.array([_tip(low, rows[-1], run) for run in (one, other)]))
    return paths if open_px >= _LEAST_OPEN * (columns[-1] - columns[0] + 1) else []


def _runs(inked: np.ndarray) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of columns (w,) bool."""
    steps = np.diff(inked.astype(np.int8), prepend=0, append=0)
    yield from zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist())


def _tip(low: np.ndarray, last: int, run: tuple[int, int]) -> tuple[float, float]:
    """The lowest place (x, y) of a run of columns in the lowest rows, which end at ``last``."""
    own = low[:, run[0] : run[1]]
    row = int(np.flatnonzero(own.any(axis=1))[-1])
    return run[0] + float(np.flatnonzero(own[row]).mean()), float(last - len(low) + 1 + row)


def _turned_back(path: np.ndarray, side: int, shape: tuple[int, ...]) -> np.ndarray:
    """A path (n, 2) of a picture turned by ``side`` quarters on the picture itself."""
    (height, width), (x, y) = shape[:2], path.T
    places = ((x, y), (width - 1 - y, x), (width - 1 - x, height - 1 - y), (y, height - 1 - x))
    return np.stack(places[side], axis=1)


def note(sides: Collection[int]) -> str:
    """A sentence for the artist about sides that were closed."""
    named = " and ".join(NAMES[side] for side in sorted(sides))
    return (
        f"The lines end at the {named} as the reference does, without a line across: they were "
        "joined by a straight one. A point without a colour leaves what it encloses empty."
    )
