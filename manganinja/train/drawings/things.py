# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""Animals and objects, alone or several loosely arranged. Each is about 2 units wide and high."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from .canvas import RGB, Drawing, Sheet, Style
from .character import place
from .geometry import Points, ellipse, heart, mirrored, rotate, scalloped, smooth, star, tube
from .palette import MOODS, apart
from .parts import part_numbers
from .pose import Pose
from .props import KINDS as PROPS
from .props import held
from .render import paint

PARTS_PER_THING = 14


class _Pen:
    """Adds the parts of one thing, numbered from 1, to a sheet."""

    def __init__(self, sheet: Sheet, index: int, seed: int, pose: Pose):
        self.sheet, self.index, self.pose = sheet, index, pose
        self.rng = np.random.default_rng(seed)
        self.move = pose.sway
        self.order = 100.0 * index

    def name(self, number: int) -> str:
        return f"thing_{self.index * PARTS_PER_THING + number}"

    def fill(self, number: int, points: Points, inside: tuple[int, ...] = (), line: float = 1.0):
        self.order += 1
        self.sheet.fill(
            self.order,
            self.name(number),
            np.asarray(points, float),
            line=line,
            clip=tuple(self.name(n) for n in inside),
        )

    def ink(self, points: Points, line: float = 0.8, inside: tuple[int, ...] = ()) -> None:
        self.order += 1
        clip = tuple(self.name(n) for n in inside)
        self.sheet.ink(self.order, np.asarray(points, float), line=line, clip=clip)

    def eye(self, x: float, y: float, r: float, first: int) -> None:
        self.fill(first, ellipse(x, y, r, r * 1.15, 18), line=0.7)
        gx, gy = self.pose.gaze[0] * r, self.pose.gaze[1] * r
        self.fill(first + 1, ellipse(x + gx, y + gy, r * 0.55, r * 0.7, 14), (first,), 0.6)


def _box(x0: float, y0: float, x1: float, y1: float) -> Points:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def beast(pen: _Pen) -> None:
    """A sitting or standing four-legged animal, cat to dog to bear."""
    u, m = pen.rng.uniform, pen.move
    ear, tail, fat = pen.rng.integers(3), u(0.08, 0.26), u(0.42, 0.62)
    snout, spots, collar = u(0.14, 0.3), pen.rng.random() < 0.5, pen.rng.random() < 0.6
    legs = u(0.35, 0.6)
    line = [(0.7, 0.2), (1.1, 0.0 - m * 0.3), (1.15 + m * 0.3, -0.6), (0.9 + m * 0.6, -0.9)]
    pen.fill(1, tube(line, (0.12, tail, tail, 0.06)))
    for k, x in enumerate((0.62, -0.35)):
        swing = m * 0.25 * (-1) ** k
        pen.fill(
            2,
            tube(
                [(x, 0.4), (x + swing * 0.5, 0.4 + legs * 0.6), (x + swing, 0.45 + legs)],
                (0.2, 0.16, 0.15),
            ),
        )
    body = smooth(
        [
            (-0.62, 0.0),
            (0.0, -0.18),
            (0.65, -0.1),
            (0.85, 0.25),
            (0.6, fat),
            (-0.3, fat + 0.02),
            (-0.65, 0.35),
        ]
    )
    pen.fill(3, body)
    pen.fill(4, ellipse(0.0, fat, 0.5, 0.22), (3,), 0.7)
    if spots:
        pen.fill(5, ellipse(0.35, 0.0, 0.25, 0.18), (3,), 0.7)
        pen.fill(5, ellipse(-0.1, 0.1, 0.14, 0.12), (3,), 0.7)
    for k, x in enumerate((0.45, -0.5)):
        swing = -m * 0.25 * (-1) ** k
        foot = (x + swing, 0.5 + legs)
        pen.fill(
            3, tube([(x, 0.35), (x + swing * 0.5, 0.4 + legs * 0.6), foot], (0.22, 0.17, 0.16))
        )
        pen.fill(6, ellipse(foot[0] - 0.05, foot[1], 0.21, 0.12))
    first = len(pen.sheet.shapes)
    for s in (-1, 1):
        outer = [
            np.array([(s * 0.12, -0.42), (s * 0.45, -0.95), (s * 0.56, -0.2)]),
            ellipse(s * 0.45, -0.45, 0.2, 0.2),
            smooth([(s * 0.3, -0.45), (s * 0.7, -0.4), (s * 0.72, 0.15), (s * 0.5, 0.1)]),
        ][ear]
        pen.fill(7, outer)
        pen.fill(8, (outer - outer.mean(0)) * 0.55 + outer.mean(0), line=0.7)
    pen.fill(3, ellipse(0, 0, 0.58, 0.52))
    pen.fill(9, ellipse(0, 0.22, snout + 0.1, snout), (3,), 0.7)
    pen.eye(-0.25, -0.05, 0.12, 10)
    pen.eye(0.25, -0.05, 0.12, 10)
    pen.fill(12, ellipse(0, 0.14, 0.09, 0.06, 12), line=0.8)
    pen.ink(
        smooth([(-0.14, 0.26), (-0.06, 0.32), (0, 0.24), (0.06, 0.32), (0.14, 0.26)], closed=False)
    )
    if collar:
        pen.fill(13, tube([(-0.45, 0.38), (0, 0.54), (0.45, 0.38)], (0.07, 0.08, 0.07)))
        pen.fill(14, ellipse(0, 0.62, 0.1, 0.1, 14))
    for shape in pen.sheet.shapes[first:]:
        shape.points = rotate(shape.points, pen.pose.tilt * 1.5) + (-0.55, -0.35)


