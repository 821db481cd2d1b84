# SPDX-License-Identifier: GPL-3.0-or-later
"""A palette colour for every region: what the proposal says, what the artist says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from .joining import joined
from .oklab import distance, to_oklab
from .palette import nearest
from .regions import nearest_label
from .values import EMPTY, SOURCES, Assignment, Marks, Palette, Regions

if TYPE_CHECKING:
    from .divide import Contest, Heard

SAMPLES = 3_000_000
"""Pixels of a picture that vote, about; small regions vote with all they have."""
_SOFT_SAMPLES = 800_000
_COLOUR_WEIGHT = 0.3
"""Of the proposal's colours beside the votes of the correspondence."""
_FEW = 24
"""A region with fewer votes on the sampling grid is sampled pixel by pixel."""
_SURE_DEPTH_PX = 0.02
"""Distance from the lines, as a share of the working picture's side, at which a vote counts in
full: near a line a network's colour is half that of the other side."""
_DIVIDED = 0.6
"""Confidence of what is divided between marks without a border."""
_WHITE = np.full((1, 3), 255, np.uint8)
_TINY_PX = 12
"""Regions of fewer free pixels take a neighbour's colour."""

PROPOSAL, PAIR, HINT, BLANK, LOCK, NEIGHBOUR, MATCH, UNKNOWN = range(len(SOURCES))


def from_proposal(
    regions: Regions, proposal: np.ndarray, palette: Palette, likely: np.ndarray | None = None
) -> Assignment:
    """Each region takes the palette colour that most of the proposal inside it is nearest to.

    Nearest by pixel and then counted, rather than the mean colour: a mean of two colours is a
    third one, and a blurred edge would decide small regions.

    Args:
        proposal: (h, w, 3) uint8 of any size and of the drawing's aspect.
        likely: (count, K + 1) how likely each region has each colour, or is empty, from
            :mod:`.spreading`; what is missing to 1 is for none of them.
    """
    votes, strayed = _votes(regions, proposal, palette, _white_is_bare(likely))
    if likely is not None:
        return _weighed(regions, _normalised(votes), strayed, likely)
    weight = votes.sum(axis=1)
    winner = votes.argmax(axis=1)
    best = votes[np.arange(regions.count), winner]
    confidence = np.divide(best, weight, out=np.zeros_like(best), where=weight > 0)
    assignment = Assignment(
        index=_entries(winner, votes.shape[1]),
        confidence=confidence.astype(np.float32),
        source=np.full(regions.count, PROPOSAL, np.uint8),
        off_palette=strayed[np.arange(regions.count), winner].astype(np.float32),
    )
    return _inherited(regions, assignment, votes)


def _entries(columns: np.ndarray, width: int) -> np.ndarray:
    """Columns of a table of answers as indices of the palette: the last one is EMPTY."""
    return np.where(columns == width - 1, EMPTY, columns).astype(np.int32)


def _white_is_bare(likely: np.ndarray | None) -> bool:
    """Whether the reference is transparent round its figures, so that a network, which sees it on
    white, paints white for nothing."""
    return likely is not None and bool((likely[:, -1] >= 1).any())


def from_votes(
    regions: Regions,
    votes: np.ndarray,
    proposal: np.ndarray,
    palette: Palette,
    likely: np.ndarray | None = None,
) -> Assignment:
    """Each region takes the colour that soft votes and the proposal's colours are for.

    Args:
        votes: (y, x, K + 1) float32 from :func:`.matches.palette_votes`.
        proposal, likely: as in :func:`from_proposal`; the proposal counts for less than the votes.
    """
    together = opinion(regions, votes, proposal, palette, _white_is_bare(likely))
    if likely is not None:
        # The colour was not taken from the painting, so how far that strays says nothing.
        return _weighed(regions, together, np.zeros_like(together), likely)
    order = np.argsort(-together, axis=1, kind="stable")
    rows = np.arange(regions.count)
    best, second = together[rows, order[:, 0]], together[rows, order[:, 1]]
    # Votes are spread thin over many colours: what counts is how far the first is ahead.
    confidence = np.divide(best, best + second, out=np.zeros_like(best), where=best > 0)
    assignment = Assignment(
        index=_entries(order[:, 0], together.shape[1]),
        confidence=confidence.astype(np.float32),
        source=np.full(regions.count, PROPOSAL, np.uint8),
        off_palette=np.zeros(regions.count, np.float32),
    )
    return _inherited(regions, assignment, together)


