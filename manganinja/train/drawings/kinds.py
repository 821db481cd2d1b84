# SPDX-License-Identifier: GPL-3.0-or-later
"""The five kinds of cases that evaluation asks about, drawn with exact truth and parts.

The paper shows four uses: another pose, details that the reference lacks, several references, and
the reference of another character. *Same pose* is added for successive frames of an animation.
Truth is always flat (no shading), references are shaded in a third of the cases.

Each seed can be used both ways (``swapped``): what a picture shows changes places, what it is for
stays. In plain words: the pose and framing of the target become the reference's, and so do design
and colours where two characters are drawn; what the reference lacks, it still lacks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import cv2
import numpy as np

from ...points import PointPair
from .canvas import RGB, Drawing, Style
from .character import PART_IDS, Character
from .design import Design
from .pairs import DrawnPair, point_pairs
from .palette import from_hsv
from .pose import FRAMINGS, Pose, random_pose

KINDS = ("same-pose", "new-pose", "missing-detail", "two-references", "other-character")
"""Same pose: two successive frames. New pose: the same character and framing in another pose.
Missing detail: the reference lacks hat, ornament, glasses, neckwear and such that the target has.
Two references: a portrait with these details and a whole figure without them; the target needs
both. Other character: the target's design in the colours of another character's same parts."""

SHOWN_ELSEWHERE = 0.75
"""Share of the missing parts that have the colour of something that the reference shows, so that a
pair can tell it. The others have a colour of their own, which nothing can tell."""

LEAST_PX = 12
"""Parts of fewer pixels in a reference don't count as shown there."""

_INKED = 223
"""Line art at or below this is a line."""

_FRAMINGS = tuple(framing for framing in FRAMINGS if framing != "face")
"""A face alone has too little in it to be asked about."""

_HATS = ("cap", "witch", "beanie", "beret", "crown", "sunhat", "band")
_ORNAMENTS = ("bow", "flower", "star", "ribbon")
_GLASSES = ("round", "square", "patch", "goggles")
_NECKWEAR = ("tie", "bow", "scarf", "sailor", "choker", "pendant")
_EMBLEMS = ("heart", "star", "disc", "cross", "diamond")


@dataclass(frozen=True)
class DrawnCase:
    """One question of the benchmark.

    Attributes:
        references: one or two pictures, with lines; ``parts`` of all pictures agree.
        target: its ``lineart`` is the question, its ``flats`` the answer.
        kind: one of :data:`KINDS`.
        judged: (S, S) bool, pixels whose colour is asked for: all but, with another character,
            the parts that the reference doesn't show, for which there is no right answer.
        colours: RGB of each part of the target by its number, 0 the background.
    """

    references: tuple[Drawing, ...]
    target: Drawing
    kind: str
    judged: np.ndarray = field(repr=False)
    colours: dict[int, RGB] = field(repr=False)


@dataclass(frozen=True)
class _View:
    """What a picture shows: the pose, and the width of its lines on a picture of 128 px."""

    pose: Pose
    line_px: float

    def style(self, common: Style, size_px: int) -> Style:
        finer = {"full": 0.62, "half": 0.85}.get(self.pose.framing, 1.0)
        width = self.line_px * finer * (size_px / 128) ** 0.6
        return replace(common, line_width_px=width)


