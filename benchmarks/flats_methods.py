# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways to get flats from line art: ours and what an artist would use instead.

Each takes a :class:`Case` and gives an (H, W, 4) uint8 painting without lines, of which alpha 0
is unfilled. Each imports what it needs when it runs, so that memory is counted for it alone.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from manganinja.flats.measures import Point

INK_FROM = 128
"""Darkness, of 255, from which the paint bucket stops at a pixel."""

SMART_COLORING = "1,95,0,0,1,24,200,0,75,2,60,20,90,1,10,1,0"
"""G'MIC 2.9's own defaults for fx_colorize_lineart_smart, in its mode 1: in order, mode
("Extrapolate Color Spots on Transparent Top Layer"), contour detection 95 %, discard guides no,
output delimiters no, three for random colours, shading 0, end point rate 75 %, end point
connectivity 2, longest spline 60 px, longest segment 20 px, largest angle 90, roundness 1,
smallest region 10 px, self-intersections yes, preview type. The layer with the spots comes first,
the line art second; of the three images that come out the last is the colours."""


class NotThere(Exception):
    """The method can't run here; says why."""


@dataclass(frozen=True)
class Case:
    """What a method may look at.

    Attributes:
        lineart: (H, W, 3) uint8 on white.
        proposal: (h, w, 3) uint8.
        reference: (S, W', 3) uint8, with lines.
        palette: (K, 3) uint8, the exact colours, the paper's last.
        hints: a point with its colour in every region; background has the paper's colour.
        pairs: ((x, y) on the line art, the colour that the reference has at the other end).
        gap_px: what a method that can be told closes gaps up to.
        limit_s: seconds after which a program of its own is stopped.
        sources: (x, y) on the reference, the other end of each pair.
    """

    lineart: np.ndarray = field(repr=False)
    proposal: np.ndarray = field(repr=False)
    reference: np.ndarray = field(repr=False)
    palette: np.ndarray = field(repr=False)
    hints: list[Point] = field(repr=False)
    pairs: list[Point] = field(repr=False)
    gap_px: float
    limit_s: float
    sources: list[tuple[float, float]] = field(default_factory=list, repr=False)

    @property
    def size_px(self) -> tuple[int, int]:
        """(width, height)."""
        return self.lineart.shape[1], self.lineart.shape[0]


def scaled_up(case: Case) -> np.ndarray:
    """The raw proposal, enlarged."""
    picture = Image.fromarray(case.proposal).resize(case.size_px, Image.Resampling.BICUBIC)
    return np.asarray(picture.convert("RGBA"))


def ours_from_proposal(case: Case) -> np.ndarray:
    """Flats from the proposal, the exact palette given."""
    return _flattened(case, case.proposal, case.palette, [], [])


def ours_from_reference(case: Case) -> np.ndarray:
    """Flats from the proposal, the palette found in the reference picture."""
    from manganinja.flats.palette import extract_palette

    palette = extract_palette(case.reference).palette
    return _flattened(case, case.proposal, palette.colours, [], [])


def ours_with_hints(case: Case) -> np.ndarray:
    """Flats from the hints alone."""
    return _flattened(case, None, case.palette, case.hints, [])


def ours_with_pairs(count: int) -> Callable[[Case], np.ndarray]:
    """As ``--model none`` does it: from the reference's regions and so many pairs."""

    def method(case: Case) -> np.ndarray:
        from manganinja.flats.flatten import flatten
        from manganinja.flats.palette import extract_palette
        from manganinja.flats.spreading import Pointed, Spreading
        from manganinja.flats.values import Marks

        opaque = np.full((*case.reference.shape[:2], 1), 255, np.uint8)
        reference = np.concatenate([case.reference, opaque], axis=2)
        known = extract_palette(reference)
        ends = zip(case.pairs[:count], case.sources[:count], strict=True)
        spreading = Spreading([(reference, known)], [Pointed(to, at) for (to, _), at in ends])
        return flatten(
            Image.fromarray(case.lineart),
            None,
            known.palette,
            Marks(pairs=case.pairs[:count]),
            case.gap_px,
            spread=spreading,
        ).rgba()

    method.__doc__ = f"Flats without a model from {count} pairs."
    return method


def _flattened(
    case: Case,
    proposal: np.ndarray | None,
    colours: np.ndarray,
    hints: list[Point],
    pairs: list[Point],
) -> np.ndarray:
    try:
        from manganinja.flats.flatten import flatten
        from manganinja.flats.values import Mark, Marks, Palette
    except ImportError as error:
        raise NotThere(f"not built yet ({error})") from error
    marks = Marks(pairs=pairs, hints=[Mark(at, colour) for at, colour in hints])
    lineart = Image.fromarray(case.lineart)
    return flatten(lineart, proposal, Palette(colours), marks, case.gap_px).rgba()


