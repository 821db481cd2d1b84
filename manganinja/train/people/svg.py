# SPDX-License-Identifier: GPL-3.0-or-later
"""SVG files: layers, colours, pixels."""

from __future__ import annotations

import colorsys
import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import numpy as np
from PIL import Image

from ...errors import PackageMissing

SIDE_PX = 512
_SVG = "http://www.w3.org/2000/svg"
_HEX = re.compile(r"#([0-9a-fA-F]{6}|[0-9a-fA-F]{3})\b")
_DARK = 56
"""A colour with no channel above it is ink."""
_OPACITIES = ("opacity", "fill-opacity", "stroke-opacity")
_NAMED = {"black": "#000000", "white": "#ffffff"}
INSTALL = "pip install --require-hashes -r manganinja/train/people/packages.txt"


def rasterised(svg: str, crisp: bool = False, side_px: int = SIDE_PX) -> np.ndarray:
    """(s, s, 4) uint8; crisp: without anti-aliasing.

    Raises:
        PackageMissing: the package that draws is missing.
    """
    try:
        import resvg_py
    except ImportError as error:
        raise PackageMissing("The package resvg_py is missing.", f"Run: {INSTALL}") from error
    if crisp:
        svg = re.sub(r'\sshape-rendering="[^"]*"', "", svg)
        svg = svg.replace("<svg ", '<svg shape-rendering="crispEdges" ', 1)
    data = resvg_py.svg_to_bytes(svg_string=svg, width=side_px, height=side_px)
    picture = Image.open(io.BytesIO(bytes(data))).convert("RGBA")
    square = Image.new("RGBA", (side_px, side_px))
    square.paste(picture, ((side_px - picture.width) // 2, (side_px - picture.height) // 2))
    return np.asarray(square)


def parsed(svg: str) -> ET.Element:
    """Its root."""
    ET.register_namespace("", _SVG)
    return ET.fromstring(svg)


def written(root: ET.Element) -> str:
    """The text of an SVG."""
    return ET.tostring(root, encoding="unicode")


def hex_colours(svg: str) -> list[int]:
    """0xRRGGBB of all colours that are written as hexadecimal numbers."""
    return sorted({int(_six(found), 16) for found in _HEX.findall(svg)})


def _six(digits: str) -> str:
    return (digits if len(digits) == 6 else "".join(2 * d for d in digits)).lower()


def is_ink(code: int) -> bool:
    """Whether a colour is so dark that lines are drawn in it."""
    return max(code >> 16, code >> 8 & 255, code & 255) < _DARK


def in_black_and_white(root: ET.Element) -> None:
    """Make what is dark black, everything else white, in place; masks stay as they are."""
    kept = {
        id(node)
        for mask in root.iter()
        if mask.tag.endswith(("mask", "clipPath"))
        for node in mask.iter()
    }
    for node in root.iter():
        for key in ("fill", "stroke"):
            value = node.get(key) or ""
            found = _HEX.fullmatch(_NAMED.get(value.strip(), value.strip()))
            if found and id(node) not in kept:
                node.set(key, "#000" if is_ink(int(_six(found.group(1)), 16)) else "#fff")


def without_translucent(root: ET.Element) -> None:
    """Take out shades that are laid over the flats, in place."""
    for parent in list(root.iter()):
        for node in list(parent):
            opacities = (
                node.get(key, "1") for key in ("opacity", "fill-opacity", "stroke-opacity")
            )
            if min(map(float, opacities)) < 1 or "mix-blend-mode" in (node.get("style") or ""):
                parent.remove(node)


def recoloured(svg: str, rng: np.random.Generator) -> str:
    """In other colours: sometimes the same, sometimes with all hues turned, or all of chance. Ink
    stays."""
    way, turn = rng.random(), float(rng.random())
    if way < 0.3:
        return svg
    changed = _turned(turn, rng) if way < 0.6 else _of_chance(rng)
    other = {code: code if is_ink(code) else changed(code) for code in hex_colours(svg)}
    return _HEX.sub(lambda found: f"#{other[int(_six(found.group(1)), 16)]:06x}", svg)


def _turned(turn: float, rng: np.random.Generator) -> Callable[[int], int]:
    def changed(code: int) -> int:
        hue, light, full = _hls(code)
        light = float(np.clip(light + rng.normal(0, 0.06), 0.25, 1))
        full = 0.5 if full < 0.1 and rng.random() < 0.3 else full + rng.normal(0, 0.1)
        return _code((hue + turn + rng.normal(0, 0.03)) % 1, light, float(np.clip(full, 0, 1)))

    return changed


def _of_chance(rng: np.random.Generator) -> Callable[[int], int]:
    def changed(code: int) -> int:
        light = (_hls(code)[1] + rng.uniform(0.3, 0.95)) / 2
        return _code(rng.random(), float(np.clip(light, 0.25, 1)), rng.uniform(0.1, 0.9))

    return changed


def _hls(code: int) -> tuple[float, float, float]:
    return colorsys.rgb_to_hls(*(c / 255 for c in (code >> 16, code >> 8 & 255, code & 255)))


def _code(hue: float, light: float, full: float) -> int:
    red, green, blue = (round(255 * c) for c in colorsys.hls_to_rgb(hue, light, full))
    return red << 16 | green << 8 | blue
