# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed, spread over processes, or computed in other ways give the same weights."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from manganinja import BadRequest
from manganinja.train.config import changed, to_toml
from manganinja.train.feed import Batches, Process, Turn, feed
from manganinja.train.loop import Trainer
from manganinja.train.run_folder import RunFolder

from .conftest import TINY

PROJECT = Path(__file__).parent.parent.parent
STAGES = changed(TINY, {"steps": 6, "points_alone": 0.34, "accumulate": 2, "workers": 2})
"""Four steps on everything, then two on PointNet alone."""


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert set(one) == set(other)
    for key, value in one.items():
        torch.testing.assert_close(value, other[key], atol=1e-6, rtol=1e-5, msg=key)


def _train(config: Any, folder: Path, codec: Any) -> None:
    Trainer(config, folder, codec).run()


def test_a_run_that_is_killed_goes_on_to_the_same_weights(codec, tmp_path: Path) -> None:
    whole = Trainer(STAGES, tmp_path / "whole", codec)
    whole.run()
    assert whole.points_alone

    killed = tmp_path / "killed"
    process = multiprocessing.get_context("fork").Process(
        target=_train, args=(STAGES, killed, codec)
    )
    process.start()
    began = time.monotonic()
    while not RunFolder(killed).checkpoints():
        assert time.monotonic() - began < 120 and process.is_alive()
        time.sleep(0.01)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL

    resumed = Trainer(RunFolder(killed).config(), killed)
    assert 0 < resumed.step < 6
    resumed.run()
    assert resumed.step == whole.step == 6 and resumed.samples == whole.samples == 24
    assert_same(resumed._state(), whole._state())
    assert_same(resumed.ema.mean, whole.ema.mean)
    one, other = (_curve(tmp_path / name) for name in ("whole", "killed"))
    assert [row["step"] for row in other] == [1, 2, 3, 4, 5, 6]
    expected, found = ([row["velocity"] for row in curve] for curve in (one, other))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert [path.name for path in RunFolder(killed).checkpoints()] == ["00000004", "00000006"]


def _curve(run: Path) -> list[dict[str, float]]:
    return [json.loads(row) for row in (run / "curve.jsonl").read_text().splitlines()]


def test_a_run_without_a_checkpoint_begins_again(codec, tmp_path: Path) -> None:
    first = Trainer(TINY, tmp_path, codec)
    again = Trainer(RunFolder(tmp_path).config(), tmp_path)
    assert again.step == 0
    assert_same(again._state(), first._state())


def test_a_longer_run_trains_everything_again(codec, tmp_path: Path) -> None:
    short = changed(TINY, {"steps": 2, "points_alone": 0.5})
    trainer = Trainer(short, tmp_path, codec)
    trainer.run()
    assert trainer.points_alone
    longer = Trainer(changed(short, {"steps": 8}), tmp_path)
    before = {key: value.clone() for key, value in longer._state().items()}
    longer.train_step(longer.batches())
    assert not longer.points_alone
    moved = {k.split(".")[0] for k, v in longer._state().items() if not torch.equal(v, before[k])}
    assert {"unet", "reference_unet"} <= moved


