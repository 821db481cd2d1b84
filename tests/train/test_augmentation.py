# SPDX-License-Identifier: GPL-3.0-or-later
"""Line styles, flips and rotations, the shuffle's levels, and that each part can be left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from manganinja.train.batch import BatchConfig, condition_of, make_batch
from manganinja.train.drawings import Drawing, draw_pair
from manganinja.train.line_styles import STYLES, restyled
from manganinja.train.shuffle import grids
from manganinja.train.turning import random_turn, turned_drawing, turned_points

SIZE = 128


@pytest.fixture(scope="module")
def pairs() -> list[Any]:
    return [draw_pair(seed, SIZE) for seed in range(6)]


def _ink(lineart: np.ndarray) -> np.ndarray:
    return 1 - lineart.astype(np.float32) / 255


@pytest.mark.parametrize("style", STYLES)
def test_every_style_changes_the_lines_and_leaves_them_readable(style: str, pairs) -> None:
    rng = np.random.default_rng(0)
    for pair in pairs:
        before, after = _ink(pair.target.lineart), _ink(restyled(pair.target.lineart, [style], rng))
        assert np.abs(before - after).mean() > 0.001
        # Where there was a line there still mostly is one, and paper stays paper.
        full = before > 0.8
        assert (after[full] > 0.24).mean() > 0.75
        assert (after[before == 0] > 0.24).mean() < (0.45 if style == "thick" else 0.05)


def test_styles_are_what_they_are_called(pairs) -> None:
    lineart, rng = pairs[0].target.lineart, np.random.default_rng(1)
    ink = _ink(lineart).sum()
    assert _ink(restyled(lineart, ["thin"], rng)).sum() < 0.9 * ink
    assert _ink(restyled(lineart, ["thick"], rng)).sum() > 1.2 * ink
    assert set(np.unique(restyled(lineart, ["binary"], rng))) == {0, 255}
    broken = restyled(lineart, ["broken"], rng)
    assert (broken >= lineart).all() and (broken > lineart).any()
    coloured = restyled(lineart, ["coloured"], rng)
    assert (coloured[lineart == 255] == 255).all() and len(np.unique(coloured[lineart == 0])) > 1
    noisy = restyled(lineart, ["noisy"], rng)
    assert noisy[lineart == 255].std() > 1


def _marked(at: tuple[int, int]) -> Drawing:
    """A drawing with one marked spot of 3 x 3 pixels round the pixel (x, y)."""
    x, y = at
    spot = np.zeros((SIZE, SIZE), np.uint8)
    spot[y - 1 : y + 2, x - 1 : x + 2] = 200
    colour = np.repeat(spot[..., None], 3, axis=2)
    return Drawing(colour, colour, spot, spot)


def test_a_turned_point_is_where_its_pixel_went() -> None:
    rng = np.random.default_rng(3)
    seen = 0
    for _ in range(40):
        at = rng.integers(30, SIZE - 30, 2)
        turn = random_turn(SIZE, 0.5, 0.7, rng)
        if turn is None:
            continue
        x, y = turned_points(np.array([at + 0.5]), turn)[0].astype(int)
        drawing = turned_drawing(_marked((at[0], at[1])), turn)
        assert drawing.parts[y, x] == 200 and drawing.colour[y, x, 0] > 120
        seen += 1
    assert seen > 20
    assert random_turn(SIZE, 0.0, 0.0, rng) is None


def test_a_mirror_twice_is_the_drawing(pairs) -> None:
    rng = np.random.default_rng(0)
    turn = random_turn(SIZE, 1.0, 0.0, rng)
    assert turn is not None
    drawing = pairs[0].target
    mirrored = turned_drawing(drawing, turn)
    np.testing.assert_array_equal(mirrored.colour, drawing.colour[:, ::-1])
    np.testing.assert_array_equal(turned_drawing(mirrored, turn).lineart, drawing.lineart)


@pytest.mark.parametrize("turning", [{"mirrored": 1.0}, {"turned": 1.0}])
def test_pairs_still_join_the_same_part_when_both_sides_turn(turning: dict, pairs) -> None:
    config = BatchConfig(
        plain=0, pointed=1, no_pairs=0, recoloured=0, shuffled=0.5, most_pairs=24, **turning
    )
    batch = make_batch(pairs, config, np.random.default_rng(1))
    agreed, seen = 0, 0
    for row in range(len(pairs)):
        for number in batch.lineart_map[row].unique()[1:]:
            here = (batch.lineart_map[row, 0] == number).nonzero()
            there = (batch.reference_map[row, 0] == number).nonzero()
            if len(here) and len(there):
                parts = (batch.target_parts[row], batch.reference_parts[row])
                ends = [p[tuple(at[0])] for p, at in zip(parts, (here, there), strict=True)]
                agreed, seen = agreed + int(ends[0] == ends[1]), seen + 1
    assert seen > 20 and agreed > 0.9 * seen


def test_the_shuffle_gets_finer_over_the_run() -> None:
    assert grids(32, 1.0, 0.0) == [2]
    assert [max(grids(32, 1.0, share)) for share in (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)] == [
        2,
        4,
        8,
        16,
        32,
        32,
    ]
    assert grids(8, 0.0, 0.0) == [2, 4, 8] == grids(8, 0.5, 0.6)


def test_each_part_can_be_left_out(pairs) -> None:
    off = BatchConfig(
        plain=0, pointed=0, recoloured=0, no_lineart=0, shuffled=0, mirrored=0, restyled=0
    )
    batch = make_batch(pairs, off, np.random.default_rng(0))
    assert (batch.plain, batch.pointed, batch.referenced) == (0, 0, 6)
    for row, pair in enumerate(pairs):
        lines = torch.from_numpy(condition_of(pair.target.lineart))
        torch.testing.assert_close(batch.condition[row, 0], lines)
        assert (batch.reference_parts[row].numpy() == pair.reference.parts).all()
        assert (batch.target_parts[row].numpy() == pair.target.parts).all()
    dropped = make_batch(pairs, BatchConfig(no_lineart=1.0), np.random.default_rng(0))
    assert (dropped.condition == 0).all()
    styled = BatchConfig(restyled=1.0, no_lineart=0.0)
    assert not torch.equal(
        make_batch(pairs, styled, np.random.default_rng(0)).condition, batch.condition
    )
    alone = BatchConfig().for_points_alone()
    assert make_batch(pairs, alone, np.random.default_rng(0)).pointed == 6
