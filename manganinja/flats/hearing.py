# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the artist's marks are heard.

What a mark says of a place holds for as far as the way from it is no leak: the farther and the more
doubtful, the less. The nearest mark is heard; and the paper at the page's edge, which a colour's
mark does not mean, competes with them for what lies between. A mark on the open paper beside an
opening means something that no line divides from it, and is heard nearby alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from .assign import region_at
from .cells import CLOSED, PAPER, Cells
from .enclosed import Reach
from .values import EMPTY, Marks, Palette, Regions

_SURELY = 0.95
"""How likely a blob is paper where a mark on it may mean all of that."""
_LEAST_REACH = 0.3
"""How sure a mark is still heard."""
_STRAYS, _ENCLOSED = 2.0, 12.0
"""How far a mark is heard on open paper that it does not mean, beside the way to the next line: in
the open, and where lines are round it."""
_MUCH_LARGER = 4.0
"""How much larger than its own a cell is that a mark means the less for it."""
_GROUND = 0.9
"""How wide a blob of paper is, beside the widest, where a mark means all of it."""

Colour = tuple[int, int, int] | None
Place = tuple[float, float]


@dataclass(frozen=True)
class Said:
    """A mark: where, in whole pixels, and which colour; None for empty."""

    at: tuple[int, int]
    colour: Colour


@dataclass(frozen=True)
class Hearing:
    """Which mark is heard where.

    Attributes:
        said: the marks.
        mark: (cells,) int, number of the mark that is heard in each cell, -1 for none.
        sure: (cells,) float, how likely it holds there; 1 where it lies.
        shared: (cells,) bool, cells in which marks of different colours lie; none is heard there.
        nearby: of marks that are heard nearby alone, how far.
        blobs: of marks that mean a part of the paper or of a cell, the blobs of that.
        notes: sentences for the artist.
    """

    said: tuple[Said, ...]
    mark: np.ndarray = field(repr=False)
    sure: np.ndarray = field(repr=False)
    shared: np.ndarray = field(repr=False)
    nearby: Mapping[int, Reach]
    blobs: Mapping[int, Sequence[int]]
    notes: tuple[str, ...]

    def entries(self, palette: Palette) -> tuple[Palette, list[int]]:
        """A palette with every mark's colour, and the entry of each mark, or EMPTY."""
        palette, found = palette.with_colours([m.colour for m in self.said if m.colour])
        listed = iter(found.tolist())
        return palette, [int(next(listed)) if m.colour else EMPTY for m in self.said]


def hear(cells: Cells, marks: Marks, papers: Collection[tuple[int, int, int]] = ()) -> Hearing:
    """Where marks are heard. Of marks in one pixel the last one counts.

    Args:
        papers: colours that mean the paper round the drawing, if a mark has one.
    """
    said, notes = _said(cells.cells, marks)
    claims = _Claims(cells, said, papers)
    mark = np.full(cells.cells.count, -1)
    sure, shared = np.zeros(len(mark)), np.zeros(len(mark), bool)
    blobs: dict[int, list[int]] = {}
    for blob, (number, how) in claims.owners().items():
        cell = int(cells.cell_of[blob])
        if claims.means_part(number, blob):
            blobs.setdefault(number, []).append(blob)
        elif cell >= 0:
            how *= claims.size_fits(number, cell)
            if how > max(sure[cell], _LEAST_REACH):
                mark[cell], sure[cell] = number, how
    for number, home in claims.of_parts():
        # Another one may lie in the same nook.
        blobs.setdefault(number, [home])
    lies: dict[int, set[Colour]] = {}
    for number, (one, cell) in enumerate(zip(said, claims.cells)):
        if number not in claims.nearby and number not in blobs:
            lies.setdefault(cell, set()).add(one.colour)
            mark[cell], sure[cell] = number, 1.0
    for cell, colours in lies.items():
        shared[cell] = len(colours) > 1
    mark[shared], sure[shared] = -1, 0.0
    notes += claims.sentences()
    return Hearing(
        said=tuple(said),
        mark=mark,
        sure=sure,
        shared=shared,
        nearby=claims.nearby,
        blobs=blobs,
        notes=tuple(notes),
    )


def _said(regions: Regions, marks: Marks) -> tuple[list[Said], list[str]]:
    last: dict[tuple[int, int], Colour] = {}
    notes = []
    for at, colour in [*marks.pairs, *((mark.at, mark.colour) for mark in marks.hints)]:
        if region_at(regions, at) is None:
            continue
        pixel = int(at[0]), int(at[1])
        if pixel in last and last[pixel] != colour:
            notes.append(f"Different colours are asked for at {pixel}: the last one counts.")
        last.pop(pixel, None)
        last[pixel] = colour
    return [Said(at, colour) for at, colour in last.items()], notes


