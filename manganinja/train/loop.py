# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop, on accelerate: one process, several GPUs or several machines.

Everything random in a step comes from the run's seed and the step's number alone, so a run that
goes on from a checkpoint does what the uninterrupted one would have done.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import BadRequest
from ..pipeline import MangaNinjaPipeline
from .batch import Batch
from .codec import signed, to_signed, visibility
from .drawings import draw_pair
from .feed import Process, Turn, feed, seed_torch
from .journal import Journal
from .objective import Objective, checkpoint_activations
from .run_folder import RunFolder, RunningMean, load_weights
from .samples import sample_sheet
from .settings import TrainingConfig
from .starts import Start, new_start

LOSSES = ("velocity", "matching", "joining", "decoded")
"""Names of the losses in the curve, in :class:`Objective`'s order."""


def _trained(config: TrainingConfig, names: list[str], points_alone: bool) -> list[str]:
    """Which of the networks a stage and the frozen ones leave to be trained."""
    unknown = sorted(set(config.frozen) - set(names))
    if unknown:
        raise BadRequest(
            f"There is no network {', '.join(unknown)} to freeze.", f"Name some of {names}."
        )
    staged = ["point_net"] if points_alone else names
    trained = [name for name in staged if name not in config.frozen]
    if not trained:
        raise BadRequest("All networks are frozen.", "Leave one of them to be trained.")
    return trained


def _channel_weights(config: TrainingConfig, codec: Any) -> Tensor:
    """What each latent channel counts in the loss, (C, 1, 1) with mean 1."""
    if not config.visible:
        return torch.ones(codec.config["latent_channels"], 1, 1)
    drawn = [draw_pair(seed, config.size_px).target.flats for seed in range(8)]
    shares = visibility(codec, to_signed(drawn).to(codec.device)).cpu()
    return (1 - config.visible + config.visible * shares).view(-1, 1, 1)


