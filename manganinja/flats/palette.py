# SPDX-License-Identifier: GPL-3.0-or-later
"""The palette of a reference: its own flats, without lines, anti-aliasing and shading.

How a reference is read, all of it on whole pictures at once:

1. A pixel is *flat* in a square of 2 x 2 pixels of one colour. Anti-aliasing is hardly ever flat,
   and an exact fill is counted with exactly its bytes. A picture without such pixels (painted,
   JPEG) is cut into its materials (:mod:`.materials`), for each of which the colour stands that
   most of it is near.
2. Two colours *touch* where only mixtures of both lie between their flat pixels, so that a line
   between them keeps them apart.
3. A thin, dark colour that touches many others is the line colour. It stays in the palette where
   it also fills areas much wider than its lines (black hair, pupils).
4. A colour, or a material, that mostly touches one other of about the same hue is that one's shade
   or highlight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from ..errors import BadRequest
from . import pixels
from .materials import Materials, find_materials, in_two_tones
from .oklab import distance, of_one_hue, to_oklab
from .palette_files import read_palette, write_gpl
from .values import Palette

__all__ = [
    "ReferenceFlats",
    "extract_palette",
    "nearest",
    "read_palette",
    "reference_colour_at",
    "write_gpl",
]

Colour = tuple[int, int, int]

_SQUARE = np.ones((3, 3), np.uint8)
_SQUARE_OF_TWO = np.ones((2, 2), np.uint8)
_LEAST_ALPHA = 250
_MOST_PIXEL_SIDE = 4

# A picture is exact if so few of its calm pixels differ from a neighbour by a few levels only.
_WEAK_LEVELS = 6
_MOST_WEAK = 0.02
_LEAST_UNIFORM = 0.1

_LEAST_FLAT_PX = 6
_LEAST_FLAT_SHARE = 2e-6
_LEAST_MATERIAL_PX = 9
_LEAST_MATERIAL_SHARE = 6e-5
_PAINTED_PX = 2_000_000
_PAINTED_STEP = 20.0
"""OKLab distance (times 100) of a painted material's parts, at most."""

_SLACK_LEVELS = 8

# A shade touches its base with half of its border; the parts of a gradient touch on two sides.
_LEAST_SHADE_CONTACT = 0.5
_LEAST_BLEND_CONTACT = 0.2
_LEAST_BORDER = 0.5
_GREY_CHROMA = 0.025
_HUE_DEGREES = 30
_LEAST_SHADE, _DEEPEST_SHADE = 0.03, 0.3
_LARGEST_HIGHLIGHT = 0.35


@dataclass(frozen=True)
class ReferenceFlats:
    """What a reference is painted with.

    Attributes:
        palette: its flats, most used first; shades count for their base.
        background: index of the paper round the drawing, or None where that is transparent or of
            many colours. The colour may be used inside the drawing too.
        shades: for an index of the palette, the exact colours that shade or light that flat.
        lines: exact colours of its lines; one that also fills areas is in the palette as well.
        line_width_px: width of a usual line; 0 where no line was found.
        exact: whether the flats have exact colours; False for painted pictures and JPEG, where
            the palette holds the colour that most of each material is near.
        materials: (h, w) int16, of a painted picture, which may be larger: index of the palette's
            colour of each pixel, -1 on lines and edges. None where colours alone say it.
        touches: (K, K) float, share of each flat's border that it has with each other one but
            lines, with nothing between; None where that was not looked at.
    """

    palette: Palette
    background: int | None = None
    shades: Mapping[int, tuple[Colour, ...]] = field(default_factory=dict)
    lines: tuple[Colour, ...] = ()
    line_width_px: float = 0.0
    exact: bool = True
    materials: np.ndarray | None = field(default=None, repr=False)
    touches: np.ndarray | None = field(default=None, repr=False)

    @property
    def paper(self) -> Colour | None:
        """The colour of the paper round the drawing."""
        if self.background is None:
            return None
        red, green, blue = self.palette.colours[self.background].tolist()
        return red, green, blue


@dataclass(frozen=True)
class _Survey:
    """Candidates and where they are: ``labels`` (H, W) int16, -1 where no candidate is flat."""

    rgb: np.ndarray
    labels: np.ndarray
    colours: np.ndarray
    areas_px: np.ndarray
    exact: bool
    scale: float = 1.0

    @property
    def count(self) -> int:
        return len(self.colours)


