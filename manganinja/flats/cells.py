# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions in cells: parts that may differ in colour though no line divides them.

A region is cut at the passages that are likely leaks (:mod:`.leaks`), and where the paper begins
(:mod:`.paper`). What is left may still leak: where a passage may be no more than a collar, both
sides are cells of one region, which have one colour unless there is good reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

from .assign import hang_together
from .enclosed import Surroundings
from .leaks import Blobs, Passage
from .paper import paper_likely
from .pixels import Runs, looked_up, patches
from .regions import backgrounds, counted, grown_within
from .values import Regions

LEAK = 0.65
"""How likely a passage is a leak from where on a region is cut there."""
CLOSED = 0.1
"""How likely a leak at least is, to be thought of at all."""
PAPER = 0.5
"""How likely a blob is paper from where on it is none of the drawing's."""
_PURE = 0.97
"""Share of a piece that belongs to one cell, unless a cut has missed."""
_FURTHER_PX = 1.5
"""A cut goes on so far into the ink, in pixels of the blobs, so that no crack stays."""


@dataclass(frozen=True)
class Cells:
    """Regions, and the cells that they are made of.

    Attributes:
        regions: what nothing but lines, closed gaps and likely leaks divides.
        cells: the cells, as regions.
        region_of: (cells,) int, the region of each.
        joints: (n, 2) int, cells of one region with a passage between them.
        leaks: (n,) float, how likely a line was meant in each.
        paper: (cells,) float, how likely each is paper round the drawing, by its shape and place;
            NaN where these say nothing.
        paper_of_regions: (regions,) float, the same of each region.
        blobs: the regions' blobs.
        cell_of: (blobs + 1,) int, the cell of each blob, -1 for none.
        drawn_of: (blobs + 1,) int, what each blob lies in as lines and gaps alone divide, -1 for
            nothing.
        paper_of: (blobs + 1,) float, the same as ``paper``, of each blob.
    """

    regions: Regions
    cells: Regions
    region_of: np.ndarray = field(repr=False)
    joints: np.ndarray = field(repr=False)
    leaks: np.ndarray = field(repr=False)
    paper: np.ndarray = field(repr=False)
    paper_of_regions: np.ndarray = field(repr=False)
    blobs: Blobs = field(repr=False)
    cell_of: np.ndarray = field(repr=False)
    drawn_of: np.ndarray = field(repr=False)
    paper_of: np.ndarray = field(repr=False)

    @cached_property
    def around(self) -> Surroundings:
        """The page as marks on it see it."""
        return Surroundings(self.cells.lines)

    @property
    def are_whole(self) -> bool:
        """Whether every region is one cell."""
        return self.cells.count == self.regions.count

    @property
    def is_one(self) -> np.ndarray:
        """(regions,) bool: which regions are one cell."""
        return np.bincount(self.region_of, minlength=self.regions.count) == 1

    def merged(self, answers: np.ndarray) -> tuple[Regions, np.ndarray]:
        """Regions that are divided where the answers (cells,) differ; and which of them each cell
        belongs to. A region with one answer keeps its number."""
        alike = answers[self.joints[:, 0]] == answers[self.joints[:, 1]]
        group = hang_together(self.cells.count, _both_ways(self.joints[alike]))
        return _numbered(self.cells, self.region_of, group, self.regions.count)


def find_cells(regions: Regions, blobs: Blobs) -> Cells:
    """The cells of regions."""
    likely = paper_likely(blobs)
    paper = likely >= PAPER
    owner = _owners(regions, blobs)
    fine, coarse = _parts(blobs, paper, CLOSED), _parts(blobs, paper, LEAK)
    cells, cell_of = _Cutter(regions, blobs, owner).divided(fine)
    blob = np.flatnonzero((cell_of >= 0) & (cell_of[coarse] >= 0))
    group = hang_together(
        cells.count, _both_ways(np.stack([cell_of[blob], cell_of[coarse[blob]]], axis=1))
    )
    # Regions keep their numbers; new cells come after them.
    of_region = np.arange(cells.count)
    of_region[cell_of[cell_of >= 0]] = owner[cell_of >= 0]
    whole, region_of = _numbered(cells, of_region, group, regions.count)
    joints, leaks = _joints(blobs, cell_of, region_of)
    return Cells(
        regions=whole,
        cells=cells,
        region_of=region_of,
        joints=joints,
        leaks=leaks,
        paper=_paper_of(cells, blobs, likely),
        paper_of_regions=_paper_of(whole, blobs, likely),
        blobs=blobs,
        cell_of=cell_of,
        drawn_of=owner,
        paper_of=likely,
    )


