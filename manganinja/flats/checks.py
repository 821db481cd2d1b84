# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist should know before anything is coloured: marks that contradict something or do
nothing, and pictures that are no line art."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from .assign import region_at
from .values import Marks, Regions

Colour = tuple[int, int, int]
Place = tuple[float, float]

_MOST_NAMED = 5
_MOST_INK = 0.6
"""Share of the page that the lines of line art cover, black areas included."""
_BESIDE_PX = 4
"""So far from a path lies what is on its two sides."""
_MOST_STEPS = 10_000
"""Along one straight part of a path."""


def sentences(
    regions: Regions,
    marks: Marks,
    kept: np.ndarray | None = None,
    papers: Collection[Colour] = (),
) -> list[str]:
    """Sentences for the artist.

    Args:
        kept: (H, W, 4) uint8, the locked pixels.
        papers: the colours of the references' paper, which a mark may give to the page's.
    """
    return [
        *_of_the_page(regions),
        *_outside(regions, marks),
        *_on_lines(regions, marks),
        *_leaks(regions, marks, papers),
        *_idle_paths(regions, marks),
        *_locked(regions, marks, kept),
    ]


def _of_the_page(regions: Regions) -> list[str]:
    ink = np.count_nonzero(regions.lines) / regions.lines.size
    if ink <= _MOST_INK:
        return []
    return [
        f"Ink covers {ink:.0%} of the line art, so it looks like a finished picture or a photo. "
        "Choose the layer that has the lines alone."
    ]


def _places(marks: Marks) -> list[tuple[Place, Colour | None]]:
    return [*marks.pairs, *((mark.at, mark.colour) for mark in marks.hints)]


def _outside(regions: Regions, marks: Marks) -> list[str]:
    outside = [at for at, _ in _places(marks) if region_at(regions, at) is None]
    if not outside:
        return []
    return [f"Outside the page, so that they are not used: the points at {few(outside)}."]


def _on_lines(regions: Regions, marks: Marks) -> list[str]:
    inside = [at for at, _ in _places(marks) if region_at(regions, at) is not None]
    on_line = [at for at in inside if regions.lines[int(at[1]), int(at[0])]]
    if not on_line:
        return []
    return [
        "On a line, so that they count for the region beside it: the points at "
        f"{few(on_line)}. Move them into the region if that is the wrong one."
    ]


def _leaks(regions: Regions, marks: Marks, papers: Collection[Colour]) -> list[str]:
    coloured = [(at, colour) for at, colour in _places(marks) if colour and colour not in papers]
    found = [(at, region_at(regions, at)) for at, _ in coloured]
    leaking = [at for at, region in found if region is not None and regions.background[region]]
    if not leaking:
        return []
    return [
        f"On the paper round the drawing, which they colour: the points at {few(leaking)}. If "
        "they are meant for a part of the drawing, a line is open there: close wider gaps, or "
        "draw a stroke across the opening."
    ]


def _idle_paths(regions: Regions, marks: Marks) -> list[str]:
    closing = [path for path in marks.closing if not _divides(regions, path)]
    merging = [path for path in marks.merging if not _holds_a_middle(regions, path)]
    notes = []
    if closing:
        notes.append(
            "The same region lies on both sides, so that nothing is closed: the strokes that begin "
            f"at {few([_start(path) for path in closing])}. Let both ends touch a line."
        )
    if merging:
        notes.append(
            "No region lies mostly inside, so that nothing is joined: the closed shapes that begin "
            f"at {few([_start(path) for path in merging])}."
        )
    return notes


def _start(path: np.ndarray) -> Place:
    return float(path[0][0]), float(path[0][1])


def _divides(regions: Regions, path: np.ndarray) -> bool:
    """Whether somewhere along the path different regions lie on its sides."""
    ends = path[np.isfinite(path).all(axis=1)]
    steps = np.diff(ends, axis=0)
    lengths = np.hypot(*steps.T) if len(steps) else np.zeros(0)
    for start, step, length in zip(ends, steps, lengths):
        if length == 0:
            continue
        beside = np.array([-step[1], step[0]]) * (_BESIDE_PX / length)
        steps_along = int(min(max(2.0, length / _BESIDE_PX), _MOST_STEPS))
        for share in np.linspace(0, 1, steps_along + 1):
            left, right = (start + share * step + side for side in (beside, -beside))
            one, other = (region_at(regions, (x, y)) for x, y in (left, right))
            if one is not None and other is not None and one != other:
                return True
    return False


def _holds_a_middle(regions: Regions, path: np.ndarray) -> bool:
    """Whether any region is there in the box round a closed path; a region that was joined is."""
    known = path[np.isfinite(path).all(axis=1)]
    if len(known) < 3:
        return False
    known = np.clip(known, 0, regions.size_px)
    left, top = np.floor(known.min(axis=0)).astype(int)
    right, bottom = np.ceil(known.max(axis=0)).astype(int) + 1
    window = regions.labels[top:bottom, left:right]
    if not window.size:
        return False
    here = np.bincount(window.ravel(), minlength=regions.count)
    present = np.flatnonzero(here)
    whole = np.bincount(regions.labels.ravel(), minlength=regions.count)[present]
    return bool((2 * here[present] > whole).any())


def _locked(regions: Regions, marks: Marks, kept: np.ndarray | None) -> list[str]:
    if kept is None:
        return []
    opaque = kept[..., 3] == 255
    if opaque.all():
        return [
            "The locks cover the whole page, so nothing can be coloured: leave transparent on them "
            "what is to be coloured."
        ]
    inside = [at for at, _ in _places(marks) if region_at(regions, at) is not None]
    held = [at for at in inside if opaque[int(at[1]), int(at[0])]]
    if not held:
        return []
    return [
        "On a locked place, which stays as it is; they count for what of their region is not "
        f"locked: the points at {few(held)}."
    ]


def few(places: Sequence[Place]) -> str:
    """The first of some places (x, y), and how many more there are."""
    named = ", ".join(f"({x:.0f}, {y:.0f})" for x, y in places[:_MOST_NAMED])
    more = len(places) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
