# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline computes what the published code computed with the same small random weights.

``golden/`` holds two of the cases; their reference bank was kept in float32. Tolerances: the
published code in float32 differs from itself in float64 by up to 2e-5 on raw predictions.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from manganinja import MangaNinjaPipeline, PointPair
from manganinja.conditioning import clip_pixels, image_token

from .conftest import GOLDEN


@dataclass
class Run:
    case: Any
    raw: np.ndarray
    latents: np.ndarray
    image: np.ndarray


def picture(case: Any, name: str) -> Image.Image:
    image = Image.open(io.BytesIO(case[name].tobytes()))
    image.load()
    return image


def pairs(case: Any) -> list[PointPair]:
    """The maps' pixels back to pairs, in the middle of each pixel."""

    def place(point_map: np.ndarray, number: int) -> tuple[float, float]:
        row, column = np.argwhere(point_map == number)[0]
        return column + 0.5, row + 0.5

    reference, lineart = case["point_ref"], case["point_main"]
    return [
        PointPair(place(reference, number), place(lineart, number))
        for number in range(1, int(reference.max()) + 1)
    ]


@pytest.fixture(scope="module", params=["points", "lineart_without_points"])
def run(request: pytest.FixtureRequest, published: MangaNinjaPipeline) -> Run:
    case = np.load(GOLDEN / f"{request.param}.npz")
    meta = json.loads(str(case["meta"]))
    raw: list[torch.Tensor] = []
    forward = published.unet.forward

    def spy(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        raw.append(output.sample.clone())
        return output

    # The first case's line art was extracted by the published code from a coloured picture.
    lineart = case["lineart_out"] if "lineart_out" in case else picture(case, "target_png")
    published.unet.forward = spy
    try:
        output = published(
            lineart=lineart,
            reference=picture(case, "ref_png"),
            points=pairs(case),
            resolution=meta["processing_res"],
            num_inference_steps=meta["steps"],
            guidance_scale_reference=meta["guidance_scale_ref"],
            guidance_scale_points=meta["guidance_scale_point"],
            latents=torch.from_numpy(case["init_noise"]),
            reference_latents=torch.from_numpy(case["ref_latents"]),
        )
    finally:
        published.unet.forward = forward
    return Run(case, torch.stack(raw).numpy(), output.latents.numpy(), np.asarray(output.images[0]))


def relative_error(value: np.ndarray, truth: np.ndarray) -> float:
    return float(np.abs(value - truth).max() / np.abs(truth).max())


def test_raw_predictions_of_every_row_and_step_match(run: Run) -> None:
    assert relative_error(run.raw, run.case["noise_pred_raw"]) < 1e-4


def test_final_latents_match(run: Run) -> None:
    assert relative_error(run.latents, run.case["final_latents"]) < 1e-4


def test_image_bytes_match_within_one(run: Run) -> None:
    difference = np.abs(run.image.astype(int) - run.case["image"].astype(int))
    assert (difference <= 1).mean() > 0.999


def test_clip_input_and_embedding_match(published: MangaNinjaPipeline) -> None:
    case = np.load(GOLDEN / "points.npz")
    pixels = clip_pixels(picture(case, "ref_png"), 224)
    np.testing.assert_allclose(pixels, case["clip_pixel_values"], atol=1e-6)
    with torch.no_grad():
        token = image_token(published.image_encoder, pixels)
    np.testing.assert_allclose(token[0], case["clip_image_embeds"], atol=1e-5)
    np.testing.assert_allclose(published.unconditional.token.data, case["uncond_embed"], atol=1e-5)


def test_reference_latents_are_sampled_as_published(published: MangaNinjaPipeline) -> None:
    case = np.load(GOLDEN / "points.npz")
    values = np.asarray(picture(case, "ref_png").convert("RGB")) / 255 * 2 - 1
    signed = torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1).unsqueeze(0)
    with torch.no_grad():
        posterior = published.vae.encode(signed).latent_dist
    sample = posterior.mean + posterior.std * torch.from_numpy(case["vae_noise"])
    latents = sample * published.vae.config["scaling_factor"]
    np.testing.assert_allclose(latents, case["ref_latents"], atol=2e-5)
