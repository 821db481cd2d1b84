# SPDX-License-Identifier: GPL-3.0-or-later
"""Line art as others draw and scan it: thin, thick, binary, broken, coloured, noisy, grey.

A model that has seen clean, even lines alone takes other line art for noise. Each style changes
ink strength (H, W) float32, 0 = paper, 1 = full line, as :func:`manganinja.lineart.line_strength`
reads it off a picture; where the lines run stays as it was. Widths follow the picture's size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

Style = Callable[[np.ndarray, np.random.Generator], np.ndarray]

_SQUARE = np.ones((3, 3), np.uint8)


def _blend(one: np.ndarray, other: np.ndarray, share: float) -> np.ndarray:
    return (1 - share) * one + share * other


def _smooth_noise(shape: tuple[int, ...], cell_px: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth random values of mean 0 and deviation about 1 that change every ``cell_px``."""
    rows, columns = (max(2, round(side / cell_px)) for side in shape[:2])
    coarse = rng.standard_normal((rows, columns)).astype(np.float32)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def _steps(ink: np.ndarray, rng: np.random.Generator) -> int:
    """Pixels by which a line moves its edge: one at 128 px, up to one more for each 128 px."""
    return int(rng.integers(1, 1 + max(1, ink.shape[0] // 128)))


def thin(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lines worn away from both sides, but never wholly."""
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    worn = cv2.erode(ink, cross, iterations=_steps(ink, rng))
    return _blend(ink, np.maximum(worn, 0.45 * ink), float(rng.uniform(0.5, 1)))


def thick(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lines wider by up to two pixels at 128 px, and in proportion."""
    wide = cv2.dilate(ink, _SQUARE, iterations=_steps(ink, rng))
    return _blend(ink, wide, float(rng.uniform(0.5, 1)))


def binary(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Full line or paper, from a threshold that differs from page to page."""
    return (ink > rng.uniform(0.2, 0.65)).astype(np.float32)


def broken(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Gaps of a few pixels here and there along the lines."""
    gaps = np.ones_like(ink)
    ys, xs = np.nonzero(ink > 0.4)
    if not len(xs):
        return ink
    radius = max(1, ink.shape[0] // 96)
    for at in rng.integers(len(xs), size=int(rng.integers(4, 25))):
        centre = (int(xs[at]), int(ys[at]))
        cv2.circle(gaps, centre, int(rng.integers(1, radius + 2)), 0.0, -1)
    return ink * gaps


def coloured(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lines of several colours: where the colour is brighter, less ink is read off the page."""
    places = _smooth_noise(ink.shape, ink.shape[0] / rng.uniform(1.5, 6), rng)
    colours = rng.uniform(0.35, 1.0, 4).astype(np.float32)
    which = np.digitize(places, (-0.7, 0.0, 0.7))
    return ink * colours[which]


def noisy(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A scan: grain, blotches of the paper, specks, and now and then JPEG."""
    grain = rng.standard_normal(ink.shape, dtype=np.float32) * rng.uniform(0.02, 0.1)
    paper = _smooth_noise(ink.shape, ink.shape[0] / 4, rng) * rng.uniform(0, 0.06)
    dirty = np.clip(ink + grain + paper, 0, 1)
    specks = rng.integers(ink.size, size=int(rng.integers(0, ink.shape[0] // 4)))
    dirty.flat[specks] = rng.uniform(0.3, 1)
    if rng.random() < 0.4:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 60))]
        packed = cv2.imencode(".jpg", (255 - 255 * dirty).astype(np.uint8), quality)[1]
        dirty = 1 - cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255
    return dirty


def grey(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pencil: soft, pale, pressed harder in some places than in others."""
    soft = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.3, 0.9) * ink.shape[0] / 128)
    pressure = 1 + 0.2 * _smooth_noise(ink.shape, ink.shape[0] / 6, rng)
    return np.clip(soft * rng.uniform(0.55, 1.0) * pressure, 0, 1)


STYLES: dict[str, Style] = {
    "thin": thin,
    "thick": thick,
    "binary": binary,
    "broken": broken,
    "coloured": coloured,
    "noisy": noisy,
    "grey": grey,
}


def restyled(lineart: np.ndarray, names: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """The line art in one or two of the styles.

    Args:
        lineart: (H, W) uint8, black on white.
        names: the styles to choose from, of :data:`STYLES`.

    Returns:
        (H, W) uint8, black on white.
    """
    ink = 1 - lineart.astype(np.float32) / 255
    count = min(len(names), 1 + int(rng.random() < 0.35))
    for name in rng.choice(np.array(names), size=count, replace=False):
        ink = STYLES[name](ink, rng)
    return np.rint(255 * (1 - np.clip(ink, 0, 1))).astype(np.uint8)
