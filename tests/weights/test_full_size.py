# SPDX-License-Identifier: GPL-3.0-or-later
"""The published sizes with random weights: 16 GB of disk, 13 GB of memory and many minutes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from manganinja.weights.ledger import Ledger

from . import full_size

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The published layout, and 10.5 GB of disk given back."""
    folder = tmp_path_factory.mktemp("published") / "checkpoints"
    full_size.write(folder)
    yield folder
    shutil.rmtree(folder)


def peak_bytes(folder: Path, work: str) -> int:
    command = [sys.executable, "-m", "tests.weights.full_size", str(folder), work]
    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout.splitlines()[-1])["peak_bytes"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_published_size_is_converted_in_little_memory(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANGANINJA_HOME", str(tmp_path / "home"))
    assert peak_bytes(folder, "--convert") < 3e9
    sizes = [entry["bytes"] for entry in Ledger().manifest()["files"].values()]
    assert 4.8e9 < sum(sizes) < 4.9e9


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_published_layout_at_its_full_size_colours_a_picture(folder: Path) -> None:
    assert 9e9 < peak_bytes(folder, "--colorize") < 13e9
