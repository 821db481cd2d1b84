# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""Everything below the head."""

from __future__ import annotations

import numpy as np

from .canvas import Sheet
from .clothes import Clothes
from .design import Design
from .frame import SIDES, BodyFrame
from .geometry import Points, band, ellipse, heart, mirrored, scalloped, smooth
from .limbs import Limbs, span
from .neckwear import Neck
from .outfits import Outfit
from .pose import Pose

_FROM_BEHIND = 44.0


class _Behind(BodyFrame):
    """Cape, wings, tail."""

    def build(self) -> None:
        if self.pose.back:
            # Seen from behind, it is in front of body and clothes, but not of the hair.
            front, self.sheet = self.sheet, Sheet()
            self.behind()
            front.add(self.sheet, lift=_FROM_BEHIND)
        else:
            self.behind()

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
            if not self.pose.back:
                sheet.fill(38, "cape_clasp", self.x(ellipse(0, 0.16, 0.13, 0.13), True))
        if d.wings != "none":
            for side, name in SIDES:
                sheet.fill(1, f"wing_{name}", self.wing(side))
                for k in (0.8, 1.2, 1.6):
                    rib = np.array([(0.3, 0.5), (0.5 + k * 0.5, 0.1), (0.6 + k, 0.4)]) * (side, 1)
                    sheet.ink(1.2, smooth(rib, closed=False), line=0.6, clip=(f"wing_{name}",))
        self.animal_tail()

    def wing(self, side: int) -> Points:
        if self.d.wings == "fairy":
            upper = [(0.2, 0.5), (0.9, -0.9), (2.0, -1.1), (1.7, -0.1), (0.7, 0.5)]
            lower = [(1.5, 0.7), (1.3, 1.5), (0.6, 1.2), (0.2, 0.7)]
            return smooth([*upper, *lower]) * (side, 1)
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
                band(span(line, 0.72, 1), [w * 1.04 for w in widths[2:]]),
                clip=("animal_tail",),
            )


def build_body(sheet: Sheet, design: Design, pose: Pose) -> None:
    """Add a body hanging from its neck at (0, 0) to the sheet."""
    for painter in (_Behind, Clothes, Outfit, Limbs, Neck):
        painter(sheet, design, pose).build()
