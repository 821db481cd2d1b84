# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes from picture to picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chance import pick

FRAMINGS = ("full", "half", "portrait", "face")
PROFILE = 0.85
MARKS = ("tears", "sweat", "anger", "flush")


@dataclass(frozen=True)
class Pose:
    """What differs from picture to picture. Angles in radians.

    Arm and leg angles are (upper, lower) per side, 0 straight down, positive outwards. `turn` is
    where the face looks, -1.2 (left) to 1.2, from `PROFILE` on a profile; `back` shows the figure
    from behind; `shift` is in parts of the picture's side; `layout` seeds the arrangement of loose
    things; `marks` are signs of feeling, some of `MARKS`.
    """

    framing: str = "full"
    turn: float = 0.0
    tilt: float = 0.0
    lean: float = 0.0
    arms: tuple[tuple[float, float], tuple[float, float]] = ((0.3, 0.1), (0.3, 0.1))
    legs: tuple[tuple[float, float], tuple[float, float]] = ((0.08, 0.0), (0.08, 0.0))
    arms_behind: tuple[bool, bool] = (False, False)
    mirror: bool = False
    zoom: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0
    mouth: str = "smile"
    eyes: str = "open"
    gaze: tuple[float, float] = (0.0, 0.0)
    brows: float = 0.0
    sway: float = 0.0
    layout: int = 0
    back: bool = False
    marks: tuple[str, ...] = ()


def random_pose(rng: np.random.Generator, framing: str | None = None) -> Pose:
    """A pose and framing; `framing` fixes one of `FRAMINGS`."""
    u = rng.uniform
    if framing is None:
        framing = str(rng.choice(FRAMINGS, p=[0.35, 0.31, 0.27, 0.07]))

    def arm() -> tuple[float, float]:
        kind = rng.random()
        if kind < 0.5:
            return u(0.08, 0.6), u(-0.45, 0.5)
        if kind < 0.75:
            return u(0.5, 1.2), u(-1.6, 0.8)
        return u(1.2, 2.5), u(-0.7, 1.2)

    def leg() -> tuple[float, float]:
        return u(-0.03, 0.3), u(-0.3, 0.1)

    turn = float(np.clip(rng.normal(0, 0.34), -0.7, 0.7))
    if rng.random() < 0.08:
        turn = float(np.sign(turn)) * u(PROFILE, 1.2)
    return Pose(
        framing=framing,
        turn=turn,
        tilt=float(np.clip(rng.normal(0, 0.13), -0.35, 0.35)),
        lean=float(np.clip(rng.normal(0, 0.05), -0.15, 0.15)),
        arms=(arm(), arm()),
        legs=(leg(), leg()),
        arms_behind=(rng.random() < 0.12, rng.random() < 0.12),
        mirror=rng.random() < 0.35,
        zoom=u(0.86, 1.15),
        shift=(u(-0.09, 0.09), u(-0.06, 0.06)),
        roll=float(np.clip(rng.normal(0, 0.35 if rng.random() < 0.15 else 0.09), -1.0, 1.0)),
        mouth=pick(
            rng,
            smile=3,
            open=2.5,
            flat=1.2,
            cat=0.6,
            frown=0.8,
            grin=1,
            oh=1,
            laugh=1,
            wavy=0.4,
            gritted=0.5,
            tongue=0.4,
        ),
        eyes=pick(rng, open=9, closed=0.5, wink=0.7, happy=0.5, squeezed=0.3, half=0.7),
        gaze=(u(-0.25, 0.25), u(-0.15, 0.15)),
        brows=u(-0.25, 0.25),
        sway=u(-0.5, 0.5),
        layout=int(rng.integers(1 << 30)),
        back=rng.random() < 0.03,
        marks=tuple(mark for mark in MARKS if rng.random() < 0.06),
    )
