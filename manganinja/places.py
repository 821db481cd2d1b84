# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a model runs, with how many digits, and how much of it stays there, each with a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
import torch
from accelerate import cpu_offload
from accelerate.hooks import ModelHook, add_hook_to_module, remove_hook_from_module

from . import feed_forward, winograd

SMALL_BYTES = 1 << 30
"""A model with fewer bytes of weights gains nothing from half precision."""
WORKING_BYTES_PER_PIXEL = 4600
"""Of the working picture, in half precision, beside the weights. An estimate: 1.2 GB at 512 px."""
MODES = ("resident", "visiting", "sequential")
"""All networks stay; image tower and Reference U-Net only visit; layer by layer."""
_VISITORS = ("image_encoder", "reference_unet", "lineart_extractor")


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
    """Lay weights out as the device likes them; results stay the same up to rounding."""
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


def _spare_bytes() -> float:
    """Main memory that may be spent on speed: what is free now but for a quarter of all of it."""
    memory = psutil.virtual_memory()
    return memory.available - memory.total / 4


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
    """What a mode takes at a working resolution: weights that stay, the largest visitor, work."""
    sizes = {
        name: sum(p.nbytes for p in network.parameters())
        for name, network in pipeline.components.items()
        if isinstance(network, torch.nn.Module)
    }
    visiting = {name: sizes.pop(name) for name in _VISITORS if name in sizes}
    work = (resolution or pipeline.config["resolution"]) ** 2 * WORKING_BYTES_PER_PIXEL
    if mode == "resident":
        return sum(sizes.values()) + sum(visiting.values()) + work
    if mode == "visiting":
        # A visitor comes while there is no other work.
        return sum(sizes.values()) + max([work, *visiting.values()])
    return work


class Residence:
    """How much of a pipeline stays on its device, and the next smaller mode when memory runs out.

    Args:
        pipeline: not yet on the device.
        device: where it runs.
        mode: one of :data:`MODES`; None takes the first that fits into what is free.
    """

    def __init__(self, pipeline: Any, device: str, mode: str | None = None) -> None:
        self._pipeline, self.device = pipeline, device
        free = free_bytes(device)
        fitting = [m for m in MODES if free is None or needed_bytes(pipeline, m) < free]
        self.mode = mode or (fitting or MODES[-1:])[0]
        self._move_in()

    def _move_in(self) -> None:
        device = torch.device(self.device)
        self._pipeline.place = device
        for name, network in self._pipeline.components.items():
            if not isinstance(network, torch.nn.Module):
                continue
            remove_hook_from_module(network, recurse=True)
            if self.mode == "sequential":
                cpu_offload(network.to("cpu"), device)
            elif self.mode == "visiting" and name in _VISITORS:
                add_hook_to_module(network.to("cpu"), _Visit(device))
            else:
                network.to(device)
        if self.mode != MODES[0]:
            self._pipeline.vae.enable_tiling()

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

        Raises:
            Whatever ``work`` raises; out of memory only if there is no smaller mode.
        """
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
    kind = device.split(":")[0]
    if kind != "cpu":
        getattr(torch, kind).empty_cache()


class _Visit(ModelHook):
    """On the device while it works, in the main memory otherwise."""

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def pre_forward(self, module: Any, *args: Any, **kwargs: Any) -> Any:
        module.to(self.device)
        return args, kwargs

    def post_forward(self, module: Any, output: Any) -> Any:
        module.to("cpu")
        return output
