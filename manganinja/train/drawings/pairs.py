# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of drawings of the same thing, and points that correspond between them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from .backgrounds import Backdrop
from .canvas import RGB, Drawing, Style
from .character import Character
from .design import Design, random_design
from .palette import from_hsv
from .parts import MOST_PARTS, part_numbers
from .pose import FRAMINGS, Pose, random_pose
from .render import paint
from .scene import Figure, Scene
from .things import Things

_Places = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class DrawnPair:
    """The same character twice: what the model may look at, and what it should paint."""

    reference: Drawing
    target: Drawing


@dataclass(frozen=True)
class Mix:
    """How often a pair is of a kind; shares 0..1 of all pairs.

    Attributes:
        things: animals and objects in place of characters.
        crowd: two or three figures, of which the target may show fewer.
        backdrop: a place behind the figures.
        other: the target is another character in the reference's colours, part by part.
        missing: the reference lacks details that the target has.
        shaded: shadows in two tones, with highlights in half of them.
        tinted: lines in the darkened colour of what they bound.
        pressure: lines that swell.
        gaps: lines with openings.
        marks: shadows hatched or dotted in the line art.
    """

    things: float = 0.14
    crowd: float = 0.12
    backdrop: float = 0.33
    other: float = 0.04
    missing: float = 0.07
    shaded: float = 0.45
    tinted: float = 0.2
    pressure: float = 0.3
    gaps: float = 0.12
    marks: float = 0.05


def _background(rng: np.random.Generator) -> RGB:
    if rng.random() < 0.4:
        return (255, 255, 255)
    h, s, v = rng.random(3)
    if rng.random() < 0.6:
        return from_hsv(h, 0.3 * s, 0.6 + 0.4 * v)
    return from_hsv(h, s, 0.15 + 0.85 * v)


def _styles(rng: np.random.Generator, size_px: int, mix: Mix) -> tuple[Style, Style]:
    background = _background(rng)
    ink: RGB = (0, 0, 0)
    if rng.random() < 0.25:
        ink = from_hsv(rng.random(), rng.random(), 0.1 + 0.3 * rng.random())
    tint = np.clip(rng.uniform(0.62, 0.86) + rng.uniform(-0.07, 0.1, 3), 0.5, 0.97)
    common = Style(
        background_rgb=background,
        shaded=bool(rng.random() < mix.shaded),
        shadow_rgb=(float(tint[0]), float(tint[1]), float(tint[2])),
        gloss=bool(rng.random() < 0.5),
        line_tint=rng.uniform(0.5, 1.0) if rng.random() < mix.tinted else 0.0,
    )

    def one() -> Style:
        angle = rng.uniform(0, 2 * np.pi)
        width = float(np.exp(rng.uniform(np.log(0.55), np.log(2.0)))) * (size_px / 128) ** 0.6
        return replace(
            common,
            line_width_px=width,
            line_rgb=ink,
            light=(float(np.cos(angle)), -abs(float(np.sin(angle)))),
            pressure=rng.uniform(0.4, 1.0) if rng.random() < mix.pressure else 0.0,
            gaps=int(rng.integers(4, 40)) if rng.random() < mix.gaps else 0,
            marks=str(rng.choice(["hatch", "dots"])) if rng.random() < mix.marks else "none",
        )

    reference, target = one(), one()
    if rng.random() < 0.15:
        reference = replace(reference, background_rgb=(255, 255, 255))
    return reference, target


def _framings(rng: np.random.Generator) -> tuple[str, str]:
    """Of both pictures; the reference shows at least as much, with few exceptions."""
    one = int(rng.choice(len(FRAMINGS), p=[0.33, 0.32, 0.29, 0.06]))
    two = one if rng.random() < 0.6 else int(rng.choice(len(FRAMINGS), p=[0.32, 0.32, 0.3, 0.06]))
    wide, close = min(one, two), max(one, two)
    if rng.random() < 0.06:
        wide, close = close, wide
    return FRAMINGS[wide], FRAMINGS[close]


