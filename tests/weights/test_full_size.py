# SPDX-License-Identifier: GPL-3.0-or-later
"""The published sizes with random weights: 16 GB of disk, 5 GB of memory and some minutes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from manganinja.weights.ledger import Ledger

from . import full_size

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_published_size_is_converted_in_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MANGANINJA_HOME", str(tmp_path / "home"))
    folder = tmp_path / "checkpoints"
    full_size.write(folder)
    command = [sys.executable, "-m", "tests.weights.full_size", str(folder), "--convert"]
    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True)
    peak_bytes = json.loads(answer.stdout.splitlines()[-1])["peak_bytes"]
    assert peak_bytes < 3e9
    sizes = [entry["bytes"] for entry in Ledger().manifest()["files"].values()]
    assert 4.8e9 < sum(sizes) < 4.9e9
