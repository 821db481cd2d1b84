# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja train match``: trains the matcher."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..train.pool import DRAWINGS_OF_A_SEED
from .network import MOST_PAIRS, Matcher, MatcherConfig, Side, gather
from .pool import SamplePool
from .samples import Sample, SampleConfig

_IMPOSSIBLE = -1e4
_LOUD = 3.0
"""What a page of one region counts, beside those of a step together."""


@dataclass(frozen=True)
class MatchTrainingConfig:
    """How to train.

    Attributes:
        batch: samples of a step, at most.
        rows: regions of a step, about; samples of many regions are fewer.
        minutes: how long to train in one go; the learning rate falls in the last ``cool_down``
            share of it.
        learning_rate, warm_up_steps, weight_decay: of AdamW.
        ema: decay of the running mean of the weights, which is what ships.
        same_part: weight of finding the same part, beside the right colour.
        early: weight of what the earlier rounds of attention say.
        dropout: share of a token's numbers that are left out.
        pool, reuse: pairs of drawings held, and how often each is compared.
        workers: processes that draw beside; 0: none.
        seed: of everything random; another one sees other drawings.
        network, data: sizes, and what the samples are like.
    """

    batch: int = 24
    rows: int = 700
    minutes: float = 30.0
    learning_rate: float = 4e-4
    warm_up_steps: int = 50
    cool_down: float = 0.6
    weight_decay: float = 0.01
    ema: float = 0.998
    same_part: float = 0.3
    early: float = 0.2
    dropout: float = 0.1
    pool: int = 4000
    reuse: float = 20.0
    workers: int = 1
    save_every_minutes: float = 3.0
    seed: int = 0
    network: MatcherConfig = field(default_factory=MatcherConfig)
    data: SampleConfig = field(default_factory=SampleConfig)


@dataclass(frozen=True)
class Answers:
    """What is right, of B samples with up to N and M rows.

    Attributes:
        right, same: (B, N, M + 1) bool, as in :class:`.samples.Sample`.
        weights: (B, N) float, 0 for filling.
    """

    right: Tensor
    same: Tensor
    weights: Tensor


def collate(samples: Sequence[Sample], rng: np.random.Generator) -> tuple[Side, Side, Answers]:
    """Samples as one batch; pairs are numbered at random."""
    numbers = [rng.permutation(MOST_PAIRS)[: len(s.ends)].tolist() for s in samples]
    ends = [
        [[(end[side], n) for end, n in zip(s.ends, own)] for s, own in zip(samples, numbers)]
        for side in (0, 1)
    ]
    lineart = gather([s.lineart for s in samples], ends[0])
    reference = gather([s.reference for s in samples], ends[1])
    rows, columns = lineart.known.shape[1], reference.known.shape[1]
    right = np.zeros((len(samples), rows, columns + 1), bool)
    same, weights = right.copy(), np.zeros((len(samples), rows), np.float32)
    for at, sample in enumerate(samples):
        n, m = sample.lineart.count, sample.reference.count
        # A page of many regions says less with each.
        weights[at, :n] = sample.weights * (_LOUD / np.sqrt(max(1.0, sample.weights.sum())))
        for whole, own in ((right, sample.right), (same, sample.same)):
            whole[at, :n, :m], whole[at, :n, -1] = own[:, :m], own[:, m]
    return lineart, reference, Answers(*map(torch.from_numpy, (right, same, weights)))


def _missed(logits: Tensor, right: Tensor, weights: Tensor) -> Tensor:
    """Mean of -log of the probability of what is right, over rows with something right."""
    weights = weights * right.any(dim=2)
    of_right = torch.where(right, logits, _IMPOSSIBLE).logsumexp(dim=2)
    missed = logits.logsumexp(dim=2) - of_right
    return (missed.clamp(max=12) * weights).sum() / weights.sum().clamp(min=1)


def losses(found: Sequence[Tensor], answers: Answers, config: MatchTrainingConfig) -> Tensor:
    """One number from the logits of all rounds."""
    total = torch.zeros(())
    for at, logits in enumerate(found):
        weight = 1.0 if at == len(found) - 1 else config.early
        of_right = _missed(logits, answers.right, answers.weights)
        of_same = _missed(logits, answers.same, answers.weights)
        total = total + weight * (of_right + config.same_part * of_same)
    return total


def share_right(logits: Tensor, answers: Answers) -> tuple[float, float]:
    """Shares of the rows that count: of those whose colour the reference has, how many take a right
    region; of the others, how many take none."""
    best = logits.argmax(dim=2, keepdim=True)
    hit = answers.right.gather(2, best)[..., 0]
    counted = answers.weights > 0
    nothing = answers.right[..., -1] & counted
    there = counted & ~answers.right[..., -1]
    return float(hit[there].float().mean()), float(hit[nothing].float().mean())


