# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline's behaviour beside the golden cases, on small random weights."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from manganinja import (
    BadRequest,
    BadWeights,
    Cancelled,
    MangaNinjaPipeline,
    ModelNotFound,
    PointPair,
    load_pipeline,
)
from manganinja.framing import common_frames
from manganinja.points import draw_point_map

from .conftest import GOLDEN


@pytest.fixture(scope="module")
def pipeline(small_model: Path) -> MangaNinjaPipeline:
    loaded = load_pipeline(small_model)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def lines(width: int = 64, height: int = 64) -> Image.Image:
    image = Image.new("RGB", (width, height), "white")
    ImageDraw.Draw(image).ellipse((8, 8, width - 8, height - 8), outline="black", width=3)
    return image


def colours(width: int = 64, height: int = 64, hue: str = "red") -> Image.Image:
    image = Image.new("RGB", (width, height), "skyblue")
    ImageDraw.Draw(image).ellipse((8, 8, width - 8, height - 8), fill=hue)
    return image


def latents(pipeline: MangaNinjaPipeline, **changes) -> torch.Tensor:
    call = {"lineart": lines(), "reference": colours(), "output_type": "latent", **changes}
    return pipeline(**call).latents


def test_saved_and_loaded_it_computes_the_same(
    pipeline: MangaNinjaPipeline, published: MangaNinjaPipeline
) -> None:
    options = {"resolution": 64, "num_inference_steps": 2}
    # Where memory begins decides which kernels run: 1e-4 on latents of up to 22.
    torch.testing.assert_close(
        latents(pipeline), latents(published, **options), atol=1e-3, rtol=1e-4
    )


def test_same_seed_same_picture_other_seed_other_picture(pipeline: MangaNinjaPipeline) -> None:
    torch.testing.assert_close(latents(pipeline, seed=3), latents(pipeline, seed=3))
    assert not torch.allclose(latents(pipeline, seed=3), latents(pipeline, seed=4))


def test_a_points_place_and_partner_matter(pipeline: MangaNinjaPipeline) -> None:
    def at(*place: float) -> torch.Tensor:
        return latents(pipeline, points=[PointPair(place[:2], place[2:])])

    none = latents(pipeline)
    assert not torch.allclose(at(10, 10, 30, 30), none)
    assert not torch.allclose(at(10, 10, 30, 30), at(10, 10, 50, 30))
    assert not torch.allclose(at(10, 10, 30, 30), at(50, 10, 30, 30))


def test_a_second_reference_and_its_points_matter(pipeline: MangaNinjaPipeline) -> None:
    both = [colours(), colours(80, 40, "green")]
    one = latents(pipeline)
    two = latents(pipeline, reference=both)
    pointed = latents(pipeline, reference=both, points=[PointPair((70, 5), (30, 30), 1)])
    assert one.shape == two.shape
    assert not torch.allclose(one, two) and not torch.allclose(two, pointed)


