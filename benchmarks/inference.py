# SPDX-License-Identifier: GPL-3.0-or-later
"""The sampling loop against the published schedule of work: ``python -m benchmarks.inference``.

Published sizes with random weights, or the bundled mini with ``--model mini``. All rows of the
table are steps of one run on one set of weights, in turn, so that they share whatever else the
machine does; times are the least of the repetitions, in processor seconds on a CPU (what other
programs take is not counted) and in wall seconds elsewhere.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manganinja import places, winograd
from manganinja.guidance import Guidance, SparseGuidance
from manganinja.pipeline import Conditions, MangaNinjaPipeline
from manganinja.reference_attention import PointEmbeddings, ReferenceContext
from manganinja.samplers import PRESETS, new_scheduler
from manganinja.weights.load import load_pipeline

from . import full_size, memory, published_schedule

GUIDANCE = Guidance(9.0, 15.0)


@dataclass(frozen=True)
class Job:
    """One call's inputs, made up, in the words of both schedules."""

    noise: Tensor
    ours: Conditions
    theirs: published_schedule.PublishedInputs
    bank: dict[str, Tensor]


@torch.no_grad()
def made_up(pipeline: MangaNinjaPipeline, side_px: int) -> Job:
    """Random latents and line art, three points, on the pipeline's device."""
    torch.manual_seed(1)
    device, dtype = pipeline.place, pipeline.dtype
    channels, side = pipeline.vae.config["latent_channels"], side_px // pipeline.reduction
    width = pipeline.unconditional.token.shape[-1]
    noise, reference = torch.randn(2, 1, channels, side, side).to(device, dtype)
    token = torch.randn(1, 1, width).to(device, dtype)
    condition = (torch.rand(1, 3, side_px, side_px) > 0.9).to(device, dtype) * 2 - 1
    maps = torch.zeros(2, 1, 1, side_px, side_px)
    for number in (1, 2, 3):
        for point_map in maps:
            row, column = torch.randint(side_px, (2,)).tolist()
            point_map[0, 0, row, column] = number
    points = PointEmbeddings(*[pipeline.point_net(point_map.to(device)) for point_map in maps])
    tokens = torch.cat([pipeline.unconditional().to(token), token, token])
    bank = pipeline.reference_unet.read(reference, token)
    context = ReferenceContext([bank], point_embeddings=points)
    return Job(
        noise,
        Conditions(context, tokens, pipeline.controlnet.embed(condition)),
        published_schedule.PublishedInputs(reference, tokens, condition, points),
        {name: features.expand(3, -1, -1) for name, features in bank.items()},
    )


def clock(device: torch.device) -> float:
    """Seconds: the processor's own on a CPU, the wall's once the device is done elsewhere."""
    if device.type == "cpu":
        return time.process_time()
    getattr(torch, device.type).synchronize()
    return time.perf_counter()


def timed(work: Callable[[], Any], device: torch.device) -> float:
    """Seconds that ``work`` takes."""
    start = clock(device)
    work()
    return clock(device) - start


@torch.no_grad()
def steps_by_turns(
    ways: dict[str, Callable[[], Any]], device: torch.device, repeat: int
) -> dict[str, float]:
    """The least seconds of each way, after one round that only warms up."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeat + 1):
        for name, work in ways.items():
            seconds = timed(work, device)
            if turn:
                taken[name].append(seconds)
    return {name: min(seconds) for name, seconds in taken.items()}


def peak_bytes(device: torch.device) -> int:
    """Of the device, or of the process on a CPU, since it started."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def decibels(a: Tensor, b: Tensor) -> float:
    """PSNR of two decoded pictures in [-1, 1]."""
    error = (a.clamp(-1, 1) - b.clamp(-1, 1)).float().square().mean().item()
    return float(10 * np.log10(4 / max(error, 1e-12)))


