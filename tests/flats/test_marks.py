# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks, locks and the empty background where they meet, contradict each other or make no sense."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manganinja.flats.assign import BLANK, SOURCES
from manganinja.flats.flatten import Flats, cut_regions, flatten
from manganinja.flats.values import EMPTY, Mark, Marks, Palette

RED, BLUE, PAPER = (200, 60, 60), (40, 90, 200), (250, 246, 235)
PALETTE = Palette(np.array([PAPER, RED, BLUE], np.uint8))
SIZE = (300, 200)
LEFT, RIGHT, OUTSIDE = (80, 100), (220, 100), (10, 10)
ROUND_ALL = np.array([(20, 20), (280, 20), (280, 180), (20, 180)], float)


def lineart(gap: int = 0) -> Image.Image:
    """Two rooms side by side, with a gap in the wall between them."""
    image = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((30, 30, 270, 170), outline=0, width=4)
    pen.line((150, 30, 150, 170), 0, 4)
    if gap:
        pen.rectangle((145, 100 - gap // 2, 156, 99 - gap // 2 + gap), fill=255)
    return image


def proposal(left: tuple[int, int, int] = RED) -> np.ndarray:
    picture = np.full((*SIZE[::-1], 3), PAPER, np.uint8)
    picture[32:169, 32:150], picture[32:169, 152:269] = left, BLUE
    return picture


def at(flats: Flats, place: tuple[int, int]) -> tuple[int, ...]:
    return tuple(flats.rgba()[place[1], place[0]].tolist())


def hints(*said: tuple[tuple[float, float], tuple[int, int, int] | None]) -> Marks:
    return Marks(hints=[Mark(*mark) for mark in said])


@pytest.mark.parametrize(
    ("place", "word"),
    [
        ((-0.5, 20.0), "Outside"),
        ((300.0, 20.0), "Outside"),
        ((float("nan"), 20.0), "Outside"),
        ((20.0, float("inf")), "Outside"),
        ((30.0, 100.0), "On a line"),
        ((0.0, 0.0), "On the paper"),
        ((299.9, 199.9), "On the paper"),
        (LEFT, None),
    ],
)
def test_misplaced_marks_are_named_before_anything_has_a_colour(
    place: tuple[float, float], word: str | None
) -> None:
    pieces = cut_regions(lineart(), hints((place, RED)))
    assert [note.split(",")[0] for note in pieces.notes] == ([word] if word else []) or (
        word and pieces.notes[0].startswith(word)
    )
    flatten(lineart(), proposal(), PALETTE, hints((place, RED)))


def test_of_different_marks_in_one_place_the_last_one_counts_and_that_is_said() -> None:
    marks = Marks(pairs=[((80, 100), RED)], hints=[Mark((80.6, 100.2), BLUE)])
    flats = flatten(lineart(), proposal(), PALETTE, marks)
    assert at(flats, LEFT) == (*BLUE, 255) and flats.regions.count == 3
    assert flats.notes == ("Different colours are asked for at (80, 100): the last one counts.",)


def test_a_pair_and_an_empty_mark_divide_a_region() -> None:
    marks = Marks(pairs=[((80, 100), RED)], hints=[Mark((220, 100), None)])
    flats = flatten(lineart(gap=40), None, PALETTE, marks, gap_px=4)
    assert at(flats, LEFT) == (*RED, 255) and at(flats, RIGHT) == (0, 0, 0, 0)
    assert len(flats.notes) == 1


def test_a_mark_that_leaks_onto_the_paper_is_no_background() -> None:
    image = lineart()
    ImageDraw.Draw(image).rectangle((260, 92, 280, 108), fill=255)
    marks = Marks(pairs=[(RIGHT, BLUE)], hints=[Mark(OUTSIDE, None)])
    flats = flatten(image, proposal(), PALETTE, marks, gap_px=4)
    labels, background = flats.regions.labels, flats.regions.background
    assert background[labels[10, 10]] and not background[labels[100, 220]]


def test_an_artists_stroke_keeps_colour_from_following_through_it() -> None:
    wall = np.array([(150, 70), (150, 130)], float)
    flats = flatten(lineart(40), None, PALETTE, Marks(hints=[Mark(LEFT, RED)], closing=[wall]))
    assert at(flats, LEFT) == (*RED, 255) and at(flats, RIGHT) == (0, 0, 0, 0)
    guessed = flatten(lineart(6), None, PALETTE, hints((LEFT, RED)))
    assert at(guessed, RIGHT) == (*RED, 255)


@pytest.mark.parametrize(
    "path",
    [
        [(150.0, 100.0)],
        [(-500.0, -500.0), (-400.0, -300.0)],
        [(-1e12, 50.0), (1e12, 50.0), (1e300, -1e300)],
        [(float("nan"), 1.0), (20.0, float("inf"))],
        [(20, 20), (280, 180), (280, 20), (20, 180)],
        [(100 + i % 7, 20 + i % 97) for i in range(5000)],
    ],
)
def test_no_path_breaks_anything(path: list[tuple[float, float]]) -> None:
    nodes = np.array(path, float)
    for marks in (Marks(closing=[nodes]), Marks(merging=[nodes])):
        flats = flatten(lineart(), proposal(), PALETTE, marks)
        assert flats.rgba().shape == (*SIZE[::-1], 4)


def test_merging_paths_add_up_and_those_round_nothing_do_nothing() -> None:
    nothing = np.array([(12, 12), (16, 12), (16, 16)], float)
    flats = flatten(lineart(), proposal(), PALETTE, Marks(merging=[nothing, ROUND_ALL, ROUND_ALL]))
    labels = flats.regions.labels
    assert flats.regions.count == 2 and labels[100, 80] == labels[100, 220] != labels[5, 5]


def test_an_empty_background_stays_empty_beside_a_closed_gap() -> None:
    image = lineart()
    ImageDraw.Draw(image).rectangle((265, 97, 280, 102), fill=255)
    flats = flatten(image, None, PALETTE, hints((RIGHT, BLUE)), empty_background=True)
    assert at(flats, OUTSIDE) == (0, 0, 0, 0) and at(flats, RIGHT) == (*BLUE, 255)


def test_specks_in_an_empty_background_are_empty_too() -> None:
    image = lineart()
    ImageDraw.Draw(image).rectangle((280, 100, 285, 105), outline=0, width=2)
    flats = flatten(image, proposal(), PALETTE, empty_background=True)
    assert not flats.rgba()[95:110, 275:290].any()
    assert not flats.unsure(below=0.3)


def test_what_the_artist_has_decided_is_not_asked_again() -> None:
    strange = proposal((120, 30, 160))
    flats = flatten(lineart(), strange, PALETTE)
    (asked,) = flats.unsure()
    assert not flats.with_region_colour(asked.region, RED).unsure()
    assert not flats.with_region_colour(asked.region, None).unsure()
    kept = np.zeros((*SIZE[::-1], 4), np.uint8)
    kept[:, :150] = (1, 2, 3, 255)
    assert not flatten(lineart(), strange, PALETTE, kept=kept).unsure()
    paper = np.full_like(strange, (120, 30, 160))
    bare = flatten(
        lineart(), paper, PALETTE, hints((LEFT, RED), (RIGHT, RED)), empty_background=True
    )
    assert not bare.unsure()
    empty = bare.regions.labels[OUTSIDE[1], OUTSIDE[0]]
    assert SOURCES[bare.assignment.source[empty]] == SOURCES[BLANK]
    assert bare.assignment.index[empty] == EMPTY


def test_a_soft_lock_leaves_no_fringe() -> None:
    kept = np.zeros((*SIZE[::-1], 4), np.uint8)
    kept[60:140, 50:130, :3] = BLUE
    kept[60:140, 50:130, 3] = 90
    kept[65:135, 55:125, 3] = 255
    flats = flatten(lineart(), proposal(), PALETTE, kept=kept)
    pixels = flats.rgba()
    assert (pixels[..., 3] == 255).all()
    assert at(flats, (90, 100)) == (*BLUE, 255) and at(flats, (40, 40)) == (*RED, 255)
    mixed = np.rint(np.array(RED) + (np.array(BLUE) - RED) * 90 / 255)
    np.testing.assert_allclose(pixels[62, 52, :3], mixed, atol=1)
    empty = flatten(lineart(), None, PALETTE, kept=kept).rgba()
    np.testing.assert_array_equal(empty[kept[..., 3] > 0], kept[kept[..., 3] > 0])


def test_locks_of_countless_colours_take_no_longer() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*SIZE[::-1], 4)).astype(np.uint8)
    noise[..., 3] = 255
    flats = flatten(lineart(), proposal(), PALETTE, kept=noise)
    np.testing.assert_array_equal(flats.rgba(), noise)
    assert len(flats.palette) == 3


@pytest.mark.parametrize("marked, follows", [((70, 150), False), ((300, 150), True)])
def test_a_large_place_does_not_follow_a_small_one_through_a_closed_gap(
    marked: tuple[int, int], follows: bool
) -> None:
    image = Image.new("L", (500, 300), 255)
    draw = ImageDraw.Draw(image)
    draw.rectangle((100, 20, 480, 280), outline=0, width=4)
    draw.rectangle((40, 120, 103, 180), outline=0, width=4)
    draw.rectangle((96, 147, 106, 152), fill=255)
    flats = flatten(image, None, None, Marks(hints=[Mark(marked, (200, 60, 60))]), gap_px=8)
    seen = flats.rgba()
    other = (300, 150) if marked[0] < 100 else (70, 150)
    assert seen[marked[1], marked[0], 3] == 255
    assert (seen[other[1], other[0], 3] == 255) == follows
