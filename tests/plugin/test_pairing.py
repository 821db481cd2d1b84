# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shapes make a pair, and what is said of the rest."""

from krita_plugin.geometry import Box
from krita_plugin.pairing import Region, find_pairs
from krita_plugin.vector_svg import Shape

CANVAS = Box(0, 0, 200, 100)
OVER = Region("over", CANVAS)
ART = Box(0, 0, 100, 100)
BESIDE = Region("beside", Box(120, 0, 80, 100))
RED, BLUE = "#ff0000", "#0000ff"


def dot(x, y, colour=RED, kind="ellipse", group=None):
    word = "dot" if kind == "ellipse" else "rectangle"
    return Shape(kind, word, colour, (x, y), None, group)


def rectangle(x, y, colour=RED, group=None):
    return dot(x, y, colour, "rectangle", group)


def line(start, end, colour=RED):
    middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
    return Shape("line", "line", colour, middle, (start, end))


def over(*shapes):
    return find_pairs(shapes, CANVAS, CANVAS, [OVER])


def beside(*shapes):
    return find_pairs(shapes, CANVAS, ART, [BESIDE])


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


def test_a_single_dot_is_listed():
    found = over(dot(30, 40))
    assert not found.pairs and "no partner" in found.unused[0]


def test_two_in_a_group_are_a_pair_whatever_else_has_their_colour():
    found = over(rectangle(1, 2, group=1), dot(3, 4, group=1), rectangle(5, 6), dot(7, 8))
    assert set(ends(found)) == {((1, 2), (3, 4)), ((5, 6), (7, 8))}


def test_beside_the_drawing_a_line_may_be_drawn_either_way():
    found = beside(line((10, 10), (150, 50)), line((160, 50), (20, 20)))
    assert ends(found) == [((150, 50), (10, 10)), ((160, 50), (20, 20))]


def test_beside_the_drawing_the_place_tells_dots_apart():
    found = beside(dot(10, 10), dot(150, 50))
    assert ends(found) == [((150, 50), (10, 10))]


def test_a_line_that_never_touches_the_reference_is_listed():
    found = beside(line((10, 10), (50, 50)))
    assert not found.pairs and "starts on no reference" in found.unused[0]


def test_a_line_that_leaves_the_canvas_is_listed():
    found = over(line((10, 10), (500, 50)))
    assert not found.pairs and "leaves the canvas" in found.unused[0]


def test_two_references_over_each_other_are_not_guessed_between():
    found = find_pairs([line((10, 10), (50, 50))], CANVAS, CANVAS, [OVER, Region("other", CANVAS)])
    assert not found.pairs and "“over” and “other”" in found.unused[0]


def test_each_reference_beside_the_drawing_gets_its_own_pairs():
    left, right = Region("left", Box(0, 0, 50, 100)), Region("right", Box(150, 0, 50, 100))
    shapes = [line((10, 10), (100, 50)), line((160, 10), (100, 60), BLUE)]
    found = find_pairs(shapes, CANVAS, Box(60, 0, 80, 100), [left, right])
    assert [pair.reference_index for pair in found.pairs] == [0, 1]


def test_other_shapes_are_named():
    curve = Shape("other", "curve", RED, (5, 6))
    assert over(curve).unused == ("A curve at (5, 6) is neither a dot nor a straight line.",)
