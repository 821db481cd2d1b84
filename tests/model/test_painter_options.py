# SPDX-License-Identifier: GPL-3.0-or-later
"""Presets, options of references, a picture to start from: by the painter and from a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manganinja import BadRequest
from manganinja.cli import main
from manganinja.files import to_picture
from manganinja.painter import Painter, Progress
from manganinja.samplers import PRESETS
from manganinja.wire import protocol
from manganinja.wire.protocol import (
    ColorizeRequest,
    FlatsOptions,
    Pair,
    Picture,
    Point,
    ReferenceOptions,
)


def page() -> Image.Image:
    image = Image.new("RGBA", (300, 420), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((30, 30, 270, 390), outline="black", width=4)
    return image


def reference(paper: str = "pink", middle: str = "teal") -> Image.Image:
    image = Image.new("RGBA", (200, 100), paper)
    ImageDraw.Draw(image).rectangle((40, 20, 160, 80), fill=middle)
    return image


def erased_but_for(box: tuple[int, int, int, int], alpha: int = 0) -> Image.Image:
    """The reference with this alpha outside of the box."""
    image = reference()
    opacity = Image.new("L", image.size, alpha)
    opacity.paste(255, box)
    image.putalpha(opacity)
    return image


@pytest.fixture
def asked(small_model: Path) -> ColorizeRequest:
    return ColorizeRequest(
        to_picture(page()),
        (to_picture(reference()), to_picture(reference("gold", "navy"))),
        model=str(small_model),
        seed=7,
        steps=4,
        flats=FlatsOptions("proposal"),
    )


@pytest.fixture
def calls(painter: Painter, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the pipeline is called with, which it does all the same."""
    seen: list[dict[str, Any]] = []
    real = type(painter.pipeline).__call__

    def watched(pipeline: Any, **values: Any) -> Any:
        seen.append(values)
        return real(pipeline, **values)

    monkeypatch.setattr(type(painter.pipeline), "__call__", watched)
    return seen


def told_steps(painter: Painter, request: ColorizeRequest) -> list[tuple[int, int]]:
    seen: list[Progress] = []
    painter.paint(request, seen.append)
    return [(p.step, p.steps) for p in seen if p.stage == "sampling"]


def counted(steps: int) -> list[tuple[int, int]]:
    return [(step, steps) for step in range(1, steps + 1)]


def test_the_wire_names_the_presets_that_there_are() -> None:
    assert tuple(PRESETS) == protocol.PRESETS


@pytest.fixture
def patient(painter: Painter) -> Iterator[Painter]:
    """A painter whose model recommends as many steps as the published one."""
    recommended = painter.pipeline.config["steps"]
    painter.pipeline.register_to_config(steps=50)
    yield painter
    painter.pipeline.register_to_config(steps=recommended)


def test_a_preset_brings_its_sampler_and_its_steps(
    patient: Painter, asked: ColorizeRequest
) -> None:
    draft = replace(asked, preset="draft", steps=None)
    assert told_steps(patient, draft) == counted(10)
    painted = patient.paint(draft)
    assert (painted.info.steps, painted.info.preset) == (10, "draft")
    plain = patient.paint(replace(asked, steps=10))
    assert plain.info.preset is None and plain.picture != painted.picture


@pytest.mark.parametrize("preset", PRESETS)
def test_no_preset_takes_more_steps_than_the_model_recommends(
    painter: Painter, asked: ColorizeRequest, calls: list[dict[str, Any]], preset: str
) -> None:
    painted = painter.paint(replace(asked, preset=preset, steps=None))
    assert (painted.info.steps, painted.info.preset) == (2, preset)
    assert told_steps(painter, replace(asked, preset=preset, steps=None)) == counted(2)


def test_steps_win_over_those_of_the_preset(painter: Painter, asked: ColorizeRequest) -> None:
    assert told_steps(painter, replace(asked, preset="best", steps=3)) == counted(3)