def _joints(
    blobs: Blobs, cell_of: np.ndarray, region_of: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Of :class:`Cells`; of several passages between two cells the likeliest to be none counts."""
    least: dict[tuple[int, int], float] = {}
    for passage in blobs.passages:
        one, other = sorted(int(cell_of[blob]) for blob in passage.blobs)
        if one != other and one >= 0 and region_of[one] == region_of[other]:
            least[one, other] = min(least.get((one, other), 1.0), passage.leak)
    pairs = np.array(sorted(least), np.int64).reshape(-1, 2)
    return pairs, np.array([least[one, other] for one, other in pairs.tolist()])


def _numbered(
    cells: Regions, region_of: np.ndarray, group: np.ndarray, count: int
) -> tuple[Regions, np.ndarray]:
    """Regions of groups of cells (cells,), and the number of each cell's. The largest group of a
    region keeps that region's number, of ``count``."""
    sizes = np.bincount(group, cells.areas_px, cells.count)
    groups = np.unique(group)
    groups = groups[np.lexsort((groups, -sizes[groups], region_of[groups]))]
    first = np.ones(len(groups), bool)
    first[1:] = region_of[groups[1:]] != region_of[groups[:-1]]
    number = np.empty(len(groups), np.int64)
    number[first] = region_of[groups[first]]
    number[~first] = count + np.arange(int((~first).sum()))
    table = np.full(cells.count, -1, np.int64)
    table[groups] = number
    of_cell = table[group]
    total = count + int((~first).sum())
    if total == cells.count and (of_cell == np.arange(total)).all():
        return cells, of_cell
    areas = np.bincount(of_cell, cells.areas_px, total).astype(np.int64)
    rooms = np.zeros(total, np.int32)
    rooms[of_cell] = cells.rooms
    labels = looked_up(of_cell.astype(np.int32), cells.labels)
    background = backgrounds(labels, cells.lines, total)
    return Regions(labels, cells.lines, areas, background, rooms), of_cell


def _both_ways(pairs: np.ndarray) -> np.ndarray:
    return np.concatenate([pairs, pairs[:, ::-1]])


def _parts(blobs: Blobs, paper: np.ndarray, leak: float) -> np.ndarray:
    """(blobs + 1,) int: equal for blobs with a way between them of no likelier leaks, and for all
    that are paper."""
    ends = np.array([passage.blobs for passage in blobs.passages], np.int64).reshape(-1, 2)
    closed = np.array([passage.leak <= leak for passage in blobs.passages], bool)
    of_paper = paper[ends]
    joined = of_paper.all(axis=1) | (closed & ~of_paper.any(axis=1))
    return hang_together(blobs.count + 1, _both_ways(ends[joined]))


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


def _owners(regions: Regions, blobs: Blobs) -> np.ndarray:
    """(blobs + 1,) int: the region of each blob."""
    ys, xs = np.nonzero(blobs.labels)
    at_y, at_x = _on_page(regions, blobs, ys, xs)
    of = np.full(blobs.count + 1, -1, np.int64)
    of[blobs.labels[ys, xs]] = regions.labels[at_y, at_x]
    return of


@dataclass
class _Cutter:
    """Cuts regions between parts of blobs."""

    regions: Regions
    blobs: Blobs
    region_of: np.ndarray = field(repr=False)

    def divided(self, parts: np.ndarray) -> tuple[Regions, np.ndarray]:
        """Regions with a number of its own for each part (blobs + 1,); and that of each blob."""
        cuts = [passage for passage in self.blobs.passages if self._is_cut(passage, parts)]
        if not cuts:
            return self.regions, self.region_of.copy()
        asked = np.zeros(self.regions.count + 1, bool)
        asked[[self.region_of[passage.blobs[0]] for passage in cuts]] = True
        code_of, owner = self._codes(parts, asked)
        codes = self._coded(self._pieces(cuts, asked[:-1]), code_of, owner)
        codes = grown_within(codes, self.regions.labels, owner)
        sizes = counted(codes, self.regions.lines, len(owner))
        sizes[0] = 0
        number, new = self._numbers(sizes, owner)
        labels, lines = self.regions.labels.copy(), self.regions.lines
        np.copyto(labels, looked_up(number, codes), where=codes > 0)
        count = self.regions.count + len(new)
        areas, background = counted(labels, lines, count), backgrounds(labels, lines, count)
        rooms = np.concatenate([self.regions.rooms, self.regions.rooms[owner[new]]])
        number_of = np.where(sizes[code_of] > 0, number[code_of], self.region_of)
        return Regions(labels, lines, areas, background, rooms), number_of

    def _is_cut(self, passage: Passage, parts: np.ndarray) -> bool:
        one, other = passage.blobs
        together = self.region_of[one] == self.region_of[other] >= 0
        return bool(together and parts[one] != parts[other])

    def _codes(self, parts: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(blobs + 1,) int32: a number, from 1, for each part of each region that is ``asked`` for,
        0 for others; and the region of each number, (numbers + 1,) int, -1 for 0."""
        mine = np.flatnonzero(asked[self.region_of])
        size = len(parts)
        found, of = np.unique(self.region_of[mine] * size + parts[mine], return_inverse=True)
        code_of = np.zeros(size, np.int32)
        code_of[mine] = of + 1
        return code_of, np.concatenate([[-1], found // size]).astype(np.int32)

    def _pieces(self, cuts: Sequence[Passage], asked: np.ndarray) -> np.ndarray:
        """(H, W) int32: what the cuts divide, of the regions that are ``asked`` for, from 1; 0 in
        the cuts and where one region meets another."""
        labels = self.regions.labels
        open_ = looked_up(asked.view(np.uint8), labels)
        open_[self.regions.lines > 0] = 0
        open_[:, 1:][labels[:, 1:] != labels[:, :-1]] = 0
        open_[1:][labels[1:] != labels[:-1]] = 0
        for passage in cuts:
            ends = passage.path[[0, 2]] + _FURTHER_PX * self.blobs.scale * _outward(passage.path)
            line = np.rint(np.array([ends[0], passage.path[1], ends[1]]) - 0.5).astype(np.int32)
            (left, top), (right, low) = np.maximum([line.min(axis=0), line.max(axis=0) + 1], 0)
            box = np.s_[top:low, left:right]
            across = np.zeros(open_[box].shape, np.uint8)
            if across.size:
                cv2.polylines(across, [line - (left, top)], False, 1, 1, cv2.LINE_8)
                own = labels[box] == self.region_of[passage.blobs[0]]
                open_[box][own & (across > 0)] = 0
        return np.asarray(cv2.connectedComponents(open_, connectivity=4, ltype=cv2.CV_32S)[1])

    def _coded(self, pieces: np.ndarray, code_of: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """(H, W) int32: the part that each piece belongs to, by its number; 0 for none."""
        ys, xs = np.nonzero(code_of[self.blobs.labels])
        at = _on_page(self.regions, self.blobs, ys, xs)
        code, piece = code_of[self.blobs.labels[ys, xs]], pieces[at]
        sure = (piece > 0) & (owner[code] == self.regions.labels[at])
        runs = Runs.of(piece[sure].astype(np.int64) * len(owner) + code[sure])
        of_piece, said = np.divmod(runs.values, len(owner))
        # The most frequent one is written last.
        order = np.lexsort((-said, runs.counts, of_piece))
        count = int(pieces.max()) + 1
        table, most = np.zeros(count, np.int32), np.zeros(count)
        table[of_piece[order]], most[of_piece[order]] = said[order], runs.counts[order]
        mixed = most < _PURE * np.bincount(of_piece, runs.counts, count)
        codes = looked_up(table, pieces)
        # Where no straight cut divides a piece, the border of the blobs does.
        torn = looked_up(mixed, pieces)
        for near in patches(torn):
            by_blob = code_of[self.blobs.within(near)]
            by_blob[owner[by_blob] != self.regions.labels[near]] = 0
            np.copyto(codes[near], by_blob, where=torn[near])
        return codes

    def _numbers(self, sizes: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(numbers + 1,) int32: the region of each part; and those that are new. The largest part
        of a region keeps that region's number."""
        there = np.flatnonzero(sizes)
        there = there[np.lexsort((-sizes[there], owner[there]))]
        first = np.ones(len(there), bool)
        first[1:] = owner[there[1:]] != owner[there[:-1]]
        new = there[~first]
        number = owner.copy()
        number[new] = self.regions.count + np.arange(len(new))
        return number, new


def _outward(path: np.ndarray) -> np.ndarray:
    """(2, 2): the directions from the middle of a passage to its sides."""
    way = path[[0, 2]] - path[1]
    return way / np.maximum(np.hypot(*way.T)[:, None], 1e-6)


def windows(regions: Regions, wanted: list[int]) -> list[tuple[int, tuple[slice, slice]]]:
    """The bounding box of each wanted region, found in one look at the picture."""
    rank = np.full(regions.count, -1, np.int32)
    rank[wanted] = np.arange(len(wanted))
    of = looked_up(rank, regions.labels)
    low, high = np.full((2, len(wanted)), np.iinfo(np.int64).max), np.zeros((2, len(wanted)), int)
    # The ends of each run of pixels are all that counts.
    ends = np.ones(of.shape, bool)
    ends[:, 1:-1] = (of[:, 1:-1] != of[:, :-2]) | (of[:, 1:-1] != of[:, 2:])
    ys, xs = np.nonzero(ends & (of >= 0))
    of = of[ys, xs]
    for axis, places in enumerate((ys, xs)):
        np.minimum.at(low[axis], of, places)
        np.maximum.at(high[axis], of, places)
    boxes = np.stack([low, high + 1], axis=-1)
    return [
        (region, (slice(*boxes[0, i].tolist()), slice(*boxes[1, i].tolist())))
        for i, region in enumerate(wanted)
    ]
