# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets against fifty steps of DDIM: ``python -m benchmarks.samplers``.

Held-out generated pairs with eight points each, painted from one noise by every way there is. A
way's distance is the PSNR of its proposals against DDIM's of 50 steps; its error at the points is
that of the paper's table (MSE over 3 x 3 pixels) against the truth; its cost counts rows through
the U-Net, in which nearly all of the time goes.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from manganinja.evaluate.held_out import errors_at_points, psnr_db
from manganinja.guidance import Guidance, SparseGuidance
from manganinja.memory import Memory
from manganinja.pipeline import MangaNinjaPipeline
from manganinja.points import PointPair
from manganinja.samplers import PRESETS, Preset
from manganinja.train.drawings import DrawnPair, point_pairs
from manganinja.train.pool import held_out_pairs
from manganinja.weights.load import load_pipeline

TRUTH = Preset("ddim", 50, 1)
WAYS = (
    Preset("ddim", 10, 1),
    Preset("dpm++", 10, 1),
    Preset("unipc", 10, 1),
    Preset("unipc", 10, 2),
    Preset("ddim", 20, 1),
    Preset("dpm++", 20, 1),
    Preset("dpm++", 20, 2),
    Preset("dpm++", 20, 3),
    Preset("unipc", 20, 1),
    Preset("unipc", 20, 2),
    Preset("ddim", 50, 2),
    Preset("ddim", 50, 3),
)


def rows(way: Preset, guidance: Guidance) -> int:
    """Rows through the U-Net in a call."""
    sparse, most = SparseGuidance(guidance, way.guidance_every), sum(guidance.rows)
    return sum(most if sparse.needs_all(step) else 1 for step in range(way.steps))


def paint(
    pipeline: MangaNinjaPipeline,
    pair: DrawnPair,
    points: np.ndarray,
    way: Preset,
    guidance: Guidance,
    memory: Memory,
) -> np.ndarray:
    """A pair's proposal (S, S, 3) uint8."""
    output = pipeline(
        lineart=Image.fromarray(pair.target.lineart),
        reference=Image.fromarray(pair.reference.colour),
        points=[PointPair(tuple(r), tuple(t)) for r, t in points.tolist()],
        num_inference_steps=way.steps,
        sampler=way.sampler,
        guidance_every=way.guidance_every,
        guidance_scale_reference=guidance.reference,
        guidance_scale_points=guidance.points,
        memory=memory,
    )
    return np.asarray(output.images[0])


def measure(
    pipeline: MangaNinjaPipeline, pairs: Sequence[DrawnPair], guidance: Guidance
) -> list[dict[str, Any]]:
    """Per way, the truth first: rows, mean distance in dB, mean error at points."""
    found: dict[Preset, list[tuple[float, float]]] = {way: [] for way in (TRUTH, *WAYS)}
    for index, pair in enumerate(pairs):
        points, memory = point_pairs(pair, 8, np.random.default_rng(index)), Memory()
        truth = paint(pipeline, pair, points, TRUTH, guidance, memory)
        for way, results in found.items():
            mine = paint(pipeline, pair, points, way, guidance, memory)
            error = float(errors_at_points(mine, pair.target.flats, points).mean())
            results.append((psnr_db(mine, truth), error))
    return [
        {
            "sampler": way.sampler,
            "steps": way.steps,
            "guidance_every": way.guidance_every,
            "rows": rows(way, guidance),
            "psnr_db": float(np.mean([distance for distance, _ in results])),
            "mse_at_points": float(np.mean([error for _, error in results])),
        }
        for way, results in found.items()
    ]


def table(results: list[dict[str, Any]]) -> str:
    """One line for each way; presets by their names."""
    names = {(p.sampler, p.steps, p.guidance_every): f" ({n})" for n, p in PRESETS.items()}
    lines = [f"{'sampler, steps, all rows every':34}{'rows':>6}{'PSNR':>8}{'MSE at points':>15}"]
    for row in results:
        key = (row["sampler"], row["steps"], row["guidance_every"])
        name = "{}, {}, {}".format(*key) + names.get(key, "")
        distance = "" if row["psnr_db"] >= 100 else f"{row['psnr_db']:.1f}"
        lines.append(f"{name:34}{row['rows']:6}{distance:>8}{row['mse_at_points']:15.4f}")
    return "\n".join(lines)


def main() -> None:
    """Print a table for the model's own guidance and one for the published one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--model", default="mini")
    parser.add_argument("--pairs", type=int, default=16)
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    pipeline = load_pipeline(options.model)
    pipeline.set_progress_bar_config(disable=True)
    pairs = list(held_out_pairs(options.pairs, pipeline.config["resolution"]))
    own = Guidance(pipeline.config["guidance_reference"], pipeline.config["guidance_points"])
    figures = {}
    for guidance in (own, Guidance()):
        name = f"guidance {guidance.reference:g} and {guidance.points:g}"
        figures[name] = measure(pipeline, pairs, guidance)
        print(f"{name}\n{table(figures[name])}\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
