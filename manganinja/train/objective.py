# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch costs: noise, bank, points, prediction, losses. One module, so that accelerate can
spread it over devices and precisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..conditioning import image_token, signed_to_clip_pixels
from ..errors import BadRequest
from ..reference_attention import Bank, PointEmbeddings, ReferenceContext
from .batch import Batch
from .codec import signed
from .matching import MatchingLoss, PointLoss
from .networks import Networks
from .settings import TrainingConfig


class ReadOnce(dict):
    """Gives each value away once.

    A block of a network whose activations are computed twice (gradient checkpointing) must do
    the same work both times, so nothing may be left from the first.
    """

    def __getitem__(self, key: Any) -> Any:
        return self.pop(key)


def checkpoint_activations(networks: Networks) -> None:
    """Compute activations of U-Nets and ControlNet twice, to keep few of them."""
    for network in (networks.unet, networks.reference_unet, networks.controlnet):
        if network is not None:
            network.enable_gradient_checkpointing()
    # The pass ends in here by an exception, which must not cross a checkpoint.
    last_block: Any = networks.reference_unet.up_blocks[-1]
    last_block.attentions[-1].gradient_checkpointing = False


def _pointed_at(batch: Batch, side: int) -> Tensor:
    """Share of each latent (N, 1, side, side) that a point speaks of, 0 to 1."""
    shares = F.adaptive_avg_pool2d(batch.recoloured.unsqueeze(1).float(), side)
    if batch.pointed:
        shares[-batch.pointed :] += F.adaptive_max_pool2d((batch.lineart_map > 0).float(), side)
    return shares.clamp(max=1)


_AROUND_POINT_PX = 7
"""A point speaks of a square of so many pixels around it."""


