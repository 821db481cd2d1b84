# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""Animals and creatures. Each is about 2 units wide and high and has up to 14 parts."""

from __future__ import annotations

import numpy as np

from .geometry import ellipse, heart, mirrored, rotate, scalloped, smooth, star, tube
from .pen import Pen


def beast(pen: Pen) -> None:
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


def bird(pen: Pen) -> None:
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


def fish(pen: Pen) -> None:
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


def butterfly(pen: Pen) -> None:
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


def horse(pen: Pen) -> None:
    """A horse, unicorn or zebra seen from the side, with a mane."""
    u, m = pen.rng.uniform, pen.move
    kind, patches = int(pen.rng.integers(3)), pen.rng.random() < 0.4
    legs = u(0.55, 0.75)
    tail = [(0.85, -0.1), (1.15, 0.05), (1.2 + m * 0.3, 0.6), (1.05 + m * 0.5, 0.85)]
    pen.fill(1, tube(tail, (0.08, 0.18, 0.16, 0.02)))

    def leg(x: float, swing: float, far: bool) -> None:
        line = [(x, 0.25), (x + swing * 0.5, 0.3 + legs * 0.5), (x + swing, 0.3 + legs)]
        pen.fill(2 if far else 3, tube(line, (0.17, 0.1, 0.09)))
        foot = (x + swing, 0.33 + legs)
        pen.fill(4, ellipse(*foot, 0.13, 0.09, 14))

    for k, x in enumerate((-0.38, 0.72)):
        leg(x, m * 0.5 * (-1) ** k, True)
    pen.fill(
        3, smooth([(-0.7, -0.1), (0.0, -0.16), (0.75, -0.2), (0.92, 0.1), (0.6, 0.4), (-0.5, 0.42)])
    )
    for k, x in enumerate((-0.52, 0.58)):
        leg(x, -m * 0.5 * (-1) ** k, False)
    head = len(pen.sheet.shapes)
    pen.fill(
        3, smooth([(-0.72, 0.3), (-0.2, -0.05), (-0.62, -0.85), (-0.95, -0.75), (-0.88, -0.3)])
    )
    if kind == 2:
        for k in range(5):
            x = -0.3 + 0.25 * k
            bar = tube([(x, -0.3), (x + 0.06, 0.0), (x, 0.28)], (0.02, 0.06, 0.01))
            pen.fill(5, bar, (3,), 0.7)
    elif patches:
        for x, y in ((0.1, 0.0), (0.55, 0.15), (-0.45, 0.2)):
            pen.fill(5, ellipse(x, y, u(0.12, 0.28), u(0.1, 0.2), 18), (3,), 0.7)
    pen.fill(6, tube([(-0.62, -0.75), (-0.4, -0.4), (-0.22, 0.0 + m * 0.1)], (0.1, 0.16, 0.08)))
    pen.fill(3, np.array([(-0.85, -0.85), (-0.8, -1.15), (-0.62, -0.85)]))
    pen.fill(3, smooth([(-0.6, -0.9), (-0.95, -0.95), (-1.35, -0.5), (-1.3, -0.3), (-0.9, -0.45)]))
    pen.fill(7, ellipse(-1.25, -0.42, 0.2, 0.17, 18), (3,), 0.7)
    pen.fill(6, smooth([(-0.6, -1.0), (-0.95, -1.05), (-1.0, -0.75), (-0.8, -0.85)]))
    if kind == 1:
        pen.fill(8, np.array([(-1.02, -0.9), (-1.35, -1.5), (-0.9, -1.0)]))
    pen.eye(-0.98, -0.68, 0.08, 10)
    if pen.rng.random() < 0.4:
        pen.fill(12, tube([(-1.15, -0.72), (-1.0, -0.35)], (0.04, 0.04)), (3,), 0.7)
        pen.fill(13, ellipse(0.05, -0.12, 0.3, 0.2), (3,), 0.9)
    for shape in pen.sheet.shapes[head:]:
        shape.points = rotate(shape.points, pen.pose.tilt * 0.6, (-0.3, 0.1))


