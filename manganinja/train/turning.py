# SPDX-License-Identifier: GPL-3.0-or-later
"""Flips and rotations of one side of a pair, with everything that knows a place in it."""

from __future__ import annotations

import cv2
import numpy as np

from .drawings import Drawing


def random_turn(
    size_px: int, mirrored: float, turned: float, rng: np.random.Generator
) -> np.ndarray | None:
    """A random affine map (2, 3) of a square onto itself, or None where nothing is to be done.

    Args:
        mirrored: probability that it mirrors.
        turned: probability that it turns, by any angle, about the middle.
    """
    mirror, turn = rng.random() < mirrored, rng.random() < turned
    if not (mirror or turn):
        return None
    angle = rng.uniform(0, 2 * np.pi) if turn else 0.0
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) @ np.diag([-1.0 if mirror else 1.0, 1.0])
    middle = np.full(2, size_px / 2)
    return np.column_stack([linear, middle - linear @ middle])


def turned_points(points: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Where points (n, 2), x and y in pixels of which pixel i covers [i, i + 1), come to lie."""
    return (points @ turn[:, :2].T + turn[:, 2]).astype(points.dtype)


def turned_drawing(drawing: Drawing, turn: np.ndarray) -> Drawing:
    """The drawing under that map; beyond its edges it goes on as its mirror image."""
    # OpenCV's pixel i lies at i, ours covers [i, i + 1).
    shift = turn[:, :2] @ np.full(2, 0.5) + turn[:, 2] - 0.5
    matrix = np.column_stack([turn[:, :2], shift])
    size = drawing.parts.shape[::-1]

    def warped(picture: np.ndarray, interpolation: int) -> np.ndarray:
        return cv2.warpAffine(
            picture, matrix, size, flags=interpolation, borderMode=cv2.BORDER_REFLECT
        )

    return Drawing(
        colour=warped(drawing.colour, cv2.INTER_LINEAR),
        flats=warped(drawing.flats, cv2.INTER_LINEAR),
        lineart=warped(drawing.lineart, cv2.INTER_LINEAR),
        parts=warped(drawing.parts, cv2.INTER_NEAREST),
    )
