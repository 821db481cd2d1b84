# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.corrections FOLDER``: an artist who corrects a page, simulated.

Each case is a folder with ``lineart.png``, ``reference.png`` and ``truth.png`` (RGBA flats,
transparent where nothing is; or ``colour_truth.png``), and perhaps ``meta.json``, whose ``classes``
name shades that count as one material. A shade of a flat counts for that. The page is coloured;
then, dot after dot, the largest true region that is wrong gets a dot in its middle: a pair with the
reference's place of that colour where there is one, else a hint. Printed for each page: regions,
those wrong at first and at last, dots, regions mended and regions made wrong by them; and over all
pages the last two for each dot.

A true region is a connected area of one colour, off the lines, of at least 10 px at 512 px; it is
right where the answer that most of it has is within an OKLab distance (times 100) of 3, or is
nearest to a shade of the same material.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from manganinja.files import read_image, to_image, to_picture
from manganinja.flats.line_mask import ink, line_mask
from manganinja.flats.oklab import distance, to_oklab
from manganinja.flats.palette import extract_palette
from manganinja.match.painter import Matching
from manganinja.painter import Painter
from manganinja.wire.protocol import ColorizeRequest, FlatsOptions, Hint, Pair, Point
from manganinja.without_model import Unaided

_LEAST_PX = 10
_NEAR = 3.0
_LEAST_OF_REFERENCE_PX = 40
_SAME_LEVELS = 6


@dataclass(frozen=True)
class Page:
    """A case.

    Attributes:
        regions: (H, W) int32, true regions from 1; 0 elsewhere.
        colours: (n + 1, 3) uint8, of each region.
        shades: (m, 3) float in OKLab, and the material of each; none where colours are exact.
    """

    name: str
    lineart: Image.Image
    reference: Image.Image
    regions: np.ndarray = field(repr=False)
    colours: np.ndarray = field(repr=False)
    shades: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def read(cls, folder: Path) -> Page:
        """Read a case's folder."""
        lineart, reference = (read_image(folder / f"{n}.png") for n in ("lineart", "reference"))
        truth = np.array(read_image(truth_of(folder)).convert("RGBA"))
        flats = extract_palette(np.asarray(reference.convert("RGBA")))
        for entry, shades in flats.shades.items():
            for shade in shades:
                truth[(truth[..., :3] == shade).all(axis=2), :3] = flats.palette.colours[entry]
        free = (line_mask(ink(lineart)) == 0) & (truth[..., 3] >= 128)
        codes = truth[..., :3].astype(np.int64) @ np.array([1 << 16, 1 << 8, 1])
        least = _LEAST_PX * (max(codes.shape) / 512) ** 2
        regions, colours = np.zeros(codes.shape, np.int32), [(0, 0, 0)]
        for code in np.unique(codes[free]).tolist():
            same = (free & (codes == code)).astype(np.uint8)
            count, parts, stats, _ = cv2.connectedComponentsWithStats(same, connectivity=4)
            for part in range(1, count):
                if stats[part, cv2.CC_STAT_AREA] >= least:
                    regions[parts == part] = len(colours)
                    colours.append((code >> 16, code >> 8 & 255, code & 255))
        known = np.array(colours, np.uint8)
        return cls(folder.name, lineart, reference, regions, known, _shades(folder))

    def right(self, painted: np.ndarray) -> np.ndarray:
        """(n + 1,) bool: which regions have their colour in a picture (H, W, 4) uint8."""
        found = np.zeros(len(self.colours), bool)
        codes = painted.astype(np.int64) @ np.array([1 << 24, 1 << 16, 1 << 8, 1])
        for region in range(1, len(found)):
            values, counts = np.unique(codes[self.regions == region], return_counts=True)
            most = int(values[counts.argmax()])
            if most & 255 < 128:
                continue
            seen = np.array([[most >> 24 & 255, most >> 16 & 255, most >> 8 & 255]], np.uint8)
            true = self.colours[region][None]
            away = distance(to_oklab(seen), to_oklab(true))
            found[region] = float(away[0]) < _NEAR or self._alike(seen, true)
        return found

    def _alike(self, seen: np.ndarray, true: np.ndarray) -> bool:
        """Whether two colours (1, 3) are shades of one material."""
        if self.shades is None:
            return False
        lab, material = self.shades
        one, other = (int(distance(lab, to_oklab(c)).argmin()) for c in (seen, true))
        return bool(material[one] == material[other])

    def dot(self, region: int) -> Pair | Hint:
        """What says of a region what it is."""
        colour = self.colours[region]
        at = Point(*_middle(self.regions == region))
        reference = np.asarray(self.reference.convert("RGBA"))
        near = np.abs(reference[..., :3].astype(int) - colour).max(axis=2) <= _SAME_LEVELS
        near &= reference[..., 3] > 200
        if np.count_nonzero(near) >= _LEAST_OF_REFERENCE_PX:
            return Pair(Point(*_middle(near)), at)
        return Hint(at, "#{:02x}{:02x}{:02x}".format(*colour.tolist()))


