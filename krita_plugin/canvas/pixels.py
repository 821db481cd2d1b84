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
from .documents import Document
from .layers import Node, is_passed_through

_BAND_PIXELS = 1_000_000
_READ_AT_ONCE_PIXELS = 32_000_000
_READ_BAND_PIXELS = 4_000_000


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


def read(node: Node, box: Box) -> Generator[None, None, RawPicture]:
    """What the layer shows inside ``box``, with its masks and effects, hidden or not.

    About 4 ms for each megapixel.  A generator: up to 32 megapixels come in one go; for larger
    pictures it yields between parts, which beats a Krita that stands still for seconds.  Raises
    CannotRead.
    """
    if is_passed_through(node):
        raise CannotRead(
            f"The group “{node.name()}” is set to Pass Through, so it has no picture of its own.",
            "Switch Pass Through off for that group, or choose a layer inside it.",
        )
    space = space_of(node)
    if box.area <= _READ_AT_ONCE_PIXELS:
        return RawPicture(box, space, _read_rows(node, box, 0, box.height))
    data, rows = bytearray(), max(1, _READ_BAND_PIXELS // box.width)
    for top in range(0, box.height, rows):
        count = min(rows, box.height - top)
        band = _read_rows(node, box, top, count)
        stride = len(band) // count
        if not data:
            data = bytearray(stride * box.height)
        memoryview(data)[top * stride : (top + count) * stride] = memoryview(band)
        yield
    return RawPicture(box, space, data)


def _read_rows(node: Node, box: Box, top: int, count: int) -> Any:
    data = node.projectionPixelData(box.left, box.top + top, box.width, count)
    if len(data) == 0 or len(data) % (box.width * count):
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
