# SPDX-License-Identifier: GPL-3.0-or-later
"""Line art recognised in any polarity, and kept visible when made small. Imports no torch.

Pictures of a hundred megapixels pass through here, so everything stays in bytes.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from .errors import BadRequest
from .files import eight_bit

FAINTEST_LINE = 0.24
"""Line strength, as a share of a full line, up to which the published code takes it for paper."""


def line_strength(lineart: Image.Image) -> np.ndarray:
    """How much line there is in each pixel of a line-art picture, whatever its convention.

    Black on white, white on black and either of them on transparency are told apart: transparent
    pixels are paper, and the paper's brightness is the brightness of most of the picture. (The
    published code knows black on white alone.)

    Returns:
        (H, W) uint8, 0 = paper, 255 = full line.
    """
    grey, white_paper = _on_paper(lineart)
    return 255 - grey if white_paper else grey


def _on_paper(lineart: Image.Image) -> tuple[np.ndarray, bool]:
    """uint8 grey picture without transparency, and whether its paper is white."""
    lineart = eight_bit(lineart)
    transparent = lineart.has_transparency_data
    if transparent and lineart.mode not in ("RGBA", "LA"):
        lineart = lineart.convert("RGBA")
    grey = np.asarray(lineart.convert("L"))
    if not transparent:
        return grey, _percentile(grey, None, 50) >= 128
    alpha = np.asarray(lineart.getchannel("A"))
    drawn = cv2.threshold(alpha, 127, 255, cv2.THRESH_BINARY)[1]
    share = cv2.countNonZero(drawn) / drawn.size
    if share == 1:
        return grey, _percentile(grey, None, 50) >= 128
    # White lines on transparency would vanish on white paper, so they get black paper. White with
    # a few dark pixels is a drawing with white fills.
    white_paper = share == 0 or _percentile(grey, drawn, 1) <= 200
    flat = cv2.multiply(grey, alpha, scale=1 / 255)
    return (cv2.add(flat, 255 - alpha) if white_paper else flat), white_paper


def _percentile(grey: np.ndarray, mask: np.ndarray | None, percent: float) -> int:
    """The brightness that ``percent`` of the pixels (where ``mask`` is set) do not exceed."""
    counts = cv2.calcHist([grey], [0], mask, [256], [0, 256]).ravel()
    return int(np.searchsorted(counts.cumsum(), counts.sum() * percent / 100))


def check_has_lines(strength: np.ndarray) -> None:
    """Raise :class:`BadRequest` when a picture has no lines, or hardly any.

    Args:
        strength: (H, W) line strength, uint8 to 255 or float32 to 1.
    """
    if not has_lines(strength):
        raise BadRequest(
            "The line art is empty.", "Choose the layer that has the lines, or draw on it first."
        )


def has_lines(strength: np.ndarray) -> bool:
    """Whether there is more to see in (H, W) line strength than a speck."""
    faintest = FAINTEST_LINE * (255 if strength.dtype == np.uint8 else 1)
    inked = cv2.countNonZero(cv2.threshold(strength, faintest, 255, cv2.THRESH_BINARY)[1])
    return inked >= 1e-5 * strength.size


def line_width_px(strength: np.ndarray) -> float:
    """Typical width of the lines: twice their area over the length of their edges.

    Args:
        strength: (H, W) line strength, uint8 to 255 or float32 to 1.
    """
    gx = cv2.norm(strength[:, 1:], strength[:, :-1], cv2.NORM_L1)
    gy = cv2.norm(strength[1:], strength[:-1], cv2.NORM_L1)
    # The sum of |gx| + |gy| overestimates a slanted edge's length by 4 / pi on average.
    edges = (gx + gy) * np.pi / 4
    return 2 * cv2.sumElems(strength)[0] / edges if edges > 0 else 0.0


def shrink_lines(strength: np.ndarray, size_px: tuple[int, int]) -> np.ndarray:
    """Reduce line strength, uint8 or float32, to (width, height) so that thin lines stay lines.

    A line of 6 px on a page of 3508 px is a quarter of a pixel wide at 128 px and would be taken
    for paper. Lines are widened first until they are about one pixel wide at the new size.
    """
    factor = max(strength.shape[1] / size_px[0], strength.shape[0] / size_px[1])
    if factor > 1:
        strength = _widened(strength, round(factor - line_width_px(strength)))
    interpolation = cv2.INTER_AREA if factor > 1 else cv2.INTER_CUBIC
    return cv2.resize(strength, size_px, interpolation=interpolation)


def _widened(strength: np.ndarray, by_px: int) -> np.ndarray:
    """Lines wider by so many pixels: cross and square in turn, which together make an octagon.

    Many small dilations take a twentieth of the time of one with a large round element.
    """
    square = np.ones((3, 3), np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for index in range(by_px // 2):
        strength = cv2.dilate(strength, square if index % 2 else cross)
    if by_px > 0 and by_px % 2:
        strength = cv2.dilate(strength, np.ones((2, 2), np.uint8))
    return strength
