# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything a job needs, read from the document in one go when the button is pressed."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from ..errors import CannotStart
from ..geometry import Box
from ..job import Choices, Options, Sheet, Snapshot
from ..pairing import Marks, Region, read_marks
from . import documents, layers, palettes, points_layer
from .documents import Document
from .layers import Node
from .pixels import SRGB8, converted, read


def take(
    job: str, document_id: str, choices: Choices, options: Options
) -> Generator[None, None, Snapshot]:
    """The snapshot of ``choices``, which have been checked.

    Reads at once, so that nothing painted later gets in; the layers of a very large canvas one
    after the other.  Then it yields between bands of conversion where the document is not 8 bit
    sRGB.  Raises PluginError.
    """
    document = documents.find(document_id)
    document.waitForDone()
    canvas = documents.canvas_box(document)
    lineart = layers.find(document, choices.lineart or "")
    stood = layers.stand(document, lineart)
    inked = stood.inked.intersection(canvas)
    if not inked.area:
        raise CannotStart(
            f"The line art “{lineart.name()}” is empty: it has no lines on the canvas.",
            "Choose the layer with the lines under “Line art”.",
        )
    references = [layers.find(document, identifier) for identifier in choices.references]
    title = documents.title(document)
    wanted = [_Wanted(choices.lineart or "", lineart.name(), canvas)]
    for node in references:
        box = _region(node, canvas, inked)
        wanted.append(_Wanted(node.uniqueId().toString(), node.name(), box))
    keep = choices.keep if choices.finish.has_regions else None
    for identifier in (keep, choices.start.layer):
        if identifier is not None:
            name = layers.find(document, identifier).name()
            wanted.append(_Wanted(identifier, name, canvas))
    marks = _read_marks(document, choices.points, canvas, inked, references)
    palette = palettes.colours(choices.finish.palette) if choices.finish.palette else {}
    # From here on other things happen in between: no document and no layer may be held.
    del document, lineart, references
    raw = []
    for layer in wanted:
        raw.append((yield from read(document_id, layer.id, layer.box)))
    if documents.canvas_box(documents.find(document_id)) != canvas:
        raise CannotStart("The canvas was changed while it was read.", "Press Colorize again.")
    sheets = []
    for layer, picture in zip(wanted, raw):
        pixels = yield from converted(picture, SRGB8)
        sheets.append(Sheet(layer.name, picture.box, pixels))
    start = sheets.pop() if choices.start.layer is not None else None
    kept = sheets.pop() if keep is not None else None
    return Snapshot(
        job=job,
        document=document_id,
        document_title=title,
        lineart_id=wanted[0].id,
        lineart=sheets[0],
        stood=stood,
        references=tuple(sheets[1:]),
        marks=marks,
        options=options,
        finish=choices.finish,
        palette=palette,
        kept=kept,
        preset=choices.preset,
        reference_options=choices.reference_options,
        start=start,
        strength=choices.start.percent / 100,
        source={"document": document_id, "lineart": wanted[0].id},
    )


@dataclass(frozen=True)
class _Wanted:
    """A layer that will be read, and which part of it."""

    id: str
    name: str
    box: Box


def _region(node: Node, canvas: Box, inked: Box) -> Box:
    """The canvas for a reference over the drawing; its own box for one that lies beside it."""
    own = layers.bounds(node)
    if layers.is_passed_through(node):
        # Merged on a canvas like this one, it has nothing outside of it.
        own = own.intersection(canvas)
    if not own.area:
        raise CannotStart(
            f"The reference “{node.name()}” is empty.",
            "Choose a layer with a coloured picture under “Reference”.",
        )
    return canvas if own.covers(inked) else own


def _read_marks(
    document: Document, points_id: str | None, canvas: Box, inked: Box, references: list[Node]
) -> Marks:
    if points_id is None:
        return Marks()
    node = layers.find(document, points_id)
    shapes = points_layer.read(document, node)
    if not shapes:
        return Marks(unused=(f"The points layer “{node.name()}” is empty: nothing was used.",))
    regions = [Region(reference.name(), layers.bounds(reference)) for reference in references]
    marks = read_marks(shapes, canvas, inked, regions)
    if not marks.mean_anything:
        raise CannotStart(
            f"Nothing on the points layer “{node.name()}” can be used.",
            "Draw straight lines from the reference to the line art, or single dots in the colours "
            "that you want. Or choose “none”.",
            marks.unused,
        )
    return marks
