# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shapes of the points layer mean.  No Krita here.

Pairs: a straight line, or two dots of one colour whose form (rectangle on the reference, ellipse
on the line art) or place tells which is which.  Hints: other dots on the drawing.  Open paths close
gaps, closed ones join what they enclose.  What is unclear is listed, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .geometry import Box
from .vector_svg import XY, Shape

_EMPTY_NAME = re.compile(r"(leave[\s_-]*)?empty[\s_-]*\d*", re.IGNORECASE)
"""Krita numbers names that are there twice."""
_MARGIN = 0.02
"""How far from the lines, in shares of the drawing's longer side, is still on the drawing."""


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
class FoundHint:
    """A dot that gives its region a colour ("#rrggbb"), or leaves it empty (None)."""

    at: XY
    colour: str | None


@dataclass(frozen=True)
class Marks:
    """What a points layer says, in document pixels, and a sentence for every shape left over."""

    pairs: tuple[FoundPair, ...] = ()
    hints: tuple[FoundHint, ...] = ()
    closing: tuple[tuple[XY, ...], ...] = ()
    merging: tuple[tuple[XY, ...], ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def mean_anything(self) -> bool:
        return bool(self.pairs or self.hints or self.closing or self.merging)


class _Unclear(Exception):
    """The sentence says why a shape means nothing."""


def read_marks(
    shapes: Sequence[Shape], canvas: Box, lineart: Box, references: Sequence[Region]
) -> Marks:
    """What ``shapes`` mean; a reference that doesn't cover ``lineart`` lies beside it."""
    return _Reader(canvas, lineart, tuple(references)).read(shapes)


class _Reader:
    def __init__(self, canvas: Box, lineart: Box, references: tuple[Region, ...]) -> None:
        self._canvas = canvas
        margin = round(_MARGIN * max(lineart.width, lineart.height))
        self._drawing = lineart.grown(margin).intersection(canvas)
        numbered = tuple(enumerate(references))
        self._beside = tuple((i, r) for i, r in numbered if not r.box.covers(lineart))
        self._over = tuple((i, r) for i, r in numbered if r.box.covers(lineart))
        self._pairs: list[FoundPair] = []
        self._hints: list[FoundHint] = []
        self._closing: list[tuple[XY, ...]] = []
        self._merging: list[tuple[XY, ...]] = []
        self._unused: list[str] = []

    def read(self, shapes: Sequence[Shape]) -> Marks:
        for shape in shapes:
            if shape.kind not in ("ellipse", "rectangle"):
                self._keep((shape,))
        for dots in self._sets_of_dots(shapes):
            self._keep(dots)
        return Marks(
            tuple(self._pairs),
            tuple(self._hints),
            tuple(self._closing),
            tuple(self._merging),
            tuple(self._unused),
        )

    def _keep(self, shapes: tuple[Shape, ...]) -> None:
        try:
            if len(shapes) == 1:
                self._single(shapes[0])
            else:
                self._dots(shapes)
        except _Unclear as reason:
            self._unused.append(str(reason))

    def _single(self, shape: Shape) -> None:
        if shape.kind == "line":
            self._line(shape)
        elif shape.kind in ("open", "closed"):
            self._path(shape)
        elif shape.kind == "other":
            raise _Unclear(f"{_name(shape)} is neither a dot nor a line.")
        else:
            self._hints.append(self._hint(shape))

    # -- lines and paths ----------------------------------------------------------------------

    def _line(self, line: Shape) -> None:
        assert line.ends is not None
        start, end = line.ends
        by_place = self._by_place(start, end, line.colour)
        if by_place is not None:
            self._pairs.append(by_place)
        elif self._is_plain(start) and self._is_plain(end):
            self._closing.append(line.path)
        else:
            index = self._over_at(start)
            if index is None:
                raise _Unclear(f"{_name(line)} starts on no reference.")
            self._check_on_canvas(end, line)
            self._pairs.append(FoundPair(start, end, index, line.colour))

    def _path(self, path: Shape) -> None:
        for _, region in self._beside:
            if any(region.box.contains(*point) for point in path.path):
                raise _Unclear(
                    f"{_name(path)} touches the reference “{region.name}”: only a straight line of "
                    "two nodes makes a pair."
                )
        if not any(self._canvas.contains(*point) for point in path.path):
            raise _Unclear(f"{_name(path)} lies outside the canvas.")
        if path.kind == "open":
            self._closing.append(path.path)
        elif len(path.path) > 2:
            self._merging.append(path.path)
        else:
            raise _Unclear(f"{_name(path)} encloses nothing.")

    # -- dots ---------------------------------------------------------------------------------

    def _sets_of_dots(self, shapes: Sequence[Shape]) -> list[tuple[Shape, ...]]:
        """Dots that belong together: in one group, else of one colour."""
        dots = [shape for shape in shapes if shape.kind in ("ellipse", "rectangle")]
        named = [(dot,) for dot in dots if _EMPTY_NAME.fullmatch(dot.name)]
        in_group: dict[int, list[Shape]] = {}
        for dot in dots:
            if dot.group is not None and (dot,) not in named:
                in_group.setdefault(dot.group, []).append(dot)
        groups = [tuple(members) for members in in_group.values() if self._is_a_set(members)]
        done = {id(dot) for members in (*named, *groups) for dot in members}
        by_colour: dict[str | None, list[Shape]] = {}
        for dot in dots:
            if id(dot) not in done:
                by_colour.setdefault(dot.colour, []).append(dot)
        return [*named, *groups, *(tuple(members) for members in by_colour.values())]

    def _is_a_set(self, group: Sequence[Shape]) -> bool:
        return len(group) == 2 or self._are_grouped_hints(group)

    def _dots(self, dots: tuple[Shape, ...]) -> None:
        first, second = dots[0], dots[-1]
        if len(dots) == 2:
            by_place = self._by_place(first.centre, second.centre, first.colour)
            if by_place is not None:
                self._pairs.append(by_place)
                return
        # Where no reference is, there is nothing that they could be paired with.
        if self._are_grouped_hints(dots) or all(self._is_plain(dot.centre) for dot in dots):
            for dot in dots:
                self._keep((dot,))
            return
        if len(dots) > 2:
            raise _Unclear(
                f"{len(dots)} dots are {colour_word(first.colour)}, so their partners are unclear: "
                "give each pair a colour of its own. If all are hints, make them round and group "
                "them."
            )
        self._pairs.append(self._by_form(first, second))

    def _are_grouped_hints(self, dots: Sequence[Shape]) -> bool:
        """Round dots that the artist has grouped: a reference's end would be a rectangle."""
        return (
            len(dots) > 1
            and all(dot.kind == "ellipse" for dot in dots)
            and len({dot.group for dot in dots}) == 1
            and dots[0].group is not None
            and not any(self._beside_at(dot.centre) for dot in dots)
        )

    def _by_form(self, first: Shape, second: Shape) -> FoundPair:
        if not self._over:
            raise _Unclear(
                f"The two {colour_word(first.colour)} dots at {_at(first.centre)} and "
                f"{_at(second.centre)} are no pair: one has to lie on a reference, the other one "
                "on the drawing."
            )
        if {first.kind, second.kind} != {"ellipse", "rectangle"}:
            both = "rectangles" if first.kind == "rectangle" else "round"
            raise _Unclear(
                f"The two {colour_word(first.colour)} dots at {_at(first.centre)} and "
                f"{_at(second.centre)} are both {both}. For a pair, make the one on the reference "
                "a rectangle and the one on the line art an ellipse; for two hints, make both "
                "round and group them."
            )
        square, round_ = (first, second) if first.kind == "rectangle" else (second, first)
        index = self._over_at(square.centre)
        if index is None:
            raise _Unclear(f"{_name(square)} is not on a reference.")
        self._check_on_canvas(round_.centre, round_)
        return FoundPair(square.centre, round_.centre, index, square.colour)

    def _hint(self, dot: Shape) -> FoundHint:
        beside = self._beside_at(dot.centre)
        if beside:
            raise _Unclear(
                f"{_name(dot)} lies on the reference “{beside[0][1].name}” and has no partner of "
                "its colour on the line art."
            )
        self._check_on_canvas(dot.centre, dot)
        if _EMPTY_NAME.fullmatch(dot.name) or (dot.hollow and dot.colour is not None):
            return FoundHint(dot.centre, None)
        if dot.colour is None:
            lack = "neither fill nor outline" if dot.hollow else "no plain colour"
            raise _Unclear(f"The {dot.word} at {_at(dot.centre)} has {lack}.")
        return FoundHint(dot.centre, dot.colour)

    # -- places -------------------------------------------------------------------------------

    def _by_place(self, first: XY, second: XY, colour: str | None) -> FoundPair | None:
        """The pair when exactly one point lies on exactly one reference beside the drawing."""
        on_first = [i for i, _ in self._beside_at(first)]
        on_second = [i for i, _ in self._beside_at(second)]
        if len(on_first) == 1 and not on_second and self._canvas.contains(*second):
            return FoundPair(first, second, on_first[0], colour)
        if len(on_second) == 1 and not on_first and self._canvas.contains(*first):
            return FoundPair(second, first, on_second[0], colour)
        return None

    def _beside_at(self, point: XY) -> list[tuple[int, Region]]:
        return [(i, region) for i, region in self._beside if region.box.contains(*point)]

    def _is_plain(self, point: XY) -> bool:
        """Whether the point is on the drawing and on no reference."""
        regions = [region for _, region in (*self._beside, *self._over)]
        on_reference = any(region.box.contains(*point) for region in regions)
        return self._drawing.contains(*point) and not on_reference

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


def summary(pairs: int, hints: int, left_empty: int, closed: int, joined: int) -> str:
    """What was understood, in half a sentence, such as "2 pairs, 1 colour hint"."""
    counts = (
        (pairs, "pair", "pairs"),
        (hints, "colour hint", "colour hints"),
        (left_empty, "region left empty", "regions left empty"),
        (closed, "gap closed", "gaps closed"),
        (joined, "area joined", "areas joined"),
    )
    return ", ".join(f"{n} {one if n == 1 else more}" for n, one, more in counts if n)


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
    if shape.kind in ("ellipse", "rectangle"):
        return f"The {colour_word(shape.colour)} {shape.word} at {_at(shape.centre)}"
    return f"A {shape.word} at {_at(shape.centre)}"


def _at(point: XY) -> str:
    return f"({round(point[0])}, {round(point[1])})"
