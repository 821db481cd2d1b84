# SPDX-License-Identifier: GPL-3.0-or-later

"""The neck and what is worn around it."""

from __future__ import annotations

import numpy as np

from .canvas import SHADOW
from .frame import COLLAR, SIDES, TORSO, BodyFrame
from .geometry import ellipse, smooth, star, tube


class Neck(BodyFrame):
    """Neck, collars, ties, scarves."""

    def build(self) -> None:
        """Add the neck and its wear."""
        self.neck()
        if not self.pose.back or self.d.neckwear in ("turtle", "choker"):
            self.neckwear()

    def neck(self) -> None:
        d, top = self.d, -self.d.neck - 0.4
        w = 0.26 + 0.06 * d.shoulders
        cut = 0.14 if self.pose.back or d.neckwear in ("turtle", "none", "scarf") else 0.34
        points = smooth(
            [
                (-w, top),
                (w, top),
                (w * 0.95, -0.02),
                (w * 0.75, 0.05),
                (0, cut),
                (-w * 0.75, 0.05),
                (-w * 0.95, -0.02),
            ],
            samples=5,
        )
        points[:, 0] += self.front * 0.4
        self.sheet.fill(TORSO + 1, "neck", points, shade=0)
        chin = ellipse(self.front * 0.4, -d.neck - 0.1, 0.6, 0.3)
        self.sheet.tone(TORSO + 1.1, chin, ("neck",), SHADOW)

    def neckwear(self) -> None:
        kind = self.d.neckwear
        if self.d.top in ("kimono", "hoodie", "armour") and kind not in ("choker", "scarf"):
            return
        getattr(self, f"wear_{kind}", lambda: None)()

    def collar(self, reach: float, drop: float) -> None:
        for side, name in SIDES:
            p = np.array(
                [
                    (side * 0.3, -0.1),
                    (side * reach, 0.12),
                    (side * reach * 0.8, drop),
                    (side * 0.02, 0.3),
                ]
            )
            self.sheet.fill(COLLAR, f"collar_{name}", self.x(p, True))

    def wear_collar(self) -> None:
        self.collar(0.52, 0.42)

    def wear_tie(self) -> None:
        self.collar(0.48, 0.4)
        n = self.d.torso * 0.6
        tie = np.array([(-0.09, 0.38), (0.09, 0.38), (0.19, n), (0, n + 0.18), (-0.19, n)])
        tie[2:, 0] += self.pose.sway * 0.1
        self.sheet.fill(COLLAR + 1.1, "tie", self.x(tie, True))
        stripe = np.array([(-0.4, n * 0.75), (0.4, n * 0.62), (0.4, n * 0.75), (-0.4, n * 0.9)])
        if self.d.hem:
            self.sheet.fill(
                COLLAR + 1.15, "tie_stripe", self.x(stripe, True), clip=("tie",), line=0.7
            )
        knot = np.array([(-0.14, 0.22), (0.14, 0.22), (0.09, 0.42), (-0.09, 0.42)])
        self.sheet.fill(COLLAR + 1.2, "tie_knot", self.x(knot, True))

    def wear_bow(self) -> None:
        self.collar(0.46, 0.34)
        for side, name in SIDES:
            loop = smooth(
                [
                    (0, 0.34),
                    (side * 0.25, 0.12),
                    (side * 0.5, 0.16),
                    (side * 0.48, 0.56),
                    (side * 0.25, 0.5),
                ]
            )
            end = np.array([(0, 0.36), (side * 0.3, 0.85), (side * 0.1, 0.9)])
            self.sheet.fill(COLLAR + 1, f"ribbon_end_{name}", self.x(end, True))
            self.sheet.fill(COLLAR + 1.1, f"ribbon_{name}", self.x(loop, True))
        self.sheet.fill(COLLAR + 1.2, "tie_knot", self.x(ellipse(0, 0.34, 0.12, 0.12), True))

    def wear_scarf(self) -> None:
        s = self.d.ornament_side
        n = 0.6 + 0.5 * self.d.torso
        end = tube(
            [(s * 0.2, 0.15), (s * 0.3, n * 0.5), (s * (0.35 + 0.2 * self.pose.sway), n)],
            (0.15, 0.17, 0.2),
        )
        self.sheet.fill(COLLAR + 3, "scarf_end", end)
        fringe = tube(
            [
                (s * (0.34 + 0.17 * self.pose.sway), n * 0.86),
                (s * (0.35 + 0.2 * self.pose.sway), n * 1.01),
            ],
            (0.2, 0.21),
        )
        self.sheet.fill(COLLAR + 3.1, "scarf_band", fringe)
        wrap = tube(
            [(-0.5, -0.12), (-0.25, 0.12), (0.25, 0.12), (0.5, -0.12)], (0.17, 0.2, 0.2, 0.17)
        )
        self.sheet.fill(COLLAR + 3.2, "scarf", wrap)
        self.sheet.ink(COLLAR + 3.3, np.array([(-0.25, 0.06), (0.0, 0.14), (0.2, 0.12)]), line=0.6)

    def wear_sailor(self) -> None:
        d = self.d
        for side, name in SIDES:
            flap = smooth(
                [
                    (side * 0.28, -0.1),
                    (side * d.shoulders * 0.75, 0.1),
                    (side * d.shoulders * 0.8, 0.42),
                    (side * 0.12, d.torso * 0.42),
                    (side * 0.02, d.torso * 0.4),
                ],
                samples=4,
            )
            self.sheet.fill(COLLAR, f"collar_{name}", self.x(flap, True))
            trim = np.array(
                [
                    (side * d.shoulders * 0.66, 0.1),
                    (side * d.shoulders * 0.62, 0.36),
                    (side * 0.12, d.torso * 0.34),
                ]
            )
            self.sheet.ink(COLLAR + 0.2, self.x(trim, True), line=0.7, clip=(f"collar_{name}",))
            loop = smooth(
                [(0, 0.42 * d.torso), (side * 0.28, 0.36 * d.torso), (side * 0.34, 0.54 * d.torso)],
                samples=5,
            )
            self.sheet.fill(COLLAR + 1.1, f"ribbon_{name}", self.x(loop, True))
        self.sheet.fill(
            COLLAR + 1.2,
            "tie_knot",
            self.x(ellipse(0, 0.42 * d.torso, 0.1, 0.1, 14), True),
            line=0.8,
        )

    def wear_choker(self) -> None:
        band = tube([(-0.36, -0.12), (0, 0.0), (0.36, -0.12)], (0.07, 0.08, 0.07))
        band[:, 0] += self.front * 0.4
        self.sheet.fill(COLLAR, "choker", band, clip=("neck",), line=0.8)
        self.sheet.fill(
            COLLAR + 0.1, "pendant", self.x(ellipse(0, 0.06, 0.09, 0.1, 14), True), line=0.8
        )

    def wear_pendant(self) -> None:
        d = self.d
        cord = smooth(
            [
                (-0.3, 0.0),
                (-0.15, 0.3 * d.torso),
                (0, 0.38 * d.torso),
                (0.15, 0.3 * d.torso),
                (0.3, 0.0),
            ],
            closed=False,
        )
        self.sheet.ink(COLLAR, self.x(cord, True), line=0.9)
        self.sheet.fill(
            COLLAR + 0.1, "pendant", self.x(star(0, 0.42 * d.torso, 0.2, 4, 0.6), True), line=0.8
        )

    def wear_turtle(self) -> None:
        band = tube([(-0.38, -0.08), (0, 0.06), (0.38, -0.08)], (0.16, 0.17, 0.16))
        band[:, 0] += self.front * 0.4
        self.sheet.fill(COLLAR, "turtle", band)
