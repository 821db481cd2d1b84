# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a region may run out through an opening that its lines leave.

Real line art is open: a strand of hair ends before it meets the cheek, an outline has a hole as
wide as a finger. Closing gaps (:mod:`.regions`) stops at a width; what is wider is looked at here.
A region is cut in thought at every constriction into blobs, and each passage between two blobs is
told from a collar or a wrist by what is round it: how wide it is, beside its blobs and beside a
line; whether lines end there, and point at each other; whether both sides are one piece of ink.
How likely that makes a leak is fitted on generated pages whose openings are known
(``python -m benchmarks.leaks_fit``), and lies in ``leaks.json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np

from .judge import Judge, load_judge
from .passages import line_width
from .regions import Marking, distances, grown, halved, phase_of
from .values import Regions

_LONGEST_PX = 1400
"""Side at which constrictions are looked for: what is narrower there is a gap, not a passage."""
_OLDER = 2
"""A blob is so many balls wider than the passage, each ball 1.25 times the next."""
_STEP = 1.25
_COARSE_PX = 4.0
"""Balls from this radius on are tried at half resolution."""
_AROUND = (1.6, 4.5)
"""How far round its end a line is looked at, in line widths: the tip of an ear looks like the end
of a line from nearby alone."""
_DIRECTIONS = 64
_AT_WALL = 1.5
"""So near to a wall a border ends at it, in pixels of the blobs."""

