# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator of training drawings: same seed same pair, exact parts, clean flats and lines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from manganinja.train.drawings import (
    PART_IDS,
    Character,
    Drawing,
    Pose,
    Style,
    draw_pair,
    point_pairs,
    random_pose,
)

SEEDS = range(40)


@pytest.fixture(scope="module")
def pairs():
    return [draw_pair(seed, 128) for seed in SEEDS]


def drawings(pairs):
    return [drawing for pair in pairs for drawing in (pair.reference, pair.target)]


def inner(drawing: Drawing, number: int) -> np.ndarray:
    """Mask of the pixels of a part whose neighbours are of the same part."""
    same = np.pad(drawing.parts == number, 1)
    return same[1:-1, 1:-1] & same[:-2, 1:-1] & same[2:, 1:-1] & same[1:-1, :-2] & same[1:-1, 2:]


def test_the_same_seed_draws_the_same_pair_and_another_seed_another():
    first, again, other = draw_pair(5, 64), draw_pair(5, 64), draw_pair(6, 64)
    for name in ("colour", "flats", "lineart", "parts"):
        assert np.array_equal(getattr(first.reference, name), getattr(again.reference, name))
        assert np.array_equal(getattr(first.target, name), getattr(again.target, name))
    assert not np.array_equal(first.target.lineart, other.target.lineart)


@pytest.mark.parametrize("size_px", [64, 128, 200])
def test_pictures_have_the_promised_shapes_and_types(size_px):
    for drawing in drawings([draw_pair(3, size_px)]):
        assert drawing.colour.shape == drawing.flats.shape == (size_px, size_px, 3)
        assert drawing.lineart.shape == drawing.parts.shape == (size_px, size_px)
        for plane in (drawing.colour, drawing.flats, drawing.lineart, drawing.parts):
            assert plane.dtype == np.uint8


def test_part_numbers_are_unique_and_fit_a_byte():
    assert len(set(PART_IDS.values())) == len(PART_IDS)
    assert min(PART_IDS.values()) == 1 and max(PART_IDS.values()) <= 255


def test_line_art_is_dark_lines_on_mostly_white_paper(pairs):
    for drawing in drawings(pairs):
        assert drawing.lineart.min() < 60
        assert (drawing.lineart == 255).mean() > 0.35
        assert (drawing.lineart < 128).mean() > 0.002


def test_most_pairs_show_a_figure_of_many_parts(pairs):
    parts = [len(np.unique(drawing.parts)) for drawing in drawings(pairs)]
    assert np.median(parts) >= 15
    assert min(parts) >= 2


def test_flats_of_an_unshaded_character_are_its_palette_and_nothing_else():
    rng = np.random.default_rng(11)
    for _ in range(12):
        character = Character.random(rng)
        drawing = character.draw(random_pose(rng), 128, Style(background_rgb=(1, 2, 3)))
        palette = {number: character.palette[name] for name, number in PART_IDS.items()
                   if name in character.palette}  # fmt: skip
        palette[0] = (1, 2, 3)
        for number in np.unique(drawing.parts):
            colours = drawing.flats[inner(drawing, number)].astype(int)
            off = np.abs(colours - palette[int(number)]).max(axis=1, initial=0)
            # A line drawn through a part would leave many pixels of another colour.
            assert len(off) < 25 or np.median(off) == 0


def test_colours_and_flats_agree_wherever_there_is_no_line(pairs):
    for drawing in drawings(pairs):
        blank = drawing.lineart == 255
        assert np.array_equal(drawing.colour[blank], drawing.flats[blank])


def test_a_part_has_one_colour_in_all_pictures_of_a_character():
    rng = np.random.default_rng(4)
    compared = 0
    for _ in range(10):
        character = Character.random(rng)
        one, two = (character.draw(random_pose(rng, framing), 128) for framing in ("full", "half"))
        for number in np.intersect1d(one.parts, two.parts):
            masks = inner(one, number), inner(two, number)
            if number == 0 or min(mask.sum() for mask in masks) < 12:
                continue
            a, b = (np.median(d.flats[m], axis=0) for d, m in zip((one, two), masks))
            assert np.array_equal(a, b)
            compared += 1
    assert compared > 60


def test_mirroring_moves_parts_and_keeps_their_numbers():
    character = Character.random(np.random.default_rng(2))
    plain = character.draw(Pose(), 96)
    flipped = character.draw(replace(Pose(), mirror=True), 96)
    agree = (plain.parts == flipped.parts[:, ::-1]).mean()
    assert agree > 0.95 > (plain.parts == flipped.parts).mean()


def test_points_lie_in_the_same_part_of_both_pictures(pairs):
    rng = np.random.default_rng(0)
    for pair in pairs:
        points = point_pairs(pair, 24, rng)
        assert points.dtype == np.float32 and points.shape[1:] == (2, 2)
        assert 1 <= len(points) <= 24
        x, y = np.floor(points).astype(int).transpose(2, 0, 1)
        here = pair.reference.parts[y[:, 0], x[:, 0]]
        assert np.array_equal(here, pair.target.parts[y[:, 1], x[:, 1]])
        assert (here > 0).all()


def test_points_visit_every_common_part_before_any_twice(pairs):
    pair = pairs[0]
    common = np.intersect1d(pair.reference.parts, pair.target.parts)
    common = common[common > 0]
    points = point_pairs(pair, len(common), np.random.default_rng(1))
    x, y = np.floor(points[:, 0]).astype(int).T
    assert len(np.unique(pair.reference.parts[y, x])) == len(common)


def test_no_points_where_none_are_asked_for(pairs):
    assert point_pairs(pairs[0], 0, np.random.default_rng(0)).shape == (0, 2, 2)


def test_few_targets_show_large_parts_that_the_reference_hides():
    hidden = 0
    for seed in range(60):
        pair = draw_pair(seed, 64)
        numbers, sizes = np.unique(pair.target.parts, return_counts=True)
        unseen = ~np.isin(numbers, pair.reference.parts)
        hidden += bool(sizes[unseen].sum() > 0.05 * pair.target.parts.size)
    assert hidden <= 15
