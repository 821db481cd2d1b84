# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF005 (a point added to an array of points is a sum, no concatenation)
"""Patterns on cloth: motifs over a box, in one or two layers that are parts of their own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .canvas import Sheet
from .geometry import Points, ellipse, heart, rotate, star

Box = tuple[float, float, float, float]


def _bar(x0: float, y0: float, x1: float, y1: float) -> Points:
    # Points along the sides, so that a bar bends with the body.
    x, y = np.linspace(x0, x1, 5), np.linspace(y0, y1, 5)
    up, left = np.full(5, y0), np.full(5, x0)
    return np.concatenate(
        [
            np.stack([x, up], axis=1),
            np.stack([left + (x1 - x0), y], axis=1),
            np.stack([x[::-1], up + (y1 - y0)], axis=1),
            np.stack([left, y[::-1]], axis=1),
        ]
    )


def _grid(box: Box, pitch: float) -> Iterator[tuple[float, float]]:
    """Places of motifs, every other row moved by half a step."""
    x0, y0, x1, y1 = box
    for row, y in enumerate(np.arange(y0 + pitch * 0.4, y1, pitch * 0.8).tolist()):
        start = x0 + pitch * (0.25 if row % 2 else 0.75)
        for x in np.arange(start, x1, pitch).tolist():
            yield x, y


def _flower(x: float, y: float, radius: float) -> Points:
    angle = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    away = radius * (0.75 + 0.35 * np.cos(5 * angle))
    return np.stack([x + away * np.cos(angle), y + away * np.sin(angle)], axis=1)


_MOTIFS = {
    "dots": lambda x, y, r: ellipse(x, y, r * 0.8, r * 0.8, 14),
    "hearts": heart,
    "stars": lambda x, y, r: star(x, y, r * 1.2),
    "diamonds": lambda x, y, r: star(x, y, r * 1.25, 2, 0.62),
    "flowers": _flower,
}


def motifs(kind: str, box: Box, pitch: float) -> Iterator[tuple[int, Points]]:
    """(layer 1 or 2, closed outline) of each motif of a pattern over a box x0, y0, x1, y1."""
    x0, y0, x1, y1 = box
    if kind in ("stripes", "plaid"):
        wide = 0.22 if kind == "plaid" else 0.45
        for x in np.arange(x0 + 0.2 * pitch, x1, pitch).tolist():
            yield 1, _bar(x, y0, x + wide * pitch, y1)
    if kind in ("bands", "plaid"):
        high = 0.22 if kind == "plaid" else 0.45
        for y in np.arange(y0 + 0.3 * pitch, y1, pitch).tolist():
            yield 2 if kind == "plaid" else 1, _bar(x0, y, x1, y + high * pitch)
    if kind == "checks":
        for row, y in enumerate(np.arange(y0, y1, pitch * 0.6).tolist()):
            for x in np.arange(x0 + pitch * 0.6 * (row % 2), x1, pitch * 1.2).tolist():
                yield 1, _bar(x, y, x + pitch * 0.6, y + pitch * 0.6)
    if kind == "zigzag":
        x = np.arange(x0, x1 + pitch * 0.5, pitch * 0.5)
        wave = np.where(np.arange(len(x)) % 2, 0.25, -0.25) * pitch
        for y in np.arange(y0 + pitch * 0.5, y1, pitch * 1.1).tolist():
            edge = np.stack([x, y + wave], axis=1)
            yield 1, np.concatenate([edge, edge[::-1] + (0.0, pitch * 0.4)])
    if kind in _MOTIFS:
        for number, (x, y) in enumerate(_grid(box, pitch)):
            layer = 2 if kind in ("flowers", "diamonds") and number % 3 == 2 else 1
            yield layer, _MOTIFS[kind](x, y, pitch * 0.24)


def lay(
    sheet: Sheet,
    order: float,
    part: str,
    hosts: tuple[str, ...],
    outlines: list[tuple[int, Points]],
) -> None:
    """Put motifs on cloth, inside the host parts; the second layer is part `part`_2."""
    for layer, outline in outlines:
        name = part if layer == 1 else f"{part}_2"
        clip = hosts if layer == 1 else (*hosts, part)
        sheet.fill(order + 0.01 * layer, name, outline, line=0.5, clip=clip, shade=0)


def along(kind: str, line: Points, half_width: float, count: int) -> Iterator[Points]:
    """Outlines of bands or dots along a limb's centre line."""
    steps = np.linspace(1, len(line) - 3, count).astype(int)
    for number, step in enumerate(steps.tolist()):
        direction = line[step + 1] - line[step]
        angle = float(np.arctan2(direction[1], direction[0]))
        if kind == "bands":
            shape = _bar(-0.05, -half_width * 1.4, 0.07, half_width * 1.4)
        else:
            shape = ellipse(0, half_width * (0.4 if number % 2 else -0.4), 0.075, 0.075, 12)
        yield rotate(shape, angle) + line[step]