def cat(pen: Pen) -> None:
    """A sitting cat, fox or rabbit from the front, with markings and a ribbon."""
    u, m = pen.rng.uniform, pen.move
    kind, mask, band = int(pen.rng.integers(3)), pen.rng.random() < 0.5, pen.rng.random() < 0.6
    tail = [(0.4, 0.8), (0.95, 0.75), (1.1 + m * 0.2, 0.1), (0.85 + m * 0.5, -0.2)]
    wide = (0.11, 0.3, 0.1)[kind]
    pen.fill(1, tube(tail, (0.1, wide, wide * 1.1, 0.06)))
    pen.fill(2, tube(tail[2:], (wide * 1.15, wide * 0.9, 0.05)), (1,), 0.7)
    pen.fill(3, smooth(mirrored([(0, -0.1), (0.4, 0.0), (0.62, 0.6), (0.55, 0.98), (0, 1.02)])))
    pen.fill(4, ellipse(0, 0.35, u(0.2, 0.32), 0.45), (3,), 0.7)
    for s in (-1, 1):
        pen.fill(3, tube([(s * 0.2, 0.4), (s * 0.18, 0.7), (s * 0.2, 0.95)], (0.14, 0.13, 0.14)))
        pen.fill(5, ellipse(s * 0.21, 0.98, 0.17, 0.1, 16))
    head = len(pen.sheet.shapes)
    for s in (-1, 1):
        outer = np.array([(s * 0.12, -0.85), (s * 0.5, -1.35), (s * 0.6, -0.55)])
        if kind == 2:
            outer = smooth([(s * 0.1, -0.8), (s * 0.2, -1.5), (s * 0.45, -1.55), (s * 0.4, -0.7)])
        pen.fill(6, outer)
        pen.fill(7, (outer - outer.mean(0)) * 0.55 + outer.mean(0) + (0, 0.04), line=0.7)
    pen.fill(
        3, smooth(mirrored([(0, -0.95), (0.45, -0.85), (0.68, -0.4), (0.4, -0.02), (0, 0.05)]))
    )
    if mask:
        pen.fill(8, smooth([(0.02, -1.0), (0.75, -0.9), (0.7, -0.2), (0.15, -0.35)]), (3,), 0.7)
    else:
        for x in (-0.15, 0.0, 0.15):
            pen.fill(8, tube([(x, -1.0), (x * 0.8, -0.72)], (0.05, 0.01)), (3,), 0.6)
    pen.fill(4, ellipse(0, -0.15, 0.28, 0.17), (3, 8), 0.7)
    pen.eye(-0.28, -0.42, u(0.1, 0.15), 10)
    pen.eye(0.28, -0.42, 0.12, 10)
    pen.fill(12, np.array([(-0.06, -0.24), (0.06, -0.24), (0, -0.16)]), line=0.7)
    pen.ink(smooth([(-0.14, -0.1), (-0.06, -0.05), (0, -0.14), (0.06, -0.05), (0.14, -0.1)], False))
    for s in (-1, 1):
        pen.ink(np.array([(s * 0.3, -0.18), (s * 0.55, -0.2), (s * 0.85, -0.26)]), 0.5)
    for shape in pen.sheet.shapes[head:]:
        shape.points = rotate(shape.points, pen.pose.tilt * 1.2, (0.0, 0.0))
    if band:
        pen.fill(13, tube([(-0.4, 0.02), (0, 0.14), (0.4, 0.02)], (0.07, 0.08, 0.07)))
        pen.fill(14, heart(0, 0.24, 0.12))