class _Claims:
    """Which blobs each mark is heard in.

    Attributes:
        cells: the cell of each mark.
        nearby: of :class:`Hearing`.
    """

    def __init__(
        self, cells: Cells, said: Sequence[Said], papers: Collection[tuple[int, int, int]]
    ) -> None:
        self._said, self._blobs, self._papers = said, cells.blobs, papers
        self._cells, self._drawn_of = cells, cells.drawn_of
        self.cells = [int(cells.cells.labels[y, x]) for (x, y) in (mark.at for mark in said)]
        self._blobbed = np.bincount(cells.cell_of[cells.cell_of >= 0], minlength=cells.cells.count)
        self._home = [self._home_of(mark.at, cell) for mark, cell in zip(said, self.cells)]
        self._paper = {int(blob) for blob in np.flatnonzero(cells.paper_of >= PAPER)}
        self._surely = {int(blob) for blob in np.flatnonzero(cells.paper_of >= _SURELY)}
        self._leaking = self._leaks()
        self.nearby: dict[int, Reach] = {}
        self._meant: dict[int, int] = {}
        self._parts: set[int] = set()
        self._ways: dict[int, list[tuple[int, float, float]]] = {}
        for passage in cells.blobs.passages:
            one, other = passage.blobs
            leak = passage.leak if passage.leak > CLOSED else 0.0
            cost = -float(np.log(max(1e-6, 1 - leak)))
            self._ways.setdefault(one, []).append((other, cost, passage.width_px))
            self._ways.setdefault(other, []).append((one, cost, passage.width_px))

    def _home_of(self, at: tuple[int, int], cell: int) -> int:
        """The blob of a cell at a place, or the nearest one; 0 for none."""
        blobs = self._blobs
        if not self._blobbed[cell]:
            return 0
        x = (at[0] - blobs.corner[0]) // blobs.scale
        y = (at[1] - blobs.corner[1]) // blobs.scale
        for reach in (0, 2, 8, 32, max(blobs.labels.shape)):
            top, left = max(0, y - reach), max(0, x - reach)
            window = blobs.labels[top : y + reach + 1, left : x + reach + 1]
            own = (window > 0) & (self._cells.cell_of[window] == cell)
            rows, columns = np.nonzero(own)
            if len(rows):
                near = np.hypot(rows + top - y, columns + left - x).argmin()
                return int(window[rows[near], columns[near]])
        return 0

    def _leaks(self) -> set[int]:
        """Regions in which the drawing and the paper have run together."""
        drawn = [b for b in range(1, len(self._drawn_of)) if b not in self._paper]
        paper = {int(self._drawn_of[b]) for b in self._paper}
        return {int(self._drawn_of[b]) for b in drawn} & paper

    def owners(self) -> dict[int, tuple[int, float]]:
        """The mark that is heard in each blob, and how surely; blobs that none is heard in are not
        there."""
        best: dict[int, tuple[float, int]] = {}
        # The widest way first, and of those the surest.
        queue: list[tuple[float, float, int, int, int]] = []
        for number, (mark, home) in enumerate(zip(self._said, self._home)):
            if home in self._paper and self._strays(mark, home):
                way = way_to_line(self._cells.cells.lines, mark.at)
                self.nearby[number] = Reach(_STRAYS * way, _ENCLOSED * way)
                continue
            heapq.heappush(queue, (-np.inf, 0.0, 0, number, home))
        coloured = {
            self._drawn_of[home] for mark, home in zip(self._said, self._home) if mark.colour
        }
        self._meant = {
            int(self._drawn_of[home]): number
            for number, (mark, home) in enumerate(zip(self._said, self._home))
            if number not in self.nearby and self._means_ground(mark, home)
        }
        for blob in self._paper:
            if self._drawn_of[blob] in coloured:
                owner = self._meant.get(int(self._drawn_of[blob]), -1)
                heapq.heappush(queue, (-np.inf, 0.0, 1, owner, blob))
        limit = -np.log(_LEAST_REACH)
        while queue:
            narrowest, cost, steps, owner, blob = heapq.heappop(queue)
            if blob in best or cost > limit or blob == 0:
                continue
            best[blob] = cost, owner
            for other, more, width in self._ways.get(blob, ()):
                if other not in best:
                    at = max(narrowest, -width)
                    heapq.heappush(queue, (at, cost + more, steps + 1, owner, other))
        self._parts = self._in_parts({blob: owner for blob, (_, owner) in best.items()})
        return {
            blob: (owner, float(np.exp(-cost)))
            for blob, (cost, owner) in best.items()
            if owner >= 0
        }

    def size_fits(self, number: int, cell: int) -> float:
        """How likely a mark means a cell at all, by its size, beside the one that it lies in: dots
        are not put in the smallest corner of a thing."""
        areas = self._cells.cells.areas_px
        larger = areas[cell] / max(1, _MUCH_LARGER * areas[self.cells[number]])
        return float(1 / np.sqrt(max(1.0, larger)))

    def means_part(self, number: int, blob: int) -> bool:
        """Whether a mark that is heard in a blob means that part of the paper, or of the cell that
        it lies in, and not all."""
        if blob in self._paper:
            return self._meant.get(int(self._drawn_of[blob])) != number
        return number in self._parts and int(self._cells.cell_of[blob]) == self.cells[number]

    def of_parts(self) -> list[tuple[int, int]]:
        """The marks that mean a part of the cell that they lie in, and the blob of each."""
        return [(number, self._home[number]) for number in sorted(self._parts)]

    def _in_parts(self, owners: Mapping[int, int]) -> set[int]:
        """The marks in cells whose widest place one of another colour has."""
        radius, widest = self._blobs.radius, dict[int, int]()
        for blob in np.argsort(radius[1:], kind="stable") + 1:
            widest[int(self._cells.cell_of[blob])] = int(blob)
        found = set[int]()
        for number, cell in enumerate(self.cells):
            middle = widest.get(cell, 0)
            owner = owners.get(middle, -1)
            is_other = owner >= 0 and self._said[owner].colour != self._said[number].colour
            if is_other and self._home[number] not in (0, middle) and number not in self.nearby:
                found.add(number)
        return found

    def _strays(self, mark: Said, home: int) -> bool:
        """Whether a mark lies on the open paper and does not mean it: it says something of a thing
        that no line divides from the paper."""
        if mark.colour is None or mark.colour in self._papers:
            return False
        return not self._is_open(mark, home)

    def _means_ground(self, mark: Said, home: int) -> bool:
        """Whether a mark means all of the paper: it lies where that is widest, or the paper is all
        that it can mean."""
        if home not in self._surely:
            return False
        if int(self._drawn_of[home]) not in self._leaking:
            return True
        widest = max(self._blobs.radius[blob] for blob in self._paper)
        return self._blobs.radius[home] >= _GROUND * widest and self._is_open(mark, home)

    def _is_open(self, mark: Said, home: int) -> bool:
        """Whether a mark on the paper lies outside of what is drawn: not behind a straight line
        over any opening, or in a part of the page that lines divide."""
        region = int(self._drawn_of[home])
        if region not in self._leaking and not self._cells.regions.background[region]:
            return True
        return self._cells.around.is_outside(mark.at)

    def sentences(self) -> list[str]:
        """For each region that several marks divide, and for marks heard nearby alone."""
        notes = []
        asked: dict[int, dict[Colour, list[Place]]] = {}
        for mark, home in zip(self._said, self._home):
            region = int(self._drawn_of[home]) if home else -1
            asked.setdefault(region, {}).setdefault(mark.colour, []).append(mark.at)
        for region, colours in asked.items():
            if region >= 0 and len(colours) > 1:
                places = ", ".join(f"({x}, {y})" for ats in colours.values() for x, y in ats)
                notes.append(
                    f"{len(colours)} colours are asked for in one region, at {places}: it was "
                    "divided where it is narrowest. A stroke that closes the gap makes the border "
                    "exact."
                )
        return notes


def way_to_line(lines: np.ndarray, at: tuple[int, int]) -> float:
    """How far a place (x, y) is from the next line, in pixels; ``lines`` (H, W) is 0 elsewhere."""
    x, y = at
    reach, longest = 64, max(lines.shape)
    while True:
        top, left = max(0, y - reach), max(0, x - reach)
        rows, columns = np.nonzero(lines[top : y + reach + 1, left : x + reach + 1])
        away = np.hypot(rows + top - y, columns + left - x)
        nearest = float(away.min(initial=np.inf))
        if nearest <= reach or reach >= longest:
            return max(2.0, min(nearest, float(longest)))
        reach *= 2