def opinion(
    regions: Regions,
    votes: np.ndarray,
    proposal: np.ndarray,
    palette: Palette,
    white_is_bare: bool = False,
) -> np.ndarray:
    """(count, K + 1) what a network says of each region, rows of 1 or of nothing: its votes, and
    for less the colours that it painted. Arguments as of :func:`from_votes`."""
    painted, _ = _votes(regions, proposal, palette, white_is_bare)
    seen = _gathered(regions, votes)
    return _normalised(_normalised(seen) + _COLOUR_WEIGHT * _normalised(painted))


def _weighed(
    regions: Regions, of_network: np.ndarray, strayed: np.ndarray, likely: np.ndarray
) -> Assignment:
    """What a network says and what the reference's regions say, together.

    Args:
        of_network: (count, K + 1) rows of 1 or of nothing.
        strayed: (count, K + 1) how far it is from each colour.
    """
    both = joined(of_network, likely)
    rows, best = np.arange(regions.count), both.argmax(axis=1)
    own = best == of_network.argmax(axis=1)
    assignment = Assignment(
        index=_entries(best, both.shape[1]),
        confidence=both[rows, best].astype(np.float32),
        source=np.where(own, PROPOSAL, MATCH).astype(np.uint8),
        off_palette=np.where(own, strayed[rows, best], 0).astype(np.float32),
    )
    return _inherited(regions, assignment, both)


def _normalised(votes: np.ndarray) -> np.ndarray:
    return votes / np.maximum(votes.sum(axis=1, keepdims=True), 1e-9)


def _gathered(regions: Regions, votes: np.ndarray) -> np.ndarray:
    """(count, K + 1): soft votes (y, x, K + 1) summed over the free pixels of each region."""
    stride = max(1, round(np.sqrt(regions.labels.size / _SOFT_SAMPLES)))
    labels, lines = regions.labels[::stride, ::stride], regions.lines[::stride, ::stride]
    free = lines == 0
    here, size = labels[free], (labels.shape[1], labels.shape[0])
    sums = np.zeros((regions.count, votes.shape[-1]))
    for entry in range(votes.shape[-1]):
        plane = cv2.resize(np.ascontiguousarray(votes[..., entry]), size)
        sums[:, entry] = np.bincount(here, plane[free], regions.count)
    few = np.bincount(here, minlength=regions.count) < _FEW
    if stride > 1 and few.any():
        ys, xs = np.nonzero(few[regions.labels] & (regions.lines == 0))
        scale = np.array(votes.shape[:2]) / regions.labels.shape
        near = votes[((ys + 0.5) * scale[0]).astype(int), ((xs + 0.5) * scale[1]).astype(int)]
        np.add.at(sums, regions.labels[ys, xs], 1e-3 * near)
    return sums


