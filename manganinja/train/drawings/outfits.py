# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""Outfits: what goes over the plain clothes of torso and hips."""

from __future__ import annotations

import numpy as np

from .frame import BOTTOM, COLLAR, SIDES, TORSO, BodyFrame
from .geometry import ellipse, heart, mirrored, scalloped, smooth, tube


class Outfit(BodyFrame):
    """Kimono, armour, apron, hoodie or uniform, by the design's top."""

    def build(self) -> None:
        """Add the outfit, if the design has one."""
        getattr(self, f"wear_{self.d.top}", lambda: None)()

    def wear_kimono(self) -> None:
        """Crossed collars and a sash with a knot."""
        d, sheet = self.d, self.sheet
        w, top, low = max(d.waist, d.hips * 0.8) * 1.08, d.torso * 0.52, d.torso * 0.8
        for s, name in () if self.pose.back else SIDES[::-1]:
            line = [(s * 0.34, -0.08), (s * 0.3, 0.18), (-s * 0.12, top), (-s * 0.2, top + 0.2)]
            sheet.fill(31 + (s < 0), f"collar_{name}", self.x(tube(line, (0.1, 0.12, 0.12)), True))
        band = [(-w, top), (0, top + 0.04), (w, top), (w, low), (0, low + 0.06), (-w, low)]
        sheet.fill(33, "obi", self.x(band))
        middle = (top + low) / 2
        cord = tube([(-w, middle), (0, middle + 0.05), (w, middle)], (0.05,))
        sheet.fill(33.1, "obi_band", self.x(cord), line=0.7, clip=("obi",))
        if self.pose.back:
            for s in (-1, 1):
                loop = [(0, top + 0.1), (s * 0.55, top - 0.2), (s * 0.65, low), (0, low - 0.1)]
                sheet.fill(33.4, "obi_knot", self.x(smooth(loop)))
        else:
            knot = ellipse(0, middle + 0.04, 0.13, 0.12, 14)
            sheet.fill(33.4, "obi_knot", self.x(knot, True), line=0.8)

    def wear_armour(self) -> None:
        """A breastplate with trim, plates on the shoulders."""
        d, sheet = self.d, self.sheet
        half = [
            (0.0, 0.2),
            (d.shoulders * 0.55, 0.12),
            (d.shoulders * 0.92, 0.42),
            (d.waist * 1.08, d.torso * 0.62),
            (d.waist * 0.8, d.torso * 0.78),
            (0.0, d.torso * 0.86),
        ]
        sheet.fill(30, "plate", self.x(smooth(mirrored(half), samples=5)), shade=0.14)
        line = [(-2, d.torso * 0.58), (0, d.torso * 0.7), (2, d.torso * 0.58)]
        sheet.fill(30.2, "plate_trim", self.x(tube(line, (0.07, 0.09, 0.07))), clip=("plate",))
        middle = np.array([(0, 0.2), (0.03, d.torso * 0.4), (0, d.torso * 0.66)])
        sheet.ink(30.3, self.x(middle, not self.pose.back), line=0.8, clip=("plate",))
        for side, name in SIDES:
            x = side * d.shoulders * 0.98
            dome = smooth(
                [
                    (x - side * 0.42, 0.2),
                    (x - side * 0.1, -0.12),
                    (x + side * 0.35, 0.1),
                    (x + side * 0.42, 0.55),
                    (x, 0.5),
                ]
            )
            sheet.fill(46, f"pauldron_{name}", self.x(dome))
            rim = tube([(x - side * 0.36, 0.28), (x, 0.5), (x + side * 0.42, 0.52)], (0.06, 0.07))
            sheet.fill(46.1, f"trim_{name}", self.x(rim), line=0.8)

    def wear_apron(self) -> None:
        """A bib and an apron with a frill over a dress."""
        d, sheet = self.d, self.sheet
        if self.pose.back:
            for s in (-1, 1):
                y = d.torso * 0.7
                loop = smooth([(0, y), (s * 0.4, y - 0.2), (s * 0.5, y + 0.15), (0, y + 0.05)])
                sheet.fill(33.5, "apron", self.x(loop))
            return
        low = d.torso + d.legs * (0.1 + 0.55 * d.bottom_length)
        wide = d.hips * 0.85
        hem = np.stack([np.linspace(wide, -wide, 9), np.full(9, low)], axis=1)
        hem[:, 1] += 0.12 * np.sqrt(np.maximum(0, 1 - (hem[:, 0] / wide) ** 2))
        sides = np.array([(-d.waist * 0.9, d.torso * 0.7), (d.waist * 0.9, d.torso * 0.7)])
        frill = np.concatenate([sides, scalloped(hem + (0, 0.12), 0.0, 0.3)])
        sheet.fill(29, "apron_frill", self.x(frill, True))
        sheet.fill(29.1, "apron", self.x(np.concatenate([sides, hem]), True), shade=0.06)
        bib = [
            (-0.3, 0.25 * d.torso),
            (0.3, 0.25 * d.torso),
            (d.waist * 0.7, d.torso * 0.74),
            (-d.waist * 0.7, d.torso * 0.74),
        ]
        sheet.fill(29.2, "apron", self.x(bib, True), shade=0.06)
        if d.emblem == "heart":
            sheet.fill(29.3, "emblem", self.x(heart(0, 0.48 * d.torso, 0.18), True), line=0.7)
        for side, name in SIDES:
            strap = [(side * 0.55, 0.08), (side * 0.42, 0.2), (side * 0.25, 0.3 * d.torso)]
            sheet.fill(29.4, f"strap_{name}", self.x(tube(strap, (0.1, 0.12, 0.1)), True))

    def wear_hoodie(self) -> None:
        """A hood around the neck, a pouch, strings."""
        d, sheet = self.d, self.sheet
        ring = smooth(
            [(-0.75, -0.12), (0, -0.3), (0.75, -0.12), (0.55, 0.28), (0, 0.42), (-0.55, 0.28)]
        )
        sheet.fill(25 if not self.pose.back else 47, "hood", self.x(ring, True))
        if self.pose.back:
            return
        for side, name in SIDES:
            rim = [(side * 0.72, -0.2), (side * 0.5, 0.16), (side * 0.04, 0.38)]
            sheet.fill(COLLAR + 2, "hood", self.x(tube(rim, (0.14, 0.17, 0.1)), True))
            cord = [(side * 0.2, 0.3), (side * 0.23, 0.6), (side * 0.22, 0.48 * d.torso)]
            sheet.fill(COLLAR + 2.1, f"string_{name}", self.x(tube(cord, (0.035,)), True), line=0.7)
        y, w = d.torso * 0.58, d.waist * 0.6
        pouch = [(-w * 0.7, y), (w * 0.7, y), (w, y + 0.25 * d.torso), (-w, y + 0.25 * d.torso)]
        sheet.fill(31, "pouch", self.x(pouch, True))

    def wear_uniform(self) -> None:
        """Two rows of buttons, a trim down the middle, plates on the shoulders."""
        d, sheet = self.d, self.sheet
        for side, name in SIDES:
            x = side * d.shoulders * 0.7
            plate = [(x - 0.28, 0.08), (x + 0.28, 0.12), (x + 0.3, 0.28), (x - 0.26, 0.24)]
            sheet.fill(45, f"epaulette_{name}", self.x(plate), line=0.9)
            if self.pose.back:
                continue
            edge = [(side * 0.42, 0.2), (side * 0.38, d.torso * 0.5), (side * 0.3, d.torso * 0.8)]
            sheet.fill(31, f"trim_{name}", self.x(tube(edge, (0.05, 0.05)), True), line=0.7)
            for k in range(4):
                button = ellipse(side * 0.2, d.torso * (0.28 + 0.13 * k), 0.065, 0.065, 12)
                sheet.fill(32, f"button_{k + 1}", self.x(button, True), line=0.6, shade=0)

    def wear_swimsuit(self) -> None:
        """Legs of a swimsuit, and a trim along its neckline."""
        d, sheet = self.d, self.sheet
        sheet.fill(BOTTOM - 0.2, "leg_l", self.x(smooth(mirrored(self.torso_half(0.02)))), shade=0)
        half = [
            (0.0, d.torso * 0.7),
            (d.hips * 1.02, d.torso * 0.8),
            (d.hips * 0.95, d.torso * 0.98),
            (0.14, d.torso + 0.16),
            (0.0, d.torso + 0.18),
        ]
        sheet.fill(BOTTOM, "hips", self.x(smooth(mirrored(half), samples=4)))
        for side, name in SIDES:
            line = [(side * 0.5, 0.05), (side * 0.38, 0.35), (0.0, 0.5)]
            trim = self.x(tube(line, (0.06, 0.07)), True)
            sheet.fill(TORSO + 0.9, f"trim_{name}", trim, line=0.7, clip=("torso",))
