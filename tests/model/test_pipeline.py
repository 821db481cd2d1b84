# SPDX-License-Identifier: GPL-3.0-or-later
"""The pipeline's behaviour beside the golden cases, on small random weights."""

from __future__ import annotations

import shutil
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
from manganinja.memory import Memory
from manganinja.pipeline import Conditions
from manganinja.points import draw_point_map
from manganinja.reference_attention import Bank, ReferenceContext
from manganinja.references import Shares

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
    for name, network in published.components.items():
        if isinstance(network, torch.nn.Module):
            loaded = getattr(pipeline, name).state_dict()
            torch.testing.assert_close(loaded, network.state_dict(), rtol=0, atol=0)
    # Weights that lie elsewhere in memory may be multiplied in another order.
    torch.testing.assert_close(latents(pipeline), latents(published, **options), rtol=0, atol=1e-3)


def test_same_seed_same_picture_other_seed_other_picture(pipeline: MangaNinjaPipeline) -> None:
    torch.testing.assert_close(latents(pipeline, seed=3), latents(pipeline, seed=3))
    assert not torch.allclose(latents(pipeline, seed=3), latents(pipeline, seed=4))


def test_a_points_place_and_partner_matter(pipeline: MangaNinjaPipeline) -> None:
    def at(x: float, y: float, to_x: float, to_y: float) -> torch.Tensor:
        return latents(pipeline, points=[PointPair((x, y), (to_x, to_y))])

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


def test_a_references_weight_and_mask_matter(pipeline: MangaNinjaPipeline) -> None:
    both = [colours(), colours(80, 40, "green")]
    equal = latents(pipeline, reference=both)
    same = latents(pipeline, reference=both, reference_weights=[1, 1], reference_masks=[None] * 2)
    torch.testing.assert_close(equal, same)
    heavier = latents(pipeline, reference=both, reference_weights=[1, 3])
    left = Image.new("L", (64, 64))
    left.paste(255, (0, 0, 32, 64))
    masked = latents(pipeline, reference=both, reference_masks=[left, None])
    assert not torch.allclose(equal, heavier) and not torch.allclose(equal, masked)


def test_a_reference_twice_is_the_reference_once_with_twice_the_weight(
    pipeline: MangaNinjaPipeline,
) -> None:
    encoded = torch.randn(1, 4, 8, 8)
    start = torch.randn(1, 4, 8, 8)
    twice = latents(
        pipeline, reference=[colours()] * 2, reference_latents=[encoded] * 2, latents=start
    )
    heavy = latents(pipeline, reference_latents=encoded, latents=start, reference_weights=[2])
    torch.testing.assert_close(twice, heavy, atol=1e-3, rtol=1e-3)


def test_what_a_mask_leaves_out_can_be_anything(pipeline: MangaNinjaPipeline) -> None:
    """But for the image token and the Reference U-Net's own view, here held still."""
    whole = torch.zeros(64, 64)
    whole[:, :32] = 1
    shares = Shares.checked(None, [whole.numpy()], [(64, 64)])
    bias = shares.bias(pipeline.frames([(64, 64)]), [(8, 8), (4, 4), (2, 2), (1, 1)])
    start, token = torch.randn(1, 4, 8, 8), torch.randn(1, 1, 32)
    bank = pipeline.reference_unet.read(torch.randn(1, 4, 8, 8), token)
    other = Bank({name: tokens.clone() for name, tokens in bank.items()})
    for tokens in other.values():
        side = int(tokens.shape[1] ** 0.5)
        tokens.view(1, side, side, -1)[:, :, (side + 1) // 2 :] = 7.0
    lineart = pipeline.controlnet.embed(torch.rand(1, 3, 64, 64))

    def predict(bank: Bank, bias: list[torch.Tensor]) -> torch.Tensor:
        context = ReferenceContext([bank], plain=0, points=0, bias=bias)
        call = Conditions(context, token, lineart)
        return pipeline.predict(start, torch.tensor(500), call)

    torch.testing.assert_close(predict(bank, bias), predict(other, bias), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(predict(bank, []), predict(other, []), atol=1e-3)


def test_a_small_mark_of_a_mask_survives_at_every_level(pipeline: MangaNinjaPipeline) -> None:
    mask = np.zeros((900, 700), np.uint8)
    mask[450, 333] = 255
    shares = Shares.checked(None, [mask], [(700, 900)])
    for level in shares.bias(pipeline.frames([(700, 900)]), [(8, 8), (4, 4), (2, 2), (1, 1)]):
        assert torch.isfinite(level).sum() >= 1


def test_a_start_from_a_picture_keeps_more_of_it_the_lower_the_strength(
    pipeline: MangaNinjaPipeline,
) -> None:
    picture = colours(hue="gold")
    steps: list[int] = []

    def far(strength: float) -> float:
        asked = {"initial_image": picture, "strength": strength, "num_inference_steps": 10}
        result = latents(pipeline, callback_on_step_end=lambda p, i, t, x: steps.append(i), **asked)
        encoded = pipeline._encode(picture, pipeline.frames([(64, 64)])[0], Memory())[0]
        return float((result / pipeline.vae.config["scaling_factor"] - encoded).square().mean())

    near, middle = far(0.1), far(0.4)
    assert steps == [0, 0, 1, 2, 3]
    assert near < middle


def test_solvers_of_higher_order_start_from_a_picture_too(pipeline: MangaNinjaPipeline) -> None:
    steps: list[int] = []

    def started(hue: str) -> torch.Tensor:
        return latents(
            pipeline,
            sampler="dpm++",
            initial_image=colours(hue=hue),
            strength=0.3,
            num_inference_steps=10,
            callback_on_step_end=lambda p, i, t, x: steps.append(t),
        )

    gold, blue = started("gold"), started("blue")
    assert len(steps) == 6 and steps[0] < 400
    assert torch.isfinite(gold).all() and not torch.allclose(gold, blue)


@pytest.mark.parametrize("resolution", [512, 520, 768, 1024])
def test_any_multiple_of_eight_is_a_working_resolution(
    pipeline: MangaNinjaPipeline, resolution: int
) -> None:
    frames = pipeline.frames([(600, 800), (300, 400)], resolution)
    assert {f.padded_px for f in frames} == {(-(-resolution * 3 // 4 // 8) * 8, resolution)}
    if resolution == 520:
        result = latents(
            pipeline,
            lineart=lines(600, 800),
            reference=colours(300, 400),
            resolution=resolution,
            num_inference_steps=1,
        )
        assert result.shape == (1, 4, 65, 49) and torch.isfinite(result).all()


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
        ({"resolution": 100}, "multiple of 8"),
        ({"strength": 0.0}, "strength"),
        ({"reference_weights": [0]}, "weight 0"),
        ({"reference_weights": [1, 1]}, "2 weights for 1"),
        ({"reference_masks": [Image.new("L", (64, 64))]}, "leaves nothing"),
        ({"reference_masks": [Image.new("L", (9, 9), 255)]}, "another size"),
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