class Trainer:
    """Trains one model in a folder (:mod:`.run_folder`) and can be stopped at any time.

    Attributes:
        step: optimizer steps done; ``samples`` and ``seconds`` of training with them.
        points_alone: whether the run is in the stage that trains PointNet alone.
    """

    def __init__(
        self,
        config: TrainingConfig,
        folder: Path,
        codec: Any = None,
        start_from: MangaNinjaPipeline | None = None,
    ) -> None:
        """Go on with the run in ``folder``; where there is none, start one.

        Args:
            codec: a trained ``AutoencoderKL`` for a new run, in place of the start's own; it is
                not trained further.
            start_from: a model to start with, in place of ``config.start``.

        Raises:
            BadRequest, WeightsError: the config or the start can't be used.
        """
        # Rows without points or reference leave networks without a gradient.
        unused = DistributedDataParallelKwargs(find_unused_parameters=True)
        try:
            self.accelerator = Accelerator(
                mixed_precision=config.precision, kwargs_handlers=[unused]
            )
        except ValueError as error:  # Such as fp16 on a CPU.
            raise BadRequest(f"{error}".rstrip(".") + ".", "Choose another precision.") from error
        self.config, self.folder = config, RunFolder(folder)
        self._process = Process(self.accelerator.process_index, self.accelerator.num_processes)
        if config.steps == 0 and self._process.count > 1:
            raise BadRequest(
                "Several processes can't agree on minutes.", "Give the length in steps."
            )
        self.step, self.samples, self.seconds = 0, 0, 0.0
        self._began = (0, 0.0)  # Step and seconds at which the stage began.
        self._prepared: Any = None
        self.start = self._started(codec, start_from)
        self.networks, self.scheduler = self.start.networks, self.start.scheduler
        self.codec = self.start.codec.eval().requires_grad_(False).to(self.device)
        if config.gradient_checkpointing:
            checkpoint_activations(self.networks)
        weights = _channel_weights(config, self.codec)
        self.objective = Objective(self.networks, self.scheduler, config, weights, self._decode)
        checkpoints = self.folder.checkpoints()
        if checkpoints:
            self._resume(checkpoints[-1])
        else:
            self._enter(points_alone=config.whole_share == 0)

    @property
    def device(self) -> torch.device:
        """Where this process trains."""
        return self.accelerator.device

    def _started(self, codec: Any, start_from: MangaNinjaPipeline | None) -> Start:
        """The run's networks, of the sizes that it began with."""
        if self.folder.checkpoints():
            if self.folder.config().networks != self.config.networks:
                raise BadRequest(
                    "A run that has begun keeps its networks.", "Begin another in a new folder."
                )
            return self.folder.start()
        if codec is None and self.folder.has_begun:  # Killed before its first checkpoint.
            codec = self.folder.start().codec
        start = new_start(self.config, codec, start_from)
        if self.accelerator.is_main_process:
            self.folder.begin(self.config, start)
        return start

    # Stages

    def _enter(self, points_alone: bool) -> None:
        """Begin a stage: what is trained, a new optimizer, a new running mean."""
        self.points_alone, self._began = points_alone, (self.step, self.seconds)
        trained = _trained(self.config, [n for n, _ in self.networks.items()], points_alone)
        for name, module in self.networks.items():
            module.train().requires_grad_(name in trained)
        self.parameters: dict[str, Tensor] = {
            f"{name}.{key}": value
            for name, module in self.networks.items()
            for key, value in module.named_parameters()
            if value.requires_grad
        }
        self.optimizer: Any = torch.optim.AdamW(
            self.parameters.values(),
            self.config.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=self.config.weight_decay,
            fused=self.device.type in ("cpu", "cuda"),
        )
        if self._prepared is not None:  # Takes accelerate's wrappers off again.
            self.accelerator.unwrap_model(self._prepared, keep_fp32_wrapper=False)
            self.accelerator.free_memory()
        self._prepared, self.optimizer = self.accelerator.prepare(self.objective, self.optimizer)
        self.ema = RunningMean(self.parameters, self.config.ema)

    def _change_stage(self) -> None:
        """From here on PointNet alone, or everything again where a finished run got longer. What
        was trained so far goes on as what would have shipped."""
        self.ema.exchange()
        self._enter(not self.points_alone)

    # Checkpoints

    def _resume(self, checkpoint: Path) -> None:
        state = json.loads((checkpoint / "state.json").read_text(encoding="utf-8"))
        self.step, self.samples, self.seconds = (
            state[name] for name in ("step", "samples", "seconds")
        )
        load_weights(self.networks, load_file(checkpoint / "model.safetensors"))
        self._enter(state["points_alone"])
        self._began = state["stage_began"]["step"], state["stage_began"]["seconds"]
        self.ema.load(load_file(checkpoint / "ema.safetensors"))
        kept = torch.load(checkpoint / "optimizer.pt", map_location="cpu", weights_only=True)
        self.optimizer.load_state_dict(kept["optimizer"])
        if self.accelerator.scaler is not None and kept["scaler"] is not None:
            self.accelerator.scaler.load_state_dict(kept["scaler"])

    def _state(self) -> dict[str, Tensor]:
        return {
            f"{name}.{key}": value.detach().contiguous()
            for name, module in self.networks.items()
            for key, value in module.state_dict().items()
        }

    def save(self) -> None:
        """Write a checkpoint. It is there whole or not at all."""
        if self.accelerator.is_main_process:
            self.folder.save(self.step, self.config.keep, self._write)
        self.accelerator.wait_for_everyone()

    def _write(self, folder: Path) -> None:
        # All processes have the same weights, and nothing random goes on from step to step.
        weights = self._state()
        save_file(weights, folder / "model.safetensors")
        save_file({**weights, **self.ema.mean}, folder / "ema.safetensors")
        scaler = self.accelerator.scaler
        kept = {
            "optimizer": self.optimizer.state_dict(),
            "scaler": None if scaler is None else scaler.state_dict(),
        }
        torch.save(kept, folder / "optimizer.pt")
        state = {
            "step": self.step,
            "samples": self.samples,
            "seconds": round(self.seconds, 1),
            "points_alone": self.points_alone,
            "stage_began": dict(zip(("step", "seconds"), self._began, strict=True)),
        }
        (folder / "state.json").write_text(json.dumps(state) + "\n", encoding="utf-8")

    # How far the run is

    def _share(self, step: int, seconds: float) -> float:
        """Share of the run that is done after a step or so many seconds."""
        config = self.config
        return min(1.0, step / config.steps if config.steps else seconds / (60 * config.minutes))

    def _turn(self, number: int) -> Turn:
        share = self._share(number // self.config.accumulate, self.seconds)
        # A hair less, or 0.9 of 1,000 steps would begin one step late.
        whole = self.config.whole_share
        return Turn(number, share, points_alone=whole < 1 and share >= whole - 1e-9)

    def _learning_rate(self) -> float:
        began = self._share(*self._began)
        ends = 1.0 if self.points_alone else self.config.whole_share
        done = (self._share(self.step, self.seconds) - began) / max(ends - began, 1e-9)
        return self.config.learning_rate_at(self.step - self._began[0], done)

    # One step

    @torch.no_grad()
    def _encode(self, pictures: Tensor) -> Tensor:
        # Stable Diffusion's autoencoder overflows in fp16.
        halved = self.config.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=halved):
            mode = self.codec.encode(pictures).latent_dist.mode()
        return mode.float() * self.codec.config["scaling_factor"]

    def _decode(self, latents: Tensor) -> Tensor:
        return self.codec.decode(latents / self.codec.config["scaling_factor"]).sample

    def losses(self, batch: Batch) -> Tensor:
        """The losses of a batch (:data:`LOSSES`), (4,) float32."""
        lineart = None
        if self.networks.controlnet is None:
            lineart = self._encode(signed(batch.condition).expand(-1, 3, -1, -1))
        targets, references = self._encode(signed(batch.target)), batch.reference[batch.plain :]
        seen = self._encode(signed(references)) if len(references) else targets[:0]
        return self._prepared(batch, targets, seen, lineart)

    def _seed(self, turn: Turn) -> None:
        """Everything random in this turn follows from its number."""
        seed_torch(self.config.seed, turn.number, self._process.index)

    def train_step(self, batches: Iterator[tuple[Turn, Batch]]) -> Tensor:
        """One step of the optimizer; the mean losses of its micro-batches, (4,) on the device."""
        config = self.config
        taken = [next(batches) for _ in range(config.accumulate)]
        if taken[0][0].points_alone != self.points_alone:
            self._change_stage()
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        weights = torch.tensor(config.loss_weights, device=self.device)
        mean = torch.zeros(len(LOSSES), device=self.device)
        for index, (turn, batch) in enumerate(taken):
            last = index == config.accumulate - 1
            with nullcontext() if last else self.accelerator.no_sync(self._prepared):
                self._seed(turn)
                losses = self.losses(batch.to(self.device)) / config.accumulate
                self.accelerator.backward(losses @ weights)
            mean += losses.detach()
        self.accelerator.clip_grad_norm_(self.parameters.values(), config.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.step += 1
        self.samples += config.batch * config.accumulate * self._process.count
        self.ema.update(self.step - self._began[0])
        return mean

    # The run

    def batches(self) -> Iterator[tuple[Turn, Batch]]:
        """Turns and batches from the next step on."""
        first = self.step * self.config.accumulate
        pinned = self.device.type == "cuda"
        return feed(self.config, self._process, first, self._turn, pinned)

    def run(self) -> None:
        """Train to the configured length, saving as it goes."""
        config, tells = self.config, self.accelerator.is_main_process
        if tells:
            self.folder.write_config(config)
        if self._share(self.step, self.seconds) >= 1:
            return
        batches, recent = self.batches(), []
        clock = saved = time.monotonic()
        with Journal(self.folder.path, self.step, config.steps, config.tensorboard, tells) as told:
            while self._share(self.step, self.seconds) < 1:
                recent.append(self.train_step(batches))
                self.seconds, clock = self.seconds + time.monotonic() - clock, time.monotonic()
                told.advance()
                if self.step % config.report_every == 0:
                    self._report(told, recent)
                    recent = []
                if config.sample_every and self.step % config.sample_every == 0 and tells:
                    told.picture(self._samples(), self.step)
                if self._is_save_due(time.monotonic() - saved):
                    self.save()
                    saved = time.monotonic()
            if recent:
                self._report(told, recent)
        self.save()

    def _is_save_due(self, seconds: float) -> bool:
        config = self.config
        # Several processes must agree, and their clocks don't.
        every = config.save_every_steps or (1000 if self._process.count > 1 else 0)
        if every:
            return self.step % every == 0
        return seconds > 60 * config.save_every_minutes

    def _report(self, journal: Journal, recent: list[Tensor]) -> None:
        reduced: Any = self.accelerator.reduce(torch.stack(recent).mean(dim=0), "mean")
        mean = reduced.tolist()
        if not all(map(math.isfinite, mean)):
            raise BadRequest(
                f"The loss is no number any more at step {self.step}.",
                "Go on from the last checkpoint with a lower learning_rate or other precision.",
            )
        facts = {"step": self.step, "samples": self.samples, "seconds": round(self.seconds)}
        journal.report(facts, dict(zip(LOSSES, mean, strict=True)), self._learning_rate())

    def _samples(self) -> Image.Image:
        """Held-out pairs, colorized by what would ship."""
        self.ema.exchange()
        # Stable Diffusion's autoencoder overflows in fp16.
        in_bf16 = self.config.precision == "bf16"
        with torch.autocast(self.device.type, torch.bfloat16, enabled=in_bf16):
            sheet = sample_sheet(self.networks, self.start, self.config, self.device)
        self.ema.exchange()
        return sheet