def bird(pen: _Pen) -> None:
    """A bird with wing up or down."""
    u, m = pen.rng.uniform, pen.move
    crest = pen.rng.random() < 0.4
    for k in (-1, 0, 1):
        pen.fill(
            1,
            rotate(
                smooth([(0.6, 0.1), (1.25, -0.05), (1.3, 0.12), (0.65, 0.28)]), k * 0.22, (0.5, 0.2)
            ),
        )
    for x in (-0.1, 0.15):
        pen.fill(2, tube([(x, 0.5), (x, 0.8), (x + m * 0.1, 0.95)], (0.05, 0.05, 0.04)))
        pen.fill(2, np.array([(x - 0.2, 1.0), (x + m * 0.1, 0.9), (x + 0.12, 1.0)]))
    pen.fill(
        3,
        smooth([(-0.75, 0.0), (-0.3, -0.3), (0.4, -0.15), (0.85, 0.15), (0.3, 0.6), (-0.45, 0.55)]),
    )
    pen.fill(4, ellipse(-0.45, 0.45, 0.5, u(0.25, 0.4)), (3,), 0.7)
    wing = np.concatenate(
        [
            smooth([(-0.3, 0.05), (0.2, -0.1), (0.8, 0.1)], closed=False),
            scalloped(
                np.array([(0.8, 0.1), (0.65, 0.32), (0.4, 0.42), (0.1, 0.45), (-0.3, 0.05)]), 0, 0.3
            ),
        ]
    )
    wing = rotate(wing, -abs(m) * 2.4, (-0.25, 0.08))
    pen.fill(5, wing)
    inner = (wing - (-0.25, 0.08)) * 0.55 + (-0.25, 0.08)
    pen.fill(6, inner, line=0.8)
    if crest:
        pen.fill(
            7,
            scalloped(
                np.array(
                    [
                        (-0.45, -0.6),
                        (-0.3, -1.05),
                        (-0.2, -0.7),
                        (0.0, -0.95),
                        (-0.1, -0.5),
                        (-0.45, -0.6),
                    ]
                ),
                0,
                0.1,
            ),
        )
    pen.fill(8, np.array([(-0.95, -0.4), (-1.3, -0.25 + m * 0.1), (-0.9, -0.15)]))
    pen.fill(9, ellipse(-0.6, -0.3, 0.42, 0.4))
    pen.fill(12, ellipse(-0.68, -0.12, 0.12, 0.08, 12), (9,), 0.6)
    pen.eye(-0.72, -0.36, 0.11, 10)


