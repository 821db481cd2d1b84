# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the published weights where the published code's README puts them.

```
StableDiffusion/{unet,vae,scheduler}      Stable Diffusion 1.5; of the U-Net the config alone
models/clip-vit-large-patch14             CLIP, both towers and the vocabulary
models/control_v11p_sd15_lineart          config of the ControlNet
models/Annotators/sk_model.pth            the line extractor
MangaNinjia/{denoising_unet,reference_unet,controlnet,point_net}.pth
```
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from torch import Tensor
from transformers import CLIPConfig, CLIPTextModel, CLIPVisionModelWithProjection

from ..conditioning import UnconditionalEmbedding
from ..controlnet import LineartControlNet
from ..errors import BadWeights
from ..lineart_extractor import LineartExtractor
from ..pipeline import MangaNinjaPipeline
from ..point_net import PointNet
from ..reference_attention import DenoisingUNet, ReferenceUNet
from ..slim import slim
from .keys import Shapes, check_shapes
from .state import (
    build,
    check_floating,
    fill,
    load_clip,
    read_json,
    read_state,
    readable,
    shapes_of,
)

_REMEDY = "Get the published weights again; docs/weights.md says how and where each file lies."
_CLIP = "models/clip-vit-large-patch14"
_CONTROL = "models/control_v11p_sd15_lineart"
_CONFIGS = (
    "StableDiffusion/unet/config.json",
    "StableDiffusion/vae/config.json",
    "StableDiffusion/scheduler/scheduler_config.json",
    f"{_CONTROL}/config.json",
    f"{_CLIP}/config.json",
    f"{_CLIP}/vocab.json",
)
_WEIGHTS = {
    "unet": ("MangaNinjia/denoising_unet.pth",),
    "reference_unet": ("MangaNinjia/reference_unet.pth",),
    "controlnet": ("MangaNinjia/controlnet.pth",),
    "point_net": ("MangaNinjia/point_net.pth",),
    "lineart_extractor": ("models/Annotators/sk_model.pth",),
    "vae": tuple(
        f"StableDiffusion/vae/diffusion_pytorch_model.{e}" for e in ("safetensors", "bin")
    ),
    "clip": (f"{_CLIP}/model.safetensors", f"{_CLIP}/pytorch_model.bin"),
}
"""Where each network's weights are; the first of several that is there counts."""
_OLD_ATTENTION = {
    ".query.": ".to_q.",
    ".key.": ".to_k.",
    ".value.": ".to_v.",
    ".proj_attn.": ".to_out.0.",
}
"""What the VAE's file, which is older than today's diffusers, calls its one attention."""


def load_published(folder: Path, torch_dtype: torch.dtype = torch.float32) -> MangaNinjaPipeline:
    """The pipeline of the published weights, of any size that the configs in the folder give.

    The published code loads with ``strict=False`` and would run on random numbers without a word
    if keys did not match; here every key must.

    Raises:
        BadWeights: a file is missing, damaged, or has other keys or shapes than it should.
    """
    return MangaNinjaPipeline(**dict(PublishedFolder(folder).components(torch_dtype)))


