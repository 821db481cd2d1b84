# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shapes of a points layer mean, and what is said of the rest."""

import pytest

from krita_plugin.geometry import Box
from krita_plugin.pairing import FoundHint, Marks, Region, read_marks, summary
from krita_plugin.vector_svg import Shape

CANVAS = Box(0, 0, 200, 100)
OVER = Region("over", CANVAS)
ART = Box(0, 0, 100, 100)
BESIDE = Region("beside", Box(120, 0, 80, 100))
RED, BLUE = "#ff0000", "#0000ff"


def dot(x, y, colour: str | None = RED, kind="ellipse", group=None, name="", hollow=False):
    word = "dot" if kind == "ellipse" else "rectangle"
    return Shape(kind, word, colour, (x, y), None, group, name, hollow)


def ring(x, y, colour: str | None = RED, group=None):
    return dot(x, y, colour, group=group, hollow=True)


def path(*points, kind="open"):
    word = "curve" if kind == "open" else "closed shape"
    return Shape(kind, word, RED, points[0], path=points)


def rectangle(x, y, colour=RED, group=None):
    return dot(x, y, colour, "rectangle", group)


def line(start, end, colour=RED):
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    return Shape("line", "line", colour, middle, (start, end), path=(start, end))


def over(*shapes):
    return read_marks(shapes, CANVAS, CANVAS, [OVER])


def beside(*shapes):
    return read_marks(shapes, CANVAS, ART, [BESIDE])


def ends(found):
    return [(pair.reference, pair.lineart) for pair in found.pairs]


def test_a_line_starts_on_the_reference():
    found = over(line((10, 10), (50, 60)))
    assert ends(found) == [((10, 10), (50, 60))] and not found.unused


def test_the_rectangle_is_on_the_reference_and_the_ellipse_on_the_line_art():
    found = over(dot(30, 40), rectangle(10, 20))
    assert ends(found) == [((10, 20), (30, 40))] and not found.unused


def test_colours_keep_pairs_apart():
    found = over(dot(30, 40), rectangle(1, 2, BLUE), rectangle(10, 20), dot(3, 4, BLUE))
    assert set(ends(found)) == {((10, 20), (30, 40)), ((1, 2), (3, 4))}


def test_two_of_one_form_are_listed_not_guessed():
    found = over(rectangle(10, 20), rectangle(30, 40))
    assert not found.pairs
    assert "both rectangles" in found.unused[0] and "(10, 20)" in found.unused[0]


def test_three_of_one_colour_are_listed_not_guessed():
    found = over(rectangle(10, 20), dot(30, 40), dot(50, 60))
    assert not found.pairs and "3 dots are red" in found.unused[0]


def test_two_in_a_group_are_a_pair_whatever_else_has_their_colour():
    found = over(rectangle(1, 2, group=1), dot(3, 4, group=1), rectangle(5, 6), dot(7, 8))
    assert set(ends(found)) == {((1, 2), (3, 4)), ((5, 6), (7, 8))}


def test_beside_the_drawing_a_line_may_be_drawn_either_way():
    found = beside(line((10, 10), (150, 50)), line((160, 50), (20, 20)))
    assert ends(found) == [((150, 50), (10, 10)), ((160, 50), (20, 20))]


def test_beside_the_drawing_the_place_tells_dots_apart():
    found = beside(dot(10, 10), dot(150, 50))
    assert ends(found) == [((150, 50), (10, 10))]


def test_a_line_between_drawing_and_reference_is_listed():
    found = beside(line((110, 10), (50, 50)))
    assert not found.pairs and "starts on no reference" in found.unused[0]


def test_a_line_that_leaves_the_canvas_is_listed():
    found = over(line((10, 10), (500, 50)))
    assert not found.pairs and "leaves the canvas" in found.unused[0]


def test_two_references_over_each_other_are_not_guessed_between():
    found = read_marks([line((10, 10), (50, 50))], CANVAS, CANVAS, [OVER, Region("other", CANVAS)])
    assert not found.pairs and "“over” and “other”" in found.unused[0]


def test_each_reference_beside_the_drawing_gets_its_own_pairs():
    left, right = Region("left", Box(0, 0, 50, 100)), Region("right", Box(150, 0, 50, 100))
    shapes = [line((10, 10), (100, 50)), line((160, 10), (100, 60), BLUE)]
    found = read_marks(shapes, CANVAS, Box(60, 0, 80, 100), [left, right])
    assert [pair.reference_index for pair in found.pairs] == [0, 1]


def test_other_shapes_are_named():
    text = Shape("other", "text", RED, (5, 6))
    assert over(text).unused == ("A text at (5, 6) is neither a dot nor a line.",)


