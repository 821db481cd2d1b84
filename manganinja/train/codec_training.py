# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja train codec``: trains the mini's autoencoder on generated drawings.

Everything random in a step comes from the run's seed and the step's number, as in :mod:`.loop`.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import BadRequest
from ..pipeline import MangaNinjaPipeline
from ..points import PointPair
from .codec import CodecConfig, measure, new_codec, signed, to_signed
from .drawings import DrawnPair, point_pairs
from .feed import endless, seed_torch
from .pool import DrawingPool
from .run_folder import RunFolder

_TOLD_EVERY = 100
"""Steps between two lines about the loss."""


def _crops(pairs: Sequence[DrawnPair], config: CodecConfig, rng: np.random.Generator) -> Tensor:
    """One crop of each pair, with lines or without, mirrored at random: (N, 3, c, c) uint8."""
    crop_px = config.crop_px
    crops = np.empty((len(pairs), crop_px, crop_px, 3), np.uint8)
    for crop, pair in zip(crops, pairs, strict=True):
        drawing = pair.reference if rng.random() < 0.5 else pair.target
        picture = drawing.colour if rng.random() < config.lined else drawing.flats
        y, x = rng.integers(0, picture.shape[0] - crop_px + 1, size=2)
        step = -1 if rng.random() < 0.5 else 1
        crop[:] = picture[y : y + crop_px, x : x + crop_px][:, ::step]
    return torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous()


@dataclass(frozen=True)
class _Turn:
    """One step's samples: pairs that the model is to paint, and crops, (N, 3, c, c) uint8."""

    painted: list[DrawnPair]
    crops: Tensor


