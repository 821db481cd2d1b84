# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of one identity."""

from __future__ import annotations

import numpy as np

from .canvas import RGB
from .design import Design
from .palette import MOODS, apart, hair_colour, random_colour, shade_of, skin_colour
from .parts import CHARACTER, PAIRED, SINGLE
from .parts import stem as stem_of

_SKIN = ("face", "neck", "ear", "arm", "hand", "leg", "foot")
_HAIR = ("hair_back", "hair_front", "hair_side", "ahoge", "tail", "beast", "animal_tail", "brow")


def _features(rng: np.random.Generator, skin: RGB, mood: str, hue: float) -> dict[str, RGB]:
    warm = rng.random() < 0.85
    white = (255, 255, 255) if rng.random() < 0.85 else random_colour(rng, "pastel", hue)
    pink = (min(255, skin[0] + 12), int(skin[1] * 0.72), int(skin[2] * 0.74))
    return {
        "eye": white,
        "shine": (255, 255, 255),
        "teeth": (255, 255, 255),
        "pupil": (24, 20, 28) if warm else random_colour(rng, "dark", hue),
        "blush": pink if warm else random_colour(rng, mood, hue),
        "mouth": (150, 46, 52) if warm else random_colour(rng, mood, hue),
        "tongue": (226, 112, 116) if warm else random_colour(rng, mood, hue),
        "beast_in": pink if rng.random() < 0.6 else random_colour(rng, mood, hue),
    }


def random_palette(rng: np.random.Generator, design: Design) -> dict[str, RGB]:
    """RGB of every part of one identity; big neighbouring parts are kept apart."""
    mood, hue = str(rng.choice(MOODS, p=[0.3, 0.17, 0.12, 0.06, 0.15, 0.1, 0.1])), rng.random()
    skin, hair = skin_colour(rng), hair_colour(rng, mood, hue)
    stems = _features(rng, skin, mood, hue)
    stems |= dict.fromkeys(_SKIN, skin)
    stems |= dict.fromkeys(_HAIR, hair)
    taken = [skin, hair]

    def new(*names: str, tries: int = 5) -> None:
        colour = apart(rng, taken, mood, hue, tries)
        taken.append(colour)
        del taken[2:-7]
        stems.update(dict.fromkeys(names, colour))

    new("torso", "sleeve", "frill")
    new("skirt", "hips", "trouser")
    new("shoe", "boot")
    if design.top == "dress" and rng.random() < 0.7:
        stems["skirt"] = stems["torso"]
    if design.top in ("jacket", "coat", "robe"):
        new("jacket", "sleeve")
        stems["lapel"] = shade_of(stems["jacket"], 0.75) if rng.random() < 0.5 else stems["jacket"]
    if design.top == "overall" and rng.random() < 0.8:
        stems["bib"] = stems["strap"] = stems["hips"]
    if rng.random() < 0.4:
        new("sleeve")
    new("iris")
    _patterns(rng, stems, mood, hue)
    new("hair_under", "strand", "hair_tip")
    for stem in (*SINGLE, *PAIRED):
        if stem not in stems:
            stems[stem] = random_colour(rng, mood, hue)
    if rng.random() < 0.25:
        stems["hair_back"] = stems["tail"] = shade_of(hair, rng.uniform(0.55, 0.85))
    if rng.random() < 0.12:
        new(str(rng.choice(["hair_front", "hair_side", "tail", "hair_back", "ahoge"])))
    if rng.random() < 0.3:
        stems["collar"] = (250, 250, 250)
    if rng.random() < 0.4:
        stems["bow_knot"] = stems["bow"] if design.ornament != "flower" else stems["bow_knot"]
        stems["ribbon_end"] = stems["tie_knot"] = stems["ribbon"]
    stems["tear"] = stems["sweat"] = (190, 226, 250)
    stems["anger"] = (214, 52, 52)
    stems["flush"] = stems["blush"]
    stems["hair_cut"] = stems["hair_side"]
    if design.top in ("kimono", "apron"):
        stems["skirt"] = stems["torso"]
    if design.top == "swimsuit":
        stems["hips"] = stems["torso"]
    if design.top == "apron" and rng.random() < 0.6:
        stems["apron"] = stems["apron_frill"] = stems["strap"] = (250, 250, 250)
    if design.top == "hoodie":
        stems["hood"] = stems["torso"]
    if design.top == "uniform":
        stems["jacket"] = stems["torso"]
    if design.beast not in ("cat", "rabbit", "bear"):
        stems["beast"] = hair
    palette = {part: stems[stem_of(part)] for part in CHARACTER}
    _odd_sides(rng, palette, mood, hue)
    return palette


def _patterns(rng: np.random.Generator, stems: dict[str, RGB], mood: str, hue: float) -> None:
    """Colours of patterns: apart from their cloth, or a tone of it."""
    hosts = {"pattern_top": "torso", "pattern_bottom": "skirt", "pattern_hat": "torso"}
    for name, host in hosts.items():
        tone = shade_of(stems[host], rng.uniform(0.55, 0.8))
        stems[name] = tone if rng.random() < 0.3 else apart(rng, [stems[host]], mood, hue)
        stems[f"{name}_2"] = apart(rng, [stems[host], stems[name]], mood, hue)
    del stems["pattern_hat_2"]
    stems["pattern_sleeve"] = stems["pattern_top"]


def _odd_sides(rng: np.random.Generator, palette: dict[str, RGB], mood: str, hue: float) -> None:
    """Give some characters one iris, sock, sleeve, ... of another colour."""
    if rng.random() < 0.35:
        names = [
            "iris",
            "sleeve",
            "sock",
            "shoe",
            "trouser",
            "jacket",
            "hair_side",
            "tail",
            "glove",
            "bow",
            "phone",
            "collar",
            "beast",
            "wing",
        ]
        for name in rng.choice(names, size=int(rng.integers(1, 5)), replace=False):
            side = "l" if rng.random() < 0.5 else "r"
            palette[f"{name}_{side}"] = apart(rng, [palette[f"{name}_l"]], mood, hue)
