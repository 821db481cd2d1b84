# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests through the painter, and the same from a terminal."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manganinja import BadRequest, Cancelled
from manganinja.cli import main
from manganinja.files import to_picture
from manganinja.painter import Job, Painter, Progress
from manganinja.point_net import PointNet
from manganinja.wire.protocol import (
    STAGES,
    ColorizeRequest,
    FlatsOptions,
    Hint,
    Pair,
    Picture,
    Point,
)


def page(size: tuple[int, int] = (300, 420)) -> Image.Image:
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((30, 30, size[0] - 30, size[1] - 30), outline="black", width=4)
    return image


def reference() -> Image.Image:
    image = Image.new("RGBA", (200, 100), "pink")
    ImageDraw.Draw(image).rectangle((40, 20, 160, 80), fill="teal")
    return image


@pytest.fixture
def request_(small_model: Path) -> ColorizeRequest:
    return ColorizeRequest(
        to_picture(page()),
        (to_picture(reference()),),
        model=str(small_model),
        seed=7,
        flats=FlatsOptions("proposal"),
    )


def test_the_painting_has_the_canvas_size_is_opaque_and_tells_how_it_was_made(
    painter: Painter, request_: ColorizeRequest
) -> None:
    painting = painter.paint(request_)
    assert (painting.picture.width_px, painting.picture.height_px) == (300, 420)
    assert set(painting.picture.pixels[3::4]) == {255}
    assert (painting.info.seed, painting.info.steps, painting.info.notes) == (7, 2, ())
    assert painter.paint(request_).picture == painting.picture
    assert painter.paint(replace(request_, seed=8)).picture != painting.picture


def test_conflicts_are_named_before_the_network_runs(
    painter: Painter, request_: ColorizeRequest
) -> None:
    hints = (Hint(Point(150, 200), "#ff0000"), Hint(Point(160, 220), "#00ff00"))
    asked = replace(request_, flats=FlatsOptions(hints=hints))
    seen: list[Progress] = []
    end = painter.paint(asked, seen.append)
    first = next(p for p in seen if p.notes)
    assert first.step == 0 and "2 colours" in first.notes[0]
    assert set(first.notes) <= set(end.info.notes)


def test_a_closer_look_has_more_pixels_and_its_steps_are_counted(
    painter: Painter, request_: ColorizeRequest
) -> None:
    plain = painter.begin(request_).propose()
    closer = replace(request_, flats=replace(request_.flats, detail=True))
    seen: list[Progress] = []
    detailed = painter.begin(closer, seen.append).propose()
    assert detailed.picture.shape[0] == round(plain.picture.shape[0] / 0.62)
    assert [p.step for p in seen if p.stage == "sampling"] == list(range(1, 11))
    assert {p.steps for p in seen if p.stage == "sampling"} == {10}
    fractions = [p.fraction for p in seen]
    assert fractions == sorted(fractions) and fractions[-1] <= 1


def test_parts_without_lines_are_not_looked_at(painter: Painter, request_: ColorizeRequest) -> None:
    corner = Image.new("RGBA", (300, 420), (0, 0, 0, 0))
    ImageDraw.Draw(corner).rectangle((10, 10, 80, 80), outline="black", width=4)
    asked = replace(
        request_, lineart=to_picture(corner), flats=replace(request_.flats, detail=True)
    )
    seen: list[Progress] = []
    painter.begin(asked, seen.append).propose()
    assert {p.steps for p in seen if p.stage == "sampling"} == {4}


def test_progress_is_in_known_stages_and_never_goes_back(
    painter: Painter, request_: ColorizeRequest
) -> None:
    seen: list[Progress] = []
    painter.paint(replace(request_, steps=4), seen.append)
    assert {p.stage for p in seen} <= set(STAGES)
    assert [p.step for p in seen if p.stage == "sampling"] == [1, 2, 3, 4]
    fractions = [p.fraction for p in seen]
    assert fractions == sorted(fractions) and fractions[-1] <= 1
    previews = [p.preview for p in seen if p.preview]
    assert previews and all(max(p.width_px, p.height_px) <= 256 for p in previews)
    assert previews[0].width_px / previews[0].height_px == pytest.approx(300 / 420, abs=0.02)


