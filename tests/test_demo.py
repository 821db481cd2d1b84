# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration: an example goes through a real server (its painter is the scripted one)."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from manganinja import BadRequest, demo
from manganinja.files import to_picture
from manganinja.wire import discovery
from manganinja.wire.protocol import Layer, Pair, Point, Result, ResultInfo

PROJECT = Path(__file__).resolve().parent.parent
RED = (200, 30, 40)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """Line art of 40 x 30 with one black line, a reference of one red, one pair."""
    folder = tmp_path / "cat"
    folder.mkdir()
    lineart = Image.new("L", (40, 30), 255)
    lineart.paste(0, (0, 10, 40, 12))
    lineart.save(folder / "lineart.png")
    Image.new("RGB", (20, 20), RED).save(folder / "reference.png")
    pairs = {"pairs": [{"reference": [1, 2], "lineart": [3.5, 4], "name": "ear"}]}
    (folder / "points.json").write_text(json.dumps(pairs))
    return folder


@pytest.fixture
def scripted_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MANGANINJA_HOME", str(tmp_path / "home"))
    engine = ("--engine", "tests.server.scripted:Painter", "--model", "mini")
    command = [sys.executable, "-m", "server", *engine]
    with subprocess.Popen(command, cwd=PROJECT) as process:
        deadline = time.monotonic() + 30
        while discovery.running_server() is None:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        yield
        process.terminate()


@pytest.mark.usefixtures("scripted_server")
def test_an_example_is_coloured_and_both_pictures_are_written(tmp_path, example, capsys) -> None:
    output = tmp_path / "out"
    assert demo.main(["--example", str(example), "--output", str(output)]) == 0
    colours = Image.open(output / "cat-colours.png")
    coloured = Image.open(output / "cat-coloured.png")
    assert colours.size == coloured.size == (40, 30)
    assert colours.getpixel((5, 11)) == RED
    assert coloured.getpixel((5, 11)) == (0, 0, 0)
    assert coloured.getpixel((5, 20)) == RED
    said = capsys.readouterr().out
    assert "40 x 30 pixels, 1 point pairs" in said
    assert "100%  done" in said
    assert str(output / "cat-coloured.png") in said
    assert discovery.running_server(), "a server that was running before goes on running"


@pytest.mark.usefixtures("scripted_server")
def test_what_the_server_refuses_is_said_in_its_words(tmp_path, example, capsys) -> None:
    arguments = ["--example", str(example), "--output", str(tmp_path / "out"), "--steps", "5000"]
    assert demo.main(arguments) == 1
    assert "Choose between 1 and 999 steps." in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_without_an_installation_it_says_what_to_do(tmp_path, example, capsys, monkeypatch) -> None:
    monkeypatch.setenv("MANGANINJA_HOME", str(tmp_path / "nothing"))
    assert demo.main(["--example", str(example)]) == 1
    assert "python3 install.py" in capsys.readouterr().err


def test_pairs_are_read_in_pixels_of_each_picture(example: Path) -> None:
    assert demo.read_example(example).pairs == (Pair(Point(1.0, 2.0), Point(3.5, 4.0)),)


@pytest.mark.parametrize("text", ["", "[]", '{"pairs": [{"reference": [1]}]}', '{"pairs": 3}'])
def test_a_points_file_that_is_none_is_named(example: Path, text: str) -> None:
    (example / "points.json").write_text(text)
    with pytest.raises(BadRequest, match=r"points\.json is no file of points"):
        demo.read_example(example)


def test_a_missing_and_a_broken_picture_are_named(example: Path) -> None:
    (example / "reference.png").write_bytes(b"no picture")
    with pytest.raises(BadRequest, match=r"reference\.png can't be read"):
        demo.read_example(example)
    (example / "reference.png").unlink()
    with pytest.raises(BadRequest, match=r"There is no file .*reference\.png"):
        demo.read_example(example)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_any_kind_of_picture_gets_the_bytes_that_its_format_says(mode: str) -> None:
    picture = to_picture(Image.new(mode, (5, 3)))
    assert (picture.width_px, picture.height_px) == (5, 3)
    assert picture.format == ("gray8" if mode in ("1", "L") else "rgba8")


def test_transparent_line_art_lies_on_white_paper() -> None:
    lineart = Image.new("RGBA", (2, 1), (0, 0, 0, 0))
    lineart.putpixel((1, 0), (0, 0, 0, 255))
    inked = demo.multiply(lineart, Image.new("RGB", (2, 1), RED))
    assert [inked.getpixel((x, 0)) for x in (0, 1)] == [RED, (0, 0, 0)]


def test_empty_regions_are_white(tmp_path: Path, example: Path) -> None:
    picture = to_picture(Image.new("RGBA", (40, 30), (0, 0, 0, 0)))
    layers = (Layer("Flats", "normal", picture),)
    result = Result("job", layers, ResultInfo(0, "none", 0, 1.0, "cpu"), {})
    for path in demo.save(demo.read_example(example), result, tmp_path):
        assert Image.open(path).getpixel((5, 20)) == (255, 255, 255)


def test_progress_off_a_terminal_is_a_few_lines() -> None:
    stream = io.StringIO()
    bar = demo.Bar(stream)
    for step in range(101):
        bar.show(step / 100, f"colouring ({step} of 100)")
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5
    assert "\r" not in stream.getvalue()
