# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of line art whose regions and colours are known exactly.

Characters of the frozen generator are cut into *instances* (one per drawn shape), which meet
without a line between them. Lines are then laid along every border of two instances, so that they
close by construction, and what is left open falls into connected *regions*: the truth. Parts and
regions differ: a hand is one part and may be three regions; a part that a line covers is none.
Gaps are cut last, so that the truth knows nothing of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from PIL import Image

from manganinja.flats.measures import LINE, FlatsTruth, Point
from manganinja.flats.oklab import to_oklab
from manganinja.train.drawings import PART_IDS, Character, Drawing, Style, random_pose
from manganinja.train.drawings.canvas import Shape
from manganinja.train.drawings.character import place
from manganinja.train.drawings.geometry import brush

STYLES = ("hard", "ink", "pencil", "thin", "trace")
"""Aliased black; anti-aliased ink; soft grainy pencil; 1 to 2 px; thick, tapered and coloured."""

GAPS_PX = (0, 2, 4, 8, 16, 32)
"""Widths of hidden gaps that are worth asking for."""

SMALLEST_PX = 4
"""Open areas of fewer pixels are specks between lines: they belong to the line."""

_INKS = ((30, 40, 120), (140, 30, 40), (90, 60, 30), (20, 90, 80))


@dataclass(frozen=True)
class Faults:
    """What a network does to a picture, at its own resolution.

    Attributes:
        blur_px: sigma of a blur.
        drift: sigma of a slow drift of colours, in levels of 255.
        noise: sigma of noise per pixel, in levels of 255.
        bleed_px: how far colours wander over edges (largest displacement, about).
        wrong: share of the small regions that get another colour of the palette.
        small: regions of less than this share of the page count as small.
        line_strength: how dark the network draws the lines again, 0 to 1.
    """

    blur_px: float = 0.8
    drift: float = 6.0
    noise: float = 3.0
    bleed_px: float = 2.0
    wrong: float = 0.05
    small: float = 0.002
    line_strength: float = 0.8

    def scaled(self, factor: float) -> Faults:
        """Blur, drift, noise and bleeding so many times as strong; mistakes stay."""
        return replace(
            self,
            blur_px=self.blur_px * factor,
            drift=self.drift * factor,
            noise=self.noise * factor,
            bleed_px=self.bleed_px * factor,
        )


