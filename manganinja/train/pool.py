# SPDX-License-Identifier: GPL-3.0-or-later
"""A pool of generated pairs, renewed a little at every turn.

Drawing a pair costs a good part of what learning from it costs on a CPU, so each pair is seen a
few times, with other noise, points and shuffles, before a new one takes its place.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .drawings import DrawnPair, draw_pair

HELD_OUT_SEED = 1_000_000_000
"""Seeds from here on are never trained on; evaluation takes its pairs from them."""

DRAWINGS_OF_A_SEED = 1_000_000
"""A run's first drawing is its seed times this, so that runs of other seeds see other drawings."""


class DrawingPool:
    """Pairs of drawings, of which each turn takes a batch.

    Which pairs a turn takes depends on its number alone, so a run that goes on after it was stopped
    sees the very drawings that it would have seen. A pair is drawn when it is first taken, and
    kept until no turn to come takes it.

    Args:
        size_px: side of the square pictures.
        capacity: pairs to choose from at a time.
        reuse: how often a pair is taken on average before it leaves.
        first_seed: seed of the first pair.
        stride: from one pair's seed to the next one's; several pools that share the seeds among
            them begin one after another and have their number as stride.
    """

    def __init__(
        self, size_px: int, capacity: int, reuse: float, first_seed: int = 0, stride: int = 1
    ) -> None:
        self.size_px = size_px
        self.capacity = capacity
        self.reuse = reuse
        self.first_seed = first_seed
        self.stride = stride
        self._drawn: dict[int, DrawnPair] = {}

    @classmethod
    def share(
        cls, number: int, count: int, size_px: int, capacity: int, reuse: float, seed: int
    ) -> DrawingPool:
        """One of ``count`` pools, from 0, that have a run's drawings and capacity among them."""
        first = seed * DRAWINGS_OF_A_SEED + number
        return cls(size_px, max(1, capacity // count), reuse, first, stride=count)

    def places(self, turn: int, count: int, rng: np.random.Generator) -> list[int]:
        """Which pairs, counted from the first one, a turn takes; the first turn is 0."""
        end = max(min(count, self.capacity), int((turn + 1) * count / self.reuse))
        start = max(0, end - self.capacity)
        picks = start + rng.choice(end - start, size=count, replace=end - start < count)
        self._drawn = {place: pair for place, pair in self._drawn.items() if place >= start}
        return [int(pick) for pick in picks]

    def take(self, turn: int, count: int, rng: np.random.Generator) -> list[DrawnPair]:
        """The ``count`` pairs of a turn."""
        return [self._pair(place) for place in self.places(turn, count, rng)]

    def _pair(self, place: int) -> DrawnPair:
        if place not in self._drawn:
            seed = (self.first_seed + place * self.stride) % HELD_OUT_SEED
            self._drawn[place] = draw_pair(seed, self.size_px)
        return self._drawn[place]


def held_out_pairs(count: int, size_px: int) -> Iterator[DrawnPair]:
    """The first ``count`` pairs that no training run sees."""
    for index in range(count):
        yield draw_pair(HELD_OUT_SEED + index, size_px)
