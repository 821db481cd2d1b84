# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mark means: the region that a line's end just misses, what no line is drawn round, and
what looks like the thing that it corrects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from manganinja.flats.enclosed import Reach, Surroundings, widest_openings
from manganinja.flats.flatten import Flats, flatten
from manganinja.flats.palette import ReferenceFlats, extract_palette
from manganinja.flats.spreading import Pointed, Spreading, read_sheet
from manganinja.flats.undrawn import undrawn_shares
from manganinja.flats.values import EMPTY, Mark, Marks, Palette

RED, BLUE, GREEN = (200, 60, 60), (40, 90, 200), (30, 160, 80)
WHITE = (255, 255, 255)
SIZE = (600, 500)
BOX, INSIDE, OUTSIDE = (150, 120, 450, 380), (300, 250), (60, 60)


def page(*boxes: tuple[int, int, int, int]) -> Image.Image:
    image = Image.new("L", SIZE, 255)
    for box in boxes or (BOX,):
        ImageDraw.Draw(image).rectangle(box, outline=0, width=4)
    return image


def colours(*fills: tuple[tuple[int, int, int, int], tuple[int, int, int]]) -> np.ndarray:
    """A reference (H, W, 4) of filled boxes with black outlines on nothing."""
    image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    for box, fill in fills:
        ImageDraw.Draw(image).rectangle(box, fill=(*fill, 255), outline=(0, 0, 0, 255), width=4)
    return np.asarray(image)


class Said(Spreading):
    """References that say one thing of the box and another of the rest."""

    inside, outside = (0.9, 0.05, 0.05), (0.02, 0.02, 0.9)

    def likelihoods(self, regions, palette, described=None):
        table = np.tile(self.outside, (regions.count, 1))
        for x, y in (INSIDE, (INSIDE[0], INSIDE[1] - 60)):
            table[regions.labels[y, x]] = self.inside
        return table


def flats_of(image: Image.Image, spread: Spreading, marks: Marks, palette: Palette) -> Flats:
    return flatten(image, None, palette, marks, spread=spread)


def at(flats: Flats, place: tuple[int, int]) -> tuple[int, ...]:
    return tuple(flats.rgba()[place[1], place[0]].tolist())


PALETTE = Palette(np.array([RED, BLUE], np.uint8))
REFERENCE = colours((BOX, RED))


def said(reference: np.ndarray = REFERENCE, pairs: list[Pointed] | None = None) -> Said:
    return Said([(reference, extract_palette(reference))], pairs or [])


@pytest.mark.parametrize("off", [-4, -2, 1])
def test_a_line_that_just_misses_its_region_means_that(off: int) -> None:
    end = (float(BOX[0] + off) + 0.5, 250.5)
    pairs = Marks(pairs=[(end, RED)])
    flats = flats_of(page(), said(pairs=[Pointed(end, (300, 250))]), pairs, PALETTE)
    assert at(flats, INSIDE) == (*RED, 255) and at(flats, OUTSIDE)[3] == 0
    assert any("Just beside the region" in note for note in flats.notes)


def test_a_line_that_ends_well_outside_means_what_it_says() -> None:
    end = (60.5, 60.5)
    marks = Marks(pairs=[(end, RED)])
    flats = flats_of(page(), said(pairs=[Pointed(end, (300, 250))]), marks, PALETTE)
    assert at(flats, OUTSIDE) == (*RED, 255)
    assert not any("Just beside" in note for note in flats.notes)


def trimmed() -> np.ndarray:
    """A red box with a blue trim that no line divides from it."""
    reference = colours((BOX, RED)).copy()
    reference[340:372, 160:440, :3] = BLUE
    return reference


def shares_in(reference: np.ndarray, *asked: tuple[int, int, int]) -> np.ndarray:
    """Of the colours asked for, in a reference."""
    flats = extract_palette(reference)
    palette, entries = flats.palette.with_colours(asked)
    sheets = [read_sheet(reference, flats, palette)]
    return undrawn_shares([(reference, flats)], sheets, palette)[np.ix_(entries, entries)]