def test_cancel_stops_between_steps(painter: Painter, request_: ColorizeRequest) -> None:
    seen: list[Progress] = []
    with pytest.raises(Cancelled):
        painter.paint(replace(request_, steps=50), seen.append, lambda: len(seen) >= 3)
    assert len(seen) == 3


def test_pairs_outside_are_named_and_the_others_used(
    painter: Painter, request_: ColorizeRequest
) -> None:
    good = Pair(Point(100, 50), Point(150, 200))
    bad = [Pair(Point(100, 50), Point(300, 200)), Pair(Point(1, 100), Point(3, 3))]
    painting = painter.paint(replace(request_, pairs=(bad[0], good, bad[1])))
    assert painting.info.notes == ("Pairs 1, 3 lie outside the pictures and were not used.",)
    alone = painter.paint(replace(request_, pairs=(good,)))
    assert painting.picture == alone.picture
    assert alone.picture != painter.paint(request_).picture


def test_more_pairs_than_a_model_tells_apart_are_left_out_with_a_note(
    painter: Painter, request_: ColorizeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PointNet, "most_pairs", 255)
    many = tuple(Pair(Point(x, 9), Point(x, 9)) for x in range(200))
    painting = painter.paint(replace(request_, pairs=many + many))
    told = "This model tells 255 pairs apart; the last 145 were not used."
    assert painting.info.notes[0] == told


def test_pairs_that_share_a_pixel_of_the_model_are_named(
    painter: Painter, request_: ColorizeRequest
) -> None:
    near = [Pair(Point(30 + 60 * i, 50), Point(150 + 0.1 * i, 200)) for i in range(3)]
    outside = Pair(Point(-5, 0), Point(1, 1))
    info = painter.paint(replace(request_, pairs=(outside, *near))).info
    assert info.notes[1].startswith("Pairs 3, 4: another pair is too near for this model")


def test_sixteen_bit_line_art_is_read(files: Path, small_model: Path) -> None:
    deep = np.asarray(page().getchannel("A"), dtype=np.uint16) * 257
    Image.fromarray(deep).save(files / "lines.png")
    assert Image.open(files / "lines.png").mode == "I;16"
    assert main(arguments(files, small_model)) == 0


def test_transparent_reference_pixels_count_as_white(
    painter: Painter, request_: ColorizeRequest
) -> None:
    hidden = np.asarray(reference()).copy()
    hidden[:, :20] = (9, 99, 199, 0)
    white = hidden.copy()
    white[:, :20] = 255
    results = [
        painter.paint(replace(request_, references=(to_picture(Image.fromarray(p)),))).picture
        for p in (hidden, white)
    ]
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lineart": Picture(50, 50, "rgba8", bytes(10_000))}, "line art is empty"),
        ({"lineart": Picture(50, 50, "gray8", b"\xff" * 2500)}, "line art is empty"),
        ({"references": (Picture(20, 20, "rgba8", b"\x20\x40\x60\xff" * 400),)}, "one colour"),
        ({"references": (Picture(20, 20, "rgba8", bytes(1600)),)}, "Reference 1 is empty"),
    ],
)
def test_what_cannot_be_used_gets_a_sentence(
    painter: Painter, request_: ColorizeRequest, changes, sentence: str
) -> None:
    with pytest.raises(BadRequest, match=sentence) as caught:
        painter.paint(replace(request_, **changes))
    assert caught.value.remedy


@pytest.fixture
def files(tmp_path: Path) -> Path:
    page().save(tmp_path / "lines.png")
    reference().save(tmp_path / "reference.png")
    pairs = {"pairs": [{"reference": [100, 50], "lineart": [150, 200]}]}
    (tmp_path / "pairs.json").write_text(json.dumps(pairs), encoding="utf-8")
    return tmp_path


