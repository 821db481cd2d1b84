# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawings in regions, as an artist's are cut, whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import cv2
import numpy as np
from PIL import Image

from ..flats import pixels
from ..flats.line_mask import ink, line_mask
from ..flats.palette import ReferenceFlats, extract_palette
from ..flats.regions import segment
from ..flats.shapes import cut_reference
from ..flats.values import EMPTY, Palette, Regions
from ..train.drawings import Drawing, DrawnPair
from ..train.hand import inked_anew
from ..train.people import LINE, NOTHING
from .network import Figure
from .trunk import Trunk
from .views import View, lineart_view, lines_alone, reference_view
from .weights import bundled_trunk

PAPER = 0
"""The part that is none."""
_LEAST_SHADE = 0.04
"""Of a part, for another colour to be its shade; less is anti-aliasing."""
_TINY_PX, _LEAST_CLEAR = 8, 0.6
"""Smaller regions count less; one of which no part has such a share has no right answer."""
_TINY_WEIGHT, _PAPER_WEIGHT = 0.2, 0.3
"""What specks count, and the paper."""


@dataclass(frozen=True)
class Known:
    """A picture in regions whose truth is known.

    Attributes:
        figure: what the matcher sees; the other arrays are in the order of its rows.
        parts: (n,) int64, the part that most of each region shows.
        colours: (n,) int64, 0xRRGGBB: the region's own in a reference; the part's in line art.
            Negative where there is none.
        areas_px: (n,) int64.
        weights: (n,) float32, what each counts.
    """

    figure: Figure = field(repr=False)
    parts: np.ndarray = field(repr=False)
    colours: np.ndarray = field(repr=False)
    areas_px: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)

    def take(self, rows: np.ndarray) -> Known:
        """Some of the regions."""
        values = (self.parts, self.colours, self.areas_px, self.weights)
        return Known(self.figure.take(rows), *(one[rows] for one in values))