def fish(pen: _Pen) -> None:
    """A fish with bands."""
    u, m = pen.rng.uniform, pen.move
    high, bands = u(0.4, 0.7), int(pen.rng.integers(0, 4))
    tail = np.array(
        [(0.7, 0.0), (1.25, -0.5 + m * 0.3), (1.05, 0.0 + m * 0.2), (1.25, 0.5 + m * 0.3)]
    )
    pen.fill(1, scalloped(np.concatenate([tail, tail[:1]]), 0, 0.1))
    pen.fill(
        2, smooth([(-0.3, -high * 0.8), (0.1, -high * 1.5), (0.5, -high * 1.1), (0.4, -high * 0.5)])
    )
    pen.fill(2, smooth([(0.0, high * 0.8), (0.3, high * 1.3), (0.35, high * 0.6)]))
    pen.fill(
        3,
        smooth(
            [
                (-1.0, 0.05),
                (-0.5, -high * 0.85),
                (0.1, -high * 0.9),
                (0.8, 0.0),
                (0.1, high * 0.9),
                (-0.5, high * 0.85),
            ]
        ),
    )
    pen.fill(8, ellipse(-0.2, high * 0.9, 0.8, high * 0.4), (3,), 0.7)
    for k in range(bands):
        x = -0.15 + 0.28 * k
        pen.fill(4 + k, tube([(x, -1), (x + 0.12, 0), (x, 1)], (0.08, 0.09, 0.08)), (3, 8), 0.7)
    pen.fill(9, rotate(smooth([(-0.15, 0.1), (0.3, 0.0), (0.25, 0.35)]), m, (-0.15, 0.1)))
    pen.eye(-0.6, -0.12, 0.14, 10)
    pen.ink(smooth([(-0.95, 0.18), (-0.8, 0.22), (-0.7, 0.17)], closed=False))


def house(pen: _Pen) -> None:
    """A house with door and windows."""
    u = pen.rng.uniform
    w, h, peak = u(0.6, 0.95), u(0.5, 0.9), u(0.4, 0.8)
    pen.fill(1, _box(0.3 * w, -h - peak * 0.2 - 0.1, 0.6 * w, -0.2))
    pen.fill(2, _box(-w, -h + 0.3, w, h))
    pen.fill(3, np.array([(-w - 0.2, -h + 0.35), (0, -h - peak), (w + 0.2, -h + 0.35)]))
    pen.fill(
        4,
        np.concatenate(
            [
                smooth([(-0.2, 0.2), (0, 0.02), (0.2, 0.2)], closed=False),
                np.array([(0.2, h), (-0.2, h)]),
            ]
        ),
    )
    pen.fill(5, ellipse(0.12, h * 0.6, 0.05, 0.05, 10), line=0.7)
    for x in (-0.62 * w, 0.62 * w):
        pen.fill(6, _box(x - 0.17, 0.0, x + 0.17, 0.34))
        pen.ink(np.array([(x, 0.0), (x, 0.15), (x, 0.34)]))
        pen.ink(np.array([(x - 0.17, 0.17), (x, 0.17), (x + 0.17, 0.17)]))
        pen.fill(7, _box(x - 0.22, 0.34, x + 0.22, 0.46))
    pen.fill(8, ellipse(0, -h * 0.9, 0.16, 0.16))


def car(pen: _Pen) -> None:
    """A car, van or bus."""
    u, m = pen.rng.uniform, pen.move
    high, back = u(0.45, 0.85), u(0.3, 1.0)
    pen.fill(1, smooth([(-0.75, 0.0), (-0.45, -high), (0.4, -high), (back, 0.0)], samples=5))
    pen.fill(
        2, np.array([(-0.62, -0.05), (-0.4, -high * 0.85), (-0.05, -high * 0.85), (-0.05, -0.05)])
    )
    pen.fill(
        3,
        np.array([(0.05, -0.05), (0.05, -high * 0.85), (0.36, -high * 0.85), (back * 0.8, -0.05)]),
    )
    pen.fill(
        4,
        smooth(
            [(-1.15, 0.05), (-0.6, -0.1), (0.9, -0.08), (1.15, 0.1), (1.15, 0.5), (-1.15, 0.5)],
            samples=5,
        ),
    )
    pen.fill(5, _box(-1.2, 0.25, 1.2, 0.36), (4,), 0.7)
    pen.fill(6, ellipse(-1.02, 0.18, 0.1, 0.12, 14), line=0.8)
    for x in (-0.62, 0.62):
        pen.fill(7, ellipse(x, 0.5, 0.3, 0.3))
        pen.fill(8, ellipse(x, 0.5, 0.16, 0.16, 18))
        pen.fill(9, rotate(star(x, 0.5, 0.13, 5, 0.4), m * 3, (x, 0.5)), line=0.6)


