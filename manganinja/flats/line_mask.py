# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pixels a line covers: for black, white, coloured, soft and aliased lines."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from ..errors import BadRequest

_FAINTEST = 24
"""Ink up to which a pixel is grain of the paper, of 255."""
_MOST_LINE = 0.9
"""Share of a picture that lines may cover."""


def ink(lineart: Image.Image) -> np.ndarray:
    """How far each pixel is from bare paper.

    Unlike :func:`manganinja.lineart.line_strength`, which looks at brightness as the networks do,
    this sees a yellow trace line on white as well as a black one: the channel that differs most
    from the paper counts.

    Returns:
        (H, W) uint8, 0 = paper, 255 = full line.
    """
    if lineart.mode in ("1", "L") and not lineart.has_transparency_data:
        grey = np.asarray(lineart.convert("L"))
        return 255 - grey if _median(grey) >= 128 else grey
    if not lineart.has_transparency_data:
        return _from_paper(np.asarray(lineart.convert("RGB")))
    rgba = np.asarray(lineart.convert("RGBA"))
    alpha = cv2.extractChannel(rgba, 3)
    covered = cv2.countNonZero(cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)[1])
    if covered == alpha.size:
        return _from_paper(rgba[..., :3])
    if not _has_fills(rgba, alpha):
        return alpha
    darkest = rgba[..., :3].min(axis=2)
    return cv2.multiply(255 - darkest, alpha, scale=1 / 255)


def _has_fills(rgba: np.ndarray, alpha: np.ndarray) -> bool:
    """Whether a transparent layer has white areas inside its lines, which are paper."""
    solid = alpha > 250
    if not solid.any():
        return False
    sample = rgba[::4, ::4, :3][solid[::4, ::4]]
    if not len(sample):
        return False
    white = (sample.min(axis=1) > 230).mean()
    return 0.05 < white < 0.995


def _median(grey: np.ndarray) -> int:
    counts = cv2.calcHist([grey], [0], None, [256], [0, 256]).ravel()
    return int(np.searchsorted(counts.cumsum(), counts.sum() / 2))


def _from_paper(rgb: np.ndarray) -> np.ndarray:
    """Largest difference of a channel from the paper, which is what most of the picture is."""
    channels = cv2.split(rgb)
    papers = [_median(channel) for channel in channels]
    differences = [
        cv2.absdiff(channel, np.full_like(channel, paper))
        for channel, paper in zip(channels, papers, strict=True)
    ]
    farthest = np.maximum(np.maximum(differences[0], differences[1]), differences[2])
    reach = max(max(paper, 255 - paper) for paper in papers)
    return farthest if reach >= 250 else cv2.convertScaleAbs(farthest, alpha=255 / reach)


def line_mask(strength: np.ndarray) -> np.ndarray:
    """Where a line covers the pixel at least half.

    "Half" is half of what this drawing's lines reach, so that pencil is seen as well as ink.

    Args:
        strength: (H, W) uint8 from :func:`ink`.

    Returns:
        (H, W) uint8, 255 = line, else 0.

    Raises:
        BadRequest: there are no lines, or hardly anything else.
    """
    counts = cv2.calcHist([strength], [0], None, [256], [0, 256]).ravel()
    counts[: _FAINTEST + 1] = 0
    inked = counts.sum()
    if inked < max(1.0, 1e-5 * strength.size):
        raise BadRequest(
            "The line art is empty.", "Choose the layer that has the lines, or draw on it first."
        )
    full = int(np.searchsorted(counts.cumsum(), inked * 0.8))
    threshold = max(_FAINTEST, full // 2)
    mask = cv2.threshold(strength, threshold, 255, cv2.THRESH_BINARY)[1]
    if cv2.countNonZero(mask) > _MOST_LINE * mask.size:
        raise BadRequest(
            "The line art is almost all ink: there is nothing to fill.",
            "Choose the layer that has the lines; a finished picture is not line art.",
        )
    return mask
