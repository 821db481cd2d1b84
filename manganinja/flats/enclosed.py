# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mark means where no line goes all round: its surroundings, up to a straight stroke over
each opening.

From a place inside an outline with an opening, the way out is seen under some angle. On the
straight line between the two ends of the outline it is half a turn, and outside it is more. So what
has less than half a turn is what straight strokes over the openings would enclose, however wide
they are; between two legs, too, so that the angle must be the smaller, the farther the mark is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

_DIRECTIONS = 64
_LOOKED_PX = 400
"""Side of the picture that is looked at."""
_OPEN = 180.0
"""Angle from which a place lies outside, in degrees."""
_LITTLE_OPEN, _FAR_FROM_OPEN = 0.5, 3.5
"""Share of a crowd's paper that lies open, and how far that is, beside the way to the next line."""
_SMOOTH_PX = 1.5
"""Of a border that no line gives."""
_CROSS, _BOX = (
    cv2.getStructuringElement(shape, (3, 3)) for shape in (cv2.MORPH_CROSS, cv2.MORPH_RECT)
)


@dataclass(frozen=True)
class Reach:
    """How far a mark is heard that is heard nearby alone, in pixels: up to the straight line over
    an opening, and in an enclosed place."""

    open_px: float
    enclosed_px: float


class Surroundings:
    """A page as it is seen from its marks.

    Args:
        lines: (H, W), 0 where none are.
    """

    def __init__(self, lines: np.ndarray) -> None:
        self._step = max(1, int(np.ceil(max(lines.shape) / _LOOKED_PX)))
        short = [-side % self._step for side in lines.shape]
        padded = np.pad(lines > 0, [(0, more) for more in short], mode="edge")
        rows, columns = (side // self._step for side in padded.shape)
        blocks = padded.reshape(rows, self._step, columns, self._step)
        self._ink = blocks.max(axis=(1, 3)).astype(bool)
        self._openings = widest_openings(self._ink)

    def is_outside(self, at: tuple[int, int]) -> bool:
        """Whether a place (x, y) belongs to what is round the drawing: it lies behind no straight
        line over an opening; or most of what it hangs together with does, and it is far to where
        that is open, as between the figures of a crowd."""
        x, y = (int(side) // self._step for side in at)
        if self._openings[y, x] >= _OPEN:
            return True
        clear = (~self._ink).astype(np.uint8)
        _, found = cv2.connectedComponents(clear, connectivity=4)
        room = (found == found[y, x]) & (clear > 0)
        outside = room & (self._openings >= _OPEN)
        share = np.count_nonzero(outside) / max(1, np.count_nonzero(room))
        if not 0 < share <= _LITTLE_OPEN:
            return False
        to_ink = float(cv2.distanceTransform(clear, cv2.DIST_L2, 3)[y, x])
        away = self._away((x, y), Reach(np.inf, _FAR_FROM_OPEN * to_ink * self._step))
        return not np.isfinite(away[outside]).any()

    def of(self, marks: Mapping[tuple[int, int], Reach], window: tuple[slice, slice]) -> np.ndarray:
        """(h, w) int32: which mark means each place of a window of the page, from 1; 0 for none.

        Args:
            marks: (x, y) of each, and how far it is heard.
        """
        nearest = np.full(self._ink.shape, np.inf, np.float32)
        found = np.zeros(self._ink.shape, np.int32)
        for number, ((x, y), reach) in enumerate(marks.items(), start=1):
            away = self._away((x // self._step, y // self._step), reach)
            closer = away < nearest
            found[closer], nearest[closer] = number, away[closer]
        return self._enlarged(found, len(marks), window)

    def _away(self, at: tuple[int, int], reach: Reach) -> np.ndarray:
        """(h, w) float32: the way to each place that a mark means, beside its reach; else inf."""
        (x, y), beside = at, self._step / reach.open_px
        limit = max(_OPEN, float(self._openings[y, x]))
        away = np.full(self._ink.shape, np.inf, np.float32)
        front = np.zeros(self._ink.shape, np.uint8)
        front[y, x], away[y, x] = 1, 0.0
        for step in range(1, int(reach.enclosed_px / self._step) + 1):
            far = step * beside
            grown = cv2.dilate(front, _CROSS if step % 2 else _BOX)
            grown[self._ink | (self._openings > limit / max(far, 1.0))] = 0
            front[grown > 0] = 1
            new = (front > 0) & np.isinf(away)
            if not new.any():
                break
            away[new] = far
        return away

    def _enlarged(self, found: np.ndarray, marks: int, window: tuple[slice, slice]) -> np.ndarray:
        """Numbers of marks (h, w) on the page's own grid, with smooth borders between lines."""
        rows, columns = window
        top, left = rows.start // self._step, columns.start // self._step
        low, right = -(-rows.stop // self._step), -(-columns.stop // self._step)
        size = (right - left) * self._step, (low - top) * self._step
        y, x = rows.start - top * self._step, columns.start - left * self._step
        clear = _blurred(~self._ink) + 1e-6
        best = np.zeros(size[::-1], np.int32)
        most = np.full(best.shape, -1.0, np.float32)
        for mark in range(marks + 1):
            share = _blurred(np.where(self._ink, False, found == mark)) / clear
            part = np.ascontiguousarray(share[top:low, left:right])
            large = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)
            more = large > most
            best[more], most[more] = mark, large[more]
        return best[y : y + rows.stop - rows.start, x : x + columns.stop - columns.start]


def _blurred(mask: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(mask.astype(np.float32), (0, 0), _SMOOTH_PX)


def widest_openings(ink: np.ndarray) -> np.ndarray:
    """(h, w) float32: the widest angle under which each place sees no ink before the page ends, in
    degrees; ``ink`` (h, w) is a small picture of bool."""
    clear = _clear(ink.astype(np.uint8))
    longest, running = (np.zeros(ink.shape, np.int16) for _ in range(2))
    for direction in range(2 * _DIRECTIONS):
        # Twice round, for openings over the first direction.
        running = np.where(clear[direction % _DIRECTIONS], running + 1, 0).astype(np.int16)
        np.maximum(longest, running, out=longest)
    # What lies between two directions is a matter of chance.
    steps = cv2.medianBlur(np.minimum(longest, _DIRECTIONS).astype(np.uint8), 5)
    return steps * np.float32(360 / _DIRECTIONS)


def _clear(ink: np.ndarray) -> np.ndarray:
    """(directions, h, w) bool: whether no ink lies in each direction. The picture is turned, so
    that each direction is along its rows."""
    height, width = ink.shape
    side = int(np.ceil(np.hypot(height, width))) + 2
    clear = np.zeros((_DIRECTIONS, height, width), bool)
    for direction in range(_DIRECTIONS):
        turn = cv2.getRotationMatrix2D(
            ((width - 1) / 2, (height - 1) / 2), 360 * direction / _DIRECTIONS, 1.0
        )
        turn[:, 2] += (side - width) / 2, (side - height) / 2
        turned = cv2.warpAffine(ink, turn, (side, side), flags=cv2.INTER_NEAREST)
        behind = np.maximum.accumulate(turned, axis=1)
        back = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
        clear[direction] = cv2.warpAffine(behind, turn, (width, height), flags=back) == 0
    return clear
