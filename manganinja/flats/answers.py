# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions with their colours, from what is known of cells and what marks say."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .alike import followed
from .assign import BLANK, HINT, MATCH, PROPOSAL, UNKNOWN, inherited
from .cells import Cells
from .hearing import Hearing
from .labelling import Answers, Words, answered
from .shapes import Shapes
from .undrawn import heard_nearby
from .values import EMPTY, Assignment, Palette, Regions
from .words import Word


@dataclass(frozen=True)
class Known:
    """What is known before marks are heard.

    Attributes:
        regions, cells: of regions, and of their cells by themselves.
        shapes: of the regions; None where nothing looks at them.
        shares: of :func:`.undrawn.undrawn_shares`.
    """

    regions: Word
    cells: Word
    shapes: Shapes | None = None
    shares: np.ndarray | None = None


def given_to(
    cells: Cells, known: Known, palette: Palette, hearing: Hearing
) -> tuple[Regions, Assignment, Palette, Hearing]:
    """Regions, divided where their cells have different answers, and what each has; and where
    marks are heard, now that more is known."""
    size = len(palette)
    palette, entries = hearing.entries(palette)
    words = Words(known.regions.likely, known.cells.likely).widened(len(palette) - size)
    if known.shares is not None:
        unheard = np.full(cells.cells.count, -1)
        alone = answered(cells, words, unheard, np.zeros(len(unheard)))
        hearing = heard_nearby(hearing, cells, alone.likely, entries, known.shares)
    # EMPTY is -1; its column comes after those of the colours.
    columns = [len(palette) if entry == EMPTY else entry for entry in entries]
    said = np.array([*columns, -1])[hearing.mark]
    if known.shapes is not None:
        likely = followed(words.regions, cells, known.shapes, hearing, said)
        words = replace(words, regions=likely)
    places = [int(cells.cells.labels[mark.at[1], mark.at[0]]) for mark in hearing.said]
    home = np.array([*places, -1])[hearing.mark]
    answers = answered(cells, words, said, hearing.sure, home)
    regions, region_of = cells.merged(answers.answer)
    largest = _largest(cells, region_of, regions.count)
    assignment = _assignment(cells, known, answers, region_of, largest)
    if known.regions.inherits:
        votes = words.regions[cells.region_of[largest], :-1]
        assignment = inherited(regions, assignment, votes)
    return regions, assignment, palette, hearing


def _largest(cells: Cells, region_of: np.ndarray, count: int) -> np.ndarray:
    """(count,) int: the largest cell of each region, which stands for it."""
    largest = np.zeros(count, np.int64)
    order = np.argsort(cells.cells.areas_px, kind="stable")
    largest[region_of[order]] = order
    return largest


def _assignment(
    cells: Cells, known: Known, answers: Answers, region_of: np.ndarray, largest: np.ndarray
) -> Assignment:
    """The answers of the largest cells as an assignment of the regions.

    Args:
        region_of: (cells,) int, the region of each cell.
        largest: (regions,) int, the largest cell of each region.
    """
    areas = np.maximum(cells.cells.areas_px, 1e-3)
    sums = np.bincount(region_of, areas * answers.sure, len(largest))
    sure = sums / np.bincount(region_of, areas, len(largest))
    column, of = answers.answer[largest], cells.region_of[largest]
    # Colours that marks have brought come after the palette's, and then "empty" and "none".
    colours = answers.likely.shape[1] - 2
    is_empty, is_none = column == colours, column == colours + 1
    source = np.where(column == known.regions.painted[of], PROPOSAL, MATCH)
    source = np.where(answers.marked[largest], np.where(is_empty, BLANK, HINT), source)
    is_old = column < known.regions.strayed.shape[1] - 1
    strayed = known.regions.strayed[of, np.where(is_old, column, 0)]
    return Assignment(
        np.where(is_empty | is_none, EMPTY, column).astype(np.int32),
        np.where(is_none, 0.0, sure).astype(np.float32),
        np.where(is_none, UNKNOWN, source).astype(np.uint8),
        np.where(is_old, strayed, 0.0).astype(np.float32),
    )
