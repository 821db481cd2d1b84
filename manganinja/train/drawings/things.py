# SPDX-License-Identifier: GPL-3.0-or-later

"""Animals and objects, alone or several loosely arranged. Each is about 2 units wide and high."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from . import animals
from .canvas import RGB, Drawing, Sheet, Style
from .character import place
from .geometry import ellipse, heart, mirrored, rotate, scalloped, smooth, star, tube
from .palette import MOODS, apart, hair_colour, shade_of
from .parts import part_numbers
from .pen import Pen, box
from .pose import Pose
from .props import KINDS as PROPS
from .props import held
from .render import paint

PARTS_PER_THING = 14


def house(pen: Pen) -> None:
    """A house with door and windows."""
    u = pen.rng.uniform
    w, h, peak = u(0.6, 0.95), u(0.5, 0.9), u(0.4, 0.8)
    pen.fill(1, box(0.3 * w, -h - peak * 0.2 - 0.1, 0.6 * w, -0.2))
    pen.fill(2, box(-w, -h + 0.3, w, h))
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
        pen.fill(6, box(x - 0.17, 0.0, x + 0.17, 0.34))
        pen.ink(np.array([(x, 0.0), (x, 0.15), (x, 0.34)]))
        pen.ink(np.array([(x - 0.17, 0.17), (x, 0.17), (x + 0.17, 0.17)]))
        pen.fill(7, box(x - 0.22, 0.34, x + 0.22, 0.46))
    pen.fill(8, ellipse(0, -h * 0.9, 0.16, 0.16))


def car(pen: Pen) -> None:
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
    pen.fill(5, box(-1.2, 0.25, 1.2, 0.36), (4,), 0.7)
    pen.fill(6, ellipse(-1.02, 0.18, 0.1, 0.12, 14), line=0.8)
    for x in (-0.62, 0.62):
        pen.fill(7, ellipse(x, 0.5, 0.3, 0.3))
        pen.fill(8, ellipse(x, 0.5, 0.16, 0.16, 18))
        pen.fill(9, rotate(star(x, 0.5, 0.13, 5, 0.4), m * 3, (x, 0.5)), line=0.6)


def plant(pen: Pen) -> None:
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
    pen.fill(9, box(-1, 0.62, 1, 0.74), (8,), 0.8)
    pen.fill(10, box(-w - 0.18, 0.28, w + 0.18, 0.46))


def mushroom(pen: Pen) -> None:
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


def robot(pen: Pen) -> None:
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
        pen.fill(4, box(s * 0.28 - 0.12, 0.5, s * 0.28 + 0.12, 0.95))
        pen.fill(5, ellipse(s * 0.3, 0.98, 0.22, 0.1, 18))
    pen.fill(6, smooth(box(-w, -0.15, w, 0.62), samples=4))
    pen.fill(7, box(-w * 0.6, 0.05, w * 0.6, 0.4))
    pen.fill(8, heart(0, 0.22, 0.13) if pen.rng.random() < 0.5 else star(0, 0.22, 0.16), line=0.8)
    pen.fill(9, box(-0.04, -1.1, 0.04, -0.7))
    pen.fill(14, ellipse(0, -1.1, 0.11, 0.11, 14))
    pen.fill(12, smooth(box(-w * 0.85, -0.8, w * 0.85, -0.2), samples=4))
    pen.fill(13, box(-w * 0.65, -0.68, w * 0.65, -0.35), line=0.8)
    pen.eye(-0.18, -0.52, 0.1, 10)
    pen.eye(0.18, -0.52, 0.1, 10)


def cake(pen: Pen) -> None:
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
        pen.fill(8, box(x - 0.05, top - u(0.3, 0.4), x + 0.05, top + 0.02))
        pen.fill(
            9,
            smooth(
                [(x, top - 0.62), (x + 0.07, top - 0.42), (x, top - 0.34), (x - 0.07, top - 0.42)]
            ),
        )
    pen.fill(10, ellipse(0.42, top, 0.13, 0.13, 18))


def rocket(pen: Pen) -> None:
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
    pen.fill(6, box(-1, -2, 1, -0.68), (5,))
    pen.fill(7, box(-1, 0.3, 1, 0.45), (5, 6), 0.8)
    pen.fill(8, ellipse(0, -0.3, 0.24, 0.24))
    pen.fill(9, ellipse(0, -0.3, 0.15, 0.15))
    pen.fill(10, tube([(0, 0.4), (0, 0.9)], (0.06, 0.06)))


def blob(pen: Pen) -> None:
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
            rotate(box(-1.5, y - 0.12, 1.5, y + 0.12), x * 2),
            tube([(-1.1, y), (0, x), (1.1, -y)], (0.1, 0.12, 0.1)),
        )[kind]
        pen.fill(2 + k, points, (1, 2, 3, 4, 5)[: k + 1], 0.8)
    pen.ink(smooth(outline[:: max(1, len(outline) // 5)][:4] * 0.7, closed=False), inside=(1,))


def tool(pen: Pen) -> None:
    """One of the things a character may hold."""
    kind = str(pen.rng.choice(PROPS))
    shapes = sorted(held(kind), key=lambda shape: shape[0])
    points = np.concatenate([p for _, _, p in shapes])
    low, high = points.min(axis=0), points.max(axis=0)
    for _, part, outline in shapes:
        pen.fill(int(part[-1]), (outline - (low + high) / 2) * 2.0 / max(high - low))


KINDS: Mapping[Callable[[Pen], None], float] = {
    animals.beast: 4,
    animals.cat: 3,
    animals.horse: 3,
    animals.bird: 2.5,
    animals.fish: 2,
    animals.dragon: 2,
    animals.penguin: 1.6,
    animals.sprite: 2,
    animals.turtle: 1.6,
    animals.octopus: 1.2,
    animals.butterfly: 1.2,
    house: 1.2,
    car: 1.4,
    plant: 1.4,
    mushroom: 1.2,
    robot: 1.6,
    cake: 1,
    rocket: 1,
    blob: 2.5,
    tool: 3.5,
}
"""What things there are, and how often each."""

_ANIMALS = tuple(kind for kind in KINDS if kind.__module__ == animals.__name__)
_LIFT = 100.0


def _furred(rng: np.random.Generator, palette: dict[str, RGB], prefix: str) -> None:
    """Give two animals in three what most have: a coat of one colour, a light belly."""
    if rng.random() < 0.33:
        return
    coat = hair_colour(rng, "natural", 0.0) if rng.random() < 0.5 else palette[f"{prefix}3"]
    palette[f"{prefix}3"] = coat
    palette[f"{prefix}2"] = shade_of(coat, rng.uniform(0.75, 1.0))
    palette[f"{prefix}4"] = shade_of(coat, rng.uniform(1.3, 1.8))


@dataclass(frozen=True)
class Things:
    """One to five animals or objects and their colours; drawn like a character."""

    kinds: tuple[Callable[[Pen], None], ...]
    seeds: tuple[int, ...]
    palette: Mapping[str, RGB] = field(repr=False)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Things:
        """New things."""
        count = int(rng.choice([1, 2, 3, 4, 5], p=[0.5, 0.15, 0.15, 0.12, 0.08]))
        weights = np.array(list(KINDS.values()))
        chosen = rng.choice(len(KINDS), size=count, p=weights / weights.sum()).tolist()
        return cls.of([list(KINDS)[k] for k in chosen], rng)

    @classmethod
    def animal(cls, rng: np.random.Generator) -> Things:
        """One new animal."""
        return cls.of([_ANIMALS[int(rng.integers(len(_ANIMALS)))]], rng)

    @classmethod
    def of(cls, kinds: Sequence[Callable[[Pen], None]], rng: np.random.Generator) -> Things:
        """New things of the kinds given."""
        mood, hue = str(rng.choice(MOODS)), rng.random()
        palette: dict[str, RGB] = {}
        for index in range(len(kinds)):
            used: list[RGB] = []
            for number in range(1, PARTS_PER_THING + 1):
                used.append(apart(rng, used[-3:], mood, hue, 3))
                palette[f"thing_{index}_{number}"] = used[-1]
            if kinds[index] in _ANIMALS:
                _furred(rng, palette, f"thing_{index}_")
            if rng.random() < 0.8:
                palette[f"thing_{index}_10"] = (255, 255, 255)
                palette[f"thing_{index}_11"] = (25, 22, 30)
        seeds = tuple(int(s) for s in rng.integers(1 << 30, size=len(kinds)))
        return cls(tuple(kinds), seeds, palette)

    def sheet(self, pose: Pose) -> Sheet:
        """The things' shapes, loosely arranged."""
        sheet = Sheet()
        layout = np.random.default_rng(pose.layout)
        count = len(self.kinds)
        columns = 1 if count == 1 else 2 if count < 5 else 3
        places = layout.permutation(columns * columns)[:count]
        for index, kind in enumerate(self.kinds):
            one = Sheet()
            kind(Pen(one, f"thing_{index}_", self.seeds[index], pose))
            at = np.array([places[index] % columns, places[index] // columns]) * 2.3
            at = at + layout.uniform(-0.25, 0.25, 2) * (count > 1)
            turn, grow = layout.normal(0, 0.25 if count > 1 else 0.1), layout.uniform(0.75, 1.05)
            flip = -1.0 if layout.random() < 0.3 else 1.0
            c, s = grow * np.cos(turn), grow * np.sin(turn)
            one.transform(np.array([[c * flip, -s, at[0]], [s * flip, c, at[1]]]))
            sheet.add(one, lift=index * _LIFT)
        return sheet

    def window(
        self, sheet: Sheet, pose: Pose, prefix: str = ""
    ) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of what a picture shows: everything, whatever the framing."""
        return sheet.bounds()

    def draw(self, pose: Pose, size_px: int = 128, style: Style | None = None) -> Drawing:
        """Draw the things as a square picture; the pose's framing only sets the size."""
        sheet = self.sheet(pose)
        place(sheet, pose, size_px, sheet.bounds())
        return paint(sheet, self.palette, part_numbers(self.palette), size_px, style or Style())
