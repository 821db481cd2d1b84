# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding a server that lives, not falling for one that does not, and starting one."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manganinja import __version__
from manganinja.wire import discovery
from manganinja.wire.client import Connection, VersionMismatch, WrongToken
from manganinja.wire.protocol import PROTOCOL_VERSION, Progress, Record, record_to_text
from server.record import Lock
from tests.server.asking import play

ROOT = Path(__file__).resolve().parents[2]
SCRIPTED = ("--engine", "tests.server.scripted:Painter")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MANGANINJA_HOME", str(tmp_path))
    yield tmp_path
    record = discovery.read_record()
    if record is not None and record.pid != os.getpid() and discovery.running_server():
        os.kill(record.pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while discovery.record_path().exists() and time.monotonic() < deadline:
            time.sleep(0.05)


def write_record(port: int, pid: int | None = None) -> None:
    record = Record(1, "127.0.0.1", port, "token", pid or os.getpid(), "0.1.0")
    discovery.record_path().write_text(record_to_text(record))


def install(python: str = sys.executable, project: Path = ROOT) -> None:
    values = {"python": python, "project": str(project), "version": "0.1.0"}
    (discovery.data_dir() / "install.json").write_text(json.dumps(values))


def false_server(folder: Path, code: str) -> Path:
    """A project whose server does nothing but run `code`."""
    (folder / "server").mkdir()
    (folder / "server" / "__init__.py").touch()
    (folder / "server" / "__main__.py").write_text(code)
    return folder


# -- where ----------------------------------------------------------------------------------------


def test_the_data_lies_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert discovery.data_dir() == tmp_path
    monkeypatch.delenv("MANGANINJA_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    assert discovery.data_dir() == Path("/elsewhere/manganinja")
    monkeypatch.setenv("HOME", "/home/artist")
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    assert discovery.data_dir() == Path("/home/artist/.local/share/manganinja")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert discovery.data_dir() == Path("/home/artist/.local/share/manganinja")


# -- is it alive ----------------------------------------------------------------------------------


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=100))
def test_a_damaged_record_is_no_record(home: Path, content: bytes) -> None:
    (home / "server.json").write_bytes(content)
    assert discovery.read_record() is None
    assert discovery.running_server() is None


def test_without_a_record_nothing_runs() -> None:
    assert discovery.running_server() is None


def test_the_record_of_a_dead_process_is_not_believed() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_record(port=9, pid=ended.pid)
    assert discovery.running_server() is None


def test_a_process_number_that_was_given_again_is_not_believed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    write_record(port)
    assert discovery.running_server() is None


def test_a_port_taken_over_by_a_web_server_is_not_believed() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        other.RequestHandlerClass.log_message = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=other.serve_forever, daemon=True).start()
        write_record(other.server_address[1])
        assert discovery.running_server() is None
        other.shutdown()


