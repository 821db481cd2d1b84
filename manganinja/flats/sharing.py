# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks of different colours in one region, and marks that mean a small part of one.

Where a constriction lies between two marks, the region is divided there. Where none does, one of
them means something that is not drawn. If the region is known to have the colour of one of them,
the others have what is nearer to them, up to as much as their colours have of it in the reference,
or their surroundings, where that shows nothing like it. Else they divide the region, each up to the
middle. Whatever is made of them, every mark has its colour where it lies.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence, Set

import cv2
import numpy as np

from .assign import BLANK, HINT, UNKNOWN
from .cells import Cells, windows
from .hearing import Hearing, Place, way_to_line
from .leaks import Blobs
from .pixels import looked_up, patches
from .regions import counted, halved, nearest_label
from .undrawn import reach_of
from .values import EMPTY, Assignment, Palette, Regions

_APART = 0.8
"""Two marks that no constriction so narrow divides, beside the narrower one's place, lie in one
thing, in which one of them means something that is not drawn."""
_UNDRAWN = 0.5
"""How far a mark is then heard for sure, beside the way to the next mark or line."""
_ROLLED_PX = 1000
"""Side of the picture in which balls roll."""
_SMOOTHED = 9
"""How far round them blobs are looked at where their border is smoothed, in pixels of these: twice
what a Gaussian of one pixel reaches, and one."""
_DIVIDED = 0.6
"""Confidence of what is divided between marks without a border."""


def shared_out(
    regions: Regions,
    assignment: Assignment,
    palette: Palette,
    hearing: Hearing,
    cells: Cells,
    shares: np.ndarray | None = None,
) -> tuple[Regions, Assignment, Palette]:
    """Regions of their own for marks that share one, or that are heard nearby alone; the marks
    themselves are for :func:`.assign.decided`.

    Args:
        shares: of :func:`.undrawn.undrawn_shares`.
    """
    wanted = _asked(regions, hearing)
    if not wanted:
        return regions, assignment, palette
    palette, entries = hearing.entries(palette)
    labels, origin = regions.labels.copy(), list(range(regions.count))
    divided: list[tuple[int, int]] = []
    for region, window in windows(regions, sorted(wanted)):
        mine = labels[window] == region
        free = mine & (regions.lines[window] == 0)
        corner = window[1].start, window[0].start
        known = assignment.source[region] != UNKNOWN
        entry = int(assignment.index[region]) if known else None
        parts, given = _parts(free, corner, wanted[region], hearing, entries, entry, shares)
        said = {hearing.said[number].at: number for number in wanted[region]}
        near = {at: hearing.nearby[n] for at, n in said.items() if n in hearing.nearby}
        if near:
            _add_nearby(parts, free, cells.around.of(near, window), near, corner)
        of_part = {at: set(hearing.blobs[n]) for at, n in said.items() if n in hearing.blobs}
        if of_part:
            _add_blobs(parts, free, window, of_part, cells.blobs)
        _each_its_own(parts, free, {at: entries[number] for at, number in said.items()}, corner)
        codes = np.flatnonzero(np.bincount(parts[free])).tolist()
        number = np.zeros(max(codes, default=0) + 1, np.int32)
        for place, code in enumerate(codes):
            number[code] = region if place == 0 else len(origin)
            if place:
                origin.append(region)
            if code in given:
                divided.append((int(number[code]), given[code]))
        _write(labels[window], region, looked_up(number, np.where(free, parts, 0)), mine, free)
    areas = counted(labels, regions.lines, len(origin))
    background = regions.background[origin]
    given_to = assignment.taken(np.array(origin))
    for region, entry in divided:
        given_to.index[region], given_to.confidence[region] = entry, _DIVIDED
        given_to.source[region] = BLANK if entry == EMPTY else HINT
    shared = Regions(labels, regions.lines, areas, background, regions.rooms[origin])
    return shared, given_to, palette


def _write(
    labels: np.ndarray, region: int, number: np.ndarray, mine: np.ndarray, free: np.ndarray
) -> None:
    """Put the ``number`` (h, w) int32 of each part of a region in its place, and under the lines
    round it.

    Args:
        labels: (h, w) int32, a window of the page, which is written to.
        mine, free: (h, w) bool, what of it is the region's, and what of that no line covers.
    """
    np.copyto(labels, number, where=free)
    told = np.where(free, number + 1, 0)
    # Under ink that is farther from what is new, nobody sees the difference.
    for near in patches(told > region + 1):
        np.copyto(labels[near], nearest_label(told[near]) - 1, where=mine[near])