def arguments(files: Path, small_model: Path, **changes: str) -> list[str]:
    options = {
        "--lineart": files / "lines.png",
        "--reference": files / "reference.png",
        "--points": files / "pairs.json",
        "--model": small_model,
        "--seed": "3",
        "--output": files / "out.png",
    }
    options.update({f"--{name}": value for name, value in changes.items()})
    return ["colorize", *(str(word) for option in options.items() for word in option)]


def test_colorize_writes_a_picture_of_the_line_arts_size(
    files: Path, small_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(files, small_model)) == 0
    assert Image.open(files / "out.png").size == (300, 420)
    assert "seed 3" in capsys.readouterr().out


def test_conflicts_are_told_before_the_network_runs(
    files: Path, small_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    def stop(job: Job) -> None:
        raise Cancelled

    monkeypatch.setattr(Job, "propose", stop)
    given = json.loads((files / "pairs.json").read_text())
    given["hints"] = [{"lineart": [-5, 5], "colour": "#102030"}]
    (files / "pairs.json").write_text(json.dumps(given))
    with contextlib.suppress(Cancelled):
        main(arguments(files, small_model))
    said = capsys.readouterr()
    assert "(-5, 5)" in said.out + said.err


def test_colorize_writes_shade_and_highlight_beside_the_flats_if_asked(
    files: Path, small_model: Path
) -> None:
    assert main(arguments(files, small_model, result="both")) == 0
    alone = {path.name: Image.open(path).convert("RGBA") for path in files.glob("out*.png")}
    assert set(alone) == {"out.png", "out_painting.png"}
    assert main(arguments(files, small_model, result="layers")) == 0
    flats, shade, highlight = (
        np.asarray(Image.open(files / f"out{what}.png").convert("RGBA")).astype(float)
        for what in ("", "_shade", "_highlight")
    )
    np.testing.assert_array_equal(flats, np.asarray(alone["out.png"]))
    # Neither does anything where it is transparent.
    multiplied = flats * np.where(shade[..., 3:] > 0, shade, 255) / 255
    screened = 255 - (255 - multiplied) * (255 - np.where(highlight[..., 3:], highlight, 0)) / 255
    painting = np.asarray(alone["out_painting.png"])
    assert np.abs(screened - painting)[..., :3].max() <= 1.01
    assert np.abs(flats - painting)[..., :3].max() > 5


def test_colorize_looks_closer_if_asked(
    files: Path, small_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def steps_of(*more: str) -> int:
        assert main([*arguments(files, small_model), *more]) == 0
        said = capsys.readouterr().out
        return int(re.search(r"(\d+) steps", said)[1])  # type: ignore[index]

    assert steps_of() < steps_of("--detail")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"lineart": "nowhere.png"}, "no file nowhere.png"),
        ({"model": "nowhere"}, "no model"),
        ({"steps": "0"}, "steps"),
        ({"output": "/nowhere/out.png"}, "no folder"),
    ],
)
def test_colorize_names_what_is_wrong(
    files: Path, small_model: Path, capsys, changes, sentence: str
) -> None:
    assert main(arguments(files, small_model, **changes)) == 1
    assert sentence in capsys.readouterr().err
    assert not (files / "out.png").exists()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"pairs": 3}', '{"pairs": [{"reference": [1], "lineart": [1, 2]}]}', "\xff"],
)
def test_broken_point_files_get_a_sentence(
    files: Path, small_model: Path, capsys, text: str
) -> None:
    (files / "pairs.json").write_text(text, encoding="latin-1")
    assert main(arguments(files, small_model)) == 1
    assert "no file of points" in capsys.readouterr().err


def test_importing_the_package_does_not_import_torch() -> None:
    code = "import sys, manganinja, manganinja.files; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
