# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.leaks_fit leaks`` and ``... paper``: :mod:`manganinja.flats.leaks` and
:mod:`manganinja.flats.paper`.

Draws pages whose regions are known, takes pieces of their lines away, a few pixels to a hand wide,
in the middle of a line and where lines meet, and draws strokes into regions that divide nothing, as
folds and strands of hair do. Each passage between two blobs of a region is then a leak (the blobs
lie in two true regions) or none; each blob of a region that reaches the page's edge is paper or
drawing. A small perceptron is fitted to each and written beside the module. Printed: how likely the
truth was, and how many are told right, on the pages fitted on and on others.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

from .flats_truth import STYLES, Page, draw_page

FIRST_SEED = 40_000
_SIDES_PX = (600, 1000, 1400)
_CROWDS = 0.25
"""Of the pages, show several figures, some in frames."""
_MOST_OPENINGS = 60
_MOST_STROKES = 12
_PURE = 0.8
"""Share of a blob that lies in one true region, so that it can be told whose it is."""
_DECAY = 1e-3
_BATCH = 512


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
class Judged:
    """What is known of a page's passages or blobs, and the truth.

    Attributes:
        evidence: (n, f) float.
        truth: (n,) bool.
    """

    evidence: np.ndarray
    truth: np.ndarray


def told(seed: int, judge: Judge | None = None) -> tuple[Judged, Judged] | None:
    """The passages of a page, leaks or none, and its blobs that a way leads out of, paper or
    drawing."""
    rng = np.random.default_rng([seed, 77])
    side = int(rng.choice(_SIDES_PX))
    # From fine ink to the fat lines of an icon.
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
    try:
        regions = segment(line_mask(ink(Image.fromarray(opened(page, rng, columns**2)))), 8)
    except BadRequest:
        return None
    blobs = find_blobs(regions, judge)
    count, width = blobs.count + 1, len(page.truth.colours)
    truth, free = _truth_of(page, blobs), blobs.labels > 0
    boxes = np.bincount(
        blobs.labels[free].astype(np.int64) * width + truth[free], minlength=count * width
    ).reshape(count, width)
    main, whole = boxes.argmax(axis=1), np.maximum(boxes.sum(axis=1), 1)
    pure = boxes.max(axis=1) / whole >= _PURE
    known = [p for p in blobs.passages if pure[p.blobs[0]] and pure[p.blobs[1]]]
    leaking = [bool(main[p.blobs[0]] != main[p.blobs[1]]) for p in known]
    asked, evidence = paper_evidence(blobs)
    sure = pure[asked]
    return (
        Judged(
            np.array([p.evidence for p in known]).reshape(-1, len(leaks.FEATURES)),
            np.array(leaking, bool),
        ),
        Judged(evidence[sure], (page.truth.colours[main, 3] == 0)[asked][sure]),
    )


def _truth_of(page: Page, blobs: leaks.Blobs) -> np.ndarray:
    """The page's true regions at the pixels of the blobs."""
    height, width = blobs.labels.shape
    ys = np.clip(blobs.corner[1] + (np.arange(height) + 0.5) * blobs.scale, 0, None).astype(int)
    xs = np.clip(blobs.corner[0] + (np.arange(width) + 0.5) * blobs.scale, 0, None).astype(int)
    labels = page.truth.labels
    return labels[np.minimum(ys, labels.shape[0] - 1)][:, np.minimum(xs, labels.shape[1] - 1)]


def fit(known: Judged, hidden: int, steps: int) -> dict[str, list]:
    """The perceptron (:class:`manganinja.flats.judge.Judge`) under which the truth is likeliest."""
    torch.manual_seed(0)
    mean, deviation = known.evidence.mean(axis=0), known.evidence.std(axis=0) + 1e-6
    x = torch.from_numpy((known.evidence - mean) / deviation)
    y = torch.from_numpy(known.truth.astype(np.float64))
    first, last = torch.nn.Linear(x.shape[1], hidden), torch.nn.Linear(hidden, 1)
    net = torch.nn.Sequential(first, torch.nn.Tanh(), last).double()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        some = torch.randint(len(x), (_BATCH,))
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
    """How well a fitted function tells."""
    likely, truth = judge.likely(known.evidence), known.truth
    told_right = np.where(truth, likely, 1 - likely)
    cells = [f"{len(truth)} judged, {truth.mean():.3f} are; told right"]
    cells.append(f"{np.mean((likely > 0.5) == truth):.3f}")
    cells.append(f"-log likelihood {-np.log(np.maximum(told_right, 1e-9)).mean():.3f}")
    for least in (0.3, 0.5, 0.7):
        yes = likely > least
        cells.append(
            f"from {least}: {yes[truth].mean():.2f}, of the others {yes[~truth].mean():.3f}"
        )
    return "; ".join(cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, report, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leaks_fit", description=__doc__)
    parser.add_argument(
        "what", choices=("leaks", "paper"), help="paper looks at the leaks as fitted"
    )
    parser.add_argument("--pages", type=int, default=300, help="to fit on (300)")
    parser.add_argument("--check", type=int, default=60, help="to report on (60)")
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    place = 0 if options.what == "leaks" else 1
    last = FIRST_SEED + options.pages
    known = together(range(FIRST_SEED, last), place)
    features = leaks.FEATURES if place == 0 else paper.FEATURES
    table = {"features": list(features)} | fit(known, options.hidden, options.steps)
    target = Path(leaks.__file__).with_name(f"{options.what}.json")
    target.write_text(json.dumps(table) + "\n")
    load_judge.cache_clear()
    judge = load_judge(options.what, features)
    print("fitted on:", report(known, judge))
    print("others:   ", report(together(range(last, last + options.check), place), judge))
    return 0


def together(seeds: Iterable[int], place: int) -> Judged:
    """What is known of the passages (0) or blobs (1) of several pages."""
    # What leaks are is not known yet where they are fitted.
    width = len(leaks.FEATURES)
    none = Judge(
        leaks.FEATURES, np.zeros(width), np.ones(width), np.zeros((width + 1, 1)), np.zeros(2)
    )
    pages = (told(seed, none if place == 0 else None) for seed in seeds)
    found = [page[place] for page in pages if page is not None]
    return Judged(
        np.concatenate([page.evidence for page in found]),
        np.concatenate([page.truth for page in found]),
    )


if __name__ == "__main__":
    sys.exit(main())
