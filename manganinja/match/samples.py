# SPDX-License-Identifier: GPL-3.0-or-later
"""From drawings to what the matcher learns from: regions as they come from line art.

Drawings are this project's own, flat or painted (:mod:`..train.drawings`, :mod:`..train.hand`), and
such as people have made (:mod:`..train.people`). Line art is inked anew (thin, thick, binary,
broken, faint, noisy) and cut as an artist's is, so some regions have run together and some have
fallen apart. A region is right for another where it shows the same part, or has the colour that the
reference gives to that part: two sleeves of one colour are as good as each other. Where there is
neither, "none of these" is right.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from ..errors import BadRequest
from ..train import hand
from ..train.drawings import Drawing, DrawnPair, draw_pair
from ..train.people import NOTHING, PeoplePair, avatar_pair, emoji_pair
from ..train.people.pairs import connected
from ..train.pool import HELD_OUT_SEED
from .known import (
    PAPER,
    Known,
    cut_lineart,
    known_lineart,
    known_reference,
    of_parts,
    painted_reference,
    part_colours,
)
from .network import MOST_PAIRS, Figure

_ABSENT_WEIGHT = 0.4
"""What a region counts that a reference by another hand lacks."""
_LEAST_PAIRED_PX = 20
_MOST_ROWS = 260
"""Drawings of more regions would take the time of many others."""
_SIZES_PX = (384, 448, 512)
_CLEAR, _TRACED, _OUTLINED, _STRANDS = 0.7, 0.35, 0.5, 0.6
"""Of painted references those with a transparent ground; of their line art what is found in a
picture, has a bold outline, has open strokes."""


@dataclass(frozen=True)
class SampleConfig:
    """Shares of the samples, as probabilities.

    Attributes:
        size_px: side of the drawings that are flat.
        painted: drawings of this project with light and shadow, and with hand-like line art.
        emojis, avatars: drawings that people have made, which wants packages; half of them painted.
        turned: pictures that are mirrored or turned by a quarter, each side by itself.
        inked: line art that is inked anew in one of the ways of the module.
        stranger: flat drawings whose reference shows another character: parts are right, colours
            not.
        missing: flat drawings whose reference lacks some parts.
        paired: samples with pairs of the artist's.
        most_pairs: of one sample, at least one.
        contradicting: pairs that say something else than the drawing.
        left_out: share of the regions that are left out, at most.
        noise: what features and shapes differ by, in deviations of the picture.
    """

    size_px: int = 384
    painted: float = 0.4
    emojis: float = 0.2
    avatars: float = 0.2
    turned: float = 0.3
    inked: float = 0.6
    stranger: float = 0.06
    missing: float = 0.25
    paired: float = 0.5
    most_pairs: int = 6
    contradicting: float = 0.3
    left_out: float = 0.4
    noise: float = 0.2


@dataclass(frozen=True)
class Comparison:
    """Both sides of a pair.

    Attributes:
        stranger: whether the reference shows another character.
        absent: what regions count whose colour the reference has not.
    """

    lineart: Known
    reference: Known
    stranger: bool = False
    absent: float = 1.0

    @property
    def size(self) -> int:
        """Regions of the larger side."""
        return max(self.lineart.figure.count, self.reference.figure.count)


@dataclass(frozen=True)
class Sample:
    """One comparison.

    Attributes:
        ends: (row of the line art, row of the reference) of the pairs given.
        right: (n, m + 1) bool, what is right for each row of the line art; last: none.
        same: (n, m + 1) bool, what shows the same part; rows of nothing where there is none.
        weights: (n,) float32, what each row counts.
    """

    lineart: Figure
    reference: Figure
    ends: tuple[tuple[int, int], ...]
    right: np.ndarray = field(repr=False)
    same: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)


def turned(drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """The drawing mirrored, upside down or on its side."""
    quarter, mirror = int(rng.choice([0, 1, 2, 3], p=[0.7, 0.12, 0.06, 0.12])), rng.random() < 0.7

    def turn(plane: np.ndarray) -> np.ndarray:
        plane = plane[:, ::-1] if mirror else plane
        return np.ascontiguousarray(np.rot90(plane, quarter))

    return Drawing(*map(turn, (drawing.colour, drawing.flats, drawing.lineart, drawing.parts)))


# Comparisons


def compared(pair: Comparison, config: SampleConfig, rng: np.random.Generator) -> Sample:
    """What is right for each region that is left in, and some pairs."""
    lineart, reference = (_fewer(side, config, rng) for side in (pair.lineart, pair.reference))
    same = lineart.parts[:, None] == reference.parts[None]
    right = same.copy()
    if not pair.stranger:
        right |= _same_colours(lineart, reference, same)
    weights = np.where(right.any(axis=1), 1.0, pair.absent) * lineart.weights
    ends: list[tuple[int, int]] = []
    if rng.random() < config.paired:
        ends = _pairs(lineart, reference, same, right, config, rng)
    none = ~right.any(axis=1, keepdims=True)
    same = np.concatenate([same, np.zeros_like(none)], axis=1)
    right = np.concatenate([right, none], axis=1)
    ours, theirs = (_noisy(side.figure, config.noise, rng) for side in (lineart, reference))
    return Sample(ours, theirs, tuple(ends), right, same, weights.astype(np.float32))


def _fewer(known: Known, config: SampleConfig, rng: np.random.Generator) -> Known:
    """Without some regions; the largest stays."""
    count = known.figure.count
    gone = rng.random(count) < rng.random() * config.left_out * (rng.random() < 0.7)
    gone[:1] = False
    return known.take(np.flatnonzero(~gone))


def _noisy(figure: Figure, noise: float, rng: np.random.Generator) -> Figure:
    def changed(values: np.ndarray, much: float) -> np.ndarray:
        added = rng.standard_normal(values.shape, np.float32) * values.std(axis=0)
        return values + much * added

    features = changed(figure.features, noise)
    return replace(figure, features=features, shapes=changed(figure.shapes, 0.3 * noise))


def _same_colours(lineart: Known, reference: Known, same: np.ndarray) -> np.ndarray:
    """(n, m) bool: regions of the colour that the reference gives to a part, or, where it does not
    show that, of the part's own."""
    found = np.zeros(same.shape, bool)
    for row, own in enumerate(lineart.colours.tolist()):
        shown = np.unique(reference.colours[same[row]]) if same[row].any() else np.array([own])
        # The paper's colour is no part's, though eyes may be as white.
        if lineart.parts[row] != PAPER or not same[row].any():
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
    targets = np.flatnonzero((lineart.areas_px >= _LEAST_PAIRED_PX) & (lineart.parts != PAPER))
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


