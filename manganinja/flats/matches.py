# SPDX-License-Identifier: GPL-3.0-or-later
"""Palette votes from a soft correspondence between line art and references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from .palette import nearest
from .values import Palette

_FINE = 8
"""Pixels a side that a place of a reference is looked at with."""
_ENLARGED = 4
"""Votes are interpolated to so many places a side between two of the correspondence."""
_FLOOR = 1e-3


@dataclass(frozen=True)
class Matches:
    """Where each place of the line art is found in the references.

    Attributes:
        weights: (h, w, R, h, w) float32: of place (y, x) of the line art on place (v, u) of
            reference r; all weights of one place of the line art sum to 1.
        lineart_part: shares of the grid's width and height, from its top left, that the line art
            fills; the rest is padding.
        reference_parts: the same for each reference.
    """

    weights: np.ndarray = field(repr=False)
    lineart_part: tuple[float, float]
    reference_parts: Sequence[tuple[float, float]]


def palette_votes(
    matches: Matches, references: Sequence[np.ndarray], palette: Palette
) -> np.ndarray:
    """How much each place of the line art is for each colour.

    Args:
        references: R pictures (H, W, 4) uint8, as large as they come.

    Returns:
        (y, x, K) float32 in the drawing's aspect; the K votes of one place sum to 1.
    """
    h, w = matches.weights.shape[:2]
    shares = np.stack(
        [
            _shares(picture, part, (h, w), palette)
            for picture, part in zip(references, matches.reference_parts, strict=True)
        ]
    )
    # Squared, a sure look counts for more than many doubtful ones ...
    sharp = np.square(matches.weights.reshape(h * w, -1))
    votes = (sharp / sharp.sum(axis=1, keepdims=True)) @ shares.reshape(-1, len(palette))
    # ... and a colour of which the reference is full is looked at by chance more often.
    votes /= np.sqrt(shares.mean(axis=(0, 1, 2)) + _FLOOR)
    return _without_padding(votes.reshape(h, w, -1), matches.lineart_part)


def _shares(
    picture: np.ndarray, part: tuple[float, float], grid: tuple[int, int], palette: Palette
) -> np.ndarray:
    """(h, w, K) float32: which share of each place of a reference has which colour."""
    height, width = grid[0] * _FINE, grid[1] * _FINE
    size = max(1, round(part[0] * width)), max(1, round(part[1] * height))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
    index = np.full((height, width), -1, np.int32)
    opaque = small[..., 3] >= 128
    index[: size[1], : size[0]] = np.where(opaque, nearest(palette, small[..., :3]), -1)
    blocks = index.reshape(grid[0], _FINE, grid[1], _FINE)
    planes = [(blocks == entry).mean(axis=(1, 3)) for entry in range(len(palette))]
    return np.stack(planes, axis=-1).astype(np.float32)


def _without_padding(votes: np.ndarray, part: tuple[float, float]) -> np.ndarray:
    h, w = votes.shape[:2]
    keep = max(1, round(part[1] * h * _ENLARGED)), max(1, round(part[0] * w * _ENLARGED))
    size = (w * _ENLARGED, h * _ENLARGED)
    planes = [
        cv2.resize(np.ascontiguousarray(votes[..., entry]), size, interpolation=cv2.INTER_LINEAR)
        for entry in range(votes.shape[-1])
    ]
    cropped = np.stack([plane[: keep[0], : keep[1]] for plane in planes], axis=-1)
    return cropped / np.maximum(cropped.sum(axis=-1, keepdims=True), 1e-9)
