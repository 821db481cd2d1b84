# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.spreading_fit``: the weights of :mod:`manganinja.flats.spreading`.

Draws pages whose truth is known and fits, by maximum likelihood, how much each piece of evidence
counts: first those of a candidate by itself, then with what is round it. Every page is also laid
beside itself in colours, and beside a reference whose regions have changed places at random, where
"none" is the answer: so the weights learn how good a placement has to be, and how good it may be.
Prints both tables, and for pages of other seeds how many regions get a colour at which share of
right ones.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image

from manganinja.flats.line_mask import ink, line_mask
from manganinja.flats.palette import extract_palette
from manganinja.flats.regions import segment
from manganinja.flats.shapes import describe
from manganinja.flats.spreading import (
    PLAIN,
    SEEING,
    Drawing,
    Match,
    Pointed,
    Sheet,
    known_pairs,
    read_sheet,
)

from .flats_truth import STYLES, Page, draw_page

GAP_PX = 8
_BESIDE_ITSELF = 0.3
_CHANGED_PLACES = 0.2
"""Weights of pages beside such references."""

_BESIDE = ("0 pairs", "5 pairs", "15 pairs", "itself", "changed places")

Table = Mapping[str, float]


@dataclass
class Case:
    """A page with its truth as columns of ``drawing.colours``; -1 where the reference lacks it."""

    drawing: Drawing
    truth: np.ndarray
    weight: float
    matches: list[Match]

    @property
    def asked(self) -> np.ndarray:
        """(count,) bool: regions that are neither paper nor told."""
        asked = ~self.drawing.shapes.background & (self.drawing.shapes.areas > 0)
        asked[[anchor.region for anchor in self.drawing.anchors]] = False
        return asked


def cases(page: Page, pairs: Sequence[int]) -> list[Case]:
    """A page with so many pairs each time, beside itself, and beside a reference that is none."""
    regions = segment(line_mask(ink(Image.fromarray(page.lineart))), GAP_PX)
    described = describe(regions)
    colours = _true_colours(page, regions.labels, regions.lines == 0, regions.count)
    sheet, truth = _sheet(page.reference, colours)
    pointed = [Pointed(pair.target, pair.reference) for pair in page.pairs]
    anchors = known_pairs(regions, [sheet], pointed)
    found = []
    for count in pairs:
        drawing = Drawing(*described, [sheet], anchors[:count])
        found.append(Case(drawing, _columns(drawing, truth), 1.0, drawing.matches()))
    itself, truth = _sheet(own_colours(page), colours)
    drawing = Drawing(*described, [itself])
    found.append(Case(drawing, _columns(drawing, truth), _BESIDE_ITSELF, drawing.matches()))
    drawing = Drawing(*described, [_changed(sheet, page.seed)])
    nothing = np.full(regions.count, -1)
    found.append(Case(drawing, nothing, _CHANGED_PLACES, drawing.matches()))
    return found


def own_colours(page: Page) -> np.ndarray:
    """(H, W, 3) uint8: the page in its true colours, with its lines in black."""
    colours = page.truth.colours[page.truth.labels]
    paper = np.array(page.truth.paper_rgb, np.uint8)
    rgb = np.where(colours[..., 3:] > 0, colours[..., :3], paper)
    return np.where(page.truth.ink[..., None] > 60, np.uint8(0), rgb)


def _sheet(picture: np.ndarray, colours: np.ndarray) -> tuple[Sheet, np.ndarray]:
    """A reference (H, W, 3), and the index of its palette for each of some colours, or -2."""
    opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
    reference = np.concatenate([picture, opaque], axis=2)
    flats = extract_palette(reference)
    same = (flats.palette.colours[None].astype(int) == colours[:, None]).all(axis=2)
    truth = np.where(same.any(axis=1), same.argmax(axis=1), -2)
    return read_sheet(reference, flats, flats.palette), truth


def _true_colours(page: Page, labels: np.ndarray, free: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) int: the colour of the true region that most of each region is."""
    width = len(page.truth.colours)
    boxes = labels[free].astype(np.int64) * width + page.truth.labels[free]
    main = np.bincount(boxes, minlength=count * width).reshape(count, width).argmax(axis=1)
    colours = page.truth.colours[main].astype(int)
    return np.where(colours[:, 3:] > 0, colours[:, :3], np.array(page.truth.paper_rgb))


def _columns(drawing: Drawing, truth: np.ndarray) -> np.ndarray:
    at = np.searchsorted(drawing.colours, truth).clip(max=len(drawing.colours) - 1)
    return np.where(drawing.colours[at] == truth, at, -1)


def _changed(sheet: Sheet, seed: int) -> Sheet:
    """The sheet with its regions in each other's places."""
    rng = np.random.default_rng(seed)
    drawn = np.flatnonzero(~sheet.shapes.background)
    centres = sheet.shapes.centres.copy()
    centres[drawn] = centres[rng.permutation(drawn)]
    return replace(sheet, shapes=replace(sheet.shapes, centres=centres))


def likelihoods(case: Case, plain: Table, seeing: Table | None, rounds: int) -> np.ndarray:
    """As :meth:`Drawing.likelihoods`, with these weights."""
    drawing = case.drawing
    likely = drawing.together(case.matches, [m.plain_likelihoods(plain) for m in case.matches])
    for _ in range(rounds if seeing else 0):
        assert seeing is not None
        known = drawing.with_known(likely)
        around = drawing.borders.around(known)
        likely = drawing.together(
            case.matches, [m.seeing_likelihoods(known, around, seeing) for m in case.matches]
        )
    return drawing.with_known(likely)


