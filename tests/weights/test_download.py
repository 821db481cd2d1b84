# SPDX-License-Identifier: GPL-3.0-or-later
"""The download against a little hub, with everything that goes wrong on the way."""

from __future__ import annotations

import errno
import io
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from manganinja import load_pipeline
from manganinja.weights import convert, download, ledger
from manganinja.weights.ledger import Ledger
from manganinja.weights.sources import SOURCES

from .conftest import Run
from .hub import Fault, Hub

LARGEST = "denoising_unet.pth"


def places(book: Ledger) -> list[Path]:
    return [book.downloads / place for place in book.pins()]


def content(hub: Hub, name: str) -> bytes:
    return next(files[name] for files in hub.files.values() if name in files)


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
    wanted = {file for source in SOURCES for file in source.files}
    asked = {
        path.split("/resolve/")[1].split("/", 1)[1]
        for _, path, _, _ in hub.requests
        if "/resolve/" in path
    }
    assert asked == wanted
    assert all(hub.served[name] == len(content(hub, name)) for name in wanted)


def test_the_second_time_asks_nobody(run: Run, hub: Hub) -> None:
    assert run() == 0
    before = len(hub.requests)
    assert run() == 0
    assert len(hub.requests) == before


def test_what_is_learnt_at_first_is_pinned(run: Run, hub: Hub, ledger: Ledger) -> None:
    assert run() == 0
    lock = json.loads(ledger.lock_file.read_text())
    assert len(lock) == sum(len(source.files) for source in SOURCES)
    for pin in lock.values():
        truth = hub.files[pin["repo"]][pin["file"]]
        assert pin["size_bytes"] == len(truth)
        assert pin["sha256"] == ledger_sha256(truth)


