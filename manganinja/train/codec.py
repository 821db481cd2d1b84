# SPDX-License-Identifier: GPL-3.0-or-later
"""The mini's autoencoder (diffusers' AutoencoderKL): how it begins, and how good it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.upsampling import Upsample2D
from torch import Tensor

from .pool import held_out_pairs


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
        save_every_minutes: how often a checkpoint is written.
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
    save_every_minutes: float = 5.0
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
