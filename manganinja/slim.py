# SPDX-License-Identifier: GPL-3.0-or-later
"""Leaves out the parts of Stable Diffusion's networks that change no result here.

Cross-attention sees one token, so its softmax is 1 whatever query and key are: ``norm2``, ``to_q``
and ``to_k`` never matter. The Reference U-Net is run for its bank alone, so the last block matters
up to ``norm1``. Training keeps whole networks: its checkpoints stay what they are.
"""

from __future__ import annotations

from typing import Any

from diffusers import ControlNetModel, UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from torch import nn

from .reference_attention import ReferenceUNet


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
        if block.attn2 is not None:
            block.attn2.to_q = block.attn2.to_k = None


def _end_after_last_record(network: Any) -> None:
    """Its pass ends in the last block's self-attention, before that has computed anything."""
    transformer = network.up_blocks[-1].attentions[-1]
    block = transformer.transformer_blocks[-1]
    block.attn1.to_q = block.attn1.to_k = block.attn1.to_v = block.attn1.to_out = None
    block.attn2 = block.ff = None
    block.norm2 = block.norm3 = transformer.proj_out = nn.Identity()