class _Samples(Dataset):
    """The samples of each step, a function of its number and the config alone."""

    def __init__(self, config: CodecConfig) -> None:
        self._config = config
        self._pools: dict[int, DrawingPool] = {}

    def __getitem__(self, step: int) -> _Turn:
        config, workers = self._config, max(1, self._config.workers)
        rng = np.random.default_rng([config.seed, step])
        # torch hands the steps to its workers one after another.
        pool = self._pool(step % workers)
        pairs = pool.take(step // workers, config.batch, rng)
        count = int((rng.random(len(pairs)) < config.painted).sum())
        return _Turn(pairs[:count], _crops(pairs[count:], config, rng))

    def _pool(self, worker: int) -> DrawingPool:
        if worker not in self._pools:
            config, workers = self._config, max(1, self._config.workers)
            self._pools[worker] = DrawingPool.share(
                worker, workers, config.size_px, 2048, 6, config.seed
            )
        return self._pools[worker]


def _error(codec: Any, latents: Tensor, pictures: Tensor) -> Tensor:
    error = codec.decode(latents).sample - pictures
    return error.abs().mean() + error.square().mean()


def _loss(codec: Any, pictures: Tensor, kl_weight: float) -> Tensor:
    posterior = codec.encode(pictures).latent_dist
    return _error(codec, posterior.sample(), pictures) + kl_weight * posterior.kl().mean()


def _painted(
    pipeline: MangaNinjaPipeline, pairs: Sequence[DrawnPair], rng: np.random.Generator
) -> Tensor:
    """Unscaled latents (N, C, h, w) that the model paints of the targets, with 0 to 8 points."""
    latents = []
    for pair in pairs:
        points = point_pairs(pair, int(rng.integers(9)), rng).tolist()
        output = pipeline(
            lineart=Image.fromarray(pair.target.lineart),
            reference=Image.fromarray(pair.reference.colour),
            points=[PointPair(tuple(there), tuple(here)) for there, here in points],
            seed=int(rng.integers(2**31)),
            output_type="latent",
        )
        latents.append(output.latents / pipeline.vae.config["scaling_factor"])
    return torch.cat(latents)


def _starting_codec(config: CodecConfig, start_from: MangaNinjaPipeline | None) -> Any:
    """What is trained: a new codec or the model's own, with gradients where the config has them."""
    decoder_alone = config.decoder_alone or config.painted > 0
    if decoder_alone and start_from is None:
        raise BadRequest(
            "A decoder alone can't be trained to a codec that is not there.",
            "Name the model whose codec it is, such as --start-from mini.",
        )
    codec = new_codec(config) if start_from is None else start_from.vae
    codec.train().requires_grad_(not decoder_alone)
    codec.decoder.requires_grad_(True)
    codec.post_quant_conv.requires_grad_(True)
    return codec


def _batch_loss(
    codec: Any, config: CodecConfig, turn: _Turn, start_from: MangaNinjaPipeline | None, step: int
) -> Tensor:
    """The loss of one step's samples."""
    painted, count = turn.painted, len(turn.painted) + len(turn.crops)
    loss = torch.zeros((), device=codec.device)
    if len(turn.crops):
        crops = signed(turn.crops.to(codec.device, non_blocking=True))
        loss = _loss(codec, crops, config.kl_weight) * len(crops)
    if painted and start_from:
        lined = start_from.config["paints_lines"]
        pictures = to_signed([p.target.colour if lined else p.target.flats for p in painted])
        rng = np.random.default_rng([config.seed, step, 1])
        latents = _painted(start_from, painted, rng).to(codec.device)
        loss = loss + _error(codec, latents, pictures.to(codec.device)) * len(painted)
    return loss / count


class CodecTrainer:
    """Trains one autoencoder in a folder and can be stopped at any time.

    Attributes:
        step: optimizer steps done; ``seconds`` of training with them.
    """

    def __init__(
        self, config: CodecConfig, folder: Path, start_from: MangaNinjaPipeline | None = None
    ) -> None:
        """Go on with the run in ``folder``; where there is none, start one.

        Args:
            start_from: a model whose codec is trained further, in place; a new codec if None.

        Raises:
            BadRequest: the decoder alone is to be trained, but of no codec, or the run that is
                there was begun with another codec.
        """
        torch.manual_seed(config.seed)
        self.config, self.start_from, self._folder = config, start_from, RunFolder(folder)
        device = Accelerator().device
        self.codec = _starting_codec(config, start_from).to(device)
        if config.painted and start_from is not None:
            start_from.to(device)
        self.trained = [value for value in self.codec.parameters() if value.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, config.learning_rate, fused=True)
        self.step, self.seconds = 0, 0.0
        checkpoints = self._folder.checkpoints()
        if checkpoints:
            self._resume(checkpoints[-1])

    def _resume(self, checkpoint: Path) -> None:
        try:
            self.codec.load_state_dict(load_file(checkpoint / "codec.safetensors"))
            kept = torch.load(checkpoint / "optimizer.pt", map_location="cpu", weights_only=True)
            self.optimizer.load_state_dict(kept)
        except (RuntimeError, ValueError) as error:
            raise BadRequest(
                f"The run in {self._folder.path} was begun with another autoencoder.",
                "Give the --start-from and the settings that it was begun with, or a new folder.",
            ) from error
        state = json.loads((checkpoint / "state.json").read_text(encoding="utf-8"))
        self.step, self.seconds = state["step"], state["seconds"]

    def save(self) -> None:
        """Write a checkpoint. It is there whole or not at all."""
        self._folder.save(self.step, 1, self._write)

    def _write(self, folder: Path) -> None:
        weights = {key: value.contiguous() for key, value in self.codec.state_dict().items()}
        save_file(weights, folder / "codec.safetensors")
        torch.save(self.optimizer.state_dict(), folder / "optimizer.pt")
        state = json.dumps({"step": self.step, "seconds": round(self.seconds, 1)})
        (folder / "state.json").write_text(state + "\n", encoding="utf-8")

    @property
    def share(self) -> float:
        """Share of the run that is done."""
        config = self.config
        return self.step / config.steps if config.steps else self.seconds / (60 * config.minutes)

    def turns(self) -> Iterator[_Turn]:
        """The samples of the steps from the next one on, without end."""
        return endless(_Samples(self.config), self.step, int, self.config.workers, pinned=False)

    def train_step(self, turn: _Turn) -> Tensor:
        """One step of the optimizer; its loss. The learning rate falls to zero over the run."""
        config = self.config
        rate = config.learning_rate * min(1, (self.step + 1) / 100) * (1 - self.share)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        seed_torch(config.seed, self.step)
        loss = _batch_loss(self.codec, config, turn, self.start_from, self.step)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()
        self.step += 1
        return loss.detach()

    def run(self) -> Any:
        """Train to the configured length, saving as it goes, and write the codec, its config and
        its figures into the folder.

        The scaling factor of the written codec makes latents of drawings have unit variance, as
        Stable Diffusion's 0.18215 does for its own; it stays what it was where the decoder alone
        is trained.

        Returns:
            the trained ``AutoencoderKL``, on the CPU.
        """
        turns, recent = self.turns(), deque[Tensor](maxlen=_TOLD_EVERY)
        clock = saved = time.monotonic()
        while self.share < 1:
            recent.append(self.train_step(next(turns)))
            self.seconds, clock = self.seconds + time.monotonic() - clock, time.monotonic()
            if self.step % _TOLD_EVERY == 0:
                loss = torch.stack(list(recent)).mean().item()
                print(f"codec step {self.step}, {self.share:.0%}, loss {loss:.4f}", flush=True)
            if time.monotonic() - saved > 60 * self.config.save_every_minutes:
                self.save()
                saved = time.monotonic()
        self.save()
        return self._finished()

    def _finished(self) -> Any:
        codec, output = self.codec.eval(), self._folder.path
        figures = measure(codec, self.config.size_px)
        codec.cpu()
        if codec.encoder.conv_in.weight.requires_grad:
            codec.register_to_config(scaling_factor=1 / figures["latent_std"])
        codec.save_pretrained(output)
        report = {"config": asdict(self.config), "steps": self.step, **figures}
        text = json.dumps(report, indent=1) + "\n"
        (output / "training.json").write_text(text, encoding="utf-8")
        print(json.dumps(figures), flush=True)
        return codec
