# SPDX-License-Identifier: GPL-3.0-or-later
"""Patch shuffle, batches, the matching loss, and a training run that is stopped and continued."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from manganinja import BadRequest, load_pipeline
from manganinja.evaluate.held_out import (
    mean_colour,
    model,
    obedience,
    psnr_db,
    score,
    through_codec,
    untouched,
)
from manganinja.train.batch import BatchConfig, condition_of, make_batch
from manganinja.train.codec import (
    CodecConfig,
    new_codec,
    to_signed,
    visibility,
)
from manganinja.train.codec_training import CodecTrainer, _Samples
from manganinja.train.config import changed, read_config
from manganinja.train.drawings import draw_pair
from manganinja.train.export import export
from manganinja.train.loop import Trainer
from manganinja.train.matching import MatchingLoss, PointLoss, _sides
from manganinja.train.networks import NetworkConfig
from manganinja.train.pool import HELD_OUT_SEED, DrawingPool, held_out_pairs
from manganinja.train.settings import TrainingConfig
from manganinja.train.shuffle import PatchShuffle

SIZE = 64
SMALL = TrainingConfig(
    size_px=SIZE,
    batch=4,
    steps=3,
    pool=8,
    report_every=1,
    tensorboard=False,
    networks=NetworkConfig(channels=(16, 32), heads=2, norm_groups=4, embedding=16, clip_width=16),
)


@pytest.fixture(scope="module")
def codec():
    torch.manual_seed(0)
    return new_codec(CodecConfig(channels=(8, 8, 8, 16), latent_channels=4)).eval()


def pairs(count: int):
    return [draw_pair(seed, SIZE) for seed in range(count)]


@pytest.mark.parametrize("grid", [2, 4, 8, 16, 32])
def test_shuffle_keeps_every_pixel_and_takes_points_along(grid: int) -> None:
    rng = np.random.default_rng(grid)
    picture = rng.permutation(SIZE * SIZE).reshape(SIZE, SIZE)
    points = rng.uniform(0, SIZE, (50, 2)).astype(np.float32)
    shuffle = PatchShuffle(SIZE, grid, rng)
    moved, new = shuffle.picture(picture), shuffle.points(points).astype(int)
    assert sorted(moved.ravel()) == sorted(picture.ravel()) and (moved != picture).any()
    old = points.astype(int)
    assert (moved[new[:, 1], new[:, 0]] == picture[old[:, 1], old[:, 0]]).all()
    side = SIZE // grid
    assert (moved[:side, :side] == shuffle.picture(picture)[:side, :side]).all()


def test_batch_groups_and_maps_fit_together() -> None:
    config = BatchConfig(plain=0.3, pointed=0.4, no_pairs=0.0, recoloured=0.0, shuffled=0.5)
    batch = make_batch(pairs(12), config, np.random.default_rng(1))
    assert batch.plain + batch.referenced + batch.pointed == 12 == len(batch.target)
    assert batch.lineart_map.shape == (batch.pointed, 1, SIZE, SIZE)
    assert batch.pointed > 0
    for row in range(batch.pointed):
        sample = 12 - batch.pointed + row
        numbers = batch.lineart_map[row].unique()[1:]
        for number in numbers[torch.isin(numbers, batch.reference_map[row])]:
            (_, y, x), (_, v, u) = (
                (m[row] == number).nonzero()[0].tolist()
                for m in (batch.lineart_map, batch.reference_map)
            )
            parts = batch.target_parts[sample, y, x], batch.reference_parts[sample, v, u]
            assert parts[0] == parts[1]


def test_recoloured_parts_take_the_colour_under_the_other_end() -> None:
    config = BatchConfig(
        plain=0, pointed=1, no_pairs=0, recoloured=1, shuffled=0, no_lineart=0, most_pairs=1
    )
    drawn = pairs(24)
    batch = make_batch(drawn, config, np.random.default_rng(2))
    checked = 0
    for row, pair in enumerate(drawn):
        target = batch.target[row].permute(1, 2, 0).numpy()
        part_ids = batch.target_parts[row].numpy()
        for part in np.unique(part_ids[part_ids != pair.target.parts]):
            inside = (part_ids == part) & (pair.target.parts != part)
            source = pair.reference.flats[pair.reference.parts == part]
            difference = np.median(target[inside], axis=0) - np.median(source, axis=0)
            assert np.abs(difference).max() <= 2
            checked += 1
    assert checked > 10


def test_condition_of_black_lines_is_bright() -> None:
    condition = condition_of(np.array([[0, 200, 255]], np.uint8))
    np.testing.assert_array_equal(condition, [[255, 0, 0]])


def test_matching_loss_is_low_only_for_attention_on_the_same_part() -> None:
    config = BatchConfig(plain=0, pointed=0, shuffled=0)
    batch = make_batch(pairs(2), config, np.random.default_rng(0))

    def loss(sharpness: float) -> float:
        """Queries and keys that are the tokens' part ids: attention goes to equal parts."""
        side = SIZE // 8
        codes = torch.randn(256, 32, generator=torch.Generator().manual_seed(0))
        codes = codes / codes.norm(dim=1, keepdim=True)
        step = SIZE // side
        query, key = (
            codes[p[:, step // 2 :: step, step // 2 :: step].long()].flatten(1, 2).unsqueeze(1)
            for p in (batch.target_parts, batch.reference_parts)
        )
        matching = MatchingLoss(batch)
        matching("up_blocks.0.x", query * sharpness, torch.cat([query, key], 2), side * side)
        return matching.value().item()

    assert loss(60.0) < 0.5 < loss(0.0) < loss(-60.0)
    ignored = MatchingLoss(batch)
    ignored("down_blocks.0.x", torch.randn(2, 1, 64, 8), torch.randn(2, 1, 128, 8), 64)
    assert ignored.value() == 0


def test_point_loss_is_low_only_for_attention_between_the_ends_of_a_pair() -> None:
    config = BatchConfig(plain=0, pointed=1, no_pairs=0, shuffled=0, most_pairs=3)
    batch = make_batch(pairs(4), config, np.random.default_rng(3))
    side = SIZE // 8
    query, key = (
        torch.nn.functional.one_hot(
            torch.nn.functional.adaptive_max_pool2d(numbers.float(), side).flatten(1).long(), 32
        )
        .float()
        .unsqueeze(1)
        for numbers in (batch.lineart_map, batch.reference_map)
    )

    def loss(sharpness: float) -> float:
        joining = PointLoss(batch)
        joining("down_blocks.0.x", query * sharpness, torch.cat([query, key], 2), side * side)
        return joining.value().item()

    even = float(np.log(side * side))
    assert loss(90.0) < even / 5 and abs(loss(0.0) - even) < 0.05 and loss(-90.0) > even


def test_pool_renews_itself_and_never_reaches_the_held_out_seeds() -> None:
    pool = DrawingPool(32, capacity=4, reuse=2, first_seed=HELD_OUT_SEED - 1)
    rng = np.random.default_rng(0)
    taken = [pool.take(turn, 3, rng) for turn in range(5)]
    assert {len(pairs) for pairs in taken} == {3}
    assert pool.places(40, 3, rng)[0] > 50 and len(pool._drawn) == 0
    held_out = next(held_out_pairs(1, 32)).target.colour
    assert not any((p.target.colour == held_out).all() for pairs in taken for p in pairs)


def test_pools_that_share_the_seeds_draw_none_twice() -> None:
    rng = np.random.default_rng(0)
    pools = [DrawingPool(32, 4, 1.0, first_seed=i, stride=3) for i in range(3)]
    drawn = [pool.first_seed + 3 * place for pool in pools for place in pool.places(0, 4, rng)]
    assert sorted(drawn) == list(range(12))


def test_a_run_learns_is_continued_where_it_stopped_and_exports(codec, tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = Trainer(SMALL, run, codec)
    before = {k: v.clone() for k, v in first._state().items()}
    first.run()
    assert first.step == 3
    changed_keys = [k for k, v in first._state().items() if not torch.equal(v, before[k])]
    for network, _ in first.networks.items():
        assert any(key.startswith(network) for key in changed_keys), network

    second = Trainer(SMALL, run)
    assert second.step == 3
    for key, value in first._state().items():
        torch.testing.assert_close(second._state()[key], value)
    for key, value in first.ema.mean.items():
        torch.testing.assert_close(second.ema.mean[key], value)

    (tmp_path / "diary").mkdir()
    (tmp_path / "diary" / "today.txt").write_text("dear diary")
    with pytest.raises(BadRequest, match="something else"):
        export(run, tmp_path / "diary")
    export(run, tmp_path / "model")
    pipeline = load_pipeline(tmp_path / "model")
    pipeline.set_progress_bar_config(disable=True)
    averaged = first.ema.mean["unet.conv_in.weight"]
    torch.testing.assert_close(pipeline.unet.conv_in.weight, averaged, atol=1e-3, rtol=1e-3)
    assert (tmp_path / "model" / "training_curve.jsonl").read_text().count("\n") == 3
    assert str(tmp_path) not in (tmp_path / "model" / "vae" / "config.json").read_text()
    assert read_config(tmp_path / "model" / "training_config.toml")["pool"] == 8
    again = Trainer(SMALL, tmp_path / "again", start_from=pipeline)
    torch.testing.assert_close(again.networks.unet.conv_in.weight, pipeline.unet.conv_in.weight)
    assert again.step == 0
    figures = score(model(pipeline, 1, with_points=True), held_out_pairs(1, SIZE), points_each=2)
    assert np.isfinite(figures.page_db)


def test_the_papers_variant_learns_and_colorizes_without_a_controlnet(
    codec, tmp_path: Path
) -> None:
    config = changed(SMALL, {"networks": {"lineart": "latents"}})
    Trainer(config, tmp_path / "run", codec).run()
    export(tmp_path / "run", tmp_path / "model")
    assert not (tmp_path / "model" / "controlnet").exists()
    pipeline = load_pipeline(tmp_path / "model")
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.controlnet is None
    assert pipeline.unet.conv_in.in_channels == 2 * pipeline.vae.config["latent_channels"]
    reference = Image.new("RGB", (SIZE, SIZE), "teal")
    rng = np.random.default_rng(0)
    lines = [rng.integers(0, 2, (SIZE, SIZE)).astype(np.float32) for _ in range(2)]
    first, second = (pipeline(line, reference, output_type="latent").latents for line in lines)
    assert not torch.allclose(first, second)


def test_stage_two_trains_point_net_alone(codec, tmp_path: Path) -> None:
    trainer = Trainer(changed(SMALL, {"stage": 2}), tmp_path, codec)
    before = {k: v.clone() for k, v in trainer._state().items()}
    batches = trainer.batches()
    for _ in range(2):
        trainer.train_step(batches)
    moved = {k.split(".")[0] for k, v in trainer._state().items() if not torch.equal(v, before[k])}
    assert moved == {"point_net"}


def test_frozen_networks_stay_as_they_are(codec, tmp_path: Path) -> None:
    frozen = ["reference_unet", "controlnet", "point_net", "image_encoder", "unconditional"]
    trainer = Trainer(changed(SMALL, {"frozen": frozen}), tmp_path, codec)
    before = {k: v.clone() for k, v in trainer._state().items()}
    trainer.train_step(trainer.batches())
    moved = {k.split(".")[0] for k, v in trainer._state().items() if not torch.equal(v, before[k])}
    assert moved == {"unet"}
    for names, why in ((["vae"], "no network vae"), ([*frozen, "unet"], "All networks")):
        with pytest.raises(BadRequest, match=why):
            Trainer(changed(SMALL, {"frozen": names}), tmp_path / "not", codec)


def test_an_untrained_codec_already_keeps_block_colours() -> None:
    untrained = new_codec(CodecConfig()).eval()
    picture = to_signed([next(held_out_pairs(1, 128)).target.flats])
    with torch.no_grad():
        decoded = untrained.decode(untrained.encode(picture).latent_dist.mode()).sample
    for channel in range(3):
        both = torch.stack([picture[0, channel].flatten(), decoded[0, channel].flatten()])
        assert torch.corrcoef(both)[0, 1] > 0.6


def _with_one_visible_channel(codec, channel: int):
    blind = deepcopy(codec)
    with torch.no_grad():
        weight = blind.post_quant_conv.weight
        weight[:, [c for c in range(weight.shape[1]) if c != channel]] = 0
    return blind


def test_channels_that_the_decoder_ignores_are_invisible(codec) -> None:
    pictures = to_signed([pair.target.flats for pair in pairs(2)])
    shares = visibility(codec, pictures)
    assert shares.mean().item() == pytest.approx(1)
    # An untrained codec carries red, green and blue in three channels and nothing in the fourth.
    assert (shares > 0).tolist() == [True, True, True, False]
    shares = visibility(_with_one_visible_channel(codec, 1), pictures)
    torch.testing.assert_close(shares, torch.tensor([0.0, 4.0, 0.0, 0.0]))


@pytest.mark.parametrize("visible", [0.0, 1.0])
def test_invisible_channels_are_learned_only_where_the_config_says_so(
    codec, tmp_path: Path, visible: float
) -> None:
    config = changed(SMALL, {"visible": visible})
    trainer = Trainer(config, tmp_path, _with_one_visible_channel(codec, 1))
    batch = make_batch(pairs(4), config.data, np.random.default_rng(0))
    trainer.losses(batch)[0].backward()
    gradient = trainer.networks.unet.conv_out.weight.grad.abs().amax(dim=(1, 2, 3))
    assert (gradient > 0).tolist() == [not visible, True, not visible, not visible]


def test_a_decoder_trained_alone_leaves_latents_as_they_were(codec, tmp_path: Path) -> None:
    config = CodecConfig(
        size_px=SIZE, crop_px=SIZE, batch=2, steps=3, lined=0.0, decoder_alone=True
    )
    with pytest.raises(BadRequest, match="start-from"):
        CodecTrainer(config, tmp_path)
    model: Any = SimpleNamespace(vae=deepcopy(codec))
    trained = CodecTrainer(config, tmp_path, model).run()
    before, after = codec.state_dict(), trained.state_dict()
    moved = {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert moved == {"decoder", "post_quant_conv"}
    assert trained.config["scaling_factor"] == codec.config["scaling_factor"]


def test_a_decoder_learns_from_what_the_model_paints(codec, tmp_path: Path) -> None:
    Trainer(changed(SMALL, {"steps": 1}), tmp_path / "run", codec).run()
    pipeline = export(tmp_path / "run", tmp_path / "model", deepcopy(codec))
    pipeline.set_progress_bar_config(disable=True)
    before = deepcopy(pipeline.vae.state_dict())
    config = CodecConfig(
        size_px=SIZE, crop_px=SIZE, batch=2, steps=2, painted=1.0, learning_rate=1e-3
    )
    after = CodecTrainer(config, tmp_path / "codec", pipeline).run().state_dict()
    moved = {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert moved == {"decoder", "post_quant_conv"}


@pytest.mark.parametrize(
    ("size_px", "sides"), [(64, (4, 8)), (256, (16, 32)), (384, (24, 48)), (512, (16, 32))]
)
def test_attention_is_shown_what_belongs_together_at_levels_that_there_are(
    size_px: int, sides: tuple[int, int]
) -> None:
    batch: Any = SimpleNamespace(target=torch.zeros(1, 3, size_px, size_px))
    assert _sides(batch) == sides
    assert set(sides) <= {size_px // 8 >> level for level in range(3)}


@pytest.mark.parametrize("workers", [0, 2])
def test_a_codecs_run_goes_on_to_the_same_weights(tmp_path: Path, workers: int) -> None:
    config = CodecConfig(
        size_px=SIZE,
        crop_px=16,
        channels=(8, 8, 8, 16),
        latent_channels=4,
        batch=2,
        steps=5,
        workers=workers,
    )
    whole = CodecTrainer(config, tmp_path / "whole").run()
    stopped = CodecTrainer(config, tmp_path / "stopped")
    turns = stopped.turns()
    for _ in range(3):
        stopped.train_step(next(turns))
    stopped.save()
    resumed = CodecTrainer(config, tmp_path / "stopped")
    assert resumed.step == 3
    for key, value in resumed.run().state_dict().items():
        assert torch.equal(value, whole.state_dict()[key]), key
    assert CodecTrainer(config, tmp_path / "stopped").share == 1
    other = replace(config, latent_channels=8)
    with pytest.raises(BadRequest, match="another autoencoder"):
        CodecTrainer(other, tmp_path / "stopped")


def test_a_codec_sees_the_same_crops_whenever_it_is_trained_and_workers_share_them() -> None:
    alone = _Samples(CodecConfig(size_px=SIZE, crop_px=16, batch=3))
    again, shared = _Samples(alone._config), _Samples(replace(alone._config, workers=2))
    assert torch.equal(alone[4].crops, again[4].crops)
    assert alone[0].crops.shape == (3, 3, 16, 16)
    assert not torch.equal(shared[0].crops, shared[1].crops)
    seeds = [
        pool.first_seed + pool.stride * place
        for pool in shared._pools.values()
        for place in pool._drawn
    ]
    assert len(set(seeds)) == len(seeds) == 6


def test_another_seed_sees_other_drawings(codec, tmp_path: Path) -> None:
    first, second = (
        next(Trainer(changed(SMALL, {"seed": seed}), tmp_path / str(seed), codec).batches())[1]
        for seed in (0, 1)
    )
    assert not torch.equal(first.target, second.target)


def test_naive_answers_and_psnr_are_what_they_say() -> None:
    pair = draw_pair(5, SIZE)
    points = np.zeros((0, 2, 2), np.float32)
    assert (untouched(pair, points) == 255).all()
    flat = mean_colour(pair, points)
    assert np.abs(flat[0, 0] - pair.reference.colour.reshape(-1, 3).mean(0)).max() <= 0.5
    assert psnr_db(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)) == 0
    assert psnr_db(flat, flat) == 100


def test_errors_at_points_are_told_apart_by_the_size_of_their_part() -> None:
    def wrong_in_small_parts(pair, points):
        areas = np.bincount(pair.target.parts.ravel())
        return np.where((areas[pair.target.parts] < 64)[..., None], 255, pair.target.flats)

    figures = score(lambda *given: wrong_in_small_parts(*given).astype(np.uint8), held_out(4))
    assert figures.mse_in_small_parts > 10 * figures.mse_in_large_parts
    assert figures.mse_in_large_parts < figures.mse_at_points < figures.mse_in_small_parts


def held_out(count: int):
    return list(held_out_pairs(count, 128))


class Stamp:
    """A model that paints nothing but, if ``obeys``, the reference's colour at each point."""

    config = {"resolution": 128}  # noqa: RUF012

    def __init__(self, obeys: bool) -> None:
        self.obeys = obeys

    def __call__(self, lineart, reference, points, num_inference_steps):
        painted = lineart.convert("RGB")
        for pair in points if self.obeys else ():
            place, there = (tuple(int(v) for v in end) for end in (pair.lineart, pair.reference))
            painted.putpixel(place, reference.getpixel(there))
        return SimpleNamespace(images=[painted])


def test_obedience_is_one_for_a_model_that_paints_what_points_ask_for() -> None:
    without, given = obedience(Stamp(obeys=True), 24, 1)  # type: ignore[arg-type]
    assert abs(given - 1) < 0.1 < abs(without - 1)
    same, ignored = obedience(Stamp(obeys=False), 24, 1)  # type: ignore[arg-type]
    assert same == ignored == without


def test_the_truth_through_a_codec_is_what_its_decoder_gives(codec) -> None:
    pipeline = SimpleNamespace(vae=codec, place="cpu", decode=_decoded(codec))
    pair = draw_pair(3, SIZE)
    answer = through_codec(pipeline)(pair, np.zeros((0, 2, 2)))  # type: ignore[arg-type]
    with torch.no_grad():
        latents = codec.encode(to_signed([pair.target.flats])).latent_dist.mode()
        expected = codec.decode(latents).sample
    assert (to_signed([answer]) - expected.clamp(-1, 1)).abs().max() < 0.01


def _decoded(codec):
    def decode(latents):
        unscaled = latents / codec.config["scaling_factor"]
        signed = codec.decode(unscaled).sample.clamp(-1, 1)[0].permute(1, 2, 0)
        return Image.fromarray(signed.add(1).mul(127.5).round().byte().numpy())

    return torch.no_grad()(decode)
