# SPDX-License-Identifier: GPL-3.0-or-later
"""Training the matcher: what it learns from is right, it learns, and it can be stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from manganinja.cli import main
from manganinja.flats.palette import extract_palette
from manganinja.match.calibrate import Case, fit
from manganinja.match.known import (
    Known,
    known_lineart,
    known_reference,
    part_colours,
    true_entries,
)
from manganinja.match.matched import Words
from manganinja.match.network import Matcher
from manganinja.match.pool import SamplePool
from manganinja.match.samples import Comparison, compared
from manganinja.match.train import MatchTrainer, MatchTrainingConfig
from manganinja.match.weights import Blend, TrainedMatcher, load_matcher, save_matcher
from manganinja.train.drawings import DrawnPair, draw_pair
from manganinja.train.hand import inked_anew

from .drawn import OWN, SMALL, regions_of

TINY = MatchTrainingConfig(
    batch=4,
    rows=2000,
    pool=8,
    reuse=20,
    workers=0,
    network=SMALL,
    data=replace(OWN, painted=0.25, left_out=0),
    learning_rate=3e-3,
)
UNPAIRED = replace(TINY.data, paired=0.0)


def sides(seed: int = 3, size_px: int = 192) -> tuple[DrawnPair, Known, Known]:
    pair, rng = draw_pair(seed, size_px), np.random.default_rng(0)
    lineart = known_lineart(pair.target, part_colours(pair.reference), rng, inked=0)
    return pair, lineart, known_reference(pair.reference)


def test_a_region_is_right_for_its_part_and_its_colour_and_else_none_is() -> None:
    _, lineart, reference = sides()
    sample = compared(Comparison(lineart, reference), UNPAIRED, np.random.default_rng(0))
    assert sample.right.shape == (lineart.figure.count, reference.figure.count + 1)
    assert (sample.right[:, -1] == ~sample.right[:, :-1].any(axis=1)).all()
    rows, columns = np.nonzero(sample.right[:, :-1])
    same_part = lineart.parts[rows] == reference.parts[columns]
    same_colour = lineart.colours[rows] == reference.colours[columns]
    assert (same_part | same_colour).all() and same_part.any() and not same_part.all()
    assert sample.right[:, -1].mean() < 0.5


def test_a_contradicting_pair_changes_what_is_right_for_all_of_its_part() -> None:
    _, lineart, reference = sides()
    config = replace(TINY.data, paired=1.0, contradicting=1.0, most_pairs=1)
    sample = compared(Comparison(lineart, reference), config, np.random.default_rng(1))
    ((row, source),) = sample.ends
    alike = lineart.parts == lineart.parts[row]
    assert sample.right[alike, source].all() and not sample.right[alike, -1].any()


def test_the_truth_of_a_drawing_after_itself_is_its_own_colours() -> None:
    pair = draw_pair(12, 256)
    same = DrawnPair(pair.target, pair.target)
    regions = regions_of(Image.fromarray(pair.target.lineart))
    flats = extract_palette(pair.target.colour)
    truth = true_entries(same, regions, flats)
    large = regions.areas_px > 60
    assert (truth[large] >= 0).mean() > 0.95
    free = regions.lines == 0
    painted = flats.palette.colours[truth[regions.labels]]
    exact = (painted == pair.target.flats).all(axis=2)[free & (truth >= 0)[regions.labels]]
    assert exact.mean() > 0.6  # The rest is shaded, or anti-aliased.


def test_lines_are_inked_anew_in_many_ways() -> None:
    lines, rng = draw_pair(5, 128).target.lineart, np.random.default_rng(0)
    anew = [inked_anew(lines, rng) for _ in range(12)]
    assert all(one.shape == lines.shape and one.dtype == np.uint8 for one in anew)
    assert len({one.tobytes() for one in anew}) >= 8


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of some steps, saved."""
    folder = tmp_path_factory.mktemp("match") / "run"
    trainer = MatchTrainer(TINY, folder)
    losses = [trainer.train_step(0.0)["loss"] for _ in range(40)]
    assert np.mean(losses[-8:]) < 0.75 * np.mean(losses[:8]), "nothing is learned"
    trainer.save()
    (folder / "config.json").write_text(json.dumps({"batch": 4, "pool": 8, "reuse": 20}))
    return folder


