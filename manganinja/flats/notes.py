# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written beside the figures of a model sheet: leader lines, lettering, swatches.

They say which colours there are, but show no thing that a drawing has. A leader line is straight
and thin, divides nothing, for both its sides have one colour, and ends on the paper, at lettering,
or at a swatch. Without leader lines, lettering hangs together with no figure, and is nothing but
thin strokes; swatches are small, plain, and several of a size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from .regions import nearest_label

_LOOKED_PX = 1400
"""Side of the picture that is looked at."""
_PAPER_LEVELS, _SAME_LEVELS, _DARKER = 20, 16, 28
"""What is still the paper; what is one colour on two sides of a line; how much darker a line is."""
_LEAST_PAPER = 0.6
"""Share of the picture's edge that has one colour, or is transparent, where there is a paper."""
_WIDEST_PX = 7
_SHORTEST = 0.05
"""Of a leader line, beside the picture's longer side."""
_ONE_COLOUR = 0.6
"""Share of its length along which both sides have one colour."""
_SOFT_PX = 3
"""Anti-aliasing on both sides of a line."""
_END_PX = 6
_LARGEST_NOTE = 0.1
"""Beside the largest thing on the sheet: what is larger is a figure."""
_BESIDE = 0.02
"""A note lies outside of the figures' boxes, and this of their longer side beyond."""
_FEWEST_SWATCHES, _ALIKE, _IN_LINE, _PLAIN, _FULL = 3, 0.2, 0.3, 0.9, 0.7
"""How many, how much their sides differ, how far out of line they lie beside these; which share of
one is of one colour, and of its box is filled."""
_GAP_PX = 5
"""A line goes on behind what crosses it."""
_MOST_SEGMENTS = 1000
_ROUNDS = 3


@dataclass(frozen=True)
class _Looked:
    """A picture at the size that is looked at, and what of it is not paper."""

    rgb: np.ndarray
    drawn: np.ndarray
    scale: int


@dataclass(frozen=True)
class Unwritten:
    """A reference without what is written beside its figures.

    Attributes:
        colours: (H, W, 4) uint8: leader lines have the colour beside them, lettering is paper;
            swatches are colours still.
        figures: (H, W, 4) uint8: swatches are paper as well.
        written: whether there were leader lines or lettering.
    """

    colours: np.ndarray = field(repr=False)
    figures: np.ndarray = field(repr=False)
    written: bool = False

    @property
    def has_swatches(self) -> bool:
        """Whether the figures are another picture than the colours."""
        return self.figures is not self.colours

    def shows(self, at: tuple[float, float]) -> bool:
        """Whether a place (x, y) of the reference is what a drawing may have: no swatch."""
        pixel = int(at[1]), int(at[0])
        return bool((self.figures[pixel] == self.colours[pixel]).all())


def without_notes(picture: np.ndarray) -> Unwritten | None:
    """A reference (H, W, 4) uint8 without what is written beside its figures; None where nothing
    is."""
    paper = _paper(picture)
    if paper is None:
        return None
    looked = _look(picture, paper)
    leaders = np.zeros(looked.drawn.shape, np.uint8)
    # What a line has crossed ends one that is looked for next.
    for _ in range(_ROUNDS):
        more = _leaders(looked)
        if not more.any():
            break
        leaders |= more
        _fill(looked.rgb, more > 0)
        looked.drawn[more > 0] = False
    lettering, swatches = _notes(looked.rgb, looked.drawn)
    if not (leaders.any() or lettering.any() or swatches.any()):
        return None
    colours = picture.copy()
    _fill(colours, _enlarged(leaders, picture, looked.scale))
    colours[_enlarged(lettering, picture, looked.scale)] = paper
    figures = colours
    if swatches.any():
        figures = colours.copy()
        figures[_enlarged(swatches, picture, looked.scale)] = paper
    return Unwritten(colours, figures, bool(leaders.any() or lettering.any()))


