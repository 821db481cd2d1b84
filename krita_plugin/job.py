# SPDX-License-Identifier: GPL-3.0-or-later
"""One press of the button, as values: what was chosen, what was read, what is asked of the server.

No Krita and no widgets here; `build_request` looks at every pixel and runs in the client's thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from .errors import CannotStart
from .geometry import Box
from .moved import Stand
from .pairing import Marks, colour_word, summary
from .transport import protocol
from .vector_svg import XY

_BAND_PIXELS = 1 << 18
_SAMPLES = 4096


@dataclass(frozen=True)
class Finish:
    """What the result is and how the drawing is cut into regions; belongs to one drawing.

    ``result`` is one of the wire's RESULTS; gaps in lines up to ``gap_px`` (0 to 32) are closed.
    ``palette`` names one of Krita's; "" stands for the reference's own colours.
    ``lines`` is one of the wire's LINES: which of them divide regions; ``tones`` one of its TONES:
    whether a reference's shadows are colours.
    """

    result: str = "flats"
    gap_px: int = 8
    empty_background: bool = False
    detail: bool = False
    palette: str = ""
    lines: str = "coloured"
    tones: str = "drawn"

    @property
    def has_regions(self) -> bool:
        """Whether the drawing is cut into regions at all: only those can be kept or left empty."""
        return self.result != "proposal"


@dataclass(frozen=True)
class Start:
    """What the network starts from: a layer by id, None for nothing; ``percent`` (1 to 100) of it
    is painted anew."""

    layer: str | None = None
    percent: int = 60


@dataclass(frozen=True)
class Choices:
    """The choices for one document: layers by id (``points`` and ``keep``: None for none).

    ``preset`` is one of the wire's PRESETS, None for what the model recommends.  ``counting``
    says of layers by id how they count as a reference, be they chosen as one now or not; those
    that count as usual are left out.
    """

    lineart: str | None = None
    references: tuple[str, ...] = ()
    points: str | None = None
    keep: str | None = None
    finish: Finish = field(default_factory=Finish)
    preset: str | None = None
    counting: Mapping[str, protocol.ReferenceOptions] = field(default_factory=dict)
    start: Start = field(default_factory=Start)

    @property
    def reference_options(self) -> tuple[protocol.ReferenceOptions, ...]:
        """How each of the references counts, in their order."""
        usual = protocol.ReferenceOptions()
        return tuple(self.counting.get(identifier, usual) for identifier in self.references)


@dataclass(frozen=True)
class Options:
    """What goes with the layers.  None is what the model recommends (``model``: the first one)."""

    seed: int = 0
    steps: int | None = None
    guidance_reference: float | None = None
    guidance_points: float | None = None
    model: str | None = None


@dataclass(frozen=True)
class Sheet:
    """A layer's pixels: B, G, R, A bytes in sRGB of ``box`` (document pixels), row-major."""

    name: str
    box: Box
    pixels: Any = field(repr=False)


@dataclass(frozen=True)
class Snapshot:
    """Everything that was read when the button was pressed; nothing else enters the job.

    ``palette``: the names of the colours ("#rrggbb") to use; empty for the reference's own.
    ``reference_options``: one for each reference, or none for the usual ones.  ``start`` is what
    the network starts from, and ``strength`` (above 0 to 1) the share of it that is painted anew.
    """

    job: str
    document: str
    document_title: str
    lineart_id: str
    lineart: Sheet
    stood: Stand
    references: tuple[Sheet, ...]
    marks: Marks
    options: Options
    finish: Finish = field(default_factory=Finish)
    palette: Mapping[str, str] = field(default_factory=dict)
    kept: Sheet | None = None
    preset: str | None = None
    reference_options: tuple[protocol.ReferenceOptions, ...] = ()
    start: Sheet | None = None
    strength: float = 1.0
    source: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Prepared:
    """The request, notes for the artist, and whether the line art has no transparent pixel."""

    request: protocol.ColorizeRequest
    notes: tuple[str, ...]
    lineart_opaque: bool


