# SPDX-License-Identifier: GPL-3.0-or-later
"""The result as a new paint layer or a group of them: one undo step, no other layer touched."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from .. import moved
from ..errors import CannotWrite, LayerGone
from ..geometry import Box
from ..indexed import Part, bgra, filled_blocks
from ..moved import Stand
from ..qt import QByteArray
from . import documents, layers
from .documents import Document
from .layers import Node
from .pixels import SRGB8, ColourSpace, RawPicture, converted, hidden_document, space_of

_BAND_PIXELS = 1_000_000
_LOOK_MS = 30


@dataclass(frozen=True)
class Placement:
    """Where a result went: the new layer's id and name, and what the artist should know."""

    layer: str
    name: str
    is_group: bool = False
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        return f"“{self.name}” is a new {'group of layers' if self.is_group else 'layer'}."


def place(
    document_id: str,
    lineart_id: str,
    title: str,
    stood: Stand,
    parts: Sequence[Part],
    lineart_opaque: bool,
) -> Generator[int | None, None, Placement]:
    """Adds ``parts`` (the lowest first, in sRGB, the size of the canvas) directly below the line
    art: one as a paint layer, several as a group of paint layers.

    ``stood``: where the drawing lay when it was read.  The new layer goes where it was, or along
    with line art that was shifted since, as by a crop.

    ``title`` may hold "{number}", the count of results so far.  A generator that yields while it
    converts and copies, and adds the layer at the very end, so cancelling leaves no trace.
    Raises DocumentGone or CannotWrite.
    """
    document, box = documents.find(document_id), stood.canvas
    # In a grey document converted pixels would lose their colours for ever; a layer may have a
    # colour space of its own, and keeps them until the document is converted.
    grey = document.colorModel() in ("GRAYA", "A")
    space = SRGB8 if grey else space_of(document)
    name = _name(document, title)
    # Nothing may be set on a layer of the artist's document: each setting is an undo step.
    lowest = _is_lowest(document, lineart_id)
    size = (box.width, box.height) if len(parts) > 1 else (1, 1)
    keeper = hidden_document(*size, space) if grey or lowest or len(parts) > 1 else None
    try:
        if keeper is not None and len(parts) > 1:
            node = yield from _group(keeper, name, parts, box, space, document_id)
        else:
            node = (keeper or document).createNode(name, "paintlayer")
            yield from _fill(node, parts[0], box, space, document_id)
        if lowest:
            node.setBlendingMode("multiply")
        document = documents.find(document_id)
        shift, notes = _follow(document, lineart_id, node, stood)
        notes += _insert(document, lineart_id, node, lineart_opaque)
        if shift != (0, 0) and len(parts) > 1:
            # What a group shows is worked out beforehand, for the old place.
            document.refreshProjection()
    finally:
        if keeper is not None:
            keeper.setModified(False)
            keeper.close()
    if grey:
        notes.append(
            "This is a greyscale document: convert it to RGB (Image menu) to see the colours."
        )
    return Placement(node.uniqueId().toString(), node.name(), len(parts) > 1, tuple(notes))


def _name(document: Document, title: str) -> str:
    return title.replace("{number}", str(_next_number(document, title)))


def _is_lowest(document: Document, lineart_id: str) -> bool:
    try:
        return _slot_below(layers.find(document, lineart_id))[1] is None
    except LayerGone:
        return False


def _next_number(document: Document, title: str) -> int:
    prefix = title.split("{number}")[0]
    numbers = [0]
    for info in layers.list_layers(document):
        digits = info.name[len(prefix) :].split(" ")[0] if info.name.startswith(prefix) else ""
        if digits.isdigit():
            numbers.append(int(digits))
    return max(numbers) + 1


def _group(
    keeper: Document,
    name: str,
    parts: Sequence[Part],
    box: Box,
    space: ColourSpace,
    document_id: str,
) -> Generator[int | None, None, Node]:
    """A filled group outside of any document.

    Krita works out what a group shows when a layer is added to it inside a document, and at no
    other time that takes no undo step; so the last layer is added inside ``keeper``, whose copy
    of the group then shows everything.
    """
    group = keeper.createNode(name, "grouplayer")
    for part in parts[:-1]:
        group.addChildNode((yield from _layer(keeper, part, box, space, document_id)), None)
    last = yield from _layer(keeper, parts[-1], box, space, document_id, everywhere=True)
    _add(keeper.rootNode(), group, None)
    _add(group, last, None)
    while not keeper.tryBarrierLock():
        yield _LOOK_MS
        documents.find(document_id)
    keeper.unlock()
    copy = group.duplicate()
    yield
    documents.find(document_id)
    return copy


