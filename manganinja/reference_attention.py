# SPDX-License-Identifier: GPL-3.0-or-later
"""Reference features joined in self-attention (MangaNinja, arXiv 2501.08332, Eq. 1 and 2).

The Reference U-Net records the input of each of its self-attentions in a *bank*. The Denoising
U-Net reads that bank in the self-attention of the same name: its keys and values are its own
tokens followed by the reference's, all projected by its own weights.

Nothing is kept in the modules between two calls. Bank, points and what is computed once for all
steps travel with the call in ``cross_attention_kwargs``, so one loaded model serves several jobs at
once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import wraps
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from diffusers.models.attention_processor import Attention
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn

Observer = Callable[[str, Tensor, Tensor, int], None]
"""Sees (block name, queries (N, H, L, D), keys (N, H, L + L', D), L) of rows with a reference."""


class Bank(dict[str, Tensor]):
    """A reference's tokens by block name: (R, L', C), R = 1 where all rows share it.

    Attributes:
        projections: what the Denoising U-Net's blocks made of them so far, keys and values
            (R, H, L', D). They depend on nothing else, so they hold as long as the bank does.
    """

    def __init__(self, tokens: Mapping[str, Tensor] | None = None) -> None:
        super().__init__(tokens or {})
        self.projections: dict[str, tuple[Tensor, Tensor]] = {}

    def projected(self, block: str, attn: Attention) -> tuple[Tensor, Tensor]:
        """Keys and values of a block, computed at the first call."""
        if block not in self.projections:
            tokens = self[block].to(attn.to_k.weight.dtype)
            self.projections[block] = (
                _project(attn, attn.to_k, tokens),
                _project(attn, attn.to_v, tokens),
            )
        return self.projections[block]

    def rounded(self, dtype: torch.dtype) -> Bank:
        """The same tokens with no more digits than ``dtype`` has."""
        return Bank({name: tokens.to(dtype).to(tokens.dtype) for name, tokens in self.items()})

    @property
    def bytes_in_all(self) -> int:
        """What tokens, keys and values take once all blocks have projected them."""
        return 3 * sum(tokens.nbytes for tokens in self.values())


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
    """All that the Denoising U-Net's attentions need to know beside their own tokens.

    The batch rows stand in three groups, in this order: ``plain`` rows see no reference,
    ``reference`` rows see it, ``points`` rows see it with the point embeddings on queries and keys.
    A context serves all steps of one call and is filled by the first of them.

    Attributes:
        banks: one of each reference; their tokens stand side by side.
        point_embeddings: of the points rows.
        bias: per level (L',), added to the attention logits of the references' tokens: the log of
            a reference's weight, -inf where its mask leaves a token out. None where empty.
        observer: sees the queries and keys.
        beside: keys and values of all references by block name, as the rows need them.
        constants: what cross-attention over one token gives, by block name.
    """

    banks: Sequence[Bank]
    plain: int = 1
    reference: int = 1
    points: int = 1
    point_embeddings: PointEmbeddings | None = None
    bias: Sequence[Tensor] = ()
    observer: Observer | None = field(default=None, compare=False)
    beside: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict, compare=False)
    constants: dict[str, Tensor] = field(default_factory=dict, compare=False)

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return self.plain + self.reference + self.points

    def with_rows(self, plain: int, reference: int, points: int) -> ReferenceContext:
        """A context of the same call for another number of rows in each group."""
        rows = {"plain": plain, "reference": reference, "points": points}
        return replace(self, **rows, beside={}, constants={})


def _split_heads(tokens: Tensor, heads: int) -> Tensor:
    return tokens.unflatten(2, (heads, -1)).transpose(1, 2)


def _attend(
    attn: Attention, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None
) -> Tensor:
    """Attention over projected heads (N, H, L, D), then the output projection: (N, L, C)."""
    out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
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


class _BankIsFull(Exception):
    """Nothing behind the last self-attention of the Reference U-Net is ever used."""


class PlainAttention:
    """Self-attention as it is, of a network whose cross-attentions keep their constants."""

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        constants: dict[str, Tensor] | None = None,
    ) -> Tensor:
        return _self_attention(attn, hidden_states)


class WriteReference:
    """Self-attention of the Reference U-Net: records its input, then goes on as usual."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_last = False

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        record: Callable[[str, Tensor], None] | None = None,
    ) -> Tensor:
        if record is not None:
            record(self.name, hidden_states)
            if self.is_last:
                raise _BankIsFull
        return _self_attention(attn, hidden_states)


class ReadReference:
    """Self-attention of the Denoising U-Net with the references' tokens beside its own.

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
        # Up to the first attention all rows are the same one; here they part.
        hidden_states = _rows(hidden_states, reference.rows)
        plain, informed = hidden_states.tensor_split([reference.plain])
        outputs = [_self_attention(attn, plain)] if len(plain) else []
        if len(informed):
            outputs.append(self._with_reference(attn, informed, reference))
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)

    def _with_reference(self, attn: Attention, own: Tensor, context: ReferenceContext) -> Tensor:
        if self.name not in context.beside:
            context.beside[self.name] = self._references(attn, len(own), context)
        their_key, their_value = context.beside[self.name]
        marked = self._marked(own, context)
        query = _project(attn, attn.to_q, marked)
        key = torch.cat([_project(attn, attn.to_k, marked), their_key], dim=2)
        value = torch.cat([_project(attn, attn.to_v, own), their_value], dim=2)
        if context.observer is not None:
            context.observer(self.name, query, key, own.shape[1])
        return _attend(attn, query, key, value, _bias(context, own, their_key))

    @staticmethod
    def _marked(own: Tensor, context: ReferenceContext) -> Tensor:
        """The rows' own tokens, with the line art's points on the rows that have them."""
        if context.point_embeddings is None or context.points == 0:
            return own
        embedding = PointEmbeddings.matching(context.point_embeddings.lineart, own).to(own.dtype)
        unmarked, pointed = own.tensor_split([context.reference])
        return torch.cat([unmarked, pointed + embedding])

    def _references(
        self, attn: Attention, rows: int, context: ReferenceContext
    ) -> tuple[Tensor, Tensor]:
        """Keys and values (N, H, L', D) of all references' tokens, the same in all steps."""
        projected = [bank.projected(self.name, attn) for bank in context.banks]
        keys = _rows(torch.cat([key for key, _ in projected], dim=2), rows)
        values = _rows(torch.cat([value for _, value in projected], dim=2), rows)
        if context.point_embeddings is None or context.points == 0:
            return keys, values
        tokens = torch.cat([bank[self.name] for bank in context.banks], dim=1).to(keys.dtype)
        levels = context.point_embeddings.reference
        embedding = PointEmbeddings.matching(levels, tokens).to(keys.dtype)
        pointed = tokens if len(tokens) == 1 else tokens[context.reference :]
        pointed_keys = _project(attn, attn.to_k, pointed + embedding)
        return torch.cat([keys[: context.reference], _rows(pointed_keys, context.points)]), values


