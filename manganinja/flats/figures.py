# SPDX-License-Identifier: GPL-3.0-or-later
"""Which regions make up a figure: what is drawn and hangs together on the paper."""

from __future__ import annotations

import numpy as np

from .assign import hang_together, neighbours
from .values import Regions

_LEAST_SHARE = 0.02
"""Of the largest figure's area; smaller things, such as sparks, make up one group together."""


def figures(regions: Regions) -> np.ndarray:
    """(count,) int: the figure that each region belongs to, from 1, the largest first; 0 for the
    paper. The last one may be all the small things on the page."""
    drawn = ~regions.background & (regions.areas_px > 0)
    pairs, _ = neighbours(regions, drawn)
    group = hang_together(regions.count, pairs[drawn[pairs].all(axis=1)])
    return _numbered(regions, group, drawn)


def _numbered(regions: Regions, group: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    sizes = np.bincount(group[drawn], regions.areas_px[drawn], regions.count)
    order = np.argsort(-sizes, kind="stable")
    large = order[(sizes[order] > 0) & (sizes[order] >= _LEAST_SHARE * sizes.max(initial=0))]
    number = np.full(regions.count, len(large) + 1)
    number[large] = np.arange(1, len(large) + 1)
    return np.where(drawn, number[group], 0)
