# SPDX-License-Identifier: GPL-3.0-or-later
"""Multi-condition guidance (MangaNinja, arXiv 2501.08332, Eq. 3, as the published code has it)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Guidance:
    """Two guidance scales. The published ones are 9 and 15; 1 and 2 weigh the point row alone.

    ``e = ((u + s_ref (r - u)) + (r + s_points (p - r))) / 2`` with u, r, p the predictions
    without reference, with reference, and with reference and points.
    """

    reference: float = 9.0
    points: float = 15.0

    @property
    def weights(self) -> tuple[float, float, float]:
        """The weights of u, r and p, which add up to 1."""
        unconditional = (1 - self.reference) / 2
        points = self.points / 2
        return unconditional, 1 - unconditional - points, points

    def combine(self, prediction: Tensor) -> Tensor:
        """(3, C, h, w) rows u, r, p to one guided prediction (1, C, h, w)."""
        u, r, p = prediction.chunk(3)
        return ((u + self.reference * (r - u)) + (r + self.points * (p - r))) / 2
