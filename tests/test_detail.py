# SPDX-License-Identifier: GPL-3.0-or-later
"""A closer look at parts of a page, put together."""

from __future__ import annotations

import numpy as np

from manganinja.detail import PARTS, SIDE, WHOLE, Look, pairs_within, together
from manganinja.points import PointPair


def plain(level: int, part=WHOLE) -> Look:
    return Look(part, np.full((50, 40, 3), level, np.uint8))


def test_the_parts_cover_the_page_and_overlap() -> None:
    seen = np.zeros((300, 200), int)
    for part in PARTS:
        left, top, right, bottom = part.box((200, 300))
        seen[top:bottom, left:right] += 1
    assert seen.min() == 1 and seen.max() == 4


def test_without_parts_nothing_changes() -> None:
    page = plain(100)
    assert together(page, []) is page


def test_parts_fade_into_each_other_at_their_own_scale() -> None:
    seen = together(plain(100), [plain(50 + 30 * i, part) for i, part in enumerate(PARTS)])
    assert seen.picture.shape == (round(50 / SIDE), round(40 / SIDE), 3)
    assert abs(int(seen.picture[8, 8, 0]) - 50) <= 1
    assert abs(int(seen.picture[-8, -8, 0]) - 140) <= 1
    # No edge where a part ends: 90 levels over a whole page of parts.
    steps = np.abs(np.diff(seen.picture[..., 0].astype(int), axis=1))
    assert steps[2:-2, 2:-2].max() < 10


def test_where_no_part_was_looked_at_the_page_shows() -> None:
    seen = together(plain(100), [plain(200, PARTS[0])])
    assert (seen.picture[-5:, -5:] == 100).all() and seen.picture[10, 10, 0] == 200


def test_pairs_go_along_with_their_part() -> None:
    pairs = {3: PointPair((1, 2), (90, 40)), 5: PointPair((3, 4), (10, 10))}
    assert pairs_within(pairs, PARTS[1], (100, 100)) == {3: PointPair((1, 2), (52, 40))}
    assert pairs_within(pairs, WHOLE, (100, 100)) == pairs