def left_out(references: Sequence[Unwritten]) -> list[str]:
    """Sentences for the artist about what was, of the references that were looked at."""
    said = []
    for number, reference in enumerate(references, 1):
        found = [
            (reference.written, "lettering and leader lines"),
            (reference.has_swatches, "swatches, which only give the palette their colours"),
        ]
        if names := " and ".join(name for there, name in found if there):
            which = f"reference {number}" if len(references) > 1 else "the reference"
            said.append(
                f"Left out of {which}: {names}. What of it is drawn counts again in a reference "
                "of its own."
            )
    return said


def _paper(picture: np.ndarray) -> np.ndarray | None:
    """(4,) uint8: the paper's colour; None where the edge has many."""
    edge = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    clear = edge[:, 3] < 128
    if clear.mean() >= _LEAST_PAPER:
        return np.zeros(4, np.uint8)
    colours, counts = np.unique(edge[~clear], axis=0, return_counts=True)
    usual = colours[counts.argmax()]
    near = (np.abs(edge.astype(int) - usual).max(axis=1) <= _PAPER_LEVELS) & ~clear
    return usual if near.mean() >= _LEAST_PAPER else None


def _look(picture: np.ndarray, paper: np.ndarray) -> _Looked:
    scale = int(np.ceil(max(picture.shape[:2]) / _LOOKED_PX))
    opaque = picture[..., 3] >= 128
    rgb = np.where(opaque[..., None], picture[..., :3], np.uint8(255))
    if scale > 1:
        # The darkest of each square, so that thin lines stay.
        square, at = np.ones((scale, scale), np.uint8), (0, 0)
        rgb = cv2.erode(rgb, square, anchor=at)[::scale, ::scale]
        opaque = cv2.dilate(opaque.astype(np.uint8), square, anchor=at)[::scale, ::scale] > 0
    away = np.abs(rgb.astype(np.int16) - paper[:3].astype(np.int16)).max(axis=2)
    drawn = opaque if paper[3] == 0 else opaque & (away > _PAPER_LEVELS)
    return _Looked(np.ascontiguousarray(rgb), drawn, scale)


# Leader lines


