# SPDX-License-Identifier: GPL-3.0-or-later
"""Patch shuffle of the reference (MangaNinja, arXiv 2501.08332, section 3.3).

The reference is cut into n x n patches that change places, so that the network can't lean on the
overall layout and has to match what it sees locally. Everything that knows a place in the
reference moves along.
"""

from __future__ import annotations

import numpy as np


def grids(finest: int, grows: float, share: float) -> list[int]:
    """Patches a side that a shuffle may have when ``share`` of the run is done, coarse to fine.

    Args:
        finest: the most that there will be, 2 to 32; powers of two up to it are used.
        grows: share of the run after which the finest is reached: the levels begin one after
            another at even distances. 0 allows all of them from the start.
    """
    levels = [2**k for k in range(1, 6) if 2**k <= finest]
    if grows <= 0 or share >= grows:
        return levels
    return levels[: 1 + int(share / grows * len(levels))]


class PatchShuffle:
    """One random rearrangement of n x n patches of a square of ``size_px``.

    Args:
        size_px: side of the picture in pixels; must be a multiple of ``grid``.
        grid: patches per side, n.
    """

    def __init__(self, size_px: int, grid: int, rng: np.random.Generator) -> None:
        if size_px % grid:
            raise ValueError(
                f"A picture of {size_px} px can't be cut into {grid} x {grid} patches."
            )
        self.grid = grid
        self.patch_px = size_px // grid
        self.source = rng.permutation(grid * grid)
        self.destination = np.argsort(self.source)

    def picture(self, picture: np.ndarray) -> np.ndarray:
        """Rearrange (S, S) or (S, S, C)."""
        n, p = self.grid, self.patch_px
        patches = picture.reshape(n, p, n, p, -1).transpose(0, 2, 1, 3, 4).reshape(n * n, p, p, -1)
        moved = patches[self.source].reshape(n, n, p, p, -1).transpose(0, 2, 1, 3, 4)
        return moved.reshape(picture.shape)

    def points(self, points: np.ndarray) -> np.ndarray:
        """Where points (N, 2), x and y in pixels, come to lie."""
        cell = np.clip(points // self.patch_px, 0, self.grid - 1).astype(int)
        moved = self.destination[cell[:, 1] * self.grid + cell[:, 0]]
        corner = np.stack([moved % self.grid, moved // self.grid], axis=1) * self.patch_px
        return (corner + points - cell * self.patch_px).astype(points.dtype)
