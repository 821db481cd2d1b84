# SPDX-License-Identifier: GPL-3.0-or-later
"""The matcher's words and that of places and shapes, as one likelihood."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from ..errors import BadWeights, ModelNotFound
from ..flats.joining import logarithms, multiplied
from ..flats.spreading import Anchor, Described, Sheet, Spreading, known_pairs
from ..flats.values import EMPTY, Palette, Regions
from .network import MOST_PAIRS, Figure, gather
from .trunk import Look
from .views import View, figures_apart, lineart_view, lines_alone, reference_view
from .weights import Blend, TrainedMatcher, load_matcher

_SHARPNESS = 30.0
"""What cosines are multiplied with before their exponentials are shares. Between 15 and 60 the fit
of the blend hardly changes."""

_DOUBT = 0.03
"""What cosines find unlike may still be so likely: they are no likelihoods."""


@dataclass(frozen=True)
class Words:
    """What each of the matcher's witnesses says of regions.

    Attributes:
        network: (count, K + 1) float, how likely each region has each colour of the palette,
            "empty" last; what is missing to 1 is for none of them. NaN where it has not looked.
        places: the same, of places and shapes; without NaN.
        features: the same, of what is most alike by the trunk's features.
    """

    network: np.ndarray = field(repr=False)
    places: np.ndarray = field(repr=False)
    features: np.ndarray = field(repr=False)

    def take(self, rows: np.ndarray) -> Words:
        """Of some of the regions."""
        return Words(self.network[rows], self.places[rows], self.features[rows])

    def logarithms(self, floor: float) -> list[np.ndarray]:
        """(count, K + 2) of each, "none" last; ``floor`` is the least likelihood of anything."""
        words = [logarithms(self.network, floor), logarithms(self.places, floor)]
        return [*words, logarithms(self.features, _DOUBT)]


@dataclass(frozen=True)
class _Seen:
    """A figure of a drawing or of a reference: its regions, and what the trunk sees of them."""

    view: View
    look: Look

    @property
    def figure(self) -> Figure:
        """What the network takes."""
        return Figure.of(self.view, self.look)


@dataclass(frozen=True)
class Matched(Spreading):
    """Gives regions the colours of the references' regions that the matcher finds like them.

    It stands where a :class:`.flats.spreading.Spreading` does, whose likelihoods it takes into
    account: they know exactly where a reference in nearly the same pose lies.
    """

    matcher: TrainedMatcher = field(kw_only=True, repr=False)
    _looked: list[tuple[Sequence[Sheet], list[tuple[int, _Seen]]]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from others that look at the same pictures."""
        return (*super().identity, self.matcher.serial)

    def with_none(self, regions: Regions, likely: np.ndarray) -> np.ndarray:
        """Likelihoods (count, K + 1) with one more, for none of these."""
        known = likely.copy()
        # A ground of many colours is none of the palette's.
        known[regions.background & ~likely.any(axis=1), -1] = 1
        return np.concatenate([known, 1 - known.sum(axis=1, keepdims=True)], axis=1)

    def likelihoods(
        self, regions: Regions, palette: Palette, described: Described | None = None
    ) -> np.ndarray:
        """(count, K + 1) float: how likely each region has each colour of the palette, "empty"
        last; what is missing to 1 is for none of them."""
        if not len(palette):
            return np.zeros((regions.count, 1))
        words = self.words(regions, palette, described)
        likely = blended(words, self.matcher.blend)
        # Places know what is paper; where the reference has many colours there, it is none.
        likely[regions.background & ~words.places.any(axis=1)] = 0
        return likely

    def words(
        self, regions: Regions, palette: Palette, described: Described | None = None
    ) -> Words:
        """What each witness says by itself."""
        known = described or self.describe(regions, palette)
        shaped = known.shapes, known.borders
        anchors = known_pairs(regions, known.sheets, self.pairs)
        seen = self._seen(palette, known)
        network = np.full((regions.count, len(palette) + 1), np.nan)
        features = network.copy()
        # Each figure at its own scale: a strip of five is no figure.
        for members in figures_apart(shaped) or [None]:
            view = lineart_view(regions, shaped, members)
            own = self._looked_at(regions, members, view)
            network[view.rows] = self._of_network(own, seen, anchors, palette, known)
            features[view.rows] = self._of_features(own.look, seen, palette, known)
        return Words(network, super().likelihoods(regions, palette, known), features)

    def _seen(self, palette: Palette, described: Described) -> list[tuple[int, _Seen]]:
        """The figures of the references as they are looked at, each with its reference; looked at
        once for the same sheets."""
        if self._looked and self._looked[-1][0] is described.sheets:
            return self._looked[-1][1]
        figures = []
        for number, sheet in enumerate(described.sheets):
            own = palette.colours[np.where(sheet.colours == EMPTY, 0, sheet.colours)]
            shaped = sheet.shapes, sheet.borders
            for members in figures_apart(shaped) or [None]:
                view = reference_view(sheet.regions, own, shaped, members)
                figures.append((number, self._looked_at(sheet.regions, members, view)))
        self._looked[:] = [(described.sheets, figures)]
        return figures

    def _looked_at(self, regions: Regions, members: np.ndarray | None, view: View) -> _Seen:
        return _Seen(view, self.matcher.trunk.look(lines_alone(regions, members), view))

    def _of_network(
        self,
        own: _Seen,
        references: Sequence[tuple[int, _Seen]],
        anchors: Sequence[Anchor],
        palette: Palette,
        described: Described,
    ) -> np.ndarray:
        """(rows, K + 1) float: what the network says of the rows of one view."""
        logits, none = [], []
        for number, seen in references:
            ends = _ends([a for a in anchors if a.sheet == number], own.view, seen.view)
            given = self._compared(own.figure, seen.figure, ends)
            logits.append(given[:, :-1] + self._heard(number))
            none.append(given[:, -1])
        # None of several references, only if it is none of any.
        together = np.concatenate([*logits, np.min(none, axis=0)[:, None]], axis=1)
        return _by_colour(_shares(together)[:, :-1], references, palette, described)

    def _of_features(
        self,
        look: Look,
        references: Sequence[tuple[int, _Seen]],
        palette: Palette,
        described: Described,
    ) -> np.ndarray:
        """(rows, K + 1) float: the colours of what is most alike."""
        logits = [
            _SHARPNESS * look.alike(seen.look) + self._heard(number) for number, seen in references
        ]
        return _by_colour(_shares(np.concatenate(logits, axis=1)), references, palette, described)

    def _heard(self, reference: int) -> float:
        """What the artist's weight of a reference adds to a logit."""
        return float(np.log(self.weights[reference])) if self.weights else 0.0

    def _compared(self, own: Figure, seen: Figure, ends: Sequence[tuple[int, int]]) -> np.ndarray:
        """(n, m + 1) logits of the last round."""
        ours = [[(row, number) for number, (row, _) in enumerate(ends)]]
        theirs = [[(row, number) for number, (_, row) in enumerate(ends)]]
        with torch.inference_mode():
            found = self.matcher.network(gather([own], ours), gather([seen], theirs))[-1]
        return found[0].double().numpy()


