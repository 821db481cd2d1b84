# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of drawings that people have made, as line art and coloured references.

The drawings come from packages that ``pip install --require-hashes -r
manganinja/train/people/packages.txt`` fetches; none is part of the project, and the colours of none
are kept: what is learned is which part is which.
"""

from .avatars import avatar_pair
from .openmoji import emoji_pair
from .pairs import LINE, NOTHING, PeoplePair

__all__ = ["LINE", "NOTHING", "PeoplePair", "avatar_pair", "emoji_pair"]
