# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.examples``: the hand-drawn examples, by the mini, by the matcher and
without a model, with and without their pairs and the closer look.

A region is right where most of its free pixels have the reference's flat that the truth has there;
shades of the truth count for their flat. Seconds are the processor time of the network's part;
ratios are over the same without the closer look.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from manganinja.files import read_image, read_marks, to_image, to_picture
from manganinja.finishing import finish, flat_layers, flats_for, prepare, usable_pairs
from manganinja.flats.palette import extract_palette, nearest
from manganinja.flats.spreading import Spreading
from manganinja.match.matched import Matched
from manganinja.match.weights import load_matcher
from manganinja.painter import Painter
from manganinja.wire.protocol import ColorizeRequest, FlatsOptions

_WAYS = (("none", False), ("match", False), ("mini", False), ("mini", True))
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def true_flats(folder: Path) -> np.ndarray:
    """(H, W, 3) uint8: the truth in the reference's flats, shades as their base."""
    reference = extract_palette(np.asarray(read_image(folder / "reference.png").convert("RGBA")))
    colours, base = [*map(tuple, reference.palette.colours.tolist())], {}
    for entry, shades in reference.shades.items():
        base |= dict.fromkeys(shades, colours[entry])
    truth = np.asarray(Image.open(folder / "colour_truth.png").convert("RGB"))
    found, entry = np.unique(truth.reshape(-1, 3), axis=0, return_inverse=True)
    near = reference.palette.colours[nearest(reference.palette, found.astype(np.uint8))]
    known = [base.get(tuple(c), tuple(n)) for c, n in zip(found.tolist(), near.tolist())]
    return np.array(known, np.uint8)[entry.ravel()].reshape(truth.shape)


def main() -> None:
    """Print the table."""
    painter = Painter.load("mini")
    spreads = {"none": Spreading, "match": partial(Matched, matcher=load_matcher())}
    print("example    pairs model detail  regions right  pixels right  unsure  network s  ratio")
    for name in ("animal", "character"):
        folder = EXAMPLES / name
        truth, all_pairs = true_flats(folder), read_marks(folder / "points.json").pairs
        for pairs in ((), all_pairs):
            usual = 0.0
            for model, detail in _WAYS:
                request = ColorizeRequest(
                    to_picture(read_image(folder / "lineart.png")),
                    (to_picture(read_image(folder / "reference.png")),),
                    pairs=pairs,
                    model=model,
                    flats=FlatsOptions(detail=detail),
                )
                if model in ("none", "match"):
                    ground, seconds = prepare(request, usable_pairs(request)[0]), 0.0
                    flats = flats_for(ground, None, spreading=spreads[model])
                    layers, unsure = flat_layers(flats), len(flats.unsure())
                else:
                    job = painter.begin(request)
                    ground, start = job.prepare(), time.process_time()
                    proposal = job.propose()
                    seconds = time.process_time() - start
                    finished = finish(
                        ground,
                        proposal.picture,
                        proposal.matches,
                        spreading=painter.spreading,
                    )
                    layers, unsure = finished.layers, len(finished.unsure)
                assert ground.cut is not None
                regions = ground.cut.regions
                painted = np.asarray(to_image(layers[0].picture).convert("RGBA"))
                free = regions.lines == 0
                same = ((painted[..., :3] == truth).all(axis=2) & (painted[..., 3] > 0))[free]
                right = np.bincount(regions.labels[free][same], minlength=regions.count)
                usual = usual if detail else seconds
                print(
                    f"{name:10} {len(pairs):5} {model:5} {'yes' if detail else 'no':6} "
                    f"{np.count_nonzero(2 * right > regions.areas_px):8}/{regions.count:<5} "
                    f"{same.mean():12.3f} {unsure:7} {seconds:10.2f} "
                    f"{seconds / usual if usual else 0:6.1f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
