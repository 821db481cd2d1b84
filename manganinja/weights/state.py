# SPDX-License-Identifier: GPL-3.0-or-later
"""From weight files to networks: nothing is filled before every key and shape has been checked."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeVar

import torch
from diffusers import DDIMScheduler
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import CLIPVisionModelWithProjection

from ..errors import BadWeights, MangaNinjaError
from ..places import is_out_of_memory
from ..slim import slim
from .keys import Shapes, check_shapes
from .quiet import quiet_loading

Made = TypeVar("Made")

_INSTALL_AGAIN = "Install the model again."
_LONGEST_REASON = 300
"""Characters of a library's own text that are shown."""


def readable(load: Callable[[], Made], what: Path | str, remedy: str) -> Made:
    """What ``load`` gives; where it can't read its file, a :class:`BadWeights` that names it."""
    try:
        with quiet_loading():
            return load()
    except MangaNinjaError:
        raise
    except Exception as error:  # Readers raise whatever they stumble over in damaged bytes.
        if is_out_of_memory(error):
            raise
        raise BadWeights(f"{what} can't be read: {_reason(error)}.", remedy) from error


def _reason(error: Exception) -> str:
    if isinstance(error, UnpicklingError):  # Its text advises to run what is in the file.
        return "it is damaged or no weight file, or it holds code, which is never run"
    if isinstance(error, EOFError):
        return "it is empty or ends too early"
    text = textwrap.shorten(str(error), _LONGEST_REASON, placeholder=" ...").rstrip(".")
    if isinstance(error, (OSError, ValueError, RuntimeError)):
        return text
    return f"it is damaged or not what it should be ({type(error).__name__}: {text})"


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """A config file. Raises :class:`BadWeights`."""
    config = readable(lambda: json.loads(path.read_text(encoding="utf-8")), path, remedy)
    if not isinstance(config, dict):
        raise BadWeights(f"{path} holds something else than named settings.", remedy)
    return config


def read_state(path: Path, remedy: str) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a pickled one, from which no code is run.

    They stay on the disk until they are used, where the format allows it, so a file of 3.4 GB
    takes hardly any memory.

    Raises:
        BadWeights: the file can't be read as that.
    """
    if path.suffix == ".safetensors":
        return readable(lambda: load_file(path), path, remedy)
    state = readable(lambda: _unpickled(path), path, remedy)
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in state.items()
    ):
        raise BadWeights(f"{path} holds something else than named tensors.", remedy)
    return state


def _unpickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError:  # Files of PyTorch before 1.6 can't be mapped.
        return torch.load(path, map_location="cpu", weights_only=True)


def build(kind: Any, config: Mapping[str, Any]) -> Any:
    """A diffusers network of that config without weights, on the meta device."""
    with torch.device("meta"):
        return kind.from_config(config)


def shapes_of(holder: nn.Module | dict[str, Tensor]) -> Shapes:
    """The shape of each tensor of a network or of a file."""
    state = holder.state_dict() if isinstance(holder, nn.Module) else holder
    return {key: tuple(tensor.shape) for key, tensor in state.items()}


def check_floating(state: Mapping[str, Tensor], where: Path | str, remedy: str) -> None:
    """Raises :class:`BadWeights` where a file holds whole or complex numbers."""
    wrong = [f"{k} ({t.dtype})" for k, t in state.items() if not t.is_floating_point()]
    if wrong:
        raise BadWeights(
            f"{where} holds numbers that no weights can be: {', '.join(wrong[:3])}.", remedy
        )


def fill(network: Any, state: Mapping[str, Tensor], dtype: torch.dtype) -> Any:
    """Give a network from :func:`build` its tensors, as copies, and make it ready to use.

    Those that the network has no use for are left out; ``state`` has been checked.
    """
    own = {key: state[key].to(dtype, copy=True) for key in network.state_dict()}
    network.load_state_dict(own, assign=True)
    return network.eval().requires_grad_(False)


def load_component(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    """One part of a model that ``MangaNinjaPipeline.save_pretrained`` wrote.

    Raises:
        BadWeights: it is incomplete or damaged.
    """

    def attempt(load: Callable[[], Made]) -> Made:
        return readable(load, f"The part '{folder.name}' of the model", _INSTALL_AGAIN)

    if kind is CLIPVisionModelWithProjection:
        return attempt(lambda: load_clip(kind, folder, dtype))
    config = read_json(folder / kind.config_name, _INSTALL_AGAIN)
    if kind is DDIMScheduler:
        return attempt(lambda: kind.from_config(config))
    network = attempt(lambda: build(kind, config))
    path = folder / "diffusion_pytorch_model.safetensors"
    state = read_state(path, _INSTALL_AGAIN)
    check_floating(state, path, _INSTALL_AGAIN)
    whole = shapes_of(network)
    slim(network)
    check_shapes(shapes_of(state), shapes_of(network), path, _INSTALL_AGAIN, allowed=whole)
    return fill(network, state, dtype)


def load_clip(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    """One of CLIP's towers from a folder in transformers' layout.

    Raises:
        ValueError: tensors are missing, which transformers would replace by random ones.
    """
    tower, report = kind.from_pretrained(
        folder, local_files_only=True, dtype=dtype, output_loading_info=True
    )
    lost = sorted(map(str, [*report["missing_keys"], *report["mismatched_keys"]]))
    if lost:
        raise ValueError(f"{len(lost)} tensors are missing ({', '.join(lost[:3])})")
    # transformers leaves them in the mapped file, at addresses that decide the last bits of sums.
    tower.load_state_dict({k: v.clone() for k, v in tower.state_dict().items()}, assign=True)
    return tower.eval().requires_grad_(False)
