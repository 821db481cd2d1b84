# SPDX-License-Identifier: GPL-3.0-or-later
"""A character: its design and colours, drawn in any pose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .body import build_body
from .canvas import RGB, Drawing, Sheet, Style
from .design import Design, random_design
from .geometry import rotate
from .head import build_head
from .identity import random_palette
from .parts import PART_IDS
from .pose import Pose
from .render import paint

_HEAD_PARTS = ("face", "hair_front", "hat", "ear", "beast_", "bow", "horn")


@dataclass(frozen=True)
class Character:
    """One identity: what it looks like and the RGB of each of its parts."""

    design: Design
    palette: Mapping[str, RGB] = field(repr=False)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Character:
        """A new character."""
        design = random_design(rng)
        return cls(design, random_palette(rng, design))

    def draw(self, pose: Pose, size_px: int = 128, style: Style | None = None) -> Drawing:
        """Draw the character as a square picture of `size_px`, see `Drawing`."""
        sheet = self.sheet(pose)
        place(sheet, pose, size_px, self.window(sheet, pose))
        return paint(sheet, self.palette, PART_IDS, size_px, style or Style())

    def sheet(self, pose: Pose) -> Sheet:
        """Its shapes in a pose; unit: half the face's width, the neck's base near (0, 0)."""
        head, sheet = Sheet(), Sheet()
        build_head(head, self.design, pose)
        build_body(sheet, self.design, pose)
        hip = (0.0, self.design.torso)
        sheet.turn(pose.lean, hip)
        neck = rotate(np.array([[0.0, -self.design.neck]]), pose.lean, hip)[0]
        head.turn(pose.tilt + pose.lean, (0.0, 0.95))
        head.transform(np.array([[1.0, 0.0, neck[0]], [0.0, 1.0, neck[1] - 0.95]]))
        sheet.add(head)
        if pose.back:
            # Its left is then to the left.
            sheet.transform(np.array([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
        return sheet

    def window(
        self, sheet: Sheet, pose: Pose, prefix: str = ""
    ) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of what the framing wants to show; `prefix` is before the parts' names."""
        design = self.design
        if pose.framing == "full":
            return sheet.bounds()
        x0, y0, x1, _ = sheet.bounds([prefix + name for name in _HEAD_PARTS])
        if pose.framing == "face":
            middle, reach = (x0 + x1) / 2, 1.15
            top = -design.neck - 2.1
            return middle - reach, top, middle + reach, top + 2 * reach
        low = design.torso * (1.1 if pose.framing == "half" else 0.3)
        if pose.framing == "half":
            return min(x0, -design.shoulders * 1.3), y0, max(x1, design.shoulders * 1.3), low
        return x0, max(y0, -design.neck - 2.75), x1, low


def place(
    sheet: Sheet, pose: Pose, size_px: int, window: tuple[float, float, float, float]
) -> None:
    """Move the sheet so that the window fills the picture, with the pose's zoom, roll, mirror."""
    x0, y0, x1, y1 = window
    scale = size_px * 0.92 * pose.zoom / max(x1 - x0, y1 - y0)
    c, s = scale * np.cos(pose.roll), scale * np.sin(pose.roll)
    flip = -1.0 if pose.mirror else 1.0
    linear = np.array([[c * flip, -s], [s * flip, c]])
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    to = size_px * (0.5 + np.array(pose.shift))
    sheet.transform(np.column_stack([linear, to - linear @ centre]))
