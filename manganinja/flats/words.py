# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of regions before the artist's marks are heard: a network's painting and votes,
and the reference's own regions."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from .joining import joined, with_none
from .oklab import distance, to_oklab
from .palette import nearest
from .values import Palette, Regions

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
_WHITE = np.full((1, 3), 255, np.uint8)


@dataclass(frozen=True)
class Word:
    """What is known of regions.

    Attributes:
        likely: (count, K + 2) float, how likely each region has each colour of the palette, is
            empty, and is none of these.
        strayed: (count, K + 1) float, how far each colour is from what was proposed or seen, in
            OKLab (times 100).
        painted: (count,) int, the answer that a painting alone would give; -1 where there is none.
    """

    likely: np.ndarray = field(repr=False)
    strayed: np.ndarray = field(repr=False)
    painted: np.ndarray = field(repr=False)

    @property
    def inherits(self) -> bool:
        """Whether regions without a word take a neighbour's colour."""
        return bool((self.painted >= 0).any())


def nothing_known(regions: Regions, palette: Palette) -> Word:
    """Where marks alone decide."""
    return seen(with_none(np.zeros((regions.count, len(palette) + 1))), np.zeros(len(palette)))


def seen(likely: np.ndarray, strayed: np.ndarray) -> Word:
    """What the reference's regions alone say.

    Args:
        likely: (count, K + 2), of :class:`Word`.
        strayed: (K,) float, how far each colour is from the reference's.
    """
    # What is empty strays from nothing.
    table = np.broadcast_to(np.append(strayed, 0.0), (len(likely), len(strayed) + 1))
    return Word(likely, table, np.full(len(likely), -1))


def proposed(
    regions: Regions,
    proposal: np.ndarray,
    votes: np.ndarray | None,
    palette: Palette,
    likely: np.ndarray | None = None,
) -> Word:
    """What a network says, with what the reference's regions say.

    Args:
        proposal: (h, w, 3) uint8 of any size and of the drawing's aspect. Each pixel is for the
            palette's nearest colour: a mean of two colours is a third one, and a blurred edge
            would decide small regions.
        votes: (y, x, K + 1) float32 from :func:`.matches.palette_votes`, which count for more; or
            None.
        likely: (count, K + 1) how likely each region has each colour, or is empty, from
            :mod:`.spreading`; what is missing to 1 is for none of them.
    """
    bare = _white_is_bare(likely)
    if votes is None:
        counted, strayed = _votes(regions, proposal, palette, bare)
        of_network = _normalised(counted)
    else:
        of_network = opinion(regions, votes, proposal, palette, bare)
        # The colour was not taken from the painting, so how far that strays says nothing.
        strayed = np.zeros_like(of_network)
    both = of_network if likely is None else joined(of_network, likely)
    painted = np.where(of_network.any(axis=1), of_network.argmax(axis=1), -1)
    likely_of = with_none(both)
    # A network that paints has an answer for everything; where it is not sure, it is asked about.
    likely_of[painted >= 0, -1] = 0
    return Word(likely_of, strayed, painted)


def _white_is_bare(likely: np.ndarray | None) -> bool:
    """Whether the reference is transparent round its figures, so that a network, which sees it on
    white, paints white for nothing."""
    return likely is not None and bool((likely[:, -1] >= 1).any())


def opinion(
    regions: Regions,
    votes: np.ndarray,
    proposal: np.ndarray,
    palette: Palette,
    white_is_bare: bool = False,
) -> np.ndarray:
    """(count, K + 1) what a network says of each region, rows of 1 or of nothing: its votes, and
    for less the colours that it painted. Arguments as of :func:`proposed`."""
    painted, _ = _votes(regions, proposal, palette, white_is_bare)
    seen = _gathered(regions, votes)
    return _normalised(_normalised(seen) + _COLOUR_WEIGHT * _normalised(painted))


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