def test_of_colours_that_touch_without_a_line_it_is_known_how_large_they_are() -> None:
    found = shares_in(trimmed(), RED, BLUE, GREEN)
    trim, box = 32 * 280, (BOX[2] - BOX[0] - 8) * (BOX[3] - BOX[1] - 8)
    assert found[1, 0] == pytest.approx(trim / box, rel=0.1)
    assert not np.nansum(found.diagonal())
    assert np.isnan(found[2]).all(), "the reference has no green"
    apart = shares_in(colours((BOX, RED), ((20, 20, 100, 90), BLUE)), RED, BLUE)
    assert not apart.any()


def test_a_shade_that_counts_for_its_base_is_so_large() -> None:
    reference = colours((BOX, RED)).copy()
    shade = (150, 45, 45)
    reference[124:376, 350:446, :3] = shade
    assert extract_palette(reference).shades, "else the test tests nothing"
    found = shares_in(reference, RED, shade)
    assert found[1, 0] == pytest.approx(96 / 293, rel=0.1)


def test_a_mark_of_what_is_not_drawn_is_heard_nearby() -> None:
    trim = (300, 356)
    flats = flats_of(page(), said(trimmed()), Marks(hints=[Mark(trim, BLUE)]), PALETTE)
    assert at(flats, trim) == (*BLUE, 255)
    assert at(flats, INSIDE) == at(flats, (170, 140)) == (*RED, 255)
    assert any("No line divides" in note for note in flats.notes)


def test_two_marks_of_one_colour_in_one_thing_mean_all_of_it() -> None:
    marks = Marks(hints=[Mark((300, 356), BLUE), Mark((200, 356), BLUE)])
    flats = flats_of(page(), said(trimmed()), marks, PALETTE)
    assert at(flats, INSIDE) == at(flats, (170, 140)) == (*BLUE, 255)


def test_a_mark_in_the_middle_means_all_of_a_thing() -> None:
    marks = Marks(hints=[Mark(INSIDE, BLUE)])
    flats = flats_of(page(), said(trimmed()), marks, PALETTE)
    assert at(flats, (170, 140)) == (*BLUE, 255)


class Mistaken(Spreading):
    """References that take every button for red."""

    def likelihoods(self, regions, palette, described=None):
        table = np.tile((0.7, 0.2, 0.05), (regions.count, 1))
        table[regions.background] = (0, 0, 1)
        return table


def test_what_looks_like_a_corrected_thing_is_corrected_too() -> None:
    buttons = [(100, 100, 160, 160), (300, 100, 360, 160), (100, 300, 400, 420)]
    reference = colours((buttons[0], RED))
    spread = Mistaken([(reference, extract_palette(reference))])
    flats = flats_of(page(*buttons), spread, Marks(hints=[Mark((130, 130), BLUE)]), PALETTE)
    assert at(flats, (130, 130)) == at(flats, (330, 130)) == (*BLUE, 255)
    assert at(flats, (250, 360)) == (*RED, 255)


def test_a_mark_that_says_what_is_known_changes_nothing() -> None:
    buttons = [(100, 100, 160, 160), (300, 100, 360, 160), (100, 300, 400, 420)]
    reference = colours((buttons[0], RED))
    spread = Mistaken([(reference, extract_palette(reference))])
    plain = flats_of(page(*buttons), spread, Marks(), PALETTE)
    marked = flats_of(page(*buttons), spread, Marks(hints=[Mark((130, 130), RED)]), PALETTE)
    np.testing.assert_array_equal(plain.rgba(), marked.rgba())