def _pointed_pixels(batch: Batch) -> Tensor:
    """Of which pixels a point speaks, (N, 1, S, S) float, 0 or 1."""
    pixels = batch.recoloured.unsqueeze(1).float()
    if batch.pointed:
        points = (batch.lineart_map > 0).float()
        around = F.max_pool2d(points, _AROUND_POINT_PX, 1, _AROUND_POINT_PX // 2)
        pixels[-batch.pointed :] = torch.maximum(pixels[-batch.pointed :], around)
    return pixels


class Objective(nn.Module):
    """The losses of a batch.

    Args:
        channel_weights: what the error of each latent channel counts, (C, 1, 1) with mean 1.
        decode: scaled latents to pictures (N, 3, S, S) in [-1, 1].
    """

    channel_weights: Tensor

    def __init__(
        self,
        networks: Networks,
        scheduler: Any,
        config: TrainingConfig,
        channel_weights: Tensor,
        decode: Callable[[Tensor], Tensor],
    ) -> None:
        super().__init__()
        if config.decoded and scheduler.config["prediction_type"] != "v_prediction":
            raise BadRequest(
                "Pictures can't be decoded from what this model predicts at its noisiest steps.",
                "Set decoded = 0: it is for models that predict velocity.",
            )
        self._decode = decode
        for name, module in networks.items():
            self.add_module(name, module)
        self.networks, self.scheduler, self.config = networks, scheduler, config
        self.register_buffer("channel_weights", channel_weights, persistent=False)

    def forward(
        self,
        batch: Batch,
        latents: Tensor,
        reference_latents: Tensor,
        lineart_latents: Tensor | None,
    ) -> Tensor:
        """Error of the prediction, matching, point and picture loss, (4,) float32.

        Args:
            latents: (N, C, h, w) scaled latents of the targets.
            reference_latents: (N - plain, C, h, w), those of the references that are seen.
            lineart_latents: (N, C, h, w) where line art comes in as latents.
        """
        tokens, banks = self._references(batch, reference_latents)
        matching, joining = MatchingLoss(batch), PointLoss(batch)

        def observe(block: str, query: Tensor, key: Tensor, own_tokens: int) -> None:
            # The weights decide what is worth computing, not only what counts.
            if self.config.matching:
                matching(block, query, key, own_tokens)
            if self.config.joining:
                joining(block, query, key, own_tokens)

        context = ReferenceContext(
            banks=banks,
            plain=batch.plain,
            reference=batch.referenced,
            points=batch.pointed,
            point_embeddings=self._points(batch),
            observer=observe,
            beside=self._cache(),
            constants=self._cache(),
        )
        noise, timesteps = torch.randn_like(latents), self._timesteps(latents)
        noisy = self.scheduler.add_noise(latents, noise, timesteps)
        predicted = self._predict(batch, noisy, timesteps, tokens, context, lineart_latents)
        weight = 1 + (self.config.stress - 1) * _pointed_at(batch, latents.shape[-1])
        weight = weight * self.channel_weights
        wanted = self._wanted(latents, noise, timesteps)
        error = (weight * (predicted.float() - wanted).square()).mean()
        attention = (loss.value().to(error) for loss in (matching, joining))
        picture = self._picture_error(batch, noisy, timesteps, predicted).to(error)
        return torch.stack([error, *attention, picture])

    def _picture_error(
        self, batch: Batch, noisy: Tensor, timesteps: Tensor, predicted: Tensor
    ) -> Tensor:
        """How far the pictures that some of the predictions stand for are from the targets."""
        if not self.config.decoded:
            return torch.zeros(())
        rows = torch.randperm(len(noisy))[: self.config.decoded_rows].to(noisy.device)
        kept = self.scheduler.alphas_cumprod.to(noisy)[timesteps[rows]].view(-1, 1, 1, 1)
        latents = kept.sqrt() * noisy[rows] - (1 - kept).sqrt() * predicted[rows]
        error = self._decode(latents).float() - signed(batch.target[rows])
        weight = 1 + (self.config.stress - 1) * _pointed_pixels(batch)[rows]
        return (weight * (error.abs() + error.square())).mean()

    def _cache(self) -> dict[str, Any]:
        return ReadOnce() if self.config.gradient_checkpointing else {}

    def _references(self, batch: Batch, latents: Tensor) -> tuple[Tensor, list[Bank]]:
        """The token of each row (N, 1, C), and the bank of the rows that see a reference."""
        net = self.networks
        plain = net.unconditional().expand(batch.plain, -1, -1)
        if batch.plain == len(batch.target):
            return plain, []
        size_px = net.image_encoder.config.image_size
        pixels = signed_to_clip_pixels(signed(batch.reference[batch.plain :]), size_px)
        token = image_token(net.image_encoder, pixels)
        bank = net.reference_unet.read(latents, token)
        bank.projections = self._cache()
        return torch.cat([plain.to(token), token]), [bank]

    def _points(self, batch: Batch) -> PointEmbeddings | None:
        if not batch.pointed:
            return None
        point_net = self.networks.point_net
        ends = (batch.lineart_map, batch.reference_map)
        return PointEmbeddings(*(point_net(end.float()) for end in ends))

    def _timesteps(self, latents: Tensor) -> Tensor:
        """Drawn on the CPU, so that every device draws the same."""
        steps, count = self.scheduler.config["num_train_timesteps"], len(latents)
        uniform = torch.randint(0, steps, (count,))
        high = torch.randint(int(steps * 0.7), steps, (count,))
        kind = torch.rand(count)
        chosen = torch.where(kind < self.config.high_noise, high, uniform)
        chosen = torch.where(kind > 1 - self.config.pure_noise, steps - 1, chosen)
        return chosen.to(latents.device)

    def _predict(
        self,
        batch: Batch,
        noisy: Tensor,
        timesteps: Tensor,
        tokens: Tensor,
        context: ReferenceContext,
        lineart_latents: Tensor | None,
    ) -> Tensor:
        told: dict[str, Any] = {}
        sample = noisy
        if self.networks.controlnet is None:
            assert lineart_latents is not None
            sample = torch.cat([noisy, lineart_latents], dim=1)
        else:
            down, mid = self.networks.controlnet(
                noisy,
                timesteps,
                encoder_hidden_states=tokens,
                controlnet_cond=signed(batch.condition).expand(-1, 3, -1, -1),
                return_dict=False,
            )
            told = {"down_block_additional_residuals": down, "mid_block_additional_residual": mid}
        return self.networks.unet(
            sample,
            timesteps,
            encoder_hidden_states=tokens,
            cross_attention_kwargs={"reference": context},
            **told,
        ).sample

    def _wanted(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the schedule has its network predict."""
        if self.scheduler.config["prediction_type"] == "v_prediction":
            return self.scheduler.get_velocity(latents, noise, timesteps)
        return noise
