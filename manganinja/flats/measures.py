# SPDX-License-Identifier: GPL-3.0-or-later
"""How good flats are, measured against regions and colours that are known.

The six scores of regions are those of BasicPBC (Dai et al., "Learning Inclusion Matching for
Animation Paint Bucket Colorization", CVPR 2024), as its ``paint/utils.py:eval_json`` computes
them: a region is right when its colour equals the true one; lines belong to no region; the
background is what is transparent, [255, 255, 255, 0] there. BasicPBC compares one colour per
region. Here a picture of pixels is judged, so each pixel counts as the nearest colour of the true
palette, and a region has the colour that most of its pixels have. Pix-Acc and Pix-B-MIoU count the
pixels themselves. Where every region is painted evenly, both ways give the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from .oklab import distance, to_oklab
from .palette import nearest
from .values import Palette

LINE = 32
"""Ink from which a pixel counts as line and is left out, of 255."""

COVERED = 250
"""Ink from which nothing of the colour below shows, of 255."""

SMALL_PX = 10
"""Regions of at most so many pixels are left out of "Acc over 10 px" (BasicPBC's threshold)."""

WELL = 0.95
"""Share of right pixels below which an artist has to repair a region."""


@dataclass(frozen=True)
class FlatsTruth:
    """What a perfect painting of one page is.

    Attributes:
        labels: (H, W) int32, the region of every pixel, 0 to R - 1, under lines too.
        colours: (R, 4) uint8 RGBA, alpha 255, or 0 for the background.
        ink: (H, W) uint8, how far lines cover the pixel (255 all of it). Where a gap was cut into
            a line, the ink that was there: such pixels belong to no side for sure.
        line_width_px: usual width of the lines.
        paper_rgb: the background's colour in reference and proposal; a pixel painted so counts as
            background, as a transparent one does. No region has this colour.
        unused: (K, 3) uint8, colours of the palette that no region here has; exact as well.
    """

    labels: np.ndarray = field(repr=False)
    colours: np.ndarray = field(repr=False)
    ink: np.ndarray = field(repr=False)
    line_width_px: float
    paper_rgb: tuple[int, int, int] = (255, 255, 255)
    unused: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.uint8), repr=False)

    @property
    def lines(self) -> np.ndarray:
        """(H, W) bool, pixels that belong to a line and are not judged."""
        return self.ink >= LINE

    def picture(self) -> np.ndarray:
        """(H, W, 4) uint8, the perfect painting."""
        return self.colours[self.labels]


@dataclass(frozen=True)
class FlatsScore:
    """Figures of one painted page. Shares lie in [0, 1]; with nothing to judge they are 1.

    Attributes:
        acc: Acc, share of regions with the right colour.
        acc_over_10px: the same for regions of more than 10 px.
        pix_acc: Pix-Acc, share of pixels with the right colour.
        pix_acc_no_background: the same for pixels that are not background.
        b_miou: B-MIoU, regions that are background in both, over those that are in either.
        pix_b_miou: Pix-B-MIoU, the same in pixels.
        exact_palette_rate: share of pixels that are transparent or exactly a colour of the palette.
        bleed_rate: share of pixels within two line widths of a line whose colour is wrong.
        fringe_px: pixels left unfilled at or within two line widths of a line, where it doesn't
            cover them and the truth has a colour.
        regions: regions that were judged.
        to_repair: those of them with less than 95 % of their pixels right.
        point_mse: squared error of 3 x 3 px round each point, mean over points, sRGB in [0, 1];
            None without points.
        point_de: distance in OKLab times 100 at the points, mean; None without points.
    """

    acc: float
    acc_over_10px: float
    pix_acc: float
    pix_acc_no_background: float
    b_miou: float
    pix_b_miou: float
    exact_palette_rate: float
    bleed_rate: float
    fringe_px: int
    regions: int
    to_repair: int
    point_mse: float | None = None
    point_de: float | None = None


Point = tuple[tuple[float, float], tuple[int, int, int]]
"""((x, y) in pixels of the page, sRGB colour that has to be there)."""


