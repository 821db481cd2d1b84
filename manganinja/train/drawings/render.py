# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders a sheet as colours, flats, line art and part map in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np

from .canvas import BASE, LIGHT, RGB, SHADOW, Drawing, Shape, Sheet, Style
from .geometry import brushes

_FRACTION_BITS = 4
_ONE = 1 << _FRACTION_BITS
_SMALLEST_SHADED = 8 * _ONE
_Window = tuple[slice, slice]


def oversampling(size_px: int) -> int:
    """How much larger than the picture the canvas is."""
    return 3 if size_px <= 160 else 2


def _outlines(
    shapes: Sequence[Shape], scale: int, line_px: float, side: int
) -> Iterator[tuple[Shape, np.ndarray, _Window]]:
    """The shapes that show, each with its outline (in 1/16 px of its window) and that window.

    All outlines are worked on at once: there are a hundred small ones in a picture.
    """
    strokes = [s for s in shapes if s.part is None and s.taper]
    widths = [max(line_px * s.line / 2, 0.8) for s in strokes]
    stroked = iter(brushes([s.points * scale for s in strokes], widths))
    points = [next(stroked) if s.part is None and s.taper else s.points * scale for s in shapes]
    counts = np.array([len(p) for p in points])
    ends = np.cumsum(counts)
    starts = ends - counts
    every = np.concatenate(points)
    margin = np.array([line_px * max(s.line, 0.5) / 2 + 2 for s in shapes])[:, None]
    low = np.maximum(np.minimum.reduceat(every, starts) - margin, 0).astype(np.int64)
    high = np.minimum((np.maximum.reduceat(every, starts) + margin).astype(np.int64) + 1, side)
    fixed = np.rint((every - 0.5 - np.repeat(low, counts, axis=0)) * _ONE).astype(np.int32)
    bounds = zip(shapes, starts.tolist(), ends.tolist(), low.tolist(), high.tolist())
    for shape, start, end, (x0, y0), (x1, y1) in bounds:
        if x0 < x1 and y0 < y1:
            yield shape, fixed[start:end], (slice(y0, y1), slice(x0, x1))


