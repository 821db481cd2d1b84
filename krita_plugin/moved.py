# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the drawing lay when it was read, and where its colours belong now."""

from __future__ import annotations

from dataclasses import dataclass

from .geometry import Box


@dataclass(frozen=True)
class Stand:
    """The canvas, how far Krita has moved the line art layer, and the box around its pixels."""

    canvas: Box
    offset: tuple[int, int]
    inked: Box


def moved_by(then: Stand, now: Stand) -> tuple[int, int]:
    """By how many pixels the line art was shifted, whole; (0, 0) for any other change."""
    x, y = now.offset[0] - then.offset[0], now.offset[1] - then.offset[1]
    shifted = Box(then.inked.left + x, then.inked.top + y, then.inked.width, then.inked.height)
    # A crop shifts layers and may cut them as well; without one only the same box, shifted, is a
    # move: turning or warping a layer changes its offset too.
    return (x, y) if then.canvas != now.canvas or now.inked == shifted else (0, 0)


def notes(then: Stand, now: Stand) -> list[str]:
    """What the artist has to know of the place of the result."""
    moved = moved_by(then, now) != (0, 0)
    if then.canvas == now.canvas:
        what = "The line art was moved while the colours were made: they were moved along with it."
        return [what] if moved else []
    place = (
        "they were moved along with the line art."
        if moved
        else "they lie where the drawing was. If they don't fit, press Colorize again."
    )
    sizes = f"{_size(then.canvas)} to {_size(now.canvas)} px"
    return [f"The canvas was changed while the colours were made ({sizes}): {place}"]


def _size(box: Box) -> str:
    return f"{box.width} × {box.height}"
