# SPDX-License-Identifier: GPL-3.0-or-later
"""Palette votes from a soft correspondence between line art and references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from .palette import ReferenceFlats, entries_of
from .values import Palette

_FINE = 8
"""Pixels a side that a place of a reference is looked at with."""
_ENLARGED = 4
"""Votes are interpolated to so many places a side between two of the correspondence."""
_FLOOR = 1e-3


@dataclass(frozen=True)
class Part:
    """A rectangle of a page; all in shares of the page's width or height, 0 to 1."""

    left: float
    top: float
    width: float
    height: float

    def box(self, size_px: tuple[int, int]) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in whole pixels of a page of (width, height); never empty."""
        left = min(round(self.left * size_px[0]), size_px[0] - 1)
        top = min(round(self.top * size_px[1]), size_px[1] - 1)
        right = max(left + 1, round((self.left + self.width) * size_px[0]))
        bottom = max(top + 1, round((self.top + self.height) * size_px[1]))
        return left, top, min(right, size_px[0]), min(bottom, size_px[1])


@dataclass(frozen=True)
class Matches:
    """Where each place of the line art is found in the references.

    Attributes:
        weights: (h, w, R, h, w) float32: of place (y, x) of the line art on place (v, u) of
            reference r; all weights of one place of the line art sum to 1.
        lineart_part: shares of the grid's width and height, from its top left, that the line art
            fills; the rest is padding.
        reference_parts: the same for each reference.
        closer: the same of parts of the line art that were looked at enlarged.
    """

    weights: np.ndarray = field(repr=False)
    lineart_part: tuple[float, float]
    reference_parts: Sequence[tuple[float, float]]
    closer: tuple[tuple[Part, Matches], ...] = ()


References = Sequence[tuple[np.ndarray, ReferenceFlats | None]]


def palette_votes(matches: Matches, references: References, palette: Palette) -> np.ndarray:
    """How much each place of the line art is for each colour.

    Args:
        references: R pictures (H, W, 4) uint8, as large as they come, and what
            :func:`.palette.extract_palette` says of each, if anything.

    Returns:
        (y, x, K + 1) float32 in the drawing's aspect, "empty" last: what is transparent in a
        reference is for it. The votes of one place sum to 1.
    """
    votes = _votes_of(matches, references, palette)
    if not matches.closer:
        return votes
    near = [(part, _votes_of(closer, references, palette)) for part, closer in matches.closer]
    return _blended(votes, near)


def _votes_of(matches: Matches, references: References, palette: Palette) -> np.ndarray:
    h, w = matches.weights.shape[:2]
    shares = np.stack(
        [
            _shares(*reference, part, (h, w), palette)
            for reference, part in zip(references, matches.reference_parts, strict=True)
        ]
    )
    # Squared, a sure look counts for more than many doubtful ones ...
    sharp = np.square(matches.weights.reshape(h * w, -1))
    votes = (sharp / sharp.sum(axis=1, keepdims=True)) @ shares.reshape(-1, len(palette) + 1)
    # ... and a colour of which the reference is full is looked at by chance more often.
    votes /= np.sqrt(shares.mean(axis=(0, 1, 2)) + _FLOOR)
    return _without_padding(votes.reshape(h, w, -1), matches.lineart_part)


def _shares(
    picture: np.ndarray,
    flats: ReferenceFlats | None,
    part: tuple[float, float],
    grid: tuple[int, int],
    palette: Palette,
) -> np.ndarray:
    """(h, w, K + 1) float32: which share of each place of a reference has which colour, and which
    is transparent."""
    height, width = grid[0] * _FINE, grid[1] * _FINE
    size = max(1, round(part[0] * width)), max(1, round(part[1] * height))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_NEAREST)
    index = np.full((height, width), -1, np.int32)
    index[: size[1], : size[0]] = entries_of(small, palette, flats)
    blocks = index.reshape(grid[0], _FINE, grid[1], _FINE)
    planes = [(blocks == entry).mean(axis=(1, 3)) for entry in range(len(palette) + 1)]
    return np.stack(planes, axis=-1).astype(np.float32)


def _without_padding(votes: np.ndarray, part: tuple[float, float]) -> np.ndarray:
    h, w = votes.shape[:2]
    keep = max(1, round(part[1] * h * _ENLARGED)), max(1, round(part[0] * w * _ENLARGED))
    cropped = _resized(votes, (w * _ENLARGED, h * _ENLARGED))[: keep[0], : keep[1]]
    return cropped / np.maximum(cropped.sum(axis=-1, keepdims=True), 1e-9)


def _blended(votes: np.ndarray, closer: Sequence[tuple[Part, np.ndarray]]) -> np.ndarray:
    """Votes (y, x, K) of the page and of its parts together, at the parts' scale."""
    size = _scaled_to_parts(votes, closer)
    sums, weights = _resized(votes, size), np.ones((size[1], size[0], 1), np.float32)
    for part, seen in closer:
        left, top, right, bottom = part.box(size)
        fade = faded(right - left, bottom - top)
        sums[top:bottom, left:right] += fade * _resized(seen, (right - left, bottom - top))
        weights[top:bottom, left:right] += fade
    return sums / weights


def _scaled_to_parts(
    votes: np.ndarray, closer: Sequence[tuple[Part, np.ndarray]]
) -> tuple[int, int]:
    part = closer[0][0]
    return round(votes.shape[1] / part.width), round(votes.shape[0] / part.height)


def _resized(votes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    # Plane by plane: OpenCV resizes only so many channels at once.
    planes = [
        cv2.resize(np.ascontiguousarray(votes[..., entry]), size, interpolation=cv2.INTER_LINEAR)
        for entry in range(votes.shape[-1])
    ]
    return np.stack(planes, axis=-1)


def faded(width: int, height: int) -> np.ndarray:
    """(height, width, 1) float32: 1 in the middle of a part, towards 0 at its edges."""
    across, down = np.hanning(width + 2)[1:-1], np.hanning(height + 2)[1:-1]
    return np.outer(down, across)[..., None].astype(np.float32)
