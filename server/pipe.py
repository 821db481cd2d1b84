# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server and its worker process pass each other: small messages, and pictures after them.

The pixels go past the pickler, and where the system has plain file descriptors past
`Connection.recv_bytes` too, which takes three times as long for a large picture.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from manganinja.wire.protocol import Picture, raw_size

_BLOCK_BYTES = 1 << 20
_HAS_DESCRIPTORS = os.name == "posix"


def send(connection: Connection, message: tuple[Any, ...], pictures: Sequence[Picture]) -> None:
    """Blocks until everything is in the pipe. Raises `OSError` if the other end is gone."""
    kinds = [(p.width_px, p.height_px, p.format, p.table) for p in pictures]
    connection.send((message, kinds))
    for picture in pictures:
        if _HAS_DESCRIPTORS:
            _write(connection.fileno(), picture.pixels)
        else:
            connection.send_bytes(picture.pixels)


def receive(connection: Connection) -> tuple[tuple[Any, ...], list[Picture]]:
    """Blocks until a message is there. Raises `EOFError` or `OSError` if the other end is gone."""
    message, kinds = connection.recv()
    pictures = []
    for width, height, pixel_format, table in kinds:
        if _HAS_DESCRIPTORS:
            pixels = _read(connection.fileno(), raw_size(width, height, pixel_format))
        else:
            pixels = connection.recv_bytes()
        pictures.append(Picture(width, height, pixel_format, pixels, table))
    return message, pictures


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _read(descriptor: int, count: int) -> bytes:
    blocks = []
    while count:
        block = os.read(descriptor, min(count, _BLOCK_BYTES))
        if not block:
            raise EOFError
        blocks.append(block)
        count -= len(block)
    return b"".join(blocks)
