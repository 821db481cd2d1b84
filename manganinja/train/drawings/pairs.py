# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of drawings of the same thing, and points that correspond between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .canvas import RGB, Drawing, Style
from .character import Character
from .palette import from_hsv
from .pose import FRAMINGS, Pose, random_pose
from .things import Things

_Places = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class DrawnPair:
    """The same character twice: what the model may look at, and what it should paint."""

    reference: Drawing
    target: Drawing


def _background(rng: np.random.Generator) -> RGB:
    if rng.random() < 0.4:
        return (255, 255, 255)
    h, s, v = rng.random(3)
    if rng.random() < 0.6:
        return from_hsv(h, 0.3 * s, 0.6 + 0.4 * v)
    return from_hsv(h, s, 0.15 + 0.85 * v)


def _styles(rng: np.random.Generator, size_px: int) -> tuple[Style, Style]:
    background = _background(rng)
    shaded = bool(rng.random() < 0.45)
    ink: RGB = (0, 0, 0)
    if rng.random() < 0.25:
        ink = from_hsv(rng.random(), rng.random(), 0.1 + 0.3 * rng.random())
    strength = rng.uniform(0.62, 0.86)
    tint = np.clip(strength + rng.uniform(-0.07, 0.1, 3), 0.5, 0.97)
    common = Style(
        background_rgb=background,
        shaded=shaded,
        shadow_rgb=(float(tint[0]), float(tint[1]), float(tint[2])),
        gloss=bool(rng.random() < 0.5),
    )

    def one() -> Style:
        angle = rng.uniform(0, 2 * np.pi)
        width = float(np.exp(rng.uniform(np.log(0.55), np.log(2.0)))) * (size_px / 128) ** 0.6
        return replace(
            common,
            line_width_px=width,
            line_rgb=ink,
            light=(float(np.cos(angle)), -abs(float(np.sin(angle)))),
        )

    reference, target = one(), one()
    if rng.random() < 0.15:
        reference = replace(reference, background_rgb=(255, 255, 255))
    return reference, target


def _poses(rng: np.random.Generator) -> tuple[Pose, Pose]:
    """Two poses; the reference shows at least as much as the target, with few exceptions."""
    one = int(rng.choice(3, p=[0.34, 0.33, 0.33]))
    two = one if rng.random() < 0.6 else int(rng.integers(3))
    wide, close = min(one, two), max(one, two)
    if rng.random() < 0.06:
        wide, close = close, wide
    return random_pose(rng, FRAMINGS[wide]), random_pose(rng, FRAMINGS[close])


def _finer(style: Style, pose: Pose) -> Style:
    """Small figures are inked with finer lines, or their faces would turn black."""
    factor = {"full": 0.62, "half": 0.85}.get(pose.framing, 1.0)
    return replace(style, line_width_px=style.line_width_px * factor)


def draw_pair(seed: int, size_px: int = 128) -> DrawnPair:
    """Draw the pair number `seed` as pictures of `size_px`; the same call gives the same pair."""
    rng = np.random.default_rng([seed, 77])
    styles = _styles(rng, size_px)
    poses = _poses(rng)
    thing = Things.random(rng) if rng.random() < 0.1 else Character.random(rng)
    styles = tuple(_finer(style, pose) for style, pose in zip(styles, poses))
    return DrawnPair(*(thing.draw(pose, size_px, style) for pose, style in zip(poses, styles)))


def point_pairs(pair: DrawnPair, count: int, rng: np.random.Generator) -> np.ndarray:
    """Up to `count` places that are the same in both pictures.

    Returns (n, 2, 2) float32: for each pair reference (x, y) and target (x, y), pixel
    coordinates in which pixel i covers [i, i + 1). Both lie in the same part (never the
    background), inside it where the part is wide enough, of the same colour where possible.
    Parts come in random order, each once before any comes twice.
    """
    both = np.intersect1d(pair.reference.parts, pair.target.parts)
    both = both[both > 0]
    if count <= 0 or not len(both):
        return np.zeros((0, 2, 2), np.float32)
    places: dict[int, tuple[_Places, _Places]] = {}
    found: list[np.ndarray] = []
    order = list(rng.permutation(both))
    for number in (order * (count // len(order) + 1))[:count]:
        number = int(number)
        if number not in places:
            places[number] = (_interior(pair.reference, number), _interior(pair.target, number))
        found.append(_match(places[number], rng))
    return np.array(found, np.float32).reshape(-1, 2, 2)


def _interior(drawing: Drawing, number: int) -> _Places:
    """Pixels of a part away from its edge (x, y), their place 0..1 in the part, their colour."""
    mask = (drawing.parts == number).astype(np.uint8)
    x, y, w, h = cv2.boundingRect(mask)
    box = cv2.copyMakeBorder(mask[y : y + h, x : x + w], 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    depth = cv2.distanceTransform(box, cv2.DIST_L1, 3)[1:-1, 1:-1]
    rows, columns = np.nonzero(depth >= min(3.0, 0.7 * float(depth.max())))
    pixels = np.stack([columns + x, rows + y], axis=1)
    relative = np.stack([(columns + 0.5) / w, (rows + 0.5) / h], axis=1)
    return pixels, relative, drawing.flats[pixels[:, 1], pixels[:, 0]].astype(np.int32)


def _match(places: tuple[_Places, _Places], rng: np.random.Generator) -> np.ndarray:
    reference, target = places
    pixels, relative, colours = reference
    k = int(rng.integers(len(pixels)))
    other_pixels, other_relative, other_colours = target
    away = ((other_relative - relative[k]) ** 2).sum(axis=1)
    off = np.abs(other_colours - colours[k]).sum(axis=1)
    best = int(np.argmin(away + np.minimum(off, 60) / 20.0))
    return np.stack([pixels[k], other_pixels[best]]) + 0.5