@dataclass
class Rows:
    """What some regions are fitted on, a row each.

    Attributes:
        parts: evidence of candidates (n, C, f), of none (n, g), of paper (n, h).
        right: (n, C) bool, the candidates that are.
        paper: (n,) bool, those that are paper.
        may_be_paper: (n,) bool, those that paper may show through.
        weight: of each.
    """

    parts: tuple[np.ndarray, np.ndarray, np.ndarray]
    right: np.ndarray
    paper: np.ndarray
    may_be_paper: np.ndarray
    weight: float


def fitted(names: Sequence[str], rows: Sequence[Rows], steps: int) -> Table:
    """Weights by name."""
    most = max(some.right.shape[1] for some in rows)

    def padded(values: np.ndarray, fill: float) -> np.ndarray:
        wide = [(0, 0), (0, most - values.shape[1])] + [(0, 0)] * (values.ndim - 2)
        return np.pad(values, wide, constant_values=fill)

    evidence = _tensor([padded(some.parts[0], 0.0) for some in rows])
    others = [_tensor([some.parts[place] for some in rows]) for place in (1, 2)]
    absent = _tensor([padded(np.zeros(some.right.shape), -1e9) for some in rows])
    no_paper = _tensor([np.where(some.may_be_paper, 0.0, -1e9) for some in rows])
    right = _tensor([padded(some.right.astype(float), 0.0) for some in rows])
    paper = _tensor([some.paper.astype(float) for some in rows])[:, None]
    weight = _tensor([np.full(len(some.right), some.weight) for some in rows])
    none = ((right.sum(1, keepdim=True) == 0) & (paper == 0)).float()
    right = torch.cat([right, none, paper], dim=1)
    sizes = [part.shape[-1] for part in (evidence, *others)]
    weights = [torch.zeros(size, requires_grad=True) for size in sizes]
    adam = torch.optim.Adam(weights, lr=0.05)
    for _ in range(steps):
        of_none, of_paper = others[0] @ weights[1], others[1] @ weights[2] + no_paper
        logits = [evidence @ weights[0] + absent, of_none[:, None], of_paper[:, None]]
        likely = torch.log_softmax(torch.cat(logits, dim=1), dim=1) + torch.log(right + 1e-9)
        loss = -(torch.logsumexp(likely, dim=1) * weight).sum() / weight.sum()
        loss = loss + 1e-4 * sum((part**2).sum() for part in weights)
        adam.zero_grad()
        loss.backward()
        adam.step()
    values = [value for part in weights for value in part.tolist()]
    return {name: round(value, 2) for name, value in zip(names, values, strict=True)}


def _tensor(parts: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.tensor(np.concatenate(parts), dtype=torch.float32)


def _rows(
    given: Sequence[Case], plain: Table | None, seeing: Table | None, rounds: int
) -> list[Rows]:
    """What :func:`fitted` takes: evidence of :data:`PLAIN`, or of :data:`SEEING` after rounds."""
    rows = []
    for case in given:
        known = case.drawing.with_known(np.zeros((len(case.truth), len(case.drawing.colours))))
        if plain is not None:
            known = likelihoods(case, plain, seeing, rounds)
        around = case.drawing.borders.around(known)
        for match in case.matches:
            evidence, blank = match.evidence, match.blank
            if plain is not None:
                evidence, blank = match.seen(known, around)
            asked, truth = case.asked[match.rows], case.truth[match.rows]
            right = (match.colours == truth[:, None])[asked]
            may_be = match.may_be_paper[asked]
            paper = may_be & (truth == match.paper)[asked]
            parts = evidence[asked], match.none[asked], blank[asked]
            rows.append(Rows(parts, right, paper, may_be, case.weight))
    return rows


def report(given: Sequence[Case], plain: Table, seeing: Table, what: str) -> str:
    """How many of the regions asked for get a colour at which likelihood, and how many rightly."""
    sure, right = [], []
    for case in given:
        likely = likelihoods(case, plain, seeing, 2)[case.asked]
        sure.append(likely.max(axis=1))
        right.append(likely.argmax(axis=1) == case.truth[case.asked])
    sures, rights = np.concatenate(sure), np.concatenate(right)
    cells = [f"{what}: {len(sures)} regions"]
    for least in (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8):
        chosen = sures >= least
        share = rights[chosen].mean() if chosen.any() else 1.0
        cells.append(f"from {least:.2f} {chosen.mean():.3f} coloured, {share:.3f} right")
    return "; ".join(cells)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spreading_fit", description=__doc__)
    parser.add_argument("--pages", type=int, default=120, help="to fit on (default 120)")
    parser.add_argument("--check", type=int, default=40, help="to report on (default 40)")
    parser.add_argument("--first", type=int, default=1000, help="the first page's seed")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--only-check", action="store_true", help="report on the weights there are")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    end = options.first + options.pages
    plain, seeing = PLAIN, SEEING
    if not options.only_check:
        taught = [case for seed in range(options.first, end) for case in _drawn(seed)]
        plain = fitted(list(PLAIN), _rows(taught, None, None, 0), options.steps)
        seeing = None
        for rounds in range(3):
            rows = _rows(taught, plain, seeing, min(rounds, 2))
            seeing = fitted(list(SEEING), rows, options.steps)
        print("PLAIN =", plain, "\nSEEING =", seeing, flush=True)
    checked = [_drawn(seed) for seed in range(end, end + options.check)]
    for place, what in enumerate(_BESIDE):
        print(report([some[place] for some in checked], plain, seeing or SEEING, what), flush=True)
    return 0


def _drawn(seed: int) -> list[Case]:
    style, gap = STYLES[seed % len(STYLES)], (0, 4, 8)[seed % 3]
    return cases(draw_page(seed, style=style, gap_px=gap), (0, 5, 15))


if __name__ == "__main__":
    sys.exit(main())
