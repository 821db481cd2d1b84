# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a model runs, with how many digits, and how much of it stays there, each with a reason."""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import psutil
import torch
from accelerate.hooks import ModelHook, add_hook_to_module, remove_hook_from_module
from diffusers.models.attention import FeedForward
from diffusers.models.resnet import ResnetBlock2D

from . import feed_forward, winograd
from .wire.discovery import data_dir

SMALL_BYTES = 1 << 30
"""A model with fewer bytes of weights gains nothing from half precision."""
HEADROOM_BYTES = 1 << 29
"""Beside what a mode needs: working space of convolutions, gaps between tensors, the screen."""
COMPILE = "MANGANINJA_COMPILE"
"""Name of the environment variable that asks for compiling; it is off unless this is 1."""
MODES = ("resident", "visiting", "sequential")
"""All networks stay; the large ones take turns; layer by layer."""
_TURNS = {
    "image_encoder": "look",
    "lineart_extractor": "extract",
    "reference_unet": "read",
    "unet": "step",
    "controlnet": "step",
    "vae": "decode",
}
"""What a network is on the device for when networks take turns; the others are small and stay."""
_STEP_NUMBERS, _DECODE_NUMBERS = 850, 1100
"""Per pixel of the working picture: what a call keeps and the peak of a step or of decoding. What
Stable Diffusion's sizes take by the count of ``python -m benchmarks.inference --modes``, and a
little more; earlier parts of a call take less than a step."""


@dataclass(frozen=True)
class Place:
    """A kind of device and a precision.

    Attributes:
        device: in torch's words.
        dtype: of the networks; the sampler's arithmetic is always float32.
        why: a sentence.
    """

    device: str
    dtype: torch.dtype
    why: str


def best_place(weight_bytes: int = 0, device: str | None = None) -> Place:
    """The fastest kind of device here, or the one that is asked for, and the precision for it.

    Args:
        weight_bytes: of the model's files.
        device: None chooses.
    """
    kind, why = (device, f"{device} was asked for") if device else _fastest()
    if weight_bytes < SMALL_BYTES:
        return Place(kind, torch.float32, f"{why}; the model is small, so it keeps all its digits.")
    dtype, because = _precision(kind.split(":")[0])
    return Place(kind, dtype, f"{why}; {because}.")


def _fastest() -> tuple[str, str]:
    if torch.cuda.is_available():
        maker = "AMD's ROCm" if torch.version.hip else "CUDA"
        return "cuda", f"{torch.cuda.get_device_name()} was found through {maker}"
    if torch.backends.mps.is_available():
        return "mps", "Apple's GPU was found"
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        return "xpu", "an Intel GPU was found"
    return "cpu", "no GPU was found that torch can use"


def _precision(kind: str) -> tuple[torch.dtype, str]:
    if kind == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16, "half precision, as it has no bfloat16"
    if kind == "mps":
        return torch.float16, "half precision, which it is fastest with"
    if kind != "cpu":
        return torch.bfloat16, "bfloat16, which takes half the memory and has float32's range"
    if torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16, "the processor multiplies bfloat16 faster"
    return torch.float32, "the processor has no faster way than float32"


def prepare(pipeline: Any, place: Place) -> None:
    """Lay weights out as the device likes them; results stay the same up to rounding.

    With ``MANGANINJA_COMPILE=1`` in the environment, parts are compiled, too.
    """
    networks = [pipeline.unet, pipeline.controlnet, pipeline.reference_unet, pipeline.vae]
    for network in filter(None, networks):
        network.to(memory_format=torch.channels_last)
    if place.device == "cpu":
        for network in filter(None, networks):
            feed_forward.install(network)
        if place.dtype == torch.float32:
            # The Reference U-Net works once for a reference: not worth as much memory again.
            often = [pipeline.unet, pipeline.controlnet, pipeline.vae]
            winograd.install(*filter(None, often), memory_bytes=_spare_bytes())
    if os.environ.get(COMPILE) == "1":
        logging.getLogger(__name__).warning(compile_blocks(pipeline, place.device))


def _spare_bytes() -> float:
    """Main memory that may be spent on speed: what is free now but for a quarter of all of it."""
    memory = psutil.virtual_memory()
    return memory.available - memory.total / 4


