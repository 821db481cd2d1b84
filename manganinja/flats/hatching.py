# SPDX-License-Identifier: GPL-3.0-or-later
"""Hatching is one thing: the slivers between its strokes become one region.

A sliver is narrow, beside the line's width, and long. Many of them side by side, as wide and turned
the same way, are hatching; so are the scraps that its strokes cut off where it ends. A striped
sleeve has wider stripes, or fewer.
"""

from __future__ import annotations

import cv2
import numpy as np

from .assign import hang_together, neighbours
from .passages import line_width
from .pixels import looked_up
from .regions import backgrounds
from .values import Regions

_WIDEST = 4.0
"""Of a sliver, in line widths; a pixel on either side may belong to the stroke."""
_LONGER = 3.0
"""How much longer than wide a sliver is."""
_ALIKE = 1.5
"""How much wider one sliver may be than the next."""
_TURNED_DEGREES = 12
_LEAST_BESIDE = 0.25
"""Share of a sliver's border that it has with the next."""
_FEWEST = 6
"""Slivers side by side."""
_SCRAP_BESIDE = 0.5
"""Share of a scrap's border that it has with the hatching."""
_LARGEST_SCRAP = 1.5
"""Of a scrap, beside a usual sliver."""
_SQUARE = np.ones((3, 3), np.uint8)


def join_hatching(regions: Regions) -> Regions:
    """The same regions, each hatched area one of them."""
    wide = _widths(regions)
    narrow = (wide <= _WIDEST * line_width(regions.lines) + 2) & ~regions.background
    narrow &= regions.areas_px <= regions.labels.size / 50
    if np.count_nonzero(narrow) < _FEWEST:
        return regions
    long, angle = _strips(regions, wide, narrow)
    sliver = narrow & (long >= _LONGER * wide)
    if np.count_nonzero(sliver) < _FEWEST:
        return regions
    pairs, shared = neighbours(regions, sliver)
    whole = np.bincount(pairs[:, 0], shared, regions.count)
    one, other = pairs.T
    turned = np.abs((angle[one] - angle[other] + np.pi / 2) % np.pi - np.pi / 2)
    alike = np.abs(np.log(wide[one] / wide[other])) < np.log(_ALIKE)
    beside = shared >= _LEAST_BESIDE * whole[one]
    joined = sliver[other] & alike & beside & (turned < np.radians(_TURNED_DEGREES))
    kept = pairs[joined]
    group = hang_together(regions.count, np.concatenate([kept, kept[:, ::-1]]))
    sizes = np.bincount(group[sliver], minlength=regions.count)
    hatched = sliver & (sizes[group] >= _FEWEST)
    if not hatched.any():
        return regions
    roots = np.unique(group[hatched])
    return _merged(regions, _with_scraps(regions, group, hatched), roots)


def _widths(regions: Regions) -> np.ndarray:
    """(count,) float: how wide each region is at its widest place."""
    depth = cv2.distanceTransform(cv2.bitwise_not(regions.lines), cv2.DIST_L2, 3)
    ridge = (depth > 0) & (depth >= cv2.dilate(depth, _SQUARE))
    deepest = np.full(regions.count, 0.5)
    np.maximum.at(deepest, regions.labels[ridge], depth[ridge])
    return np.maximum(2 * deepest - 1, 1.0)


def _strips(regions: Regions, wide: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(count,) each, of those that are ``asked`` for: how long a region is if it were a strip of
    its width, and how it is turned, in radians."""
    count = regions.count
    ys, xs = np.nonzero(asked[regions.labels] & (regions.lines == 0))
    of = regions.labels[ys, xs]
    seen = np.maximum(np.bincount(of, minlength=count), 1)
    x, y = (v - (np.bincount(of, v, count) / seen)[of] for v in (xs, ys))
    xx, yy, xy = (np.bincount(of, v, count) for v in (x * x, y * y, x * y))
    return np.where(asked, seen / wide, 0.0), 0.5 * np.arctan2(2 * xy, xx - yy)


def _with_scraps(regions: Regions, group: np.ndarray, hatched: np.ndarray) -> np.ndarray:
    """(count,) int: equal for what is one hatched area, its scraps included."""
    root = np.arange(regions.count)
    root[hatched] = group[hatched]
    usual = np.zeros(regions.count)
    for number in np.unique(group[hatched]):
        usual[number] = np.median(regions.areas_px[hatched & (group == number)])
    for _ in range(2):
        free = (root == np.arange(regions.count)) & ~hatched & ~regions.background
        pairs, shared = neighbours(regions, free)
        if not len(pairs):
            break
        whole = np.bincount(pairs[:, 0], shared, regions.count)
        to = root[pairs[:, 1]]
        codes = pairs[:, 0] * regions.count + to
        found, of = np.unique(codes, return_inverse=True)
        border = np.bincount(of, shared)
        scrap, target = found // regions.count, found % regions.count
        fits = (usual[target] > 0) & (border >= _SCRAP_BESIDE * whole[scrap])
        fits &= regions.areas_px[scrap] <= _LARGEST_SCRAP * usual[target]
        root[scrap[fits]] = target[fits]
    return root


def _merged(regions: Regions, root: np.ndarray, roots: np.ndarray) -> Regions:
    """Regions of one root as one; the strokes inside ``roots`` are no lines any more."""
    kept, of = np.unique(root, return_inverse=True)
    labels = looked_up(of.astype(np.int32), regions.labels)
    hatched = np.isin(kept, roots)
    side = 2 * int(np.ceil(line_width(regions.lines))) + 1
    around = np.ones((side, side), np.uint8)
    numbers = labels.astype(np.float32)
    inside = hatched[labels] & (cv2.erode(numbers, around) == cv2.dilate(numbers, around))
    lines = regions.lines.copy()
    lines[inside] = 0
    areas = np.bincount(labels[lines == 0], minlength=len(kept)).astype(np.int64)
    background = backgrounds(labels, lines, len(kept))
    return Regions(labels, lines, areas, background, regions.rooms[kept])
