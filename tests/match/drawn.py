# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures for the matcher's tests."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from manganinja.files import to_picture
from manganinja.flats.line_mask import ink, line_mask
from manganinja.flats.regions import segment
from manganinja.flats.values import Regions
from manganinja.match.network import MatcherConfig
from manganinja.match.samples import SampleConfig
from manganinja.wire.protocol import ColorizeRequest

SMALL = MatcherConfig(width=32, layers=2, heads=2)
OWN = SampleConfig(size_px=128, painted=0, emojis=0, avatars=0)
"""This project's own drawings, flat."""
TEAL, PINK, GOLD, PAPER = (0, 128, 128), (255, 105, 180), (240, 200, 60), (250, 246, 235)


def house(coloured: bool, size_px: int = 300, at: tuple[int, int] = (0, 0)) -> Image.Image:
    """A wall, a roof, a round window and a door, 300 px a side, somewhere on a page."""
    image = Image.new("RGB", (size_px, size_px), PAPER if coloured else "white")
    pen = ImageDraw.Draw(image)
    shapes = [
        ("rectangle", [60, 140, 240, 280], TEAL),
        ("polygon", [40, 140, 150, 40, 260, 140], PINK),
        ("ellipse", [130, 85, 170, 125], GOLD),
        ("rectangle", [90, 190, 140, 280], GOLD),
    ]
    for kind, places, colour in shapes:
        moved = [place + at[number % 2] for number, place in enumerate(places)]
        fill = colour if coloured else (255, 255, 255)
        getattr(pen, kind)(moved, fill=fill, outline=(0, 0, 0), width=3)
    return image


def regions_of(image: Image.Image) -> Regions:
    """The regions of line art."""
    return segment(line_mask(ink(image)), 2)


def request(**changes: object) -> ColorizeRequest:
    """The house, after itself."""
    values = {
        "lineart": to_picture(house(False)),
        "references": (to_picture(house(True)),),
        "model": "match",
    }
    return ColorizeRequest(**{**values, **changes})  # type: ignore[arg-type]


def at(pixels: np.ndarray, x: int, y: int) -> tuple[int, ...]:
    """The colour of a pixel."""
    return tuple(pixels[y, x, :3].tolist())