def sample_of(seed: int, config: SampleConfig) -> Comparison | None:
    """Both sides of the pair number ``seed``; the same call gives the same. None where nothing can
    be cut, or where there is too much."""
    rng = np.random.default_rng([seed, 5])
    kind = rng.random()
    try:
        if kind < config.emojis:
            found = _of_people(emoji_pair(seed), config, rng)
        elif kind < config.emojis + config.avatars:
            found = _of_people(avatar_pair(seed), config, rng)
        elif kind < config.emojis + config.avatars + config.painted:
            found = _painted(seed, config, rng)
        else:
            found = _flat(seed, config, rng)
    except BadRequest:
        return None
    return None if found is None or not 1 < found.size <= _MOST_ROWS else found


def _flat(seed: int, config: SampleConfig, rng: np.random.Generator) -> Comparison:
    pair = draw_pair(seed, config.size_px)
    stranger = bool(rng.random() < config.stranger)
    if stranger:
        other = draw_pair((seed + 1) % HELD_OUT_SEED, config.size_px)
        pair = DrawnPair(other.reference, pair.target)
    pair = _turned(pair, config, rng)
    reference = pair.reference
    if rng.random() < config.missing:
        reference = _lacking(reference, rng)
    lineart = known_lineart(pair.target, _as_shown(pair), rng, config.inked)
    return Comparison(lineart, known_reference(reference, rng), stranger)


def _turned(pair: DrawnPair, config: SampleConfig, rng: np.random.Generator) -> DrawnPair:
    if rng.random() < config.turned:
        pair = DrawnPair(pair.reference, turned(pair.target, rng))
    if rng.random() < 0.5 * config.turned:
        pair = DrawnPair(turned(pair.reference, rng), pair.target)
    return pair


def _as_shown(pair: DrawnPair) -> dict[int, list[int]]:
    """The colours of the target's parts as the reference has them: the light may be another."""
    return part_colours(pair.target) | part_colours(pair.reference)


def _painted(seed: int, config: SampleConfig, rng: np.random.Generator) -> Comparison:
    pair = _turned(draw_pair(seed, int(rng.choice(_SIZES_PX))), config, rng)
    reference, target = pair.reference, pair.target
    lines = target.lineart
    if rng.random() < _TRACED:
        lines = hand.found_in_picture(target.colour, rng)
    elif rng.random() < config.inked:
        lines = hand.inked_anew(lines, rng)
    lines = _by_hand(lines, target.parts != PAPER, rng)
    ours, theirs = of_parts(_as_shown(pair)), of_parts(part_colours(reference))
    opaque = np.full((*reference.parts.shape, 1), 255, np.uint8)
    rgba = np.concatenate([reference.colour, opaque], axis=2)
    rgba = hand.shaded(rgba, connected(reference.parts), rng)
    if rng.random() < _CLEAR:
        ours[PAPER] = theirs[PAPER] = NOTHING
        rgba[reference.parts == PAPER] = 0
    lineart = cut_lineart(lines, target.parts, ours, rng)
    parts = reference.parts
    return Comparison(lineart, painted_reference(rgba, parts, theirs[parts]))


def _by_hand(lines: np.ndarray, figure: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if rng.random() < _OUTLINED:
        lines = hand.outlined(lines, figure, rng)
    return hand.with_strands(lines, figure, rng) if rng.random() < _STRANDS else lines


def _of_people(
    pair: PeoplePair | None, config: SampleConfig, rng: np.random.Generator
) -> Comparison | None:
    if pair is None:
        return None
    lines, reference = pair.lines, pair.reference
    if rng.random() < 0.5:
        lines = _by_hand(lines, pair.truth != NOTHING, rng)
        reference = hand.shaded(reference, connected(pair.flats), rng)
    if rng.random() < config.inked:
        lines = hand.inked_anew(lines, rng)
    ours, theirs = (pair.truth, pair.flats) if pair.things is None else pair.things
    # Part 0 is where nothing is.
    ours = np.where(pair.truth == NOTHING, PAPER, ours + 1)
    theirs = np.where(pair.flats == NOTHING, PAPER, theirs + 1)
    lineart = cut_lineart(lines, ours, pair.truth, rng)
    return Comparison(
        lineart, painted_reference(reference, theirs, pair.flats), absent=_ABSENT_WEIGHT
    )


def _lacking(drawing: Drawing, rng: np.random.Generator) -> Drawing:
    """The drawing with a few of its parts painted over by what lies most round them."""
    colour, flats, parts = drawing.colour.copy(), drawing.flats.copy(), drawing.parts.copy()
    present = np.unique(parts)
    present = present[present != PAPER]
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
