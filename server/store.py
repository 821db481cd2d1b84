# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished results, kept until they are acknowledged, outlive the server or grow too old."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from manganinja.wire.protocol import (
    EncodedPicture,
    LayerHeader,
    PictureDescriptor,
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
class StoredLayer:
    name: str
    blend: str
    picture: EncodedPicture


@dataclass(frozen=True)
class StoredResult:
    info: ResultInfo
    source: dict[str, str]
    layers: tuple[StoredLayer, ...]

    def header(self, job: str, images: Sequence[PictureDescriptor]) -> ResultHeader:
        """What is said of it on the wire, its pictures being described by `images`."""
        layers = (
            LayerHeader(layer.name, layer.blend, image)
            for layer, image in zip(self.layers, images, strict=True)
        )
        return ResultHeader(job, tuple(layers), self.info, self.source)


@dataclass
class _Entry:
    at: float
    result: StoredResult | None  # None: it lies in a file


class ResultStore:
    """At most `limit` results for `lifetime_s` seconds each, of which `memory_bytes` in memory.

    The others lie in `folder`, one file each: a line with the wire's result message, then the
    encoded pixels of its layers. Files of an earlier server are found again.
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
    if entry.result is None:
        return 0
    return sum(layer.picture.encoded_bytes for layer in entry.result.layers)


def _write(path: Path, job: str, result: StoredResult) -> None:
    pictures = [layer.picture for layer in result.layers]
    header = result.header(job, [p.descriptor(blob) for blob, p in enumerate(pictures)])
    part = path.with_suffix(".part")
    try:
        with open(part, "wb") as file:
            part.chmod(0o600)
            file.write(to_text(header).encode() + b"\n")
            for picture in pictures:
                file.writelines(picture.data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _read(path: Path) -> StoredResult:
    with open(path, "rb") as file:
        header = parse_server_message(file.readline().decode(errors="replace"))
        if not isinstance(header, ResultHeader):
            raise _damaged()
        layers = [
            StoredLayer(layer.name, layer.blend, _read_picture(file, layer.image))
            for layer in header.layers
        ]
        if file.read(1):
            raise _damaged()
    return StoredResult(header.info, dict(header.source), tuple(layers))


def _read_picture(file: IO[bytes], image: PictureDescriptor) -> EncodedPicture:
    data = file.read(image.encoded_bytes)
    if len(data) != image.encoded_bytes:
        raise _damaged()
    return EncodedPicture(
        image.width_px, image.height_px, image.format, image.encoding, (data,), image.table
    )


def _damaged() -> ProtocolError:
    return ProtocolError("internal", "A stored result is damaged.", "Press Colorize again.")
