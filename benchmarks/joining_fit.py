# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.joining_fit``: the weights of :mod:`manganinja.flats.joining`.

Fits, by maximum likelihood, how much a network's opinion of a region counts beside what the matcher
says: for the mini, and for a made-up network that is right in 85 of 100 regions and says so with
70 %, as a better one might. Half of the drawings are fitted on; the other half tells how both ways
of joining do there, the fitted product and a mean weighted by agreement, with the matcher alone
beside them: right, mean squared error of the confidence, how well it ranks (area under the curve),
and which threshold leaves how many regions on the artist's list and how many wrong ones off it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch

from manganinja.finishing import prepare, usable_pairs
from manganinja.flats.joining import FITTED, Joining, agreement, heard, joined, logarithms
from manganinja.flats.matches import palette_votes
from manganinja.flats.spreading import Pointed
from manganinja.flats.words import opinion
from manganinja.match.calibrate import fitted_powers
from manganinja.match.known import true_entries
from manganinja.match.matched import Matched
from manganinja.match.weights import load_matcher
from manganinja.painter import Painter
from manganinja.train.drawings import draw_pair
from manganinja.train.pool import HELD_OUT_SEED

from .matching import LEAST_PX, request_of

FIRST_SEED = HELD_OUT_SEED + 600_000
"""Of drawings that nothing else is fitted or measured on."""
_MADE_UP_RIGHT, _MADE_UP_SURE = 0.85, 0.7
_MEAN_WEIGHT = 1.4
_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Case:
    """The regions of one drawing.

    Attributes:
        of_network, likely: (n, K + 1) float, "empty" last, what the network and the matcher say.
        truth: (n,) int, entries of the palette, negative for none.
        asked: (n,) bool, regions that nothing has decided.
    """

    of_network: np.ndarray = field(repr=False)
    likely: np.ndarray = field(repr=False)
    truth: np.ndarray = field(repr=False)
    asked: np.ndarray = field(repr=False)

    def made_up(self, rng: np.random.Generator) -> Case:
        """The same with the made-up network."""
        count, colours = self.of_network.shape
        right = (self.truth >= 0) & (rng.random(count) < _MADE_UP_RIGHT)
        said = np.where(right, self.truth, rng.integers(0, colours, count))
        even = (1 - _MADE_UP_SURE) / colours
        of_network = even + _MADE_UP_SURE * np.eye(colours)[said]
        return Case(of_network, self.likely, self.truth, self.asked)

    def averaged(self) -> np.ndarray:
        """(n, K): the mean, weighted by how far the network agrees."""
        weight = _MEAN_WEIGHT * agreement(self.of_network, self.likely)
        return (self.likely + weight * self.of_network) / (1 + weight)


def cases(count: int, matcher: str, size_px: int) -> Iterator[Case]:
    """What the mini and the matcher say of drawings, every second one with five points."""
    mini = Painter.load("mini")
    spreading = partial(Matched, matcher=load_matcher(matcher))
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        pair = draw_pair(seed, size_px)
        request = request_of(pair, 5 if seed % 2 else 0, seed)
        ground = prepare(request, usable_pairs(request)[0])
        if ground.cut is None:
            continue
        proposal, regions = mini.begin(request).propose(), ground.cut.regions
        assert proposal.matches is not None
        votes = palette_votes(
            proposal.matches, list(zip(ground.pictures, ground.references)), ground.palette
        )
        of_network = opinion(regions, votes, proposal.picture, ground.palette)
        ends = [Pointed(p.lineart, p.reference) for p in ground.pairs.values()]
        spread = spreading(list(zip(ground.pictures, ground.references)), ends)
        likely = spread.likelihoods(regions, ground.palette)
        asked = (regions.areas_px > LEAST_PX) & (likely.max(axis=1, initial=0) < 1)
        truth = true_entries(pair, regions, ground.references[0])
        yield Case(of_network, likely, truth, asked)


def fit(known: Sequence[Case]) -> Joining:
    """The weights under which the truth is likeliest."""
    words = [
        [heard(c.of_network, agreement(c.of_network, c.likely))[c.asked] for c in known],
        [logarithms(c.likely, FITTED.floor)[c.asked] for c in known],
    ]
    (network, likely), none, _ = fitted_powers(words, [c.truth[c.asked] for c in known])
    return Joining(round(likely, 2), round(network, 2), round(none, 2))


def report(name: str, known: Sequence[Case], found: Sequence[np.ndarray]) -> str:
    """A line of figures of one way to join."""
    sure, hit, there = [], [], []
    for case, likely in zip(known, found, strict=True):
        best = likely.argmax(axis=1)
        sure.append(likely[np.arange(len(best)), best][case.asked])
        hit.append((best == case.truth)[case.asked])
        there.append((case.truth >= 0)[case.asked])
    sures, hits, theres = (np.concatenate(parts) for parts in (sure, hit, there))
    rank = np.argsort(np.argsort(sures)) + 1
    right, wrong = np.count_nonzero(hits), np.count_nonzero(~hits)
    area = (rank[hits].sum() - right * (right + 1) / 2) / max(right * wrong, 1)
    cells = [f"{name:18} right {hits[theres].mean():.3f}"]
    cells += [f"error {np.square(sures - hits).mean():.3f}", f"ranks {area:.3f}"]
    for least in _THRESHOLDS:
        off = float((~hits & (sures >= least)).mean())
        cells.append(f"{least:.1f}: {(sures < least).mean():.2f} listed, {off:.3f} wrong off it")
    return "; ".join(cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.joining_fit", description=__doc__)
    parser.add_argument("--drawings", type=int, default=80)
    parser.add_argument("--size", type=int, default=384, help="pixels a side (384)")
    parser.add_argument("--matcher", default="match", help="'match' or a folder")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    drawn = list(cases(options.drawings, options.matcher, options.size))
    rng = np.random.default_rng(0)
    half = len(drawn) // 2
    sets = {"mini": drawn, "made up": [case.made_up(rng) for case in drawn]}
    how = fit([case for known in sets.values() for case in known[:half]])
    print(how, flush=True)
    for name, known in sets.items():
        checked = known[half:]
        ways = {
            "matcher alone": [case.likely for case in checked],
            "mean": [case.averaged() for case in checked],
            "product, as it is": [joined(c.of_network, c.likely) for c in checked],
            "product, as fitted": [joined(c.of_network, c.likely, how) for c in checked],
        }
        print(f"{name}, {sum(case.asked.sum() for case in checked)} regions")
        for way, found in ways.items():
            print(report(way, checked, found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
