# SPDX-License-Identifier: GPL-3.0-or-later
"""Krita's palettes: their names, and their colours in sRGB."""

from __future__ import annotations

from typing import Any

from krita import Krita, Palette

from ..errors import CannotStart
from ..transport import protocol
from .pixels import SRGB8


def names() -> tuple[str, ...]:
    """The palettes that there are now; two milliseconds."""
    return tuple(sorted(Krita.instance().resources("palette"), key=str.casefold))


def colours(name: str) -> dict[str, str]:
    """The colours ("#rrggbb") of a palette in its order, each once, and what they are called.

    A colour outside of sRGB comes as the nearest one that Krita finds inside.  Raises CannotStart
    where there is no such palette, or it has no colours or too many.
    """
    resource = Krita.instance().resources("palette").get(name)
    if resource is None:
        raise CannotStart(
            f"There is no palette “{name}” any more.", "Choose another one under “Palette”."
        )
    palette, found = Palette(resource), {}
    for index in range(palette.numberOfEntries()):
        swatch = palette.colorSetEntryByIndex(index)
        if swatch.isValid():
            colour = _srgb(swatch.color())
            found.setdefault(colour, swatch.name() or colour)
    if not 0 < len(found) <= protocol.MAX_PALETTE:
        raise CannotStart(
            f"The palette “{name}” has {len(found)} colours.",
            f"Choose one of 1 to {protocol.MAX_PALETTE} colours under “Palette”.",
        )
    return found


def _srgb(colour: Any) -> str:
    colour.setColorSpace(SRGB8.model, SRGB8.depth, SRGB8.profile)
    red, green, blue = (round(255 * value) for value in colour.componentsOrdered()[:3])
    return f"#{red:02x}{green:02x}{blue:02x}"