def draw_case(seed: int, size_px: int, kind: str, swapped: bool = False) -> DrawnCase:
    """Draw case ``seed`` of a kind as pictures of ``size_px``; the same call gives the same case.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"The kind is one of {', '.join(KINDS)}, not {kind!r}.")
    rng = np.random.default_rng([seed, KINDS.index(kind), 5003])
    common = _style(rng)
    plain = replace(common, shaded=False, gloss=False, line_rgb=(0, 0, 0))
    draw = {
        "same-pose": _same_pose,
        "new-pose": _new_pose,
        "missing-detail": _missing_detail,
        "two-references": _two_references,
        "other-character": _other_character,
    }[kind]
    shown, wanted = draw(rng, size_px, common, swapped)
    references = tuple(who.draw(v.pose, size_px, v.style(common, size_px)) for who, v in shown)
    who, view = wanted
    target = who.draw(view.pose, size_px, view.style(plain, size_px))
    colours = _colours(target, who, common.background_rgb)
    judged = np.ones(target.parts.shape, np.bool_)
    if kind == "other-character":
        judged = np.isin(target.parts, [0, *_parts_of(references)])
    return DrawnCase(references, target, kind, judged, colours)


_Shown = tuple[Character, _View]
_Plan = tuple[list[_Shown], _Shown]
"""The references and the target, each a character and how it is seen."""


def _same_pose(rng: np.random.Generator, size_px: int, common: Style, swapped: bool) -> _Plan:
    who = Character.random(rng)
    one = _View(_pose(rng), _line(rng))
    two = _View(_next_frame(rng, one.pose), _line(rng))
    reference, target = _in_order(one, two, swapped)
    return [(who, reference)], (who, target)


def _new_pose(rng: np.random.Generator, size_px: int, common: Style, swapped: bool) -> _Plan:
    who = Character.random(rng)
    reference, target = _in_order(*_two_views(rng), swapped)
    return [(who, reference)], (who, target)


def _missing_detail(rng: np.random.Generator, size_px: int, common: Style, swapped: bool) -> _Plan:
    who = Character.random(rng)
    detailed, plain = _detailed(rng, who.design), _plain(who.design)
    reference, target = _in_order(*_two_views(rng), swapped)
    before = replace(who, design=plain)
    # Only the parts count here, so the style is no matter.
    seen = before.draw(reference.pose, size_px)
    wanted = replace(who, design=detailed).draw(target.pose, size_px)
    # What the pose alone hides (a hand behind the back) is no missing detail.
    bare = before.draw(target.pose, size_px)
    hidden = sorted(set(_parts_of([wanted], 1)) - set(_parts_of([seen, bare], 1)))
    palette = _palette_with(rng, who, hidden, _parts_of([seen]))
    return [(before, reference)], (Character(detailed, palette), target)


def _two_references(rng: np.random.Generator, size_px: int, common: Style, swapped: bool) -> _Plan:
    who = Character.random(rng)
    detailed = replace(who, design=_detailed(rng, who.design))
    bare = replace(who, design=_plain(who.design))
    portrait = _View(_pose(rng, "portrait"), _line(rng))
    views = _View(_pose(rng, "full"), _line(rng)), _View(_pose(rng, "full"), _line(rng))
    reference, target = _in_order(*views, swapped)
    shown = [(detailed, portrait), (bare, reference)]
    if rng.random() < 0.5:
        shown.reverse()
    return shown, (detailed, target)


def _other_character(rng: np.random.Generator, size_px: int, common: Style, swapped: bool) -> _Plan:
    one, two = Character.random(rng), Character.random(rng)
    views = _two_views(rng)
    (model, reference), (asked, target) = _in_order((one, views[0]), (two, views[1]), swapped)
    return [(model, reference)], (replace(asked, palette=model.palette), target)


_T = TypeVar("_T")


def _in_order(one: _T, two: _T, swapped: bool) -> tuple[_T, _T]:
    return (two, one) if swapped else (one, two)


def _style(rng: np.random.Generator) -> Style:
    """Paper, ink, shading and light that a case's references share."""
    h, s, v = rng.random(3).tolist()
    paper: RGB = (255, 255, 255)
    if rng.random() < 0.5:
        paper = from_hsv(h, 0.4 * s, 0.6 + 0.4 * v)
    ink = (0, 0, 0)
    if rng.random() < 0.25:
        ink = from_hsv(rng.random(), rng.random(), 0.1 + 0.3 * rng.random())
    angle = rng.uniform(0, 2 * math.pi)
    return Style(
        background_rgb=paper,
        line_rgb=ink,
        shaded=bool(rng.random() < 1 / 3),
        gloss=bool(rng.random() < 0.5),
        light=(math.cos(angle), -abs(math.sin(angle))),
    )


