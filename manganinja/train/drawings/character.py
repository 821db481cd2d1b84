# SPDX-License-Identifier: GPL-3.0-or-later
"""A character: its design and colours, drawn in any pose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from .body import build_body
from .canvas import RGB, Drawing, Sheet, Style
from .design import Design, Pose, random_design
from .geometry import rotate
from .head import build_head
from .render import paint
from .palette import MOODS, apart, hair_colour, random_colour, shade_of, skin_colour

_PAIRED = (
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
)
_SINGLE = (
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
)
_THINGS = tuple(f"thing_{number}" for number in range(1, 71))
_CHARACTER = tuple(f"{name}_{side}" for name in _PAIRED for side in "lr") + _SINGLE
PART_NAMES = _CHARACTER + _THINGS
PART_IDS: Mapping[str, int] = {name: number for number, name in enumerate(PART_NAMES, start=1)}

_SKIN = ("face", "neck", "ear", "arm", "hand", "leg", "foot")
_HAIR = ("hair_back", "hair_front", "hair_side", "ahoge", "tail", "beast", "animal_tail", "brow")


def _stem(part: str) -> str:
    return part[:-2] if part[-2:] in ("_l", "_r") and part[:-2] in _PAIRED else part


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
    for stem in (*_SINGLE, *_PAIRED):
        if stem not in stems:
            new(stem, tries=2)
    if rng.random() < 0.25:
        stems["hair_back"] = stems["tail"] = shade_of(hair, rng.uniform(0.55, 0.85))
    if rng.random() < 0.12:
        new(str(rng.choice(["hair_front", "hair_side", "tail", "hair_back", "ahoge"])))
    if rng.random() < 0.3:
        stems["collar"] = (250, 250, 250)
    if rng.random() < 0.4:
        stems["bow_knot"] = stems["bow"] if design.ornament != "flower" else stems["bow_knot"]
        stems["ribbon_end"] = stems["tie_knot"] = stems["ribbon"]
    if design.beast not in ("cat", "rabbit", "bear"):
        stems["beast"] = hair
    palette = {part: stems[_stem(part)] for part in _CHARACTER}
    _odd_sides(rng, palette, mood, hue)
    return palette


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


@dataclass(frozen=True)
class Character:
    """One identity: what it looks like and the RGB of each of its parts."""

    design: Design
    palette: Mapping[str, RGB] = field(repr=False)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Character:
        """A new character."""
        design = random_design(rng)
        return cls(design, random_palette(rng, design))

    def draw(self, pose: Pose, size_px: int = 128, style: Style | None = None) -> Drawing:
        """Draw the character as a square picture of `size_px`, see `Drawing`."""
        sheet = self._sheet(pose)
        place(sheet, pose, size_px, _window(sheet, self.design, pose))
        return paint(sheet, self.palette, PART_IDS, size_px, style or Style())

    def _sheet(self, pose: Pose) -> Sheet:
        head, sheet = Sheet(), Sheet()
        build_head(head, self.design, pose)
        build_body(sheet, self.design, pose)
        hip = (0.0, self.design.torso)
        sheet.turn(pose.lean, hip)
        neck = rotate(np.array([[0.0, -self.design.neck]]), pose.lean, hip)[0]
        head.turn(pose.tilt + pose.lean, (0.0, 0.95))
        head.transform(np.array([[1.0, 0.0, neck[0]], [0.0, 1.0, neck[1] - 0.95]]))
        sheet.add(head)
        return sheet


_HEAD_PARTS = ("face", "hair_front", "hat", "ear", "beast_", "bow", "horn")


def _window(sheet: Sheet, design: Design, pose: Pose) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of what the framing wants to show."""
    if pose.framing == "full":
        return sheet.bounds()
    x0, y0, x1, _ = sheet.bounds(_HEAD_PARTS)
    low = design.torso * (1.1 if pose.framing == "half" else 0.3)
    if pose.framing == "half":
        return min(x0, -design.shoulders * 1.3), y0, max(x1, design.shoulders * 1.3), low
    return x0, max(y0, -design.neck - 2.75), x1, low


def place(
    sheet: Sheet, pose: Pose, size_px: int, window: tuple[float, float, float, float]
) -> None:
    """Move the sheet so that the window fills the picture, with the pose's zoom, roll, mirror."""
    x0, y0, x1, y1 = window
    scale = size_px * 0.92 * pose.zoom / max(x1 - x0, y1 - y0)
    c, s = scale * np.cos(pose.roll), scale * np.sin(pose.roll)
    flip = -1.0 if pose.mirror else 1.0
    linear = np.array([[c * flip, -s], [s * flip, c]])
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    to = size_px * (0.5 + np.array(pose.shift))
    sheet.transform(np.column_stack([linear, to - linear @ centre]))
