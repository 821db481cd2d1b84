# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenes: one to three figures in a place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .backgrounds import Backdrop
from .canvas import RGB, Sheet
from .character import Character, place
from .pose import Pose
from .things import Things

Figure = Character | Things
_LIFT = 1000.0
"""Shapes of one figure are painted within so much of an order."""


def _prefix(index: int) -> str:
    """What the parts of the figure number `index` begin with; the first has its own names."""
    return f"{index + 1}:" if index else ""


@dataclass(frozen=True)
class Scene:
    """Figures, and the place that they are in, if any. Parts keep their names in every picture."""

    figures: tuple[Figure, ...]
    backdrop: Backdrop | None = None

    @property
    def palette(self) -> dict[str, RGB]:
        """RGB of every part of everything."""
        colours: dict[str, RGB] = {}
        for index, figure in enumerate(self.figures):
            named: Mapping[str, RGB] = figure.palette
            colours |= {_prefix(index) + name: rgb for name, rgb in named.items()}
        return colours | dict(self.backdrop.palette if self.backdrop else {})

    def sheet(self, poses: Sequence[Pose], shown: Sequence[int], size_px: int) -> Sheet:
        """Those `shown` of the figures, from left to right, each in its pose, in pixels.

        The camera (framing, zoom, roll, shift) is that of the first one's pose.
        """
        camera = poses[shown[0]]
        sheet = Sheet()
        if len(shown) == 1:
            figure = self.figures[shown[0]]
            sheet.add(figure.sheet(camera), _prefix(shown[0]))
            place(sheet, camera, size_px, figure.window(sheet, camera, _prefix(shown[0])))
        else:
            window = self._row(sheet, poses, shown)
            place(sheet, replace(camera, mirror=False), size_px, window)
        if self.backdrop:
            sheet.add(self.backdrop.sheet(camera, size_px), lift=-_LIFT)
        return sheet

    def _row(
        self, sheet: Sheet, poses: Sequence[Pose], shown: Sequence[int]
    ) -> tuple[float, float, float, float]:
        """Put figures side by side on one ground, a little before each other; what they take."""
        right, high = 0.0, 0.0
        for depth, index in enumerate(shown):
            pose = replace(poses[index], framing=poses[shown[0]].framing)
            figure, one = self.figures[index], Sheet()
            one.add(figure.sheet(pose), _prefix(index), lift=depth * _LIFT)
            if pose.mirror:
                one.transform(np.array([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
            x0, y0, x1, y1 = figure.window(one, pose, _prefix(index))
            one.transform(np.array([[1.0, 0.0, right - x0], [0.0, 1.0, -y1]]))
            sheet.add(one)
            right += 0.8 * (x1 - x0)
            high = min(high, y0 - y1)
        return 0.0, high, right + 0.15 * right / len(shown), 0.0
