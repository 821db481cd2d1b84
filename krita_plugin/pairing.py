# SPDX-License-Identifier: GPL-3.0-or-later
"""Which shapes of the points layer make which pair.  No Krita here.

Two rules are read so far: a straight line is a pair, and two dots of one colour are a pair where
their form (rectangle on the reference, ellipse on the line art) or their place tells which is
which.  What is unclear is listed, never guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .geometry import Box
from .vector_svg import XY, Shape


@dataclass(frozen=True)
class Region:
    """A picture of the job: the layer's name and the box of its content, in document pixels."""

    name: str
    box: Box


@dataclass(frozen=True)
class FoundPair:
    """One pair in document pixels, and the number of the reference it starts on."""

    reference: XY
    lineart: XY
    reference_index: int
    colour: str | None = None


@dataclass(frozen=True)
class PairsFound:
    """The pairs of a points layer, and a sentence for every shape that is in none."""

    pairs: tuple[FoundPair, ...] = ()
    unused: tuple[str, ...] = ()


class _Unclear(Exception):
    """The sentence says why no pair can be made."""


def find_pairs(
    shapes: Sequence[Shape], canvas: Box, lineart: Box, references: Sequence[Region]
) -> PairsFound:
    """Pairs among ``shapes``; a reference that doesn't cover ``lineart`` lies beside it."""
    return _Finder(canvas, lineart, tuple(references)).find(shapes)


class _Finder:
    def __init__(self, canvas: Box, lineart: Box, references: tuple[Region, ...]) -> None:
        self._canvas = canvas
        numbered = tuple(enumerate(references))
        self._beside = tuple((i, r) for i, r in numbered if not r.box.covers(lineart))
        self._over = tuple((i, r) for i, r in numbered if r.box.covers(lineart))

    def find(self, shapes: Sequence[Shape]) -> PairsFound:
        pairs: list[FoundPair] = []
        unused: list[str] = []
        for shape in shapes:
            if shape.kind == "line":
                self._keep(pairs, unused, (shape,))
            elif shape.kind == "other":
                unused.append(f"{_name(shape)} is neither a dot nor a straight line.")
        for dots in _sets_of_dots(shapes):
            self._keep(pairs, unused, dots)
        return PairsFound(tuple(pairs), tuple(unused))

    def _keep(self, pairs: list[FoundPair], unused: list[str], shapes: tuple[Shape, ...]) -> None:
        try:
            pairs.append(self._line(shapes[0]) if shapes[0].ends else self._dots(shapes))
        except _Unclear as reason:
            unused.append(str(reason))

    def _line(self, line: Shape) -> FoundPair:
        assert line.ends is not None
        start, end = line.ends
        by_place = self._by_place(start, end, line.colour)
        if by_place is not None:
            return by_place
        index = self._over_at(start)
        if index is None:
            raise _Unclear(f"{_name(line)} starts on no reference.")
        self._check_on_canvas(end, line)
        return FoundPair(start, end, index, line.colour)

    def _dots(self, dots: tuple[Shape, ...]) -> FoundPair:
        first, second = dots[0], dots[-1]
        if len(dots) == 1:
            other = "a rectangle" if first.kind == "ellipse" else "a round dot"
            raise _Unclear(f"{_name(first)} has no partner: {other} of the same colour is missing.")
        if len(dots) > 2:
            raise _Unclear(
                f"{len(dots)} dots are {colour_word(first.colour)}, so their partners are unclear: "
                "give each pair a colour of its own."
            )
        by_place = self._by_place(first.centre, second.centre, first.colour)
        if by_place is not None:
            return by_place
        if {first.kind, second.kind} != {"ellipse", "rectangle"}:
            both = "rectangles" if first.kind == "rectangle" else "round"
            raise _Unclear(
                f"The two {colour_word(first.colour)} dots at {_at(first.centre)} and "
                f"{_at(second.centre)} are both {both}: make the one on the reference a rectangle "
                "and the one on the line art an ellipse."
            )
        square, round_ = (first, second) if first.kind == "rectangle" else (second, first)
        index = self._over_at(square.centre)
        if index is None:
            raise _Unclear(f"{_name(square)} is not on a reference.")
        self._check_on_canvas(round_.centre, round_)
        return FoundPair(square.centre, round_.centre, index, square.colour)

    def _by_place(self, first: XY, second: XY, colour: str | None) -> FoundPair | None:
        """The pair when exactly one point lies on exactly one reference beside the drawing."""
        on_first = [i for i, region in self._beside if region.box.contains(*first)]
        on_second = [i for i, region in self._beside if region.box.contains(*second)]
        if len(on_first) == 1 and not on_second and self._canvas.contains(*second):
            return FoundPair(first, second, on_first[0], colour)
        if len(on_second) == 1 and not on_first and self._canvas.contains(*first):
            return FoundPair(second, first, on_second[0], colour)
        return None

    def _over_at(self, point: XY) -> int | None:
        at = [
            (i, region)
            for i, region in self._over
            if region.box.contains(*point) and self._canvas.contains(*point)
        ]
        if len(at) > 1:
            names = " and ".join(f"“{region.name}”" for _, region in at)
            raise _Unclear(
                f"At {_at(point)} lie {names}: a point there can't tell which reference it means."
            )
        return at[0][0] if at else None

    def _check_on_canvas(self, point: XY, shape: Shape) -> None:
        if not self._canvas.contains(*point):
            raise _Unclear(f"{_name(shape)} leaves the canvas.")


def _sets_of_dots(shapes: Sequence[Shape]) -> list[tuple[Shape, ...]]:
    """Dots that belong together: two in one group, else all of one colour."""
    dots = [shape for shape in shapes if shape.kind in ("ellipse", "rectangle")]
    in_group: dict[int, list[Shape]] = {}
    for dot in dots:
        if dot.group is not None:
            in_group.setdefault(dot.group, []).append(dot)
    couples = [tuple(members) for members in in_group.values() if len(members) == 2]
    coupled = {id(dot) for couple in couples for dot in couple}
    by_colour: dict[str | None, list[Shape]] = {}
    for dot in dots:
        if id(dot) not in coupled:
            by_colour.setdefault(dot.colour, []).append(dot)
    return couples + [tuple(members) for members in by_colour.values()]


def colour_word(colour: str | None) -> str:
    """A word an artist would use for "#rrggbb", with the number so that likes can be told apart."""
    if colour is None:
        return "colourless"
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    high, low = max(red, green, blue), min(red, green, blue)
    if high - low < 24:
        word = "black" if high < 64 else "white" if low > 220 else "grey"
        return f"{word} ({colour})"
    if high == red:
        hue = 60 * ((green - blue) / (high - low)) % 360
    elif high == green:
        hue = 60 * (2 + (blue - red) / (high - low))
    else:
        hue = 60 * (4 + (red - green) / (high - low))
    limits = (
        (15, "red"), (45, "orange"), (70, "yellow"), (165, "green"),
        (200, "turquoise"), (255, "blue"), (290, "violet"), (345, "pink"), (361, "red"),
    )  # fmt: skip
    return f"{next(word for limit, word in limits if hue < limit)} ({colour})"


def _name(shape: Shape) -> str:
    if shape.ends:
        return f"The line from {_at(shape.ends[0])} to {_at(shape.ends[1])}"
    article = "A" if shape.kind == "other" else "The"
    if shape.kind == "other":
        return f"{article} {shape.word} at {_at(shape.centre)}"
    return f"{article} {colour_word(shape.colour)} {shape.word} at {_at(shape.centre)}"


def _at(point: XY) -> str:
    return f"({round(point[0])}, {round(point[1])})"
