# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""Things that a figure holds."""

from __future__ import annotations

import numpy as np

from .geometry import Points, ellipse, mirrored, rotate, scalloped, smooth, star, tube


def _box(x0: float, y0: float, x1: float, y1: float) -> Points:
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


_Shapes = list[tuple[float, str, Points]]


def _bow() -> _Shapes:
    limb = [(0.5, -1.5), (-0.25, -0.9), (0.0, 0.0), (-0.25, 0.9), (0.5, 1.5)]
    return [
        (-0.5, "prop_2", tube([(0.5, -1.5), (0.5, 0.0), (0.5, 1.5)], (0.015,))),
        (-0.4, "prop_1", tube(limb, (0.05, 0.1, 0.12, 0.1, 0.05))),
        (-0.3, "prop_3", tube([(0.0, -0.25), (0.0, 0.25)], (0.14,))),
    ]


def _guitar() -> _Shapes:
    body = smooth([(-0.45, 0.0), (0.45, 0.0), (0.32, 0.45), (0.6, 1.1), (-0.6, 1.1), (-0.32, 0.45)])
    return [
        (0.1, "prop_1", body),
        (0.2, "prop_2", ellipse(0, 0.55, 0.2, 0.2)),
        (0.3, "prop_3", _box(-0.09, -1.4, 0.09, 0.5)),
        (0.4, "prop_4", _box(-0.17, -1.8, 0.17, -1.35)),
        (0.4, "prop_5", _box(-0.25, 0.82, 0.25, 0.95)),
    ]


def _lantern() -> _Shapes:
    return [
        (-0.4, "prop_3", tube([(-0.3, 0.35), (0.0, -0.1), (0.3, 0.35)], (0.04,))),
        (-0.3, "prop_1", smooth([(-0.38, 0.4), (0.38, 0.4), (0.46, 1.1), (-0.46, 1.1)], samples=4)),
        (-0.2, "prop_2", ellipse(0, 0.78, 0.2, 0.26)),
        (-0.1, "prop_4", _box(-0.45, 0.28, 0.45, 0.42)),
        (-0.1, "prop_4", _box(-0.48, 1.08, 0.48, 1.22)),
    ]


def _shield() -> _Shapes:
    rim = smooth(mirrored([(0.0, -0.8), (0.75, -0.65), (0.7, 0.3), (0.0, 1.05)]), samples=5)
    inner = rim * 0.78 + (0.0, 0.02)
    return [
        (0.1, "prop_1", rim),
        (0.2, "prop_2", inner),
        (0.3, "prop_3", star(0, 0.05, 0.36, 4, 0.4)),
    ]


def _fan() -> _Shapes:
    angle = np.linspace(-0.9 * np.pi, -0.1 * np.pi, 13)
    outer = np.stack([1.0 * np.cos(angle), 1.0 * np.sin(angle)], axis=1)
    inner = outer[::-1] * 0.4
    band = np.concatenate([outer * 0.85, outer[::-1] * 0.65])
    return [
        (0.1, "prop_1", np.concatenate([scalloped(outer, 0.0, -0.1), inner])),
        (0.2, "prop_2", band),
        (0.3, "prop_3", np.concatenate([outer * 0.42, np.array([(0.0, 0.1)])])),
    ]


def _ice() -> _Shapes:
    return [
        (0.1, "prop_2", ellipse(0, -0.75, 0.33, 0.32)),
        (0.2, "prop_1", ellipse(0, -0.4, 0.38, 0.36)),
        (0.3, "prop_3", np.array([(-0.36, -0.32), (0.36, -0.32), (0.0, 0.55)])),
        (0.4, "prop_4", ellipse(0.05, -1.08, 0.11, 0.11)),
    ]


def _plush() -> _Shapes:
    shapes: _Shapes = []
    for s in (-1, 1):
        shapes += [
            (0.1, "prop_1", ellipse(s * 0.32, -0.75, 0.18, 0.18)),
            (0.11, "prop_2", ellipse(s * 0.32, -0.75, 0.09, 0.09)),
            (0.12, "prop_1", ellipse(s * 0.42, 0.2, 0.17, 0.3)),
            (0.13, "prop_1", ellipse(s * 0.28, 0.72, 0.22, 0.2)),
            (0.5, "prop_4", ellipse(s * 0.17, -0.45, 0.06, 0.08)),
        ]
    return [
        *shapes,
        (0.2, "prop_1", ellipse(0, 0.3, 0.42, 0.5)),
        (0.25, "prop_2", ellipse(0, 0.36, 0.25, 0.3)),
        (0.3, "prop_1", ellipse(0, -0.4, 0.46, 0.4)),
        (0.4, "prop_3", ellipse(0, -0.28, 0.2, 0.14)),
        (0.5, "prop_4", ellipse(0, -0.33, 0.06, 0.05)),
    ]


