# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains the mini's autoencoder (diffusers' AutoencoderKL) on generated drawings."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from diffusers import AutoencoderKL
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import BadRequest
from ..pipeline import MangaNinjaPipeline
from ..points import PointPair
from .drawings import DrawnPair, point_pairs
from .feed import endless
from .pool import DrawingPool, held_out_pairs


@dataclass(frozen=True)
class CodecConfig:
    """Sizes and schedule of the codec's training.

    ``kl_weight`` is small: latents only need to stay in a bounded, smooth range.

    Attributes:
        steps: length of the run in steps; 0 for a length in ``minutes``.
        lined: share of the crops that have their lines; the rest is the colour under them.
        decoder_alone: leave the encoder as it is, so that latents stay what they are and the
            networks trained on them fit the new decoder. A model that paints the colour under the
            lines decodes nothing else, so ``lined`` may then be 0.
        painted: share of the samples, whole pictures, that are decoded from latents which the model
            itself paints after the reference and some points, so that the decoder learns to make
            the best of its blur. Trains the decoder alone.
        workers: processes that draw ahead; 0 draws in the training's own.
    """

    size_px: int = 128
    crop_px: int = 64
    channels: tuple[int, ...] = (16, 32, 64, 96)
    latent_channels: int = 8
    batch: int = 8
    steps: int = 0
    minutes: float = 7.5
    learning_rate: float = 2e-3
    kl_weight: float = 1e-5
    lined: float = 0.5
    decoder_alone: bool = False
    painted: float = 0.0
    workers: int = 0
    seed: int = 0


def new_codec(config: CodecConfig) -> Any:
    """An untrained ``AutoencoderKL`` that reduces 8 times in each direction."""
    levels = len(config.channels)
    options: dict[str, Any] = {
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "block_out_channels": config.channels,
        "layers_per_block": 1,
        "latent_channels": config.latent_channels,
        # Groups of few channels would wash out absolute colour, which is all that a flat crop has.
        "norm_num_groups": 1,
        "sample_size": config.size_px,
        "scaling_factor": 1.0,
        # Attention would tie the codec to the picture size that it was trained on.
        "mid_block_add_attention": False,
    }
    codec: Any = AutoencoderKL(**options)
    _start_as_block_average(codec)
    return codec


_CARRIED = 8
"""Channels that carry +RGB, -RGB and two constants through an untrained codec."""


@torch.no_grad()
def _start_as_block_average(codec: Any) -> None:
    """Start as a codec that keeps the mean colour of each 8 x 8 block, and learn from there.

    From random weights the first minutes go into finding out that colour passes through at all.
    Here the residual branches start at zero and :data:`_CARRIED` channels pass straight through;
    each colour goes in both signs, since SiLU(x) - SiLU(-x) is x, and the two constants keep the
    last group norm from dividing brightness away. Latents start quiet (log variance -6), with
    nothing but the colour in them.
    """
    for module in codec.modules():
        if isinstance(module, ResnetBlock2D):
            module.conv2.weight.zero_()
            if module.conv_shortcut is not None:
                _carry(module.conv_shortcut, 1.0)
        elif isinstance(module, Downsample2D):
            _carry(module.conv, 1 / 9)
        elif isinstance(module, Upsample2D):
            _carry(module.conv, 1.0)
    for half in (codec.encoder, codec.decoder):
        first, last = half.conv_in, half.conv_out
        first.weight[:_CARRIED] = 0
        first.bias[:_CARRIED] = torch.tensor([0.0] * 6 + [2.0, -2.0])
        last.weight.mul_(0.2)
        last.weight[:3, :_CARRIED] = 0
        for colour in range(3):
            for sign, channel in ((1.0, colour), (-1.0, colour + 3)):
                first.weight[channel, colour, 1, 1] = sign
                last.weight[colour, channel, 1, 1] = sign
    size = codec.config["latent_channels"]
    codec.quant_conv.weight.zero_()
    codec.quant_conv.weight[range(size), range(size)] = 1
    codec.quant_conv.bias.zero_()
    codec.quant_conv.bias[size:] = -6
    codec.post_quant_conv.weight.zero_()
    codec.post_quant_conv.weight[range(size), range(size)] = 1


