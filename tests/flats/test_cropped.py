# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures that end without a line, as busts do, are closed where the reference ends so too."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manganinja.files import to_picture
from manganinja.finishing import prepare
from manganinja.flats.cropped import BOTTOM, LEFT, NAMES, RIGHT, TOP, bare_sides, open_sides
from manganinja.flats.flatten import Cut
from manganinja.wire.protocol import ColorizeRequest, FlatsOptions

SKIN, SHIRT, INK = (240, 200, 170, 255), (90, 150, 220, 255), (0, 0, 0, 255)
SIZE = 500
CHEST, BESIDE = (250, 400), (60, 400)
ENDS = {BOTTOM: (110, 390, 440), LEFT: (110, 390, 59), TOP: (109, 389, 59), RIGHT: (109, 389, 440)}
"""From where to where the bust ends along its side when that is turned there, and how far in."""


def bust(width: int, closed: bool = False, filled: bool = True, at: int = 0) -> Image.Image:
    """A head above shoulders that end at y = 440."""
    image = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    shoulders = [(110, 440), (110, 360), (190, 290), (310, 290), (390, 360), (390, 440)]
    moved = [(x + at, y - at) for x, y in shoulders]
    if filled:
        pen.polygon(moved, fill=SHIRT)
    pen.line(moved + moved[:1] if closed else moved, fill=INK, width=width, joint="curve")
    head = (180 + at, 80 - at, 320 + at, 290 - at)
    pen.ellipse(head, fill=SKIN if filled else None, outline=INK, width=width)
    return image


def standing(width: int) -> Image.Image:
    """Two legs with feet, and nothing between them."""
    image = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    for x in (130, 310):
        pen.rectangle((x, 120, x + 60, 440), outline=INK, width=width)
    pen.rectangle((130, 60, 370, 130), outline=INK, width=width)
    return image


def on_white(image: Image.Image) -> Image.Image:
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image)
    return page


def lines_of(image: Image.Image) -> np.ndarray:
    return np.where(np.asarray(on_white(image).convert("L")) < 128, 255, 0).astype(np.uint8)


def cut_of(lineart: Image.Image, reference: Image.Image, lines: str = "coloured") -> Cut:
    request = ColorizeRequest(
        to_picture(on_white(lineart)),
        (to_picture(reference),),
        flats=FlatsOptions(lines=lines),
        seed=1,
    )
    cut = prepare(request, {}).cut
    assert cut is not None
    return cut


def is_enclosed(cut: Cut, place: tuple[int, int]) -> bool:
    return not cut.regions.background[cut.regions.labels[place[1], place[0]]]


@pytest.mark.parametrize("width", [2, 4, 9, 20])
@pytest.mark.parametrize("turn", range(4))
def test_both_sides_of_an_end_without_a_line_are_found(width: int, turn: int) -> None:
    # The bottom is turned to that side.
    reference = np.rot90(np.asarray(bust(width)), -turn)
    assert bare_sides(np.ascontiguousarray(reference), None) == {turn}
    found = open_sides(np.ascontiguousarray(np.rot90(lines_of(bust(width, filled=False)), -turn)))
    assert set(found) == {turn}
    (path,) = found[turn]
    first, last, end = ENDS[turn]
    along, across = (path.T[0], path.T[1]) if turn % 2 == 0 else (path.T[1], path.T[0])
    near = width + 2
    assert sorted(along.tolist()) == pytest.approx([first, last], abs=near)
    assert across.tolist() == pytest.approx([end, end], abs=near)


@pytest.mark.parametrize("width", [2, 4, 9, 20])
def test_a_bust_is_closed_where_the_reference_ends_so(width: int) -> None:
    cut = cut_of(bust(width, filled=False), bust(3))
    assert is_enclosed(cut, CHEST) and not is_enclosed(cut, BESIDE)
    assert any(NAMES[BOTTOM] in note and "without a line" in note for note in cut.notes)


@pytest.mark.parametrize("width", [2, 4, 9, 20])
def test_a_reference_with_a_line_at_its_end_closes_nothing(width: int) -> None:
    assert not bare_sides(np.asarray(bust(width, closed=True)), None)
    cut = cut_of(bust(4, filled=False), bust(width, closed=True))
    assert not is_enclosed(cut, CHEST) and not cut.notes


def test_on_opaque_paper_it_is_the_same() -> None:
    picture = np.asarray(on_white(bust(4)))
    assert bare_sides(picture, (255, 255, 255)) == {BOTTOM}
    assert not bare_sides(np.asarray(on_white(bust(4, closed=True))), (255, 255, 255))


@pytest.mark.parametrize("width", [2, 4, 9])
def test_the_space_between_legs_is_no_such_end(width: int) -> None:
    assert not open_sides(lines_of(standing(width)))
    assert not is_enclosed(cut_of(standing(width), bust(4)), (250, 400))


def test_a_figure_that_the_page_cuts_off_needs_no_stroke() -> None:
    lines = lines_of(bust(4, filled=False))[:430]
    assert not open_sides(np.ascontiguousarray(lines))


def test_where_on_the_page_it_lies_changes_nothing() -> None:
    here = open_sides(lines_of(bust(4, filled=False)))[BOTTOM][0]
    there = open_sides(lines_of(bust(4, filled=False, at=17)))[BOTTOM][0]
    np.testing.assert_allclose(there - here, [[17, -17]] * 2)


def test_nothing_painted_has_no_sides() -> None:
    assert not bare_sides(np.zeros((20, 20, 4), np.uint8), None)
    assert not open_sides(np.zeros((20, 20), np.uint8))


def test_several_references_must_agree() -> None:
    pictures = (to_picture(bust(4)), to_picture(bust(4, closed=True)))
    request = ColorizeRequest(to_picture(on_white(bust(4, filled=False))), pictures, seed=1)
    cut = prepare(request, {}).cut
    assert cut is not None and not is_enclosed(cut, CHEST)
