# SPDX-License-Identifier: GPL-3.0-or-later
"""Panels of a comic page: each is a page of its own, with its own ground."""

from __future__ import annotations

import cv2
import numpy as np

_LOOKED_PX = 600
"""Side of the picture that frames are looked for in."""
_LEAST_PANEL, _LEAST_TOGETHER = 0.03, 0.5
"""Share of the page that a panel has, and all of them together."""
_RECTANGULAR = 0.95
"""Share of its bounding box that a panel has."""
_LEAST_GROUND = 0.15
"""Share of a panel that a ground has which lies along all of its frame."""
_ALONG, _ALONG_EACH = 0.75, 0.4
"""Share of a frame that such a ground lies along, and of each side of it."""
_BESIDE = 0.9
"""Share of what lies outside along a frame that is paper, another panel or the page's end."""
_FEWEST_INSIDE = 3
"""Regions of a panel with something drawn in it."""

Box = tuple[int, int, int, int]
"""Top and left, and where it ends below and to the right."""


def on_edge(labels: np.ndarray, free: np.ndarray, count: int) -> np.ndarray:
    """(count,) bool: regions that hold a corner of a picture and at least an eighth of its edge.

    Args:
        labels: (H, W) int, the region of each pixel.
        free: (H, W) bool, where no line is.
    """
    edges = [(labels[at], free[at]) for at in (0, -1)]
    edges += [(labels[:, at], free[:, at]) for at in (0, -1)]
    along = np.concatenate([edge[clear] for edge, clear in edges])
    shares = np.bincount(along, minlength=count) / max(1, sum(len(edge) for edge, _ in edges))
    corners = np.zeros(count, bool)
    corners[[labels[0, 0], labels[0, -1], labels[-1, 0], labels[-1, -1]]] = True
    return corners & (shares >= 1 / 8)


def grounds(labels: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """(count,) bool: regions that are to a panel what paper is to a page, and the paper between
    panels.

    Args:
        labels: (H, W) int, the region of each pixel.
        paper: (count,) bool, the paper round all that is drawn.
    """
    step = max(1, -(-max(labels.shape) // _LOOKED_PX))
    small = np.ascontiguousarray(labels[step // 2 :: step, step // 2 :: step])
    found = np.zeros(len(paper), bool)
    boxes = _innermost([*_apart(small, paper), *_filled(small, paper)])
    covered = np.zeros(small.shape, bool)
    for top, left, low, right in boxes:
        covered[top:low, left:right] = True
    if covered.mean() < _LEAST_TOGETHER:
        return found
    for top, left, low, right in boxes:
        # The frame itself may not be quite straight.
        inside = small[top + 1 : low - 1, left + 1 : right - 1]
        if len(np.unique(inside)) >= _FEWEST_INSIDE:
            found |= on_edge(inside, np.ones(inside.shape, bool), len(paper))
    if found.any():
        found |= _at_end(small, len(paper)) & ~_within(small, covered, len(paper))
    return found


def _innermost(boxes: list[Box]) -> list[Box]:
    """Without those that are panels put together, which share their frames."""

    def is_of(part: Box, whole: Box) -> bool:
        return _holds(whole, part) and 2 * _area(part) < _area(whole)

    return [box for box in boxes if not any(is_of(other, box) for other in boxes)]


def _holds(one: Box, other: Box) -> bool:
    """Whether a rectangle lies in another that is larger."""
    inside = one[0] <= other[0] and one[1] <= other[1] and one[2] >= other[2] and one[3] >= other[3]
    return inside and one != other


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _apart(small: np.ndarray, paper: np.ndarray) -> list[Box]:
    """Rectangles with paper all round."""
    if not paper.any():
        return []
    drawn = (~paper)[small].astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(drawn, connectivity=4)
    found = []
    for left, top, width, height, area in stats[1:].tolist():
        box = width * height
        if box >= _LEAST_PANEL * small.size and area >= _RECTANGULAR * box and _is_wide(box, width):
            found.append((top, left, top + height, left + width))
    return found


def _is_wide(box: int, width: int) -> bool:
    return min(width, box // width) >= 8


def _filled(small: np.ndarray, paper: np.ndarray) -> list[Box]:
    """Rectangles that one region lies along from inside, with nothing round them but paper, others
    of them, and what reaches the page's end."""
    count = len(paper)
    areas = np.bincount(small.ravel(), minlength=count)
    large = (areas >= _LEAST_PANEL * _LEAST_GROUND * small.size) & ~paper
    framed = {
        region: box
        for region in np.flatnonzero(large).tolist()
        if (box := _framed(small, region, int(areas[region]))) is not None
    }
    fits = paper | _at_end(small, count)
    found = []
    for box in framed.values():
        # A rectangle on another one's ground is a thing.
        around = fits.copy()
        around[[region for region, other in framed.items() if not _holds(other, box)]] = True
        if _beside(small, box, around) >= _BESIDE:
            found.append(box)
    return found


def _framed(small: np.ndarray, region: int, area: int) -> Box | None:
    left, top, width, height = cv2.boundingRect((small == region).astype(np.uint8))
    box = width * height
    if box < _LEAST_PANEL * small.size or area < _LEAST_GROUND * box or not _is_wide(box, width):
        return None
    inner = small[top : top + height, left : left + width] == region
    sides = [inner[1], inner[-2], inner[:, 1], inner[:, -2]]
    along = sum(np.count_nonzero(side) for side in sides) / sum(len(side) for side in sides)
    if along < _ALONG or min(float(side.mean()) for side in sides) < _ALONG_EACH:
        return None
    return top, left, top + height, left + width


def _beside(small: np.ndarray, box: Box, fits: np.ndarray) -> float:
    """Share of the pixels round a rectangle, as far as they are on the page, that fit."""
    top, left, low, right = box
    rows, columns = slice(max(0, top - 1), low + 1), slice(max(0, left - 1), right + 1)
    ring = [small[row, columns] for row in (top - 1, low) if 0 <= row < small.shape[0]]
    ring += [small[rows, column] for column in (left - 1, right) if 0 <= column < small.shape[1]]
    return float(fits[np.concatenate(ring)].mean()) if ring else 1.0


def _at_end(small: np.ndarray, count: int) -> np.ndarray:
    """(count,) bool: what reaches the page's end."""
    ends = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    return np.bincount(ends, minlength=count) > 0


def _within(small: np.ndarray, covered: np.ndarray, count: int) -> np.ndarray:
    """(count,) bool: what lies mostly in panels."""
    inside = np.bincount(small[covered], minlength=count)
    return 2 * inside > np.bincount(small.ravel(), minlength=count)
