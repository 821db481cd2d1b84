# SPDX-License-Identifier: GPL-3.0-or-later
"""From a training run to a matcher that ships: how much each word counts, fitted on drawings.

The drawings are neither those of the training nor those of the benchmark. Fitting by likelihood is
what makes the confidence honest; docs/matcher.md has what it was measured to mean.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..errors import BadRequest
from ..flats.joining import logarithms
from ..flats.line_mask import ink, line_mask
from ..flats.palette import extract_palette
from ..flats.regions import segment
from ..flats.spreading import Pointed
from ..train.drawings import draw_pair, point_pairs
from ..train.pool import HELD_OUT_SEED
from ..weights.find import is_matcher
from .matched import Matched
from .samples import inked_anew, true_entries
from .train import MatchTrainer
from .weights import Blend, TrainedMatcher, save_matcher

FIRST_SEED = HELD_OUT_SEED + 500_000
"""Of the drawings that are fitted on."""
_LEAST_PX = 10
_FLOORS = (0.003, 0.01, 0.03)
_ROUNDS = 300


@dataclass(frozen=True)
class Case:
    """Regions of one drawing.

    Attributes:
        network, places: (n, K) float, likelihoods.
        truth: (n,) int64, entries of the palette, negative for none.
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
        yield Case(network[asked], places[asked], truth[asked])


def fit(known: list[Case]) -> tuple[Blend, float]:
    """The blend under which the truth is likeliest, and the mean of -log of its likelihood."""
    fits = [_fitted(known, floor) for floor in _FLOORS]
    return min(fits, key=lambda found: found[1])


def _fitted(known: list[Case], floor: float) -> tuple[Blend, float]:
    words = [
        [logarithms(c.network, floor) for c in known],
        [logarithms(c.places, floor) for c in known],
    ]
    (of_network, of_places), none, missed = fitted_powers(words, [c.truth for c in known])
    return Blend(round(of_network, 4), round(of_places, 4), round(none, 4), floor), missed


def fitted_powers(
    words: Sequence[Sequence[np.ndarray]], truth: Sequence[np.ndarray]
) -> tuple[list[float], float, float]:
    """What :func:`.flats.joining.multiplied` takes, so that the truth is likeliest.

    Args:
        words: of each word its logarithms (n, K + 1) of each drawing, "none" last.
        truth: of each drawing (n,) int, entries of its palette, negative for none.

    Returns:
        The powers, what is added for "none", and the mean of -log of the truth's likelihood.
    """
    width = max(of_drawing.shape[1] for of_drawing in words[0])
    right = torch.from_numpy(np.concatenate([np.where(t < 0, width - 1, t) for t in truth]))
    laid = [torch.from_numpy(np.concatenate([_laid(w, width) for w in word])) for word in words]
    absent = laid[0].isnan()
    none = torch.zeros(width, dtype=torch.float64)
    none[-1] = 1
    start = [1 / len(words)] * len(words) + [0.0]
    weights = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def missed() -> torch.Tensor:
        logits = weights[-1] * none
        for weight, word in zip(weights, laid):
            logits = logits + weight * word.nan_to_num()
        return torch.nn.functional.cross_entropy(logits.masked_fill(absent, -1e4), right)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = missed()
        loss.backward()
        return loss

    optimizer.step(closure)
    *powers, of_none = weights.detach().tolist()
    return powers, of_none, float(missed().detach())


def _laid(word: np.ndarray, width: int) -> np.ndarray:
    """(n, width): "none" last, NaN for colours that there are not."""
    laid = np.full((len(word), width), np.nan)
    laid[:, : word.shape[1] - 1], laid[:, -1] = word[:, :-1], word[:, -1]
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
