# SPDX-License-Identifier: GPL-3.0-or-later
"""What regions look like: of line art, and of a reference whose flats are known."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import cv2
import numpy as np

from .assign import neighbours
from .palette import ReferenceFlats, flat_labels
from .regions import nearest_label
from .values import EMPTY, Regions

_MOST_SAMPLES = 3_000_000
"""Pixels of a picture that are looked at, about."""
_SPECKS_PX = (9, 4)
"""Smaller parts of a reference, rims left out, are noise: of a painted one, of an exact one."""
_RADII = np.array([0.2, 0.35, 0.5, 0.7, 0.95])
"""Distances from the middle, in roots of the area, between the bins of a radial histogram."""
_LEAST_SHARE = 0.03
"""Of a border, for a neighbour that counts."""
_CELLS = 7
_CELL = 0.4
"""Side of a cell of the coarse picture of a region, in roots of its area."""


@dataclass(frozen=True)
class Shapes:
    """Descriptions of regions, a row each.

    Attributes:
        centres: (n, 2) float, x and y of the middle.
        areas: (n,) float, pixels that no line covers.
        radial: (n, 6) float, share of the pixels in each ring round the middle: the same however a
            region is turned or mirrored.
        coarse: (n, 7, 7) float, share of the pixels in each cell round the middle.
        elongation: (n,) float, logarithm of length over width.
        paper: (n,) float, share of the border that is shared with the paper round the drawing.
        cut: (n,) bool, regions that the picture's edge cuts off.
        background: (n,) bool, the paper itself.
        degree: (n,) float, logarithm of 1 + the number of neighbours that count.
        enclosed: (n,) float, largest share of the border that one neighbour has.
        outline: (n,) float, logarithm of the border's length in roots of the area: fingers have
            much of it.
    """

    centres: np.ndarray = field(repr=False)
    areas: np.ndarray = field(repr=False)
    radial: np.ndarray = field(repr=False)
    coarse: np.ndarray = field(repr=False)
    elongation: np.ndarray = field(repr=False)
    paper: np.ndarray = field(repr=False)
    cut: np.ndarray = field(repr=False)
    background: np.ndarray = field(repr=False)
    degree: np.ndarray = field(repr=False)
    enclosed: np.ndarray = field(repr=False)
    outline: np.ndarray = field(repr=False)

    @property
    def count(self) -> int:
        """Number of regions."""
        return len(self.areas)

    def cells(self) -> np.ndarray:
        """(n, 49) complex: the middles of the cells of ``coarse``."""
        steps = _CELL * (np.arange(_CELLS) - (_CELLS - 1) / 2)
        grid = (steps[None] + 1j * steps[:, None]).ravel()
        return self.at[:, None] + np.sqrt(self.areas)[:, None] * grid

    @property
    def at(self) -> np.ndarray:
        """(n,) complex: the middles."""
        return self.centres[:, 0] + 1j * self.centres[:, 1]

    def take(self, rows: np.ndarray) -> Shapes:
        """These regions alone."""
        return Shapes(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True)
class Borders:
    """Which regions touch.

    Attributes:
        count: number of regions.
        pairs: (m, 2) int64, regions that touch, each pair both ways.
        shares: (m,) float, the share of the first one's border that it has with the second.
    """

    count: int
    pairs: np.ndarray = field(repr=False)
    shares: np.ndarray = field(repr=False)

    def around(self, colours: np.ndarray) -> np.ndarray:
        """(n, K): what is round each region, where ``colours`` (n, K) are the regions'."""
        found = np.zeros(colours.shape)
        for entry in range(colours.shape[1]):
            weights = self.shares * colours[self.pairs[:, 1], entry]
            found[:, entry] = np.bincount(self.pairs[:, 0], weights, self.count)
        return found