def packed(colours: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 as (...) int64, 0xRRGGBB."""
    return pixels.codes(colours).astype(np.int64)


def part_colours(drawing: Drawing) -> dict[int, list[int]]:
    """The colours of each part (0xRRGGBB), its base first, shades after it."""
    codes = packed(drawing.flats)
    # Where colours meet there are mixtures.
    plain = (cv2.dilate(drawing.flats, np.ones((3, 3))) == drawing.flats).all(axis=2)
    both = drawing.parts.astype(np.int64) << 24 | codes
    found: dict[int, list[int]] = {}
    for chosen in (both[plain], both.ravel()):
        keys, counts = np.unique(chosen, return_counts=True)
        parts = keys >> 24
        for part in np.unique(parts).tolist():
            if part in found:
                continue
            mine = parts == part
            order = np.argsort(-counts[mine], kind="stable")
            share = counts[mine][order] / counts[mine].sum()
            colours = (keys[mine][order] & 0xFFFFFF)[(share >= _LEAST_SHADE) | (share == share[0])]
            found[part] = colours.tolist()
    return found


def known_flats(drawing: Drawing) -> ReferenceFlats:
    """What :func:`.flats.palette.extract_palette` should find, in a hundredth of its time."""
    of_parts = part_colours(drawing)
    bases = list(dict.fromkeys(colours[0] for colours in of_parts.values()))
    shades: dict[int, tuple[tuple[int, int, int], ...]] = {}
    for colours in of_parts.values():
        at = bases.index(colours[0])
        new = tuple(_bytes(c) for c in colours[1:] if c not in bases)
        shades[at] = (*shades.get(at, ()), *new)
    paper = bases.index(of_parts[PAPER][0]) if PAPER in of_parts else None
    palette = Palette(np.array([_bytes(base) for base in bases], np.uint8))
    return ReferenceFlats(palette, paper, shades, (), 1.0, True)


def _bytes(code: int) -> tuple[int, int, int]:
    return code >> 16, code >> 8 & 255, code & 255


@cache
def _trunk() -> Trunk:
    return bundled_trunk()


def _figure(regions: Regions, view: View) -> Figure:
    return Figure.of(view, _trunk().look(lines_alone(regions), view))


def known_reference(drawing: Drawing, rng: np.random.Generator | None = None) -> Known:
    """The reference of a pair in flat colours; with ``rng`` some are seen through some noise."""
    flats = known_flats(drawing)
    opaque = np.full((*drawing.parts.shape, 1), 255, np.uint8)
    picture = np.concatenate([drawing.colour, opaque], axis=2)
    regions, entries = cut_reference(picture, flats)
    colours = flats.palette.colours[np.maximum(entries, 0)]
    seen = colours
    if rng is not None and rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(1, 8), colours.shape)
        seen = np.clip(colours + noise, 0, 255).astype(np.uint8)
    own = np.where(entries == EMPTY, NOTHING, packed(colours))
    return _known(regions, reference_view(regions, seen), drawing.parts, own)


def painted_reference(rgba: np.ndarray, parts: np.ndarray, colours: np.ndarray) -> Known:
    """A reference (H, W, 4) uint8, cut as an artist's is.

    Args:
        parts, colours: (H, W) int64, what is where, and in which colour before it was painted.
    """
    flats = extract_palette(rgba)
    regions, entries = cut_reference(rgba, flats)
    view = reference_view(regions, flats.palette.colours[np.maximum(entries, 0)])
    return _known(regions, view, parts, _main(regions, colours)[0])


def known_lineart(
    drawing: Drawing, colours: dict[int, list[int]], rng: np.random.Generator, inked: float
) -> Known:
    """The target of a pair, inked anew with so much probability.

    Raises:
        BadRequest: nothing is left between the lines.
    """
    lines = drawing.lineart
    if rng.random() < inked:
        lines = inked_anew(lines, rng)
    return cut_lineart(lines, drawing.parts, of_parts(colours), rng)


def of_parts(colours: dict[int, list[int]]) -> np.ndarray:
    """(256,) int64: the first colour of each part."""
    table = np.full(256, LINE, np.int64)
    for part, listed in colours.items():
        table[part] = listed[0]
    return table


def cut_lineart(
    lines: np.ndarray, parts: np.ndarray, colours: np.ndarray, rng: np.random.Generator
) -> Known:
    """Line art in regions; ``colours`` (H, W) of the picture, or (256,) of the parts."""
    regions = segment(line_mask(ink(Image.fromarray(lines))), float(rng.uniform(0, 4)))
    shown = colours[parts] if colours.ndim == 1 else colours
    return _known(regions, lineart_view(regions), parts, _main(regions, shown)[0])


def _known(regions: Regions, view: View, parts: np.ndarray, colours: np.ndarray) -> Known:
    """``colours`` (count,) of the regions."""
    of_regions, clear = _main(regions, parts)
    weights = np.where(regions.areas_px < _TINY_PX, _TINY_WEIGHT, 1.0) * clear
    weights = np.where(regions.background, _PAPER_WEIGHT, 1.0) * weights
    rows, figure = view.rows, _figure(regions, view)
    told = (of_regions, colours, regions.areas_px, weights.astype(np.float32))
    return Known(figure, *(values[rows] for values in told))


def _main(regions: Regions, plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(count,) int64: the value (H, W) that most free pixels of each region have; and (count,)
    bool, whether clearly most of them have."""
    height, width = regions.labels.shape
    if plane.shape != (height, width):
        ys = (np.arange(height) * plane.shape[0]) // height
        xs = (np.arange(width) * plane.shape[1]) // width
        plane = plane[ys][:, xs]
    free = regions.lines == 0
    listed, number = np.unique(plane[free], return_inverse=True)
    boxes = regions.labels[free].astype(np.int64) * len(listed) + number
    counts = np.bincount(boxes, minlength=regions.count * len(listed)).reshape(regions.count, -1)
    clear = counts.max(axis=1) >= _LEAST_CLEAR * np.maximum(counts.sum(axis=1), 1)
    return listed[counts.argmax(axis=1)].astype(np.int64), clear


def true_entries(pair: DrawnPair, regions: Regions, flats: ReferenceFlats) -> np.ndarray:
    """What a perfect colourist gives the line art's regions.

    Args:
        regions: of the pair's target, in the target's own size.
        flats: of the pair's reference.

    Returns:
        (count,) int64, indices into the palette of ``flats``: what the reference has where it
        shows the same part; else the part's own colour, if the palette has it; -1 for none.
    """
    opaque = np.full((*pair.reference.parts.shape, 1), 255, np.uint8)
    seen, entries = cut_reference(np.concatenate([pair.reference.colour, opaque], axis=2), flats)
    size, free = len(flats.palette), seen.lines == 0
    free &= entries[seen.labels] != EMPTY
    boxes = pair.reference.parts[free].astype(np.int64) * size + entries[seen.labels[free]]
    shown = np.bincount(boxes, minlength=256 * size).reshape(256, size)
    own, known = np.full(256, EMPTY, np.int64), packed(flats.palette.colours)
    for part, colours in part_colours(pair.target).items():
        same = np.flatnonzero(known == colours[0])
        own[part] = same[0] if len(same) else EMPTY
    of_part = np.where(shown.any(axis=1), shown.argmax(axis=1), own)
    return of_part[_main(regions, pair.target.parts)[0]]
