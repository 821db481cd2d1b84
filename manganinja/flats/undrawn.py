# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks that mean something no line is drawn round: a highlight in hair, the trim of a skirt.

Such a mark lies off the middle of a thing that is known to be something else. In the reference its
colour touches that thing's with no line between; or colours of the reference touch so at all, and
it is surely known what the thing is. It is heard nearby alone, or as far as the colour goes in the
reference, if that is farther; a second mark of the same colour in the same thing makes both mean
all of it. Of a colour that no reference has nothing is known: such a mark is heard like any other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from .cells import Cells
from .enclosed import Reach
from .hearing import Hearing, Said, way_to_line
from .palette import ReferenceFlats, nearest
from .spreading import Sheet
from .values import EMPTY, Palette

_KNOWN, _SURELY = 0.5, 0.9
"""How sure it must be what the thing is, if its colour touches the mark's; and else."""
_OFF_MIDDLE = 0.8
"""How far the mark lies from the next line, beside the widest place of the thing, at most."""
_LOCAL = 2.0
"""How far it is then heard, beside the way to the next line."""
_SMALL = 0.2
"""Share of both that the mark's colour has in the reference, at most, for the former to do."""
_LEAST_TOUCH = 0.15
"""Of all the border that a colour has in the reference, the share without a line."""


def undrawn_shares(
    references: Sequence[tuple[np.ndarray, ReferenceFlats]],
    sheets: Sequence[Sheet],
    palette: Palette,
) -> np.ndarray:
    """(K, K) float: the share that one colour has of a thing of another, as the references show it.

    That is the largest area of the first entry beside both entries' largest areas together, where
    the first touches the second with no line between (row and column are not alike, since a small
    thing's border may be a little part of the large one's), or is a shade that counts for it; 0
    where it does neither, NaN where no reference has the first.

    Args:
        references: pictures (H, W, 4) uint8, and what is known of each.
        sheets: the same in regions, in the palette's colours.
    """
    found = np.full((len(palette), len(palette)), np.nan)
    for (picture, flats), sheet in zip(references, sheets):
        if not len(flats.palette):
            continue
        entry = nearest(palette, flats.palette.colours)
        found[entry] = np.nan_to_num(found[entry])
        seen = sheet.colours != EMPTY
        areas = sheet.regions.areas_px[seen] / sheet.scale**2
        sizes = np.ones(len(palette))
        np.maximum.at(sizes, sheet.colours[seen], areas)
        if flats.touches is not None:
            rows, columns = (entry[n] for n in np.nonzero(flats.touches >= _LEAST_TOUCH))
            share = sizes[rows] / (sizes[rows] + sizes[columns])
            np.maximum.at(found, (rows, columns), share)
        for row, base, area in _shades(picture, flats, palette):
            share = min(area / sizes[entry[base]], 1.0)
            found[row] = np.nan_to_num(found[row])
            found[row, entry[base]] = max(found[row, entry[base]], share)
    return found


def _shades(
    picture: np.ndarray, flats: ReferenceFlats, palette: Palette
) -> Iterator[tuple[int, int, int]]:
    """The entries of a palette that are shades of a reference's flats, the number of that flat, and
    pixels of that shade."""
    rows = {tuple(colour): row for row, colour in enumerate(palette.colours.tolist())}
    for base, shades in flats.shades.items():
        for shade in shades:
            row = rows.get(tuple(int(value) for value in shade))
            if row is not None:
                seen = (picture[..., :3] == shade).all(axis=2) & (picture[..., 3] >= 128)
                yield row, base, int(np.count_nonzero(seen))


def reach_of(share: float, area_px: float) -> float:
    """How far a mark is heard that means so much of a thing, in pixels."""
    return float(np.sqrt(share * area_px / np.pi))


def heard_nearby(
    hearing: Hearing,
    cells: Cells,
    known: np.ndarray,
    entries: Sequence[int],
    shares: np.ndarray,
) -> Hearing:
    """A hearing in which marks of what is not drawn are heard nearby alone.

    Args:
        known: (cells, L) float, what is known of each cell: colours of the palette first.
        entries: the palette's entry of each mark, or EMPTY.
        shares: of :func:`undrawn_shares`, for the palette with the marks' colours.
    """
    places = [int(cells.cells.labels[mark.at[1], mark.at[0]]) for mark in hearing.said]
    alone = Counter(zip(places, entries))
    nearby = dict(hearing.nearby)
    for number, (mark, cell, entry) in enumerate(zip(hearing.said, places, entries)):
        best = int(known[cell].argmax())
        if (
            hearing.sure[cell] < 1
            or alone[cell, entry] > 1
            or known[cell, best] < _least_known(shares, entry, best)
        ):
            continue
        way = way_to_line(cells.cells.lines, mark.at)
        if way < _OFF_MIDDLE * _widest(cells, cell):
            meant = reach_of(float(shares[entry, best]), float(cells.cells.areas_px[cell]))
            reach = max(_LOCAL * way, meant)
            nearby[number] = Reach(reach, reach)
    if len(nearby) == len(hearing.nearby):
        return hearing
    gone = np.isin(hearing.mark, [n for n in nearby if n not in hearing.nearby])
    return replace(
        hearing,
        mark=np.where(gone, -1, hearing.mark),
        sure=np.where(gone, 0.0, hearing.sure),
        nearby=nearby,
        blobs={number: of for number, of in hearing.blobs.items() if number not in nearby},
        notes=(*hearing.notes, *_notes(hearing, nearby)),
    )


def _least_known(shares: np.ndarray, entry: int, best: int) -> float:
    """How sure it must be that a thing has one entry, for a mark of another to be heard nearby."""
    if entry in (EMPTY, best) or best >= len(shares) or not np.nansum(shares):
        return np.inf
    share = shares[entry, best]
    if np.isnan(share):
        return np.inf
    return _KNOWN if 0 < share <= _SMALL else _SURELY


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
