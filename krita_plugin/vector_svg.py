# SPDX-License-Identifier: GPL-3.0-or-later
"""From the SVG that Krita writes for a vector layer to shapes in document pixels.  No Krita here.

Krita writes a vector layer in points (1/72 inch), with nested ``transform`` attributes and
without the layer's own offset.
"""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

XY = tuple[float, float]
Matrix = tuple[float, float, float, float, float, float]

IDENTITY: Matrix = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_CALL = re.compile(r"([a-zA-Z]+)\s*\(([^)]*)\)")
# Not any letter: numbers such as 1e-05 have one.
_COMMAND = re.compile(r"([MLHVCSQTAZmlhvcsqtaz])([^MLHVCSQTAZmlhvcsqtaz]*)")
_COUNTS = {"M": 2, "L": 2, "T": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "A": 7}
"""Numbers that one segment of each path command takes."""
_FAR = 1e9
_CHORD_PX = 8.0
_MOST_CHORDS = 64
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_INHERITED = ("fill", "stroke", "fill-opacity", "stroke-opacity", "stroke-width")


@dataclass(frozen=True)
class Shape:
    """One visible shape of a vector layer, in document pixels.

    ``kind`` is "ellipse", "rectangle", "line" (straight, open, two nodes), "open" or "closed"
    (other paths) or "other"; ``word`` names it to the artist.  ``colour`` is the fill, else the
    outline, as "#rrggbb"; ``hollow``: nothing is painted inside.  ``ends`` is set for lines only,
    in drawing order; ``path`` are the points of any path, curves as short chords.  ``group``
    numbers the innermost group.
    """

    kind: str
    word: str
    colour: str | None
    centre: XY
    ends: tuple[XY, XY] | None = None
    group: int | None = None
    name: str = ""
    hollow: bool = False
    path: tuple[XY, ...] = ()


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
        matrix = multiply(matrix, _single_transform(name, _numbers(arguments)))
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
    name = element.get("id", "")
    if tag == "path":
        return _path(element.get("d", ""), matrix, style, group, name)
    kind, word, centre = "other", "shape", (0.0, 0.0)
    if tag == "text":
        # The start of its first line: how far it reaches only its font knows.
        word, centre = "text", (_number(element, "x"), _number(element, "y"))
    elif tag in ("circle", "ellipse"):
        kind, word, centre = "ellipse", "dot", (_number(element, "cx"), _number(element, "cy"))
    elif tag == "rect":
        kind, word = "rectangle", "rectangle"
        centre = (
            _number(element, "x") + _number(element, "width") / 2,
            _number(element, "y") + _number(element, "height") / 2,
        )
    hollow = not _is_painted(style, "fill")
    return Shape(kind, word, _colour(style), apply(matrix, centre), None, group, name, hollow)


def _path(
    data: str, matrix: Matrix, style: Mapping[str, str], group: int | None, name: str
) -> Shape:
    parts = [part for part in _parts(data) if len(part.nodes) > 1]
    points = [apply(matrix, node) for part in parts for node in part.nodes]
    points = points or [apply(matrix, (0.0, 0.0))]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    centre = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    # An open path encloses nothing: what Krita calls its fill is never painted.
    outline = _colour({**style, "fill": "none"})
    if len(parts) != 1:
        word = "shape of several parts" if parts else "shape"
        return Shape("other", word, outline, centre, None, group, name)
    part, flat = parts[0], tuple(_flattened(parts[0], matrix))
    if part.closed:
        colour = _colour(style)
        return Shape("closed", "closed shape", colour, centre, None, group, name, path=flat)
    if len(part.nodes) == 2 and part.is_straight:
        ends = (points[0], points[1])
        return Shape("line", "line", outline, centre, ends, group, name, path=ends)
    word = "line with corners" if part.is_straight else "curve"
    return Shape("open", word, outline, centre, None, group, name, path=flat)


@dataclass
class _Part:
    """One stroke of a path: its nodes, and the control points of the segment after each."""

    nodes: list[XY]
    controls: list[tuple[XY, ...]] = field(default_factory=list)
    closed: bool = False
    is_straight: bool = True

    def add(self, controls: tuple[XY, ...], end: XY, is_arc: bool) -> None:
        here = self.nodes[-1]
        straight = not is_arc and all(_between(here, end, c) for c in controls)
        self.is_straight = self.is_straight and straight
        self.nodes.append(end)
        self.controls.append(() if straight else controls)

    def close(self) -> None:
        self.closed = True
        if len(self.nodes) > 1 and self.nodes[0] == self.nodes[-1] and not self.controls[-1]:
            self.nodes.pop()
            self.controls.pop()


