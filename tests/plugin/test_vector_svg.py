# SPDX-License-Identifier: GPL-3.0-or-later
"""Shapes out of the SVG that Krita writes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_plugin import vector_svg
from krita_plugin.vector_svg import read_shapes

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" width="72pt" height="72pt" viewBox="0 0 72 72">'
PX = (300 / 72, 300 / 72)


def read(body, px=(1.0, 1.0), offset=(0.0, 0.0)):
    return read_shapes(f"{HEAD}{body}</svg>", px, offset)


def test_a_dot_as_kritas_ellipse_tool_draws_it():
    (dot,) = read(
        '<circle id="shape0" transform="translate(24, 24)" r="2.4" cx="2.4" cy="2.4" '
        'fill="#FF8000" fill-rule="evenodd"/>',
        PX,
    )
    assert (dot.kind, dot.colour, dot.name) == ("ellipse", "#ff8000", "shape0")
    assert dot.centre == pytest.approx((110, 110))


def test_an_unfilled_dot_has_the_colour_of_its_outline():
    (dot,) = read('<ellipse cx="5" cy="5" rx="2" ry="1" fill="none" stroke="#ff0000"/>')
    assert dot.colour == "#ff0000"


def test_an_outline_that_is_not_painted_is_no_colour():
    body = '<circle cx="1" cy="1" r="1" fill="none" stroke="#ff0000" stroke-width="0"/>'
    assert read(body)[0].colour is None


def test_a_text_lies_where_it_begins():
    (text,) = read('<text transform="translate(1, 2)" x="10 14" y="20">17</text>')
    assert (text.kind, text.word, text.centre) == ("other", "text", (11, 22))


def test_groups_transform_their_children_in_order():
    body = (
        '<g transform="translate(10 0)"><g transform="scale(2)">'
        '<rect width="4" height="2" fill="#000000" transform="rotate(90)"/></g></g>'
    )
    (square,) = read(body)
    assert square.kind == "rectangle"
    assert square.centre == pytest.approx((10 + 2 * -1, 2 * 2))


def test_the_offset_of_the_layer_is_in_pixels():
    (dot,) = read('<circle cx="1" cy="1" r="1" fill="#000000"/>', PX, (7, -3))
    assert dot.centre == pytest.approx((300 / 72 + 7, 300 / 72 - 3))


def test_a_straight_path_of_two_nodes_is_a_line_with_ends_in_drawing_order():
    (line,) = read(
        '<path transform="translate(20, 30)" fill="#000000" stroke="#00ff00" '
        'stroke-width="1" d="M100 60L0 0"/>'
    )
    assert line.kind == "line" and line.colour == "#00ff00"
    assert line.ends == ((120, 90), (20, 30))


@pytest.mark.parametrize(
    ("data", "kind", "word"),
    [
        ("M0 0C10 0 20 10 30 30", "open", "curve"),
        ("M0 0L10 0L20 10", "open", "line with corners"),
        ("M0 0L10 0L20 10Z", "closed", "closed shape"),
        ("M0 0L10 0Z", "closed", "closed shape"),
        ("M0 0L10 0M20 10L30 10", "other", "shape of several parts"),
        ("M0 0", "other", "shape"),
    ],
)
def test_other_paths_are_named_and_are_no_line(data, kind, word):
    (shape,) = read(f'<path d="{data}" stroke="#000000" fill="none"/>')
    assert (shape.kind, shape.word) == (kind, word)
    assert shape.ends is None


def test_the_points_of_a_path_are_in_document_pixels():
    (shape,) = read('<path transform="translate(2 1)" d="M0 0L10 0l10 10H5Z"/>', PX, (7, -3))
    wanted = [((x + 2) * PX[0] + 7, (y + 1) * PX[1] - 3) for x, y in ((0, 0), (10, 0), (20, 10))]
    assert len(shape.path) == 4
    for got, want in zip(shape.path, wanted):
        assert got == pytest.approx(want)


def test_a_closed_path_that_was_led_back_to_its_start_has_no_point_twice():
    (shape,) = read('<path d="M0 0L10 0L20 10L0 0Z"/>')
    assert shape.path == ((0, 0), (10, 0), (20, 10))


@pytest.mark.parametrize(
    "data", ["M0 0C0 100 100 100 100 0", "M0 0Q50 150 100 0", "M0 0C0 40 20 75 50 75S100 40 100 0"]
)
def test_curves_become_chords_that_stay_on_them(data):
    (shape,) = read(f'<path d="{data}" stroke="#000000"/>')
    steps = [math.dist(a, b) for a, b in zip(shape.path, shape.path[1:])]
    assert max(steps) < 10 and shape.path[0] == (0, 0)
    assert shape.path[-1] == pytest.approx((100, 0))
    assert max(y for _, y in shape.path) == pytest.approx(75, abs=1)


def test_numbers_with_exponents_are_numbers():
    (line,) = read('<path d="M1e-05 2L1e1 3" stroke="#000000"/>')
    assert line.ends == ((1e-05, 2), (10, 3))


@pytest.mark.parametrize(
    ("paint", "hollow", "colour"),
    [
        ('fill="#ff0000" stroke="#00ff00"', False, "#ff0000"),
        ('fill="none" stroke="#00ff00"', True, "#00ff00"),
        ('fill="#ff0000" fill-opacity="0" stroke="#00ff00"', True, "#00ff00"),
        ('fill="url(#gradient0)" stroke="#00ff00"', False, None),
        ('fill="none" stroke="#00ff00" stroke-width="0"', True, None),
    ],
)
def test_a_dot_is_hollow_where_no_fill_is_painted(paint, hollow, colour):
    (dot,) = read(f'<circle cx="1" cy="1" r="1" {paint}/>')
    assert (dot.hollow, dot.colour) == (hollow, colour)


def test_a_curve_with_its_handles_on_the_line_is_straight():
    (line,) = read('<path d="M0 0C3 3 6 6 9 9" stroke="#000000" fill="none"/>')
    assert line.kind == "line"


def test_hidden_shapes_are_left_out():
    assert read('<g display="none"><circle cx="1" cy="1" r="1"/></g><rect display="none"/>') == ()


def test_an_empty_layer_has_no_shapes():
    assert read_shapes("", (1, 1)) == ()


def test_what_is_no_svg_is_refused():
    with pytest.raises(vector_svg.UnreadableSvg):
        read_shapes("<svg", (1, 1))


@given(st.floats(-360, 360), st.floats(-100, 100), st.floats(-100, 100))
def test_a_turn_about_a_point_keeps_that_point(angle, x, y):
    matrix = vector_svg.parse_transform(f"rotate({angle:.6f} {x:.6f} {y:.6f})")
    assert math.dist(vector_svg.apply(matrix, (x, y)), (x, y)) < 1e-4


@given(st.text(alphabet="MLCZHVAQSTmlczhvaqst0123456789.,-+e ()", max_size=60))
def test_any_path_data_gives_a_shape(data):
    (shape,) = read(f'<path d="{data}" transform="{data}" stroke="#000000"/>')
    assert shape.kind in ("line", "open", "closed", "other")
    assert all(math.isfinite(v) for point in shape.path for v in point)