def _votes(
    regions: Regions, proposal: np.ndarray, palette: Palette, white_is_bare: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """(count, K + 1) weights of votes, "empty" last, and the mean OKLab distance of the voters to
    each colour. Where ``white_is_bare``, white is a vote for "empty", and for a white of the
    palette's as well."""
    stride = max(1, round(np.sqrt(regions.labels.size / SAMPLES)))
    labels = np.ascontiguousarray(regions.labels[::stride, ::stride])
    lines = regions.lines[::stride, ::stride]
    depth = cv2.distanceTransform(cv2.bitwise_not(np.ascontiguousarray(lines)), cv2.DIST_L2, 3)
    # So close to the edge of the proposal's own pixels there is nothing to be read from them.
    sure = max(1.0, _SURE_DEPTH_PX * max(labels.shape))
    weights = np.minimum(depth / sure, 1.0) ** 2
    size = (labels.shape[1], labels.shape[0])
    colours = cv2.resize(proposal, size, interpolation=cv2.INTER_LINEAR)
    counts = np.bincount(labels.ravel()[lines.ravel() == 0], minlength=regions.count)
    table = _Ballot(regions.count, palette, white_is_bare)
    free = weights > 0
    table.add(labels[free], colours[free], weights[free])
    few = counts < _FEW
    if stride > 1 and few.any():
        ys, xs = np.nonzero(few[regions.labels] & (regions.lines == 0))
        scale = np.array(proposal.shape[:2]) / regions.labels.shape
        rows = np.minimum(((ys + 0.5) * scale[0]).astype(int), proposal.shape[0] - 1)
        columns = np.minimum(((xs + 0.5) * scale[1]).astype(int), proposal.shape[1] - 1)
        few_weights = np.full(len(ys), 1e-3, np.float32)
        table.add(regions.labels[ys, xs], proposal[rows, columns], few_weights)
    return table.votes, table.strayed()


class _Ballot:
    def __init__(self, count: int, palette: Palette, white_is_bare: bool) -> None:
        self._shape = (count, len(palette) + 1)
        self._palette = palette
        if white_is_bare:
            # Of two equal colours the first is the nearest, so the palette's own white stays.
            self._palette = Palette(np.vstack([palette.colours, _WHITE]))
        self._lab = to_oklab(self._palette.colours)
        self.votes = np.zeros(self._shape)
        self._distances = np.zeros(self._shape)

    def add(self, labels: np.ndarray, colours: np.ndarray, weights: np.ndarray) -> None:
        index = nearest(self._palette, colours).astype(np.int64)
        boxes = labels.astype(np.int64) * self._shape[1] + index
        size = self._shape[0] * self._shape[1]
        self.votes += np.bincount(boxes, weights, size).reshape(self._shape)
        away = distance(to_oklab(colours), self._lab[index]) * weights
        self._distances += np.bincount(boxes, away, size).reshape(self._shape)

    def strayed(self) -> np.ndarray:
        return np.divide(
            self._distances, self.votes, out=np.zeros(self._shape), where=self.votes > 0
        )


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


def _inherited(regions: Regions, assignment: Assignment, votes: np.ndarray) -> Assignment:
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


def from_afar(
    assignment: Assignment, palette: Palette, heard: Mapping[int, Heard]
) -> tuple[Assignment, Palette]:
    """What marks say of regions that they do not lie in, where nothing surer is known of them, or
    what is known is the same that was known of the mark's own: then they are one thing."""
    index, source = assignment.index.copy(), assignment.source.copy()
    confidence, strayed = assignment.confidence.copy(), assignment.off_palette.copy()
    for region, said in heard.items():
        one_thing = assignment.index[region] == assignment.index[said.home]
        known = source[region] != UNKNOWN and confidence[region] > said.sure
        if known and not one_thing:
            continue
        entry = EMPTY
        if said.colour is not None:
            palette, entry = palette.with_colour(said.colour)
        index[region], source[region] = entry, HINT if said.colour else BLANK
        confidence[region], strayed[region] = said.sure, 0.0
    return Assignment(index, confidence, source, strayed), palette


def shared_out(
    regions: Regions, assignment: Assignment, palette: Palette, contests: Sequence[Contest]
) -> tuple[Regions, Assignment, Palette]:
    """What marks of different colours lie in together has the colour of one of them where it is
    known to; else it is divided between them."""
    labels, given = regions.labels, assignment
    origin = list(range(regions.count))
    decided_here: list[tuple[int, int]] = []
    for contest in contests:
        entries = []
        for colour in contest.colours:
            entry = EMPTY
            if colour is not None:
                palette, entry = palette.with_colour(colour)
            entries.append(entry)
        known = given.source[contest.region] != UNKNOWN
        if known and int(given.index[contest.region]) in entries:
            continue
        if labels is regions.labels:
            labels = labels.copy()
        own = labels[contest.window] == contest.region
        # Under lines, whose part is nearest.
        parts = nearest_label(contest.parts + 1) - 1
        for part, entry in enumerate(entries):
            number = contest.region if part == 0 else len(origin)
            if part:
                origin.append(contest.region)
                labels[contest.window][own & (parts == part)] = number
            decided_here.append((number, entry))
    if not decided_here:
        return regions, assignment, palette
    given = Assignment(
        given.index[origin],
        given.confidence[origin],
        given.source[origin],
        given.off_palette[origin],
    )
    for region, entry in decided_here:
        given.index[region], given.confidence[region] = entry, _DIVIDED
        given.source[region] = BLANK if entry == EMPTY else HINT
    areas = np.bincount(labels[regions.lines == 0], minlength=len(origin)).astype(np.int64)
    background, rooms = regions.background[origin], regions.rooms[origin]
    return Regions(labels, regions.lines, areas, background, rooms), given, palette


def decided(
    regions: Regions, assignment: Assignment, palette: Palette, marks: Marks
) -> tuple[Assignment, Palette]:
    """What the artist's marks say, over everything else. Different marks in one region have been
    given regions of their own by :func:`.divide.divided`."""
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
