# SPDX-License-Identifier: GPL-3.0-or-later

"""Clothes of torso and hips."""

from __future__ import annotations

import numpy as np

from .canvas import SHADOW
from .frame import BOTTOM, SIDES, TORSO, BodyFrame
from .geometry import Points, band, ellipse, heart, mirrored, scalloped, smooth, star, tube
from .patterns import Box, lay, motifs

_OVER_EMBLEM = ("tie", "bow", "sailor", "scarf")


class Clothes(BodyFrame):
    """What covers torso and hips."""

    def build(self) -> None:
        """Add the clothes; from behind without what is on the front."""
        self.bottom()
        self.torso()
        self.patterns()
        if not self.pose.back:
            self.front_of_torso()
        if self.d.belt and self.d.top != "kimono":
            self.belt()

    def patterns(self) -> None:
        """Patterns of top and bottom, above all that is of the same cloth."""
        d, pitch = self.d, 0.5 * self.d.pattern_size
        wide = max(d.shoulders, d.waist, d.hips) * 1.1
        front = not self.pose.back

        def cover(part: str, kind: str, hosts: tuple[str, ...], box: Box, order: float) -> None:
            cloth = [(layer, self.x(points, front)) for layer, points in motifs(kind, box, pitch)]
            lay(self.sheet, order, part, hosts, cloth)

        if d.pattern_top != "none":
            box = (-wide, 0.05, wide, d.torso)
            cover("pattern_top", d.pattern_top, ("torso", "tank"), box, TORSO + 0.35)
        # A dress has one pattern, unless its skirt has its own.
        kind = d.pattern_bottom
        if kind == "none" and self.one_piece and self.d.stripes == 0:
            kind = d.pattern_top
        if kind != "none":
            skirt = d.bottom in ("skirt", "pleated", "frill")
            low = d.torso + (d.legs * 0.8 if skirt else 0.3)
            wide = d.hips * 1.9 if skirt else wide
            low = min(low, d.torso * 0.7 + pitch * 6)
            box = (-wide, d.torso * 0.7, wide, low)
            cover("pattern_bottom", kind, ("skirt", "hips"), box, BOTTOM + 0.15)

    def bottom(self) -> None:
        d, sheet = self.d, self.sheet
        if d.bottom == "brief":
            return
        if d.bottom in ("trousers", "shorts", "wide"):
            half = [
                (0.0, d.torso * 0.78),
                (d.waist, d.torso * 0.78),
                (d.hips * 1.06, d.torso * 0.95),
                (d.hips * 1.0, d.torso + 0.1),
                (0.0, d.torso + 0.22),
            ]
            sheet.fill(BOTTOM, "hips", self.x(smooth(mirrored(half))))
            sheet.ink(
                BOTTOM + 0.1,
                self.x([(0, d.torso * 0.85), (0.02, d.torso), (0, d.torso + 0.15)], True),
                line=0.7,
                clip=("hips",),
            )
            return
        low = d.torso + d.legs * (0.12 + 0.75 * d.bottom_length)
        flare = 1.25 + 0.7 * d.bottom_length
        if d.bottom == "frill":
            under = self.skirt_outline(low + 0.16, flare * 1.05)
            sheet.fill(BOTTOM - 0.5, "frill", under)
        outline = self.skirt_outline(low, flare)
        sheet.fill(BOTTOM, "skirt", outline, shade=0.1)
        w = d.hips * flare * self.narrow + 0.25
        sway = self.pose.sway * 0.18
        for k in range(d.hem):
            y = low - 0.12 - 0.2 * k
            t = np.linspace(-w * 1.3, w * 1.3, 9)
            arc = np.stack([t, y + 0.12 * (1 - (t / (w * 1.3)) ** 2)], axis=1)
            sheet.fill(
                BOTTOM + 0.2, f"hem_{k + 1}", band(arc, (0.06, 0.06)), line=0.7, clip=("skirt",)
            )
        count = 7 if d.bottom == "pleated" else 3
        top = d.torso * 0.8
        for k in np.linspace(-0.75, 0.75, count):
            a = top + (low - top) * (0.12 if d.bottom == "pleated" else 0.45)
            pleat = np.array(
                [
                    (k * d.waist * 1.1, a),
                    (k * w * 0.75, (a + low) / 2),
                    (k * w * 0.97 + sway, low + 0.1),
                ]
            )
            sheet.ink(
                BOTTOM + 0.4,
                smooth(pleat, closed=False),
                line=0.6,
                clip=("skirt", "hem_1", "hem_2"),
            )

    def skirt_outline(self, low: float, flare: float) -> Points:
        d, sway = self.d, self.pose.sway * 0.18
        top = d.torso * 0.68 if self.one_piece else d.torso * 0.8
        w0 = d.waist * (1.0 if self.one_piece else 1.05) * self.narrow + 0.02
        w1 = d.hips * flare * self.narrow + 0.25
        n = 9
        x = np.linspace(w1, -w1, n)
        hem = np.stack([x + sway, low + 0.12 * np.sqrt(np.maximum(0, 1 - (x / w1) ** 2))], axis=1)
        edge = scalloped(hem, 0.0, 0.16 if d.bottom == "frill" else 0.04)
        right = smooth(
            [(w0, top), (w0 + (w1 - w0) * 0.55, top + (low - top) * 0.4), (w1 + sway, low)],
            closed=False,
        )
        left = smooth(
            [(-w1 + sway, low), (-w0 - (w1 - w0) * 0.55, top + (low - top) * 0.4), (-w0, top)],
            closed=False,
        )
        return np.concatenate([right, edge[1:-1], left])

    def torso(self) -> None:
        d, sheet = self.d, self.sheet
        low = d.torso * (0.72 if self.one_piece else 0.86 if d.top == "tank" else 0.9)
        tucked = self.one_piece or d.top in ("tank", "overall", "swimsuit")
        order = TORSO if tucked or d.ornament_side > 0 else BOTTOM - 1
        sheet.fill(order, "torso", self.x(smooth(mirrored(self.torso_half(0.0, low)))), shade=0.1)
        sheet.tone(
            order + 0.1,
            np.array([(-0.6, -0.3), (0.6, -0.3), (0.45, 0.22), (-0.45, 0.22)]),
            ("torso",),
            SHADOW,
        )
        if d.top == "tank":
            half = [
                (0.0, 0.28),
                (d.shoulders * 0.5, 0.2),
                (d.shoulders * 0.72, 0.1),
                (d.shoulders * 0.72, 0.4),
                (d.shoulders * 1.2, 0.62),
                (d.shoulders * 1.2, d.torso),
                (0, d.torso),
            ]
            sheet.fill(
                order + 0.2, "tank", self.x(smooth(mirrored(half), samples=4)), clip=("torso",)
            )
        for k in range(d.stripes):
            y = d.torso * (0.3 + 0.17 * k)
            bar = np.array([(-2, y), (2, y), (2, y + 0.13), (-2, y + 0.13)])
            host = "tank" if d.top == "tank" else "torso"
            sheet.fill(order + 0.3, f"stripe_{k + 1}", bar, line=0.7, clip=(host,))
        for side in (-1, 1):
            fold = self.x(
                [
                    (side * d.waist * 0.9, d.torso * 0.6),
                    (side * d.waist * 0.6, d.torso * 0.65),
                    (side * d.waist * 0.4, d.torso * 0.64),
                ]
            )
            sheet.ink(order + 0.5, fold, line=0.6)
        if d.top == "overall" and not self.pose.back:
            self.overall(order + 0.6)

    def overall(self, order: float) -> None:
        d = self.d
        bib = np.array(
            [
                (-0.42, 0.42 * d.torso),
                (0.42, 0.42 * d.torso),
                (d.waist * 1.1, d.torso * 0.95),
                (-d.waist * 1.1, d.torso * 0.95),
            ]
        )
        for side, name in SIDES:
            strap = self.x(
                [
                    (side * 0.5, 0.02),
                    (side * 0.62, 0.1),
                    (side * 0.4, 0.5 * d.torso),
                    (side * 0.27, 0.5 * d.torso),
                ],
                True,
            )
            self.sheet.fill(
                order, f"strap_{name}", strap, clip=("torso", "stripe_1", "stripe_2", "stripe_3")
            )
        self.sheet.fill(order + 0.1, "bib", self.x(bib, True))
        for side in (-1, 1):
            self.sheet.fill(
                order + 0.2,
                "button_1",
                self.x(ellipse(side * 0.33, 0.47 * d.torso, 0.06, 0.06, 12), True),
                line=0.6,
            )

    @property
    def bare_front(self) -> bool:
        """Whether no outfit covers the chest."""
        return self.d.top not in ("kimono", "armour", "apron", "hoodie", "uniform")

    def front_of_torso(self) -> None:
        d, sheet = self.d, self.sheet
        if d.top in ("jacket", "coat", "robe"):
            self.jacket()
        elif self.bare_front and d.emblem != "none" and d.neckwear not in _OVER_EMBLEM:
            self.emblem()
        if d.top in ("shirt", "dress", "tank") and d.emblem == "none":
            for k in range(d.buttons):
                y = d.torso * (0.22 + 0.15 * k)
                sheet.fill(
                    32,
                    f"button_{k + 1}",
                    self.x(ellipse(0, y, 0.065, 0.065, 12), True),
                    line=0.6,
                    shade=0,
                )
        if d.pockets and self.bare_front:
            for side, name in SIDES:
                x, y = side * d.waist * 0.6, d.torso * 0.3
                pocket = np.array(
                    [
                        (x - 0.16, y),
                        (x + 0.16, y),
                        (x + 0.16, y + 0.24),
                        (x, y + 0.3),
                        (x - 0.16, y + 0.24),
                    ]
                )
                sheet.fill(31.5, f"pocket_{name}", self.x(pocket, True), line=0.8)
        if d.bag:
            s = d.ornament_side
            strap = tube(
                [(-s * d.shoulders * 0.7, 0.08), (0, d.torso * 0.5), (s * d.hips, d.torso * 0.95)],
                (0.08, 0.08),
                6,
            )
            sheet.fill(33.5, "bag_strap", self.x(strap))
            x, y = s * (d.hips + 0.15) * self.narrow, d.torso + 0.12
            bag = smooth(
                [
                    (x - 0.35, y - 0.25),
                    (x + 0.35, y - 0.25),
                    (x + 0.4, y + 0.3),
                    (x - 0.4, y + 0.3),
                ],
                samples=5,
            )
            sheet.fill(39, "bag", bag)
            sheet.fill(39.1, "bag_flap", np.minimum(bag, [9, y + 0.02]), line=0.9)

    def belt(self) -> None:
        d, sheet = self.d, self.sheet
        y = d.torso * (0.7 if self.one_piece else 0.8)
        w = max(d.waist, d.hips * 0.9) * 1.08
        belt = self.x(tube([(-w, y - 0.03), (0, y + 0.05), (w, y - 0.03)], (0.09, 0.1, 0.09), 5))
        sheet.fill(33, "belt", belt)
        if self.pose.back:
            return
        buckle = np.array(
            [(-0.14, y - 0.11), (0.14, y - 0.11), (0.14, y + 0.15), (-0.14, y + 0.15)]
        )
        sheet.fill(33.1, "buckle", self.x(buckle, True), line=0.8)

    def emblem(self) -> None:
        d, y = self.d, self.d.torso * 0.42
        shape = {
            "heart": lambda: heart(0, y, 0.26),
            "star": lambda: star(0, y, 0.32),
            "disc": lambda: ellipse(0, y, 0.26, 0.26),
            "diamond": lambda: star(0, y, 0.32, 2, 0.7),
            "cross": lambda: star(0, y, 0.33, 4, 0.35),
        }[d.emblem]()
        self.sheet.fill(32, "emblem", self.x(shape, True), line=0.8)

    def jacket(self) -> None:
        d, sheet = self.d, self.sheet
        low = {
            "jacket": d.torso * 0.88,
            "coat": d.torso + d.legs * 0.4,
            "robe": d.torso + d.legs * 0.75,
        }[d.top]
        flare = 1.12 if d.top == "jacket" else 1.45
        gap = 0.3 if d.top == "jacket" else 0.16
        for side, name in SIDES:
            panel = smooth(
                [
                    (side * 0.22, 0.02),
                    (side * d.shoulders * 0.72, 0.09),
                    (side * (d.shoulders + 0.03), 0.3),
                    (side * (d.shoulders * 0.92 + 0.04), d.torso * 0.36),
                    (side * (d.waist + 0.08), d.torso * 0.66),
                    (side * d.hips * flare, low),
                    (side * (gap + 0.08), low + 0.05),
                    (side * gap, d.torso * 0.5),
                ]
            )
            panel = self.x(panel)
            panel[:, 0] += self.front * 0.6
            sheet.fill(30 + (0.01 if side > 0 else 0), f"jacket_{name}", panel, shade=0.1)
            lapel = smooth(
                [
                    (side * 0.2, 0.0),
                    (side * 0.5, 0.12),
                    (side * 0.42, d.torso * 0.22),
                    (side * (gap - 0.02), d.torso * 0.48),
                    (side * 0.18, 0.2),
                ],
                samples=4,
            )
            sheet.fill(31, f"lapel_{name}", self.x(lapel, True))
        if d.top != "jacket":
            for k in range(d.buttons):
                y = d.torso * (0.5 + 0.15 * k)
                sheet.fill(
                    32,
                    f"button_{k + 1}",
                    self.x(ellipse(gap + 0.12, y, 0.065, 0.065, 12), True),
                    line=0.6,
                    shade=0,
                )
