# SPDX-License-Identifier: GPL-3.0-or-later
"""What the matcher sees of a picture in regions. Imports no torch.

The drawn part of a picture is laid into a square, and every region becomes a row: its place, size
and shape, what it touches, and how much of it lies in each cell of a grid, so that features of
pixels can be pooled over it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..flats.shapes import Borders, Shapes, describe
from ..flats.spreading import crowd
from ..flats.values import Regions
from ..lineart import shrink_lines

VIEW_PX = 128
"""Side of the square in which sizes are told."""
LINES_PX = 384
"""Side of the same square where its lines are looked at."""
GRID = VIEW_PX // 2
"""Cells a side that regions are pooled over."""
MOST_ROWS = 600
"""Regions of one picture that are looked at; the smallest are left out."""
SHAPE_FEATURES = 77
COLOUR_FEATURES = 4

_MARGIN = 0.04
"""Round the drawn part, as a share of its longer side."""
_MOST_SAMPLES = 1_500_000
_APART = 0.12
"""How far figures of a page lie apart at least, beside the larger one's longer side."""


@dataclass(frozen=True)
class View:
    """A picture in regions.

    Attributes:
        rows: (n,) int64, the regions that are looked at, the largest first.
        cells: (m,) int64, row * GRID**2 + cell, for each row and cell that share pixels.
        shares: (m,) float32, of the row's pixels, how many lie in the cell.
        shapes: (n, 77 + 4) float32, place, size and shape; then colour, zero without one.
        around: (n, n) float32, the share of the border of one row that it has with another.
        places: (n, 2) float32, middles in the square, -1 to 1.
    """

    rows: np.ndarray = field(repr=False)
    cells: np.ndarray = field(repr=False)
    shares: np.ndarray = field(repr=False)
    shapes: np.ndarray = field(repr=False)
    around: np.ndarray = field(repr=False)
    places: np.ndarray = field(repr=False)

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.rows)


Shaped = tuple[Shapes, Borders]
"""What :func:`.flats.shapes.describe` says of regions."""


def lineart_view(
    regions: Regions, described: Shaped | None = None, members: np.ndarray | None = None
) -> View:
    """Line art as the matcher sees it.

    Args:
        described: what is known of the regions already.
        members: (n,) int, the regions of one figure, which is looked at at its own scale; all of
            them if None.
    """
    return _view(regions, described or describe(regions), None, members)


def figures_apart(described: Shaped) -> list[np.ndarray]:
    """The regions of each figure of a page that shows several, clearly apart; what is small and
    lies alone belongs to the nearest. Empty where there is one."""
    shapes, borders = described
    found: list[tuple[np.ndarray, np.ndarray, int]] = []
    for rows in crowd(shapes, borders):
        half = 0.5 * np.sqrt(shapes.areas[rows])[:, None]
        low = (shapes.centres[rows] - half).min(axis=0)
        high = (shapes.centres[rows] + half).max(axis=0)
        found.append((rows, np.stack([low, high]), _ground(shapes, borders, rows)))
    merged: list[tuple[np.ndarray, np.ndarray]] = []
    while found:
        rows, box, ground = found.pop()
        # What stands in different panels is not one figure, however near.
        near = [
            at for at, (_, other, on) in enumerate(found) if on == ground and _close(box, other)
        ]
        if not near:
            merged.append((rows, box))
            continue
        other_rows, other, _ = found.pop(near[0])
        joined = np.stack([np.minimum(box[0], other[0]), np.maximum(box[1], other[1])])
        found.append((np.concatenate([rows, other_rows]), joined, ground))
    if len(merged) < 2:
        return []
    drawn = np.flatnonzero(~shapes.background & (shapes.areas > 0))
    at = shapes.centres[drawn]
    away = np.stack(
        [
            np.hypot(*np.maximum(np.maximum(box[0] - at, at - box[1]), 0).T)
            + 1e-6 * np.hypot(*(at - box.mean(axis=0)).T)
            for _, box in merged
        ]
    )
    owner = away.argmin(axis=0)
    for number, (rows, _) in enumerate(merged):
        owner[np.isin(drawn, rows)] = number
    return [drawn[owner == number] for number in range(len(merged))]


