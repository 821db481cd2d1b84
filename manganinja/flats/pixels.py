# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pixels of a picture say of each other: spans, and which areas touch."""

from __future__ import annotations

import cv2
import numpy as np

CODES = 1 << 24
"""Number of sRGB colours of three bytes."""
FARTHEST_PX = 12
"""Two areas with this much anti-aliasing or blur between them still touch."""

_SQUARE = np.ones((3, 3), np.uint8)


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


def unlike(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which values there are, sorted (k,); the place of each pixel's among them, of the shape of
    ``values``; and how often each is there, (k,). As ``numpy.unique``; but neighbours are mostly
    equal, so that runs are found before anything is sorted."""
    flat = values.ravel()
    if not len(flat):
        nothing = np.zeros(0, np.int64)
        return flat, nothing.reshape(values.shape), nothing
    starts = np.flatnonzero(np.concatenate([[True], flat[1:] != flat[:-1]]))
    lengths = np.diff(np.append(starts, len(flat)))
    found, of = np.unique(flat[starts], return_inverse=True)
    counts = np.bincount(of, lengths).astype(np.int64)
    return found, np.repeat(of, lengths).reshape(values.shape), counts


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
