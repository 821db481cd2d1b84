# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions with their colours, from what is known of cells and what marks say."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .alike import followed
from .assign import BLANK, HINT, MATCH, PROPOSAL, UNKNOWN, inherited
from .cells import Cells
from .hearing import Hearing
from .labelling import Words, answered
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
        touching: of :func:`.undrawn.touching_colours`.
    """

    regions: Word
    cells: Word
    shapes: Shapes | None = None
    touching: np.ndarray | None = None


def given_to(
    cells: Cells, known: Known, palette: Palette, hearing: Hearing
) -> tuple[Regions, Assignment, Palette, Hearing]:
    """Regions, divided where their cells have different answers, and what each has; and where
    marks are heard, now that more is known."""
    size = len(palette)
    palette, entries = hearing.entries(palette)
    # EMPTY is -1; its column comes after those of the colours.
    columns = np.array([len(palette) if entry == EMPTY else entry for entry in entries] + [-1])
    words = Words(known.regions.likely, known.cells.likely).widened(len(palette) - size)
    if known.touching is not None:
        apart = answered(cells, words, np.full(cells.cells.count, -1), np.zeros(cells.cells.count))
        hearing = heard_nearby(hearing, cells, apart.likely, entries, known.touching)
    said = columns[hearing.mark]
    if known.shapes is not None:
        likely = followed(words.regions, cells, known.shapes, hearing, said)
        words = replace(words, regions=likely)
    answers = answered(cells, words, said, hearing.sure)
    regions, region_of = cells.merged(answers.answer)
    areas = np.maximum(cells.cells.areas_px, 1e-3)
    sums = np.bincount(region_of, areas * answers.sure, regions.count)
    sure = sums / np.bincount(region_of, areas, regions.count)
    # The largest cell of each region stands for it.
    largest = np.zeros(regions.count, np.int64)
    order = np.argsort(areas, kind="stable")
    largest[region_of[order]] = order
    column, of = answers.answer[largest], cells.region_of[largest]
    is_none, is_empty = column == len(palette) + 1, column == len(palette)
    source = np.where(column == known.regions.painted[of], PROPOSAL, MATCH)
    source = np.where(answers.marked[largest], np.where(is_empty, BLANK, HINT), source)
    source = np.where(is_none, UNKNOWN, source).astype(np.uint8)
    new = column - (len(palette) - size)
    place = np.where(is_empty, size, np.where(column < size, column, np.minimum(new, size)))
    strayed = np.where(column < size, known.regions.strayed[of, np.clip(place, 0, size)], 0.0)
    assignment = Assignment(
        np.where(is_empty | is_none, EMPTY, column).astype(np.int32),
        np.where(is_none, 0.0, sure).astype(np.float32),
        source,
        np.where(source == UNKNOWN, 0.0, strayed).astype(np.float32),
    )
    if known.regions.inherits:
        assignment = inherited(regions, assignment, words.regions[of, :-1])
    return regions, assignment, palette, hearing