NO_FAULTS = Faults(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Gap:
    """An opening cut into a line: its middle (x, y), its width, and the two regions it joins."""

    at: tuple[float, float]
    width_px: int
    regions: tuple[int, int]


@dataclass(frozen=True)
class Pair:
    """The same part twice: (x, y) on the reference and on the page, and its colour."""

    reference: tuple[float, float]
    target: tuple[float, float]
    colour: tuple[int, int, int]


@dataclass(frozen=True)
class Page:
    """One page and all that is known about it.

    Attributes:
        lineart: (H, W, 3) uint8 RGB on white.
        truth: regions, colours, lines.
        gaps: openings in the lines.
        reference: (S, S * cast, 3) uint8, every character in another pose, with lines.
        reference_flats: the same without lines.
        palette: (K, 3) uint8, all colours of reference and page but the paper's, the reference's
            most used first.
        pairs: at most one per part, biggest first, each colour once before any comes twice.
        seed: what the page was drawn from.
        style: one of :data:`STYLES`.
    """

    lineart: np.ndarray = field(repr=False)
    truth: FlatsTruth
    gaps: tuple[Gap, ...]
    reference: np.ndarray = field(repr=False)
    reference_flats: np.ndarray = field(repr=False)
    palette: np.ndarray = field(repr=False)
    pairs: tuple[Pair, ...]
    seed: int
    style: str

    def transparent(self) -> Image.Image:
        """The line art as ink on nothing, RGBA."""
        darkness = 255 - self.lineart.min(axis=2)
        alpha = np.maximum(darkness, 1).astype(np.float32)[..., None] / 255
        colour = 255 - (255 - self.lineart.astype(np.float32)) / alpha
        rgba = np.dstack([np.clip(colour, 0, 255).astype(np.uint8), darkness])
        return Image.fromarray(rgba)

    def hints(self, smallest_px: int = 10, at_most: int | None = None) -> list[Point]:
        """A point well inside every region of at least so many open pixels, biggest first.

        The colour is the region's; the background's is the paper's.
        """
        found = deepest(self.truth.labels, ~self.truth.lines, len(self.truth.colours))
        order = [r for r in np.argsort(-found[:, 2], kind="stable") if found[r, 2] >= smallest_px]
        return [
            ((float(found[r, 0]), float(found[r, 1])), self._colour(int(r)))
            for r in order[:at_most]
        ]

    def _colour(self, region: int) -> tuple[int, int, int]:
        r, g, b, alpha = self.truth.colours[region].tolist()
        return (r, g, b) if alpha else self.truth.paper_rgb

    def proposal(self, longest_px: int = 512, faults: Faults | None = None) -> np.ndarray:
        """What a network might paint: (h, w, 3) uint8, its longer side `longest_px`."""
        return propose(self.truth, longest_px, faults or Faults(), self.seed)


def draw_page(
    seed: int,
    width_px: int = 1000,
    height_px: int = 1000,
    *,
    style: str = "ink",
    gap_px: int = 0,
    cell_px: int = 0,
    cast: int = 2,
    gap_count: int = 0,
    line_px: float = 0.0,
    reference_px: int = 1024,
) -> Page:
    """Draw page `seed`; the same call gives the same page.

    Args:
        seed: any number from 0.
        width_px: width of the page, from 64.
        height_px: height of the page, from 64.
        style: one of :data:`STYLES`.
        gap_px: width of the openings cut into lines, 0 for closed lines.
        cell_px: side of the cells that the page is divided into, each with one figure, half of
            them in a frame; 0 for one figure alone.
        cast: how many different characters share the cells.
        gap_count: openings wanted, 0 for three per figure; fewer where no place fits.
        line_px: usual width of the lines, 0 for one that fits style and figures.
        reference_px: side of each character's picture in the reference.

    Raises:
        ValueError: an unknown style, or a page too small.
    """
    if style not in STYLES:
        raise ValueError(f"The style is one of {', '.join(STYLES)}, not {style!r}.")
    if min(width_px, height_px) < 64:
        raise ValueError("A page has at least 64 x 64 pixels.")
    rng = np.random.default_rng([seed, 4021])
    columns, rows = _grid(width_px, height_px, cell_px)
    characters = [Character.random(rng) for _ in range(min(cast, columns * rows))]
    side = min(width_px / columns, height_px / rows)
    width_of_line = line_px or _line_width(style, side)
    frames = (rng.random(columns * rows) < 0.5).tolist()
    plate = _Plate(width_px, height_px, width_of_line)
    for number in range(columns * rows):
        x, y = number % columns, number // columns
        cell = (
            round(x * width_px / columns),
            round(y * height_px / rows),
            round((x + 1) * width_px / columns),
            round((y + 1) * height_px / rows),
        )
        who = int(rng.integers(len(characters)))
        plate.figure(characters[who], who, cell, rng, framed=bool(cell_px) and frames[number])
    paper = _paper(characters)
    ink = _ink(plate, style, rng)
    labels, instances = _regions(plate.instances, ink)
    colours, parts = np.array(plate.colours, np.uint8)[instances], np.array(plate.parts)[instances]
    shown, flats, drawings = _reference(characters, reference_px, paper, rng)
    palette = _joined_palettes(_used(flats, paper), colours)
    unused = palette[~_members(palette, colours[colours[:, 3] > 0, :3])]
    truth = FlatsTruth(labels, colours, ink, width_of_line, paper, unused)
    wanted = (gap_count or 3 * columns * rows) if gap_px else 0
    drawn, gaps = _cut(ink, truth, plate.border, gap_px, wanted, rng)
    return Page(
        lineart=_rendered(drawn, style, rng),
        truth=truth,
        gaps=gaps,
        reference=shown,
        reference_flats=flats,
        palette=palette,
        pairs=_pairs(truth, parts, drawings, reference_px),
        seed=seed,
        style=style,
    )


def deepest(labels: np.ndarray, allowed: np.ndarray, count: int) -> np.ndarray:
    """(count, 3) float64: x and y of the pixel farthest from a region's edge, and its area.

    Only pixels where `allowed` (H, W) is true count; a region without any has area 0.
    """
    # The page's edge is one too: nobody clicks in a corner.
    framed = np.pad(allowed, 1).view(np.uint8)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, 3)[1:-1, 1:-1]
    flat = np.flatnonzero(allowed)
    owner = labels.reshape(-1)[flat]
    order = np.lexsort((depth[allowed], owner))
    areas = np.bincount(owner, minlength=count)
    last = np.cumsum(areas) - 1
    pixel = flat[order[np.maximum(last, 0)]]
    width = labels.shape[1]
    return np.stack([pixel % width + 0.5, pixel // width + 0.5, areas], axis=1)


def propose(truth: FlatsTruth, longest_px: int, faults: Faults, seed: int) -> np.ndarray:
    """A painting of the page as a network makes it, see :class:`Faults`; (h, w, 3) uint8."""
    rng = np.random.default_rng([seed, longest_px, 8087])
    colours = _with_mistakes(truth, faults, rng)
    height, width = truth.labels.shape
    scale = longest_px / max(width, height)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(colours[truth.labels], size, interpolation=way).astype(np.float32)
    ink = cv2.resize(truth.ink, size, interpolation=way).astype(np.float32)[..., None] / 255
    if faults.bleed_px:
        small = _wandered(small, faults.bleed_px, rng)
    small *= 1 - faults.line_strength * ink
    if faults.blur_px:
        small = cv2.GaussianBlur(small, (0, 0), faults.blur_px)
    small += faults.drift * _slow(rng, size, 3)
    small += rng.normal(0, 1, small.shape).astype(np.float32) * faults.noise
    return np.clip(np.round(small), 0, 255).astype(np.uint8)


def _with_mistakes(truth: FlatsTruth, faults: Faults, rng: np.random.Generator) -> np.ndarray:
    """(R, 3) uint8, the colour that the network means for every region."""
    clear = truth.colours[:, 3:] == 0
    colours = np.where(clear, np.array(truth.paper_rgb, np.uint8), truth.colours[:, :3])
    areas = np.bincount(truth.labels.reshape(-1), minlength=len(colours))
    small = np.flatnonzero(areas < faults.small * truth.labels.size)
    chosen = rng.permutation(small)[: round(len(small) * faults.wrong)]
    palette = np.unique(colours, axis=0)
    for region in chosen:
        others = palette[(palette != colours[region]).any(axis=1)]
        if len(others):
            colours[region] = others[rng.integers(len(others))]
    return colours


def _slow(rng: np.random.Generator, size: tuple[int, int], channels: int) -> np.ndarray:
    """Noise of sigma about 1 that changes over an eighth of the picture; (h, w, channels)."""
    coarse = rng.normal(0, 1.3, (9, 9, channels)).astype(np.float32)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).reshape(size[1], size[0], -1)


def _wandered(picture: np.ndarray, reach_px: float, rng: np.random.Generator) -> np.ndarray:
    """Pixels taken from a little way off, the way changing from place to place."""
    height, width = picture.shape[:2]
    fine = rng.normal(0, 0.5 * reach_px, (height // 12 + 2, width // 12 + 2, 2))
    field_px = cv2.resize(fine.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x, y = columns + field_px[..., 0], rows + field_px[..., 1]
    return cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _grid(width_px: int, height_px: int, cell_px: int) -> tuple[int, int]:
    if not cell_px:
        return 1, 1
    return max(round(width_px / cell_px), 1), max(round(height_px / cell_px), 1)


def _line_width(style: str, side_px: float) -> float:
    if style == "thin":
        return 1.5
    width = float(np.clip(side_px / 260, 2.0, 9.0))
    return width * 1.6 if style == "trace" else width


class _Plate:
    """Collects the figures of a page: one instance number per pixel, and ink strokes."""

    def __init__(self, width_px: int, height_px: int, line_px: float):
        self.instances = np.zeros((height_px, width_px), np.int32)
        self.strokes = np.zeros((height_px, width_px), np.uint8)
        self.line_px = line_px
        # Per instance; number 0 is the page's own paper.
        self.colours: list[tuple[int, int, int, int]] = [(255, 255, 255, 0)]
        self.parts: list[tuple[int, int]] = [(-1, 0)]
        self.weights: list[float] = [1.0]
        self._part_of = np.zeros(1, np.int32)

    @property
    def border(self) -> np.ndarray:
        """(H, W) bool, pixels whose right or lower neighbour is another instance."""
        found = np.zeros(self.instances.shape, np.bool_)
        found[:, :-1] |= self.instances[:, :-1] != self.instances[:, 1:]
        found[:-1] |= self.instances[:-1] != self.instances[1:]
        return found

    def figure(
        self,
        character: Character,
        who: int,
        cell: tuple[int, int, int, int],
        rng: np.random.Generator,
        framed: bool,
    ) -> None:
        """Draw a character into a cell (x0, y0, x1, y1)."""
        x0, y0, x1, y1 = cell
        if framed:
            margin = max(3, round(0.03 * min(x1 - x0, y1 - y0)))
            x0, y0, x1, y1 = x0 + margin, y0 + margin, x1 - margin, y1 - margin
            self.instances[y0:y1, x0:x1] = self._new((255, 255, 255, 0), (-1, 0), 1.2)
        pose = random_pose(rng)
        sheet = character.sheet(pose)
        side = min(x1 - x0, y1 - y0)
        place(sheet, pose, side, character.window(sheet, pose))
        offset = ((x1 - x0 - side) / 2, (y1 - y0 - side) / 2)
        sheet.transform(np.array([[1.0, 0.0, offset[0]], [0.0, 1.0, offset[1]]]))
        window = slice(y0, y1), slice(x0, x1)
        planes = self.instances[window], self.strokes[window]
        first = len(self.parts)
        for shape in sorted(sheet.shapes, key=lambda s: s.order):
            self._paint(shape, planes, character, who, first)

    def _new(self, colour: tuple[int, int, int, int], part: tuple[int, int], weight: float) -> int:
        self.colours.append(colour)
        self.parts.append(part)
        self.weights.append(weight)
        return len(self.parts) - 1

    def _paint(
        self,
        shape: Shape,
        planes: tuple[np.ndarray, np.ndarray],
        character: Character,
        who: int,
        first: int,
    ) -> None:
        # Parts without outline (blush) and tones have no line that could bound a region.
        is_part = shape.part is not None and shape.line > 0
        if not is_part and not shape.taper and not shape.dot:
            return
        points = shape.points
        if shape.taper:
            points = brush(points, max(self.line_px * shape.line / 2, 0.8))
        where, mask = _filled(points, planes[0].shape)
        if where is None:
            return
        instances, strokes = planes[0][where], planes[1][where]
        if shape.clip:
            mask &= self._allowed(shape.clip, first)[instances]
        if not is_part:
            np.copyto(strokes, 255, where=mask)
            return
        assert shape.part is not None
        colour = (*character.palette[shape.part], 255)
        number = self._new(colour, (who, PART_IDS[shape.part]), float(np.clip(shape.line, 0.5, 1)))
        np.copyto(instances, number, where=mask)
        np.copyto(strokes, 0, where=mask)

    def _allowed(self, names: Sequence[str], first: int) -> np.ndarray:
        """(instances,) bool: those of this figure whose part is named."""
        table = np.zeros(len(self.parts), np.bool_)
        ids = {PART_IDS[name] for name in names}
        for number in range(first, len(self.parts)):
            table[number] = self.parts[number][1] in ids
        return table


def _filled(
    points: np.ndarray, shape: tuple[int, ...]
) -> tuple[tuple[slice, slice] | None, np.ndarray]:
    """The window that a polygon touches, and its (h, w) bool mask there."""
    (left, top), (right, bottom) = points.min(axis=0) - 2, points.max(axis=0) + 2
    x0, y0 = max(int(left), 0), max(int(top), 0)
    x1, y1 = min(int(right) + 1, shape[1]), min(int(bottom) + 1, shape[0])
    if x0 >= x1 or y0 >= y1:
        return None, np.zeros((0, 0), np.bool_)
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    fixed = np.round((points - (x0, y0) - 0.5) * 16).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 1, shift=4)
    return (slice(y0, y1), slice(x0, x1)), mask.view(np.bool_)


def _ink(plate: _Plate, style: str, rng: np.random.Generator) -> np.ndarray:
    """(H, W) uint8, how far lines cover each pixel; closed along every border."""
    border = plate.border
    distance, nearest = _nearest_seed(border)
    half = _weights(plate, border)[nearest] * (plate.line_px / 2)
    if style == "trace":
        size = (border.shape[1], border.shape[0])
        half *= np.clip(1 + 0.35 * _slow(rng, size, 1)[..., 0], 0.55, 1.6)
    edge = {"hard": 0.01, "pencil": 1.6, "thin": 0.9}.get(style, 1.0)
    cover = np.clip((half - distance) / edge + 0.5, 0, 1)
    strokes = plate.strokes.astype(np.float32) / 255
    if style != "hard":
        cover = cv2.GaussianBlur(cover, (0, 0), 0.8 if style == "pencil" else 0.5)
        strokes = cv2.GaussianBlur(strokes, (0, 0), 0.8 if style == "pencil" else 0.5)
    np.maximum(cover, strokes, out=cover)
    # A line of one pixel at the least, however thin the style draws it.
    np.maximum(cover, np.where(border, 1.0 if style == "hard" else 0.7, 0.0), out=cover)
    if style == "hard":
        cover = (cover >= 0.5).astype(np.float32)
    return np.round(cover * 255).astype(np.uint8)


def _nearest_seed(seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the nearest true pixel of (H, W) bool, and that pixel's number from 1, int32.

    Numbers run in the order of `seeds`' true pixels.
    """
    distance, nearest = cv2.distanceTransformWithLabels(
        (~seeds).view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    return distance.astype(np.float32, copy=False), nearest.astype(np.int32, copy=False)


def _connected(mask: np.ndarray) -> np.ndarray:
    """(H, W) int32, the 4-connected part of every true pixel from 1; 0 elsewhere."""
    _, parts = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
    return parts.astype(np.int32, copy=False)


def _weights(plate: _Plate, border: np.ndarray) -> np.ndarray:
    """Line weight for every number that _nearest_seed gives to border pixels."""
    upper = plate.instances[border]
    right = np.pad(plate.instances, ((0, 0), (0, 1)), mode="edge")[:, 1:][border]
    lower = np.pad(plate.instances, ((0, 1), (0, 0)), mode="edge")[1:][border]
    # The shape painted last has drawn the outline.
    top = np.maximum(np.maximum(upper, right), lower)
    return np.concatenate([[1.0], np.array(plate.weights)[top]]).astype(np.float32)


def _regions(instances: np.ndarray, ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Connected open areas: (H, W) int32 labels grown under the lines, and each one's instance.

    Specks are filled with ink, in place.
    """
    open_px = ink < LINE
    parts = _connected(open_px)
    keep = np.bincount(parts.reshape(-1)) >= SMALLEST_PX
    keep[0] = False
    speck = ~keep
    speck[0] = False
    ink[speck[parts]] = 255
    number = np.cumsum(keep, dtype=np.int32) - 1
    seen = keep[parts]
    _, nearest = _nearest_seed(seen)
    owner = np.zeros(int(nearest.max()) + 1, np.int32)
    owner[nearest[seen]] = number[parts[seen]]
    found = np.zeros(int(keep.sum()), np.int32)
    found[number[parts[seen]]] = instances[seen]
    return owner[nearest], found


def _cut(
    ink: np.ndarray,
    truth: FlatsTruth,
    border: np.ndarray,
    gap_px: int,
    wanted: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, tuple[Gap, ...]]:
    """The ink with openings in it, and where they are. They keep clear of each other."""
    drawn = ink.copy()
    gaps: list[Gap] = []
    if not gap_px or not wanted:
        return drawn, ()
    places = np.flatnonzero(border)
    taken = np.zeros((0, 2))
    apart = 4 * gap_px + 8 * truth.line_width_px
    for pixel in rng.permutation(places)[: 400 * wanted].tolist():
        at = np.array([pixel % ink.shape[1], pixel // ink.shape[1]])
        if len(gaps) == wanted:
            break
        if len(taken) and np.abs(taken - at).max(axis=1).min() < apart:
            continue
        gap = _opening(drawn, truth, border, at, gap_px)
        if gap is not None:
            gaps.append(gap)
            taken = np.vstack([taken, at])
    return drawn, tuple(gaps)


def _opening(
    drawn: np.ndarray, truth: FlatsTruth, border: np.ndarray, at: np.ndarray, gap_px: int
) -> Gap | None:
    """Cut the line at a border pixel if two regions, no more, lie there, of unlike colours."""
    reach = int(gap_px / 2 + 2.5 * truth.line_width_px + 4)
    x, y = at.tolist()
    if min(x, y) < reach or x + reach >= drawn.shape[1] or y + reach >= drawn.shape[0]:
        return None
    window = slice(y - reach, y + reach + 1), slice(x - reach, x + reach + 1)
    labels = truth.labels[window]
    sides = np.unique(labels)
    if len(sides) != 2 or (truth.colours[sides[0]] == truth.colours[sides[1]]).all():
        return None
    offsets = np.argwhere(border[window])[:, ::-1] - reach
    along = np.linalg.svd(offsets - offsets.mean(axis=0))[2][0]
    spread = np.abs(offsets @ np.array([-along[1], along[0]])).max()
    if spread > truth.line_width_px + 0.25 * reach:
        return None
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    here = np.abs(columns * along[0] + rows * along[1]) <= gap_px / 2
    before = drawn[window].copy()
    drawn[window][here] = 0
    if _joined(before, labels) or not _joined(drawn[window], labels):
        drawn[window] = before
        return None
    return Gap((x + 0.5, y + 0.5), gap_px, (int(sides[0]), int(sides[1])))


def _joined(ink: np.ndarray, labels: np.ndarray) -> bool:
    """Whether an open path leads from one region to another within this window."""
    parts = _connected(ink < LINE)
    open_px = parts > 0
    seen = np.unique(np.stack([parts[open_px], labels[open_px]]), axis=1)[0]
    return len(seen) != len(np.unique(seen))


def _rendered(ink: np.ndarray, style: str, rng: np.random.Generator) -> np.ndarray:
    """The line art, (H, W, 3) uint8 on white."""
    if style == "pencil":
        grain = rng.integers(140, 236, ink.shape, np.uint8)
        grey = 255 - cv2.multiply(ink, grain, scale=1 / 255)
        return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    if style != "trace":
        return cv2.cvtColor(255 - ink, cv2.COLOR_GRAY2RGB)
    inks = np.array(_INKS, np.int16)
    size = (ink.shape[1], ink.shape[0])
    which = np.clip(_slow(rng, size, 1)[..., 0] * 1.2 + 2, 0, len(inks) - 1).astype(np.uint8)
    missing = (255 - inks).astype(np.uint8)
    return np.dstack(
        [255 - cv2.multiply(missing[:, c][which], ink, scale=1 / 255) for c in range(3)]
    )


def _paper(characters: Sequence[Character]) -> tuple[int, int, int]:
    """A light colour as far as can be from every colour of the cast."""
    choices = [(r, g, b) for r in (205, 230, 250) for g in (205, 230, 250) for b in (205, 230, 250)]
    taken = np.array([colour for who in characters for colour in who.palette.values()], np.uint8)
    away = to_oklab(np.array(choices, np.uint8))[:, None] - to_oklab(taken)[None]
    return choices[int((away**2).sum(axis=2).min(axis=1).argmax())]


def _reference(
    characters: Sequence[Character],
    size_px: int,
    paper: tuple[int, int, int],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, list[Drawing]]:
    """Every character in full, side by side: with lines, without, and the drawings."""
    style = Style(line_width_px=size_px / 400, background_rgb=paper)
    drawings = [who.draw(random_pose(rng, "full"), size_px, style) for who in characters]
    shown = np.hstack([drawing.colour for drawing in drawings])
    return shown, np.hstack([drawing.flats for drawing in drawings]), drawings


def _used(flats: np.ndarray, paper: tuple[int, int, int]) -> np.ndarray:
    """Colours that fill a 3 x 3 px square somewhere, most used first."""
    same = (cv2.erode(flats, np.ones((3, 3))) == cv2.dilate(flats, np.ones((3, 3)))).all(axis=2)
    # As one number each: rows are a hundred times slower to sort.
    packed, counts = np.unique(flats[same] @ np.array([1 << 16, 1 << 8, 1]), return_counts=True)
    colours = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.uint8)
    keep = (colours != paper).any(axis=1)
    return colours[keep][np.argsort(-counts[keep], kind="stable")]


def _members(colours: np.ndarray, among: np.ndarray) -> np.ndarray:
    """(n,) bool, which of the colours (n, 3) are among others (m, 3)."""
    return (colours[:, None] == among[None]).all(axis=2).any(axis=1)


def _joined_palettes(first: np.ndarray, regions: np.ndarray) -> np.ndarray:
    """The colours (K, 3), and after them those of regions (R, 4) that they lack."""
    wanted = np.unique(regions[regions[:, 3] > 0, :3], axis=0)
    return np.vstack([first, wanted[~_members(wanted, first)]])


def _pairs(
    truth: FlatsTruth, parts: np.ndarray, drawings: Sequence[Drawing], size_px: int
) -> tuple[Pair, ...]:
    """The biggest region of each part that the reference shows too."""
    inside = deepest(truth.labels, ~truth.lines, len(truth.colours))
    ends = {}
    for who, drawing in enumerate(drawings):
        found = deepest(drawing.parts, drawing.lineart == 255, 256)
        ends |= {(who, part): found[part] for part in range(1, 256) if found[part, 2] >= 9}
    pairs: dict[tuple[int, int], Pair] = {}
    for region in np.argsort(-inside[:, 2], kind="stable").tolist():
        key = (int(parts[region, 0]), int(parts[region, 1]))
        if key in pairs or key not in ends or not truth.colours[region, 3]:
            continue
        x, y, _ = ends[key]
        r, g, b, _ = truth.colours[region].tolist()
        if (drawings[key[0]].flats[int(y), int(x)] != (r, g, b)).any():
            continue
        target = (float(inside[region, 0]), float(inside[region, 1]))
        pairs[key] = Pair((float(x) + key[0] * size_px, float(y)), target, (r, g, b))
    first: dict[tuple[int, int, int], Pair] = {}
    for pair in pairs.values():
        first.setdefault(pair.colour, pair)
    chosen = list(first.values())
    return (*chosen, *(pair for pair in pairs.values() if pair not in chosen))
