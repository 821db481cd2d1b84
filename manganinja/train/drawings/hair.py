# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""Hair: behind the head, bangs, locks at the sides, tails."""

from __future__ import annotations

import numpy as np

from .canvas import LIGHT, SHADOW, Sheet
from .frame import BANGS, FACE, SIDES, HeadFrame
from .geometry import Points, ellipse, rotate, scalloped, smooth, tube

_FROM_BEHIND = 64.0


class Hair(HeadFrame):
    """All of the hair."""

    def build(self) -> None:
        """Add the hair, if any."""
        if self.d.back_hair == "bald":
            return
        if self.pose.back:
            # Seen from behind, what usually hangs behind the head covers it.
            front, self.sheet = self.sheet, Sheet()
            self.back_hair()
            self.tails()
            front.add(self.sheet, lift=_FROM_BEHIND)
            return
        self.back_hair()
        self.tails()
        self.bangs()
        self.side_hair()

    def back_hair(self) -> None:
        d, kind = self.d, self.d.back_hair
        if kind in ("afro", "mohawk"):
            getattr(self, kind)()
            return
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
        self.two_tone(low, flare)
        for k in (-0.75, -0.35, 0.4, 0.8):
            lock = smooth(
                [(k, 0.2), (k * 1.12, low * 0.55), (k * 1.1 + sway, low * 0.9)], closed=False
            )
            self.sheet.ink(11, lock, line=0.6, clip=("hair_back", "hair_tip"))

    def two_tone(self, low: float, flare: float) -> None:
        """Hair of another colour: an undercut behind the ears, or dyed tips."""
        kind = self.d.two_tone
        if kind == "under":
            under = smooth([(-1.0, -0.2), (1.0, -0.2), (0.85, 0.75), (0, 0.95), (-0.85, 0.75)])
            self.sheet.fill(10.2, "hair_under", under, shade=0.05)
        elif kind == "tips":
            x = np.linspace(2.2, -2.2, 13)
            edge = np.stack([x, low * 0.68 + 0.1 * np.cos(np.arange(13) * np.pi)], axis=1)
            below = np.array([(-3.0, low + 2.0), (3.0, low + 2.0)])
            tips = np.concatenate([edge, below])
            self.sheet.fill(10.3, "hair_tip", tips, line=0.6, clip=("hair_back",), shade=0)

    def afro(self) -> None:
        """A round head of curls; the bangs are its front."""
        angle = np.linspace(0.2 * np.pi, -1.2 * np.pi, 17)
        wild = self.rng.uniform(1.5, 1.62, 17)
        edge = np.stack([wild * np.cos(angle), wild * np.sin(angle) - 0.25], axis=1)
        self.sheet.fill(10, "hair_back", scalloped(edge, 0.0, -0.25), shade=0.07)
        for k in range(9):
            x, y = 1.15 * np.cos(0.9 * k + 0.3), -0.5 + 0.9 * np.sin(2.3 * k)
            curl = ellipse(x, y, 0.13, 0.13, 16)[:11]
            self.sheet.ink(11, curl, line=0.6, clip=("hair_back",))

    def mohawk(self) -> None:
        """A comb of spikes over a shaved head."""
        shaved = np.array(self.crown()) * (1.0, 0.97)
        self.sheet.fill(10, "hair_under", smooth(shaved), shade=0.05)
        angle = np.linspace(-0.12 * np.pi, -0.88 * np.pi, 11)
        away = np.where(np.arange(11) % 2, 1.95, 1.4) + self.rng.uniform(0, 0.2, 11)
        comb = np.stack([0.55 * np.cos(angle), away * np.sin(angle) + 0.1], axis=1)
        comb = np.concatenate([comb, np.array([(-0.35, -0.75), (0.35, -0.75)])])
        comb[:, 0] += self.sin * 0.1
        self.sheet.fill(BANGS + 4, "hair_back", comb, shade=0.07)

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
        if kind == "over_eye":
            tip[0 if d.ornament_side > 0 else -1] = 0.62
            tip[1 if d.ornament_side > 0 else -2] = 0.35
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
        if self.d.two_tone == "strands":
            self.dyed()
        if self.d.ahoge:
            s = self.d.ornament_side
            strand = tube(
                [(0, -1.28), (0.12 * s, -1.6), (0.42 * s, -1.72), (0.6 * s, -1.5)],
                (0.1, 0.1, 0.07, 0.0),
                5,
            )
            self.sheet.fill(BANGS - 0.5, "ahoge", strand)

    def dyed(self) -> None:
        """Strands of another colour in the bangs."""
        for side, name in SIDES:
            line = [(side * 0.3, -1.3), (side * 0.5, -0.9), (side * 0.62, -0.4), (side * 0.6, 0.6)]
            strand = self.turned(tube(line, (0.08, 0.12, 0.13, 0.05)), 0.5)
            part = f"strand_{name}"
            self.sheet.fill(BANGS + 0.7, part, strand, line=0.7, clip=("hair_front",), shade=0)

    def side_hair(self) -> None:
        length = self.d.side_hair
        if not length:
            return
        for side, name in SIDES:
            if side == self.hidden_side:
                continue
            x = side * (0.55 if self.hidden_side else 1.0) - self.sin * 0.1
            sway = self.pose.sway * 0.15
            line = [
                (x, -0.45),
                (x + side * 0.08, 0.1),
                (x + side * 0.04 + sway * 0.5, 0.1 + length * 0.5),
                (x - side * 0.06 + sway, 0.1 + length),
            ]
            if self.d.side_cut:
                # Cut straight, as princesses wear it.
                self.sheet.fill(72, f"hair_cut_{name}", tube(line, (0.05, 0.18, 0.22, 0.24)))
                continue
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
        elif kind == "drills":
            for side, name in SIDES:
                self.drill(side, name)
        elif kind == "topknot":
            knot = smooth([(-0.3, -1.45), (0.3, -1.45), (0.45, -1.9), (0, -2.15), (-0.45, -1.9)])
            self.sheet.fill(9, "tail_l", knot)
            self.sheet.fill(9.5, "tie_l", tube([(-0.3, -1.4), (0.3, -1.4)], (0.1, 0.1)))
        elif kind == "buns":
            for side, name in SIDES:
                bun = ellipse(side * 0.82 - self.sin * 0.15, -1.12, 0.36, 0.34)
                self.sheet.fill(9, f"tail_{name}", bun)
                curl = bun[4:18] * 0.6 + bun.mean(axis=0) * 0.4
                self.sheet.ink(9.5, curl, line=0.6)

    def drill(self, side: int, name: str) -> None:
        """A corkscrew curl that gets thinner."""
        turns, step = 4 + int(self.d.tail_length), 0.34
        x = side * (1.22 - self.sin * side * 0.15)
        for k in range(turns):
            wide, y = 0.42 * (1 - 0.75 * k / turns), -0.4 + step * k
            moved = x + self.pose.sway * 0.06 * k
            turn = rotate(ellipse(0, 0, wide, step * 0.62, 18), 0.25 * side)
            self.sheet.fill(8 + 0.02 * (turns - k), f"tail_{name}", turn + (moved, y))
        self.sheet.fill(75, f"tie_{name}", ellipse(side * 1.0, -0.55, 0.16, 0.18))

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