def _poses(rng: np.random.Generator, count: int) -> tuple[list[Pose], list[Pose]]:
    """Poses of every figure in the reference and in the target."""
    wide, close = _framings(rng)
    reference = [random_pose(rng, wide) for _ in range(count)]
    target = [random_pose(rng, close) for _ in range(count)]
    for index, pose in enumerate(target):
        # A reference from behind tells little of what is in front.
        if not pose.back:
            reference[index] = replace(reference[index], back=False)
    return reference, target


def _finer(style: Style, pose: Pose, figures: int) -> Style:
    """Small figures are inked with finer lines, or their faces would turn black."""
    factor = {"full": 0.62, "half": 0.85}.get(pose.framing, 1.0)
    return replace(style, line_width_px=style.line_width_px * factor * (0.75 if figures > 1 else 1))


_ABSENT: dict[str, object] = {
    "hat": "none",
    "ornament": "none",
    "glasses": "none",
    "prop": "none",
    "emblem": "none",
    "neckwear": "none",
    "wings": "none",
    "animal_tail": "none",
    "two_tone": "none",
    "cape": False,
    "bag": False,
    "belt": False,
    "earrings": False,
    "gloves": False,
}


def without_details(design: Design, rng: np.random.Generator) -> Design:
    """The design without one to three of the details that it has."""
    has = [name for name, none in _ABSENT.items() if getattr(design, name) != none]
    gone = rng.permutation(has)[: int(rng.integers(1, 4))].tolist()
    return replace(design, **{name: _ABSENT[name] for name in gone})


def _figures(rng: np.random.Generator, mix: Mix) -> tuple[list[Figure], list[Figure]]:
    """The cast as it is in the reference, and as it is in the target."""
    cast: list[Figure] = [
        Things.random(rng) if rng.random() < mix.things else Character.random(rng)
    ]
    if rng.random() < mix.crowd:
        for _ in range(1 if rng.random() < 0.75 else 2):
            cast.append(Things.animal(rng) if rng.random() < 0.35 else Character.random(rng))
    reference, target = cast, list(cast)
    first, kind = cast[0], rng.random()
    if isinstance(first, Character):
        if kind < mix.other:
            target[0] = replace(first, design=random_design(rng))
        elif kind < mix.other + mix.missing:
            design = without_details(first.design, rng)
            reference = [replace(first, design=design), *cast[1:]]
    return reference, target


def draw_pair(seed: int, size_px: int = 128, mix: Mix | None = None) -> DrawnPair:
    """Draw the pair number `seed` as pictures of `size_px`; the same call gives the same pair."""
    mix = mix or Mix()
    rng = np.random.default_rng([seed, 77])
    styles = _styles(rng, size_px, mix)
    casts = _figures(rng, mix)
    count = len(casts[0])
    poses = _poses(rng, count)
    backdrop = Backdrop.random(rng) if rng.random() < mix.backdrop else None
    bare = backdrop is not None and rng.random() < 0.1
    orders = [rng.permutation(count).tolist() for _ in casts]
    if rng.random() < 0.25:
        orders[1] = orders[1][:1]
    while True:
        scenes = [Scene(tuple(cast[:count]), backdrop) for cast in casts]
        if bare:
            scenes[0] = replace(scenes[0], backdrop=None)
        shown = [[index for index in order if index < count] or [0] for order in orders]
        sheets = [s.sheet(p, o, size_px) for s, p, o in zip(scenes, poses, shown)]
        names = sheets[0].names() | sheets[1].names()
        if len(names) <= MOST_PARTS:
            break
        count -= 1
    numbers, palette = part_numbers(names), scenes[0].palette | scenes[1].palette
    drawings = []
    for sheet, style, some, order in zip(sheets, styles, poses, shown):
        inked = _finer(style, some[order[0]], len(order))
        drawings.append(paint(sheet, palette, numbers, size_px, inked))
    return DrawnPair(*drawings)


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