class PublishedFolder:
    """A folder laid out as the published code's ``checkpoints/``, read one network at a time.

    Args:
        folder: the folder.
        expected: what each file has to hold beside what the configs say, by the names of
            :func:`.keys.published_shapes`; empty to go by the configs alone.
    """

    def __init__(self, folder: Path, expected: Mapping[str, Shapes] | None = None) -> None:
        self.folder = folder
        self._expected = expected or {}

    def components(self, dtype: torch.dtype) -> Iterator[tuple[str, Any]]:
        """Name and object of each component of the pipeline, checked and ready to use.

        Nothing of a component is kept here, so one at a time needs the memory of the largest.

        Raises:
            BadWeights: as :func:`load_published`.
        """
        for name in self._networks():
            yield name, self._filled(name, dtype)
        yield "scheduler", self._scheduler()
        self._check_clip()
        yield "unconditional", self._unconditional(dtype)
        yield "image_encoder", self._clip_tower(CLIPVisionModelWithProjection, dtype)

    def skeleton(self) -> MangaNinjaPipeline:
        """The pipeline without any weights, on the meta device: all that can be said of it."""
        config = self._clip_config()
        with torch.device("meta"):
            return MangaNinjaPipeline(
                **{name: self._built(name) for name in self._networks()},
                scheduler=self._scheduler(),
                image_encoder=CLIPVisionModelWithProjection(config.vision_config),
                unconditional=UnconditionalEmbedding(config.projection_dim),
            )

    def files(self) -> list[Path]:
        """All that is read, relative to the folder, whether it is there or not."""
        return [*map(Path, _CONFIGS), *(self._weights(name) for name in self._names())]

    def _names(self) -> list[str]:
        """Of the files with weights; the line extractor may be left out."""
        optional = "lineart_extractor"
        here = (self.folder / self._weights(optional)).is_file()
        return [name for name in _WEIGHTS if here or name != optional]

    def _networks(self) -> list[str]:
        return [name for name in self._names() if name != "clip"]

    def _weights(self, name: str) -> Path:
        known = [Path(place) for place in _WEIGHTS[name]]
        return next((path for path in known if (self.folder / path).is_file()), known[0])

    def _json(self, place: str) -> dict[str, Any]:
        return read_json(self.folder / place, _REMEDY)

    def _built(self, name: str) -> Any:
        """A diffusers network on the meta device."""
        kind, config = {
            "unet": (DenoisingUNet, "StableDiffusion/unet/config.json"),
            "reference_unet": (ReferenceUNet, "StableDiffusion/unet/config.json"),
            "controlnet": (LineartControlNet, f"{_CONTROL}/config.json"),
            "point_net": (PointNet, "StableDiffusion/unet/config.json"),
            "vae": (AutoencoderKL, "StableDiffusion/vae/config.json"),
            "lineart_extractor": (LineartExtractor, None),
        }[name]
        if config is None:
            return build(kind, {})
        options = self._json(config)

        def attempt() -> Any:
            return build(
                kind,
                {"out_channels": options["block_out_channels"]} if kind is PointNet else options,
            )

        return readable(attempt, self.folder / config, _REMEDY)

    def _filled(self, name: str, dtype: torch.dtype) -> Any:
        network = self._built(name)
        path = self.folder / self._weights(name)
        state = read_state(path, _REMEDY)
        if name == "vae":
            state = {_renamed(key): tensor for key, tensor in state.items()}
        found = shapes_of(state)
        check_shapes(found, shapes_of(network), path, _REMEDY)
        if name in self._expected:
            check_shapes(found, self._expected[name], path, _REMEDY)
        check_floating(state, path, _REMEDY)
        slim(network)
        filled = fill(network, state, dtype)
        _check_finite(filled.state_dict(), path)
        return filled

    def _scheduler(self) -> Any:
        place = "StableDiffusion/scheduler/scheduler_config.json"
        config = self._json(place)
        return readable(lambda: DDIMScheduler.from_config(config), self.folder / place, _REMEDY)

    # CLIP: both towers lie in one file, and transformers alone knows how to fill them

    def _clip_config(self) -> Any:
        place = f"{_CLIP}/config.json"
        config = self._json(place)
        return readable(lambda: CLIPConfig.from_dict(config), self.folder / place, _REMEDY)

    def _clip_shapes(self) -> tuple[Shapes, Shapes]:
        """Of the vision and the text tower, as the config gives them."""
        config = self._clip_config()

        def attempt() -> tuple[Shapes, Shapes]:
            with torch.device("meta"):
                vision = CLIPVisionModelWithProjection(config.vision_config)
                return shapes_of(vision), shapes_of(CLIPTextModel(config.text_config))

        return readable(attempt, self.folder / _CLIP / "config.json", _REMEDY)

    def _check_clip(self) -> None:
        path = self.folder / self._weights("clip")
        vision, text = self._clip_shapes()
        # transformers 5 dropped the prefix of this tower from its own names.
        text = {f"text_model.{k.removeprefix('text_model.')}": shape for k, shape in text.items()}
        # A file of 2023 also has buffers in it, and what joins the towers.
        state = read_state(path, _REMEDY)
        found = shapes_of(state)
        joining = ("logit_scale", "text_projection.weight")
        buffers = [key for key in found if key.endswith(".position_ids")]
        towers = {k: s for k, s in found.items() if k not in joining and k not in buffers}
        check_shapes(towers, {**vision, **text}, path, _REMEDY)
        if self._expected:
            expected = {**self._expected["image_encoder"], **self._expected["text_encoder"]}
            check_shapes(towers, expected, path, _REMEDY)
        check_floating({key: state[key] for key in towers}, path, _REMEDY)

    def _clip_tower(self, kind: Any, dtype: torch.dtype) -> Any:
        place = self.folder / _CLIP
        tower = readable(lambda: load_clip(kind, place, dtype), place, _REMEDY)
        _check_finite(tower.state_dict(), place)
        return tower

    def _unconditional(self, dtype: torch.dtype) -> UnconditionalEmbedding:
        """The text tower's state at the first token, which sees no other: a constant."""
        place = f"{_CLIP}/vocab.json"
        vocabulary = self._json(place)
        tower = self._clip_tower(CLIPTextModel, torch.float32)

        def attempt() -> Tensor:
            ids = torch.tensor([[vocabulary["<|startoftext|>"]]])
            return tower(input_ids=ids).last_hidden_state

        with torch.no_grad():
            state = readable(attempt, self.folder / place, _REMEDY)
        unconditional = UnconditionalEmbedding(state.shape[-1])
        unconditional.token.data = state.to(dtype)
        return unconditional.eval().requires_grad_(False)


def _renamed(key: str) -> str:
    if ".mid_block.attentions." in key:
        for old, new in _OLD_ATTENTION.items():
            key = key.replace(old, new)
    return key


def _check_finite(state: Mapping[str, Tensor], path: Path) -> None:
    broken = [key for key, tensor in state.items() if not tensor.isfinite().all()]
    if broken:
        dtype = state[broken[0]].dtype
        raise BadWeights(
            f"{path} holds numbers that are not finite as {dtype}: {', '.join(broken[:3])}.",
            _REMEDY,
        )