def _leaders(looked: _Looked) -> np.ndarray:
    """(h, w) uint8, 255 on leader lines."""
    found = np.zeros(looked.drawn.shape, np.uint8)
    grey = cv2.cvtColor(looked.rgb, cv2.COLOR_RGB2GRAY)
    side = np.ones((_WIDEST_PX, _WIDEST_PX), np.uint8)
    dark = cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, side) >= _DARKER
    if not dark.any():
        return found
    lines = dark.astype(np.uint8) * 255
    shortest = _SHORTEST * max(dark.shape)
    least = max(1, int(0.5 * shortest))
    segments = cv2.HoughLinesP(lines, 2, np.pi / 360, least, None, shortest, _GAP_PX)
    if segments is None:
        return found
    listed = np.asarray(segments, np.float64).reshape(-1, 2, 2)[:_MOST_SEGMENTS]
    listed = [_lengthened(segment, dark) for segment in listed]
    dividing_nothing = [
        segment for segment in listed if _is_between_one_colour(looked.rgb, segment)
    ]
    if not dividing_nothing:
        return found
    erased = _drawn(dividing_nothing, dark)
    rest = (looked.drawn & (erased == 0)).astype(np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    small = areas < _LARGEST_NOTE * max(1, int(areas.max()))
    kept = [segment for segment in dividing_nothing if _ends_apart(segment, parts, small)]
    return _drawn(kept, dark) if kept else found


def _lengthened(segment: np.ndarray, dark: np.ndarray) -> np.ndarray:
    """A segment (2, 2) with both ends as far on as the line goes."""
    way = segment[1] - segment[0]
    step = way / max(1.0, float(np.hypot(*way)))
    ends = []
    for end, turn in ((segment[0], -1.0), (segment[1], 1.0)):
        ahead = end + turn * np.arange(1, max(dark.shape))[:, None] * step
        inside = ((ahead >= 0) & (ahead <= np.array(dark.shape[::-1]) - 1)).all(axis=1)
        ahead = ahead[inside]
        missing = np.append(_at(dark, ahead) == 0, np.ones(_GAP_PX, bool))
        on = int((np.convolve(missing, np.ones(_GAP_PX), "valid") >= _GAP_PX).argmax())
        ends.append(ahead[on - 1] if on else end)
    return np.array(ends)


def _drawn(segments: Sequence[np.ndarray], dark: np.ndarray) -> np.ndarray:
    """(h, w) uint8, 255 on segments, with their anti-aliasing."""
    mask = np.zeros(dark.shape, np.uint8)
    for segment in segments:
        along, across = _beside(segment)
        steps = np.arange(-_WIDEST_PX, _WIDEST_PX + 1)[:, None, None]
        wide = np.median((_at(dark, along + steps * across) > 0).sum(axis=0))
        one, other = (tuple(np.rint(end).astype(int).tolist()) for end in segment)
        cv2.line(mask, one, other, (255,), int(min(wide, _WIDEST_PX)) + _SOFT_PX)
    return mask


def _beside(segment: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 2) along a segment (2, 2), and the step (2,) across it."""
    way = segment[1] - segment[0]
    length = max(1.0, float(np.hypot(*way)))
    along = np.linspace(0.05, 0.95, max(8, int(length / 3)))[:, None] * way + segment[0]
    return along, np.array([-way[1], way[0]]) / length


def _is_between_one_colour(rgb: np.ndarray, segment: np.ndarray) -> bool:
    """Whether both sides of a segment (2, 2) have one colour, along most of it."""
    along, across = _beside(segment)
    one, other = (_at(rgb, along + turn * _WIDEST_PX * across) for turn in (1, -1))
    return bool((np.abs(one - other).max(axis=1) <= _SAME_LEVELS).mean() >= _ONE_COLOUR)


def _at(plane: np.ndarray, places: np.ndarray) -> np.ndarray:
    height, width = plane.shape[:2]
    x = np.clip(np.rint(places[..., 0]).astype(int), 0, width - 1)
    y = np.clip(np.rint(places[..., 1]).astype(int), 0, height - 1)
    return plane[y, x].astype(np.int16)


def _ends_apart(segment: np.ndarray, parts: np.ndarray, small: np.ndarray) -> bool:
    """Whether a segment ends on the paper, or at something small beside the figures."""
    for x, y in np.rint(segment).astype(int).tolist():
        top, left = max(0, y - _END_PX), max(0, x - _END_PX)
        near = np.unique(parts[top : y + _END_PX + 1, left : x + _END_PX + 1])
        if small[near[near > 0]].all():
            return True
    return False


# Lettering and swatches


def _notes(rgb: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two of (h, w) uint8, 255 on lettering and on swatches, what they enclose included."""
    lettering, plain = np.zeros(drawn.shape, np.uint8), np.zeros(drawn.shape, np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(drawn.astype(np.uint8), connectivity=8)
    boxes, areas = stats[1:, :4], stats[1:, 4]
    if len(areas) < 2:
        return lettering, plain
    is_figure = areas >= _LARGEST_NOTE * areas.max()
    figures = _wide_boxes(np.append(False, is_figure)[np.asarray(parts, np.intp)])
    beside = [at for at in np.flatnonzero(~is_figure).tolist() if _is_beside(boxes[at], figures)]
    swatches = _swatches(rgb, np.asarray(parts), boxes, areas, beside)
    for at in beside if len(figures) else []:
        left, top, width, height = boxes[at].tolist()
        window = np.s_[top : top + height, left : left + width]
        own = (np.asarray(parts)[window] == at + 1).astype(np.uint8)
        if at in swatches or _is_thin(own):
            outlines, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            filled = np.zeros_like(own)
            cv2.drawContours(filled, outlines, -1, (255,), cv2.FILLED)
            mask = plain if at in swatches else lettering
            mask[window] |= filled
    # Their anti-aliasing as well.
    side = np.ones((3, 3), np.uint8)
    return cv2.dilate(lettering, side), cv2.dilate(plain, side)


def _wide_boxes(drawn: np.ndarray) -> np.ndarray:
    """(n, 4) int: the boxes of what is drawn (h, w) bool and wider than a line."""
    side = np.ones((_WIDEST_PX, _WIDEST_PX), np.uint8)
    wide = cv2.morphologyEx(drawn.astype(np.uint8), cv2.MORPH_OPEN, side)
    _, _, stats, _ = cv2.connectedComponentsWithStats(wide, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    return stats[1:, :4][areas >= _LARGEST_NOTE * areas.max(initial=0)]


def _is_beside(box: np.ndarray, figures: np.ndarray) -> bool:
    """Whether a box (x, y, width, height) lies outside of all of those of figures (n, 4)."""
    more = _BESIDE * figures[:, 2:].max(axis=1)
    middle = box[:2] + box[2:] / 2
    low, high = figures[:, :2] - more[:, None], figures[:, :2] + figures[:, 2:] + more[:, None]
    return not ((middle > low) & (middle < high)).all(axis=1).any()


def _swatches(
    rgb: np.ndarray,
    parts: np.ndarray,
    boxes: np.ndarray,
    areas: np.ndarray,
    beside: Sequence[int],
) -> set[int]:
    """The parts that are plain, full, and have others of the same size beside the figures."""
    plain = []
    for at in beside:
        left, top, width, height = boxes[at].tolist()
        own = parts[top : top + height, left : left + width] == at + 1
        fenced = np.pad(own, _WIDEST_PX).astype(np.uint8)
        inner = cv2.erode(fenced, np.ones((_WIDEST_PX, _WIDEST_PX), np.uint8)) > 0
        inner = inner[_WIDEST_PX:-_WIDEST_PX, _WIDEST_PX:-_WIDEST_PX]
        if areas[at] < _FULL * width * height or not inner.any():
            continue
        colours = rgb[top : top + height, left : left + width][inner].astype(np.int16)
        near = np.abs(colours - np.median(colours, axis=0)).max(axis=1) <= _SAME_LEVELS
        if near.mean() >= _PLAIN:
            plain.append(at)
    sides = boxes[plain, 2:].astype(np.float64)
    middles = boxes[plain, :2] + sides / 2
    alike = np.abs(np.log(sides[:, None] / sides[None])).max(axis=2) <= _ALIKE
    # One below the other, or side by side.
    alike &= (np.abs(middles[:, None] - middles[None]) <= _IN_LINE * sides[None]).any(axis=2)
    enough = alike.sum(axis=1) >= _FEWEST_SWATCHES
    return {at for at, one_of_several in zip(plain, enough.tolist()) if one_of_several}


def _is_thin(own: np.ndarray) -> bool:
    """Whether a part (h, w) uint8 is nothing but thin strokes."""
    return bool(cv2.distanceTransform(np.pad(own, 1), cv2.DIST_L2, 3).max() <= _WIDEST_PX / 2 + 1)


def _enlarged(mask: np.ndarray, picture: np.ndarray, scale: int) -> np.ndarray:
    """(H, W) bool of the picture."""
    whole = np.zeros(picture.shape[:2], bool)
    height, width = picture.shape[:2]
    large = mask.repeat(scale, axis=0).repeat(scale, axis=1)[:height, :width]
    whole[: large.shape[0], : large.shape[1]] = large > 0
    return whole


def _fill(picture: np.ndarray, gone: np.ndarray) -> None:
    """Give pixels the colour of the nearest one that stays, in place."""
    if gone.any():
        number = np.arange(1, gone.size + 1, dtype=np.int32).reshape(gone.shape)
        nearest = nearest_label(np.where(gone, 0, number))[gone] - 1
        picture[gone] = picture.reshape(gone.size, -1)[nearest]
