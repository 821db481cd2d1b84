# SPDX-License-Identifier: GPL-3.0-or-later
"""Different marks in one region: each gets its part, cut where the region is narrowest.

An artist who puts two colours into one region knows of a gap that was too wide to be closed.
"""

from __future__ import annotations

import cv2
import numpy as np

from .assign import region_at
from .regions import backgrounds
from .values import Marks, Regions

Colour = tuple[int, int, int] | None
Place = tuple[float, float]


def split_at_marks(regions: Regions, marks: Marks) -> tuple[Regions, list[str]]:
    """Regions in which no two marks contradict each other, and a sentence for each that was split.

    Marks of one colour in one region share a part. Of marks in one pixel the last one counts.
    """
    last: dict[tuple[int, int], tuple[Place, Colour]] = {}
    notes = []
    for at, colour in [*marks.pairs, *((mark.at, mark.colour) for mark in marks.hints)]:
        if region_at(regions, at) is None:
            continue
        pixel = int(at[0]), int(at[1])
        if pixel in last and last[pixel][1] != colour:
            notes.append(f"Different colours are asked for at {pixel}: the last one counts.")
        last[pixel] = at, colour
    said: dict[int, dict[Colour, list[Place]]] = {}
    for at, colour in last.values():
        said.setdefault(region_at(regions, at) or 0, {}).setdefault(colour, []).append(at)
    divided = {region: colours for region, colours in said.items() if len(colours) > 1}
    if not divided:
        return regions, notes
    groups = {region: list(colours.values()) for region, colours in divided.items()}
    notes += [_sentence(colours) for colours in divided.values()]
    return _split(regions, groups), notes


def _sentence(colours: dict[Colour, list[Place]]) -> str:
    places = ", ".join(f"({x:.0f}, {y:.0f})" for ats in colours.values() for x, y in ats)
    return (
        f"{len(colours)} colours are asked for in one region, at {places}: it was divided where it "
        "is narrowest. A stroke that closes the gap makes the border exact."
    )


Groups = list[list[Place]]


def _split(regions: Regions, groups: dict[int, Groups]) -> Regions:
    labels = regions.labels.copy()
    rooms = [regions.rooms]
    count = regions.count
    for region, window in _windows(regions, list(groups)):
        mine = labels[window] == region
        places, corner = groups[region], (window[1].start, window[0].start)
        parts = _parts(mine & (regions.lines[window] == 0), mine, places, corner)
        added = len(places) - 1
        # The first group keeps the number.
        new = np.array([region, *range(count, count + added)], np.int32)
        labels[window][mine] = new[parts[mine] - 1]
        rooms.append(np.full(added, regions.rooms[region], np.int32))
        count += added
    free = np.bincount(labels[regions.lines == 0], minlength=count).astype(np.int64)
    background = backgrounds(labels, regions.lines, count)
    return Regions(labels, regions.lines, free, background, np.concatenate(rooms))


def _windows(regions: Regions, wanted: list[int]) -> list[tuple[int, tuple[slice, slice]]]:
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


def _parts(
    free: np.ndarray,
    mine: np.ndarray,
    groups: Groups,
    corner: tuple[int, int],
) -> np.ndarray:
    """(h, w) int32: number of the group that each pixel of the region goes to, from 1."""
    fenced = cv2.copyMakeBorder(free.view(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    distance = cv2.distanceTransform(fenced, cv2.DIST_L2, 3)[1:-1, 1:-1]
    seeds = np.zeros(free.shape, np.int32)
    for number, places in enumerate(groups, start=1):
        for x, y in places:
            _climb(seeds, distance, int(y) - corner[1], int(x) - corner[0], number)
    marks, at = seeds.copy(), np.nonzero(seeds)
    for radius in (*np.geomspace(max(1.0, float(distance.max())), 1.0, 12), 0.0):
        _spread(marks, at, (distance > radius) | (seeds > 0))
    # What is left lies between two groups or under lines: they meet in the middle.
    outside = len(groups) + 1
    marks[~mine] = outside
    cv2.watershed(np.zeros((*marks.shape, 3), np.uint8), marks)
    return _filled(marks, mine, outside)


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


def _filled(marks: np.ndarray, mine: np.ndarray, outside: int) -> np.ndarray:
    """The borders that the watershed left, given to the nearest part."""
    known = mine & (marks > 0) & (marks != outside)
    _, nearest = cv2.distanceTransformWithLabels(
        (~known).view(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    group_of = np.ones(int(nearest.max()) + 1, np.int32)
    group_of[nearest[known]] = marks[known]
    return group_of[nearest]
