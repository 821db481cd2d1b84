# SPDX-License-Identifier: GPL-3.0-or-later
"""The download against a little hub, with everything that goes wrong on the way."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from manganinja import cli, load_pipeline
from manganinja.weights import download
from manganinja.weights.ledger import Ledger
from manganinja.weights.sources import SOURCES

from .conftest import Fetch, Run
from .hub import Fault, Hub

PROJECT = Path(__file__).resolve().parent.parent.parent
REPO = "Johanan0528/MangaNinjia"
LARGEST = "denoising_unet.pth"


def is_untouched(book: Ledger) -> bool:
    """Whether there is no trace of a model, half or whole."""
    return not list(book.folder.glob("manganinja*"))


def test_one_command_fetches_checks_and_converts(
    run: Run, hub: Hub, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    assert "CC BY-NC 4.0" in capsys.readouterr().out
    pipeline = load_pipeline("manganinja")
    assert pipeline.config["licence"] == "CC BY-NC 4.0"
    assert pipeline.lineart_extractor is not None
    assert not [path for path in ledger.folder.rglob("*") if path.suffix in (".pth", ".bin")]
    sizes = {f"{r}/{name}": len(c) for r, files in hub.files.items() for name, c in files.items()}
    assert hub.served == sizes


def test_the_second_time_asks_nobody(run: Run, hub: Hub) -> None:
    assert run() == 0
    before = len(hub.requests)
    assert run() == 0
    assert len(hub.requests) == before


def test_what_is_learnt_at_first_is_pinned(fetch: Fetch, hub: Hub, ledger: Ledger) -> None:
    fetch()
    lock = json.loads(ledger.lock_file.read_text())
    assert len(lock) == sum(len(source.files) for source in SOURCES)
    for pin in lock.values():
        truth = hub.files[pin["repo"]][pin["file"]]
        assert pin["size_bytes"] == len(truth)
        assert pin["sha256"] == hashlib.sha256(truth).hexdigest()


def test_no_token_goes_to_a_mirror(fetch: Fetch, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch()
    assert hub.requests and not any(authorization for *_, authorization in hub.requests)


def test_a_cut_connection_is_taken_up_where_it_broke(fetch: Fetch, hub: Hub) -> None:
    hub.faults[LARGEST] = [Fault(cut_after=1 << 20)] * 3
    fetch()
    size = len(hub.files[REPO][LARGEST])
    # What was in the client's buffer at each cut comes twice, and nothing else.
    assert size <= hub.served[f"{REPO}/{LARGEST}"] <= size + 3 * (1 << 16)
    first, *further = hub.ranges(LARGEST)
    assert first == "" and len(further) == 3 and all(further)


def test_an_interrupted_download_goes_on_in_the_next_run(
    run: Run, fetch: Fetch, hub: Hub, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    size = len(hub.files[REPO][LARGEST])
    hub.faults[LARGEST] = [Fault(cut_after=size // 2), Fault(status=403)]
    assert run() == 1
    assert "refuses" in capsys.readouterr().err
    assert is_untouched(ledger)
    kept = download.partial(ledger.downloads / "MangaNinjia" / LARGEST).stat().st_size
    assert size // 2 - (1 << 16) <= kept <= size // 2

    before = dict(hub.served)
    fetch()
    assert hub.served[f"{REPO}/{LARGEST}"] - before[f"{REPO}/{LARGEST}"] == size - kept
    unfinished = {f"{REPO}/{name}" for name in hub.files[REPO]}
    assert {name for name, count in hub.served.items() if count != before.get(name)} == unfinished


def test_ctrl_c_in_the_middle_of_a_file_and_the_next_run_goes_on_there(
    fetch: Fetch, hub: Hub, ledger: Ledger
) -> None:
    """In a process of its own, as an artist has it: with the client's own chunks of 10 MB."""
    content = hub.files[REPO][LARGEST] = random.Random(0).randbytes(25_000_000)
    hub.faults[LARGEST] = [Fault(cut_after=22_000_000, stalls=True)]
    arguments = ["weights", "download", "--mirror", hub.url, "--accept-licence"]
    script = (
        # As in a terminal, also where the tests run in the background and hear no Ctrl-C.
        "import signal, sys\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from manganinja import cli\nfrom tests.weights import tiny\n"
        f"tiny.take_for_published(setattr)\nsys.exit(cli.main({arguments}))"
    )
    part = download.partial(ledger.downloads / "MangaNinjia" / LARGEST)
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=PROJECT, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 120
        while not hub.served[f"{REPO}/{LARGEST}"] or not part.is_file():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        time.sleep(1)  # What has arrived is written.
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.rstrip().endswith("Cancelled.") and "Traceback" not in error
    kept = part.stat().st_size
    assert 0 < kept <= 22_000_000

    fetch()
    assert hub.ranges(LARGEST) == ["", f"bytes={kept}-"]
    assert (ledger.downloads / "MangaNinjia" / LARGEST).read_bytes() == content
    assert not part.exists()