def ledger_sha256(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()


def test_no_token_goes_to_a_mirror(run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert run() == 0
    assert hub.requests and not any(authorization for *_, authorization in hub.requests)


def test_a_cut_connection_is_taken_up_where_it_broke(run: Run, hub: Hub) -> None:
    hub.faults[LARGEST] = Fault(cut_after=1 << 20, times=3)
    assert run() == 0
    size = len(content(hub, LARGEST))
    # What was under way in the client's buffer at each cut comes twice, and nothing else.
    assert size <= hub.served[LARGEST] <= size + 3 * (1 << 16)
    begins = [r for m, p, r, _ in hub.requests if p.endswith(LARGEST) and "/cdn/" in p]
    assert begins[0] == "" and all(begins[1:]) and len(begins) == 4


def test_an_interrupted_download_goes_on_in_the_next_run(
    run: Run, hub: Hub, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    size = len(content(hub, LARGEST))
    hub.faults[LARGEST] = Fault(cut_after=0, times=99)
    hub.faults[LARGEST] = Fault(cut_after=size // 2, times=1)

    def stop(*args: Any, **kwargs: Any) -> None:
        download_http_get(*args, **kwargs, _nb_retries=0)

    download_http_get = download.http_get
    hub.faults["stop"] = Fault()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(download, "http_get", stop)
        patch.setattr(download, "_PAUSES_S", ())
        assert run() == 1
    assert "breaks off" in capsys.readouterr().err
    assert is_untouched(ledger)
    part = download.partial(ledger.downloads / "MangaNinjia" / LARGEST)
    kept = part.stat().st_size
    assert size // 2 - (1 << 16) <= kept <= size // 2
    before = len(hub.requests)
    sent = hub.served[LARGEST]
    assert run() == 0
    assert hub.served[LARGEST] - sent == size - kept
    again = [p for m, p, _, _ in hub.requests[before:] if m == "GET" and "/cdn/" in p]
    assert not any("sk_model" in path for path in again)  # It was whole before.


def test_flipped_bytes_are_refused_by_name_and_nothing_is_converted(
    run: Run, hub: Hub, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, in_place in (("point_net.pth", "MangaNinjia"), ("vocab.json", "models")):
        repo = next(repo for repo, files in hub.files.items() if name in files)
        good = hub.files[repo][name]
        hub.announced[name] = good
        hub.files[repo][name] = good[:100] + bytes([good[100] ^ 1]) + good[101:]
        assert run() == 1
        error = capsys.readouterr().err
        assert name in error and in_place in error and "damaged on its way" in error
        assert is_untouched(ledger)
        assert not [path for path in ledger.downloads.rglob(f"{name}*") if path.is_file()]
        hub.files[repo][name] = good
    assert run() == 0


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
    assert hub.served["point_net.pth"] == len(content(hub, "point_net.pth"))


def test_a_server_that_is_no_hub_is_told_apart(
    run: Run, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.revision = "0" * 40
    assert run() == 1
    assert "does not answer" in capsys.readouterr().err


def test_a_missing_file_is_named(
    run: Run, hub: Hub, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    del hub.files["Johanan0528/MangaNinjia"]["point_net.pth"]
    assert run() == 1
    assert "has no Johanan0528/MangaNinjia/point_net.pth" in capsys.readouterr().err
    assert not hub.served.keys() - {file for source in SOURCES for file in source.files}
    assert not hub.served["denoising_unet.pth"]  # Known before the gigabytes were fetched.
    del hub.files["openai/clip-vit-large-patch14"]
    assert run() == 1
    assert "has no openai/clip-vit-large-patch14" in capsys.readouterr().err


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again(run: Run, hub: Hub, status: int) -> None:
    hub.faults["controlnet.pth"] = Fault(status=status, times=2)
    hub.faults["config.json"] = Fault(status=status, times=1)
    assert run() == 0


def test_a_server_that_stays_in_trouble_is_told(
    run: Run, hub: Hub, ledger: Ledger, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.faults["controlnet.pth"] = Fault(status=503, times=99)
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
    run: Run, hub: Hub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    total = sum(len(c) for files in hub.files.values() for c in files.values())
    needed = total + total // 2
    for free in (needed - 1, needed):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(ledger.shutil, "disk_usage", lambda path, u=usage: u)
        assert run() == (1 if free < needed else 0)
        if free < needed:
            error = capsys.readouterr().err
            assert "are free" in error and "MANGANINJA_HOME" in error
            assert not hub.fetched()


def test_a_disk_that_fills_up_is_a_sentence_and_what_is_here_stays(
    run: Run, hub: Hub, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    truth = download.http_get

    def fills_up(url: str, file: Any, **options: Any) -> None:
        if url.endswith(LARGEST):
            file.write(content(hub, LARGEST)[:4096])
            raise OSError(errno.ENOSPC, "No space left on device")
        truth(url, file, **options)

    with monkeypatch.context() as patch:
        patch.setattr(download, "http_get", fills_up)
        assert run() == 1
    assert "disk is full" in capsys.readouterr().err
    assert is_untouched(ledger)
    assert run() == 0
    assert hub.served[LARGEST] == len(content(hub, LARGEST)) - 4096


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
    from manganinja import cli

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
    hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from manganinja import cli

    monkeypatch.setattr(download.constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(
        download.constants,
        "HUGGINGFACE_CO_URL_TEMPLATE",
        hub.url + "/{repo_id}/resolve/{revision}/{filename}",
    )
    assert cli.main(["weights", "download", "--accept-licence"]) == 0


def test_two_at_once_do_not_mix(run: Run, ledger: Ledger, capsys: Any) -> None:
    with ledger.alone():
        assert run() == 1
    assert "at work" in capsys.readouterr().err
    assert run() == 0


def test_the_published_sources_are_pinned_to_commits() -> None:
    for source in SOURCES:
        assert len(source.revision) == 40 and int(source.revision, 16)
        assert all(len(digest) == 64 for digest in source.sha256.values())
        assert set(source.sha256) <= set(source.files)
    assert convert.LICENCE == "CC BY-NC 4.0"
