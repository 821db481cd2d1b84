# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer for every cell: what is known of its region, of itself, and what marks say.

Each cell has a cost for every answer, and cells of one region with a passage between them have one
for differing: the less likely that is a leak, the more (:mod:`.cells`). What is known of a region
holds for each of its cells; what is known of a cell alone speaks against it, as loud as it has
been found to agree on regions that are one cell. Where a mark is heard, it takes the place of what
is known of the region. The least sum of costs is looked for by changing one cell after another,
from several beginnings: the solver is not what limits the result, the evidence is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .cells import Cells

_FLOOR = 0.003
"""What nobody believes in is still so likely."""
_CELL = 2.5
"""Power of what is known of a cell by itself, where it agrees with what is known of regions."""
_STRANGE = 0.5
"""How much less that counts where nothing like the region is known."""
_EXPECTED, _PRIOR_ROWS = 0.7, 3
"""What to think of that agreement before regions have been compared, and for how many it counts."""
_SURE_ROW = 0.6
_LOUD = 12.0
"""Cost of a whole region's likelihoods beside that of a border."""
_UNKNOWN = 0.43
"""How much an answer that is none is worth beside what a mark says from afar."""
_BORDER = 2.0
"""Cost of a border beside the log odds that no line was meant there."""
_CLOSEST, _OPENEST = 0.02, 0.98
_BEGINNINGS = 3
_ROUNDS = 20
_NEVER = 1e6


@dataclass(frozen=True)
class Words:
    """What is known before any mark is heard.

    Attributes:
        regions: (regions, L) float, how likely each region has each colour, is empty, and "none of
            these". A region of one cell and no mark has the likeliest.
        cells: (cells, L) float, the same of each cell by itself.
    """

    regions: np.ndarray = field(repr=False)
    cells: np.ndarray = field(repr=False)

    def widened(self, more: int) -> Words:
        """The same with ``more`` colours before "empty" and "none", of which nothing is known."""
        tables = (np.insert(t, [t.shape[1] - 2] * more, 0.0, axis=1) for t in vars(self).values())
        return Words(*tables)


@dataclass(frozen=True)
class Answers:
    """An answer for every cell.

    Attributes:
        answer: (cells,) int, column of :class:`Words`.
        sure: (cells,) float, how likely it is.
        marked: (cells,) bool, whether a mark that is heard there says so.
        likely: (cells, L) float, how likely each answer is; borders are left out.
    """

    answer: np.ndarray
    sure: np.ndarray
    marked: np.ndarray
    likely: np.ndarray


def answered(
    cells: Cells,
    words: Words,
    said: np.ndarray,
    sure: np.ndarray,
    home: np.ndarray | None = None,
) -> Answers:
    """The best answer for every cell.

    Args:
        said: (cells,) int, the answer of the mark that is heard in each, -1 for none.
        sure: (cells,) float, how likely it holds; 1 where the mark lies.
        home: (cells,) int, the cell in which that mark lies.
    """
    likely = _likely(cells, words, said, sure, home)
    answer = likely.argmax(axis=1)
    # Nothing is weighed where a region is one cell.
    plain = cells.is_one[cells.region_of] & (said < 0)
    answer[plain] = words.regions[cells.region_of[plain]].argmax(axis=1)
    likely[plain] = words.regions[cells.region_of[plain]]
    costs = -np.log(likely + 1e-12)
    for members, joints, leaks in _several(cells):
        share = cells.cells.areas_px[members] / max(1, cells.cells.areas_px[members].sum())
        loud = _LOUD * np.sqrt(share)[:, None]
        own = np.where(
            (sure[members] >= 1)[:, None], costs[members] * _NEVER, loud * costs[members]
        )
        answer[members] = _least(own, joints, leaks)
    rows = np.arange(len(answer))
    return Answers(answer, likely[rows, answer], (said >= 0) & (answer == said), likely)


