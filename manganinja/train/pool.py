# SPDX-License-Identifier: GPL-3.0-or-later
"""A pool of generated pairs, renewed a little at every step.

Drawing a pair costs a good part of what learning from it costs on a CPU, so each pair is seen a
few times, with other noise, points and shuffles, before a new one takes its place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np

from .drawings import DrawnPair, draw_pair

HELD_OUT_SEED = 1_000_000_000
"""Seeds from here on are never trained on; evaluation takes its pairs from them."""

DRAWINGS_OF_A_SEED = 1_000_000
"""A run's first drawing is its seed times this, so that runs of other seeds see other drawings."""


class DrawingPool:
    """Pairs of drawings with the seeds ``first_seed``, ``first_seed + 1``, ... in turn.

    Args:
        size_px: side of the square pictures.
        capacity: pairs held at once.
        reuse: how often a pair is drawn from the pool on average before it is replaced.
        first_seed: seed of the first pair; a resumed run goes on from :attr:`next_seed`.
    """

    def __init__(self, size_px: int, capacity: int, reuse: float, first_seed: int = 0) -> None:
        self.size_px = size_px
        self.capacity = capacity
        self.reuse = reuse
        self.next_seed = first_seed
        self._pairs: deque[DrawnPair] = deque()
        self._owed = 0.0

    def _draw(self) -> None:
        self._pairs.append(draw_pair(self.next_seed % HELD_OUT_SEED, self.size_px))
        self.next_seed += 1
        if len(self._pairs) > self.capacity:
            self._pairs.popleft()

    def take(self, count: int, rng: np.random.Generator) -> list[DrawnPair]:
        """``count`` pairs, half of them at most drawn anew."""
        self._owed += count / self.reuse
        while self._owed >= 1 or len(self._pairs) < min(count, self.capacity):
            self._draw()
            self._owed -= 1
        self._owed = max(self._owed, 0.0)
        picks = rng.choice(len(self._pairs), size=count, replace=len(self._pairs) < count)
        return [self._pairs[int(i)] for i in picks]


def held_out_pairs(count: int, size_px: int) -> Iterator[DrawnPair]:
    """The first ``count`` pairs that no training run sees."""
    for index in range(count):
        yield draw_pair(HELD_OUT_SEED + index, size_px)
