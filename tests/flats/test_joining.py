# SPDX-License-Identifier: GPL-3.0-or-later
"""A network's opinion and the reference's regions as one likelihood."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manganinja.flats.joining import agreement, joined

TRUSTED = np.tile([0.9, 0.05, 0.05], (20, 1))
"""Regions of which nobody doubts anything, that a network agrees about or does not."""


def both(opinion: list[float], likely: list[float], network: np.ndarray = TRUSTED) -> np.ndarray:
    """The first region, beside twenty that show how good the network is."""
    rows = np.vstack([opinion, network]), np.vstack([likely, TRUSTED])
    return joined(*rows)[0]


def test_agreement_is_how_much_a_network_is_for_what_is_beyond_doubt() -> None:
    assert agreement(TRUSTED, TRUSTED) > 0.85
    assert agreement(TRUSTED[:, [1, 0, 2]], TRUSTED) < 0.1
    # Nothing to compare: what to expect.
    assert agreement(np.eye(3), np.full((3, 3), 0.3)) == pytest.approx(0.7)


def test_two_that_agree_are_surer_than_either_and_two_that_do_not_less() -> None:
    assert both([0.7, 0.2, 0.1], [0.7, 0.1, 0.1])[0] > 0.9
    against = both([0.1, 0.8, 0.1], [0.8, 0.1, 0.05])
    assert against.max() < 0.8


def test_a_network_that_is_mostly_wrong_is_hardly_heard() -> None:
    likely = [0.6, 0.3, 0.0]
    heard = both([0.0, 1.0, 0.0], likely)
    ignored = both([0.0, 1.0, 0.0], likely, network=TRUSTED[:, [1, 0, 2]])
    assert heard.argmax() == 1 and ignored.argmax() == 0
    assert abs(ignored[0] - 0.6) < 0.1


def test_a_better_network_decides_where_the_reference_knows_nothing() -> None:
    assert both([0.1, 0.8, 0.1], [0.0, 0.0, 0.0]).argmax() == 1
    assert both([0.8, 0.1, 0.1], [0.3, 0.3, 0.3]).argmax() == 0


def test_what_is_settled_stays_and_where_nobody_speaks_nothing_is_said() -> None:
    assert both([0.0, 1.0, 0.0], [1.0, 0.0, 0.0]).tolist() == [1.0, 0.0, 0.0]
    assert not both([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]).any()


def test_a_silent_network_leaves_the_order_as_it_was() -> None:
    found = both([0.0, 0.0, 0.0], [0.2, 0.5, 0.1])
    assert np.argsort(found).tolist() == [2, 0, 1]


@given(st.integers(1, 12), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_shares_are_shares_and_colours_have_no_order(rows: int, colours: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    opinion = rng.dirichlet(np.full(colours, 0.3), rows)
    likely = rng.dirichlet(np.full(colours + 1, 0.3), rows)[:, :-1]
    found = joined(opinion, likely)
    assert (found >= 0).all() and (found.sum(axis=1) <= 1 + 1e-9).all()
    order = rng.permutation(colours)
    np.testing.assert_allclose(joined(opinion[:, order], likely[:, order]), found[:, order])


def test_no_regions_are_no_trouble() -> None:
    assert joined(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0, 4)
