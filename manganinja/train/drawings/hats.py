# SPDX-License-Identifier: GPL-3.0-or-later

"""Hats."""

from __future__ import annotations

import numpy as np

from .frame import HAT, SIDES, HeadFrame
from .geometry import ellipse, mirrored, smooth, star, tube
from .patterns import lay, motifs


class Hats(HeadFrame):
    """What is worn on the hair."""

    def build(self) -> None:
        """Add the design's hat, if any."""
        getattr(self, f"hat_{self.d.hat}", lambda: None)()
        if self.d.pattern_hat != "none" and self.d.hat not in ("none", "band", "phones", "crown"):
            box = (-1.2, -2.6, 1.2, -0.4)
            cloth = [
                (1, self.turned(points, 0.4))
                for _, points in motifs(self.d.pattern_hat, box, 0.42 * self.d.pattern_size)
            ]
            lay(self.sheet, HAT + 0.2, "pattern_hat", ("hat",), cloth)

    def hat_cap(self) -> None:
        dome = smooth(
            [
                (-1.17, -0.5),
                (-1.08, -1.0),
                (-0.6, -1.42),
                (0, -1.52),
                (0.6, -1.42),
                (1.08, -1.0),
                (1.17, -0.5),
                (0.6, -0.68),
                (0, -0.74),
                (-0.6, -0.68),
            ]
        )
        self.sheet.fill(HAT, "hat", dome)
        brim = self.turned(
            smooth(
                [(-0.95, -0.6), (0, -0.82), (0.95, -0.6), (0.75, -0.35), (0, -0.28), (-0.75, -0.35)]
            ),
            0.5,
        )
        seam = smooth([(0, -1.5), (self.sin * 0.4, -1.15), (self.sin * 0.5, -0.75)], closed=False)
        self.sheet.ink(HAT + 0.5, seam, line=0.6)
        self.sheet.fill(HAT + 0.6, "hat_badge", self.turned(ellipse(0, -1.02, 0.2, 0.2), 0.45))
        self.sheet.fill(HAT + 1, "brim", brim)

    def hat_witch(self) -> None:
        s = self.d.ornament_side
        cone = smooth(
            [
                (-0.95, -0.8),
                (-0.6, -1.5),
                (-0.25 + 0.1 * s, -2.2),
                (0.35 * s, -2.75),
                (0.25 + 0.1 * s, -2.1),
                (0.6, -1.5),
                (0.95, -0.8),
            ]
        )
        self.sheet.fill(HAT, "hat", cone)
        band = tube([(-1.0, -0.98), (0, -0.84), (1.0, -0.98)], (0.14, 0.14))
        self.sheet.fill(HAT + 0.5, "hat_band", band, clip=("hat",))
        self.sheet.fill(
            HAT + 1,
            "brim",
            smooth([(-1.85, -0.6), (0, -0.95), (1.85, -0.6), (0, -0.42)], samples=12),
        )
        self.sheet.fill(HAT + 1.2, "hat_badge", self.turned(star(0, -0.98, 0.22), 0.5))

    def hat_beanie(self) -> None:
        dome = smooth(
            [
                (-1.16, -0.55),
                (-1.1, -1.05),
                (-0.6, -1.5),
                (0, -1.62),
                (0.6, -1.5),
                (1.1, -1.05),
                (1.16, -0.55),
            ]
        )
        self.sheet.fill(HAT, "hat", dome)
        self.sheet.fill(HAT - 0.5, "hat_badge", ellipse(0, -1.72, 0.27, 0.25))
        band = tube(
            [(-1.14, -0.55), (-0.6, -0.72), (0, -0.78), (0.6, -0.72), (1.14, -0.55)],
            (0.16, 0.17, 0.16),
        )
        self.sheet.fill(HAT + 0.5, "hat_band", band)
        for k in np.linspace(-0.9, 0.9, 7):
            self.sheet.ink(
                HAT + 0.6,
                np.array([(k, -0.86 + 0.1 * k * k), (k, -0.7), (k, -0.6)]),
                line=0.5,
                clip=("hat_band",),
            )

    def hat_beret(self) -> None:
        s = self.d.ornament_side
        dome = smooth(
            [
                (-1.05, -0.72),
                (-1.3 - 0.15 * s, -1.15),
                (-0.5, -1.6),
                (0.4, -1.62),
                (1.3 - 0.15 * s, -1.2),
                (1.05, -0.72),
                (0, -0.92),
            ]
        )
        self.sheet.fill(HAT, "hat", dome)
        self.sheet.fill(HAT - 0.5, "hat_badge", ellipse(0.05, -1.65, 0.09, 0.12))
        self.sheet.fill(
            HAT + 0.5,
            "hat_band",
            tube([(-1.07, -0.68), (0, -0.93), (1.07, -0.68)], (0.08, 0.09, 0.08)),
        )

    def hat_crown(self) -> None:
        edge = np.array(
            [
                (-0.62, -1.12),
                (-0.78, -1.72),
                (-0.4, -1.42),
                (0, -1.85),
                (0.4, -1.42),
                (0.78, -1.72),
                (0.62, -1.12),
                (0.0, -1.0),
            ]
        )
        self.sheet.fill(HAT, "hat", self.turned(edge, 0.15))
        for k, name in ((-0.35, "hat_band"), (0.0, "hat_badge"), (0.35, "hat_band")):
            self.sheet.fill(
                HAT + 0.5, name, self.turned(ellipse(k, -1.23, 0.1, 0.1), 0.15), line=0.6
            )

    def hat_sunhat(self) -> None:
        self.sheet.fill(
            HAT - 71.5,
            "brim",
            smooth(
                [
                    (-1.95, -0.45),
                    (-0.9, -1.1),
                    (0.9, -1.1),
                    (1.95, -0.45),
                    (0.9, -0.1),
                    (-0.9, -0.1),
                ]
            ),
        )
        dome = smooth(
            [
                (-1.14, -0.55),
                (-1.0, -1.2),
                (-0.5, -1.6),
                (0.5, -1.6),
                (1.0, -1.2),
                (1.14, -0.55),
                (0, -0.8),
            ]
        )
        self.sheet.fill(HAT, "hat", dome)
        self.sheet.fill(
            HAT + 0.3,
            "hat_band",
            tube([(-1.15, -0.75), (0, -0.98), (1.15, -0.75)], (0.13, 0.14, 0.13)),
            clip=("hat",),
        )
        front = smooth(
            [
                (-1.9, -0.45),
                (-0.9, -0.72),
                (0, -0.82),
                (0.9, -0.72),
                (1.9, -0.45),
                (0.9, -0.5),
                (0, -0.56),
                (-0.9, -0.5),
            ]
        )
        self.sheet.fill(HAT + 0.5, "brim", front)

    def hat_band(self) -> None:
        line = [(-1.14, -0.5), (-0.85, -0.95), (0, -1.2), (0.85, -0.95), (1.14, -0.5)]
        self.sheet.fill(HAT, "hat_band", tube(line, (0.1, 0.13, 0.1)))

    def hat_phones(self) -> None:
        line = [(-1.12, 0.0), (-1.18, -0.8), (0, -1.5), (1.18, -0.8), (1.12, 0.0)]
        self.sheet.fill(HAT, "hat_band", tube(line, (0.08, 0.1, 0.08)))
        for side, name in SIDES:
            x = side * 1.15 - self.sin * 0.12
            self.sheet.fill(HAT + 1, f"phone_{name}", ellipse(x, 0.12, 0.24, 0.36))
            self.sheet.fill(
                HAT + 1.1, f"phone_in_{name}", ellipse(x + side * 0.04, 0.12, 0.13, 0.22), line=0.7
            )

    def hat_hood(self) -> None:
        half = [(0.0, -1.6), (0.85, -1.3), (1.4, -0.5), (1.42, 0.4), (1.15, 1.15), (0.0, 1.35)]
        self.sheet.fill(12, "hat", smooth(mirrored(half)), shade=0.05)
        band = tube(
            [
                (-1.16, 0.45),
                (-1.2, -0.4),
                (-0.8, -1.1),
                (0, -1.4),
                (0.8, -1.1),
                (1.2, -0.4),
                (1.16, 0.45),
            ],
            (0.14, 0.16, 0.14),
        )
        self.sheet.fill(HAT, "brim", band)

    def hat_helmet(self) -> None:
        dome = smooth(
            [
                (-1.2, 0.1),
                (-1.25, -0.7),
                (-0.7, -1.42),
                (0, -1.56),
                (0.7, -1.42),
                (1.25, -0.7),
                (1.2, 0.1),
                (0.9, -0.4),
                (0, -0.62),
                (-0.9, -0.4),
            ]
        )
        self.sheet.fill(HAT, "hat", dome)
        crest = self.turned(
            smooth([(-0.16, -0.58), (-0.2, -1.4), (0, -1.75), (0.2, -1.4), (0.16, -0.58)]), 0.4
        )
        self.sheet.fill(HAT + 0.5, "hat_band", crest)
        for side, name in SIDES:
            self.sheet.fill(
                HAT + 0.6, f"phone_{name}", ellipse(side * 1.1 - self.sin * 0.1, -0.35, 0.15, 0.15)
            )