class MatchTrainer:
    """Trains one matcher in ``folder`` and can be stopped and continued at any checkpoint.

    Files in ``folder``: ``weights.safetensors`` (as trained), ``ema.safetensors`` (their running
    mean, which is what ships), ``optimizer.pt``, ``state.json``, ``curve.jsonl``, ``config.json``.
    """

    def __init__(
        self, config: MatchTrainingConfig, folder: Path, start_from: Matcher | None = None
    ) -> None:
        """Continue the run in ``folder``; where there is none, start one.

        Args:
            start_from: a matcher of the same sizes whose weights a new run starts with.
        """
        torch.manual_seed(config.seed)
        self.config, self.folder = config, folder
        self.network = Matcher(config.network).train()
        self.network.dropout.p = config.dropout
        if start_from is not None:
            self.network.load_state_dict(start_from.state_dict())
        self.parameters = dict(self.network.named_parameters())
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
        self.pool = SamplePool(
            config.data, config.pool, config.reuse, first_seed, workers=config.workers
        )

    def _resume(self) -> int:
        state = json.loads((self.folder / "state.json").read_text(encoding="utf-8"))
        self.network.load_state_dict(load_file(self.folder / "weights.safetensors"))
        for key, value in load_file(self.folder / "ema.safetensors").items():
            self.ema[key].copy_(value)
        optimizer = torch.load(self.folder / "optimizer.pt", weights_only=True)
        self.optimizer.load_state_dict(optimizer)
        self.step, self.samples = state["step"], state["samples"]
        return state["next_seed"]

    def save(self) -> None:
        """Write a checkpoint; each file takes the old one's place only when it is whole."""
        weights = {k: v.detach().clone() for k, v in self.parameters.items()}
        state = {"step": self.step, "samples": self.samples, "next_seed": self.pool.next_seed}

        def put(name: str, write: Any) -> None:
            partial = self.folder / f"{name}.partial"
            write(partial)
            partial.replace(self.folder / name)

        put("weights.safetensors", lambda path: save_file(weights, path))
        put("ema.safetensors", lambda path: save_file(dict(self.ema), path))
        put("optimizer.pt", lambda path: torch.save(self.optimizer.state_dict(), path))
        put("state.json", lambda path: path.write_text(json.dumps(state), encoding="utf-8"))

    def averaged(self) -> Matcher:
        """The matcher with the running mean of its weights, ready to use."""
        network = Matcher(self.config.network)
        network.load_state_dict(self.ema)
        return network.eval().requires_grad_(False)

    def _rate(self, elapsed: float) -> float:
        warm = min(1.0, (self.step + 1) / self.config.warm_up_steps)
        cooling = max(0.0, (elapsed - 1 + self.config.cool_down) / self.config.cool_down)
        return self.config.learning_rate * warm * (1 - 0.97 * min(cooling, 1.0))

    def train_step(self, elapsed: float) -> dict[str, float]:
        """One step, ``elapsed`` being the share of the time that is gone."""
        # By the step's number, so that a run that goes on has the same ones.
        rng = np.random.default_rng([self.config.seed, self.step])
        torch.manual_seed(int(rng.integers(1 << 31)))
        samples = self.pool.take(self.config.batch, self.config.rows, rng)
        lineart, reference, answers = collate(samples, rng)
        found = self.network(lineart, reference)
        loss = losses(found, answers, self.config)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(elapsed)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), 1.0)
        self.optimizer.step()
        self.step += 1
        self.samples += len(samples)
        keep = min(self.config.ema, self.step / (self.step + 10))
        with torch.no_grad():
            for key, current in self.parameters.items():
                self.ema[key].lerp_(current, 1 - keep)
        right, none = share_right(found[-1].detach(), answers)
        return {"loss": loss.item(), "right": right, "none": none}

    def run(self) -> None:
        """Train for the configured minutes, saving as it goes."""
        config_text = json.dumps(asdict(self.config), indent=1) + "\n"
        (self.folder / "config.json").write_text(config_text, encoding="utf-8")
        start = last_save = time.monotonic()
        recent: list[dict[str, float]] = []
        while (elapsed := (time.monotonic() - start) / (60 * self.config.minutes)) < 1:
            recent.append(self.train_step(elapsed))
            if self.step % 25 == 0:
                self._report(recent, time.monotonic() - start)
                recent = []
            if time.monotonic() - last_save > 60 * self.config.save_every_minutes:
                self.save()
                last_save = time.monotonic()
        self.save()

    def _report(self, recent: list[dict[str, float]], seconds: float) -> None:
        row: dict[str, float] = {
            "step": self.step,
            "samples": self.samples,
            "seconds": round(seconds),
        }
        for key in recent[0]:
            values = [r[key] for r in recent if np.isfinite(r[key])]
            if values:
                row[key] = round(float(np.mean(values)), 4)
        print(json.dumps(row), flush=True)
        with (self.folder / "curve.jsonl").open("a", encoding="utf-8") as curve:
            curve.write(json.dumps(row) + "\n")