FEATURES = (
    "width in lines",
    "width beside the smaller blob",
    "width beside the larger blob",
    "width of the page",
    "a line ends",
    "both lines end",
    "a line ends, seen from afar",
    "both lines end, seen from afar",
    "points across",
    "point at each other",
    "ends, width in lines",
    "points, width beside the smaller blob",
    "one piece of ink",
    "edge of the page",
    "open paper",
    "smaller blob in lines",
    "other passages",
)
"""What is known of a passage, in the order of ``leaks.json``."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Passage:
    """A constriction of a region.

    Attributes:
        path: (3, 2) float, x and y: from one side over the middle to the other.
        width_px: between the sides.
        leak: how likely it is that a line was meant here, 0 to 1.
        blobs: numbers of the two blobs.
        evidence: of each of :data:`FEATURES`.
    """

    path: np.ndarray
    width_px: float
    leak: float
    blobs: tuple[int, int]
    evidence: np.ndarray


@dataclass(frozen=True)
class Blobs:
    """Regions in blobs.

    Attributes:
        labels: (h, w) int32, from 1 on; 0 under lines. Of a picture that may be smaller.
        scale: pixels of the page for one of ``labels``.
        corner: (x, y) of the page's pixel where ``labels`` begins.
        passages: between blobs of one region.
        ink: (h, w) uint8, 255 where any pixel is line.
        radius: (blobs + 1,) float, of the widest ball in each, in pixels of ``labels``.
        line_px: width of a usual line, in pixels of ``labels``.
    """

    labels: np.ndarray
    scale: int
    corner: tuple[int, int]
    passages: tuple[Passage, ...]
    ink: np.ndarray = field(repr=False)
    radius: np.ndarray = field(repr=False)
    line_px: float

    @property
    def count(self) -> int:
        """Number of blobs."""
        return len(self.radius) - 1

    def within(self, window: tuple[slice, slice], wanted: np.ndarray | None = None) -> np.ndarray:
        """(h, w) int32: the blob of each pixel of a window of the page; of those ``wanted``,
        (blobs + 1,) bool, if given."""
        rows, columns = (
            (np.arange(part.start, part.stop) - begin) // self.scale
            for part, begin in zip(window, self.corner[::-1])
        )
        near = self.labels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        if wanted is not None:
            near = np.where(wanted[near], near, 0)
        return near[rows - rows[0]][:, columns - columns[0]]


def find_blobs(regions: Regions, judge: Judge | None = None) -> Blobs:
    """Every constriction of the regions, and how likely each is a leak.

    Args:
        judge: says so; the one that ships if None.
    """
    scale = int(np.ceil(max(regions.size_px) / _LONGEST_PX))
    corner = _corner(regions.lines, scale)
    distance = distances(_shrunk(_walls(regions), scale, corner))
    labels = _blobs(distance)
    ink = _shrunk(regions.lines, scale, corner)
    judge = judge or load_judge("leaks", FEATURES)
    looked = _Passages(labels, distance, ink, scale, corner)
    passages = tuple(looked.all(judge))
    return Blobs(labels, scale, corner, passages, ink, looked.radius, looked.line_px)


def _walls(regions: Regions) -> np.ndarray:
    """(H, W) uint8: lines, and the borders of regions in closed gaps."""
    walls, labels = regions.lines.copy(), regions.labels
    walls[:, 1:][labels[:, 1:] != labels[:, :-1]] = 255
    walls[1:][labels[1:] != labels[:-1]] = 255
    return walls


def _corner(lines: np.ndarray, scale: int) -> tuple[int, int]:
    """(x, y), 0 or less, from where squares of ``scale`` pixels are counted: so that the drawing
    begins with one, on whatever pixel it lies."""
    if scale == 1:
        return 0, 0
    rows, columns = lines.any(axis=1), lines.any(axis=0)
    return -(-int(columns.argmax()) % scale), -(-int(rows.argmax()) % scale)


def _shrunk(walls: np.ndarray, scale: int, corner: tuple[int, int]) -> np.ndarray:
    """Squares of ``scale`` pixels as one: 255 where any is."""
    if scale == 1:
        return walls
    (left, top), (height, width) = corner, walls.shape
    bottom, right = -(height - top) % scale, -(width - left) % scale
    padded = cv2.copyMakeBorder(walls, -top, bottom, -left, right, cv2.BORDER_CONSTANT, value=0)
    rows = padded.reshape(padded.shape[0] // scale, scale, padded.shape[1]).max(axis=1)
    return rows.reshape(rows.shape[0], -1, scale).max(axis=2)


def _blobs(distance: np.ndarray) -> np.ndarray:
    """(h, w) int32: blobs from 1 on, which meet in constrictions; 0 under lines."""
    walls = np.where(distance > 0, np.uint8(0), np.uint8(255))
    phase = phase_of(walls)
    coarse = halved(distance, phase)
    marks = Marking(coarse.shape, _OLDER)
    # The same balls on every page, so that a figure is cut alike wherever it lies.
    most = int(np.log(max(1.0, float(distance.max()))) / np.log(_STEP))
    for number, power in enumerate(range(most, 0, -1)):
        radius = _STEP**power
        if radius < _COARSE_PX and marks.labels.shape != distance.shape:
            marks.refine(distance, radius, phase)
        free = (coarse if marks.labels.shape == coarse.shape else distance) > radius
        marks.add_ball(number, free, True, 1)
        # What lies between blobs that meet is divided as wide as it is, or it would belong to who
        # comes through the smallest hole in a line.
        marks.labels = grown(marks.labels, (~free).view(np.uint8))
    if marks.labels.shape != distance.shape:
        marks.refine(distance, 0.0, phase)
    marks.add_ball(most, distance > 0, True, 1)
    return grown(marks.labels, walls)


class _Passages:
    """Looks at the places where blobs meet."""

    def __init__(
        self,
        labels: np.ndarray,
        distance: np.ndarray,
        ink: np.ndarray,
        scale: int,
        corner: tuple[int, int],
    ) -> None:
        self._labels, self._distance, self._ink = labels, distance, ink
        self._scale, self._corner = scale, np.array(corner, np.float64)
        self.line_px = line_width(ink)
        self._pieces = cv2.connectedComponents(ink, connectivity=8)[1]
        count = int(labels.max()) + 1
        self.radius = np.zeros(count)
        np.maximum.at(self.radius, labels.ravel(), distance.ravel())
        self._areas = np.bincount(labels.ravel(), minlength=count)
        self._paper = self._on_edge(count)
        self._page = float(np.hypot(*labels.shape))

    def _on_edge(self, count: int) -> np.ndarray:
        """(count,) bool: blobs that the page's edge cuts."""
        edge = np.zeros(self._labels.shape, bool)
        edge[[0, -1]] = edge[:, [0, -1]] = True
        touching = np.zeros(count, bool)
        touching[np.unique(self._labels[edge])] = True
        touching[0] = False
        return touching

    def all(self, judge: Judge) -> Iterator[Passage]:
        """Every passage, with its likelihood."""
        found = list(self._borders())
        meetings: dict[tuple[int, int], int] = {}
        for pair, _, _ in found:
            meetings[pair] = meetings.get(pair, 0) + 1
        evidence, kept = [], []
        for pair, ys, xs in found:
            sides = self._sides(ys, xs)
            if sides is not None:
                evidence.append(self._evidence(pair, *sides, meetings[pair] - 1))
                kept.append((pair, sides))
        if not kept:
            return
        table = np.array(evidence)
        leak = judge.likely(table)
        for (pair, sides), row, likely in zip(kept, table, leak.tolist()):
            path = (np.array(sides) + 0.5) * self._scale + self._corner
            width = float(np.hypot(*(path[2] - path[0])))
            yield Passage(path, width, likely, pair, row)

    def _borders(self) -> Iterator[tuple[tuple[int, int], np.ndarray, np.ndarray]]:
        """The pair of blobs, and rows and columns of the pixels, of each border."""
        labels = self._labels
        ys, xs, codes = [], [], []
        for here, there in (
            ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
            ((slice(None, -1),), (slice(1, None),)),
        ):
            one, other = labels[here], labels[there]
            y, x = np.nonzero((one != other) & (one > 0) & (other > 0))
            low, high = np.minimum(one[y, x], other[y, x]), np.maximum(one[y, x], other[y, x])
            ys.append(y)
            xs.append(x)
            codes.append(low.astype(np.int64) << 32 | high)
        y, x, code = (np.concatenate(parts) for parts in (ys, xs, codes))
        order = np.argsort(code, kind="stable")
        y, x, code = y[order], x[order], code[order]
        cuts = np.flatnonzero(np.diff(code)) + 1
        for rows, columns, of in zip(np.split(y, cuts), np.split(x, cuts), np.split(code, cuts)):
            if len(of):
                pair = int(of[0] >> 32), int(of[0] & 0xFFFFFFFF)
                for part in _together(rows, columns):
                    yield pair, rows[part], columns[part]

    def _sides(self, ys: np.ndarray, xs: np.ndarray) -> tuple[Point, Point, Point] | None:
        """One side of a passage, its middle, and the other side; None where a border runs from no
        wall to anywhere."""
        depth = self._distance[ys, xs]
        at_wall = np.flatnonzero(depth <= _AT_WALL)
        if not len(at_wall):
            return None
        middle = int(depth.argmax())
        away = np.hypot(ys[at_wall] - ys[middle], xs[at_wall] - xs[middle])
        first = int(at_wall[away.argmin()])
        # The other end is a wall too, or where a third blob begins.
        apart = np.hypot(ys - ys[first], xs - xs[first])
        walled = at_wall[apart[at_wall] >= 0.5 * apart.max()]
        second = int(walled[apart[walled].argmin()]) if len(walled) else int(apart.argmax())
        one, other = (self._at_wall(int(ys[i]), int(xs[i])) for i in (first, second))
        if len(walled):
            one, other = self._nearest_ends(one, other)
        centre = ((one[0] + other[0]) / 2, (one[1] + other[1]) / 2)
        if not self._is_free(one, other):
            centre = (float(xs[middle]), float(ys[middle]))
        return one, centre, other

    def _at_wall(self, y: int, x: int) -> Point:
        """The wall beside a place, or the page's edge; the place itself where there is neither."""
        height, width = self._labels.shape
        best, found = np.inf, (float(x), float(y))
        for row in range(y - 2, y + 3):
            for column in range(x - 2, x + 3):
                outside = not (0 <= row < height and 0 <= column < width)
                if outside or self._distance[row, column] <= 0:
                    away = np.hypot(row - y, column - x)
                    if away < best:
                        best, found = away, (float(column), float(row))
        return found

    def _nearest_ends(self, one: Point, other: Point) -> tuple[Point, Point]:
        """Two places on walls, moved along these to where they are nearest to each other."""
        for _ in range(3):
            reach = 0.4 * float(np.hypot(one[0] - other[0], one[1] - other[1]))
            one = self._closest(one, other, reach)
            other = self._closest(other, one, reach)
        return one, other

    def _closest(self, start: Point, to: Point, reach: float) -> Point:
        """Of the wall within ``reach`` of a place on it, what is nearest to another place."""
        x, y, far = int(start[0]), int(start[1]), int(reach)
        height, width = self._labels.shape
        if far < 1 or not (0 <= x < width and 0 <= y < height):
            return start
        top, left = max(0, y - far), max(0, x - far)
        rows, columns = np.nonzero(self._distance[top : y + far + 1, left : x + far + 1] <= 0)
        near = np.hypot(rows + top - y, columns + left - x) <= reach
        if not near.any():
            return start
        rows, columns = rows[near] + top, columns[near] + left
        best = int(np.hypot(rows - to[1], columns - to[0]).argmin())
        return float(columns[best]), float(rows[best])

    def _is_free(self, one: Point, other: Point) -> bool:
        """Whether no wall lies on the straight way between two sides."""
        length = float(np.hypot(other[0] - one[0], other[1] - one[1]))
        if length < 4:
            return True
        shares = np.linspace(2 / length, 1 - 2 / length, max(2, int(length)))
        height, width = self._labels.shape
        xs = np.clip(np.rint(one[0] + shares * (other[0] - one[0])).astype(int), 0, width - 1)
        ys = np.clip(np.rint(one[1] + shares * (other[1] - one[1])).astype(int), 0, height - 1)
        return bool((self._distance[ys, xs] > 0).all())

    def _evidence(
        self, pair: tuple[int, int], one: Point, middle: Point, other: Point, others: int
    ) -> np.ndarray:
        """Of :data:`FEATURES`."""
        width = max(1.0, float(np.hypot(one[0] - other[0], one[1] - other[1])))
        small, large = sorted(max(1.0, float(self.radius[blob])) for blob in pair)
        in_lines = np.log(width / self.line_px)
        beside = np.log(width / (2 * small))
        ways = (one, other), (other, one)
        ends, afar = ([self._end(*way, around) for way in ways] for around in _AROUND)
        ending = [end is not None for end in ends]
        ending_afar = [end is not None for end in afar]
        across = [max(0.0, end) if end is not None else 0.0 for end in ends]
        pieces = [self._piece(side) for side in (one, other)]
        area = min(self._areas[blob] for blob in pair)
        return np.array(
            [
                in_lines,
                beside,
                np.log(width / (2 * large)),
                10 * width / self._page,
                any(ending),
                all(ending),
                any(ending_afar),
                all(ending_afar),
                max(across),
                min(across),
                any(ending) * in_lines,
                max(across) * beside,
                pieces[0] > 0 and pieces[0] == pieces[1],
                pieces[0] < 0 or pieces[1] < 0,
                any(self._paper[blob] for blob in pair),
                np.log(area / self.line_px**2),
                min(others, 2),
            ],
            np.float64,
        )

    def _piece(self, at: Point) -> int:
        """The piece of ink at a side; -1 at the page's edge, 0 in a closed gap."""
        x, y = int(at[0]), int(at[1])
        height, width = self._labels.shape
        if not (0 <= x < width and 0 <= y < height):
            return -1
        window = self._pieces[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
        return int(window.max())

    def _end(self, at: Point, towards: Point, around: float) -> float | None:
        """The cosine of a line that ends here, as far as it is seen for so many line widths
        around, with the way across; None where none ends."""
        piece = self._piece(at)
        if piece <= 0:
            return None
        x, y = int(at[0]), int(at[1])
        reach = int(np.ceil(around * self.line_px)) + 2
        window = np.zeros((2 * reach + 1, 2 * reach + 1), np.uint8)
        top, left = max(0, y - reach), max(0, x - reach)
        seen = self._pieces[top : y + reach + 1, left : x + reach + 1] == piece
        window[top - y + reach :, left - x + reach :][: seen.shape[0], : seen.shape[1]] = seen
        # What hangs together within the circle is the line that ends or goes on here.
        _, parts = cv2.connectedComponents(window * _disc(reach), connectivity=8)
        own = parts[reach - 1 : reach + 2, reach - 1 : reach + 2].max()
        if own == 0:
            return None
        line = parts == own
        turns = np.arange(_DIRECTIONS) * (2 * np.pi / _DIRECTIONS)
        ring = line[
            np.rint(reach + (reach - 1) * np.sin(turns)).astype(int),
            np.rint(reach + (reach - 1) * np.cos(turns)).astype(int),
        ]
        crossings = int(np.count_nonzero(ring & ~np.roll(ring, 1)))
        if crossings != 1 or ring.mean() > 0.35:
            return None
        rows, columns = np.nonzero(line)
        along = np.array([reach - columns.mean(), reach - rows.mean()])
        way = np.array([towards[0] - at[0], towards[1] - at[1]])
        length = float(np.hypot(*along) * np.hypot(*way))
        return float(along @ way / length) if length > 0 else None


@cache
def _disc(reach: int) -> np.ndarray:
    """(2 reach + 1, 2 reach + 1) uint8 of 1 inside a circle, as a mask for multiplying."""
    steps = np.arange(-reach, reach + 1)
    inside = np.hypot(steps[:, None], steps[None]) <= reach
    return inside.astype(np.uint8)


def _together(rows: np.ndarray, columns: np.ndarray) -> list[np.ndarray]:
    """Which pixels of one pair of blobs hang together."""
    top, left = int(rows.min()), int(columns.min())
    window = np.zeros((int(rows.max()) - top + 1, int(columns.max()) - left + 1), np.uint8)
    window[rows - top, columns - left] = 1
    count, parts = cv2.connectedComponents(
        cv2.dilate(window, np.ones((3, 3), np.uint8)), connectivity=8
    )
    own = parts[rows - top, columns - left]
    return [np.flatnonzero(own == part) for part in range(1, count)]