def bucket(case: Case) -> np.ndarray:
    """The paint bucket at every hint, biggest region first: what leaks is painted over later."""
    import cv2

    open_px = case.lineart.min(axis=2) > 255 - INK_FROM
    _, parts = cv2.connectedComponents(open_px.view(np.uint8), connectivity=4)
    parts = parts.astype(np.int32, copy=False)
    table = np.zeros((int(parts.max()) + 1, 4), np.uint8)
    for (x, y), colour in case.hints:
        table[parts[int(y), int(x)]] = (*colour, 255)
    table[0] = 0
    return table[parts]


def opencv_watershed(case: Case) -> np.ndarray:
    """cv2.watershed on the line art, from the hints as markers."""
    import cv2

    markers = _markers(case)
    cv2.watershed(np.ascontiguousarray(case.lineart), markers)
    # It leaves borders (and the page's edge) as -1; the neighbour's colour is kinder than none.
    grown = cv2.dilate(markers.astype(np.float32), np.ones((3, 3))).astype(np.int32)
    return _coloured(case, np.where(markers < 0, np.maximum(grown, 0), markers))


def skimage_watershed(case: Case) -> np.ndarray:
    """skimage.segmentation.watershed of the darkness, from the hints as markers."""
    try:
        from skimage.segmentation import watershed
    except ImportError as error:
        raise NotThere("scikit-image is not installed (pip install scikit-image)") from error
    darkness = 255 - case.lineart.min(axis=2)
    return _coloured(case, np.asarray(watershed(darkness, _markers(case)), np.int32))


def gmic(case: Case) -> np.ndarray:
    """G'MIC's "Colorize Lineart [Smart Coloring]" from the hints as spots; files included."""
    program = shutil.which("gmic")
    if program is None:
        raise NotThere("gmic is not installed (apt-get install gmic)")
    spots = np.zeros((*case.lineart.shape[:2], 4), np.uint8)
    for (x, y), colour in case.hints:
        spots[_dot(x, y)] = (*colour, 255)
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(spots).save(Path(folder, "spots.png"), compress_level=1)
        Image.fromarray(case.lineart).save(Path(folder, "lines.png"), compress_level=1)
        command = [program, "spots.png", "lines.png", "fx_colorize_lineart_smart", SMART_COLORING]
        command += ["-keep[-1]", "-o", "colours.png"]
        try:
            subprocess.run(
                command, cwd=folder, timeout=case.limit_s, check=True, capture_output=True
            )
        except subprocess.TimeoutExpired as error:
            raise NotThere(f"more than {case.limit_s:.0f} s") from error
        except subprocess.CalledProcessError as error:
            raise NotThere(f"gmic failed: {error.stderr[-200:]!r}") from error
        return np.array(Image.open(Path(folder, "colours.png")).convert("RGBA"))


def _dot(x: float, y: float) -> tuple[slice, slice]:
    """The 3 x 3 px round a point."""
    row, column = int(y), int(x)
    return slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2)


def _markers(case: Case) -> np.ndarray:
    """(H, W) int32, a 3 x 3 dot with the hint's number from 1; 0 elsewhere."""
    markers = np.zeros(case.lineart.shape[:2], np.int32)
    for number, ((x, y), _) in enumerate(case.hints, start=1):
        markers[_dot(x, y)] = number
    return markers


def _coloured(case: Case, numbers: np.ndarray) -> np.ndarray:
    """Each hint's colour where its number stands; number 0 stays unfilled."""
    table = np.zeros((len(case.hints) + 1, 4), np.uint8)
    table[1:] = [(*colour, 255) for _, colour in case.hints] or np.zeros((0, 4))
    return table[numbers]


METHODS: dict[str, Callable[[Case], np.ndarray]] = {
    "ours, from the proposal": ours_from_proposal,
    "ours, palette from the reference": ours_from_reference,
    "proposal scaled up": scaled_up,
    "ours, hints": ours_with_hints,
    "G'MIC smart coloring, hints": gmic,
    "OpenCV watershed, hints": opencv_watershed,
    "scikit-image watershed, hints": skimage_watershed,
    "paint bucket, hints": bucket,
    "ours, no model, 0 pairs": ours_with_pairs(0),
    "ours, no model, 5 pairs": ours_with_pairs(5),
    "ours, no model, 15 pairs": ours_with_pairs(15),
}
"""All methods by name, in the order of the table."""

BESIDE = {name: "ours, hints" if "hints" in name else "ours, from the proposal" for name in METHODS}
"""Which of ours a method's ratios are against: the one that was told the same."""
