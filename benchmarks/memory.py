# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call holds on its device at its peak, in each of the modes of :mod:`manganinja.places`.

On a GPU torch tells. Elsewhere it is counted: the call runs on torch's meta device, where tensors
have a size and no content, and every storage that is there counts from its making to its end.
Attention counts as fused kernels do it, which never write the logits down. A count knows nothing of
convolutions' working space, gaps between tensors and the driver's own memory.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from manganinja.pipeline import Conditions, MangaNinjaPipeline
from manganinja.places import MODES, Residence, needed_bytes
from manganinja.reference_attention import PointEmbeddings, ReferenceContext
from manganinja.slim import slim

from . import full_size

MEASURABLE = ("cuda", "xpu")
"""Kinds of device whose allocator tells its peak."""
MEGABYTE = 10**6


@dataclass(frozen=True)
class Peak:
    """Of one mode.

    Attributes:
        parts: bytes at the peak of each part of a call, with all that is kept beside it.
        step_s: seconds of a step; None where that was not measured.
    """

    parts: dict[str, int]
    step_s: float | None = None

    @property
    def bytes(self) -> int:
        """Of the whole call."""
        return max(self.parts.values())


class _Counter(TorchDispatchMode):
    """Bytes of all storages on the meta device that were made while it is active."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and tensor.is_meta:
                self._see(tensor.untyped_storage())
        return made

    def _see(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._sizes:
            self._sizes[key] = storage.nbytes()
            self.live += storage.nbytes()
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._end, key)

    def _end(self, key: int) -> None:
        self.live -= self._sizes.pop(key)


class _FusedAttention(TorchFunctionMode):
    """Attention makes its result and nothing else."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is F.scaled_dot_product_attention:
            return torch.empty_like(args[0])
        return func(*args, **(kwargs or {}))


def hollow(dtype: torch.dtype, narrower: int = 1) -> MangaNinjaPipeline:
    """The published sizes as they are loaded, in memory that nobody writes to and that takes
    none."""
    pipeline = slimmed(full_size.build("meta", dtype, narrower))
    for part in pipeline.components.values():
        if isinstance(part, nn.Module):
            part.to_empty(device="cpu")
    return pipeline


def slimmed(pipeline: MangaNinjaPipeline) -> MangaNinjaPipeline:
    """Without the parts that loading leaves out."""
    for network in (pipeline.unet, pipeline.reference_unet, pipeline.controlnet):
        slim(network)
    return pipeline


@torch.no_grad()
def run_parts(
    pipeline: MangaNinjaPipeline, side_px: int, part: Callable[[str, Callable[[], Any]], Any]
) -> Callable[[], Any]:
    """All that a call runs on the device, on blank pictures, and its step to be run again.

    Args:
        part: is given each part's name and work, and hands on what the work gives.
    """
    device, dtype, side = pipeline.place, pipeline.dtype, side_px // pipeline.reduction
    clip_px, channels = pipeline.image_encoder.config.image_size, pipeline.vae.config
    picture = torch.zeros(1, 3, side_px, side_px, dtype=dtype, device=device)
    pixels = torch.zeros(1, 3, clip_px, clip_px, dtype=dtype, device=device)
    point_map = torch.zeros(1, 1, side_px, side_px, device=device)
    noise = torch.zeros(1, channels["latent_channels"], side, side, device=device)
    timestep = torch.zeros((), dtype=torch.long, device=device)
    mean = part("VAE encoder", lambda: pipeline.vae.encode(picture).latent_dist.mean.float())
    token = part(
        "image tower", lambda: pipeline.image_encoder(pixel_values=pixels).image_embeds[:, None]
    )
    bank = part("Reference U-Net", lambda: pipeline.reference_unet.read(mean.to(dtype), token))
    lineart = part("line art", lambda: pipeline.controlnet.embed(picture))
    points = part(
        "points",
        lambda: PointEmbeddings(pipeline.point_net(point_map), pipeline.point_net(point_map)),
    )
    call = Conditions(
        ReferenceContext([bank], point_embeddings=points),
        torch.cat([pipeline.unconditional(), token, token]),
        lineart,
    )

    def step() -> Tensor:
        return pipeline.predict(noise, timestep, call)

    part("step", step)
    part("VAE decoder", lambda: pipeline.vae.decode(noise.to(dtype)).sample)
    return step


def counted(pipeline: MangaNinjaPipeline, mode: str, side_px: int) -> Peak:
    """The count for a pipeline in the main memory. Where all is resident, none of it comes back."""
    parts = {}
    with _FusedAttention(), _Counter() as counter:
        residence = Residence(pipeline, "meta", mode)

        def part(name: str, work: Callable[[], Any]) -> Any:
            counter.peak = 0
            made = work()
            parts[name] = counter.peak
            return made

        run_parts(pipeline, side_px, part)
    if mode != MODES[0]:
        residence.move_out()
    return Peak(parts)


def measured(pipeline: MangaNinjaPipeline, device: str, mode: str, side_px: int) -> Peak:
    """What the allocator of a GPU tells, and the least seconds of five steps."""
    torch_device: Any = getattr(torch, device.split(":")[0])
    residence = Residence(pipeline, device, mode)
    torch_device.empty_cache()
    parts, seconds = {}, []

    def part(name: str, work: Callable[[], Any]) -> Any:
        torch_device.reset_peak_memory_stats()
        made = work()
        torch_device.synchronize()
        parts[name] = torch_device.max_memory_allocated()
        return made

    step = run_parts(pipeline, side_px, part)
    for _ in range(6):
        started = time.perf_counter()
        with torch.no_grad():
            step()
        torch_device.synchronize()
        seconds.append(time.perf_counter() - started)
    residence.move_out()
    return Peak(parts, min(seconds[1:]))


def peaks(pipeline: MangaNinjaPipeline, device: str, side_px: int) -> dict[str, Peak]:
    """Of every mode: measured where the device can tell, counted elsewhere."""
    if device.split(":")[0] in MEASURABLE:
        return {mode: measured(pipeline, device, mode, side_px) for mode in MODES}
    found = {mode: counted(pipeline, mode, side_px) for mode in reversed(MODES)}
    return {mode: found[mode] for mode in MODES}


def table(pipeline: MangaNinjaPipeline, found: dict[str, Peak], side_px: int) -> str:
    """MB (a million bytes) of each mode, in all and part by part, and what a step takes there."""
    was_measured = found[MODES[0]].step_s is not None
    how = "measured" if was_measured else "counted, not measured on a GPU"
    lines = [
        f"MB on the device at {side_px} px, {pipeline.dtype}, {how}:",
        f"{'':24}{''.join(f'{mode:>12}' for mode in found)}",
        _row("peak", [peak.bytes / MEGABYTE for peak in found.values()]),
    ]
    for name in found[MODES[0]].parts:
        lines.append(_row(f"  {name}", [p.parts[name] / MEGABYTE for p in found.values()]))
    expected = [needed_bytes(pipeline, mode, side_px) / MEGABYTE for mode in found]
    lines.append(_row("expected by places.py", expected))
    if was_measured:
        steps = [1000 * (peak.step_s or 0) for peak in found.values()]
        lines.append(_row("ms a step", steps))
        lines.append(_row("ratio", [steps[0] / step for step in steps], 2))
    return "\n".join(lines)


def _row(name: str, values: list[float], digits: int = 0) -> str:
    return f"{name:24}{''.join(f'{value:12.{digits}f}' for value in values)}"
