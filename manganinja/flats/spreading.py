# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours without any network: regions of the line art are found again in the reference.

1. The reference is laid over the line art: shifted, turned, mirrored and scaled so that as many of
   its regions as can be lie on regions of their shape and size (:func:`_placements`). A page may
   show several figures, so there may be several placements; and where several would do for the
   same figure, as for one that is nearly symmetrical, all are looked at. A pair speaks against
   placements that fit its region to another colour, and no more: an artist may point from the
   left sleeve to the right one.
2. Regions that fit bend the rest towards them, since poses differ.
3. Each region has candidates in the reference. A logistic model weighs place, size and shape
   (:data:`PLAIN`), then also what lies round both, the artist's marks, and parts of the line art
   that look alike (:data:`SEEING`). It knows "none of them" as well, and paper that shows through
   the figure; shares add up by colour. Pairs that say what is found without them are a test
   that the placement has passed, and make all of it more likely.
4. What is not likely enough stays unknown.

The weights were fitted on generated drawings by ``python -m benchmarks.spreading_fit``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .assign import hang_together, region_at
from .oklab import distance, to_oklab
from .palette import ReferenceFlats, nearest
from .shapes import Borders, Shapes, cut_reference, describe, unlike_each
from .values import EMPTY, Palette, Regions

LEAST = 0.5
"""Likelihood from which a region takes a colour; it may still be listed as unsure."""

