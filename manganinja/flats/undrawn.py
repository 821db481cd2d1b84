# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks that mean something no line is drawn round: a highlight in hair, the trim of a skirt.

Such a mark lies off the middle of a thing that is known to be something else. In the reference its
colour touches that thing's with no line between; or colours of the reference touch so at all, and
it is surely known what the thing is. It is heard nearby alone; a second mark of the same colour in
the same thing makes both mean all of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .cells import Cells
from .enclosed import Reach
from .hearing import Hearing, Said, way_to_line
from .palette import ReferenceFlats, nearest
from .values import EMPTY, Palette

_KNOWN, _SURELY = 0.5, 0.9
"""How sure it must be what the thing is, if its colour touches the mark's; and else."""
_OFF_MIDDLE = 0.8
"""How far the mark lies from the next line, beside the widest place of the thing, at most."""
_LOCAL = 2.0
"""How far it is then heard, beside the way to the next line."""
_LEAST_TOUCH = 0.15
"""Of all the border that a colour has in the reference, the share without a line."""


def touching_colours(references: Sequence[ReferenceFlats], palette: Palette) -> np.ndarray:
    """(K, K) bool: entries of a palette that touch in a reference with no line between; row and
    column are not alike, since a small thing's border may be a little part of the large one's."""
    found = np.zeros((len(palette), len(palette)), bool)
    for flats in references:
        if flats.touches is not None and len(flats.palette):
            entry = nearest(palette, flats.palette.colours)
            rows, columns = np.nonzero(flats.touches >= _LEAST_TOUCH)
            found[entry[rows], entry[columns]] = True
    np.fill_diagonal(found, False)
    return found


def heard_nearby(
    hearing: Hearing,
    cells: Cells,
    known: np.ndarray,
    entries: Sequence[int],
    touching: np.ndarray,
) -> Hearing:
    """A hearing in which marks of what is not drawn are heard nearby alone.

    Args:
        known: (cells, L) float, what is known of each cell: colours of the palette first.
        entries: the palette's entry of each mark, or EMPTY.
        touching: of :func:`touching_colours`; marks of other colours are left alone.
    """
    places = [int(cells.cells.labels[mark.at[1], mark.at[0]]) for mark in hearing.said]
    alone = Counter(zip(places, entries))
    nearby = dict(hearing.nearby)
    for number, (mark, cell, entry) in enumerate(zip(hearing.said, places, entries)):
        best = int(known[cell].argmax())
        if (
            hearing.sure[cell] < 1
            or alone[cell, entry] > 1
            or known[cell, best] < _least_known(touching, entry, best)
        ):
            continue
        way = way_to_line(cells.cells.lines, mark.at)
        if way < _OFF_MIDDLE * _widest(cells, cell):
            nearby[number] = Reach(_LOCAL * way, _LOCAL * way)
    if len(nearby) == len(hearing.nearby):
        return hearing
    gone = np.isin(hearing.mark, [n for n in nearby if n not in hearing.nearby])
    return replace(
        hearing,
        mark=np.where(gone, -1, hearing.mark),
        sure=np.where(gone, 0.0, hearing.sure),
        nearby=nearby,
        notes=(*hearing.notes, *_notes(hearing, nearby)),
    )


def _least_known(touching: np.ndarray, entry: int, best: int) -> float:
    """How sure it must be that a thing has one entry, for a mark of another to be heard nearby."""
    if entry in (EMPTY, best) or best >= len(touching) or not touching.any():
        return np.inf
    touch = entry < len(touching) and touching[entry, best]
    return _KNOWN if touch else _SURELY


def _widest(cells: Cells, cell: int) -> float:
    own = np.flatnonzero(cells.cell_of == cell)
    return float(cells.blobs.radius[own].max(initial=0.0)) * cells.blobs.scale


def _notes(hearing: Hearing, nearby: dict[int, Reach]) -> list[str]:
    new: list[Said] = [hearing.said[n] for n in nearby if n not in hearing.nearby]
    places = ", ".join(f"({x}, {y})" for x, y in (mark.at for mark in new))
    return [
        f"No line divides what is meant at {places} from a thing of another colour: only the "
        "surroundings have the new one. A second point of that colour in the same thing gives it "
        "all of it; a closing stroke gives it a border."
    ]
