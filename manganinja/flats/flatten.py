# SPDX-License-Identifier: GPL-3.0-or-later
"""From line art and a proposal to flats: every step of this package in turn."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from PIL import Image

from ..errors import BadRequest
from . import cropped
from .answers import Known, given_to
from .assign import (
    BLANK,
    HINT,
    LOCK,
    UNKNOWN,
    decided,
    region_at,
    through_gaps,
    without_background,
)
from .cells import Cells, find_cells
from .checks import Colour, sentences
from .figures import figures
from .fitting import fitted
from .hatching import join_hatching
from .hearing import Hearing, hear
from .leaks import find_blobs
from .line_mask import drawn_lines
from .palette import extract_palette
from .pixels import looked_up
from .regions import check_size, segment
from .sharing import shared_out
from .spreading import Described, Spreading
from .undrawn import undrawn_shares
from .values import EMPTY, Assignment, Marks, Palette, Regions, hex_name
from .words import nothing_known, proposed, seen

MOST_COLOURS = 255
"""Of an index image, whose entry 0 is transparent."""
SURE = 0.8
"""Confidence from which a region needs no second look."""
OFF_PALETTE = 15.0
"""OKLab distance (times 100) from which a proposal's colour is none of the palette's."""

_USUALLY_PAPER = 0.3
"""How likely a region that reaches the page's edge is paper, before anything is known of it."""
_LEAST_FACTOR = 0.05

_SURELY_TOLD = 2.0
"""How much likelier what pairs tell of a region is than what is known without them, to count."""
OnStage = Callable[[str, float], None]
Recall = Callable[[tuple[Any, ...], Callable[[], Any]], Any]
"""Takes values, by whose content something is remembered, and what makes it."""


@dataclass(frozen=True)
class Unsure:
    """A region to look at.

    Attributes:
        region: its number.
        at: (x, y), a pixel well inside it.
        area_px: free pixels.
        confidence: 0 to 1.
        why: a few words for the artist.
    """

    region: int
    at: tuple[int, int]
    area_px: int
    confidence: float
    why: str


