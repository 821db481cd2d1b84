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

    @property
    def rows(self) -> tuple[bool, bool, bool]:
        """Which of u, r and p have any weight; the others need not be computed."""
        u, r, p = self.weights
        return u != 0, r != 0, p != 0

    def combine(self, prediction: Tensor) -> Tensor:
        """Rows u, r, p, or those of them that have weight, to one guided prediction.

        Args:
            prediction: (3, C, h, w), or fewer: what :attr:`rows` says.

        Returns:
            (1, C, h, w).
        """
        if len(prediction) == 3:
            u, r, p = prediction.chunk(3)
            return ((u + self.reference * (r - u)) + (r + self.points * (p - r))) / 2
        weights = prediction.new_tensor([weight for weight in self.weights if weight])
        return (weights.view(-1, 1, 1, 1) * prediction).sum(dim=0, keepdim=True)