@torch.no_grad()
def sampled(pipeline: MangaNinjaPipeline, job: Job, sampler: str, steps: int, every: int) -> Tensor:
    """Our sampling loop on made-up inputs."""
    scheduler = new_scheduler(sampler, pipeline.scheduler.config)
    scheduler.set_timesteps(steps, device=job.noise.device)
    sparse, last = SparseGuidance(GUIDANCE, every), job.ours.last_row()
    current = job.noise.float()
    for index, timestep in enumerate(scheduler.timesteps):
        rows = job.ours if sparse.needs_all(index) else last
        guided = sparse.combine(index, pipeline.predict(current, timestep, rows))
        current = scheduler.step(guided, timestep, current).prev_sample
    return current


@torch.no_grad()
def decoded(pipeline: MangaNinjaPipeline, latents: Tensor) -> Tensor:
    scale = pipeline.vae.config["scaling_factor"]
    return pipeline.vae.decode(latents.to(pipeline.vae.dtype) / scale).sample.float()


@torch.no_grad()
def measure(
    pipeline: MangaNinjaPipeline,
    side_px: int,
    repeat: int,
    steps: int,
    compiled: bool = False,
    presets: bool = True,
) -> dict[str, Any]:
    """The table as numbers: per way of working, seconds a step and distance.

    Args:
        steps: of the run whose picture tells the distance; 0 for none.
        presets: whether the presets' distances from it are measured, too, each in its own steps.
    """
    device = pipeline.place
    job, timestep = made_up(pipeline, side_px), torch.tensor(481, device=device)
    last = job.ours.last_row()

    def published() -> Tensor:
        with published_schedule.as_published(pipeline):
            return published_schedule.predict(pipeline, job.noise, timestep, job.theirs, job.bank)

    seconds = steps_by_turns({"published": published}, device, repeat)
    kinds = [m for n in (pipeline.unet, pipeline.controlnet) for m in n.modules()]
    plain = steps_by_turns(
        {
            "no redundant work": lambda: pipeline.predict(job.noise, timestep, job.ours),
            "one row": lambda: pipeline.predict(job.noise, timestep, last),
        },
        device,
        repeat,
    )
    result: dict[str, Any] = {"published": seconds["published"], **plain}
    reference = None
    if steps:
        with published_schedule.as_published(pipeline):
            reference = published_schedule.sample(pipeline, job.noise, job.theirs, steps, GUIDANCE)
    before = peak_bytes(device)
    places.prepare(pipeline, places.Place(device.type, pipeline.dtype, ""))
    fast = steps_by_turns(
        {
            "and laid out": lambda: pipeline.predict(job.noise, timestep, job.ours),
            "one row, laid out": lambda: pipeline.predict(job.noise, timestep, last),
        },
        device,
        repeat,
    )
    result.update(fast)
    if compiled:
        print(places.compile_blocks(pipeline, device.type))
        result["and compiled"] = steps_by_turns(
            {"and compiled": lambda: pipeline.predict(job.noise, timestep, job.ours)},
            device,
            repeat,
        )["and compiled"]
    result["winograd convolutions"] = sum(isinstance(m, winograd.WinogradConv2d) for m in kinds)
    result["peak bytes"] = before, peak_bytes(device)
    if reference is not None:
        picture = decoded(pipeline, reference.float())
        for every in (1, 2, 3):
            mine = decoded(pipeline, sampled(pipeline, job, "ddim", steps, every))
            result[f"PSNR every {every}"] = decibels(mine, picture)
        for name, preset in PRESETS.items() if presets else ():
            mine = sampled(pipeline, job, preset.sampler, preset.steps, preset.guidance_every)
            result[f"PSNR {name}"] = decibels(decoded(pipeline, mine), picture)
    return result


@torch.no_grad()
def distances(pipeline: MangaNinjaPipeline, side_px: int, steps: int) -> str:
    """How far rows left out take the result, in dB, from the same steps with all rows. That takes a
    good third of the time of the published schedule's own steps, whose result is the same."""
    job = made_up(pipeline, side_px)
    places.prepare(pipeline, places.Place(pipeline.place.type, pipeline.dtype, ""))
    exact, other = [
        decoded(pipeline, sampled(pipeline, job, "ddim", steps, every)) for every in (1, 2)
    ]
    every_second = f"guidance every 2 of {steps} steps at {side_px} px"
    return f"PSNR of {every_second}, to all rows in each: {decibels(other, exact):.1f} dB"


