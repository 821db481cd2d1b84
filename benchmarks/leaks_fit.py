# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.leaks_fit leaks`` and ``... paper``: :mod:`manganinja.flats.leaks` and
:mod:`manganinja.flats.paper`, which looks at the leaks as fitted.

Of three kinds of drawings whose regions are known: generated pages, of which pieces of lines are
taken away, a few pixels to a hand wide, in the middle of a line and where lines meet, and into
which strokes are drawn that divide nothing, as folds and strands of hair do; emojis and avatars,
which people have drawn (:mod:`manganinja.train.people`, which wants packages; none that is held
out for measuring). Each passage between two blobs of a region is a leak (the blobs lie in two true
regions) or none; each blob of a region that reaches the page's edge is paper or drawing. A small
perceptron is fitted to each and written beside the module; large things count for more, and every
drawing as much as another of its kind. Leaks are fitted on generated pages alone: the others have
so few of them that hair and face would hardly be told apart. Printed: how likely the truth was, and
how many are told right, on drawings that were not fitted on, of each kind.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from manganinja.errors import BadRequest
from manganinja.flats import leaks, paper
from manganinja.flats.judge import Judge, load_judge
from manganinja.flats.leaks import find_blobs
from manganinja.flats.line_mask import ink, line_mask
from manganinja.flats.paper import paper_evidence
from manganinja.flats.regions import segment
from manganinja.train.people import avatar_pair
from manganinja.train.people.openmoji import emoji_alone
from manganinja.train.people.pairs import NOTHING

from .flats_truth import STYLES, Page, draw_page

FIRST_SEED = 40_000
_SIDES_PX = (600, 1000, 1400)
_CROWDS = 0.25
"""Of the pages, show several figures, some in frames."""
_MOST_OPENINGS = 60
_MOST_STROKES = 12
_PEOPLE_PX = (512, 640, 768, 1024)
_AVATARS_FROM = 900_000
_PURE = 0.8
"""Share of a blob that lies in one true region, so that it can be told whose it is."""
_LEAST_LOUD = 0.02
"""What the smallest thing counts, beside the square root of its share of the page."""
_BATCH, _RATE = 1024, 1e-2
_CHECKED = 5
"""One drawing of so many is not fitted on."""


def opened(page: Page, rng: np.random.Generator, figures: int) -> np.ndarray:
    """(H, W, 3) uint8: the page's line art with openings in its lines, and strokes inside, so
    many for each figure."""
    picture = page.lineart.copy()
    labels, ink_px = page.truth.labels, page.truth.lines
    side = max(labels.shape) / figures**0.5
    for _ in range(int(figures * _MOST_OPENINGS * rng.random() ** 2)):
        _open(
            picture, labels, ink_px, rng, float(np.exp(rng.uniform(np.log(6), np.log(side / 14))))
        )
    for _ in range(int(rng.integers(0, _MOST_STROKES + 1))):
        _stroke(picture, labels, ink_px, rng)
    return picture


def _open(
    picture: np.ndarray,
    labels: np.ndarray,
    ink_px: np.ndarray,
    rng: np.random.Generator,
    radius: float,
) -> None:
    """Take away the line between two regions for so far round a place."""
    met = np.zeros(labels.shape, bool)
    met[:, 1:] = labels[:, 1:] != labels[:, :-1]
    ys, xs = np.nonzero(met)
    if not len(ys):
        return
    at = int(rng.integers(len(ys)))
    y, x = int(ys[at]), int(xs[at])
    pair = labels[y, x], labels[y, x - 1]
    reach = int(radius) + 1
    height, width = labels.shape
    window = np.s_[
        max(0, y - reach) : min(height, y + reach + 1),
        max(0, x - reach) : min(width, x + reach + 1),
    ]
    rows, columns = np.mgrid[window]
    near = np.hypot(rows - y, columns - x) <= radius
    # Lines of other regions stay.
    other = ~np.isin(labels[window], pair) & ~ink_px[window]
    keep = cv2.dilate(other.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    picture[window][near & ~keep & np.isin(labels[window], pair)] = 255


def _stroke(
    picture: np.ndarray, labels: np.ndarray, ink_px: np.ndarray, rng: np.random.Generator
) -> None:
    """A stroke inside one region, from its line or free."""
    height, width = labels.shape
    y, x = int(rng.integers(height)), int(rng.integers(width))
    own = labels == labels[y, x]
    if labels[y, x] == labels[0, 0] or own.sum() < 400:
        return
    length = float(np.sqrt(own.sum()) * rng.uniform(0.2, 1.2))
    angle, bend = rng.uniform(0, 2 * np.pi), rng.normal(0, 1.0)
    steps = np.linspace(0, 1, 24)
    turns = angle + bend * steps
    path = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], 1), axis=0) * length / 24 + (x, y)
    drawn = np.zeros((height, width), np.uint8)
    thick = max(1, round(_line_px(ink_px) * rng.uniform(0.5, 1.1)))
    cv2.polylines(drawn, [np.rint(path).astype(np.int32)], False, 255, thick, cv2.LINE_AA)
    seen = (drawn.astype(np.float32) / 255 * own)[..., None]
    picture[:] = np.rint(picture * (1 - seen)).astype(np.uint8)


