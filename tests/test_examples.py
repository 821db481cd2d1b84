# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples are whole: pictures fit each other, points hit one colour, the .kra can be used."""

import json
import re
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
NAMES = sorted(points.parent.name for points in EXAMPLES.glob("*/points.json"))
LAYERS_FROM_TOP = ["Colour points", "Line art", "Reference", "Paper"]
KRITA = "{http://www.calligra.org/DTD/krita}"
SVG = "{http://www.w3.org/2000/svg}"
PPI = 300
LARGEST_EXAMPLES_BYTES = 4_000_000


@pytest.fixture(params=NAMES)
def folder(request: pytest.FixtureRequest) -> Path:
    return EXAMPLES / request.param


def pairs_of(folder: Path) -> list[dict]:
    return json.loads((folder / "points.json").read_text(encoding="utf-8"))["pairs"]


def colours_around(picture: Image.Image, point: list[int], reach_px: int = 6) -> set:
    x, y = point
    box = (x - reach_px, y - reach_px, x + reach_px + 1, y + reach_px + 1)
    return {colour for _, colour in picture.crop(box).getcolors() or []}


def test_the_page_example_is_there_in_print_size() -> None:
    assert "character" in NAMES
    with Image.open(EXAMPLES / "character" / "lineart.png") as picture:
        assert picture.size == (2480, 3508)


def test_the_pictures_of_an_example_have_one_size(folder: Path) -> None:
    sizes = set()
    for name in ("reference", "lineart", "colour_truth"):
        assert (folder / f"{name}.svg").exists()
        with Image.open(folder / f"{name}.png") as picture:
            sizes.add(picture.size)
    assert len(sizes) == 1


def test_the_line_art_is_black_lines_on_white(folder: Path) -> None:
    with Image.open(folder / "lineart.png") as picture:
        histogram = picture.convert("L").histogram()
    whole = sum(histogram)
    assert histogram[255] > 0.85 * whole
    assert 0.01 * whole < sum(histogram[:64]) < 0.15 * whole


def test_both_ends_of_a_pair_lie_in_one_colour_and_off_the_lines(folder: Path) -> None:
    reference = Image.open(folder / "reference.png").convert("RGB")
    truth = Image.open(folder / "colour_truth.png").convert("RGB")
    lines = Image.open(folder / "lineart.png").convert("L")
    pairs = pairs_of(folder)
    assert 6 <= len(pairs) <= 12
    for pair in pairs:
        colour = colours_around(reference, pair["reference"])
        assert len(colour) == 1, pair
        assert colours_around(truth, pair["lineart"]) == colour, pair
        assert colours_around(lines, pair["lineart"]) == {255}, pair


def test_the_document_has_the_layers_that_the_docker_asks_for(folder: Path) -> None:
    with zipfile.ZipFile(folder / f"{folder.name}.kra") as document:
        assert document.testzip() is None
        assert document.infolist()[0].filename == "mimetype"
        assert document.read("mimetype") == b"application/x-krita"
        image = ElementTree.fromstring(document.read("maindoc.xml")).find(f"{KRITA}IMAGE")
    assert image is not None
    layers = list(image.iter(f"{KRITA}layer"))
    assert [layer.get("name") for layer in layers] == LAYERS_FROM_TOP
    assert [layer.get("nodetype") for layer in layers] == ["shapelayer"] + ["paintlayer"] * 3
    assert [layer.get("visible") for layer in layers] == ["1", "1", "0", "1"]
    with Image.open(folder / "lineart.png") as picture:
        assert (int(image.attrib["width"]), int(image.attrib["height"])) == picture.size


def points_drawn_in(folder: Path) -> tuple[list[tuple], list[tuple], list[tuple]]:
    """Return lines as (x, y, x, y) and the middles of rectangles and ellipses, all in px."""
    with zipfile.ZipFile(folder / f"{folder.name}.kra") as document:
        content = next(name for name in document.namelist() if name.endswith("content.svg"))
        root = ElementTree.fromstring(document.read(content))
    lines, rectangles, ellipses = [], [], []
    for shape in root.iterfind("*[@transform]"):
        a, b, c, d, right, down = numbers_in(shape.attrib["transform"])
        assert (b, c) == (0, 0)
        tag = shape.tag.removeprefix(SVG)

        def place(x: float, y: float, a=a, d=d, right=right, down=down) -> tuple:
            return tuple(round(v * PPI / 72) for v in (a * x + right, d * y + down))

        if tag == "path":
            x1, y1, x2, y2 = numbers_in(shape.attrib["d"])
            lines.append((*place(x1, y1), *place(x2, y2)))
        elif tag == "rect":
            size = float(shape.attrib["width"]) / 2, float(shape.attrib["height"]) / 2
            rectangles.append((shape.get("fill"), *place(*size)))
        elif tag in ("circle", "ellipse"):
            middle = float(shape.attrib["cx"]), float(shape.attrib["cy"])
            ellipses.append((shape.get("fill"), *place(*middle)))
    return lines, rectangles, ellipses


def numbers_in(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?[0-9.]+(?:e-?[0-9]+)?", text)]


def test_the_points_layer_shows_every_pair_as_a_line_or_as_two_dots(folder: Path) -> None:
    lines, rectangles, ellipses = points_drawn_in(folder)
    assert lines
    assert rectangles
    lineart_of = {colour: place for colour, *place in ellipses}
    assert len(lineart_of) == len(ellipses) == len(rectangles)
    drawn = [list(line) for line in lines]
    drawn += [[x, y, *lineart_of[colour]] for colour, x, y in rectangles]
    wanted = [[*pair["reference"], *pair["lineart"]] for pair in pairs_of(folder)]
    for one, other in zip(sorted(drawn), sorted(wanted), strict=True):
        assert one == pytest.approx(other, abs=1)


def test_the_examples_stay_small_enough_to_clone() -> None:
    sizes = [path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()]
    assert 0 < sum(sizes) < LARGEST_EXAMPLES_BYTES