@pytest.mark.parametrize("size", [(64, 64), (100, 37), (37, 100), (7, 301), (650, 640)])
def test_any_size_comes_back_at_its_size(pipeline: MangaNinjaPipeline, size) -> None:
    art = Image.new("L", size, 255)
    ImageDraw.Draw(art).line((0, 0, *size), fill=0, width=max(2, max(size) // 40))
    image = pipeline(lineart=art, reference=colours(50, 90)).images[0]
    assert image.size == size


def test_thin_lines_of_a_large_page_count_where_the_model_says_so(
    pipeline: MangaNinjaPipeline,
) -> None:
    page = Image.new("L", (1200, 1600), 255)
    ImageDraw.Draw(page).ellipse((100, 100, 1100, 1500), outline=0, width=3)
    with pytest.raises(BadRequest, match="empty"):
        latents(pipeline, lineart=page)
    keeping = {**pipeline.config, "keeps_thin_lines": True}
    options = {k: v for k, v in keeping.items() if k not in pipeline.COMPONENTS and k[0] != "_"}
    assert latents(MangaNinjaPipeline(**pipeline.components, **options), lineart=page).numel() > 0


def test_guidance_scales_of_one_and_below_work(pipeline: MangaNinjaPipeline) -> None:
    for scale in (0.0, 1.0):
        result = latents(pipeline, guidance_scale_reference=scale, guidance_scale_points=scale)
        assert torch.isfinite(result).all()


def test_two_calls_at_once_do_not_see_each_other(pipeline: MangaNinjaPipeline) -> None:
    alone = [latents(pipeline, reference=colours(hue=hue)) for hue in ("red", "lime")]
    together: list[torch.Tensor | None] = [None, None]

    def work(index: int, hue: str) -> None:
        together[index] = latents(pipeline, reference=colours(hue=hue))

    threads = [threading.Thread(target=work, args=a) for a in enumerate(("red", "lime"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for expected, result in zip(alone, together, strict=True):
        torch.testing.assert_close(result, expected, atol=1e-4, rtol=1e-4)


def test_a_callback_sees_each_step_and_can_stop(pipeline: MangaNinjaPipeline) -> None:
    seen = []

    def stop_after_two(pipe, step, timestep, tensors) -> None:
        seen.append((step, tensors["latents"].shape == tensors["proposal"].shape))
        if step == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        latents(pipeline, num_inference_steps=5, callback_on_step_end=stop_after_two)
    assert seen == [(0, True), (1, True)]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"reference": []}, "no reference"),
        ({"num_inference_steps": 0}, "steps"),
        ({"lineart": Image.new("L", (64, 64), 255)}, "empty"),
        ({"points": [PointPair((1, 1), (64, 3))]}, "outside the line art"),
        ({"points": [PointPair((-1, 1), (6, 3))]}, "outside the reference"),
        ({"points": [PointPair((1, 1), (6, 3), 1)]}, "reference 2"),
        ({"extract_lineart": True}, "extract"),
        ({"output_type": "np"}, "output_type"),
    ],
)
def test_bad_input_gets_a_sentence(pipeline: MangaNinjaPipeline, changes, sentence) -> None:
    with pytest.raises(BadRequest, match=sentence) as caught:
        latents(pipeline, **changes)
    assert caught.value.remedy


@given(
    st.lists(st.tuples(st.integers(1, 6000), st.integers(1, 6000)), min_size=1, max_size=4),
    st.sampled_from([64, 128, 512]),
)
def test_frames_share_one_padded_size_and_keep_aspect(sizes, resolution) -> None:
    frames = common_frames(sizes, resolution, 8)
    assert len({frame.padded_px for frame in frames}) == 1
    for frame in frames:
        assert max(frame.placed_px) <= resolution
        assert all(
            p % 8 == 0 and p >= q for p, q in zip(frame.padded_px, frame.placed_px, strict=True)
        )
        exact = resolution / max(frame.source_px)
        for placed, source in zip(frame.placed_px, frame.source_px, strict=True):
            assert placed == max(1, int(source * exact)) or abs(placed - source * exact) < 1.001


def test_point_map_scales_and_points_make_room_for_each_other() -> None:
    marks = [(1, (0.0, 0.0)), (2, (99.9, 49.9)), (300, (50.0, 25.0)), (301, (50.4, 25.4))]
    point_map = draw_point_map(marks, (100, 50), (50, 25), (56, 32))
    assert point_map.shape == (32, 56)
    assert point_map[0, 0] == 1 and point_map[24, 49] == 2 and point_map[12, 25] == 300
    assert np.count_nonzero(point_map) == 4
    (row,), (column,) = (point_map == 301).nonzero()
    assert abs(row - 12) + abs(column - 25) == 1


def test_missing_models_and_damaged_weights_are_named(tmp_path: Path, small_model: Path) -> None:
    with pytest.raises(ModelNotFound, match="no model"):
        load_pipeline(tmp_path)
    incomplete = tmp_path / "incomplete"
    shutil.copytree(small_model, incomplete)
    shutil.rmtree(incomplete / "unet")
    with pytest.raises(BadWeights, match="unet"):
        load_pipeline(incomplete)
    broken = tmp_path / "broken"
    shutil.copytree(small_model, broken)
    (broken / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"not weights")
    with pytest.raises(BadWeights, match="vae"):
        load_pipeline(broken)


def test_published_files_with_other_keys_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    shutil.copytree(GOLDEN / "weights", folder)
    point_net = folder / "MangaNinjia" / "point_net.pth"
    state = torch.load(point_net, weights_only=True)
    torch.save({f"module.{key}": value for key, value in state.items()}, point_net)
    with pytest.raises(BadWeights, match=r"12 missing .*12 unexpected"):
        load_pipeline(folder)
    point_net.write_bytes(b"not a checkpoint")
    with pytest.raises(BadWeights, match=r"point_net\.pth"):
        load_pipeline(folder)