@dataclass(frozen=True)
class Flats:
    """Flats of one drawing: regions, palette, and which colour each region has.

    Nothing is painted until a picture is asked for, so a changed palette costs no new run.

    Attributes:
        kept: (H, W, 4) uint8 or None: pixels that the artist has locked, opaque where locked. What
            is half transparent lies over the flats as a layer would: a soft edge leaves no fringe.
        notes: sentences for the artist.
        seconds: (stage, time) of what was done.
    """

    regions: Regions
    palette: Palette
    assignment: Assignment
    kept: np.ndarray | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    seconds: tuple[tuple[str, float], ...] = ()

    # Pictures

    def indexed(self) -> tuple[np.ndarray, np.ndarray]:
        """The transport format: small, and exact.

        Returns:
            (H, W) uint8 index image, and its table (K + 1, 4) uint8 RGBA of the K colours that
            are used; entry 0 is transparent. Locked pixels are not in it.

        Raises:
            BadRequest: more than 255 colours are used.
        """
        used, entry = np.unique(self.assignment.index, return_inverse=True)
        if used[:1] == EMPTY:
            used = used[1:]
        else:
            entry = entry + 1
        if len(used) > MOST_COLOURS:
            raise BadRequest(
                f"The flats have {len(used)} colours, an index image {MOST_COLOURS}.",
                "Choose a smaller palette.",
            )
        table = np.zeros((len(used) + 1, 4), np.uint8)
        table[1:, :3], table[1:, 3] = self.palette.colours[used], 255
        return looked_up(entry.astype(np.uint8), self.regions.labels), table

    def rgba(self) -> np.ndarray:
        """(H, W, 4) uint8, exact palette colours, opaque but for empty regions."""
        of_region = np.zeros((self.regions.count, 4), np.uint8)
        filled = self.assignment.index != EMPTY
        of_region[filled, :3] = self.palette.colours[self.assignment.index[filled]]
        of_region[filled, 3] = 255
        # One word for each pixel: four times faster than rows of four bytes.
        words = np.ascontiguousarray(of_region).view(np.uint32).ravel()
        picture = looked_up(words, self.regions.labels)[..., None].view(np.uint8)
        return self.with_kept(picture)

    def with_kept(self, picture: np.ndarray) -> np.ndarray:
        """``picture`` (H, W, 4) uint8 with the locked pixels put back, in place."""
        if self.kept is not None:
            alpha = self.kept[..., 3]
            np.copyto(picture, self.kept, where=alpha[..., None] == 255)
            soft = (alpha > 0) & (alpha < 255)
            picture[soft] = _over(self.kept[soft], picture[soft])
        return picture

    def by_colour(self) -> Iterator[tuple[str, tuple[int, int, int], np.ndarray]]:
        """(name, colour, (H, W) bool mask) of each colour that is used, most used first."""
        index = self.assignment.index
        areas = np.bincount(
            index[index >= 0], self.regions.areas_px[index >= 0], minlength=len(self.palette)
        )
        for entry in np.argsort(-areas, kind="stable"):
            members = index == entry
            if members.any():
                red, green, blue = self.palette.colours[entry].tolist()
                yield self.palette.names[entry], (red, green, blue), members[self.regions.labels]

    def by_figure(self) -> Iterator[tuple[int, np.ndarray]]:
        """(number, (H, W, 4) uint8 flats) of each figure, from 1, the largest first: what is drawn
        and hangs together. Locked pixels are not in it."""
        of_region = figures(self.regions)
        whole = replace(self, kept=None).rgba()
        for number in range(1, int(of_region.max(initial=0)) + 1):
            inside = (of_region == number)[self.regions.labels]
            yield number, np.where(inside[..., None], whole, np.uint8(0))

    def confidence_map(self) -> np.ndarray:
        """(H, W) uint8, 255 = sure."""
        return np.rint(self.assignment.confidence * 255).astype(np.uint8)[self.regions.labels]

    # Questions

    def unsure(self, below: float = SURE) -> list[Unsure]:
        """Regions worth a look, the largest doubt (area times uncertainty) first."""
        given = self.assignment
        strange = given.off_palette > OFF_PALETTE
        asked = (given.confidence < below) | strange
        order = np.flatnonzero(asked & (self.regions.areas_px > 0))
        doubt = (1 - given.confidence + strange) * np.sqrt(self.regions.areas_px)
        order = order[np.argsort(-doubt[order], kind="stable")]
        return [
            Unsure(
                int(region),
                place,
                int(self.regions.areas_px[region]),
                float(given.confidence[region]),
                self._why(int(region)),
            )
            for region, place in zip(order, _inner_pixels(self.regions, order), strict=True)
        ]

    def _why(self, region: int) -> str:
        if self.assignment.source[region] == UNKNOWN:
            return "no colour was found"
        if self.assignment.off_palette[region] > OFF_PALETTE:
            return "the palette has no colour like the proposed one"
        return "several colours fit"

    # Changes without a run

    def with_palette_colour(self, entry: int, colour: Sequence[int]) -> Flats:
        """The same flats with another colour for one entry of the palette."""
        colours, names = self.palette.colours.copy(), list(self.palette.names)
        colours[entry] = colour
        names[entry] = hex_name(colour)
        return replace(self, palette=Palette(colours, tuple(names)))

    def with_region_colour(self, region: int, colour: Sequence[int] | None) -> Flats:
        """The same flats with another colour for one region; None leaves it empty."""
        index, source = self.assignment.index.copy(), self.assignment.source.copy()
        confidence, palette = self.assignment.confidence.copy(), self.palette
        strayed = self.assignment.off_palette.copy()
        if colour is None:
            index[region] = EMPTY
        else:
            palette, index[region] = palette.with_colour(colour)
        source[region], confidence[region] = BLANK if colour is None else HINT, 1.0
        strayed[region] = 0.0
        return replace(
            self, palette=palette, assignment=Assignment(index, confidence, source, strayed)
        )


def _inner_pixels(regions: Regions, wanted: np.ndarray) -> list[tuple[int, int]]:
    """(x, y) inside each wanted region, as far from lines as a coarse look finds."""
    rank = np.full(regions.count, -1, np.int64)
    rank[wanted] = np.arange(len(wanted))
    at = np.flatnonzero((rank >= 0)[regions.labels] & (regions.lines == 0))
    of = rank[regions.labels.ravel()[at]]
    depth = cv2.distanceTransform(cv2.bitwise_not(regions.lines), cv2.DIST_L2, 3).ravel()[at]
    deepest = np.zeros(len(wanted), np.float32)
    np.maximum.at(deepest, of, depth)
    middle = depth == deepest[of]
    best = np.zeros(len(wanted), np.int64)
    best[of[middle]] = at[middle]
    rows, columns = np.divmod(best, regions.labels.shape[1])
    return list(zip(columns.tolist(), rows.tolist()))


