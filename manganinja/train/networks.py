# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of one model under training: made from nothing, described, and made again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from ..conditioning import UnconditionalEmbedding
from ..controlnet import LineartControlNet
from ..errors import BadRequest
from ..point_net import PointNet
from ..reference_attention import DenoisingUNet, ReferenceUNet


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of a model trained from nothing; the defaults are the bundled mini's.

    Attributes:
        lineart: how it comes in: by a "controlnet", as in the published weights, or as "latents"
            beside the noisy ones, as in the paper.
    """

    channels: tuple[int, ...] = (64, 128, 192)
    layers_per_block: int = 1
    heads: int = 4
    norm_groups: int = 4
    latent_channels: int = 8
    embedding: int = 64
    condition_channels: tuple[int, ...] = (16, 32, 64, 96)
    lineart: str = "controlnet"
    clip_width: int = 64
    clip_layers: int = 2
    clip_image_px: int = 64
    clip_patch_px: int = 16


@dataclass
class Networks:
    """What is trained together. The autoencoder is trained before and frozen."""

    unet: DenoisingUNet
    reference_unet: ReferenceUNet
    controlnet: LineartControlNet | None
    point_net: PointNet
    image_encoder: Any  # CLIPVisionModelWithProjection, whose config is typed too widely
    unconditional: UnconditionalEmbedding

    def items(self) -> Iterator[tuple[str, nn.Module]]:
        """Name and module of each network there is, in the pipeline's names."""
        yield from ((name, module) for name, module in vars(self).items() if module is not None)


KINDS: dict[str, Any] = {
    "unet": DenoisingUNet,
    "reference_unet": ReferenceUNet,
    "controlnet": LineartControlNet,
    "point_net": PointNet,
    "image_encoder": CLIPVisionModelWithProjection,
    "unconditional": UnconditionalEmbedding,
}
"""The class of each network."""


def described(networks: Networks) -> dict[str, Any]:
    """The config of each network there is, of which :func:`from_description` makes it again."""

    def config(module: Any) -> dict[str, Any]:
        if isinstance(module, CLIPVisionModelWithProjection):
            return module.config.to_diff_dict()
        return own_settings(module.config)

    return {name: config(module) for name, module in networks.items()}


def own_settings(config: Any) -> dict[str, Any]:
    """A diffusers config without what the library notes of its own."""
    return {key: value for key, value in dict(config).items() if not key.startswith("_")}


def from_description(configs: Mapping[str, Any]) -> Networks:
    """Whole networks of the configs given, with random weights."""

    def made(name: str, config: Any) -> Any:
        if name == "image_encoder":
            return CLIPVisionModelWithProjection(CLIPVisionConfig(**config))
        return KINDS[name].from_config(config)

    made_all = {name: made(name, config) for name, config in configs.items()}
    return Networks(**{"controlnet": None, **made_all})


def widened(unet: DenoisingUNet) -> DenoisingUNet:
    """The U-Net with room for the line art's latents beside the noisy ones, to which it is blind.

    Its first convolution gets as many channels again, with zeros for weights, so before any
    training it predicts what it predicted.
    """
    channels = unet.config["in_channels"]
    wide: Any = DenoisingUNet.from_config(
        {**own_settings(unet.config), "in_channels": 2 * channels}
    )
    state = unet.state_dict()
    weight = state["conv_in.weight"]
    state["conv_in.weight"] = torch.cat([weight, torch.zeros_like(weight)], dim=1)
    wide.load_state_dict(state)
    return wide


def training_scheduler() -> DDIMScheduler:
    """Stable Diffusion's noise schedule with a last step of pure noise, predicting velocity.

    A model trained from nothing gets zero terminal signal (arXiv 2305.08891): its first step then
    sees at sampling what it saw in training, and colours come out at full strength.
    """
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
    )


def new_networks(config: NetworkConfig) -> Networks:
    """Untrained networks of the given sizes."""
    if config.lineart not in ("controlnet", "latents"):
        raise BadRequest(
            f"Line art can't come in by {config.lineart!r}.", "Choose 'controlnet' or 'latents'."
        )
    levels = len(config.channels)
    shared = {
        "in_channels": config.latent_channels,
        "block_out_channels": config.channels,
        "layers_per_block": config.layers_per_block,
        "attention_head_dim": config.heads,
        "norm_num_groups": config.norm_groups,
        "cross_attention_dim": config.embedding,
        "down_block_types": ("CrossAttnDownBlock2D",) * levels,
    }
    up = {
        "out_channels": config.latent_channels,
        "up_block_types": ("CrossAttnUpBlock2D",) * levels,
    }
    controlnet = None
    if config.lineart == "controlnet":
        controlnet = LineartControlNet(
            conditioning_embedding_out_channels=config.condition_channels, **shared
        )
        _wake_zero_convolutions(controlnet)
    vision = CLIPVisionConfig(
        hidden_size=config.clip_width,
        intermediate_size=4 * config.clip_width,
        num_hidden_layers=config.clip_layers,
        num_attention_heads=4,
        image_size=config.clip_image_px,
        patch_size=config.clip_patch_px,
        projection_dim=config.embedding,
    )
    beside = 1 if controlnet else 2
    return Networks(
        unet=DenoisingUNet(**{**shared, "in_channels": beside * config.latent_channels}, **up),
        reference_unet=ReferenceUNet(**shared, **up),
        controlnet=controlnet,
        point_net=PointNet(config.channels, encoding="code"),
        image_encoder=CLIPVisionModelWithProjection(vision),
        unconditional=UnconditionalEmbedding(config.embedding),
    )


def _wake_zero_convolutions(controlnet: LineartControlNet) -> None:
    """ControlNet starts at zero to spare a trained U-Net; from nothing that only delays."""
    zeroed = [*controlnet.controlnet_down_blocks, controlnet.controlnet_mid_block]
    for convolution in [*zeroed, controlnet.controlnet_cond_embedding.conv_out]:
        convolution.reset_parameters()