def _likely(
    cells: Cells,
    words: Words,
    said: np.ndarray,
    sure: np.ndarray,
    home: np.ndarray | None,
) -> np.ndarray:
    """(cells, L) rows of 1: everything but the borders, multiplied."""
    regions = words.regions[cells.region_of]
    # A thing that the reference does not show looks like anything in parts.
    power = _CELL * _agreement(cells, words) * (1 - _STRANGE * regions[:, -1:])
    heard = said >= 0
    rows, answer = np.flatnonzero(heard), said[heard]
    known = regions + _FLOOR
    # What a cell by itself says nothing of, its region may know.
    silent = words.cells[:, -1:]
    own = np.hstack([words.cells[:, :-1], 0 * silent]) + silent * regions + _FLOOR
    # A mark speaks of what it lies in; of the rest the region's word holds, but for its answer ...
    others, news = known[rows], known[rows].argmax(axis=1) != answer
    # ... unless the region was thought to have that anyway.
    others[np.flatnonzero(news), answer[news]] = 0
    others[:, -1] *= _UNKNOWN
    others /= np.maximum(others.sum(axis=1, keepdims=True), 1e-9)
    known[rows] = (1 - sure[rows])[:, None] * others
    known[rows, answer] += sure[rows]
    best = own.argmax(axis=1)
    # That nothing is known of a cell doesn't speak against the mark.
    own[rows, answer] += words.cells[rows, -1]
    if home is not None:
        # Where what was thought of the mark's own place was wrong, the same says nothing here.
        thought = best[home[rows]]
        own[rows[(best[rows] == thought) & (thought != answer)]] = 1.0
    likely = known * own**power
    likely[rows[sure[rows] >= 1]] = 0
    likely[rows[sure[rows] >= 1], answer[sure[rows] >= 1]] = 1
    return likely / likely.sum(axis=1, keepdims=True)


def _agreement(cells: Cells, words: Words) -> float:
    """How much what is known of cells agrees with what is known of regions that are one cell."""
    rows = np.flatnonzero(cells.is_one[cells.region_of] & (cells.cells.areas_px > 0))
    known = words.regions[cells.region_of[rows]]
    rows, known = rows[known.max(axis=1) > _SURE_ROW], known[known.max(axis=1) > _SURE_ROW]
    agreed = float(words.cells[rows, known.argmax(axis=1)].sum())
    return (agreed + _EXPECTED * _PRIOR_ROWS) / (len(rows) + _PRIOR_ROWS)


def _several(cells: Cells) -> Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each region with passages: its cells, the passages (n, 2) as rows of these, and their
    leaks."""
    if not len(cells.joints):
        return []
    region = cells.region_of[cells.joints[:, 0]]
    order = np.argsort(region, kind="stable")
    ends = np.flatnonzero(np.diff(region[order])) + 1
    found = []
    for joints in np.split(order, ends):
        members, rows = np.unique(cells.joints[joints], return_inverse=True)
        found.append((members, rows.reshape(-1, 2), cells.leaks[joints]))
    return found


def _least(costs: np.ndarray, joints: np.ndarray, leaks: np.ndarray) -> np.ndarray:
    """(n,) int: an answer for each of a region's cells that costs little.

    Args:
        costs: (n, L) of each answer.
        joints: (m, 2) int, cells with a passage between them.
        leaks: (m,) float, how likely each is a leak.
    """
    open_ = np.clip(leaks, _CLOSEST, _OPENEST)
    differs = _BORDER * np.maximum(np.log((1 - open_) / open_), 0)
    joined = np.zeros((len(costs), len(costs)))
    np.add.at(joined, (joints[:, 0], joints[:, 1]), differs)
    joined += joined.T
    together = np.argsort(costs.sum(axis=0), kind="stable")[:_BEGINNINGS]
    begins = [costs.argmin(axis=1), *(np.full(len(costs), answer) for answer in together)]
    found = [_settled(costs, joined, begin) for begin in begins]
    return min(found, key=lambda labels: _cost(costs, joined, labels))


def _settled(costs: np.ndarray, joined: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels that no change of a single cell makes cheaper."""
    labels, answers = labels.copy(), np.arange(costs.shape[1])
    for _ in range(_ROUNDS):
        before = labels.copy()
        for cell in range(len(labels)):
            with_others = joined[cell] @ (labels[:, None] == answers)
            total = costs[cell] - with_others
            best = int(total.argmin())
            if total[best] < total[labels[cell]] - 1e-9:
                labels[cell] = best
        if (labels == before).all():
            break
    return labels


def _cost(costs: np.ndarray, joined: np.ndarray, labels: np.ndarray) -> float:
    apart = joined[labels[:, None] != labels[None]].sum() / 2
    return float(costs[np.arange(len(labels)), labels].sum() + apart)
