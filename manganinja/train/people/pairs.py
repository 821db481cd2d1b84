# SPDX-License-Identifier: GPL-3.0-or-later
"""Line art and a reference whose flats are known to the pixel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from ...flats.pixels import codes
from ...flats.regions import nearest_label

NOTHING, LINE = -1, -2
"""In flats: where nothing is painted, and where lines cover it."""

_LEAST_PX = 30
"""Of a flat: fewer pixels of a colour are mixtures."""
_TURN_DEG, _SCALE, _STRETCH, _SHEAR, _BENT, _MOVED = 12.0, 0.1, 0.08, 0.08, 0.02, 0.03
"""Deviations of a warp, the last two beside the picture's side."""
_MIRRORED = 0.35


@dataclass(frozen=True)
class PeoplePair:
    """Line art, and another drawing of its kind in colour, of one square size.

    Attributes:
        lines: (s, s) uint8, black on white.
        truth: (s, s) int64, 0xRRGGBB of the line art's flats, or NOTHING.
        reference: (s, s, 4) uint8, in colours of chance.
        flats: (s, s) int64, of the reference, in the colours of ``truth``; NOTHING, LINE.
        things: (2, s, s) int32 where both show the same drawing: which part of it is where in the
            line art and in the reference.
    """

    lines: np.ndarray = field(repr=False)
    truth: np.ndarray = field(repr=False)
    reference: np.ndarray = field(repr=False)
    flats: np.ndarray = field(repr=False)
    things: np.ndarray | None = field(default=None, repr=False)

    def warped(self, rng: np.random.Generator) -> PeoplePair:
        """With its line art turned, stretched, bent and sometimes mirrored."""
        where = _places(self.lines.shape[0], rng)
        things = self.things
        if things is not None:
            things = np.stack([_moved(things[0], where, 0), things[1]])
        lines = cv2.remap(
            self.lines, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=255
        )
        truth = _moved(self.truth, where, NOTHING)
        return replace(self, lines=lines, truth=truth, things=things)


def _places(side: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel (s, s) of a warped picture comes from, x and y float32."""
    turn, stretch = rng.normal(0, np.deg2rad(_TURN_DEG)), np.exp(rng.normal(0, _STRETCH))
    spin = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    way = spin @ [[stretch, rng.normal(0, _SHEAR)], [0, 1 / stretch]]
    way *= np.exp(rng.normal(0, _SCALE))
    if rng.random() < _MIRRORED:
        way[:, 0] *= -1
    ys, xs = np.mgrid[0:side, 0:side] - side / 2
    x, y = np.tensordot(way, np.stack([xs, ys]), axes=1)
    bent = rng.normal(0, _BENT * side, (2, 5, 5)).astype(np.float32)
    fields = [cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC) for one in bent]
    middle = side / 2 + rng.normal(0, _MOVED * side, 2)
    return tuple(  # type: ignore[return-value]
        (at + start + off).astype(np.float32) for at, start, off in zip((x, y), middle, fields)
    )


def _moved(plane: np.ndarray, where: tuple[np.ndarray, np.ndarray], outside: int) -> np.ndarray:
    # Through the places, as OpenCV takes no integers of this size.
    x, y = (np.rint(at).astype(int) for at in where)
    side = plane.shape[0]
    inside = (x >= 0) & (x < side) & (y >= 0) & (y < side)
    found = plane[np.clip(y, 0, side - 1), np.clip(x, 0, side - 1)]
    return np.where(inside, found, plane.dtype.type(outside))


def colour_codes(rgba: np.ndarray) -> np.ndarray:
    """(H, W) int64: 0xRRGGBB, or NOTHING where it is transparent."""
    return np.where(rgba[..., 3] >= 128, codes(rgba[..., :3]).astype(np.int64), NOTHING)


def plain_flats(flats: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Flats without mixtures, carried on under lines.

    Args:
        flats: (H, W) int64, as :func:`colour_codes` gives.
        lines: (H, W) bool.
    """
    plain = ~lines
    for axis in (0, 1):
        for step in (-1, 1):
            plain &= np.roll(flats, step, axis) == flats
    listed, number = np.unique(flats, return_inverse=True)
    number = number.reshape(flats.shape)
    enough = np.bincount(number[plain], minlength=len(listed)) >= _LEAST_PX
    plain &= enough[number]
    if not plain.any():
        return flats
    return listed[nearest_label(np.where(plain, number + 1, 0).astype(np.int32)) - 1]


def connected(flats: np.ndarray) -> np.ndarray:
    """(H, W) int32: a number for each connected part of one value, from 1."""
    parts, count = np.zeros(flats.shape, np.int32), 0
    for value in np.unique(flats):
        more, own = cv2.connectedComponents((flats == value).astype(np.uint8), connectivity=4)
        parts[own > 0] = own[own > 0] + count
        count += more - 1
    return parts


def borders(flats: np.ndarray) -> np.ndarray:
    """(H, W) uint8, 255 where two values meet."""
    met = np.zeros(flats.shape, np.uint8)
    met[:, 1:][flats[:, 1:] != flats[:, :-1]] = 255
    met[1:][flats[1:] != flats[:-1]] = 255
    return met


def shares_colours(truth: np.ndarray, listed: Sequence[int]) -> float:
    """How many of the colours of flats are among those listed, 0 to 1."""
    own = np.unique(truth[truth >= 0])
    return float(np.isin(own, listed).mean()) if len(own) else 0.0
