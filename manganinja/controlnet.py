# SPDX-License-Identifier: GPL-3.0-or-later
"""The ControlNet that brings in the line art."""

from __future__ import annotations

from functools import wraps
from typing import Any

from diffusers import ControlNetModel
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from diffusers.utils.accelerate_utils import apply_forward_hook
from torch import Tensor

from .reference_attention import PlainAttention, install


class LineartEmbedding(ControlNetConditioningEmbedding):
    """ControlNet's embedding of the line art, which does not embed what is embedded already."""

    def forward(self, conditioning: Tensor) -> Tensor:
        """(N, 3, H, W) in [-1, 1], or what this method made of it, to (N, C, h, w)."""
        if conditioning.shape[1] == self.conv_in.in_channels:
            return super().forward(conditioning)
        return conditioning


class LineartControlNet(ControlNetModel):
    """A ControlNet that is told of one image token, and takes line art embedded beforehand.

    ``controlnet_cond`` may be a picture or what :meth:`embed` made of it. With
    ``cross_attention_kwargs={"constants": {}}``, one dictionary for all steps of a call, what
    does not change is computed once.
    """

    @wraps(ControlNetModel.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        first: Any = self.controlnet_cond_embedding.conv_in
        self.controlnet_cond_embedding = LineartEmbedding(
            conditioning_embedding_channels=self.config["block_out_channels"][0],
            conditioning_channels=first.in_channels,
            block_out_channels=self.config["conditioning_embedding_out_channels"],
        )
        # Line art has three equal channels, and embedded line art must not be turned round.
        self.register_to_config(controlnet_conditioning_channel_order="rgb")
        install(self, lambda block: PlainAttention())

    @apply_forward_hook
    def embed(self, condition: Tensor) -> Tensor:
        """The line art (N, 3, H, W) in [-1, 1] at the latents' size, the same in all steps."""
        return self.controlnet_cond_embedding(condition)
