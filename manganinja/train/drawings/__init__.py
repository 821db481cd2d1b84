# SPDX-License-Identifier: GPL-3.0-or-later
"""Training drawings: invented characters, animals and places in two pictures, with lines, flats
and exact part maps."""

from .canvas import Drawing, Style
from .character import Character
from .design import Design
from .pairs import DrawnPair, Mix, draw_pair, point_pairs
from .parts import PART_IDS
from .pose import Pose, random_pose

__all__ = [
    "PART_IDS",
    "Character",
    "Design",
    "Drawing",
    "DrawnPair",
    "Mix",
    "Pose",
    "Style",
    "draw_pair",
    "point_pairs",
    "random_pose",
]
