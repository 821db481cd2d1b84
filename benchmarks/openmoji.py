# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawings by people, with their truth: pairs of emojis of one kind, which nothing learns from.

See :mod:`manganinja.train.people.openmoji`, and there for the package that has them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from manganinja.train.people.openmoji import layers, read_svg
from manganinja.train.people.svg import rasterised

_PAIRS = Path(__file__).with_name("openmoji_pairs.json")
_SIDE_PX = 1024


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
    """All pairs that have lines."""
    for reference, target in json.loads(_PAIRS.read_text(encoding="utf-8")):
        lines, colours = layers(read_svg(target))
        yield Drawing(
            rasterised(lines, side_px=_SIDE_PX),
            rasterised(read_svg(reference), side_px=_SIDE_PX),
            rasterised(colours, crisp=True, side_px=_SIDE_PX),
        )
