# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks in a real Krita.  `pytest tests/krita --krita /usr/bin/krita [--krita-root CHROOT]`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from .lab import PROJECT, Lab, Outcome, missing_tools


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("krita")
    group.addoption("--krita", default="/usr/bin/krita", help="the Krita to test in")
    group.addoption("--krita-root", default=None, help="a chroot with that Krita in it")
    group.addoption("--require-krita", action="store_true", help="a missing tool is a failure")
    group.addoption("--krita-shots", default=None, help="folder for pictures of the screen")


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A Krita that has been started once, on a display of its own."""
    krita, chroot = (
        str(request.config.getoption("--krita")),
        request.config.getoption("--krita-root"),
    )
    root = Path(chroot).resolve() if chroot else None
    missing = missing_tools(krita, root)
    if missing:
        give_up = pytest.fail if request.config.getoption("--require-krita") else pytest.skip
        give_up("not on this machine: " + ", ".join(missing))
    folder = tmp_path_factory.mktemp("krita")
    shots = request.config.getoption("--krita-shots")
    with Lab(folder, krita, root).opened() as opened:
        yield opened
    if shots:
        shutil.copytree(opened.shots, shots, dirs_exist_ok=True)


class DataFolder:
    """A data folder of the program, as install.py leaves it, and the server that lives in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)

    def install(self, engine: str = "") -> None:
        """Writes install.json; with ``engine``, of a project whose server runs that engine."""
        project = PROJECT
        if engine:
            project = self.path.parent / f"project-{len(list(self.path.parent.iterdir()))}"
            (project / "server").mkdir(parents=True, exist_ok=True)
            (project / "server" / "__init__.py").write_text("")
            (project / "server" / "__main__.py").write_text(
                _STARTER.format(str(PROJECT), ("--engine", engine, "--model", "mini"))
            )
        record = {"python": sys.executable, "project": str(project), "version": "test"}
        (self.path / "install.json").write_text(json.dumps(record), encoding="utf-8")

    def start_server(self) -> None:
        """Starts the installed server as the plugin would, and waits until it listens."""
        installed = json.loads((self.path / "install.json").read_text())
        environment = {**os.environ, "MANGANINJA_HOME": str(self.path)}
        subprocess.Popen(
            [installed["python"], "-m", "server"], cwd=installed["project"], env=environment
        )
        deadline = time.monotonic() + 60
        while self.server_pid() is None:
            assert time.monotonic() < deadline, "the server did not start"
            time.sleep(0.1)

    def server_pid(self) -> int | None:
        try:
            return json.loads((self.path / "server.json").read_text())["pid"]
        except (OSError, ValueError, KeyError):
            return None

    def end_server(self) -> None:
        pid = self.server_pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            for _ in range(100):
                if not Path(f"/proc/{pid}").exists():
                    break
                time.sleep(0.05)


# The plugin starts `python -m server` in the project's folder; this one becomes the real server
# with another engine.
_STARTER = """
import os, sys
os.chdir({0!r})
os.execv(sys.executable, [sys.executable, "-m", "server", *sys.argv[1:], *{1!r}])
"""


class Runs:
    """Runs each script of checks once, when the first of its checks is asked for."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self._lab, self._folder = lab, folder
        self._outcomes: dict[str, Outcome] = {}

    def outcome(self, script: str, checks: list[str], engine: str, limit_s: float) -> Outcome:
        if script not in self._outcomes:
            data = DataFolder(self._folder / f"Größe {Path(script).stem}")
            data.install(engine)
            # A chroot has no Python of the project's; there the plugin finds a running server.
            if self._lab.root is not None:
                data.start_server()
            try:
                self._outcomes[script] = self._run(script, checks, data.path, limit_s)
            finally:
                data.end_server()
        return self._outcomes[script]

    def _run(self, script: str, checks: list[str], data: Path, limit_s: float) -> Outcome:
        """All checks; one in which Krita crashes has failed, and a fresh Krita does the rest."""
        extra = {"KRITA_TEST_PROJECT": str(PROJECT)}
        outcome = self._lab.run(Path(script).stem, script, checks, data, extra, limit_s)
        left = [check for check in checks if check not in outcome.checks]
        if not outcome.trouble or outcome.timed_out or not left:
            return outcome
        died = {left[0]: {"error": outcome.trouble, "figures": {}}}
        if not left[1:]:
            return replace(outcome, checks={**outcome.checks, **died})
        rest = self._run(script, left[1:], data, limit_s)
        return replace(
            outcome,
            checks={**outcome.checks, **died, **rest.checks},
            uncaught=[*outcome.uncaught, *rest.uncaught],
        )

    def done(self) -> dict[str, Outcome]:
        return dict(self._outcomes)


@pytest.fixture(scope="session")
def runs(lab: Lab) -> Runs:
    # Inside the lab's folder, which a chroot sees as well.
    return Runs(lab, lab.folder / "data")