def _mic() -> _Shapes:
    return [
        (0.1, "prop_1", np.array([(-0.12, -0.6), (0.12, -0.6), (0.08, 0.5), (-0.08, 0.5)])),
        (0.2, "prop_2", ellipse(0, -0.78, 0.26, 0.28)),
        (0.3, "prop_3", _box(-0.24, -0.66, 0.24, -0.54)),
    ]


_MORE = {
    "bow": _bow,
    "guitar": _guitar,
    "lantern": _lantern,
    "shield": _shield,
    "fan": _fan,
    "ice": _ice,
    "plush": _plush,
    "mic": _mic,
}
KINDS = ("sword", "staff", "book", "flower", "balloon", "umbrella", "ball", "mug", *_MORE)


def held(kind: str) -> list[tuple[float, str, Points]]:
    """Shapes of a thing held at (0, 0): (order, part, outline)."""
    if kind == "sword":
        blade = np.array([(-0.14, -0.3), (0.14, -0.3), (0.13, -2.3), (0, -2.7), (-0.13, -2.3)])
        return [
            (-0.3, "prop_1", blade),
            (-0.2, "prop_2", _box(-0.07, -0.3, 0.07, 0.45)),
            (-0.1, "prop_3", _box(-0.42, -0.4, 0.42, -0.24)),
            (-0.1, "prop_4", ellipse(0, 0.5, 0.11, 0.11)),
        ]
    if kind == "staff":
        return [
            (-0.3, "prop_1", _box(-0.07, -2.3, 0.07, 1.6)),
            (-0.2, "prop_2", star(0, -2.5, 0.5)),
            (-0.1, "prop_3", ellipse(0, -2.5, 0.2, 0.2)),
        ]
    if kind == "book":
        return [
            (0.1, "prop_1", _box(-0.5, -0.6, 0.5, 0.6)),
            (0.2, "prop_2", _box(-0.5, -0.6, -0.34, 0.6)),
            (0.3, "prop_3", star(0.08, 0, 0.25)),
        ]
    if kind == "flower":
        shapes: list[tuple[float, str, Points]] = [(-0.4, "prop_1", _box(-0.05, -1.1, 0.05, 0.6))]
        leaf = smooth([(0.03, -0.3), (0.35, -0.6), (0.5, -0.55), (0.3, -0.25)])
        shapes.append((-0.3, "prop_4", leaf))
        for k in range(6):
            petal = rotate(ellipse(0, -0.27, 0.16, 0.2, 16), k * np.pi / 3) + (0, -1.2)
            shapes.append((-0.2 + 0.01 * k, "prop_2", petal))
        return [*shapes, (-0.1, "prop_3", ellipse(0, -1.2, 0.16, 0.16))]
    if kind == "balloon":
        body = smooth(mirrored([(0, -2.9), (0.6, -2.5), (0.55, -1.9), (0.1, -1.5), (0, -1.45)]))
        return [
            (-0.4, "prop_2", tube([(0, 0), (0.1, -0.7), (0, -1.45)], (0.02, 0.02))),
            (-0.3, "prop_1", body),
            (-0.2, "prop_3", np.array([(0, -1.5), (0.12, -1.32), (-0.12, -1.32)])),
        ]
    if kind == "umbrella":
        edge = scalloped(
            np.array([(1.5, -1.5), (0.75, -1.5), (0, -1.5), (-0.75, -1.5), (-1.5, -1.5)]), 0, -0.25
        )
        dome = np.concatenate(
            [
                smooth(
                    [(-1.5, -1.5), (-1.0, -2.4), (0, -2.8), (1.0, -2.4), (1.5, -1.5)], closed=False
                ),
                edge,
            ]
        )
        mid = np.concatenate(
            [
                smooth(
                    [(-0.75, -1.5), (-0.5, -2.3), (0, -2.8), (0.5, -2.3), (0.75, -1.5)],
                    closed=False,
                ),
                edge[5:16],
            ]
        )
        return [
            (-0.5, "prop_2", _box(-0.05, -2.9, 0.05, 0.6)),
            (-0.4, "prop_1", dome),
            (-0.3, "prop_3", mid),
        ]
    if kind == "ball":
        ring = tube([(-0.47, 0.2), (0, 0.36), (0.47, 0.2)], (0.06, 0.14, 0.06))
        return [(0.1, "prop_1", ellipse(0, 0.25, 0.52, 0.52)), (0.2, "prop_2", ring)]
    if kind in _MORE:
        return _MORE[kind]()
    handle = tube([(0.3, -0.2), (0.65, -0.1), (0.6, 0.25), (0.3, 0.25)], (0.07, 0.07))
    return [
        (0.1, "prop_2", handle),
        (0.2, "prop_1", _box(-0.35, -0.4, 0.35, 0.45)),
        (0.3, "prop_3", _box(-0.35, -0.1, 0.35, 0.12)),
    ]
