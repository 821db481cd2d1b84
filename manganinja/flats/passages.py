# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells a break in a line from a narrow passage between two lines.

Both are narrow, and closing gaps (:mod:`.regions`) divides at either. But a line that was left open
ends there, while a passage, as between the outline of an iris and its highlight, lies beside lines
that go on. What lies on the two sides of a passage is one region: nothing was left open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from .pixels import looked_up

_AROUND = 1.3
"""How far round a gap its lines are looked at, in line widths."""
_WIDE_DEGREES = 100
"""Ink that takes so much of the circle is a line that goes on on both sides, or a black area."""
_GOING_ON = 4
"""Times that two lines which both go on cross a circle round the place where they are nearest."""
_DIRECTIONS = 180
_SQUARE = np.ones((3, 3), np.uint8)


def join_passages(labels: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """Regions on the two sides of a passage get one label.

    Args:
        labels: (H, W) int32 from 1 on, 0 under lines; what touches is divided by a closed gap.
        walls: (H, W) uint8 mask, 255 = line.
    """
    same = np.arange(int(labels.max()) + 1, dtype=np.int32)
    gaps = list(_gaps(labels))
    if not gaps:
        return labels
    width_px = line_width(walls)
    for gap in gaps:
        one, other = _root(same, gap.labels[0]), _root(same, gap.labels[1])
        if one != other and _is_passage(gap, walls, width_px):
            same[max(one, other)] = min(one, other)
    roots = np.array([_root(same, label) for label in range(len(same))], np.int32)
    return looked_up(roots, labels)


@dataclass(frozen=True)
class _Gap:
    """Where two regions touch.

    Attributes:
        labels: of the two.
        box: (left, top, right, bottom) of the pixels on both sides of the border.
        border: bool, which pixels of the box these are.
    """

    labels: tuple[int, int]
    box: tuple[int, int, int, int]
    border: np.ndarray


def _root(same: np.ndarray, label: int) -> int:
    while same[label] != label:
        label = int(same[label])
    return label


def _gaps(labels: np.ndarray) -> Iterator[_Gap]:
    """The borders between two regions; where three meet nobody can tell."""
    border = np.zeros(labels.shape, np.uint8)
    for here, there in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1),), (slice(1, None),)),
    ):
        met = (labels[here] != labels[there]) & (labels[here] > 0) & (labels[there] > 0)
        border[here] |= met
        border[there] |= met
    count, parts, stats, _ = cv2.connectedComponentsWithStats(border, connectivity=8)
    for part in range(1, count):
        left, top, width, height, _ = (int(value) for value in stats[part])
        inside = parts[top : top + height, left : left + width] == part
        found = np.unique(labels[top : top + height, left : left + width][inside])
        if len(found) == 2:
            yield _Gap(
                (int(found[0]), int(found[1])), (left, top, left + width, top + height), inside
            )


def line_width(walls: np.ndarray) -> float:
    """Of a usual line, in pixels."""
    depth = cv2.distanceTransform(walls, cv2.DIST_L2, 3)
    ridge = (depth > 0) & (depth >= cv2.dilate(depth, _SQUARE))
    return 2 * float(np.median(depth[ridge])) if ridge.any() else 1.0


def _is_passage(gap: _Gap, walls: np.ndarray, width_px: float) -> bool:
    left, top, right, bottom = gap.box
    reach = max(right - left, bottom - top) / 2 + _AROUND * width_px + 2
    middle = ((left + right - 1) / 2, (top + bottom - 1) / 2)
    margin = int(reach) + 2
    x, y = int(middle[0]) - margin, int(middle[1]) - margin
    side = 2 * margin + 2
    window = np.zeros((side, side), np.uint8)
    rows = slice(max(0, y), min(walls.shape[0], y + side))
    columns = slice(max(0, x), min(walls.shape[1], x + side))
    window[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x] = walls[
        rows, columns
    ]
    ys, xs = np.mgrid[:side, :side]
    away = np.hypot(xs - (middle[0] - x), ys - (middle[1] - y))
    window[away > reach + 1] = 0
    touched = np.zeros((side, side), np.uint8)
    touched[top - y : bottom - y, left - x : right - x] = gap.border
    touched = cv2.dilate(touched, _SQUARE)
    _, inks = cv2.connectedComponents(window, connectivity=8)
    beside = np.unique(inks[(touched > 0) & (window > 0)])
    ink = np.isin(inks, beside[beside > 0])
    angles = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
    at_x = np.rint(middle[0] - x + reach * np.cos(angles)).astype(int)
    at_y = np.rint(middle[1] - y + reach * np.sin(angles)).astype(int)
    return _crossings(ink[at_y, at_x]) >= _GOING_ON


def _crossings(seen: np.ndarray) -> int:
    """Lines that cross a circle (n,) bool; one that takes much of it counts for both its sides."""
    if seen.all():
        return _GOING_ON
    start = int(np.flatnonzero(~seen)[0])
    steps = np.diff(np.roll(seen, -start).astype(np.int8), prepend=0, append=0)
    lengths = np.flatnonzero(steps == -1) - np.flatnonzero(steps == 1)
    wide = lengths * (360 / len(seen)) > _WIDE_DEGREES
    return int(len(lengths) + wide.sum())
