# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call of the pipeline is given: checked, and brought into forms that all code knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from .errors import BadRequest
from .files import eight_bit
from .points import PointPair, check_inside

_KEPT_MODES = ("L", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "HSV")


def picture(given: Any, what: str) -> Image.Image:
    """A picture with 8 bits for each channel, none of them an index into a palette.

    The published code reduces pictures with a palette, and those of one bit, by leaving pixels
    out; with whole colours they are reduced as all others are.

    Args:
        given: a Pillow picture in any mode.
        what: "line art", "reference 2".

    Raises:
        BadRequest: it is none, or has no pixels.
    """
    if not isinstance(given, Image.Image):
        raise BadRequest(
            f"The {what} is not a picture but {_kind(given)}.",
            "Open the file first, with PIL.Image.open.",
        )
    if 0 in given.size:
        raise BadRequest(f"The {what} has no pixels.", "Choose another picture.")
    if given.mode in _KEPT_MODES:
        return given
    image = eight_bit(given)
    if image.mode == "1":
        return image.convert("L")
    if image.mode in _KEPT_MODES:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def lineart(given: Any, extract: bool) -> Image.Image | np.ndarray:
    """A picture as :func:`picture` makes it, or line strength (H, W), uint8, or float32 in [0, 1].

    Raises:
        BadRequest: it is neither, or lines are to be extracted from line strength.
    """
    if not isinstance(given, np.ndarray):
        return picture(given, "line art")
    if given.ndim != 2 or given.dtype not in (np.uint8, np.float32) or not given.size:
        raise BadRequest(
            f"Line strength of shape {given.shape} and type {given.dtype} is unknown.",
            "Give (H, W) uint8 or float32, or a picture.",
        )
    if given.dtype == np.float32 and not (given.min() >= 0 and given.max() <= 1):
        raise BadRequest("The line strength is not within 0 and 1.", "Divide it by its largest.")
    if extract:
        raise BadRequest(
            "Lines can't be extracted from line strength.",
            "Give the coloured picture, or leave extract_lineart off.",
        )
    return given


def references(given: Any) -> list[Image.Image]:
    """One picture or several as a list. Raises :class:`BadRequest` as :func:`picture` does."""
    several = [given] if isinstance(given, Image.Image) or not _is_sequence(given) else list(given)
    if not several or several == [None]:
        raise BadRequest("There is no reference.", "Choose at least one reference picture.")
    return [picture(one, f"reference {number}") for number, one in enumerate(several, start=1)]


def points(
    given: Any, lineart_px: tuple[int, int], sizes_px: Sequence[tuple[int, int]]
) -> list[PointPair]:
    """Pairs whose ends lie in their pictures of (width, height)."""
    pairs = [] if given is None else list(given)
    for pair in pairs:
        if not isinstance(pair, PointPair):
            raise BadRequest(
                f"A point is not a PointPair but {_kind(pair)}.",
                "Use PointPair(reference=(x, y), lineart=(x, y)).",
            )
        if not 0 <= pair.reference_index < len(sizes_px):
            raise BadRequest(
                f"A point belongs to reference {pair.reference_index + 1}, "
                f"but there are {len(sizes_px)}.",
                "Remove the point or add the reference.",
            )
        check_inside(pair.lineart, lineart_px, "line art")
        check_inside(pair.reference, sizes_px[pair.reference_index], "reference")
    return pairs


def whole_number(value: Any, what: str, least: int, most: int) -> int:
    """``value`` as a whole number from ``least`` to ``most``.

    Args:
        what: the end of a sentence that begins with a wrong value: "steps are not possible".

    Raises:
        BadRequest: it is none, or outside.
    """
    if isinstance(value, (int, np.integer)) and least <= value <= most:
        return int(value)
    raise BadRequest(f"{value} {what}.", f"Choose {least} to {most}.")


def finite(value: Any, what: str) -> float:
    """``value`` as a finite number; else :class:`BadRequest`."""
    if isinstance(value, (int, float, np.number)) and math.isfinite(value):
        return float(value)
    raise BadRequest(f"{what}: {value} is not a number to work with.", "Choose about 1 to 20.")


def latents(given: Any, shape: tuple[int, ...], what: str) -> Tensor:
    """Latents of that shape without infinities; else :class:`BadRequest`."""
    if not isinstance(given, Tensor) or tuple(given.shape) != shape:
        found = tuple(given.shape) if isinstance(given, Tensor) else _kind(given)
        raise BadRequest(
            f"The {what} must be a tensor of shape {shape}, not {found}.",
            "Make them for this working resolution, or leave them out.",
        )
    if not given.isfinite().all():
        raise BadRequest(f"The {what} are not all numbers.", "Leave them out.")
    return given


def start(given: Any, lineart_px: tuple[int, int]) -> Image.Image:
    """A picture to start from, at the line art's (width, height), whose aspect it must have."""
    image = picture(given, "picture to start from").convert("RGB")
    if abs(math.log(image.width / image.height * lineart_px[1] / lineart_px[0])) > 0.02:
        raise BadRequest(
            f"The picture to start from has {image.width} x {image.height} pixels, another aspect "
            f"than the line art's {lineart_px[0]} x {lineart_px[1]}.",
            "Bring it to the line art's size.",
        )
    return image if image.size == lineart_px else image.resize(lineart_px)


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
