# SPDX-License-Identifier: GPL-3.0-or-later
"""A closer look: the network paints overlapping parts of the page again, each enlarged.

An eye that is four pixels wide on the page at working resolution is six in a part of it. The
reference stays whole, so that whatever is known of it is known for every part. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from .flats.matches import Matches, Part, faded
from .points import PointPair

SIDE = 0.62
"""Of a part, as a share of the page's."""
WHOLE = Part(0.0, 0.0, 1.0, 1.0)
PARTS = tuple(Part(x, y, SIDE, SIDE) for y in (0.0, 1 - SIDE) for x in (0.0, 1 - SIDE))


@dataclass(frozen=True)
class Look:
    """What the network makes of the page or of a part of it.

    Attributes:
        part: where on the page.
        picture: (h, w, 3) uint8.
        matches: where it looked in the references, if that means something.
    """

    part: Part
    picture: np.ndarray = field(repr=False)
    matches: Matches | None = field(default=None, repr=False)


def pairs_within(
    pairs: Mapping[int, PointPair], part: Part, page_px: tuple[int, int]
) -> dict[int, PointPair]:
    """The pairs that end in a part of the page of (width, height), counted from its corner."""
    left, top, right, bottom = part.box(page_px)
    return {
        number: replace(pair, lineart=(pair.lineart[0] - left, pair.lineart[1] - top))
        for number, pair in pairs.items()
        if left <= pair.lineart[0] < right and top <= pair.lineart[1] < bottom
    }


def together(page: Look, closer: Sequence[Look]) -> Look:
    """One look of all: the page enlarged to the scale of the parts, which fade into each other."""
    if not closer:
        return page
    height, width = (round(side / SIDE) for side in page.picture.shape[:2])
    # Where no part was looked at, or two fade out, the page shows through.
    weights = np.full((height, width, 1), 1e-3, np.float32)
    sums = weights * cv2.resize(page.picture, (width, height), interpolation=cv2.INTER_CUBIC)
    for look in closer:
        left, top, right, bottom = look.part.box((width, height))
        size = right - left, bottom - top
        fade = faded(*size)
        picture = cv2.resize(look.picture, size, interpolation=cv2.INTER_CUBIC)
        sums[top:bottom, left:right] += fade * picture
        weights[top:bottom, left:right] += fade
    picture = np.rint(sums / weights).astype(np.uint8)
    matches = page.matches
    if matches is not None:
        parts = tuple((look.part, look.matches) for look in closer if look.matches is not None)
        matches = replace(matches, closer=parts)
    return Look(page.part, picture, matches)
