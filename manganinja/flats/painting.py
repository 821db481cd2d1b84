# SPDX-License-Identifier: GPL-3.0-or-later
"""The network's soft shading at full resolution, inside each region, never across a line."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from .flatten import Flats
from .oklab import distance, to_oklab
from .values import EMPTY

_BAND_ROWS = 256
_TRUST = 0.05
"""Weight of the flat colour beside the proposal's pixels: decides where these say nothing."""
_SHADING = 14.0
"""OKLab distance (times 100) from the region's own colour at which a pixel of the proposal is more
likely colour that ran over from next door than shading."""
_HUE = 0.2
"""Share of a shade's hue that is kept: a network's hues stray more than its light and dark."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def painting(flats: Flats, proposal: np.ndarray) -> np.ndarray:
    """The flats with the proposal's shading, brought to the drawing's size region by region.

    Shading is by how much a pixel of the proposal differs from what its region has there on the
    whole, so that a region keeps it whatever colour an artist gives it. Between the proposal's
    pixels it is interpolated from those of the same region alone, each counted by how much of it
    lies in the region and how little it differs; where there are none, the flat colour stands. The
    paper round the drawing has no shading.

    Args:
        proposal: (h, w, 3) uint8 in the drawing's aspect.

    Returns:
        (H, W, 4) uint8, transparent where the flats are empty; locked pixels stay as they are.
    """
    out = flats.rgba()
    samples = _Samples(flats, proposal)
    for rows in _bands(len(out)):
        shaded = out[rows, :, :3] + samples.shading(rows)
        out[rows, :, :3] = np.rint(np.clip(shaded, 0, 255)).astype(np.uint8)
    out[flats.assignment.index[flats.regions.labels] == EMPTY] = 0
    return flats.with_kept(out)


def shade_and_highlight(flats: Flats, painted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What to put over flats to get the painting: a layer to multiply and one to screen.

    Args:
        painted: (H, W, 4) uint8 from :func:`painting`.

    Returns:
        Two (H, W, 3) uint8 pictures: flats * shade, and then screened with the highlight, is the
        painting up to rounding. White shade and black highlight change nothing.
    """
    flat = flats.rgba()[..., :3]
    shade, highlight = np.full_like(flat, 255), np.zeros_like(flat)
    for rows in _bands(len(flat)):
        base, wanted = (a[rows, :, :3].astype(np.float32) for a in (flat, painted))
        empty = painted[rows, :, 3:] == 0
        darker = 255 * wanted / np.maximum(base, 1)
        lighter = 255 - 255 * (255 - wanted) / np.maximum(255 - base, 1)
        shade[rows] = np.where(empty, 255, np.clip(np.rint(darker), 0, 255))
        highlight[rows] = np.where(empty, 0, np.clip(np.rint(lighter), 0, 255))
    return shade, highlight


def _bands(height: int) -> Iterator[slice]:
    for top in range(0, height, _BAND_ROWS):
        yield slice(top, min(top + _BAND_ROWS, height))


class _Samples:
    """The shading of the proposal's pixels with the region and the weight of each."""

    def __init__(self, flats: Flats, proposal: np.ndarray) -> None:
        self._labels = flats.regions.labels
        (height, width), (h, w) = self._labels.shape, proposal.shape[:2]
        rows = np.minimum(((np.arange(h) + 0.5) * height / h).astype(int), height - 1)
        columns = np.minimum(((np.arange(w) + 0.5) * width / w).astype(int), width - 1)
        self._region = self._labels[np.ix_(rows, columns)]
        nearest_rows = np.minimum((np.arange(height) + 0.5) * h / height, h - 1).astype(int)
        nearest_columns = np.minimum((np.arange(width) + 0.5) * w / width, w - 1).astype(int)
        same = self._labels == self._region[np.ix_(nearest_rows, nearest_columns)]
        purity = cv2.resize(same.astype(np.uint8) * 255, (w, h), interpolation=cv2.INTER_AREA)
        pure = np.square(purity.astype(np.float32) / 255)
        middles = _middles(proposal, self._region, pure, flats.regions.count)[self._region]
        strayed = distance(to_oklab(proposal), to_oklab(middles)) / _SHADING
        self._weight = pure * np.exp(-np.square(strayed))
        self._weight[flats.regions.background[self._region]] = 0
        self._shading = _subdued(proposal - middles.astype(np.float32))
        self._shape = (h, w)

    def shading(self, rows: slice) -> np.ndarray:
        """(r, W, 3) float32 of some rows, in levels of 255; 0 where the proposal says nothing."""
        height, width = self._labels.shape
        ys, down = _between(np.arange(rows.start, rows.stop), height, self._shape[0])
        xs, right = _between(np.arange(width), width, self._shape[1])
        wanted = self._labels[rows]
        total = np.zeros((*wanted.shape, 3), np.float32)
        weights = np.full(wanted.shape, _TRUST, np.float32)
        for y, y_share in ((ys[0], 1 - down), (ys[1], down)):
            for x, x_share in ((xs[0], 1 - right), (xs[1], right)):
                at = np.ix_(y, x)
                weight = self._weight[at] * (y_share[:, None] * x_share[None])
                weight *= self._region[at] == wanted
                weights += weight
                total += weight[..., None] * self._shading[at]
        return total / weights[..., None]


def _middles(proposal: np.ndarray, region: np.ndarray, pure: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) uint8: the proposal's colour of each region, by the median of each channel."""
    regions, weights = region.ravel(), pure.ravel()
    totals = np.bincount(regions, weights, count)
    middles = np.zeros((count, 3), np.uint8)
    for channel in range(3):
        values = proposal[..., channel].ravel()
        order = np.lexsort((values, regions))
        summed = np.cumsum(weights[order])
        before = np.concatenate([[0.0], np.cumsum(totals)])[regions[order]]
        upper = summed - before >= totals[regions[order]] / 2
        # From the last to the first, so that the first of a region's upper half stays.
        last = order[upper][::-1]
        middles[regions[last], channel] = values[last]
    return middles


def _subdued(shading: np.ndarray) -> np.ndarray:
    light = (shading @ _LUMA)[..., None]
    return light + _HUE * (shading - light)


def _between(
    places: np.ndarray, size: int, small: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """For pixels of a large picture the two of a small one beside each, and the second's share."""
    position = np.clip((places + 0.5) * small / size - 0.5, 0, small - 1)
    first = position.astype(int)
    return (first, np.minimum(first + 1, small - 1)), (position - first).astype(np.float32)