def _layer(
    keeper: Document,
    part: Part,
    box: Box,
    space: ColourSpace,
    document_id: str,
    everywhere: bool = False,
) -> Generator[None, None, Node]:
    node = keeper.createNode(part.name, "paintlayer")
    node.setBlendingMode(part.blend)
    if everywhere:
        # Krita draws a group anew where the added layer has anything, be it transparent.
        for x, y in ((box.left, box.top), (box.right - 1, box.bottom - 1)):
            pixel = node.pixelData(x, y, 1, 1)
            node.setPixelData(QByteArray(bytes(len(pixel))), x, y, 1, 1)
    yield from _fill(node, part, box, space, document_id)
    return node


def _fill(
    node: Node, part: Part, box: Box, space: ColourSpace, document_id: str
) -> Generator[None, None, None]:
    # Before the layer is in the document: writing afterwards would eat an undo step.
    table = part.picture.table
    if table:
        palette = RawPicture(Box(0, 0, len(table), 1), SRGB8, bgra(table))
        data = bytes((yield from converted(palette, space)))
        size = len(data) // len(table)
        pieces = filled_blocks(part, [data[i : i + size] for i in range(0, len(data), size)])
    else:
        picture = RawPicture(box, SRGB8, part.picture.pixels)
        pieces = _filled_bands(box, (yield from converted(picture, space)))
    written = 0
    for piece, data in pieces:
        place = box.left + piece.left, box.top + piece.top, piece.width, piece.height
        node.setPixelData(QByteArray(data), *place)
        written += piece.area
        if written >= _BAND_PIXELS:
            written = 0
            yield
            documents.find(document_id)


def _filled_bands(box: Box, data: bytes) -> Iterator[tuple[Box, bytes]]:
    """The bands that have anything in them."""
    view, stride = memoryview(data), len(data) // box.height
    rows = max(1, _BAND_PIXELS // box.width)
    for top in range(0, box.height, rows):
        count = min(rows, box.height - top)
        band = bytes(view[top * stride : (top + count) * stride])
        if band.count(0) < len(band):
            yield Box(0, top, box.width, count), band


def _follow(
    document: Document, lineart_id: str, node: Node, stood: Stand
) -> tuple[tuple[int, int], list[str]]:
    """Shifts the new layer by as much as the line art was, and gives notes for the artist."""
    try:
        now = layers.stand(document, layers.find(document, lineart_id))
    except LayerGone:
        now = replace(stood, canvas=documents.canvas_box(document))
    shift = moved.moved_by(stood, now)
    if shift != (0, 0):
        # Not a step of its own in the artist's history: the layer is not in the document yet.
        for member in node.childNodes() or [node]:
            member.move(*shift)
    return shift, moved.notes(stood, now)


def _insert(document: Document, lineart_id: str, node: Node, lineart_opaque: bool) -> list[str]:
    """Adds the filled layer; one undo step.  Gives notes for the artist."""
    try:
        lineart = layers.find(document, lineart_id)
    except LayerGone:
        _add(document.rootNode(), node, None)
        return ["The line art layer is gone, so the result is the topmost layer."]
    parent, below = _slot_below(lineart)
    if below is not None:
        _add(parent, node, below)
        return _hidden_note(lineart, lineart_opaque)
    # Krita's Python can only add on top of another layer, and there is none underneath.
    _add(parent, node, lineart)
    return [
        "The line art is the lowest layer, and nothing can be put below that, so the result lies "
        "above it and is set to Multiply."
    ]


def _slot_below(lineart: Node) -> tuple[Node, Node | None]:
    """(parent, layer to put the result on): climbs out of groups in which nothing is below."""
    node = lineart
    while True:
        parent = node.parentNode()
        siblings = [n for n in parent.childNodes() if n.type().endswith("layer")]
        index = next(i for i, n in enumerate(siblings) if n.uniqueId() == node.uniqueId())
        if index > 0:
            return parent, siblings[index - 1]
        if parent.parentNode() is None:
            return lineart.parentNode(), None
        node = parent


def _hidden_note(lineart: Node, opaque: bool) -> list[str]:
    if opaque and lineart.blendingMode() == "normal":
        return [
            "The line art is opaque and hides the result below it: "
            "set its blending mode to Multiply."
        ]
    return []


def _add(parent: Node, node: Node, above: Node | None) -> None:
    if not parent.addChildNode(node, above):
        raise CannotWrite(
            "Krita did not take the new layer.", "Unlock the group of the line art and try again."
        )