def plant(pen: _Pen) -> None:
    """A plant with blossoms in a pot."""
    u, m = pen.rng.uniform, pen.move
    petals = int(pen.rng.integers(4, 8))
    for k, x in enumerate((-0.5, 0.05, 0.5)):
        top = (x * 1.3 + m * 0.5, -0.75 - 0.2 * (k == 1))
        pen.fill(1, tube([(x * 0.2, 0.4), (x * 0.6, -0.1), top], (0.05, 0.05, 0.04)))
        pen.fill(2, smooth([(x * 0.4, 0.1), (x * 0.4 + 0.3, -0.25), (x * 0.4 + 0.42, 0.0)]))
        for p in range(petals):
            petal = rotate(ellipse(0, -0.17, 0.1, 0.14, 14), p * 2 * np.pi / petals + m)
            pen.fill(4 + k, petal + top)
        pen.fill(7, ellipse(*top, 0.11, 0.11, 14))
    w = u(0.3, 0.5)
    pen.fill(8, np.array([(-w - 0.1, 0.35), (w + 0.1, 0.35), (w * 0.8, 1.0), (-w * 0.8, 1.0)]))
    pen.fill(9, _box(-1, 0.62, 1, 0.74), (8,), 0.8)
    pen.fill(10, _box(-w - 0.18, 0.28, w + 0.18, 0.46))


def mushroom(pen: _Pen) -> None:
    """A mushroom with a face."""
    u = pen.rng.uniform
    w, h = u(0.7, 1.05), u(0.6, 0.95)
    pen.fill(1, smooth([(-0.32, 0.0), (0.32, 0.0), (0.4, 0.8), (0, 0.95), (-0.4, 0.8)]))
    pen.fill(2, smooth([(-w, 0.05), (0, 0.3), (w, 0.05), (0, -0.1)], samples=9))
    pen.fill(
        3,
        smooth(
            [(-w, 0.08), (-w * 0.8, -h * 0.7), (0, -h), (w * 0.8, -h * 0.7), (w, 0.08), (0, 0.12)]
        ),
    )
    for k, (x, y) in enumerate(((-0.5, -0.3), (0.1, -0.55), (0.55, -0.2), (-0.1, -0.1))):
        pen.fill(4 + k % 2, ellipse(x * w, y * h * 1.1, u(0.1, 0.22), u(0.1, 0.18), 18), (3,), 0.8)
    pen.eye(-0.14, 0.42, 0.08, 10)
    pen.eye(0.14, 0.42, 0.08, 10)
    pen.ink(smooth([(-0.08, 0.6), (0, 0.65), (0.08, 0.6)], closed=False))


def robot(pen: _Pen) -> None:
    """A robot with moving arms."""
    u, m = pen.rng.uniform, pen.move
    w = u(0.4, 0.65)
    for s, number in ((-1, 1), (1, 2)):
        line = [
            (s * w, 0.0),
            (s * (w + 0.35), 0.2 - s * m * 0.6),
            (s * (w + 0.4), 0.5 - s * m * 1.6),
        ]
        pen.fill(number, tube(line, (0.09, 0.1, 0.1)))
        pen.fill(3, ellipse(*line[-1], 0.15, 0.15, 16))
        pen.fill(4, _box(s * 0.28 - 0.12, 0.5, s * 0.28 + 0.12, 0.95))
        pen.fill(5, ellipse(s * 0.3, 0.98, 0.22, 0.1, 18))
    pen.fill(6, smooth(_box(-w, -0.15, w, 0.62), samples=4))
    pen.fill(7, _box(-w * 0.6, 0.05, w * 0.6, 0.4))
    pen.fill(8, heart(0, 0.22, 0.13) if pen.rng.random() < 0.5 else star(0, 0.22, 0.16), line=0.8)
    pen.fill(9, _box(-0.04, -1.1, 0.04, -0.7))
    pen.fill(14, ellipse(0, -1.1, 0.11, 0.11, 14))
    pen.fill(12, smooth(_box(-w * 0.85, -0.8, w * 0.85, -0.2), samples=4))
    pen.fill(13, _box(-w * 0.65, -0.68, w * 0.65, -0.35), line=0.8)
    pen.eye(-0.18, -0.52, 0.1, 10)
    pen.eye(0.18, -0.52, 0.1, 10)


