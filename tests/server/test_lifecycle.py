# SPDX-License-Identifier: GPL-3.0-or-later
"""How a server begins and ends, and what it leaves behind."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import time
from dataclasses import replace
from pathlib import Path

import pytest

from manganinja.wire.client import ConnectionLost
from manganinja.wire.discovery import ALREADY_RUNNING
from manganinja.wire.protocol import Progress, record_to_text
from server import app
from tests.server.asking import failure, play, request, result
from tests.server.conftest import SCRIPTED, RunningServer, wait_until


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_the_record_is_complete_private_and_taken_along_at_the_end(start) -> None:
    server = start()
    assert stat.S_IMODE(server.record_path.stat().st_mode) == 0o600
    record = json.loads(server.record_path.read_text())
    assert set(record) == {"protocol", "host", "port", "token", "pid", "version"}
    assert record["host"] == "127.0.0.1" and record["pid"] == server.process.pid
    assert len(record["token"]) >= 40
    worker = server.worker_pid()
    with server.connect() as client:
        wait_until(lambda: client.status().state == "ready")
    assert server.end() == 0
    assert server.errors == ""
    assert not server.record_path.exists()
    assert not exists(worker)


def test_what_the_server_writes_is_private(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "share" / "manganinja")
    assert server.end() == 0
    assert {path.name for path in server.home.iterdir()} >= {"server.log", "server.lock"}
    for path in (server.home, *server.home.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_connected_client_learns_of_the_end(start) -> None:
    server = start()
    with server.connect() as client:
        events = client.colorize(play(pause_s=0.2, steps=999))
        with pytest.raises(ConnectionLost):
            for event in events:
                if isinstance(event, Progress) and event.step == 1:
                    began = time.monotonic()
                    assert server.end() == 0
        assert time.monotonic() - began < 5


def test_a_second_server_says_so_and_leaves_the_first_alone(start) -> None:
    first = start()
    second = start()
    _, said = second.process.communicate(timeout=15)
    assert second.process.returncode == ALREADY_RUNNING
    assert "running already" in said and "Traceback" not in said
    with first.connect() as client:
        result(client.colorize(request()))


def test_a_client_may_ask_for_the_end_and_the_record_of_another_server_stays(start) -> None:
    server = start()
    with server.connect() as client:
        other = record_to_text(replace(server.record, token="another"))
        server.record_path.write_text(other)
        client.shutdown()
        assert server.process.wait(10) == 0
    assert server.record_path.read_text() == other


@pytest.mark.parametrize("left_over", ["", '{"pid": 1}'])
def test_a_damaged_record_is_replaced(start, home: Path, left_over: str) -> None:
    (home / "server.json").write_text(left_over)
    server = start()
    assert stat.S_IMODE(server.record_path.stat().st_mode) == 0o600
    server.connect().close()


def test_the_record_of_a_killed_server_is_replaced(start) -> None:
    killed = start()
    killed.process.kill()
    killed.process.wait()
    assert killed.record_path.exists()
    server = start()
    server.connect().close()


def test_the_worker_dies_with_a_killed_server(start) -> None:
    server = start()
    worker = server.worker_pid()
    with server.connect() as client:
        events = client.colorize(play(pause_s=60))
        assert any(isinstance(e, Progress) and e.step == 1 for e in events)
        server.process.kill()
        server.process.wait()
    wait_until(lambda: not exists(worker), 5)


def test_it_ends_when_nobody_uses_it(start) -> None:
    server = start("--idle-exit", "0.5")
    with server.connect():
        time.sleep(1.7)
        assert server.process.poll() is None
    wait_until(lambda: server.process.poll() is not None, 6)
    assert server.process.returncode == 0
    assert not server.record_path.exists()


def test_results_survive_a_restart(start) -> None:
    server = start()
    with server.connect() as client:
        before = result(client.colorize(request(source={"document": "{1}"}), job="kept"))
    assert server.end() == 0
    with start().connect() as client:
        assert result(client.attach("kept")) == before
        client.acknowledge("kept")
        assert failure(client.attach("kept")).code == "unknown_job"
    assert list((server.home / "results").iterdir()) == []


def test_a_default_model_that_fails_is_told_and_tried_again(start) -> None:
    with start("--model", "missing").connect() as client:
        wait_until(lambda: client.status().state == "failed")
        assert client.status().detail == "There is no model 'missing'. Choose another model."
        end = failure(client.colorize(request(model="missing")))
        assert (end.code, end.message) == ("no_model", "There is no model 'missing'.")
        result(client.colorize(request(model="mini")))


def test_an_engine_that_cannot_be_imported_is_no_model(start) -> None:
    server = start(engine="no.such.module:Painter")
    with server.connect() as client:
        wait_until(lambda: client.status().state == "failed")
        end = failure(client.colorize(request()))
        assert end.code == "no_model" and "install.py" in end.remedy


def test_a_port_in_use_is_a_sentence(start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = start("--port", str(port))
        _, said = server.process.communicate(timeout=15)
    assert server.process.returncode == 1
    assert str(port) in said and "Traceback" not in said
    assert not server.record_path.exists()


def test_a_record_that_cannot_be_written_is_a_sentence_about_the_record(start, home: Path) -> None:
    (home / "server.json").mkdir()  # As much in the way as a full disk.
    server = start()
    _, said = server.process.communicate(timeout=15)
    assert server.process.returncode == 1
    assert f"can't write {server.record_path}" in said and "Traceback" not in said


def test_a_result_that_cannot_be_removed_does_not_keep_the_server_alive(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise PermissionError(13, "Permission denied", "an old result")

    async def serve() -> None:
        server = app.Server(app.Settings(home, engine=SCRIPTED, idle_exit_s=0.1))
        monkeypatch.setattr(server.jobs, "sweep", refuse)
        await asyncio.wait_for(server.run(), 20)

    asyncio.run(serve())
    assert "old results can't be removed" in caplog.text


def test_a_folder_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a file").touch()
    server = RunningServer(tmp_path / "a file" / "home")
    _, said = server.process.communicate(timeout=15)
    assert server.process.returncode == 1
    assert "can't be written to" in said and "Traceback" not in said