def check_choices(choices: Choices, names: Mapping[str, str]) -> None:
    """Raises CannotStart where the choices alone make no job; ``names``: the layers by id."""
    if choices.lineart is None or choices.lineart not in names:
        raise CannotStart(
            "No line art is chosen.", "Choose the layer with the lines under “Line art”."
        )
    if not choices.references or any(r not in names for r in choices.references):
        raise CannotStart(
            "No reference is chosen.", "Choose a layer with a coloured picture under “Reference”."
        )
    if choices.lineart in choices.references:
        raise CannotStart(
            f"“{names[choices.lineart]}” is chosen as line art and as reference.",
            "Choose two different layers.",
        )
    if len(set(choices.references)) < len(choices.references):
        raise CannotStart(
            "The same reference is chosen twice.", "Remove one of the two with its minus button."
        )
    if choices.points is not None and choices.points in (choices.lineart, *choices.references):
        raise CannotStart(
            f"“{names.get(choices.points, '')}” is chosen for the points and as a picture.",
            "Choose a vector layer of its own for the points, or “none”.",
        )
    if choices.keep is not None and choices.keep == choices.lineart:
        raise CannotStart(
            f"“{names[choices.keep]}” is chosen as line art and under “Keep”.",
            "Choose the layer whose colours are right under “Keep”, or “none”.",
        )
    if choices.start.layer is not None and choices.start.layer == choices.lineart:
        raise CannotStart(
            f"“{names[choices.lineart]}” is chosen as line art and under “Start from”.",
            "Choose a coloured layer under “Start from”, such as the last result, or “nothing”.",
        )


def build_request(snapshot: Snapshot, models: Sequence[protocol.ModelInfo]) -> Prepared:
    """The request for the server.  Takes as long as the pictures are large: not for the GUI thread.

    Raises CannotStart for pictures without content, protocol.ProtocolError for too large ones.
    """
    # Views, not copies: copying 400 MB keeps every other thread of Python's waiting.
    lineart = memoryview(snapshot.lineart.pixels)
    _check_lineart(snapshot.lineart, lineart)
    references = [memoryview(sheet.pixels) for sheet in snapshot.references]
    alphas = _least_alphas(snapshot)
    for sheet, pixels, alpha in zip(snapshot.references, references, alphas):
        _check_reference(sheet, pixels, alpha)
    pairs, unused = _wire_pairs(snapshot, references, alphas)
    start = _start(snapshot)
    locks, flats = _locks(snapshot), _flats(snapshot)
    notes = [*_understood(snapshot, len(pairs)), *snapshot.marks.unused, *unused]
    if snapshot.kept is not None and locks is None:
        notes.append(f"“{snapshot.kept.name}” is empty, so nothing was kept.")
    if snapshot.start is not None:
        notes.append(_started(snapshot.start.name, snapshot.strength))
    options = snapshot.options
    request = protocol.ColorizeRequest(
        lineart=_picture(snapshot.lineart.box, lineart),
        references=tuple(
            _picture(sheet.box, pixels) for sheet, pixels in zip(snapshot.references, references)
        ),
        pairs=pairs,
        model=_model_name(options.model, models),
        steps=options.steps,
        seed=options.seed,
        guidance_reference=options.guidance_reference,
        guidance_points=options.guidance_points,
        source=snapshot.source,
        result_format="bgra8",
        flats=flats,
        locks=locks,
        preset=snapshot.preset,
        reference_options=snapshot.reference_options,
        initial=start,
        strength=1.0 if start is None else snapshot.strength,
    )
    return Prepared(request, tuple(notes), _is_opaque(lineart))


def _picture(box: Box, pixels: memoryview) -> protocol.Picture:
    # The wire only measures, slices and sends them, which a view can do as well as bytes.
    return protocol.Picture(box.width, box.height, "bgra8", cast(bytes, pixels))