@dataclass(frozen=True)
class _Sorted:
    """What the candidates (K,) of a survey are.

    Attributes:
        contacts: (K, K), pixels along which each touches each other one.
        areas: pixels, those of lines only as far as they fill.
        base: the one that each shades or lights, itself where it is a flat of its own.
        dropped: mixtures of others, and lines that fill nothing.
        lines: lines.
        border: the paper round the drawing, if one is.
        width_px: of a usual line.
    """

    contacts: np.ndarray
    areas: np.ndarray
    base: np.ndarray
    dropped: np.ndarray
    lines: np.ndarray
    border: int | None
    width_px: float


def extract_palette(
    reference: np.ndarray, most: int = 64, fold_shades: bool = True
) -> ReferenceFlats:
    """The flats of a reference.

    Args:
        reference: (H, W, 3) RGB or (H, W, 4) RGBA, uint8. What is transparent isn't read.
        most: most colours to return.
        fold_shades: a shade or highlight of a flat counts for that; if not, it is a flat of its
            own, as for line art that has trace lines where a shadow begins, and a material of a
            painted picture that is lit and shaded is two: its light and its shadow.

    Returns:
        The palette, exact to the byte where the reference has exact fills, and what was left out
        of it. The palette is empty where the reference is wholly transparent.
    """
    rgb, opaque = _planes(reference)
    if not opaque.any():
        return ReferenceFlats(Palette(np.zeros((0, 3), np.uint8)))
    pixel = _pixel_side(rgb, opaque)
    rgb, opaque = np.ascontiguousarray(rgb[::pixel, ::pixel]), opaque[::pixel, ::pixel]
    survey = _survey(rgb, opaque, most)
    sorted_ = _sorted(survey, fold_shades or not survey.exact)
    if not (fold_shades or survey.exact):
        survey = _in_two_tones(survey, sorted_)
        sorted_ = _sorted(survey, fold_shades)
    width_px = sorted_.width_px
    if width_px:
        # With half a pixel of anti-aliasing at either side.
        width_px = (width_px + 1) * pixel / survey.scale
    found = _report(survey, sorted_, width_px, most)
    found = replace(found, touches=_touches(survey, found, sorted_))
    if survey.exact:
        return found
    return replace(found, materials=_materials(survey, found, sorted_))


def _sorted(survey: _Survey, fold_shades: bool) -> _Sorted:
    depth = _depth(survey.labels)
    contacts = _contacts(survey)
    lab = to_oklab(survey.colours)
    half_width, widest = _thickness(survey, depth)
    dropped = _mixtures(survey, contacts, widest)
    lines = _lines(survey, contacts, lab, half_width) & ~dropped
    width_px = _line_width(lines, half_width, contacts)
    areas = survey.areas_px.copy()
    areas[lines] = _filled_px(survey, depth, lines, width_px)
    border = _border(survey.labels, np.arange(survey.count))
    base = _bases(survey, contacts, lab, areas, dropped | lines, border, fold_shades)
    return _Sorted(
        contacts=contacts,
        areas=areas,
        base=base,
        dropped=dropped | (areas == 0),
        lines=lines,
        border=_border(survey.labels, base),
        width_px=width_px,
    )


def _in_two_tones(survey: _Survey, sorted_: _Sorted) -> _Survey:
    """The survey with a light and a shadow in place of each lit and shaded material."""
    flat = ~(sorted_.dropped | sorted_.lines)
    if sorted_.border is not None:
        flat[sorted_.border] = False
    materials = Materials(np.append(sorted_.base, -1)[survey.labels], survey.colours)
    found = in_two_tones(survey.rgb, materials, flat)
    areas = np.bincount(found.labels[found.labels >= 0], minlength=len(found.colours))
    return replace(survey, labels=found.labels, colours=found.colours, areas_px=areas)


