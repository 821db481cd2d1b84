# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""Places behind the figures. The picture is the square from (-1, -1) to (1, 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from .canvas import RGB, Sheet
from .geometry import Points, ellipse, scalloped, smooth, star, tube
from .palette import MOODS, apart, from_hsv
from .patterns import motifs
from .pen import Pen, box
from .pose import Pose

PARTS_PER_PLACE = 9
_FAR = 3.0
"""Where a place ends to every side; enough for any turn of the camera."""


def _ground(pen: Pen, number: int, height: float, rough: float) -> None:
    """A hill, dune or shore from `height` down."""
    x = np.linspace(-_FAR, _FAR, 13)
    edge = np.stack([x, height + pen.rng.uniform(-rough, rough, 13)], axis=1)
    corners = np.array([(_FAR, _FAR), (-_FAR, _FAR)])
    pen.fill(number, np.concatenate([smooth(edge, closed=False), corners]), line=0.8, shade=0)


def _sky(pen: Pen, number: int = 1) -> None:
    pen.fill(number, box(-_FAR, -_FAR, _FAR, _FAR), line=0, shade=0)


def _cloud(x: float, y: float, size: float) -> Points:
    base = [(0.6, 0.12), (0.5, -0.12), (0.15, -0.28), (-0.25, -0.2), (-0.55, 0.0), (-0.6, 0.12)]
    return scalloped(np.array([*base, (0.6, 0.12)]), 0.0, 0.3) * size + (x, y)


def _clouds(pen: Pen, number: int, count: int) -> None:
    for _ in range(count):
        x, y = pen.rng.uniform(-1.4, 1.4), pen.rng.uniform(-1.0, -0.3)
        pen.fill(number, _cloud(x, y, pen.rng.uniform(0.35, 0.7)), line=0.7, shade=0.08)


def hills(pen: Pen) -> None:
    """Sky with clouds and a sun over hills with trees."""
    u = pen.rng.uniform
    _sky(pen)
    pen.fill(2, ellipse(u(-0.8, 0.8), u(-0.85, -0.5), 0.2, 0.2), line=0.7, shade=0)
    _clouds(pen, 3, 3)
    _ground(pen, 4, u(-0.15, 0.15), 0.2)
    for x in pen.rng.permutation(np.linspace(-1.3, 1.3, 5))[:3].tolist():
        y, size = u(0.1, 0.3), u(0.25, 0.42)
        pen.fill(5, box(x - 0.06, y, x + 0.06, y + 0.35), line=0.8)
        crown = ellipse(x, y - size * 0.6, size * 0.75, size, 11)
        pen.fill(6, scalloped(np.concatenate([crown, crown[:1]]), 0.0, -0.3), line=0.8)
    _ground(pen, 7, u(0.4, 0.6), 0.08)
    for _ in range(6):
        x, y = u(-1.4, 1.4), u(0.7, 1.0)
        pen.fill(8, star(x, y, 0.06, 5, 0.6), line=0.6, shade=0)


def city(pen: Pen) -> None:
    """Houses in two rows, with windows, along a street."""
    u = pen.rng.uniform
    _sky(pen)
    _clouds(pen, 2, 2)
    for x in np.arange(-1.6, 1.6, 0.42).tolist():
        pen.fill(3, box(x, u(-0.7, -0.1), x + u(0.3, 0.42), 1.0), line=0.7)
    for number, x in enumerate(np.arange(-1.7, 1.6, 0.66).tolist()):
        top, wide = u(-0.4, 0.25), u(0.45, 0.62)
        pen.fill(4 + number % 3, box(x, top, x + wide, 1.2), line=0.9)
        for row in range(3):
            for column in (0.18, 0.6):
                left, y = x + wide * column, top + 0.12 + 0.26 * row
                pane = box(left, y, left + wide * 0.22, y + 0.15)
                pen.fill(7, pane, line=0.6, shade=0)
    pen.fill(8, box(-_FAR, 0.78, _FAR, _FAR), line=0.9, shade=0)
    pen.fill(9, box(-_FAR, 0.78, _FAR, 0.86), line=0.7, shade=0)