def _asked(regions: Regions, hearing: Hearing) -> dict[int, list[int]]:
    """By region, the marks in it, where they have different colours or are heard nearby alone."""
    marks: dict[int, list[int]] = {}
    for number, mark in enumerate(hearing.said):
        region = int(regions.labels[mark.at[1], mark.at[0]])
        marks.setdefault(region, []).append(number)
    return {
        region: numbers
        for region, numbers in marks.items()
        if any(number in hearing.nearby or number in hearing.blobs for number in numbers)
        or len({hearing.said[number].colour for number in numbers}) > 1
    }


def _parts(
    free: np.ndarray,
    corner: tuple[int, int],
    numbers: Sequence[int],
    hearing: Hearing,
    entries: Sequence[int],
    known: int | None,
    shares: np.ndarray | None,
) -> tuple[np.ndarray, dict[int, int]]:
    """(h, w) int32: the part of each free pixel of a region, and the palette's entry of those that
    marks have between them.

    Args:
        known: the entry that the region is known to have.
    """
    parts, given = np.zeros(free.shape, np.int32), dict[int, int]()
    rest = [n for n in numbers if n not in hearing.nearby and n not in hearing.blobs]
    colours = sorted({entries[number] for number in rest})
    if len(colours) > 1:
        places = [[hearing.said[n].at for n in rest if entries[n] == entry] for entry in colours]
        area = float(np.count_nonzero(free))
        sizes = [reach_of(_share(shares, entry, known), area) for entry in colours]
        round_marks = _undrawn(free, places, sizes, corner)
        if round_marks is None:
            parts = narrowest_parts(free, places, corner)
        elif known in colours:
            parts = round_marks
        else:
            # Between the marks; round each, a part of its own.
            nearest = _nearest(free.shape, places, corner)
            parts = np.where(round_marks > 0, round_marks, len(colours) + nearest)
            given = {len(colours) + 1 + at: entry for at, entry in enumerate(colours)}
    return parts.astype(np.int32), given


def _add_nearby(
    parts: np.ndarray,
    free: np.ndarray,
    meant: np.ndarray,
    marks: Collection[Place],
    corner: tuple[int, int],
) -> None:
    """Parts of their own, in ``parts``, for marks that are heard nearby alone; ``meant`` (h, w) is
    the one that means each place, from 1."""
    first = int(parts.max())
    for number, (x, y) in enumerate(marks, start=1):
        own = free & (meant == number)
        parts[_joined(own, int(x) - corner[0], int(y) - corner[1])] = first + number


def _add_blobs(
    parts: np.ndarray,
    free: np.ndarray,
    window: tuple[slice, slice],
    marks: Mapping[tuple[int, int], Set[int]],
    blobs: Blobs,
) -> None:
    """Parts of their own, in ``parts``, for marks that mean a part of the paper or of a cell.

    Args:
        marks: the blobs that each means, by its place.
    """
    scale = blobs.scale
    for (x, y), meant in marks.items():
        near = _box_of(blobs, meant, (x, y), window)
        clear = free[near]
        top, left = window[0].start + near[0].start, window[1].start + near[1].start
        there = np.s_[top : top + clear.shape[0], left : left + clear.shape[1]]
        blob = blobs.within(there)
        known = cv2.GaussianBlur((blob > 0).astype(np.float32), (0, 0), scale)
        means = np.zeros(blobs.count + 1, np.float32)
        means[list(meant)] = 1
        # Squares have corners, a border has none.
        part = clear & (cv2.GaussianBlur(means.take(blob), (0, 0), scale) > 0.5 * known)
        part |= _within(clear, x - there[1].start, y - there[0].start, 2.0 * scale)
        for other, its in marks.items():
            # Where two mean the same place, each has what is nearer to it.
            if other != (x, y) and meant & its:
                part &= _nearer(there, (x, y), other)
        parts[near][part] = int(parts.max()) + 1


def _box_of(
    blobs: Blobs, meant: Set[int], at: tuple[int, int], window: tuple[slice, slice]
) -> tuple[slice, slice]:
    """The part of a window of the page that a mark and the blobs that it means, smoothed, reach."""
    means = np.zeros(blobs.count + 1, np.uint8)
    means[list(meant)] = 1
    x, y, width, height = cv2.boundingRect(means.take(blobs.labels))
    boxes = ((y, height, at[1]), (x, width, at[0]))
    found = []
    for part, (first, size, place), begin in zip(window, boxes, blobs.corner[::-1], strict=True):
        start, stop = first * blobs.scale + begin, (first + size) * blobs.scale + begin
        around = _SMOOTHED * blobs.scale
        start, stop = min(start, place) - around, max(stop, place + 1) + around
        found.append(slice(max(0, start - part.start), min(stop, part.stop) - part.start))
    return found[0], found[1]