def table(result: dict[str, Any]) -> str:
    """Milliseconds a step, steps a second and the ratio to the published schedule."""
    base = result["published"]
    ways = {
        "published schedule": base,
        "no redundant work": result["no redundant work"],
        "and laid out for the device": result["and laid out"],
    }
    if "and compiled" in result:
        ways["and compiled"] = result["and compiled"]
    for every in (2, 3):
        mean = (result["and laid out"] + (every - 1) * result["one row, laid out"]) / every
        ways[f"and guidance every {every} steps"] = mean
    lines = [f"{'':32}{'ms a step':>11}{'steps/s':>9}{'ratio':>7}{'PSNR':>8}"]
    for name, seconds in ways.items():
        every = name.removeprefix("and guidance every ").split()[0]
        key = f"PSNR every {every if every.isdigit() else 1}"
        known = key in result and (every.isdigit() or name.startswith("and laid"))
        psnr = f"{result[key]:8.1f}" if known else ""
        lines.append(
            f"{name:32}{1000 * seconds:11.0f}{1 / seconds:9.3f}{base / seconds:7.2f}{psnr}"
        )
    return "\n".join(lines)


def main() -> None:
    """Print machine, table and figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="full", help="'full': published sizes; or a model")
    parser.add_argument("--narrower", type=int, default=1, help="divide the channels of 'full'")
    parser.add_argument("--size", type=int, help="side in pixels (the model's own)")
    parser.add_argument("--device", help="default: the fastest here")
    parser.add_argument("--dtype", choices=("float32", "float16", "bfloat16"))
    parser.add_argument("--repeat", type=int, default=2, help="timed turns of each way")
    parser.add_argument("--steps", type=int, default=0, help="also sample, for the distance")
    parser.add_argument(
        "--distance",
        action="store_true",
        help="only the distance of --steps with guidance rows left out, without timing anything",
    )
    parser.add_argument(
        "--compile", action="store_true", help="also with torch.compile, which takes minutes first"
    )
    parser.add_argument(
        "--modes", action="store_true", help="only the memory of each mode, without timing a CPU"
    )
    parser.add_argument(
        "--share",
        action="store_true",
        help="less memory: Reference U-Net with the U-Net's weights, no image tower",
    )
    options = parser.parse_args()
    place = places.best_place(5 << 30, options.device)
    dtype = getattr(torch, options.dtype) if options.dtype else place.dtype
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, ", end="")
    print(f"{torch.get_num_threads()} threads, {dtype}. {place.why}")
    if not options.modes:
        _print_steps(options, place.device, dtype)
    if not options.distance:
        _print_modes(options, place.device, dtype)


def _print_steps(options: argparse.Namespace, device: str, dtype: torch.dtype) -> None:
    if options.model == "full":
        pipeline = full_size.build(device, dtype, options.narrower, options.share)
    else:
        pipeline = published_schedule.whole(load_pipeline(options.model, device, dtype))
    pipeline.set_progress_bar_config(disable=True)
    pipeline.place = torch.device(device)
    side_px = options.size or pipeline.config["resolution"]
    if options.distance:
        print(distances(pipeline, side_px, options.steps))
        return
    # Of random weights a preset's few steps say nothing, and on a CPU they take hours.
    presets = options.model != "full"
    result = measure(pipeline, side_px, options.repeat, options.steps, options.compile, presets)
    print(table(result))
    print(json.dumps(result))


def _print_modes(options: argparse.Namespace, device: str, dtype: torch.dtype) -> None:
    """A count is of half precision, which is what a GPU would have."""
    can_tell = device.split(":")[0] in memory.MEASURABLE
    if options.model != "full":
        pipeline = load_pipeline(options.model, "cpu", dtype)
    elif can_tell:
        pipeline = memory.slimmed(full_size.build(device, dtype, options.narrower))
    else:
        pipeline = memory.hollow(_half(dtype), options.narrower)
    side_px = options.size or pipeline.config["resolution"]
    print(memory.table(pipeline, memory.peaks(pipeline, device, side_px), side_px))


def _half(dtype: torch.dtype) -> torch.dtype:
    return torch.float16 if dtype == torch.float32 else dtype


if __name__ == "__main__":
    main()
