# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""Everything below the head. Unit: half the face's width; the neck's base is at (0, 0)."""

from __future__ import annotations

import numpy as np

from .canvas import SHADOW, Sheet
from .design import Design, Pose
from .geometry import (
    Points,
    band,
    ellipse,
    heart,
    mirrored,
    rotate,
    scalloped,
    smooth,
    star,
    tube,
)

SIDES = ((-1, "l"), (1, "r"))
LEG, BOTTOM, TORSO, COLLAR, ARM, HELD = 16.0, 22.0, 26.0, 34.0, 40.0, 90.0


def _span(line: Points, start: float, end: float) -> Points:
    """Part of a polyline from a fraction to a fraction of its length (by sample)."""
    last = len(line) - 1
    a = round(start * last)
    b = max(round(end * last), a + 2)
    return line[a : b + 1]


def _rounded(line: Points, widths: tuple[float, ...], w: float) -> tuple[Points, np.ndarray]:
    """Lengthen a limb beyond its start by a round shoulder."""
    step = line[1] - line[0]
    step = step / max(float(np.hypot(*step)), 1e-6) * w
    back = line[0] - np.outer([0.8, 0.72, 0.5, 0.25], step)
    half = np.interp(np.linspace(0, len(widths) - 1, len(line)), np.arange(len(widths)), widths)
    round_end = half[0] * np.array([0.2, 0.6, 0.87, 0.97])
    return np.concatenate([back, line]), np.concatenate([round_end, half])