_LARGEST = 200
"""Regions of each side that are looked at for placing the reference."""
_MOST_REFERENCE = 400
"""Regions of a figure of the reference that can be candidates."""
_CANDIDATES = 16
_AT_ONCE = 700
_STARTS = 50
_STARTS_IN_CROWD = 16
_REFINED = 24
_TURNS = (-0.3, 0.0, 0.3)
_LOOSE_TO_TIGHT = ((0.2, 0.7), (0.15, 0.6), (0.12, 0.5), (0.1, 0.5))
"""How far a region may lie off, in sides of the figure, and how its size may differ (logarithm)."""
_FIGURES = 6
_PLACEMENTS = 64
_LEAST_OF_FIGURE = 6
"""Regions that a figure of a page has at least."""
_SEARCHES = 4
_FEWEST = 4
"""Regions that lie under a placement, unless there are no more on the page."""
_LEAST_QUALITY = 0.07
"""Share of what lies under a placement that agrees with it; poses of one figure have 0.1 to 0.6."""
_GOOD_QUALITY = 0.25
"""From which a placement leaves little doubt; regions in each other's places have less."""
_LEAST_FREE = 0.7
"""Of what lies under a placement, that lies under no better one."""
_OTHER_WAYS = 2
"""Placements beside the best one that are looked at for the same part of a page."""
_LEAST_STANDING = 0.3
"""How good they are at least, the best one being 1."""
_MIRRORED = 0.99
"""How good a mirrored placement is beside a plain one that is alike."""
_SYMMETRIC = 0.98
"""A figure that fits mirrored just as well is symmetric: mirrored says nothing new of it."""
_UNLIKE_WAYS = 0.15
"""How far the regions of a figure lie apart under unlike placements, in sides of it."""
_BEND = 0.15
"""How far a region that fits pulls others along, in sides of the figure."""
_SMALLEST_OFF = 0.003
"""How far regions lie off in the same pose, in sides of the figure."""
_FARTHEST = 0.5
"""Regions so far outside a placed figure, in sides of it, have nothing to do with it."""
_SHARPER = 2.0
"""How much more like the region of a pair another must be for the pair to count for it."""
_LEAST_BESIDE = 0.01
"""Of the paper's border, for a colour that meets it."""
_ENCLOSED = 0.95
"""Share of the border from which a region lies within another: a button, and no paper."""
_LEAST_BARE = 0.25
"""Share of a reference's edge that is transparent where its paper is."""
_ROUNDS = 2
_ALIKE = 24
"""Regions of about the same size that each region is compared with, on either side."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Pointed:
    """A pair: a place on the line art, and one on a reference (x, y), of which number."""

    lineart: Point
    reference: Point
    number: int = 0


@dataclass(frozen=True)
class Sheet:
    """A reference in regions.

    Attributes:
        regions, shapes, borders: of a picture that may be smaller than the reference.
        scale: size of that picture over the reference's.
        colours: (n,) int, index of the palette's colour of each region, or EMPTY.
        paper: the colour round the figures, or EMPTY.
        bare: whether the reference is transparent round its figures.
    """

    regions: Regions = field(repr=False)
    shapes: Shapes = field(repr=False)
    borders: Borders = field(repr=False)
    scale: float
    colours: np.ndarray = field(repr=False)
    paper: int
    bare: bool = False


def read_sheet(picture: np.ndarray, flats: ReferenceFlats, palette: Palette) -> Sheet:
    """The regions of a reference (H, W, 4) uint8 in the colours of a palette."""
    regions, own = cut_reference(picture, flats)
    shapes, borders = describe(regions)
    # Of an own palette of the artist's, what is nearest.
    to_palette = np.append(nearest(palette, flats.palette.colours), EMPTY)
    paper = EMPTY if flats.background is None else int(to_palette[flats.background])
    scale = regions.size_px[0] / picture.shape[1]
    return Sheet(regions, shapes, borders, scale, to_palette[own], paper, _is_bare(picture))


def _is_bare(picture: np.ndarray) -> bool:
    alpha = picture[..., 3]
    edge = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    return bool((edge < 128).mean() >= _LEAST_BARE)


@dataclass(frozen=True)
class Described:
    """Line art and references in regions, before they are compared."""

    shapes: Shapes = field(repr=False)
    borders: Borders = field(repr=False)
    sheets: Sequence[Sheet]


@dataclass(frozen=True)
class Spreading:
    """Gives regions the colours of references. See the module.

    Attributes:
        references: pictures (H, W, 4) uint8, and what :func:`.palette.extract_palette` says of
            each.
        pairs: the artist's.
        on_fraction: hears how far it is, 0 to 1; may raise to stop.
        weights: how much each reference counts where several would do, above 0; 1 if empty.
        sheets: the references in regions, in the palette's colours, where that is known already.
        serials: what stands for each reference where something is remembered of it.
    """

    references: Sequence[tuple[np.ndarray, ReferenceFlats]]
    pairs: Sequence[Pointed] = ()
    on_fraction: Callable[[float], None] = lambda fraction: None
    weights: Sequence[float] = ()
    sheets: Sequence[Sheet] | None = None
    serials: Sequence[str] = ()

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells it from others that look at the same pictures."""
        return (type(self).__name__,)

    def with_none(self, regions: Regions, likely: np.ndarray) -> np.ndarray:
        """Likelihoods (count, K + 1) with one more, for none of these: no less than what a colour
        needs to be taken."""
        none = np.maximum(1 - likely.sum(axis=1, keepdims=True), LEAST)
        return np.concatenate([likely, none], axis=1)

    def likelihoods(
        self, regions: Regions, palette: Palette, described: Described | None = None
    ) -> np.ndarray:
        """(count, K + 1) float: how likely each region has each colour of the palette, and, last,
        how likely it is empty as the reference is there; what is missing to 1 is for none of them.

        Args:
            described: what :meth:`describe` gives, where that is known already.
        """
        whole = np.zeros((regions.count, len(palette) + 1))
        if len(palette):
            colours, likely = self._likely(regions, palette, described)
            # EMPTY is -1, and so the last column.
            whole[:, colours] = likely
        return whole

    def describe(
        self, regions: Regions, palette: Palette, sheets: Sequence[Sheet] | None = None
    ) -> Described:
        """The shapes of the line art's regions, and the references in the palette's colours.

        Args:
            sheets: the references, where they are known already.
        """
        sheets = sheets or self.sheets or self.read_sheets(palette)
        self.on_fraction(0.2)
        described = Described(*describe(regions), sheets)
        self.on_fraction(0.3)
        return described

    def read_sheets(self, palette: Palette) -> list[Sheet]:
        """The references in the palette's colours."""
        return [read_sheet(picture, flats, palette) for picture, flats in self.references]

    def _likely(
        self, regions: Regions, palette: Palette, described: Described | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(K,) indices of the palette or EMPTY, and how likely each region has each, (count, K)."""
        known = described or self.describe(regions, palette)
        anchors = known_pairs(regions, known.sheets, self.pairs)
        drawing = Drawing(known.shapes, known.borders, known.sheets, anchors, self.weights)
        likely = drawing.likelihoods(lambda part: self.on_fraction(0.3 + 0.7 * part))
        return drawing.colours, likely

    def strayed(self, palette: Palette) -> np.ndarray:
        """How far each colour of the palette is from the reference's that it stands for."""
        strayed = np.zeros(len(palette), np.float32)
        for _, flats in self.references:
            own = flats.palette.colours
            to = nearest(palette, own)
            away = distance(to_oklab(own), to_oklab(palette.colours)[to])
            np.maximum.at(strayed, to, away)
        return strayed


@dataclass(frozen=True)
class Anchor:
    """A pair in regions: of the line art; of which sheet; and both places as complex numbers."""

    region: int
    sheet: int
    source: int
    at: complex
    seen: complex


def known_pairs(
    regions: Regions, sheets: Sequence[Sheet], pairs: Sequence[Pointed]
) -> list[Anchor]:
    """The pairs in regions; those outside are left out."""
    anchors = []
    for pair in pairs:
        sheet = sheets[pair.number]
        seen = (pair.reference[0] * sheet.scale, pair.reference[1] * sheet.scale)
        region, source = region_at(regions, pair.lineart), region_at(sheet.regions, seen)
        if region is not None and source is not None:
            anchors.append(
                Anchor(region, pair.number, source, complex(*pair.lineart), complex(*seen))
            )
    return anchors


# Where the reference lies on the line art


@dataclass(frozen=True)
class Figure:
    """Regions of one sheet that hang together: a character of a character sheet."""

    sheet: int
    members: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class Placement:
    """A figure laid over the line art: z -> turn * z + shift, or of z mirrored.

    Attributes:
        score: to be compared within one search.
        agreed: sum over the regions that agree, in roots of pixels.
    """

    figure: int
    turn: complex
    shift: complex
    mirrored: bool
    score: float = 0.0
    agreed: float = 0.0

    def placed(self, z: np.ndarray) -> np.ndarray:
        """Places of the reference (complex) on the line art."""
        return self.turn * (np.conj(z) if self.mirrored else z) + self.shift

    def seen(self, z: np.ndarray) -> np.ndarray:
        """Places of the line art (complex) on the reference."""
        there = (z - self.shift) / self.turn
        return np.conj(there) if self.mirrored else there


@dataclass(frozen=True)
class Way:
    """A placement among those that would do for one part of the line art.

    Attributes:
        quality: share of what lies under it that agrees with it.
        behind: logarithm of how good it is, the best one being 0.
    """

    placement: Placement
    quality: float
    behind: float


def _figures(sheet: int, shapes: Shapes, borders: Borders) -> list[Figure]:
    """The figures of a sheet, largest first. Small things that lie apart belong to the nearest."""
    drawn, group = _connected(shapes, borders)
    members = np.flatnonzero(drawn)
    if not len(members):
        return []
    sizes = np.bincount(group[members], shapes.areas[members], shapes.count)
    roots = np.argsort(-sizes, kind="stable")[:_FIGURES]
    roots = roots[sizes[roots] > 0.1 * sizes.max()]
    z = shapes.at
    own = np.isin(group, roots)
    middles = np.array([z[members[group[members] == root]].mean() for root in roots])
    closest = roots[np.abs(z[:, None] - middles[None]).argmin(axis=1)]
    group = np.where(own, group, closest)
    return [Figure(sheet, members[group[members] == root]) for root in roots]


def _connected(shapes: Shapes, borders: Borders) -> tuple[np.ndarray, np.ndarray]:
    """(n,) bool, regions that are drawn; and (n,) int, equal for those that hang together."""
    drawn = ~shapes.background & (shapes.areas > 0)
    return drawn, hang_together(shapes.count, borders.pairs[drawn[borders.pairs].all(axis=1)])


def crowd(shapes: Shapes, borders: Borders) -> list[np.ndarray]:
    """The rows of every figure of a page that shows several; else nothing."""
    drawn, group = _connected(shapes, borders)
    rows = np.flatnonzero(drawn)
    rows = rows[np.argsort(group[rows], kind="stable")]
    parts = np.split(rows, np.flatnonzero(np.diff(group[rows])) + 1)
    figures = [part for part in parts if len(part) >= _LEAST_OF_FIGURE]
    figures.sort(key=lambda part: -float(shapes.areas[part].sum()))
    return figures[:_PLACEMENTS] if len(figures) > 1 else []


def _unlike(one: Shapes, other: Shapes) -> np.ndarray:
    """(2, n, m) float: how unlike the shapes are, unmirrored and mirrored."""
    rings = np.abs(one.radial[:, None] - other.radial[None]).sum(axis=2)
    long = np.abs(one.elongation[:, None] - other.elongation[None])
    paper = np.abs(one.paper[:, None] - other.paper[None])
    same = 1.2 * rings + 0.8 * long + paper
    planes = [same + 1.2 * _coarse(one, other, mirrored) for mirrored in (False, True)]
    # What is left of a region that the edge cuts off has another shape.
    return np.stack(planes) * np.where(_cut(one, other), 0.4, 1.0)


def _coarse(one: Shapes, other: Shapes, mirrored: bool) -> np.ndarray:
    there = other.coarse[:, :, ::-1] if mirrored else other.coarse
    flat = one.coarse.reshape(one.count, -1), there.reshape(other.count, -1)
    return np.abs(flat[0][:, None] - flat[1][None]).sum(axis=2)


def _cut(one: Shapes, other: Shapes) -> np.ndarray:
    return one.cut[:, None] | other.cut[None]


class _Search:
    """Looks for the way to lay one figure over some regions of the line art."""

    def __init__(
        self,
        drawing: Drawing,
        number: int,
        free: np.ndarray,
        starts: int,
    ) -> None:
        figure = drawing.figures[number]
        sheet = drawing.sheets[figure.sheet]
        self._number, self._starts = number, starts
        self._rows = _largest(free, drawing.shapes)
        self._columns = _largest(figure.members, sheet.shapes)
        rows, columns = drawing.shapes.take(self._rows), sheet.shapes.take(self._columns)
        self._at, self._from = rows.at, columns.at
        self._areas, self._sources = rows.areas, columns.areas
        self._side = float(np.sqrt(columns.areas.sum()))
        self._alike = np.exp(-_unlike(rows, columns))
        self._soft = np.where(_cut(rows, columns), 0.5, 1.0)
        self._weights = np.minimum(
            np.sqrt(rows.areas / rows.areas.sum())[:, None],
            np.sqrt(columns.areas / columns.areas.sum())[None],
        )
        self._unit = float(np.sqrt(rows.areas.sum()))
        self._whole = float(np.sqrt(rows.areas).sum())
        self._allow(drawing, figure.sheet)

    def _allow(self, drawing: Drawing, number: int) -> None:
        """A region with a pair is only like regions of the pair's colour. Which of two twins is
        meant does not count: an artist may point from the left sleeve to the right one."""
        row_of = {int(region): row for row, region in enumerate(self._rows)}
        colours = drawing.sheets[number].colours
        for anchor in drawing.anchors:
            row = row_of.get(anchor.region)
            if row is not None and anchor.sheet == number:
                same = colours[self._columns] == colours[anchor.source]
                self._alike[:, row] *= same

    def found(self) -> list[Placement]:
        """Placements on which much agrees."""
        unlike: dict[tuple[bool, int, int, int], Placement] = {}
        for placement in sorted(self._tried(), key=lambda found: -found.score):
            unlike.setdefault(self._about(placement), placement)
        return [self._refined(placement) for placement in list(unlike.values())[:_REFINED]]

    def _about(self, placement: Placement) -> tuple[bool, int, int, int]:
        """The same for placements that will be refined to about the same."""
        scale = abs(placement.turn)
        middle = complex(placement.placed(self._from.mean())) / (0.2 * scale * self._side)
        return placement.mirrored, round(middle.real), round(middle.imag), round(5 * np.log(scale))

    def _tried(self) -> list[Placement]:
        tried = []
        for mirrored in (False, True):
            worth = self._alike[int(mirrored)] * self._weights
            order = np.argsort(-worth, axis=None, kind="stable")[: self._starts]
            starts = [
                (self._at[row], self._from[column], self._areas[row] / self._sources[column])
                for row, column in zip(*np.unravel_index(order, worth.shape))
            ]
            for at, seen, grown in starts:
                for angle in _TURNS:
                    turn = np.sqrt(grown) * np.exp(1j * angle) * (-1 if mirrored else 1)
                    shift = at - turn * (np.conj(seen) if mirrored else seen)
                    found = Placement(self._number, complex(turn), complex(shift), mirrored)
                    tried.append(self._scored(found, *_LOOSE_TO_TIGHT[0])[0])
        return tried

    def _scored(
        self, placement: Placement, off: float, grown: float
    ) -> tuple[Placement, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """The placement with its score; rows, columns and weights of what agrees."""
        scale = abs(placement.turn)
        reach = off * scale * self._side
        apart = np.abs(self._at[:, None] - placement.placed(self._from)[None]) / reach
        size = self._soft * np.log(self._areas[:, None] / (scale**2 * self._sources[None])) / grown
        fits = self._alike[int(placement.mirrored)] * np.exp(-0.5 * (apart**2 + size**2))
        rows, columns, fit = mutual(fits, 1e-3)
        weights = fit * self._weights[rows, columns]
        agreed = float(weights.sum()) * self._unit
        scored = replace(placement, score=agreed / self._whole, agreed=agreed)
        return scored, (rows, columns, weights)

    def _refined(self, placement: Placement) -> Placement:
        placement, agreed = self._scored(placement, *_LOOSE_TO_TIGHT[0])
        for tolerance in _LOOSE_TO_TIGHT:
            fitted = self._fitted(placement, *agreed)
            if fitted is None:
                break
            placement, agreed = self._scored(fitted, *tolerance)
        return placement

    def _fitted(
        self, placement: Placement, rows: np.ndarray, columns: np.ndarray, weights: np.ndarray
    ) -> Placement | None:
        """The similarity that brings the agreeing regions together best."""
        seen, at = self._from[columns], self._at[rows]
        if placement.mirrored:
            seen = np.conj(seen)
        if weights.sum() <= 0:
            return None
        here, there = np.average(seen, weights=weights), np.average(at, weights=weights)
        spread = (weights * np.abs(seen - here) ** 2).sum()
        if spread <= 1e-9:
            return None
        turn = complex((weights * np.conj(seen - here) * (at - there)).sum() / spread)
        if abs(turn) < 1e-6:
            return None
        shift = complex(there - turn * here)
        return replace(placement, turn=turn, shift=shift)


def _largest(members: np.ndarray, shapes: Shapes, most: int = _LARGEST) -> np.ndarray:
    order = np.argsort(-shapes.areas[members], kind="stable")[:most]
    return np.sort(members[order])


def mutual(fits: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns that are each other's best, and how well they fit."""
    best, back = fits.argmax(axis=1), fits.argmax(axis=0)
    fit = fits[np.arange(len(fits)), best]
    rows = np.flatnonzero((back[best] == np.arange(len(fits))) & (fit > least))
    return rows, best[rows], fit[rows]


# Candidates, and how likely each is

PLAIN = {
    "away": -3.05,
    "far away": 0.53,
    "away in own sides": -0.41,
    "size": -0.29,
    "size, cut off": 0.54,
    "rings": -0.48,
    "coarse": -0.45,
    "coarse, cut off": 0.28,
    "elongation": -0.44,
    "paper": -1.11,
    "degree": -1.37,
    "enclosed": -3.21,
    "outline": -1.08,
    "large": -0.05,
    "away beside usual": -0.38,
    "under": 2.44,
    "behind": 2.06,
    "mutual": 1.56,
    "none": 2.69,
    "none: quality": -6.02,
    "none: poor quality": -4.75,
    "none: large": 1.61,
    "none: cut off": 0.15,
    "none: paper": -1.64,
    "none: pairs found": -1.66,
    "blank": -1.39,
    "blank: on paper": 2.25,
    "blank: on paper, enclosed": 0.73,
    "blank: large": 1.73,
    "blank: cut off": 1.91,
    "blank: paper": -4.78,
    "blank: degree": -0.36,
    "blank: enclosed": -1.44,
    "blank: outline": -0.24,
}
"""Weights of what is known of a candidate by itself, and of there being none."""

SEEING = {
    "away": -2.16,
    "far away": 0.61,
    "away in own sides": -0.3,
    "size": -0.16,
    "size, cut off": 0.37,
    "rings": 0.35,
    "coarse": -0.36,
    "coarse, cut off": 0.08,
    "elongation": -0.49,
    "paper": 0.66,
    "degree": -0.85,
    "enclosed": -1.88,
    "outline": -1.15,
    "large": 0.16,
    "away beside usual": -0.25,
    "under": 1.87,
    "behind": 1.96,
    "mutual": 1.2,
    "round it alike": 3.42,
    "round it unlike": -1.12,
    "on others alike": 1.09,
    "on neighbours": 0.33,
    "on others rather": 0.57,
    "among its own": -1.65,
    "on told": 1.27,
    "on told rather": 1.11,
    "beside told": 0.81,
    "none": 3.69,
    "none: quality": -4.91,
    "none: poor quality": -3.45,
    "none: large": 1.15,
    "none: cut off": -0.19,
    "none: paper": -0.23,
    "none: pairs found": -1.27,
    "blank": -1.79,
    "blank: on paper": 2.87,
    "blank: on paper, enclosed": 1.19,
    "blank: large": 1.47,
    "blank: cut off": 1.47,
    "blank: paper": -0.8,
    "blank: degree": -0.58,
    "blank: enclosed": -1.77,
    "blank: outline": -0.14,
    "blank: on others alike": -0.73,
    "blank: on told rather": 0.74,
    "blank: round it": -2.3,
    "blank: round it one colour": 0.29,
    "blank: round it alike": 1.45,
    "blank: round it what meets paper": 3.32,
}
"""The same where it is also known what colours lie round it, and which alike regions have."""


def _weights(table: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the candidates, of none of them, and of paper."""
    groups = [name.split(":")[0] for name in table]
    values = np.array(list(table.values()))
    none, blank = (np.array([group == name for group in groups]) for name in ("none", "blank"))
    return values[~none & ~blank], values[none], values[blank]


class Drawing:
    """The line art's regions, and everything that may tell their colours."""

    def __init__(
        self,
        shapes: Shapes,
        borders: Borders,
        sheets: Sequence[Sheet],
        anchors: Sequence[Anchor] = (),
        weights: Sequence[float] = (),
    ) -> None:
        """
        Args:
            weights: how much each sheet counts where figures of several would do; 1 if empty.
        """
        self.shapes, self.borders, self.sheets, self.anchors = shapes, borders, sheets, anchors
        self.weights = weights or [1.0] * len(sheets)
        self.figures = [
            figure
            for number, sheet in enumerate(sheets)
            for figure in _figures(number, sheet.shapes, sheet.borders)
        ]
        every = [sheet.colours for sheet in sheets] + [[sheet.paper for sheet in sheets]]
        self.colours = np.unique(np.concatenate(every))
        self.columns = [np.searchsorted(self.colours, sheet.colours) for sheet in sheets]
        self.told = self._told()
        self.around = [
            sheet.borders.around(np.eye(len(self.colours))[columns])
            for sheet, columns in zip(sheets, self.columns)
        ]
        self.beside_paper = [
            self.around[number][sheet.shapes.background].mean(axis=0)
            if sheet.shapes.background.any()
            else np.zeros(len(self.colours))
            for number, sheet in enumerate(sheets)
        ]

    def _told(self) -> np.ndarray:
        """(count, K): the colours of the pairs, and nothing of the other regions."""
        told = np.zeros((self.shapes.count, len(self.colours)))
        for anchor in self.anchors:
            told[anchor.region] = 0
            told[anchor.region, self.columns[anchor.sheet][anchor.source]] = 1
        return told

    def likelihoods(
        self,
        on_fraction: Callable[[float], None] = lambda fraction: None,
        plain: Mapping[str, float] = PLAIN,
        seeing: Mapping[str, float] = SEEING,
    ) -> np.ndarray:
        """(n, K): how likely each region has each of ``colours``; the rest to 1 is for none."""
        matches = self.matches(lambda part: on_fraction(0.7 * part))
        likely = self.together(matches, [match.plain_likelihoods(plain) for match in matches])
        for turn in range(_ROUNDS):
            on_fraction(0.7 + 0.3 * turn / _ROUNDS)
            known = self.with_known(likely)
            around = self.borders.around(known)
            seen = [match.seeing_likelihoods(known, around, seeing) for match in matches]
            likely = self.together(matches, seen)
        return self.with_known(likely)

    def matches(self, on_fraction: Callable[[float], None] = lambda fraction: None) -> list[Match]:
        """Every part of the line art with the ways to lay a figure over it."""
        found = _placements(self, on_fraction)
        members = _members(self, [ways[0].placement for ways in found])
        return [Match(self, ways, rows) for ways, rows in zip(found, members) if len(rows)]

    def together(self, matches: Sequence[Match], likely: Sequence[np.ndarray]) -> np.ndarray:
        """One table of all: where placements overlap, the surer one counts."""
        whole = np.zeros((self.shapes.count, len(self.colours)))
        for match, part in zip(matches, likely):
            surer = part.sum(axis=1) > whole[match.rows].sum(axis=1)
            whole[match.rows[surer]] = part[surer]
        return whole

    def with_known(self, likely: np.ndarray) -> np.ndarray:
        """The paper is the paper, and pairs are right."""
        known = likely.copy()
        known[self.shapes.background] = 0
        if self.sheets and (self.sheets[0].paper != EMPTY or self.sheets[0].bare):
            paper = np.searchsorted(self.colours, self.sheets[0].paper)
            known[self.shapes.background, paper] = 1
        told = self.told.any(axis=1)
        known[told] = self.told[told]
        return known


def _placements(drawing: Drawing, on_fraction: Callable[[float], None]) -> list[list[Way]]:
    """For each part of the line art ways to lay a figure over it, the best one first."""
    shapes = drawing.shapes
    free = ~shapes.background & (shapes.areas > 0)
    total = np.sqrt(shapes.areas[free]).sum()
    found: list[list[Way]] = []
    figures = crowd(shapes, drawing.borders)
    for place, rows in enumerate(figures):
        on_fraction(place / (len(figures) + _SEARCHES))
        tried = _tried(drawing, rows, _STARTS if len(figures) <= _SEARCHES else _STARTS_IN_CROWD)
        found += _apart(drawing, tried, free, rows)
    for turn in range(_SEARCHES):
        on_fraction((len(figures) + turn) / (len(figures) + _SEARCHES))
        rows = np.flatnonzero(free)
        if np.sqrt(shapes.areas[rows]).sum() <= 0.1 * total:
            break
        apart = _apart(drawing, _tried(drawing, rows, _STARTS), free, rows)
        if not apart:
            break
        found += apart
    return found[: 2 * _PLACEMENTS]


def _tried(drawing: Drawing, rows: np.ndarray, starts: int) -> list[Placement]:
    """Placements of every figure of the references over some regions."""
    return [
        placement
        for number in range(len(drawing.figures))
        for placement in _Search(drawing, number, rows, starts).found()
    ]


def _apart(
    drawing: Drawing, tried: Sequence[Placement], free: np.ndarray, rows: np.ndarray
) -> list[list[Way]]:
    """The best of the placements that don't lie on each other, each with others that would do in
    its place; what lies under them is no longer free."""
    roots, judged, chosen = np.sqrt(drawing.shapes.areas), [], []
    fewest = min(_FEWEST, np.count_nonzero(~drawing.shapes.background & (roots > 0)))
    for placement in tried:
        inside = rows[_outside(drawing, placement, rows) == 0]
        if len(inside) < max(1, fewest):
            continue
        quality = placement.agreed / roots[inside].sum()
        # Large and vague or small and sharp: neither alone.
        good = placement.score * np.sqrt(quality) * (_MIRRORED if placement.mirrored else 1)
        good *= drawing.weights[drawing.figures[placement.figure].sheet]
        judged.append((good, quality, placement, inside))
    judged.sort(key=lambda one: -one[0])
    for good, quality, placement, inside in judged:
        still = roots[inside[free[inside]]].sum()
        if quality < _LEAST_QUALITY or still < _LEAST_FREE * roots[inside].sum():
            continue
        ways = [Way(placement, quality, 0.0)]
        for other_good, other_quality, other, under in judged:
            if len(ways) > _OTHER_WAYS or other_good < _LEAST_STANDING * good:
                break
            if other.mirrored != placement.mirrored and other_good > _SYMMETRIC * good:
                continue
            shared = roots[np.intersect1d(inside, under)].sum()
            if shared >= 0.5 * roots[inside].sum() and all(
                _unlike_ways(drawing, way.placement, other) for way in ways
            ):
                ways.append(Way(other, other_quality, min(0.0, float(np.log(other_good / good)))))
        chosen.append(ways)
        free[inside] = False
    return chosen


def _unlike_ways(drawing: Drawing, one: Placement, other: Placement) -> bool:
    """Whether these lay the same figure differently."""
    if one.figure != other.figure:
        return False
    figure = drawing.figures[one.figure]
    shapes = drawing.sheets[figure.sheet].shapes.take(figure.members)
    side = abs(one.turn) * np.sqrt(shapes.areas.sum())
    away = np.abs(one.placed(shapes.at) - other.placed(shapes.at))
    return bool(one.mirrored != other.mirrored or np.mean(away) > _UNLIKE_WAYS * side)


def _members(drawing: Drawing, placements: Sequence[Placement]) -> list[np.ndarray]:
    """Regions that lie under each placement; those under none belong to one close by."""
    rows = np.flatnonzero(~drawing.shapes.background & (drawing.shapes.areas > 0))
    if not placements:
        return []
    off = np.stack([_outside(drawing, placement, rows) for placement in placements])
    return [rows[(part == off.min(axis=0)) & (part < _FARTHEST)] for part in off]


def _outside(drawing: Drawing, placement: Placement, rows: np.ndarray) -> np.ndarray:
    """How far regions lie outside the box of a placed figure, in sides of it."""
    figure = drawing.figures[placement.figure]
    shapes = drawing.sheets[figure.sheet].shapes
    z: np.ndarray = placement.placed(shapes.at[figure.members])
    side = abs(placement.turn) * np.sqrt(shapes.areas[figure.members].sum())
    at = drawing.shapes.centres[rows]
    away = [
        np.maximum(np.maximum(part.min() - 0.1 * side - place, place - part.max() - 0.1 * side), 0)
        for part, place in ((np.real(z), at[:, 0]), (np.imag(z), at[:, 1]))
    ]
    return np.hypot(*away) / side


class Match:
    """Ways to lay a figure over one part of the line art: candidates for each region there, and
    what speaks for them.

    Attributes:
        rows: (n,) the regions of the line art.
        candidates: (n, C) regions of the sheet.
        colours: (n, C) theirs, columns of the drawing's.
        paper: the paper's, or None where the sheet has none.
        evidence: (n, C, f) in the order of :data:`PLAIN`.
        none: (n, g) what speaks for none of them.
        blank: (n, h) what speaks for its being paper that shows through the figure.
        may_be_paper: (n,) bool, regions that paper may show through at all.
    """

    def __init__(self, drawing: Drawing, ways: Sequence[Way], rows: np.ndarray) -> None:
        figure = drawing.figures[ways[0].placement.figure]
        self._sheet, self._drawing = figure.sheet, drawing
        sheet = drawing.sheets[figure.sheet]
        columns = _largest(figure.members, sheet.shapes, _MOST_REFERENCE)
        self.rows = rows
        self._shapes = here = drawing.shapes.take(rows)
        poses = [_Pose(way, here, sheet, columns) for way in ways]
        count = min(_CANDIDATES, len(columns))
        chosen = np.zeros((len(rows), count), np.int64)
        self.evidence = np.zeros((len(rows), count, len(_weights(PLAIN)[0])))
        on_paper = np.zeros(len(rows))
        best, best_fit = np.zeros(len(columns), np.int64), np.full(len(columns), -1.0)
        for start in range(0, len(rows), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            some = here.take(np.arange(len(rows))[part])
            chosen[part], self.evidence[part, :, :-1], fits, on_paper[part] = _evidence(
                poses, some, count
            )
            row = fits.argmax(axis=0)
            fit = fits[row, np.arange(len(columns))]
            best[fit > best_fit] = start + row[fit > best_fit]
            best_fit = np.maximum(fit, best_fit)
        self.evidence[:, :, -1] = best[chosen] == np.arange(len(rows))[:, None]
        self.candidates = columns[chosen]
        self.colours = drawing.columns[figure.sheet][self.candidates]
        self.paper = None
        if sheet.shapes.background.any():
            self.paper = int(np.searchsorted(drawing.colours, sheet.paper))
        large = 0.2 * np.log(here.areas / poses[0].side ** 2)
        cut, quality = here.cut.astype(float), np.full(len(rows), ways[0].quality)
        tested = np.full(len(rows), self._tested())
        poor = np.minimum(quality, _GOOD_QUALITY)
        none = [np.ones(len(rows)), quality, poor, large, cut, here.paper, tested]
        self.none = np.stack(none, axis=1)
        blank = [np.ones(len(rows)), on_paper, on_paper * here.enclosed, large, cut, here.paper]
        blank += [here.degree, here.enclosed, here.outline]
        self.may_be_paper = (here.enclosed < _ENCLOSED) | here.cut
        if self.paper is None:
            self.may_be_paper[:] = False
        self.blank = np.stack(blank, axis=1)

    def _tested(self) -> float:
        """0 to 1, growing with the number of pairs that say what is found without them: a test
        that the placement has passed. Those that say something else may be meant to."""
        told = self._drawing.told[self.rows]
        rows = np.flatnonzero(told.any(axis=1))
        found = np.count_nonzero(self.colours[rows, 0] == told[rows].argmax(axis=1))
        return found / (found + 1)

    def plain_likelihoods(self, table: Mapping[str, float] = PLAIN) -> np.ndarray:
        """(n, K), from each candidate by itself."""
        return self._likelihoods(self.evidence, self.blank, table)

    def seeing_likelihoods(
        self, known: np.ndarray, around: np.ndarray, table: Mapping[str, float] = SEEING
    ) -> np.ndarray:
        """(n, K), from what is known of all regions (count, K), and round them."""
        return self._likelihoods(*self.seen(known, around), table)

    def seen(self, known: np.ndarray, around: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(n, C, f) evidence and (n, h) of paper, in the order of :data:`SEEING`."""
        beside = self._drawing.borders.around(self._drawing.told)
        others, told = self._on_others(known[self.rows]), self._on_told()
        tables = np.stack([around[self.rows], others, told, beside[self.rows]])
        parts = [slice(at, at + _AT_ONCE) for at in range(0, len(self.rows), _AT_ONCE)]
        added = np.concatenate([self._seen_of(part, *tables[:, part]) for part in parts])
        blank = self._blank_seen(*tables[:3])
        return np.concatenate([self.evidence, added], axis=2), np.hstack([self.blank, blank])

    def _seen_of(
        self,
        part: slice,
        here: np.ndarray,
        others: np.ndarray,
        told: np.ndarray,
        beside: np.ndarray,
    ) -> np.ndarray:
        """(m, C, f): what :data:`SEEING` has beyond :data:`PLAIN`, for some of the rows.

        Args:
            here, others, told, beside: (m, K) what colours are round each region, which regions
                have that look like it, which of these have by a pair, and which are round it by a
                pair.
        """
        there, colours = (
            self._drawing.around[self._sheet][self.candidates[part]],
            self.colours[part],
        )
        on_neighbours, on_others, on_told, on_beside = (
            np.take_along_axis(table, colours, axis=1) for table in (here, others, told, beside)
        )
        own = np.take_along_axis(there, colours[:, :, None], axis=2)[:, :, 0]
        added = [
            np.minimum(here[:, None], there).sum(axis=2),
            np.maximum(here[:, None] - there, 0).sum(axis=2),
            on_others,
            on_neighbours,
            on_others - others.max(axis=1, keepdims=True),
            np.abs(on_neighbours - own),
            on_told,
            on_told - told.max(axis=1, keepdims=True),
            np.minimum(on_beside, own),
        ]
        return np.stack(added, axis=2)

    def _blank_seen(self, here: np.ndarray, others: np.ndarray, told: np.ndarray) -> np.ndarray:
        """(n, h): what :data:`SEEING` has beyond :data:`PLAIN` for paper; see :meth:`_seen_of`."""
        drawn, paper = here.copy(), np.zeros((3, len(self.rows)))
        if self.paper is not None:
            paper[:] = others[:, self.paper], told[:, self.paper], here[:, self.paper]
            drawn[:, self.paper] = 0
        beside = self._drawing.beside_paper[self._sheet]
        added = [
            paper[0],
            paper[1] - told.max(axis=1),
            paper[2],
            drawn.max(axis=1),
            np.minimum(drawn, beside).sum(axis=1),
            drawn @ (beside > _LEAST_BESIDE),
        ]
        return np.stack(added, axis=1)

    def _on_told(self) -> np.ndarray:
        """(n, K): how much a region of a pair that looks just like each has each colour."""
        drawing, found = self._drawing, np.zeros((len(self.rows), len(self._drawing.colours)))
        for region in np.flatnonzero(drawing.told.any(axis=1)):
            one = drawing.shapes.take(np.full(len(self.rows), region))
            alike = np.exp(-_SHARPER * unlike_each(self._shapes, one))
            # Of itself everything is known.
            alike[self.rows == region] = 0
            found = np.maximum(found, alike[:, None] * drawing.told[region])
        return found

    def _on_others(self, known: np.ndarray) -> np.ndarray:
        """(n, K): how much a region that looks just like each has each colour."""
        shapes, found = self._shapes, np.zeros(known.shape)
        order = np.argsort(shapes.areas, kind="stable")
        for step in range(1, min(_ALIKE, len(order) - 1) + 1):
            one, other = order[:-step], order[step:]
            alike = np.exp(-unlike_each(shapes.take(one), shapes.take(other)))[:, None]
            found[one] = np.maximum(found[one], alike * known[other])
            found[other] = np.maximum(found[other], alike * known[one])
        return found

    def _likelihoods(
        self, evidence: np.ndarray, blank: np.ndarray, table: Mapping[str, float]
    ) -> np.ndarray:
        weights, of_none, of_blank = _weights(table)
        of_paper = np.where(self.may_be_paper, blank @ of_blank, -np.inf)
        logits = [evidence @ weights, (self.none @ of_none)[:, None], of_paper[:, None]]
        shares = np.concatenate(logits, axis=1)
        shares = np.exp(shares - shares.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        size, candidates = len(self._drawing.colours), evidence.shape[1]
        boxes = np.arange(len(self.rows))[:, None] * size + self.colours
        found = np.bincount(
            boxes.ravel(), shares[:, :candidates].ravel(), minlength=len(self.rows) * size
        ).reshape(-1, size)
        if self.paper is not None:
            found[:, self.paper] += shares[:, -1]
        return found


class _Pose:
    """A placement bent by the regions that fit, since poses differ.

    Attributes:
        side: of the figure on the line art, pixels.
        behind: the way's.
    """

    def __init__(self, way: Way, here: Shapes, sheet: Sheet, columns: np.ndarray) -> None:
        self._placement, self._mirrored = way.placement, way.placement.mirrored
        self.behind, self._sheet, self._columns = way.behind, sheet, columns
        self._there = there = sheet.shapes.take(columns)
        scale = abs(way.placement.turn)
        self.side = scale * float(np.sqrt(there.areas.sum()))
        self._areas = there.areas * scale**2
        self._straight = self._at = placed = way.placement.placed(there.at)
        self._usual = 0.1
        large = here.take(_largest(np.arange(here.count), here))
        z, alike = large.at, np.exp(-_unlike(large, there)[int(self._mirrored)])
        for _ in range(4):
            rows, columns, fit = mutual(self._fits(large, alike), 0.05)
            if not len(rows):
                return
            smaller = np.minimum(large.areas[rows], self._areas[columns])
            weight = fit * np.sqrt(smaller) / self.side
            away = np.abs(placed[:, None] - placed[columns][None]) / (_BEND * self.side)
            pull = np.exp(-0.5 * away**2) * weight
            moved = pull @ (z[rows] - placed[columns])
            self._at = placed + moved / (pull.sum(axis=1) + 0.05 * weight.max())
            self._usual = float(np.median(np.abs(z[rows] - self._at[columns]))) / self.side

    def _under(self, rows: Shapes) -> tuple[np.ndarray, np.ndarray]:
        """(n, m): the share of each region that lies on each of the figure's; (n,): on paper."""
        away = np.abs(rows.at[:, None] - self._at[None]) / (_BEND * self.side)
        pull = np.exp(-0.5 * np.minimum(away, 6) ** 2)
        moved = pull @ (self._at - self._straight) / pull.sum(axis=1)
        seen = self._placement.seen(rows.cells() - moved[:, None])
        labels, count = self._sheet.regions.labels, len(self._columns)
        # What lies beyond the picture goes on as at its edge.
        x = np.clip(np.real(seen), 0, labels.shape[1] - 1).astype(int)
        y = np.clip(np.imag(seen), 0, labels.shape[0] - 1).astype(int)
        entry = np.full(self._sheet.shapes.count, count + 1)
        entry[self._columns] = np.arange(count)
        entry[self._sheet.shapes.background] = count
        boxes = np.arange(rows.count)[:, None] * (count + 2) + entry[labels[y, x]]
        shares = rows.coarse.reshape(rows.count, -1)
        size = rows.count * (count + 2)
        found = np.bincount(boxes.ravel(), shares.ravel(), size).reshape(-1, count + 2)
        return found[:, :count], found[:, count]

    def _fits(self, rows: Shapes, alike: np.ndarray) -> np.ndarray:
        away = np.abs(rows.at[:, None] - self._at[None]) / (0.1 * self.side)
        size = self._sizes(rows) / 0.5
        return alike * np.exp(-0.5 * (away**2 + size**2))

    def _sizes(self, rows: Shapes) -> np.ndarray:
        return np.minimum(np.abs(np.log(rows.areas[:, None] / self._areas[None])), 3)

    def evidence(self, rows: Shapes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(n, m) cost, lower for better candidates; (f, n, m) evidence; (n, m) how well each fits;
        (n,) the share of each that lies on paper."""
        there, cut = self._there, _cut(rows, self._there)
        apart = np.abs(rows.at[:, None] - self._at[None])
        away = apart / self.side
        smaller = np.minimum(rows.areas[:, None], self._areas[None])
        own = np.minimum(apart / np.sqrt(smaller), 5)
        size = self._sizes(rows)
        rings = np.abs(rows.radial[:, None] - there.radial[None]).sum(axis=2)
        coarse = _coarse(rows, there, self._mirrored)
        under, on_paper = self._under(rows)
        cost = 3 * away + 0.3 * own + 0.5 * (size + rings + coarse) - under - 2 * self.behind
        planes = [
            away,
            5 * away**2,
            own,
            size,
            np.where(cut, size, 0),
            rings,
            coarse,
            np.where(cut, coarse, 0),
            np.abs(rows.elongation[:, None] - there.elongation[None]),
            np.abs(rows.paper[:, None] - there.paper[None]),
            np.abs(rows.degree[:, None] - there.degree[None]),
            np.abs(rows.enclosed[:, None] - there.enclosed[None]),
            np.abs(rows.outline[:, None] - there.outline[None]),
            np.broadcast_to(0.1 * np.log(self._areas / self.side**2), away.shape),
            np.log1p(away / (self._usual + _SMALLEST_OFF)),
            under,
            np.full(away.shape, self.behind),
        ]
        unlike = _unlike(rows, there)[int(self._mirrored)]
        return cost, np.stack(planes), self._fits(rows, np.exp(-unlike)), on_paper


def _evidence(
    poses: Sequence[_Pose], rows: Shapes, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(n, count) best columns under any of the poses, their evidence (n, count, f) under that
    pose, how well each (row, column) fits, and the share of each row that lies on paper."""
    found = [pose.evidence(rows) for pose in poses]
    costs = np.stack([cost for cost, *_ in found])
    way = costs.argmin(axis=0)
    chosen = np.argsort(costs.min(axis=0), axis=1, kind="stable")[:, :count]
    ways = np.take_along_axis(way, chosen, axis=1)
    evidence = np.zeros((*chosen.shape, len(found[0][1])))
    for number, (_, planes, _, _) in enumerate(found):
        picked = np.take_along_axis(planes, chosen[None], axis=2).transpose(1, 2, 0)
        evidence[ways == number] = picked[ways == number]
    fits = np.stack([fit * np.exp(pose.behind) for pose, (_, _, fit, _) in zip(poses, found)])
    standing = np.exp([pose.behind for pose in poses])
    on_paper = standing @ np.stack([paper for *_, paper in found]) / standing.sum()
    return chosen, evidence, fits.max(axis=0), on_paper
