# SPDX-License-Identifier: GPL-3.0-or-later
"""From the SVG that Krita writes for a vector layer to shapes in document pixels.  No Krita here.

Krita writes a vector layer in points (1/72 inch), with nested ``transform`` attributes and
without the layer's own offset.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

XY = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_CALL = re.compile(r"([a-zA-Z]+)\s*\(([^)]*)\)")
_COMMAND = re.compile(r"([a-zA-Z])([^a-zA-Z]*)")
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_INHERITED = ("fill", "stroke", "fill-opacity", "stroke-opacity", "stroke-width")


@dataclass(frozen=True)
class Shape:
    """One visible shape of a vector layer, in document pixels.

    ``kind`` is "ellipse", "rectangle", "line" (straight, open, two nodes) or "other";
    ``word`` names it to the artist.  ``colour`` is the fill, else the outline, as "#rrggbb".
    ``ends`` is set for lines only, in drawing order.  ``group`` numbers the innermost group.
    """

    kind: str
    word: str
    colour: str | None
    centre: XY
    ends: tuple[XY, XY] | None = None
    group: int | None = None
    name: str = ""


class UnreadableSvg(ValueError):
    """The text is not the SVG of a vector layer."""


def read_shapes(svg: str, px_per_point: XY, offset: XY = (0.0, 0.0)) -> tuple[Shape, ...]:
    """All visible shapes of ``svg``, mapped by ``px_per_point`` and shifted by ``offset`` (px).

    An empty text has no shapes.  Raises UnreadableSvg.
    """
    if not svg.strip():
        return ()
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise UnreadableSvg(str(error)) from error
    to_pixels = (px_per_point[0], 0.0, 0.0, px_per_point[1], offset[0], offset[1])
    return tuple(_walk(root, to_pixels, {}, None, [0]))


def multiply(outer: Matrix, inner: Matrix) -> Matrix:
    """The matrix that applies ``inner`` first, then ``outer``; (a, b, c, d, e, f) as in SVG."""
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return (
        a * g + c * h,
        b * g + d * h,
        a * i + c * j,
        b * i + d * j,
        a * k + c * m + e,
        b * k + d * m + f,
    )


def apply(matrix: Matrix, point: XY) -> XY:
    a, b, c, d, e, f = matrix
    return (a * point[0] + c * point[1] + e, b * point[0] + d * point[1] + f)


def parse_transform(text: str) -> Matrix:
    """An SVG ``transform`` attribute; parts that are unknown count as identity."""
    matrix = IDENTITY
    for name, arguments in _CALL.findall(text):
        numbers = [float(n) for n in _NUMBER.findall(arguments)]
        matrix = multiply(matrix, _single_transform(name, numbers))
    return matrix


def _single_transform(name: str, n: list[float]) -> Matrix:
    if name == "matrix" and len(n) == 6:
        return (n[0], n[1], n[2], n[3], n[4], n[5])
    if name == "translate" and n:
        return (1.0, 0.0, 0.0, 1.0, n[0], n[1] if len(n) > 1 else 0.0)
    if name == "scale" and n:
        return (n[0], 0.0, 0.0, n[1] if len(n) > 1 else n[0], 0.0, 0.0)
    if name == "rotate" and n:
        cos, sin = math.cos(math.radians(n[0])), math.sin(math.radians(n[0]))
        turn = (cos, sin, -sin, cos, 0.0, 0.0)
        if len(n) < 3:
            return turn
        there, back = (1.0, 0.0, 0.0, 1.0, n[1], n[2]), (1.0, 0.0, 0.0, 1.0, -n[1], -n[2])
        return multiply(there, multiply(turn, back))
    return IDENTITY


def _walk(
    element: ElementTree.Element,
    matrix: Matrix,
    style: Mapping[str, str],
    group: int | None,
    groups: list[int],
) -> Iterator[Shape]:
    for child in element:
        tag = child.tag.split("}")[-1] if isinstance(child.tag, str) else ""
        own = _style(child, style)
        if tag in ("", "defs", "title", "desc", "metadata") or own.get("display") == "none":
            continue
        placed = multiply(matrix, parse_transform(child.get("transform", "")))
        if tag in ("g", "svg"):
            groups[0] += 1
            yield from _walk(child, placed, own, groups[0], groups)
        else:
            yield _shape(tag, child, placed, own, group)


def _style(element: ElementTree.Element, inherited: Mapping[str, str]) -> dict[str, str]:
    style = {key: value for key, value in inherited.items() if key in _INHERITED}
    style.update(
        {key: value for key, value in element.attrib.items() if key in (*_INHERITED, "display")}
    )
    for part in element.get("style", "").split(";"):
        key, separator, value = part.partition(":")
        if separator:
            style[key.strip()] = value.strip()
    return style


def _shape(
    tag: str,
    element: ElementTree.Element,
    matrix: Matrix,
    style: Mapping[str, str],
    group: int | None,
) -> Shape:
    colour, name = _colour(style), element.get("id", "")
    if tag in ("circle", "ellipse"):
        centre = (_number(element, "cx"), _number(element, "cy"))
        return Shape("ellipse", "dot", colour, apply(matrix, centre), None, group, name)
    if tag == "rect":
        centre = (
            _number(element, "x") + _number(element, "width") / 2,
            _number(element, "y") + _number(element, "height") / 2,
        )
        return Shape("rectangle", "rectangle", colour, apply(matrix, centre), None, group, name)
    if tag == "path":
        return _path(element.get("d", ""), matrix, style, group, name)
    word = "text" if tag == "text" else "shape"
    return Shape("other", word, colour, apply(matrix, (0.0, 0.0)), None, group, name)


def _path(
    data: str, matrix: Matrix, style: Mapping[str, str], group: int | None, name: str
) -> Shape:
    nodes, straight, closed = _path_nodes(data)
    points = [apply(matrix, node) for node in nodes] or [apply(matrix, (0.0, 0.0))]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    centre = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    if len(nodes) == 2 and straight and not closed:
        # An open path encloses nothing: what Krita calls its fill is never painted.
        colour = _colour({**style, "fill": "none"})
        return Shape("line", "line", colour, centre, (points[0], points[1]), group, name)
    word = "closed shape" if closed else "curve" if not straight else "line with corners"
    return Shape("other", word, _colour(style), centre, None, group, name)


def _path_nodes(data: str) -> tuple[list[XY], bool, bool]:
    """(nodes, only straight segments, closed) of path data as Krita writes it: M, L, C, Q, Z.

    Relative commands and H, V are read, too; arcs count as curves through their end.
    """
    nodes: list[XY] = []
    straight, closed = True, False
    here: XY = (0.0, 0.0)
    for command, arguments in _COMMAND.findall(data):
        numbers = [float(n) for n in _NUMBER.findall(arguments)]
        kind = command.upper()
        if kind == "Z":
            closed = True
            continue
        step = {"M": 2, "L": 2, "T": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "A": 7}.get(kind)
        if step is None:
            continue
        for start in range(0, len(numbers) - step + 1, step):
            controls, end = _segment(kind, command.islower(), numbers[start : start + step], here)
            straight = straight and kind != "A" and all(_between(here, end, c) for c in controls)
            nodes.append(end)
            here = end
    if closed and len(nodes) > 1 and nodes[0] == nodes[-1]:
        nodes.pop()
    return nodes, straight, closed


def _segment(kind: str, relative: bool, n: list[float], here: XY) -> tuple[list[XY], XY]:
    base = here if relative else (0.0, 0.0)
    if kind == "H":
        return [], (base[0] + n[0], here[1])
    if kind == "V":
        return [], (here[0], base[1] + n[0])
    if kind == "A":
        return [], (base[0] + n[5], base[1] + n[6])
    points = [(base[0] + n[i], base[1] + n[i + 1]) for i in range(0, len(n), 2)]
    return points[:-1], points[-1]


def _between(start: XY, end: XY, point: XY) -> bool:
    """Whether ``point`` is on the straight way from start to end, to a hundredth of its length."""
    length = math.dist(start, end)
    return math.dist(start, point) + math.dist(point, end) <= 1.0001 * length + 1e-9


def _colour(style: Mapping[str, str]) -> str | None:
    fill = _paint(style, "fill")
    if fill is not None:
        return fill
    if _float(style.get("stroke-width", "1")) <= 0:
        return None
    return _paint(style, "stroke")


def _paint(style: Mapping[str, str], key: str) -> str | None:
    value = style.get(key, "none")
    if _float(style.get(f"{key}-opacity", "1")) <= 0:
        return None
    return value.lower() if _HEX.fullmatch(value) else None


def _number(element: ElementTree.Element, key: str) -> float:
    return _float(element.get(key, "0"))


def _float(text: str) -> float:
    match = _NUMBER.search(text)
    return float(match.group()) if match else 0.0
