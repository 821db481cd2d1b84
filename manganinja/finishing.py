# SPDX-License-Identifier: GPL-3.0-or-later
"""From the network's proposal to what the artist gets. Imports no torch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from PIL import Image

from .errors import BadRequest
from .files import to_image
from .flats.checks import few
from .flats.cropped import bare_sides
from .flats.flatten import Cut, Flats, colour_regions, divide, marked
from .flats.line_mask import folds_shades
from .flats.matches import Matches, palette_votes
from .flats.notes import Unwritten, left_out, without_notes
from .flats.painting import painting, shade_and_highlight
from .flats.palette import Colour, ReferenceFlats, extract_palette, reference_colour_at
from .flats.spreading import Pointed, Sheet, Spreading, read_sheet
from .flats.values import Mark, Marks, Palette, hex_name
from .memory import Memory, fingerprint
from .points import PointPair, pairs_inside
from .wire.protocol import (
    LEAST_OPAQUE,
    MAX_UNSURE,
    ColorizeRequest,
    FlatsOptions,
    Layer,
    Picture,
    Point,
    Unsure,
)

OnFraction = Callable[[float], None]
Spreads = Callable[..., Spreading]
PICTURES = Memory(512 << 20)
"""What was worked out of pictures alone: palettes, and regions of references and line art."""


def usable_pairs(
    request: ColorizeRequest, most: int | None = None
) -> tuple[dict[int, PointPair], list[str]]:
    """Up to ``most`` pairs with both ends inside their pictures, by their numbers from 1 in the
    request; sentences about the others."""
    sizes = [(p.width_px, p.height_px) for p in (request.lineart, *request.references)]
    kept, notes = pairs_inside(request.pairs, sizes[0], sizes[1:])
    if bare := _on_nothing(request, kept):
        which = "Pair" if len(bare) == 1 else "Pairs"
        named = ", ".join(map(str, bare))
        notes.append(f"{which} {named}: nothing is painted there on the reference; not used.")
        kept = {number: pair for number, pair in kept.items() if number not in bare}
    if most is not None and len(kept) > most:
        notes.append(
            f"This model tells {most} pairs apart; the last {len(kept) - most} were not used."
        )
    return dict(itertools.islice(kept.items(), most)), notes


def _on_nothing(request: ColorizeRequest, pairs: Mapping[int, PointPair]) -> list[int]:
    """Pairs that point at what does not count of a reference of which only what is opaque does."""
    bare = []
    for place, options in enumerate(request.options_of_references):
        of_it = {n: p.reference for n, p in pairs.items() if p.reference_index == place}
        if options.only_opaque and of_it:
            alpha = np.asarray(to_image(request.references[place]).convert("RGBA"))[..., 3]
            bare += [n for n, (x, y) in of_it.items() if alpha[int(y), int(x)] < LEAST_OPAQUE]
    return sorted(bare)


@dataclass(frozen=True)
class Ground:
    """What is known of a request before anything is painted.

    Attributes:
        request: what is asked for.
        pairs: the usable pairs by their numbers in the request.
        pictures: the references, (H, W, 4) uint8 each, without lettering and leader lines.
        references: the flats of each.
        palette: the colours to use.
        figures: the references without swatches as well, and the flats of each.
        unwritten: what tells swatches from figures.
        sheets: the references in regions, in the palette's colours.
        serials: what stands for each reference where something is remembered of it.
        cut: the line art in regions; None where that is not asked for or can't be done.
        trouble: why it can't be done.
    """

    request: ColorizeRequest
    pairs: Mapping[int, PointPair]
    pictures: Sequence[np.ndarray] = field(repr=False)
    references: Sequence[ReferenceFlats] = field(repr=False)
    palette: Palette
    figures: Sequence[tuple[np.ndarray, ReferenceFlats]] = field(repr=False)
    unwritten: Sequence[Unwritten] = field(repr=False)
    sheets: Sequence[Sheet] = field(default=(), repr=False)
    serials: tuple[str, ...] = ()
    cut: Cut | None = field(default=None, repr=False)
    trouble: BadRequest | None = None

    @property
    def bare_sides(self) -> frozenset[int]:
        """The sides on which every reference ends without a line; none without a reference."""
        found = [
            _recall(("bare", of, flats.paper), partial(bare_sides, picture, flats.paper))
            for of, (picture, flats) in zip(self.serials, self.figures)
        ]
        return frozenset.intersection(*found) if found else frozenset()

    @property
    def notes(self) -> list[str]:
        """Sentences for the artist: conflicts of the marks, above all."""
        if self.trouble is not None:
            text = f"{self.trouble.message} The result will be what the network paints, without"
            return [f"{text} clean edges. {self.trouble.remedy}"]
        return [] if self.cut is None else list(self.cut.notes)


def prepare(
    request: ColorizeRequest,
    pairs: Mapping[int, PointPair],
    on_fraction: OnFraction = lambda fraction: None,
) -> Ground:
    """Look at a request's pictures and marks; takes a second for 8 megapixels.

    Args:
        on_fraction: hears how far it is, 0 to 1; may raise to stop.
    """
    options, lineart = request.flats, to_image(request.lineart)
    serial, divided, trouble = _serial(request.lineart), None, None
    # What tells nothing of each other is looked at side by side.
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(_read, request, lineart, serial)
        if options.result != "proposal":
            try:
                divided = divide(
                    lineart,
                    options.gap_px,
                    [_path(path) for path in options.closing],
                    [_path(path) for path in options.merging],
                    _locks(request),
                    on_stage=lambda stage, part: on_fraction(part),
                    recall=_recall,
                    serial=serial,
                    counted=options.lines,
                    bare=lambda: reading.result().bare_sides,
                )
            except BadRequest as error:
                # What the network can make of it is better than nothing.
                trouble = error
        ground = replace(reading.result(), pairs=pairs, trouble=trouble)
    if divided is None:
        return ground
    papers = [paper for flats in ground.references if (paper := flats.paper) is not None]
    marks = _marks(options, pairs, ground.pictures, ground.references)
    cut = marked(divided, marks, _locks(request), papers)
    return replace(ground, cut=replace(cut, notes=(*cut.notes, *left_out(ground.unwritten))))


def _read(request: ColorizeRequest, lineart: Image.Image, serial: str) -> Ground:
    """What is known of the references."""
    given = [np.asarray(to_image(picture).convert("RGBA")) for picture in request.references]
    serials = tuple(_serial(picture) for picture in request.references)
    unwritten = [
        _recall(("notes", of), lambda picture=picture: without_notes(picture))
        or Unwritten(picture, picture)
        for picture, of in zip(given, serials)
    ]
    tones, lines = request.flats.tones, request.flats.lines
    fold_shades = _recall(
        ("folds", serial, tones, lines), lambda: folds_shades(tones, lineart, lines)
    )

    def flats_of(part: str, picture: np.ndarray, of: str) -> ReferenceFlats:
        return _recall(
            ("palette", part, of, fold_shades),
            lambda: extract_palette(picture, fold_shades=fold_shades),
        )

    references = [flats_of("colours", own.colours, of) for own, of in zip(unwritten, serials)]
    # Swatches are colours, but nothing that a drawing has.
    figures = [
        (own.figures, flats_of("figures", own.figures, of) if own.has_swatches else flats)
        for own, flats, of in zip(unwritten, references, serials)
    ]
    asked = request.flats.palette
    palette = _given(asked) if asked else _together(references)
    sheets: list[Sheet] = []
    if len(palette) and request.flats.result != "proposal":
        sheets = [_sheet(of, *known, palette) for of, known in zip(serials, figures)]
    return Ground(
        request,
        {},
        pictures=[own.colours for own in unwritten],
        references=references,
        palette=palette,
        figures=figures,
        unwritten=unwritten,
        sheets=sheets,
        serials=serials,
    )


@dataclass(frozen=True)
class Finished:
    """What the artist gets.

    Attributes:
        layers: of the line art's size, the lowest first.
        notes: sentences for the artist.
        unsure: the regions to look at, those of most doubt first.
    """

    layers: tuple[Layer, ...]
    notes: tuple[str, ...] = ()
    unsure: tuple[Unsure, ...] = ()


def finish(
    ground: Ground,
    proposal: np.ndarray,
    matches: Matches | None = None,
    on_fraction: OnFraction = lambda fraction: None,
    spreading: Spreads = Spreading,
) -> Finished:
    """The result that the request asks for.

    Where the line art can't be cut into regions, the proposal itself is the result: what took the
    network minutes is not thrown away.

    Args:
        proposal: (h, w, 3) uint8, in the line art's aspect.
        matches: where the network found each place of the line art in the references, if it knows.
        spreading: what looks for the references' regions in the line art.
    """
    if ground.cut is None:
        picture = scaled(proposal, ground.request.lineart)
        return Finished((Layer("Proposal", "normal", picture),), tuple(ground.notes))
    flats = flats_for(ground, proposal, matches, on_fraction, spreading)
    kind = ground.request.flats.result
    if kind == "painting":
        layers = (Layer("Painting", "normal", as_picture(painting(flats, proposal))),)
    elif kind == "layers":
        layers = (*flat_layers(flats), *_shading_layers(flats, painting(flats, proposal)))
    else:
        layers = flat_layers(flats, apart=kind == "colours")
    return Finished(layers, flats.notes, unsure_regions(flats))


def flat_layers(flats: Flats, apart: bool = False) -> tuple[Layer, ...]:
    """Flats as the wire takes them: by index where they have colours of the palette only.

    Args:
        apart: what is locked becomes a layer of its own, so that the flats have an index anyway.
    """
    if flats.kept is not None and not apart:
        return (Layer("Flats", "normal", as_picture(flats.rgba())),)
    try:
        index, table = flats.indexed()
    except BadRequest:
        # More colours than an index can tell apart: the pixels themselves are no worse.
        return (Layer("Flats", "normal", as_picture(flats.rgba())),)
    colours = tuple(hex_name(colour[:3]) if colour[3] else None for colour in table.tolist())
    picture = Picture(index.shape[1], index.shape[0], "index8", index.tobytes(), colours)
    layers = [Layer("Flats", "normal", picture)]
    if flats.kept is not None:
        layers.append(Layer("Kept", "normal", as_picture(flats.kept)))
    return tuple(layers)


def _shading_layers(flats: Flats, painted: np.ndarray) -> Iterator[Layer]:
    shade, highlight = shade_and_highlight(flats, painted)
    for name, blend, picture, neutral in (
        ("Shade", "multiply", shade, 255),
        ("Highlight", "screen", highlight, 0),
    ):
        # Transparent where it changes nothing: over empty regions its white would be seen.
        changes = (picture != neutral).any(axis=2)
        rgba = np.zeros((*changes.shape, 4), np.uint8)
        rgba[changes, :3], rgba[changes, 3] = picture[changes], 255
        yield Layer(name, blend, as_picture(rgba))


def unsure_regions(flats: Flats) -> tuple[Unsure, ...]:
    """The regions worth a look, those of most doubt first, as many as the wire takes."""
    return tuple(
        Unsure(Point(*map(float, region.at)), region.confidence, region.why)
        for region in flats.unsure()[:MAX_UNSURE]
    )


def unsure_note(unsure: Sequence[Unsure]) -> list[str]:
    """A sentence about these regions; none where there are none."""
    if not unsure:
        return []
    places = few([(u.at.x_px, u.at.y_px) for u in unsure])
    count = "One region is" if len(unsure) == 1 else f"{len(unsure)} regions are"
    return [f"{count} worth a look: {places}."]


def flats_for(
    ground: Ground,
    proposal: np.ndarray | None,
    matches: Matches | None = None,
    on_fraction: OnFraction = lambda fraction: None,
    spreading: Spreads = Spreading,
) -> Flats:
    """Flats in the colours of a request's references, or of its own palette.

    Regions take the colours of the references' regions that are like them; with a proposal they
    also take what that says.

    Args:
        spreading: what looks for the references' regions in the line art: places and shapes alone,
            or :class:`.match.matched.Matched` with its matcher given.

    Raises:
        BadRequest: the line art can't be cut into regions.
    """
    if ground.cut is None:
        raise ground.trouble or BadRequest("No flats are asked for.", "Ask for flats.")
    request, palette = ground.request, ground.palette
    known = list(zip(ground.pictures, ground.references))
    spread = spreading(
        ground.figures,
        [
            Pointed(pair.lineart, pair.reference, pair.reference_index)
            for pair in ground.pairs.values()
            if ground.unwritten[pair.reference_index].shows(pair.reference)
        ],
        on_fraction,
        [options.weight for options in request.options_of_references],
        sheets=ground.sheets or None,
        serials=ground.serials,
    )
    return colour_regions(
        ground.cut,
        proposal,
        palette,
        _locks(request),
        empty_background=request.flats.empty_background,
        votes=palette_votes(matches, known, palette) if matches and len(palette) else None,
        spread=spread,
        recall=_recall,
    )


def scaled(proposal: np.ndarray, canvas: Picture) -> Picture:
    """The proposal (h, w, 3) uint8, scaled to the canvas and opaque."""
    size_px = (canvas.width_px, canvas.height_px)
    rgba = np.full((size_px[1], size_px[0], 4), 255, np.uint8)
    rgba[..., :3] = cv2.resize(proposal, size_px, interpolation=cv2.INTER_CUBIC)
    return as_picture(rgba)


def as_picture(rgba: np.ndarray) -> Picture:
    """(H, W, 4) uint8 as a picture of the wire's."""
    return Picture(rgba.shape[1], rgba.shape[0], "rgba8", rgba.tobytes())


