# SPDX-License-Identifier: GPL-3.0-or-later
"""What a character is: build, hair, clothes, what it wears and holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .chance import pick


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
    side_cut: bool = False
    two_tone: str = "none"
    pattern_top: str = "none"
    pattern_bottom: str = "none"
    pattern_legs: str = "none"
    pattern_sleeves: bool = False
    pattern_hat: str = "none"
    pattern_size: float = 1.0


_PATTERNS = {
    "stripes": 1.0,
    "bands": 1.2,
    "dots": 1.4,
    "checks": 0.8,
    "plaid": 1.2,
    "hearts": 0.7,
    "stars": 0.6,
    "diamonds": 0.6,
    "zigzag": 0.7,
    "flowers": 0.8,
}


def _build(rng: np.random.Generator) -> dict[str, float]:
    """Measures of a body: chibi to tall, and a share of broad, round, childlike, long-legged."""
    tall, u = float(rng.beta(1.2, 1.4)), rng.uniform
    kind = pick(rng, usual=7, broad=1, round=1, child=0.8, leggy=1)
    if kind == "child":
        tall *= 0.4
    torso = 1.25 + 1.65 * tall + u(-0.1, 0.15)
    shoulders = 0.62 + 0.5 * tall + u(-0.06, 0.16)
    legs = (0.85 + 3.0 * tall) * u(0.9, 1.12)
    waist, hips, limb = u(0.62, 0.95), u(0.72, 1.02), (0.2 + 0.09 * tall) * u(0.85, 1.3)
    cheek, chin = u(0.74, 0.98), u(0.16, 0.5)
    if kind == "broad":
        shoulders, limb, chin = shoulders * 1.35, limb * 1.35, u(0.4, 0.62)
        waist, hips = u(0.7, 0.85), u(0.6, 0.75)
    elif kind == "round":
        waist, hips, limb = u(1.15, 1.45), u(1.1, 1.35), limb * 1.3
        cheek, chin = u(0.98, 1.06), u(0.45, 0.62)
    elif kind == "child":
        cheek, chin = u(0.94, 1.02), u(0.2, 0.36)
    elif kind == "leggy":
        legs, limb = legs * 1.3, limb * 0.85
    return {
        "torso": torso,
        "legs": legs,
        "shoulders": shoulders,
        "waist": shoulders * waist,
        "hips": shoulders * hips,
        "arm": torso * u(0.98, 1.2) + 0.1,
        "limb": limb,
        "neck": 0.05 + 0.3 * tall,
        "chin": chin,
        "cheek": cheek,
    }


def random_design(rng: np.random.Generator) -> Design:
    """A new character."""
    u = rng.uniform
    top = pick(
        rng,
        shirt=5,
        dress=4,
        jacket=3,
        coat=1.2,
        tank=1,
        overall=0.8,
        robe=0.9,
        kimono=1.2,
        armour=0.9,
        apron=0.9,
        hoodie=1.2,
        uniform=1.2,
        swimsuit=0.6,
    )
    skirted = top in ("dress", "apron", "kimono")
    bottom = pick(rng, skirt=3, trousers=3, shorts=2, pleated=1.5, frill=1, wide=0.8)
    pattern = rng.random() < 0.45
    return Design(
        **_build(rng),
        eye_width=u(0.2, 0.3),
        eye_height=u(0.16, 0.42),
        eye_apart=u(0.4, 0.48),
        eye_slant=u(-0.18, 0.18),
        iris=u(0.6, 0.95),
        pupil=pick(rng, round=6, slit=1, none=1.2, star=0.5),
        brow=pick(rng, thin=5, thick=2.5, none=1, dots=0.4),
        blush=pick(rng, none=6, oval=2.5, lines=1.5),
        bangs=pick(
            rng,
            pointed=4,
            round=2,
            blunt=2,
            split=2,
            swept=2,
            curtain=2,
            over_eye=1,
            none=0.7,
        ),
        bang_tips=int(rng.integers(3, 8)),
        bang_seed=int(rng.integers(1 << 30)),
        back_hair=pick(
            rng, short=3, bob=3, long=3, wavy=2, spiky=2, afro=0.8, mohawk=0.5, bald=0.3
        ),
        back_length=u(0.9, 3.4),
        side_hair=float(rng.choice([0, 0, u(0.5, 1.2), u(0.8, 2.2)])),
        tails=pick(
            rng, none=5, twin=2.2, pony=1.8, side=1, buns=1, braid=0.8, drills=1, topknot=0.5
        ),
        tail_length=u(0.9, 3.2),
        ahoge=rng.random() < 0.2,
        beast=pick(rng, none=7, cat=1.5, rabbit=0.7, horn=0.8, bear=0.5, elf=0.7, antler=0.4),
        animal_tail=pick(rng, none=6, cat=1, fox=1, devil=0.4),
        hat=pick(
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
        ornament=pick(rng, none=5, bow=2, flower=1.2, star=0.5, ribbon=1),
        ornament_side=int(rng.choice([-1, 1])),
        glasses=pick(rng, none=7, round=1, square=0.7, patch=0.4, goggles=0.4),
        earrings=rng.random() < 0.18,
        top=top,
        sleeve=pick(rng, none=1.2, short=3, long=4, wide=1.5, puff=1, detached=0.8),
        stripes=int(rng.choice([0, 0, 0, 1, 2, 3])),
        emblem=pick(rng, none=5, heart=1, star=1, disc=1, cross=0.5, diamond=0.6),
        neckwear=pick(
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
        bottom="skirt" if skirted else "brief" if top == "swimsuit" else bottom,
        bottom_length=u(0.2, 0.85),
        hem=int(rng.choice([0, 0, 1, 2])),
        socks=float(rng.choice([0.0, u(0.25, 0.5), u(0.5, 0.95)])),
        sock_bands=rng.random() < 0.3,
        shoes=pick(rng, shoe=3, boot=2, sneaker=2, bare=0.5, strap=1),
        gloves=rng.random() < 0.2,
        cape=rng.random() < 0.12,
        wings=pick(rng, none=9, bird=0.6, bat=0.5, fairy=0.4),
        bag=rng.random() < 0.12,
        prop=pick(
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
            bow=0.4,
            guitar=0.4,
            lantern=0.4,
            shield=0.5,
            fan=0.4,
            ice=0.4,
            plush=0.5,
            mic=0.3,
        ),
        nose=pick(rng, dot=2, line=3, none=2, corner=2),
        clip=rng.random() < 0.2,
        side_cut=rng.random() < 0.2,
        two_tone=pick(rng, none=7, under=0.8, tips=1, strands=1.2),
        pattern_top=pick(rng, **_PATTERNS) if pattern and rng.random() < 0.65 else "none",
        pattern_bottom=pick(rng, **_PATTERNS) if pattern and rng.random() < 0.65 else "none",
        pattern_legs=pick(rng, none=5, bands=1, dots=0.6, net=0.4),
        pattern_sleeves=pattern and rng.random() < 0.5,
        pattern_hat=pick(rng, none=4, dots=0.6, bands=0.6, stripes=0.6),
        pattern_size=u(0.8, 1.35),
    )
