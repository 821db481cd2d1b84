# SPDX-License-Identifier: GPL-3.0-or-later
"""Several references side by side: how much each counts, and which parts of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from .errors import BadRequest
from .framing import Frame, padded

Mask = Image.Image | np.ndarray


@dataclass(frozen=True)
class Shares:
    """What of each reference counts, and how much.

    Attributes:
        weights: above 0. A token of weight 2 gets the attention of two tokens.
        masks: (H, W) of the reference's size, 0 = leave out; None = all of it counts.
    """

    weights: tuple[float, ...]
    masks: tuple[Mask | None, ...]

    @classmethod
    def checked(
        cls,
        weights: Sequence[float] | None,
        masks: Sequence[Mask | None] | None,
        sizes_px: Sequence[tuple[int, int]],
    ) -> Shares:
        """For references of these (width, height); None for equal weights and whole references.

        Raises:
            BadRequest: a number is wrong, or a mask leaves nothing.
        """
        weights = [1.0] * len(sizes_px) if weights is None else weights
        masks = [None] * len(sizes_px) if masks is None else masks
        for what, given in (("weights", weights), ("masks", masks)):
            if len(given) != len(sizes_px):
                raise BadRequest(
                    f"There are {len(given)} {what} for {len(sizes_px)} references.",
                    "Give one for each reference.",
                )
        for number, weight in enumerate(weights, start=1):
            if not (0 < weight < math.inf):
                raise BadRequest(
                    f"The weight {weight:g} of reference {number} is not above 0.",
                    "Remove the reference, or give it a weight.",
                )
        arrays = tuple(
            None if mask is None else _checked_mask(mask, number, size)
            for number, (mask, size) in enumerate(zip(masks, sizes_px, strict=True), start=1)
        )
        return cls(tuple(map(float, weights)), arrays)

    def mean(self, tokens: Sequence[Tensor]) -> Tensor:
        """The weighted mean of one tensor for each reference."""
        total = sum(self.weights)
        parts = [t * (weight / total) for t, weight in zip(tokens, self.weights, strict=True)]
        return torch.stack(parts).sum(dim=0)

    def bias(self, frames: Sequence[Frame], levels: Sequence[tuple[int, int]]) -> list[Tensor]:
        """What to add to attention logits: the log of a token's weight, -inf if it is left out.

        Args:
            frames: how each reference lies in the working picture.
            levels: (height, width) in tokens of each level of the U-Net.

        Returns:
            Per level (R * height * width,) float32; empty where it would be the same everywhere.
        """
        if len(set(self.weights)) == 1 == max(self.weights) and not any(
            mask is not None for mask in self.masks
        ):
            return []
        seen = [_seen(mask, frame, levels) for mask, frame in zip(self.masks, frames, strict=True)]
        return [
            torch.cat(
                [
                    torch.where(places, math.log(weight), -math.inf)
                    for places, weight in zip(level, self.weights, strict=True)
                ]
            )
            for level in zip(*seen, strict=True)
        ]


def _checked_mask(mask: Mask, number: int, size_px: tuple[int, int]) -> np.ndarray:
    values = np.asarray(mask.convert("L") if isinstance(mask, Image.Image) else mask) > 0
    if values.shape != size_px[::-1]:
        raise BadRequest(
            f"The mask of reference {number} has another size than the reference.",
            "Give a mask of the reference's size.",
        )
    if not values.any():
        raise BadRequest(
            f"The mask of reference {number} leaves nothing of it.",
            "Mark the part that counts, or remove the reference.",
        )
    return values


def _seen(mask: Mask | None, frame: Frame, levels: Sequence[tuple[int, int]]) -> list[Tensor]:
    """Per level (height * width,) bool: the tokens that show anything of what counts."""
    if mask is None:
        return [torch.ones(height * width, dtype=torch.bool) for height, width in levels]
    counts = (np.asarray(mask) > 0).astype(np.float32)
    # A reduced mask must not lose a small part, so any coverage counts, which bytes would round.
    placed = cv2.resize(counts, frame.placed_px, interpolation=cv2.INTER_AREA)
    whole = torch.from_numpy(padded(placed, frame, 0) > 0).float()[None, None]
    return [F.adaptive_max_pool2d(whole, level).flatten() > 0 for level in levels]
