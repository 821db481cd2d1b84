# SPDX-License-Identifier: GPL-3.0-or-later
"""From the network's proposal to what the artist gets. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import numpy as np

from .errors import BadRequest
from .files import to_image
from .flats.flatten import Flats, flatten
from .flats.matches import Matches, palette_votes
from .flats.painting import painting
from .flats.palette import Colour, ReferenceFlats, extract_palette, reference_colour_at
from .flats.spreading import Pointed, Spreading
from .flats.values import Mark, Marks, Palette
from .points import PointPair
from .wire.protocol import ColorizeRequest, FlatsOptions, Picture, Point

_MOST_NAMED = 5

OnFraction = Callable[[float], None]


def finish(
    request: ColorizeRequest,
    pairs: Mapping[int, PointPair],
    proposal: np.ndarray,
    matches: Matches | None = None,
    on_fraction: OnFraction = lambda fraction: None,
) -> tuple[Picture, list[str]]:
    """The result that the request asks for, at the line art's size, and notes for the artist.

    Where the line art can't be cut into regions, the proposal itself is the result, with a note:
    what took the network minutes is not thrown away.

    Args:
        pairs: the usable pairs by their numbers in the request.
        proposal: (h, w, 3) uint8, in the line art's aspect.
        matches: where the network found each place of the line art in the references, if it knows.
    """
    if request.flats.result == "proposal":
        return scaled(proposal, request.lineart), []
    try:
        flats = flats_for(request, pairs, proposal, matches, on_fraction)
    except BadRequest as error:
        note = f"{error.message} This is what the network painted, without clean edges."
        return scaled(proposal, request.lineart), [f"{note} {error.remedy}"]
    notes = [*flats.notes, *_unsure(flats)]
    pixels = flats.rgba() if request.flats.result == "flats" else painting(flats, proposal)
    return as_picture(pixels), notes


def flats_for(
    request: ColorizeRequest,
    pairs: Mapping[int, PointPair],
    proposal: np.ndarray | None,
    matches: Matches | None = None,
    on_fraction: OnFraction = lambda fraction: None,
) -> Flats:
    """Flats for a request in the colours of its references, or of its own palette.

    Without a proposal, regions take the colours of the references' regions that are like them.

    Raises:
        BadRequest: the line art can't be cut into regions.
    """
    options = request.flats
    pictures = [np.asarray(to_image(picture).convert("RGBA")) for picture in request.references]
    references = [extract_palette(picture) for picture in pictures]
    palette = _given(options.palette) if options.palette else _together(references)
    spreading = Spreading(
        list(zip(pictures, references)),
        [Pointed(p.lineart, p.reference, p.reference_index) for p in pairs.values()],
        lambda part: on_fraction(0.7 + 0.3 * part),
    )
    return flatten(
        to_image(request.lineart),
        proposal,
        palette,
        _marks(options, pairs, pictures, references),
        options.gap_px,
        None if request.locks is None else np.asarray(to_image(request.locks).convert("RGBA")),
        empty_background=options.empty_background,
        votes=palette_votes(matches, pictures, palette) if matches and len(palette) else None,
        spread=spreading,
        on_stage=lambda stage, fraction: on_fraction(fraction),
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


def _path(points: Sequence[Point]) -> np.ndarray:
    return np.array([(point.x_px, point.y_px) for point in points], np.float64).reshape(-1, 2)


def _unsure(flats: Flats) -> list[str]:
    regions = flats.unsure()
    if not regions:
        return []
    places = ", ".join(f"({r.at[0]}, {r.at[1]})" for r in regions[:_MOST_NAMED])
    more = len(regions) - _MOST_NAMED
    count = "One region is" if len(regions) == 1 else f"{len(regions)} regions are"
    return [f"{count} worth a look: {places}{f' and {more} more' if more > 0 else ''}."]