def test_a_port_taken_over_by_something_silent_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(discovery, "_PROBE_TIMEOUT_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        write_record(silent.getsockname()[1])
        assert discovery.running_server() is None


def test_a_server_that_does_not_know_the_token_is_named() -> None:
    install()
    record = discovery.start_server(20, arguments=SCRIPTED)
    own = discovery.record_path().read_text()
    discovery.record_path().write_text(own.replace(record.token, "x" * 43))
    for ask in (discovery.running_server, discovery.ensure_server, discovery.start_server):
        with pytest.raises(WrongToken) as caught:
            ask()
        assert "install.py" in caught.value.remedy
    discovery.record_path().write_text(own)
    assert discovery.running_server() == record


# -- starting -------------------------------------------------------------------------------------


def test_start_server_starts_one_that_answers_and_outlives_its_starter(home: Path) -> None:
    install()
    waited: list[float] = []
    record = discovery.start_server(20, waited.append, SCRIPTED)
    assert waited == sorted(waited)
    assert os.getsid(record.pid) == record.pid  # A session of its own: Ctrl-C does not reach it.
    with Connection.open(record, "a test") as client:
        assert client.server.protocol == PROTOCOL_VERSION
    assert discovery.ensure_server() == record
    assert (home / "server.log").exists()


ANOTHER_PROTOCOL = """
from manganinja.wire import protocol
protocol.PROTOCOL_VERSION += 1
"""
ANOTHER_VERSION = """
import manganinja
manganinja.__version__ = "0.0.1"
"""


@pytest.fixture
def altered(home: Path):
    """Starts scripted servers that have run some code first, once they listen; ends them."""
    started: list[subprocess.Popen[bytes]] = []

    def start(change: str) -> subprocess.Popen[bytes]:
        run = f"{change}\nfrom server.app import main\nmain({list(SCRIPTED)})"
        process = subprocess.Popen([sys.executable, "-c", run], cwd=ROOT)
        started.append(process)
        deadline = time.monotonic() + 20
        while not (record := discovery.read_record()) or record.pid != process.pid:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_server_of_another_protocol_is_named_at_once(altered) -> None:
    install()
    altered(ANOTHER_PROTOCOL)
    for ask in (discovery.running_server, discovery.ensure_server, discovery.start_server):
        with pytest.raises(VersionMismatch) as caught:
            ask()
        other = f"server version {PROTOCOL_VERSION + 1}"
        assert other in caught.value.message and "install.py" in caught.value.remedy


def test_a_server_that_hangs_is_named_when_it_has_had_its_time(
    altered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "_PROBE_TIMEOUT_S", 0.3)
    monkeypatch.setattr(discovery, "_LOCK_PATIENCE_S", 1.0)
    install()
    server = altered("")
    server.send_signal(signal.SIGSTOP)
    with pytest.raises(discovery.ServerBlocked) as caught:
        discovery.ensure_server(40)
    assert f"process {server.pid}" in caught.value.message
    assert "does not answer" in caught.value.message and "install.py" in caught.value.remedy


def test_a_server_that_is_just_ending_is_followed_by_a_new_one() -> None:
    install()
    lock = Lock(discovery.data_dir() / "server.lock")
    threading.Timer(3.0, lock.release).start()
    assert discovery.start_server(40, arguments=SCRIPTED) == discovery.running_server()


def test_an_idle_server_of_another_version_is_replaced(
    altered, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    old = altered(ANOTHER_VERSION)
    record = discovery.running_server()
    assert record is not None and record.version == "0.0.1"
    assert discovery.current_server() is None
    assert old.wait(20) == 0
    new = discovery.start_server(20, arguments=SCRIPTED)
    assert new.version == __version__ and discovery.current_server() == new


def test_a_busy_server_of_another_version_is_left_to_its_work(altered) -> None:
    install()
    altered(ANOTHER_VERSION)
    record = discovery.read_record()
    assert record is not None
    with Connection.open(record, "a test") as client:
        events = client.colorize(play(pause_s=0.2, steps=999), job="long")
        while not isinstance(next(events), Progress):
            pass
        assert discovery.current_server() == record
        client.cancel("long")


def test_a_project_whose_version_is_unknown_replaces_nothing(tmp_path: Path) -> None:
    assert not discovery.is_outdated("0.0.1")
    install(project=false_server(tmp_path, ""))
    assert not discovery.is_outdated("0.0.1")
    install()
    assert discovery.is_outdated("0.0.1") and not discovery.is_outdated(__version__)


def test_two_that_start_at_once_get_the_same_server() -> None:
    install()
    records: list[Record] = []
    starters = [
        threading.Thread(
            target=lambda: records.append(discovery.start_server(20, arguments=SCRIPTED))
        )
        for _ in range(2)
    ]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert len(records) == 2 and records[0] == records[1]


@pytest.mark.parametrize("content", [None, "", "{}", "[]", '{"python": "/no", "project": "/no"}'])
def test_without_an_installation_it_says_what_to_run(home: Path, content: str | None) -> None:
    if content is not None:
        (home / "install.json").write_text(content)
    with pytest.raises(discovery.NotInstalled) as caught:
        discovery.start_server(5)
    assert "install.py" in caught.value.remedy


def test_a_server_that_ends_at_once_shows_its_last_words(tmp_path: Path) -> None:
    install(project=false_server(tmp_path, "raise SystemExit('no torch here')"))
    with pytest.raises(discovery.ServerDidNotStart) as caught:
        discovery.start_server(20)
    assert caught.value.log == "no torch here"
    assert "server.log" in caught.value.remedy


def test_a_server_that_never_answers_is_given_up(tmp_path: Path) -> None:
    install(project=false_server(tmp_path, "import time; time.sleep(60)"))
    began = time.monotonic()
    with pytest.raises(discovery.ServerDidNotStart):
        discovery.start_server(0.6)
    assert time.monotonic() - began < 5


def test_what_krita_leaks_into_the_environment_is_taken_out() -> None:
    leaked = {
        "APPDIR": "/tmp/.mount_krita",
        "HOME": "/home/artist",
        "LD_LIBRARY_PATH": "/tmp/.mount_krita/usr/lib:/opt/cuda/lib:/usr/lib/krita",
        "PYTHONHOME": "/tmp/.mount_krita/usr",
        "PYTHONPATH": "/tmp/.mount_krita/usr/lib/krita-python-libs",
        "QT_PLUGIN_PATH": "/tmp/.mount_krita/usr/plugins",
        "QT_QPA_PLATFORM": "xcb",
    }
    assert discovery.scrubbed_environment(leaked) == {
        "APPDIR": "/tmp/.mount_krita",
        "HOME": "/home/artist",
        "LD_LIBRARY_PATH": "/opt/cuda/lib",
    }


def test_a_project_with_any_name_is_found_from_an_ascii_process(home: Path, tmp_path: Path) -> None:
    project = tmp_path / "線画 Ü"
    project.mkdir()
    values = {"python": sys.executable, "project": str(project)}
    home.mkdir(parents=True, exist_ok=True)
    (home / "install.json").write_text(json.dumps(values), encoding="utf-8")
    code = (
        "import os, sys; from manganinja.wire import discovery; "
        "assert sys.getfilesystemencoding() != 'utf-8'; "
        "os.chdir(discovery.read_installation().project)"
    )
    # As Krita's Python is where Krita was started with LANG=C.
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **ascii_only}, check=True)
