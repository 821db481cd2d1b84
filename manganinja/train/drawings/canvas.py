# SPDX-License-Identifier: GPL-3.0-or-later
"""Paints a list of shapes as colours, flats, line art and part map in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from .geometry import Points, brush

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
        moved = np.concatenate([shape.points for shape in self.shapes]) @ matrix[:, :2].T
        moved += matrix[:, 2]
        start = 0
        for shape in self.shapes:
            end = start + len(shape.points)
            shape.points = moved[start:end]
            start = end

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
            points = brush(points, max(self.width * shape.line / 2, 0.8))
        window = self._window(points, self.width * max(shape.line, 0.5) / 2 + 2)
        if window is None:
            return
        rows, columns = window
        fixed = _fixed(points - (columns.start, rows.start))
        if shape.part is not None and not shape.clip and not self.style.shaded:
            cv2.fillPoly(self.parts[window], [fixed], self.ids[shape.part], shift=_FRACTION_BITS)
            cv2.fillPoly(self.ink[window], [fixed], 0, shift=_FRACTION_BITS)
            self._outline(shape, window, fixed, None)
            return
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        cv2.fillPoly(mask, [fixed], 1, shift=_FRACTION_BITS)
        inside, allowed = mask.view(np.bool_), self._allowed(shape, window)
        if allowed is not None:
            inside &= allowed
        if shape.part is not None:
            np.copyto(self.parts[window], self.ids[shape.part], where=inside)
            np.copyto(self.ink[window], 0, where=inside)
            self._shade(shape, window, inside, fixed)
            self._outline(shape, window, fixed, allowed)
        elif shape.taper or shape.dot:
            np.copyto(self.ink[window], 255, where=inside)
        elif self.style.shaded and (shape.tone != LIGHT or self.style.gloss):
            np.copyto(self.tones[window], shape.tone, where=inside)

    def _window(self, points: Points, margin: float) -> tuple[slice, slice] | None:
        (x0, y0), (x1, y1) = points.min(axis=0) - margin, points.max(axis=0) + margin
        x0, y0 = max(int(x0), 0), max(int(y0), 0)
        x1, y1 = min(int(x1) + 1, self.side), min(int(y1) + 1, self.side)
        return None if x0 >= x1 or y0 >= y1 else (slice(y0, y1), slice(x0, x1))

    def _allowed(self, shape: Shape, window: tuple[slice, slice]) -> np.ndarray | None:
        if not shape.clip:
            return None
        table = np.zeros(256, np.bool_)
        table[[self.ids[name] for name in shape.clip]] = True
        return table[self.parts[window]]

    def _outline(
        self,
        shape: Shape,
        window: tuple[slice, slice],
        fixed: np.ndarray,
        allowed: np.ndarray | None,
    ) -> None:
        if shape.line <= 0:
            return
        # Thinner than this a line turns grey when the canvas shrinks.
        thickness = max(1 if shape.line < 0.6 else 2, round(self.width * shape.line))
        ink = self.ink[window]
        if allowed is None:
            cv2.polylines(ink, [fixed], True, 255, thickness, cv2.LINE_8, _FRACTION_BITS)
            return
        outline = np.zeros_like(ink)
        cv2.polylines(outline, [fixed], True, 1, thickness, cv2.LINE_8, _FRACTION_BITS)
        np.copyto(ink, 255, where=outline.view(np.bool_) & allowed)

    def _shade(
        self, shape: Shape, window: tuple[slice, slice], inside: np.ndarray, fixed: np.ndarray
    ) -> None:
        if not self.style.shaded:
            return
        tones = self.tones[window]
        np.copyto(tones, BASE, where=inside)
        if shape.shade <= 0:
            return
        extent = (fixed.max(axis=0) - fixed.min(axis=0)).min()
        moved = fixed + (np.array(self.style.light) * extent * shape.shade).astype(np.int32)
        lit = np.zeros(inside.shape, np.uint8)
        cv2.fillPoly(lit, [moved], 1, shift=_FRACTION_BITS)
        np.copyto(tones, SHADOW, where=inside & ~lit.view(np.bool_))


def _table(ids: Mapping[str, int], palette: Mapping[str, RGB], style: Style) -> np.ndarray:
    """RGB and a zero for every (tone, part), packed, (768,) uint32."""
    base = np.zeros((256, 3), np.float64)
    base[0] = style.background_rgb
    for name, number in ids.items():
        if name in palette:
            base[number] = palette[name]
    table = np.stack([base, base * style.shadow_rgb, base + (255 - base) * 0.45], axis=0)
    table[:, 0] = style.background_rgb
    packed = np.zeros((len(table) * 256, 4), np.uint8)
    packed[:, :3] = np.clip(np.round(table), 0, 255).reshape(-1, 3)
    return packed.view(np.uint32)[:, 0]


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
    sheet.transform(np.array([[scale, 0.0, 0.0], [0.0, scale, 0.0]]))
    for shape in sorted(sheet.shapes, key=lambda s: s.order):
        canvas.paint(shape)
    table = _table(ids, palette, style)
    index = canvas.parts
    if style.shaded:
        index = canvas.tones.astype(np.uint16) * 256 + canvas.parts
    fine = table[index].view(np.uint8).reshape(side, side, 4)
    size = (size_px, size_px)
    flats = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)[..., :3].copy()
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