class _Canvas:
    """Three supersampled planes: part numbers, tones, ink."""

    def __init__(self, side: int, ids: Mapping[str, int], style: Style, scale: int):
        self.side, self.ids, self.style = side, ids, style
        self.parts = np.zeros((side, side), np.uint8)
        self.tones = np.zeros((side, side), np.uint8)
        self.ink = np.zeros((side, side), np.uint8)
        self.width = style.line_width_px * scale
        self._tables: dict[tuple[str, ...], np.ndarray] = {}

    def paint(self, shape: Shape, fixed: np.ndarray, window: _Window) -> None:
        plain = shape.part is not None and not self.style.shaded
        if plain and not shape.clip:
            self._fill(self.parts[window], fixed, self.ids[shape.part or ""])
            self._fill(self.ink[window], fixed, 0)
            self._outline(shape, window, fixed, None)
            return
        if shape.part is None and not shape.taper and not shape.dot and not self._toned(shape):
            return
        inside = self._mask(fixed, window)
        allowed = self._allowed(shape, window)
        if allowed is not None:
            inside &= allowed
        if shape.part is not None:
            np.copyto(self.parts[window], self.ids[shape.part], where=inside)
            np.copyto(self.ink[window], 0, where=inside)
            if self.style.shaded:
                self._shade(shape, window, inside, fixed)
            self._outline(shape, window, fixed, allowed)
        elif shape.taper or shape.dot:
            np.copyto(self.ink[window], 255, where=inside)
        else:
            np.copyto(self.tones[window], shape.tone, where=inside)

    def _toned(self, shape: Shape) -> bool:
        return self.style.shaded and (shape.tone != LIGHT or self.style.gloss)

    @staticmethod
    def _fill(plane: np.ndarray, fixed: np.ndarray, value: int) -> None:
        cv2.fillPoly(plane, [fixed], value, shift=_FRACTION_BITS)

    def _mask(self, fixed: np.ndarray, window: _Window) -> np.ndarray:
        rows, columns = window
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        self._fill(mask, fixed, 1)
        return mask.view(np.bool_)

    def _allowed(self, shape: Shape, window: _Window) -> np.ndarray | None:
        if not shape.clip:
            return None
        table = self._tables.get(shape.clip)
        if table is None:
            table = self._tables[shape.clip] = np.zeros(256, np.uint8)
            # A host that this picture does not show has no number.
            table[[self.ids[name] for name in shape.clip if name in self.ids]] = 1
        return cv2.LUT(self.parts[window], table).view(np.bool_)

    def _outline(
        self, shape: Shape, window: _Window, fixed: np.ndarray, allowed: np.ndarray | None
    ) -> None:
        if shape.line <= 0:
            return
        # Thinner than this a line turns grey when the canvas shrinks.
        thickness = max(1 if shape.line < 0.6 else 2, round(self.width * shape.line))
        ink = self.ink[window]
        if allowed is None:
            self._trace(ink, fixed, 255, thickness)
            return
        outline = np.zeros_like(ink)
        self._trace(outline, fixed, 1, thickness)
        np.copyto(ink, 255, where=outline.view(np.bool_) & allowed)

    def _trace(self, plane: np.ndarray, fixed: np.ndarray, value: int, thickness: int) -> None:
        pressure = self.style.pressure
        if not pressure or thickness < 2:
            cv2.polylines(plane, [fixed], True, value, thickness, cv2.LINE_8, _FRACTION_BITS)
            return
        thin = max(1, round(thickness * (1 - 0.55 * pressure)))
        cv2.polylines(plane, [fixed], True, value, thin, cv2.LINE_8, _FRACTION_BITS)
        # Heavier on the side away from the light, in two steps.
        away = int(np.argmin(fixed @ np.array(self.style.light)))
        start = (away - len(fixed) // 2) % len(fixed)
        turned = np.concatenate([fixed[start:], fixed[:start]])
        for share, thick in ((0.3, (thin + thickness + 1) // 2), (0.18, thickness + 1)):
            reach = max(round(len(fixed) * share), 1)
            part = turned[max(len(fixed) // 2 - reach, 0) : len(fixed) // 2 + reach + 1]
            cv2.polylines(plane, [part], False, value, thick, cv2.LINE_8, _FRACTION_BITS)

    def _shade(self, shape: Shape, window: _Window, inside: np.ndarray, fixed: np.ndarray) -> None:
        tones = self.tones[window]
        np.copyto(tones, BASE, where=inside)
        if shape.shade <= 0:
            return
        light, extent = np.array(self.style.light), (fixed.max(axis=0) - fixed.min(axis=0)).min()
        if extent < _SMALLEST_SHADED:
            return
        moved = fixed + (light * extent * shape.shade).astype(np.int32)
        np.copyto(tones, SHADOW, where=inside & ~self._mask(moved, window))
        if self.style.gloss and extent > 14 * _ONE:
            centre = fixed.mean(axis=0) + light * extent * 0.3
            spot = ((fixed - fixed.mean(axis=0)) * (0.14, 0.09) + centre).astype(np.int32)
            np.copyto(tones, LIGHT, where=inside & self._mask(spot, window))

    def rub(self, outlines: Sequence[tuple[Shape, np.ndarray, _Window]]) -> None:
        """Rub openings into outlines, at places that depend on the picture alone."""
        drawn = [o for o in outlines if o[0].part is not None and o[0].line > 0]
        if not drawn:
            return
        rng = np.random.default_rng(len(drawn))
        for _ in range(self.style.gaps):
            _, fixed, (rows, columns) = drawn[int(rng.integers(len(drawn)))]
            x, y = fixed[int(rng.integers(len(fixed)))] // _ONE
            centre = (int(x) + columns.start, int(y) + rows.start)
            cv2.circle(self.ink, centre, round(self.width * rng.uniform(0.8, 1.6)) + 1, 0, -1)

    def mark(self) -> None:
        """Hatch or dot the shadows with ink."""
        pitch = max(round(self.width * 4), 8)
        y, x = np.ogrid[: self.side, : self.side]
        if self.style.marks == "hatch":
            pattern = (x + y) % pitch < max(pitch // 5, 2)
        else:
            # A screentone: rows of dots, every other one moved by half a step.
            odd = (y // pitch % 2) * (pitch // 2)
            far = (y % pitch - pitch / 2) ** 2 + ((x + odd) % pitch - pitch / 2) ** 2
            pattern = far < (0.28 * pitch) ** 2
        np.copyto(self.ink, 255, where=pattern & (self.tones == SHADOW))


def _tables(ids: Mapping[str, int], palette: Mapping[str, RGB], style: Style) -> np.ndarray:
    """RGB of every part in every tone, (3, 1, 256, 3) uint8."""
    base = np.zeros((256, 3))
    for name, number in ids.items():
        if name in palette:
            base[number] = palette[name]
    table = np.stack([base, base * style.shadow_rgb, base + (255 - base) * 0.45])
    table[:, 0] = style.background_rgb
    return np.clip(np.rint(table), 0, 255).astype(np.uint8)[:, None]


def _coloured(parts: np.ndarray, tones: np.ndarray | None, tables: np.ndarray) -> np.ndarray:
    """Parts in their colours and tones, (side, side, 3) uint8."""
    # cv2's table of three channels is several times faster than numpy's indexing.
    index = cv2.cvtColor(parts, cv2.COLOR_GRAY2RGB)
    picture = cv2.LUT(index, tables[BASE])
    if tones is not None:
        for tone in (SHADOW, LIGHT):
            mask = (tones == tone).view(np.uint8)
            cv2.copyTo(cv2.LUT(index, tables[tone]), mask, picture)
    return picture


def _inked(flats: np.ndarray, ink: np.ndarray, style: Style) -> np.ndarray:
    """The flats with lines, (S, S, 3) uint8."""
    cover = cv2.cvtColor(ink, cv2.COLOR_GRAY2RGB)
    line = np.empty_like(flats)
    line[:] = style.line_rgb
    if style.line_tint:
        line = cv2.addWeighted(line, 1 - style.line_tint, flats, 0.42 * style.line_tint, 0)
    paper = cv2.multiply(flats, cv2.bitwise_not(cover), scale=1 / 255)
    return cv2.add(paper, cv2.multiply(line, cover, scale=1 / 255))


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
    marked = style.marks != "none"
    canvas = _Canvas(side, ids, replace(style, shaded=style.shaded or marked), scale)
    shapes = sorted(sheet.shapes, key=lambda s: s.order)
    outlines = list(_outlines(shapes, scale, canvas.width, side)) if shapes else []
    for shape, fixed, window in outlines:
        canvas.paint(shape, fixed, window)
    if style.gaps:
        canvas.rub(outlines)
    if marked:
        canvas.mark()
    tones = canvas.tones if style.shaded else None
    fine = _coloured(canvas.parts, tones, _tables(ids, palette, style))
    size = (size_px, size_px)
    flats = cv2.resize(fine, size, interpolation=cv2.INTER_AREA)
    ink = cv2.resize(canvas.ink, size, interpolation=cv2.INTER_AREA)
    centre = scale // 2
    return Drawing(
        colour=_inked(flats, ink, style),
        flats=flats,
        lineart=255 - ink,
        parts=np.ascontiguousarray(canvas.parts[centre::scale, centre::scale]),
    )
