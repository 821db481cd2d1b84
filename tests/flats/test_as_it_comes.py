# SPDX-License-Identifier: GPL-3.0-or-later
"""Line art as it comes: grey paper, uneven light, pencil, trace lines, colour profiles."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw

from manganinja.errors import BadRequest
from manganinja.files import read_image
from manganinja.flats.flatten import cut_regions
from manganinja.flats.line_mask import (
    folds_shades,
    has_trace_lines,
    ink,
    line_mask,
    pencil,
    screentone,
)

SIZE = (400, 300)
PENCIL, TRACE = (170, 200, 240), (40, 60, 220)
RED_PENCIL, GREY_PENCIL = (235, 120, 110), (185, 185, 185)


def drawing(mode: str = "RGB", paper: int = 255) -> Image.Image:
    """Two rooms, and a large black area."""
    image = Image.new(mode, SIZE, paper if mode == "L" else (paper,) * 3)
    pen = ImageDraw.Draw(image)
    black = 0 if mode == "L" else (0, 0, 0)
    pen.rectangle((40, 40, 360, 260), outline=black, width=4)
    pen.line((200, 40, 200, 260), black, 4)
    pen.rectangle((230, 90, 330, 220), fill=black)
    return image


def lit(image: Image.Image, fall: float) -> Image.Image:
    """The same, photographed: light falls off to the lower right."""
    pixels = np.asarray(image.convert("RGB")).astype(float)
    height, width = pixels.shape[:2]
    ys, xs = np.mgrid[:height, :width]
    light = 1 - fall * (0.6 * xs / width + 0.4 * (ys / height) ** 2)
    return Image.fromarray(np.rint(pixels * light[..., None] * 0.96).astype(np.uint8))


@pytest.mark.parametrize("paper", [255, 215, 180])
def test_grey_paper_is_paper_in_every_mode(paper: int) -> None:
    wanted = line_mask(ink(drawing()))
    for mode in ("L", "RGB"):
        np.testing.assert_array_equal(line_mask(ink(drawing(mode, paper))), wanted)


@pytest.mark.parametrize("fall", [0.15, 0.35])
def test_a_page_in_uneven_light_has_the_same_regions(fall: float) -> None:
    wanted = cut_regions(drawing()).regions
    regions = cut_regions(lit(drawing(), fall)).regions
    assert regions.count == wanted.count
    free = (regions.lines == 0) & (wanted.lines == 0)
    assert free.mean() > 0.6
    np.testing.assert_array_equal(
        regions.background[regions.labels][free], wanted.background[wanted.labels][free]
    )


def test_a_black_area_stays_black_in_uneven_light() -> None:
    lines = line_mask(ink(lit(drawing(), 0.35)))
    assert (lines[95:215, 235:325] == 255).all()


def test_clean_paper_is_not_touched() -> None:
    strength = ink(drawing())
    assert set(np.unique(strength)) == {0, 255}


def sketched(colour: tuple[int, int, int] = PENCIL) -> Image.Image:
    image = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 30, 320, 280), outline=colour, width=3)
    pen.line((10, 150, 390, 150), colour, 3)
    pen.line((120, 5, 120, 295), colour, 3)
    pen.rectangle((40, 40, 360, 260), outline="black", width=4)
    pen.line((200, 40, 200, 260), "black", 4)
    return image


def traced(colour: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((40, 40, 360, 260), outline="black", width=4)
    pen.line((120, 42, 150, 258), colour, 2)
    return image


@pytest.mark.parametrize("colour", [PENCIL, RED_PENCIL, GREY_PENCIL])
def test_construction_lines_in_pencil_divide_nothing_and_that_is_said(
    colour: tuple[int, int, int],
) -> None:
    cut = cut_regions(sketched(colour))
    assert cut.regions.count == 3
    assert "pencil" in cut.notes[0]


@pytest.mark.parametrize("step", [20, 44])
@pytest.mark.parametrize("colour", [(170, 205, 240), (200, 200, 200)])
def test_ruled_paper_divides_nothing(step: int, colour: tuple[int, int, int]) -> None:
    image = Image.new("RGB", SIZE, "white")
    pen = ImageDraw.Draw(image)
    for y in range(step, SIZE[1], step):
        pen.line((0, y, SIZE[0], y), colour, 2)
    pen.rectangle((40, 40, 360, 260), outline="black", width=4)
    pen.line((200, 40, 200, 260), "black", 4)
    assert cut_regions(image).regions.count == 3


def test_the_artist_chooses_which_lines_count() -> None:
    plain = sketched(PENCIL)
    assert [cut_regions(plain, counted=c).regions.count for c in ("ink", "coloured")] == [3, 3]
    everything = cut_regions(plain, counted="all")
    assert everything.regions.count > 8 and not everything.notes
    line = traced(TRACE)
    counts = [cut_regions(line, counted=c).regions.count for c in ("ink", "coloured", "all")]
    assert counts == [2, 3, 3]


@pytest.mark.parametrize("counted", ["ink", "coloured"])
def test_ink_on_a_transparent_layer_counts(counted: str) -> None:
    image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rectangle((40, 40, 360, 260), outline=(0, 0, 0, 255), width=4)
    pen.line((200, 44, 200, 256), (250, 120, 120, 255), 3)
    assert cut_regions(image, counted=counted).regions.count == (2 if counted == "ink" else 3)


def test_a_layer_without_ink_says_what_to_do() -> None:
    image = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(image).rectangle((40, 40, 360, 260), outline=PENCIL, width=4)
    with pytest.raises(BadRequest, match="no dark lines") as error:
        cut_regions(image, counted="ink")
    assert "coloured lines" in error.value.remedy


def toned(step: float, radius: float) -> Image.Image:
    """Two rooms, one of them with dots of screentone at 45 degrees."""
    image = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(image)
    for row in range(40):
        for column in range(40):
            x = 46 + (column + 0.5 * (row % 2)) * step
            y = 46 + row * step / 2
            if x < 194 and y < 254:
                pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
    pen.rectangle((40, 40, 360, 260), outline=0, width=4)
    pen.line((200, 40, 200, 260), 0, 4)
    return image


@pytest.mark.parametrize("step, radius", [(8, 1), (10, 2), (12, 3)])
def test_screentone_divides_nothing_and_that_is_said(step: float, radius: float) -> None:
    cut = cut_regions(toned(step, radius))
    assert cut.regions.count == 3
    assert "screentone" in cut.notes[0]
    assert "screentone" not in " ".join(cut_regions(toned(step, radius), counted="all").notes)


def test_a_few_dots_and_rings_are_drawn_things() -> None:
    image = drawing("L")
    pen = ImageDraw.Draw(image)
    for place in range(8):
        pen.ellipse((50 + 16 * place, 60, 60 + 16 * place, 70), outline=0, width=2)
    assert screentone(line_mask(ink(image))) is None
    rings = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(rings)
    for x in range(20, 380, 18):
        for y in range(20, 280, 18):
            pen.ellipse((x, y, x + 13, y + 13), outline=0, width=2)
    assert screentone(line_mask(ink(rings))) is None


def test_soft_grey_lines_are_no_pencil() -> None:
    image = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(image)
    for place, grey in enumerate((20, 60, 90, 120, 150, 170)):
        pen.rectangle((20 + 60 * place, 40, 70 + 60 * place, 260), outline=grey, width=4)
    cut = cut_regions(image)
    assert cut.regions.count == 7 and not cut.notes


@pytest.mark.parametrize("colour", [TRACE, (230, 200, 40), PENCIL])
def test_trace_lines_still_divide(colour: tuple[int, int, int]) -> None:
    image = traced(colour)
    assert pencil(image, line_mask(ink(image))) is None
    cut = cut_regions(image)
    labels = cut.regions.labels
    assert labels[150, 80] != labels[150, 300] and not cut.notes


def test_trace_lines_are_told_from_lines_of_one_colour() -> None:
    image = traced(TRACE)
    assert has_trace_lines(image, line_mask(ink(image)))
    brown = Image.new("RGB", SIZE, "white")
    ImageDraw.Draw(brown).rectangle((40, 40, 360, 260), outline=(150, 70, 20), width=4)
    for plain in (drawing(), brown):
        assert not has_trace_lines(plain, line_mask(ink(plain)))


@pytest.mark.parametrize(
    ("tones", "image", "folds"),
    [
        ("drawn", traced(TRACE), False),
        ("drawn", drawing(), True),
        ("one", traced(TRACE), True),
        ("two", drawing(), False),
        ("drawn", Image.new("RGB", SIZE, "white"), True),
    ],
)
def test_shadows_are_colours_where_lines_bound_them_or_the_artist_says_so(
    tones: str, image: Image.Image, folds: bool
) -> None:
    assert folds_shades(tones, image, "coloured") == folds


def swapped_profile() -> bytes:
    """sRGB, with red and blue for each other."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = struct.unpack_from(">I", profile, 128)
    places = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, blue = places[b"rXYZ"], places[b"bXYZ"]
    profile[red + 4 : red + 12], profile[blue + 4 : blue + 12] = (
        bytes(profile[blue + 4 : blue + 12]),
        bytes(profile[red + 4 : red + 12]),
    )
    return bytes(profile)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_picture_with_a_profile_is_read_as_it_looks(tmp_path: Path, mode: str) -> None:
    fill = (200, 40, 30) if mode == "RGB" else (200, 40, 30, 90)
    path = tmp_path / "profiled.png"
    Image.new(mode, (8, 8), fill).save(path, icc_profile=swapped_profile())
    seen = np.asarray(read_image(path).convert("RGBA"))[3, 3].tolist()
    np.testing.assert_allclose(seen[:3], (30, 40, 200), atol=2)
    assert seen[3] == (255 if mode == "RGB" else 90)


def test_a_broken_profile_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    Image.new("RGB", (8, 8), (200, 40, 30)).save(path, icc_profile=b"nonsense")
    assert np.asarray(read_image(path))[3, 3].tolist() == [200, 40, 30]


def test_hairlines_that_an_outline_runs_out_into_are_no_pencil() -> None:
    image = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(image)
    for left in range(30, 370, 60):
        # Each outline is bold on one side and a pale hairline on the others.
        pen.rectangle((left, 40, left + 45, 260), outline=128, width=1)
        pen.line((left, 40, left, 260), 0, 4)
        pen.line((left, 150, left + 45, 150), 128, 1)
    cut = cut_regions(image)
    assert cut.regions.count == 13 and not cut.notes