def dragon(pen: Pen) -> None:
    """A small dragon with wings, belly plates, spines."""
    u, m = pen.rng.uniform, pen.move
    for s in (-1, 1):
        beat = -0.4 * m
        top = np.array([(s * 0.3, 0.1), (s * 0.8, -0.6 + beat), (s * 1.4, -0.6 + beat)])
        edge = np.array([(1.4, -0.6), (1.25, -0.1), (0.95, 0.05), (0.7, 0.3), (0.3, 0.4)]) * (s, 1)
        edge[:3, 1] += beat
        pen.fill(1, np.concatenate([smooth(top, closed=False), scalloped(edge, 0, -0.2 * s)]))
    line = [(0.2, 0.75), (0.8, 1.0), (1.2, 0.7), (1.1 + m * 0.2, 0.25)]
    pen.fill(2, tube(line, (0.3, 0.24, 0.14, 0.03)))
    pen.fill(3, star(1.1 + m * 0.2, 0.2, 0.2, 2, 0.6))
    pen.fill(2, smooth(mirrored([(0, -0.2), (0.38, 0.0), (0.58, 0.5), (0.42, 0.95), (0, 1.0)])))
    pen.fill(
        4, smooth(mirrored([(0, 0.0), (0.22, 0.1), (0.36, 0.5), (0.24, 0.9), (0, 0.95)])), (2,)
    )
    for y in (0.25, 0.48, 0.7):
        pen.ink(np.array([(-0.34, y), (0.0, y + 0.05), (0.34, y)]), 0.7, (4,))
    for s in (-1, 1):
        arm = [(s * 0.4, 0.2), (s * 0.6, 0.4), (s * 0.45, 0.55 + s * m * 0.3)]
        pen.fill(2, tube(arm, (0.13, 0.11, 0.09)))
        pen.fill(5, ellipse(s * 0.34, 0.98, 0.26, 0.13, 18))
    head = len(pen.sheet.shapes)
    for s in (-1, 1):
        pen.fill(6, tube([(s * 0.3, -0.85), (s * 0.5, -1.15), (s * 0.45, -1.4)], (0.13, 0.08, 0.0)))
    for k, x in enumerate((-0.16, 0.0, 0.16)):
        pen.fill(3, np.array([(x - 0.1, -0.88), (x, -1.15 - 0.1 * (k == 1)), (x + 0.1, -0.88)]))
    pen.fill(2, smooth(mirrored([(0, -1.0), (0.5, -0.85), (0.6, -0.4), (0.45, -0.05), (0, 0.02)])))
    pen.fill(7, ellipse(0, -0.2, u(0.3, 0.42), 0.22), (2,), 0.8)
    pen.eye(-0.3, -0.52, 0.13, 10)
    pen.eye(0.3, -0.52, 0.13, 10)
    for x in (-0.09, 0.09):
        pen.fill(12, ellipse(x, -0.26, 0.03, 0.04, 10), line=0.5)
    pen.ink(smooth([(-0.2, -0.12), (0, -0.05), (0.2, -0.12)], closed=False))
    for shape in pen.sheet.shapes[head:]:
        shape.points = rotate(shape.points, pen.pose.tilt, (0.0, 0.0))