@pytest.mark.parametrize(("strength", "steps"), [(1.0, 4), (0.5, 2), (0.3, 1), (0.01, 1)])
def test_a_strength_shortens_the_run_and_so_its_count(
    painter: Painter, asked: ColorizeRequest, strength: float, steps: int
) -> None:
    started = replace(asked, initial=to_picture(page()), strength=strength)
    assert told_steps(painter, started) == counted(steps)
    assert painter.paint(started).info.steps == 4, "which make the result again"
    closer = replace(started, flats=replace(asked.flats, detail=True))
    assert told_steps(painter, closer) == counted(5 * steps)


def test_each_look_starts_from_its_own_part_of_the_picture(
    painter: Painter, asked: ColorizeRequest, calls: list[dict[str, Any]]
) -> None:
    start = Image.fromarray(np.random.default_rng(0).integers(0, 256, (420, 300, 3), np.uint8))
    flats = replace(asked.flats, detail=True)
    painter.paint(replace(asked, initial=to_picture(start), strength=0.5, flats=flats))
    lines = np.asarray(page().getchannel("A")) == 0
    assert len(calls) == 5
    for call in calls:
        height, width = call["lineart"].shape
        assert call["initial_image"].size == (width, height)
    # The last look is at the corner on the lower right.
    height, width = calls[-1]["lineart"].shape
    paper = lines[-height:, -width:]
    part = np.asarray(calls[-1]["initial_image"])
    np.testing.assert_array_equal(part[paper], np.asarray(start)[-height:, -width:][paper])


def test_lines_lie_over_what_a_model_starts_from_that_paints_them(
    painter: Painter, asked: ColorizeRequest, calls: list[dict[str, Any]]
) -> None:
    start = Image.new("RGBA", (300, 420), (200, 120, 40, 255))
    start.putpixel((0, 0), (9, 9, 9, 0))
    assert painter.pipeline.config["paints_lines"]
    painter.paint(replace(asked, initial=to_picture(start)))
    seen = np.asarray(calls[0]["initial_image"])
    lines = np.asarray(page().getchannel("A")) == 255
    assert (seen[lines] == 0).all()
    assert seen[0, 0].tolist() == [255] * 3, "transparent is white"
    assert seen[200, 150].tolist() == [200, 120, 40]


def test_an_empty_picture_to_start_from_is_refused(
    painter: Painter, asked: ColorizeRequest
) -> None:
    empty = Picture(300, 420, "rgba8", bytes(4 * 300 * 420))
    with pytest.raises(BadRequest, match="start from is empty") as caught:
        painter.paint(replace(asked, initial=empty))
    assert caught.value.remedy


def test_weights_and_masks_reach_the_pipeline(
    painter: Painter, asked: ColorizeRequest, calls: list[dict[str, Any]]
) -> None:
    options = ReferenceOptions(2.5, True), ReferenceOptions(0.5)
    corner = to_picture(erased_but_for((0, 0, 50, 30), alpha=127))
    masked = replace(asked, references=(corner, asked.references[1]), reference_options=options)
    first = painter.paint(masked).picture
    (call,) = calls
    assert call["reference_weights"] == [2.5, 0.5]
    mask, whole = call["reference_masks"]
    assert whole is None and mask.shape == (100, 200)
    assert mask[:30, :50].all() and mask.sum() == 30 * 50
    usual = painter.paint(replace(masked, reference_options=())).picture
    half = painter.paint(replace(masked, reference_options=(ReferenceOptions(2.5), options[1])))
    assert len({first.pixels, usual.pixels, half.picture.pixels}) == 3


