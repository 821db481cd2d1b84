# SPDX-License-Identifier: GPL-3.0-or-later
"""Paints a list of shapes as colours, flats, line art and part map in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from .geometry import Points, normals

RGB = tuple[int, int, int]
BASE, SHADOW, LIGHT = 0, 1, 2
_FRACTION_BITS = 4


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
    """How a picture is inked. Widths are pixels of the finished picture, colours RGB 0..255."""

    line_width_px: float = 1.0
    line_rgb: RGB = (0, 0, 0)
    background_rgb: RGB = (255, 255, 255)
    shaded: bool = False
    light: tuple[float, float] = (-0.6, -0.8)
    shadow_rgb: tuple[float, float, float] = (0.72, 0.68, 0.78)
    gloss: bool = False


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

    def transform(self, matrix: np.ndarray) -> None:
        """Apply a (2, 3) affine matrix to every shape."""
        for shape in self.shapes:
            shape.points = shape.points @ matrix[:, :2].T + matrix[:, 2]

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


def oversampling(size_px: int) -> int:
    """How much larger than the picture the canvas is."""
    return 3 if size_px <= 160 else 2


def _fixed(points: Points) -> np.ndarray:
    return np.round((points - 0.5) * (1 << _FRACTION_BITS)).astype(np.int32)


def _stroke_outline(points: Points, half_width: float) -> Points:
    """Outline of a stroke that is thick in the middle and thin at both ends."""
    along = np.linspace(0, np.pi, len(points))
    side = normals(points) * (half_width * (0.35 + 0.65 * np.sin(along)))[:, None]
    return np.concatenate([points + side, (points - side)[::-1]])


class _Canvas:
    """Three supersampled planes: part numbers, tones, ink."""

    def __init__(self, side: int, ids: Mapping[str, int], style: Style, scale: int):
        self.side, self.ids, self.style = side, ids, style
        self.parts = np.zeros((side, side), np.uint8)
        self.tones = np.zeros((side, side), np.uint8)
        self.ink = np.zeros((side, side), np.uint8)
        self.width = style.line_width_px * scale

    def paint(self, shape: Shape) -> None:
        points = shape.points
        if shape.part is None and shape.taper:
            points = _stroke_outline(points, max(self.width * shape.line / 2, 0.55))
        margin = self.width * max(shape.line, 0.5) / 2 + 2
        (x0, y0), (x1, y1) = points.min(axis=0) - margin, points.max(axis=0) + margin
        x0, y0 = max(int(x0), 0), max(int(y0), 0)
        x1, y1 = min(int(x1) + 1, self.side), min(int(y1) + 1, self.side)
        if x0 >= x1 or y0 >= y1:
            return
        window = (slice(y0, y1), slice(x0, x1))
        fixed = _fixed(points - (x0, y0))
        inside = np.zeros((y1 - y0, x1 - x0), np.uint8)
        cv2.fillPoly(inside, [fixed], 255, shift=_FRACTION_BITS)
        allowed = self._allowed(shape, window)
        if allowed is not None:
            inside &= allowed
        if shape.part is not None:
            self._paint_part(shape, window, inside, fixed, allowed)
        elif shape.taper or shape.dot:
            ink = self.ink[window]
            np.maximum(ink, inside, out=ink)
        elif self.style.shaded and (shape.tone != LIGHT or self.style.gloss):
            self.tones[window][inside > 0] = shape.tone

    def _allowed(self, shape: Shape, window: tuple[slice, slice]) -> np.ndarray | None:
        if not shape.clip:
            return None
        table = np.zeros(256, np.uint8)
        table[[self.ids[name] for name in shape.clip]] = 255
        return table[self.parts[window]]

    def _paint_part(self, shape, window, inside, fixed, allowed) -> None:
        assert shape.part is not None
        mask = inside > 0
        self.parts[window][mask] = self.ids[shape.part]
        ink = self.ink[window]
        ink[mask] = 0
        if self.style.shaded:
            self.tones[window][mask] = BASE
            if shape.shade > 0:
                self._shade(shape, window, inside, fixed)
        if shape.line <= 0:
            return
        thickness = max(1, round(self.width * shape.line))
        if allowed is None:
            cv2.polylines(ink, [fixed], True, 255, thickness, cv2.LINE_8, _FRACTION_BITS)
            return
        outline = np.zeros_like(ink)
        cv2.polylines(outline, [fixed], True, 255, thickness, cv2.LINE_8, _FRACTION_BITS)
        np.maximum(ink, outline & allowed, out=ink)

    def _shade(self, shape, window, inside, fixed) -> None:
        extent = (fixed.max(axis=0) - fixed.min(axis=0)).min()
        light = np.array(self.style.light)
        moved = fixed + (light * extent * shape.shade).astype(np.int32)
        lit = np.zeros_like(inside)
        cv2.fillPoly(lit, [moved], 255, shift=_FRACTION_BITS)
        self.tones[window][(inside > 0) & (lit == 0)] = SHADOW


def _table(ids: Mapping[str, int], palette: Mapping[str, RGB], style: Style) -> np.ndarray:
    """RGB of every (part, tone), (768, 3) uint8."""
    base = np.zeros((256, 3), np.float64)
    base[0] = style.background_rgb
    for name, number in ids.items():
        if name in palette:
            base[number] = palette[name]
    table = np.stack([base, base * style.shadow_rgb, base + (255 - base) * 0.45], axis=0)
    table[:, 0] = style.background_rgb
    return np.clip(np.round(table), 0, 255).astype(np.uint8).reshape(-1, 3)


def paint(
    sheet: Sheet,
    palette: Mapping[str, RGB],
    ids: Mapping[str, int],
    size_px: int,
    style: Style,
) -> Drawing:
    """Render shapes whose points are already in pixels of the finished picture.

    `palette` gives a colour and `ids` a number 1..255 for every part used.
    """
    scale = oversampling(size_px)
    side = size_px * scale
    canvas = _Canvas(side, ids, style, scale)
    for shape in sorted(sheet.shapes, key=lambda s: s.order):
        shape.points = shape.points * scale
        canvas.paint(shape)
    table = _table(ids, palette, style)
    fine = table[canvas.tones.astype(np.uint16) * 256 + canvas.parts]
    size = (size_px, size_px)
    flats = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
    ink = cv2.resize(canvas.ink, size, interpolation=cv2.INTER_AREA)
    cover = (ink.astype(np.float32) / 255)[..., None]
    colour = flats + (np.array(style.line_rgb, np.float32) - flats) * cover
    centre = scale // 2
    return Drawing(
        colour=np.round(colour).astype(np.uint8),
        flats=flats,
        lineart=255 - ink,
        parts=np.ascontiguousarray(canvas.parts[centre::scale, centre::scale]),
    )