def _carry(convolution: Any, weight: float) -> None:
    """Let the carried channels through unchanged; a 3 x 3 weight of 1/9 is their mean."""
    convolution.weight[:_CARRIED] = 0
    convolution.bias[:_CARRIED] = 0
    middle = convolution.kernel_size[0] // 2
    for channel in range(_CARRIED):
        if weight == 1:
            convolution.weight[channel, channel, middle, middle] = 1
        else:
            convolution.weight[channel, channel] = weight


def to_signed(pictures: Sequence[np.ndarray]) -> Tensor:
    """uint8 pictures (H, W, 3) to a float tensor (N, 3, H, W) in [-1, 1]."""
    return signed(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous())


def signed(pictures: Tensor) -> Tensor:
    """uint8 pictures to float32 ones in [-1, 1], on their device."""
    return pictures.float().div_(127.5).sub_(1)


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


@torch.no_grad()
def measure(codec: Any, size_px: int, count: int = 32) -> dict[str, float]:
    """PSNR in dB of reconstructed held-out drawings, and the latents' standard deviation."""
    errors, spread = {"colour": [], "flats": []}, []
    for pair in held_out_pairs(count, size_px):
        for kind, values in errors.items():
            picture = to_signed([getattr(pair.target, kind)]).to(codec.device)
            latents = codec.encode(picture).latent_dist.mode()
            spread.append(latents.flatten())
            decoded = codec.decode(latents).sample.clamp(-1, 1)
            values.append((decoded - picture).div(2).square().mean().item())
    psnr = {kind: -10 * float(np.log10(np.mean(values))) for kind, values in errors.items()}
    return {**psnr, "latent_std": torch.cat(spread).std().item()}


@torch.no_grad()
def visibility(codec: Any, pictures: Tensor, nudge: float = 0.1) -> Tensor:
    """How much of the picture hangs on each latent channel, (C,) float with mean 1.

    Measured by a small random change of one channel at a time: the mean squared change of the
    decoded pictures. The bundled codec shows nearly all of it in three of its eight channels.

    Args:
        pictures: (N, 3, H, W) float in [-1, 1], at which it is measured.
        nudge: standard deviation of the change, in units of the unscaled latents.
    """
    latents = codec.encode(pictures).latent_dist.mode()
    decoded = codec.decode(latents).sample
    noise = torch.Generator().manual_seed(0)
    changes = []
    for channel in range(latents.shape[1]):
        changed = latents.clone()
        change = torch.randn(latents[:, 0].shape, generator=noise)
        changed[:, channel] += nudge * change.to(latents)
        changes.append((codec.decode(changed).sample - decoded).square().mean())
    shares = torch.stack(changes)
    return shares / shares.mean()


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


def train_codec(
    config: CodecConfig, output: Path, start_from: MangaNinjaPipeline | None = None
) -> Any:
    """Train for the configured length and save the codec, its config and its figures in ``output``.

    The learning rate falls to zero over the run. The scaling factor of the saved codec
    makes latents of drawings have unit variance, as Stable Diffusion's 0.18215 does for its own;
    it stays what it was where the decoder alone is trained.

    Args:
        start_from: a model whose codec is trained further, in place; a new codec if None.

    Raises:
        BadRequest: the decoder alone is to be trained, but of no codec.
    """
    torch.manual_seed(config.seed)
    device = Accelerator().device
    codec = _starting_codec(config, start_from).to(device)
    if config.painted and start_from is not None:
        start_from.to(device)
    trained = [value for value in codec.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(trained, config.learning_rate, fused=True)
    turns = iter(endless(_Samples(config), 0, int, config.workers, pinned=False))
    start, step, curve = time.monotonic(), 0, []

    def done() -> float:
        seconds = time.monotonic() - start
        return step / config.steps if config.steps else seconds / (60 * config.minutes)

    while (share := done()) < 1:
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(1, (step + 1) / 100) * (1 - share)
        loss = _batch_loss(codec, config, next(turns), start_from, step)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        step += 1
        curve.append(loss.detach())
        if step % 100 == 0:
            recent = torch.stack(curve[-100:]).mean().item()
            print(f"codec step {step}, {share:.0%} of the run, loss {recent:.4f}", flush=True)
    codec.eval()
    figures = measure(codec, config.size_px)
    codec.cpu()
    if codec.encoder.conv_in.weight.requires_grad:
        codec.register_to_config(scaling_factor=1 / figures["latent_std"])
    codec.save_pretrained(output)
    report = {"config": asdict(config), "steps": step, **figures}
    (output / "training.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures), flush=True)
    return codec