def room(pen: Pen) -> None:
    """A wall with a window and a picture, a floor, curtains, a shelf."""
    u = pen.rng.uniform
    _sky(pen)
    if pen.rng.random() < 0.5:
        for x in np.arange(-1.7, 1.8, 0.34).tolist():
            pen.fill(2, box(x, -2, x + 0.12, 1), line=0.5, shade=0)
    floor = u(0.45, 0.65)
    pen.fill(3, box(-_FAR, floor, _FAR, _FAR), line=0.9, shade=0)
    pen.fill(4, box(-_FAR, floor - 0.07, _FAR, floor), line=0.7, shade=0)
    x, y = u(-0.75, -0.3), u(-0.6, -0.4)
    pen.fill(5, box(x - 0.45, y - 0.4, x + 0.45, y + 0.5), line=0.9)
    for left in (x - 0.38, x + 0.03):
        for high in (y - 0.33, y + 0.08):
            pen.fill(6, box(left, high, left + 0.35, high + 0.36), line=0.7, shade=0)
    for s in (-1, 1):
        edge = [
            (s * 0.5, -0.5),
            (s * 0.32, 0.1),
            (s * 0.5, 0.65),
            (s * 0.75, 0.62),
            (s * 0.7, -0.5),
        ]
        pen.fill(7, smooth(np.array(edge) + (x, y)), line=0.9)
    px, py = u(0.45, 0.8), u(-0.7, -0.4)
    pen.fill(4, box(px - 0.25, py - 0.2, px + 0.25, py + 0.2), line=0.9)
    pen.fill(8, box(px - 0.19, py - 0.14, px + 0.19, py + 0.14), line=0.6, shade=0)
    pen.fill(9, ellipse(0, 0.95, u(0.8, 1.2), 0.22), line=0.9, shade=0)


def sea(pen: Pen) -> None:
    """Sky, sea with waves, a boat, a beach with a parasol."""
    u = pen.rng.uniform
    _sky(pen)
    _clouds(pen, 2, 2)
    pen.fill(3, box(-_FAR, -0.05, _FAR, _FAR), line=0.8, shade=0)
    for _ in range(6):
        x, y = u(-1.4, 1.2), u(0.0, 0.35)
        pen.ink(
            smooth([(x, y), (x + 0.1, y - 0.04), (x + 0.2, y), (x + 0.3, y - 0.03)], False), 0.6
        )
    x = u(-0.9, 0.9)
    pen.fill(4, np.array([(x - 0.3, -0.1), (x + 0.3, -0.1), (x + 0.2, 0.06), (x - 0.2, 0.06)]))
    pen.fill(5, np.array([(x + 0.02, -0.65), (x + 0.32, -0.14), (x + 0.02, -0.14)]))
    pen.fill(5, np.array([(x - 0.04, -0.55), (x - 0.04, -0.14), (x - 0.24, -0.14)]))
    _ground(pen, 6, u(0.45, 0.6), 0.05)
    x = -np.sign(x) * u(0.5, 1.0)
    pen.fill(7, tube([(x, 0.0), (x + 0.05, 0.85)], (0.025,)), line=0.7)
    edge = np.array([(x + 0.45, 0.12), (x + 0.15, 0.16), (x - 0.15, 0.16), (x - 0.45, 0.12)])
    dome = smooth([(x - 0.45, 0.12), (x - 0.3, -0.12), (x, -0.22), (x + 0.3, -0.12)], False)
    pen.fill(8, np.concatenate([dome, scalloped(edge, 0.0, -0.2)]))
    stripe = [(x - 0.15, 0.12), (x - 0.1, -0.12), (x, -0.22), (x + 0.1, -0.12), (x + 0.15, 0.12)]
    pen.fill(9, smooth(stripe, samples=4), (8,), 0.7)