def _pose(rng: np.random.Generator, framing: str | None = None) -> Pose:
    """Seen from the front, and without tears or sweat, of which no reference tells the colour."""
    framing = framing or str(rng.choice(_FRAMINGS))
    return replace(random_pose(rng, framing), back=False, marks=())


def _line(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(np.log(0.6), np.log(1.8))))


def _two_views(rng: np.random.Generator) -> tuple[_View, _View]:
    """Two poses in the same framing, or one would show what the other can't tell of."""
    framing = str(rng.choice(_FRAMINGS))
    one, two = _pose(rng, framing), _pose(rng, framing)
    return _View(one, _line(rng)), _View(two, _line(rng))


def _next_frame(rng: np.random.Generator, pose: Pose) -> Pose:
    """The same pose a moment later: a small move of everything, the camera too."""

    def near(value: float, sigma: float) -> float:
        return float(value + rng.normal(0, sigma))

    (a, b), (c, d) = pose.arms
    other = _pose(rng, pose.framing)
    return replace(
        pose,
        turn=near(pose.turn, 0.05),
        tilt=near(pose.tilt, 0.04),
        lean=near(pose.lean, 0.02),
        arms=((near(a, 0.08), near(b, 0.08)), (near(c, 0.08), near(d, 0.08))),
        zoom=pose.zoom * float(np.exp(rng.normal(0, 0.03))),
        shift=(near(pose.shift[0], 0.02), near(pose.shift[1], 0.02)),
        roll=near(pose.roll, 0.03),
        sway=near(pose.sway, 0.15),
        mouth=other.mouth,
        gaze=other.gaze,
    )


def _detailed(rng: np.random.Generator, design: Design) -> Design:
    """With two to four of hat, ornament, glasses, neckwear and emblem, on top of what it has."""
    choices = {
        "hat": _HATS,
        "ornament": _ORNAMENTS,
        "glasses": _GLASSES,
        "neckwear": _NECKWEAR,
        "emblem": _EMBLEMS,
    }
    names = rng.choice(list(choices), size=int(rng.integers(2, 5)), replace=False)
    return replace(design, **{str(n): str(rng.choice(choices[str(n)])) for n in names})


def _plain(design: Design) -> Design:
    return replace(
        design,
        hat="none",
        ornament="none",
        glasses="none",
        neckwear="none",
        emblem="none",
        earrings=False,
        clip=False,
    )


def _palette_with(
    rng: np.random.Generator, who: Character, hidden: list[int], seen: list[int]
) -> dict[str, RGB]:
    """The character's palette in which most hidden parts have the colour of a seen one."""
    names = {number: name for name, number in PART_IDS.items()}
    palette = dict(who.palette)
    for part in hidden:
        if seen and rng.random() < SHOWN_ELSEWHERE:
            palette[names[part]] = who.palette[names[int(rng.choice(seen))]]
    return palette


def _parts_of(drawings: Sequence[Drawing], least_px: int = LEAST_PX) -> list[int]:
    """Numbers of the parts that any of the drawings shows, without the background."""
    areas = np.sum([np.bincount(d.parts.ravel(), minlength=256) for d in drawings], axis=0)
    return [int(part) for part in np.flatnonzero(areas >= least_px) if part]


def _colours(target: Drawing, who: Character, paper: RGB) -> dict[int, RGB]:
    names = {number: name for name, number in PART_IDS.items()}
    found = np.unique(target.parts).tolist()
    return {part: who.palette[names[part]] if part else paper for part in found}