@pytest.mark.parametrize(
    ("repo", "name"), [("openai/clip-vit-large-patch14", "vocab.json"), (REPO, "point_net.pth")]
)
def test_flipped_bytes_are_refused_by_name_and_nothing_is_converted(
    run: Run, fetch: Fetch, hub: Hub, ledger: Ledger, capsys: Any, repo: str, name: str
) -> None:
    good = hub.announced[name] = hub.files[repo][name]
    hub.files[repo][name] = good[:100] + bytes([good[100] ^ 1]) + good[101:]
    assert run() == 1
    error = capsys.readouterr().err
    assert f"{name} was damaged on its way" in error
    assert is_untouched(ledger)
    assert not list(ledger.downloads.rglob(f"{name}*"))
    hub.files[repo][name] = good
    fetch()
    assert list(ledger.downloads.rglob(f"{name}*"))


def test_a_file_that_rots_on_the_disk_is_refused_before_it_is_opened(
    run: Run, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--keep") == 0
    shutil.rmtree(ledger.model)
    path = ledger.downloads / "MangaNinjia" / "controlnet.pth"
    damaged = bytearray(path.read_bytes())
    damaged[5000] ^= 255
    path.write_bytes(damaged)
    monkeypatch.setattr("torch.load", lambda *_, **__: pytest.fail("it was opened"))
    assert run(command="convert") == 1
    assert "controlnet.pth is damaged" in capsys.readouterr().err
    assert is_untouched(ledger)


def test_a_mirror_that_offers_another_file_than_the_pinned_one_is_refused(
    run: Run, hub: Hub, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--keep") == 0
    shutil.rmtree(ledger.model)
    (ledger.downloads / "MangaNinjia" / "point_net.pth").unlink()
    hub.announced["point_net.pth"] = b"other weights"
    assert run() == 1
    error = capsys.readouterr().err
    assert "another point_net.pth" in error and "pinned" in error
    assert len(hub.ranges("point_net.pth")) == 1  # That of the first run.


def test_a_server_that_is_no_hub_is_told_apart(
    run: Run, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.revision = "0" * 40
    assert run() == 1
    assert "does not answer" in capsys.readouterr().err


def test_a_missing_file_is_named_before_anything_is_fetched(
    run: Run, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    del hub.files[REPO]["point_net.pth"]
    assert run() == 1
    assert f"has no {REPO}/point_net.pth" in capsys.readouterr().err
    del hub.files["openai/clip-vit-large-patch14"]
    assert run() == 1
    assert "has no openai/clip-vit-large-patch14" in capsys.readouterr().err
    assert not hub.served


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again(
    fetch: Fetch, hub: Hub, ledger: Ledger, status: int
) -> None:
    hub.faults["controlnet.pth"] = [Fault(status=status)] * 2
    hub.faults["vocab.json"] = [Fault(status=status)]
    fetch()
    assert all((ledger.downloads / place).is_file() for place in ledger.pins())


def test_a_server_that_stays_in_trouble_is_told(
    run: Run, hub: Hub, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.faults["controlnet.pth"] = [Fault(status=503)] * 99
    assert run() == 1
    error = capsys.readouterr().err
    assert "503" in error and "--mirror" in error
    assert is_untouched(ledger)


def test_no_network_is_a_sentence_with_a_way_out(
    folder: Path, hub: Hub, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.__exit__()
    assert run() == 1
    error = capsys.readouterr().err
    assert "can't be reached" in error and "--from" in error
    assert error.count("\n") == 1


def test_too_little_room_is_known_before_anything_is_fetched(
    run: Run, fetch: Fetch, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    total = sum(len(content) for files in hub.files.values() for content in files.values())
    free = total + total // 2
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    free -= 1
    assert run() == 1
    error = capsys.readouterr().err
    assert "are free" in error and "MANGANINJA_HOME" in error
    assert not hub.served
    free += 1
    fetch()


def test_a_disk_that_fills_up_is_a_sentence_and_what_is_here_stays(
    run: Run, fetch: Fetch, hub: Hub, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    http_get = download.http_get
    content = hub.files[REPO][LARGEST]

    def fills_up(url: str, file: Any, **options: Any) -> None:
        if url.endswith(LARGEST):
            file.write(content[:4096])
            raise OSError(errno.ENOSPC, "No space left on device")
        http_get(url, file, **options)

    with monkeypatch.context() as patch:
        patch.setattr(download, "http_get", fills_up)
        assert run() == 1
    assert "disk is full" in capsys.readouterr().err
    assert is_untouched(ledger)
    fetch()
    assert hub.served[f"{REPO}/{LARGEST}"] == len(content) - 4096


@pytest.mark.parametrize("error", ["os", "safetensors"])
def test_a_disk_that_fills_up_while_converting_leaves_no_half_model(
    run: Run, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: Any, error: str
) -> None:
    from safetensors import SafetensorError

    from manganinja.point_net import PointNet

    def fails(*_: Any, **__: Any) -> None:
        if error == "os":
            raise OSError(errno.ENOSPC, "No space left on device")
        raise SafetensorError("Error while serializing: I/O error: No space left on device (28)")

    with monkeypatch.context() as patch:
        patch.setattr(PointNet, "save_pretrained", fails)
        assert run() == 1
    assert "disk is full" in capsys.readouterr().err
    assert is_untouched(ledger)
    assert run() == 0


def test_the_licence_has_to_be_accepted_once(
    hub: Hub, folder: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    command = ["weights", "download", "--mirror", hub.url]
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert cli.main(command) == 1
    said = capsys.readouterr()
    assert "CC BY-NC 4.0" in said.err and "--accept-licence" in said.err
    assert "not use them commercially" in said.out
    assert not hub.requests and not folder.exists()

    terminal = io.StringIO("no\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    assert cli.main(command) == 1
    assert not hub.requests

    terminal = io.StringIO("yes\n")
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", terminal)
    assert cli.main(command) == 0
    assert ledger.accepted_at

    monkeypatch.setattr("sys.stdin", io.StringIO())
    shutil.rmtree(ledger.model)
    capsys.readouterr()
    assert cli.main(command) == 0
    assert "commercially" not in capsys.readouterr().out


def test_hf_endpoint_is_a_mirror_too(
    hub: Hub, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(download.constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(download.constants, "HUGGINGFACE_CO_URL_TEMPLATE", pattern)
    download.download(ledger, None, print)
    assert hub.served


def test_two_at_once_do_not_mix(run: Run, hub: Hub, ledger: Ledger, capsys: Any) -> None:
    with ledger.alone():
        assert run() == 1
    assert "at work" in capsys.readouterr().err
    assert not hub.requests


def test_the_published_sources_are_pinned_to_commits() -> None:
    for source in SOURCES:
        assert len(source.revision) == 40 and int(source.revision, 16)
        assert all(len(digest) == 64 for digest in source.sha256.values())
        assert set(source.sha256) <= set(source.files)