def _ground(shapes: Shapes, borders: Borders, rows: np.ndarray) -> int:
    """The paper, or ground of a panel, that most of the border of some regions lies along; -1 for
    none."""
    one, other = borders.pairs.T
    along = np.isin(one, rows) & shapes.background[other]
    if not along.any():
        return -1
    lengths = np.exp(shapes.outline[one[along]]) * np.sqrt(np.maximum(shapes.areas[one[along]], 1))
    return int(np.bincount(other[along], borders.shares[along] * lengths).argmax())


def _close(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two boxes (2, 2) may be of one figure."""
    gap = np.maximum(np.maximum(one[0] - other[1], other[0] - one[1]), 0)
    side = max(float((box[1] - box[0]).max()) for box in (one, other))
    return bool(np.hypot(*gap) < _APART * side)


def reference_view(
    regions: Regions,
    colours: np.ndarray,
    described: Shaped | None = None,
    members: np.ndarray | None = None,
) -> View:
    """A reference as the matcher sees it.

    Args:
        regions: of the reference, from :func:`.flats.shapes.cut_reference`.
        colours: (count, 3) uint8 of each region.
        described: what is known of the regions already.
        members: (n,) int, the regions of one figure of a model sheet, which is looked at at its own
            scale; all of them if None.
    """
    return _view(regions, described or describe(regions), colours, members)


@dataclass(frozen=True)
class _Frame:
    """A rectangle of a picture, and where it lies in a square of ``side`` pixels."""

    left: int
    top: int
    width: int
    height: int
    side: int

    @classmethod
    def of(cls, regions: Regions, members: np.ndarray | None, side: int) -> _Frame:
        """Round all that is drawn, or round some regions."""
        height, width = regions.labels.shape
        if members is None:
            drawn = ~regions.background[regions.labels]
            # Lines count as well: a figure may be open to the paper.
            drawn |= regions.lines > 0
        else:
            inside = np.zeros(regions.count, bool)
            inside[members] = True
            drawn = inside[regions.labels]
        columns, rows = np.flatnonzero(drawn.any(axis=0)), np.flatnonzero(drawn.any(axis=1))
        if not len(columns):
            columns, rows = np.arange(width), np.arange(height)
        x0, x1, y0, y1 = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
        margin = int(np.ceil(_MARGIN * max(x1 - x0, y1 - y0)))
        x0, y0 = max(0, x0 - margin), max(0, y0 - margin)
        x1, y1 = min(width, x1 + margin), min(height, y1 + margin)
        return cls(int(x0), int(y0), int(x1 - x0), int(y1 - y0), side)

    @property
    def scale(self) -> float:
        """Of the picture's pixels to the square's."""
        return self.side / max(self.width, self.height)

    @property
    def to(self) -> tuple[int, int]:
        """Left and top in the square, whose middle the rectangle's is."""
        width, height = self.size_px
        return (self.side - width) // 2, (self.side - height) // 2

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height) in the square."""
        return max(1, round(self.width * self.scale)), max(1, round(self.height * self.scale))

    def crop(self, plane: np.ndarray) -> np.ndarray:
        """The rectangle of a picture."""
        return plane[self.top : self.top + self.height, self.left : self.left + self.width]

    def laid(self, plane: np.ndarray) -> np.ndarray:
        """A scaled plane in the square."""
        square = np.zeros((self.side, self.side), plane.dtype)
        (height, width), (left, top) = plane.shape[:2], self.to
        square[top : top + height, left : left + width] = plane
        return square

    def placed(self, xy: np.ndarray) -> np.ndarray:
        """(n, 2) places of the picture in pixels of the square."""
        return (xy - (self.left, self.top)) * self.scale + self.to

    def cells(self, xs: np.ndarray, ys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Columns and rows of the grid that pixels (n,) and (m,) int of the picture lie in."""
        found = []
        for at, start, to in zip((xs, ys), (self.left, self.top), self.to):
            placed = ((at + 0.5 - start) * self.scale + to) * (GRID / self.side)
            found.append(np.clip(placed.astype(np.int64), 0, GRID - 1))
        return found[0], found[1]


