# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaves out the parts of Stable Diffusion's networks that change no result here.

Cross-attention sees one token, so its softmax is 1 whatever query and key are: ``norm2``, ``to_q``
and ``to_k`` never matter. The Reference U-Net is run for its bank alone, so the last block matters
up to ``norm1``. Training keeps whole networks: its checkpoints stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from torch import Tensor, nn

from .reference_attention import ReferenceUNet


class _LastRecorder(nn.Module):
    """The last transformer block of a Reference U-Net: records, and passes its input on."""

    def __init__(self, norm1: nn.Module, name: str) -> None:
        super().__init__()
        self.norm1 = norm1
        self.name = name

    def forward(
        self, hidden_states: Tensor, cross_attention_kwargs: dict[str, Any] | None = None, **_: Any
    ) -> Tensor:
        record: Callable[[str, Tensor], None] | None = (cross_attention_kwargs or {}).get("record")
        if record is not None:
            record(self.name, self.norm1(hidden_states))
        return hidden_states


def slim(network: nn.Module) -> None:
    """Take the parts without effect out of a U-Net or ControlNet; others stay as they are.

    The processors must be this project's (:func:`.reference_attention.install`).
    """
    if not isinstance(network, (UNet2DConditionModel, ControlNetModel)):
        return
    if isinstance(network, ReferenceUNet):
        _end_after_last_record(network)
    blocks: list[Any] = [m for m in network.modules() if isinstance(m, BasicTransformerBlock)]
    for block in blocks:
        block.norm2 = nn.Identity()
        block.attn2.to_q = block.attn2.to_k = None


def _end_after_last_record(network: Any) -> None:
    transformer = network.up_blocks[-1].attentions[-1]
    block = transformer.transformer_blocks[-1]
    recorder = _LastRecorder(block.norm1, block.attn1.processor.name)
    transformer.transformer_blocks[-1] = recorder
    transformer.proj_out = nn.Identity()
