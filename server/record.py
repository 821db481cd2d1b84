# SPDX-License-Identifier: GPL-3.0-or-later
"""server.json, by which clients find the server, and the lock that keeps it to one server."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO

from manganinja.wire.protocol import ProtocolError, Record, parse_record, record_to_text


class LockHeld(Exception):
    """Another server lives in this data directory."""


class Lock:
    """Held by an open file, so that the system takes it back however the process ends."""

    def __init__(self, path: Path) -> None:
        """Raises `LockHeld`, or `OSError` where the folder can't be written to."""
        self._file: IO[bytes] = open(path, "a+b")  # noqa: SIM115 - open for as long as we live
        try:
            _lock(self._file)
        except OSError:
            self._file.close()
            raise LockHeld from None

    def release(self) -> None:
        self._file.close()


def _lock(file: IO[bytes]) -> None:
    if os.name == "nt":
        import msvcrt

        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write(path: Path, record: Record) -> None:
    """Readers see the whole record or the one before; only this user can read it."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # mode 0600
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.write(record_to_text(record))
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def remove(path: Path, record: Record) -> None:
    """Removes the file if it still holds this very record."""
    try:
        if parse_record(path.read_text(encoding="utf-8")) == record:
            path.unlink()
    except (OSError, ValueError, ProtocolError):
        pass