def case_points(case: DrawnCase, count: int, rng: np.random.Generator) -> list[PointPair]:
    """Up to ``count`` true pairs, each part of the target once before any comes twice.

    Both ends have exactly the same colour, so none lies in a shadow of the reference, and no end
    lies on a line, nor in a part that no line bounds (blush on a cheek), where an artist would
    mean the whole cheek. A part that no reference shows is paired with another part of its colour,
    where the references show one.
    """
    candidates: list[tuple[int, PointPair]] = []
    fit = _fit_for_points(case)
    for index, reference in enumerate(case.references):
        found = point_pairs(DrawnPair(reference, case.target), 2 * count, rng).tolist()
        for here, there in found:
            part = int(case.target.parts[int(there[1]), int(there[0])])
            clear = _is_open(reference, here) and fit[int(there[1]), int(there[0])]
            if clear and _colour(reference, here) == case.colours[part]:
                candidates.append((part, PointPair(_two(here), _two(there), index)))
    candidates += _by_colour(case, {part for part, _ in candidates}, fit, rng)
    rng.shuffle(candidates)  # type: ignore[arg-type]
    used: dict[int, int] = {}
    rounds = []
    for part, pair in candidates:
        used[part] = used.get(part, 0) + 1
        rounds.append((used[part], pair))
    rounds.sort(key=lambda one: one[0])
    return [pair for _, pair in rounds[:count]]


def _fit_for_points(case: DrawnCase) -> np.ndarray:
    """(S, S) bool, judged pixels that no line covers, and whose colour is that of most of the open
    area between lines in which they lie."""
    target = case.target
    listed = sorted(set(case.colours.values()))
    table = np.zeros(256, np.int64)
    for part, colour in case.colours.items():
        table[part] = listed.index(colour)
    colours, open_px = table[target.parts], target.lineart > _INKED
    count, areas = cv2.connectedComponents(open_px.view(np.uint8), connectivity=4)
    votes = np.bincount((areas * len(listed) + colours).ravel(), minlength=count * len(listed))
    most = votes.reshape(count, len(listed)).argmax(axis=1)
    return (most[areas] == colours) & open_px & case.judged


def _by_colour(
    case: DrawnCase, paired: set[int], fit: np.ndarray, rng: np.random.Generator
) -> list[tuple[int, PointPair]]:
    """A pair for each judged part without one whose colour some reference shows."""
    known = set(_parts_of(case.references, 1))
    found = []
    for part, colour in case.colours.items():
        if not part or part in paired or part in known:
            continue
        there = _inside((case.target.parts == part) & fit, rng)
        places = [
            (index, here)
            for index, reference in enumerate(case.references)
            if (here := _inside(_even(reference, colour), rng)) is not None
        ]
        if there is not None and places:
            index, here = places[int(rng.integers(len(places)))]
            found.append((part, PointPair(here, there, index)))
    return found


def _even(drawing: Drawing, colour: RGB) -> np.ndarray:
    """(S, S) bool, pixels of parts, not of lines, that have exactly this colour."""
    same = (drawing.flats == np.array(colour, np.uint8)).all(axis=2)
    return same & (drawing.parts > 0) & (drawing.lineart > _INKED)


def _inside(mask: np.ndarray, rng: np.random.Generator) -> tuple[float, float] | None:
    """(x, y) of a pixel whose eight neighbours lie in the mask too; None where there is none."""
    padded = np.pad(mask, 1)
    side = mask.shape[0]
    whole = np.ones_like(mask)
    for down in range(3):
        for right in range(3):
            whole &= padded[down : down + side, right : right + side]
    rows, columns = np.nonzero(whole)
    if not len(rows):
        return None
    chosen = int(rng.integers(len(rows)))
    return float(columns[chosen]) + 0.5, float(rows[chosen]) + 0.5


def _is_open(drawing: Drawing, at: list[float]) -> bool:
    return int(drawing.lineart[int(at[1]), int(at[0])]) > _INKED


def _colour(drawing: Drawing, at: list[float]) -> RGB:
    red, green, blue = drawing.flats[int(at[1]), int(at[0])].tolist()
    return red, green, blue


def _two(at: list[float]) -> tuple[float, float]:
    return float(at[0]), float(at[1])