def test_a_half_written_checkpoint_is_none(codec, tmp_path: Path) -> None:
    trainer = Trainer(changed(TINY, {"steps": 1}), tmp_path, codec)
    trainer.run()
    (tmp_path / "checkpoints" / "00000002.partial").mkdir()

    def fails(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        RunFolder(tmp_path).save(3, 2, fails)
    assert Trainer(TINY, tmp_path).step == 1


def test_a_run_keeps_its_networks_and_names_itself(codec, tmp_path: Path) -> None:
    Trainer(changed(TINY, {"steps": 1}), tmp_path, codec).run()
    with pytest.raises(BadRequest, match="keeps its networks"):
        Trainer(changed(TINY, {"networks": {"heads": 4}}), tmp_path)
    with pytest.raises(BadRequest, match="no run"):
        RunFolder(tmp_path / "elsewhere").config()


def test_checkpointed_activations_give_the_same_gradients(codec, tmp_path: Path) -> None:
    batch = Batches(TINY, Process())[Turn(0, 0.0, False)][1]
    gradients, kept = [], []
    for checkpointing in (False, True):
        config = changed(TINY, {"gradient_checkpointing": checkpointing})
        trainer = Trainer(config, tmp_path / str(checkpointing), codec)
        saved = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal saved
            saved += tensor.numel()
            return tensor

        torch.manual_seed(0)
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            losses = trainer.losses(batch)
        losses.sum().backward()
        kept.append(saved)
        gradients.append({k: v.grad for k, v in trainer.parameters.items() if v.grad is not None})
    assert_same(*gradients)
    assert kept[1] < 0.7 * kept[0]


def test_bfloat16_stays_close_to_float32(codec, tmp_path: Path) -> None:
    from accelerate.state import AcceleratorState

    batch = Batches(TINY, Process())[Turn(0, 0.0, False)][1]
    losses = []
    for precision in ("no", "bf16"):
        AcceleratorState._reset_state(reset_partial_state=True)
        trainer = Trainer(changed(TINY, {"precision": precision}), tmp_path / precision, codec)
        torch.manual_seed(0)
        losses.append(trainer.losses(batch))
        losses[-1].sum().backward()
    AcceleratorState._reset_state(reset_partial_state=True)
    assert losses[1].dtype == torch.float32 and not torch.equal(*losses)
    torch.testing.assert_close(losses[1], losses[0], rtol=0.05, atol=0.02)


def test_workers_draw_the_same_from_any_turn_on() -> None:
    config = changed(TINY, {"workers": 2})

    def turns(first: int, last: int) -> dict[int, Any]:
        fed = feed(config, Process(), first, lambda n: Turn(n, 0.0, False), pinned=False)
        return {turn.number: batch for turn, batch in (next(fed) for _ in range(first, last))}

    whole, later = turns(0, 5), turns(3, 5)
    assert list(whole) == [0, 1, 2, 3, 4] and list(later) == [3, 4]
    for number, batch in later.items():
        assert torch.equal(batch.target, whole[number].target)
        assert torch.equal(batch.lineart_map, whole[number].lineart_map)
    others = Batches(config, Process(1, 2))[Turn(3, 0.0, False)][1]
    assert not torch.equal(others.target, whole[3].target)


def test_two_processes_train_one_model_by_the_command(codec, tmp_path: Path) -> None:
    """A few steps as several GPUs or machines would make them, then on in one process.

    ``accelerate launch`` starts processes on GPUs as torchrun does; on CPUs it asks for MPI.
    """
    codec.save_pretrained(tmp_path / "codec")
    config = changed(TINY, {"save_every_steps": 0})
    (tmp_path / "config.toml").write_text(to_toml(config))
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "--"]
    command += ["manganinja", "train", "networks", "--run", str(tmp_path / "run")]
    command += ["--config", str(tmp_path / "config.toml"), "--codec", str(tmp_path / "codec")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    answer = subprocess.run(
        [sys.executable, *command, "--steps", "2"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    state = json.loads((tmp_path / "run/checkpoints/00000002/state.json").read_text())
    assert state["samples"] == 2 * 2 * TINY.batch
    # What two processes find together is the mean of what each would find alone.
    expected = _two_steps_of_two(config, codec, tmp_path)
    weights = load_file(tmp_path / "run/checkpoints/00000002/model.safetensors")
    assert_same(weights, expected)
    alone = Trainer(changed(config, {"steps": 3}), tmp_path / "run")
    alone.run()
    assert alone.step == 3


def _two_steps_of_two(config: Any, codec: Any, tmp_path: Path) -> dict[str, torch.Tensor]:
    trainer = Trainer(config, tmp_path / "by hand", codec)
    for step in range(2):
        for index in range(2):
            turn, batch = Batches(config, Process(index, 2))[Turn(step, 0.0, False)]
            trainer._process = Process(index, 2)
            trainer._seed(turn)
            losses = trainer.losses(batch)
            (losses @ torch.tensor(config.loss_weights) / 2).backward()
        torch.nn.utils.clip_grad_norm_(trainer.parameters.values(), config.clip)
        for group in trainer.optimizer.param_groups:
            group["lr"] = trainer._learning_rate()
        trainer.optimizer.step()
        trainer.optimizer.zero_grad()
        trainer.step += 1
    return trainer._state()


def test_pictures_and_curves_are_told(codec, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    config = changed(TINY, {"sample_every": 1, "sample_pairs": 1, "tensorboard": True, "steps": 1})
    trainer = Trainer(config, tmp_path, codec)
    trainer.run()
    weights = load_file(RunFolder(tmp_path).checkpoints()[-1] / "model.safetensors")
    assert_same(weights, trainer._state())
    from PIL import Image
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    picture = Image.open(tmp_path / "samples" / "00000001.png")
    assert picture.size == (5 * TINY.size_px, TINY.size_px)
    told = EventAccumulator(str(tmp_path / "tensorboard"))
    told.Reload()
    assert {"velocity", "matching", "joining", "learning rate"} <= set(told.Tags()["scalars"])
    assert told.Tags()["images"] == ["samples"]
