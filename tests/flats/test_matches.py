# SPDX-License-Identifier: GPL-3.0-or-later
"""A correspondence becomes votes for the references' colours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image, ImageDraw

from manganinja.correspondence import Correspondence
from manganinja.flats.flatten import flatten
from manganinja.flats.matches import Matches, Part, palette_votes
from manganinja.flats.values import Palette

RED, BLUE, PAPER = (200, 40, 40), (40, 60, 200), (250, 250, 250)
PALETTE = Palette(np.array([RED, BLUE, PAPER], np.uint8))


def reference(*columns: tuple[int, int, int]) -> np.ndarray:
    """Equal columns of colour, opaque."""
    row = np.repeat(np.array(columns, np.uint8), 60 // len(columns), axis=0)
    picture = np.full((80, 60, 4), 255, np.uint8)
    picture[..., :3] = row
    return picture


def looking_at(grid: int, places: np.ndarray, references: int = 1) -> np.ndarray:
    """Weights of a line art whose place i looks at place ``places[i]`` of the references."""
    weights = np.full((grid * grid, references * grid * grid), 1e-4, np.float32)
    weights[np.arange(grid * grid), places] = 1
    weights /= weights.sum(axis=1, keepdims=True)
    return weights.reshape(grid, grid, references, grid, grid)


def test_each_place_votes_for_the_colour_it_looks_at() -> None:
    grid = 8
    mirrored = np.arange(64).reshape(8, 8)[:, ::-1].ravel()
    matches = Matches(looking_at(grid, mirrored), (1.0, 1.0), [(1.0, 1.0)])
    votes = palette_votes(matches, [(reference(RED, BLUE), None)], PALETTE)
    # "Empty" is the last answer.
    assert votes.shape == (32, 32, 4)
    np.testing.assert_allclose(votes.sum(axis=2), 1, atol=1e-5)
    assert (votes[:, :12].argmax(axis=2) == 1).all() and (votes[:, 20:].argmax(axis=2) == 0).all()


def test_padding_is_cut_off_and_not_looked_at() -> None:
    grid = 8
    matches = Matches(looking_at(grid, np.arange(64)), (1.0, 0.5), [(0.75, 1.0)])
    votes = palette_votes(matches, [(reference(RED, BLUE), None)], PALETTE)
    assert votes.shape == (16, 32, 4)
    # Three of eight columns are red, three blue, and two are padding.
    assert (votes[:, :9].argmax(axis=2) == 0).all() and (votes[:, 15:20].argmax(axis=2) == 1).all()


def test_a_closer_look_counts_where_it_looked() -> None:
    left, right = np.zeros(64, int), np.full(64, 7)
    whole = Matches(looking_at(8, left), (1.0, 1.0), [(1.0, 1.0)])
    sure = Matches(looking_at(8, right), (1.0, 1.0), [(1.0, 1.0)])
    both = replace(whole, closer=((Part(0.5, 0.5, 0.5, 0.5), sure),))
    votes = palette_votes(both, [(reference(RED, BLUE), None)], PALETTE)
    assert votes.shape == (64, 64, 4)
    np.testing.assert_allclose(votes.sum(axis=2), 1, atol=1e-5)
    alone = palette_votes(whole, [(reference(RED, BLUE), None)], PALETTE)
    np.testing.assert_allclose(votes[:32], np.repeat(alone[:16].repeat(2, 0), 2, 1), atol=1e-5)
    assert votes[48, 48, 1] > alone[24, 24, 1] + 0.4 > 0.4


def test_what_is_transparent_in_the_reference_is_a_vote_for_empty() -> None:
    picture = reference(RED, BLUE)
    picture[:, 30:, 3] = 0
    matches = Matches(looking_at(8, np.arange(64)), (1.0, 1.0), [(1.0, 1.0)])
    votes = palette_votes(matches, [(picture, None)], PALETTE)
    assert (votes[:, :14].argmax(axis=2) == 0).all() and (votes[:, 18:].argmax(axis=2) == 3).all()


def test_a_part_of_a_page_is_never_empty() -> None:
    assert Part(0.38, 0.38, 0.62, 0.62).box((100, 200)) == (38, 76, 100, 200)
    assert Part(0.9, 0.99, 0.01, 0.01).box((1, 1)) == (0, 0, 1, 1)


def test_several_references_vote_together() -> None:
    second = 64 + np.arange(64)
    matches = Matches(looking_at(8, second, references=2), (1.0, 1.0), [(1.0, 1.0)] * 2)
    votes = palette_votes(matches, [(reference(RED), None), (reference(BLUE), None)], PALETTE)
    assert (votes.argmax(axis=2) == 1).all()


def test_regions_follow_the_votes_and_the_painting_decides_where_they_are_even() -> None:
    image = Image.new("L", (400, 300), 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((40, 40, 360, 260), outline=0, width=4)
    pen.line((200, 40, 200, 260), 0, 4)
    votes = np.zeros((30, 40, 4), np.float32)
    votes[..., 2] = 1
    votes[4:26, 4:20], votes[4:26, 20:36] = (0.7, 0.2, 0.1, 0), (0.45, 0.45, 0.1, 0)
    proposal = np.full((75, 100, 3), BLUE, np.uint8)
    pixels = flatten(image, proposal, PALETTE, votes=votes).rgba()
    assert tuple(pixels[150, 100, :3].tolist()) == RED
    assert tuple(pixels[150, 300, :3].tolist()) == BLUE
    assert tuple(pixels[5, 5, :3].tolist()) == PAPER


def test_the_observer_keeps_the_finest_up_blocks_of_the_last_row() -> None:
    torch.manual_seed(0)
    query, key = torch.randn(2, 4, 16, 8), torch.randn(2, 4, 16 + 32, 8)
    observer = Correspondence(16)
    observer("down_blocks.0.x", query, key, 16)
    observer("up_blocks.0.x", query[:, :, :4], key, 16)
    assert observer.mean() is None
    observer("up_blocks.2.x", query, key, 16)
    found = observer.mean()
    assert found is not None
    wanted = (query[-1] @ key[-1, :, 16:].transpose(1, 2) / 8**0.5).softmax(-1).mean(0)
    torch.testing.assert_close(found, wanted)
    observer.forget()
    assert observer.mean() is None
