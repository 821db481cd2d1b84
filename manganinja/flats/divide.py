# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions divided where they leak, and where the artist's marks say that they do.

A region is cut at the passages that are likely leaks (:mod:`.leaks`). What a mark says of a place
holds for as far as the way from it is no leak: the farther and the more doubtful, the less. Marks
of different colours, and the paper at the page's edge, which a colour's mark does not mean, compete
for what lies between them. A region that nothing leaks out of is a mark's from end to end.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from .assign import region_at
from .leaks import Blobs, Passage
from .paper import paper_likely
from .regions import backgrounds, nearest_label
from .values import Marks, Regions

LEAK = 0.65
"""How likely a passage is a leak from where on a region is cut there."""
DOUBT = 0.35
"""From where on what lies behind it is also looked at by itself."""
PAPER = 0.5
"""How likely a blob is paper from where on it is none of the drawing's."""
_SURELY = 0.95
"""How likely a blob is paper where a mark on it may mean all of that."""
_LEAST_REACH = 0.3
"""How sure a mark is still heard."""
_SURE_REACH = 0.9
"""How sure a mark is the last word."""
_CLOSED = 0.1
"""How likely a leak at least is, to be thought of at all where a mark is heard."""
_OPEN = 0.35
"""A mark so far from any line, beside the widest place of the paper, means the paper ..."""
_MOST_INKED = 5
"""... unless it has ink in so many of eight directions."""
_GROUND = 0.9
"""How wide a blob of paper is, beside the widest, where a mark means all of it."""
_LOCAL = 2.0
"""How far a mark is heard on open paper that it does not mean, beside the way to the next line."""
_APART = 0.8
"""Two marks that no constriction so narrow divides, beside the narrower one's place, lie in one
thing, in which one of them means something that is not drawn."""
_UNDRAWN = 0.5
"""How far a mark is then heard for sure, beside the way to the next mark or line."""
_PURE = 0.97
"""Share of a piece that belongs to one group, unless a cut has missed."""
_FURTHER_PX = 1.5
"""A cut goes on so far into the ink, in pixels of the blobs, so that no crack stays."""

Colour = tuple[int, int, int] | None
Place = tuple[float, float]


@dataclass(frozen=True)
class Heard:
    """What a mark says of a place far from it.

    Attributes:
        colour: the mark's; None for empty.
        sure: how likely the mark holds here, 0 to 1.
        home: the region that the mark lies in.
    """

    colour: Colour
    sure: float
    home: int


@dataclass(frozen=True)
class Contest:
    """Marks of different colours in one thing, with no border between them.

    Round each mark there is a region of its own. The rest has the colour of one of them, if it is
    known to have it; else it is divided between them.

    Attributes:
        region: the rest.
        window: of the picture.
        parts: (h, w) int32 of the window, whose part each pixel is, from 0; -1 outside.
        colours: the marks', one of each part.
    """

    region: int
    window: tuple[slice, slice]
    parts: np.ndarray = field(repr=False)
    colours: tuple[Colour, ...]


@dataclass(frozen=True)
class Division:
    """Regions divided, and what marks say of places far from them.

    Attributes:
        whole: (count,) int, for each region the first of those that it makes one with, unless a
            doubtful leak divides them; its own number where there is none.
        apart: (count,) float, how likely it is that these are divided.
        paper: (count,) float, how likely each region is paper round the drawing, by its shape and
            place; NaN where these say nothing.
        heard: by region, what counts where nothing surer is known.
        contests: what several marks lie in.
        notes: sentences for the artist.
    """

    regions: Regions
    whole: np.ndarray = field(repr=False)
    apart: np.ndarray = field(repr=False)
    paper: np.ndarray = field(repr=False)
    heard: Mapping[int, Heard]
    contests: tuple[Contest, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, order=True)
class Group:
    """What belongs together: a part of a region, and whose mark is heard there.

    Attributes:
        colour: number of the mark's colour, -1 where none is heard.
        near: whether it is heard for sure.
    """

    region: int
    part: int
    colour: int = -1
    near: bool = True