def _recall(values: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    return PICTURES.recall(fingerprint(*values), make)


def _serial(picture: Picture) -> str:
    """What stands for a picture where something is remembered of it."""
    size = picture.width_px, picture.height_px
    return fingerprint(size, picture.format, picture.table, np.frombuffer(picture.pixels, np.uint8))


def _sheet(serial: str, picture: np.ndarray, flats: ReferenceFlats, palette: Palette) -> Sheet:
    values = ("sheet", serial, flats.palette.colours, flats.shades, palette.colours)
    return _recall(values, lambda: read_sheet(picture, flats, palette))


def _given(colours: Sequence[str]) -> Palette:
    listed = [list(bytes.fromhex(colour[1:])) for colour in dict.fromkeys(colours)]
    return Palette(np.array(listed, np.uint8))


def _together(references: Sequence[ReferenceFlats]) -> Palette:
    palette = references[0].palette
    for reference in references[1:]:
        for colour in reference.palette.colours.tolist():
            palette, _ = palette.with_colour(colour)
    return palette


def _marks(
    options: FlatsOptions,
    pairs: Mapping[int, PointPair],
    pictures: Sequence[np.ndarray],
    references: Sequence[ReferenceFlats],
) -> Marks:
    said: list[tuple[tuple[float, float], Colour]] = []
    for pair in pairs.values():
        at = pair.reference_index
        colour = reference_colour_at(pictures[at], pair.reference, references[at])
        said.append((pair.lineart, colour))
    return Marks(
        pairs=said,
        hints=[Mark((hint.at.x_px, hint.at.y_px), hint.rgb) for hint in options.hints],
        closing=[_path(path) for path in options.closing],
        merging=[_path(path) for path in options.merging],
    )


def _locks(request: ColorizeRequest) -> np.ndarray | None:
    """(H, W, 4) uint8, opaque where pixels stay as they are."""
    return None if request.locks is None else np.asarray(to_image(request.locks).convert("RGBA"))


def _path(points: Sequence[Point]) -> np.ndarray:
    return np.array([(point.x_px, point.y_px) for point in points], np.float64).reshape(-1, 2)
