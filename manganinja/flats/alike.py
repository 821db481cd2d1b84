# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mark on one thing says of others that look like it: the other sleeve, the next button.

A mark that contradicts what is known of a region shows a mistake. Where the same mistake was made
of a region that looks the same, the mark is followed there as well, the more alike the surer. A
mark that says what is known anyway says nothing of others.
"""

from __future__ import annotations

import numpy as np

from .cells import Cells
from .hearing import Hearing
from .shapes import Shapes, unlike_each

_TRUST = 0.9
"""How sure it is of a region that looks just like the mark's."""


def followed(
    likely: np.ndarray, cells: Cells, shapes: Shapes, hearing: Hearing, said: np.ndarray
) -> np.ndarray:
    """(regions, L) likelihoods after marks on regions that look the same have been heard.

    Args:
        likely: (regions, L) what is known of each region.
        shapes: of the regions.
        said: (cells,) int, the answer of the mark that is heard in each cell, -1 for none.
    """
    whole = cells.is_one
    told = np.full(cells.regions.count, -1)
    told[cells.region_of] = said
    certain = np.zeros(len(told), bool)
    certain[cells.region_of] = hearing.sure >= 1
    untold = np.bincount(cells.region_of, said >= 0, len(told)) == 0
    best, found = likely.argmax(axis=1), likely.copy()
    alike = np.zeros(len(told))
    for mark in np.flatnonzero(whole & certain & (told != best) & (told >= 0)).tolist():
        same = np.flatnonzero(untold & whole & (best == best[mark]))
        one = shapes.take(np.full(len(same), mark))
        trust = _TRUST * np.exp(-unlike_each(shapes.take(same), one))
        more = trust > alike[same]
        rows, weight = same[more], trust[more, None]
        alike[rows] = trust[more]
        found[rows] = (1 - weight) * likely[rows]
        found[rows, told[mark]] += weight[:, 0]
    return found
