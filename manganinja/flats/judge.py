# SPDX-License-Identifier: GPL-3.0-or-later
"""Small fitted functions: how likely something is, from a few figures that are known of it.

One hidden layer, in a JSON file beside this one, so that a fit changes a file and no code.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

import numpy as np


@dataclass(frozen=True)
class Judge:
    """A perceptron with one hidden layer of tanh.

    Attributes:
        features: names of what it looks at.
        mean, deviation: (f,) float, of what it was fitted on.
        hidden: (f + 1, h) float; the last row is added.
        out: (h + 1,) float; the last is added.
    """

    features: tuple[str, ...]
    mean: np.ndarray = field(repr=False)
    deviation: np.ndarray = field(repr=False)
    hidden: np.ndarray = field(repr=False)
    out: np.ndarray = field(repr=False)

    def logits(self, evidence: np.ndarray) -> np.ndarray:
        """(n,) logits of (n, f) evidence."""
        scaled = (evidence - self.mean) / self.deviation
        inner = np.tanh(scaled @ self.hidden[:-1] + self.hidden[-1])
        return inner @ self.out[:-1] + self.out[-1]

    def likely(self, evidence: np.ndarray) -> np.ndarray:
        """(n,) likelihoods, 0 to 1, of (n, f) evidence."""
        return 1 / (1 + np.exp(-np.clip(self.logits(evidence), -30, 30)))


@cache
def load_judge(name: str, features: Sequence[str]) -> Judge:
    """The fitted function ``name``.json, which must be about these features."""
    table = json.loads(files("manganinja.flats").joinpath(f"{name}.json").read_text("utf-8"))
    if table["features"] != list(features):
        raise ValueError(f"{name}.json was fitted for other features: fit it again.")
    values = (np.array(table[key], np.float64) for key in ("mean", "deviation", "hidden", "out"))
    return Judge(tuple(features), *values)
