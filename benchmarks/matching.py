# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.matching``: regions that get the right colour, on drawings held out.

The reference and the line art of a pair that no training has seen, all methods on the same regions.
Right is the colour that the reference gives to the part that most of a region shows; for parts that
it does not show, the part's own colour where the reference has that elsewhere. Where it has not,
"none of these" is right: then it is counted how many regions are left empty or named as unsure.
Regions under a given point count as any other, for all methods alike.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from manganinja.files import to_picture
from manganinja.finishing import Ground, flats_for, prepare, usable_pairs
from manganinja.flats.flatten import SURE, Flats
from manganinja.flats.spreading import Described, Spreading
from manganinja.flats.values import EMPTY, Palette, Regions
from manganinja.match.known import true_entries
from manganinja.match.matched import Matched
from manganinja.match.weights import load_matcher
from manganinja.painter import Painter, Proposal
from manganinja.train.drawings import DrawnPair, draw_pair, point_pairs
from manganinja.train.pool import HELD_OUT_SEED
from manganinja.wire.protocol import ColorizeRequest, FlatsOptions, Pair, Point

from .flats_truth import draw_page

LEAST_PX = 10
_BINS = (0.0, 0.4, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)

Paints = Callable[[ColorizeRequest], "Proposal | None"]


@dataclass(frozen=True)
class Method:
    """A way to colour: what paints, if anything, and what looks for regions."""

    name: str
    paints: Paints
    spreading: Callable[..., Spreading]

    def flats(self, ground: Ground) -> Flats:
        """The regions with their colours."""
        proposal = self.paints(ground.request)
        if proposal is None:
            return flats_for(ground, None, spreading=self.spreading)
        return flats_for(ground, proposal.picture, proposal.matches, spreading=self.spreading)


@dataclass(frozen=True)
class Found:
    """Regions over 10 px of some drawings.

    Attributes:
        truth, given: (n,) int, entries of the reference's palette, EMPTY for none.
        confidence: (n,) float.
        seconds: of each drawing, from regions to flats.
    """

    truth: np.ndarray
    given: np.ndarray
    confidence: np.ndarray
    seconds: tuple[float, ...]

    def row(self) -> dict[str, float]:
        """The figures of the table."""
        there = self.truth != EMPTY
        right, coloured = (self.given == self.truth)[there], (self.given != EMPTY)[there]
        asked = (self.given == EMPTY) | (self.confidence < SURE)
        return {
            "regions": int(there.sum()),
            "right": float(right.mean()),
            "coloured": float(coloured.mean()),
            "right of coloured": float(right[coloured].mean()),
            "wrong and sure": float((~right & ~asked[there]).mean()),
            "not there": int((~there).sum()),
            "asked about": float(asked[~there].mean()),
            "seconds": float(np.median(self.seconds)),
        }

    def reliability(self) -> list[tuple[float, float, int, float, float]]:
        """Of coloured regions, by confidence: from, to, how many, mean confidence, share right."""
        coloured = (self.given != EMPTY) & (self.confidence < 1)
        sure, hit = self.confidence[coloured], (self.given == self.truth)[coloured]
        rows = []
        for low, high in itertools.pairwise(_BINS):
            here = (sure >= low) & (sure < high)
            if here.any():
                mean, share = float(sure[here].mean()), float(hit[here].mean())
                rows.append((low, high, int(here.sum()), mean, share))
        return rows


def methods(names: Sequence[str], matcher: str) -> list[Method]:
    """The methods of these names."""
    matched = partial(Matched, matcher=load_matcher(matcher))
    network = partial(NetworkAlone, matcher=load_matcher(matcher))

    def nothing(request: ColorizeRequest) -> None:
        return None

    mini = Painter.load("mini") if any("mini" in name for name in names) else None

    def paints(request: ColorizeRequest) -> Proposal:
        assert mini is not None
        return mini.begin(request).propose()

    known = {
        "none": Method("none", nothing, Spreading),
        "network": Method("network", nothing, network),
        "match": Method("match", nothing, matched),
        "mini": Method("mini", paints, Spreading),
        "mini+match": Method("mini+match", paints, matched),
    }
    return [known[name] for name in names]


class NetworkAlone(Matched):
    """The matcher without what places and shapes say."""

    def likelihoods(
        self, regions: Regions, palette: Palette, described: Described | None = None
    ) -> np.ndarray:
        """What the network alone says."""
        return np.nan_to_num(self.words(regions, palette, described).network)


