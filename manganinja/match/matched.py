# SPDX-License-Identifier: GPL-3.0-or-later
"""The matcher's word and that of places and shapes, as one likelihood."""

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
from .network import MOST_PAIRS, gather
from .views import View, figures_apart, lineart_view, reference_view
from .weights import Blend, TrainedMatcher, load_matcher


@dataclass(frozen=True)
class Matched(Spreading):
    """Gives regions the colours of the references' regions that the matcher finds like them.

    It stands where a :class:`.flats.spreading.Spreading` does, whose likelihoods it takes into
    account: they know exactly where a reference in nearly the same pose lies.
    """

    matcher: TrainedMatcher = field(kw_only=True, repr=False)
    _looked: list[tuple[Sequence[Sheet], list[tuple[int, View]]]] = field(
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
        known = described or self.describe(regions, palette)
        network = self.of_network(regions, palette, known)
        places = self.of_places(regions, palette, known)
        likely = blended(network, places, self.matcher.blend)
        # Places know what is paper; where the reference has many colours there, it is none.
        likely[regions.background & ~places.any(axis=1)] = 0
        return likely

    def of_places(self, regions: Regions, palette: Palette, described: Described) -> np.ndarray:
        """(count, K + 1) float: what places and shapes alone say."""
        return super().likelihoods(regions, palette, described)

    def of_network(self, regions: Regions, palette: Palette, described: Described) -> np.ndarray:
        """(count, K + 1) float: what the network alone says; NaN where it did not look."""
        shaped = described.shapes, described.borders
        anchors = known_pairs(regions, described.sheets, self.pairs)
        seen = self._seen(palette, described)
        found = np.full((regions.count, len(palette) + 1), np.nan)
        # Each figure at its own scale: a strip of five is no figure.
        for members in figures_apart(shaped) or [None]:
            view = lineart_view(regions, shaped, members)
            found[view.rows] = self._of_view(view, seen, anchors, palette, described)
        return found

    def _seen(self, palette: Palette, described: Described) -> list[tuple[int, View]]:
        """The figures of the references as the network sees them, each with its reference; looked
        at once for the same sheets."""
        if self._looked and self._looked[-1][0] is described.sheets:
            return self._looked[-1][1]
        views = []
        for number, sheet in enumerate(described.sheets):
            own = palette.colours[np.where(sheet.colours == EMPTY, 0, sheet.colours)]
            picture, shaped = self.references[number][0], (sheet.shapes, sheet.borders)
            for members in figures_apart(shaped) or [None]:
                view = reference_view(picture, sheet.regions, own, shaped, members)
                views.append((number, view))
        self._looked[:] = [(described.sheets, views)]
        return views

    def _of_view(
        self,
        view: View,
        references: Sequence[tuple[int, View]],
        anchors: Sequence[Anchor],
        palette: Palette,
        described: Described,
    ) -> np.ndarray:
        """(rows, K + 1) float: what the network says of the rows of one view."""
        sheets = described.sheets
        logits, colours, none = [], [], []
        for number, seen in references:
            ends = _ends([a for a in anchors if a.sheet == number], view, seen)
            given = self._compared(view, seen, ends)
            weight = self.weights[number] if self.weights else 1.0
            logits.append(given[:, :-1] + np.log(weight))
            none.append(given[:, -1])
            colours.append(sheets[number].colours[seen.rows])
        # None of several references, only if it is none of any.
        together = np.concatenate([*logits, np.min(none, axis=0)[:, None]], axis=1)
        shares = np.exp(together - together.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        by_colour = np.zeros((view.count, len(palette) + 1))
        # EMPTY, what is transparent in the reference, is -1, and so the last column.
        np.add.at(by_colour.T, np.concatenate(colours), shares[:, :-1].T)
        return by_colour

    def _compared(self, view: View, seen: View, ends: Sequence[tuple[int, int]]) -> np.ndarray:
        """(n, m + 1) logits of the last round."""
        ours = [[(row, number) for number, (row, _) in enumerate(ends)]]
        theirs = [[(row, number) for number, (_, row) in enumerate(ends)]]
        with torch.inference_mode():
            found = self.matcher.network(gather([view], ours), gather([seen], theirs))[-1]
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


def blended(network: np.ndarray, places: np.ndarray, blend: Blend) -> np.ndarray:
    """Two likelihoods (count, K + 1) as one; see :class:`.weights.Blend`.

    Where the network has not looked (NaN), or places and shapes leave no doubt (an artist's pair
    or the paper), the latter decide.
    """
    words = logarithms(network, blend.floor), logarithms(places, blend.floor)
    shares = multiplied(words, (blend.network, blend.places), blend.none)
    alone = np.isnan(shares).any(axis=1) | (places.max(axis=1, initial=0) >= 1)
    return np.where(alone[:, None], places, shares)
