# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything a job needs, read from the document in one go when the button is pressed."""

from __future__ import annotations

from collections.abc import Generator

from ..errors import CannotStart
from ..geometry import Box
from ..job import Choices, Options, Sheet, Snapshot
from ..pairing import PairsFound, Region, find_pairs
from . import documents, layers, points_layer
from .documents import Document
from .layers import Node
from .pixels import SRGB8, RawPicture, converted, read


def take(
    job: str, document_id: str, choices: Choices, options: Options
) -> Generator[None, None, Snapshot]:
    """The snapshot of ``choices``, which have been checked.

    Reads at once, so that nothing painted later gets in (but for very large canvases); then yields
    between bands of conversion where the document is not 8 bit sRGB.  Raises PluginError.
    """
    document = documents.find(document_id)
    document.waitForDone()
    canvas = documents.canvas_box(document)
    lineart = layers.find(document, choices.lineart or "")
    inked = layers.bounds(lineart).intersection(canvas)
    if not inked.area and not layers.is_passed_through(lineart):
        raise CannotStart(
            f"The line art “{lineart.name()}” is empty: it has no lines on the canvas.",
            "Choose the layer with the lines under “Line art”.",
        )
    references = [layers.find(document, identifier) for identifier in choices.references]
    nodes = [(lineart, canvas)]
    nodes += [(node, _region(node, canvas, inked)) for node in references]
    found = _find_pairs(document, choices.points, canvas, inked, references)
    title, lineart_id = documents.title(document), lineart.uniqueId().toString()
    raw = []
    for node, box in nodes:
        picture = yield from read(node, box)
        raw.append((node.name(), picture))
    sheets = []
    for name, picture in raw:
        sheet = yield from _sheet(name, picture)
        sheets.append(sheet)
    return Snapshot(
        job=job,
        document=document_id,
        document_title=title,
        lineart_id=lineart_id,
        lineart=sheets[0],
        references=tuple(sheets[1:]),
        pairs=found.pairs,
        unused=found.unused,
        options=options,
        source={"document": document_id, "lineart": lineart_id},
    )


def _sheet(name: str, picture: RawPicture) -> Generator[None, None, Sheet]:
    pixels = yield from converted(picture, SRGB8)
    return Sheet(name, picture.box, pixels)


def _region(node: Node, canvas: Box, inked: Box) -> Box:
    """The canvas for a reference over the drawing; its own box for one that lies beside it."""
    own = layers.bounds(node)
    if layers.is_passed_through(node):
        return canvas
    if not own.area:
        raise CannotStart(
            f"The reference “{node.name()}” is empty.",
            "Choose a layer with a coloured picture under “Reference”.",
        )
    return canvas if own.covers(inked) else own


def _find_pairs(
    document: Document, points_id: str | None, canvas: Box, inked: Box, references: list[Node]
) -> PairsFound:
    if points_id is None:
        return PairsFound()
    node = layers.find(document, points_id)
    shapes = points_layer.read(document, node)
    if not shapes:
        return PairsFound((), (f"The points layer “{node.name()}” is empty: no points were used.",))
    regions = [Region(reference.name(), layers.bounds(reference)) for reference in references]
    found = find_pairs(shapes, canvas, inked, regions)
    if not found.pairs:
        raise CannotStart(
            f"Nothing on the points layer “{node.name()}” makes a pair.",
            "Draw straight lines from the reference to the line art, or dots of one colour: a "
            "rectangle on the reference and an ellipse on the line art. Or choose “none”.",
            found.unused,
        )
    return found