def bundled_spreading() -> Callable[..., Spreading]:
    """What looks for regions beside a diffusion model: the bundled matcher, or places and shapes
    alone where its weights are not there or damaged."""
    try:
        return partial(Matched, matcher=load_matcher())
    except (ModelNotFound, BadWeights) as error:
        logging.getLogger(__name__).warning("Without the matcher: %s", error)
        return Spreading


def _ends(anchors: Sequence[Anchor], view: View, seen: View) -> list[tuple[int, int]]:
    """(row of the line art, row of the reference) of pairs, as many as the network tells apart."""
    ours = {region: row for row, region in enumerate(view.rows.tolist())}
    theirs = {region: row for row, region in enumerate(seen.rows.tolist())}
    ends = [
        (ours[a.region], theirs[a.source])
        for a in anchors
        if a.region in ours and a.source in theirs
    ]
    return ends[:MOST_PAIRS]


def _shares(logits: np.ndarray) -> np.ndarray:
    """Of each row, what sums to 1."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def _by_colour(
    shares: np.ndarray,
    references: Sequence[tuple[int, _Seen]],
    palette: Palette,
    described: Described,
) -> np.ndarray:
    """(n, K + 1): shares (n, m) of the references' regions, by the colours that these have."""
    colours = [described.sheets[number].colours[seen.view.rows] for number, seen in references]
    found = np.zeros((len(shares), len(palette) + 1))
    # EMPTY, what is transparent in the reference, is -1, and so the last column.
    np.add.at(found.T, np.concatenate(colours), shares.T)
    return found


def blended(words: Words, blend: Blend) -> np.ndarray:
    """(count, K + 1): all words as one likelihood; see :class:`.weights.Blend`.

    Where the network has not looked, or places and shapes leave no doubt (an artist's pair or the
    paper), the latter decide.
    """
    said = words.logarithms(blend.floor)
    powers = (blend.network, blend.places, blend.features)
    shares = multiplied(said, powers, blend.none)
    alone = np.isnan(shares).any(axis=1) | (words.places.max(axis=1, initial=0) >= 1)
    return np.where(alone[:, None], words.places, shares)
