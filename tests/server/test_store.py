# SPDX-License-Identifier: GPL-3.0-or-later
"""Results are kept for a while, in memory or on the disk, and no longer."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import pytest

from manganinja.wire.protocol import EncodedPicture, ResultInfo
from server.store import ResultStore, StoredLayer, StoredResult


def stored(fill: int = 0, size: int = 100) -> StoredResult:
    info = ResultInfo(fill, "mini", 4, 1.5, "cpu", ("a note",))
    half = bytes([fill]) * (size // 2)
    picture = EncodedPicture(len(half), 1, "gray8", "raw", (half,))
    index = EncodedPicture(len(half), 1, "index8", "raw", (half,), (None, "#010203"))
    layers = StoredLayer("Shade", "multiply", picture), StoredLayer("Flats", "normal", index)
    return StoredResult(info, {"layer": "線"}, layers)


def test_a_result_comes_back_as_it_was_from_memory_and_from_the_disk(tmp_path: Path) -> None:
    for memory_bytes in (1000, 0):
        store = ResultStore(tmp_path, memory_bytes=memory_bytes)
        store.put("a", stored(7))
        assert len(list(tmp_path.iterdir())) == (memory_bytes == 0)
        assert store.get("a") == stored(7)


def test_the_oldest_goes_to_the_disk_first(tmp_path: Path) -> None:
    store = ResultStore(tmp_path, memory_bytes=250)
    for number, name in enumerate("abc"):
        store.put(name, stored(number))
    assert [path.name for path in tmp_path.iterdir()] == ["a.result"]
    assert [store.get(name) for name in "abc"] == [stored(number) for number in range(3)]


def test_the_pictures_on_the_disk_are_for_this_user_only(tmp_path: Path) -> None:
    store = ResultStore(tmp_path / "results", memory_bytes=0)
    store.put("a", stored())
    assert stat.S_IMODE((tmp_path / "results").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "results" / "a.result").stat().st_mode) == 0o600


def test_more_than_eight_push_the_oldest_out(tmp_path: Path) -> None:
    store = ResultStore(tmp_path, memory_bytes=0)
    for number in range(10):
        store.put(f"job-{number}", stored(number))
    assert len(store) == 8 == len(list(tmp_path.iterdir()))
    assert store.get("job-1") is None and store.get("job-2") == stored(2)


def test_after_its_time_a_result_is_gone(tmp_path: Path) -> None:
    store = ResultStore(tmp_path, lifetime_s=0.05, memory_bytes=0)
    store.put("a", stored())
    store.sweep()
    assert "a" in store
    time.sleep(0.06)
    store.sweep()
    assert "a" not in store and list(tmp_path.iterdir()) == []


def test_a_later_store_finds_what_an_earlier_one_wrote(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.put("a", stored(1))
    store.put("old", stored(2))
    store.write_all()
    os.utime(tmp_path / "old.result", (0, 0))
    (tmp_path / "b.part").write_bytes(b"cut off")
    (tmp_path / "c d.result").write_bytes(b"not ours")
    later = ResultStore(tmp_path)
    assert later.get("a") == stored(1)
    assert later.get("old") is None
    assert {path.name for path in tmp_path.iterdir()} == {"a.result", "c d.result"}


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\xff\xfe\n\n", b"[" * 10_000])
def test_a_damaged_file_is_no_result(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.result").write_bytes(content)
    store = ResultStore(tmp_path)
    assert store.get("a") is None
    assert "a" not in store


def test_a_shortened_file_is_no_result(tmp_path: Path) -> None:
    ResultStore(tmp_path, memory_bytes=0).put("a", stored())
    whole = (tmp_path / "a.result").read_bytes()
    (tmp_path / "a.result").write_bytes(whole[:-1])
    assert ResultStore(tmp_path).get("a") is None


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "results").touch()  # not a folder: every write fails
    store = ResultStore(tmp_path / "results", memory_bytes=0)
    store.put("a", stored(3))
    assert store.get("a") == stored(3)
