# SPDX-License-Identifier: GPL-3.0-or-later
"""A pen that draws the numbered parts of one animal, object or place."""

from __future__ import annotations

import numpy as np

from .canvas import Sheet
from .geometry import Points, ellipse
from .pose import Pose


class Pen:
    """Adds the parts of one thing to a sheet, each above the one before.

    Args:
        sheet: takes the shapes.
        prefix: what the names of parts begin with; a number from 1 follows.
        seed: of what is always the same about the thing.
        pose: `sway` moves it, `gaze` its eyes; `layout` seeds what differs between pictures.
    """

    def __init__(self, sheet: Sheet, prefix: str, seed: int, pose: Pose):
        self.sheet, self.prefix, self.pose = sheet, prefix, pose
        self.rng = np.random.default_rng(seed)
        self.move = pose.sway
        self.order = 0.0

    def name(self, number: int) -> str:
        """The name of a part."""
        return f"{self.prefix}{number}"

    def fill(
        self,
        number: int,
        points: Points,
        inside: tuple[int, ...] = (),
        line: float = 1.0,
        shade: float = 0.12,
    ) -> None:
        """Add a part above all others, cut to the parts that it is `inside` of."""
        self.order += 1
        self.sheet.fill(
            self.order,
            self.name(number),
            np.asarray(points, float),
            line=line,
            clip=tuple(self.name(n) for n in inside),
            shade=shade,
        )

    def ink(self, points: Points, line: float = 0.8, inside: tuple[int, ...] = ()) -> None:
        """Add a stroke."""
        self.order += 1
        clip = tuple(self.name(n) for n in inside)
        self.sheet.ink(self.order, np.asarray(points, float), line=line, clip=clip)

    def eye(self, x: float, y: float, r: float, first: int) -> None:
        """Add an eye of parts `first` and the one after."""
        self.fill(first, ellipse(x, y, r, r * 1.15, 18), line=0.7)
        gx, gy = self.pose.gaze[0] * r, self.pose.gaze[1] * r
        self.fill(first + 1, ellipse(x + gx, y + gy, r * 0.55, r * 0.7, 14), (first,), 0.6)


def box(x0: float, y0: float, x1: float, y1: float) -> Points:
    """A rectangle."""
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