def reference_colour_at(
    reference: np.ndarray, xy: tuple[float, float], flats: ReferenceFlats
) -> Colour:
    """The flat colour of the region of a reference that an artist points at.

    A point on a line or its anti-aliasing means the flat next to it. A point on a flat tone means
    that tone, a shadow's or a highlight's too; where a reference is painted, its material.

    Args:
        reference: (H, W, 3) RGB or (H, W, 4) RGBA, uint8.
        xy: (x, y) in pixels of the reference.
        flats: what :func:`extract_palette` said about this reference.

    Returns:
        (red, green, blue), usually of ``flats.palette``; a flat that is too small for the palette
        has its own colour.

    Raises:
        BadRequest: the point lies outside the reference or far from anything opaque.
    """
    height, width = reference.shape[:2]
    # Written so that what is no number lies outside too.
    if not (0 <= xy[0] < width and 0 <= xy[1] < height):
        raise BadRequest(
            f"The point ({xy[0]:g}, {xy[1]:g}) lies outside the reference ({width} x {height}).",
            "Move it onto the reference.",
        )
    x, y = int(xy[0]), int(xy[1])
    reach = int(np.clip(4 * flats.line_width_px, 12, 96))
    for reach_px in (reach, 4 * reach):
        found = _flat_near(reference, x, y, flats, reach_px)
        if found is not None:
            return found
    return _opaque_near(reference, x, y, flats, reach)


def nearest(palette: Palette, colours: np.ndarray) -> np.ndarray:
    """The palette's nearest colour in OKLab for each colour; a member is always its own nearest.

    Exact as long as the number of different colours times the palette's size stays under a
    billion or so; beyond that, colours are looked up in steps of four levels.

    Args:
        palette: at least one colour.
        colours: (..., 3) uint8, for example a list of colours or a whole picture.

    Returns:
        (...) int32, indices into the palette.
    """
    if not len(palette):
        raise ValueError("The palette is empty.")
    codes = pixels.codes(colours)
    used = np.zeros(pixels.CODES, bool)
    used[codes] = True
    listed = np.flatnonzero(used).astype(np.uint32)
    table = np.empty(pixels.CODES, np.uint16 if len(palette) <= 1 << 16 else np.int32)
    table[listed] = _nearest_listed(palette, listed)
    members = pixels.codes(palette.colours)
    # Written last to first, so that the first of two equal colours stays.
    table[members[::-1]] = np.arange(len(palette))[::-1]
    return table[codes].astype(np.int32)


_MOST_COMPARED = 1_000_000_000
_COMPARED_AT_ONCE = 4_000_000


def _nearest_listed(palette: Palette, codes: np.ndarray) -> np.ndarray:
    if len(codes) * len(palette) <= _MOST_COMPARED:
        return _nearest_lab(to_oklab(palette.colours), to_oklab(pixels.colours(codes)))
    steps = np.arange(64, dtype=np.uint8) * 4 + 2
    cells = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    by_cell = _nearest_lab(to_oklab(palette.colours), to_oklab(cells))
    red, green, blue = (pixels.colours(codes) >> 2).astype(np.int32).T
    return by_cell[(red << 12) | (green << 6) | blue]


