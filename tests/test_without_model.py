# SPDX-License-Identifier: GPL-3.0-or-later
"""`--model none`: no torch, nothing painted, pairs and locks as ever."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manganinja.cli import main
from manganinja.errors import BadRequest, Cancelled
from manganinja.files import to_image, to_picture
from manganinja.finishing import PICTURES, flats_for, prepare
from manganinja.wire.protocol import ColorizeRequest, FlatsOptions, Hint, Pair, Point
from manganinja.without_model import Progress, Unaided

PROJECT = Path(__file__).resolve().parent.parent
WITHOUT_TORCH = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "diffusers", "transformers", "accelerate"}:
            raise ModuleNotFoundError(f"{name} must not be needed", name=name)

sys.meta_path.insert(0, Refuse())
from manganinja.cli import main
sys.exit(main(sys.argv[1:]))
"""
TEAL, PINK, GOLD, PAPER = (0, 128, 128), (255, 105, 180), (240, 200, 60), (250, 246, 235)


def house(scale: float = 1.0) -> list[tuple[str, list[float], tuple[int, int, int]]]:
    shapes = [
        ("rectangle", [60, 140, 240, 280], TEAL),
        ("polygon", [40, 140, 150, 40, 260, 140], PINK),
        ("ellipse", [120, 80, 170, 130], GOLD),
        ("rectangle", [90, 190, 140, 280], GOLD),
    ]
    return [(kind, [scale * place for place in places], colour) for kind, places, colour in shapes]


def drawn(coloured: bool, scale: float = 1.0) -> Image.Image:
    side = round(300 * scale)
    image = Image.new("RGB", (side, side), PAPER if coloured else "white")
    pen = ImageDraw.Draw(image)
    for kind, places, colour in house(scale):
        fill = colour if coloured else (255, 255, 255)
        getattr(pen, kind)(places, fill=fill, outline=(0, 0, 0), width=round(3 * scale))
    return image


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    drawn(False, 2).save(tmp_path / "lines.png")
    drawn(True).save(tmp_path / "reference.png")
    points = {"pairs": [{"reference": [200, 250], "lineart": [230, 500]}]}
    (tmp_path / "points.json").write_text(json.dumps(points))
    return tmp_path


def arguments(folder: Path, *more: str) -> list[str]:
    places = ["--lineart", str(folder / "lines.png"), "--reference", str(folder / "reference.png")]
    return ["colorize", "--model", "none", *places, "--output", str(folder / "out.png"), *more]


def at(pixels: np.ndarray, x: int, y: int) -> tuple[int, ...]:
    return tuple(pixels[y, x].tolist())


def test_the_command_line_needs_no_torch(folder: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, *arguments(folder, "--seed", "4")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "600 x 600" in done.stdout and "without a model" in done.stdout
    pixels = np.asarray(Image.open(folder / "out.png"))
    assert at(pixels, 400, 400) == (*TEAL, 255) and at(pixels, 150, 250) == (*PINK, 255)
    assert at(pixels, 290, 210) == at(pixels, 230, 450) == (*GOLD, 255)
    assert at(pixels, 5, 5) == (*PAPER, 255)


def test_a_network_that_is_not_installed_is_a_sentence(folder: Path) -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, *arguments(folder, "--model", "mini")]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "torch, which is not installed" in done.stderr and "--model none" in done.stderr


def test_flats_from_a_reference_alone_need_no_torch(folder: Path) -> None:
    more = ["--lineart", str(folder / "lines.png"), "--reference", str(folder / "reference.png")]
    more = ["flats", *more, "--points", str(folder / "points.json"), "--output", str(folder / "o")]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, *more], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    pixels = np.asarray(Image.open(folder / "o" / "flats.png"))
    # The pair says that the door has the wall's colour.
    assert at(pixels, 230, 500) == at(pixels, 400, 400) == (*TEAL, 255)
    assert at(pixels, 290, 210) == (*GOLD, 255)


def test_both_are_the_flats_that_there_are(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(folder, "--result", "both")) == 0
    assert "flats alone" in capsys.readouterr().out and (folder / "out.png").exists()