def describe(regions: Regions) -> tuple[Shapes, Borders]:
    """The shapes of all regions, in one look at the picture, and which of them touch."""
    stride = max(1, round(np.sqrt(regions.labels.size / _MOST_SAMPLES)))
    labels = regions.labels[::stride, ::stride]
    free = regions.lines[::stride, ::stride] == 0
    count = regions.count
    ys, xs = np.nonzero(free)
    here = labels[free]
    x, y = (xs + 0.5) * stride, (ys + 0.5) * stride
    seen = np.maximum(np.bincount(here, minlength=count), 1)
    centres = np.stack([_sums(here, x, count), _sums(here, y, count)], axis=1) / seen[:, None]
    x, y = x - centres[here, 0], y - centres[here, 1]
    side = stride * np.sqrt(seen)
    xx, xy, yy = (_sums(here, v, count) / seen / side**2 for v in (x * x, x * y, y * y))
    spread, middle = np.hypot((xx - yy) / 2, xy), (xx + yy) / 2
    long, short = middle + spread, np.maximum(middle - spread, 1e-3)
    x, y = x / side[here], y / side[here]
    ring = np.digitize(np.hypot(x, y), _RADII)
    column, row = (np.clip(np.floor(v / _CELL + _CELLS / 2), 0, _CELLS - 1) for v in (x, y))
    cell = (row * _CELLS + column).astype(np.int64)
    pairs, border = neighbours(regions, np.ones(count, bool))
    whole = np.bincount(pairs[:, 0], border, count)
    shares = border / np.maximum(whole[pairs[:, 0]], 1)
    on_paper = regions.background[pairs[:, 1]]
    enclosed = np.zeros(count)
    np.maximum.at(enclosed, pairs[:, 0], shares)
    shapes = Shapes(
        centres,
        regions.areas_px.astype(np.float64),
        _histogram(here, ring, count, len(_RADII) + 1) / seen[:, None],
        (_histogram(here, cell, count, _CELLS**2) / seen[:, None]).reshape(-1, _CELLS, _CELLS),
        0.5 * np.log(np.maximum(long, 1e-3) / short),
        np.bincount(pairs[:, 0], shares * on_paper, count),
        _cut(regions),
        regions.background,
        np.log1p(np.bincount(pairs[shares > _LEAST_SHARE, 0], minlength=count)),
        enclosed,
        np.log((whole + 1) / np.sqrt(np.maximum(regions.areas_px, 1))),
    )
    return shapes, Borders(count, pairs, shares)


def _sums(labels: np.ndarray, values: np.ndarray, count: int) -> np.ndarray:
    return np.bincount(labels, values, count)


def _histogram(labels: np.ndarray, bins: np.ndarray, count: int, size: int) -> np.ndarray:
    return np.bincount(labels * np.int64(size) + bins, minlength=count * size).reshape(-1, size)


def _cut(regions: Regions) -> np.ndarray:
    edges = [(regions.labels[place], regions.lines[place]) for place in (0, -1)]
    edges += [(regions.labels[:, place], regions.lines[:, place]) for place in (0, -1)]
    along = np.concatenate([labels[lines == 0] for labels, lines in edges])
    return np.bincount(along, minlength=regions.count) > 0


def unlike_each(one: Shapes, other: Shapes) -> np.ndarray:
    """(n,): how unlike the shapes of two rows are, mirrored or not."""
    rings = np.abs(one.radial - other.radial).sum(axis=1)
    coarse = np.minimum(
        np.abs(one.coarse - other.coarse).sum(axis=(1, 2)),
        np.abs(one.coarse - other.coarse[:, :, ::-1]).sum(axis=(1, 2)),
    )
    # A region may be all lines, with no free pixel.
    size = np.abs(np.log(np.maximum(one.areas, 1) / np.maximum(other.areas, 1)))
    return 1.2 * (rings + coarse) + 2 * size + 0.8 * np.abs(one.elongation - other.elongation)


def cut_reference(reference: np.ndarray, flats: ReferenceFlats) -> tuple[Regions, np.ndarray]:
    """The regions of a reference: connected parts of one flat colour.

    Args:
        reference: (H, W, 4) uint8.
        flats: what :func:`.palette.extract_palette` says of it.

    Returns:
        Its regions (of a picture that may be smaller), and for each the index of its colour in the
        reference's palette, or EMPTY where it is transparent.
    """
    stride = int(np.ceil(np.sqrt(reference.shape[0] * reference.shape[1] / _MOST_SAMPLES)))
    picture = np.ascontiguousarray(reference[::stride, ::stride])
    colours = flat_labels(picture, flats)
    colours = np.where((colours < 0) & (picture[..., 3] < 128), len(flats.palette), colours)
    # A pixel like its neighbours above and to the left: parts of two colours never touch.
    alike = colours >= 0
    alike[:, 1:] &= colours[:, 1:] == colours[:, :-1]
    alike[1:] &= colours[1:] == colours[:-1]
    _, parts, stats, _ = cv2.connectedComponentsWithStats(
        alike.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    kept = stats[:, cv2.CC_STAT_AREA] >= _SPECKS_PX[flats.exact]
    kept[0] = False
    number = np.where(kept, np.cumsum(kept), 0).astype(np.int32)
    labels = number[np.asarray(parts, np.intp)]
    if not kept.any():
        labels = np.ones_like(labels)
    count = max(1, int(kept.sum()))
    of_part = np.full(count, EMPTY, np.int32)
    of_part[labels[labels > 0] - 1] = colours[labels > 0]
    labels = nearest_label(labels) - 1
    # Pixels at the rim of a part belong to it as well.
    lines = np.where(of_part[labels] == colours, np.uint8(0), np.uint8(255))
    of_part[of_part == len(flats.palette)] = EMPTY
    areas = np.bincount(labels[lines == 0], minlength=count).astype(np.int64)
    paper = EMPTY if flats.background is None else flats.background
    background = _on_edge(labels, count) & (of_part == paper)
    return Regions(labels, lines, areas, background, np.arange(count, dtype=np.int32)), of_part


def _on_edge(labels: np.ndarray, count: int) -> np.ndarray:
    along = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    return np.bincount(along, minlength=count) > 0
