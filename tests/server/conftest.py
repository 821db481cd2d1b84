# SPDX-License-Identifier: GPL-3.0-or-later
"""Real servers in processes of their own, with a scripted painter in the place of the model."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.sync.client import ClientConnection, connect

from manganinja.wire.client import Connection
from manganinja.wire.protocol import ProtocolError, Record, parse_record

ROOT = Path(__file__).resolve().parents[2]
SCRIPTED = "tests.server.scripted:Painter"


def wait_until(condition: Callable[[], object], timeout_s: float = 15.0) -> None:
    """Raises AssertionError where `condition` does not come true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


class RunningServer:
    """A server of its own data directory."""

    def __init__(self, home: Path, *arguments: str, engine: str = SCRIPTED) -> None:
        self.home = home
        # Doubles of a painter stand for one that paints.
        model = () if "--model" in arguments else ("--model", "mini")
        environment = {**os.environ, "MANGANINJA_HOME": str(home), "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", "--engine", engine, *model, *arguments],
            cwd=ROOT,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            wait_until(lambda: self.process.poll() is not None or self._record_is_mine())
        except BaseException:
            self.process.kill()
            raise

    def _record_is_mine(self) -> bool:
        try:
            return self.record.pid == self.process.pid
        except (OSError, ProtocolError):
            return False

    @property
    def record_path(self) -> Path:
        return self.home / "server.json"

    @property
    def record(self) -> Record:
        return parse_record(self.record_path.read_text())

    @property
    def log(self) -> str:
        return (self.home / "server.log").read_text()

    def connect(self) -> Connection:
        return Connection.open(self.record, "a test")

    def worker_pid(self) -> int:
        """The process that holds the model; waits until there is one."""
        found: list[int] = []

        def look() -> bool:
            found[:] = [pid for pid in _children(self.process.pid) if _is_worker(pid)]
            return bool(found)

        wait_until(look)
        return found[0]

    def end(self) -> int:
        """The exit status after SIGTERM, or of the process if it has ended by itself."""
        self.process.terminate()
        _, self.errors = self.process.communicate(timeout=15)
        return self.process.returncode


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def _is_worker(pid: int) -> bool:
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The data directory of what `start` starts."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., RunningServer]]:
    """Starts servers in one data directory, and ends them after the test."""
    servers: list[RunningServer] = []

    def start(*arguments: str, engine: str = SCRIPTED) -> RunningServer:
        servers.append(RunningServer(home, *arguments, engine=engine))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate(timeout=15)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One server for all tests of a file; each uses jobs of its own."""
    running = RunningServer(tmp_path_factory.mktemp("home"))
    yield running
    assert running.end() == 0


@pytest.fixture
def client(server: RunningServer) -> Iterator[Connection]:
    with server.connect() as connection:
        yield connection


@pytest.fixture
def raw() -> Iterator[Callable[[RunningServer], ClientConnection]]:
    """Opens websockets past the door on which nothing has been said yet."""
    with ExitStack() as stack:

        def open_raw(server: RunningServer) -> ClientConnection:
            headers = {"Authorization": f"Bearer {server.record.token}"}
            return stack.enter_context(
                connect(
                    server.record.url,
                    additional_headers=headers,
                    compression=None,
                    proxy=None,
                    close_timeout=2,
                )
            )

        yield open_raw
