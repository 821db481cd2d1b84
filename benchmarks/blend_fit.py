# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.blend_fit``: how much each of the matcher's words counts.

Fits the blend in the bundled matcher's ``config.json`` by maximum likelihood, on drawings of two
kinds: generated ones, half of them with pairs, and OpenMoji's (:mod:`.openmoji`), which people have
drawn and which count twice. On generated drawings alone the matcher's own network, which has seen
nothing else, would be believed too much.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

import numpy as np
from PIL import Image

from manganinja.files import to_picture
from manganinja.finishing import prepare
from manganinja.flats.oklab import distance, to_oklab
from manganinja.flats.values import Palette, Regions
from manganinja.match.calibrate import Case, cases, fit
from manganinja.match.matched import Matched, blended
from manganinja.match.weights import CONFIG, Blend, TrainedMatcher, load_matcher
from manganinja.train.people.pairs import colour_codes
from manganinja.weights.find import MATCHER
from manganinja.wire.protocol import ColorizeRequest

from . import openmoji

_MOST_APART = 3.0
"""OKLab distance (times 100) up to which a colour of the palette is the truth's."""
_LEAST_SHARE = 0.6
"""Of a region, for the colour that most of it has."""
_LEAST_PX = 40
_GENERATED = 0.5
"""How much generated drawings count together, beside OpenMoji's."""
_ABSENT = 0.35
"""How much an OpenMoji region counts whose colour the reference lacks. Of two animals' regions that
is four in ten; of a drawing for which an artist picks the reference, one."""


def drawn_by_people(matcher: TrainedMatcher) -> Iterator[Case]:
    """What is said of OpenMoji's regions."""
    for drawing in openmoji.drawings():
        pictures = (to_picture(Image.fromarray(p)) for p in (drawing.lineart, drawing.reference))
        lineart, reference = pictures
        ground = prepare(ColorizeRequest(lineart, (reference,), seed=1), {})
        if ground.cut is None:
            continue
        matched = Matched(list(zip(ground.pictures, ground.references)), [], matcher=matcher)
        regions = ground.cut.regions
        truth, clear = right_answers(regions, drawing.truth, ground.palette)
        case = Case.of(matched, regions, ground.palette, truth, clear)
        if len(case.truth):
            yield replace(case, weights=case.weights * np.where(case.truth < 0, _ABSENT, 1.0))


def right_answers(
    regions: Regions, truth: np.ndarray, palette: Palette
) -> tuple[np.ndarray, np.ndarray]:
    """What is right for each region.

    Args:
        truth: (H, W, 4) uint8, flats of the size of the regions, transparent where nothing is.

    Returns:
        (count,) int, an entry of the palette, its length for "empty", -1 for none; and (count,)
        bool, whether most of the region has one truth.
    """
    codes = colour_codes(truth)
    free = regions.lines == 0
    pairs, seen = np.unique(
        np.stack([regions.labels[free], codes[free]]), axis=1, return_counts=True
    )
    right, clear = np.full(regions.count, -1), np.zeros(regions.count, bool)
    for region in np.flatnonzero(regions.areas_px >= _LEAST_PX).tolist():
        own = pairs[0] == region
        code, most = pairs[1][own][seen[own].argmax()], seen[own].max()
        clear[region] = most >= _LEAST_SHARE * seen[own].sum()
        right[region] = len(palette) if code < 0 else _entry(int(code), palette)
    return right, clear & ~regions.background


def _entry(code: int, palette: Palette) -> int:
    colour = np.array([[code >> 16, code >> 8 & 255, code & 255]], np.uint8)
    away = distance(to_oklab(palette.colours), to_oklab(colour))
    return int(away.argmin()) if len(away) and away.min() < _MOST_APART else -1


def _counted(known: Sequence[Case], together: float) -> list[Case]:
    """The same, all of them counting so much."""
    whole = sum(case.weights.sum() for case in known)
    return [replace(case, weights=case.weights * (together / whole)) for case in known]


def report(name: str, known: Sequence[Case], blend: Blend) -> str:
    """How many regions are right, of those that have a right answer."""
    hits = total = 0
    for case in known:
        there = case.truth >= 0
        hits += int((blended(case.words, blend).argmax(axis=1) == case.truth)[there].sum())
        total += int(there.sum())
    return f"{name:10} {hits:5} of {total} right"


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, report, and write if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.blend_fit", description=__doc__)
    parser.add_argument("--generated", type=int, default=80, help="drawings of that kind (80)")
    parser.add_argument("--write", action="store_true", help="into the bundled matcher's config")
    options = parser.parse_args(arguments)
    matcher = load_matcher()
    groups = {
        "generated": list(cases(matcher, options.generated)),
        "OpenMoji": list(drawn_by_people(matcher)),
    }
    known = [*_counted(groups["generated"], _GENERATED), *_counted(groups["OpenMoji"], 1.0)]
    blend, missed = fit(known)
    print(f"{blend}, -log likelihood {missed:.3f}")
    for words, of_words in (("fitted", blend), ("as it was", matcher.blend)):
        print(words, *(report(*group, of_words) for group in groups.items()), sep="\n  ")
    if options.write:
        path = MATCHER / CONFIG
        values = json.loads(path.read_text(encoding="utf-8")) | {"blend": asdict(blend)}
        path.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
