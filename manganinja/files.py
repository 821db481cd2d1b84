# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures and point files on disk, and pictures between Pillow and the wire. Imports no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import BadRequest
from .wire.protocol import Pair, Picture, Point


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """Pairs from a points file (see ``manganinja colorize --help``).

    Raises:
        BadRequest: the file can't be read or is not of that form.
    """
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["pairs"]
        return tuple(
            Pair(
                Point(*map(float, _two(pair["reference"]))),
                Point(*map(float, _two(pair["lineart"]))),
                int(pair.get("reference_index", 0)),
            )
            for pair in listed
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadRequest(
            f"{path} is not a list of point pairs ({type(error).__name__}: {error}).",
            'It has to look like {"pairs": [{"reference": [x, y], "lineart": [x, y]}]}.',
        ) from error


def _two(position: Any) -> Any:
    if len(position) != 2:
        raise ValueError(f"{position} is not [x, y]")
    return position


def _eight_bit(image: Image.Image) -> Image.Image:
    """16-bit and float greys as 8-bit ones, which is all that Pillow converts without clipping."""
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value / 256).convert("L")
    if image.mode in ("I", "F"):
        extrema: Any = image.getextrema()
        low, high = map(float, extrema)
        scale = 255 / max(high - low, 1e-9)
        return image.point(lambda value: value * scale - low * scale).convert("L")
    return image


def read_image(path: Path) -> Image.Image:
    """Open a picture.

    Raises:
        BadRequest: there is no such file, or it is no picture.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return ImageOps.exif_transpose(_eight_bit(image))
    except FileNotFoundError as error:
        raise BadRequest(f"There is no file {path}.", "Check the name.") from error
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise BadRequest(
            f"{path} can't be read as a picture: {error}.", "Save it as PNG."
        ) from error


def to_image(picture: Picture) -> Image.Image:
    """A gray8 or rgba8 picture as a Pillow image of mode L or RGBA."""
    mode = "L" if picture.format == "gray8" else "RGBA"
    return Image.frombytes(mode, (picture.width_px, picture.height_px), picture.pixels)


def to_picture(image: Image.Image) -> Picture:
    """A Pillow image as an rgba8 picture, or gray8 where it is grey without alpha."""
    kind, mode = ("gray8", "L") if image.mode in ("1", "L") else ("rgba8", "RGBA")
    return Picture(*image.size, kind, image.convert(mode).tobytes())
