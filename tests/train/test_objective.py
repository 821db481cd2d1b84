# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture loss: predictions decoded and compared with what they should have painted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from manganinja import BadRequest
from manganinja.train.codec import signed
from manganinja.train.config import changed
from manganinja.train.loop import Trainer

from .conftest import TINY

DECODED = changed(TINY, {"batch": 4, "decoded": 1.0, "decoded_rows": 4, "pure_noise": 0.0})


def _picture_loss(trainer: Trainer, batch: Any, off: float) -> float:
    """Of a network that predicts the truth but for ``off``, in latents."""

    def predict(batch: Any, noisy: Any, timesteps: Any, *_: Any) -> torch.Tensor:
        kept = trainer.scheduler.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
        latents = trainer._encode(signed(batch.target)) + off
        noise = (noisy - kept.sqrt() * latents) / (1 - kept).sqrt()
        return trainer.scheduler.get_velocity(latents, noise, timesteps)

    trainer.objective._predict = predict  # type: ignore[method-assign]
    with torch.no_grad():
        return trainer.losses(batch)[3].item()


@pytest.fixture
def trainer(codec: Any, tmp_path: Path) -> Trainer:
    return Trainer(changed(DECODED, {"stress": 1.0}), tmp_path, codec)


def test_the_truth_costs_no_more_than_the_codec_loses(trainer: Trainer) -> None:
    _, batch = next(trainer.batches())
    target = signed(batch.target)
    with torch.no_grad():
        lost = trainer._decode(trainer._encode(target)) - target
    right = _picture_loss(trainer, batch, off=0.0)
    assert right == pytest.approx((lost.abs() + lost.square()).mean().item(), rel=1e-3)
    assert _picture_loss(trainer, batch, off=1.0) > right + 0.1


def test_pixels_around_points_count_more(trainer: Trainer) -> None:
    """By as much as ``stress`` says, and nothing else does."""
    _, batch = next(trainer.batches())
    plain = _picture_loss(trainer, batch, off=0.5)
    trainer.objective.config = changed(trainer.config, {"stress": 3.0})
    assert plain < _picture_loss(trainer, batch, off=0.5) < 3 * plain
    bare = replace(
        batch,
        lineart_map=torch.zeros_like(batch.lineart_map),
        recoloured=torch.zeros_like(batch.recoloured),
    )
    assert _picture_loss(trainer, bare, off=0.5) == pytest.approx(plain, rel=1e-3)


def test_it_teaches_the_network_and_not_the_codec(codec: Any, tmp_path: Path) -> None:
    trainer = Trainer(DECODED, tmp_path, codec)
    _, batch = next(trainer.batches())
    trainer.losses(batch)[3].backward()
    assert trainer.networks.unet.conv_out.weight.grad.abs().max() > 0
    assert all(value.grad is None for value in trainer.codec.parameters())


def test_a_model_that_predicts_noise_is_refused(codec: Any, tmp_path: Path) -> None:
    trainer = Trainer(TINY, tmp_path, codec)
    trainer.scheduler.register_to_config(prediction_type="epsilon")
    with pytest.raises(BadRequest, match="decoded = 0"):
        type(trainer.objective)(
            trainer.networks, trainer.scheduler, DECODED, torch.ones(4, 1, 1), trainer._decode
        )
