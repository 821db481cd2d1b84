# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""Arms, legs, and what is worn on them or held."""

from __future__ import annotations

import numpy as np

from .frame import ARM, HELD, LEG, SIDES, BodyFrame
from .geometry import Points, band, rotate, smooth
from .patterns import along
from .props import held


def span(line: Points, start: float, end: float) -> Points:
    """Part of a polyline from a fraction to a fraction of its length (by sample)."""
    last = len(line) - 1
    a = round(start * last)
    b = max(round(end * last), a + 2)
    return line[a : b + 1]


def rounded(line: Points, widths: tuple[float, ...], w: float) -> tuple[Points, np.ndarray]:
    """Lengthen a limb beyond its start by a round shoulder."""
    step = line[1] - line[0]
    step = step / max(float(np.hypot(*step)), 1e-6) * w
    back = line[0] - np.outer([0.8, 0.72, 0.5, 0.25], step)
    half = np.interp(np.linspace(0, len(widths) - 1, len(line)), np.arange(len(widths)), widths)
    round_end = half[0] * np.array([0.2, 0.6, 0.87, 0.97])
    return np.concatenate([back, line]), np.concatenate([round_end, half])


class Limbs(BodyFrame):
    """Two legs and two arms."""

    def build(self) -> None:
        """Add legs and arms."""
        self.legs()
        for index, (side, name) in enumerate(SIDES):
            self.arm(index, side, name)

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

        def part_of(start: float, end: float, grow: float) -> Points:
            part = np.interp(np.linspace(start, end, 4) * 4, np.arange(5), widths) * grow
            return band(span(line, start, end), part)

        if d.socks:
            sheet.fill(order + 0.1, f"sock_{name}", part_of(1 - d.socks, 1.0, 1.03))
            if d.sock_bands:
                top = 1 - d.socks
                sheet.fill(
                    order + 0.2,
                    f"sock_band_{name}",
                    part_of(top + 0.02, min(top + 0.12, 0.98), 1.08),
                    line=0.8,
                )
        self.pattern_leg(name, line, w, order + 0.25)
        self.shoe(side, name, line, w, order + 0.3)
        if d.bottom in ("trousers", "shorts", "wide"):
            end = 0.42 * d.bottom_length + 0.1 if d.bottom == "shorts" else 0.96
            flare = 1.6 if d.bottom == "wide" else 1.15
            part = np.interp(np.linspace(0, end, 5) * 4, np.arange(5), widths)
            part = part * np.linspace(1.1, flare, 5) + (0.05 if d.bottom == "shorts" else 0.02)
            sheet.fill(order + 0.4, f"trouser_{name}", band(span(line, 0, end), part))
            if d.hem:
                cuff = band(span(line, max(end - 0.1, 0), end), [part[-1] * 1.08, part[-1] * 1.1])
                sheet.fill(order + 0.45, f"trouser_cuff_{name}", cuff, line=0.8)
            fold = span(line, end * 0.45, end * 0.6) + (side * 0.08, 0)
            sheet.ink(order + 0.5, fold, line=0.6)
        elif len(line) > 20:
            sheet.ink(order + 0.05, line[20:24] + (-side * w * 0.2, 0), line=0.5)

    def pattern_leg(self, name: str, line: Points, w: float, order: float) -> None:
        """Bands, dots or a net on stockings, over the whole leg where there are none."""
        d, sheet = self.d, self.sheet
        if d.pattern_legs == "none" or d.shoes == "bare":
            return
        host = f"sock_{name}" if d.socks else f"leg_{name}"
        covered = span(line, 1 - d.socks if d.socks else 0.0, 1.0)
        if d.pattern_legs == "net":
            for k in np.linspace(0, len(covered) - 3, 7).astype(int).tolist():
                for lean in (-0.3, 0.3):
                    cord = covered[k] + np.array([(-0.35, -lean), (0.0, 0.0), (0.35, lean)])
                    sheet.ink(order, cord, line=0.5, clip=(host,))
            return
        count = max(3, round(9 * (d.socks or 1.0)))
        for outline in along(d.pattern_legs, covered, w, count):
            part = f"pattern_leg_{name}"
            sheet.fill(order, part, outline, line=0.5, clip=(host,), shade=0)

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
                order, f"boot_{name}", band(span(line, 0.68, 1.0), (w * 0.98, w * 0.85, w * 0.8))
            )
            sheet.fill(
                order + 0.02,
                f"boot_top_{name}",
                band(span(line, 0.64, 0.71), (w * 1.05, w * 1.05)),
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
        self.sheet.fill(order, f"arm_{name}", band(*rounded(line, widths, w)))
        self.hand(side, name, line, order, widths[-1])
        self.sleeve(side, name, line, order, w)
        if d.prop != "none" and side == d.ornament_side and not self.pose.back:
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
            cuff = band(span(line, 0.86, 1.0), (w * 1.5, w * 1.35))
            sheet.fill(order + 0.4, f"glove_cuff_{name}", cuff, line=0.8)

    def sleeve(self, side: int, name: str, line: Points, order: float, w: float) -> None:
        d, sheet = self.d, self.sheet
        kind = d.sleeve
        if kind in ("none", "detached") and d.top in ("jacket", "coat", "uniform", "hoodie"):
            kind = "long"
        if d.top == "kimono":
            kind = "wide"
        if d.top in ("tank", "swimsuit") or kind == "none":
            return
        start, end, widths = {
            "short": (0.0, 0.36, (w * 1.12, w * 1.25, w * 1.3)),
            "long": (0.0, 0.93, (w * 1.12, w * 1.12, w * 1.0, w * 0.95)),
            "wide": (0.0, 0.92, (w * 1.12, w * 1.2, w * 1.5, w * 2.0)),
            "puff": (0.0, 0.4, (w * 1.05, w * 1.75, w * 1.65, w * 1.1)),
            "detached": (0.42, 0.95, (w * 1.1, w * 1.25, w * 1.6)),
        }[kind]
        covered = span(line, start, end)
        shape = rounded(covered, widths, w) if start == 0.0 else (covered, widths)
        sheet.fill(order + 0.6, f"sleeve_{name}", band(*shape))
        if d.pattern_sleeves:
            kinds = "dots" if d.pattern_top in ("dots", "hearts", "stars", "flowers") else "bands"
            for outline in along(kinds, covered, widths[0], 3 if kind in ("short", "puff") else 6):
                part, host = f"pattern_sleeve_{name}", f"sleeve_{name}"
                sheet.fill(order + 0.65, part, outline, line=0.5, clip=(host,), shade=0)
        if kind in ("long", "short", "puff", "wide") and d.pockets != d.belt:
            cuff = band(span(line, end - 0.1, end + 0.01), (widths[-1] * 1.05, widths[-1] * 1.08))
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
