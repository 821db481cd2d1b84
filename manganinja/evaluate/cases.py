# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked and what would be right: drawn cases, and pairs in a folder. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from ..errors import BadRequest
from ..files import read_image, read_pairs
from ..flats.measures import LINE, FlatsTruth
from ..lineart import line_strength
from ..points import PointPair, pairs_inside
from ..train.drawings.kinds import DrawnCase, case_points, draw_case
from ..train.pool import HELD_OUT_SEED

MEASURED_POINTS = 50
"""Pairs of a drawn case at whose ends errors are measured, as in the paper's benchmark."""

SPECK_PX = 4
"""Open areas of fewer pixels are specks between lines: they belong to the line."""

MOST_COLOURS = 64
"""A truth of a folder with more colours than this is no flats, so it has no regions."""

_FEWEST_FLAT = 0.98
_INKED, _DARK = 64, 96


@dataclass(frozen=True)
class Case:
    """One question with its answer.

    Attributes:
        name: for people.
        references: (h, w, 3) uint8 RGB each.
        lineart: (H, W) uint8, black lines on white.
        truth: (H, W, 3) uint8 RGB, the right page, with its lines.
        judged: (H, W) bool, what is looked at: the foreground, as in the paper, as far as there
            is a right answer.
        points: true pairs; the first of them are given to those who take points.
        regions: the regions and their colours, where they are known.
    """

    name: str
    references: tuple[np.ndarray, ...] = field(repr=False)
    lineart: np.ndarray = field(repr=False)
    truth: np.ndarray = field(repr=False)
    judged: np.ndarray = field(repr=False)
    points: tuple[PointPair, ...] = ()
    regions: FlatsTruth | None = field(default=None, repr=False)


def page(layer: np.ndarray, lineart: np.ndarray) -> np.ndarray:
    """A colour layer (H, W, 3) uint8 with the line art (H, W) multiplied on it."""
    return np.rint(layer.astype(np.float32) * (lineart[..., None] / 255)).astype(np.uint8)


def drawn_cases(kind: str, count: int, size_px: int) -> Iterator[Case]:
    """The first ``count`` held-out pairs of a kind, each used both ways: twice as many cases."""
    for index in range(count):
        for swapped in (False, True):
            seed = HELD_OUT_SEED + index
            drawn = draw_case(seed, size_px, kind, swapped)
            rng = np.random.default_rng([seed, int(swapped)])
            points = case_points(drawn, MEASURED_POINTS, rng)
            yield _of_drawing(f"{kind} {index}{'b' if swapped else 'a'}", drawn, points)


def _of_drawing(name: str, drawn: DrawnCase, points: list[PointPair]) -> Case:
    target = drawn.target
    table = np.zeros((256, 3), np.uint8)
    for part, colour in drawn.colours.items():
        table[part] = colour
    flat = table[target.parts]
    shown = np.concatenate([r.flats[r.parts > 0] for r in drawn.references])
    ink = np.where(drawn.judged, 255 - target.lineart, 255).astype(np.uint8)
    return Case(
        name=name,
        references=tuple(reference.colour for reference in drawn.references),
        lineart=target.lineart,
        truth=page(target.flats, target.lineart),
        judged=(target.parts > 0) & drawn.judged,
        points=tuple(points),
        regions=regions_of(flat, ink, drawn.colours[0], _flat_colours(shown)),
    )


def regions_of(
    flat: np.ndarray,
    ink: np.ndarray,
    paper: tuple[int, int, int],
    palette: np.ndarray,
    background: np.ndarray | None = None,
) -> FlatsTruth:
    """Regions of a page: connected open areas of one colour.

    Args:
        flat: (H, W, 3) uint8, the right colours without lines.
        ink: (H, W) uint8, how far lines cover; 255 also where nothing is to be judged.
        paper: the background's colour. Regions of the figure that have the very same colour count
            as background too: white eyes on white paper may stay unpainted.
        palette: (K, 3) uint8, colours that the references show.
        background: (H, W) bool where it isn't the paper's colour that tells.
    """
    codes = flat.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    if background is not None:
        codes[background] = -1
    labels, regions = np.full(codes.shape, -1, np.int32), [(*paper, 0)]
    open_px = ink < LINE
    for code in np.unique(codes[open_px]).tolist():
        count, found, stats, _ = cv2.connectedComponentsWithStats(
            ((codes == code) & open_px).view(np.uint8), connectivity=4
        )
        colour = (code >> 16, code >> 8 & 255, code & 255)
        clear = code == -1 or colour == paper
        for number in range(1, count):
            if stats[number, cv2.CC_STAT_AREA] >= SPECK_PX:
                labels[found == number] = len(regions)
                regions.append((*paper, 0) if clear else (*colour, 255))
    ink = np.where(labels < 0, 255, ink).astype(np.uint8)
    colours = np.array(regions, np.uint8)
    # Region 0 stands for what is under lines, which nobody judges.
    labels[labels < 0] = 0
    own = colours[colours[:, 3] > 0, :3]
    unused = [c for c in palette.tolist() if c != list(paper) and c not in own.tolist()]
    width = max(1.0, 2 * float(_half_width(ink)))
    return FlatsTruth(labels, colours, ink, width, paper, np.array(unused, np.uint8).reshape(-1, 3))


