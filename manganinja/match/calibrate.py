# SPDX-License-Identifier: GPL-3.0-or-later
"""From a training run to a matcher that ships: how much each word counts, fitted on drawings.

The drawings are neither those of the training nor those of the benchmark. Fitting by likelihood is
what makes the confidence honest; docs/matcher.md has what it was measured to mean.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ..errors import BadRequest
from ..flats.line_mask import ink, line_mask
from ..flats.palette import extract_palette
from ..flats.regions import segment
from ..flats.spreading import Pointed
from ..flats.values import Palette, Regions
from ..train.drawings import draw_pair, point_pairs
from ..train.hand import inked_anew
from ..train.pool import HELD_OUT_SEED
from ..weights.find import is_matcher
from .known import true_entries
from .matched import Matched, Words
from .train import MatchTrainer
from .weights import Blend, TrainedMatcher, bundled_trunk, save_matcher

FIRST_SEED = HELD_OUT_SEED + 500_000
"""Of the drawings that are fitted on."""
_LEAST_PX = 10
_FLOORS = (0.003, 0.01, 0.03)
_ROUNDS = 300
_CHANCE = 0.2
"""Share of regions in which nothing that is seen says what is right. Without it confidence is 0.16
too low on generated drawings, with it 0.08, and on drawings by people within 0.05."""


@dataclass(frozen=True)
class Case:
    """Regions of one drawing.

    Attributes:
        words: what each witness says of n of them; K answers, "empty" the last.
        truth: (n,) int64, 0 to K - 1, negative for none of them.
        weights: (n,) float, how much each counts.
    """

    words: Words
    truth: np.ndarray = field(repr=False)
    weights: np.ndarray = field(repr=False)

    @classmethod
    def of(
        cls,
        matched: Matched,
        regions: Regions,
        palette: Palette,
        truth: np.ndarray,
        asked: np.ndarray,
    ) -> Case:
        """What is said of the regions that are ``asked`` (count,) bool, and that neither a pair nor
        the paper has decided."""
        words = matched.words(regions, palette)
        asked = asked & ~np.isnan(words.network).any(axis=1)
        asked &= words.places.max(axis=1, initial=0) < 1
        # A page of many regions says less with each.
        even = np.full(np.count_nonzero(asked), 1 / np.sqrt(max(1, np.count_nonzero(asked))))
        return cls(words.take(asked), truth[asked], even)


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
        asked = regions.areas_px > _LEAST_PX
        yield Case.of(matched, regions, flats.palette, true_entries(pair, regions, flats), asked)


def fit(known: Sequence[Case]) -> tuple[Blend, float]:
    """The blend under which the truth is likeliest, and the mean of -log of its likelihood."""
    fits = [_fitted(known, floor) for floor in _FLOORS]
    return min(fits, key=lambda found: found[1])


def _fitted(known: Sequence[Case], floor: float) -> tuple[Blend, float]:
    words = [list(word) for word in zip(*(c.words.logarithms(floor) for c in known))]
    weights = np.concatenate([case.weights for case in known])
    powers, none, missed = fitted_powers(words, [c.truth for c in known], weights, _CHANCE)
    of_network, of_places, of_features = (round(p, 4) for p in (*powers, 0.0)[:3])
    return Blend(of_network, of_places, of_features, round(none, 4), floor), missed


def fitted_powers(
    words: Sequence[Sequence[np.ndarray]],
    truth: Sequence[np.ndarray],
    weights: np.ndarray | None = None,
    chance: float = 0.0,
) -> tuple[list[float], float, float]:
    """What :func:`.flats.joining.multiplied` takes, so that the truth is likeliest.

    Args:
        words: of each word its logarithms (n, K + 1) of each drawing, "none" last.
        truth: of each drawing (n,) int, entries of its palette, negative for none.
        weights: of the rows of all drawings, how much each counts; all the same if None.
        chance: share of the rows in which nothing says what is right. Without it those would make
            all that is right doubtful.

    Returns:
        The powers, what is added for "none", and the mean of -log of the truth's likelihood.
    """
    width = max(of_drawing.shape[1] for of_drawing in words[0])
    right = torch.from_numpy(np.concatenate([np.where(t < 0, width - 1, t) for t in truth]))
    laid = [torch.from_numpy(np.concatenate([_laid(w, width) for w in word])) for word in words]
    absent = laid[0].isnan()
    none = torch.zeros(width, dtype=torch.float64)
    none[-1] = 1
    loud = torch.from_numpy(np.ones(len(right)) if weights is None else weights)
    start = [1 / len(words)] * len(words) + [0.0]
    powers = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([powers], max_iter=_ROUNDS, line_search_fn="strong_wolfe")

    def missed() -> torch.Tensor:
        logits = powers[-1] * none
        for power, word in zip(powers, laid):
            logits = logits + power * word.nan_to_num()
        shares = logits.masked_fill(absent, -1e4).softmax(dim=1)
        of_right = shares.gather(1, right[:, None])[:, 0]
        told = (1 - chance) * of_right + chance / (~absent).sum(dim=1)
        return -(loud * told.clamp(min=1e-12).log()).sum() / loud.sum()

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = missed()
        loss.backward()
        return loss

    optimizer.step(closure)
    *fitted, of_none = powers.detach().tolist()
    return fitted, of_none, float(missed().detach())


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
    raw = TrainedMatcher(trainer.averaged(), Blend(), bundled_trunk())
    blend, missed = fit(list(cases(raw, drawings)))
    print(f"{blend}, -log likelihood {missed:.3f} on {drawings} drawings")
    matcher = replace(raw, blend=blend)
    save_matcher(matcher, output)
    for name in ("config.json", "curve.jsonl"):
        if (trainer.folder / name).exists():
            shutil.copyfile(trainer.folder / name, output / f"training_{name}")
    return matcher
