# SPDX-License-Identifier: GPL-3.0-or-later
"""From generated pairs to what the matcher learns from: regions as they come from line art.

Line art is inked anew (thin, thick, binary, broken, faint, noisy) and cut as an artist's is, so
some regions have run together and some have fallen apart. A region is right for another where it
shows the same part, or has the colour that the reference gives to that part: two sleeves of one
colour are as good as each other. Where there is neither, "none of these" is right.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np
from PIL import Image

from ..errors import BadRequest
from ..flats.line_mask import ink, line_mask
from ..flats.palette import ReferenceFlats
from ..flats.regions import segment
from ..flats.shapes import cut_reference
from ..flats.values import EMPTY, Palette, Regions
from ..train.drawings import Drawing, DrawnPair, draw_pair
from ..train.pool import HELD_OUT_SEED
from .network import MOST_PAIRS
from .views import View, lineart_view, reference_view

_LEAST_SHADE = 0.04
"""Of a part, for another colour to be its shade; less is anti-aliasing."""
_TINY_PX = 8
_TINY_WEIGHT = 0.2
_LEAST_PAIRED_PX = 20
_PAPER = 0
_LEAST_POOL = 12
"""Batches that a pool holds at least, or a run that goes on would see the same few drawings."""


@dataclass(frozen=True)
class SampleConfig:
    """Shares of the samples, as probabilities.

    Attributes:
        size_px: side of the drawings.
        turned: pictures that are mirrored or turned by a quarter, each side by itself.
        inked: line art that is inked anew in one of the ways of the module.
        stranger: samples whose reference shows another character: parts are right, colours not.
        missing: samples whose reference lacks some parts.
        paired: samples with pairs of the artist's.
        most_pairs: of one sample, at least one.
        contradicting: pairs that say something else than the drawing.
    """

    size_px: int = 256
    turned: float = 0.3
    inked: float = 0.6
    stranger: float = 0.06
    missing: float = 0.25
    paired: float = 0.5
    most_pairs: int = 6
    contradicting: float = 0.3


@dataclass(frozen=True)
class Known:
    """A picture in regions whose truth is known.

    Attributes:
        view: what the matcher sees; the other arrays are in the order of its rows.
        parts: (n,) int64, the part that most of each region shows.
        colours: (n,) int64, 0xRRGGBB: the region's own in a reference; the part's in line art.
        areas_px: (n,) int64.
    """

    view: View = field(repr=False)
    parts: np.ndarray = field(repr=False)
    colours: np.ndarray = field(repr=False)
    areas_px: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Sample:
    """One comparison.

    Attributes:
        ends: (row of the line art, row of the reference) of the pairs given.
        right: (n, m + 1) bool, what is right for each row of the line art; last: none.
        same: (n, m + 1) bool, what shows the same part; rows of nothing where there is none.
        weights: (n,) float32, what each row counts.
    """

    lineart: View
    reference: View
    ends: tuple[tuple[int, int], ...]
    right: np.ndarray = field(repr=False)
    same: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)


# Pictures in regions


def packed(colours: np.ndarray) -> np.ndarray:
    """(..., 3) uint8 as (...) int64, 0xRRGGBB."""
    return colours.astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])


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
    paper = bases.index(of_parts[_PAPER][0]) if _PAPER in of_parts else None
    palette = Palette(np.array([_bytes(base) for base in bases], np.uint8))
    return ReferenceFlats(palette, paper, shades, (), 1.0, True)


def _bytes(code: int) -> tuple[int, int, int]:
    return code >> 16, code >> 8 & 255, code & 255


def known_reference(drawing: Drawing, rng: np.random.Generator | None = None) -> Known:
    """The reference of a pair; with ``rng``, its colours are seen through a little noise."""
    flats = known_flats(drawing)
    opaque = np.full((*drawing.parts.shape, 1), 255, np.uint8)
    picture = np.concatenate([drawing.colour, opaque], axis=2)
    regions, entries = cut_reference(picture, flats)
    colours = flats.palette.colours[np.maximum(entries, 0)]
    seen = picture
    if rng is not None and rng.random() < 0.3:
        noise = rng.normal(0, rng.uniform(1, 8), picture.shape)
        seen = np.clip(picture + noise, 0, 255).astype(np.uint8)
    view = reference_view(seen, regions, colours)
    parts = _main(regions, drawing.parts)
    own = np.where(entries == EMPTY, -1, packed(colours))
    return Known(view, parts[view.rows], own[view.rows], regions.areas_px[view.rows])


def known_lineart(
    drawing: Drawing, colours: dict[int, list[int]], rng: np.random.Generator, inked: float
) -> Known:
    """The target of a pair, inked anew with so much probability.

    Raises:
        BadRequest: nothing is left between the lines.
    """
    lines, gap_px = drawing.lineart, float(rng.uniform(0, 4))
    if rng.random() < inked:
        lines = inked_anew(lines, rng)
    regions = segment(line_mask(ink(Image.fromarray(lines))), gap_px)
    view = lineart_view(regions)
    parts = _main(regions, drawing.parts)[view.rows]
    own = np.array([colours[int(part)][0] if part in colours else -1 for part in parts], np.int64)
    return Known(view, parts, own, regions.areas_px[view.rows])


def _main(regions: Regions, parts: np.ndarray) -> np.ndarray:
    """(count,) int64: the part that most free pixels of each region show."""
    free = regions.lines == 0
    boxes = regions.labels[free].astype(np.int64) * 256 + parts[free]
    counts = np.bincount(boxes, minlength=regions.count * 256)
    return counts.reshape(regions.count, 256).argmax(axis=1)


def inked_anew(lines: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Black-on-white line art (H, W) uint8 in another hand."""
    way = str(rng.choice(["thick", "binary", "thin", "broken", "faint", "noisy"]))
    if rng.random() < 0.3:
        lines = _broken(lines, rng)
    if way == "thick":
        return cv2.erode(lines, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    if way == "binary":
        return np.where(lines < rng.integers(90, 230), 0, 255).astype(np.uint8)
    if way == "thin":
        return np.clip(lines.astype(np.int16) + int(rng.integers(20, 90)), 0, 255).astype(np.uint8)
    if way == "broken":
        return _broken(lines, rng)
    if way == "faint":
        weak = 255 - (255 - lines.astype(np.float32)) * rng.uniform(0.3, 0.8)
        return weak.astype(np.uint8)
    noise = rng.normal(0, rng.uniform(3, 14), lines.shape)
    return np.clip(lines + noise, 0, 255).astype(np.uint8)


def _broken(lines: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some lines rubbed out for a few pixels."""
    lines, inked = lines.copy(), np.argwhere(lines < 128)
    if len(inked):
        for y, x in inked[rng.integers(len(inked), size=rng.integers(2, 16))].tolist():
            cv2.circle(lines, (x, y), int(rng.integers(1, 4)), 255, -1)
    return lines


def turned(drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """The drawing mirrored, upside down or on its side."""
    quarter, mirror = int(rng.choice([0, 1, 2, 3], p=[0.7, 0.12, 0.06, 0.12])), rng.random() < 0.7

    def turn(plane: np.ndarray) -> np.ndarray:
        plane = plane[:, ::-1] if mirror else plane
        return np.ascontiguousarray(np.rot90(plane, quarter))

    return Drawing(*map(turn, (drawing.colour, drawing.flats, drawing.lineart, drawing.parts)))


# Comparisons


def compared(
    lineart: Known,
    reference: Known,
    config: SampleConfig,
    rng: np.random.Generator,
    stranger: bool = False,
) -> Sample:
    """What is right for each region, and some pairs."""
    same = lineart.parts[:, None] == reference.parts[None]
    right = same.copy()
    if not stranger:
        right |= _same_colours(lineart, reference, same)
    ends: list[tuple[int, int]] = []
    if rng.random() < config.paired:
        ends = _pairs(lineart, reference, same, right, config, rng)
    none = ~right.any(axis=1, keepdims=True)
    same = np.concatenate([same, np.zeros_like(none)], axis=1)
    right = np.concatenate([right, none], axis=1)
    weights = np.where(lineart.areas_px < _TINY_PX, _TINY_WEIGHT, 1).astype(np.float32)
    return Sample(lineart.view, reference.view, tuple(ends), right, same, weights)


def _same_colours(lineart: Known, reference: Known, same: np.ndarray) -> np.ndarray:
    """(n, m) bool: regions of the colour that the reference gives to a part, or, where it does not
    show that, of the part's own."""
    found = np.zeros(same.shape, bool)
    for row, own in enumerate(lineart.colours.tolist()):
        shown = np.unique(reference.colours[same[row]]) if same[row].any() else np.array([own])
        # The paper's colour is no part's, though eyes may be as white.
        if lineart.parts[row] != _PAPER or not same[row].any():
            found[row] = np.isin(reference.colours, shown[shown >= 0])
    return found


def _pairs(
    lineart: Known,
    reference: Known,
    same: np.ndarray,
    right: np.ndarray,
    config: SampleConfig,
    rng: np.random.Generator,
) -> list[tuple[int, int]]:
    """Pairs; ``same`` and ``right`` are changed to what contradicting ones say."""
    targets = np.flatnonzero((lineart.areas_px >= _LEAST_PAIRED_PX) & (lineart.parts != _PAPER))
    sources = np.flatnonzero((reference.areas_px >= _LEAST_PAIRED_PX) & (reference.colours >= 0))
    ends: list[tuple[int, int]] = []
    taken: set[int] = set()
    for row in rng.permutation(targets)[: int(rng.integers(1, config.most_pairs + 1))].tolist():
        part = int(lineart.parts[row])
        if part in taken or not len(sources):
            continue
        taken.add(part)
        true = np.flatnonzero(same[row] & (reference.areas_px >= _LEAST_PAIRED_PX))
        if rng.random() < config.contradicting:
            source = int(rng.choice(sources))
            alike = lineart.parts == part
            same[alike] = reference.parts == reference.parts[source]
            right[alike] = reference.colours == reference.colours[source]
        elif len(true):
            source = int(rng.choice(true))
        else:
            continue
        ends.append((row, source))
    return ends[:MOST_PAIRS]


def sample_of(seed: int, config: SampleConfig) -> tuple[Known, Known, bool] | None:
    """Both sides of the pair number ``seed`` and whether they are strangers; the same call gives
    the same. None where nothing can be cut."""
    rng = np.random.default_rng([seed, 5])
    pair = draw_pair(seed, config.size_px)
    stranger = bool(rng.random() < config.stranger)
    if stranger:
        other = draw_pair((seed + 1) % HELD_OUT_SEED, config.size_px)
        pair = DrawnPair(other.reference, pair.target)
    if rng.random() < config.turned:
        pair = DrawnPair(pair.reference, turned(pair.target, rng))
    if rng.random() < 0.5 * config.turned:
        pair = DrawnPair(turned(pair.reference, rng), pair.target)
    reference = pair.reference
    if rng.random() < config.missing:
        reference = _lacking(reference, rng)
    colours = part_colours(pair.target)
    for part, listed in part_colours(pair.reference).items():
        # As the reference has it: the light may be another.
        colours[part] = listed
    try:
        lineart = known_lineart(pair.target, colours, rng, config.inked)
    except BadRequest:
        return None
    return lineart, known_reference(reference, rng), stranger


def _lacking(drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """The drawing with a few of its parts painted over by what lies most round them."""
    colour, flats, parts = drawing.colour.copy(), drawing.flats.copy(), drawing.parts.copy()
    present = np.unique(parts)
    present = present[present != _PAPER]
    for part in rng.permutation(present)[: int(rng.integers(1, 5))].tolist():
        mask = (parts == part).astype(np.uint8)
        grown = cv2.dilate(mask, np.ones((7, 7), np.uint8))
        ring = (grown > 0) & (mask == 0)
        if not ring.any() or mask.mean() > 0.2:
            continue
        beside = int(np.bincount(parts[ring]).argmax())
        where = ring & (parts == beside)
        filling = np.median(flats[where], axis=0).astype(np.uint8)
        inside = cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0
        inside &= (parts == part) | (parts == beside)
        colour[inside], flats[inside], parts[inside] = filling, filling, beside
    return Drawing(colour, flats, drawing.lineart, parts)


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
    return of_part[_main(regions, pair.target.parts)]


class SamplePool:
    """Pairs in regions with the seeds ``first_seed``, ``first_seed + 1``, ... in turn, each seen a
    few times, with other pairs of points, before a new one takes its place.

    Args:
        config: of the samples.
        capacity: pairs held at once.
        reuse: how often a pair is compared on average.
        first_seed: a resumed run goes on from :attr:`next_seed`.
    """

    def __init__(
        self, config: SampleConfig, capacity: int, reuse: float, first_seed: int = 0
    ) -> None:
        self.config, self.capacity, self.reuse = config, capacity, reuse
        self.next_seed = first_seed
        self._drawn: deque[tuple[Known, Known, bool]] = deque()
        self._owed = 0.0

    def _draw(self) -> None:
        drawn = None
        while drawn is None:
            drawn = sample_of(self.next_seed % HELD_OUT_SEED, self.config)
            self.next_seed += 1
        self._drawn.append(drawn)
        if len(self._drawn) > self.capacity:
            self._drawn.popleft()

    def take(self, count: int, rng: np.random.Generator) -> list[Sample]:
        """``count`` samples."""
        self._owed += count / self.reuse
        while self._owed >= 1 or len(self._drawn) < min(_LEAST_POOL * count, self.capacity):
            self._draw()
            self._owed = max(self._owed - 1, 0.0)
        picks = rng.choice(len(self._drawn), size=count, replace=len(self._drawn) < count)
        return [
            compared(one, other, self.config, rng, stranger)
            for one, other, stranger in (self._drawn[int(i)] for i in picks)
        ]