def measure(painted: np.ndarray, truth: FlatsTruth, points: Sequence[Point] = ()) -> FlatsScore:
    """Judge a painting without its lines.

    Args:
        painted: (H, W, 4) uint8 RGBA, as large as the truth; alpha below 128 is unfilled.
        truth: the page's regions and colours.
        points: places whose colour the artist has said.

    Raises:
        ValueError: the painting has another shape or type than the truth asks for.
    """
    if painted.shape != (*truth.labels.shape, 4) or painted.dtype != np.uint8:
        raise ValueError(
            f"A painting of shape {(*truth.labels.shape, 4)} and uint8 is needed, "
            f"not {painted.shape} and {painted.dtype}."
        )
    palette, wanted = _palette(truth)
    background = len(palette) - 1
    found, exact = _indices(painted, palette)
    open_px = ~truth.lines
    should = wanted[truth.labels]
    right = found == should
    near = cv2.distanceTransform(open_px.view(np.uint8), cv2.DIST_L2, 3) <= 2 * truth.line_width_px
    coloured = open_px & (should != background)
    fringe = near & (truth.ink < COVERED) & (should != background) & (found == background)
    both = (found == background) & right & open_px
    either = ((found == background) | (should == background)) & open_px
    mse, away = _at_points(painted, points, truth.paper_rgb)
    regions = _of_regions(truth, wanted, found, right & open_px, background)
    return FlatsScore(
        acc=regions.acc,
        acc_over_10px=regions.acc_over_10px,
        pix_acc=_share(right, open_px),
        pix_acc_no_background=_share(right, coloured),
        b_miou=regions.b_miou,
        pix_b_miou=_share(both, either),
        exact_palette_rate=_share(exact, open_px),
        bleed_rate=_share(~right, near & open_px, 0.0),
        fringe_px=int(np.count_nonzero(fringe)),
        regions=regions.count,
        to_repair=regions.to_repair,
        point_mse=mse,
        point_de=away,
    )


def _share(hits: np.ndarray, among: np.ndarray, empty: float = 1.0) -> float:
    total = np.count_nonzero(among)
    return float(np.count_nonzero(hits & among) / total) if total else empty


def _palette(truth: FlatsTruth) -> tuple[np.ndarray, np.ndarray]:
    """The palette (K + 1, 3) with the paper's colour last, and each region's index into it."""
    painted = truth.colours[:, 3] > 0
    listed = np.vstack([truth.colours[painted, :3], truth.unused])
    colours, inverse = np.unique(listed, axis=0, return_inverse=True)
    wanted = np.full(len(truth.colours), len(colours), np.int16)
    wanted[painted] = inverse.reshape(-1)[: painted.sum()]
    return np.vstack([colours, np.array([truth.paper_rgb], np.uint8)]), wanted


def _indices(painted: np.ndarray, palette: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) nearest palette index of every pixel, and where it is that colour exactly."""
    index = nearest(Palette(palette), painted[..., :3])
    exact = (palette[index] == painted[..., :3]).all(axis=2)
    clear = painted[..., 3] < 128
    index[clear] = len(palette) - 1
    return index, exact | clear


@dataclass(frozen=True)
class _OfRegions:
    """The figures that count regions."""

    acc: float
    acc_over_10px: float
    b_miou: float
    count: int
    to_repair: int


def _of_regions(
    truth: FlatsTruth, wanted: np.ndarray, found: np.ndarray, right: np.ndarray, background: int
) -> _OfRegions:
    """Let the open pixels of each region vote for its colour, and count."""
    count, width = len(truth.colours), background + 1
    open_px = ~truth.lines
    ballots = truth.labels[open_px].astype(np.int64) * width + found[open_px]
    votes = np.bincount(ballots, minlength=count * width).reshape(count, width)
    areas = votes.sum(axis=1)
    judged = areas > 0
    has = np.where(judged, votes.argmax(axis=1), -1)
    either = judged & ((has == background) | (wanted == background))
    rights = np.bincount(truth.labels[right], minlength=count)
    return _OfRegions(
        acc=_share(has == wanted, judged),
        acc_over_10px=_share(has == wanted, areas > SMALL_PX),
        b_miou=_share(has == wanted, either),
        count=int(judged.sum()),
        to_repair=int((judged & (rights < WELL * areas)).sum()),
    )


def _at_points(
    painted: np.ndarray, points: Sequence[Point], paper: tuple[int, int, int]
) -> tuple[float, float] | tuple[None, None]:
    """Mean squared error and OKLab distance over 3 x 3 px; unfilled pixels show the paper."""
    if not points:
        return None, None
    height, width = painted.shape[:2]
    errors, distances = [], []
    for (x, y), colour in points:
        column, row = min(max(int(x), 0), width - 1), min(max(int(y), 0), height - 1)
        patch = painted[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2].reshape(-1, 4)
        seen = np.where(patch[:, 3:] < 128, np.array(paper, np.uint8), patch[:, :3])
        target = np.asarray(colour, np.uint8)
        errors.append((((seen.astype(np.float32) - target) / 255) ** 2).mean())
        distances.append(distance(to_oklab(seen), to_oklab(target)).mean())
    return float(np.mean(errors)), float(np.mean(distances))
