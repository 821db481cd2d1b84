# SPDX-License-Identifier: GPL-3.0-or-later
"""A palette colour for every region: what is known of it, what the artist says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .values import EMPTY, SOURCES, Assignment, Marks, Palette, Regions

_TINY_PX = 12
"""Regions of fewer free pixels take a neighbour's colour."""

_MOST_FOLLOWING = 2.0
"""How large what follows a region through a closed gap is at most, beside that."""

PROPOSAL, PAIR, HINT, BLANK, LOCK, NEIGHBOUR, MATCH, UNKNOWN = range(len(SOURCES))


def neighbours(
    regions: Regions, of: np.ndarray, through_gaps: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Which regions touch.

    Args:
        of: (count,) bool, only pairs with one of these are looked for.
        through_gaps: count borders in closed gaps alone, not those under lines.

    Returns:
        (n, 2) int64 pairs of different regions, the first one of ``of``; and the pixels of border
        that each pair shares.
    """
    found = []
    for here, there in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1),), (slice(1, None),)),
    ):
        border = regions.labels[here] != regions.labels[there]
        if through_gaps:
            border &= (regions.lines[here] == 0) & (regions.lines[there] == 0)
        ys, xs = np.nonzero(border)
        one = regions.labels[here][ys, xs].astype(np.int64)
        other = regions.labels[there][ys, xs].astype(np.int64)
        found += [one * regions.count + other, other * regions.count + one]
    codes = np.concatenate(found)
    codes = codes[of[codes // regions.count]]
    codes, shared = np.unique(codes, return_counts=True)
    return np.stack([codes // regions.count, codes % regions.count], axis=1), shared


def hang_together(count: int, pairs: np.ndarray) -> np.ndarray:
    """(count,) int, equal for regions that hang together by ``pairs`` (n, 2) of them, each pair
    both ways."""
    one, other = pairs.T
    group = np.arange(count)
    while True:
        lowest = group.copy()
        np.minimum.at(lowest, one, group[other])
        lowest = lowest[lowest]
        if (lowest == group).all():
            return group
        group = lowest


def inherited(regions: Regions, assignment: Assignment, votes: np.ndarray) -> Assignment:
    """Tiny regions, and those without a vote, take the colour of a neighbour."""
    orphan = (regions.areas_px < _TINY_PX) | (votes.sum(axis=1) == 0)
    if not orphan.any() or orphan.all():
        return assignment
    pairs, shared = neighbours(regions, orphan)
    keep = ~orphan[pairs[:, 1]]
    pairs, shared = pairs[keep], shared[keep]
    index, source = assignment.index.copy(), assignment.source.copy()
    confidence = assignment.confidence.copy()
    # What the neighbours agree on, and among them what the region's own few pixels favour.
    # EMPTY is -1, and so the last column.
    own = votes[pairs[:, 0], index[pairs[:, 1]]]
    order = np.lexsort((shared, own))
    index[pairs[order, 0]] = assignment.index[pairs[order, 1]]
    source[pairs[:, 0]] = NEIGHBOUR
    confidence[pairs[:, 0]] = 0.5 * assignment.confidence[pairs[:, 1]]
    return replace(assignment, index=index, source=source, confidence=confidence)


def decided(
    regions: Regions, assignment: Assignment, palette: Palette, marks: Marks
) -> tuple[Assignment, Palette]:
    """What the artist's marks say, over everything else. Different marks in one region have been
    given regions of their own by :func:`.sharing.shared_out`."""
    index, source = assignment.index.copy(), assignment.source.copy()
    confidence, strayed = assignment.confidence.copy(), assignment.off_palette.copy()
    said = [(at, colour, PAIR) for at, colour in marks.pairs]
    said += [(m.at, m.colour, HINT if m.colour else BLANK) for m in marks.hints]
    for at, colour, kind in said:
        region = region_at(regions, at)
        if region is None:
            continue
        if colour is None:
            index[region] = EMPTY
        else:
            palette, index[region] = palette.with_colour(colour)
        source[region], confidence[region], strayed[region] = kind, 1.0, 0.0
    return Assignment(index, confidence, source, strayed), palette


def without_background(regions: Regions, assignment: Assignment) -> Assignment:
    """The paper round the drawing empty, and specks in it, which :func:`through_gaps` fills."""
    index, source = assignment.index.copy(), assignment.source.copy()
    confidence, strayed = assignment.confidence.copy(), assignment.off_palette.copy()
    paper = regions.background
    specks = (source == NEIGHBOUR) & (regions.areas_px < _TINY_PX) & np.isin(index, index[paper])
    index[specks], source[specks] = EMPTY, UNKNOWN
    index[paper], source[paper], confidence[paper], strayed[paper] = EMPTY, BLANK, 1.0, 0.0
    return Assignment(index, confidence, source, strayed)


def through_gaps(regions: Regions, assignment: Assignment) -> Assignment:
    """Regions of which nothing is known take the colour of one that no ink divides them from.

    A closed gap is a guess; where only one side has a colour, there is nothing to guess, unless the
    other is the paper round the drawing. Specks between lines take a neighbour's colour in any
    case.
    """
    specks = regions.areas_px < _TINY_PX
    assignment = _followed(regions, assignment, ~specks & ~regions.background, through_gaps=True)
    return _followed(regions, assignment, specks, through_gaps=False)


def _followed(
    regions: Regions, assignment: Assignment, which: np.ndarray, through_gaps: bool
) -> Assignment:
    index, source = assignment.index.copy(), assignment.source.copy()
    confidence = assignment.confidence.copy()
    asked = (source == UNKNOWN) & which
    pairs, border = neighbours(regions, asked, through_gaps)
    if through_gaps:
        # That one is like a region of the reference, or is to be empty, says nothing of the other.
        keep = ~np.isin(source[pairs[:, 1]], (MATCH, BLANK))
        keep &= regions.areas_px[pairs[:, 0]] <= _MOST_FOLLOWING * regions.areas_px[pairs[:, 1]]
        pairs, border = pairs[keep], border[keep]
    # The last one written stays: the longest border.
    pairs = pairs[np.argsort(border, kind="stable")]
    while True:
        now = pairs[(source[pairs[:, 0]] == UNKNOWN) & (source[pairs[:, 1]] != UNKNOWN)]
        if not len(now):
            return replace(assignment, index=index, source=source, confidence=confidence)
        index[now[:, 0]] = index[now[:, 1]]
        confidence[now[:, 0]] = 0.5 * confidence[now[:, 1]]
        source[now[:, 0]] = NEIGHBOUR


def region_at(regions: Regions, at: tuple[float, float]) -> int | None:
    """The region under a place (x, y), or None outside the picture."""
    width, height = regions.size_px
    # Written so that what is no number lies outside too.
    if not (0 <= at[0] < width and 0 <= at[1] < height):
        return None
    return int(regions.labels[int(at[1]), int(at[0])])
