# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs to learn from, drawn as they are needed and seen a few times each."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor

import numpy as np
import torch

from ..train.pool import HELD_OUT_SEED
from .samples import Comparison, Sample, SampleConfig, compared, sample_of

_LEAST_POOL = 12
"""Batches that a pool holds at least, or a run that goes on would see the same few drawings."""
_NEAR = 25
"""Places in the order of sizes that the samples of a batch lie from the first one."""
_AHEAD = 4
"""Drawings that each worker has to make."""


def _begin_worker() -> None:
    """One thread, and an end when the training is killed."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class SamplePool:
    """Pairs in regions with the seeds ``first_seed``, ``first_seed + 1``, ... in turn, each seen a
    few times, with other pairs of points, before a new one takes its place.

    Args:
        config: of the samples.
        capacity: pairs held at once.
        reuse: how often a pair is compared on average.
        first_seed: a resumed run goes on from :attr:`next_seed`.
        workers: processes that draw; 0: this one. The samples are the same.
    """

    def __init__(
        self,
        config: SampleConfig,
        capacity: int,
        reuse: float,
        first_seed: int = 0,
        workers: int = 0,
    ) -> None:
        self.config, self.capacity, self.reuse = config, capacity, reuse
        self.next_seed, self.workers = first_seed, workers
        self._drawn: deque[Comparison] = deque()
        self._owed = 0.0
        self._ahead: deque[Future[Comparison | None]] = deque()
        self._drawing: ProcessPoolExecutor | None = None
        if workers:
            context = multiprocessing.get_context("spawn")
            self._drawing = ProcessPoolExecutor(workers, context, _begin_worker)

    def close(self) -> None:
        """End the processes that draw."""
        if self._drawing is not None:
            self._drawing.shutdown(cancel_futures=True)

    def _next(self) -> Comparison | None:
        if self._drawing is None:
            return sample_of(self.next_seed % HELD_OUT_SEED, self.config)
        while len(self._ahead) < _AHEAD * self.workers:
            seed = (self.next_seed + len(self._ahead)) % HELD_OUT_SEED
            self._ahead.append(self._drawing.submit(sample_of, seed, self.config))
        return self._ahead.popleft().result()

    def _draw(self) -> None:
        drawn = None
        while drawn is None:
            drawn = self._next()
            self.next_seed += 1
        self._drawn.append(drawn)
        if len(self._drawn) > self.capacity:
            self._drawn.popleft()

    def take(self, most: int, rows: int, rng: np.random.Generator) -> list[Sample]:
        """Samples of about one size, up to ``most``, with about so many rows together."""
        while self._owed >= 1 or len(self._drawn) < min(_LEAST_POOL * most, self.capacity):
            self._draw()
            self._owed = max(self._owed - 1, 0.0)
        by_size = sorted(self._drawn, key=lambda pair: pair.size)
        first = int(rng.integers(len(by_size)))
        count = int(np.clip(rows // by_size[first].size, 1, most))
        picks = first + rng.integers(-_NEAR, _NEAR + 1, count)
        self._owed += count / self.reuse
        return [
            compared(by_size[at], self.config, rng)
            for at in np.clip(picks, 0, len(by_size) - 1).tolist()
        ]