def butterfly(pen: _Pen) -> None:
    """A butterfly with beating wings."""
    u = pen.rng.uniform
    close = 1 - abs(pen.move) * 0.9
    a, b = u(0.6, 1.1), u(0.4, 0.8)
    for s, number in ((-1, 1), (1, 4)):
        upper = smooth(
            [(0.05, 0.0), (0.3, -0.6 * a), (1.05, -0.9 * a), (1.1, -0.2), (0.5, 0.12)]
        ) * (s * close, 1)
        lower = smooth(
            [(0.05, 0.05), (0.7, 0.1), (0.85, 0.6 * b), (0.45, 0.95 * b), (0.15, 0.5)]
        ) * (s * close, 1)
        pen.fill(number + 1, lower)
        pen.fill(3, (lower - lower.mean(0)) * 0.5 + lower.mean(0), line=0.8)
        pen.fill(number, upper)
        pen.fill(7, (upper - upper.mean(0)) * 0.6 + upper.mean(0), line=0.8)
        pen.fill(8, ellipse(s * close * 0.75, -0.45 * a, 0.14 * close, 0.14, 14), line=0.8)
        pen.ink(smooth([(0, -0.3), (s * 0.12, -0.7), (s * 0.3, -0.8)], closed=False), 1.2)
    pen.fill(9, tube([(0, -0.3), (0, 0.2), (0, 0.6)], (0.07, 0.09, 0.03)))
    pen.fill(10, ellipse(0, -0.36, 0.12, 0.12, 16))


def cake(pen: _Pen) -> None:
    """A layered cake with candles."""
    u = pen.rng.uniform
    layers = int(pen.rng.integers(1, 4))
    pen.fill(1, ellipse(0, 0.9, 1.15, 0.16))
    for k in range(layers):
        w, y = 0.95 - 0.24 * k, 0.88 - 0.48 * k
        pen.fill(
            2 + k,
            smooth([(-w, y - 0.45), (w, y - 0.45), (w, y), (0, y + 0.08), (-w, y)], samples=4),
        )
        edge = scalloped(
            np.array(
                [(w, y - 0.3), (w / 2, y - 0.25), (0, y - 0.2), (-w / 2, y - 0.25), (-w, y - 0.3)]
            ),
            0,
            -0.3,
        )
        pen.fill(5 + k, np.concatenate([np.array([(-w, y - 0.5), (w, y - 0.5)]), edge]))
    top = 0.88 - 0.48 * layers
    for x in (-0.25, 0.0, 0.25):
        pen.fill(8, _box(x - 0.05, top - u(0.3, 0.4), x + 0.05, top + 0.02))
        pen.fill(
            9,
            smooth(
                [(x, top - 0.62), (x + 0.07, top - 0.42), (x, top - 0.34), (x - 0.07, top - 0.42)]
            ),
        )
    pen.fill(10, ellipse(0.42, top, 0.13, 0.13, 18))


def rocket(pen: _Pen) -> None:
    """A rocket."""
    u, m = pen.rng.uniform, pen.move
    w = u(0.32, 0.5)
    flame = smooth([(-0.25, 0.7), (0.25, 0.7), (0.2, 1.0), (m * 0.4, 1.3), (-0.2, 1.0)])
    pen.fill(1, flame)
    pen.fill(2, (flame - (0, 0.7)) * 0.55 + (0, 0.72))
    for s, number in ((-1, 3), (1, 4)):
        pen.fill(
            number,
            np.array(
                [
                    (s * w * 0.8, 0.1),
                    (s * (w + 0.45), 0.7),
                    (s * (w + 0.4), 0.9),
                    (s * w * 0.7, 0.6),
                ]
            ),
        )
    pen.fill(
        5, smooth(mirrored([(0, -1.25), (w * 0.75, -0.7), (w, 0.0), (w * 0.7, 0.72), (0, 0.75)]))
    )
    pen.fill(6, _box(-1, -2, 1, -0.68), (5,))
    pen.fill(7, _box(-1, 0.3, 1, 0.45), (5, 6), 0.8)
    pen.fill(8, ellipse(0, -0.3, 0.24, 0.24))
    pen.fill(9, ellipse(0, -0.3, 0.15, 0.15))
    pen.fill(10, tube([(0, 0.4), (0, 0.9)], (0.06, 0.06)))