@dataclass(frozen=True)
class Said:
    """A mark: where, in whole pixels, and which colour; None for empty."""

    at: tuple[int, int]
    colour: Colour


def divided(
    regions: Regions,
    blobs: Blobs,
    marks: Marks,
    papers: Collection[tuple[int, int, int]] = (),
) -> Division:
    """Regions cut where they leak, and so that no two marks contradict each other in one.

    Marks of one colour in one region share a part. Of marks in one pixel the last one counts.

    Args:
        papers: colours that mean the paper round the drawing, if a mark has one.
    """
    said, notes = _said(regions, marks)
    region_of = _region_of(regions, blobs)
    likely = paper_likely(blobs)
    paper = likely >= PAPER
    parts, whole = _parts(blobs, paper, DOUBT), _parts(blobs, paper, LEAK)
    work = _Cutter(regions, blobs, region_of)
    groups = {blob: Group(int(region_of[blob]), int(parts[blob])) for blob in work.members}
    claims = _Claims(regions, blobs, region_of, said, papers, likely)
    owners = claims.owners()
    for blob, (number, sure) in owners.items():
        near = sure >= _SURE_REACH
        part = claims.home[number] if near else blob
        groups[blob] = Group(int(region_of[blob]), int(parts[part]), claims.colour[number], near)
    notes += claims.sentences()
    regions, of_group = work.divided(groups, claims)
    heard = _heard_of(regions, claims.said, owners, groups, of_group)
    return Division(
        regions,
        *_wholes(regions.count, blobs, groups, whole, of_group),
        _paper_of(regions, blobs, likely),
        heard,
        tuple(work.contests),
        tuple(notes),
    )


def _paper_of(regions: Regions, blobs: Blobs, likely: np.ndarray) -> np.ndarray:
    """(count,) float: how likely each region is paper, over its blobs (blobs + 1,)."""
    ys, xs = np.nonzero(~np.isnan(likely)[blobs.labels])
    at_y, at_x = _on_page(regions, blobs, ys, xs)
    of = regions.labels[at_y, at_x]
    sums = np.bincount(of, likely[blobs.labels[ys, xs]], regions.count)
    sizes = np.bincount(of, minlength=regions.count)
    return np.where(sizes > 0, sums / np.maximum(sizes, 1), np.nan)


