# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished results, kept until they are acknowledged, outlive the server or grow too old."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

from manganinja.wire.protocol import (
    EncodedPicture,
    ProtocolError,
    ResultHeader,
    ResultInfo,
    check_job_id,
    parse_server_message,
    to_text,
)

LIMIT = 8
LIFETIME_S = 3600.0
MEMORY_BYTES = 512 << 20

_SUFFIX = ".result"
_log = logging.getLogger("server.store")


@dataclass(frozen=True)
class StoredResult:
    info: ResultInfo
    source: dict[str, str]
    picture: EncodedPicture


@dataclass
class _Entry:
    at: float
    result: StoredResult | None  # None: it lies in a file


class ResultStore:
    """At most `limit` results for `lifetime_s` seconds each, of which `memory_bytes` in memory.

    The others lie in `folder`, one file each: a line with the wire's result message, then the
    encoded pixels. Files of an earlier server are found again.
    """

    def __init__(
        self,
        folder: Path,
        limit: int = LIMIT,
        lifetime_s: float = LIFETIME_S,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._folder = folder
        self._limit = limit
        self._lifetime_s = lifetime_s
        self._memory_bytes = memory_bytes
        self._entries: dict[str, _Entry] = {}
        self._find_files()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, job: str) -> bool:
        return job in self._entries

    def put(self, job: str, result: StoredResult) -> None:
        """Keeps a result; may drop the oldest or move some to the disk."""
        self._entries[job] = _Entry(time.time(), result)
        while len(self._entries) > self._limit:
            self.drop(min(self._entries, key=lambda name: self._entries[name].at))
        self._spill(self._memory_bytes)

    def get(self, job: str) -> StoredResult | None:
        """The result, read from the disk if it lies there; None if it is not kept (any more)."""
        entry = self._entries.get(job)
        if entry is None:
            return None
        if entry.result is not None:
            return entry.result
        try:
            return _read(self._path(job))
        except (OSError, ProtocolError):
            _log.exception("the stored result %s cannot be read", job)
            self.drop(job)
            return None

    def drop(self, job: str) -> None:
        entry = self._entries.pop(job, None)
        if entry is not None:
            self._path(job).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Drops what has grown too old."""
        oldest = time.time() - self._lifetime_s
        for job in [job for job, entry in self._entries.items() if entry.at < oldest]:
            self.drop(job)

    def write_all(self) -> None:
        """Moves everything to the disk, for the next server."""
        self._spill(0)

    def _spill(self, memory_bytes: int) -> None:
        in_memory = sorted(
            ((entry.at, job, entry) for job, entry in self._entries.items() if entry.result),
            key=lambda item: item[:2],
        )
        used = sum(_size(entry) for _, _, entry in in_memory)
        for _, job, entry in in_memory:
            if used <= memory_bytes:
                return
            used -= _size(entry)
            self._write(job, entry)

    def _write(self, job: str, entry: _Entry) -> None:
        assert entry.result is not None
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write(self._path(job), job, entry.result)
        except OSError:
            _log.exception("the result %s stays in memory", job)
        else:
            entry.result = None

    def _find_files(self) -> None:
        for path in self._folder.glob("*"):
            try:
                job, at = check_job_id(path.stem), path.stat().st_mtime
            except (OSError, ProtocolError):
                continue
            if path.suffix == _SUFFIX:
                self._entries[job] = _Entry(at, None)
            elif path.suffix == ".part":
                path.unlink(missing_ok=True)
        self.sweep()

    def _path(self, job: str) -> Path:
        return self._folder / f"{job}{_SUFFIX}"


def _size(entry: _Entry) -> int:
    return entry.result.picture.encoded_bytes if entry.result else 0


def _write(path: Path, job: str, result: StoredResult) -> None:
    header = ResultHeader(job, result.picture.descriptor(0), result.info, result.source)
    part = path.with_suffix(".part")
    try:
        with open(part, "wb") as file:
            part.chmod(0o600)
            file.write(to_text(header).encode() + b"\n")
            file.writelines(result.picture.data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _read(path: Path) -> StoredResult:
    with open(path, "rb") as file:
        header = parse_server_message(file.readline().decode(errors="replace"))
        data = file.read()
    if not isinstance(header, ResultHeader) or len(data) != header.image.encoded_bytes:
        raise ProtocolError("internal", "A stored result is damaged.", "Press Colorize again.")
    image = header.image
    picture = EncodedPicture(image.width_px, image.height_px, image.format, image.encoding, (data,))
    return StoredResult(header.info, dict(header.source), picture)
