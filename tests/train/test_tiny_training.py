# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole training in miniature, both stages, that must have learned something.

It takes about a minute of one core; nothing smaller was seen to learn what points say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from manganinja.evaluate.held_out import model, score
from manganinja.train.config import changed
from manganinja.train.feed import Batches, Process, Turn
from manganinja.train.loop import Trainer
from manganinja.train.pool import held_out_pairs
from manganinja.train.samples import pipeline_of

from .conftest import SIZE, TINY

STEPS = 80
CONFIG = changed(
    TINY,
    {
        "batch": 16,
        "steps": STEPS,
        "points_alone": 0.2,
        "learning_rate": 3e-3,
        "warm_up_steps": 10,
        "save_every_steps": STEPS,
        "ema": 0.9,
        # The one step that it is sampled with.
        "high_noise": 0.0,
        "pure_noise": 1.0,
        "joining": 0.3,
        "stress": 6.0,
        "pool": 64,
        "reuse": 20.0,
        "networks": {
            "lineart": "latents",
            "channels": [32, 48],
            "clip_layers": 1,
        },
        "data": {
            "plain": 0.05,
            "pointed": 0.7,
            "no_pairs": 0.0,
            "most_pairs": 6,
            "recoloured": 0.5,
            "shuffled": 0.1,
            "finest_grid": 4,
        },
    },
)


def _losses(trainer: Trainer) -> list[float]:
    """On drawings of another seed, by the weights that would ship."""
    unseen = changed(CONFIG, {"seed": 77, "batch": 32})
    batch = Batches(unseen, Process())[Turn(0, 1.0, points_alone=True)][1]
    torch.manual_seed(0)
    trainer.ema.exchange()
    with torch.no_grad():
        losses = trainer.losses(batch).tolist()
    trainer.ema.exchange()
    return losses


def _error_at_points(trainer: Trainer, given: bool) -> float:
    trainer.ema.exchange()
    pipeline = pipeline_of(trainer.networks, trainer.start, trainer.config)
    pipeline.set_progress_bar_config(disable=True)
    figures = score(model(pipeline, 1, given), held_out_pairs(12, SIZE), points_each=6)
    trainer.ema.exchange()
    return figures.mse_at_points


def test_two_short_stages_bring_down_the_loss_and_the_error_at_points(
    codec: Any, tmp_path: Path
) -> None:
    trainer = Trainer(CONFIG, tmp_path, codec)
    untrained, before = _losses(trainer), _error_at_points(trainer, given=True)
    batches = trainer.batches()
    while trainer.step < STEPS * CONFIG.whole_share:
        trainer.train_step(batches)
    assert not trainer.points_alone
    halfway = _losses(trainer)
    others = {k: v.clone() for k, v in trainer.ema.mean.items() if not k.startswith("point_net.")}
    while trainer.step < STEPS:
        trainer.train_step(batches)
    assert trainer.points_alone
    trained, after = _losses(trainer), _error_at_points(trainer, given=True)
    # PointNet alone went on, from the running mean of the others.
    state = trainer._state()
    assert all(torch.equal(state[key], value) for key, value in others.items())
    told = f"{untrained} {halfway} {trained} {before} {after}"
    assert trained[0] < 0.6 * untrained[0], told
    assert trained[1] < 0.9 * untrained[1], told
    assert trained[2] < halfway[2] < 0.6 * untrained[2], told
    assert after < 0.95 * before, told
    assert after < _error_at_points(trainer, given=False), told
    print(told)
