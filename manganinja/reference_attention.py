# SPDX-License-Identifier: GPL-3.0-or-later
"""Reference features joined in self-attention (MangaNinja, arXiv 2501.08332, Eq. 1 and 2).

The Reference U-Net records the input of each of its self-attentions in a *bank*. The Denoising
U-Net reads that bank in the self-attention of the same name: its keys and values are its own
tokens followed by the reference's, all projected by its own weights.

Nothing is kept in the modules between two calls. Bank and points travel with the call in
``cross_attention_kwargs``, so one loaded model serves several jobs at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

Bank = dict[str, Tensor]
"""Reference tokens by block name: (R, L, C), R = 1 where all rows share one reference."""

Observer = Callable[[str, Tensor, Tensor, int], None]
"""Sees (block name, queries (N, H, L, D), keys (N, H, L + L', D), L) of rows with a reference."""


@dataclass(frozen=True)
class PointEmbeddings:
    """What PointNet made of the two point maps, finest level first.

    Attributes:
        lineart: per level (P, L, C), added to the tokens of the line art.
        reference: per level (P, L', C), added to the tokens of the reference.
            P = 1 where all rows share one set of points.
    """

    lineart: Sequence[Tensor]
    reference: Sequence[Tensor]

    @staticmethod
    def matching(levels: Sequence[Tensor], tokens: Tensor) -> Tensor:
        """The level made for ``tokens`` (N, L, C).

        Raises:
            ValueError: no level has L tokens of C channels, so the point map's size is not that
                of the picture. (The published code drops the points silently here.)
        """
        for level in levels:
            if level.shape[1:] == tokens.shape[1:]:
                return level
        raise ValueError(
            f"No point embedding has the shape {tuple(tokens.shape[1:])} (tokens, channels); "
            "the point map must have the size of the processed picture."
        )


@dataclass(frozen=True)
class ReferenceContext:
    """All that the Denoising U-Net's self-attentions need to know beside their own tokens.

    The batch rows stand in three groups, in this order: ``plain`` rows see no reference,
    ``reference`` rows see it, ``points`` rows see it with the point embeddings on queries and keys.
    """

    bank: Bank
    plain: int = 1
    reference: int = 1
    points: int = 1
    point_embeddings: PointEmbeddings | None = None
    observer: Observer | None = field(default=None, compare=False)


def _split_heads(tokens: Tensor, heads: int) -> Tensor:
    return tokens.unflatten(2, (heads, -1)).transpose(1, 2)


def _attend(attn: Attention, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Attention over projected heads (N, H, L, D), then the output projection: (N, L, C)."""
    out = F.scaled_dot_product_attention(query, key, value)
    return attn.to_out[0](out.transpose(1, 2).flatten(2))


def _project(attn: Attention, layer: Any, tokens: Tensor) -> Tensor:
    return _split_heads(layer(tokens), attn.heads)


def _self_attention(attn: Attention, tokens: Tensor) -> Tensor:
    query, key, value = (
        _project(attn, layer, tokens) for layer in (attn.to_q, attn.to_k, attn.to_v)
    )
    return _attend(attn, query, key, value)


def _rows(shared: Tensor, count: int) -> Tensor:
    return shared if shared.shape[0] == count else shared.expand(count, *shared.shape[1:])


class WriteReference:
    """Self-attention of the Reference U-Net: records its input, then goes on as usual."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        bank: Bank | None = None,
    ) -> Tensor:
        if bank is not None:
            bank[self.name] = hidden_states
        return _self_attention(attn, hidden_states)


class ReadReference:
    """Self-attention of the Denoising U-Net with the bank beside its own tokens.

    Points are added to what queries and keys are made of and never to values, before the
    projections, as in the published weights (the paper's Eq. 2 adds them after).
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        reference: ReferenceContext | None = None,
    ) -> Tensor:
        if reference is None:
            return _self_attention(attn, hidden_states)
        plain, informed = hidden_states.tensor_split([reference.plain])
        outputs = [_self_attention(attn, plain)] if len(plain) else []
        if len(informed):
            outputs.append(self._with_reference(attn, informed, reference))
        return torch.cat(outputs)

    def _with_reference(self, attn: Attention, own: Tensor, context: ReferenceContext) -> Tensor:
        bank = _rows(context.bank[self.name].to(own.dtype), len(own))
        own_marked, bank_marked = self._add_points(own, bank, context)
        query = _project(attn, attn.to_q, own_marked)
        key = _project(attn, attn.to_k, torch.cat([own_marked, bank_marked], dim=1))
        value = _project(attn, attn.to_v, torch.cat([own, bank], dim=1))
        if context.observer is not None:
            context.observer(self.name, query, key, own.shape[1])
        return _attend(attn, query, key, value)

    @staticmethod
    def _add_points(own: Tensor, bank: Tensor, context: ReferenceContext) -> tuple[Tensor, Tensor]:
        embeddings = context.point_embeddings
        if embeddings is None or context.points == 0:
            return own, bank

        def marked(tokens: Tensor, levels: Sequence[Tensor]) -> Tensor:
            embedding = PointEmbeddings.matching(levels, tokens).to(tokens.dtype)
            unmarked, pointed = tokens.tensor_split([context.reference])
            return torch.cat([unmarked, pointed + embedding])

        return marked(own, embeddings.lineart), marked(bank, embeddings.reference)


class SingleTokenAttention:
    """Cross-attention over one token: a softmax over one key is 1, so the value is the answer."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        reference: ReferenceContext | None = None,
        bank: Bank | None = None,
    ) -> Tensor:
        if encoder_hidden_states is None or encoder_hidden_states.shape[1] != 1:
            raise ValueError("The image embedding must be exactly one token: (N, 1, C).")
        return attn.to_out[0](attn.to_v(encoder_hidden_states)).expand_as(hidden_states)


def install(unet: Any, self_attention: Callable[[str], Any] | None) -> None:
    """Give every attention of a diffusers U-Net or ControlNet this project's processor.

    Args:
        unet: a ``UNet2DConditionModel`` or ``ControlNetModel``.
        self_attention: makes the processor of the self-attention of a block from the block's name,
            or None to leave self-attentions as they are.
    """
    processors = {}
    for key, present in unet.attn_processors.items():
        block, kind = key.removesuffix(".processor").rsplit(".", 1)
        if kind == "attn2":
            processors[key] = SingleTokenAttention()
        else:
            processors[key] = self_attention(block) if self_attention else present
    unet.set_attn_processor(processors)


class ReferenceUNet(UNet2DConditionModel):
    """A Stable Diffusion U-Net without its last norm and convolution: only its bank is used."""

    @wraps(UNet2DConditionModel.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conv_norm_out = None
        self.conv_out = nn.Identity()
        install(self, WriteReference)

    def read(self, latents: Tensor, image_embeds: Tensor) -> Bank:
        """The bank of one or more references, taken at timestep 0.

        Args:
            latents: (R, 4, h, w) scaled latents of the references.
            image_embeds: (R, 1, C) image embeddings.
        """
        bank: Bank = {}
        self(
            latents,
            torch.zeros((), dtype=torch.long, device=latents.device),
            encoder_hidden_states=image_embeds,
            cross_attention_kwargs={"bank": bank},
        )
        return bank


class DenoisingUNet(UNet2DConditionModel):
    """A Stable Diffusion U-Net whose self-attentions read a :class:`ReferenceContext`.

    Pass it as ``cross_attention_kwargs={"reference": context}``.
    """

    @wraps(UNet2DConditionModel.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        install(self, ReadReference)


def side_by_side(banks: Sequence[Bank]) -> Bank:
    """One bank of several references: their tokens one after the other."""
    if len(banks) == 1:
        return banks[0]
    return {name: torch.cat([bank[name] for bank in banks], dim=1) for name in banks[0]}