@pytest.mark.parametrize("kind", ["painting", "proposal", "layers"])
def test_what_only_a_network_paints_is_refused(
    folder: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(folder, "--result", kind)) == 1
    said = capsys.readouterr().err
    assert "Without a model" in said and "choose a model" in said
    assert not (folder / "out.png").exists()


def request(**changes: object) -> ColorizeRequest:
    values = {"lineart": to_picture(drawn(False)), "references": (to_picture(drawn(True)),)}
    return ColorizeRequest(**{**values, "model": "none", **changes})  # type: ignore[arg-type]


def test_the_seed_and_the_steps_mean_nothing() -> None:
    first, second = (Unaided().paint(request(seed=seed, steps=9)) for seed in (1, 2))
    assert first.picture == second.picture
    assert (first.info.model, first.info.steps) == ("none", 0)


def test_pairs_outside_are_named_and_marks_win() -> None:
    pairs = (Pair(Point(200, 250), Point(110, 240)), Pair(Point(999, 0), Point(5, 5)))
    hints = (Hint(Point(150, 60), "#123456"), Hint(Point(200, 200), None))
    painted = Unaided().paint(request(pairs=pairs, flats=FlatsOptions(hints=hints)))
    pixels = np.asarray(to_image(painted.picture))
    assert at(pixels, 110, 240) == (*TEAL, 255)
    assert at(pixels, 150, 60) == (0x12, 0x34, 0x56, 255) and at(pixels, 200, 200)[3] == 0
    assert any("Pair 2 " in note for note in painted.info.notes)


def test_locked_pixels_stay() -> None:
    kept = np.zeros((300, 300, 4), np.uint8)
    kept[145:278, 145:238] = 9, 9, 99, 255
    painted = Unaided().paint(request(locks=to_picture(Image.fromarray(kept))))
    pixels = np.asarray(to_image(painted.picture))
    assert (pixels[145:278, 145:238] == (9, 9, 99, 255)).all()
    assert at(pixels, 100, 160) == (9, 9, 99, 255)


def test_a_palette_of_the_artists_is_kept_to() -> None:
    flats = FlatsOptions(palette=("#00aaaa", "#ff66aa", "#ffcc33", "#ffffff"))
    pixels = np.asarray(to_image(Unaided().paint(request(flats=flats)).picture))
    assert at(pixels, 200, 200) == (0, 0xAA, 0xAA, 255)
    assert at(pixels, 80, 125) == (0xFF, 0x66, 0xAA, 255)


def test_a_reference_of_something_else_leaves_it_empty_and_says_where() -> None:
    stripes = Image.new("RGB", (300, 300), PAPER)
    pen = ImageDraw.Draw(stripes)
    for y in range(20, 280, 12):
        pen.rectangle((10, y, 290, y + 6), fill=(y % 255, 90, 10), outline="black")
    painted = Unaided().paint(request(references=(to_picture(stripes),)))
    pixels = np.asarray(to_image(painted.picture))
    assert at(pixels, 200, 200)[3] == at(pixels, 150, 60)[3] == 0
    assert any("regions are empty" in note and "(" in note for note in painted.info.notes)


def test_an_empty_reference_is_a_sentence() -> None:
    nothing = to_picture(Image.new("RGBA", (50, 50)))
    with pytest.raises(BadRequest, match="Reference 1 is empty"):
        Unaided().paint(request(references=(nothing,)))


def test_progress_rises_and_cancel_stops_between_stages() -> None:
    heard: list[Progress] = []
    PICTURES.forget()
    Unaided().paint(request(), heard.append)
    fractions = [progress.fraction for progress in heard]
    assert fractions == sorted(fractions) and len(set(fractions)) > 5 and fractions[-1] <= 1
    for last in range(len(heard)):
        count = [0]

        def is_cancelled(count: list[int] = count, last: int = last) -> bool:
            count[0] += 1
            return count[0] > last

        PICTURES.forget()
        with pytest.raises(Cancelled):
            Unaided().paint(request(), is_cancelled=is_cancelled)


def test_flats_say_where_a_colour_is_from() -> None:
    flats = flats_for(prepare(request(), {}), None)
    sources = set(flats.assignment.source.tolist())
    from manganinja.flats.values import SOURCES

    assert {SOURCES[source] for source in sources} <= {"match", "neighbour", "unknown"}
    assert SOURCES.index("match") in sources