def _parts(data: str) -> list[_Part]:
    """The strokes of path data as Krita writes it: M, L, C, Q, Z.

    Relative commands, H, V, S and T are read, too; arcs count as straight.
    """
    parts: list[_Part] = []
    here: XY = (0.0, 0.0)
    control: XY | None = None
    for command, arguments in _COMMAND.findall(data):
        kind = command.upper()
        if kind == "Z":
            if parts:
                parts[-1].close()
                here = parts[-1].nodes[0]
            continue
        numbers, step = _numbers(arguments), _COUNTS[kind]
        for start in range(0, len(numbers) - step + 1, step):
            segment = _segment(kind, command.islower(), numbers[start : start + step], here)
            if kind == "M" and start == 0:
                parts.append(_Part([segment[-1]]))
            else:
                if not parts or parts[-1].closed:
                    parts.append(_Part([here]))
                if kind in ("S", "T"):
                    segment.insert(0, _mirrored(control or here, here))
                parts[-1].add(tuple(segment[:-1]), segment[-1], kind == "A")
            control = segment[-2] if len(segment) > 1 else None
            here = segment[-1]
    return parts


def _segment(kind: str, relative: bool, n: Sequence[float], here: XY) -> list[XY]:
    """The control points of a segment and its end."""
    base = here if relative else (0.0, 0.0)
    if kind == "H":
        return [(base[0] + n[0], here[1])]
    if kind == "V":
        return [(here[0], base[1] + n[0])]
    if kind == "A":
        return [(base[0] + n[5], base[1] + n[6])]
    return [(base[0] + n[i], base[1] + n[i + 1]) for i in range(0, len(n), 2)]


def _mirrored(point: XY, middle: XY) -> XY:
    return (2 * middle[0] - point[0], 2 * middle[1] - point[1])


def _flattened(part: _Part, matrix: Matrix) -> Iterator[XY]:
    """The points of a stroke in document pixels, curves as chords of about eight pixels."""
    yield apply(matrix, part.nodes[0])
    for start, controls, end in zip(part.nodes, part.controls, part.nodes[1:]):
        corners = [apply(matrix, point) for point in (start, *controls, end)]
        length = sum(math.dist(corners[i], corners[i + 1]) for i in range(len(corners) - 1))
        chords = min(_MOST_CHORDS, math.ceil(length / _CHORD_PX)) if controls else 1
        for index in range(1, chords):
            yield _on_curve(corners, index / chords)
        yield corners[-1]


def _on_curve(corners: Sequence[XY], at: float) -> XY:
    """De Casteljau: the point of a Bézier curve of any degree, ``at`` from 0 to 1."""
    while len(corners) > 1:
        corners = [_between_at(corners[i], corners[i + 1], at) for i in range(len(corners) - 1)]
    return corners[0]


def _between_at(a: XY, b: XY, share: float) -> XY:
    return (a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1]))


def _between(start: XY, end: XY, point: XY) -> bool:
    """Whether ``point`` is on the straight way from start to end, to a hundredth of its length."""
    length = math.dist(start, end)
    return math.dist(start, point) + math.dist(point, end) <= 1.0001 * length + 1e-9


def _colour(style: Mapping[str, str]) -> str | None:
    if _is_painted(style, "fill"):
        return _plain(style, "fill")
    if _is_painted(style, "stroke") and _float(style.get("stroke-width", "1")) > 0:
        return _plain(style, "stroke")
    return None


def _is_painted(style: Mapping[str, str], key: str) -> bool:
    return style.get(key, "none") != "none" and _float(style.get(f"{key}-opacity", "1")) > 0


def _plain(style: Mapping[str, str], key: str) -> str | None:
    """The colour, unless it is a gradient or a pattern."""
    value = style.get(key, "none")
    return value.lower() if _HEX.fullmatch(value) else None


def _numbers(text: str) -> list[float]:
    return [max(-_FAR, min(_FAR, float(n))) for n in _NUMBER.findall(text)]


def _number(element: ElementTree.Element, key: str) -> float:
    return _float(element.get(key, "0"))


def _float(text: str) -> float:
    return next(iter(_numbers(text)), 0.0)
