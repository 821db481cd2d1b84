# SPDX-License-Identifier: GPL-3.0-or-later
"""What a picture is made of: shapes on a sheet, and the style that they are inked in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .geometry import Points

RGB = tuple[int, int, int]
BASE, SHADOW, LIGHT = 0, 1, 2


@dataclass(frozen=True)
class Drawing:
    """One rendered picture of side S.

    `colour` (S, S, 3) uint8 RGB has lines, shading and background; `flats` is the same without
    any line (colours meet under the lines); `lineart` (S, S) uint8 is black on white,
    anti-aliased; `parts` (S, S) uint8 is the part of each pixel, 0 the background. A part has the
    same number in every picture of the same character.
    """

    colour: np.ndarray
    flats: np.ndarray
    lineart: np.ndarray
    parts: np.ndarray


@dataclass(frozen=True)
class Style:
    """How a picture is inked. Widths are pixels of the finished picture, colours RGB 0..255.

    `shadow_rgb` multiplies a part's colour in its shadow; `gloss` adds highlights. `line_tint` 0..1
    gives lines the colour of what they bound, darkened; `pressure` 0..1 swells outlines away from
    the light; `gaps` is how many openings are rubbed into outlines; `marks` hatches or dots the
    shadows in the line art. None of the last three changes flats or parts.
    """

    line_width_px: float = 1.0
    line_rgb: RGB = (0, 0, 0)
    background_rgb: RGB = (255, 255, 255)
    shaded: bool = False
    light: tuple[float, float] = (-0.6, -0.8)
    shadow_rgb: tuple[float, float, float] = (0.72, 0.68, 0.78)
    gloss: bool = False
    line_tint: float = 0.0
    pressure: float = 0.0
    gaps: int = 0
    marks: str = "none"


@dataclass
class Shape:
    """One closed part outline, or (part None) an open ink stroke or a tone."""

    order: float
    points: Points
    part: str | None = None
    line: float = 1.0
    clip: tuple[str, ...] = ()
    shade: float = 0.12
    tone: int = BASE
    taper: bool = False
    dot: bool = False


@dataclass
class Sheet:
    """Shapes of one picture, collected in any order and painted by `order`."""

    shapes: list[Shape] = field(default_factory=list)

    def fill(
        self,
        order: float,
        part: str,
        points: Points,
        *,
        line: float = 1.0,
        clip: Sequence[str] = (),
        shade: float = 0.12,
    ) -> None:
        """Add a part; `line` 0 leaves it without outline, `clip` keeps it inside those parts."""
        self.shapes.append(Shape(order, points, part, line, tuple(clip), shade))

    def ink(
        self, order: float, points: Points, *, line: float = 0.8, clip: Sequence[str] = ()
    ) -> None:
        """Add an open stroke with tapering ends that belongs to the lines only."""
        self.shapes.append(Shape(order, points, None, line, tuple(clip), taper=True))

    def blot(self, order: float, points: Points, *, clip: Sequence[str] = ()) -> None:
        """Add a solid black area that belongs to the lines only."""
        self.shapes.append(Shape(order, points, None, 0.0, tuple(clip), dot=True))

    def tone(self, order: float, points: Points, clip: Sequence[str], tone: int) -> None:
        """Shade (or light) an area inside the parts given, without a line."""
        self.shapes.append(Shape(order, points, None, 0.0, tuple(clip), tone=tone))

    def add(self, other: Sheet, prefix: str = "", lift: float = 0.0) -> None:
        """Take over another sheet's shapes, their parts renamed and painted `lift` later."""
        for shape in other.shapes:
            shape.order += lift
            if prefix:
                shape.part = shape.part and prefix + shape.part
                shape.clip = tuple(prefix + name for name in shape.clip)
        self.shapes.extend(other.shapes)

    def names(self) -> set[str]:
        """Parts that have a shape here."""
        return {shape.part for shape in self.shapes if shape.part}

    def transform(self, matrix: np.ndarray) -> None:
        """Apply a (2, 3) affine matrix to every shape."""
        if not self.shapes:
            return
        moved = np.concatenate([shape.points for shape in self.shapes]) @ matrix[:, :2].T
        moved += matrix[:, 2]
        start = 0
        for shape in self.shapes:
            end = start + len(shape.points)
            shape.points = moved[start:end]
            start = end

    def turn(self, angle: float, about: Sequence[float]) -> None:
        """Rotate everything clockwise by an angle in radians."""
        c, s = np.cos(angle), np.sin(angle)
        linear, centre = np.array([[c, -s], [s, c]]), np.asarray(about)
        self.transform(np.column_stack([linear, centre - linear @ centre]))

    def bounds(self, parts: Sequence[str] | None = None) -> tuple[float, float, float, float]:
        """x0, y0, x1, y1 of all shapes, or of those whose part starts with a name given."""
        chosen = [
            s.points
            for s in self.shapes
            if s.part and (parts is None or s.part.startswith(tuple(parts)))
        ]
        if not chosen:
            return self.bounds() if parts is not None else (0.0, 0.0, 1.0, 1.0)
        points = np.concatenate(chosen)
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)