def test_flats_without_a_look_at_touching_say_nothing_of_it() -> None:
    reference, flats = colours((BOX, RED)), ReferenceFlats(PALETTE)
    sheets = [read_sheet(reference, flats, PALETTE)]
    assert not undrawn_shares([(reference, flats)], sheets, PALETTE).any()
    assert EMPTY == -1


def halved() -> np.ndarray:
    """A box, the larger part of it red and the rest blue, with no line between."""
    reference = colours((BOX, RED)).copy()
    reference[124:376, 330:446, :3] = BLUE
    return reference


def test_of_two_marks_in_one_thing_the_other_colour_has_as_much_as_in_the_reference() -> None:
    marks = Marks(hints=[Mark((220, 250), RED), Mark((400, 250), BLUE)])
    flats = flats_of(page(), said(halved()), marks, PALETTE)
    inside = flats.rgba()[124:376, 154:446, :3]
    blue = (inside == BLUE).all(axis=2)
    # All of it lies nearer to the blue mark; a shade at its place has its size, roughly.
    assert 0.2 < blue.mean() < 0.45
    assert not blue[:, : 310 - 154].any()


class Sure(Said):
    inside = (0.98, 0.01, 0.01)


def test_one_mark_of_a_large_part_means_no_more_than_that_part() -> None:
    reference = halved()
    spread = Sure([(reference, extract_palette(reference))])
    flats = flats_of(page(), spread, Marks(hints=[Mark((420, 250), BLUE)]), PALETTE)
    blue = (flats.rgba()[124:376, 154:446, :3] == BLUE).all(axis=2)
    assert 0.15 < blue.mean() < 0.45 and at(flats, (170, 140)) == (*RED, 255)


def test_marks_that_know_better_divide_a_thing_where_they_are_equally_near() -> None:
    marks = Marks(hints=[Mark((220, 250), GREEN), Mark((400, 250), BLUE)])
    flats = flats_of(page(), said(), marks, PALETTE)
    inside = flats.rgba()[130:370, 160:440, :3]
    border = 310 - 160
    assert (inside[:, : border - 3] == GREEN).all() and (inside[:, border + 3 :] == BLUE).all()


def test_a_colour_that_no_reference_has_is_not_taken_for_something_undrawn() -> None:
    marks = Marks(hints=[Mark((300, 356), GREEN)])
    flats = flats_of(page(), said(trimmed()), marks, PALETTE)
    assert at(flats, INSIDE) == at(flats, (170, 140)) == (*GREEN, 255)


