# SPDX-License-Identifier: GPL-3.0-or-later
"""Smooth outlines sampled with numpy. Points are float arrays (n, 2), x to the right, y down."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

Points = np.ndarray


@lru_cache(maxsize=16)
def _basis(samples: int) -> np.ndarray:
    t = np.arange(samples, dtype=np.float64) / samples
    return np.stack(
        [
            -0.5 * t + t**2 - 0.5 * t**3,
            1 - 2.5 * t**2 + 1.5 * t**3,
            0.5 * t + 2 * t**2 - 1.5 * t**3,
            -0.5 * t**2 + 0.5 * t**3,
        ],
        axis=1,
    )


@lru_cache(maxsize=256)
def _neighbours(count: int, closed: bool) -> np.ndarray:
    """The four points that each piece of a curve depends on, (pieces, 4)."""
    if closed:
        return (np.arange(count)[:, None] + np.array([-1, 0, 1, 2])) % count
    return np.clip(np.arange(count - 1)[:, None] + np.array([-1, 0, 1, 2]), 0, count - 1)


def smooth(
    points: Sequence[Sequence[float] | Points] | Points, closed: bool = True, samples: int = 7
) -> Points:
    """Catmull-Rom curve through the given points: (n, 2) in, (about n * samples, 2) out."""
    p = np.asarray(points, dtype=np.float64)
    curve = (_basis(samples) @ p[_neighbours(len(p), closed)]).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, p[-1:]])


def mirrored(half: Sequence[Sequence[float]]) -> Points:
    """Close a right half, listed from top to bottom on the axis x = 0, with its mirror image."""
    right = np.asarray(half, dtype=np.float64)
    left = right[::-1].copy()
    left[:, 0] *= -1
    keep = np.abs(left[:, 0]) > 1e-9
    return np.concatenate([right, left[keep]])


@lru_cache(maxsize=8)
def _circle(samples: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, samples, endpoint=False)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def ellipse(x: float, y: float, rx: float, ry: float, samples: int = 28) -> Points:
    """Closed ellipse outline around (x, y)."""
    return _circle(samples) * (rx, ry) + (x, y)


def normals(centre: Points) -> Points:
    """Unit normals of an open polyline, (n, 2)."""
    tangent = np.empty_like(centre)
    tangent[1:-1] = centre[2:] - centre[:-2]
    tangent[0] = centre[1] - centre[0]
    tangent[-1] = centre[-1] - centre[-2]
    length = np.sqrt(tangent[:, 0] ** 2 + tangent[:, 1] ** 2) + 1e-9
    result = np.empty_like(tangent)
    np.divide(-tangent[:, 1], length, out=result[:, 0])
    np.divide(tangent[:, 0], length, out=result[:, 1])
    return result


@lru_cache(maxsize=512)
def _along(count: int, stops: int) -> np.ndarray:
    return np.linspace(0, stops - 1, count)


def band(line: Points, widths: Sequence[float] | np.ndarray) -> Points:
    """Closed outline around a polyline; half widths are spread evenly along its points."""
    along = _along(len(line), len(widths))
    side = normals(line) * np.interp(along, np.arange(len(widths)), widths)[:, None]
    return np.concatenate([line + side, (line - side)[::-1]])


@lru_cache(maxsize=256)
def _swell(count: int) -> np.ndarray:
    return 0.35 + 0.65 * np.sin(np.linspace(0, np.pi, count))[:, None]


def brush(line: Points, half_width: float) -> Points:
    """Closed outline of a stroke that is thick in the middle and thin at both ends."""
    side = normals(line) * (_swell(len(line)) * half_width)
    return np.concatenate([line + side, (line - side)[::-1]])


def brushes(lines: Sequence[Points], half_widths: Sequence[float]) -> list[Points]:
    """`brush` for many strokes at once."""
    if not lines:
        return []
    counts = np.array([len(line) for line in lines])
    ends = np.cumsum(counts)
    starts = ends - counts
    every = np.concatenate(lines)
    here = np.arange(len(every))
    first, last = np.repeat(starts, counts), np.repeat(ends - 1, counts)
    tangent = every[np.minimum(here + 1, last)] - every[np.maximum(here - 1, first)]
    length = np.sqrt((tangent**2).sum(axis=1)) + 1e-9
    swell = 0.35 + 0.65 * np.sin(np.pi * (here - first) / np.maximum(last - first, 1))
    reach = (np.repeat(np.asarray(half_widths, float), counts) * swell / length)[:, None]
    side = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) * reach
    there, back = every + side, every - side
    return [
        np.concatenate([there[a:b], back[a:b][::-1]])
        for a, b in zip(starts.tolist(), ends.tolist())
    ]


def tube(
    centre: Sequence[Sequence[float]] | Points, widths: Sequence[float], samples: int = 7
) -> Points:
    """Closed outline around a smooth centre line; half widths are spread evenly along it."""
    return band(smooth(centre, closed=False, samples=samples), widths)


def rotate(points: Points, angle: float, about: Sequence[float] = (0.0, 0.0)) -> Points:
    """Rotate clockwise on the screen (y is down) by an angle in radians."""
    c, s = np.cos(angle), np.sin(angle)
    centre = np.asarray(about)
    return (points - centre) @ np.array([[c, s], [-s, c]]) + centre


def scalloped(edge: Points, depth: float, bulge: float) -> Points:
    """Turn an open polyline into arcs: between two points it bows by `bulge` of the chord.

    `depth` pulls every other point along the normal, which makes tips (hair) or ruffles.
    """
    p = np.asarray(edge, dtype=np.float64).copy()
    if depth:
        p[1::2] += normals(p)[1::2] * depth
    chord = p[1:] - p[:-1]
    mid = (p[1:] + p[:-1]) / 2 + np.stack([-chord[:, 1], chord[:, 0]], axis=1) * bulge
    t = np.linspace(0, 1, 6)[None, :-1, None]
    arcs = (1 - t) ** 2 * p[:-1, None] + 2 * t * (1 - t) * mid[:, None] + t**2 * p[1:, None]
    return np.concatenate([arcs.reshape(-1, 2), p[-1:]])


def star(x: float, y: float, radius: float, tips: int = 5, inner: float = 0.45) -> Points:
    """Closed star with its first tip up."""
    angle = np.arange(2 * tips) * np.pi / tips - np.pi / 2
    r = np.where(np.arange(2 * tips) % 2 == 0, radius, radius * inner)
    return np.stack([x + r * np.cos(angle), y + r * np.sin(angle)], axis=1)


def heart(x: float, y: float, radius: float) -> Points:
    """Closed heart."""
    t = np.linspace(0, 2 * np.pi, 26, endpoint=False)
    hx = 16 * np.sin(t) ** 3
    hy = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.stack([x + hx * radius / 16, y + hy * radius / 16], axis=1)
