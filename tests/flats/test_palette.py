# SPDX-License-Identifier: GPL-3.0-or-later
"""The palette of a reference: its fills to the byte and hardly anything else."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.flats_truth import draw_page
from manganinja.errors import BadRequest
from manganinja.flats import palette as palette_module
from manganinja.flats.oklab import distance, to_oklab
from manganinja.flats.palette import (
    Colour,
    ReferenceFlats,
    extract_palette,
    nearest,
    reference_colour_at,
)
from manganinja.flats.values import Palette

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
INK = (0x20, 0x1C, 0x2B)
PAPER = (0xEE, 0xF1, 0xF4)
SKIN, SKIN_SHADE = (0xFB, 0xD8, 0xBD), (0xEF, 0xB4, 0x97)
HAIR, HAIR_SHADE, HAIR_LIGHT = (0xA1, 0x82, 0xD6), (0x82, 0x63, 0xBA), (0xD2, 0xC0, 0xF2)
GREEN = (0x3F, 0xAE, 0x6A)
BYTE = st.integers(0, 255)
COLOUR = st.tuples(BYTE, BYTE, BYTE)
FINER = 4


class Drawing:
    """Shapes with anti-aliased edges, drawn four times as large and made smaller."""

    def __init__(self, width: int, height: int, paper: Colour = PAPER) -> None:
        self._large = np.full((height * FINER, width * FINER, 3), paper, np.uint8)

    def disc(self, x: float, y: float, radius: float, fill: Colour, line: float = 0) -> "Drawing":
        centre = round(x * FINER), round(y * FINER)
        cv2.circle(self._large, centre, round(radius * FINER), fill, -1)
        if line:
            cv2.circle(self._large, centre, round(radius * FINER), INK, round(line * FINER))
        return self

    def box(self, x: float, y: float, w: float, h: float, fill: Colour, line: float = 0):
        first = round(x * FINER), round(y * FINER)
        last = round((x + w) * FINER) - 1, round((y + h) * FINER) - 1
        cv2.rectangle(self._large, first, last, fill, -1)
        if line:
            cv2.rectangle(self._large, first, last, INK, round(line * FINER))
        return self

    def picture(self) -> np.ndarray:
        height, width = (side // FINER for side in self._large.shape[:2])
        return cv2.resize(self._large, (width, height), interpolation=cv2.INTER_AREA)


def colours_of(flats: ReferenceFlats) -> list[Colour]:
    return [(red, green, blue) for red, green, blue in flats.palette.colours.tolist()]


def example(name: str) -> np.ndarray:
    return np.asarray(Image.open(EXAMPLES / name / "reference.png").convert("RGB"))


def fills(name: str) -> dict[str, Colour]:
    """The SVG's fills by class; what is neither there nor drawn is left out."""
    text = (EXAMPLES / name / "reference.svg").read_text(encoding="utf-8")
    style, body = text.split("</style>", 1)
    found = re.findall(r"\.([\w-]+)\{(?:fill:none;)?(?:fill|stroke):(#[0-9a-f]{6})", style)
    drawn = {word for group in re.findall(r'class="([^"]*)"', body) for word in group.split()}
    return {
        key: (int(code[1:3], 16), int(code[3:5], 16), int(code[5:], 16))
        for key, code in found
        if key in drawn
    }


SHADES = ("glow", "blush")


def is_shade(name: str) -> bool:
    return name.startswith("s-") or name in SHADES


@pytest.mark.parametrize("name", ["character", "animal"])
def test_an_examples_palette_is_its_svgs_fills_and_nothing_else(name: str) -> None:
    flats = extract_palette(example(name))
    expected = {colour for key, colour in fills(name).items() if not is_shade(key)}
    shown = Image.fromarray(example(name)).getcolors(1 << 16) or []
    expected &= {colour for _, colour in shown}
    assert set(colours_of(flats)) == expected
    assert flats.exact
    assert flats.lines == (INK,)
    assert flats.background == 0
    assert colours_of(flats)[0] == fills(name)["paper"]


