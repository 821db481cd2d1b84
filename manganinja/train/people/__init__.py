# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of drawings that people have made, as line art and coloured references.

The drawings come from packages that ``pip install --require-hashes -r
manganinja/train/people/packages.txt`` fetches; none is part of the project, and the colours of none
are kept: what is learned is which part is which.
"""

from .avatars import AvatarPairs
from .openmoji import OpenMojiPairs
from .pairs import LINE, NOTHING, PeoplePair

__all__ = ["LINE", "NOTHING", "AvatarPairs", "OpenMojiPairs", "PeoplePair"]
