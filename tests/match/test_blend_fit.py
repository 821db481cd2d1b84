# SPDX-License-Identifier: GPL-3.0-or-later
"""What `benchmarks.blend_fit` takes for the right answer of a region."""

from __future__ import annotations

import numpy as np

from benchmarks.blend_fit import right_answers
from manganinja.flats.values import Palette, Regions

RED, BLUE, GREEN = (200, 60, 60), (60, 60, 200), (60, 200, 60)


def test_the_right_answer_is_what_most_of_a_region_shows() -> None:
    labels = np.repeat(np.arange(6, dtype=np.int32), 10)[None].repeat(10, axis=0)
    lines = np.zeros(labels.shape, np.uint8)
    lines[:, 9::10] = 255
    areas = np.bincount(labels[lines == 0]).astype(np.int64)
    background = np.arange(6) == 5
    regions = Regions(labels, lines, areas, background, np.arange(6, dtype=np.int32))
    truth = np.zeros((*labels.shape, 4), np.uint8)
    # A palette's colour, nearly; another; nothing; two halves; one that the palette lacks; paper.
    truth[:, :10] = (*(c + 1 for c in RED), 255)
    truth[:, 10:20] = (*BLUE, 255)
    truth[:, 30:35], truth[:, 35:40] = (*RED, 255), (*BLUE, 255)
    truth[:, 40:50] = (*GREEN, 255)
    # What lies under lines does not count.
    truth[lines > 0] = (0, 0, 0, 255)
    right, clear = right_answers(regions, truth, Palette(np.array([RED, BLUE], np.uint8)))
    assert clear.tolist() == [True, True, True, False, True, False]
    assert right[clear].tolist() == [0, 1, 2, -1]