def test_an_examples_shades_are_found_with_their_bases() -> None:
    by_class = fills("character")
    flats = extract_palette(example("character"))
    for key, shade in by_class.items():
        if is_shade(key):
            base = {"glow": "hair", "blush": "skin"}.get(key, key.removeprefix("s-"))
            assert shade in flats.shades[colours_of(flats).index(by_class[base])], key


@pytest.mark.parametrize("name", ["character", "animal"])
def test_each_pairs_end_on_an_example_has_the_fill_that_was_drawn(name: str) -> None:
    picture = example(name)
    flats = extract_palette(picture)
    pairs = json.loads((EXAMPLES / name / "points.json").read_text(encoding="utf-8"))["pairs"]
    for x, y in (pair["reference"] for pair in pairs):
        assert reference_colour_at(picture, (x, y), flats) == tuple(picture[y, x].tolist())


def test_the_paper_of_a_portrait_is_found_though_the_figure_fills_most_of_the_edge() -> None:
    picture = np.full((200, 200, 4), (205, 250, 205, 255), np.uint8)
    picture[60:, 20:180, :3] = (20, 60, 120)
    picture[90:, :, :3] = (200, 40, 60)
    flats = extract_palette(picture)
    assert flats.background is not None
    assert colours_of(flats)[flats.background] == (205, 250, 205)


def test_a_coat_in_the_lower_corners_is_no_paper() -> None:
    picture = np.full((200, 200, 4), (20, 60, 120, 255), np.uint8)
    picture[:120, :100, :3] = (200, 40, 60)
    picture[:120, 100:, :3] = (230, 200, 30)
    assert extract_palette(picture).background is None


def test_a_transparent_reference_has_no_background() -> None:
    picture = example("character")
    alpha = np.where((picture == PAPER).all(axis=2), 0, 255).astype(np.uint8)
    flats = extract_palette(np.dstack([picture, alpha]))
    assert flats.background is None
    assert PAPER not in colours_of(flats)
    assert HAIR in colours_of(flats)


def test_what_lies_below_transparency_is_never_read() -> None:
    picture = np.zeros((40, 60, 4), np.uint8)
    picture[..., :3] = (9, 8, 7)
    picture[10:30, 10:30] = (*GREEN, 255)
    assert colours_of(extract_palette(picture)) == [GREEN]


