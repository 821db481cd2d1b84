# SPDX-License-Identifier: GPL-3.0-or-later
"""Point pairs and the point maps that PointNet reads."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import BadRequest
from .wire.protocol import Pair, Point

Position = tuple[float, float]

_NEAREST_FIRST = sorted(
    itertools.product(range(-2, 3), repeat=2), key=lambda offset: offset[0] ** 2 + offset[1] ** 2
)


@dataclass(frozen=True)
class PointPair:
    """Two places that belong together.

    Attributes:
        reference: (x, y) in pixels of the reference picture, origin at its top left corner.
        lineart: (x, y) in pixels of the line art.
        reference_index: which of several references, from 0.
    """

    reference: Position
    lineart: Position
    reference_index: int = 0


def check_inside(position: Position, size_px: tuple[int, int], what: str) -> None:
    """Raise :class:`BadRequest` unless ``position`` lies in a picture of (width, height)."""
    (x, y), (width, height) = position, size_px
    if not (0 <= x < width and 0 <= y < height):
        raise BadRequest(
            f"A point at ({x:g}, {y:g}) lies outside the {what} of {width} x {height} pixels.",
            "Move the point into the picture or delete it.",
        )


def map_pixel(
    position: Position, source_px: tuple[int, int], placed_px: tuple[int, int]
) -> tuple[int, int]:
    """(column, row) of a point map at which a place in a picture of ``source_px`` is seen."""
    (x, y), (width, height) = position, placed_px
    return (
        min(int(x * width / source_px[0]), width - 1),
        min(int(y * height / source_px[1]), height - 1),
    )


def draw_point_map(
    numbered: Sequence[tuple[int, Position]],
    source_px: tuple[int, int],
    placed_px: tuple[int, int],
    map_px: tuple[int, int],
) -> np.ndarray:
    """Write pair numbers into a map (paper, section 3.2).

    Args:
        numbered: (number from 1, (x, y) in the source picture) in the order of writing. Where the
            pixel is taken, the number goes to the nearest free one within two pixels. (The
            published code overwrites the earlier point without a word.)
        source_px: (width, height) of the picture that the points were placed on.
        placed_px: (width, height) that it has in the processed picture, at its top left.
        map_px: (width, height) of the processed picture, padding included.

    Returns:
        (H, W) float32, 0 where there is no point. Floats have no trouble with pair 256.
    """
    point_map = np.zeros((map_px[1], map_px[0]), np.float32)
    for number, position in numbered:
        column, row = map_pixel(position, source_px, placed_px)
        free = (
            (row + down, column + right)
            for down, right in _NEAREST_FIRST
            if 0 <= row + down < placed_px[1]
            and 0 <= column + right < placed_px[0]
            and point_map[row + down, column + right] == 0
        )
        point_map[next(free, (row, column))] = number
    return point_map


def pairs_inside(
    pairs: Sequence[Pair], lineart_px: tuple[int, int], references_px: Sequence[tuple[int, int]]
) -> tuple[dict[int, PointPair], list[str]]:
    """The pairs with both ends inside pictures of these (width, height), by their numbers from 1;
    sentences about the others."""

    def inside(at: Point, size_px: tuple[int, int]) -> bool:
        return 0 <= at.x_px < size_px[0] and 0 <= at.y_px < size_px[1]

    def usable(pair: Pair) -> bool:
        if not 0 <= pair.reference_index < len(references_px):
            return False
        reference_px = references_px[pair.reference_index]
        return inside(pair.reference, reference_px) and inside(pair.lineart, lineart_px)

    kept = {
        number: PointPair(
            (pair.reference.x_px, pair.reference.y_px),
            (pair.lineart.x_px, pair.lineart.y_px),
            pair.reference_index,
        )
        for number, pair in enumerate(pairs, start=1)
        if usable(pair)
    }
    left_out = [str(number) for number in range(1, len(pairs) + 1) if number not in kept]
    if not left_out:
        return kept, []
    which = "Pair" if len(left_out) == 1 else "Pairs"
    return kept, [f"{which} {', '.join(left_out)} lie outside the pictures and were not used."]
