# SPDX-License-Identifier: GPL-3.0-or-later
"""What all painters of a figure share: its design, its pose, and how they move points."""

from __future__ import annotations

import numpy as np

from .canvas import Sheet
from .design import Design
from .geometry import Points
from .pose import PROFILE, Pose

SIDES = ((-1, "l"), (1, "r"))
FACE, FEATURE, BANGS, HAT = 50.0, 55.0, 70.0, 80.0
LEG, BOTTOM, TORSO, COLLAR, ARM, HELD = 16.0, 22.0, 26.0, 34.0, 40.0, 90.0


class HeadFrame:
    """Unit: half the face's width, the head's centre at (0, 0)."""

    def __init__(self, sheet: Sheet, design: Design, pose: Pose):
        self.sheet, self.d, self.pose = sheet, design, pose
        self.sin, self.cos = float(np.sin(pose.turn)), float(np.cos(pose.turn))
        self.rng = np.random.default_rng(design.bang_seed)
        profile = abs(pose.turn) > PROFILE
        self.hidden_side = int(np.sign(pose.turn)) if profile else 0
        """The side of the face that a profile doesn't show, 0 where both are seen."""

    def turned(self, points: Points, depth: float = 0.8, reach: float = 1.3) -> Points:
        """Slide points on the head's front to the side the face looks at."""
        p = np.array(points, dtype=np.float64)
        bulge = np.sqrt(np.maximum(0.04, 1 - (p[:, 0] / reach) ** 2))
        p[:, 0] = p[:, 0] * (0.25 + 0.75 * self.cos) + self.sin * depth * bulge
        return p


class BodyFrame:
    """Unit: half the face's width, the neck's base at (0, 0)."""

    def __init__(self, sheet: Sheet, design: Design, pose: Pose):
        self.sheet, self.d, self.pose = sheet, design, pose
        self.narrow = float(np.cos(pose.turn * 0.7))
        self.front = float(np.sin(pose.turn)) * 0.3 * design.shoulders
        self.one_piece = design.top in ("dress", "apron", "kimono")

    def x(self, points: Points | list[tuple[float, float]], front: bool = False) -> Points:
        """Narrow points by the turn; those on the front also slide to where the body looks."""
        p = np.array(points, dtype=np.float64)
        p[:, 0] = p[:, 0] * self.narrow + (self.front if front else 0.0)
        return p

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
