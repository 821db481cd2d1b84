# SPDX-License-Identifier: GPL-3.0-or-later
"""From a training run to a matcher that ships: how much each word counts, fitted on drawings.

The drawings are neither those of the training nor those of the benchmark. Fitting by likelihood is
what makes the confidence honest; docs/matcher.md has what it was measured to mean.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..errors import BadRequest
from ..flats.line_mask import ink, line_mask
from ..flats.palette import extract_palette
from ..flats.regions import segment
from ..flats.spreading import Pointed
from ..train.drawings import draw_pair, point_pairs
from ..train.pool import HELD_OUT_SEED
from ..weights.find import is_matcher
from .matched import Matched, with_none
from .samples import inked_anew, true_entries
from .train import MatchTrainer
from .weights import Blend, TrainedMatcher, save_matcher

FIRST_SEED = HELD_OUT_SEED + 500_000
"""Of the drawings that are fitted on."""
_LEAST_PX = 10
_FLOORS = (0.003, 0.01, 0.03)
_ROUNDS = 300
_NOTHING = -100.0


@dataclass(frozen=True)
class Case:
    """Regions of one drawing, "none" being the last of K + 1 choices.

    Attributes:
        network, places: (n, K + 1) float, likelihoods.
        truth: (n,) int64.
    """

    network: np.ndarray = field(repr=False)
    places: np.ndarray = field(repr=False)
    truth: np.ndarray = field(repr=False)


def cases(matcher: TrainedMatcher, count: int, size_px: int = 384) -> Iterator[Case]:
    """What both say of drawings, every second one with pairs."""
    for seed in range(FIRST_SEED, FIRST_SEED + count):
        rng, pair = np.random.default_rng(seed), draw_pair(seed, size_px)
        lines = pair.target.lineart
        if rng.random() < 0.4:
            lines = inked_anew(lines, rng)
        opaque = np.full((size_px, size_px, 1), 255, np.uint8)
        reference = np.concatenate([pair.reference.colour, opaque], axis=2)
        flats = extract_palette(reference)
        try:
            regions = segment(line_mask(ink(Image.fromarray(lines))), size_px / 128)
        except BadRequest:
            continue
        points = point_pairs(pair, 4 if seed % 2 else 0, rng).tolist()
        pointed = [Pointed(tuple(there), tuple(here)) for there, here in points]
        matched = Matched([(reference, flats)], pointed, matcher=matcher)
        described = matched.describe(regions, flats.palette)
        network = matched.of_network(regions, flats.palette, described)
        places = matched.of_places(regions, flats.palette, described)
        asked = (regions.areas_px > _LEAST_PX) & ~np.isnan(network).any(axis=1)
        asked &= places.max(axis=1, initial=0) < 1
        truth = true_entries(pair, regions, flats)
        yield Case(with_none(network[asked]), with_none(places[asked]), truth[asked])


def fit(known: list[Case]) -> tuple[Blend, float]:
    """The blend under which the truth is likeliest, and the mean of -log of its likelihood."""
    fits = [_fitted(known, floor) for floor in _FLOORS]
    return min(fits, key=lambda found: found[1])


def _fitted(known: list[Case], floor: float) -> tuple[Blend, float]:
    width = max(case.network.shape[1] for case in known)
    truth = np.concatenate([np.where(c.truth < 0, width - 1, c.truth) for c in known])
    right = torch.from_numpy(truth)
    network, places = (
        torch.from_numpy(np.concatenate([_laid(getattr(c, name), width, floor) for c in known]))
        for name in ("network", "places")
    )
    none = torch.zeros(width, dtype=torch.float64)
    none[-1] = 1
    weights = torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def missed() -> torch.Tensor:
        logits = weights[0] * network + weights[1] * places + weights[2] * none
        # Colours that a drawing has not.
        logits = torch.where(network < _NOTHING / 2, -1e4, logits)
        return torch.nn.functional.cross_entropy(logits, right)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = missed()
        loss.backward()
        return loss

    optimizer.step(closure)
    of_network, of_places, of_none = (round(float(w), 4) for w in weights.detach())
    return Blend(of_network, of_places, of_none, floor), float(missed().detach())


def _laid(likely: np.ndarray, width: int, floor: float) -> np.ndarray:
    """(n, width) logarithms; "none" last, -100 for colours that there are not."""
    laid = np.full((len(likely), width), _NOTHING)
    laid[:, : likely.shape[1] - 1] = np.log(np.maximum(likely[:, :-1], 0) + floor)
    laid[:, -1] = np.log(np.maximum(likely[:, -1], 0) + floor)
    return laid


def check_output(output: Path) -> None:
    """Raises BadRequest where a matcher would be written over something else."""
    if output.exists() and not is_matcher(output) and (output.is_file() or any(output.iterdir())):
        raise BadRequest(
            f"{output} holds something else than a matcher.", "Name an empty or a new folder."
        )


def export(trainer: MatchTrainer, output: Path, drawings: int = 160) -> TrainedMatcher:
    """Write the averaged weights of a run with their blend, its config and its curve."""
    check_output(output)
    raw = TrainedMatcher(trainer.averaged(), Blend())
    blend, missed = fit(list(cases(raw, drawings)))
    print(f"{blend}, -log likelihood {missed:.3f} on {drawings} drawings")
    matcher = TrainedMatcher(raw.network, blend)
    save_matcher(matcher, output)
    for name in ("config.json", "curve.jsonl"):
        if (trainer.folder / name).exists():
            shutil.copyfile(trainer.folder / name, output / f"training_{name}")
    return matcher
