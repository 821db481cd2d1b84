# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist hears before anything is coloured, and where nothing needs to be said."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manganinja.flats.flatten import cut_regions
from manganinja.flats.values import Mark, Marks

SIZE = (400, 300)
RED, PAPER = (200, 60, 60), (250, 246, 235)
LEFT, RIGHT, OUTSIDE, LINE = (90.0, 150.0), (300.0, 150.0), (10.0, 10.0), (200.0, 150.0)


def lineart(opening: int = 0) -> Image.Image:
    """Two rooms; the left one is open to the paper."""
    image = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((40, 40, 360, 260), outline=0, width=4)
    pen.line((200, 40, 200, 260), 0, 4)
    if opening:
        pen.rectangle((36, 150 - opening // 2, 48, 150 + opening // 2), fill=255)
    return image


def said(marks: Marks, opening: int = 0, **options) -> str:
    return " ".join(cut_regions(lineart(opening), marks, **options).notes)


@pytest.mark.parametrize("colour", [RED, None])
def test_plain_marks_need_no_words(colour) -> None:
    hints = [Mark(LEFT, colour), Mark(RIGHT, colour)]
    wall = np.array([[100.0, 30.0], [120.0, 150.0], [100.0, 270.0]])
    room = np.array([[30.0, 30.0], [210.0, 30.0], [210.0, 270.0], [30.0, 270.0]])
    assert not said(Marks(hints=hints, closing=[wall], merging=[room]))


def test_a_mark_whose_colour_would_run_out_of_an_open_line_is_named() -> None:
    wide = 238
    assert "(90, 150)" in said(Marks(hints=[Mark(LEFT, RED)]), opening=wide, gap_px=8)
    assert not said(Marks(hints=[Mark(LEFT, RED)]), opening=6, gap_px=8)
    pair = Marks(pairs=[(LEFT, RED)])
    assert "a line is open" in said(pair, opening=wide, gap_px=8)


def test_a_mark_behind_an_opening_that_is_seen_to_be_one_needs_no_words() -> None:
    assert not said(Marks(hints=[Mark(LEFT, RED)]), opening=24, gap_px=8)


def test_paper_may_be_given_to_the_paper_and_left_empty() -> None:
    assert not said(Marks(pairs=[(OUTSIDE, PAPER)]), papers=[PAPER])
    assert said(Marks(pairs=[(OUTSIDE, RED)]), papers=[PAPER])
    assert not said(Marks(hints=[Mark(OUTSIDE, None)]))


def test_marks_outside_and_on_lines_are_named() -> None:
    assert "Outside the page" in said(Marks(hints=[Mark((-5, 20), RED)]))
    assert "On a line" in said(Marks(pairs=[(LINE, RED)]))


def test_strokes_that_close_nothing_and_shapes_that_join_nothing_are_named() -> None:
    short = np.array([[100.0, 100.0], [110.0, 120.0], [100.0, 140.0]])
    assert "(100, 100)" in said(Marks(closing=[short]))
    small = np.array([[100.0, 100.0], [120.0, 100.0], [110.0, 120.0]])
    assert "nothing is joined" in said(Marks(merging=[small]))
    assert said(Marks(closing=[np.full((3, 2), np.nan)], merging=[np.full((3, 2), 1e9)]))


def test_marks_in_locked_places_and_locks_of_the_whole_page_are_named() -> None:
    kept = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    kept[:, 200:] = (1, 2, 3, 255)
    marks = Marks(pairs=[(RIGHT, RED), (LEFT, RED)])
    named = said(marks, kept=kept)
    assert "locked" in named and "(300, 150)" in named and "(90, 150)" not in named
    kept[...] = (1, 2, 3, 255)
    assert "whole page" in said(Marks(), kept=kept)


def test_a_photo_is_named() -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    photo = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
    assert "photo" in " ".join(cut_regions(photo).notes)
