# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut line art into regions, closing gaps, without crossing lines.

A ball that is trapped by the lines marks a region (trapped ball: Zhang et al., IEEE TVCG 15(4),
2009; here as thresholds of one distance transform). Balls are tried from twice the largest gap down
to a pixel. Where a ball that is larger than a gap passes from one marked region into another, they
are one; where only a smaller one does, the way is a gap, and the two grow until they meet in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..errors import BadRequest
from .panels import grounds, on_edge
from .passages import join_passages
from .pixels import PATCH_PX, looked_up, patches
from .values import Regions

LARGEST_GAP_PX = 32
MOST_PIXELS = 128_000_000
MOST_REGIONS = 100_000
SMALLEST_HOLE_PX = 4
"""Holes in a line of fewer pixels count as line."""

_STEP = 1.25
"""Factor between two balls."""
_LEVELS_OLDER = 4
"""A mark survives meeting another one in a gap if it was found so many balls earlier, so that its
region is about twice as wide as the gap. Others are bulges of a narrow region, not regions."""
_FARTHEST_PX = 1_000_000
"""Paths are cut off so far outside the picture: OpenCV counts in whole numbers."""
_COUNTED_ROWS = 256
_COARSE_PX = 2.0
"""Balls from this radius on are tried at half resolution."""


def segment(
    lines: np.ndarray,
    gap_px: float = 8,
    closing: Sequence[np.ndarray] = (),
    merging: Sequence[np.ndarray] = (),
) -> Regions:
    """Regions of line art.

    Args:
        lines: (H, W) uint8 mask, 255 = line.
        gap_px: gaps in lines up to this width are closed, 0 to 32, in pixels of the picture.
        closing: paths (n, 2) float that close gaps.
        merging: closed paths (n, 2) float; the regions that lie mostly inside become one.

    Raises:
        BadRequest: a value is out of range, no paper is left between the lines, or these are no
            lines but noise.
    """
    if not 0 <= gap_px <= LARGEST_GAP_PX:
        raise BadRequest(
            f"Gaps of {gap_px:g} px can't be closed.", f"Choose 0 to {LARGEST_GAP_PX} px."
        )
    check_size(lines.shape[1], lines.shape[0])
    walls = _with_paths(lines, closing)
    markers, rooms = _marked(walls, gap_px)
    if not markers.any():
        raise BadRequest(
            "No paper is left between the lines: there is nothing to fill.",
            "Choose the layer that has the lines.",
        )
    count = int(markers.max())
    if count > MOST_REGIONS:
        raise BadRequest(
            f"The line art has {count} regions: it looks like noise or a screentone, not lines.",
            "Choose the layer that has the clean lines.",
        )
    markers = join_passages(grown(markers, walls), walls)
    return _numbered(nearest_label(_joined(markers, merging)), walls, rooms)


def check_size(width: int, height: int) -> None:
    """Raise :class:`BadRequest` when a picture is too large to be cut."""
    if width * height > MOST_PIXELS:
        raise BadRequest(
            f"{width} x {height} pixels are too many.",
            f"{MOST_PIXELS // 1_000_000} megapixels are the most: work on a part of the page.",
        )


def _with_paths(lines: np.ndarray, closing: Sequence[np.ndarray]) -> np.ndarray:
    if not closing:
        return lines
    walls = lines.copy()
    for path in closing:
        cv2.polylines(walls, [_whole(path)], False, 255, 2)
    return walls


def _whole(path: np.ndarray) -> np.ndarray:
    """(n, 2) int32; nodes that are no numbers are left out."""
    known = path[np.isfinite(path).all(axis=1)]
    return np.rint(np.clip(known, -_FARTHEST_PX, _FARTHEST_PX)).astype(np.int32)


# Marking