def forest(pen: Pen) -> None:
    """Trunks and crowns, near and far, with mushrooms."""
    u = pen.rng.uniform
    _sky(pen)
    edge = np.stack([np.linspace(-_FAR, _FAR, 23), u(-0.7, -0.3, 23)], axis=1)
    corners = np.array([(_FAR, _FAR), (-_FAR, _FAR)])
    pen.fill(2, np.concatenate([scalloped(edge, 0.0, -0.3), corners]), line=0.7, shade=0)
    _ground(pen, 3, u(0.4, 0.6), 0.06)
    for x in (pen.rng.permutation(np.linspace(-1.4, 1.4, 6))[:4]).tolist():
        foot = u(0.6, 0.95)
        if pen.rng.random() < 0.5:
            pen.fill(4, tube([(x, -1.6), (x + u(-0.1, 0.1), 0.0), (x, foot)], (0.12, 0.12, 0.2)))
            continue
        for k in range(3):
            y, wide = foot - 0.15 - 0.38 * k, 0.42 - 0.1 * k
            pen.fill(5 + k % 2, np.array([(x - wide, y), (x, y - 0.65), (x + wide, y)]), line=0.9)
    for _ in range(3):
        x, y = u(-1.1, 1.1), u(0.75, 0.95)
        pen.fill(8, box(x - 0.03, y, x + 0.03, y + 0.1), line=0.6)
        pen.fill(7, smooth([(x - 0.1, y + 0.02), (x, y - 0.1), (x + 0.1, y + 0.02)]), line=0.7)


def night(pen: Pen) -> None:
    """Moon and stars over roofs."""
    u = pen.rng.uniform
    _sky(pen)
    x, y = u(-0.7, 0.7), u(-0.8, -0.5)
    pen.fill(2, ellipse(x, y, 0.26, 0.26), line=0.7, shade=0)
    pen.fill(1, ellipse(x + 0.12, y - 0.05, 0.22, 0.22), (2,), line=0.7, shade=0)
    for _ in range(9):
        pen.fill(3, star(u(-1.4, 1.4), u(-1.1, 0.1), u(0.04, 0.1), 4, 0.35), line=0.5, shade=0)
    _ground(pen, 4, u(0.2, 0.4), 0.15)
    for number, x in enumerate(np.arange(-1.5, 1.6, 0.7).tolist()):
        y = u(0.35, 0.6)
        pen.fill(5, box(x - 0.24, y, x + 0.24, 1.3), line=0.9)
        roof = np.array([(x - 0.32, y + 0.02), (x, y - 0.32), (x + 0.32, y + 0.02)])
        pen.fill(6 + number % 2, roof, line=0.9)
        pen.fill(8, box(x - 0.09, y + 0.12, x + 0.09, y + 0.3), line=0.7, shade=0)


def wallpaper(pen: Pen) -> None:
    """A pattern all over, behind a disc or a band."""
    _sky(pen)
    kinds = ("dots", "stripes", "checks", "hearts", "stars", "diamonds", "flowers", "zigzag")
    kind, wide = str(pen.rng.choice(kinds)), 1.5
    for layer, outline in motifs(kind, (-wide, -wide, wide, wide), pen.rng.uniform(0.45, 0.7)):
        pen.fill(1 + layer, outline, line=0.6, shade=0)
    if pen.rng.random() < 0.5:
        pen.fill(4, ellipse(0.0, 0.0, 0.85, 0.85, 40), line=0.8, shade=0)
        pen.fill(5, ellipse(0.0, 0.0, 0.75, 0.75, 40), line=0.6, shade=0)


def rays(pen: Pen) -> None:
    """Rays out of the middle, as where something great happens."""
    _sky(pen)
    count, turn = int(pen.rng.integers(6, 11)), pen.rng.uniform(0, 1)
    for k in range(count):
        angle = (np.array([k, k + 0.5]) + turn) * 2 * np.pi / count
        far = np.stack([np.cos(angle), np.sin(angle)], axis=1) * 2 * _FAR
        pen.fill(2 + k % 2, np.concatenate([np.zeros((1, 2)), far]), line=0.7, shade=0)