def _line_px(ink_px: np.ndarray) -> float:
    return leaks.line_width(ink_px.astype(np.uint8) * 255)


@dataclass(frozen=True)
class Drawing:
    """Line art whose truth is known.

    Attributes:
        lineart: (H, W) or (H, W, 3) uint8, on white.
        truth: (H, W) int64, a number for each region or colour; NOTHING is paper.
    """

    lineart: np.ndarray
    truth: np.ndarray


def generated(seed: int) -> Drawing:
    """A page with openings and strokes, from fine ink to the fat lines of an icon."""
    rng = np.random.default_rng([seed, 77])
    side = int(rng.choice(_SIDES_PX))
    line_px = float(np.exp(rng.uniform(np.log(side / 500), np.log(side / 40))))
    crowd = rng.random() < _CROWDS
    columns = int(rng.integers(2, 4)) if crowd else 1
    page = draw_page(
        seed,
        side,
        side,
        style=STYLES[seed % len(STYLES)],
        line_px=line_px / 2 if crowd else line_px,
        cell_px=side // columns if crowd else 0,
        reference_px=64,
    )
    labels = page.truth.labels.astype(np.int64)
    truth = np.where((page.truth.colours[:, 3] == 0)[labels], NOTHING, labels)
    return Drawing(opened(page, rng, columns**2), truth)


def emoji(seed: int) -> Drawing | None:
    """One by a designer, as it is."""
    rng = np.random.default_rng([seed, 991])
    found = emoji_alone(seed, int(rng.choice(_PEOPLE_PX)))
    return None if found is None else Drawing(*found)


def avatar(seed: int) -> Drawing | None:
    """One put together of parts by a designer."""
    pair = avatar_pair(seed)
    return None if pair is None else Drawing(pair.lines, pair.truth)


@dataclass(frozen=True)
class Kind:
    """A kind of drawing.

    Attributes:
        draw: by its number.
        first: number of the first.
        count: of the drawings.
        weight: what all of them count together.
    """

    draw: Callable[[int], Drawing | None]
    first: int
    count: int
    weight: float


KINDS = {
    "generated": Kind(generated, FIRST_SEED, 260, 1.0),
    "emojis": Kind(emoji, 0, 1954, 0.6),
    "avatars": Kind(avatar, _AVATARS_FROM, 400, 0.5),
}


@dataclass(frozen=True)
class Judged:
    """What is known of passages or blobs, and the truth.

    Attributes:
        evidence: (n, f) float.
        truth: (n,) bool.
        weight: (n,) float, of each; those of a drawing are 1 together.
    """

    evidence: np.ndarray
    truth: np.ndarray
    weight: np.ndarray

    @classmethod
    def joined(cls, several: Sequence[Judged], weights: Sequence[float]) -> Judged:
        """Several as one, each multiplied."""
        return cls(
            np.concatenate([one.evidence for one in several]),
            np.concatenate([one.truth for one in several]),
            np.concatenate([one.weight * weight for one, weight in zip(several, weights)]),
        )


def told(drawing: Drawing, what: str) -> Judged | None:
    """The passages of a drawing, leaks or none, or its blobs that a way leads out of, paper or
    drawing; None where there are none of which it is known."""
    lines = line_mask(ink(Image.fromarray(drawing.lineart)))
    # What leaks are is not known yet where they are fitted.
    blobs = find_blobs(segment(lines, 8), None if what == "paper" else _NOBODY)
    at, free = _truth_of(drawing.truth, blobs), blobs.labels > 0
    listed, number = np.unique(at, return_inverse=True)
    number = number.reshape(at.shape)
    count, width = blobs.count + 1, len(listed)
    boxes = np.bincount(
        blobs.labels[free].astype(np.int64) * width + number[free], minlength=count * width
    ).reshape(count, width)
    areas = boxes.sum(axis=1)
    pure = boxes.max(axis=1) >= _PURE * np.maximum(areas, 1)
    main = listed[boxes.argmax(axis=1)]
    bare = boxes[:, listed == NOTHING].sum(axis=1) / np.maximum(areas, 1)
    loud = np.sqrt(areas / free.size) + _LEAST_LOUD
    if what != "paper":
        ends = np.array([passage.blobs for passage in blobs.passages], np.int64).reshape(-1, 2)
        evidence = np.array([passage.evidence for passage in blobs.passages])
        known = pure[ends].all(axis=1)
        truth, weight = main[ends[:, 0]] != main[ends[:, 1]], loud[ends].min(axis=1)
    else:
        asked, evidence = paper_evidence(blobs)
        bare = bare[asked]
        known, truth, weight = np.abs(bare - 0.5) >= _PURE - 0.5, bare > 0.5, loud[asked]
    if not known.any():
        return None
    return Judged(evidence[known], truth[known], weight[known] / weight[known].sum())