def _nearest_lab(members: np.ndarray, lab: np.ndarray) -> np.ndarray:
    """argmin |lab - member|^2, as argmin of |member|^2 - 2 lab . member: one matrix product."""
    result = np.empty(len(lab), np.int32)
    factors = (-2 * members.T).astype(np.float32)
    squares = np.square(members).sum(axis=1)
    step = max(1, _COMPARED_AT_ONCE // len(members))
    for start in range(0, len(lab), step):
        scores = lab[start : start + step] @ factors + squares
        result[start : start + step] = scores.argmin(axis=1)
    return result


def _planes(reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The RGB part and the mask of what is opaque."""
    if reference.ndim != 3 or reference.shape[2] not in (3, 4) or reference.dtype != np.uint8:
        raise ValueError("A reference is (H, W, 3) or (H, W, 4) uint8.")
    rgb = np.ascontiguousarray(reference[..., :3])
    if reference.shape[2] == 3:
        return rgb, np.ones(rgb.shape[:2], bool)
    return rgb, reference[..., 3] >= _LEAST_ALPHA


def _pixel_side(rgb: np.ndarray, opaque: np.ndarray) -> int:
    """Side of the squares that a picture is made of: 1, or more where it was enlarged bluntly.

    Then anti-aliasing has squares of one colour too, which would pass for flats. Larger squares
    than four pixels are pixel art, where each of them may be meant.
    """
    planes = rgb, opaque[..., None]
    side = int(np.gcd.reduce([_spacing(plane) for plane in planes]))
    if not 2 <= side <= _MOST_PIXEL_SIDE:
        return 1
    blunt = all(np.array_equal(plane, _squares(plane, side)) for plane in planes)
    return side if blunt else 1


def _spacing(plane: np.ndarray) -> int:
    """What divides the distance of every change in some rows and columns from the border."""
    spacing = 0
    for picture in (plane[::8], plane[:, ::8].transpose(1, 0, 2)):
        changes = (picture[:, 1:] != picture[:, :-1]).any(axis=(0, 2))
        spacing = int(np.gcd.reduce(np.append(np.flatnonzero(changes) + 1, spacing)))
    return spacing


def _squares(plane: np.ndarray, side: int) -> np.ndarray:
    squares = plane[::side, ::side].repeat(side, 0).repeat(side, 1)
    return squares[: plane.shape[0], : plane.shape[1]]


def _flat(rgb: np.ndarray, opaque: np.ndarray) -> np.ndarray:
    """(H, W) bool: inside a square of 2 x 2 opaque pixels of one colour."""
    if min(opaque.shape) < 2:
        return opaque
    square = pixels.span(rgb, _SQUARE_OF_TWO, (0, 0)) == 0
    if not opaque.all():
        square &= cv2.erode(opaque.astype(np.uint8), _SQUARE_OF_TWO, anchor=(0, 0)).astype(bool)
    # OpenCV cuts squares off at the border.
    square[-1:] = False
    square[:, -1:] = False
    return cv2.dilate(square.astype(np.uint8), _SQUARE_OF_TWO, anchor=(1, 1)).astype(bool)


def _survey(rgb: np.ndarray, opaque: np.ndarray, most: int) -> _Survey:
    span, inside = pixels.span(rgb), pixels.inside(opaque)
    uniform = (span == 0) & inside
    weak = (span > 0) & (span <= _WEAK_LEVELS) & inside
    flat_px, weak_px = np.count_nonzero(uniform), np.count_nonzero(weak)
    if flat_px > _LEAST_UNIFORM * np.count_nonzero(opaque) and weak_px < _MOST_WEAK * flat_px:
        survey = _exact_survey(rgb, _flat(rgb, opaque), most)
        if survey.count:
            return survey
    return _painted_survey(rgb, opaque)


def _exact_survey(rgb: np.ndarray, flat_mask: np.ndarray, most: int) -> _Survey:
    runs = pixels.Runs.of(pixels.codes(rgb))
    total, flat = runs.counts, runs.counts_in(flat_mask)
    least = np.clip(int(flat_mask.size * _LEAST_FLAT_SHARE), 1, None)
    least = max(least, _LEAST_FLAT_PX if flat_mask.size > 256 else 1)
    # A colour that is hardly ever flat is a thin line or its anti-aliasing.
    listed = np.flatnonzero((flat >= least) & (3 * flat >= total))
    listed = listed[np.argsort(-flat[listed], kind="stable")][: 4 * most]
    table = np.full(len(total), -1, np.int16)
    table[listed] = np.arange(len(listed))
    labels = runs.spread(table)
    labels[~flat_mask] = -1
    return _Survey(rgb, labels, pixels.colours(runs.values[listed]), flat[listed], exact=True)


def _painted_survey(rgb: np.ndarray, opaque: np.ndarray) -> _Survey:
    scale = min(1.0, (_PAINTED_PX / opaque.size) ** 0.5)
    if scale < 1:
        size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        shrunk = cv2.resize(opaque.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA)
        opaque = shrunk >= min(_LEAST_ALPHA, shrunk.max())
    found = find_materials(rgb, opaque)
    areas = np.bincount(found.labels[found.labels >= 0], minlength=len(found.colours))
    least = max(_LEAST_MATERIAL_PX, int(_LEAST_MATERIAL_SHARE * np.count_nonzero(opaque)))
    # Of less there is no say, unless it is all.
    kept = np.flatnonzero((areas >= least) | (areas == areas.max()))
    table = np.full(len(areas) + 1, -1, np.int16)
    table[kept] = np.arange(len(kept))
    labels = table[found.labels]
    return _Survey(rgb, labels, found.colours[kept], areas[kept], exact=False, scale=scale)


def _depth(labels: np.ndarray) -> np.ndarray:
    """(H, W) float32: how far a flat pixel lies inside its flat, 0 outside of flats."""
    inner = labels >= 0
    inner[:, 1:] &= labels[:, 1:] == labels[:, :-1]
    inner[1:] &= labels[1:] == labels[:-1]
    if inner.all():
        return np.full(labels.shape, max(labels.shape), np.float32)
    return cv2.distanceTransform(inner.astype(np.uint8), cv2.DIST_L2, 3)


def _thickness(survey: _Survey, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half the usual width of each candidate, weighted by length, and half its largest width."""
    ridge = (depth > 0) & (depth >= cv2.dilate(depth, _SQUARE)) & (survey.labels >= 0)
    labels, depths = survey.labels[ridge], depth[ridge]
    order = np.lexsort((depths, labels))
    labels, depths = labels[order], depths[order]
    starts = np.searchsorted(labels, np.arange(survey.count))
    ends = np.searchsorted(labels, np.arange(survey.count), side="right")
    # Calm pixels of a cluster end a pixel before its border.
    usual = np.full(survey.count, 0.0 if survey.exact else 1.0)
    widest = usual.copy()
    some = ends > starts
    usual[some] += depths[(starts + (ends - starts) // 2)[some]]
    widest[some] += depths[ends[some] - 1]
    return usual, widest


def _contacts(survey: _Survey) -> np.ndarray:
    """(K, K): how long two candidates touch, with nothing but their mixtures between them."""
    contacts = np.zeros(survey.count**2, np.int64)
    slack = _SLACK_LEVELS if survey.exact else 2 * _SLACK_LEVELS
    for turned, seen in (
        (survey.labels, survey.rgb),
        (survey.labels.T, survey.rgb.transpose(1, 0, 2)),
    ):
        labels = np.ascontiguousarray(turned)
        rows, left, right = pixels.touching(labels, np.ascontiguousarray(seen), slack)
        pairs = labels[rows, left].astype(np.int64) * survey.count + labels[rows, right]
        contacts += np.bincount(pairs, minlength=survey.count**2)
    square = contacts.reshape(survey.count, survey.count)
    return square + square.T


def _mixtures(survey: _Survey, contacts: np.ndarray, widest: np.ndarray) -> np.ndarray:
    """(K,) bool: thin candidates that only lie between two others and are a mixture of them."""
    mixtures = np.zeros(survey.count, bool)
    colours = survey.colours.astype(np.float64)
    most_half_width = 2.0 if survey.exact else 4.0
    for index in np.flatnonzero(widest <= most_half_width):
        share = contacts[index] / max(1, contacts[index].sum())
        ends = np.argsort(-share)[:2]
        if len(ends) < 2 or share[ends[1]] < 0.2:
            continue
        if survey.areas_px[ends].min() < 4 * survey.areas_px[index]:
            continue
        along = colours[ends[1]] - colours[ends[0]]
        offset = colours[index] - colours[ends[0]]
        part = offset @ along / max(1.0, along @ along)
        mixtures[index] = 0 < part < 1 and np.abs(offset - part * along).max() <= _SLACK_LEVELS
    return mixtures


def _lines(
    survey: _Survey, contacts: np.ndarray, lab: np.ndarray, half_width: np.ndarray
) -> np.ndarray:
    """(K,) bool: thin candidates, darker than what they touch, which is much."""
    widest_line = max(3.0, 0.004 * float(np.hypot(*survey.labels.shape)))
    whole = np.maximum(1, contacts.sum(axis=1))
    touched = (contacts >= np.maximum(1, 0.003 * whole)[:, None]).sum(axis=1)
    lighter = lab[None, :, 0] > lab[:, None, 0]
    over_lighter = (contacts * lighter).sum(axis=1) >= 0.8 * whole
    # In a drawing of few colours the lines touch few, but theirs are most of all contacts.
    most = (touched >= 2) & (whole >= 0.25 * contacts.sum())
    many = most | (touched >= max(3, 0.3 * survey.count))
    return (half_width <= widest_line) & over_lighter & many & (lab[:, 0] < 0.7)


def _line_width(lines: np.ndarray, half_width: np.ndarray, contacts: np.ndarray) -> float:
    """Width of a usual line in pixels of the survey."""
    if not lines.any():
        return 0.0
    main = np.where(lines, contacts.sum(axis=1), -1).argmax()
    return float(2 * half_width[main])


def _filled_px(
    survey: _Survey, depth: np.ndarray, lines: np.ndarray, width_px: float
) -> np.ndarray:
    """Pixels of each line colour that lie deeper inside than any line is wide."""
    # Where lines meet, a disc as wide as one and a half of them fits in.
    deep = depth > max(2.5, 2 * width_px)
    indices = np.flatnonzero(lines)
    filled = [np.count_nonzero(deep & (survey.labels == index)) for index in indices]
    least = max(_LEAST_MATERIAL_PX, survey.labels.size * _LEAST_FLAT_SHARE)
    return np.array([px if px >= least else 0 for px in filled], np.int64)


def _border(labels: np.ndarray, base: np.ndarray) -> int | None:
    """The candidate that is the paper round the drawing, itself or in shades, if one is.

    It fills both upper corners and a quarter of the picture's edge, of which hair and shoulders of
    a portrait may have most; or else half of the edge.
    """
    if not len(base):
        return None
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    shares = np.bincount(base[edge[edge >= 0]], minlength=len(base)) / len(edge)
    side = max(1, min(labels.shape) // 50)
    corners = [labels[:side, :side], labels[:side, -side:]]
    held = [np.bincount(base[c[c >= 0]], minlength=len(base)) > c.size / 2 for c in corners]
    paper = np.flatnonzero((held[0] & held[1] & (shares >= 0.25)) | (shares >= 0.5))
    if not len(paper):
        return None
    above = paper[(held[0] & held[1])[paper]]
    return int(above[0] if len(above) else paper[0])


def _bases(
    survey: _Survey,
    contacts: np.ndarray,
    lab: np.ndarray,
    areas: np.ndarray,
    apart: np.ndarray,
    border: int | None,
    fold_shades: bool,
) -> np.ndarray:
    """(K,) the candidate that each one shades or lights, itself where it is a flat of its own."""
    base = np.arange(survey.count)
    contacts = np.where(apart, 0, contacts)
    for index in np.argsort(areas, kind="stable").tolist():
        if apart[index] or index == border:
            continue
        share = contacts[index] / max(1, contacts[index].sum())
        other = int(np.where(base == index, 0, share).argmax())
        # Rounding at the rim of a scaled picture's flats.
        rim = survey.colours[[index, other]].astype(int)
        blend = np.ptp(rim, axis=0).max() <= 3 and areas[index] < 0.05 * areas[other]
        if share[other] < (_LEAST_BLEND_CONTACT if blend else _LEAST_SHADE_CONTACT):
            continue
        # A leak in a line is no common border.
        if contacts[index, other] < _LEAST_BORDER * np.sqrt(survey.areas_px[index]):
            continue
        near = survey.exact or distance(lab[index], lab[other]) < _PAINTED_STEP
        if blend or (fold_shades and near and _shades(lab, areas, index, other)):
            base[base == index] = base[other]
    return base


def _shades(lab: np.ndarray, areas: np.ndarray, index: int, other: int) -> bool:
    """Whether a candidate may be a shade or a highlight of another, by colour and area."""
    if index == other:
        return False
    rise = float(lab[index, 0] - lab[other, 0])
    larger = areas[other] > areas[index]
    shade = -_DEEPEST_SHADE <= rise <= -_LEAST_SHADE and areas[index] <= 1.5 * areas[other]
    light = _LEAST_SHADE <= rise <= _DEEPEST_SHADE
    light = light and larger and areas[index] < _LARGEST_HIGHLIGHT * areas[other]
    # A light grey on a colour is a flat of its own: the white of an eye, teeth.
    alike = _is_grey(lab[index]) == _is_grey(lab[other])
    return (shade or (light and alike)) and of_one_hue(
        lab[index], lab[other], _HUE_DEGREES, _GREY_CHROMA
    )


def _is_grey(lab: np.ndarray) -> bool:
    return bool(np.hypot(lab[1], lab[2]) < _GREY_CHROMA)


def _report(survey: _Survey, sorted_: _Sorted, width_px: float, most: int) -> ReferenceFlats:
    areas, base, border = sorted_.areas, sorted_.base, sorted_.border
    dropped = sorted_.dropped.copy()
    if border is not None:
        dropped[border] = False
    roots = np.flatnonzero((base == np.arange(survey.count)) & ~dropped)
    used = np.bincount(base, np.where(dropped, 0, areas), minlength=survey.count)
    roots = roots[np.argsort(-used[roots], kind="stable")][:most]
    shades = {}
    for place, root in enumerate(roots):
        folded = np.flatnonzero((base == root) & ~dropped & (np.arange(survey.count) != root))
        if len(folded):
            shades[place] = tuple(_colour(survey.colours[index]) for index in folded)
    background = None
    if border is not None and base[border] in roots:
        background = int(np.flatnonzero(roots == base[border])[0])
    return ReferenceFlats(
        Palette(survey.colours[roots].copy()),
        background,
        shades,
        tuple(_colour(colour) for colour in survey.colours[sorted_.lines]),
        width_px,
        survey.exact,
    )


def _touches(survey: _Survey, found: ReferenceFlats, sorted_: _Sorted) -> np.ndarray:
    """Of :class:`ReferenceFlats`."""
    size = len(found.palette)
    place_of = {_colour(colour): place for place, colour in enumerate(found.palette.colours)}
    place = np.array([place_of.get(_colour(c), size) for c in survey.colours[sorted_.base]])
    table = np.zeros((size + 1, size + 1))
    np.add.at(table, (place[:, None], place[None]), sorted_.contacts)
    shares = table[:size, :size] / np.maximum(table[:size].sum(axis=1, keepdims=True), 1)
    drawn = [
        place
        for place, colour in enumerate(found.palette.colours)
        if _colour(colour) in found.lines
    ]
    shares[drawn], shares[:, drawn] = 0, 0
    np.fill_diagonal(shares, 0)
    return shares


def _materials(survey: _Survey, found: ReferenceFlats, sorted_: _Sorted) -> np.ndarray:
    """Of :class:`ReferenceFlats`."""
    place_of = {_colour(colour): place for place, colour in enumerate(found.palette.colours)}
    table = [place_of.get(_colour(colour), -1) for colour in survey.colours[sorted_.base]]
    drawn = np.append(sorted_.lines, False)[survey.labels]
    wide = _opened(drawn, found.line_width_px * survey.scale) if drawn.any() else drawn
    labels = np.where(drawn & ~wide, -1, survey.labels)
    return np.array([*table, -1], np.int16)[labels]


def _colour(colour: np.ndarray) -> Colour:
    red, green, blue = colour.tolist()
    return red, green, blue


def _flat_near(
    reference: np.ndarray, x: int, y: int, flats: ReferenceFlats, reach: int
) -> Colour | None:
    """The colour of the nearest flat within ``reach`` pixels of (x, y)."""
    left, top = max(0, x - reach), max(0, y - reach)
    box = slice(top, y + reach + 1), slice(left, x + reach + 1)
    labels = flat_labels(reference, flats, box)
    here, tone = labels[y - top, x - left], _colour(reference[y, x, :3])
    if here >= 0:
        is_tone = tone in flats.shades.get(int(here), ())
        return tone if is_tone else _colour(flats.palette.colours[here])
    if flats.materials is None and _unlisted(*_planes(reference[box]), flats)[y - top, x - left]:
        return tone
    rows, columns = np.nonzero(labels >= 0)
    away = np.hypot(rows + top - y, columns + left - x)
    if not len(away) or away.min() > reach:
        return None
    close = away <= away.min() + 1
    votes = np.bincount(labels[rows[close], columns[close]])
    return _colour(flats.palette.colours[votes.argmax()])


def flat_labels(
    reference: np.ndarray,
    flats: ReferenceFlats,
    box: tuple[slice, slice] = (slice(None), slice(None)),
) -> np.ndarray:
    """(h, w) int32: the palette's index where a flat or its shade is, else -1.

    Args:
        reference: (H, W, 3) RGB or (H, W, 4) RGBA, uint8; it may be scaled without mixing pixels.
        flats: what :func:`extract_palette` says of it.
        box: rows and columns to look at.
    """
    if flats.materials is None:
        return _exact_labels(*_planes(reference[box]), flats)
    rows, columns = (
        np.arange(side)[part] * known // side
        for side, part, known in zip(reference.shape, box, flats.materials.shape)
    )
    return flats.materials[rows[:, None], columns].astype(np.int32)


def entries_of(
    reference: np.ndarray, palette: Palette, flats: ReferenceFlats | None = None
) -> np.ndarray:
    """(H, W) int32: the entry of a palette that each pixel of a reference (H, W, 4) uint8 has;
    ``len(palette)`` where it is transparent.

    Args:
        flats: what :func:`extract_palette` says of the reference: pixels of a painted one have the
            entry of their material.
    """
    entries = nearest(palette, reference[..., :3])
    if flats is not None and flats.materials is not None and len(flats.palette):
        own = flat_labels(reference, flats)
        entries = np.where(own >= 0, nearest(palette, flats.palette.colours)[own], entries)
    return np.where(reference[..., 3] >= 128, entries, len(palette)).astype(np.int32)


def _exact_labels(rgb: np.ndarray, opaque: np.ndarray, flats: ReferenceFlats) -> np.ndarray:
    known = [(colour, place) for place, of in flats.shades.items() for colour in of]
    known += [(_colour(colour), place) for place, colour in enumerate(flats.palette.colours)]
    if not known:
        return np.full(opaque.shape, -1, np.int32)
    colours = np.array([colour for colour, _ in known], np.uint8)
    lines = np.array([colour in flats.lines for colour, _ in known])
    found, match = _matches(rgb, colours, 0.01)
    match &= _flat(rgb, opaque)
    match &= ~lines[found] | _opened(match & lines[found], flats.line_width_px)
    return np.where(match, np.array([place for _, place in known])[found], -1).astype(np.int32)


def _matches(rgb: np.ndarray, colours: np.ndarray, within: float) -> tuple[np.ndarray, np.ndarray]:
    """For each pixel the nearest of a few colours, and whether it is within a distance."""
    runs = pixels.Runs.of(pixels.codes(rgb))
    lab, members = to_oklab(pixels.colours(runs.values)), to_oklab(colours)
    found = _nearest_lab(members, lab)
    match = distance(lab, members[found]) <= within
    return runs.spread(found), runs.spread(match)


def _opened(mask: np.ndarray, line_width_px: float) -> np.ndarray:
    """What of a mask is clearly wider than a line."""
    side = 2 * int(np.ceil(0.75 * line_width_px)) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    # Outside counts as filled, since areas go on beyond the window.
    framed = cv2.copyMakeBorder(mask.astype(np.uint8), side, side, side, side, cv2.BORDER_REPLICATE)
    opened = cv2.morphologyEx(framed, cv2.MORPH_OPEN, disc)
    return opened[side:-side, side:-side].astype(bool)


def _unlisted(rgb: np.ndarray, opaque: np.ndarray, flats: ReferenceFlats) -> np.ndarray:
    """(h, w) bool: flat, but of no colour that the palette or the lines have."""
    flat = (pixels.span(rgb) == 0) & pixels.inside(opaque)
    known = [*flats.lines, *(_colour(colour) for colour in flats.palette.colours)]
    known += [colour for of in flats.shades.values() for colour in of]
    codes = [(red << 16) | (green << 8) | blue for red, green, blue in known]
    return flat & ~np.isin(pixels.codes(rgb), np.array(codes, np.uint32))


def _opaque_near(
    reference: np.ndarray, x: int, y: int, flats: ReferenceFlats, reach: int
) -> Colour:
    """The palette's colour nearest to the opaque pixel nearest to (x, y)."""
    left, top = max(0, x - reach), max(0, y - reach)
    rgb, opaque = _planes(reference[top : y + reach + 1, left : x + reach + 1])
    rows, columns = np.nonzero(opaque)
    if not len(rows):
        raise BadRequest(
            f"The point ({x}, {y}) lies on a transparent part of the reference.",
            "Move it onto a coloured part.",
        )
    closest = np.hypot(rows + top - y, columns + left - x).argmin()
    colour = rgb[rows[closest], columns[closest]]
    if not len(flats.palette):
        return _colour(colour)
    return _colour(flats.palette.colours[nearest(flats.palette, colour[None])[0]])
