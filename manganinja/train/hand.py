# SPDX-License-Identifier: GPL-3.0-or-later
"""What hands do to drawings: shading and highlights on references; other pens, strands, bold
outlines, and lines found in a picture, on line art."""

from __future__ import annotations

import cv2
import numpy as np

from .people.pairs import borders

_STRANDS, _STEP_PX, _BEND = 30, 1.5, 0.03
_INKED = 128


def shaded(rgba: np.ndarray, parts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture (H, W, 4) uint8 of flats with light and shadow: one tone, two, or soft ones.

    Args:
        parts: (H, W) int32 from 1, what has a light of its own.
    """
    height, width = parts.shape
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32) / max(height, width) - 0.5
    from_where = rng.uniform(0, 2 * np.pi)
    inside = cv2.distanceTransform((borders(parts) == 0).astype(np.uint8), cv2.DIST_L2, 3)
    rim = np.exp(-inside / rng.uniform(6, 30))
    own = rng.normal(0, 0.5, int(parts.max()) + 1).astype(np.float32)[parts]
    dark = rng.uniform(0.3, 1) * _smooth(int(rng.integers(4, 10)), parts.shape, rng)
    dark += rng.uniform(0, 2) * (np.cos(from_where) * xs + np.sin(from_where) * ys)
    dark += rng.uniform(0, 1) * (2 * rim - 0.6) + own
    rgb = rgba[..., :3].astype(np.float32) / 255
    shadow = rng.uniform(0.45, 0.9, 3) * rng.uniform(0.5, 1)
    rgb = rgb * (1 - _tones(dark, rng)[..., None] * (1 - shadow))
    if rng.random() < 0.5:
        lit = _smooth(int(rng.integers(8, 24)), parts.shape, rng) - 0.3 * dark
        lit = np.clip((lit - 1.1) * rng.uniform(2, 8), 0, 1) * rng.uniform(0.2, 0.7)
        rgb = rgb + (1 - rgb) * lit[..., None]
    bytes_of = np.clip(np.rint(rgb * 255), 0, 255).astype(np.uint8)
    return np.concatenate([bytes_of, rgba[..., 3:]], axis=2)


def _tones(dark: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """How much in the shadow each pixel is, 0 to 1."""
    way = rng.random()
    if way > 0.6:
        return 1 / (1 + np.exp(-2.5 * (dark - 0.3)))
    steps = [rng.uniform(0.2, 0.8)] if way < 0.35 else [0.3, 1.0]
    hard = np.mean([dark > step for step in steps], axis=0).astype(np.float32)
    return cv2.GaussianBlur(hard, (0, 0), rng.uniform(0.4, 3.5))


def _smooth(cells: int, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    coarse = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def with_strands(lines: np.ndarray, figure: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Line art (H, W) uint8, black on white, with open strokes, as hair and folds have, inside a
    figure (H, W) bool. None crosses a line."""
    drawn = lines.copy()
    for _ in range(int(rng.integers(_STRANDS))):
        places = _strand(lines, figure, rng)
        if len(places) > 4:
            fixed = np.rint(np.array(places) * 8).astype(np.int32)
            tone, wide = int(rng.integers(90)), int(rng.integers(1, 3))
            cv2.polylines(drawn, [fixed], False, (tone,), wide, cv2.LINE_AA, 3)
    return drawn


def _strand(
    lines: np.ndarray, figure: np.ndarray, rng: np.random.Generator
) -> list[tuple[float, float]]:
    height, width = lines.shape
    x, y = rng.uniform(0, width), rng.uniform(0, height)
    way, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, _BEND)
    found: list[tuple[float, float]] = []
    if not figure[int(y), int(x)]:
        return found
    for _ in range(int(rng.integers(10, 70))):
        if not (0 <= x < width and 0 <= y < height) or lines[int(y), int(x)] < _INKED:
            # Some end before the line, some at it.
            return found[: max(0, len(found) - int(rng.integers(6)))]
        found.append((x, y))
        x, y, way = x + _STEP_PX * np.cos(way), y + _STEP_PX * np.sin(way), way + bend
    return found


def outlined(lines: np.ndarray, figure: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Line art with a bold outline round a figure (H, W) bool."""
    outlines, _ = cv2.findContours(
        figure.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
    )
    drawn = lines.copy()
    cv2.drawContours(drawn, outlines, -1, (0,), int(rng.integers(2, 6)), cv2.LINE_AA)
    return drawn


def found_in_picture(rgb: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(H, W) uint8, black on white: lines as differences of a picture's lightness."""
    light = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32)
    fine = rng.uniform(0.8, 1.6)
    darker = cv2.GaussianBlur(light, (0, 0), 1.6 * fine) - cv2.GaussianBlur(light, (0, 0), fine)
    strength = np.clip((darker / rng.uniform(6, 14) - 0.25) * 2.2, 0, 1)
    return np.rint(255 - 255 * strength).astype(np.uint8)


def inked_anew(lines: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Black-on-white line art (H, W) uint8 in another hand."""
    way = str(rng.choice(["thick", "binary", "thin", "broken", "faint", "noisy"]))
    if rng.random() < 0.3:
        lines = _broken(lines, rng)
    if way == "thick":
        return cv2.erode(lines, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
    if way == "binary":
        return np.where(lines < rng.integers(90, 230), 0, 255).astype(np.uint8)
    if way == "thin":
        return np.clip(lines.astype(np.int16) + int(rng.integers(20, 90)), 0, 255).astype(np.uint8)
    if way == "broken":
        return _broken(lines, rng)
    if way == "faint":
        weak = 255 - (255 - lines.astype(np.float32)) * rng.uniform(0.3, 0.8)
        return weak.astype(np.uint8)
    noise = rng.normal(0, rng.uniform(3, 14), lines.shape)
    return np.clip(lines + noise, 0, 255).astype(np.uint8)


def _broken(lines: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some lines rubbed out for a few pixels."""
    lines, inked = lines.copy(), np.argwhere(lines < 128)
    if len(inked):
        for y, x in inked[rng.integers(len(inked), size=rng.integers(2, 16))].tolist():
            cv2.circle(lines, (x, y), int(rng.integers(1, 4)), 255, -1)
    return lines
