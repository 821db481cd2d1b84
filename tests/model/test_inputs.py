# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call of the pipeline may be given, and what it says to the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from manganinja import BadRequest, MangaNinjaPipeline, PointPair, load_pipeline
from manganinja.framing import Frame
from manganinja.memory import fingerprint
from manganinja.point_net import PointNet
from manganinja.references import Shares

from .test_pipeline import colours, latents, lines


@pytest.fixture(scope="module")
def pipeline(small_model: Path) -> MangaNinjaPipeline:
    loaded = load_pipeline(small_model)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def painted(pipeline: MangaNinjaPipeline, **changes) -> torch.Tensor:
    return latents(pipeline, **{"resolution": 64, "num_inference_steps": 2, **changes})


def sixteen_bit(image: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def test_sixteen_bits_are_read_as_eight(pipeline: MangaNinjaPipeline) -> None:
    grey = colours().convert("L")
    expected = painted(pipeline, reference=grey)
    torch.testing.assert_close(painted(pipeline, reference=sixteen_bit(grey)), expected)
    start = {"initial_image": grey, "strength": 0.5}
    expected = painted(pipeline, **start)
    torch.testing.assert_close(
        painted(pipeline, **{**start, "initial_image": sixteen_bit(grey)}), expected
    )


def test_a_palette_and_single_bits_are_reduced_as_other_pictures_are(
    pipeline: MangaNinjaPipeline,
) -> None:
    large = colours(200, 200)
    indexed = large.quantize(8)
    expected = painted(pipeline, reference=indexed.convert("RGB"))
    torch.testing.assert_close(painted(pipeline, reference=indexed), expected)
    black = lines(200, 200).convert("1")
    expected = painted(pipeline, lineart=black.convert("L"))
    torch.testing.assert_close(painted(pipeline, lineart=black), expected)


def test_memory_tells_pictures_apart_that_differ_in_what_is_transparent() -> None:
    opaque = colours().quantize(8)
    clear = opaque.copy()
    clear.info["transparency"] = 0
    assert fingerprint(opaque) != fingerprint(clear)


def test_a_mask_of_one_pixel_in_a_large_reference_leaves_something() -> None:
    mask = np.zeros((2048, 2048), np.uint8)
    mask[1000, 1000] = 255
    shares = Shares.checked(None, [mask], [(2048, 2048)])
    frame = Frame((2048, 2048), (64, 64), (64, 64))
    assert [int((level > -1).sum()) for level in shares.bias([frame], [(8, 8), (1, 1)])] == [1, 1]


def test_all_painted_anew_is_a_start_from_nothing(pipeline: MangaNinjaPipeline) -> None:
    nothing = painted(pipeline)
    anew = painted(pipeline, initial_image=colours(hue="green"), strength=1.0)
    torch.testing.assert_close(anew, nothing)
    torch.testing.assert_close(painted(pipeline, strength=0.5), nothing)


def test_three_hundred_pairs_all_count(pipeline: MangaNinjaPipeline) -> None:
    pairs = [PointPair((i % 20 + 1, i // 20 + 1), (i % 20 + 1, i // 20 + 20)) for i in range(300)]
    moved = [*pairs[:-1], PointPair((60, 60), pairs[-1].lineart)]
    pipeline.point_net.register_to_config(encoding="number")
    assert pipeline.point_net.most_pairs > 4096
    half: PointNet = PointNet((8,), 8).bfloat16()
    assert half.most_pairs == 256
    assert not torch.allclose(painted(pipeline, points=pairs), painted(pipeline, points=moved))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"reference": None}, "no reference"),
        ({"reference": "girl.png"}, "not a picture but a str"),
        ({"reference": [colours(), np.zeros((9, 9, 3))]}, "reference 2 is not a picture"),
        ({"reference": Image.new("RGB", (0, 9))}, "no pixels"),
        ({"lineart": None}, "line art is not a picture but nothing"),
        ({"lineart": np.zeros((9, 9, 3), np.uint8)}, r"\(H, W\)"),
        ({"lineart": np.ones((9, 9), bool)}, "bool"),
        ({"lineart": np.full((64, 64), 2, np.float32)}, "not within 0 and 1"),
        ({"lineart": np.ones((64, 64), np.float32), "extract_lineart": True}, "extracted"),
        ({"points": [((1, 1), (2, 2))]}, "PointPair"),
        ({"num_inference_steps": 1000}, "1000 steps"),
        ({"num_inference_steps": 2.5}, "2.5 steps"),
        ({"strength": 0.001, "initial_image": colours()}, "strength of 0.001"),
        ({"seed": None}, "None can't be a seed"),
        ({"seed": 1 << 70}, "can't be a seed"),
        ({"guidance_scale_points": float("nan")}, "Guidance scale: nan"),
        ({"guidance_every": -1}, "-1 can't be guidance_every"),
        ({"resolution": 16}, "multiple of 8 from"),
        ({"latents": torch.zeros(1, 4, 9, 9)}, r"\(1, 4, 8, 8\), not \(1, 4, 9, 9\)"),
        ({"latents": torch.full((1, 4, 8, 8), torch.nan)}, "not all numbers"),
        ({"reference_latents": [torch.zeros(1, 4, 8, 8)] * 2}, "2 reference_latents for 1"),
        ({"reference_latents": torch.zeros(1, 4, 4, 8)}, "reference_latents must be"),
        ({"initial_image": colours(64, 20), "strength": 0.5}, "another aspect"),
    ],
)
def test_what_can_not_be_used_gets_a_sentence(
    pipeline: MangaNinjaPipeline, changes, sentence
) -> None:
    with pytest.raises(BadRequest, match=sentence):
        painted(pipeline, **changes)
