# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours of an identity: natural and wild, mostly well apart."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

import numpy as np

RGB = tuple[int, int, int]
MOODS = ("natural", "vivid", "pastel", "dark", "any", "few_hues", "muted")

_NATURAL_SKIN = (
    (255, 238, 226),
    (255, 226, 205),
    (250, 210, 182),
    (241, 194, 160),
    (224, 172, 132),
    (198, 138, 98),
    (160, 104, 70),
    (120, 76, 52),
    (88, 56, 42),
)
_NATURAL_HAIR = (
    (38, 32, 36),
    (70, 46, 34),
    (112, 70, 40),
    (160, 104, 56),
    (224, 184, 104),
    (246, 220, 150),
    (150, 52, 34),
    (196, 196, 204),
    (238, 236, 232),
    (90, 88, 104),
)


def from_hsv(hue: float, saturation: float, value: float) -> RGB:
    """RGB 0..255 of hue (wraps), saturation and value 0..1."""
    r, g, b = colorsys.hsv_to_rgb(hue % 1.0, min(max(saturation, 0), 1), min(max(value, 0), 1))
    return round(r * 255), round(g * 255), round(b * 255)


def _jitter(rng: np.random.Generator, colour: RGB, amount: int = 10) -> RGB:
    moved = np.clip(np.array(colour) + rng.integers(-amount, amount + 1, 3), 0, 255)
    return int(moved[0]), int(moved[1]), int(moved[2])


def random_colour(rng: np.random.Generator, mood: str, hue: float) -> RGB:
    """One colour in a mood; `hue` 0..1 leads the mood with few hues."""
    h, s, v = rng.random(3).tolist()
    if mood == "any":
        return int(h * 256), int(s * 256), int(v * 256)
    if mood == "vivid":
        return from_hsv(h, 0.65 + 0.35 * s, 0.6 + 0.4 * v)
    if mood == "pastel":
        return from_hsv(h, 0.12 + 0.35 * s, 0.82 + 0.18 * v)
    if mood == "dark":
        return from_hsv(h, 0.3 + 0.6 * s, 0.12 + 0.5 * v)
    if mood == "muted":
        return from_hsv(h, 0.05 + 0.3 * s, 0.25 + 0.7 * v)
    if mood == "few_hues":
        turn = hue + (0.0, 0.5, 0.08)[int(s * 997) % 3] + 0.06 * (v * 89 % 1 - 0.5)
        return from_hsv(turn, 0.15 + 0.8 * s, 0.25 + 0.75 * v)
    if rng.random() < 0.3:
        grey = 0.1 + 0.88 * v
        return from_hsv(h, 0.06 * s, grey)
    return from_hsv(h, 0.25 + 0.65 * s, 0.3 + 0.65 * v)


def skin_colour(rng: np.random.Generator) -> RGB:
    """Natural four times in five, else any hue."""
    if rng.random() < 0.8:
        return _jitter(rng, _NATURAL_SKIN[int(rng.beta(1.0, 1.5) * len(_NATURAL_SKIN))])
    return from_hsv(rng.random(), 0.15 + 0.45 * rng.random(), 0.55 + 0.42 * rng.random())


def hair_colour(rng: np.random.Generator, mood: str, hue: float) -> RGB:
    """Natural in half of all identities, else what the mood gives."""
    if rng.random() < 0.45:
        return _jitter(rng, _NATURAL_HAIR[rng.integers(len(_NATURAL_HAIR))])
    return random_colour(rng, mood if mood != "natural" else "vivid", hue)


def distance(a: RGB, b: RGB) -> int:
    """Squared distance in RGB, green weighing most as for the eye."""
    dr, dg, db = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    return 3 * dr * dr + 4 * dg * dg + 2 * db * db


def apart(
    rng: np.random.Generator, taken: Iterable[RGB], mood: str, hue: float, tries: int = 4
) -> RGB:
    """A colour in the mood, the one of several tries that is farthest from those taken."""
    taken = list(taken)
    if not taken or rng.random() < 0.12:
        return random_colour(rng, mood, hue)
    candidates = [random_colour(rng, mood, hue) for _ in range(tries)]
    return max(candidates, key=lambda c: min(distance(c, other) for other in taken))


def shade_of(colour: RGB, factor: float) -> RGB:
    """Darker (factor below 1) or lighter (above 1) version of a colour."""
    c = np.array(colour, np.float64)
    c = c * factor if factor <= 1 else c + (255 - c) * (factor - 1)
    return int(c[0]), int(c[1]), int(c[2])
