# SPDX-License-Identifier: GPL-3.0-or-later
"""Random choices."""

from __future__ import annotations

import numpy as np


def pick(rng: np.random.Generator, **weights: float) -> str:
    """One of the names, as often as its weight says."""
    names, each = list(weights), list(weights.values())
    left = rng.random() * sum(each)
    for name, weight in zip(names, each, strict=True):
        left -= weight
        if left < 0:
            return name
    return names[-1]