def _view(
    regions: Regions,
    known: Shaped,
    colours: np.ndarray | None,
    members: np.ndarray | None,
) -> View:
    frame = _Frame.of(regions, members, VIEW_PX)
    described, borders = known
    rows = np.argsort(-described.areas, kind="stable")
    if members is not None:
        rows = rows[np.isin(rows, members)]
    rows = rows[:MOST_ROWS]
    rows = rows[described.areas[rows] > 0]
    cells, shares = _cells(frame, regions, rows)
    places = frame.placed(described.centres[rows]) / VIEW_PX * 2 - 1
    shapes = _shapes(described.take(rows), places, frame.scale)
    told = np.zeros((len(rows), COLOUR_FEATURES))
    if colours is not None:
        own = colours[rows].astype(np.int64)
        codes = own @ np.array([1 << 16, 1 << 8, 1])
        same = codes[:, None] == codes[None]
        areas = described.areas[rows]
        told[:, :3] = own / 127.5 - 1
        told[:, 3] = 0.2 * np.log(same @ areas / areas.sum())
    return View(
        rows,
        cells,
        shares,
        np.concatenate([shapes, told], axis=1).astype(np.float32),
        _around(borders, rows, regions.count),
        places.astype(np.float32),
    )


def lines_alone(regions: Regions, members: np.ndarray | None = None) -> np.ndarray:
    """(384, 384) uint8: the lines of what a view shows, of a reference what is no flat; 255 where a
    line is. Arguments as of :func:`lineart_view`."""
    frame = _Frame.of(regions, members, LINES_PX)
    lines = np.ascontiguousarray(frame.crop(regions.lines))
    return frame.laid(shrink_lines(lines, frame.size_px))


def _cells(frame: _Frame, regions: Regions, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows share pixels with which cells, and the share of the row that does."""
    rank = np.full(regions.count, -1, np.int64)
    rank[rows] = np.arange(len(rows))
    stride = max(1, round(np.sqrt(regions.labels.size / _MOST_SAMPLES)))
    ranks = rank[regions.labels[::stride, ::stride]]
    free = (regions.lines[::stride, ::stride] == 0) & (ranks >= 0)
    height, width = free.shape
    cell_x, cell_y = frame.cells(np.arange(width) * stride, np.arange(height) * stride)
    of = ranks[free]
    codes = of * GRID**2 + (cell_y[:, None] * GRID + cell_x)[free]
    if stride > 1:
        # Whoever the coarse look has missed is looked at pixel by pixel.
        missed = np.bincount(of, minlength=len(rows)) == 0
        every = (rank >= 0) & np.append(missed, False)[rank]
        ys, xs = np.nonzero(every[regions.labels] & (regions.lines == 0))
        more = rank[regions.labels[ys, xs]]
        cell_x, cell_y = frame.cells(xs, ys)
        of = np.concatenate([of, more])
        codes = np.concatenate([codes, more * GRID**2 + cell_y * GRID + cell_x])
    shared = np.bincount(codes, minlength=len(rows) * GRID**2)
    cells = np.flatnonzero(shared)
    whole = np.bincount(of, minlength=len(rows))
    return cells, (shared[cells] / whole[cells // GRID**2]).astype(np.float32)


def _shapes(shapes: Shapes, places: np.ndarray, scale: float) -> np.ndarray:
    """(n, 77): place, size and shape of each row."""
    waves = [np.pi * factor * places for factor in (0.5, 1, 2)]
    columns = [
        0.2 * np.log(shapes.areas * scale**2 + 1)[:, None],
        places,
        *(np.sin(wave) for wave in waves),
        *(np.cos(wave) for wave in waves),
        2 * shapes.radial,
        7 * shapes.coarse.reshape(shapes.count, -1),
        shapes.elongation[:, None],
        shapes.paper[:, None],
        shapes.cut[:, None],
        shapes.background[:, None],
        0.5 * shapes.degree[:, None],
        shapes.enclosed[:, None],
        0.4 * shapes.outline[:, None],
    ]
    return np.concatenate(columns, axis=1)


def _around(borders: Borders, rows: np.ndarray, count: int) -> np.ndarray:
    rank = np.full(count, -1, np.int64)
    rank[rows] = np.arange(len(rows))
    one, other = rank[borders.pairs].T
    known = (one >= 0) & (other >= 0)
    around = np.zeros((len(rows), len(rows)), np.float32)
    around[one[known], other[known]] = borders.shares[known]
    return around
