# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""The head, and what is worn on it but for hats."""

from __future__ import annotations

import numpy as np

from .canvas import Sheet
from .design import Design
from .face import Face
from .frame import FEATURE, SIDES, HeadFrame
from .geometry import ellipse, heart, rotate, scalloped, smooth, star, tube
from .hair import Hair
from .hats import Hats
from .pose import Pose


class _Worn(HeadFrame):
    """Ears, glasses, ornaments."""

    def build(self) -> None:
        self.ears()
        self.glasses()
        self.ornament()

    def ears(self) -> None:
        d = self.d
        for side, name in SIDES:
            if side == self.hidden_side and d.beast != "elf":
                self.beast_ear(side, name)
                continue
            x = side * (0.2 if self.hidden_side else 0.98) - self.sin * 0.15
            ear = smooth(
                [
                    (x - side * 0.05, -0.08),
                    (x + side * 0.16, -0.12),
                    (x + side * 0.17, 0.15),
                    (x + side * 0.02, 0.38),
                ]
            )
            if d.beast == "elf":
                ear = smooth(
                    [
                        (x - side * 0.05, -0.1),
                        (x + side * 0.6, -0.42),
                        (x + side * 0.28, 0.12),
                        (x, 0.36),
                    ]
                )
            order = 51 if self.hidden_side else 49
            self.sheet.fill(73.5 if d.beast == "elf" else order, f"ear_{name}", ear)
            if d.earrings and not self.pose.back:
                self.sheet.fill(
                    76, f"earring_{name}", star(x + side * 0.1, 0.52, 0.13, 4, 0.6), shade=0
                )
            self.beast_ear(side, name)

    def beast_ear(self, side: int, name: str) -> None:
        kind = self.d.beast
        lean = self.sin * 0.12
        if kind == "cat":
            outer = np.array([(0.28, -1.12), (0.72, -1.78), (1.08, -0.72)])
        elif kind == "rabbit":
            outer = np.array([(0.18, -1.1), (0.3, -1.9), (0.62, -2.5), (0.82, -1.9), (0.66, -1.0)])
        elif kind == "antler":
            line = [(0.45, -1.1), (0.8, -1.7), (0.75, -2.3)]
            antler = tube(line, (0.12, 0.1, 0.0)) * (side, 1)
            twig = tube([(0.78, -1.65), (1.15, -1.9), (1.2, -2.2)], (0.09, 0.07, 0.0)) * (side, 1)
            for branch in (antler, twig):
                self.sheet.fill(71, f"horn_{name}", branch - (lean, 0))
            return
        elif kind == "bear":
            outer = ellipse(0.78, -1.12, 0.36, 0.36, 12)
        elif kind == "horn":
            horn = tube([(0.55, -1.1), (0.85, -1.45), (0.8, -1.9)], (0.18, 0.12, 0.0)) * (side, 1)
            self.sheet.fill(71, f"horn_{name}", horn - (lean, 0))
            return
        else:
            return
        centre = outer.mean(axis=0)
        inner = (outer - centre) * 0.58 + centre + (0.0, 0.08)
        order = 45 if kind == "bear" else 69
        curve = (
            (lambda p: scalloped(np.concatenate([p, p[:1]]), 0, -0.12)) if kind == "cat" else smooth
        )
        self.sheet.fill(order, f"beast_{name}", curve(outer) * (side, 1) - (lean, 0))
        self.sheet.fill(
            order + 0.2, f"beast_in_{name}", curve(inner) * (side, 1) - (lean, 0), line=0.6
        )

    def glasses(self) -> None:
        kind, sheet = self.d.glasses, self.sheet
        if kind == "none" or (self.pose.back and kind != "goggles"):
            return
        if kind == "patch":
            s = self.d.ornament_side
            patch = smooth(
                [
                    (s * 0.15, 0.0),
                    (s * 0.7, -0.05),
                    (s * 0.72, 0.35),
                    (s * 0.42, 0.55),
                    (s * 0.18, 0.35),
                ]
            )
            strap = np.array([(-1.0, -0.35), (1.0, 0.0)]) * (-s, 1)
            sheet.ink(FEATURE + 4, np.linspace(strap[0], strap[1], 6), line=1.6)
            sheet.fill(FEATURE + 5, "lens_l", self.turned(patch))
            return
        y = 0.24 if kind != "goggles" else -0.62
        for side, name in SIDES:
            if side == self.hidden_side:
                continue
            x = side * 0.45
            if kind == "square":
                rim = np.array(
                    [
                        (-0.34, -0.26),
                        (0.34, -0.26),
                        (0.34, 0.2),
                        (0.2, 0.28),
                        (-0.2, 0.28),
                        (-0.34, 0.2),
                    ]
                )
                rim = rim + (x, y)
            else:
                rim = ellipse(x, y, 0.36, 0.36)
            if kind == "goggles":
                sheet.fill(79, f"rim_{name}", self.turned(rim, 0.7))
                sheet.fill(79.1, f"lens_{name}", self.turned((rim - (x, y)) * 0.7 + (x, y), 0.7))
                continue
            ring = self.turned(np.concatenate([rim, rim[:1]]))
            sheet.ink(66, ring, line=1.5)
        if kind != "goggles":
            sheet.ink(
                66,
                self.turned(np.array([(-0.1, y - 0.03), (0, y - 0.08), (0.1, y - 0.03)]), 0.95),
                line=1.3,
            )

    def ornament(self) -> None:
        kind, side, sheet = self.d.ornament, self.d.ornament_side, self.sheet
        if self.d.clip:
            pin = tube([(-side * 0.78, -0.45), (-side * 0.5, -0.6)], (0.07, 0.07))
            sheet.fill(77, "clip", self.turned(pin, 0.6), line=0.8)
        x, y = side * 0.78 - self.sin * 0.2, -0.95
        if kind == "bow":
            for s, name in SIDES:
                loop = smooth(
                    [(0, 0), (s * 0.3, -0.32), (s * 0.62, -0.3), (s * 0.6, 0.25), (s * 0.3, 0.25)]
                )
                sheet.fill(85, f"bow_{name}", loop + (x, y))
                sheet.ink(
                    85.2,
                    np.array([(s * 0.12, 0.0), (s * 0.24, -0.02), (s * 0.36, 0.0)]) + (x, y),
                    line=0.6,
                )
            sheet.fill(86, "bow_knot", ellipse(x, y, 0.14, 0.16))
        elif kind == "ribbon":
            for s, name in SIDES:
                loop = tube([(0, 0), (s * 0.3, 0.2), (s * 0.38, 0.75)], (0.04, 0.12, 0.14))
                sheet.fill(84.5, f"bow_{name}", loop + (x, y))
            sheet.fill(86, "bow_knot", ellipse(x, y, 0.17, 0.14))
        elif kind == "flower":
            for k in range(5):
                petal = rotate(ellipse(0, -0.22, 0.14, 0.17, 16), k * 2 * np.pi / 5)
                sheet.fill(85 + 0.1 * k, "petal", petal + (x, y))
            sheet.fill(86, "bow_knot", ellipse(x, y, 0.12, 0.12))
        elif kind == "star":
            sheet.fill(85, "bow_knot", star(x, y, 0.3))
            sheet.fill(85.1, "petal", heart(x - side * 0.34, y + 0.3, 0.15), line=0.8)


def build_head(sheet: Sheet, design: Design, pose: Pose) -> None:
    """Add a whole head around (0, 0) to the sheet."""
    for painter in (Face, Hair, _Worn, Hats):
        painter(sheet, design, pose).build()
