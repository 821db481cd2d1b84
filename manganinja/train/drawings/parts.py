# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and numbers of parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

PAIRED = (
    "ear",
    "hair_side",
    "tail",
    "tie",
    "eye",
    "iris",
    "pupil",
    "shine",
    "blush",
    "brow",
    "beast",
    "beast_in",
    "horn",
    "phone",
    "phone_in",
    "bow",
    "rim",
    "lens",
    "earring",
    "collar",
    "jacket",
    "lapel",
    "pocket",
    "strap",
    "arm",
    "sleeve",
    "cuff",
    "hand",
    "glove",
    "glove_cuff",
    "leg",
    "trouser",
    "trouser_cuff",
    "sock",
    "sock_band",
    "shoe",
    "sole",
    "foot",
    "boot",
    "boot_top",
    "wing",
    "ribbon",
    "ribbon_end",
    "tear",
    "pauldron",
    "epaulette",
    "string",
    "strand",
    "hair_cut",
    "pattern_sleeve",
    "pattern_leg",
    "trim",
)
SINGLE = (
    "face",
    "hair_back",
    "hair_front",
    "ahoge",
    "mouth",
    "tongue",
    "teeth",
    "hat",
    "brim",
    "hat_band",
    "hat_badge",
    "bow_knot",
    "petal",
    "clip",
    "neck",
    "torso",
    "tank",
    "stripe_1",
    "stripe_2",
    "stripe_3",
    "emblem",
    "bib",
    "button_1",
    "button_2",
    "button_3",
    "button_4",
    "belt",
    "buckle",
    "bag",
    "bag_strap",
    "bag_flap",
    "tie",
    "tie_stripe",
    "tie_knot",
    "scarf",
    "scarf_end",
    "scarf_band",
    "choker",
    "pendant",
    "turtle",
    "hips",
    "skirt",
    "hem_1",
    "hem_2",
    "frill",
    "cape",
    "cape_clasp",
    "animal_tail",
    "animal_tip",
    "prop_1",
    "prop_2",
    "prop_3",
    "prop_4",
    "prop_5",
    "hair_under",
    "hair_tip",
    "pattern_top",
    "pattern_top_2",
    "pattern_bottom",
    "pattern_bottom_2",
    "pattern_hat",
    "obi",
    "obi_knot",
    "obi_band",
    "plate",
    "plate_trim",
    "apron",
    "apron_frill",
    "hood",
    "pouch",
    "sweat",
    "anger",
    "flush",
)
CHARACTER = tuple(f"{name}_{side}" for name in PAIRED for side in "lr") + SINGLE
PART_IDS: Mapping[str, int] = {name: number for number, name in enumerate(CHARACTER, start=1)}
"""Numbers of a character's parts, in every picture of every character."""

MOST_PARTS = 255


def stem(part: str) -> str:
    """The name without its side."""
    return part[:-2] if part[-2:] in ("_l", "_r") and part[:-2] in PAIRED else part


def part_numbers(names: Iterable[str]) -> dict[str, int]:
    """A number 1..255 for each name: a character's own from `PART_IDS`, the rest what is free.

    The same names always get the same numbers. Raises ValueError where there are too many.
    """
    names = set(names)
    if len(names) > MOST_PARTS:
        raise ValueError(f"{len(names)} parts do not fit a byte; draw fewer figures.")
    numbers = {name: PART_IDS[name] for name in names if name in PART_IDS}
    taken = set(numbers.values())
    free = (number for number in range(MOST_PARTS, 0, -1) if number not in taken)
    return numbers | {name: next(free) for name in sorted(names - numbers.keys())}