def panels(pen: Pen) -> None:
    """Slanted areas of colour, a band, discs."""
    u = pen.rng.uniform
    _sky(pen)
    for number in range(2, 5):
        x, lean = u(-1.0, 1.0), u(-0.6, 0.6)
        wide = u(0.2, 0.7)
        slab = [
            (x - lean, -_FAR),
            (x - lean + wide, -_FAR),
            (x + lean + wide, _FAR),
            (x + lean, _FAR),
        ]
        pen.fill(number, np.array(slab), line=0.7, shade=0)
    for number in range(5, 8):
        r = u(0.12, 0.35)
        pen.fill(number, ellipse(u(-1, 1), u(-1, 1), r, r), line=0.7, shade=0)


KINDS: tuple[Callable[[Pen], None], ...] = (
    hills,
    city,
    room,
    sea,
    forest,
    night,
    wallpaper,
    rays,
    panels,
)

_GREEN, _BLUE, _BROWN = (0.33, 0.45, 0.65), (0.56, 0.35, 0.95), (0.08, 0.5, 0.5)
_NATURAL: dict[int, tuple[tuple[float, float, float] | None, ...]] = {
    0: (_BLUE, (0.13, 0.6, 1.0), (0.6, 0.04, 1.0), _GREEN, _BROWN, _GREEN, _GREEN),
    3: (_BLUE, (0.6, 0.04, 1.0), (0.55, 0.6, 0.8), _BROWN, None, (0.11, 0.35, 0.95)),
    4: ((0.5, 0.2, 0.9), _GREEN, (0.25, 0.4, 0.6), _BROWN, _GREEN, _GREEN),
    5: ((0.64, 0.6, 0.3), (0.14, 0.4, 1.0), (0.14, 0.3, 1.0), (0.4, 0.4, 0.3)),
}
"""Hue, saturation and value that parts of a place have in nature."""


@dataclass(frozen=True)
class Backdrop:
    """A place and its colours: parts `place_1`, `place_2`, ..."""

    kind: int
    seed: int
    palette: Mapping[str, RGB] = field(repr=False)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Backdrop:
        """A new place; half of the landscapes have nature's colours."""
        kind = int(rng.integers(len(KINDS)))
        mood, hue = str(rng.choice(MOODS)), rng.random()
        natural = _NATURAL.get(kind, ()) if rng.random() < 0.6 else ()
        colours: list[RGB] = []
        for number in range(PARTS_PER_PLACE):
            hsv = natural[number] if number < len(natural) else None
            if hsv is None:
                colours.append(apart(rng, colours[-2:], mood, hue, 3))
            else:
                h, s, v = np.array(hsv) + rng.uniform(-1, 1, 3) * (0.04, 0.12, 0.15)
                colours.append(from_hsv(float(h), float(s), float(v)))
        names = (f"place_{number}" for number in range(1, PARTS_PER_PLACE + 1))
        return cls(kind, int(rng.integers(1 << 30)), dict(zip(names, colours)))

    def sheet(self, pose: Pose, size_px: int) -> Sheet:
        """The place as the pose's camera sees it, in pixels of the picture."""
        sheet, layout = Sheet(), np.random.default_rng(pose.layout)
        KINDS[self.kind](Pen(sheet, "place_", self.seed, pose))
        scale = size_px / 2 * pose.zoom * layout.uniform(1.0, 1.3)
        c, s = scale * np.cos(pose.roll), scale * np.sin(pose.roll)
        flip = -1.0 if pose.mirror else 1.0
        to = size_px * (0.5 + layout.uniform(-0.12, 0.12, 2))
        sheet.transform(np.array([[c * flip, -s, to[0]], [s * flip, c, to[1]]]))
        return sheet
