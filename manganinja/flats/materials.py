# SPDX-License-Identifier: GPL-3.0-or-later
"""The materials of a painted reference: skin, hair, dress, each with its shades.

Colours alone don't tell them apart: the light on a green dress is nearer to the light on skin than
to the dress's own shadow. Places do:

1. A *piece* is a connected area without a step in it. Soft shading stays in one piece; lines, the
   edges of shadows and those of materials divide pieces.
2. Pieces that touch along much of the smaller one's border, with no line between, are one material
   where the step is as shading makes it: hardly any, or darker in about the same hue.
3. What has the same tones, somewhere else in the picture, is the same material.

Textures and grain are smoothed until most of the picture lies in pieces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from .assign import hang_together
from .oklab import distance, of_one_hue, to_oklab
from .pixels import codes, colours, inside, span, touching

_SMOOTHED = ((3, 10), (5, 10), (3, 18), (5, 18), (9, 18), (15, 24))
"""Side of the median that smooths, and levels that a pixel's neighbours may differ by."""
_LEAST_IN_PIECES = 0.4
_LEAST_PIECE_PX = 9
_TONES = 5
"""Equal parts of a piece by lightness; the mean of each is a tone."""
_DARKEST = 20
"""OKLab exaggerates the differences between near-blacks beyond any screen."""
_SLACK_LEVELS = 16

_SOFT_STEP, _LEAST_SOFT = 4.0, 0.2
"""OKLab distance (times 100) of two pieces where they touch, and share of the smaller one's border
that they touch along."""
_SHADE_STEP, _DARK_SHADE_STEP, _LEAST_SHADE = 20.0, 36.0, 0.25
_DARK = 0.45
_LEAST_BORDER = 0.5
"""A leak in a line is no common border; in roots of the smaller one's pixels."""
_SHADE_DEGREES, _GREY = 40, 0.012

_ALIKE = 2.2
"""Mean OKLab distance (times 100) of tones from a material's."""
_SAME_HUE, _SAME_DEGREES, _COLOURED = 4.0, 20, 0.03
"""The same for colours of one hue that are no greys."""
_FARTHEST_TONE = 8.0
_LEAST_OF_GROUP = 0.03

_TONE_SIDE = 9
"""Side of the median before light and shadow are told apart: grain is neither."""
_NEAR, _EXACT, _MOST_BOXES = 6.0, 0.5, 200
"""How far off (OKLab distance times 100) what is near lies; what counts more for having the very
colour; how many colours are tried."""
_LEAST_TONE_STEP, _LEAST_TONE = 13.0, 0.06
"""How far apart they are at least, in lightness of 255, and share of the material of each."""


@dataclass(frozen=True)
class Materials:
    """What a picture is painted with.

    Attributes:
        labels: (H, W) int16, the material of each pixel that lies in a piece, else -1.
        colours: (K, 3) uint8, the colour that most of each is near.
    """

    labels: np.ndarray = field(repr=False)
    colours: np.ndarray


def find_materials(rgb: np.ndarray, opaque: np.ndarray) -> Materials:
    """Materials of a painted picture.

    Args:
        rgb: (H, W, 3) uint8.
        opaque: (H, W) bool, what of it counts; not empty.
    """
    labels, count = _pieces(rgb, opaque)
    ys, xs = np.nonzero(labels >= 0)
    of = labels[ys, xs]
    tones, areas = _tones(_lab(rgb[ys, xs]), of, count)
    group = _grouped(_touches(labels, rgb, count), areas)
    material = _alike(tones, areas, group)
    table = material.astype(np.int16)
    return Materials(
        np.where(labels >= 0, table[labels], np.int16(-1)),
        _usual(codes(rgb[ys, xs]), material[of], int(material.max()) + 1),
    )


def in_two_tones(rgb: np.ndarray, found: Materials, asked: np.ndarray) -> Materials:
    """Materials with a light and a shadow in place of each one that is lit and shaded.

    Args:
        rgb: (H, W, 3) uint8, what they were found in.
        asked: (K,) bool, which of them may be divided.

    Returns:
        Shadows come after the K, in their order.
    """
    labels = found.labels.astype(np.int16)
    light = np.rint(255 * _lab(cv2.medianBlur(rgb, _TONE_SIDE))[..., 0]).clip(0, 255)
    listed = [*found.colours]
    for material in np.flatnonzero(asked).tolist():
        own = labels == material
        split = _shadow_level(np.bincount(light[own].astype(np.intp), minlength=256))
        if split is None:
            continue
        dark = own & (light <= split)
        light_one, shadow = _usual(codes(rgb[own]), dark[own].astype(np.int64), 2)
        labels[dark] = len(listed)
        listed[material] = light_one
        listed.append(shadow)
    return Materials(labels, np.array(listed, np.uint8).reshape(-1, 3))