class _Body:
    def __init__(self, sheet: Sheet, design: Design, pose: Pose):
        self.sheet, self.d, self.pose = sheet, design, pose
        self.narrow = float(np.cos(pose.turn * 0.7))
        self.front = float(np.sin(pose.turn)) * 0.3 * design.shoulders
        self.long_top = design.top in ("coat", "robe")

    def x(self, points: Points | list[tuple[float, float]], front: bool = False) -> Points:
        """Narrow points by the turn; those on the front also slide to where the body looks."""
        p = np.array(points, dtype=np.float64)
        p[:, 0] = p[:, 0] * self.narrow + (self.front if front else 0.0)
        return p

    def build(self) -> None:
        self.behind()
        self.legs()
        self.bottom()
        self.torso()
        self.front_of_torso()
        self.neck()
        self.neckwear()
        for index, (side, name) in enumerate(SIDES):
            self.arm(index, side, name)

    # ---- behind

    def behind(self) -> None:
        d, sheet = self.d, self.sheet
        sway = self.pose.sway
        if d.cape:
            low = d.torso + d.legs * 0.6
            half = [
                (0.0, 0.0),
                (d.shoulders * 0.9, 0.1),
                (d.shoulders * 1.35, d.torso),
                (d.shoulders * 1.7, low),
                (0.0, low + 0.12),
            ]
            cape = smooth(mirrored(half)) + (0.0, 0.0)
            cape[:, 0] += sway * 0.3 * np.clip(cape[:, 1] / low, 0, 1)
            sheet.fill(2, "cape", cape, shade=0.06)
            sheet.fill(38, "cape_clasp", self.x(ellipse(0, 0.16, 0.13, 0.13), True))
        if d.wings != "none":
            for side, name in SIDES:
                sheet.fill(1, f"wing_{name}", self.wing(side))
                for k in (0.8, 1.2, 1.6):
                    rib = np.array([(0.3, 0.5), (0.5 + k * 0.5, 0.1), (0.6 + k, 0.4)]) * (side, 1)
                    sheet.ink(1.2, smooth(rib, closed=False), line=0.6, clip=(f"wing_{name}",))
        self.animal_tail()

    def wing(self, side: int) -> Points:
        if self.d.wings == "bat":
            top = [(0.2, 0.5), (0.9, -0.7), (2.3, -0.9)]
            edge = scalloped(np.array([(2.3, -0.9), (1.9, 0.2), (1.2, 0.7), (0.25, 1.2)]), 0, -0.2)
        else:
            top = [(0.2, 0.4), (0.7, -0.5), (1.6, -0.9), (2.3, -0.6)]
            edge = scalloped(
                np.array(
                    [(2.3, -0.6), (2.1, 0.05), (1.75, 0.55), (1.3, 0.95), (0.8, 1.15), (0.25, 1.1)]
                ),
                0,
                0.35,
            )
        return np.concatenate([smooth(top, closed=False), edge]) * (side, 1)

    def animal_tail(self) -> None:
        d, kind = self.d, self.d.animal_tail
        if kind == "none":
            return
        s, y = -d.ornament_side, d.torso * 0.95
        w = self.pose.sway * 0.4
        line = smooth(
            [(0, y), (s * 0.9, y + 0.5), (s * (1.5 + w), y + 0.1), (s * (1.6 + w), y - 0.8 - w)],
            closed=False,
        )
        widths = {
            "cat": (0.12, 0.13, 0.13, 0.1),
            "fox": (0.12, 0.32, 0.5, 0.05),
            "devil": (0.08, 0.07, 0.06, 0.05),
        }[kind]
        self.sheet.fill(3, "animal_tail", band(line, widths))
        if kind == "devil":
            self.sheet.fill(3.1, "animal_tip", heart(line[-1][0], line[-1][1], 0.25))
        else:
            self.sheet.fill(
                3.1,
                "animal_tip",
                band(_span(line, 0.72, 1), [w * 1.04 for w in widths[2:]]),
                clip=("animal_tail",),
            )

    # ---- legs

    def legs(self) -> None:
        d = self.d
        hip = d.torso - 0.12
        for index, (side, name) in enumerate(SIDES):
            thigh, shin = self.pose.legs[index]
            knee = d.legs * 0.5
            start = np.array([side * d.hips * 0.5 * self.narrow, hip])
            mid = start + knee * np.array([side * np.sin(thigh), np.cos(thigh)])
            low = mid + knee * np.array([side * np.sin(thigh + shin), np.cos(thigh + shin)])
            line = smooth([start, mid, low], closed=False, samples=14)
            self.leg(side, name, line)

    def leg(self, side: int, name: str, line: Points) -> None:
        d, sheet = self.d, self.sheet
        w = min(d.hips * 0.5, d.limb * 1.6)
        widths = (w, w * 0.92, w * 0.72, w * 0.78, w * 0.5)
        order = LEG + (0.0 if side < 0 else 0.6)
        sheet.fill(order, f"leg_{name}", band(line, widths))

        def along(start: float, end: float, grow: float) -> Points:
            part = np.interp(np.linspace(start, end, 4) * 4, np.arange(5), widths) * grow
            return band(_span(line, start, end), part)

        if d.socks:
            sheet.fill(order + 0.1, f"sock_{name}", along(1 - d.socks, 1.0, 1.03))
            if d.sock_bands:
                top = 1 - d.socks
                sheet.fill(
                    order + 0.2,
                    f"sock_band_{name}",
                    along(top + 0.02, min(top + 0.12, 0.98), 1.08),
                    line=0.8,
                )
        self.shoe(side, name, line, w, order + 0.3)
        if d.bottom in ("trousers", "shorts", "wide"):
            end = 0.42 * d.bottom_length + 0.1 if d.bottom == "shorts" else 0.96
            flare = 1.6 if d.bottom == "wide" else 1.15
            part = np.interp(np.linspace(0, end, 5) * 4, np.arange(5), widths)
            part = part * np.linspace(1.1, flare, 5) + (0.05 if d.bottom == "shorts" else 0.02)
            sheet.fill(order + 0.4, f"trouser_{name}", band(_span(line, 0, end), part))
            if d.hem:
                cuff = band(_span(line, max(end - 0.1, 0), end), [part[-1] * 1.08, part[-1] * 1.1])
                sheet.fill(order + 0.45, f"trouser_cuff_{name}", cuff, line=0.8)
            fold = _span(line, end * 0.45, end * 0.6) + (side * 0.08, 0)
            sheet.ink(order + 0.5, fold, line=0.6)
        elif len(line) > 20:
            sheet.ink(order + 0.05, line[20:24] + (-side * w * 0.2, 0), line=0.5)

    def shoe(self, side: int, name: str, line: Points, w: float, order: float) -> None:
        d, sheet = self.d, self.sheet
        x, y = line[-1]
        out = side * 0.55 + float(np.sin(self.pose.turn)) * 1.2
        out = float(np.clip(out, -1, 1))
        reach = 0.28 + 0.12 * abs(out) + d.limb * 0.5
        foot = smooth(
            [
                (x - w * 0.55, y - 0.08),
                (x + w * 0.55, y - 0.08),
                (x + w * 0.6 + max(out, 0) * reach, y + 0.14),
                (x + w * 0.55 + max(out, 0) * reach, y + 0.3),
                (x - w * 0.55 + min(out, 0) * reach, y + 0.3),
                (x - w * 0.6 + min(out, 0) * reach, y + 0.14),
            ]
        )
        if d.shoes == "bare":
            sheet.fill(order, f"foot_{name}", foot)
            return
        if d.shoes == "boot":
            sheet.fill(
                order, f"boot_{name}", band(_span(line, 0.68, 1.0), (w * 0.98, w * 0.85, w * 0.8))
            )
            sheet.fill(
                order + 0.02,
                f"boot_top_{name}",
                band(_span(line, 0.64, 0.71), (w * 1.05, w * 1.05)),
                line=0.9,
            )
            sheet.fill(order + 0.01, f"shoe_{name}", foot)
            return
        sheet.fill(order, f"shoe_{name}", foot)
        if d.shoes == "sneaker":
            sole = foot.copy()
            sole[:, 1] = np.maximum(sole[:, 1], y + 0.19)
            sheet.fill(order + 0.05, f"sole_{name}", sole, line=0.8)
        elif d.shoes == "strap":
            strap = np.array(
                [(x - w * 0.6, y), (x + w * 0.6, y), (x + w * 0.6, y + 0.1), (x - w * 0.6, y + 0.1)]
            )
            sheet.fill(order + 0.05, f"sole_{name}", strap, line=0.7, clip=(f"shoe_{name}",))

    # ---- bottom

    def skirt_outline(self, low: float, flare: float) -> Points:
        d, sway = self.d, self.pose.sway * 0.18
        top = d.torso * 0.68 if d.top == "dress" else d.torso * 0.8
        w0 = d.waist * (1.0 if d.top == "dress" else 1.05) * self.narrow + 0.02
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

    def bottom(self) -> None:
        d, sheet = self.d, self.sheet
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

    # ---- torso

    def torso_half(self, grow: float = 0.0, low: float | None = None) -> list[tuple[float, float]]:
        d = self.d
        low = d.torso * 0.9 if low is None else low
        return [
            (0.0, 0.0),
            (0.24, 0.02),
            (d.shoulders * 0.72, 0.1),
            (d.shoulders * 0.98 + grow, 0.3),
            (d.shoulders * 0.9 + grow, d.torso * 0.36),
            (d.waist + grow, d.torso * 0.66),
            (max(d.hips, d.waist) * 0.98 + grow, low),
            (d.hips * 0.6, low + 0.07),
            (0.0, low + 0.09),
        ]

    def torso(self) -> None:
        d, sheet = self.d, self.sheet
        low = {"dress": d.torso * 0.72, "tank": d.torso * 0.86}.get(d.top, d.torso * 0.9)
        tucked = d.top in ("dress", "tank", "overall")
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
        if d.top == "overall":
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

    def front_of_torso(self) -> None:
        d, sheet = self.d, self.sheet
        if d.top in ("jacket", "coat", "robe"):
            self.jacket()
        elif d.emblem != "none" and d.neckwear not in ("tie", "bow", "sailor", "scarf"):
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
        if d.belt:
            y = d.torso * (0.7 if d.top == "dress" else 0.8)
            w = max(d.waist, d.hips * 0.9) * 1.08
            belt = self.x(
                tube([(-w, y - 0.03), (0, y + 0.05), (w, y - 0.03)], (0.09, 0.1, 0.09), 5)
            )
            sheet.fill(33, "belt", belt)
            buckle = np.array(
                [(-0.14, y - 0.11), (0.14, y - 0.11), (0.14, y + 0.15), (-0.14, y + 0.15)]
            )
            sheet.fill(33.1, "buckle", self.x(buckle, True), line=0.8)
        if d.pockets:
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

    # ---- neck

    def neck(self) -> None:
        d, top = self.d, -self.d.neck - 0.4
        w = 0.26 + 0.06 * d.shoulders
        cut = 0.14 if d.neckwear in ("turtle", "none", "scarf") else 0.34
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

    # ---- arms

    def arm(self, index: int, side: int, name: str) -> None:
        d = self.d
        upper, fore = self.pose.arms[index]
        start = np.array([side * (d.shoulders * 0.94 - d.limb * 0.45) * self.narrow, 0.34])
        half = d.arm * 0.52
        elbow = start + half * np.array([side * np.sin(upper), np.cos(upper)])
        angle = upper + fore
        wrist = elbow + half * np.array([side * np.sin(angle), np.cos(angle)])
        line = smooth([start, elbow, wrist], closed=False, samples=14)
        order = 6.0 if self.pose.arms_behind[index] else ARM + (0 if side < 0 else 2)
        w = d.limb
        widths = (w * 0.95, w * 0.95, w * 0.78, w * 0.72, w * 0.55)
        self.sheet.fill(order, f"arm_{name}", band(*_rounded(line, widths, w)))
        self.hand(side, name, line, order, widths[-1])
        self.sleeve(side, name, line, order, w)
        if d.prop != "none" and side == d.ornament_side:
            self.prop(line[-1], side, angle)

    def hand(self, side: int, name: str, line: Points, order: float, w: float) -> None:
        d, sheet = self.d, self.sheet
        direction = line[-1] - line[-4]
        angle = float(np.arctan2(direction[1], direction[0])) - np.pi / 2
        r = max(w * 1.25, 0.2)
        palm = smooth(
            [
                (-r * 0.6, -0.05),
                (r * 0.6, -0.05),
                (r * 0.85, r * 0.6),
                (r * 0.7, r * 1.5),
                (0, r * 1.75),
                (-r * 0.7, r * 1.4),
                (-r * 0.8, r * 0.6),
            ],
            samples=5,
        )
        thumb = smooth(
            [
                (-side * r * 0.5, r * 0.1),
                (-side * r * 1.15, r * 0.5),
                (-side * r * 1.1, r * 1.05),
                (-side * r * 0.6, r * 0.9),
            ],
            samples=4,
        )
        part = f"glove_{name}" if d.gloves else f"hand_{name}"
        sheet.fill(order + 0.1, part, rotate(thumb, angle) + line[-1])
        sheet.fill(order + 0.2, part, rotate(palm, angle) + line[-1])
        for k in (-0.3, 0.1, 0.45):
            finger = np.array([(k * r, r * 0.95), (k * r, r * 1.2), (k * r * 0.9, r * 1.5)])
            sheet.ink(order + 0.3, rotate(finger, angle) + line[-1], line=0.6)
        if d.gloves:
            cuff = band(_span(line, 0.86, 1.0), (w * 1.5, w * 1.35))
            sheet.fill(order + 0.4, f"glove_cuff_{name}", cuff, line=0.8)

    def sleeve(self, side: int, name: str, line: Points, order: float, w: float) -> None:
        d, sheet = self.d, self.sheet
        kind = (
            "long" if d.top in ("jacket", "coat") and d.sleeve in ("none", "detached") else d.sleeve
        )
        if d.top == "tank" or kind == "none":
            return
        start, end, widths = {
            "short": (0.0, 0.36, (w * 1.12, w * 1.25, w * 1.3)),
            "long": (0.0, 0.93, (w * 1.12, w * 1.12, w * 1.0, w * 0.95)),
            "wide": (0.0, 0.92, (w * 1.12, w * 1.2, w * 1.5, w * 2.0)),
            "puff": (0.0, 0.4, (w * 1.05, w * 1.75, w * 1.65, w * 1.1)),
            "detached": (0.42, 0.95, (w * 1.1, w * 1.25, w * 1.6)),
        }[kind]
        span = _span(line, start, end)
        shape = _rounded(span, widths, w) if start == 0.0 else (span, widths)
        sheet.fill(order + 0.6, f"sleeve_{name}", band(*shape))
        if kind in ("long", "short", "puff", "wide") and d.pockets != d.belt:
            cuff = band(_span(line, end - 0.1, end + 0.01), (widths[-1] * 1.05, widths[-1] * 1.08))
            sheet.fill(order + 0.7, f"cuff_{name}", cuff, line=0.9)
        if kind in ("long", "wide"):
            mid = line[14]
            fold = np.array([(-w * 0.8, 0.05), (-w * 0.2, 0.0), (w * 0.2, 0.06)]) * (side, 1) + mid
            sheet.ink(order + 0.8, fold, line=0.6)

    def prop(self, at: Points, side: int, angle: float) -> None:
        lean = float(np.clip(angle * 0.25, -0.5, 0.5)) * -side

        def put(order: float, part: str, points: Points, line: float = 1.0) -> None:
            self.sheet.fill(
                order, part, rotate(np.array(points, float), lean) + at + (0.0, 0.12), line=line
            )

        for order, part, points in held(self.d.prop):
            put(HELD + order if order >= 0 else 39 + order, part, points)


