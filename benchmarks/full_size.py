# SPDX-License-Identifier: GPL-3.0-or-later
"""The published model's sizes with random weights: what it costs does not depend on what it knows.

Sizes: Stable Diffusion 1.5, its lineart ControlNet (v1.1), CLIP ViT-L/14's image tower.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from manganinja.conditioning import UnconditionalEmbedding
from manganinja.controlnet import LineartControlNet
from manganinja.pipeline import MangaNinjaPipeline
from manganinja.point_net import PointNet
from manganinja.reference_attention import DenoisingUNet, ReferenceUNet

UNET: dict[str, Any] = {"cross_attention_dim": 768, "sample_size": 64}
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "sample_size": 512,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
CLIP: dict[str, Any] = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "patch_size": 14,
    "projection_dim": 768,
}
SCHEDULER: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


def build(
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    narrower: int = 1,
    shared: bool = False,
) -> MangaNinjaPipeline:
    """A pipeline of the published sizes, untrained.

    Args:
        device: "meta" for a pipeline that can only be counted.
        dtype: of all weights.
        shared: to take less memory, the Reference U-Net has the U-Net's own weights, and the
            image tower, which no step needs, has none.
        narrower: divides the channels of U-Nets and ControlNet, for machines that are small.
    """
    channels = tuple(width // narrower for width in (320, 640, 1280, 1280))
    unet = {**UNET, "block_out_channels": channels}
    previous = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            torch.manual_seed(0)
            controlnet = LineartControlNet(**_without(unet, "sample_size"))
            denoising = DenoisingUNet(**unet)
            with torch.device("meta" if shared else device):
                reference_unet = ReferenceUNet(**unet)
                image_encoder = CLIPVisionModelWithProjection(CLIPVisionConfig(**CLIP))
            if shared:
                reference_unet.load_state_dict(denoising.state_dict(), strict=False, assign=True)
            networks = {
                "unet": denoising,
                "reference_unet": reference_unet,
                "controlnet": controlnet,
                "point_net": PointNet(channels),
                "vae": AutoencoderKL(**VAE),
                "image_encoder": image_encoder,
                "unconditional": UnconditionalEmbedding(),
            }
            _wake(controlnet)
    finally:
        torch.set_default_dtype(previous)
    for network in networks.values():
        network.eval().requires_grad_(False)
    pipeline = MangaNinjaPipeline(**networks, scheduler=DDIMScheduler(**SCHEDULER))
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _without(options: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in options.items() if key != name}


def _wake(controlnet: LineartControlNet) -> None:
    """An untrained ControlNet ends in zeros and would change nothing."""
    ends = [*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block]
    for convolution in [*ends, controlnet.controlnet_cond_embedding.conv_out]:
        nn.init.normal_(convolution.weight, std=0.01)