def test_a_run_goes_on_where_it_stopped(run: Path) -> None:
    one, other = MatchTrainer(TINY, run), MatchTrainer(TINY, run)
    assert one.step == 40 and one.samples == 160 and one.pool.next_seed >= 8
    assert one.optimizer.state_dict()["state"][0]["step"] == 40
    assert one.train_step(0.5)["loss"] == other.train_step(0.5)["loss"]
    for key, value in one.ema.items():
        assert torch.equal(value, other.ema[key]), key


def test_another_process_draws_the_same(tmp_path: Path) -> None:
    config = replace(TINY.data, left_out=0.3)
    pools = [SamplePool(config, 3, 20, workers=workers) for workers in (0, 1)]
    try:
        one, other = (pool.take(3, 2000, np.random.default_rng(0)) for pool in pools)
    finally:
        pools[1].close()
    assert len(one) == len(other) == 3 and pools[0].next_seed == pools[1].next_seed
    for ours, theirs in zip(one, other):
        assert np.array_equal(ours.right, theirs.right)
        np.testing.assert_allclose(ours.lineart.features, theirs.lineart.features, atol=1e-4)


def test_a_step_takes_fewer_samples_of_many_regions() -> None:
    pool = SamplePool(TINY.data, 8, 20)
    rng = np.random.default_rng(0)
    for rows in (10, 100, 400):
        taken = pool.take(4, rows, rng)
        largest = max(max(s.lineart.count, s.reference.count) for s in taken)
        assert len(taken) == 1 or len(taken) * largest < 4 * rows
    assert len(pool.take(4, 10_000, rng)) == 4


def test_a_new_run_starts_with_the_weights_of_another(run: Path, tmp_path: Path) -> None:
    learnt = MatchTrainer(TINY, run).averaged()
    started = MatchTrainer(TINY, tmp_path / "next", learnt)
    assert started.step == 0
    for key, value in learnt.state_dict().items():
        assert torch.equal(started.network.state_dict()[key], value), key


def test_the_command_trains_and_keeps_a_config_and_a_curve(tmp_path: Path) -> None:
    changes = {
        "batch": 2,
        "workers": 0,
        "network": {"width": 32, "layers": 1, "heads": 2},
        "data": {"size_px": 128, "painted": 0, "emojis": 0, "avatars": 0},
    }
    (tmp_path / "config.json").write_text(json.dumps(changes))
    run = tmp_path / "run"
    told = ["--config", str(tmp_path / "config.json"), "--minutes", "0.05"]
    assert main(["train", "match", "--run", str(run), *told]) == 0
    first = json.loads((run / "state.json").read_text())
    assert first["step"] > 0
    kept = json.loads((run / "config.json").read_text())
    assert kept["batch"] == 2 and kept["network"]["width"] == 32
    # Its own config counts when it goes on.
    assert main(["train", "match", "--run", str(run), "--minutes", "0.03"]) == 0
    assert json.loads((run / "state.json").read_text())["step"] > first["step"]


def test_a_matcher_is_read_as_it_was_written(tmp_path: Path) -> None:
    blend, trunk = Blend(0.5, 0.7, 0.3, -1, 0.02), load_matcher().trunk
    matcher = TrainedMatcher(Matcher(SMALL).half().float().eval(), blend, trunk)
    save_matcher(matcher, tmp_path / "own")
    read = load_matcher(str(tmp_path / "own"))
    assert (read.blend, read.title, read.licence) == (matcher.blend, matcher.title, matcher.licence)
    for key, value in matcher.network.state_dict().items():
        assert torch.equal(read.network.state_dict()[key], value), key
    for key, value in trunk.state_dict().items():
        assert torch.equal(read.trunk.state_dict()[key], value), key


def test_the_truth_is_likeliest_under_what_is_fitted() -> None:
    """Of three witnesses one is right, one half the time, one by chance."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)

    def witness(right: float) -> np.ndarray:
        said = np.where(rng.random(300) < right, truth, rng.integers(0, 3, 300))
        return 0.05 + 0.8 * np.eye(3)[said]

    words = Words(witness(0.5), witness(0.0), witness(0.97))
    blend, missed = fit([Case(words, truth, np.ones(300))])
    assert blend.features > 2 * blend.network > 0
    assert abs(blend.places) < 0.5 * blend.network
    assert missed < 0.3
    # What counts nothing is not fitted to.
    other = Case(words, (truth + 1) % 3, np.full(300, 1e-12))
    again, _ = fit([Case(words, truth, np.ones(300)), other])
    assert again.features == pytest.approx(blend.features, abs=0.01)