def _shadow_level(seen: np.ndarray) -> int | None:
    """The lightness (of 255) up to which a material is in shadow, so that both sides are as far
    apart as can be (Otsu, IEEE Trans. SMC 9(1), 1979); None where it is of one tone.

    Args:
        seen: (256,) pixels of each lightness.
    """
    total = seen.sum()
    if not total:
        return None
    below = np.cumsum(seen)[:-1]
    sums = np.cumsum(seen * np.arange(256))
    inside = (below > 0) & (below < total)
    dark = sums[:-1] / np.maximum(below, 1)
    light = (sums[-1] - sums[:-1]) / np.maximum(total - below, 1)
    apart = np.where(inside, light - dark, 0.0)
    level = int((below * (total - below) * np.square(apart)).argmax())
    least = min(below[level], total - below[level]) / total
    return level if apart[level] >= _LEAST_TONE_STEP and least >= _LEAST_TONE else None


def _lab(rgb: np.ndarray) -> np.ndarray:
    return to_oklab(np.maximum(rgb, _DARKEST))


def _pieces(rgb: np.ndarray, opaque: np.ndarray) -> tuple[np.ndarray, int]:
    """(H, W) int32 number of each pixel's piece, -1 for none; and how many there are."""
    for side, levels in _SMOOTHED:
        calm = (span(cv2.medianBlur(rgb, side)) <= levels) & inside(opaque)
        labels, count, held = _numbered(calm)
        if held >= _LEAST_IN_PIECES * np.count_nonzero(opaque):
            return labels, count
    return _numbered(opaque, least_px=1)[:2]


def _numbered(mask: np.ndarray, least_px: int = _LEAST_PIECE_PX) -> tuple[np.ndarray, int, int]:
    _, parts, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4, ltype=cv2.CV_32S
    )
    areas = stats[:, cv2.CC_STAT_AREA]
    kept = areas >= least_px
    kept[0] = False
    number = np.where(kept, np.cumsum(kept), 0).astype(np.int32) - 1
    return number[np.asarray(parts, np.intp)], int(kept.sum()), int(areas[kept].sum())


