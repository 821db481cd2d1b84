# SPDX-License-Identifier: GPL-3.0-or-later
"""What a character is (design), and what changes from picture to picture (pose)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FRAMINGS = ("full", "half", "portrait")


@dataclass(frozen=True)
class Design:
    """Shape of a character; lengths in half face widths."""

    torso: float
    legs: float
    shoulders: float
    waist: float
    hips: float
    arm: float
    limb: float
    neck: float
    chin: float
    cheek: float
    eye_width: float
    eye_height: float
    eye_apart: float
    eye_slant: float
    iris: float
    pupil: str
    brow: str
    blush: str
    bangs: str
    bang_tips: int
    bang_seed: int
    back_hair: str
    back_length: float
    side_hair: float
    tails: str
    tail_length: float
    ahoge: bool
    beast: str
    animal_tail: str
    hat: str
    ornament: str
    ornament_side: int
    glasses: str
    earrings: bool
    top: str
    sleeve: str
    stripes: int
    emblem: str
    neckwear: str
    buttons: int
    belt: bool
    pockets: bool
    bottom: str
    bottom_length: float
    hem: int
    socks: float
    sock_bands: bool
    shoes: str
    gloves: bool
    cape: bool
    wings: str
    bag: bool
    prop: str
    nose: str
    clip: bool


def _pick(rng: np.random.Generator, **weights: float) -> str:
    names, values = list(weights), np.array(list(weights.values()), float)
    return names[int(rng.choice(len(names), p=values / values.sum()))]


def random_design(rng: np.random.Generator) -> Design:
    """A new character, chibi to tall."""
    tall = float(rng.beta(1.2, 1.4))
    u = rng.uniform
    torso = 1.25 + 1.65 * tall + u(-0.1, 0.15)
    shoulders = 0.62 + 0.5 * tall + u(-0.06, 0.16)
    dress = rng.random() < 0.25
    top = "dress" if dress else _pick(rng, shirt=5, jacket=3, coat=1.2, tank=1, overall=0.8, robe=1)
    return Design(
        torso=torso,
        legs=(0.85 + 3.0 * tall) * u(0.9, 1.12),
        shoulders=shoulders,
        waist=shoulders * u(0.62, 0.95),
        hips=shoulders * u(0.72, 1.02),
        arm=torso * u(0.98, 1.2) + 0.1,
        limb=(0.2 + 0.09 * tall) * u(0.85, 1.3),
        neck=0.05 + 0.3 * tall,
        chin=u(0.16, 0.5),
        cheek=u(0.74, 0.98),
        eye_width=u(0.2, 0.3),
        eye_height=u(0.16, 0.42),
        eye_apart=u(0.4, 0.48),
        eye_slant=u(-0.18, 0.18),
        iris=u(0.6, 0.95),
        pupil=_pick(rng, round=6, slit=1, none=1.2, star=0.5),
        brow=_pick(rng, thin=5, thick=2.5, none=1, dots=0.4),
        blush=_pick(rng, none=6, oval=2.5, lines=1.5),
        bangs=_pick(rng, pointed=4, round=2, blunt=2, split=2, swept=2, curtain=2, none=0.7),
        bang_tips=int(rng.integers(3, 8)),
        bang_seed=int(rng.integers(1 << 30)),
        back_hair=_pick(rng, short=3, bob=3, long=3, wavy=2, spiky=2, bald=0.3),
        back_length=u(0.9, 3.4),
        side_hair=float(rng.choice([0, 0, u(0.5, 1.2), u(0.8, 2.2)])),
        tails=_pick(rng, none=5, twin=2.2, pony=1.8, side=1, buns=1, braid=0.8),
        tail_length=u(0.9, 3.2),
        ahoge=rng.random() < 0.2,
        beast=_pick(rng, none=7, cat=1.5, rabbit=0.7, horn=0.8, bear=0.5, elf=0.7),
        animal_tail=_pick(rng, none=6, cat=1, fox=1, devil=0.4),
        hat=_pick(
            rng,
            none=7,
            cap=1,
            witch=0.7,
            beanie=0.7,
            beret=0.7,
            crown=0.5,
            sunhat=0.8,
            band=1,
            phones=0.6,
            hood=0.5,
            helmet=0.4,
        ),
        ornament=_pick(rng, none=5, bow=2, flower=1.2, star=0.5, ribbon=1),
        ornament_side=int(rng.choice([-1, 1])),
        glasses=_pick(rng, none=7, round=1, square=0.7, patch=0.4, goggles=0.4),
        earrings=rng.random() < 0.18,
        top=top,
        sleeve=_pick(rng, none=1.2, short=3, long=4, wide=1.5, puff=1, detached=0.8),
        stripes=int(rng.choice([0, 0, 0, 1, 2, 3])),
        emblem=_pick(rng, none=5, heart=1, star=1, disc=1, cross=0.5, diamond=0.6),
        neckwear=_pick(
            rng,
            none=3,
            tie=1.5,
            bow=1.3,
            scarf=1,
            sailor=1.2,
            collar=1.5,
            choker=0.8,
            pendant=0.7,
            turtle=0.7,
        ),
        buttons=int(rng.choice([0, 0, 2, 3, 4])),
        belt=rng.random() < 0.4,
        pockets=rng.random() < 0.25,
        bottom="skirt"
        if dress
        else _pick(rng, skirt=3, trousers=3, shorts=2, pleated=1.5, frill=1, wide=0.8),
        bottom_length=u(0.2, 0.85),
        hem=int(rng.choice([0, 0, 1, 2])),
        socks=float(rng.choice([0.0, u(0.25, 0.5), u(0.5, 0.95)])),
        sock_bands=rng.random() < 0.3,
        shoes=_pick(rng, shoe=3, boot=2, sneaker=2, bare=0.5, strap=1),
        gloves=rng.random() < 0.2,
        cape=rng.random() < 0.12,
        wings=_pick(rng, none=9, bird=0.6, bat=0.5),
        bag=rng.random() < 0.12,
        prop=_pick(
            rng,
            none=7,
            sword=0.7,
            staff=0.7,
            book=0.7,
            flower=0.7,
            balloon=0.8,
            umbrella=0.5,
            ball=0.5,
            mug=0.5,
        ),
        nose=_pick(rng, dot=2, line=3, none=2, corner=2),
        clip=rng.random() < 0.2,
    )


@dataclass(frozen=True)
class Pose:
    """What differs from picture to picture. Angles in radians.

    Arm and leg angles are (upper, lower) per side, 0 straight down, positive outwards. `turn` is
    where the face looks, -0.7 (left) to 0.7; `shift` is in parts of the picture's side; `layout`
    seeds the arrangement of loose things.
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


