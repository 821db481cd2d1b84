# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a result belongs when the document was changed meanwhile."""

from krita_plugin.geometry import Box
from krita_plugin.moved import Stand, moved_by, notes

THEN = Stand(Box(0, 0, 600, 800), (0, 0), Box(100, 50, 300, 700))


def test_nothing_changed_nothing_said():
    assert moved_by(THEN, THEN) == (0, 0) and notes(THEN, THEN) == []


def test_a_crop_takes_the_result_along_with_the_lines_it_cut():
    now = Stand(Box(0, 0, 400, 500), (-50, -70), Box(50, 0, 300, 500))
    assert moved_by(THEN, now) == (-50, -70)
    (said,) = notes(THEN, now)
    assert "600 × 800 to 400 × 500 px" in said and "along with the line art" in said


def test_a_scaled_drawing_leaves_the_result_where_it_was():
    now = Stand(Box(0, 0, 1200, 1600), (0, 0), Box(200, 100, 600, 1400))
    assert moved_by(THEN, now) == (0, 0)
    (said,) = notes(THEN, now)
    assert "600 × 800 to 1200 × 1600 px" in said and "press Colorize again" in said


def test_line_art_moved_by_hand_is_followed():
    now = Stand(THEN.canvas, (7, -3), Box(107, 47, 300, 700))
    assert moved_by(THEN, now) == (7, -3)
    assert "line art was moved" in notes(THEN, now)[0]


def test_a_turned_layer_is_no_move():
    now = Stand(THEN.canvas, (99, 100), Box(50, 100, 700, 300))
    assert moved_by(THEN, now) == (0, 0) and notes(THEN, now) == []
