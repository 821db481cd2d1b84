# SPDX-License-Identifier: GPL-3.0-or-later
"""Pixels of layers, and colour spaces.

Conversion goes through a hidden document: Krita's own conversion of a layer of the artist's
document would land on the artist's undo stack.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from krita import Krita

from ..errors import CannotRead
from ..geometry import Box
from ..qt import QByteArray
from . import documents, layers
from .documents import Document
from .layers import Node

_BAND_PIXELS = 1_000_000
_SAME_TURN_BYTES = 128 << 20
_READ_AT_ONCE_BYTES = 256 << 20
_READ_BAND_BYTES = 16 << 20
_MERGE_PIXELS = 32_000_000
_MERGED = ("paintlayer", "grouplayer", "transparencymask")


@dataclass(frozen=True)
class ColourSpace:
    """A colour space in Krita's own names."""

    model: str
    depth: str
    profile: str


SRGB8 = ColourSpace("RGBA", "U8", "sRGB-elle-V2-srgbtrc.icc")
"""Pixels of it are B, G, R, A bytes, not premultiplied."""


@dataclass(frozen=True)
class RawPicture:
    """Pixels as Krita stores them: ``data`` is a QByteArray or bytes, row-major, no padding."""

    box: Box
    space: ColourSpace
    data: Any


def space_of(owner: Document | Node) -> ColourSpace:
    """The colour space of a document or a layer."""
    return ColourSpace(owner.colorModel(), owner.colorDepth(), owner.colorProfile())


def read(document_id: str, layer_id: str, box: Box) -> Generator[None, None, RawPicture]:
    """What the layer shows inside ``box``, with its masks and effects, hidden or not.

    A generator.  Up to 256 MiB (67 megapixels of 8 bit) come in one go: what is painted meanwhile
    can't get into half of a picture.  Larger ones take several turns: 100 megapixels at once
    took from 0.2 s to, on a busy machine, 1.2 s, with Krita standing still.  Raises DocumentGone,
    LayerGone or CannotRead.
    """
    node = layers.find(documents.find(document_id), layer_id)
    space = space_of(node)
    if layers.is_passed_through(node):
        return RawPicture(box, space, _read_merged(node, box, space))
    row_bytes = box.width * len(_read_rows(node, Box(box.left, box.top, 1, 1)))
    if row_bytes * box.height <= _READ_AT_ONCE_BYTES:
        data = _read_rows(node, box)
        del node
        # All layers of an ordinary page are read as they are at one and the same moment.
        if len(data) > _SAME_TURN_BYTES:
            yield
        return RawPicture(box, space, data)
    del node
    data, rows = bytearray(row_bytes * box.height), max(1, _READ_BAND_BYTES // row_bytes)
    for top in range(0, box.height, rows):
        band = Box(box.left, box.top + top, box.width, min(rows, box.height - top))
        # The layer or its document may have gone since the last band.
        node = layers.find(documents.find(document_id), layer_id)
        if space_of(node) != space or layers.is_passed_through(node):
            raise CannotRead(
                f"The layer “{node.name()}” was changed while it was read.", "Press Colorize again."
            )
        memoryview(data)[top * row_bytes : (top + band.height) * row_bytes] = memoryview(
            _read_rows(node, band)
        )
        del node
        yield
    return RawPicture(box, space, data)


def _read_merged(group: Node, box: Box, space: ColourSpace) -> Any:
    """What a group would show that is not set to Pass Through, in 0.3 s for 6 megapixels.

    Its layers are merged in a hidden document, on a copy: the artist's document and its history
    stay as they are.  Raises CannotRead.
    """
    if box.right * box.bottom > _MERGE_PIXELS or not _can_be_merged(group):
        raise CannotRead(
            f"The group “{group.name()}” is set to Pass Through, so it has no picture of its own.",
            "Switch Pass Through off for that group, or choose a layer inside it.",
        )
    hidden = hidden_document(box.right, box.bottom, space)
    try:
        copy = group.duplicate()
        copy.setPassThroughMode(False)
        hidden.rootNode().addChildNode(copy, None)
        hidden.refreshProjection()
        hidden.waitForDone()
        return _read_rows(copy, box)
    finally:
        hidden.setModified(False)
        hidden.close()


def _can_be_merged(node: Node) -> bool:
    # Vector layers are drawn at the hidden document's resolution, clones refer to other layers:
    # what has not been seen to come out right is not tried.
    return node.type() in _MERGED and all(_can_be_merged(child) for child in node.childNodes())


def _read_rows(node: Node, box: Box) -> Any:
    data = node.projectionPixelData(box.left, box.top, box.width, box.height)
    if len(data) == 0 or len(data) % box.area:
        raise CannotRead(
            f"Krita gives no pixels for the layer “{node.name()}”.", "Choose another layer."
        )
    return data


def converted(picture: RawPicture, space: ColourSpace) -> Generator[None, None, Any]:
    """The bytes of ``picture`` in another colour space.

    A generator: after each band of about a megapixel it yields, so that Krita can draw; its
    return value is the data.  Raises CannotRead.
    """
    if picture.space == space:
        return picture.data
    width, height = picture.box.width, picture.box.height
    rows = max(1, min(height, _BAND_PIXELS // max(1, width)))
    source, parts = memoryview(picture.data), []
    stride = len(source) // height
    hidden = hidden_document(width, rows, picture.space)
    try:
        for top in range(0, height, rows):
            count = min(rows, height - top)
            band = bytes(source[top * stride : (top + count) * stride])
            parts.append(_convert_band(hidden, band, width, count, space))
            yield
    finally:
        hidden.setModified(False)
        hidden.close()
    return b"".join(parts)


def hidden_document(width: int, height: int, space: ColourSpace) -> Document:
    """A document without a view; close it."""
    hidden = Krita.instance().createDocument(
        width, height, "colorize", space.model, space.depth, space.profile, 72.0
    )
    hidden.setBatchmode(True)
    return hidden


def _convert_band(hidden: Document, band: bytes, width: int, height: int, to: ColourSpace) -> bytes:
    # The layer never joins the hidden document's tree: the call needs only the layer itself.
    node = hidden.createNode("band", "paintlayer")
    node.setPixelData(QByteArray(band), 0, 0, width, height)
    if not node.setColorSpace(to.model, to.depth, to.profile):
        raise CannotRead(
            f"Krita can't convert between {to.model} {to.depth} and this document's colours.",
            "Convert the document with Image, Convert Image Color Space.",
        )
    return bytes(node.pixelData(0, 0, width, height))