def _model_name(chosen: str | None, models: Sequence[protocol.ModelInfo]) -> str:
    if chosen is not None:
        return chosen
    if not models:
        raise CannotStart("The server has no model.", "Run `python3 install.py` again.")
    return models[0].name


def _check_lineart(sheet: Sheet, pixels: memoryview) -> None:
    if _is_one_colour(pixels):
        raise CannotStart(
            f"The line art “{sheet.name}” is empty: it has no lines on the canvas.",
            "Choose the layer with the lines under “Line art”.",
        )


def _least_alphas(snapshot: Snapshot) -> list[int]:
    """Of each reference the least alpha that counts."""
    options = snapshot.reference_options or (protocol.ReferenceOptions(),) * len(
        snapshot.references
    )
    return [protocol.LEAST_OPAQUE if option.only_opaque else 1 for option in options]


def _check_reference(sheet: Sheet, pixels: memoryview, least_alpha: int) -> None:
    if not _has_visible(pixels):
        raise CannotStart(
            f"The reference “{sheet.name}” is empty.",
            "Choose a layer with a coloured picture under “Reference”.",
        )
    if not _has_visible(pixels, least_alpha):
        raise CannotStart(
            f"Nothing on the reference “{sheet.name}” is opaque, and only what is painted on it "
            "shall count.",
            "Paint on it with full opacity, or let all of it count (the button beside it).",
        )
    if _is_one_colour(pixels, visible_only=True):
        raise CannotStart(
            f"The reference “{sheet.name}” has one colour only, so there is nothing to take "
            "colours from.",
            "Choose a layer with a coloured picture under “Reference”.",
        )


def _locks(snapshot: Snapshot) -> protocol.Picture | None:
    """What stays as it is; None where nothing does.  Raises CannotStart where everything does."""
    sheet = snapshot.kept
    if sheet is None or not snapshot.finish.has_regions:
        return None
    pixels = memoryview(sheet.pixels)
    if _is_opaque(pixels):
        raise CannotStart(
            f"“{sheet.name}” covers the whole canvas, so nothing is left to colour.",
            "Erase on it what is to be coloured anew, or choose “none” under “Keep”.",
        )
    return _picture(sheet.box, pixels) if _has_visible(pixels) else None


def _started(name: str, strength: float) -> str:
    if strength == 1:
        return f"100 % painted anew leaves nothing of “{name}”: it was not started from."
    return f"Started from “{name}”, {100 * strength:.0f} % of it painted anew."


def _start(snapshot: Snapshot) -> protocol.Picture | None:
    """What the network starts from.  Raises CannotStart where nothing is on it."""
    sheet = snapshot.start
    if sheet is None:
        return None
    pixels = memoryview(sheet.pixels)
    if not _has_visible(pixels):
        raise CannotStart(
            f"“{sheet.name}” is empty, and the colouring shall start from it.",
            "Choose a coloured layer under “Start from”, such as the last result, or “nothing”.",
        )
    return _picture(sheet.box, pixels)


