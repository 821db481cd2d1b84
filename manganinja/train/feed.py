# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches drawn ahead by worker processes, the same ones whenever a run goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from .batch import Batch, make_batch
from .clips.reader import ClipPairs, MixedPool, Pool
from .pool import DRAWINGS_OF_A_SEED, DrawingPool
from .settings import TrainingConfig


@dataclass(frozen=True)
class Turn:
    """One micro-batch of one device.

    Attributes:
        number: of the micro-batch, from the run's first one.
        share: of the run that is done.
        points_alone: whether it teaches PointNet alone.
    """

    number: int
    share: float
    points_alone: bool


@dataclass(frozen=True)
class Process:
    """Which of several processes this is; each has its own drawings."""

    index: int = 0
    count: int = 1


class Batches(Dataset):
    """The batch of each turn, a function of the turn, the config and the process alone."""

    def __init__(self, config: TrainingConfig, process: Process) -> None:
        self._config, self._process = config, process
        self._pools: dict[int, Pool] = {}

    def __getitem__(self, turn: Turn) -> tuple[Turn, Batch]:
        config = self._config
        workers = max(1, config.workers)
        rng = np.random.default_rng([config.seed, turn.number, self._process.index])
        # torch hands the turns to its workers one after another.
        pool = self._pool(turn.number % workers)
        pairs = pool.take(turn.number // workers, config.batch, rng)
        data = config.data.for_points_alone() if turn.points_alone else config.data
        return turn, make_batch(pairs, data, rng, turn.share)

    def _pool(self, worker: int) -> Pool:
        if worker not in self._pools:
            config, process = self._config, self._process
            pools = max(1, config.workers) * process.count
            number = worker * process.count + process.index
            drawings = DrawingPool.share(
                number, pools, config.size_px, config.pool, config.reuse, config.seed
            )
            self._pools[worker] = drawings
            if config.clips:
                seed = config.seed * DRAWINGS_OF_A_SEED + number
                folders = [Path(folder) for folder in config.clips]
                clips = ClipPairs(folders, config.size_px, seed)
                self._pools[worker] = MixedPool(drawings, clips, config.clip_share)
        return self._pools[worker]


class _Turns(Sampler):
    def __init__(self, first: int, turn: Callable[[int], Any]) -> None:
        self._first, self._turn = first, turn

    def __iter__(self) -> Iterator[Any]:
        number = self._first
        while True:
            yield self._turn(number)
            number += 1


def endless(
    turns: Dataset, first: int, turn: Callable[[int], Any], workers: int, pinned: bool
) -> Iterator[Any]:
    """What a dataset gives for one turn after another from the ``first`` on; workers, if any,
    make it ahead."""
    if workers:
        # Here and not in the workers: in a forked one OpenCV would wait for threads that are gone.
        cv2.setNumThreads(1)
    # torch's loader begins with its first worker, whichever turn is the first.
    before = first % max(1, workers)
    loader = DataLoader(
        turns,
        batch_size=None,
        sampler=_Turns(first - before, turn),
        num_workers=workers,
        pin_memory=pinned,
        worker_init_fn=_one_thread,
        multiprocessing_context="fork" if workers else None,
    )
    return islice(loader, before, None)


def feed(
    config: TrainingConfig,
    process: Process,
    first: int,
    turn: Callable[[int], Turn],
    pinned: bool,
) -> Iterator[tuple[Turn, Batch]]:
    """Turns and their batches from the ``first`` one on, without end.

    Args:
        turn: makes the turn of a number; asked a few turns ahead where there are workers.
        pinned: put batches where a GPU can fetch them by itself.
    """
    return endless(Batches(config, process), first, turn, config.workers, pinned)


def seed_torch(*of_turn: int) -> None:
    """Have everything random that torch draws from here on follow from these numbers."""
    torch.manual_seed(int(np.random.SeedSequence(of_turn).generate_state(1)[0]))


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)