def _on_page(
    regions: Regions, blobs: Blobs, ys: np.ndarray, xs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the page for those of the blobs' picture."""
    height, width = regions.labels.shape
    half = blobs.scale // 2
    at_y = np.clip(ys * blobs.scale + blobs.corner[1] + half, 0, height - 1)
    return at_y, np.clip(xs * blobs.scale + blobs.corner[0] + half, 0, width - 1)


def _wholes(
    count: int,
    blobs: Blobs,
    groups: Mapping[int, Group],
    whole: np.ndarray,
    of_group: Mapping[Group, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Of a :class:`Division`."""
    first, apart = np.arange(count), np.ones(count)
    members: dict[tuple[int, int, int], list[int]] = {}
    for blob, group in groups.items():
        if group in of_group:
            key = int(whole[blob]), group.colour, int(group.near)
            members.setdefault(key, []).append(of_group[group])
    for regions_of_one in members.values():
        first[regions_of_one] = min(regions_of_one)
    for passage in blobs.passages:
        one, other = (of_group.get(groups[b], -1) if b in groups else -1 for b in passage.blobs)
        if one != other and one >= 0 and other >= 0 and first[one] == first[other]:
            for region in (one, other):
                apart[region] = min(apart[region], passage.leak)
    return first, apart


def _heard_of(
    regions: Regions,
    said: Sequence[Said],
    owners: Mapping[int, tuple[int, float]],
    groups: Mapping[int, Group],
    of_group: Mapping[Group, int],
) -> dict[int, Heard]:
    """What is doubtfully heard in which region."""
    heard: dict[int, Heard] = {}
    for blob, (number, sure) in owners.items():
        group = groups[blob]
        if not group.near and group in of_group:
            region = of_group[group]
            if region not in heard or heard[region].sure > sure:
                mark = said[number]
                home = int(regions.labels[mark.at[1], mark.at[0]])
                heard[region] = Heard(mark.colour, sure, home)
    return heard


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


def _region_of(regions: Regions, blobs: Blobs) -> np.ndarray:
    """(blobs + 1,) int: the region of each blob."""
    ys, xs = np.nonzero(blobs.labels)
    at_y, at_x = _on_page(regions, blobs, ys, xs)
    of = np.full(int(blobs.labels.max()) + 1, -1, np.int64)
    of[blobs.labels[ys, xs]] = regions.labels[at_y, at_x]
    return of


def _parts(blobs: Blobs, paper: np.ndarray, leak: float) -> np.ndarray:
    """(blobs + 1,) int: equal for blobs with a way between them of no likelier leaks, and for all
    that are paper."""
    same = np.arange(int(blobs.labels.max()) + 1)

    def root(blob: int) -> int:
        while same[blob] != blob:
            blob = int(same[blob])
        return blob

    for passage in blobs.passages:
        of_paper = paper[list(passage.blobs)]
        if of_paper.all() or (passage.leak <= leak and not of_paper.any()):
            one, other = sorted(map(root, passage.blobs))
            same[other] = one
    return np.array([root(blob) for blob in range(len(same))])


class _Claims:
    """Which blobs each mark is heard in.

    Attributes:
        said: the marks.
        home: the blob of each.
        colour: a number for each, equal for marks of one colour.
        local: marks that are heard in a part of their blob alone, and the radius there in pixels.
    """

    def __init__(
        self,
        regions: Regions,
        blobs: Blobs,
        region_of: np.ndarray,
        said: Sequence[Said],
        papers: Collection[tuple[int, int, int]],
        paper_likely: np.ndarray,
    ) -> None:
        self.said, self._blobs, self._papers = said, blobs, papers
        self._region_of, self._regions = region_of, regions
        colours: dict[Colour, int] = {}
        self.colour = [colours.setdefault(mark.colour, len(colours)) for mark in said]
        self.home = [self._home(mark.at) for mark in said]
        self._paper = {int(blob) for blob in np.flatnonzero(paper_likely >= PAPER)}
        self._surely = {int(blob) for blob in np.flatnonzero(paper_likely >= _SURELY)}
        self._leaking = self._leaks()
        self.local: dict[int, float] = {}
        self._ways: dict[int, list[tuple[int, float]]] = {}
        for passage in blobs.passages:
            one, other = passage.blobs
            leak = passage.leak if passage.leak > _CLOSED else 0.0
            cost = -float(np.log(max(1e-6, 1 - leak)))
            self._ways.setdefault(one, []).append((other, cost))
            self._ways.setdefault(other, []).append((one, cost))

    def _home(self, at: tuple[int, int]) -> int:
        """The blob at a place, or the nearest one."""
        blobs = self._blobs
        x = (at[0] - blobs.corner[0]) // blobs.scale
        y = (at[1] - blobs.corner[1]) // blobs.scale
        region = int(self._regions.labels[at[1], at[0]])
        for reach in (0, 2, 8, 32, max(blobs.labels.shape)):
            top, left = max(0, y - reach), max(0, x - reach)
            window = blobs.labels[top : y + reach + 1, left : x + reach + 1]
            own = (window > 0) & (self._region_of[window] == region)
            rows, columns = np.nonzero(own)
            if len(rows):
                near = np.hypot(rows + top - y, columns + left - x).argmin()
                return int(window[rows[near], columns[near]])
        return 0

    def _leaks(self) -> set[int]:
        """Regions in which the drawing and the paper have run together."""
        drawn = [b for b in range(1, len(self._region_of)) if b not in self._paper]
        paper = {int(self._region_of[b]) for b in self._paper}
        return {int(self._region_of[b]) for b in drawn} & paper

    def owners(self) -> dict[int, tuple[int, float]]:
        """The mark that is heard in each blob, and how surely; blobs that none is heard in are not
        there."""
        best: dict[int, tuple[float, int]] = {}
        queue: list[tuple[float, int, int, int]] = []
        for number, (mark, home) in enumerate(zip(self.said, self.home)):
            if home in self._paper and self._strays(mark, home):
                self.local[number] = self._radius_at(mark.at)
                continue
            heapq.heappush(queue, (0.0, 0, number, home))
        coloured = {
            self._region_of[home] for mark, home in zip(self.said, self.home) if mark.colour
        }
        meant = {
            int(self._region_of[home]): number
            for number, (mark, home) in enumerate(zip(self.said, self.home))
            if number not in self.local and self._means_ground(mark, home)
        }
        for blob in self._paper:
            if self._region_of[blob] in coloured:
                owner = meant.get(int(self._region_of[blob]), -1)
                heapq.heappush(queue, (0.0, 1, owner, blob))
        limit = -np.log(_LEAST_REACH)
        while queue:
            cost, steps, owner, blob = heapq.heappop(queue)
            if blob in best or cost > limit or blob == 0:
                continue
            best[blob] = cost, owner
            for other, more in self._ways.get(blob, ()):
                if other not in best:
                    heapq.heappush(queue, (cost + more, steps + 1, owner, other))
        return {
            blob: (owner, float(np.exp(-cost)))
            for blob, (cost, owner) in best.items()
            if owner >= 0
        }

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
        if int(self._region_of[home]) not in self._leaking:
            return True
        widest = max(self._blobs.radius[blob] for blob in self._paper)
        return self._blobs.radius[home] >= _GROUND * widest and self._is_open(mark, home)

    def _is_open(self, mark: Said, home: int) -> bool:
        """Whether a mark on the paper lies far from the lines."""
        if int(self._region_of[home]) not in self._leaking:
            return True
        widest = max(self._blobs.radius[blob] for blob in self._paper) * self._blobs.scale
        if self._radius_at(mark.at) < _OPEN * widest:
            return False
        return self._sides_inked(mark.at) < _MOST_INKED

    def _sides_inked(self, at: tuple[int, int]) -> int:
        """In how many of eight directions there is ink before the page ends."""
        (x, y), lines = at, self._regions.lines
        below, right = lines[y:, x:], lines[y:, : x + 1][:, ::-1]
        above, left = lines[: y + 1, x:][::-1], lines[: y + 1, : x + 1][::-1, ::-1]
        ways = [lines[y, x:], lines[y, :x], lines[y:, x], lines[:y, x]]
        ways += [np.diagonal(quarter) for quarter in (below, right, above, left)]
        return sum(bool(way.any()) for way in ways)

    def _radius_at(self, at: tuple[int, int]) -> float:
        """How far a place is from the next line, in pixels of the page."""
        x, y = at
        reach, longest = 64, max(self._regions.labels.shape)
        while True:
            top, left = max(0, y - reach), max(0, x - reach)
            rows, columns = np.nonzero(
                self._regions.lines[top : y + reach + 1, left : x + reach + 1]
            )
            away = np.hypot(rows + top - y, columns + left - x)
            nearest = float(away.min(initial=np.inf))
            if nearest <= reach or reach >= longest:
                return max(2.0, min(nearest, float(longest)))
            reach *= 2

    def sentences(self) -> list[str]:
        """For each region that several marks divide, and for marks heard nearby alone."""
        notes = []
        asked: dict[int, dict[Colour, list[Place]]] = {}
        for mark in self.said:
            region = int(self._regions.labels[mark.at[1], mark.at[0]])
            asked.setdefault(region, {}).setdefault(mark.colour, []).append(mark.at)
        for colours in asked.values():
            if len(colours) > 1:
                places = ", ".join(f"({x}, {y})" for ats in colours.values() for x, y in ats)
                notes.append(
                    f"{len(colours)} colours are asked for in one region, at {places}: it was "
                    "divided where it is narrowest. A stroke that closes the gap makes the border "
                    "exact."
                )
        return notes


@dataclass
class _Cutter:
    """Cuts regions between groups of blobs."""

    regions: Regions
    blobs: Blobs
    region_of: np.ndarray = field(repr=False)
    contests: list[Contest] = field(default_factory=list)

    @property
    def members(self) -> list[int]:
        """Every blob that lies in a region."""
        return [b for b in range(1, len(self.region_of)) if self.region_of[b] >= 0]

    def divided(
        self, groups: dict[int, Group], claims: _Claims
    ) -> tuple[Regions, dict[Group, int]]:
        """Regions with a number of its own for each group, and the region of each where that is
        known."""
        cuts: dict[int, list[Passage]] = {}
        for passage in self.blobs.passages:
            one, other = passage.blobs
            if groups.get(one) != groups.get(other) and one in groups and other in groups:
                cuts.setdefault(groups[one].region, []).append(passage)
        contested = self._contested(claims)
        of_group: dict[Group, int] = {}
        wanted = sorted({*cuts, *contested})
        if not wanted:
            return self.regions, of_group
        labels, rooms = self.regions.labels.copy(), [self.regions.rooms]
        count = self.regions.count
        for region, window in windows(self.regions, wanted):
            mine = labels[window] == region
            free = mine & (self.regions.lines[window] == 0)
            corner = (window[1].start, window[0].start)
            group, numbers = self._grouped(region, free, window, cuts.get(region, []), groups)
            shared: dict[int, tuple[np.ndarray, tuple[Colour, ...]]] = {}
            group = self._by_marks(group, free, corner, contested.get(region, []), claims, shared)
            sizes = np.bincount(group[free])
            codes = np.flatnonzero(sizes)
            if len(codes) < 2:
                continue
            # The largest part keeps the region's number.
            order = np.argsort(-sizes[codes], kind="stable")
            number = np.empty(len(codes), np.int32)
            number[order] = [region, *range(count, count + len(codes) - 1)]
            table = np.zeros(len(sizes), np.int32)
            table[codes] = number + 1
            filled = np.where(free, table[group], 0)
            np.copyto(labels[window], nearest_label(filled) - 1, where=mine)
            entry = {int(code): int(number[i]) for i, code in enumerate(codes)}
            of_group |= {key: entry[n] for key, n in numbers.items() if n in entry}
            self.contests += [
                Contest(entry[of], window, parts, colours)
                for of, (parts, colours) in shared.items()
                if of in entry
            ]
            rooms.append(np.full(len(codes) - 1, self.regions.rooms[region], np.int32))
            count += len(codes) - 1
        lines = self.regions.lines
        areas = np.bincount(labels[lines == 0], minlength=count).astype(np.int64)
        background = backgrounds(labels, lines, count)
        divided = Regions(labels, lines, areas, background, np.concatenate(rooms))
        return divided, of_group

    def _contested(self, claims: _Claims) -> dict[int, list[int]]:
        """By region, the marks of different colours in one blob, and those heard nearby alone."""
        by_blob: dict[int, list[int]] = {}
        for number, home in enumerate(claims.home):
            by_blob.setdefault(home, []).append(number)
        found: dict[int, list[int]] = {}
        for home, numbers in by_blob.items():
            if home == 0:
                continue
            colours = {claims.colour[n] for n in numbers}
            if len(colours) > 1 or any(n in claims.local for n in numbers):
                found.setdefault(int(self.region_of[home]), []).extend(numbers)
        return found

    def _grouped(
        self,
        region: int,
        free: np.ndarray,
        window: tuple[slice, slice],
        cuts: Sequence[Passage],
        groups: dict[int, Group],
    ) -> tuple[np.ndarray, dict[Group, int]]:
        """(h, w) int32: a number for each group of blobs, of what the cuts divide, from 1; and the
        number of each group."""
        if not cuts:
            return free.astype(np.int32), {}
        corner = np.array([window[1].start, window[0].start], np.float64)
        open_ = free.astype(np.uint8)
        for passage in cuts:
            path = passage.path - corner
            ends = path[[0, 2]] + _FURTHER_PX * self.blobs.scale * _outward(path)
            line = np.rint(np.array([ends[0], path[1], ends[1]]) - 0.5).astype(np.int32)
            cv2.polylines(open_, [line], False, 0, 1, cv2.LINE_8)
        _, found = cv2.connectedComponents(open_, connectivity=4, ltype=cv2.CV_32S)
        pieces = np.asarray(found, np.intp)
        numbers: dict[Group, int] = {}
        height, width = free.shape
        ys = (window[0].start + np.arange(height) - self.blobs.corner[1]) // self.blobs.scale
        xs = (window[1].start + np.arange(width) - self.blobs.corner[0]) // self.blobs.scale
        blob = self.blobs.labels[ys][:, xs]
        blob[self.region_of[blob] != region] = 0
        sure = (open_ > 0) & (blob > 0)
        size = int(self.blobs.labels.max()) + 1
        codes, counts = _counted(pieces[sure].astype(np.int64) * size + blob[sure])
        weight: dict[int, dict[int, int]] = {}
        for code, seen in zip(codes.tolist(), counts.tolist()):
            number = numbers.setdefault(groups[code % size], len(numbers) + 1)
            of_piece = weight.setdefault(code // size, {})
            of_piece[number] = of_piece.get(number, 0) + seen
        table = np.zeros(int(pieces.max()) + 1, np.int32)
        mixed = np.zeros(len(table), bool)
        for piece, votes in weight.items():
            table[piece] = max(votes, key=lambda number: (votes[number], -number))
            mixed[piece] = votes[int(table[piece])] < _PURE * sum(votes.values())
        group = table[pieces]
        if mixed.any():
            # No straight cut divides it: the border of the blobs does.
            of_blob = np.zeros(size, np.int32)
            for member, known in groups.items():
                of_blob[member] = numbers.get(known, 0)
            torn = mixed[pieces] & sure
            group[mixed[pieces]] = 0
            group[torn] = of_blob[blob[torn]]
        group[~free] = 0
        filled = nearest_label(group)
        return np.where(free, np.maximum(filled, 1), 0), numbers

    def _by_marks(
        self,
        group: np.ndarray,
        free: np.ndarray,
        corner: tuple[int, int],
        numbers: Sequence[int],
        claims: _Claims,
        contests: dict[int, tuple[np.ndarray, tuple[Colour, ...]]],
    ) -> np.ndarray:
        """The same with parts of their own for marks that share a blob, or are heard nearby; what
        marks share with no border between them goes into ``contests``."""
        if not numbers:
            return group
        result = group.copy()
        added = int(group.max())
        near = [n for n in numbers if n in claims.local]
        rest = [n for n in numbers if n not in claims.local]
        by_group: dict[int, list[int]] = {}
        for number in rest:
            x, y = claims.said[number].at
            by_group.setdefault(int(_at(group, free, x - corner[0], y - corner[1])), []).append(
                number
            )
        for of, members in by_group.items():
            colours = sorted({claims.colour[n] for n in members})
            if len(colours) < 2:
                continue
            places = [
                [claims.said[n].at for n in members if claims.colour[n] == colour]
                for colour in colours
            ]
            inside = free & (group == of)
            parts = narrowest_parts(inside, places, corner)
            round_marks = _undrawn(inside, places, corner)
            if round_marks is None:
                result[inside] = added + parts[inside]
                added += len(colours)
                continue
            known = (claims.said[n].colour for n in members)
            of_colour = dict(zip((claims.colour[n] for n in members), known))
            rest = np.where(inside & (round_marks == 0), parts - 1, -1).astype(np.int32)
            contests[of] = rest, tuple(of_colour[colour] for colour in colours)
            marked = inside & (round_marks > 0)
            result[marked] = added + round_marks[marked]
            added += len(colours)
        for number in near:
            x, y = claims.said[number].at
            disc = _heard(free, x - corner[0], y - corner[1], _LOCAL * claims.local[number])
            added += 1
            result[disc] = added
        return result


def _counted(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which numbers (n,) there are, and how often. Neighbours are mostly equal, so that runs are
    counted before anything is sorted."""
    if not len(codes):
        return codes, codes
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
    lengths = np.diff(np.append(starts, len(codes)))
    found, of = np.unique(codes[starts], return_inverse=True)
    return found, np.bincount(of, lengths).astype(np.int64)


def _outward(path: np.ndarray) -> np.ndarray:
    """(2, 2): the directions from the middle of a passage to its sides."""
    way = path[[0, 2]] - path[1]
    return way / np.maximum(np.hypot(*way.T)[:, None], 1e-6)


def _at(group: np.ndarray, free: np.ndarray, x: int, y: int) -> int:
    """The group at a place, or at the nearest that no line covers."""
    if free[y, x]:
        return int(group[y, x])
    return int(nearest_label(np.where(free, group, 0))[y, x])


def _heard(free: np.ndarray, x: int, y: int, reach: float) -> np.ndarray:
    """(h, w) bool: free places within ``reach`` of one, as the way goes round lines."""
    radius = int(reach) + 1
    top, left = max(0, y - radius), max(0, x - radius)
    rows, columns = np.mgrid[: free.shape[0], : free.shape[1]]
    disc = free & (np.hypot(rows - y, columns - x) <= reach)
    _, pieces = cv2.connectedComponents(disc.astype(np.uint8), connectivity=4)
    window = disc[top : y + radius + 1, left : x + radius + 1]
    if not window.any():
        return np.zeros(free.shape, bool)
    if not disc[y, x]:
        near_y, near_x = np.nonzero(window)
        best = np.hypot(near_y + top - y, near_x + left - x).argmin()
        y, x = int(near_y[best]) + top, int(near_x[best]) + left
    return pieces == pieces[y, x]


def windows(regions: Regions, wanted: list[int]) -> list[tuple[int, tuple[slice, slice]]]:
    """The bounding box of each wanted region, found in one look at the picture."""
    rank = np.full(regions.count, -1, np.int64)
    rank[wanted] = np.arange(len(wanted))
    ys, xs = np.nonzero((rank >= 0)[regions.labels])
    of = rank[regions.labels[ys, xs]]
    low, high = np.full((2, len(wanted)), np.iinfo(np.int64).max), np.zeros((2, len(wanted)), int)
    for axis, places in enumerate((ys, xs)):
        np.minimum.at(low[axis], of, places)
        np.maximum.at(high[axis], of, places)
    boxes = np.stack([low, high + 1], axis=-1)
    return [
        (region, (slice(*boxes[0, i].tolist()), slice(*boxes[1, i].tolist())))
        for i, region in enumerate(wanted)
    ]


# Marks in one blob: each gets its part, cut where it is narrowest


def _undrawn(
    free: np.ndarray, groups: Sequence[Sequence[Place]], corner: tuple[int, int]
) -> np.ndarray | None:
    """(h, w) int32: the group of places that each free pixel near one belongs to, from 1; None
    where constrictions divide the groups."""
    distance = _depth(free)
    every = [(at, number) for number, places in enumerate(groups, start=1) for at in places]
    depth = {at: _depth_at(distance, at, corner) for at, _ in every}
    apart = all(
        _narrowest_way(distance, one, other, corner) < _APART * min(depth[one], depth[other])
        for (one, of), (other, of_other) in itertools.combinations(every, 2)
        if of != of_other
    )
    if apart:
        return None
    found = np.zeros(free.shape, np.int32)
    for at, number in every:
        others = (np.hypot(at[0] - o[0], at[1] - o[1]) for o, of in every if of != number)
        reach = _UNDRAWN * min(depth[at], min(others))
        found[_heard(free, int(at[0]) - corner[0], int(at[1]) - corner[1], reach)] = number
    return found


def _depth_at(distance: np.ndarray, at: Place, corner: tuple[int, int]) -> float:
    return max(2.0, float(distance[int(at[1]) - corner[1], int(at[0]) - corner[0]]))


def _narrowest_way(
    distance: np.ndarray, one: Place, other: Place, corner: tuple[int, int]
) -> float:
    """The radius of the widest ball that can roll from one place to the other."""
    ends = [(int(at[1]) - corner[1], int(at[0]) - corner[0]) for at in (one, other)]
    low, high = 0.0, min(float(distance[end]) for end in ends)
    for _ in range(12):
        radius = (low + high) / 2
        _, parts = cv2.connectedComponents((distance >= radius).astype(np.uint8), connectivity=4)
        if parts[ends[0]] == parts[ends[1]] > 0:
            low = radius
        else:
            high = radius
    return low


def _depth(free: np.ndarray) -> np.ndarray:
    """(h, w) float32: how far each free pixel is from what is not."""
    fenced = cv2.copyMakeBorder(free.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return cv2.distanceTransform(fenced, cv2.DIST_L2, 3)[1:-1, 1:-1]


def narrowest_parts(
    free: np.ndarray, groups: Sequence[Sequence[Place]], corner: tuple[int, int]
) -> np.ndarray:
    """(h, w) int32: number of the group of places that each free pixel goes to, from 1."""
    distance = _depth(free)
    seeds = np.zeros(free.shape, np.int32)
    for number, places in enumerate(groups, start=1):
        for x, y in places:
            _climb(seeds, distance, int(y) - corner[1], int(x) - corner[0], number)
    marks, at = seeds.copy(), np.nonzero(seeds)
    for radius in (*np.geomspace(max(1.0, float(distance.max())), 1.0, 12), 0.0):
        _spread(marks, at, (distance > radius) | (seeds > 0))
    # What is left lies between two groups: they meet in the middle.
    outside = len(groups) + 1
    marks[~free & (marks == 0)] = outside
    cv2.watershed(np.zeros((*marks.shape, 3), np.uint8), marks)
    known = free & (marks > 0) & (marks != outside)
    return nearest_label(np.where(known, marks, 0).astype(np.int32))


def _climb(seeds: np.ndarray, distance: np.ndarray, row: int, column: int, number: int) -> None:
    """Mark the way from a place to the middle of the widest part that it leads up to.

    A mark near a line would otherwise be heard only after the other one has come through the gap.
    """
    while seeds[row, column] in (0, number):
        seeds[row, column] = number
        top, left = max(0, row - 1), max(0, column - 1)
        around = distance[top : row + 2, left : column + 2]
        if around.max() <= distance[row, column]:
            return
        up = np.unravel_index(around.argmax(), around.shape)
        row, column = top + int(up[0]), left + int(up[1])


def _spread(marks: np.ndarray, seeds: tuple[np.ndarray, ...], free: np.ndarray) -> None:
    """Fill each connected part of ``free`` that holds seeds of one group alone."""
    count, found = cv2.connectedComponents(free.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    ids = np.asarray(found, np.int32)
    most, least = np.zeros(count, np.int32), np.full(count, np.iinfo(np.int32).max, np.int32)
    np.maximum.at(most, ids[seeds], marks[seeds])
    np.minimum.at(least, ids[seeds], marks[seeds])
    group = np.where(most == least, most, 0).astype(np.int32)
    if group.any():
        # Where a part is filled already, it is so with its own group.
        np.maximum(marks, group[ids], out=marks)
