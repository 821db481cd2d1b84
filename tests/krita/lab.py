# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts Krita unattended: an X server and a window manager of its own, a fresh home, a time limit.

Also runs the Krita of a chroot: the work folder is then mounted there under the same path.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent
DRIVER = "manganinja_driver"
PLUGIN = "manganinja_krita"


class KritaFailed(AssertionError):
    """Krita ended without finishing its checks."""


@dataclass(frozen=True)
class Outcome:
    """What a run left: per check {"error", "seconds", "figures"}, uncaught tracebacks, version.

    ``trouble`` says why Krita did not end by itself, "" if it did.
    """

    checks: Mapping[str, dict]
    uncaught: list[str]
    version: str
    trouble: str
    timed_out: bool = False


def missing_tools(krita: str, root: Path | None) -> list[str]:
    """Programs that are needed and not there."""
    tools = ["Xvfb", "openbox", "xdotool"]
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if root is None and shutil.which(krita) is None:
        missing.append(krita)
    if root is not None and not (root / krita.lstrip("/")).exists():
        missing.append(f"{krita} in {root}")
    return missing


@contextlib.contextmanager
def display(folder: Path, size: str = "1600x1000") -> Iterator[str]:
    """A private X server with openbox; gives its name, such as ":99"."""
    number = folder / "display"
    with contextlib.ExitStack() as stack:
        out = stack.enter_context(open(number, "w"))
        log = stack.enter_context(open(folder / "x.log", "w"))
        server = _process(
            stack,
            ["Xvfb", "-displayfd", str(out.fileno()), "-screen", "0", f"{size}x24",
             "+extension", "GLX", "-nolisten", "tcp"],
            pass_fds=(out.fileno(),), stdout=log, stderr=log,
        )  # fmt: skip
        name = f":{_first_line(number, server)}"
        environment = {**os.environ, "DISPLAY": name}
        _process(stack, ["openbox"], env=environment, stdout=log, stderr=log)
        time.sleep(0.5)
        yield name


def _process(stack: contextlib.ExitStack, command: list[str], **options) -> subprocess.Popen:
    process = subprocess.Popen(command, **options)
    stack.callback(_end, process)
    return process


def _end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _first_line(path: Path, server: subprocess.Popen) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        text = path.read_text().strip()
        if text:
            return text
        time.sleep(0.05)
    raise KritaFailed("Xvfb did not start.")