def penguin(pen: Pen) -> None:
    """A penguin or an owl: a round bird from the front, at times with a scarf."""
    u, m = pen.rng.uniform, pen.move
    owl, scarf = pen.rng.random() < 0.4, pen.rng.random() < 0.5
    wide = u(0.6, 0.85)
    for s in (-1, 1):
        pen.fill(1, ellipse(s * 0.28, 0.98, 0.25, 0.12, 18))
        tip = (s * (wide + 0.35), 0.45 - s * m * 0.5)
        pen.fill(
            2, tube([(s * wide * 0.8, -0.15), (s * (wide + 0.2), 0.15), tip], (0.16, 0.17, 0.04))
        )
    pen.fill(
        3, smooth(mirrored([(0, -1.0), (0.5, -0.8), (wide, 0.2), (wide * 0.8, 0.9), (0, 1.0)]))
    )
    pen.fill(4, ellipse(0, 0.4, wide * 0.68, 0.56), (3,), 0.8)
    if owl:
        for k in range(6):
            x, y = (k % 3 - 1) * 0.25, 0.25 + 0.28 * (k // 3)
            pen.ink(ellipse(x, y, 0.1, 0.1, 12)[:7], 0.6, (4,))
        for s in (-1, 1):
            pen.fill(5, np.array([(s * 0.2, -0.85), (s * 0.55, -1.2), (s * 0.55, -0.65)]))
    for s in (-1, 1):
        pen.fill(6, ellipse(s * 0.24, -0.45, 0.27, 0.3), (3,), 0.8)
        pen.eye(s * 0.23, -0.45, 0.13, 10)
    pen.fill(8, np.array([(-0.12, -0.3), (0.12, -0.3), (0.0, -0.1)]))
    if scarf:
        pen.fill(13, tube([(-0.6, -0.05), (0, 0.08), (0.6, -0.05)], (0.1, 0.12, 0.1)))
        pen.fill(13, tube([(0.25, 0.05), (0.35, 0.3), (0.3 + m * 0.2, 0.55)], (0.1, 0.12, 0.13)))
        pen.fill(14, tube([(0.33, 0.42), (0.3 + m * 0.2, 0.56)], (0.14, 0.14)), (13,), 0.7)


def sprite(pen: Pen) -> None:
    """A mascot without a skeleton: ghost, slime or sprout, with a face, and something worn."""
    u, m = pen.rng.uniform, pen.move
    kind, worn = int(pen.rng.integers(3)), int(pen.rng.integers(4))
    low = np.stack([np.linspace(0.75, -0.75, 9), np.full(9, 0.85)], axis=1)
    low[:, 0] += m * 0.25
    top = [(-0.78, 0.3), (-0.7, -0.4), (0.0, -0.95), (0.7, -0.4), (0.78, 0.3)]
    body = np.concatenate([smooth(top, closed=False), scalloped(low, 0.0, (0.35, 0.0, 0.05)[kind])])
    if kind == 1:
        body = smooth(
            [(-1.0, 0.85), (-0.85, 0.1), (0.0, -0.8 + abs(m) * 0.4), (0.85, 0.1), (1.0, 0.85)]
        )
    for s in (-1, 1):
        hand = tube([(s * 0.6, 0.2), (s * 0.95, 0.3 - s * m * 0.5)], (0.15, 0.12))
        pen.fill(2 if kind == 2 else 1, hand)
    pen.fill(1, body)
    pen.fill(3, ellipse(0, 0.6, u(0.35, 0.55), 0.3), (1,), 0.7)
    if kind == 2:
        for s in (-1, 1):
            pen.fill(4, smooth([(0, -0.85), (s * 0.4, -1.3), (s * 0.7, -1.15), (s * 0.35, -0.9)]))
    for s in (-1, 1):
        pen.fill(5, ellipse(s * 0.48, 0.1, 0.13, 0.08, 14), (1,), 0.5)
        pen.eye(s * 0.27, -0.15, 0.14, 10)
    pen.fill(6, smooth([(-0.14, 0.1), (0.14, 0.1), (0.0, 0.28)]), line=0.8)
    if worn == 0:
        pen.fill(7, np.array([(-0.35, -0.7), (0.35, -0.7), (0.1, -1.3)]))
        pen.fill(8, tube([(-0.42, -0.68), (0.42, -0.68)], (0.08, 0.08)), line=0.9)
    elif worn == 1:
        for s in (-1, 1):
            pen.fill(7, smooth([(0, 0.5), (s * 0.35, 0.35), (s * 0.38, 0.7)]))
        pen.fill(8, ellipse(0, 0.52, 0.1, 0.1, 14))
    elif worn == 2:
        pen.fill(7, star(0.35, -0.6, 0.24))


def turtle(pen: Pen) -> None:
    """A turtle or a snail: a patterned shell that walks."""
    u, m = pen.rng.uniform, pen.move
    if pen.rng.random() < 0.45:
        foot = [(-1.0, 0.55), (-0.8, 0.9), (0.9, 0.95), (1.2, 0.9), (0.6, 0.6), (-0.4, 0.7)]
        pen.fill(1, smooth(foot))
        for x in (-0.95, -0.7):
            pen.fill(1, tube([(x, 0.6), (x - 0.1 + m * 0.2, -0.1)], (0.08, 0.05)))
            pen.eye(x - 0.1 + m * 0.2, -0.15, 0.12, 10)
        pen.fill(1, ellipse(-0.85, 0.6, 0.3, 0.3))
        for k, r in enumerate((0.78, 0.55, 0.32, 0.14)):
            pen.fill(3 + k, ellipse(0.25 + 0.03 * k, 0.05 + 0.08 * k, r, r * 0.95))
        pen.ink(smooth([(-1.05, 0.68), (-0.95, 0.74), (-0.82, 0.7)], closed=False))
        return
    for k, x in enumerate((-0.55, 0.55)):
        pen.fill(1, tube([(x, 0.4), (x + m * 0.4 * (-1) ** k, 0.95)], (0.22, 0.18)))
    pen.fill(1, smooth([(0.8, 0.4), (1.3, 0.65), (0.8, 0.6)]))
    pen.fill(1, ellipse(-1.1, 0.05 + m * 0.1, 0.36, 0.33))
    shell = smooth(
        [(-0.95, 0.5), (-0.7, -0.3), (0.0, -u(0.6, 0.8)), (0.7, -0.3), (0.95, 0.5), (0, 0.6)]
    )
    pen.fill(3, shell)
    for x, y in ((-0.48, 0.05), (0.0, -0.2), (0.48, 0.05), (-0.22, 0.35), (0.25, 0.35)):
        pen.fill(4, star(x, y, 0.24, 3, 0.85), (3,), 0.7)
    pen.fill(5, tube([(-1.0, 0.48), (0.0, 0.6), (1.0, 0.48)], (0.08, 0.1, 0.08)))
    pen.eye(-1.2, -0.02 + m * 0.1, 0.1, 10)
    pen.ink(smooth([(-1.38, 0.15), (-1.25, 0.2), (-1.15, 0.15)], closed=False))


def octopus(pen: Pen) -> None:
    """An octopus, or a jellyfish with thinner arms."""
    u, m = pen.rng.uniform, pen.move
    thin = pen.rng.random() < 0.4
    for k, x in enumerate(np.linspace(-0.6, 0.6, 5).tolist()):
        sway = 0.35 * np.sin(k * 1.7) + m * 0.5
        line = [(x, 0.1), (x * 1.3 + sway * 0.4, 0.5), (x * 1.3 + sway, 0.8), (x * 1.5 + sway, 1.0)]
        pen.fill(1 + k % 2, tube(line, (0.05,) if thin else (0.18, 0.15, 0.12, 0.05)))
    dome = smooth(
        [(-0.8, 0.2), (-0.75, -0.5), (0, -u(0.85, 1.05)), (0.75, -0.5), (0.8, 0.2), (0, 0.32)]
    )
    pen.fill(3, dome)
    for x, y, r in ((-0.35, -0.55, 0.14), (0.1, -0.72, 0.1), (0.45, -0.45, 0.12)):
        pen.fill(4, ellipse(x, y, r, r, 16), (3,), 0.7)
    if thin:
        pen.fill(5, tube([(-0.85, 0.18), (0, 0.32), (0.85, 0.18)], (0.1, 0.12, 0.1)))
    pen.eye(-0.25, -0.15, 0.14, 10)
    pen.eye(0.25, -0.15, 0.14, 10)
    pen.fill(6, ellipse(0, 0.08, 0.09, 0.07, 14), line=0.8)