def _over(layer: np.ndarray, below: np.ndarray) -> np.ndarray:
    """(n, 4) uint8 of pixels over others."""
    front, back = layer.astype(np.float32), below.astype(np.float32)
    shows = back[:, 3:] * (1 - front[:, 3:] / 255)
    alpha = front[:, 3:] + shows
    colours = (front[:, :3] * front[:, 3:] + back[:, :3] * shows) / alpha
    return np.rint(np.concatenate([colours, alpha], axis=1)).astype(np.uint8)


@dataclass(frozen=True)
class Cut:
    """Line art in regions, and what the artist says of them, before anything has a colour.

    Attributes:
        cells: the regions, and what they are made of.
        marks: the artist's.
        hearing: where they are heard.
        papers: colours of the references' paper, which marks may give to the page's.
        source: what the cells are made of, by which they are remembered.
        notes: sentences for the artist: conflicts of the marks, and what was made of them.
        seconds: (stage, time) of what was done.
    """

    cells: Cells
    marks: Marks
    hearing: Hearing
    papers: tuple[Colour, ...] = ()
    source: tuple[Any, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()
    seconds: tuple[tuple[str, float], ...] = ()

    @property
    def regions(self) -> Regions:
        """The regions; what is known of their cells, and marks, may divide them further."""
        return self.cells.regions


@dataclass(frozen=True)
class Divided:
    """Line art in regions and cells, before any mark is heard.

    Attributes:
        cells: the regions, and what they are made of.
        source: what they are made of, by which they are remembered.
        notes: sentences for the artist of lines that were left out.
        seconds: (stage, time) of what was done.
    """

    cells: Cells
    source: tuple[Any, ...] = field(repr=False)
    notes: tuple[str, ...]
    seconds: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class _Pieces:
    """What is known of line art alone.

    Attributes:
        notes: sentences for the artist of lines that were left out.
        open_sides: of :func:`.cropped.open_sides`.
    """

    cells: Cells
    notes: tuple[str, ...]
    open_sides: Mapping[int, Sequence[np.ndarray]]


def divide(
    lineart: Image.Image,
    gap_px: float = 8,
    closing: Sequence[np.ndarray] = (),
    merging: Sequence[np.ndarray] = (),
    kept: np.ndarray | None = None,
    on_stage: OnStage = lambda stage, fraction: None,
    recall: Recall = lambda what, make: make(),
    serial: str | None = None,
    counted: str = "coloured",
    bare: Callable[[], Collection[int]] = tuple,
) -> Divided:
    """Cut line art into regions; arguments and errors as of :func:`flatten`.

    Args:
        closing, merging: of :class:`.values.Marks`.
        recall: gives what was worked out of the same values before, or makes it.
        serial: stands for the line art there.
        counted: which lines count, as for :func:`.line_mask.drawn_lines`.
        bare: gives the sides on which the references end without a line, as
            :func:`.cropped.bare_sides`; asked where the line art's lines just end.
    """
    clock = _Clock(on_stage)
    clock.begin("lines", 0.0)
    check_size(*lineart.size)

    def cut(added: Sequence[np.ndarray] = ()) -> _Pieces:
        lines, notes = drawn_lines(lineart, counted)
        clock.begin("regions", 0.1)
        _check_kept(kept, lines)
        with ThreadPoolExecutor(1) as beside:
            sides = beside.submit(cropped.open_sides, lines)
            regions = join_hatching(segment(lines, gap_px, [*closing, *added], merging))
            cells = find_cells(regions, find_blobs(regions))
            return _Pieces(cells, notes, sides.result())

    source = (serial or lineart, counted, gap_px, *closing, "", *merging)
    pieces = recall(("regions", *source), cut)
    notes = pieces.notes
    if pieces.open_sides and (sides := sorted(set(pieces.open_sides) & set(bare()))):
        added = [path for side in sides for path in pieces.open_sides[side]]
        source = (*source, "", *added)
        pieces = recall(("regions", *source), lambda: cut(added))
        notes = (*notes, cropped.note(sides))
    cells = pieces.cells
    _check_kept(kept, cells.regions.lines)
    clock.end()
    return Divided(cells, source, notes, tuple(clock.seconds))


def marked(
    divided: Divided,
    marks: Marks,
    kept: np.ndarray | None = None,
    papers: Collection[Colour] = (),
) -> Cut:
    """Line art in regions with the artist's marks heard; arguments as of :func:`flatten`."""
    cells = divided.cells
    hearing = hear(cells, marks, papers)
    said = sentences(cells.regions, marks, kept, papers)
    notes = (*divided.notes, *hearing.notes, *said)
    return Cut(cells, marks, hearing, tuple(papers), divided.source, notes, divided.seconds)


def cut_regions(
    lineart: Image.Image,
    marks: Marks | None = None,
    gap_px: float = 8,
    kept: np.ndarray | None = None,
    papers: Collection[Colour] = (),
    on_stage: OnStage = lambda stage, fraction: None,
    counted: str = "coloured",
) -> Cut:
    """:func:`divide` and :func:`marked` in one; arguments and errors as of :func:`flatten`."""
    marks = marks or Marks()
    divided = divide(
        lineart,
        gap_px,
        marks.closing,
        marks.merging,
        kept,
        on_stage=on_stage,
        counted=counted,
    )
    return marked(divided, marks, kept, papers)


def colour_regions(
    cut: Cut,
    proposal: np.ndarray | None,
    palette: Palette | None = None,
    kept: np.ndarray | None = None,
    empty_background: bool = False,
    votes: np.ndarray | None = None,
    spread: Spreading | None = None,
    on_stage: OnStage = lambda stage, fraction: None,
    recall: Recall = lambda what, make: make(),
) -> Flats:
    """Give the regions their colours; arguments and errors as of :func:`flatten`.

    Args:
        recall: gives what was worked out of the same values before, or makes it.
    """
    cells = cut.cells
    _check_kept(kept, cells.regions.lines)
    clock = _Clock(on_stage)
    clock.begin("colours", 0.7)
    if palette is None:
        palette = _own_palette(proposal)
    looked = None if spread is None or not len(palette) else _looked(cut, spread, palette, recall)
    if looked is not None and spread is not None:
        cut, spread = _fitted(cut, spread, palette, looked.whole.likely)
    asked, _ = cut.hearing.entries(palette)
    known = _known(cells, proposal, palette, votes, _trusted(spread, cut), looked, asked)
    regions, assignment, palette, hearing = given_to(cells, known, palette, cut.hearing)
    if empty_background:
        assignment = without_background(regions, assignment)
    if kept is not None:
        assignment, palette = _locked(regions, assignment, palette, kept)
    regions, assignment, palette = shared_out(
        regions, assignment, palette, hearing, cells, known.shares
    )
    assignment, palette = decided(regions, assignment, palette, cut.marks)
    assignment = through_gaps(regions, assignment)
    clock.end()
    notes = (*cut.notes, *hearing.notes[len(cut.hearing.notes) :])
    return Flats(regions, palette, assignment, kept, notes, (*cut.seconds, *clock.seconds))


def flatten(
    lineart: Image.Image,
    proposal: np.ndarray | None,
    palette: Palette | None = None,
    marks: Marks | None = None,
    gap_px: float = 8,
    kept: np.ndarray | None = None,
    empty_background: bool = False,
    votes: np.ndarray | None = None,
    spread: Spreading | None = None,
    papers: Collection[Colour] = (),
    on_stage: OnStage = lambda stage, fraction: None,
    counted: str = "coloured",
) -> Flats:
    """Flats for a drawing: :func:`cut_regions` and :func:`colour_regions` in one.

    Args:
        lineart: of any kind and size up to 128 megapixels.
        proposal: (h, w, 3) uint8, what the regions should look like, in any size and in the
            drawing's aspect; None for the artist's marks alone.
        palette: the colours to use; those of the proposal if None.
        marks: what the artist says; it always wins.
        gap_px: gaps in lines up to this width are closed, 0 to 32, in pixels of the drawing.
        kept: (H, W, 4) uint8 of the drawing's size, opaque where pixels are locked. They stay as
            they are, and a region that is mostly locked in one colour keeps it throughout. What is
            half transparent lies over the flats as a layer would.
        empty_background: leave the paper round the drawing transparent.
        votes: (y, x, K + 1) float32 from :func:`.matches.palette_votes` for this palette; they
            count for more than the proposal's colours.
        spread: what the references' own regions say. Beside a proposal it has a say; without one
            it decides.
        papers: colours of the references' paper, which marks may give to the page's.
        on_stage: hears the name of each stage and the fraction done, 0 to 1.
        counted: which lines count: "ink" alone, what is "coloured" as well, or "all", pencil
            included.

    Raises:
        BadRequest: something can't be used; says why and what to do.
    """
    pieces = cut_regions(lineart, marks, gap_px, kept, papers, on_stage=on_stage, counted=counted)
    return colour_regions(
        pieces, proposal, palette, kept, empty_background, votes, spread, on_stage
    )


def _own_palette(proposal: np.ndarray | None) -> Palette:
    if proposal is None:
        return Palette(np.zeros((0, 3), np.uint8))
    return extract_palette(proposal).palette


def _trusted(spread: Spreading | None, cut: Cut) -> Spreading | None:
    """With those pairs alone that tell of a region as it is: one cell, and not part of the paper.
    What they lie in elsewhere is no thing that the reference shows."""
    if spread is None:
        return None
    cells, hearing = cut.cells, cut.hearing
    kept = []
    for pair in spread.pairs:
        cell = region_at(cells.cells, pair.lineart)
        if cell is not None and hearing.sure[cell] >= 1 and cells.is_one[cells.region_of[cell]]:
            kept.append(pair)
    return replace(spread, pairs=tuple(kept))


@dataclass(frozen=True)
class _Part:
    """Regions, or cells, as what looks for references sees them, before any pair is heard.

    Attributes:
        likely: (count, K + 1).
    """

    described: Described
    likely: np.ndarray


@dataclass(frozen=True)
class _Looked:
    whole: _Part
    cells: _Part


def _looked(cut: Cut, spread: Spreading, palette: Palette, recall: Recall) -> _Looked:
    """What the references say of regions and cells. It depends on the pictures alone."""
    cells, alone = cut.cells, replace(spread, pairs=())
    asked = _parts_of(cells)

    def look() -> _Looked:
        sheets = spread.sheets or alone.read_sheets(palette)
        told = _Together(spread.on_fraction, len(asked))

        def seen(number: int) -> _Part:
            part = replace(alone, on_fraction=partial(told.tell, number))
            described = part.describe(asked[number][0], palette, sheets)
            return _Part(described, part.likelihoods(asked[number][0], palette, described))

        with ThreadPoolExecutor(len(asked)) as beside:
            parts = list(beside.map(seen, range(len(asked))))
        return _Looked(parts[0], parts[-1])

    pictures = spread.serials or [picture for picture, _ in spread.references]
    looked = recall(
        ("looked", *cut.source, *pictures, palette.colours, spread.weights, spread.identity), look
    )
    spread.on_fraction(1.0)
    return looked


def _parts_of(cells: Cells) -> list[tuple[Regions, np.ndarray]]:
    """Regions, and the cells unless these are the regions; how likely each of these is paper."""
    whole = cells.regions, cells.paper_of_regions
    return [whole] if cells.are_whole else [whole, (cells.cells, cells.paper)]


class _Together:
    """How far several things are together that go on side by side.

    Args:
        on_fraction: hears it, from one of them at a time.
    """

    def __init__(self, on_fraction: Callable[[float], None], count: int) -> None:
        self._on_fraction, self._done = on_fraction, [0.0] * count
        self._lock = threading.Lock()

    def tell(self, number: int, fraction: float) -> None:
        """One of them is so far."""
        with self._lock:
            self._done[number] = max(self._done[number], fraction)
            self._on_fraction(sum(self._done) / len(self._done))


def _fitted(
    cut: Cut, spread: Spreading, palette: Palette, likely: np.ndarray
) -> tuple[Cut, Spreading]:
    """With pairs that miss their region by some pixels moved there."""
    table = spread.with_none(cut.cells.regions, likely)
    marks, moved, notes = fitted(cut.marks, cut.cells, table, palette)
    if not moved:
        return cut, spread
    hearing = hear(cut.cells, marks, cut.papers)
    pairs = [replace(p, lineart=moved.get(p.lineart, p.lineart)) for p in spread.pairs]
    cut = replace(cut, marks=marks, hearing=hearing, notes=(*cut.notes, *notes))
    return cut, replace(spread, pairs=tuple(pairs))


def _told(spread: Spreading, part: _Part, regions: Regions, palette: Palette) -> np.ndarray:
    """(count, K + 1) likelihoods. What pairs tell of others counts only where it is much likelier
    than what is known without them: a right pair makes nothing worse."""
    if not spread.pairs:
        return part.likely
    # It may still stop what it does.
    again = replace(spread, on_fraction=lambda fraction: spread.on_fraction(1.0))
    told = again.likelihoods(regions, palette, part.described)
    before, after = (spread.with_none(regions, table) for table in (part.likely, told))
    rows, old, new = np.arange(len(before)), before.argmax(axis=1), after.argmax(axis=1)
    takes = after[rows, new] >= _SURELY_TOLD * after[rows, old]
    # Where nothing was known, nothing gets worse.
    takes |= (old == new) | (old == before.shape[1] - 1)
    return np.where(takes[:, None], told, part.likely)


def _known(
    cells: Cells,
    proposal: np.ndarray | None,
    palette: Palette,
    votes: np.ndarray | None,
    spread: Spreading | None,
    looked: _Looked | None,
    asked: Palette,
) -> Known:
    """What is known of regions and cells before marks are heard in them.

    Args:
        asked: the palette with the marks' colours.
    """
    if not len(palette) or (proposal is None and looked is None):
        return Known(nothing_known(cells.regions, palette), nothing_known(cells.cells, palette))
    words = []
    parts = [None, None] if looked is None else [looked.whole, looked.cells]
    for part, (regions, paper) in zip(parts, _parts_of(cells)):
        likely = None
        if part is not None and spread is not None:
            likely = _not_empty(_told(spread, part, regions, palette), paper)
        if proposal is not None:
            words.append(proposed(regions, proposal, votes, palette, likely))
        elif spread is not None and likely is not None:
            words.append(seen(spread.with_none(regions, likely), spread.strayed(palette)))
    if looked is None or spread is None:
        return Known(words[0], words[-1])
    described = looked.whole.described
    shares = undrawn_shares(spread.references, described.sheets, asked)
    return Known(words[0], words[-1], described.shapes, shares)


def _not_empty(likely: np.ndarray, paper: np.ndarray) -> np.ndarray:
    """Likelihoods (count, K + 1), where a region that is hardly paper (count,) is hardly empty."""
    if likely.shape[1] < 2:
        return likely
    factor = np.where(np.isnan(paper), 1.0, np.clip(paper / _USUALLY_PAPER, _LEAST_FACTOR, 1.0))
    weighed = likely.copy()
    weighed[:, -1] *= factor
    return weighed / (1 - likely[:, -1] + weighed[:, -1])[:, None]


def _check_kept(kept: np.ndarray | None, lines: np.ndarray) -> None:
    if kept is not None and kept.shape != (*lines.shape, 4):
        raise BadRequest(
            f"The locks are {kept.shape[1]} x {kept.shape[0]} px, the line art is "
            f"{lines.shape[1]} x {lines.shape[0]} px.",
            "Save the locks in the size of the line art, transparent where nothing is locked.",
        )


def _locked(
    regions: Regions, assignment: Assignment, palette: Palette, kept: np.ndarray
) -> tuple[Assignment, Palette]:
    """Regions of which at least half is locked in one colour have that colour."""
    at = (kept[..., 3] >= 128) & (regions.lines == 0)
    codes = regions.labels[at].astype(np.int64)
    for channel in range(3):
        codes <<= 8
        codes |= kept[..., channel][at]
    codes, counts = np.unique(codes, return_counts=True)
    most = 2 * counts >= regions.areas_px[codes >> 24]
    locked, of_code = np.unique(codes[most] >> 24, return_index=True)
    chosen = codes[most][of_code]
    colours = np.stack([chosen >> 16 & 255, chosen >> 8 & 255, chosen & 255], axis=1)
    palette, entries = palette.with_colours(colours.tolist())
    index, source = assignment.index.copy(), assignment.source.copy()
    confidence, strayed = assignment.confidence.copy(), assignment.off_palette.copy()
    index[locked], source[locked], confidence[locked], strayed[locked] = entries, LOCK, 1.0, 0.0
    return Assignment(index, confidence, source, strayed), palette


class _Clock:
    def __init__(self, on_stage: OnStage) -> None:
        self._on_stage, self._stage, self._since = on_stage, "", 0.0
        self.seconds: list[tuple[str, float]] = []

    def begin(self, stage: str, fraction: float) -> None:
        self.end()
        self._stage, self._since = stage, time.monotonic()
        self._on_stage(stage, fraction)

    def end(self) -> None:
        if self._stage:
            self.seconds.append((self._stage, time.monotonic() - self._since))
            self._stage = ""