def compile_blocks(pipeline: Any, device: str) -> str:
    """Let torch.compile make kernels for a step's residual blocks and feed-forward layers.

    These are handed nothing but tensors. The attentions, which read what travels with a call, stay
    as they are; their kernels are fused anyway. What is compiled is kept in the data folder, so
    that the next start finds it there. What can't be compiled runs as ever.

    Returns:
        A sentence: what will happen, or why nothing will.
    """
    # Takes a while to import, for what is off by default.
    from torch import _dynamo

    missing = _missing_compiler(device.split(":")[0])
    if missing:
        return f"Nothing is compiled: {missing}. The model runs as ever."
    kept = os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(data_dir() / "compiled"))
    # Shapes differ from level to level, and each gets kernels of its own.
    _dynamo.config.cache_size_limit = max(64, _dynamo.config.cache_size_limit)
    _dynamo.config.suppress_errors = True
    for network in filter(None, (pipeline.unet, pipeline.controlnet)):
        for module in network.modules():
            if isinstance(module, winograd.WinogradConv2d):
                # The compiler would write out its loop.
                as_it_is: Any = torch.compiler.disable(module.forward)
                module.forward = as_it_is
            elif isinstance(module, (ResnetBlock2D, FeedForward)):
                module.compile(dynamic=False)
    return f"The first steps take minutes: parts are compiled, and kept in {kept}."


def _missing_compiler(kind: str) -> str:
    """What torch.compile lacks here; empty if nothing."""
    if kind in ("cuda", "xpu"):
        return "" if find_spec("triton") else "the package triton is not installed"
    if kind == "cpu":
        names = [os.environ.get("CXX", "g++"), "clang++", "cl"]
        return "" if any(map(shutil.which, names)) else "there is no C++ compiler"
    return f"torch compiles nothing for {kind} that was tried"


def _stop_compiling(network: torch.nn.Module) -> None:
    for module in network.modules():
        module._compiled_call_impl = None


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has run out; torch says so in several ways."""
    text = str(error).lower()
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError)
        and ("out of memory" in text or "can't allocate memory" in text)
    )


def free_bytes(device: str) -> int | None:
    """Of a device's own memory; None where it has none of its own or does not tell."""
    kind = device.split(":")[0]
    if kind in ("cuda", "xpu"):
        return getattr(torch, kind).mem_get_info(torch.device(device))[0]
    if kind == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return None


def needed_bytes(pipeline: Any, mode: str, resolution: int | None = None) -> int:
    """What a mode takes on the device at its peak: weights, and what is worked out with them.

    Args:
        mode: one of :data:`MODES`.
        resolution: longer side of the working picture in pixels; the model's own if None.
    """
    pixels = (resolution or pipeline.config["resolution"]) ** 2
    step, decode = (pixels * n * pipeline.dtype.itemsize for n in (_STEP_NUMBERS, _DECODE_NUMBERS))
    small, large = 0, dict.fromkeys(_TURNS.values(), 0)
    for name, network in _networks(pipeline).items():
        size = sum(tensor.nbytes for tensor in [*network.parameters(), *network.buffers()])
        if name in _TURNS:
            large[_TURNS[name]] += size
        else:
            small += size
    if mode == "resident":
        return small + sum(large.values()) + decode
    if mode == "visiting":
        return small + max(size + (decode if t == "decode" else step) for t, size in large.items())
    return decode


def fitting_mode(pipeline: Any, free: int | None) -> str:
    """The first mode that leaves some of so many free bytes; None is enough for all."""
    if free is None:
        return MODES[0]
    fitting = [m for m in MODES if needed_bytes(pipeline, m) + HEADROOM_BYTES <= free]
    return (fitting or MODES[-1:])[0]


def _networks(pipeline: Any) -> dict[str, torch.nn.Module]:
    parts = pipeline.components.items()
    return {name: part for name, part in parts if isinstance(part, torch.nn.Module)}