_WIDTH = len(leaks.FEATURES)
_NOBODY = Judge(
    leaks.FEATURES, np.zeros(_WIDTH), np.ones(_WIDTH), np.zeros((_WIDTH + 1, 1)), np.zeros(2)
)


def _truth_of(truth: np.ndarray, blobs: leaks.Blobs) -> np.ndarray:
    """The truth at the pixels of the blobs."""
    height, width = blobs.labels.shape
    ys = np.clip(blobs.corner[1] + (np.arange(height) + 0.5) * blobs.scale, 0, None).astype(int)
    xs = np.clip(blobs.corner[0] + (np.arange(width) + 0.5) * blobs.scale, 0, None).astype(int)
    return truth[np.minimum(ys, truth.shape[0] - 1)][:, np.minimum(xs, truth.shape[1] - 1)]


def fit(known: Judged, hidden: int, steps: int, decay: float) -> dict[str, list]:
    """The perceptron (:class:`manganinja.flats.judge.Judge`) under which the truth is likeliest."""
    torch.manual_seed(0)
    mean, deviation = known.evidence.mean(axis=0), known.evidence.std(axis=0) + 1e-6
    x = torch.from_numpy((known.evidence - mean) / deviation)
    y = torch.from_numpy(known.truth.astype(np.float64))
    weight = torch.from_numpy(known.weight)
    first, last = torch.nn.Linear(x.shape[1], hidden), torch.nn.Linear(hidden, 1)
    net = torch.nn.Sequential(first, torch.nn.Tanh(), last).double()
    optimizer = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        some = torch.multinomial(weight, _BATCH, replacement=True)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x[some])[:, 0], y[some])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    hidden_rows = [*first.weight.detach().T.tolist(), first.bias.detach().tolist()]
    out = [*last.weight.detach()[0].tolist(), *last.bias.detach().tolist()]
    return {
        "mean": _rounded(mean.tolist()),
        "deviation": _rounded(deviation.tolist()),
        "hidden": [_rounded(row) for row in hidden_rows],
        "out": _rounded(out),
    }


def _rounded(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def report(known: Judged, judge: Judge) -> str:
    """How well a fitted function tells, large things counted for more."""
    likely, truth = judge.likely(known.evidence), known.truth
    told_right = np.where(truth, likely, 1 - likely)

    def mean(values: np.ndarray) -> float:
        return float(np.average(values, weights=known.weight))

    cells = [f"{len(truth)} judged, {truth.mean():.3f} are; told right"]
    cells.append(f"{mean((likely > 0.5) == truth):.3f}")
    cells.append(f"-log likelihood {mean(-np.log(np.maximum(told_right, 1e-9))):.3f}")
    for least in (0.3, 0.5, 0.7):
        yes = likely > least
        cells.append(
            f"from {least}: {yes[truth].mean():.2f}, of the others {yes[~truth].mean():.3f}"
        )
    return "; ".join(cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, report, and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaks_fit", description=__doc__)
    parser.add_argument("what", choices=("leaks", "paper"))
    parser.add_argument("--share", type=float, default=1.0, help="of the drawings (1)")
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--decay", type=float, default=3e-3, help="of the weights (0.003)")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    kinds = {"generated": KINDS["generated"]} if options.what == "leaks" else KINDS
    fitted, checked = {}, {}
    with ProcessPoolExecutor(options.processes, initializer=_one_thread) as pool:
        for name, kind in kinds.items():
            numbers = range(kind.first, kind.first + round(options.share * kind.count))
            judged = pool.map(partial(_judged, name, options.what), numbers, chunksize=4)
            seen = [(n, one) for n, one in zip(numbers, judged) if one is not None]
            fitted[name] = [one for number, one in seen if number % _CHECKED]
            checked[name] = [one for number, one in seen if not number % _CHECKED]
    weights = [KINDS[name].weight / len(seen) for name, seen in fitted.items() for _ in seen]
    known = Judged.joined([one for seen in fitted.values() for one in seen], weights)
    features = paper.FEATURES if options.what == "paper" else leaks.FEATURES
    table = {"features": list(features)} | fit(known, options.hidden, options.steps, options.decay)
    target = Path(leaks.__file__).with_name(f"{options.what}.json")
    target.write_text(json.dumps(table) + "\n")
    judge = load_judge(options.what, features)
    for name, seen in filter(lambda known: known[1], checked.items()):
        print(f"{name}: {report(Judged.joined(seen, [1.0] * len(seen)), judge)}")
    return 0


def _one_thread() -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _judged(kind: str, what: str, number: int) -> Judged | None:
    """What is known of one drawing."""
    drawing = KINDS[kind].draw(number)
    try:
        return None if drawing is None else told(drawing, what)
    except BadRequest:
        return None


if __name__ == "__main__":
    sys.exit(main())