# -- hints ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [over, beside])
@pytest.mark.parametrize("kind", ["ellipse", "rectangle"])
def test_a_lone_dot_on_the_drawing_is_a_colour_hint(read, kind):
    found = read(dot(30, 40, "#12ab34", kind))
    assert found == Marks(hints=(FoundHint((30, 40), "#12ab34"),))


@pytest.mark.parametrize("read", [over, beside])
def test_a_lone_ring_leaves_its_region_empty(read):
    assert read(ring(30, 40)).hints == (FoundHint((30, 40), None),)


@pytest.mark.parametrize("name", ["leave empty", "Leave Empty", "EMPTY", "empty3", "leave_empty 2"])
def test_a_dot_of_that_name_leaves_its_region_empty_whatever_has_its_colour(name):
    found = over(dot(30, 40, name=name), dot(50, 60), rectangle(10, 20))
    assert found.hints == (FoundHint((30, 40), None),) and len(found.pairs) == 1


def test_other_names_say_nothing():
    assert over(dot(30, 40, name="emptying")).hints == (FoundHint((30, 40), RED),)


def test_a_lone_dot_on_a_reference_beside_the_drawing_is_listed():
    found = beside(dot(150, 50), ring(160, 50, BLUE), dot(170, 50, "#00ff00", name="empty"))
    assert not found.mean_anything and len(found.unused) == 3
    assert all("“beside” and has no partner" in sentence for sentence in found.unused)


def test_dots_that_say_nothing_are_listed():
    assert "no plain colour" in over(dot(10, 10, None)).unused[0]
    assert "neither fill nor outline" in over(ring(20, 20, None)).unused[0]
    assert "leaves the canvas" in over(dot(500, 10)).unused[0]


def test_two_dots_of_one_colour_are_two_hints_where_no_reference_lies():
    found = beside(dot(10, 10), dot(50, 50), ring(20, 20, BLUE), ring(60, 60, BLUE))
    assert [hint.colour for hint in found.hints] == [RED, RED, None, None] and not found.unused
    assert len(beside(dot(10, 10), rectangle(20, 20), dot(50, 50)).hints) == 3


def test_of_two_dots_one_that_has_missed_the_reference_is_no_hint():
    found = beside(dot(10, 10), dot(110, 50))
    assert not found.mean_anything and "are no pair" in found.unused[0]


def test_two_round_dots_over_a_reference_are_unclear_and_the_sentence_says_what_to_do():
    found = over(dot(10, 10), dot(50, 50))
    assert not found.mean_anything
    assert "for two hints" in found.unused[0] and "group them" in found.unused[0]


@pytest.mark.parametrize("count", [2, 3])
def test_grouped_round_dots_over_a_reference_are_hints(count):
    found = over(*[dot(10 * i, 10, group=4) for i in range(count)])
    assert len(found.hints) == count and not found.unused


def test_a_group_around_everything_changes_nothing_beside_the_drawing():
    shapes = [dot(10, 10, group=1), dot(150, 50, group=1), dot(30, 30, BLUE, group=1)]
    found = beside(*shapes)
    assert ends(found) == [((150, 50), (10, 10))]
    assert found.hints == (FoundHint((30, 30), BLUE),)


# -- paths ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [over, beside])
def test_an_open_path_closes_a_gap_and_a_closed_one_joins(read):
    bend, loop = ((10, 10), (20, 30), (30, 10)), ((40, 40), (60, 40), (50, 60))
    found = read(path(*bend), path(*loop, kind="closed"))
    assert found == Marks(closing=(bend,), merging=(loop,))


def test_a_straight_line_on_the_drawing_alone_closes_a_gap():
    assert beside(line((10, 10), (50, 50))).closing == (((10, 10), (50, 50)),)
    assert not over(line((10, 10), (50, 50))).closing


def test_a_path_that_touches_a_reference_beside_the_drawing_is_listed():
    found = beside(path((150, 10), (100, 30), (30, 10)), path((130, 1), (140, 1), (135, 9)))
    assert not found.mean_anything and len(found.unused) == 2
    assert all("touches the reference “beside”" in sentence for sentence in found.unused)


def test_paths_that_can_mean_nothing_are_listed():
    found = over(path((10, 10), (20, 10), kind="closed"), path((500, 1), (510, 2), (520, 1)))
    assert not found.mean_anything
    assert "encloses nothing" in found.unused[0] and "outside the canvas" in found.unused[1]


def test_the_summary_counts_what_there_is():
    assert summary(2, 1, 0, 1, 0) == "2 pairs, 1 colour hint, 1 gap closed"
    assert summary(0, 0, 2, 0, 1) == "2 regions left empty, 1 area joined"
    assert summary(0, 0, 0, 0, 0) == ""
