# SPDX-License-Identifier: GPL-3.0-or-later
"""Multi-condition guidance (MangaNinja, arXiv 2501.08332, Eq. 3, as the published code has it)."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Guidance:
    """Two guidance scales. The published ones are 9 and 15; 1 and 2 weigh the point row alone.

    ``e = ((u + s_ref (r - u)) + (r + s_points (p - r))) / 2`` with u, r, p the predictions
    without reference, with reference, and with reference and points. Any finite scales will do;
    the published code fails at a reference scale of 1 and below.
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


@dataclass
class SparseGuidance:
    """Guidance whose rows are all computed in every so many steps only.

    By how much it changes the prediction of the last row moves evenly from step to step, so in
    between it is continued in a straight line, and the last row alone is computed. One call's.

    Attributes:
        guidance: what is approximated.
        every: 1 computes all rows in every step and approximates nothing.
    """

    guidance: Guidance
    every: int = 1
    _known: list[tuple[int, Tensor]] = field(default_factory=list)

    def needs_all(self, step: int) -> bool:
        """Whether all rows that have weight are due."""
        return step % self.every == 0 or sum(self.guidance.rows) == 1

    def combine(self, step: int, prediction: Tensor) -> Tensor:
        """What the step's rows give, (1, C, h, w): all of them where due, or the last one."""
        if self.needs_all(step):
            guided = self.guidance.combine(prediction)
            self._known = [*self._known[-1:], (step, guided - prediction[-1:])]
            return guided
        return prediction + self._difference(step)

    def _difference(self, step: int) -> Tensor:
        at, difference = self._known[-1]
        if len(self._known) < 2:
            return difference
        before, older = self._known[0]
        return difference + (difference - older) * ((step - at) / (at - before))
