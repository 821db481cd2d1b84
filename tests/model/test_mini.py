# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundled mini: complete, small, and better than answers without a network."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manganinja import MangaNinjaPipeline, load_pipeline
from manganinja.evaluate.held_out import mean_colour, model, score, untouched
from manganinja.files import read_image, read_pairs, to_image, to_picture
from manganinja.painter import Painter
from manganinja.train.pool import held_out_pairs
from manganinja.weights.find import MINI
from manganinja.wire.protocol import ColorizeRequest, Point

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def mini() -> MangaNinjaPipeline:
    pipeline = load_pipeline("mini")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def test_it_is_shipped_as_safetensors_of_a_few_tens_of_megabytes() -> None:
    files = [path for path in MINI.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".jsonl", ".toml"}
    assert sum(path.stat().st_size for path in files) < 64e6


def test_it_says_what_it_is(mini: MangaNinjaPipeline) -> None:
    assert "mini" in mini.config["title"] and "GPL" in mini.config["licence"]
    assert not mini.config["paints_lines"]


def test_it_beats_naive_answers_on_drawings_it_has_not_seen(mini: MangaNinjaPipeline) -> None:
    pairs = list(itertools.islice(held_out_pairs(12, mini.config["resolution"]), 12))
    painted = score(model(mini, None, with_points=True), pairs)
    for naive in (mean_colour, untouched):
        assert painted.layer_db > score(naive, pairs).layer_db + 1.0


@dataclass(frozen=True)
class Example:
    """The flats, the truth, the reference's mean colour, and for each pair the colours under its
    ends: in the flats and in the reference."""

    painted: np.ndarray
    truth: np.ndarray
    mean: np.ndarray
    ends: list[tuple[tuple[int, ...], tuple[int, ...]]]


@pytest.fixture(scope="module", params=["character", "animal"])
def example(request: pytest.FixtureRequest) -> Example:
    folder = EXAMPLES / request.param
    lineart, reference, truth = (
        read_image(folder / f"{name}.png").convert("RGB")
        for name in ("lineart", "reference", "colour_truth")
    )
    pairs = read_pairs(folder / "points.json")
    job = ColorizeRequest(to_picture(lineart), (to_picture(reference),), pairs, seed=1)
    painted = to_image(Painter.load("mini").paint(job).picture).convert("RGB")
    return Example(
        np.asarray(painted, dtype=float),
        np.asarray(truth, dtype=float),
        np.asarray(reference, dtype=float).mean(axis=(0, 1)),
        [(_pixel(painted, pair.lineart), _pixel(reference, pair.reference)) for pair in pairs],
    )


def _pixel(image: Image.Image, place: Point) -> tuple[int, ...]:
    return image.getpixel((int(place.x_px), int(place.y_px)))  # type: ignore[return-value]


def test_each_pair_of_the_examples_has_exactly_the_references_colour(example: Example) -> None:
    assert len(example.ends) >= 10
    assert [here for here, _ in example.ends] == [there for _, there in example.ends]


def test_hand_drawn_examples_come_nearer_to_the_truth_than_the_mean_colour(
    example: Example,
) -> None:
    error = np.square(example.painted - example.truth).mean()
    assert error < 0.75 * np.square(example.mean - example.truth).mean()


def test_points_halve_the_error_where_they_are_set(mini: MangaNinjaPipeline) -> None:
    pairs = list(itertools.islice(held_out_pairs(12, mini.config["resolution"]), 12))
    without, given = (score(model(mini, None, flag), pairs) for flag in (False, True))
    assert given.mse_at_points < without.mse_at_points / 2
