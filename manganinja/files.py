# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures and point files on disk, and pictures between Pillow and the wire. Imports no torch."""

from __future__ import annotations

import io
import json
import math
import re
import struct
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageCms, ImageOps

from .errors import BadRequest
from .wire.protocol import Hint, Pair, Picture, Point


@dataclass(frozen=True)
class MarksFile:
    """What a points file says, in pixels of each picture.

    Attributes:
        pairs, hints: as on the wire.
        closing: paths (n, 2) float that close gaps.
        merging: closed paths (n, 2) float whose inside is one region.
    """

    pairs: tuple[Pair, ...] = ()
    hints: tuple[Hint, ...] = ()
    closing: tuple[np.ndarray, ...] = ()
    merging: tuple[np.ndarray, ...] = ()


def read_marks(path: Path) -> MarksFile:
    """Pairs, hints and paths from a points file (see ``manganinja colorize --help``).

    Raises:
        BadRequest: the file can't be read or is not of that form.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        unknown = set(content) - {"pairs", "hints", "closing", "merging"}
        if unknown or not content:
            raise ValueError(f"it has {', '.join(sorted(unknown)) or 'nothing in it'}")
        return MarksFile(
            tuple(_pair(pair) for pair in content.get("pairs", ())),
            tuple(_hint(hint) for hint in content.get("hints", ())),
            tuple(_path(points) for points in content.get("closing", ())),
            tuple(_path(points) for points in content.get("merging", ())),
        )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise BadRequest(
            f"{path} is no file of points ({type(error).__name__}: {error}).",
            'It has to look like {"pairs": [{"reference": [x, y], "lineart": [x, y]}]}; '
            "`manganinja colorize --help` tells the rest.",
        ) from error


def read_pairs(path: Path) -> tuple[Pair, ...]:
    """The pairs of a points file. Raises as :func:`read_marks` does."""
    return read_marks(path).pairs


def _pair(pair: Any) -> Pair:
    return Pair(
        Point(*_two(pair["reference"])),
        Point(*_two(pair["lineart"])),
        int(pair.get("reference_index", 0)),
    )


def _hint(hint: Any) -> Hint:
    colour = hint.get("colour")
    if colour is not None and not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise ValueError(f'{colour} is not "#rrggbb"')
    return Hint(Point(*_two(hint["lineart"])), colour and colour.lower())


def _path(points: Any) -> np.ndarray:
    path = np.array([_two(point) for point in points], np.float64)
    if len(path) < 2:
        raise ValueError("a path has two places or more")
    return path


def _two(position: Any) -> tuple[float, float]:
    x, y = map(float, position)
    if not (math.isfinite(x) and math.isfinite(y)):
        raise ValueError(f"{position} is not [x, y]")
    return x, y


def eight_bit(image: Image.Image) -> Image.Image:
    """16-bit and float greys as 8-bit ones, which is all that Pillow converts without clipping;
    and grey with premultiplied alpha, which it hardly converts at all, as LA."""
    if image.mode == "La":
        return image.convert("LA")
    if image.mode.startswith("I;16"):
        high = np.frombuffer(image.tobytes(), ">u2" if image.mode.endswith("B") else "<u2") >> 8
        return Image.frombytes("L", image.size, high.astype(np.uint8).tobytes())
    if image.mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)
        low, high = values.min(initial=0), values.max(initial=1e-9)
        return Image.fromarray(((values - low) * (255 / (high - low))).astype(np.uint8))
    return image


def _as_seen(image: Image.Image) -> Image.Image:
    """A picture with a colour profile in sRGB, its transparency kept; one whose profile can't be
    read as it is, as most programs show it."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in _PROFILED:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        alpha = image.getchannel("A") if image.mode in ("RGBA", "LA") else None
        plain = image if alpha is None else image.convert(image.mode[:-1])
        mode = "L" if plain.mode == "L" else "RGB"
        seen = ImageCms.profileToProfile(
            plain, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    assert seen is not None
    if mode == "L":
        seen = seen.convert("L")
    if alpha is not None:
        seen.putalpha(alpha)
    return seen


_PROFILED = ("RGB", "RGBA", "L", "LA", "CMYK")

# What Pillow's decoders raise for damaged files, in experience.
_DAMAGED_IMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    LookupError,
    struct.error,
    zlib.error,
)


def read_image(path: Path) -> Image.Image:
    """Open a picture.

    Raises:
        BadRequest: there is no such file, or it is no picture.
    """
    try:
        with warnings.catch_warnings():
            # Pages of 100 megapixels are no bombs; Pillow still refuses those of 200.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path)
        with image:
            image.load()
            return eight_bit(_as_seen(ImageOps.exif_transpose(image)))
    except FileNotFoundError as error:
        raise BadRequest(f"There is no file {path}.", "Check the name.") from error
    except Image.DecompressionBombError as error:
        raise BadRequest(
            f"{path} can't be read as a picture: it has too many pixels.",
            "128 megapixels are the most: save a part of the page as PNG.",
        ) from error
    except _DAMAGED_IMAGE as error:
        raise BadRequest(
            f"{path} can't be read as a picture: {error}.", "Save it as PNG."
        ) from error


def to_image(picture: Picture) -> Image.Image:
    """A gray8, rgba8 or index8 picture as a Pillow image of mode L or RGBA."""
    size_px = (picture.width_px, picture.height_px)
    if picture.format == "index8":
        table = np.zeros((256, 4), np.uint8)
        for entry, colour in enumerate(picture.table):
            if colour is not None:
                table[entry] = *bytes.fromhex(colour[1:]), 255
        index = np.frombuffer(picture.pixels, np.uint8).reshape(size_px[::-1])
        return Image.fromarray(table[index])
    mode = "L" if picture.format == "gray8" else "RGBA"
    return Image.frombytes(mode, size_px, picture.pixels)


def to_picture(image: Image.Image) -> Picture:
    """A Pillow image as an rgba8 picture, or gray8 where it is grey without alpha."""
    kind, mode = ("gray8", "L") if image.mode in ("1", "L") else ("rgba8", "RGBA")
    return Picture(*image.size, kind, image.convert(mode).tobytes())


def save_image(image: Image.Image, path: Path, **options: Any) -> None:
    """Write a PNG with little compression: a page of 24 megapixels takes a second, not ten."""
    image.save(path, compress_level=1, **options)
