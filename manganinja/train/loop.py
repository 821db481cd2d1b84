# SPDX-License-Identifier: GPL-3.0-or-later
"""The training loop: one step is noise, bank, points, prediction, loss."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..conditioning import image_token, lineart_latents, signed_to_clip_pixels
from ..errors import BadRequest
from ..pipeline import MangaNinjaPipeline
from ..reference_attention import PointEmbeddings, ReferenceContext
from .batch import Batch, BatchConfig, make_batch
from .codec import to_signed, visibility
from .drawings import draw_pair
from .matching import MatchingLoss, PointLoss
from .networks import NetworkConfig, Networks, new_networks, training_scheduler
from .pool import DRAWINGS_OF_A_SEED, DrawingPool


@dataclass(frozen=True)
class TrainingConfig:
    """One run.

    Attributes:
        minutes: wall-clock time of this run; a resumed run gets as much again.
        cool_down: last share of the run in which the learning rate falls to a twentieth.
        stage: 1 trains everything, 2 trains PointNet alone (the paper's two stages).
        frozen: networks that stay as they are, such as "reference_unet": nothing has to be carried
            back through them, so a short run on from good weights sees more samples.
        high_noise: share of samples with at least 70 % of the noise steps, where colours are
            decided; the rest is uniform over all steps.
        pure_noise: share of samples at the very last step.
        matching: weight of the attention loss at the parts that belong together.
        joining: weight of the attention loss at the points that belong together.
        stress: how many times more the velocity counts where only a point can tell the colour:
            at the points themselves and in parts that were recoloured.
        visible: 0 counts the velocity of all latent channels alike, 1 by what each of them shows
            in the decoded picture (:func:`.codec.visibility`).
    """

    size_px: int = 128
    batch: int = 16
    minutes: float = 120.0
    stage: int = 1
    frozen: tuple[str, ...] = ()
    learning_rate: float = 4e-4
    warm_up_steps: int = 200
    cool_down: float = 0.3
    weight_decay: float = 0.01
    ema: float = 0.998
    high_noise: float = 0.5
    pure_noise: float = 0.15
    matching: float = 0.1
    joining: float = 0.1
    stress: float = 4.0
    visible: float = 0.0
    pool: int = 2048
    reuse: float = 3.0
    save_every_minutes: float = 5.0
    seed: int = 0
    networks: NetworkConfig = field(default_factory=NetworkConfig)
    data: BatchConfig = field(default_factory=BatchConfig)


def _pointed_at(batch: Batch, side: int) -> Tensor:
    """Share of each latent (N, 1, side, side) that a point speaks of, 0 to 1."""
    shares = F.adaptive_avg_pool2d(batch.recoloured.unsqueeze(1).float(), side)
    if batch.pointed:
        shares[-batch.pointed :] += F.adaptive_max_pool2d((batch.lineart_map > 0).float(), side)
    return shares.clamp(max=1)


def _trained(config: TrainingConfig, names: Sequence[str]) -> list[str]:
    """Which of the networks the run's stage and its frozen ones leave to be trained."""
    unknown = sorted(set(config.frozen) - set(names))
    if unknown:
        raise BadRequest(
            f"There is no network {', '.join(unknown)} to freeze.", f"Name some of {names}."
        )
    staged = names if config.stage == 1 else ["point_net"]
    trained = [name for name in staged if name not in config.frozen]
    if not trained:
        raise BadRequest("All networks are frozen.", "Leave one of them to be trained.")
    return trained


def _channel_weights(config: TrainingConfig, codec: Any) -> Tensor:
    """What each latent channel counts in the velocity loss, (C, 1, 1) with mean 1."""
    if not config.visible:
        return torch.ones(codec.config["latent_channels"], 1, 1)
    drawn = [draw_pair(seed, config.size_px).target.flats for seed in range(8)]
    shares = visibility(codec, to_signed(drawn))
    return (1 - config.visible + config.visible * shares).view(-1, 1, 1)


class Trainer:
    """Trains one model in ``folder`` and can be stopped and continued at any checkpoint.

    Files in ``folder``: ``weights.safetensors`` (as trained), ``ema.safetensors`` (their running
    mean, which is what ships), ``optimizer.pt``, ``state.json``, ``curve.jsonl``, ``config.json``.
    """

    def __init__(
        self,
        config: TrainingConfig,
        codec: Any,
        folder: Path,
        start_from: MangaNinjaPipeline | None = None,
    ) -> None:
        """Continue the run in ``folder``; where there is none, start one.

        Args:
            codec: the trained ``AutoencoderKL``; it is not trained further.
            start_from: a model of the same sizes whose weights a new run starts with, in place
                of random ones. Its optimizer state is not kept, only what it has learned.
        """
        torch.manual_seed(config.seed)
        latent_channels = codec.config["latent_channels"]
        sizes = replace(config.networks, latent_channels=latent_channels)
        self.config, self.codec, self.folder = config, codec.eval().requires_grad_(False), folder
        self.networks = new_networks(sizes)
        self.scheduler: Any = training_scheduler()
        self.channel_weights = _channel_weights(config, self.codec)
        trained = _trained(config, [name for name, _ in self.networks.items()])
        for name, module in self.networks.items():
            if start_from is not None:
                # Parts that change no result are not loaded (slim.py); they start anew.
                learnt = getattr(start_from, name).state_dict()
                module.load_state_dict({**module.state_dict(), **learnt})
            module.train().requires_grad_(name in trained)
        self.parameters = {
            f"{name}.{key}": value
            for name, module in self.networks.items()
            for key, value in module.named_parameters()
            if value.requires_grad
        }
        self.ema = {key: value.detach().clone() for key, value in self.parameters.items()}
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(),
            config.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=config.weight_decay,
            fused=True,
        )
        self.step, self.samples = 0, 0
        first_seed = config.seed * DRAWINGS_OF_A_SEED
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / "state.json").exists():
            first_seed = self._resume()
        self.rng = np.random.default_rng([config.seed, self.step])
        torch.manual_seed(config.seed + self.step)
        self.pool = DrawingPool(config.size_px, config.pool, config.reuse, first_seed)

    # Checkpoints

    def _resume(self) -> int:
        state = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        weights = load_file(self.folder / "weights.safetensors")
        averaged = load_file(self.folder / "ema.safetensors")
        for name, module in self.networks.items():
            prefix = f"{name}."
            own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
            module.load_state_dict(own)
        for key in self.ema:
            self.ema[key].copy_(averaged[key])
        if state["stage"] == self.config.stage:
            optimizer = torch.load(self.folder / "optimizer.pt", weights_only=True)
            rate = self.config.learning_rate
            self.optimizer.load_state_dict(optimizer)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
        self.step, self.samples = state["step"], state["samples"]
        return state["next_seed"]

    def _state(self) -> dict[str, Tensor]:
        return {
            f"{name}.{key}": value
            for name, module in self.networks.items()
            for key, value in module.state_dict().items()
        }

    def save(self) -> None:
        """Write a checkpoint; each file takes the old one's place only when it is whole."""
        weights = {k: v.detach().clone().contiguous() for k, v in self._state().items()}
        averaged = {**weights, **self.ema}

        def put(name: str, write: object) -> None:
            partial = self.folder / f"{name}.partial"
            write(partial)  # type: ignore[operator]
            partial.replace(self.folder / name)

        put("weights.safetensors", lambda path: save_file(weights, path))
        put("ema.safetensors", lambda path: save_file(averaged, path))
        put("optimizer.pt", lambda path: torch.save(self.optimizer.state_dict(), path))
        state = {
            "step": self.step,
            "samples": self.samples,
            "next_seed": self.pool.next_seed,
            "stage": self.config.stage,
        }
        put("state.json", lambda path: path.write_text(json.dumps(state), encoding="utf-8"))

    def averaged_networks(self) -> Networks:
        """The networks with the running mean of their weights, ready to colorize."""
        networks = new_networks(
            replace(self.config.networks, latent_channels=self.codec.config["latent_channels"])
        )
        state = {**self._state(), **self.ema}
        for name, module in networks.items():
            prefix = f"{name}."
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            module.load_state_dict(own)
            module.eval().requires_grad_(False)
        return networks

    # One step

    def _timesteps(self, count: int) -> Tensor:
        steps = self.scheduler.config["num_train_timesteps"]
        uniform = torch.randint(0, steps, (count,))
        high = torch.randint(int(steps * 0.7), steps, (count,))
        kind = torch.rand(count)
        chosen = torch.where(kind < self.config.high_noise, high, uniform)
        return torch.where(kind > 1 - self.config.pure_noise, steps - 1, chosen)

    @torch.no_grad()
    def _encode(self, pictures: Tensor) -> Tensor:
        return self.codec.encode(pictures).latent_dist.mode() * self.codec.config["scaling_factor"]

    def losses(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Velocity loss, matching loss and point loss of a batch."""
        net, plain = self.networks, batch.plain
        latents = self._encode(batch.target)
        reference = batch.reference[plain:]
        token = image_token(
            net.image_encoder,
            signed_to_clip_pixels(reference, net.image_encoder.config.image_size),
        )
        tokens = torch.cat([net.unconditional().expand(plain, -1, -1), token])
        bank = net.reference_unet.read(self._encode(reference), token)
        matching, joining = MatchingLoss(batch), PointLoss(batch)

        def observe(block: str, query: Tensor, key: Tensor, own_tokens: int) -> None:
            matching(block, query, key, own_tokens)
            joining(block, query, key, own_tokens)

        context = ReferenceContext(
            banks=[bank],
            plain=plain,
            reference=batch.referenced,
            points=batch.pointed,
            point_embeddings=PointEmbeddings(
                net.point_net(batch.lineart_map), net.point_net(batch.reference_map)
            )
            if batch.pointed
            else None,
            observer=observe,
        )
        noise, timesteps = torch.randn_like(latents), self._timesteps(len(latents))
        noisy = self.scheduler.add_noise(latents, noise, timesteps)
        told: dict[str, Any] = {}
        sample = noisy
        if net.controlnet is None:
            with torch.no_grad():
                sample = torch.cat([noisy, lineart_latents(self.codec, batch.condition)], dim=1)
        else:
            down, mid = net.controlnet(
                noisy,
                timesteps,
                encoder_hidden_states=tokens,
                controlnet_cond=batch.condition,
                return_dict=False,
            )
            told = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
        velocity = net.unet(
            sample,
            timesteps,
            encoder_hidden_states=tokens,
            cross_attention_kwargs={"reference": context},
            **told,
        ).sample
        wanted = self.scheduler.get_velocity(latents, noise, timesteps)
        weight = 1 + (self.config.stress - 1) * _pointed_at(batch, latents.shape[-1])
        weight = weight * self.channel_weights
        error = (weight * (velocity - wanted).square()).mean()
        return error, matching.value(), joining.value()

    def _rate(self, elapsed: float) -> float:
        warm = min(1.0, (self.step + 1) / self.config.warm_up_steps)
        cooling = max(0.0, (elapsed - 1 + self.config.cool_down) / self.config.cool_down)
        return self.config.learning_rate * warm * (1 - 0.95 * cooling)

    def _train_step(self, elapsed: float) -> dict[str, float]:
        pairs = self.pool.take(self.config.batch, self.rng)
        velocity, matching, joining = self.losses(make_batch(pairs, self.config.data, self.rng))
        loss = velocity + self.config.matching * matching + self.config.joining * joining
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(elapsed)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), 1.0)
        self.optimizer.step()
        self.step += 1
        self.samples += len(pairs)
        keep = min(self.config.ema, self.step / (self.step + 10))
        with torch.no_grad():
            for averaged, current in zip(self.ema.values(), self.parameters.values(), strict=True):
                averaged.lerp_(current, 1 - keep)
        return {
            "velocity": velocity.item(),
            "matching": matching.item(),
            "joining": joining.item(),
        }

    def run(self) -> None:
        """Train for the configured minutes, saving as it goes."""
        config_text = json.dumps(asdict(self.config), indent=1) + "\n"
        (self.folder / "config.json").write_text(config_text, encoding="utf-8")
        start = last_save = time.monotonic()
        recent: list[dict[str, float]] = []
        while (elapsed := (time.monotonic() - start) / (60 * self.config.minutes)) < 1:
            recent.append(self._train_step(elapsed))
            if self.step % 50 == 0:
                self._report(recent, time.monotonic() - start)
                recent = []
            if time.monotonic() - last_save > 60 * self.config.save_every_minutes:
                self.save()
                last_save = time.monotonic()
        self.save()

    def _report(self, recent: list[dict[str, float]], seconds: float) -> None:
        row = {
            "step": self.step,
            "samples": self.samples,
            "seconds": round(seconds),
            **{k: round(float(np.mean([r[k] for r in recent])), 5) for k in recent[0]},
        }
        print(json.dumps(row), flush=True)
        with (self.folder / "curve.jsonl").open("a", encoding="utf-8") as curve:
            curve.write(json.dumps(row) + "\n")
