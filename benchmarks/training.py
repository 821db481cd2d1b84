# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.training``: where the time of a training step goes.

Three turns with the mini's networks: batches as the workers make them and nothing else, steps on
one batch and nothing else, and the training as it is. If the last is about as slow as the slower of
the first two, that one is what to make faster (more workers, more reuse; or the step); if it is
slower than both, they are in each other's way.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from manganinja.train.batch import Batch
from manganinja.train.config import changed, read_config, read_setting
from manganinja.train.feed import Turn
from manganinja.train.loop import Trainer
from manganinja.train.settings import TrainingConfig
from manganinja.weights.load import load_pipeline


def milliseconds(work: Callable[[], Any], count: int, warm_up: int) -> float:
    """Of wall clock for one call, after some that are not counted."""
    for _ in range(warm_up):
        work()
    _wait_for_gpu()
    start = time.perf_counter()
    for _ in range(count):
        work()
    _wait_for_gpu()
    return 1000 * (time.perf_counter() - start) / count


def _wait_for_gpu() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _config(changes: list[str]) -> TrainingConfig:
    config = changed(TrainingConfig(), read_config("mini"))
    config = changed(config, {"steps": 1_000_000, "points_alone": 0.0, "tensorboard": False})
    for text in changes:
        config = changed(config, read_setting(text))
    return config


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training", description=__doc__)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes")
    parser.add_argument("--steps", type=int, default=20, help="steps of a turn (default 20)")
    parser.add_argument("--model", default="mini", help="whose networks (default mini)")
    asked = parser.parse_args()
    config = _config(asked.changes)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(config, Path(folder), start_from=load_pipeline(asked.model))
        batches: Iterator[tuple[Turn, Batch]] = trainer.batches()
        # Each worker's first batches are all new drawings.
        warm_up = 2 * max(1, config.workers)
        kept = next(batches)
        found = {
            "batches alone": milliseconds(lambda: next(batches), asked.steps, warm_up),
            "steps alone": milliseconds(
                lambda: trainer.train_step(itertools.repeat(kept)), asked.steps, 3
            ),
            "training": milliseconds(lambda: trainer.train_step(batches), asked.steps, 3),
        }
    slower = max(found["batches alone"], found["steps alone"])
    print(f"{trainer.device}, {config.size_px} px, {config.batch} samples a step")
    for name, spent in found.items():
        rate = 1000 * config.batch / spent
        print(f"{name:14} {spent:9.1f} ms  {rate:8.1f} samples/s  ratio {spent / slower:5.2f}")
    if torch.cuda.is_available():
        print(f"peak {torch.cuda.max_memory_allocated() / 1e9:.1f} GB")


if __name__ == "__main__":
    main()
