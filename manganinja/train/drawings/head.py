# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""The head: face, eyes, hair, what is worn on it. Unit: half the face's width, centre at (0, 0)."""

from __future__ import annotations

import numpy as np

from .canvas import LIGHT, SHADOW, Sheet
from .design import Design, Pose
from .geometry import Points, ellipse, heart, mirrored, rotate, scalloped, smooth, star, tube

SIDES = ((-1, "l"), (1, "r"))
FACE, FEATURE, BANGS, HAT = 50.0, 55.0, 70.0, 80.0


class _Head:
    def __init__(self, sheet: Sheet, design: Design, pose: Pose):
        self.sheet, self.d, self.pose = sheet, design, pose
        self.sin, self.cos = float(np.sin(pose.turn)), float(np.cos(pose.turn))
        self.rng = np.random.default_rng(design.bang_seed)

    def turned(self, points: Points, depth: float = 0.8, reach: float = 1.3) -> Points:
        """Slide points on the head's front to the side the face looks at."""
        p = np.array(points, dtype=np.float64)
        bulge = np.sqrt(np.maximum(0.04, 1 - (p[:, 0] / reach) ** 2))
        p[:, 0] = p[:, 0] * (0.25 + 0.75 * self.cos) + self.sin * depth * bulge
        return p

    def build(self) -> None:
        self.face()
        self.eyes()
        self.features()
        if self.d.back_hair != "bald":
            self.back_hair()
            self.tails()
            self.bangs()
            self.side_hair()
        self.ears()
        self.glasses()
        getattr(self, f"hat_{self.d.hat}", lambda: None)()
        self.ornament()

    # ---- face

    def face(self) -> None:
        d = self.d
        half = [
            (0.0, -1.1),
            (0.58, -0.95),
            (0.94, -0.45),
            (0.98, 0.1),
            (d.cheek, 0.52),
            ((d.cheek + d.chin) * 0.52, 0.86),
            (d.chin * 0.5, 1.04),
            (0.0, 1.08),
        ]
        points = smooth(mirrored(half))
        lower = np.clip((points[:, 1] + 0.3) / 1.4, 0, 1)
        points[:, 0] += self.sin * 0.22 * lower - self.sin * 0.06
        self.sheet.fill(FACE, "face", points, shade=0.1)

    def eye_shape(self, side: int, squeeze: float = 1.0) -> Points:
        w, h = self.d.eye_width, self.d.eye_height * squeeze
        slant = self.d.eye_slant * w
        # Outer corner first; `side` points outwards.
        p = np.array(
            [
                (w, 0.05 * h - slant),
                (w * 0.6, -h * 0.85 - slant * 0.5),
                (0, -h),
                (-w * 0.7, -h * 0.7),
                (-w, 0.15 * h + slant * 0.5),
                (-w * 0.5, h * 0.85),
                (w * 0.1, h),
                (w * 0.7, h * 0.7),
            ]
        )
        p[:, 0] *= side
        return smooth(p, samples=5) + (side * self.d.eye_apart, 0.22)

    def eyes(self) -> None:
        for side, name in SIDES:
            closed = self.pose.eyes == "closed" or (self.pose.eyes == "wink" and side == 1)
            if self.d.glasses == "patch" and side == self.d.ornament_side:
                continue
            self.closed_eye(side) if closed else self.open_eye(side, name)
            self.brow(side, name)

    def closed_eye(self, side: int) -> None:
        x, w = side * self.d.eye_apart, self.d.eye_width
        arc = smooth([(x - w, 0.26), (x, 0.4), (x + w, 0.26)], closed=False)
        self.sheet.ink(FEATURE, self.turned(arc), line=1.6)

    def open_eye(self, side: int, name: str) -> None:
        d, white = self.d, f"eye_{name}"
        outline = self.eye_shape(side)
        self.sheet.fill(FEATURE, white, self.turned(outline), line=0.6, shade=0)
        cx = side * d.eye_apart + self.pose.gaze[0] * d.eye_width
        cy = 0.22 + self.pose.gaze[1] * d.eye_height
        r = min(d.eye_width, d.eye_height) * d.iris
        rx, ry = min(r, d.eye_width * 0.85), max(r, d.eye_height * d.iris)
        iris = ellipse(cx, cy, rx, ry)
        self.sheet.fill(
            FEATURE + 1, f"iris_{name}", self.turned(iris), line=0.6, clip=(white,), shade=0
        )
        inner = (f"iris_{name}",)
        upper = ellipse(cx, cy - ry * 0.75, rx * 1.1, ry * 0.8)
        self.sheet.tone(FEATURE + 1.5, self.turned(upper), inner, SHADOW)
        if d.pupil == "round":
            self.sheet.fill(
                FEATURE + 2,
                f"pupil_{name}",
                self.turned(ellipse(cx, cy, rx * 0.45, ry * 0.5)),
                line=0.4,
                clip=inner,
                shade=0,
            )
        elif d.pupil == "slit":
            self.sheet.fill(
                FEATURE + 2,
                f"pupil_{name}",
                self.turned(ellipse(cx, cy, rx * 0.22, ry * 0.75)),
                line=0.4,
                clip=inner,
                shade=0,
            )
        elif d.pupil == "star":
            self.sheet.fill(
                FEATURE + 2,
                f"pupil_{name}",
                self.turned(star(cx, cy, rx * 0.7)),
                line=0.4,
                clip=inner,
                shade=0,
            )
        shine = ellipse(cx - rx * 0.35, cy - ry * 0.42, rx * 0.34, ry * 0.26, 14)
        self.sheet.fill(
            FEATURE + 3,
            f"shine_{name}",
            self.turned(shine),
            line=0.4,
            clip=(white, f"iris_{name}", f"pupil_{name}"),
            shade=0,
        )
        lash = outline[: 5 * 4 + 1] + (0, -0.01)
        tip = lash[:1] + (side * 0.07, -0.05)
        self.sheet.ink(FEATURE + 4, self.turned(np.concatenate([tip, lash])), line=2.4)

    def brow(self, side: int, name: str) -> None:
        x, y = side * self.d.eye_apart, 0.14 - self.d.eye_height - 0.12
        lift = self.pose.brows
        line = smooth(
            [
                (x - side * 0.2, y + 0.05 + lift * 0.3),
                (x + side * 0.05, y - 0.04),
                (x + side * 0.27, y + 0.05 - lift * 0.2),
            ],
            closed=False,
            samples=5,
        )
        if self.d.brow == "thin":
            self.sheet.ink(74, self.turned(line), line=1.3)
        elif self.d.brow == "thick":
            self.sheet.fill(
                74,
                f"brow_{name}",
                self.turned(tube(line[::3], (0.03, 0.065, 0.05, 0.015), 3)),
                line=0.5,
                shade=0,
            )
        elif self.d.brow == "dots":
            dot = ellipse(x - side * 0.05, y, 0.09, 0.07)
            self.sheet.fill(74, f"brow_{name}", self.turned(dot), line=0.5, shade=0)

    def features(self) -> None:
        d, sheet = self.d, self.sheet
        if d.nose == "dot":
            sheet.blot(FEATURE, self.turned(ellipse(0, 0.5, 0.025, 0.02, 10), 1.0))
        elif d.nose == "line":
            sheet.ink(FEATURE, self.turned(np.array([(0.0, 0.4), (0.03, 0.47), (0.04, 0.55)]), 1.0))
        elif d.nose == "corner":
            nose = np.array([(0.0, 0.38), (0.05, 0.5), (0.06, 0.55), (0.0, 0.57), (-0.04, 0.56)])
            sheet.ink(FEATURE, self.turned(nose, 1.0))
        self.mouth()
        for side, name in SIDES:
            x = side * (d.eye_apart + 0.12)
            if d.blush == "oval":
                oval = ellipse(x, 0.58, 0.17, 0.09, 16)
                sheet.fill(
                    FEATURE - 1, f"blush_{name}", self.turned(oval), line=0, clip=("face",), shade=0
                )
            elif d.blush == "lines":
                for k in (-0.09, 0.0, 0.09):
                    mark = np.array([(x + k + 0.03, 0.52), (x + k, 0.57), (x + k - 0.03, 0.62)])
                    sheet.ink(FEATURE - 1, self.turned(mark), line=0.6)

    def mouth(self) -> None:
        kind, sheet, y = self.pose.mouth, self.sheet, 0.76

        def stroke(points: list[tuple[float, float]]) -> None:
            sheet.ink(FEATURE, self.turned(smooth(points, closed=False), 0.9), line=1.1)

        if kind == "smile":
            stroke([(-0.18, y - 0.03), (0, y + 0.05), (0.18, y - 0.03)])
        elif kind == "flat":
            stroke([(-0.13, y), (0, y - 0.01), (0.13, y)])
        elif kind == "frown":
            stroke([(-0.14, y + 0.05), (0, y - 0.03), (0.14, y + 0.05)])
        elif kind == "cat":
            stroke(
                [
                    (-0.2, y - 0.03),
                    (-0.1, y + 0.05),
                    (0, y - 0.03),
                    (0.1, y + 0.05),
                    (0.2, y - 0.03),
                ]
            )
        else:
            self.open_mouth(kind, y)

    def open_mouth(self, kind: str, y: float) -> None:
        if kind == "grin":
            lips = smooth(
                [
                    (-0.26, y - 0.08),
                    (0, y - 0.05),
                    (0.26, y - 0.08),
                    (0.16, y + 0.07),
                    (0, y + 0.11),
                    (-0.16, y + 0.07),
                ]
            )
            self.sheet.fill(FEATURE, "teeth", self.turned(lips, 0.9), line=0.8, shade=0)
            line = np.array([(-0.22, y + 0.01), (0, y + 0.03), (0.22, y + 0.01)])
            self.sheet.ink(FEATURE + 1, self.turned(line, 0.9), clip=("teeth",), line=0.5)
            return
        if kind == "oh":
            lips = ellipse(0, y, 0.09, 0.11)
        else:
            lips = smooth(
                [
                    (-0.2, y - 0.08),
                    (0, y - 0.05),
                    (0.2, y - 0.08),
                    (0.13, y + 0.1),
                    (0, y + 0.16),
                    (-0.13, y + 0.1),
                ]
            )
        self.sheet.fill(FEATURE, "mouth", self.turned(lips, 0.9), line=0.8, shade=0)
        tongue = ellipse(0.0, y + 0.15, 0.12, 0.1)
        self.sheet.fill(
            FEATURE + 1, "tongue", self.turned(tongue, 0.9), line=0.4, clip=("mouth",), shade=0
        )

    # ---- hair

    def back_hair(self) -> None:
        d, kind = self.d, self.d.back_hair
        if kind == "short":
            low, flare = 0.75, 1.02
        elif kind == "bob":
            low, flare = 0.9 + 0.15 * d.back_length, 1.28
        else:
            low, flare = 0.9 + 0.75 * d.back_length, 1.15 + 0.12 * d.back_length
        sway = self.pose.sway * 0.12 * low - self.sin * 0.12
        crown = smooth(
            [
                (-flare, low * 0.98),
                (-1.24, low * 0.45),
                (-1.2, -0.2),
                (-0.98, -0.85),
                (-0.5, -1.24),
                (0, -1.34),
                (0.5, -1.24),
                (0.98, -0.85),
                (1.2, -0.2),
                (1.24, low * 0.45),
                (flare, low * 0.98),
            ],
            closed=False,
        )
        tips = {"short": 7, "bob": 3, "long": 6, "wavy": 7, "spiky": 9}[kind]
        x = np.linspace(flare, -flare, 2 * tips + 1)
        edge = np.stack([x, np.full_like(x, low) + 0.08 * np.cos(x)], axis=1)
        depth = {"short": 0.12, "bob": 0.03, "long": 0.15, "wavy": 0.06, "spiky": 0.4}[kind]
        bulge = {"short": 0.1, "bob": 0.05, "long": 0.1, "wavy": 0.35, "spiky": 0.05}[kind]
        points = np.concatenate([crown, scalloped(edge, depth, bulge)[1:]])
        if kind == "wavy":
            points[:, 0] += 0.07 * np.sin(points[:, 1] * 5) * np.sign(points[:, 0])
        if kind == "spiky":
            points = self.spikes(low, flare)
        fall = np.clip((points[:, 1] + 0.2) / max(low, 0.5), 0, 1)
        points[:, 0] += sway * fall
        self.sheet.fill(10, "hair_back", points, shade=0.05)
        for k in (-0.75, -0.35, 0.4, 0.8):
            lock = smooth(
                [(k, 0.2), (k * 1.12, low * 0.55), (k * 1.1 + sway, low * 0.9)], closed=False
            )
            self.sheet.ink(11, lock, line=0.6, clip=("hair_back",))

    def spikes(self, low: float, flare: float) -> Points:
        n = 11
        angle = np.linspace(np.pi * 0.78, np.pi * 2.22, 2 * n + 1)
        wild = self.rng.uniform(0.0, 0.22, 2 * n + 1)
        radius = np.where(np.arange(2 * n + 1) % 2 == 0, 1.22, 1.48 + wild)
        stretch = np.where(np.sin(angle) > 0, low * 0.8, 1.0)
        edge = np.stack([radius * np.cos(angle), radius * np.sin(angle) * stretch], axis=1)
        return scalloped(edge[::1], 0.0, 0.08)

    def crown(self) -> list[tuple[float, float]]:
        return [
            (-1.1, 0.12),
            (-1.13, -0.4),
            (-0.92, -0.92),
            (-0.48, -1.25),
            (0, -1.34),
            (0.48, -1.25),
            (0.92, -0.92),
            (1.13, -0.4),
            (1.1, 0.12),
        ]

    def fringe(self) -> Points:
        """Lower edge of the bangs from right to left."""
        d, kind, rng = self.d, self.d.bangs, self.rng
        if kind == "none":
            return smooth(
                [(1.0, -0.1), (0.8, -0.62), (0, -0.88), (-0.8, -0.62), (-1.0, -0.1)], closed=False
            )
        if kind == "blunt":
            n = 2 * d.bang_tips
            x = np.linspace(1.0, -1.0, n + 1)
            edge = np.stack([x, -0.12 + 0.06 * x**2 + rng.uniform(-0.02, 0.02, n + 1)], axis=1)
            return scalloped(edge, -0.05, 0.05)
        if kind == "curtain":
            side = [(0.0, -0.95), (0.3, -0.6), (0.62, -0.15), (0.86, 0.3), (0.96, 0.42)]
            right = smooth(np.array(side[::-1]), closed=False)
            left = right[::-1] * (-1, 1)
            return np.concatenate([right, left])
        n = d.bang_tips
        x = np.linspace(1.02, -1.02, 2 * n + 1)
        x[1:-1] += rng.uniform(-0.06, 0.06, 2 * n - 1)
        tip = -0.06 + rng.uniform(-0.14, 0.16, n)
        valley = -0.5 + rng.uniform(-0.12, 0.12, n + 1)
        valley[[0, -1]] = -0.05
        if kind == "split":
            gap = int(rng.integers(1, n)) if n > 1 else 1
            valley[gap] = -0.95
        y = np.empty(2 * n + 1)
        y[0::2], y[1::2] = valley, tip
        if kind == "swept":
            x[1:-1] -= 0.13 * d.ornament_side
            y += 0.14 * x * d.ornament_side
        bulge = 0.18 if kind == "round" else 0.07
        return scalloped(np.stack([x, y], axis=1), 0.0, bulge)

    def bangs(self) -> None:
        crown = smooth(self.crown(), closed=False)
        fringe = self.turned(self.fringe(), 0.55)
        points = np.concatenate([crown, fringe])
        cast = fringe + (0.0, 0.13)
        covered = np.concatenate([np.array([(1.2, -1.2)]), cast, np.array([(-1.2, -1.2)])])
        self.sheet.tone(FACE + 1, covered, ("face",), SHADOW)
        self.sheet.fill(BANGS, "hair_front", points, shade=0.07)
        for k in range(self.d.bang_tips):
            x = -0.8 + 1.6 * (k + 0.5) / self.d.bang_tips
            lock = np.array([(x * 0.55, -1.05), (x * 0.85, -0.8), (x, -0.55)])
            self.sheet.ink(BANGS + 1, self.turned(lock, 0.5), line=0.6, clip=("hair_front",))
        band = smooth(
            [(-0.75, -0.72), (0, -0.98), (0.75, -0.72), (0.7, -0.6), (0, -0.84), (-0.7, -0.6)]
        )
        self.sheet.tone(BANGS + 0.5, self.turned(band, 0.4), ("hair_front",), LIGHT)
        if self.d.ahoge:
            s = self.d.ornament_side
            strand = tube(
                [(0, -1.28), (0.12 * s, -1.6), (0.42 * s, -1.72), (0.6 * s, -1.5)],
                (0.1, 0.1, 0.07, 0.0),
                5,
            )
            self.sheet.fill(BANGS - 0.5, "ahoge", strand)

    def side_hair(self) -> None:
        length = self.d.side_hair
        if not length:
            return
        for side, name in SIDES:
            x = side * 1.0 - self.sin * 0.1
            sway = self.pose.sway * 0.15
            line = [
                (x, -0.45),
                (x + side * 0.08, 0.1),
                (x + side * 0.04 + sway * 0.5, 0.1 + length * 0.5),
                (x - side * 0.06 + sway, 0.1 + length),
            ]
            self.sheet.fill(
                72, f"hair_side_{name}", tube(line, (0.02, 0.16, 0.19, 0.18, 0.14, 0.0))
            )
            self.sheet.ink(73, np.array(line)[1:3] + (side * 0.03, 0.05), line=0.5)

    def tails(self) -> None:
        d, kind, n = self.d, self.d.tails, self.d.tail_length
        sway = self.pose.sway * n * 0.35
        if kind == "twin":
            for side, name in SIDES:
                x = side * 1.02 - self.sin * 0.2
                line = [
                    (x, -0.6),
                    (x + side * 0.42, -0.45),
                    (x + side * 0.62 + sway * 0.5, n * 0.5),
                    (x + side * 0.45 + sway, n),
                ]
                self.sheet.fill(8, f"tail_{name}", tube(line, (0.1, 0.3, 0.33, 0.22, 0.0)))
                self.strands(line, f"tail_{name}", 8.5)
                self.sheet.fill(75, f"tie_{name}", ellipse(x + side * 0.04, -0.6, 0.15, 0.17))
        elif kind in ("pony", "side", "braid"):
            side = d.ornament_side
            x = side * (0.2 if kind == "pony" else 0.95) - self.sin * 0.7
            y = -1.2 if kind == "pony" else -0.1
            line = [
                (x, y),
                (x + side * 0.75, y - 0.1),
                (x + side * 1.05 + sway * 0.5, y + n * 0.6),
                (x + side * 0.8 + sway, y + n * 1.1),
            ]
            if kind == "braid":
                self.braid(line)
            else:
                self.sheet.fill(8, "tail_l", tube(line, (0.12, 0.32, 0.34, 0.24, 0.0)))
                self.strands(line, "tail_l", 8.5)
            self.sheet.fill(9, "tie_l", ellipse(x + side * 0.14, y - 0.02, 0.17, 0.19))
        elif kind == "buns":
            for side, name in SIDES:
                bun = ellipse(side * 0.82 - self.sin * 0.15, -1.12, 0.36, 0.34)
                self.sheet.fill(9, f"tail_{name}", bun)
                curl = bun[4:18] * 0.6 + bun.mean(axis=0) * 0.4
                self.sheet.ink(9.5, curl, line=0.6)

    def strands(self, line: list[tuple[float, float]], part: str, order: float) -> None:
        p = np.array(line)
        for k in (-0.1, 0.1):
            self.sheet.ink(
                order, smooth(p[1:] + (k, 0.1), closed=False, samples=5), line=0.6, clip=(part,)
            )

    def braid(self, line: list[tuple[float, float]]) -> None:
        path = smooth(line, closed=False)
        count = 6 + int(3 * self.d.tail_length)
        steps = path[np.linspace(2, len(path) - 3, count).astype(int)]
        for k, (x, y) in enumerate(steps):
            r = 0.29 - 0.14 * k / count
            self.sheet.fill(8 + 0.03 * k, "tail_l", ellipse(x, y, r, r * 1.05, 18))

    # ---- ears, glasses, hats

    def ears(self) -> None:
        d = self.d
        for side, name in SIDES:
            x = side * 0.98 - self.sin * 0.15
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
            self.sheet.fill(49 if d.beast != "elf" else 73.5, f"ear_{name}", ear)
            if d.earrings:
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
        if kind in ("none", ""):
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
    _Head(sheet, design, pose).build()