def random_pose(rng: np.random.Generator, framing: str | None = None) -> Pose:
    """A pose and framing; `framing` fixes full, half or portrait."""
    u = rng.uniform
    if framing is None:
        framing = str(rng.choice(FRAMINGS, p=[0.36, 0.34, 0.3]))

    def arm() -> tuple[float, float]:
        kind = rng.random()
        if kind < 0.5:
            return u(0.08, 0.6), u(-0.45, 0.5)
        if kind < 0.75:
            return u(0.5, 1.2), u(-1.6, 0.8)
        return u(1.2, 2.5), u(-0.7, 1.2)

    def leg() -> tuple[float, float]:
        return u(-0.03, 0.3), u(-0.3, 0.1)

    return Pose(
        framing=framing,
        turn=float(np.clip(rng.normal(0, 0.34), -0.7, 0.7)),
        tilt=float(np.clip(rng.normal(0, 0.13), -0.35, 0.35)),
        lean=float(np.clip(rng.normal(0, 0.05), -0.15, 0.15)),
        arms=(arm(), arm()),
        legs=(leg(), leg()),
        arms_behind=(rng.random() < 0.12, rng.random() < 0.12),
        mirror=rng.random() < 0.35,
        zoom=u(0.86, 1.15),
        shift=(u(-0.09, 0.09), u(-0.06, 0.06)),
        roll=float(np.clip(rng.normal(0, 0.09), -0.4, 0.4)),
        mouth=_pick(rng, smile=3, open=2.5, flat=1.2, cat=0.6, frown=0.8, grin=1, oh=1),
        eyes=_pick(rng, open=9, closed=0.5, wink=0.7),
        gaze=(u(-0.25, 0.25), u(-0.15, 0.15)),
        brows=u(-0.25, 0.25),
        sway=u(-0.5, 0.5),
        layout=int(rng.integers(1 << 30)),
    )
