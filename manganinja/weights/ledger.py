# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of the published weights, and what is written down about them. Imports no torch.

```
DATA/weights/licence.json     that the licence was accepted, and when
             lock.json        revision, size and SHA-256 of each file, pinned at its first download
             damaged.json     the files that the last `verify` found damaged
             downloads/       the published layout; each file until it is converted
             manganinja/      the converted model, with the digest of each file in manifest.json
```
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from ..errors import BadWeights, WeightsError
from .find import published_model
from .sources import LICENCE, SOURCES

_CHUNK_BYTES = 1 << 22
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Pin:
    """What a file has to be.

    Attributes:
        repo, revision, file: where it is on the hub.
        sha256: its digest; empty until it is known.
        size_bytes: 0 until it is known.
    """

    repo: str
    revision: str
    file: str
    sha256: str = ""
    size_bytes: int = 0


class Ledger:
    """Paths and records of the published weights under one folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.model = published_model() if folder is None else folder / "manganinja"
        self.folder = self.model.parent
        self.downloads = self.folder / "downloads"
        self.lock_file = self.folder / "lock.json"
        self.damaged_file = self.folder / "damaged.json"
        self.licence_file = self.folder / "licence.json"
        self.busy_file = self.folder / "busy.lock"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One command at a time.

        Raises:
            WeightsError: another one is at work, or the disk or its permissions are against it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.busy_file, timeout=0):
                yield
        except Timeout as error:
            raise WeightsError(
                "Another `manganinja weights` is at work here.", "Wait until it has ended."
            ) from error
        except OSError as error:
            raise told(error, self.folder) from error

    # The licence

    @property
    def accepted_at(self) -> str:
        """When the licence was accepted, ISO 8601; empty if it was not."""
        record = _read(self.licence_file)
        return str(record.get("accepted_at", "")) if record.get("licence") == LICENCE else ""

    def accept_licence(self) -> None:
        """Record that the licence was accepted now."""
        write_json(self.licence_file, {"licence": LICENCE, "accepted_at": now()})

    # What each file has to be

    def pins(self) -> dict[str, Pin]:
        """By the file's place in the published layout: all that is known before, or was learnt."""
        written = _read(self.lock_file)
        pins = {}
        for source in SOURCES:
            for file in source.files:
                pin = Pin(source.repo, source.revision, file, source.sha256.get(file, ""))
                learnt = written.get(source.place(file), {})
                # What was learnt of another revision says nothing of this one.
                if (learnt.get("repo"), learnt.get("revision")) == (pin.repo, pin.revision):
                    pin = replace(
                        pin,
                        sha256=pin.sha256 or learnt["sha256"],
                        size_bytes=learnt["size_bytes"],
                    )
                pins[source.place(file)] = pin
        return pins

    def pin(self, place: str, pin: Pin) -> None:
        """Write down what a file has to be from now on."""
        write_json(self.lock_file, {**_read(self.lock_file), place: asdict(pin)})

    # The converted model

    def manifest(self) -> dict[str, Any]:
        """What the converted model says of itself; empty where it says nothing or is damaged."""
        try:
            manifest = _read(self.model / MANIFEST)
        except WeightsError:
            return {}
        return manifest if isinstance(manifest.get("files"), dict) else {}

    # Damage, which sizes don't show

    def note_damaged(self, paths: list[Path]) -> None:
        """Remember which files below the folder are damaged, and forget those of before.

        Each with its time of change: a file that is replaced is not the damaged one any more.
        """
        with contextlib.suppress(OSError):  # Whoever asks has the answer without a record, too.
            self.damaged_file.unlink(missing_ok=True)
            if paths:
                times = {p.relative_to(self.folder).as_posix(): p.stat().st_mtime_ns for p in paths}
                write_json(self.damaged_file, times)

    def damaged(self) -> list[Path]:
        """The files that :meth:`note_damaged` was told and that are still the same."""
        noted = {self.folder / place: time for place, time in _read(self.damaged_file).items()}
        return [p for p, time in noted.items() if p.is_file() and p.stat().st_mtime_ns == time]


def sha256_of(path: Path, on_bytes: Callable[[int], object] = lambda count: None) -> str:
    """The digest of a file in hex; ``on_bytes`` hears how many bytes more have been read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            on_bytes(len(chunk))
    return digest.hexdigest()


def check_digest(path: Path, sha256: str, remedy: str) -> None:
    """Raises :class:`BadWeights` where a file is not what it was pinned to be."""
    found = sha256_of(path)
    if found != sha256:
        raise BadWeights(
            f"{path} is damaged or not the published file: its SHA-256 is {found[:12]}... and "
            f"should be {sha256[:12]}...",
            remedy,
        )


def check_space(folder: Path, needed_bytes: int) -> None:
    """Raises :class:`WeightsError` where the disk of ``folder`` has not so much room."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise told(error, folder) from error
    if free < needed_bytes:
        raise WeightsError(
            f"{gigabytes(needed_bytes)} are needed in {folder}, and {gigabytes(free)} are free.",
            "Free some space, or set MANGANINJA_HOME to a folder on another disk.",
        )


def told(error: OSError, path: Path) -> WeightsError:
    """An error of the operating system as a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WeightsError(
            f"The disk is full: {path} could not be written.",
            "Free some space and run the command again; it goes on where it stopped.",
        )
    return WeightsError(
        f"{error.filename or path} can't be used: {error.strerror or error}.",
        "Put that right and run the command again.",
    )


def gigabytes(count: int) -> str:
    """A number of bytes for people."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Readers see the whole file or the one before."""
    partial = path.with_name(f"{path.name}.partial")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"{path} can't be read: {error}.", "Delete it and run the command again."
        ) from error
    if not isinstance(value, dict):
        raise WeightsError(f"{path} is damaged.", "Delete it and run the command again.")
    return value


def now() -> str:
    """The time, ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
