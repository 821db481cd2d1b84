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
"""OKLab distance (times 100) from the flat at which a pixel of the proposal is more likely colour
that ran over from next door than shading."""


def painting(flats: Flats, proposal: np.ndarray) -> np.ndarray:
    """The proposal brought to the drawing's size region by region.

    Between the proposal's pixels it is interpolated from those of the same region alone, each
    counted by how much of it lies in the region and how near it is to the region's flat colour;
    where there are none, the flat colour stands.

    Args:
        proposal: (h, w, 3) uint8 in the drawing's aspect.

    Returns:
        (H, W, 4) uint8, transparent where the flats are empty; locked pixels stay as they are.
    """
    out = flats.rgba()
    samples = _Samples(flats, proposal)
    for rows in _bands(len(out)):
        out[rows, :, :3] = samples.band(rows, out[rows, :, :3])
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
    """The proposal's pixels with the region and the weight of each."""

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
        flat = flats.palette.colours[np.maximum(flats.assignment.index, 0)][self._region]
        strayed = distance(to_oklab(proposal), to_oklab(flat)) / _SHADING
        self._weight = np.square(purity.astype(np.float32) / 255) * np.exp(-np.square(strayed))
        self._colour = proposal.astype(np.float32)
        self._shape = (h, w)

    def band(self, rows: slice, flat: np.ndarray) -> np.ndarray:
        """The colours of some rows; ``flat`` (r, W, 3) uint8 where the proposal says nothing."""
        height, width = self._labels.shape
        ys, down = _between(np.arange(rows.start, rows.stop), height, self._shape[0])
        xs, right = _between(np.arange(width), width, self._shape[1])
        total = _TRUST * flat.astype(np.float32)
        weights = np.full(flat.shape[:2], _TRUST, np.float32)
        wanted = self._labels[rows]
        for y, y_share in ((ys[0], 1 - down), (ys[1], down)):
            for x, x_share in ((xs[0], 1 - right), (xs[1], right)):
                at = np.ix_(y, x)
                weight = self._weight[at] * (y_share[:, None] * x_share[None])
                weight *= self._region[at] == wanted
                weights += weight
                total += weight[..., None] * self._colour[at]
        return np.rint(total / weights[..., None]).astype(np.uint8)


def _between(
    places: np.ndarray, size: int, small: int
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """For pixels of a large picture the two of a small one beside each, and the second's share."""
    position = np.clip((places + 0.5) * small / size - 0.5, 0, small - 1)
    first = position.astype(int)
    return (first, np.minimum(first + 1, small - 1)), (position - first).astype(np.float32)
