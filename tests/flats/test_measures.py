# SPDX-License-Identifier: GPL-3.0-or-later
"""The measures of flats, on pages small enough to count by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from manganinja.flats.measures import FlatsTruth, measure

RED, BLUE, CLEAR, PAPER = (200, 0, 0, 255), (0, 0, 200, 255), (255, 255, 255, 0), (240, 250, 210)


@pytest.fixture
def truth() -> FlatsTruth:
    """20 x 10 px: red | line of 2 px | blue | line | background, and one blue pixel inside red."""
    labels = np.repeat(np.array([0] * 7 + [1] * 7 + [2] * 6, np.int32)[None], 10, axis=0)
    labels[4, 2] = 3
    ink = np.zeros((10, 20), np.uint8)
    ink[:, [6, 7, 13, 14]] = 255
    return FlatsTruth(labels, np.array([RED, BLUE, CLEAR, BLUE], np.uint8), ink, 2.0, PAPER)


def test_the_perfect_painting_is_perfect(truth):
    score = measure(truth.picture(), truth, [((3.5, 8.5), RED[:3]), ((18.5, 5.5), PAPER)])
    shares = (score.acc, score.acc_over_10px, score.pix_acc, score.pix_acc_no_background)
    assert shares == (1, 1, 1, 1)
    assert (score.b_miou, score.pix_b_miou, score.exact_palette_rate) == (1, 1, 1)
    assert (score.bleed_rate, score.fringe_px, score.to_repair) == (0, 0, 0)
    assert score.regions == 4
    assert score.point_mse == pytest.approx(0) and score.point_de == pytest.approx(0, abs=1e-4)


def test_what_lies_under_lines_is_not_judged(truth):
    painted = truth.picture()
    painted[truth.lines] = (1, 2, 3, 255)
    assert measure(painted, truth) == measure(truth.picture(), truth)


def test_background_in_the_papers_colour_is_background(truth):
    painted = truth.picture()
    painted[painted[..., 3] == 0] = (*PAPER, 255)
    assert measure(painted, truth) == measure(truth.picture(), truth)


def test_a_wrong_region_counts_once_as_region_and_by_its_area_in_pixels(truth):
    painted = truth.picture()
    painted[truth.labels == 1] = RED
    score = measure(painted, truth)
    # Open pixels: 59 red, 50 blue, 50 background, 1 blue speck.
    assert score.acc == 3 / 4
    assert score.acc_over_10px == 2 / 3
    assert score.pix_acc == 110 / 160
    assert score.pix_acc_no_background == 60 / 110
    assert (score.to_repair, score.exact_palette_rate, score.pix_b_miou) == (1, 1, 1)


def test_a_speck_counts_for_acc_and_not_for_acc_over_10_px(truth):
    painted = truth.picture()
    painted[4, 2] = RED
    score = measure(painted, truth)
    assert (score.acc, score.acc_over_10px) == (3 / 4, 1)


def test_background_measures_see_what_is_missing_and_what_is_too_much(truth):
    painted = truth.picture()
    painted[truth.labels == 1] = CLEAR
    score = measure(painted, truth)
    assert score.b_miou == 1 / 2
    assert score.pix_b_miou == 50 / 100
    painted[:] = RED
    assert measure(painted, truth).b_miou == 0


def test_a_page_without_background_has_full_background_scores():
    labels = np.zeros((4, 4), np.int32)
    truth = FlatsTruth(labels, np.array([RED], np.uint8), np.zeros((4, 4), np.uint8), 2.0)
    score = measure(truth.picture(), truth)
    assert (score.b_miou, score.pix_b_miou) == (1, 1)


def test_a_drifted_colour_is_the_right_choice_and_not_exact(truth):
    painted = truth.picture()
    painted[truth.labels == 0] = (196, 4, 3, 255)
    score = measure(painted, truth)
    assert (score.acc, score.pix_acc) == (1, 1)
    assert score.exact_palette_rate == 101 / 160


def test_a_colour_of_the_palette_that_the_page_lacks_is_exact_and_wrong(truth):
    painted = truth.picture()
    painted[truth.labels == 0] = (9, 90, 9, 255)
    assert measure(painted, truth).exact_palette_rate == 101 / 160
    listed = replace(truth, unused=np.array([(9, 90, 9)], np.uint8))
    score = measure(painted, listed)
    assert (score.exact_palette_rate, score.acc) == (1, 3 / 4)


def test_bleed_is_wrong_colour_near_a_line_only(truth):
    painted = truth.picture()
    painted[0, 0] = BLUE
    assert measure(painted, truth).bleed_rate == 0
    painted[3, 5] = BLUE
    # Within 4 px of the two lines: columns 2..5 (one is the speck), 8..12, 15..18.
    assert measure(painted, truth).bleed_rate == pytest.approx(1 / 130)


def test_fringe_is_what_stays_unfilled_along_a_line_where_it_shows(truth):
    painted = truth.picture()
    painted[:, 5] = CLEAR
    assert measure(painted, truth).fringe_px == 10
    # Below a line that covers all nothing shows; at its soft edge something does.
    painted = truth.picture()
    painted[:, 6] = CLEAR
    assert measure(painted, truth).fringe_px == 0
    truth.ink[:, 6] = 120
    assert measure(painted, truth).fringe_px == 10


def test_a_region_with_a_tenth_wrong_has_the_right_colour_and_is_to_repair(truth):
    painted = truth.picture()
    painted[9, 8:13] = RED
    score = measure(painted, truth)
    assert (score.acc, score.to_repair) == (1, 1)


def test_errors_at_points_are_those_of_3_by_3_pixels(truth):
    painted = truth.picture()
    point = ((10.5, 5.5), BLUE[:3])
    assert measure(painted, truth, [point]).point_mse == 0
    painted[5, 10, 2] = 200 - 51
    assert measure(painted, truth, [point]).point_mse == pytest.approx(0.2**2 / 27)
    painted[4:7, 9:12] = RED
    score = measure(painted, truth, [point])
    assert score.point_mse == pytest.approx(2 * (200 / 255) ** 2 / 3, rel=1e-5)
    assert score.point_de is not None and score.point_de > 30


def test_without_points_there_is_no_error_at_points(truth):
    score = measure(truth.picture(), truth)
    assert score.point_mse is None and score.point_de is None


@pytest.mark.parametrize("shape", [(10, 20, 3), (20, 10, 4), (10, 20)])
def test_another_shape_is_refused(truth, shape):
    with pytest.raises(ValueError, match="painting of shape"):
        measure(np.zeros(shape, np.uint8), truth)


def test_another_type_is_refused(truth):
    with pytest.raises(ValueError, match="uint8"):
        measure(truth.picture().astype(np.float32), truth)
