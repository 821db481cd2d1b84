# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run starts with: nothing, a model, or Stable Diffusion with a line-art ControlNet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from transformers import CLIPTextModel, CLIPVisionModelWithProjection

from ..conditioning import UnconditionalEmbedding
from ..controlnet import LineartControlNet
from ..errors import BadRequest
from ..pipeline import MangaNinjaPipeline
from ..point_net import PointNet
from ..reference_attention import DenoisingUNet, ReferenceUNet
from ..weights.keys import check_shapes
from ..weights.load import load_pipeline
from ..weights.state import load_clip, read_json, read_state, readable, shapes_of
from .networks import (
    Networks,
    described,
    from_description,
    new_networks,
    own_settings,
    training_scheduler,
    widened,
)
from .settings import StartConfig, TrainingConfig

_REMEDY = "Name a folder in diffusers' layout; docs/training.md says which and where to get it."


@dataclass
class Start:
    """Networks to train, the frozen autoencoder, the noise schedule that they know.

    Attributes:
        licence: of the weights that it comes from, which the trained ones inherit; empty for ours.
    """

    networks: Networks
    codec: Any
    scheduler: Any
    licence: str = ""


def new_start(config: TrainingConfig, codec: Any = None, model: Any = None) -> Start:
    """What ``config.start`` says.

    Args:
        codec: the autoencoder of a model from nothing; otherwise in place of the start's own.
        model: a loaded pipeline in place of ``config.start.model``.

    Raises:
        BadRequest: something that is needed is not named, or does not fit.
        BadWeights, ModelNotFound: weights are missing or damaged.
    """
    torch.manual_seed(config.seed)
    named = config.start
    if named.stable_diffusion and (named.model or model is not None):
        raise BadRequest("Two starts are named.", "Name a model or Stable Diffusion.")
    if model is not None or named.model:
        start = from_model(model if model is not None else load_pipeline(named.model))
    elif named.stable_diffusion:
        start = from_stable_diffusion(named, config.networks.lineart)
    else:
        if codec is None:
            raise BadRequest(
                "A model from nothing needs an autoencoder.",
                "Train one with `manganinja train codec` and name its folder with --codec.",
            )
        channels = codec.config["latent_channels"]
        sizes = {**vars(config.networks), "latent_channels": channels}
        start = Start(new_networks(type(config.networks)(**sizes)), codec, training_scheduler())
    start.codec = codec if codec is not None else start.codec
    _bring_in_lineart(start.networks, config.networks.lineart)
    return start


def _bring_in_lineart(networks: Networks, way: str) -> None:
    """Change networks that take line art by a ControlNet to the paper's own variant, if asked."""
    twice = 2 * networks.reference_unet.config["in_channels"]
    if way == "latents":
        networks.controlnet = None
        if networks.unet.config["in_channels"] != twice:
            networks.unet = widened(networks.unet)
    elif networks.controlnet is None:
        raise BadRequest(
            "The model that the run starts with has no ControlNet.",
            'Set lineart = "latents" in [networks], or name a ControlNet.',
        )


def from_model(pipeline: MangaNinjaPipeline) -> Start:
    """The networks of a model, whole: parts that change no result are not loaded (slim.py) and
    start anew."""
    parts = {name: part for name, part in pipeline.components.items() if part is not None}
    named = Networks(**{n: pipeline.components.get(n) for n in Networks.__annotations__})
    networks = from_description(described(named))
    for name, module in networks.items():
        learnt = {key: value.float() for key, value in parts[name].state_dict().items()}
        module.load_state_dict({**module.state_dict(), **learnt})
    return Start(networks, pipeline.vae, pipeline.scheduler, str(pipeline.config["licence"]))


def from_stable_diffusion(named: StartConfig, lineart: str) -> Start:
    """Both U-Nets as Stable Diffusion's, the ControlNet as published, CLIP; PointNet is new."""
    if not named.clip or (lineart == "controlnet" and not named.controlnet):
        raise BadRequest(
            "Stable Diffusion alone is not enough to start with.",
            "Name the folders of CLIP and, unless line art comes in as latents, of the ControlNet.",
        )
    folder = Path(named.stable_diffusion)
    unet = _loaded(DenoisingUNet, folder / "unet")
    reference = ReferenceUNet.from_config(own_settings(unet.config))
    # It lacks the last norm and convolution.
    reference.load_state_dict({key: unet.state_dict()[key] for key in reference.state_dict()})
    controlnet = None
    if lineart == "controlnet":
        controlnet = _loaded(LineartControlNet, Path(named.controlnet))
        _check_fits(controlnet, unet, named.controlnet)
    clip = Path(named.clip)
    noise = read_json(folder / "scheduler" / "scheduler_config.json", _REMEDY)
    networks = Networks(
        unet=unet,
        reference_unet=reference,
        controlnet=controlnet,
        point_net=PointNet(unet.config["block_out_channels"], encoding="code"),
        image_encoder=readable(
            lambda: load_clip(CLIPVisionModelWithProjection, clip, torch.float32), clip, _REMEDY
        ),
        unconditional=_empty_prompt(clip),
    )
    width = networks.image_encoder.config.projection_dim
    if width != unet.config["cross_attention_dim"]:
        raise BadRequest(
            f"CLIP's tokens have {width} channels, the U-Net's cross-attention takes "
            f"{unet.config['cross_attention_dim']}.",
            "Name the CLIP that Stable Diffusion 1.5 was trained with: clip-vit-large-patch14.",
        )
    codec = readable(lambda: AutoencoderKL.from_pretrained(folder / "vae"), folder / "vae", _REMEDY)
    scheduler: Any = DDIMScheduler.from_config(noise)
    return Start(networks, codec, scheduler, "CreativeML OpenRAIL-M (from Stable Diffusion 1.5)")


def _loaded(kind: Any, folder: Path) -> Any:
    config = read_json(folder / "config.json", _REMEDY)
    network = readable(lambda: kind.from_config(config), folder, _REMEDY)
    known = [folder / f"diffusion_pytorch_model.{end}" for end in ("safetensors", "bin")]
    path = next((path for path in known if path.is_file()), known[0])
    state = read_state(path, _REMEDY)
    check_shapes(shapes_of(state), shapes_of(network), path, _REMEDY)
    network.load_state_dict(state)
    return network.float()


def _check_fits(controlnet: Any, unet: Any, where: str) -> None:
    for name in ("block_out_channels", "layers_per_block", "cross_attention_dim"):
        mine, theirs = controlnet.config[name], unet.config[name]
        if (list(mine) if isinstance(mine, (list, tuple)) else mine) != (
            list(theirs) if isinstance(theirs, (list, tuple)) else theirs
        ):
            raise BadRequest(
                f"The ControlNet in {where} has {name} {mine}, the U-Net {theirs}.",
                "Name a ControlNet that was trained for this U-Net.",
            )


def _empty_prompt(clip: Path) -> UnconditionalEmbedding:
    """CLIP's text state of an empty prompt at its first token (:class:`UnconditionalEmbedding`)."""
    vocabulary = read_json(clip / "vocab.json", _REMEDY)
    tower = readable(lambda: load_clip(CLIPTextModel, clip, torch.float32), clip, _REMEDY)
    ids = torch.tensor([[vocabulary["<|startoftext|>"]]])
    with torch.no_grad():
        state = tower(input_ids=ids).last_hidden_state
    unconditional = UnconditionalEmbedding(state.shape[-1])
    unconditional.token.data = state.clone()
    return unconditional
