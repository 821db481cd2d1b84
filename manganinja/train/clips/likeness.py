# SPDX-License-Identifier: GPL-3.0-or-later
"""Near-duplicates by SSIM."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torchmetrics.functional.image import structural_similarity_index_measure

from .shots import Candidate, thumbnail

_HEIGHT_PX = 96
_FAR_APART = 0.04


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Mean structural similarity of two (H, W, 3) uint8 pictures of one size, at most 1."""
    first, second = (
        torch.from_numpy(np.ascontiguousarray(p)).permute(2, 0, 1) for p in (one, other)
    )
    both = torch.stack([first, second]).float() / 255
    mean: Any = structural_similarity_index_measure(both[:1], both[1:], data_range=1.0)
    return float(mean)


class KeptPairs:
    """The pairs of a clip so far, small, to know their near-duplicates.

    Two frames are compared at a height of 96 px, so that noise of the codec does not count.
    """

    def __init__(self, same_ssim: float) -> None:
        self._same = same_ssim
        self._kept: list[tuple[np.ndarray, np.ndarray]] = []

    def refusal(self, candidate: Candidate) -> str | None:
        """Why a candidate is not worth having, or None."""
        reference, target = self._small(candidate)
        if self._alike(reference, target):
            return "nothing moves"
        for kept_reference, kept_target in self._kept:
            if self._alike(reference, kept_reference) and self._alike(target, kept_target):
                return "near-duplicate"
        return None

    def keep(self, candidate: Candidate) -> None:
        """Remember a pair."""
        self._kept.append(self._small(candidate))

    @staticmethod
    def _small(candidate: Candidate) -> tuple[np.ndarray, np.ndarray]:
        one, other = (
            thumbnail(f.picture, _HEIGHT_PX) for f in (candidate.reference, candidate.target)
        )
        return one, other

    def _alike(self, one: np.ndarray, other: np.ndarray) -> bool:
        # Saves the dear comparison where a look is enough.
        coarse = np.abs(one[::4, ::4].astype(np.float32) - other[::4, ::4]).mean() / 255
        return bool(coarse < _FAR_APART) and ssim(one, other) >= self._same
