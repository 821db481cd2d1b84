# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pixels of a picture say of each other: spans, and which areas touch."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np

CODES = 1 << 24
"""Number of sRGB colours of three bytes."""
FARTHEST_PX = 12
"""Two areas with this much anti-aliasing or blur between them still touch."""
PATCH_PX = 64
"""Side of the squares in which :func:`patches` looks."""

_SQUARE = np.ones((3, 3), np.uint8)
_LARGE_PX = 1 << 20
"""What is smaller is looked up before a second thread has begun."""
_MOST_THREADS = 4
"""More would wait for the memory."""


def codes(rgb: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 as (...) uint32, 0xRRGGBB."""
    flat = np.ascontiguousarray(rgb).reshape(-1, 1, 3)
    if not len(flat):
        return np.zeros(rgb.shape[:-1], np.uint32)
    # OpenCV packs four bytes faster than numpy shifts three planes.
    packed = cv2.cvtColor(flat, cv2.COLOR_RGB2BGRA).view("<u4")
    return (packed & np.uint32(CODES - 1)).reshape(rgb.shape[:-1])


def colours(listed: np.ndarray) -> np.ndarray:
    """(N,) 0xRRGGBB as (N, 3) uint8."""
    return np.stack([listed >> 16, (listed >> 8) & 255, listed & 255], axis=-1).astype(np.uint8)


def looked_up(table: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """``table[picture]`` for a table (k,) and a picture (H, W) of numbers 0 to k - 1, by several
    threads."""
    if picture.size < _LARGE_PX:
        return table.take(picture)
    found = np.empty(picture.shape, table.dtype)

    def look(rows: slice) -> None:
        # Nothing is checked: a number that is too large would be the last one.
        table.take(picture[rows], out=found[rows], mode="clip")

    several = min(_MOST_THREADS, os.cpu_count() or 1)
    bounds = np.linspace(0, len(picture), several + 1).astype(int).tolist()
    # Begun anew each time: threads that wait do not outlive a fork.
    with ThreadPoolExecutor(several) as crowd:
        list(crowd.map(look, map(slice, bounds, bounds[1:])))
    return found


@dataclass(frozen=True)
class Runs:
    """The values of a picture, by runs of equal pixels: neighbours are mostly equal, so that little
    is left to sort.

    Attributes:
        values: (k,) the values there are, sorted.
        counts: (k,) int64, how often each is there.
    """

    values: np.ndarray
    counts: np.ndarray
    _shape: tuple[int, ...]
    _starts: np.ndarray = field(repr=False)
    _lengths: np.ndarray = field(repr=False)
    _of: np.ndarray = field(repr=False)

    @classmethod
    def of(cls, values: np.ndarray) -> Runs:
        """Those of a picture (H, W) or a list (n,)."""
        flat = values.ravel()
        changes = np.ones(len(flat), bool)
        changes[1:] = flat[1:] != flat[:-1]
        starts = np.flatnonzero(changes)
        lengths = np.diff(starts, append=len(flat))
        found, of = np.unique(flat[starts], return_inverse=True)
        counts = np.bincount(of, lengths, len(found)).astype(np.int64)
        return cls(found, counts, values.shape, starts, lengths, of)

    def counts_in(self, mask: np.ndarray) -> np.ndarray:
        """(k,) int64: how often each value is there where a mask is set."""
        if not len(self._starts):
            return self.counts
        inside = np.add.reduceat(mask.ravel().view(np.uint8), self._starts, dtype=np.int64)
        return np.bincount(self._of, inside, len(self.values)).astype(np.int64)

    def spread(self, table: np.ndarray) -> np.ndarray:
        """The picture with an entry of a table (k,) in the place of each value."""
        return np.repeat(table[self._of], self._lengths).reshape(self._shape)


def span(
    rgb: np.ndarray, square: np.ndarray = _SQUARE, anchor: tuple[int, int] = (-1, -1)
) -> np.ndarray:
    """(H, W) uint8: the largest difference of a channel within 3 x 3 or other pixels."""
    highest = cv2.dilate(rgb, square, anchor=anchor)
    spans = cv2.subtract(highest, cv2.erode(rgb, square, anchor=anchor))
    red, green, blue = cv2.split(spans)
    return cv2.max(cv2.max(red, green), blue)


def inside(mask: np.ndarray) -> np.ndarray:
    """A mask without the pixels at its edge."""
    return mask if mask.all() else cv2.erode(mask.astype(np.uint8), _SQUARE).astype(bool)


def touching(
    labels: np.ndarray, rgb: np.ndarray, slack: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Along rows, from each end of an area to the next area, with nothing but mixtures of both
    between them.

    Args:
        labels: (H, W) int, the area of each pixel, -1 for none.
        rgb: (H, W, 3) uint8.
        slack: levels that a mixture may lie beyond its ends.

    Returns:
        Row, column of the left end, and column of the right one, (n,) int64 each.
    """
    changes = labels[:, 1:] != labels[:, :-1]
    rows, left = np.nonzero(changes & (labels[:, :-1] >= 0))
    start_rows, starts = np.nonzero(changes & (labels[:, 1:] >= 0))
    width = labels.shape[1]
    following = np.searchsorted(start_rows * width + starts, rows * width + left)
    found = following < len(starts)
    rows, left, following = rows[found], left[found], following[found]
    right = starts[following] + 1
    close = (start_rows[following] == rows) & (right - left <= FARTHEST_PX)
    rows, left, right = rows[close], left[close], right[close]
    low, high = rgb[rows, left].astype(np.int16), rgb[rows, right].astype(np.int16)
    low, high = np.minimum(low, high) - slack, np.maximum(low, high) + slack
    mixed = labels[rows, left] != labels[rows, right]
    for between in range(1, FARTHEST_PX):
        colour = rgb[rows, np.minimum(left + between, right)]
        mixed &= ((colour >= low) & (colour <= high)).all(axis=1)
    return rows[mixed], left[mixed], right[mixed]


def patches(mask: np.ndarray) -> list[tuple[slice, slice]]:
    """Windows of a picture that hold what is set in a mask (H, W), with :data:`PATCH_PX` round it
    at least: what is little and far apart is looked at without the rest."""
    height, width = mask.shape
    padded = np.pad(mask, [(0, -height % PATCH_PX), (0, -width % PATCH_PX)])
    blocks = padded.reshape(padded.shape[0] // PATCH_PX, PATCH_PX, -1, PATCH_PX)
    there = np.asarray(blocks.any(axis=(1, 3)), np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(there, connectivity=8)
    found = []
    for left, top, columns, rows, _ in stats[1:count].tolist():
        y, x = max(0, top - 1) * PATCH_PX, max(0, left - 1) * PATCH_PX
        low, right = (top + rows + 1) * PATCH_PX, (left + columns + 1) * PATCH_PX
        found.append((slice(y, min(height, low)), slice(x, min(width, right))))
    return found
