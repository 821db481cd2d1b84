# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures by index as pixels of any colour space, block by block.  No Krita, no Qt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .geometry import Box
from .transport import protocol

_BLOCK_PX = 512
_ENTRIES = 256


@dataclass(frozen=True)
class Part:
    """A layer to be: how it goes over those below it, and what is on it.

    ``entry``: of a picture by index, the only place of its table that is on this layer.
    """

    name: str
    blend: str
    picture: protocol.Picture
    entry: int | None = None


def parts(layers: Sequence[protocol.Layer]) -> list[Part]:
    """The layers of a result as they come."""
    return [Part(layer.name, layer.blend, layer.picture) for layer in layers]


def split(layers: Sequence[protocol.Layer], names: dict[str, str]) -> list[Part]:
    """One part for each colour of the layers by index; ``names`` of colours "#rrggbb"."""
    found = []
    for part in parts(layers):
        table = part.picture.table
        if not table:
            found.append(part)
        for entry, colour in enumerate(table):
            if colour is not None and entry in part.picture.pixels:
                found.append(replace(part, name=names.get(colour, colour), entry=entry))
    return found


def recoloured(picture: protocol.Picture, entry: int, colour: str) -> protocol.Picture:
    """The same picture by index with another colour ("#rrggbb") in one place of its table."""
    table = (*picture.table[:entry], colour, *picture.table[entry + 1 :])
    return replace(picture, table=table)


def bgra(table: Sequence[str | None]) -> bytes:
    """B, G, R, A bytes of each colour of a table."""
    return b"".join(
        bytes(4) if colour is None else bytes.fromhex(colour[1:])[::-1] + b"\xff"
        for colour in table
    )


def filled_blocks(part: Part, pixels: Sequence[bytes]) -> Iterator[tuple[Box, bytes]]:
    """Where something of ``part`` is, and the pixels there; the rest is left transparent.

    ``pixels``: the bytes of each colour of the table, all of one length.
    """
    picture, nothing = part.picture, bytes(len(pixels[0]))
    shown = [entry for entry, colour in enumerate(picture.table) if colour is not None]
    if part.entry is not None:
        shown = [part.entry]
    used = [pixels[entry] if entry in shown else nothing for entry in range(len(pixels))]
    tables = [bytes(channel).ljust(_ENTRIES, b"\0") for channel in zip(*used)]
    for box in _blocks(picture.width_px, picture.height_px):
        block = _cut(picture.pixels, picture.width_px, box)
        if any(entry in block for entry in shown):
            yield box, _expanded(block, tables)


def _blocks(width: int, height: int) -> Iterator[Box]:
    for top in range(0, height, _BLOCK_PX):
        for left in range(0, width, _BLOCK_PX):
            yield Box(left, top, min(_BLOCK_PX, width - left), min(_BLOCK_PX, height - top))


def _cut(index: bytes, stride: int, box: Box) -> bytes:
    view = memoryview(index)
    starts = range(box.top * stride + box.left, box.bottom * stride, stride)
    return b"".join(view[start : start + box.width] for start in starts)


def _expanded(block: bytes, tables: Sequence[bytes]) -> bytes:
    out = bytearray(len(tables) * len(block))
    for offset, table in enumerate(tables):
        out[offset :: len(tables)] = block.translate(table)
    return bytes(out)