def truth_of(folder: Path) -> Path:
    """The picture with the truth of a case."""
    named = [folder / "truth.png", folder / "colour_truth.png"]
    return next((path for path in named if path.exists()), named[0])


def _shades(folder: Path) -> tuple[np.ndarray, np.ndarray] | None:
    meta = folder / "meta.json"
    classes = json.loads(meta.read_text("utf-8")).get("classes") if meta.exists() else None
    if not classes:
        return None
    shades = np.concatenate([np.array(of, np.uint8) for of in classes.values()])
    return to_oklab(shades), np.repeat(np.arange(len(classes)), [*map(len, classes.values())])


def _middle(mask: np.ndarray) -> tuple[float, float]:
    fenced = cv2.copyMakeBorder(mask.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(fenced, cv2.DIST_L2, 5)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return float(x) + 0.5, float(y) + 0.5


@dataclass
class Tally:
    """What corrections did to some pages."""

    regions: int = 0
    wrong: int = 0
    left: int = 0
    dots: int = 0
    mended: int = 0
    broken: int = 0

    def add(self, other: Tally) -> None:
        """Add another page's."""
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def __str__(self) -> str:
        each = max(1, self.dots)
        return (
            f"{self.regions:4} regions, wrong {self.wrong:3} -> {self.left:3} with {self.dots:3} "
            f"dots; a dot mends {self.mended / each:.2f} and makes {self.broken / each:.2f} wrong"
        )


def corrected(page: Page, painter: Unaided | Painter, model: str, most: int) -> Tally:
    """Colour a page and correct it with ``most`` dots at most."""
    pairs: list[Pair] = []
    hints: list[Hint] = []
    tally, before, tried = Tally(regions=len(page.colours) - 1), None, set()
    sizes = np.bincount(page.regions.ravel(), minlength=len(page.colours))
    while True:
        request = ColorizeRequest(
            to_picture(page.lineart),
            (to_picture(page.reference),),
            pairs=tuple(pairs),
            model=model,
            seed=1,
            flats=FlatsOptions(hints=tuple(hints)),
        )
        layer = painter.paint(request).layers[0]
        right = page.right(np.asarray(to_image(layer.picture).convert("RGBA")))
        tally.left = int((~right[1:]).sum())
        if before is None:
            tally.wrong = tally.left
        else:
            tally.mended += int((right & ~before)[1:].sum())
            tally.broken += int((before & ~right)[1:].sum())
        before = right
        wrong = [int(r) for r in np.flatnonzero(~right) if r and int(r) not in tried]
        if not wrong or tally.dots >= most:
            return tally
        region = max(wrong, key=lambda r: int(sizes[r]))
        tried.add(region)
        dot = page.dot(region)
        if isinstance(dot, Pair):
            pairs.append(dot)
        else:
            hints.append(dot)
        tally.dots += 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each page, and one for all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.corrections", description=__doc__)
    parser.add_argument("folder", type=Path, help="of folders of cases")
    parser.add_argument(
        "--model", default="match", help="'match', 'none', 'mini' or another (match)"
    )
    parser.add_argument("--most", type=int, default=8, help="dots for each page at most (8)")
    parser.add_argument("--only", default="*", help="names of cases, with * and ?")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    painter: Unaided | Painter
    if options.model == "none":
        painter = Unaided()
    elif options.model == "match":
        painter = Matching.load()
    else:
        painter = Painter.load(options.model)
    whole = Tally()
    for folder in sorted(options.folder.glob(options.only)):
        if truth_of(folder).exists():
            tally = corrected(Page.read(folder), painter, options.model, options.most)
            print(f"{folder.name:30} {tally}", flush=True)
            whole.add(tally)
    print(f"{'all':30} {whole}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