def _is_one_colour(pixels: memoryview, visible_only: bool = False) -> bool:
    """Whether all pixels (or all that can be seen at all) are equal."""
    view = pixels.cast("B").cast("I")
    seen = _colours(view[:: max(1, len(view) // _SAMPLES)], visible_only)
    if len(seen) > 1:
        return False
    # In bands: other threads get their turn in between.
    for start in range(0, len(view), _BAND_PIXELS):
        seen |= _colours(view[start : start + _BAND_PIXELS], visible_only)
        if len(seen) > 1:
            return False
    return True


def _colours(view: memoryview, visible_only: bool) -> set[int]:
    colours = set(view.tolist())
    if not visible_only:
        return colours
    # Native order of the four bytes B, G, R, A: alpha is the last one in memory.
    return {c for c in colours if c.to_bytes(4, _BYTE_ORDER)[3]}


_BYTE_ORDER: Any = "little" if memoryview(b"\x01\0\0\0").cast("I")[0] == 1 else "big"


def _alphas(pixels: memoryview) -> Iterator[bytes]:
    """The alpha bytes, band by band."""
    step = 4 * _BAND_PIXELS
    return (bytes(pixels[start + 3 : start + step : 4]) for start in range(0, len(pixels), step))


def _has_visible(pixels: memoryview, least_alpha: int = 1) -> bool:
    too_faint = bytes(range(least_alpha))
    return any(band.translate(None, too_faint) for band in _alphas(pixels))


def _is_opaque(pixels: memoryview) -> bool:
    return all(band.count(255) == len(band) for band in _alphas(pixels))


def _flats(snapshot: Snapshot) -> protocol.FlatsOptions:
    finish, marks = snapshot.finish, snapshot.marks
    options = protocol.FlatsOptions(
        result=finish.result,
        gap_px=finish.gap_px,
        empty_background=finish.empty_background,
        detail=finish.detail,
        lines=finish.lines,
        tones=finish.tones,
        palette=tuple(snapshot.palette),
    )
    if not finish.has_regions:
        return options
    return replace(
        options,
        hints=tuple(
            protocol.Hint(_on_lineart(snapshot, hint.at), hint.colour) for hint in marks.hints
        ),
        closing=tuple(_wire_path(snapshot, path) for path in marks.closing),
        merging=tuple(_wire_path(snapshot, path) for path in marks.merging),
    )


def _on_lineart(snapshot: Snapshot, point: XY) -> protocol.Point:
    box = snapshot.lineart.box
    return protocol.Point(point[0] - box.left, point[1] - box.top)


def _wire_path(snapshot: Snapshot, path: Sequence[XY]) -> tuple[protocol.Point, ...]:
    # A scribble may have more points than the wire takes: every other one will do.
    while len(path) > protocol.MAX_NODES:
        path = (*path[:-1:2], path[-1])
    return tuple(_on_lineart(snapshot, point) for point in path)


def _understood(snapshot: Snapshot, pairs: int) -> list[str]:
    """What the points layer was taken to say, for the artist to check."""
    marks = snapshot.marks
    empty = sum(hint.colour is None for hint in marks.hints)
    regional = (len(marks.hints) - empty, empty, len(marks.closing), len(marks.merging))
    if snapshot.finish.has_regions:
        said = summary(pairs, *regional)
        return [f"On the points layer: {said}."] if said else []
    said, unused = summary(pairs, 0, 0, 0, 0), summary(0, *regional)
    notes = [f"On the points layer: {said}."] if said else []
    if unused:
        notes.append(f"The network follows pairs only. Not used: {unused}.")
    return notes


def _wire_pairs(
    snapshot: Snapshot, references: Sequence[memoryview], least_alphas: Sequence[int]
) -> tuple[tuple[protocol.Pair, ...], list[str]]:
    pairs, unused = [], []
    for found in snapshot.marks.pairs:
        sheet = snapshot.references[found.reference_index]
        reference = (found.reference[0] - sheet.box.left, found.reference[1] - sheet.box.top)
        pixels, alpha = references[found.reference_index], least_alphas[found.reference_index]
        if not _is_visible(sheet.box, pixels, reference, alpha):
            place = f"({round(found.reference[0])}, {round(found.reference[1])})"
            unused.append(
                f"The {colour_word(found.colour)} pair starts at {place}, where the reference "
                f"“{sheet.name}” is transparent."
            )
            continue
        lineart = _on_lineart(snapshot, found.lineart)
        pairs.append(protocol.Pair(protocol.Point(*reference), lineart, found.reference_index))
    return tuple(pairs), unused


def _is_visible(box: Box, pixels: memoryview, point: tuple[float, float], least_alpha: int) -> bool:
    x, y = int(point[0]), int(point[1])
    if not (0 <= x < box.width and 0 <= y < box.height):
        return False
    return pixels[4 * (y * box.width + x) + 3] >= least_alpha