def _half_width(ink: np.ndarray) -> float:
    depth = cv2.distanceTransform((ink >= LINE).view(np.uint8), cv2.DIST_L2, 3)
    return float(np.median(depth[depth > 0])) if (depth > 0).any() else 0.5


def _flat_colours(pixels: np.ndarray) -> np.ndarray:
    """(K, 3) uint8, colours that a thousandth or more of the pixels (n, 3) have exactly."""
    codes = pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    found, counts = np.unique(codes, return_counts=True)
    found = found[counts >= max(4, len(codes) / 1000)]
    return np.stack([found >> 16, found >> 8 & 255, found & 255], axis=1).astype(np.uint8)


# ---- pairs in a folder


def folder_cases(folder: Path, say: Callable[[str], None]) -> Iterator[Case]:
    """The pairs of a folder in the order of their names; ``say`` hears of those passed over.

    Each pair is a folder with ``reference.png`` (more: ``reference_2.png``, ...), ``lineart.png``,
    ``truth.png`` of the line art's size and, if there are pairs, ``points.json``. The truth is the
    coloured page, with its lines or without; what is transparent in it is background and not
    judged. Region metrics need a truth of flat colours without lines.

    Raises:
        BadRequest: there is no such folder, or no folder in it.
    """
    named = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not named:
        raise BadRequest(
            f"There are no pairs in {folder}.",
            "Each pair is a folder in it, with reference.png, lineart.png and truth.png.",
        )
    for path in named:
        try:
            yield _read_case(path)
        except BadRequest as error:
            say(f"{path.name} was passed over: {error}")


def _read_case(folder: Path) -> Case:
    lineart = 255 - line_strength(read_image(folder / "lineart.png"))
    more = sorted(folder.glob("reference_*.png"))
    references = tuple(_rgb(read_image(p)) for p in (folder / "reference.png", *more))
    truth = read_image(folder / "truth.png").convert("RGBA")
    if truth.size != lineart.shape[::-1]:
        raise BadRequest(
            f"truth.png has {truth.size[0]} x {truth.size[1]} px, lineart.png has "
            f"{lineart.shape[1]} x {lineart.shape[0]}.",
            "Both must have the same size.",
        )
    judged, colours = np.asarray(truth.getchannel("A")) >= 128, _rgb(truth)
    if not judged.any():
        raise BadRequest("truth.png is empty.", "It has to be the coloured page.")
    lined = _has_lines(colours, lineart)
    return Case(
        name=folder.name,
        references=references,
        lineart=lineart,
        truth=colours if lined else page(colours, lineart),
        judged=judged,
        points=_read_points(folder, lineart, references),
        regions=None if lined else _regions_of_file(colours, lineart, judged, references),
    )


def _read_points(
    folder: Path, lineart: np.ndarray, references: tuple[np.ndarray, ...]
) -> tuple[PointPair, ...]:
    path = folder / "points.json"
    if not path.exists():
        return ()
    sizes = [(r.shape[1], r.shape[0]) for r in references]
    kept, notes = pairs_inside(read_pairs(path), (lineart.shape[1], lineart.shape[0]), sizes)
    if notes:
        raise BadRequest(notes[0], "Correct points.json.")
    return tuple(kept.values())


def _rgb(image: Image.Image) -> np.ndarray:
    rgba = image.convert("RGBA")
    flat = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(flat, rgba).convert("RGB"))


def _has_lines(colours: np.ndarray, lineart: np.ndarray) -> bool:
    """Whether the truth is dark where the line art is."""
    inked = lineart < _INKED
    return bool(inked.any()) and float(np.median(colours[inked].max(axis=1))) < _DARK


def _regions_of_file(
    colours: np.ndarray, lineart: np.ndarray, judged: np.ndarray, references: tuple[np.ndarray, ...]
) -> FlatsTruth | None:
    pixels = colours[judged]
    flat = _flat_colours(pixels)
    listed = {tuple(c) for c in flat.tolist()}
    if not 0 < len(listed) <= MOST_COLOURS:
        return None
    codes = flat.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1])
    known = np.isin(pixels.astype(np.int32) @ np.array([1 << 16, 1 << 8, 1]), codes)
    if known.mean() < _FEWEST_FLAT:
        return None
    paper = next(c for c in ((255, 255, 255), (255, 255, 254), (1, 2, 3)) if c not in listed)
    shown = np.concatenate([reference.reshape(-1, 3) for reference in references])
    return regions_of(colours, 255 - lineart, paper, _flat_colours(shown), ~judged)