class Residence:
    """How much of a pipeline stays on its device, and the next smaller mode when memory runs out.

    In other modes than "resident", weights come and go, so :meth:`run` lets one call in at a time.

    Args:
        pipeline: not yet on the device.
        device: where it runs.
        mode: one of :data:`MODES`; None takes the first that fits into what is free.
    """

    def __init__(self, pipeline: Any, device: str, mode: str | None = None) -> None:
        self._pipeline, self.device = pipeline, device
        self.mode = mode or fitting_mode(pipeline, free_bytes(device))
        self._weights: dict[str, _Weights] = {}
        self._one = threading.Lock()
        self._move_in()

    def _move_in(self) -> None:
        self.move_out()
        device = torch.device(self.device)
        self._pipeline.place = device
        if self.mode == MODES[0]:
            for network in _networks(self._pipeline).values():
                network.to(device)
            return
        self._pipeline.vae.enable_tiling()
        turns = _Turns(device)
        for name, network in _networks(self._pipeline).items():
            weights = self._weights[name] = _Weights(network.modules())
            if self.mode == "sequential":
                _stop_compiling(network)  # It would stumble over every layer's hook.
                for module in network.modules():
                    add_hook_to_module(module, _Visit(device, _Weights([module])))
            elif name in _TURNS:
                turns.add(_TURNS[name], weights)
                add_hook_to_module(network, _Turn(turns, _TURNS[name]))
            else:
                weights.come(device)

    def move_out(self) -> None:
        """Leave the pipeline in the main memory, without hooks."""
        for name, network in _networks(self._pipeline).items():
            remove_hook_from_module(network, recurse=True)
            if name in self._weights:
                self._weights.pop(name).go_home()
            network.to("cpu")
        self._pipeline.vae.disable_tiling()
        self._pipeline.place = torch.device("cpu")

    def smaller(self) -> str | None:
        """Go on with the next mode that stays for less; the sentence to tell, or None."""
        index = MODES.index(self.mode) + 1
        if index == len(MODES):
            return None
        self.mode = MODES[index]
        self._move_in()
        empty_caches(self.device)
        return (
            "There was not enough memory, so parts of the model now wait outside the device until "
            "they are needed. That takes longer."
        )

    def run(self, work: Callable[[], Any], tell: Callable[[str], None]) -> Any:
        """What ``work`` gives; where memory runs out, once more in the next mode.

        From several threads, one after the other: what is free was measured for one.

        Raises:
            Whatever ``work`` raises; out of memory only if there is no smaller mode.
        """
        with self._one:
            while True:
                try:
                    return work()
                except Exception as error:
                    if not is_out_of_memory(error):
                        raise
                    # The error's frames hold what filled the memory.
                    error.__traceback__ = None
                    told = self.smaller()
                    if told is None:
                        raise
                    tell(told)


def empty_caches(device: str) -> None:
    """Give back what torch keeps for later."""
    kind = getattr(torch, device.split(":")[0], None)
    if hasattr(kind, "empty_cache"):
        kind.empty_cache()


class _Weights:
    """Parameters and buffers of modules: at home in the main memory, or as copies on a device.

    Copies are dropped, never copied back, and no tensor changes that somebody else may hold.
    """

    def __init__(self, modules: Iterable[torch.nn.Module]) -> None:
        self._home = [
            (module, name, tensor)
            for module in modules
            for named in (module.named_parameters, module.named_buffers)
            for name, tensor in named(recurse=False)
        ]

    def come(self, device: torch.device) -> None:
        for module, name, tensor in self._home:
            here = tensor.to(device)
            is_parameter = isinstance(tensor, torch.nn.Parameter)
            setattr(module, name, torch.nn.Parameter(here, False) if is_parameter else here)

    def go_home(self) -> None:
        for module, name, tensor in self._home:
            setattr(module, name, tensor)


class _Visit(ModelHook):
    """Weights are on the device while their module works."""

    def __init__(self, device: torch.device, weights: _Weights) -> None:
        self._device, self._weights = device, weights

    def pre_forward(self, module: Any, *args: Any, **kwargs: Any) -> Any:
        self._weights.come(self._device)
        return args, kwargs

    def post_forward(self, module: Any, output: Any) -> Any:
        self._weights.go_home()
        return output


class _Turns:
    """The networks of one turn are on the device, until another turn comes."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._now = device, ""
        self._weights: dict[str, list[_Weights]] = {"": []}

    def add(self, turn: str, weights: _Weights) -> None:
        self._weights.setdefault(turn, []).append(weights)

    def take(self, turn: str) -> None:
        if turn == self._now:
            return
        for weights in self._weights[self._now]:
            weights.go_home()
        self._now = ""
        try:
            for weights in self._weights[turn]:
                weights.come(self._device)
        except BaseException:
            for weights in self._weights[turn]:
                weights.go_home()
            raise
        self._now = turn


class _Turn(ModelHook):
    """A network's turn comes when it is called."""

    def __init__(self, turns: _Turns, turn: str) -> None:
        self._turns, self._turn = turns, turn

    def pre_forward(self, module: Any, *args: Any, **kwargs: Any) -> Any:
        self._turns.take(self._turn)
        return args, kwargs
