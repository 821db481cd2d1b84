# SPDX-License-Identifier: GPL-3.0-or-later
"""The published code's schedule of work, written plainly: what the pipeline is measured against.

Own code after the published computation: three rows through everything, attention with points for
all rows and then again for two of them, the bank projected and the line art embedded in every step,
cross-attention with queries, keys and softmax over one token. It gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor, nn

from manganinja.guidance import Guidance
from manganinja.pipeline import MangaNinjaPipeline
from manganinja.reference_attention import PointEmbeddings, Unneeded


@dataclass(frozen=True)
class PublishedInputs:
    """What a call has worked out before its first step.

    Attributes:
        reference_latents: (1, 4, h, w).
        tokens: (3, 1, C) rows uncond, image, image.
        condition: (1, 3, H, W) in [-1, 1].
        points: embeddings of both point maps.
    """

    reference_latents: Tensor
    tokens: Tensor
    condition: Tensor
    points: PointEmbeddings


def whole(pipeline: MangaNinjaPipeline) -> MangaNinjaPipeline:
    """A pipeline with the parts that the published schedule runs for nothing: a loaded model has
    been rid of them (:mod:`manganinja.slim`), and they may hold any numbers."""

    def filled(network: Any) -> Any:
        fresh = type(network).from_config(network.config).to(network.device, network.dtype)
        fresh.load_state_dict(network.state_dict(), strict=False)
        return fresh.eval().requires_grad_(False)

    names = ("unet", "reference_unet", "controlnet")
    networks = {name: filled(getattr(pipeline, name)) for name in names}
    config = {name: v for name, v in pipeline.config.items() if not name.startswith("_")}
    other = MangaNinjaPipeline(**{**config, **pipeline.components, **networks})
    other.set_progress_bar_config(disable=True)
    return other


@dataclass(frozen=True)
class _Read:
    bank: dict[str, Tensor]
    points: PointEmbeddings


class _Write:
    def __init__(self, name: str) -> None:
        self.name, self.plain = name, AttnProcessor2_0()

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Any = None,
        attention_mask: Any = None,
        record: Any = None,
    ) -> Tensor:
        if record is not None:
            record[self.name] = hidden_states
        return self.plain(attn, hidden_states)


class _OneToken:
    """diffusers' attention, that has no use for what the self-attentions are told."""

    def __init__(self) -> None:
        self.plain = AttnProcessor2_0()

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Any = None,
        attention_mask: Any = None,
        record: Any = None,
        read: Any = None,
    ) -> Tensor:
        return self.plain(attn, hidden_states, encoder_hidden_states)


class _ReadPlainly:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Any = None,
        attention_mask: Any = None,
        read: Any = None,
    ) -> Tensor:
        x, bank = hidden_states, read.bank[self.name]
        own = PointEmbeddings.matching(read.points.lineart, x)
        theirs = PointEmbeddings.matching(read.points.reference, bank)
        both = torch.cat([x, bank], dim=1)
        out = _attend(attn, x + own, torch.cat([x + own, bank + theirs], dim=1), both)
        out[1:2] = _attend(attn, x[1:2], both[1:2], both[1:2])
        out[0:1] = _attend(attn, x[0:1], x[0:1], x[0:1])
        return out


def _attend(attn: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    q, k, v = (
        layer(tokens).unflatten(2, (attn.heads, -1)).transpose(1, 2)
        for layer, tokens in ((attn.to_q, query), (attn.to_k, key), (attn.to_v, value))
    )
    out = F.scaled_dot_product_attention(q, k, v)
    return attn.to_out[0](out.transpose(1, 2).flatten(2))


@contextmanager
def as_published(pipeline: MangaNinjaPipeline) -> Iterator[None]:
    """The pipeline's networks with the published code's attention, put back afterwards."""
    networks = pipeline.unet, pipeline.reference_unet, pipeline.controlnet
    ours = [network.attn_processors for network in networks]
    norms: list[Any] = [
        m for network in networks for m in network.modules() if isinstance(m, Unneeded)
    ]
    own_kind = {pipeline.unet: _ReadPlainly, pipeline.reference_unet: _Write}
    for network in networks:
        processors = {}
        for key in network.attn_processors:
            block, kind = key.removesuffix(".processor").rsplit(".", 1)
            special = own_kind.get(network) if kind == "attn1" else None
            processors[key] = special(block) if special else _OneToken()
        network.set_attn_processor(processors)
    for norm in norms:
        norm.__class__ = nn.LayerNorm
    try:
        yield
    finally:
        for network, processors in zip(networks, ours, strict=True):
            network.set_attn_processor(dict(processors))
        for norm in norms:
            norm.__class__ = Unneeded


def read_reference(pipeline: MangaNinjaPipeline, inputs: PublishedInputs) -> dict[str, Tensor]:
    """The bank (3, L', C), of three rows."""
    bank: dict[str, Tensor] = {}
    pipeline.reference_unet(
        inputs.reference_latents.repeat(3, 1, 1, 1),
        torch.zeros((), dtype=torch.long, device=inputs.reference_latents.device),
        encoder_hidden_states=inputs.tokens,
        cross_attention_kwargs={"record": bank},
    )
    return bank


def predict(
    pipeline: MangaNinjaPipeline,
    latents: Tensor,
    timestep: Tensor,
    inputs: PublishedInputs,
    bank: dict[str, Tensor],
) -> Tensor:
    """One step's raw prediction (3, 4, h, w)."""
    rows = latents.repeat(3, 1, 1, 1)
    down, mid = pipeline.controlnet(
        rows,
        timestep,
        encoder_hidden_states=inputs.tokens,
        controlnet_cond=inputs.condition.repeat(3, 1, 1, 1),
        return_dict=False,
    )
    return pipeline.unet(
        rows,
        timestep,
        encoder_hidden_states=inputs.tokens,
        down_block_additional_residuals=down,
        mid_block_additional_residual=mid,
        cross_attention_kwargs={"read": _Read(bank, inputs.points)},
    ).sample


def sample(
    pipeline: MangaNinjaPipeline,
    latents: Tensor,
    inputs: PublishedInputs,
    steps: int,
    guidance: Guidance,
    after_step: Any = lambda: None,
) -> Tensor:
    """The published sampling loop: DDIM on all three rows."""
    scheduler = type(pipeline.scheduler).from_config(pipeline.scheduler.config)
    scheduler.set_timesteps(steps, device=latents.device)
    bank = read_reference(pipeline, inputs)
    for timestep in scheduler.timesteps:
        guided = guidance.combine(predict(pipeline, latents, timestep, inputs, bank))
        latents = scheduler.step(guided, timestep, latents).prev_sample
        after_step()
    return latents