def test_a_jpeg_gives_about_the_same_palette() -> None:
    small = cv2.resize(example("character"), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    # OpenCV takes the channels for BGR, which the round trip undoes.
    written, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
    read = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert written and read is not None
    flats = extract_palette(read)
    assert not flats.exact
    wanted = {key: colour for key, colour in fills("character").items() if not is_shade(key)}
    for missed in ("trim", "mouth", "tongue", "spark", "tip"):
        wanted.pop(missed, None)
    lab = to_oklab(flats.palette.colours)
    for key, colour in wanted.items():
        assert distance(lab, to_oklab(np.array(colour, np.uint8))).min() < 2, key
    assert len(flats.palette) <= len(set(wanted.values())) + 2


@pytest.mark.parametrize("resampling", [cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC])
@pytest.mark.parametrize("factor", [0.3, 0.5, 1.6])
def test_a_scaled_reference_keeps_its_exact_fills(resampling: int, factor: float) -> None:
    whole = example("animal")
    scaled = cv2.resize(whole, None, fx=factor, fy=factor, interpolation=resampling)
    found = set(colours_of(extract_palette(scaled)))
    expected = {colour for key, colour in fills("animal").items() if not is_shade(key)}
    # Lines of a pixel or two leave no black area, and sparks in the eyes vanish.
    assert expected - {INK, (255, 255, 255)} <= found
    assert len(found - expected) <= 1


def test_a_bluntly_enlarged_reference_is_read_as_the_small_one() -> None:
    small = cv2.resize(example("animal"), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    large = small.repeat(3, axis=0).repeat(3, axis=1)
    assert colours_of(extract_palette(large)) == colours_of(extract_palette(small))


def test_a_button_of_thirty_pixels_survives_at_one_megapixel() -> None:
    drawing = Drawing(1000, 1000).disc(500, 500, 300, SKIN, line=3)
    picture = drawing.disc(500, 500, 3.5, (200, 30, 60)).picture()
    assert (200, 30, 60) in colours_of(extract_palette(picture))


def test_lines_alone_are_left_out_and_black_hair_stays() -> None:
    bald = Drawing(400, 400)
    for place, colour in enumerate([SKIN, GREEN, HAIR, (230, 90, 80)]):
        bald.disc(100 + 200 * (place % 2), 100 + 200 * (place // 2), 70, colour, line=5)
    flats = extract_palette(bald.picture())
    assert INK not in colours_of(flats)
    assert flats.lines == (INK,)
    assert 3 <= flats.line_width_px <= 6
    haired = extract_palette(bald.disc(200, 200, 40, INK).picture())
    assert INK in colours_of(haired)
    assert haired.lines == (INK,)


def test_shade_and_highlight_fold_into_their_base() -> None:
    drawing = Drawing(300, 300).box(40, 40, 220, 220, HAIR, line=4)
    drawing.box(140.5, 60, 99, 180, HAIR_SHADE).box(60, 80.5, 60, 20, HAIR_LIGHT)
    flats = extract_palette(drawing.picture())
    assert set(colours_of(flats)) == {PAPER, HAIR}
    assert set(flats.shades[colours_of(flats).index(HAIR)]) == {HAIR_SHADE, HAIR_LIGHT}
    apart = extract_palette(drawing.picture(), fold_shades=False)
    assert set(colours_of(apart)) == {PAPER, HAIR, HAIR_SHADE, HAIR_LIGHT} and not apart.shades


def test_a_line_keeps_two_tones_of_one_hue_apart() -> None:
    drawing = Drawing(300, 300).disc(150, 150, 100, HAIR, line=4)
    picture = drawing.disc(150, 150, 40, HAIR_SHADE, line=4).picture()
    assert {HAIR, HAIR_SHADE} <= set(colours_of(extract_palette(picture)))


def test_white_beside_a_colour_is_no_highlight() -> None:
    drawing = (
        Drawing(300, 300).disc(150, 150, 100, SKIN, line=4).disc(150, 150, 20, (255, 255, 255))
    )
    assert (255, 255, 255) in colours_of(extract_palette(drawing.picture()))


def test_only_the_most_used_colours_are_returned() -> None:
    drawing = Drawing(400, 100).box(0, 0, 200, 100, SKIN, 2).box(200, 0, 120, 100, GREEN, 2)
    picture = drawing.box(320, 0, 80, 100, (200, 30, 60), 2).picture()
    assert colours_of(extract_palette(picture, most=2)) == [SKIN, GREEN]


def apart(colours: Sequence[Colour]) -> float:
    """The smallest distance between two of the colours."""
    lab = to_oklab(np.array(colours, np.uint8))
    distances = distance(lab[:, None], lab[None])
    return float(distances[~np.eye(len(colours), dtype=bool)].min())


@settings(max_examples=30, deadline=None)
@given(st.lists(COLOUR, min_size=4, max_size=12, unique=True), st.sampled_from([2.0, 3.0, 5.0]))
def test_every_fill_of_a_drawing_is_found_to_the_byte(colours: list[Colour], line: float) -> None:
    assume(apart([*colours, INK]) > 1)
    drawing = Drawing(320, 240, (255, 255, 255))
    for place, colour in enumerate(colours):
        drawing.disc(40 + 80 * (place % 4), 40 + 80 * (place // 4), 30.5, colour, line)
    found = colours_of(extract_palette(drawing.picture()))
    assert set(found) == {*colours, (255, 255, 255)}


@pytest.mark.parametrize("seed", [3, 8, 13])
def test_a_generated_cast_has_its_fills_and_no_others(seed: int) -> None:
    page = draw_page(seed, 200, 200, reference_px=(512, 1024)[seed % 2])
    flats = extract_palette(page.reference)
    wanted = {(red, green, blue) for red, green, blue in page.palette.tolist()}
    found = set(colours_of(flats))
    assert flats.background is not None
    assert colours_of(flats)[flats.background] == page.truth.paper_rgb
    # Cloth patterns have spots that a reference of this size shows in a few pixels only.
    assert len(found & wanted) >= 0.9 * len(wanted)
    assert found <= wanted | {page.truth.paper_rgb}


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1, 4), (2, 3, 3), (1, 50, 3), (50, 2, 4)])
def test_the_smallest_pictures_give_an_answer(shape: tuple[int, int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert len(extract_palette(picture).palette) <= 64
    assert colours_of(extract_palette(np.full(shape, 255, np.uint8))) == [(255, 255, 255)]


def test_a_wholly_transparent_picture_has_no_colours() -> None:
    flats = extract_palette(np.zeros((30, 30, 4), np.uint8))
    assert len(flats.palette) == 0
    assert flats.background is None
    with pytest.raises(BadRequest, match="transparent"):
        reference_colour_at(np.zeros((30, 30, 4), np.uint8), (3, 3), flats)


def test_noise_and_gradients_end_with_few_colours() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    assert len(extract_palette(noise).palette) <= 64
    gradient = np.linspace(0, 255, 300).astype(np.uint8)[None, :, None].repeat(200, 0).repeat(3, 2)
    assert 1 <= len(extract_palette(gradient).palette) <= 64


def test_the_same_picture_gives_the_same_palette() -> None:
    first, second = extract_palette(example("animal")), extract_palette(example("animal"))
    assert np.array_equal(first.palette.colours, second.palette.colours)
    assert first.shades == second.shades


def test_other_arrays_are_refused() -> None:
    for picture in (np.zeros((3, 3), np.uint8), np.zeros((3, 3, 3)), np.zeros((3, 3, 2), np.uint8)):
        with pytest.raises(ValueError):
            extract_palette(picture)


FACE = Drawing(300, 300).disc(150, 150, 100, SKIN, line=6).disc(150, 150, 40, GREEN, line=6)
FACE.disc(150, 190, 8, SKIN_SHADE).disc(150, 215, 16, SKIN_SHADE).disc(150, 150, 18, INK)
FACE_PICTURE = FACE.picture()
FACE_FLATS = extract_palette(FACE_PICTURE)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((90, 150), SKIN),
        ((125, 150), GREEN),
        ((150, 150), INK),
        ((150, 225), SKIN_SHADE),
        ((5, 5), PAPER),
        ((50, 150), None),
        ((47.4, 150.9), PAPER),
        ((53.0, 150), SKIN),
        ((112.5, 150), GREEN),
        ((107.0, 150), SKIN),
    ],
)
def test_a_point_means_the_flat_below_or_beside_it(
    point: tuple[float, float], expected: Colour | None
) -> None:
    found = reference_colour_at(FACE_PICTURE, point, FACE_FLATS)
    assert found in ([SKIN, PAPER] if expected is None else [expected])


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 299), st.integers(0, 299))
def test_any_point_has_a_flat_or_a_tone_from_close_by(x: int, y: int) -> None:
    found = reference_colour_at(FACE_PICTURE, (x, y), FACE_FLATS)
    tones = {tone for of in FACE_FLATS.shades.values() for tone in of}
    assert found in {*colours_of(FACE_FLATS), *tones}
    there = FACE_PICTURE[max(0, y - 9) : y + 10, max(0, x - 9) : x + 10].reshape(-1, 3)
    named = [found, SKIN_SHADE] if found == SKIN else [found]
    assert any((there == colour).all(axis=1).any() for colour in named)


def test_a_point_on_a_shadow_means_the_shadows_tone() -> None:
    drawing = Drawing(300, 300).box(40, 40, 220, 220, HAIR, line=4)
    drawing.box(140.5, 60, 99, 180, HAIR_SHADE)
    picture = drawing.picture()
    flats = extract_palette(picture)
    assert reference_colour_at(picture, (190, 150), flats) == HAIR_SHADE
    assert reference_colour_at(picture, (90, 150), flats) == HAIR


def test_a_flat_too_small_for_the_palette_still_has_its_own_colour() -> None:
    flats = extract_palette(FACE_PICTURE, most=2)
    assert GREEN not in colours_of(flats)
    assert reference_colour_at(FACE_PICTURE, (125, 150), flats) == GREEN


@pytest.mark.parametrize("point", [(-1, 0), (0, -0.5), (300, 10), (10, 300.0), (np.nan, 1)])
def test_a_point_outside_is_refused(point: tuple[float, float]) -> None:
    with pytest.raises(BadRequest, match="outside"):
        reference_colour_at(FACE_PICTURE, point, FACE_FLATS)


def test_a_point_beside_an_opaque_part_takes_it_and_a_far_one_is_refused() -> None:
    picture = np.zeros((400, 900, 4), np.uint8)
    picture[100:200, 100:200] = (*GREEN, 255)
    flats = extract_palette(picture)
    assert reference_colour_at(picture, (96, 150), flats) == GREEN
    with pytest.raises(BadRequest, match="transparent"):
        reference_colour_at(picture, (800, 300), flats)


def test_a_point_on_a_jpeg_has_the_clusters_colour() -> None:
    _, data = cv2.imencode(".jpg", FACE_PICTURE, [cv2.IMWRITE_JPEG_QUALITY, 80])
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert picture is not None
    flats = extract_palette(picture)
    for point, colour in (((90, 150), SKIN), ((125, 150), GREEN), ((5, 5), PAPER)):
        found = np.array([reference_colour_at(picture, point, flats), colour], np.uint8)
        assert distance(*to_oklab(found)) < 3


@settings(max_examples=60, deadline=None)
@given(st.lists(COLOUR, min_size=1, max_size=30), st.lists(COLOUR, min_size=1, max_size=30))
def test_nearest_is_the_nearest(members: list[Colour], colours: list[Colour]) -> None:
    palette = Palette(np.array(members, np.uint8))
    asked = np.array([*colours, *members], np.uint8)
    found = nearest(palette, asked)
    away = distance(to_oklab(asked)[:, None], to_oklab(palette.colours)[None])
    chosen = away[np.arange(len(asked)), found]
    np.testing.assert_allclose(chosen, away.min(axis=1), atol=0.02)
    assert found.dtype == np.int32
    assert found[len(colours) :].tolist() == [members.index(colour) for colour in members]


def test_nearest_of_a_picture_has_its_shape() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    palette = Palette(picture[0].copy())
    found = nearest(palette, picture)
    assert found.shape == (30, 40)
    assert np.array_equal(palette.colours[found[0]], picture[0])
    assert nearest(palette, np.zeros((0, 3), np.uint8)).shape == (0,)
    with pytest.raises(ValueError):
        nearest(Palette(np.zeros((0, 3), np.uint8)), picture)


def test_nearest_in_steps_is_close_and_keeps_members(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    palette = Palette(random.integers(0, 256, (300, 3), dtype=np.uint8))
    asked = random.integers(40, 256, (5000, 3), dtype=np.uint8)
    monkeypatch.setattr(palette_module, "_MOST_COMPARED", 0)
    away = distance(to_oklab(asked)[:, None], to_oklab(palette.colours)[None])
    chosen = away[np.arange(len(asked)), nearest(palette, asked)]
    assert (chosen - away.min(axis=1)).max() < 3
    members = nearest(palette, palette.colours)
    assert np.array_equal(palette.colours[members], palette.colours)
