# SPDX-License-Identifier: GPL-3.0-or-later
"""A line's end that misses its region by some pixels means the nearest one that it fits.

An end at the very edge of a wide region that is known to be something else, beside a region that
is known to have the line's colour, was meant for that one. Nobody marks a wide region at its edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from .assign import region_at
from .cells import Cells
from .hearing import Place, way_to_line
from .values import Marks, Palette

_REACH = 0.006
"""How far an end may miss, as a share of the page's diagonal."""
_LEAST_REACH_PX = 3.0
_WIDE = 3.0
"""Reaches across, from which on a region is wide."""
_FITS, _UNFIT = 0.5, 0.2
"""How likely the end's colour is, at least, where it is meant; and, at most, where it lies."""


def fitted(
    marks: Marks, cells: Cells, likely: np.ndarray, palette: Palette
) -> tuple[Marks, Mapping[Place, Place], list[str]]:
    """Marks whose pairs lie where they are meant.

    Args:
        likely: (regions, L) how likely each region has each answer: colours of the palette, empty,
            none of these.

    Returns:
        The marks, where each pair that was moved lies now, and a sentence about these.
    """
    entry_of = {colour: at for at, colour in enumerate(map(tuple, palette.colours.tolist()))}
    moved: dict[Place, Place] = {}
    for at, colour in marks.pairs:
        entry = entry_of.get(tuple(colour))
        place = None if entry is None else _meant(at, entry, cells, likely)
        if place is not None:
            moved[at] = place
    if not moved:
        return marks, moved, []
    pairs = [(moved.get(at, at), colour) for at, colour in marks.pairs]
    named = ", ".join(
        f"({at[0]:.0f}, {at[1]:.0f}) to ({to[0]:.0f}, {to[1]:.0f})" for at, to in moved.items()
    )
    note = (
        f"Just beside the region that they fit, and taken for that: lines that end at {named}. "
        "Move an end well into a region if it means that one."
    )
    return replace(marks, pairs=pairs), moved, [note]


def _meant(at: Place, entry: int, cells: Cells, likely: np.ndarray) -> Place | None:
    """A place in the region that a pair of this entry is meant for, or None where it lies in it."""
    regions = cells.regions
    region = region_at(regions, at)
    if region is None or likely[region, entry] > _UNFIT or likely[region].max() < _FITS:
        return None
    reach = max(_LEAST_REACH_PX, _REACH * float(np.hypot(*regions.size_px)))
    x, y = int(at[0]), int(at[1])
    own = np.flatnonzero(cells.region_of[np.maximum(cells.cell_of, 0)] == region)
    own = own[cells.cell_of[own] >= 0]
    widest = float(cells.blobs.radius[own].max(initial=0.0)) * cells.blobs.scale
    if 2 * widest < _WIDE * reach or way_to_line(regions.lines, (x, y)) > reach:
        return None
    far = int(3 * reach)
    top, left = max(0, y - far), max(0, x - far)
    window = np.s_[top : y + far + 1, left : x + far + 1]
    fits = (likely[:, entry] >= _FITS)[regions.labels[window]] & (regions.lines[window] == 0)
    rows, columns = np.nonzero(fits)
    away = np.hypot(rows + top - y, columns + left - x)
    if not len(away) or away.min() > far:
        return None
    best = int(away.argmin())
    return float(columns[best]) + left + 0.5, float(rows[best]) + top + 0.5
