# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's opinion of regions and what the reference's own regions say, as one likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Joining:
    """How much each word counts; fitted by ``python -m benchmarks.joining_fit``.

    Likelihoods are multiplied, each to a power of its own: two independent witnesses that say the
    same make it surer than either is.

    Attributes:
        likely: power of what the reference's regions say.
        network: of the network's opinion.
        none: added to the logarithm for "none of these colours".
        floor: what nobody believes in is still so likely.
    """

    likely: float
    network: float
    none: float
    floor: float = 0.003


FITTED = Joining(likely=1.1, network=1.81, none=0.58)

_NO_DOUBT = 0.8
_EXPECTED, _PRIOR_ROWS = 0.7, 1
"""What to think of a network before regions have been compared, and for how many that counts."""


def agreement(opinion: np.ndarray, likely: np.ndarray) -> float:
    """How much a network is for the colours of which the reference's regions leave no doubt, 0 to
    1: so good is its word about the others. Pairs and the paper (1) are no test of it."""
    best = likely.max(axis=1, initial=0)
    rows = np.flatnonzero((best >= _NO_DOUBT) & (best < 1))
    agreed = opinion[rows, likely[rows].argmax(axis=1)].sum()
    return float((agreed + _EXPECTED * _PRIOR_ROWS) / (len(rows) + _PRIOR_ROWS))


def joined(opinion: np.ndarray, likely: np.ndarray, how: Joining = FITTED) -> np.ndarray:
    """(count, K) how likely each region has each answer, "empty" among them; what is missing to 1
    is for none.

    Args:
        opinion: (count, K) the network's, rows of 1 or of nothing.
        likely: (count, K) of the reference's regions, rows of at most 1.
    """
    words = heard(opinion, agreement(opinion, likely)), logarithms(likely, how.floor)
    shares = multiplied(words, (how.network, how.likely), how.none)
    silent = (opinion.sum(axis=1) == 0) & (likely.sum(axis=1) == 0)
    settled = likely.max(axis=1, initial=0) >= 1  # Pairs and the paper: no network knows better.
    return np.where((silent | settled)[:, None], likely, shares)


def heard(opinion: np.ndarray, agreed: float) -> np.ndarray:
    """Logarithms (count, K + 1) of a network's opinion, which knows nothing of "none", the last.

    A network that agrees little is hardly heard: its opinion is mixed with one that has none.
    """
    even, share = 1 / max(opinion.shape[1], 1), agreed**2
    mixed = share * opinion + (1 - share) * even
    return np.log(np.pad(mixed, [(0, 0), (0, 1)], constant_values=even) + 1e-9)


def with_none(likely: np.ndarray) -> np.ndarray:
    """(count, K + 1): likelihoods (count, K) of colours, and of none of them."""
    return np.concatenate([likely, 1 - likely.sum(axis=1, keepdims=True)], axis=1)


def logarithms(likely: np.ndarray, floor: float) -> np.ndarray:
    """(count, K + 1): of likelihoods (count, K) and of "none"; no less than that of ``floor``."""
    return np.log(np.maximum(with_none(likely), 0) + floor)


def multiplied(words: Sequence[np.ndarray], powers: Sequence[float], none: float) -> np.ndarray:
    """(count, K) likelihoods of colours: several words to their powers, multiplied.

    Args:
        words: logarithms (count, K + 1) each, "none" last. A row with NaN gives NaN.
        powers: one of each.
        none: added to the logarithm of "none".
    """
    logits = sum(power * word for word, power in zip(words, powers, strict=True))
    assert isinstance(logits, np.ndarray)
    logits[:, -1] += none
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (shares / shares.sum(axis=1, keepdims=True))[:, :-1]
