# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions that leak are divided; marks are heard as far as they mean, and no farther; each cell has
the answer that what is known of it and its region makes likeliest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from manganinja.flats.cells import Cells, find_cells
from manganinja.flats.flatten import Flats, colour_regions, cut_regions, flatten
from manganinja.flats.hearing import hear
from manganinja.flats.judge import load_judge
from manganinja.flats.labelling import Words, answered
from manganinja.flats.leaks import FEATURES, find_blobs
from manganinja.flats.line_mask import ink, line_mask
from manganinja.flats.paper import paper_likely
from manganinja.flats.regions import segment
from manganinja.flats.spreading import Spreading
from manganinja.flats.values import EMPTY, Mark, Marks, Palette
from manganinja.flats.words import proposed

RED, BLUE, GREEN = (200, 60, 60), (40, 90, 200), (30, 160, 80)
PALETTE = Palette(np.array([RED, BLUE], np.uint8))
SIZE = (600, 500)
HEAD, BODY, OUTSIDE = (300, 150), (300, 350), (40, 40)


def figure(mouth: int = 0, at: tuple[int, int] = (0, 0), neck: int = 40) -> Image.Image:
    """A head on a body, one outline; ``mouth`` is the width of an opening in the body's side."""
    image = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(image)
    x, y = at
    pen.ellipse((220 + x, 70 + y, 380 + x, 230 + y), outline=0, width=5)
    pen.rounded_rectangle((180 + x, 225 + y, 420 + x, 450 + y), 30, outline=0, width=5)
    pen.rectangle((300 - neck // 2 + x, 218 + y, 300 + neck // 2 + x, 236 + y), fill=255)
    for side in (-1, 1):
        edge = 300 + side * neck // 2 + x
        pen.line((edge, 222 + y, edge, 227 + y), 0, 5)
    if mouth:
        pen.rectangle((412 + x, 340 - mouth // 2 + y, 428 + x, 340 + mouth // 2 + y), fill=255)
    return image


def at(flats: Flats, place: tuple[int, int]) -> tuple[int, ...]:
    return tuple(flats.rgba()[place[1], place[0]].tolist())


def hinted(image: Image.Image, *said: tuple[tuple[int, int], tuple[int, int, int] | None]) -> Flats:
    return flatten(image, None, PALETTE, Marks(hints=[Mark(*mark) for mark in said]))


@pytest.mark.parametrize("mouth", [24, 40, 60])
def test_the_inside_of_an_outline_with_an_opening_is_no_paper(mouth: int) -> None:
    regions = cut_regions(figure(mouth)).regions
    inside, outside = (regions.labels[y, x] for x, y in (BODY, OUTSIDE))
    assert inside != outside
    assert regions.background[outside] and not regions.background[inside]


@pytest.mark.parametrize("mouth", [24, 40, 60])
def test_a_dot_behind_an_opening_leaves_the_paper_alone(mouth: int) -> None:
    flats = hinted(figure(mouth), (BODY, RED))
    assert at(flats, BODY) == (*RED, 255)
    assert at(flats, OUTSIDE) == (0, 0, 0, 0)
    painted = flats.rgba()[..., 3] > 0
    outside = np.ones(painted.shape, bool)
    outside[60:455, 175:425] = False
    assert painted[outside].mean() < 0.02


def test_a_dot_on_the_paper_of_a_closed_drawing_colours_all_of_it() -> None:
    flats = hinted(figure(), (OUTSIDE, GREEN))
    assert at(flats, OUTSIDE) == at(flats, (560, 470)) == at(flats, (440, 230)) == (*GREEN, 255)
    assert at(flats, BODY) == (0, 0, 0, 0)


def test_a_closed_drawing_is_cut_as_without_a_look_at_leaks() -> None:
    lines = line_mask(ink(figure(neck=0)))
    regions = segment(lines, 8)
    found = find_cells(regions, find_blobs(regions))
    np.testing.assert_array_equal(found.regions.labels, regions.labels)
    assert found.are_whole


def test_a_mark_in_a_closed_room_is_heard_in_all_of_it() -> None:
    image = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(image)
    # A wrist between a sleeve and a hand: narrow, and no line ends there.
    outline = [(60, 60), (300, 60), (330, 110), (420, 110), (450, 60), (560, 60)]
    outline += [(560, 240), (450, 240), (420, 190), (330, 190), (300, 240), (60, 240)]
    pen.polygon(outline, outline=0, width=5)
    flats = hinted(image, ((150, 150), RED))
    assert at(flats, (150, 150)) == at(flats, (510, 150)) == (*RED, 255)


def test_two_dots_on_the_sides_of_a_constriction_each_have_theirs() -> None:
    flats = hinted(figure(), (HEAD, RED), (BODY, BLUE))
    assert at(flats, HEAD) == at(flats, (300, 90)) == (*RED, 255)
    assert at(flats, BODY) == at(flats, (200, 430)) == (*BLUE, 255)
    labels = flats.regions.labels
    border = np.flatnonzero(labels[200:250, 300] == labels[BODY[1], BODY[0]])[0] + 200
    assert 212 <= border <= 242


def test_dots_in_one_thing_share_it_where_nothing_is_known_of_it() -> None:
    image = Image.new("L", SIZE, 255)
    ImageDraw.Draw(image).rectangle((50, 50, 550, 450), outline=0, width=5)
    flats = hinted(image, ((150, 250), RED), ((450, 250), BLUE))
    assert at(flats, (80, 400)) == (*RED, 255) and at(flats, (520, 100)) == (*BLUE, 255)


def test_dots_in_one_thing_leave_it_the_colour_that_it_is_known_to_have() -> None:
    image = Image.new("L", SIZE, 255)
    ImageDraw.Draw(image).rectangle((50, 50, 550, 450), outline=0, width=5)
    marks = Marks(hints=[Mark((250, 250), RED), Mark((450, 250), BLUE)])
    paint = np.full((*SIZE[::-1], 3), RED, np.uint8)
    flats = flatten(image, paint, PALETTE, marks)
    pixels = flats.rgba()
    assert at(flats, (450, 250)) == (*BLUE, 255) and at(flats, (250, 250)) == (*RED, 255)
    inside = pixels[60:440, 60:540, :3].reshape(-1, 3)
    assert 0 < (inside == BLUE).all(axis=1).mean() < 0.12


def test_a_dot_on_paper_that_runs_into_the_drawing_stays_local() -> None:
    """An arc that encloses hardly anything: what the dot means has no border."""
    image = figure(40)
    ImageDraw.Draw(image).arc((490, 320, 530, 360), 180, 360, 0, 5)
    flats = hinted(image, ((510, 338), GREEN))
    assert at(flats, (510, 338)) == (*GREEN, 255)
    assert at(flats, OUTSIDE) == (0, 0, 0, 0)


@settings(max_examples=12, deadline=None)
@given(x=st.integers(-60, 60), y=st.integers(-40, 30), mouth=st.sampled_from([0, 30, 50]))
def test_regions_are_the_same_wherever_the_drawing_lies(x: int, y: int, mouth: int) -> None:
    here, there = (cut_regions(figure(mouth, place)).regions for place in ((0, 0), (x, y)))
    body = here.labels == here.labels[BODY[1], BODY[0]]
    moved = there.labels == there.labels[BODY[1] + y, BODY[0] + x]
    inside = np.zeros(body.shape, bool)
    inside[100:430, 190:410] = True
    same = np.roll(moved, (-y, -x), (0, 1))[inside] == body[inside]
    assert same.mean() > 0.99


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_no_colour_crosses_an_unbroken_line(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((60, 60, 540, 440), outline=0, width=4)
    for _ in range(4):
        x, y = int(rng.integers(80, 500)), int(rng.integers(80, 400))
        dx, dy = rng.integers(-120, 120, 2).tolist()
        pen.line((x, y, x + dx, y + dy), 0, 4)
    places = [(int(rng.integers(70, 530)), int(rng.integers(70, 430))) for _ in range(3)]
    marks = [Mark(place, RED) for place in places]
    pixels = flatten(image, None, PALETTE, Marks(hints=marks)).rgba()
    outside = np.ones(SIZE[::-1], bool)
    outside[57:444, 57:544] = False
    assert not pixels[outside].any()


def test_the_same_drawing_gives_the_same_flats() -> None:
    marks = ((HEAD, RED), (BODY, BLUE))
    one, other = hinted(figure(40), *marks), hinted(figure(40), *marks)
    np.testing.assert_array_equal(one.rgba(), other.rgba())


def test_paper_is_told_from_the_inside_of_an_open_outline() -> None:
    regions = segment(line_mask(ink(figure(50))), 8)
    blobs = find_blobs(regions)
    paper = paper_likely(blobs)
    assert paper[blobs.labels[OUTSIDE[1], OUTSIDE[0]]] > 0.9
    assert paper[blobs.labels[BODY[1], BODY[0]]] < 0.2


@pytest.mark.parametrize("openings, width", [(1, 60), (2, 60), (3, 60), (3, 90), (4, 90)])
def test_a_face_of_fat_lines_that_are_open_in_several_places_is_no_paper(
    openings: int, width: int
) -> None:
    image = Image.new("L", (600, 600), 255)
    pen = ImageDraw.Draw(image)
    pen.ellipse((120, 120, 480, 480), outline=0, width=24)
    for angle in 0.3 + 2 * np.pi * np.arange(openings) / openings:
        x, y = 300 + 168 * np.cos(angle), 300 + 168 * np.sin(angle)
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    for eye in (230, 340):
        pen.rectangle((eye, 230, eye + 30, 270), fill=0)
    regions = segment(line_mask(ink(image)))
    cells = find_cells(regions, find_blobs(regions))
    inside, outside = (cells.cells.labels[y, x] for x, y in ((300, 340), (30, 30)))
    assert inside != outside
    assert cells.paper[inside] < 0.5 < cells.paper[outside]


def test_a_wall_that_is_seen_through_an_opening_is_a_likelier_leak_than_a_neck() -> None:
    regions = segment(line_mask(ink(figure(40))), 8)
    blobs = find_blobs(regions)
    number = {
        name: int(blobs.labels[y, x])
        for name, (x, y) in {"head": HEAD, "body": BODY, "paper": (500, 340)}.items()
    }
    leak = {frozenset(p.blobs): p.leak for p in blobs.passages}
    neck = leak.get(frozenset((number["head"], number["body"])), 0.0)
    mouth = [
        p.leak
        for p in blobs.passages
        if number["body"] in p.blobs and number["head"] not in p.blobs
    ]
    assert mouth and max(mouth) > neck


@pytest.mark.parametrize("hole", [1, 2, 4])
def test_what_lies_behind_a_small_hole_is_not_what_comes_through_it(hole: int) -> None:
    image = Image.new("L", (700, 600), 255)
    pen = ImageDraw.Draw(image)
    # A lane runs along a skirt's hem; on its right the skirt is open as well.
    pen.rectangle((200, 150, 480, 400), outline=0, width=4)
    pen.line((120, 470, 560, 470), 0, 4)
    pen.rectangle((474, 250, 484, 340), fill=255)
    pen.rectangle((300, 396, 300 + hole, 404), fill=255)
    blobs = find_blobs(segment(line_mask(ink(image)), 0))
    lane = np.unique(blobs.labels[406:466, 260:340])
    assert blobs.labels[275, 340] not in lane
    assert len(lane) == 1


def test_a_fit_for_other_features_is_refused() -> None:
    with pytest.raises(ValueError, match="fit it again"):
        load_judge("leaks", FEATURES[:-1])


def test_an_empty_answer_is_an_answer() -> None:
    """A region that is likelier empty than anything else stays empty, and is not asked about."""

    class Known(Spreading):
        def likelihoods(self, regions, palette, described=None):
            table = np.zeros((regions.count, len(palette) + 1))
            table[:, -1] = 0.9
            table[regions.labels[BODY[1], BODY[0]]] = (0.9, 0.05, 0.05)
            return table

    cut = cut_regions(figure(neck=0))
    paint = np.full((*SIZE[::-1], 3), BLUE, np.uint8)
    flats = colour_regions(cut, paint, PALETTE, spread=Known([]))
    empty = flats.regions.labels[OUTSIDE[1], OUTSIDE[0]]
    assert flats.assignment.index[empty] == EMPTY and at(flats, BODY)[3] == 255


def two_cells() -> Cells:
    """The head and the body of a figure, with a neck between them that may be a leak."""
    regions = segment(line_mask(ink(figure())), 8)
    blobs = find_blobs(regions)
    ends = {int(blobs.labels[y, x]) for x, y in (HEAD, BODY)}
    passages = [
        replace(p, leak=0.3 if set(p.blobs) == ends else 0.0 if p.leak < 0.6 else p.leak)
        for p in blobs.passages
    ]
    return find_cells(regions, replace(blobs, passages=tuple(passages)))


HERE, THERE, NONE = (0.9, 0.05, 0.0, 0.05), (0.01, 0.97, 0.0, 0.02), (0.0, 0.0, 0.0, 1.0)


def answers(
    cells: Cells,
    of_region: Sequence[float],
    of_head: Sequence[float],
    of_body: Sequence[float] | None = None,
    mark: Mark | None = None,
) -> tuple[int, int]:
    """What head and body get, where this is known of the region and of each by itself."""
    head, body = (int(cells.cells.labels[y, x]) for x, y in (HEAD, BODY))
    whole = np.tile(of_region, (cells.regions.count, 1))
    each = np.tile(of_region, (cells.cells.count, 1))
    each[head], each[body] = of_head, of_region if of_body is None else of_body
    hearing = hear(cells, Marks(hints=[mark] if mark else []))
    _, entries = hearing.entries(PALETTE)
    said = np.array([*entries, -1])[hearing.mark]
    places = [int(cells.cells.labels[one.at[1], one.at[0]]) for one in hearing.said]
    home = np.array([*places, -1])[hearing.mark]
    found = answered(cells, Words(whole, each), said, hearing.sure, home).answer
    return int(found[head]), int(found[body])


def test_a_head_and_a_body_are_two_cells_of_one_region() -> None:
    cells = two_cells()
    head, body = (int(cells.cells.labels[y, x]) for x, y in (HEAD, BODY))
    assert head != body and cells.region_of[head] == cells.region_of[body]
    assert [head, body] in cells.joints.tolist() or [body, head] in cells.joints.tolist()


@pytest.mark.parametrize(
    ("of_region", "of_head", "expected"),
    [(HERE, HERE, (0, 0)), (HERE, THERE, (1, 0)), (HERE, NONE, (0, 0)), (NONE, NONE, (3, 3))],
    ids=["both the same", "a cell that is surely another", "nothing known of it", "nothing"],
)
def test_a_cell_differs_where_it_is_surely_another_thing(
    of_region: Sequence[float], of_head: Sequence[float], expected: tuple[int, int]
) -> None:
    assert answers(two_cells(), of_region, of_head) == expected


@pytest.mark.parametrize(
    ("of_region", "of_head", "of_body", "expected"),
    [
        (HERE, HERE, THERE, (0, 1)),
        (HERE, HERE, HERE, (1, 1)),
        (HERE, (0.3, 0.4, 0.0, 0.3), HERE, (1, 1)),
        (NONE, NONE, NONE, (1, 1)),
    ],
    ids=["not what is another thing", "the same mistake", "what is doubtful", "nothing known"],
)
def test_a_mark_from_afar_is_followed_by(
    of_region: Sequence[float],
    of_head: Sequence[float],
    of_body: Sequence[float],
    expected: tuple[int, int],
) -> None:
    found = answers(two_cells(), of_region, of_head, of_body, Mark(BODY, BLUE))
    assert found == expected


@pytest.mark.parametrize("of_head", [HERE, (0.1, 0.8, 0.0, 0.1), NONE])
def test_a_mark_that_says_what_was_thought_anyway_takes_nothing_away(
    of_head: Sequence[float],
) -> None:
    cells = two_cells()
    before = answers(cells, HERE, of_head)
    assert before == (0, 0)
    assert answers(cells, HERE, of_head, HERE, Mark(BODY, RED)) == before


def test_a_network_that_paints_leaves_nothing_without_an_answer() -> None:
    image = Image.new("L", SIZE, 255)
    ImageDraw.Draw(image).rectangle((50, 50, 550, 450), outline=0, width=5)
    paint = np.full((*SIZE[::-1], 3), RED, np.uint8)
    regions = segment(line_mask(ink(image)), 8)
    word = proposed(regions, paint, None, PALETTE, np.zeros((regions.count, len(PALETTE) + 1)))
    assert (word.likely[:, -1] == 0).all() and (word.likely.argmax(axis=1) == 0).all()


def test_cells_with_one_answer_stay_one_region() -> None:
    cells = two_cells()
    same, _ = cells.merged(np.zeros(cells.cells.count, np.int64))
    np.testing.assert_array_equal(same.labels, cells.regions.labels)
    apart, of_cell = cells.merged(np.arange(cells.cells.count))
    assert apart.count == cells.cells.count and len(set(of_cell.tolist())) == apart.count