def _bias(context: ReferenceContext, own: Tensor, their_key: Tensor) -> Tensor | None:
    """What is added to the logits, (1, 1, 1, L + L'), if anything is."""
    if not context.bias:
        return None
    (theirs,) = [level for level in context.bias if len(level) == their_key.shape[2]]
    return torch.cat([theirs.new_zeros(own.shape[1]), theirs]).to(own.dtype)[None, None, None]


class SingleTokenAttention:
    """Cross-attention over one token: a softmax over one key is 1, so the value is the answer.

    It is the same in all steps of a call, which keeps it in ``constants``.
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
        record: Callable[[str, Tensor], None] | None = None,
        constants: dict[str, Tensor] | None = None,
    ) -> Tensor:
        known = constants if reference is None else reference.constants
        if known is None:
            known = {}
        if self.name not in known:
            if encoder_hidden_states is None or encoder_hidden_states.shape[1] != 1:
                raise ValueError("The image embedding must be exactly one token: (N, 1, C).")
            known[self.name] = attn.to_out[0](attn.to_v(encoder_hidden_states))
        return known[self.name].expand(-1, hidden_states.shape[1], -1)


class Unneeded(nn.LayerNorm):
    """The norm before a cross-attention over one token, whose answer does not depend on it."""

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden


class RowsPart(Transformer2DModel):
    """A transformer that may be given one row and, by its attentions, give several."""

    @wraps(Transformer2DModel._get_output_for_continuous_inputs)
    def _get_output_for_continuous_inputs(
        self, hidden_states: Tensor, residual: Tensor, batch_size: int, **sizes: int
    ) -> Tensor:
        rows = hidden_states.shape[0]
        return super()._get_output_for_continuous_inputs(
            hidden_states, residual, batch_size=rows, **sizes
        )


def install(unet: Any, self_attention: Callable[[str], Any]) -> None:
    """Give every attention of a diffusers U-Net or ControlNet this project's processor.

    Args:
        unet: a ``UNet2DConditionModel`` or ``ControlNetModel``.
        self_attention: makes the processor of the self-attention of a block from its name.
    """
    processors = {}
    for key in unet.attn_processors:
        block, kind = key.removesuffix(".processor").rsplit(".", 1)
        processors[key] = (SingleTokenAttention if kind == "attn2" else self_attention)(block)
    unet.set_attn_processor(processors)
    # Rows that differ in reference or token alone are one row up to the first attention.
    next(m for m in unet.modules() if type(m) is Transformer2DModel).__class__ = RowsPart
    for module in list(unet.modules()):
        if isinstance(module, BasicTransformerBlock) and type(module.norm2) is nn.LayerNorm:
            unneeded = Unneeded(list(module.norm2.normalized_shape))
            unneeded.load_state_dict(module.norm2.state_dict(), assign=True)
            module.norm2 = unneeded


class ReferenceUNet(UNet2DConditionModel):
    """A Stable Diffusion U-Net without its last norm and convolution: only its bank is used."""

    @wraps(UNet2DConditionModel.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conv_norm_out = None
        self.conv_out = nn.Identity()
        install(self, WriteReference)
        writers = [p for p in self.up_blocks.modules() if isinstance(p, Attention)]
        last = [p.processor for p in writers if isinstance(p.processor, WriteReference)][-1]
        last.is_last = True

    def read(self, latents: Tensor, image_embeds: Tensor) -> Bank:
        """The bank of one or more references, taken at timestep 0.

        Args:
            latents: (R, 4, h, w) scaled latents of the references.
            image_embeds: (R, 1, C) image embeddings.
        """
        bank = Bank()
        self(
            latents,
            torch.zeros((), dtype=torch.long, device=latents.device),
            encoder_hidden_states=image_embeds,
            # Not the bank itself: accelerate's hooks hand on copies of dictionaries.
            cross_attention_kwargs={"record": bank.__setitem__},
        )
        return bank

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """As a U-Net's; None once a bank is full."""
        with suppress(_BankIsFull):
            return super().forward(*args, **kwargs)
        return None


class DenoisingUNet(UNet2DConditionModel):
    """A Stable Diffusion U-Net whose self-attentions read a :class:`ReferenceContext`.

    Pass it as ``cross_attention_kwargs={"reference": context}``.
    """

    @wraps(UNet2DConditionModel.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        install(self, ReadReference)
