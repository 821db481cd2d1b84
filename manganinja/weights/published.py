# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the published weights where the published code's README puts them.

```
StableDiffusion/{unet,vae,scheduler}      Stable Diffusion 1.5
models/clip-vit-large-patch14             CLIP, both towers and the tokenizer
models/control_v11p_sd15_lineart          config of the ControlNet
models/Annotators/sk_model.pth            the line extractor
MangaNinjia/{denoising_unet,reference_unet,controlnet,point_net}.pth
```
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer, CLIPVisionModelWithProjection

from ..conditioning import UnconditionalEmbedding
from ..controlnet import LineartControlNet
from ..errors import BadWeights
from ..lineart_extractor import LineartExtractor
from ..pipeline import MangaNinjaPipeline
from ..point_net import PointNet
from ..reference_attention import DenoisingUNet, ReferenceUNet
from .quiet import quiet_loading

Made = TypeVar("Made")
_REMEDY = "Download the published weights again; see the README for the folder's layout."


def load_published(folder: Path, torch_dtype: torch.dtype = torch.float32) -> MangaNinjaPipeline:
    """The pipeline of the published weights.

    The published code loads with ``strict=False`` and would run on random numbers without a word
    if keys did not match; here every key must.

    Raises:
        BadWeights: a file is missing, damaged, or has other keys or shapes than it should.
    """
    own, diffusion, others = folder / "MangaNinjia", folder / "StableDiffusion", folder / "models"
    unet_config = _json(diffusion / "unet" / "config.json")
    control_config = _json(others / "control_v11p_sd15_lineart" / "config.json")

    unet = _filled(DenoisingUNet.from_config(unet_config), own / "denoising_unet.pth")
    components = {
        "unet": unet,
        "reference_unet": _filled(
            ReferenceUNet.from_config(unet_config), own / "reference_unet.pth"
        ),
        "controlnet": _filled(
            LineartControlNet.from_config(control_config), own / "controlnet.pth"
        ),
        "point_net": _filled(
            PointNet(tuple(unet.config["block_out_channels"])), own / "point_net.pth"
        ),
        "vae": _read(
            lambda: AutoencoderKL.from_pretrained(diffusion / "vae", local_files_only=True)
        ),
        "scheduler": _read(
            lambda: DDIMScheduler.from_pretrained(diffusion / "scheduler", local_files_only=True)
        ),
        **_clip(others / "clip-vit-large-patch14"),
    }
    extractor = others / "Annotators" / "sk_model.pth"
    if extractor.is_file():
        components["lineart_extractor"] = _filled(LineartExtractor(), extractor)
    for component in components.values():
        if isinstance(component, nn.Module):
            component.eval().requires_grad_(False)
            if torch_dtype != torch.float32:
                component.to(torch_dtype)
    return MangaNinjaPipeline(**components)


def _clip(folder: Path) -> dict[str, nn.Module]:
    """The image tower, and the text tower's answer to an empty prompt as a constant."""
    encoder = _read(
        lambda: CLIPVisionModelWithProjection.from_pretrained(
            folder, local_files_only=True, dtype=torch.float32
        )
    )
    text = _read(
        lambda: CLIPTextModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    )
    tokenizer = _read(lambda: CLIPTokenizer.from_pretrained(folder, local_files_only=True))
    ids = torch.tensor([[tokenizer.bos_token_id, tokenizer.eos_token_id]])
    with torch.no_grad():
        state = text(input_ids=ids).last_hidden_state[:, :1]
    unconditional = UnconditionalEmbedding(state.shape[-1])
    unconditional.token.data.copy_(state)
    return {"image_encoder": encoder, "unconditional": unconditional}


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadWeights(f"{path} can't be read: {error}", _REMEDY) from error


def _read(load: Callable[[], Made]) -> Made:
    try:
        with quiet_loading():
            return load()
    except (OSError, ValueError, RuntimeError) as error:
        raise BadWeights(f"A part of the model can't be read: {error}", _REMEDY) from error


def _state_dict(path: Path) -> dict[str, Tensor]:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, UnpicklingError, EOFError, ValueError) as error:
        raise BadWeights(f"{path} can't be read: {error}", _REMEDY) from error


def _filled(network: Any, path: Path) -> Any:
    state = _state_dict(path)
    wanted = network.state_dict()
    wrong = {
        "missing": sorted(set(wanted) - set(state)),
        "unexpected": sorted(set(state) - set(wanted)),
        "of another shape": sorted(
            k for k in set(wanted) & set(state) if wanted[k].shape != state[k].shape
        ),
    }
    complaints = [
        f"{len(keys)} {kind} ({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})"
        for kind, keys in wrong.items()
        if keys
    ]
    if complaints:
        raise BadWeights(f"The keys of {path} do not fit: {'; '.join(complaints)}.", _REMEDY)
    network.load_state_dict(state)
    return network
