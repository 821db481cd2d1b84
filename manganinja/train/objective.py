# SPDX-License-Identifier: GPL-3.0-or-later
"""What a batch costs: noise, bank, points, prediction, losses. One module, so that accelerate can
spread it over devices and precisions."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..conditioning import image_token, signed_to_clip_pixels
from ..reference_attention import Bank, PointEmbeddings, ReferenceContext
from .batch import Batch
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
    networks.reference_unet.up_blocks[-1].attentions[-1].gradient_checkpointing = False


def _pointed_at(batch: Batch, side: int) -> Tensor:
    """Share of each latent (N, 1, side, side) that a point speaks of, 0 to 1."""
    shares = F.adaptive_avg_pool2d(batch.recoloured.unsqueeze(1).float(), side)
    if batch.pointed:
        shares[-batch.pointed :] += F.adaptive_max_pool2d((batch.lineart_map > 0).float(), side)
    return shares.clamp(max=1)


class Objective(nn.Module):
    """The losses of a batch.

    Args:
        channel_weights: what the error of each latent channel counts, (C, 1, 1) with mean 1.
    """

    def __init__(
        self, networks: Networks, scheduler: Any, config: TrainingConfig, channel_weights: Tensor
    ) -> None:
        super().__init__()
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
        """Error of the prediction, matching loss and point loss, (3,) float32.

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
        return torch.stack([error, *attention])

    def _cache(self) -> dict[str, Any]:
        return ReadOnce() if self.config.gradient_checkpointing else {}

    def _references(self, batch: Batch, latents: Tensor) -> tuple[Tensor, list[Bank]]:
        """The token of each row (N, 1, C), and the bank of the rows that see a reference."""
        net = self.networks
        plain = net.unconditional().expand(batch.plain, -1, -1)
        if batch.plain == len(batch.target):
            return plain, []
        size_px = net.image_encoder.config.image_size
        pixels = signed_to_clip_pixels(batch.reference[batch.plain :], size_px)
        token = image_token(net.image_encoder, pixels)
        bank = net.reference_unet.read(latents, token)
        bank.projections = self._cache()
        return torch.cat([plain.to(token), token]), [bank]

    def _points(self, batch: Batch) -> PointEmbeddings | None:
        if not batch.pointed:
            return None
        point_net = self.networks.point_net
        return PointEmbeddings(point_net(batch.lineart_map), point_net(batch.reference_map))

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
                controlnet_cond=batch.condition,
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