def test_a_pair_on_what_does_not_count_of_a_reference_is_named_and_left_out(
    painter: Painter, asked: ColorizeRequest, calls: list[dict[str, Any]]
) -> None:
    corner = to_picture(erased_but_for((0, 0, 50, 30)))
    pairs = tuple(Pair(Point(x, 10), Point(150, 200)) for x in (20, 49.9, 50, 120))
    asked = replace(asked, references=(corner, asked.references[1]), pairs=pairs)
    painted = painter.paint(replace(asked, reference_options=(ReferenceOptions(1, True),) * 2))
    assert [pair.reference[0] for pair in calls[0]["points"]] == [20, 49.9]
    assert any(note.startswith("Pairs 3, 4: nothing is painted") for note in painted.info.notes)
    assert not painter.paint(asked).info.notes[0].startswith("Pairs 3, 4: nothing")


def test_a_reference_with_nothing_opaque_on_it_is_refused_by_its_number(
    painter: Painter, asked: ColorizeRequest
) -> None:
    faint = to_picture(erased_but_for((0, 0, 0, 0), alpha=100))
    options = ReferenceOptions(), ReferenceOptions(only_opaque=True)
    wrong = replace(asked, references=(asked.references[0], faint), reference_options=options)
    with pytest.raises(BadRequest, match="reference 2 is opaque") as caught:
        painter.paint(wrong)
    assert caught.value.remedy
    painter.paint(replace(wrong, reference_options=()))


# -- from a terminal ------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> Path:
    page().save(tmp_path / "lines.png")
    reference().save(tmp_path / "one.png")
    erased_but_for((0, 0, 100, 100)).save(tmp_path / "two.png")
    Image.new("RGB", (300, 420), (40, 160, 90)).save(tmp_path / "start.png")
    return tmp_path


def colorize(files: Path, model: Path, *more: str) -> int:
    common = ["--lineart", "lines.png", "--output", "out.png", "--reference", "one.png", *more]
    paths = [str(files / word) if word.endswith(".png") else word for word in common]
    return main(["colorize", "--model", str(model), "--seed", "3", *paths])


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[ColorizeRequest]:
    seen: list[ColorizeRequest] = []
    real = Painter.begin

    def watched(painter: Painter, request: ColorizeRequest, *others: Any) -> Any:
        seen.append(request)
        return real(painter, request, *others)

    monkeypatch.setattr(Painter, "begin", watched)
    return seen


def test_options_are_about_the_reference_before_them(
    files: Path, small_model: Path, requests: list[ColorizeRequest]
) -> None:
    more = ("--reference-weight", "2", "--reference", "two.png", "--only-painted")
    assert colorize(files, small_model, *more) == 0
    assert requests[0].reference_options == (ReferenceOptions(2.0), ReferenceOptions(1.0, True))


def test_an_option_of_a_reference_before_the_first_one_is_explained(
    small_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["colorize", "--only-painted", "--reference", "one.png"])
    assert "--only-painted belongs after the --reference" in capsys.readouterr().err


def test_a_run_starts_from_a_picture_and_says_its_preset(
    files: Path,
    small_model: Path,
    requests: list[ColorizeRequest],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert colorize(files, small_model, "--start-from", "start.png", "--preset", "draft") == 0
    assert (requests[0].strength, requests[0].preset) == (0.6, "draft")
    assert "preset draft, 1 step in" in capsys.readouterr().out
    assert colorize(files, small_model, "--start-from", "start.png", "--strength", "0.25") == 0
    assert requests[1].strength == 0.25 and requests[1].preset is None


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--reference-weight", "0"), "weight 0"),
        (("--start-from", "one.png"), "200 x 100 px"),
        (("--start-from", "start.png", "--strength", "2"), "strength of 2"),
        (("--strength", "0.5"), "without a picture to start from"),
    ],
)
def test_what_makes_no_sense_is_named(
    files: Path,
    small_model: Path,
    capsys: pytest.CaptureFixture[str],
    more: tuple[str, ...],
    sentence: str,
) -> None:
    assert colorize(files, small_model, *more) == 1
    assert sentence in capsys.readouterr().err
    assert not (files / "out.png").exists()