class Lab:
    """One Krita, one work folder.  `run` starts Krita in a copy of a primed home."""

    def __init__(self, folder: Path, krita: str, root: Path | None) -> None:
        self.folder, self.krita, self.root, self.shots = folder, krita, root, folder / "shots"
        self.display = ""
        for name in ("run", "scripts", "plugins", "shots", "data"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "run").chmod(0o700)
        shutil.copytree(HERE / "inside", folder / "scripts", dirs_exist_ok=True)
        for example in (PROJECT / "examples").glob("*/*.kra"):
            shutil.copy2(example, folder)
        self._package()

    def _package(self) -> None:
        package = PROJECT / "krita_plugin" / "package.py"
        plugins = self.folder / "plugins"
        subprocess.run(
            [sys.executable, str(package), str(plugins)], check=True, stdout=subprocess.DEVNULL
        )
        shutil.copytree(HERE / "driver", plugins, dirs_exist_ok=True)

    @contextlib.contextmanager
    def opened(self) -> Iterator[Lab]:
        """The lab with its display, mounts and primed home."""
        with contextlib.ExitStack() as stack:
            if self.root is not None:
                stack.enter_context(_mounts(self.root, self.folder))
            self.display = stack.enter_context(display(self.folder))
            self._prime()
            yield self

    def _prime(self) -> None:
        """Krita's first start makes its resource database; every run then begins with a copy."""
        home = self.folder / "primed"
        resources = home / ".local" / "share" / "krita" / "pykrita"
        resources.mkdir(parents=True)
        shutil.copytree(self.folder / "plugins", resources, dirs_exist_ok=True)
        (home / ".config").mkdir()
        (home / ".config" / "kritarc").write_text(
            f"[python]\nenable_{DRIVER}=true\nenable_{PLUGIN}=true\n", encoding="utf-8"
        )
        # Nothing of ours may start a server in this run.
        data = self.folder / "no-data"
        data.mkdir()
        self._start(home, "priming", "prime.py", [], data, {}, 180)

    def run(
        self,
        name: str,
        script: str,
        checks: list[str],
        data: Path,
        environment: Mapping[str, str] | None = None,
        limit_s: float = 240,
    ) -> Outcome:
        """Runs ``checks`` of ``inside/script`` in a fresh Krita with the data folder ``data``."""
        home = Path(tempfile.mkdtemp(prefix=f"home-{name}-", dir=self.folder))
        shutil.copytree(self.folder / "primed", home, dirs_exist_ok=True)
        try:
            return self._start(home, name, script, checks, data, environment or {}, limit_s)
        finally:
            shutil.rmtree(home, ignore_errors=True)

    def _start(
        self,
        home: Path,
        name: str,
        script: str,
        checks: list[str],
        data: Path,
        extra: Mapping[str, str],
        limit_s: float,
    ) -> Outcome:
        result = self.folder / f"{name}.json"
        environment = {
            **self._environment(home, data),
            "DRIVER_SCRIPT": str(self.folder / "scripts" / script),
            "DRIVER_CHECKS": ",".join(checks),
            "DRIVER_RESULT": str(result),
            **extra,
        }
        command = [self.krita, "--nosplash"]
        if self.root is not None:
            command = ["chroot", str(self.root), *command]
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
            try:
                status = process.wait(limit_s)
            except subprocess.TimeoutExpired:
                # The whole group: a chroot's Krita is a child of the chroot program.
                os.killpg(process.pid, signal.SIGKILL)
                status = None
                process.wait()
        return self._outcome(result, name, status)

    def _environment(self, home: Path, data: Path) -> dict[str, str]:
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(home),
            "DISPLAY": self.display,
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
            "LANG": "C.UTF-8",
            "MANGANINJA_HOME": str(data),
            "KRITA_TEST_FOLDER": str(self.folder),
            "KRITA_TEST_SHOTS": str(self.shots),
            "OMP_NUM_THREADS": "1",
        }

    def _outcome(self, result: Path, name: str, status: int | None) -> Outcome:
        ended = "killed at the time limit" if status is None else f"status {status}"
        if not result.exists():
            tail = (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]
            raise KritaFailed(f"Krita wrote no result ({ended}).\n{tail}")
        values = json.loads(result.read_text(encoding="utf-8"))
        trouble = ""
        if not values["finished"]:
            fault = Path(f"{result}.fault")
            where = fault.read_text()[-3000:] if fault.exists() else ""
            trouble = f"Krita did not finish ({ended}).\n{where}"
        return Outcome(
            values["checks"], values["uncaught"], values["version"], trouble, status is None
        )


@contextlib.contextmanager
def _mounts(root: Path, folder: Path) -> Iterator[None]:
    """Makes the work folder, the X socket and the system's folders visible in the chroot."""
    pairs = [("--bind", "/dev", "dev"), ("-tproc", "proc", "proc"), ("-tsysfs", "sysfs", "sys")]
    pairs += [("--bind", "/tmp/.X11-unix", "tmp/.X11-unix"), ("--bind", str(folder), str(folder))]
    with contextlib.ExitStack() as stack:
        Path("/tmp/.X11-unix").mkdir(exist_ok=True)
        for kind, source, target in pairs:
            place = root / target.lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
            if not os.path.ismount(place):
                options = [kind] if kind == "--bind" else ["-t", kind[2:]]
                subprocess.run(["mount", *options, source, str(place)], check=True)
                stack.callback(subprocess.run, ["umount", "-l", str(place)], check=False)
        yield
