# SPDX-License-Identifier: GPL-3.0-or-later
"""The matcher's network: what must not matter does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from manganinja.flats.shapes import describe
from manganinja.match.network import Figure, Matcher, gather
from manganinja.match.samples import sample_of
from manganinja.match.views import GRID, Shaped, figures_apart, lineart_view, lines_alone

from .drawn import OWN, SMALL, house, regions_of

Both = tuple[Figure, Figure]


@pytest.fixture(scope="module")
def figures() -> list[Both]:
    drawn = [sample_of(seed, OWN) for seed in (3, 4)]
    return [(pair.lineart.figure, pair.reference.figure) for pair in filter(None, drawn)]


@pytest.fixture(scope="module")
def network() -> Matcher:
    torch.manual_seed(0)
    return Matcher(SMALL).eval()


def logits(network: Matcher, one: Figure, other: Figure, ends: tuple = ()) -> torch.Tensor:
    numbered = [[(end[side], n) for n, end in enumerate(ends)] for side in (0, 1)]
    with torch.inference_mode():
        return network(gather([one], [numbered[0]]), gather([other], [numbered[1]]))[-1][0]


def test_every_region_is_compared_with_every_one_and_with_none(
    figures: list[Both], network: Matcher
) -> None:
    one, other = figures[0]
    assert logits(network, one, other).shape == (one.count, other.count + 1)


def test_a_view_says_where_all_of_each_region_lies() -> None:
    view = lineart_view(regions_of(house(False)))
    assert np.bincount(view.cells // GRID**2, view.shares) == pytest.approx(np.ones(view.count))


def test_what_the_trunk_finds_alike_counts(figures: list[Both]) -> None:
    one, other = figures[0]
    torch.manual_seed(0)
    network = Matcher(SMALL).eval()
    with torch.no_grad():
        network.alike.fill_(0.0)
        without = logits(network, one, other)
        network.alike.fill_(1.0)
        more = (logits(network, one, other) - without)[:, :-1].numpy()
    middle = (one.middle + other.middle) / 2
    ours, theirs = one.features - middle, other.features - middle
    ours /= np.linalg.norm(ours, axis=1, keepdims=True)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    np.testing.assert_allclose(more, 30 * ours @ theirs.T, atol=1e-3)


def test_a_batch_says_what_each_pair_says_alone(figures: list[Both], network: Matcher) -> None:
    ones, others = zip(*figures)
    with torch.inference_mode():
        together = network(gather(ones), gather(others))[-1]
    for at, (one, other) in enumerate(figures):
        alone = logits(network, one, other)
        found = together[at, : one.count]
        torch.testing.assert_close(found[:, : other.count], alone[:, :-1], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(found[:, -1], alone[:, -1], atol=1e-4, rtol=1e-4)


def test_the_order_of_regions_does_not_matter(figures: list[Both], network: Matcher) -> None:
    one, other = figures[0]
    order = np.random.default_rng(0).permutation(other.count)
    moved = logits(network, one, other.take(order))
    before = logits(network, one, other)
    torch.testing.assert_close(moved[:, :-1], before[:, order], atol=1e-4, rtol=1e-4)
    order = np.random.default_rng(1).permutation(one.count)
    moved = logits(network, one.take(order), other)
    torch.testing.assert_close(moved, before[order], atol=1e-4, rtol=1e-4)


def test_a_pair_is_heard(figures: list[Both], network: Matcher) -> None:
    one, other = figures[0]
    assert (logits(network, one, other, ((0, 1),)) - logits(network, one, other)).abs().max() > 0.01


def test_a_drawing_is_seen_alike_wherever_it_lies_on_the_page() -> None:
    here = lineart_view(regions_of(house(False, 600, (40, 40))))
    there = lineart_view(regions_of(house(False, 600, (202, 140))))
    drawn = slice(1, None)  # The paper is the largest.
    assert here.count == there.count == 5
    np.testing.assert_allclose(here.places[drawn], there.places[drawn], atol=0.02)
    np.testing.assert_allclose(here.shapes[drawn], there.shapes[drawn], atol=0.1)
    seen = [lines_alone(regions_of(house(False, 600, at))) for at in ((40, 40), (202, 140))]
    assert np.abs(seen[0].astype(int) - seen[1]).mean() < 8


def figures_of(*places: tuple[int, int], size: tuple[int, int] = (300, 2000)) -> Shaped:
    """Pages of figures of eight boxes each, at these places."""
    image = Image.new("L", size, 255)
    pen = ImageDraw.Draw(image)
    for x, y in places:
        for row in range(4):
            for column in range(2):
                corner = (x + 50 * column, y + 40 * row)
                pen.rectangle((*corner, corner[0] + 50, corner[1] + 40), outline=0, width=4)
    return describe(regions_of(image))


def test_figures_of_a_strip_are_looked_at_each_by_itself() -> None:
    shaped = figures_of((40, 60), (120, 700), (60, 1500))
    figures = figures_apart(shaped)
    assert sorted(len(members) for members in figures) == [8, 8, 8]
    for members in figures:
        assert np.ptp(shaped[0].centres[members, 1]) < 200
    assert len(np.unique(np.concatenate(figures))) == 24


def test_parts_of_one_figure_are_not_torn_apart() -> None:
    assert not figures_apart(figures_of((40, 60)))
    # A head above a body, with hardly any paper between.
    assert not figures_apart(figures_of((40, 60), (40, 235)))
