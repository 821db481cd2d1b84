# SPDX-License-Identifier: GPL-3.0-or-later
"""The five kinds of cases ask what they say, and their truth is exact."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from manganinja.train.drawings import PART_IDS, Style
from manganinja.train.drawings.kinds import KINDS, DrawnCase, case_points, draw_case

SIZE_PX = 128


@cache
def cases(kind: str, count: int = 3) -> list[DrawnCase]:
    return [draw_case(seed, SIZE_PX, kind, bool(seed % 2)) for seed in range(count)]


def parts_of(picture: object) -> set[int]:
    return set(np.unique(picture.parts).tolist()) - {0}  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_call_gives_the_same_case(kind: str) -> None:
    one, two = (draw_case(7, SIZE_PX, kind) for _ in range(2))
    assert (one.target.lineart == two.target.lineart).all()
    assert (one.references[0].colour == two.references[0].colour).all()
    assert one.colours == two.colours


@pytest.mark.parametrize("kind", KINDS)
def test_the_truth_has_the_colour_of_each_part(kind: str) -> None:
    for case in cases(kind):
        table = np.zeros((256, 3), np.uint8)
        for part, colour in case.colours.items():
            table[part] = colour
        same = (case.target.flats == table[case.target.parts]).all(axis=2)
        # Colours mix where parts meet, and nowhere else.
        edge = np.zeros_like(same)
        for axis in (0, 1):
            for step in (-1, 1):
                edge |= np.roll(case.target.parts, step, axis) != case.target.parts
        assert same[~edge].mean() > 0.995


@pytest.mark.parametrize("kind", KINDS)
def test_points_tell_the_truth(kind: str) -> None:
    for seed, case in enumerate(cases(kind)):
        points = case_points(case, 50, np.random.default_rng(seed))
        assert len(points) >= 8
        parts = []
        for pair in points:
            (rx, ry), (x, y) = pair.reference, pair.lineart
            parts.append(int(case.target.parts[int(y), int(x)]))
            shown = case.references[pair.reference_index].flats[int(ry), int(rx)]
            assert tuple(shown.tolist()) == case.colours[parts[-1]]
            assert case.judged[int(y), int(x)]
        different = len(set(parts))
        assert len(set(parts[:different])) == different


@pytest.mark.parametrize("kind", ["same-pose", "new-pose", "other-character"])
def test_used_the_other_way_target_and_reference_change_places(kind: str) -> None:
    one, two = (draw_case(3, SIZE_PX, kind, swapped) for swapped in (False, True))
    assert (one.target.parts == two.references[0].parts).all()
    assert (two.target.parts == one.references[0].parts).all()
    assert (one.target.parts != two.target.parts).any()


def test_successive_frames_differ_less_than_poses() -> None:
    def moved(kind: str) -> float:
        pairs = [(c.references[0].parts, c.target.parts) for c in cases(kind)]
        return float(np.mean([(one != two).mean() for one, two in pairs]))

    assert 0 < moved("same-pose") < 0.6 * moved("new-pose")


def test_a_missing_detail_is_missing_both_ways_and_mostly_has_a_shown_colour() -> None:
    told = untold = 0
    for seed in range(3):
        for swapped in (False, True):
            case = draw_case(seed, SIZE_PX, "missing-detail", swapped)
            lacking = parts_of(case.target) - parts_of(case.references[0])
            assert lacking
            points = case_points(case, 200, np.random.default_rng(seed))
            ends = {int(case.target.parts[int(p.lineart[1]), int(p.lineart[0])]) for p in points}
            told += len(lacking & ends)
            untold += len(lacking - ends)
    assert told > 0 and untold > 0


def test_neither_of_two_references_shows_what_both_show() -> None:
    for case in cases("two-references"):
        wanted = parts_of(case.target)
        one, two = (parts_of(reference) & wanted for reference in case.references)
        assert one - two and two - one


def test_another_characters_parts_have_the_references_colours_where_it_shows_them() -> None:
    left_out = 0
    for case in cases("other-character"):
        reference = case.references[0]
        for part in parts_of(case.target):
            here = case.target.parts == part
            if not case.judged[here].all():
                left_out += 1
                assert not case.judged[here].any()
                continue
            shown = reference.flats[reference.parts == part].astype(int)
            base = np.array(case.colours[part])
            # A small part may lie in the shade as a whole, or in the light.
            tones = (base, base * Style().shadow_rgb, base + (255 - base) * 0.45)
            assert min(np.abs(shown - tone).max(axis=1).min() for tone in tones) <= 1
    assert left_out


def test_no_point_lies_on_a_line_or_on_blush() -> None:
    blush = {PART_IDS["blush_l"], PART_IDS["blush_r"]}
    shown = 0
    for seed in range(8):
        case = draw_case(seed, SIZE_PX, "same-pose")
        # Hardly a line crosses blush, and none bounds it.
        shown += bool(blush & parts_of(case.target))
        for pair in case_points(case, 50, np.random.default_rng(seed)):
            x, y = (int(v) for v in pair.lineart)
            assert case.target.lineart[y, x] > 200
            assert int(case.target.parts[y, x]) not in blush
    assert shown


def test_an_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="same-pose"):
        draw_case(0, SIZE_PX, "portrait")