def request_of(pair: DrawnPair, points: int, index: int) -> ColorizeRequest:
    """The pair as an artist would give it, with so many points."""
    ends = point_pairs(pair, points, np.random.default_rng(index)).tolist()
    return ColorizeRequest(
        to_picture(Image.fromarray(pair.target.lineart)),
        (to_picture(Image.fromarray(pair.reference.colour)),),
        pairs=tuple(Pair(Point(*there), Point(*here)) for there, here in ends),
        flats=FlatsOptions(gap_px=4),
        seed=1,
    )


def measure(
    chosen: Sequence[Method], count: int, size_px: int, points: int, first: int = 0
) -> dict[str, Found]:
    """All methods on the same held-out drawings."""
    found: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray, float]]] = {}
    for index in range(first, first + count):
        pair = draw_pair(HELD_OUT_SEED + index, size_px)
        request = request_of(pair, points, index)
        ground = prepare(request, usable_pairs(request)[0])
        if ground.cut is None:
            continue
        regions, reference = ground.cut.regions, ground.references[0]
        truth = true_entries(pair, regions, reference)
        counted = regions.areas_px > LEAST_PX
        for method in chosen:
            start = time.process_time()
            flats = method.flats(ground)
            seconds = time.process_time() - start
            given, confidence = _as_cut(flats, regions)
            # A point may name a flat that is too small for the palette.
            given = np.where(given < len(reference.palette), given, -2)
            row = truth[counted], given[counted], confidence[counted], seconds
            found.setdefault(method.name, []).append(row)
    return {name: _together(rows) for name, rows in found.items()}


def _as_cut(flats: Flats, regions: Regions) -> tuple[np.ndarray, np.ndarray]:
    """What most of each region has, which may have been divided since; and how sure that is."""
    codes = regions.labels.astype(np.int64) * flats.regions.count + flats.regions.labels
    found, counts = np.unique(codes[regions.lines == 0], return_counts=True)
    most = np.zeros(regions.count, np.int64)
    order = np.argsort(counts, kind="stable")
    most[found[order] // flats.regions.count] = found[order] % flats.regions.count
    return flats.assignment.index[most].astype(np.int64), flats.assignment.confidence[most]


def _together(rows: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray, float]]) -> Found:
    truth, given, confidence = (np.concatenate([row[at] for row in rows]) for at in range(3))
    return Found(truth, given, confidence, tuple(row[3] for row in rows))


def timed(chosen: Sequence[Method], side_px: int = 1024) -> None:
    """Seconds of wall-clock time for a whole page, reading to flats, the second time."""
    page = draw_page(3, side_px, side_px)
    request = ColorizeRequest(
        to_picture(Image.fromarray(page.lineart)), (to_picture(Image.fromarray(page.reference)),)
    )
    for method in chosen:
        for _ in range(2):
            start, busy = time.monotonic(), time.process_time()
            ground = prepare(request, {})
            flats = method.flats(ground)
            wall, spent = time.monotonic() - start, time.process_time() - busy
        print(
            f"{method.name:11} {side_px} x {side_px}, {flats.regions.count} regions: {wall:.2f} s, "
            f"{spent:.2f} s of processor time"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.matching", description=__doc__)
    parser.add_argument("--pairs", type=int, default=48, help="drawings (48)")
    parser.add_argument("--size", type=int, default=512, help="pixels a side (512)")
    parser.add_argument("--points", type=int, nargs="+", default=[0, 5])
    parser.add_argument("--matcher", default="match", help="'match' or a folder")
    parser.add_argument(
        "--methods", nargs="+", default=["none", "network", "match", "mini", "mini+match"]
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(arguments)
    chosen = methods(options.methods, options.matcher)
    record: list[dict[str, object]] = []
    for points in options.points:
        found = measure(chosen, options.pairs, options.size, points)
        for name, result in found.items():
            row = {"method": name, "points": points, **result.row()}
            if not record:
                print(" ".join(f"{key:>17}" for key in row))
            record.append(row)
            cells = [f"{v:17.3f}" if isinstance(v, float) else f"{v:>17}" for v in row.values()]
            print(" ".join(cells), flush=True)
        for name in ("match", "mini+match"):
            if name not in found:
                continue
            print(f"what confidence means ({name}): from, to, regions, mean, share right")
            for low, high, number, mean, share in found[name].reliability():
                print(f"  {low:.2f} {high:.2f} {number:6} {mean:.3f} {share:.3f}")
    timed(chosen)
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
