# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what has been done, one JSON object a line, that survives kill -9. No torch.

Lines are only ever added, each by one write and brought to the disk before work goes on. A line
that was cut off is no JSON and counts as not written. Several processes may add at once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]


MANIFEST = "manifest.jsonl"
"""Name of the file in a folder of pairs."""


class Manifest:
    """A file of records.

    Kinds: ``pair`` and ``dropped`` (a candidate, by its ``id``), ``clip`` (all of one is done), and
    ``again`` (what was written of a clip before no longer counts). Of an id or clip, the last
    record counts.

    Attributes:
        candidates: by id, pairs and dropped ones.
        clips: by name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.candidates: dict[str, Record] = {}
        self.clips: dict[str, Record] = {}
        self._read_bytes = 0

    def refresh(self) -> None:
        """Read what has been added since the last time, by this process or another."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read_bytes)
            added = file.read()
        # What another process is just writing is read the next time.
        whole = added[: added.rfind(b"\n") + 1]
        self._read_bytes += len(whole)
        for record in _records(whole):
            self._take(record)

    def add(self, record: Record) -> None:
        """Write one record; when this returns, it is on the disk."""
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            # A line that was cut off must not swallow this one.
            if self._cut_off():
                line = b"\n" + line
            os.write(file, line)
            os.fsync(file)
        finally:
            os.close(file)
        self._take(record)

    def pairs(self) -> list[Record]:
        """All pairs, in the order in which they were made."""
        return [record for record in self.candidates.values() if record["kind"] == "pair"]

    def _take(self, record: Record) -> None:
        name = record["clip"]
        if record["kind"] == "clip":
            self.clips[name] = record
        elif record["kind"] == "again":
            self.clips.pop(name, None)
            kept = {key: r for key, r in self.candidates.items() if r["clip"] != name}
            self.candidates = kept
        else:
            self.candidates[record["id"]] = record

    def _cut_off(self) -> bool:
        size = self.path.stat().st_size
        if not size:
            return False
        with self.path.open("rb") as file:
            file.seek(size - 1)
            return file.read(1) != b"\n"


def _records(lines: bytes) -> Iterator[Record]:
    for line in lines.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and {"kind", "clip"} <= record.keys():
            yield record