MARKED = st.tuples(
    st.integers(5, SIZE[0] - 6),
    st.integers(5, SIZE[1] - 6),
    st.sampled_from([RED, BLUE, GREEN, WHITE, None]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(MARKED, min_size=2, max_size=7))
@example([(60, 60, RED), (500, 430, BLUE), (480, 90, GREEN)])
@example([(170, 140, RED), (180, 140, BLUE), (300, 356, GREEN), (440, 356, WHITE)])
def test_every_mark_has_its_colour(
    places: list[tuple[int, int, tuple[int, int, int] | None]],
) -> None:
    image = opened(90)
    ImageDraw.Draw(image).rectangle((220, 180, 300, 260), outline=0, width=4)
    lines = np.asarray(image) < 250
    last = {
        (x, y): colour for x, y, colour in places if not lines[y - 2 : y + 3, x - 2 : x + 3].any()
    }
    marks = Marks(hints=[Mark(place, colour) for place, colour in last.items()])
    flats = flats_of(image, said(trimmed()), marks, PALETTE)
    for place, colour in last.items():
        assert at(flats, place) == ((0, 0, 0, 0) if colour is None else (*colour, 255)), place


def opened(width: int) -> Image.Image:
    """A box whose left side is open over ``width`` pixels."""
    image, middle = page(), (BOX[1] + BOX[3]) // 2
    gap = (BOX[0] - 8, middle - width // 2, BOX[0] + 8, middle + width // 2)
    ImageDraw.Draw(image).rectangle(gap, fill=255)
    return image


@pytest.mark.parametrize("width", [120, 180])
def test_a_mark_in_an_outline_with_a_wide_opening_fills_up_to_a_straight_line(width: int) -> None:
    flats = flatten(opened(width), None, PALETTE, Marks(hints=[Mark((230, 250), RED)]))
    painted = flats.rgba()[..., 3] > 0
    inside = np.zeros(painted.shape, bool)
    inside[BOX[1] : BOX[3], BOX[0] : BOX[2]] = True
    assert painted[inside].mean() > 0.97
    near = np.zeros(painted.shape, bool)
    near[BOX[1] - 12 : BOX[3] + 12, BOX[0] - 12 : BOX[2] + 12] = True
    assert painted[~near].mean() < 0.002


def test_what_lies_inside_sees_less_than_half_a_turn() -> None:
    ink = np.zeros((80, 80), bool)
    ink[[20, 60], 20:61] = ink[20:61, 60] = True
    seen = widest_openings(ink)
    assert seen[40, 40] < 120 < seen[40, 24] < 180 < seen[40, 15] and seen[5, 5] > 180


def test_of_two_marks_on_open_paper_the_nearer_one_is_meant() -> None:
    around = Surroundings(np.zeros((200, 300), np.uint8))
    reach = Reach(60, 60)
    found = around.of({(100, 100): reach, (180, 100): reach}, np.s_[0:200, 0:300])
    assert found[100, 110] == 1 and found[100, 170] == 2 and found[10, 290] == 0
    window = around.of({(100, 100): reach, (180, 100): reach}, np.s_[37:151, 61:203])
    np.testing.assert_array_equal(window, found[37:151, 61:203])


def test_surroundings_end_at_a_line() -> None:
    lines = np.zeros((900, 1300), np.uint8)
    lines[:, 600:603] = 255
    found = Surroundings(lines).of({(560, 400): Reach(200, 400)}, np.s_[0:900, 0:1300])
    assert found[400, 590] == 1 and not found[:, 610:].any()


@pytest.mark.parametrize("figures, gap", [(3, 20), (5, 20)])
def test_a_mark_between_the_figures_of_a_crowd_means_all_the_paper(figures: int, gap: int) -> None:
    side = 100 * figures + gap
    crowd = Image.new("L", (side, side), 255)
    for left in range(gap, side, 100):
        for top in range(gap, side, 100):
            box = (left, top, left + 99 - gap, top + 99 - gap)
            ImageDraw.Draw(crowd).ellipse(box, outline=0, width=3)
    middle = 100 * (figures // 2) + gap // 2
    marks = Marks(hints=[Mark((middle, middle), RED)])
    painted = flatten(crowd, None, PALETTE, marks).rgba()[..., 3] > 0
    assert painted[3, 3] and painted[3, -4] and painted[-4, 3]
    assert not painted[gap + 40, gap + 40]


@pytest.mark.parametrize("mouth", [4, 16, 28])
@pytest.mark.parametrize("room", [20, 80])
def test_marks_in_a_nook_and_in_its_room_all_have_their_place(mouth: int, room: int) -> None:
    image = Image.new("L", (500, 400), 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((30, 30, 300, 370), outline=0, width=4)
    pen.rectangle((300, 200 - room, 460, 200 + room), outline=0, width=4)
    pen.rectangle((294, 200 - mouth // 2, 306, 200 + mouth // 2), fill=255)
    asked = {(150, 200): RED, (360, 200): BLUE, (430, 200): GREEN}
    marks = Marks(hints=[Mark(at_, colour) for at_, colour in asked.items()])
    flats = flatten(image, None, PALETTE, marks)
    for place, colour in asked.items():
        assert at(flats, place) == (*colour, 255)
    assert at(flats, (100, 100)) == (*RED, 255) and at(flats, (450, 200)) == (*GREEN, 255)