def _tones(lab: np.ndarray, of: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(count, T, 3) tones of pieces in OKLab, the darkest first; (count,) pixels."""
    order = np.lexsort((lab[:, 0], of))
    of, lab = of[order], lab[order]
    areas = np.bincount(of, minlength=count)
    first = np.cumsum(areas) - areas
    tone = (np.arange(len(of)) - first[of]) * _TONES // areas[of]
    boxes = of.astype(np.int64) * _TONES + tone
    seen = np.bincount(boxes, minlength=count * _TONES)
    sums = [np.bincount(boxes, lab[:, axis], count * _TONES) for axis in range(3)]
    tones = (np.stack(sums, axis=-1) / np.maximum(seen, 1)[:, None]).reshape(count, _TONES, 3)
    # A piece of fewer pixels than tones.
    bare = (seen == 0).reshape(count, _TONES)
    return np.where(bare[..., None], tones[:, :1], tones), areas


@dataclass(frozen=True)
class _Touch:
    """Two pieces that touch: along how many pixels, their shares of their borders, and the mean
    colours (3,) in OKLab where they do."""

    one: int
    other: int
    length: int
    shares: tuple[float, float]
    colours: tuple[np.ndarray, np.ndarray]


def _touches(labels: np.ndarray, rgb: np.ndarray, count: int) -> list[_Touch]:
    """Pieces that touch, the longest borders first."""
    border, found = np.zeros(count), []
    for turned, seen in ((labels, rgb), (labels.T, rgb.transpose(1, 0, 2))):
        here, picture = np.ascontiguousarray(turned), np.ascontiguousarray(seen)
        padded = np.pad(here, ((0, 0), (1, 1)), constant_values=-1)
        changes = padded[:, 1:] != padded[:, :-1]
        ends = np.concatenate([padded[:, :-1][changes], padded[:, 1:][changes]])
        border += np.bincount(ends[ends >= 0], minlength=count)
        rows, left, right = touching(here, picture, _SLACK_LEVELS)
        found.append(
            (here[rows, left], here[rows, right], picture[rows, left], picture[rows, right])
        )
    one, other, one_rgb, other_rgb = (np.concatenate(parts) for parts in zip(*found))
    turn = one > other
    low, high = np.where(turn, other, one).astype(np.int64), np.where(turn, one, other)
    lab = _lab(one_rgb), _lab(other_rgb)
    at_low = np.where(turn[:, None], lab[1], lab[0])
    at_high = np.where(turn[:, None], lab[0], lab[1])
    listed, of, lengths = np.unique(low * count + high, return_inverse=True, return_counts=True)
    means = [
        np.stack([np.bincount(of, side[:, a], len(listed)) for a in range(3)], 1) / lengths[:, None]
        for side in (at_low, at_high)
    ]
    touches = []
    for at in np.argsort(-lengths, kind="stable").tolist():
        a, b = divmod(int(listed[at]), count)
        shares = float(lengths[at] / border[a]), float(lengths[at] / border[b])
        touches.append(_Touch(a, b, int(lengths[at]), shares, (means[0][at], means[1][at])))
    return touches


def _grouped(touches: Sequence[_Touch], areas: np.ndarray) -> np.ndarray:
    """(count,) int: equal for pieces that shading alone divides."""
    pairs: list[tuple[int, int]] = []
    for touch in touches:
        smaller = int(areas[touch.other] < areas[touch.one])
        least = areas[[touch.one, touch.other][smaller]]
        if touch.length >= _LEAST_BORDER * np.sqrt(least) and _is_shading(touch, smaller):
            pairs += [(touch.one, touch.other), (touch.other, touch.one)]
    return hang_together(len(areas), np.array(pairs, np.int64).reshape(-1, 2))


def _is_shading(touch: _Touch, smaller: int) -> bool:
    one, other = touch.colours
    step, share = float(distance(one, other)), touch.shares[smaller]
    if step < _SOFT_STEP and share >= _LEAST_SOFT:
        return True
    dark = max(one[0], other[0]) < _DARK
    most = _DARK_SHADE_STEP if dark else _SHADE_STEP
    return share >= _LEAST_SHADE and step < most and of_one_hue(one, other, _SHADE_DEGREES, _GREY)


def _alike(tones: np.ndarray, areas: np.ndarray, group: np.ndarray) -> np.ndarray:
    """(count,) int: the material of each piece, from 0, the most used first."""
    groups, of = np.unique(group, return_inverse=True)
    sizes = np.bincount(of, areas)
    materials: list[np.ndarray] = []
    number = np.zeros(len(groups), np.int64)
    for at in np.argsort(-sizes, kind="stable").tolist():
        members = np.flatnonzero((of == at) & (areas >= _LEAST_OF_GROUP * sizes[at]))
        own = tones[members]
        weights = np.repeat(areas[members], _TONES)
        apart = [_apart(own, weights, known) for known in materials]
        best = int(np.argmin(apart)) if apart else -1
        if best >= 0 and apart[best] < _most_apart(own, weights, materials[best]):
            number[at] = best
        else:
            number[at] = len(materials)
            materials.append(own)
    used = np.bincount(number, sizes)
    rank = np.empty(len(used), np.int64)
    rank[np.argsort(-used, kind="stable")] = np.arange(len(used))
    return rank[number[of]]


def _apart(own: np.ndarray, weights: np.ndarray, known: np.ndarray) -> float:
    """Mean distance of tones (m, T, 3) from the nearest that lies between two of others (n, T, 3):
    light falls off without gaps."""
    starts, ends = known[:, :-1].reshape(-1, 3), known[:, 1:].reshape(-1, 3)
    way = ends - starts
    length = np.square(way).sum(axis=1) + 1e-9
    away = own.reshape(-1, 1, 3) - starts
    along = np.clip((away * way).sum(axis=2) / length, 0, 1)
    nearest = 100 * np.sqrt(np.square(away - along[..., None] * way).sum(axis=2).min(axis=1))
    return float(np.average(np.minimum(nearest, _FARTHEST_TONE), weights=weights))


def _most_apart(own: np.ndarray, weights: np.ndarray, known: np.ndarray) -> float:
    here = np.average(own.reshape(-1, 3), axis=0, weights=weights)
    there = known.mean(axis=(0, 1))
    if min(np.hypot(*here[1:]), np.hypot(*there[1:])) < _COLOURED:
        return _ALIKE
    return _SAME_HUE if of_one_hue(here, there, _SAME_DEGREES, _GREY) else _ALIKE


def _usual(listed: np.ndarray, of: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) uint8: the colour that most of each material is near, of those that it has."""
    found = np.zeros((count, 3), np.uint8)
    order = np.argsort(of, kind="stable")
    starts = np.searchsorted(of[order], np.arange(count + 1))
    for material in range(count):
        own = listed[order[starts[material] : starts[material + 1]]]
        # Noise spreads a colour over its neighbours: the best box of four levels, and in it ...
        own = own[(own & 0xFCFCFC) == _best_box(own)]
        exact, seen = np.unique(own, return_counts=True)
        found[material] = colours(exact[seen.argmax() : seen.argmax() + 1])[0]
    return found


def _best_box(own: np.ndarray) -> int:
    """Of colours (n,) 0xRRGGBB the box of four levels round which most of them lie: soft light has
    many colours, none of them often, and a flat shadow beside it one that it has more of."""
    boxes, seen = np.unique(own & 0xFCFCFC, return_counts=True)
    largest = np.argsort(-seen, kind="stable")[:_MOST_BOXES]
    lab = _lab(colours(boxes))
    near = np.zeros(len(largest))
    for one, at in enumerate(largest.tolist()):
        away = distance(lab, lab[at]) / _NEAR
        near[one] = seen @ np.exp(-np.square(away)) + _EXACT * seen[at]
    return int(boxes[largest[near.argmax()]])