def held(kind: str) -> list[tuple[float, str, Points]]:
    """Shapes of a thing held at (0, 0): (order, part, outline)."""
    box = lambda x0, y0, x1, y1: np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])  # noqa: E731
    if kind == "sword":
        blade = np.array([(-0.14, -0.3), (0.14, -0.3), (0.13, -2.3), (0, -2.7), (-0.13, -2.3)])
        return [
            (-0.3, "prop_1", blade),
            (-0.2, "prop_2", box(-0.07, -0.3, 0.07, 0.45)),
            (-0.1, "prop_3", box(-0.42, -0.4, 0.42, -0.24)),
            (-0.1, "prop_4", ellipse(0, 0.5, 0.11, 0.11)),
        ]
    if kind == "staff":
        return [
            (-0.3, "prop_1", box(-0.07, -2.3, 0.07, 1.6)),
            (-0.2, "prop_2", star(0, -2.5, 0.5)),
            (-0.1, "prop_3", ellipse(0, -2.5, 0.2, 0.2)),
        ]
    if kind == "book":
        return [
            (0.1, "prop_1", box(-0.5, -0.6, 0.5, 0.6)),
            (0.2, "prop_2", box(-0.5, -0.6, -0.34, 0.6)),
            (0.3, "prop_3", star(0.08, 0, 0.25)),
        ]
    if kind == "flower":
        shapes: list[tuple[float, str, Points]] = [(-0.4, "prop_1", box(-0.05, -1.1, 0.05, 0.6))]
        leaf = smooth([(0.03, -0.3), (0.35, -0.6), (0.5, -0.55), (0.3, -0.25)])
        shapes.append((-0.3, "prop_4", leaf))
        for k in range(6):
            petal = rotate(ellipse(0, -0.27, 0.16, 0.2, 16), k * np.pi / 3) + (0, -1.2)
            shapes.append((-0.2 + 0.01 * k, "prop_2", petal))
        return [*shapes, (-0.1, "prop_3", ellipse(0, -1.2, 0.16, 0.16))]
    if kind == "balloon":
        body = smooth(mirrored([(0, -2.9), (0.6, -2.5), (0.55, -1.9), (0.1, -1.5), (0, -1.45)]))
        return [
            (-0.4, "prop_2", tube([(0, 0), (0.1, -0.7), (0, -1.45)], (0.02, 0.02))),
            (-0.3, "prop_1", body),
            (-0.2, "prop_3", np.array([(0, -1.5), (0.12, -1.32), (-0.12, -1.32)])),
        ]
    if kind == "umbrella":
        edge = scalloped(
            np.array([(1.5, -1.5), (0.75, -1.5), (0, -1.5), (-0.75, -1.5), (-1.5, -1.5)]), 0, -0.25
        )
        dome = np.concatenate(
            [
                smooth(
                    [(-1.5, -1.5), (-1.0, -2.4), (0, -2.8), (1.0, -2.4), (1.5, -1.5)], closed=False
                ),
                edge,
            ]
        )
        mid = np.concatenate(
            [
                smooth(
                    [(-0.75, -1.5), (-0.5, -2.3), (0, -2.8), (0.5, -2.3), (0.75, -1.5)],
                    closed=False,
                ),
                edge[5:16],
            ]
        )
        return [
            (-0.5, "prop_2", box(-0.05, -2.9, 0.05, 0.6)),
            (-0.4, "prop_1", dome),
            (-0.3, "prop_3", mid),
        ]
    if kind == "ball":
        ring = tube([(-0.47, 0.2), (0, 0.36), (0.47, 0.2)], (0.06, 0.14, 0.06))
        return [(0.1, "prop_1", ellipse(0, 0.25, 0.52, 0.52)), (0.2, "prop_2", ring)]
    handle = tube([(0.3, -0.2), (0.65, -0.1), (0.6, 0.25), (0.3, 0.25)], (0.07, 0.07))
    return [
        (0.1, "prop_2", handle),
        (0.2, "prop_1", box(-0.35, -0.4, 0.35, 0.45)),
        (0.3, "prop_3", box(-0.35, -0.1, 0.35, 0.12)),
    ]


def build_body(sheet: Sheet, design: Design, pose: Pose) -> None:
    """Add a body hanging from its neck at (0, 0) to the sheet."""
    _Body(sheet, design, pose).build()
