# SPDX-License-Identifier: GPL-3.0-or-later
"""Avatars by designers, put together by DiceBear (https://www.dicebear.com).

Where a style has lines, its dark parts are the line art; where it has none, lines are drawn along
the borders of its flats. Each style has a licence of its own, see docs/matcher.md.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import cv2
import numpy as np

from ...errors import PackageMissing
from .pairs import LINE, NOTHING, PeoplePair, borders, colour_codes, plain_flats
from .svg import (
    INSTALL,
    SIDE_PX,
    in_black_and_white,
    is_ink,
    parsed,
    rasterised,
    recoloured,
    without_translucent,
    written,
)

_LINED = ("adventurer", "micah", "open-peeps", "toon-head")
_SELDOM_LINED = ("lorelei", "croodles")
_UNLINED = (
    "avataaars",
    "big-ears",
    "big-smile",
    "personas",
    "miniavs",
    "sprouts",
    "bottts",
    *_LINED[::3],
)
_WITH_LINES, _LINED_TWICE = 0.6, 2
_INK = frozenset(
    ("background", "ink", "stroke", "outline", "eyes", "eyebrows", "nose", "mouth", "throat")
)
"""Colours that stay as the style has them."""
_USUAL = frozenset(("hair", "top", "clothes", "rearHair", "head"))
"""Parts that most avatars have, where a style leaves them out at all."""
_OFTEN, _SELDOM = 0.85, 0.3
_OWN_COLOUR, _OTHER_PART, _RECOLOURED, _WARPED = 0.4, 0.4, 0.5, 0.5
_INKED, _LEAST_INK_PX = 100, 300
_PALEST, _DARKEST = 256, 70


def avatar_pair(seed: int) -> PeoplePair | None:
    """Two avatars of one style and the same colours, some parts of which differ; the same seed
    gives the same. None where there is hardly a line.

    Raises:
        PackageMissing: the packages that put them together are.
    """
    rng = np.random.default_rng([seed, 16])
    lined = bool(rng.random() < _WITH_LINES)
    styles = (*(_LINED * _LINED_TWICE), *_SELDOM_LINED) if lined else _UNLINED
    name = styles[int(rng.integers(len(styles)))]
    given, other = _options(name, rng), _options(name, rng)
    parts = [key for key in given if key.endswith(("Variant", "Probability"))]
    changed = {key: other[key] for key in parts if rng.random() < _OTHER_PART}
    reference, target = _svg(name, given), _svg(name, {**given, **changed})
    inked = _lines_of(target) if lined else _lines_along(target, rng)
    if np.count_nonzero(inked > _INKED) < _LEAST_INK_PX:
        return None
    truth, dark = _flats(target)
    # What is as dark as the lines is a line, and what it covers is not known.
    truth = plain_flats(np.where(dark, NOTHING, truth), inked > _INKED)
    flats, dark = _flats(reference)
    if rng.random() < _RECOLOURED:
        reference = recoloured(reference, rng)
    pair = PeoplePair(255 - inked, truth, rasterised(reference), np.where(dark, LINE, flats))
    return pair.warped(rng) if rng.random() < _WARPED else pair


@cache
def _style(name: str) -> tuple[Any, dict[str, Any], frozenset[str]]:
    """A style, its definition, and the options it takes."""
    try:
        from dicebear import Style
        from dicebear.options_descriptor import OptionsDescriptor

        text = (files("dicebear_styles") / f"{name}.json").read_text(encoding="utf-8")
    except ImportError as error:
        raise PackageMissing("DiceBear's styles are missing.", f"Run: {INSTALL}") from error
    definition = json.loads(text)
    style = Style(definition)
    return style, definition, frozenset(OptionsDescriptor(style).to_json())


def _svg(name: str, options: dict[str, Any]) -> str:
    from dicebear import Avatar

    return Avatar(_style(name)[0], options).to_string()


def _options(name: str, rng: np.random.Generator) -> dict[str, Any]:
    """Parts and colours of chance."""
    _, definition, known = _style(name)
    chosen: dict[str, Any] = {"seed": str(rng.integers(1 << 30)), "size": SIDE_PX}
    for part, values in definition["components"].items():
        variants = list(values.get("variants", {}))
        if variants and f"{part}Variant" in known:
            chosen[f"{part}Variant"] = variants[int(rng.integers(len(variants)))]
        if values.get("probability", 100) < 100 and f"{part}Probability" in known:
            often = _OFTEN if part in _USUAL else _SELDOM
            chosen[f"{part}Probability"] = 100 * int(rng.random() < often)
    for colour, values in definition["colors"].items():
        if colour in _INK:
            continue
        own = values.get("values") or []
        if own and rng.random() < _OWN_COLOUR:
            chosen[f"{colour}Color"] = [own[int(rng.integers(len(own)))]]
        else:
            red, green, blue = rng.integers(_DARKEST, _PALEST, 3).tolist()
            chosen[f"{colour}Color"] = [f"#{red:02x}{green:02x}{blue:02x}"]
    return chosen


def _flats(svg: str) -> tuple[np.ndarray, np.ndarray]:
    """(s, s) int64, the colours without shades laid over them, and (s, s) bool, what is ink."""
    root = parsed(svg)
    without_translucent(root)
    codes = colour_codes(rasterised(written(root), crisp=True))
    listed, number = np.unique(codes, return_inverse=True)
    dark = np.array([code >= 0 and is_ink(code) for code in listed.tolist()])
    return codes, dark[number].reshape(codes.shape)


def _lines_of(svg: str) -> np.ndarray:
    """(s, s) uint8, 255 where the style draws in ink."""
    root = parsed(svg)
    without_translucent(root)
    in_black_and_white(root)
    rgba = rasterised(written(root)).astype(np.float32)
    return np.rint((255 - rgba[..., 0]) * rgba[..., 3] / 255).astype(np.uint8)


def _lines_along(svg: str, rng: np.random.Generator) -> np.ndarray:
    """(s, s) uint8: a pen along the borders of the flats, and what is ink."""
    codes, dark = _flats(svg)
    wide = int(rng.integers(2, 6))
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
    drawn = cv2.GaussianBlur(cv2.dilate(borders(codes), pen), (0, 0), 0.8)
    return np.maximum(drawn, dark.astype(np.uint8) * 255)
