# SPDX-License-Identifier: GPL-3.0-or-later
"""OKLab: colours as an eye spaces them (Björn Ottosson, 2020,
https://bottosson.github.io/posts/oklab/), at the speed of OpenCV."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

_LMS_FROM_RGB = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB_FROM_ROOTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_RGB_FROM_LMS = np.linalg.inv(_LMS_FROM_RGB)
_ROOTS_FROM_LAB = np.linalg.inv(_LAB_FROM_ROOTS)

_LINEAR_STEPS = 65535
_NEARLY_GREY, _GREY_REACH = 0.025, 0.035
"""Chroma of what has hardly any hue, and how far it may lie from its shades."""
# Small enough for its floats to stay in a cache, so that no picture is held in float twice.
_CHUNK = 1 << 16


def linear(encoded: np.ndarray) -> np.ndarray:
    """sRGB's transfer function undone: encoded values in [0, 1], as linear light."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    """sRGB's transfer function: linear light in [0, 1], as encoded values in [0, 1]."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


_LINEAR = linear(np.arange(256) / 255).astype(np.float32)
_ENCODED = np.rint(encoded(np.arange(_LINEAR_STEPS + 1) / _LINEAR_STEPS) * 255).astype(np.uint8)


def to_oklab(srgb: np.ndarray) -> np.ndarray:
    """Colours in OKLab.

    Args:
        srgb: (..., 3) uint8.

    Returns:
        (..., 3) float32: L in [0, 1], a and b in about [-0.4, 0.4].
    """
    if srgb.dtype != np.uint8:
        raise ValueError("sRGB colours are uint8.")
    return _in_chunks(srgb, np.float32, _chunk_to_oklab)


def from_oklab(lab: np.ndarray) -> np.ndarray:
    """Colours in sRGB; what sRGB can't show is cut off per channel.

    Args:
        lab: (..., 3) float.

    Returns:
        (..., 3) uint8.
    """
    return _in_chunks(np.asarray(lab, np.float32), np.uint8, _chunk_from_oklab)


def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far apart colours look: the Euclidean distance in OKLab times 100.

    About 2 is the least that an eye notices side by side; black to white is 100.

    Args:
        a: (..., 3) float, OKLab.
        b: (..., 3) float, OKLab; the two are broadcast against each other.

    Returns:
        (...) float32.
    """
    apart = np.subtract(a, b, dtype=np.float32)
    return 100 * np.sqrt(np.einsum("...i,...i->...", apart, apart))


def of_one_hue(one: np.ndarray, other: np.ndarray, degrees: float, grey: float) -> bool:
    """Whether one colour may be the other's shade, by their hues.

    Args:
        one, other: (3,) float, OKLab.
        degrees: that their hues may lie apart.
        grey: chroma below which a hue says nothing.
    """
    least = min(np.hypot(one[1], one[2]), np.hypot(other[1], other[2]))
    apart = np.hypot(one[1] - other[1], one[2] - other[2])
    if least < max(grey, _NEARLY_GREY) and apart < _GREY_REACH:
        return True
    if least < grey:
        return False
    cosine = (one[1:] @ other[1:]) / np.hypot(one[1], one[2]) / np.hypot(other[1], other[2])
    return bool(cosine > np.cos(np.radians(degrees)))


def _in_chunks(
    colours: np.ndarray, dtype: type, convert: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    if colours.shape[-1:] != (3,):
        raise ValueError("Colours have three channels in their last axis.")
    flat = np.ascontiguousarray(colours).reshape(-1, 1, 3)
    result = np.empty(flat.shape, dtype)
    for start in range(0, len(flat), _CHUNK):
        result[start : start + _CHUNK] = convert(flat[start : start + _CHUNK])
    return result.reshape(colours.shape)


def _chunk_to_oklab(srgb: np.ndarray) -> np.ndarray:
    cone = cv2.transform(cv2.LUT(srgb, _LINEAR), _LMS_FROM_RGB)
    return cv2.transform(cv2.pow(cone, 1 / 3), _LAB_FROM_ROOTS)


def _chunk_from_oklab(lab: np.ndarray) -> np.ndarray:
    roots = cv2.transform(lab, _ROOTS_FROM_LAB)
    light = cv2.transform(roots * roots * roots, _RGB_FROM_LMS)
    return _ENCODED[np.rint(np.clip(light, 0, 1) * _LINEAR_STEPS).astype(np.uint16)]
