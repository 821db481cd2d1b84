# SPDX-License-Identifier: GPL-3.0-or-later
"""The model named "match": answers requests with flats, and paints nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..finishing import Ground, flats_for
from ..flats.flatten import Flats
from ..weights.find import MATCH
from ..wire.protocol import ModelInfo
from ..without_model import Unaided
from .matched import Matched
from .weights import TrainedMatcher, load_matcher


class Matching(Unaided):
    """Answers requests as :class:`..painter.Painter` does, with the matcher alone.

    Attributes:
        matcher: the network and how much its word counts.
        info: what to show of it.
    """

    so = "With the matcher"

    def __init__(self, matcher: TrainedMatcher, name: str = MATCH) -> None:
        self.matcher = matcher
        self.info = ModelInfo(name, title=matcher.title, licence=matcher.licence)

    @classmethod
    def load(cls, model: str = MATCH) -> Matching:
        """Load a matcher by name or folder.

        Raises:
            ModelNotFound, BadWeights: with what to do.
        """
        return cls(load_matcher(model), model)

    def flats(self, ground: Ground, on_fraction: Callable[[float], None]) -> Flats:
        """The regions of a request with their colours."""
        matched = partial(Matched, matcher=self.matcher)
        return flats_for(ground, None, on_fraction=on_fraction, spreading=matched)
