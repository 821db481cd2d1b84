# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from huggingface_hub import constants, file_download

from manganinja import cli
from manganinja.weights import download
from manganinja.weights.ledger import Ledger

from . import tiny
from .hub import Hub

Run = Callable[..., int]
Fetch = Callable[[], None]


@pytest.fixture(scope="session")
def published_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("published") / "checkpoints"
    tiny.write_published(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder; the program takes the small weights for the published ones."""
    monkeypatch.setenv("MANGANINJA_HOME", str(tmp_path / "home"))
    tiny.take_for_published(monkeypatch.setattr)
    monkeypatch.setattr(download, "_PAUSES_S", (0, 0, 0))
    # The client drops what it has of a chunk when the line breaks.
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1 << 16)
    patient = SimpleNamespace(sleep=lambda seconds: None, time=time.time)
    monkeypatch.setattr(file_download, "time", patient)
    return tmp_path / "home" / "weights"


@pytest.fixture
def ledger(folder: Path) -> Ledger:
    return Ledger()


@pytest.fixture
def hub(published_folder: Path) -> Iterator[Hub]:
    with Hub(tiny.repositories(published_folder)) as hub:
        yield hub


@pytest.fixture
def run(hub: Hub, folder: Path) -> Run:
    """`manganinja weights download` from the little hub; other commands by their name."""

    def run(*arguments: str, command: str = "download") -> int:
        if command == "download":
            arguments = ("--mirror", hub.url, "--accept-licence", *arguments)
        return cli.main(["weights", command, *arguments])

    return run


@pytest.fixture
def fetch(hub: Hub, ledger: Ledger) -> Fetch:
    """The download alone, from the little hub."""
    return lambda: download.download(ledger, hub.url, print)