def _each_its_own(
    parts: np.ndarray, free: np.ndarray, marks: Mapping[Place, int], corner: tuple[int, int]
) -> None:
    """A part of its own, in ``parts``, for each mark that would have none of its colour.

    Args:
        marks: the palette's entry of each, by its place.
    """
    inside = {at: (int(at[0]) - corner[0], int(at[1]) - corner[1]) for at in marks}
    has, blocked = dict[int, int](), ~free
    # The last mark has what others are thought to mean as well, as everywhere.
    for at, (x, y) in reversed(inside.items()):
        if has.setdefault(int(parts[y, x]), marks[at]) == marks[at] or not free[y, x]:
            continue
        others = [
            float(np.hypot(x - o[0], y - o[1]))
            for to, o in inside.items()
            if marks[to] != marks[at]
        ]
        code = int(parts.max()) + 1
        reach = _UNDRAWN * min(way_to_line(blocked, (x, y)), *others)
        parts[_within(free, x, y, max(1.0, reach))] = code
        has[code] = marks[at]


def _nearer(window: tuple[slice, slice], at: Place, other: Place) -> np.ndarray:
    """(h, w) bool: what of a window of the page is nearer to one place (x, y) than to another."""
    rows, columns = np.ogrid[window]
    return np.hypot(rows - at[1], columns - at[0]) <= np.hypot(rows - other[1], columns - other[0])


def _within(free: np.ndarray, x: int, y: int, reach: float) -> np.ndarray:
    """(h, w) bool: free places within ``reach`` of one, as the way goes round lines."""
    found = np.zeros(free.shape, bool)
    top, left = max(0, int(y - reach)), max(0, int(x - reach))
    near = np.s_[top : int(y + reach) + 2, left : int(x + reach) + 2]
    rows, columns = np.ogrid[near]
    round_it = np.hypot(rows - y, columns - x) <= reach
    found[near] = _joined(
        free[near] & round_it[: free.shape[0] - top, : free.shape[1] - left], x - left, y - top
    )
    return found


def _joined(free: np.ndarray, x: int, y: int) -> np.ndarray:
    """(h, w) bool: free places that hang together with one, or with the nearest free one."""
    if not free.any():
        return free
    if not free[y, x]:
        rows, columns = np.nonzero(free)
        best = np.hypot(rows - y, columns - x).argmin()
        y, x = int(rows[best]), int(columns[best])
    _, pieces = cv2.connectedComponents(free.astype(np.uint8), connectivity=4)
    return pieces == pieces[y, x]


def _share(shares: np.ndarray | None, entry: int, known: int | None) -> float:
    """How much of a thing an entry has, if the thing is known to have another; 0 for no idea."""
    if shares is None or known is None or EMPTY in (entry, known):
        return 0.0
    return float(np.nan_to_num(shares[entry, known])) if max(entry, known) < len(shares) else 0.0


def _undrawn(
    free: np.ndarray,
    groups: Sequence[Sequence[Place]],
    sizes: Sequence[float],
    corner: tuple[int, int],
) -> np.ndarray | None:
    """(h, w) int32: the group of places that each free pixel near one belongs to, from 1; None
    where constrictions divide the groups.

    Args:
        sizes: how far each group reaches where no other is nearer, in pixels; 0 for no idea.
    """
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
    found, nearest = np.zeros(free.shape, np.int32), _nearest(free.shape, groups, corner)
    for at, number in every:
        others = (np.hypot(at[0] - o[0], at[1] - o[1]) for o, of in every if of != number)
        reach = _UNDRAWN * min(depth[at], min(others))
        x, y = int(at[0]) - corner[0], int(at[1]) - corner[1]
        if sizes[number - 1] > reach:
            found[_within(free & (nearest == number), x, y, sizes[number - 1])] = number
        else:
            found[_within(free, x, y, reach)] = number
    return found


def _nearest(
    shape: tuple[int, ...], groups: Sequence[Sequence[Place]], corner: tuple[int, int]
) -> np.ndarray:
    """(h, w) int32: the group with the nearest place, from 1."""
    seeds = np.zeros(shape, np.int32)
    for number, places in enumerate(groups, start=1):
        for x, y in places:
            seeds[int(y) - corner[1], int(x) - corner[0]] = number
    return nearest_label(seeds)


def _depth_at(distance: np.ndarray, at: Place, corner: tuple[int, int]) -> float:
    return max(2.0, float(distance[int(at[1]) - corner[1], int(at[0]) - corner[0]]))


def _narrowest_way(
    distance: np.ndarray, one: Place, other: Place, corner: tuple[int, int]
) -> float:
    """The radius of the widest ball that can roll from one place to the other, about."""
    ends = [(int(at[1]) - corner[1], int(at[0]) - corner[0]) for at in (one, other)]
    while max(distance.shape) > _ROLLED_PX:
        distance = halved(distance, (0, 0))
        ends = [(y // 2, x // 2) for y, x in ends]
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