def distances(walls: np.ndarray) -> np.ndarray:
    """(H, W) float32: pixels from each free pixel to the nearest line or end of the picture."""
    # A line that ends just before the edge of the canvas leaves a gap like any other.
    fenced = cv2.copyMakeBorder(cv2.bitwise_not(walls), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    return cv2.distanceTransform(fenced, cv2.DIST_L2, 3)[1:-1, 1:-1]


def phase_of(walls: np.ndarray) -> tuple[int, int]:
    """Rows and columns, 0 or 1, to put before a drawing so that its lines begin at an even place:
    on whatever pixel a drawing lies, it is halved in the same way."""
    rows, columns = walls.any(axis=1), walls.any(axis=0)
    return int(rows.argmax()) % 2, int(columns.argmax()) % 2


def halved(distance: np.ndarray, phase: tuple[int, int]) -> np.ndarray:
    """The largest of each 2 x 2 pixels: passages keep their width, and balls that are larger than
    a pixel can't touch across a line."""
    (top, left), (height, width) = phase, distance.shape
    bottom, right = (height + top) % 2, (width + left) % 2
    padded = cv2.copyMakeBorder(distance, top, bottom, left, right, cv2.BORDER_REPLICATE)
    rows = np.maximum(padded[::2], padded[1::2])
    return np.maximum(rows[:, ::2], rows[:, 1::2])


def _radii(gap_px: float) -> list[float]:
    """Radii of the balls, largest first, that of the largest gap among them."""
    if gap_px == 0:
        return [0.0]
    # The middle of a gap of g free pixels is (g + 1) / 2 from the line's pixels.
    gap_radius = (gap_px + 1) / 2
    # The balls before that of the gap tell how wide the regions are on either side of one.
    radii = [gap_radius * _STEP**power for power in range(_LEVELS_OLDER - 1, -1, -1)]
    while radii[-1] / _STEP >= _COARSE_PX:
        radii.append(radii[-1] / _STEP)
    return [*radii, *([1.0] if gap_radius > 1 else []), 0.0]


class Marking:
    """The regions marked so far.

    Attributes:
        labels: (h, w) int32, 0 = unmarked.
        born: (labels + 1,) int32, number of the ball that found each.
        at: (labels + 1,) int64, one pixel of each, counted row by row; -1 for none.
        part: (labels + 1,) int32, equal for marks between which the last ball can roll.
    """

    def __init__(self, shape: tuple[int, ...], older: int = _LEVELS_OLDER) -> None:
        self._older = older
        self.labels = np.zeros(shape, np.int32)
        self.born = np.zeros(1, np.int32)
        self.at = np.full(1, -1, np.int64)
        self.part = np.zeros(1, np.int32)

    def add_ball(self, number: int, free: np.ndarray, is_gap: bool, smallest: int) -> None:
        """Let a smaller ball roll.

        Args:
            number: of the ball.
            free: (h, w) bool, where its centre may be; holds all marks.
            is_gap: whether it is small enough to pass through gaps.
            smallest: pixels of the smallest part that is marked.
        """
        parts, ids, stats, _ = cv2.connectedComponentsWithStats(
            free.view(np.uint8), connectivity=4, ltype=cv2.CV_32S
        )
        part_of = np.where(self.at >= 0, np.asarray(ids, np.int32).ravel()[self.at], 0)
        kept = self._kept(part_of, parts, number) if is_gap else self._one_each(part_of, parts)
        inside = np.bincount(part_of[kept], minlength=parts)
        fresh = np.flatnonzero((inside == 0) & (stats[:, cv2.CC_STAT_AREA] >= smallest))
        fresh = fresh[fresh > 0]
        self._relabel(part_of, kept, inside, fresh, ids, number)
        self.at = np.concatenate([[-1], self.at[kept], _first_pixels(ids, stats, fresh)])

    def _one_each(self, part_of: np.ndarray, parts: int) -> np.ndarray:
        """Marks that stay, when all in one part are one: the oldest of each."""
        oldest = self._oldest(part_of, parts)
        kept = np.zeros(len(self.born), bool)
        kept[oldest[oldest > 0]] = True
        return kept

    def _kept(self, part_of: np.ndarray, parts: int, number: int) -> np.ndarray:
        """Marks that stay, when those in one part may be divided by gaps."""
        kept = self._one_each(part_of, parts)
        kept[1:] |= number - self.born[1:] >= self._older
        kept[0] = False
        return kept & (part_of > 0)

    def _oldest(self, part_of: np.ndarray, parts: int) -> np.ndarray:
        oldest = np.zeros(parts, np.int64)
        # The last one written stays, so the oldest is written last.
        order = np.argsort(-self.born[1:], kind="stable") + 1
        oldest[part_of[order]] = order
        oldest[0] = 0
        return oldest

    def _relabel(
        self,
        part_of: np.ndarray,
        kept: np.ndarray,
        inside: np.ndarray,
        fresh: np.ndarray,
        ids: np.ndarray,
        number: int,
    ) -> None:
        renamed = np.zeros(len(self.born), np.int32)
        renamed[kept] = np.arange(1, kept.sum() + 1)
        whole = np.zeros(len(inside), np.int32)
        single = kept & (inside[part_of] == 1)
        whole[part_of[single]] = renamed[single]
        whole[fresh] = np.arange(kept.sum() + 1, kept.sum() + 1 + len(fresh))
        labels = looked_up(whole, ids)
        if not single[kept].all():
            # Where several marks share a part, each stays where it is.
            np.maximum(labels, looked_up(renamed, self.labels), out=labels)
        self.labels = labels
        self.born = np.concatenate(
            [[0], self.born[kept], np.full(len(fresh), number)], dtype=np.int32
        )
        self.part = np.concatenate([[0], part_of[kept], fresh], dtype=np.int32)

    def refine(self, distance: np.ndarray, radius: float, phase: tuple[int, int]) -> None:
        """Go on at full resolution: ``distance`` is that of every pixel, ``radius`` the next
        ball's, ``phase`` that of the halved picture."""
        (top, left), (height, width) = phase, distance.shape
        coarse = self.labels.shape[1]
        # Four bytes are copied, whatever OpenCV takes them for.
        doubled = cv2.resize(
            self.labels.view(np.float32), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST
        ).view(np.int32)
        labels = np.ascontiguousarray(doubled[top : top + height, left : left + width])
        # The neighbours of a pixel that is so far from any line can't lie behind one, but they may
        # be too close to it for the ball.
        labels[distance <= radius] = 0
        self.labels = labels
        self.at = self._finer(distance, self.at, coarse, phase)

    def _finer(
        self, distance: np.ndarray, at: np.ndarray, coarse: int, phase: tuple[int, int]
    ) -> np.ndarray:
        """Of the four pixels that each of ``at`` stands for, the one farthest from any line."""
        (height, width), found = distance.shape, at.copy()
        marked = at >= 0
        tops, lefts = 2 * (at[marked] // coarse) - phase[0], 2 * (at[marked] % coarse) - phase[1]
        rows = np.clip(tops[:, None] + np.array([0, 0, 1, 1]), 0, height - 1)
        columns = np.clip(lefts[:, None] + np.array([0, 1, 0, 1]), 0, width - 1)
        best = distance[rows, columns].argmax(axis=1)[:, None]
        places = np.take_along_axis(rows * width + columns, best, axis=1)[:, 0]
        # A mark of which nothing is left.
        found[marked] = np.where(self.labels.ravel()[places] > 0, places, -1)
        return found


def _first_pixels(ids: np.ndarray, stats: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(n,) int64: one pixel of each part, counted row by row; ``stats`` as of OpenCV."""
    boxes = stats[parts][:, [cv2.CC_STAT_TOP, cv2.CC_STAT_LEFT, cv2.CC_STAT_WIDTH]].tolist()
    columns = [
        left + int((ids[top, left : left + width] == part).argmax())
        for part, (top, left, width) in zip(parts.tolist(), boxes)
    ]
    tops = np.array([top for top, _, _ in boxes], np.int64)
    return tops * ids.shape[1] + np.array(columns, np.int64)


def _marked(walls: np.ndarray, gap_px: float) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) int32 marks from 1 on, 0 under lines and where it is open whose a pixel is; and the
    room of each mark, (marks + 1,) int32."""
    distance = distances(walls)
    phase = phase_of(walls)
    coarse = halved(distance, phase)
    radii = _radii(gap_px)
    marks = Marking(coarse.shape if radii[0] >= _COARSE_PX else distance.shape)
    for number, radius in enumerate(radii):
        if radius < _COARSE_PX and marks.labels.shape != distance.shape:
            marks.refine(distance, radius, phase)
        at = distance if radius < _COARSE_PX else coarse
        smallest = 1 if radius > 0 else SMALLEST_HOLE_PX
        marks.add_ball(number, at > radius, radius < (gap_px + 1) / 2, smallest)
    return marks.labels, marks.part


# Growing


def grown(markers: np.ndarray, walls: np.ndarray) -> np.ndarray:
    """Marks grown over the free pixels, each at the same speed, never across a line.

    (OpenCV's watershed leaves a border pixel between a mark and a wall too, so that it does not get
    through passages of two pixels.)
    """
    return _grown(markers, walls > 0)


def grown_within(marks: np.ndarray, labels: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Marks grown over what has none, under lines too, each at the same speed and within its own
    region.

    Args:
        marks: (H, W) int32 from 1, 0 for none.
        labels: (H, W) int32, the region of each pixel.
        owner: (marks + 1,) int, the region of each mark; regions of none are left alone.
    """
    wanted = np.zeros(int(max(labels.max(), owner.max())) + 1, bool)
    wanted[owner[1:]] = True
    return _grown(marks, ~(looked_up(wanted, labels) | (marks > 0)), labels, owner)


def _grown(
    markers: np.ndarray,
    closed: np.ndarray,
    labels: np.ndarray | None = None,
    owner: np.ndarray | None = None,
) -> np.ndarray:
    """Marks grown where they are 0, not ``closed`` (H, W) bool and, if owners are given, where the
    pixel's label is their owner."""
    height, width = markers.shape
    # A fence spares the neighbours of border pixels a special case.
    fenced = np.full((height + 2, width + 2), -1, np.int32)
    fenced[1:-1, 1:-1] = markers
    np.copyto(fenced[1:-1, 1:-1], -1, where=closed)
    flat, steps = fenced.ravel(), (-1, 1, -fenced.shape[1], fenced.shape[1])
    front = np.flatnonzero(flat == 0)
    turn = np.zeros(len(flat), np.int32)
    while len(front):
        label = np.zeros(len(front), np.int32)
        region = None
        if labels is not None:
            rows, columns = np.divmod(front, width + 2)
            region = labels[rows - 1, columns - 1]
        for step in steps:
            beside = flat[front + step]
            if owner is not None:
                beside = np.where(owner[beside] == region, beside, 0)
            label = np.where(label > 0, label, beside)
        reached = label > 0
        front = front[reached]
        flat[front] = label[reached]
        around = np.concatenate([front + step for step in steps])
        around = around[flat[around] == 0]
        # Each once, without sorting: the last one to write its turn stays.
        turn[around] = np.arange(len(around), dtype=np.int32)
        front = around[turn[around] == np.arange(len(around))]
    return np.maximum(fenced[1:-1, 1:-1], 0)


def nearest_label(labels: np.ndarray, wanted: np.ndarray | None = None) -> np.ndarray:
    """Every pixel without a label gets that of the nearest one that has it.

    Args:
        labels: (H, W) int32, 0 for none.
        wanted: (H, W) bool, the pixels that need one, if these are few; others may stay without.
    """
    missing = labels == 0
    if not missing.any() or missing.all():
        return labels
    if wanted is None:
        return _filled(labels, missing)[0]
    filled = labels.copy()
    for patch in patches(wanted & missing):
        there, away = _filled(labels[patch], missing[patch])
        asked = wanted[patch] & missing[patch]
        if away is None or away[asked].max(initial=0) > PATCH_PX:
            # What is nearest may lie outside.
            return _filled(labels, missing)[0]
        filled[patch][asked] = there[asked]
    return filled


def _filled(labels: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels without any missing, and how far away each was found, (h, w) float32; None if there
    are none at all."""
    if missing.all():
        return labels, None
    away, nearest = cv2.distanceTransformWithLabels(
        np.ascontiguousarray(missing).view(np.uint8),
        cv2.DIST_L2,
        5,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    # OpenCV numbers the pixels that have one from 1 on, row by row.
    given = labels[~missing]
    filled = labels.copy()
    filled[missing] = given[np.asarray(nearest, np.int32)[missing] - 1]
    return filled, away


def _joined(labels: np.ndarray, merging: Sequence[np.ndarray]) -> np.ndarray:
    """Regions that lie mostly inside a closed path get one label."""
    if not merging:
        return labels
    sizes = np.bincount(labels.ravel())
    same = np.arange(len(sizes), dtype=np.int32)
    for path in filter(len, map(_whole, merging)):
        left, top = np.maximum(path.min(axis=0), 0)
        right, bottom = np.maximum(path.max(axis=0) + 1, 0)
        window = labels[top:bottom, left:right]
        inside = np.zeros(window.shape, np.uint8)
        if not inside.size:
            continue
        cv2.fillPoly(inside, [path - (left, top)], 1)
        found = np.bincount(same[window[inside > 0]], minlength=len(sizes))
        totals = np.bincount(same, sizes, len(sizes))
        members = np.flatnonzero(2 * found > totals)
        members = members[members > 0]
        if len(members) > 1:
            same[np.isin(same, members)] = members[0]
    return looked_up(same, labels)


# The result


def _numbered(labels: np.ndarray, lines: np.ndarray, rooms: np.ndarray) -> Regions:
    sizes = np.bincount(labels.ravel(), minlength=len(rooms))
    number_of = np.cumsum(sizes > 0, dtype=np.int32) - 1
    labels = looked_up(number_of, labels)
    count = int(number_of[-1]) + 1
    free = counted(labels, lines, count)
    return Regions(labels, lines, free, backgrounds(labels, lines, count), rooms[sizes > 0])


def counted(labels: np.ndarray, lines: np.ndarray, count: int) -> np.ndarray:
    """(count,) int64: free pixels of each label."""
    found = np.zeros(count, np.int64)
    # In parts: counting takes whole numbers of eight bytes.
    for top in range(0, len(labels), _COUNTED_ROWS):
        rows = np.s_[top : top + _COUNTED_ROWS]
        found += np.bincount(labels[rows][lines[rows] == 0], minlength=count)
    return found


def backgrounds(labels: np.ndarray, lines: np.ndarray, count: int) -> np.ndarray:
    """(count,) bool: regions that hold a corner and at least an eighth of the picture's edge, and
    the same of each panel."""
    paper = on_edge(labels, lines == 0, count)
    return paper | grounds(labels, paper)