def blob(pen: _Pen) -> None:
    """A random closed shape cut into parts, with things on it."""
    rng = pen.rng
    n = int(rng.integers(4, 9))
    angle = np.sort(rng.uniform(0, 2 * np.pi, 1) + np.arange(n) * 2 * np.pi / n)
    outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) * rng.uniform(0.5, 1.1, (n, 1))
    outline = smooth(outline) if rng.random() < 0.7 else outline
    pen.fill(1, outline)
    for k in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(-0.7, 0.7, 2)
        kind = rng.integers(5)
        points = (
            ellipse(x, y, rng.uniform(0.12, 0.45), rng.uniform(0.12, 0.45)),
            star(x, y, rng.uniform(0.2, 0.5), int(rng.integers(3, 8))),
            heart(x, y, rng.uniform(0.15, 0.4)),
            rotate(_box(-1.5, y - 0.12, 1.5, y + 0.12), x * 2),
            tube([(-1.1, y), (0, x), (1.1, -y)], (0.1, 0.12, 0.1)),
        )[kind]
        pen.fill(2 + k, points, (1, 2, 3, 4, 5)[: k + 1], 0.8)
    pen.ink(smooth(outline[:: max(1, len(outline) // 5)][:4] * 0.7, closed=False), inside=(1,))


def tool(pen: _Pen) -> None:
    """One of the things a character may hold."""
    kind = str(pen.rng.choice(PROPS))
    shapes = sorted(held(kind), key=lambda shape: shape[0])
    points = np.concatenate([p for _, _, p in shapes])
    low, high = points.min(axis=0), points.max(axis=0)
    for _, part, outline in shapes:
        pen.fill(int(part[-1]), (outline - (low + high) / 2) * 2.0 / max(high - low))


KINDS: tuple[Callable[[_Pen], None], ...] = (
    beast,
    bird,
    fish,
    house,
    car,
    plant,
    mushroom,
    robot,
    butterfly,
    cake,
    rocket,
    blob,
    tool,
)
_WEIGHTS = np.array([5, 2.5, 2, 1.2, 1.4, 1.4, 1.2, 1.6, 1.4, 1, 1, 3, 2.5])


@dataclass(frozen=True)
class Things:
    """One to five animals or objects and their colours; drawn like a character."""

    kinds: tuple[int, ...]
    seeds: tuple[int, ...]
    palette: Mapping[str, RGB] = field(repr=False)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Things:
        """New things."""
        count = int(rng.choice([1, 2, 3, 4, 5], p=[0.4, 0.15, 0.2, 0.15, 0.1]))
        kinds = rng.choice(len(KINDS), size=count, p=_WEIGHTS / _WEIGHTS.sum())
        mood, hue = str(rng.choice(MOODS)), rng.random()
        palette: dict[str, RGB] = {}
        for index in range(count):
            used: list[RGB] = []
            for number in range(1, PARTS_PER_THING + 1):
                used.append(apart(rng, used[-3:], mood, hue, 3))
                palette[f"thing_{index * PARTS_PER_THING + number}"] = used[-1]
            if rng.random() < 0.8:
                palette[f"thing_{index * PARTS_PER_THING + 10}"] = (255, 255, 255)
                palette[f"thing_{index * PARTS_PER_THING + 11}"] = (25, 22, 30)
        return cls(
            tuple(int(k) for k in kinds),
            tuple(int(s) for s in rng.integers(1 << 30, size=count)),
            palette,
        )

    def draw(self, pose: Pose, size_px: int = 128, style: Style | None = None) -> Drawing:
        """Draw the things as a square picture; the pose's framing only sets the size."""
        sheet = Sheet()
        layout = np.random.default_rng(pose.layout)
        count = len(self.kinds)
        columns = 1 if count == 1 else 2 if count < 5 else 3
        places = layout.permutation(columns * columns)[:count]
        for index, kind in enumerate(self.kinds):
            one = Sheet()
            KINDS[kind](_Pen(one, index, self.seeds[index], pose))
            at = np.array([places[index] % columns, places[index] // columns]) * 2.3
            at = at + layout.uniform(-0.25, 0.25, 2) * (count > 1)
            turn, grow = layout.normal(0, 0.25 if count > 1 else 0.1), layout.uniform(0.75, 1.05)
            flip = (-1.0 if layout.random() < 0.3 else 1.0, 1.0)
            for shape in one.shapes:
                shape.points = rotate(shape.points * flip, turn) * grow + at
            sheet.shapes.extend(one.shapes)
        place(sheet, pose, size_px, sheet.bounds())
        style = style or Style()
        if count > 1:
            style = replace(style, line_width_px=style.line_width_px * 0.75)
        return paint(sheet, self.palette, part_numbers(self.palette), size_px, style)
