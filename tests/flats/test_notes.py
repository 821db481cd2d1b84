# SPDX-License-Identifier: GPL-3.0-or-later
"""Model sheets: leader lines, lettering and swatches are read as what they are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manganinja.flats.notes import Unwritten, left_out, without_notes
from manganinja.flats.palette import extract_palette

HAIR, SKIN, COAT, TRIM, PAPER = (92, 58, 40), (246, 208, 176), (64, 112, 176), (240, 190, 60), 255
INK, ELSEWHERE = (25, 25, 25), (200, 40, 160)


def figure(size: tuple[int, int] = (700, 500), clear: bool = False) -> Image.Image:
    """A coat with a head and a trim, on the left."""
    image = Image.new("RGBA", size, (PAPER, PAPER, PAPER, 0 if clear else 255))
    draw = ImageDraw.Draw(image)
    draw.rectangle((80, 200, 260, 460), (*COAT, 255), INK, 3)
    draw.rectangle((80, 380, 260, 410), (*TRIM, 255), INK, 3)
    draw.ellipse((110, 60, 230, 210), (*SKIN, 255), INK, 3)
    draw.pieslice((110, 60, 230, 210), 180, 360, (*HAIR, 255), INK, 3)
    return image


def sheet(clear: bool = False, line: tuple[int, int, int] = INK, width: int = 2) -> Image.Image:
    image = figure(clear=clear)
    draw = ImageDraw.Draw(image)
    ends = [(170, 100), (180, 170), (170, 300), (150, 395)]
    for row, (colour, end) in enumerate(zip((HAIR, SKIN, COAT, TRIM), ends)):
        y = 70 + 80 * row
        draw.line((*end, 450, y + 20), (*line, 255), width)
        draw.rectangle((450, y, 500, y + 44), (*colour, 255), (*INK, 255), 2)
        draw.text((515, y + 12), "colour of it", (*INK, 255))
    draw.rectangle((450, 400, 500, 444), (*ELSEWHERE, 255), (*INK, 255), 2)
    draw.text((40, 15), "The figure, seen from the front", (*INK, 255))
    return image


def away(one: np.ndarray, other: Image.Image) -> float:
    """Share of pixels that differ."""
    both = (np.asarray(image).astype(int) for image in (one, other))
    first, second = both
    differ = np.abs(first[..., :3] - second[..., :3]).max(axis=2) > 8
    clear = (first[..., 3] < 128) & (second[..., 3] < 128)
    return float((differ & ~clear | ((first[..., 3] < 128) != (second[..., 3] < 128))).mean())


@pytest.mark.parametrize("clear", [False, True])
@pytest.mark.parametrize(("line", "width"), [(INK, 1), (INK, 2), ((190, 30, 30), 2), (INK, 4)])
def test_what_is_written_beside_a_figure_is_left_out(
    clear: bool, line: tuple[int, int, int], width: int
) -> None:
    image = sheet(clear, line, width)
    found = without_notes(np.asarray(image))
    assert found is not None
    assert away(np.asarray(image), figure(clear=clear)) > 0.03
    # What is left over are crumbs, and dents where lines have crossed.
    assert away(found.figures, figure(clear=clear)) < 0.01


def test_swatches_are_colours_but_nothing_to_draw() -> None:
    image = np.asarray(sheet())
    found = without_notes(image)
    assert found is not None
    listed = {tuple(colour) for colour in extract_palette(found.colours).palette.colours.tolist()}
    assert {HAIR, SKIN, COAT, TRIM, ELSEWHERE} <= listed
    drawn = {tuple(colour) for colour in extract_palette(found.figures).palette.colours.tolist()}
    assert ELSEWHERE not in drawn and {HAIR, SKIN, COAT, TRIM} <= drawn
    assert found.shows((170, 300)) and not found.shows((475, 420))


def test_the_artist_is_told_what_was_left_out() -> None:
    image = np.asarray(sheet())
    found = without_notes(image)
    assert found is not None
    (said,) = left_out([Unwritten(image, image), found])
    assert "reference 2: lettering and leader lines and swatches" in said
    labelled = figure()
    ImageDraw.Draw(labelled).text((450, 100), "lettering alone", (*INK, 255))
    found = without_notes(np.asarray(labelled))
    assert found is not None
    (said,) = left_out([found])
    assert "the reference: lettering and leader lines." in said and "swatches" not in said


def test_a_large_sheet_is_read_as_well() -> None:
    small = sheet()
    large = small.resize((small.width * 4, small.height * 4), Image.Resampling.NEAREST)
    found = without_notes(np.asarray(large))
    assert found is not None
    plain = figure().resize(large.size, Image.Resampling.NEAREST)
    assert away(found.figures, plain) < 0.02


@pytest.mark.parametrize("clear", [False, True])
def test_a_figure_alone_has_no_notes(clear: bool) -> None:
    assert without_notes(np.asarray(figure(clear=clear))) is None


def test_parts_that_lie_apart_are_no_swatches() -> None:
    image = figure()
    draw = ImageDraw.Draw(image)
    # Sparks beside the figure: two of a size, and one that is no plain thing.
    draw.ellipse((400, 100, 440, 140), (*TRIM, 255), INK, 3)
    draw.ellipse((500, 100, 540, 140), (*TRIM, 255), INK, 3)
    draw.ellipse((400, 300, 500, 400), (*TRIM, 255), INK, 3)
    assert without_notes(np.asarray(image)) is None


def test_folds_and_stripes_stay() -> None:
    image = figure()
    draw = ImageDraw.Draw(image)
    # A fold that begins and ends in the coat, and a stripe from edge to edge.
    draw.line((120, 230, 140, 360), (*INK, 255), 2)
    draw.line((80, 330, 260, 330), (*INK, 255), 2)
    assert without_notes(np.asarray(image)) is None


def test_a_page_without_paper_is_left_alone() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (80, 90, 4)).astype(np.uint8)
    noise[..., 3] = 255
    assert without_notes(noise) is None


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (12, 300)])
def test_the_smallest_pictures_are_read(size: tuple[int, int]) -> None:
    for colour in ((255, 255, 255, 255), (0, 0, 0, 255), (0, 0, 0, 0)):
        assert without_notes(np.asarray(Image.new("RGBA", size, colour))) is None
