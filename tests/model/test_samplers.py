# SPDX-License-Identifier: GPL-3.0-or-later
"""Faster samplers stay near DDIM's fifty steps, and sparse guidance near the full one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from manganinja import BadRequest, MangaNinjaPipeline, load_pipeline
from manganinja.files import read_image
from manganinja.guidance import Guidance, SparseGuidance
from manganinja.samplers import PRESETS, SAMPLERS

from .test_pipeline import latents

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "character"


@pytest.fixture(scope="module")
def mini() -> MangaNinjaPipeline:
    pipeline = load_pipeline("mini")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def painted(mini: MangaNinjaPipeline, **options) -> np.ndarray:
    lineart, reference = (read_image(EXAMPLE / f"{n}.png") for n in ("lineart", "reference"))
    result = mini(lineart, reference, seed=3, output_type="latent", **options)
    return np.asarray(mini.decode(result.latents), dtype=float)


def decibels(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / np.square(a - b).mean()))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_twenty_steps_of_each_sampler_end_where_ddims_fifty_do(
    mini: MangaNinjaPipeline, truth: np.ndarray, sampler: str
) -> None:
    """The mini predicts velocity from pure noise, where a solver's logarithms have no value."""
    assert decibels(painted(mini, sampler=sampler, num_inference_steps=20), truth) > 40
    assert decibels(painted(mini, sampler=sampler, num_inference_steps=1), truth) < 36


@pytest.fixture(scope="module")
def truth(mini: MangaNinjaPipeline) -> np.ndarray:
    return painted(mini, num_inference_steps=50)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_work_with_the_published_models_prediction_too(
    published: MangaNinjaPipeline, name: str
) -> None:
    result = latents(published, preset=name, resolution=64, num_inference_steps=4)
    assert torch.isfinite(result).all()
    asked = PRESETS[name]
    same = latents(
        published,
        sampler=asked.sampler,
        guidance_every=1,
        resolution=64,
        num_inference_steps=4,
    )
    torch.testing.assert_close(result, same)


def test_rows_are_left_out_in_the_best_presets_many_small_steps_only() -> None:
    best = PRESETS["best"]
    assert (best.sampler, best.steps, best.guidance_every) == ("ddim", 50, 2)
    assert best.in_steps(60).guidance_every == 2
    assert best.in_steps(49).guidance_every == 1


def test_the_best_preset_leaves_out_rows_and_comes_near_to_all_of_them(
    mini: MangaNinjaPipeline,
) -> None:
    scales = {"guidance_scale_reference": 9.0, "guidance_scale_points": 15.0}
    exact = painted(mini, num_inference_steps=50, **scales)
    assert 40 < decibels(painted(mini, preset="best", num_inference_steps=50, **scales), exact) < 99


def test_guidance_that_changes_evenly_is_continued_exactly() -> None:
    torch.manual_seed(0)
    start, change = torch.randn(2, 3, 4, 8, 8)
    guidance = Guidance(9, 15)
    sparse = SparseGuidance(guidance, every=3)
    for step in range(12):
        rows = start + step * change
        given = rows if sparse.needs_all(step) else rows[-1:]
        guided = sparse.combine(step, given)
        if step >= 3:  # From the second full step on.
            torch.testing.assert_close(guided, guidance.combine(rows), atol=1e-3, rtol=1e-4)
    assert [sparse.needs_all(step) for step in range(4)] == [True, False, False, True]


def test_sparse_guidance_computes_one_row_in_between_and_stays_near(
    mini: MangaNinjaPipeline,
) -> None:
    rows: list[int] = []
    hook = mini.unet.mid_block.register_forward_hook(lambda m, x, y: rows.append(len(x[0])))
    strong = {"guidance_scale_reference": 9, "guidance_scale_points": 15}
    try:
        sparse = painted(mini, num_inference_steps=24, guidance_every=2, **strong)
    finally:
        hook.remove()
    assert rows == [3, 1] * 12
    full = painted(mini, num_inference_steps=24, **strong)
    assert decibels(sparse, full) > 40


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"preset": "quick"}, "preset 'quick'"),
        ({"sampler": "euler"}, "sampler 'euler'"),
        ({"guidance_every": 0}, "0 can't be guidance_every"),
    ],
)
def test_unknown_ways_get_a_sentence(
    published: MangaNinjaPipeline, asked: dict, sentence: str
) -> None:
    with pytest.raises(BadRequest, match=sentence):
        latents(published, resolution=64, **asked)
