# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs made of clips, as the training loop takes them. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from ...errors import BadRequest
from ...lineart import shrink_lines
from ..drawings import Drawing, DrawnPair, point_pairs
from .manifest import MANIFEST, Manifest

NO_PART = (0, 255)
"""Part ids of reference and target where nobody knows the parts: none agrees with any."""


@dataclass(frozen=True)
class ClipPair(DrawnPair):
    """Two frames of a clip in the place of two drawings.

    ``flats`` are the frames themselves, with their lines, so what is learned is the picture with
    its lines whatever ``lines_in_target`` says. Parts are not known: see :data:`NO_PART`. The
    reference has no line art (all paper).

    Attributes:
        points: (N, 2, 2) float32, reference (x, y) and target (x, y) of each pair.
    """

    points: np.ndarray = field(default_factory=lambda: np.zeros((0, 2, 2), np.float32))


def points_of(pair: DrawnPair, count: int, rng: np.random.Generator) -> np.ndarray:
    """Up to ``count`` places that are the same in both pictures, of clips and drawings alike.

    Returns (n, 2, 2) float32 as :func:`manganinja.train.drawings.point_pairs`.
    """
    if not isinstance(pair, ClipPair):
        return point_pairs(pair, count, rng)
    return pair.points[rng.permutation(len(pair.points))[: max(0, count)]]


class ClipPairs(Sequence[ClipPair]):
    """The pairs of one or more folders; a map-style data set for ``torch.utils.data``.

    Each time a pair is taken, a square window of both frames is chosen round one of its points, so
    both windows show the same thing; points outside are left out.

    Args:
        folders: outputs of ``manganinja train clips``.
        size_px: side of the square pictures.
        seed: of the windows that ``pairs[index]`` takes.
        closest: a window's side is at least this share of the shorter side.

    Raises:
        BadRequest: a folder has no manifest, or none has a pair.
    """

    def __init__(
        self, folders: Path | Sequence[Path], size_px: int, seed: int = 0, closest: float = 0.7
    ) -> None:
        self.size_px, self.seed, self.closest = size_px, seed, closest
        self._records: list[tuple[Path, dict[str, Any]]] = []
        for folder in [folders] if isinstance(folders, Path) else folders:
            manifest = Manifest(folder / MANIFEST)
            if not manifest.path.is_file():
                raise BadRequest(
                    f"{folder} has no {MANIFEST}.",
                    "Make pairs first: manganinja train clips --folder CLIPS --output PAIRS.",
                )
            manifest.refresh()
            self._records += [(folder, record) for record in manifest.pairs()]
        if not self._records:
            raise BadRequest("There is no pair in these folders.", "Use more or longer clips.")

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> ClipPair:  # type: ignore[override]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self.pair(index % len(self), np.random.default_rng([self.seed, index % len(self)]))

    def take(self, turn: int, count: int, rng: np.random.Generator) -> list[ClipPair]:
        """The ``count`` pairs of a turn, the first turn being 0."""
        return self.between(turn * count, (turn + 1) * count, rng)

    def between(self, first: int, end: int, rng: np.random.Generator) -> list[ClipPair]:
        """Those from one place to another of an endless row.

        In it all pairs come once, in an order of chance, before any comes again. Two readers of
        different ``seed`` have different rows.
        """
        return [self.pair(self._shuffled(place), rng) for place in range(first, end)]

    def _shuffled(self, place: int) -> int:
        epoch, within = divmod(place, len(self))
        return int(np.random.default_rng([self.seed, epoch, 1]).permutation(len(self))[within])

    def pair(self, index: int, rng: np.random.Generator) -> ClipPair:
        """One pair, in a window of chance."""
        folder, record = self._records[index]
        # Written as two pictures of one size and read together; a file that is gone is an error.
        reference, target = (_read(folder / record[name]) for name in ("reference", "target"))
        strength = 255 - _read(folder / record["lineart"], grey=True)
        points = np.array(record["points"], np.float32)[:, :4].reshape(-1, 2, 2)
        shorter = min(target.shape[:2])
        side = min(shorter, max(1, round(shorter * rng.uniform(self.closest, 1))))
        centre = points[rng.integers(len(points))] + rng.uniform(-side / 4, side / 4, 2)
        corners = [_corner(middle, side, target.shape[:2]) for middle in centre]
        moved = (points - np.array(corners, np.float32)) * (self.size_px / side)
        inside = ((moved >= 0) & (moved < self.size_px)).all(axis=(1, 2))
        drawings = [
            self._drawing(_cut(picture, corner, side), part)
            for picture, corner, part in zip((reference, target), corners, NO_PART)
        ]
        size = (self.size_px, self.size_px)
        lineart = 255 - shrink_lines(_cut(strength, corners[1], side), size)
        reference_drawing, drawn = drawings
        drawn = Drawing(drawn.colour, drawn.flats, lineart, drawn.parts)
        return ClipPair(reference_drawing, drawn, moved[inside])

    def _drawing(self, picture: np.ndarray, part: int) -> Drawing:
        size = (self.size_px, self.size_px)
        smaller = picture.shape[0] > self.size_px
        how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        colour = cv2.resize(picture, size, interpolation=how)
        white, parts = np.full(size, 255, np.uint8), np.full(size, part, np.uint8)
        return Drawing(colour, colour, white, parts)


class Pool(Protocol):
    """Gives the pairs of a turn, such as :class:`manganinja.train.pool.DrawingPool`."""

    def take(self, turn: int, count: int, rng: np.random.Generator) -> Sequence[DrawnPair]: ...


class MixedPool:
    """Drawings and clips in one batch.

    Args:
        share: of clips, 0 to 1; over many turns it is exact.
    """

    def __init__(self, drawings: Pool, clips: ClipPairs, share: float) -> None:
        self._drawings, self._clips, self._share = drawings, clips, share

    def take(self, turn: int, count: int, rng: np.random.Generator) -> list[DrawnPair]:
        """The ``count`` pairs of a turn in an order of chance (rows of a batch differ in use)."""
        first, end = (int(t * count * self._share) for t in (turn, turn + 1))
        clips = self._clips.between(first, end, rng)
        left = count - len(clips)
        # The turn in which so many drawings were taken before, if each took as many as this one.
        even = int(turn * count * (1 - self._share) / left) if left else 0
        pairs = [*clips, *(self._drawings.take(even, left, rng) if left else ())]
        return [pairs[index] for index in rng.permutation(count)]


def _read(path: Path, grey: bool = False) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR_RGB)
    if picture is None:
        raise BadRequest(
            f"{path} is missing or damaged.",
            "Delete this folder's manifest and make the pairs again.",
        )
    return picture


def _corner(middle: np.ndarray, side: int, size: tuple[int, ...]) -> tuple[int, int]:
    """x, y of a window of that side round a place, moved into the picture (height, width)."""
    x, y = (int(np.clip(m - side / 2, 0, most - side)) for m, most in zip(middle, size[::-1]))
    return x, y


def _cut(picture: np.ndarray, corner: tuple[int, int], side: int) -> np.ndarray:
    return picture[corner[1] : corner[1] + side, corner[0] : corner[0] + side]
