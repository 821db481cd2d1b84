# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server and its worker process pass each other: small messages, and pictures after them.

The pixels go through the pipe as they are, so that 400 MB are not copied by a pickler.
"""

from __future__ import annotations

from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from manganinja.wire.protocol import Picture


def send(connection: Connection, message: tuple[Any, ...], pictures: Sequence[Picture]) -> None:
    """Blocks until everything is in the pipe. Raises `OSError` if the other end is gone."""
    sizes = [(picture.width_px, picture.height_px, picture.format) for picture in pictures]
    connection.send((message, sizes))
    for picture in pictures:
        connection.send_bytes(picture.pixels)


def receive(connection: Connection) -> tuple[tuple[Any, ...], list[Picture]]:
    """Blocks until a message is there. Raises `EOFError` or `OSError` if the other end is gone."""
    message, sizes = connection.recv()
    return message, [Picture(w, h, f, connection.recv_bytes()) for w, h, f in sizes]
