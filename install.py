#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Set up MangaNinja for Krita, run it, test it, or take it out again.

    python3 install.py                 set up, then open Krita on the example
                                       (without Krita or a display: colour the example here)
    python3 install.py --with-krita    the same, and install Krita with apt where that is allowed
    python3 install.py test            set up what the tests need, and run them
    python3 install.py plugin          only put the plugin into Krita's resource folder
    python3 install.py server          run the server here, in the foreground
    python3 install.py uninstall       take everything out again

Needs Python 3.10 or newer and nothing else. Everything goes into three places: `.venv` in this
folder, the plugin in Krita's resource folder, and the data folder of MangaNinja. A second run
sets up in seconds: it only does what has changed.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The file has to be readable by any Python 3.7, so that an old one hears a sentence, not a
# SyntaxError: no newer grammar, and newer types in annotations only.

OLDEST_PYTHON = (3, 10)
TORCH_PIN = "torch==2.13.0"
PLUGIN_NAME = "manganinja_krita"
SETTINGS_GROUP = "manganinja"
FRESH_BYTES = 3_000_000_000
FRESH_BYTES_CUDA = 9_000_000_000
UPDATE_BYTES = 500_000_000
SCRATCH_BYTES = 1_500_000_000
STAMP_NAME = "manganinja-stamp.json"
BUILDING_NAME = "manganinja-building"
EXAMPLE = "examples/character/character.kra"
KRITA_PACKAGES = {"krita": "krita", "python3-pyqt5": None, "python3-sip": None}
TEST_PACKAGES = {
    **KRITA_PACKAGES,
    "xvfb": "Xvfb",
    "openbox": "openbox",
    "xdotool": "xdotool",
    "libgl1-mesa-dri": None,
}
"""Debian packages, each with the program that shows it is there (None: only dpkg can tell)."""


# ---------------------------------------------------------------------------------------------
# Failures


class Problem(Exception):
    """Something that the person at the keyboard has to know or do.

    `message` is one sentence on what is wrong, `remedy` one sentence on what to do about it.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class KritaEnded(Problem):
    """Krita was started and ended at once."""


def problem_of_os_error(error: OSError) -> Problem:
    """The sentence for an error of the operating system."""
    where = error.filename if isinstance(error.filename, (str, os.PathLike)) else "a file"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Problem(
            f"The disk is full: {where} could not be written.",
            "Free some space (3 GB are needed in all) and run the same command again.",
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Problem(
            f"There is no permission to write {where}.",
            "Run this as the user who owns that place, or move the project to a folder of yours.",
        )
    return Problem(
        f"The operating system refused something: {error.strerror or error} ({where}).",
        "Put that right and run the same command again.",
    )


_PIP_FAILURES: Sequence[tuple[str, str, str]] = (
    (
        r"No space left on device|Disk quota exceeded",
        "The disk is full: the Python packages did not fit.",
        "Free some space (3 GB are needed in all) and run the same command again.",
    ),
    (
        r"name resolution|Name or service not known|nodename nor servname|Connection refused"
        r"|Network is unreachable|No route to host|NewConnectionError|Max retries exceeded"
        r"|ConnectTimeout|ReadTimeout|Read timed out|ProxyError|Connection reset"
        r"|ConnectionResetError|ProtocolError|IncompleteRead|Could not fetch URL",
        "There is no network, or the package index cannot be reached through it.",
        "Check the connection (and the proxy settings) and run the same command again.",
    ),
    (
        r"Permission denied",
        "There is no permission to write where pip has to write.",
        "Run this as the user who owns the project folder.",
    ),
    (
        r"No matching distribution found for torch\b",
        "There is no PyTorch 2.13.0 for this Python and this kind of machine.",
        "Use a 64-bit Python from 3.10 to 3.14: `python3.11 install.py`, for example.",
    ),
    (
        r"No matching distribution found for (?P<what>[^\s(]+)",
        "The package index has no fitting version of {what}.",
        "Update the project, or use another Python from 3.10 to 3.14.",
    ),
    (
        r"MemoryError|Cannot allocate memory",
        "The memory is full: pip could not go on.",
        "Close other programs and run the same command again.",
    ),
)


def problem_of_pip(output: str, returncode: int, log: Path) -> Problem:
    """The sentence for a pip run that failed, read off what it printed."""
    for pattern, message, remedy in _PIP_FAILURES:
        found = re.search(pattern, output)
        if found:
            return Problem(message.format(**found.groupdict()), f"{remedy} Details: {log}")
    if returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return Problem(
            "pip was killed, most likely because the memory was full.",
            "Close other programs and run the same command again.",
        )
    last = next((line for line in reversed(output.splitlines()) if line.strip()), "nothing")
    return Problem(
        f"pip could not install the packages; the last it said was: {last.strip()[:300]}",
        f"The whole of it is in {log}.",
    )


# ---------------------------------------------------------------------------------------------
# What the person sees


class Step:
    """One line of progress; `note` says what is happening now, `result` what came of it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.note = ""
        self.result = ""


class Report:
    """Calm progress lines: what, how it went, how long it took.

    On a terminal the running step is redrawn once a second; elsewhere a line appears when its
    step ends (and one when a step that takes long begins).
    """

    def __init__(self, stream: Any = None) -> None:
        self._stream = stream or sys.stdout
        self._live = bool(getattr(self._stream, "isatty", lambda: False)())
        self._lock = threading.Lock()

    def say(self, text: str = "") -> None:
        with self._lock:
            self._write(text + "\n")

    @contextlib.contextmanager
    def step(self, name: str, announce: str = "") -> Iterator[Step]:
        """Times a step. `announce` is printed at once where nothing can be redrawn."""
        step, start, done = Step(name), time.monotonic(), threading.Event()
        step.note = announce
        if announce and not self._live:
            self.say(f"  {name:<13} {announce} ...")
        ticker = threading.Thread(target=self._tick, args=(step, start, done), daemon=True)
        if self._live:
            ticker.start()
        try:
            yield step
        except BaseException:
            self._finish(done, ticker)
            raise
        self._finish(done, ticker)
        self.say(self._line(name, step.result, time.monotonic() - start))

    def _finish(self, done: threading.Event, ticker: threading.Thread) -> None:
        done.set()
        if ticker.is_alive():
            ticker.join()
        if self._live:
            with self._lock:
                self._write("\r\033[K")

    def _tick(self, step: Step, start: float, done: threading.Event) -> None:
        while not done.wait(1.0):
            width = shutil.get_terminal_size().columns
            line = self._line(step.name, step.note, time.monotonic() - start)
            with self._lock:
                self._write("\r\033[K" + line[: width - 1])

    @staticmethod
    def _line(name: str, text: str, seconds: float) -> str:
        return f"  {name:<13} {text:<56} {seconds:6.1f} s"

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            # A terminal in the C locale cannot show every path; it still gets its line.
            self._stream.write(text.encode("ascii", "backslashreplace").decode("ascii"))
        self._stream.flush()


# ---------------------------------------------------------------------------------------------
# Places


@dataclass(frozen=True)
class Places:
    """Every folder that is read or written, found once."""

    project: Path
    data: Path
    krita_resources: Path
    kritarc: Path

    @classmethod
    def find(cls, project: Path, environ: Mapping[str, str], home: Path) -> Places:
        """The places that the XDG rules and MANGANINJA_HOME give; relative values do not count."""

        def folder(variable: str, fallback: Path) -> Path:
            value = environ.get(variable, "")
            return Path(value) if os.path.isabs(value) else fallback

        data_home = folder("XDG_DATA_HOME", home / ".local" / "share")
        return cls(
            project=project,
            data=Path(environ["MANGANINJA_HOME"]).expanduser()
            if environ.get("MANGANINJA_HOME")
            else data_home / "manganinja",
            krita_resources=data_home / "krita",
            kritarc=folder("XDG_CONFIG_HOME", home / ".config") / "kritarc",
        )

    @property
    def venv(self) -> Path:
        return self.project / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.venv / STAMP_NAME

    @property
    def building(self) -> Path:
        return self.venv / BUILDING_NAME

    @property
    def log(self) -> Path:
        return self.project / "install.log"

    @property
    def pykrita(self) -> Path:
        return self.krita_resources / "pykrita"

    @property
    def plugin(self) -> Path:
        return self.pykrita / PLUGIN_NAME

    @property
    def plugin_desktop(self) -> Path:
        return self.pykrita / f"{PLUGIN_NAME}.desktop"

    @property
    def install_record(self) -> Path:
        return self.data / "install.json"

    @property
    def mini_weights(self) -> Path:
        return self.project / "manganinja" / "weights" / "mini"

    @property
    def pictures(self) -> Path:
        return self.project / "results"


def project_version(project: Path) -> str:
    """The version in pyproject.toml (tomllib is too young for Python 3.10)."""
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r'^version\s*=\s*"([^"]+)"', text, re.MULTILINE)
    return found.group(1) if found else "0"


def shown(path: Path) -> str:
    """A path as a person writes it, with ~ for the home folder."""
    with contextlib.suppress(ValueError):
        return str(Path("~") / path.relative_to(Path.home()))
    return str(path)


def write_atomically(path: Path, content: bytes) -> None:
    """Replaces `path` in one step, keeps its mode, and follows it where it is a link."""
    target = Path(os.path.realpath(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write_beside_and_replace(target, content)
    except OSError as error:
        # Nobody knows the temporary file beside it.
        error.filename = str(target)
        raise


def _write_beside_and_replace(target: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o644
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def remove(path: Path) -> bool:
    """Removes a file, a link or a whole folder; tells whether there was anything."""
    if path.is_symlink() or path.is_file():
        path.unlink()
        return True
    if path.is_dir():
        shutil.rmtree(path)
        return True
    return False


def free_bytes(path: Path) -> int:
    """Free space on the disk of `path`, or of its nearest parent that exists."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


# ---------------------------------------------------------------------------------------------
# Other programs


_LEAKING_VARIABLES = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "VIRTUAL_ENV",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
    "__PYVENV_LAUNCHER__",
)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would lead another Python astray."""
    environment = {k: v for k, v in os.environ.items() if k not in _LEAKING_VARIABLES}
    environment.update(PYTHONNOUSERSITE="1", PIP_ROOT_USER_ACTION="ignore")
    environment.update(extra or {})
    return environment


def run_logged(
    command: Sequence[str],
    log: Path,
    cwd: Path,
    environment: Mapping[str, str],
    on_line: Callable[[str], None] = lambda line: None,
    own_group: bool = True,
) -> tuple[int, str]:
    """Runs a command, writes its output to `log` too, and gives its exit code and output.

    When this process is interrupted the command is ended first. `own_group` is False for a
    command that must hear Ctrl+C itself and may finish what it has begun (apt).
    """
    with open(log, "a", encoding="utf-8", errors="replace") as record:
        record.write(f"\n$ {' '.join(shlex.quote(part) for part in command)}\n")
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=own_group,
        )
        lines = []
        try:
            assert process.stdout is not None
            for line in process.stdout:
                record.write(line)
                lines.append(line)
                on_line(line.strip())
            return process.wait(), "".join(lines)
        except BaseException:
            _end(process, own_group)
            raise


def _end(process: subprocess.Popen[str], own_group: bool) -> None:
    if not own_group:
        process.wait()
        return
    for number, patience_s in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
            return


class Apt:
    """Debian's package manager, as far as this user may use it."""

    def __init__(self, run: Callable[..., Any] = subprocess.run) -> None:
        self._run = run

    def prefix(self) -> list[str] | None:
        """What has to stand before a command to run it as root; None where that is not allowed."""
        if shutil.which("apt-get") is None:
            return None
        if os.geteuid() == 0:
            return []
        if shutil.which("sudo") is None:
            return None
        allowed = self._quiet(["sudo", "-n", "true"])
        return ["sudo", "-n"] if allowed == 0 else None

    def missing(self, packages: Mapping[str, str | None]) -> list[str]:
        """Those of `packages` that are not here, in their order."""
        return [name for name, program in packages.items() if not self._here(name, program)]

    def install(self, packages: Sequence[str], log: Path, step: Step) -> None:
        """Installs packages; raises `Problem` where apt is not allowed or fails."""
        prefix = self.prefix()
        if prefix is None:
            raise Problem(
                f"These packages are missing and may not be installed from here: "
                f"{' '.join(packages)}.",
                f"Type: {self.command(packages)}",
            )
        calls = (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", *packages],
        )
        printed = ""
        for call in calls:
            # Without new lists an older one may do, so only the last exit code counts.
            code, output = run_logged(
                [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", *call],
                log,
                Path("/"),
                clean_environment(),
                on_line=lambda line: setattr(step, "note", line[:56]),
                own_group=False,
            )
            printed += output
        if code != 0:
            raise self._problem(packages, printed, log)

    def _problem(self, packages: Sequence[str], output: str, log: Path) -> Problem:
        if re.search(r"failure resolving|[Cc]ould not (resolve|connect)|Unable to connect", output):
            return Problem(
                f"There is no network, so apt could not fetch {' '.join(packages)}.",
                "Check the connection and run the same command again.",
            )
        last = next((x for x in reversed(output.splitlines()) if x.strip()), "nothing")
        return Problem(
            f"apt could not install {' '.join(packages)}; the last it said was: {last}",
            f"Type `{self.command(packages)}` and see. The whole of it is in {log}.",
        )

    @staticmethod
    def command(packages: Sequence[str]) -> str:
        """What a person types to get the packages."""
        return f"sudo apt-get update && sudo apt-get install {' '.join(packages)}"

    def _here(self, package: str, program: str | None) -> bool:
        if program is not None and shutil.which(program):
            return True
        if shutil.which("dpkg-query") is None:
            # Not Debian: what shows no program cannot be looked for.
            return program is None
        status = self._run(
            ["dpkg-query", "-W", "-f=${db:Status-Status}", package],
            capture_output=True,
            text=True,
        )
        return status.returncode == 0 and status.stdout == "installed"

    def _quiet(self, command: Sequence[str]) -> int:
        try:
            return self._run(
                command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20
            ).returncode
        except (OSError, subprocess.TimeoutExpired):
            return 1


# ---------------------------------------------------------------------------------------------
# The Python environment


def check_python(version: Sequence[int] = tuple(sys.version_info[:3])) -> None:
    """Raises `Problem` where Python is too old."""
    if tuple(version[:2]) < OLDEST_PYTHON:
        have, need = ".".join(map(str, version[:3])), ".".join(map(str, OLDEST_PYTHON))
        raise Problem(
            f"This is Python {have}, and {need} or newer is needed.",
            f"Install a newer Python and start this file with it, such as `python{need} "
            "install.py`.",
        )


def check_space(places: Places, needed: int, free: Callable[[Path], int] = free_bytes) -> None:
    """Raises `Problem` where the project's disk has less than `needed` bytes free."""
    available = free(places.project)
    if available < needed:
        raise Problem(
            f"The disk has {available / 1e9:.1f} GB free where {needed / 1e9:.1f} GB are needed "
            f"({places.project}).",
            "Free some space, or move the project folder to a larger disk, and run this again.",
        )


def check_writable(project: Path) -> None:
    """Raises `Problem` where the project folder may not be written."""
    if not os.access(project, os.W_OK | os.X_OK):
        raise Problem(
            f"There is no permission to write in {project}, where the environment has to go.",
            "Run this as the user who owns that folder, or clone the project into one of yours.",
        )


def check_places(places: Places) -> None:
    """Raises `Problem` where the plugin, kritarc or the data folder could not be written."""
    files = [Path(os.path.realpath(path)) for path in (places.kritarc, places.install_record)]
    for target in (places.plugin, *files):
        folder = target.parent
        while not os.path.lexists(folder):
            folder = folder.parent
        if not folder.is_dir():
            raise Problem(
                f"{target} can't be written: {folder} is not a folder.",
                "Move that file away and run the same command again.",
            )
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Problem(
                f"There is no permission to write {target}.",
                f"Get write permission for {folder} and run the same command again.",
            )


def environment_digest(places: Places) -> str:
    """A digest of everything that decides what the environment has to contain."""
    digest = hashlib.sha256()
    digest.update((places.project / "pyproject.toml").read_bytes())
    # A moved project has a broken environment: scripts and the editable path name the folder.
    digest.update(repr((sys.version_info[:2], TORCH_PIN, str(places.project))).encode())
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where there is none or it cannot be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


@dataclass
class Environment:
    """The project's own `.venv`: built once, brought up to date, or thrown away as a whole."""

    places: Places
    report: Report
    apt: Apt
    free: Callable[[Path], int] = free_bytes

    def is_ready(self, extras: Iterable[str] = ()) -> bool:
        stamp = read_json(self.places.stamp)
        return (
            not self.places.building.exists()
            and self.places.python.exists()
            and stamp.get("digest") == environment_digest(self.places)
            and set(extras) <= set(stamp.get("extras", []))
        )

    def ensure(self, extras: Sequence[str] = ()) -> bool:
        """Makes the environment ready; tells whether it was not.

        Raises `Problem`; then a half-built one is gone again.
        """
        if self.is_ready(extras):
            with self.report.step("environment") as step:
                step.result = "ready"
            return False
        check_writable(self.places.project)
        remove(self.places.log)
        if self.places.building.exists() or not self._interpreter_works():
            remove(self.places.venv)
        if self.places.venv.exists():
            self._update(extras)
        else:
            self._build(extras)
        return True

    def _interpreter_works(self) -> bool:
        """False for an environment whose Python has gone, moved or been upgraded away."""
        if not self.places.python.exists():
            return False
        ask = "import sys; print(sys.prefix, *sys.version_info[:2], sep='\\n')"
        try:
            answer = subprocess.run(
                [str(self.places.python), "-c", ask],
                env=clean_environment(),
                capture_output=True,
                text=True,
                timeout=60,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        lines = [str(self.places.venv), *map(str, sys.version_info[:2])]
        return answer.returncode == 0 and answer.stdout.splitlines() == lines

    def _build(self, extras: Sequence[str]) -> None:
        cuda = shutil.which("nvidia-smi") is not None
        check_space(self.places, FRESH_BYTES_CUDA if cuda else FRESH_BYTES, self.free)
        self._ensure_venv_module()
        try:
            self.places.venv.mkdir()
            self.places.building.touch()
            self._create()
            self._install_packages(extras)
            self.places.building.unlink()
        except BaseException:
            self._discard()
            raise

    def _update(self, extras: Sequence[str]) -> None:
        check_space(self.places, UPDATE_BYTES, self.free)
        already = read_json(self.places.stamp).get("extras", [])
        # Whatever stops pip half-way, this environment must not count as ready.
        self.places.stamp.unlink(missing_ok=True)
        self._install_packages(sorted({*already, *extras}))

    def _discard(self) -> None:
        with self.report.step("environment") as step:
            remove(self.places.venv)
            remove_build_leftovers(self.places.project)
            step.result = "half-built, removed again"

    def _ensure_venv_module(self) -> None:
        if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
            return
        # Debian keeps these two modules in a package of their own.
        version = ".".join(map(str, sys.version_info[:2]))
        package = f"python{version}-venv"
        with self.report.step("python venv", "getting it with apt") as step:
            self.apt.install([package], self.places.log, step)
            step.result = f"{package} installed with apt"

    def _create(self) -> None:
        with self.report.step("environment") as step:
            # An environment must not be made by the Python of another environment.
            python = getattr(sys, "_base_executable", None) or sys.executable
            code, output = run_logged(
                [python, "-m", "venv", str(self.places.venv)],
                self.places.log,
                self.places.project,
                clean_environment(),
            )
            if code != 0:
                raise self._venv_problem(code, output)
            step.result = f"new, in {shown(self.places.venv)}"

    def _venv_problem(self, code: int, output: str) -> Problem:
        if "ensurepip is not" in output:
            return Problem(
                "This Python comes without its venv module.",
                f"Type: {Apt.command(['python3-venv'])}",
            )
        problem = problem_of_pip(output, code, self.places.log)
        said = problem.message.replace("pip could not install the packages", "venv failed")
        return Problem(said, problem.remedy)

    def _install_packages(self, extras: Sequence[str]) -> None:
        name = f".[{','.join(['network', *extras])}]"
        if not self._has_torch():
            self._pip("PyTorch", [TORCH_PIN], f"{TORCH_PIN.split('==')[1]} installed")
        try:
            self._pip("packages", ["--editable", name], "installed")
        finally:
            remove(self.places.project / "build")
        stamp = {"digest": environment_digest(self.places), "extras": list(extras)}
        write_atomically(self.places.stamp, json.dumps(stamp).encode())

    def _has_torch(self) -> bool:
        """True where some torch is installed: pip then keeps it if it is new enough."""
        return any(self.places.venv.glob("lib/python3*/site-packages/torch-*.dist-info"))

    def _pip(self, title: str, what: Sequence[str], result: str) -> None:
        command = [str(self.places.python), "-m", "pip", "install", "--no-input", "--retries", "3"]
        command += ["--disable-pip-version-check", "--progress-bar", "off", *what]
        with self.report.step(title, "installing") as step:
            code, output = run_logged(
                command,
                self.places.log,
                self.places.project,
                clean_environment(self._scratch()),
                on_line=lambda line: _note_pip(step, line),
            )
            if code != 0:
                raise problem_of_pip(output, code, self.places.log)
            step.result = result

    def _scratch(self) -> dict[str, str]:
        """Where pip unpacks: the environment itself, where the usual place is too small."""
        if self.free(Path(tempfile.gettempdir())) >= SCRATCH_BYTES:
            return {}
        scratch = self.places.venv / "tmp"
        scratch.mkdir(exist_ok=True)
        return {"TMPDIR": str(scratch)}


def _note_pip(step: Step, line: str) -> None:
    words = line.split()
    if line.startswith(("Collecting", "Downloading")) and len(words) > 1:
        step.note = f"fetching {words[1].rsplit('/', 1)[-1][:48]}"
    elif line.startswith("Installing collected"):
        step.note = "unpacking"


def remove_build_leftovers(project: Path) -> None:
    """What an editable install leaves beside the sources."""
    remove(project / "build")
    for path in project.glob("*.egg-info"):
        remove(path)


# ---------------------------------------------------------------------------------------------
# The bundled weights


def check_weights(folder: Path) -> tuple[int, int]:
    """The number and the bytes of the bundled model's weight files; raises `Problem`.

    Each file has to be whole by its own header, and by size and SHA-256 where the folder's
    manifest.json ({"files": {path: {"bytes": n, "sha256": hex}}}) names it.
    """
    files = sorted(folder.rglob("*.safetensors"))
    listed = read_json(folder / "manifest.json").get("files", {})
    if not (folder / "model_index.json").is_file() or not files:
        raise _weights_problem(folder, "is not there")
    for name, expected in listed.items():
        path = folder / name
        if not path.is_file():
            raise _weights_problem(path, "is not there")
        if path.stat().st_size != expected.get("bytes"):
            raise _weights_problem(path, "has the wrong size")
        if hashlib.sha256(path.read_bytes()).hexdigest() != expected.get("sha256"):
            raise _weights_problem(path, "is damaged")
    for path in files:
        if not is_whole_safetensors(path):
            raise _weights_problem(path, "is damaged")
    return len(files), sum(path.stat().st_size for path in files)


def _weights_problem(path: Path, what: str) -> Problem:
    return Problem(
        f"The bundled model {what}: {path}.",
        "The download of the project is incomplete; clone or unpack it again.",
    )


def is_whole_safetensors(path: Path) -> bool:
    """True where a safetensors file is exactly as long as its own header says."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        head = file.read(8)
        if len(head) < 8:
            return False
        (header_bytes,) = struct.unpack("<Q", head)
        if header_bytes > size - 8:
            return False
        try:
            header = json.loads(file.read(header_bytes))
            ends = [x["data_offsets"][1] for k, x in header.items() if k != "__metadata__"]
        except (ValueError, AttributeError, TypeError, KeyError, IndexError):
            return False
    return size == 8 + header_bytes + max(ends, default=0)


# ---------------------------------------------------------------------------------------------
# kritarc


def set_entry(text: str, group: str, key: str, value: str | None) -> str:
    """`text` of an ini file with `key` in `[group]` set to `value`, or taken out where it is None.

    Every other line stays as it is, in its order. A group that the removal leaves without a
    line goes too.
    """
    lines = text.split("\n")
    kept: list[str] = []
    header, current, done = f"[{group}]", "", False
    for line in lines:
        stripped = line.strip()
        if stripped.startswith("["):
            current = stripped
        elif current == header and stripped.split("=", 1)[0].rstrip() == key and "=" in stripped:
            if value is None or done:
                continue
            line, done = f"{key}={value}", True
        kept.append(line)
    if value is None:
        return "\n".join(_without_empty_group(kept, header) if kept != lines else kept)
    if not done:
        kept = _with_new_entry(kept, header, f"{key}={value}")
    return "\n".join(kept)


def _with_new_entry(lines: list[str], header: str, entry: str) -> list[str]:
    for index, line in enumerate(lines):
        if line.strip() == header:
            return [*lines[: index + 1], entry, *lines[index + 1 :]]
    body = lines[:-1] if lines[-1] == "" else lines
    gap = [""] if body and body[-1].strip() else []
    return [*body, *gap, header, entry, ""]


def _without_empty_group(lines: list[str], header: str) -> list[str]:
    kept: list[str] = []
    index = 0
    while index < len(lines):
        end = index + 1
        if lines[index].strip() == header:
            while end < len(lines) and not lines[end].strip():
                end += 1
            if end == len(lines):
                return _ended(kept)
            if lines[end].strip().startswith("["):
                index = end
                continue
        kept.extend(lines[index:end])
        index = end
    return kept


def _ended(lines: list[str]) -> list[str]:
    """Lines without the blank ones at their end, and with a last line break."""
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return [*lines, ""]


def without_group(text: str, group: str) -> str:
    """`text` of an ini file without `[group]`, its entries and the blank lines at its end."""
    kept, current = [], ""
    for line in text.split("\n"):
        if line.strip().startswith("["):
            current = line.strip()
        if current != f"[{group}]":
            kept.append(line)
    return "\n".join(kept) if current != f"[{group}]" else "\n".join(_ended(kept))


def enabled(text: str) -> str:
    """The text of kritarc with the plugin enabled."""
    return set_entry(text, "python", f"enable_{PLUGIN_NAME}", "true")


def disabled(text: str) -> str:
    """The text of kritarc without the plugin and without what it has had Krita remember."""
    text = set_entry(text, "python", f"enable_{PLUGIN_NAME}", None)
    return without_group(text, SETTINGS_GROUP)


def edit_kritarc(path: Path, change: Callable[[str], str]) -> bool:
    """Writes what `change` makes of kritarc's text; tells whether that is anything else.

    The first change keeps a copy beside it, `kritarc.before-manganinja`. A file that would be
    empty goes.
    """
    before = path.read_bytes() if path.exists() else b""
    # Bytes that are not UTF-8 have to survive as they are.
    after = change(before.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
    if after == before:
        return False
    backup = kritarc_backup(path)
    if before and not backup.exists():
        write_atomically(backup, before)
    if after.strip():
        write_atomically(path, after)
    else:
        remove(path)
    return True


def kritarc_backup(path: Path) -> Path:
    return path.with_name(path.name + ".before-manganinja")


# ---------------------------------------------------------------------------------------------
# The plugin


def build_plugin(project: Path, destination: Path) -> Path:
    """The plugin's folder, packaged into `destination` by the plugin's own packager."""
    source = project / "krita_plugin" / "package.py"
    spec = importlib.util.spec_from_file_location("manganinja_package_plugin", source)
    if spec is None or spec.loader is None or not source.is_file():
        raise Problem(
            f"The plugin's sources are not there: {source}.",
            "The download of the project is incomplete; clone or unpack it again.",
        )
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.build(destination)


def install_plugin(places: Places) -> bool:
    """Puts the plugin into Krita's resource folder and enables it; tells whether it was new.

    Where one of the two fails, everything is as it was before.
    """
    places.pykrita.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".manganinja-", dir=places.pykrita) as scratch:
        build_plugin(places.project, Path(scratch))
        fresh = [Path(scratch) / path.name for path in (places.plugin, places.plugin_desktop)]
        changed = tree_of(fresh) != tree_of([places.plugin, places.plugin_desktop])
        with contextlib.ExitStack() as undo:
            for new in fresh if changed else ():
                old = places.pykrita / new.name
                undo.callback(_swap_back, old, Path(scratch))
                _swap(new, old, Path(scratch))
            changed = edit_kritarc(places.kritarc, enabled) or changed
            undo.pop_all()
    return changed


def _swap(new: Path, old: Path, scratch: Path) -> None:
    """Puts `new` where `old` is; the old one ends up in `scratch`, which is thrown away."""
    if old.exists() or old.is_symlink():
        os.replace(old, scratch / f"old-{old.name}")
    os.replace(new, old)


def _swap_back(old: Path, scratch: Path) -> None:
    """Undoes `_swap`, however far it came."""
    aside, new = scratch / f"old-{old.name}", scratch / old.name
    if not os.path.lexists(new):
        remove(old)
    if os.path.lexists(aside):
        os.replace(aside, old)


def tree_of(roots: Iterable[Path]) -> dict[str, bytes]:
    """Every file under the roots with the SHA-256 of its content; byte code does not count."""
    tree = {}
    for root in roots:
        for path in [root, *root.rglob("*")]:
            if path.is_file() and "__pycache__" not in path.parts:
                name = str(path.relative_to(root.parent))
                tree[name] = hashlib.sha256(path.read_bytes()).digest()
    return tree


def uninstall_plugin(places: Places) -> bool:
    """Takes the plugin and its entry in kritarc out; tells whether there was anything."""
    gone = [remove(places.plugin), remove(places.plugin_desktop)]
    if places.kritarc.exists():
        gone.append(edit_kritarc(places.kritarc, disabled))
    gone.append(remove(kritarc_backup(places.kritarc)))
    with contextlib.suppress(OSError):
        # Only where nothing else is in them.
        places.pykrita.rmdir()
        places.krita_resources.rmdir()
    return any(gone)


def write_install_record(places: Places) -> bool:
    """Tells plugin and clients how to start the server; tells whether anything in it is new."""
    record = {
        "python": str(places.python),
        "project": str(places.project),
        "version": project_version(places.project),
        "sources": sources_digest(places),
    }
    content = json.dumps(record, ensure_ascii=False, indent=1).encode("utf-8") + b"\n"
    path = places.install_record
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(path, content)
    return True


def sources_digest(places: Places) -> str:
    """A digest of all that a server runs."""
    files = [
        path for room in ("manganinja", "server") for path in (places.project / room).rglob("*.py")
    ]
    files += [places.project / "pyproject.toml", places.mini_weights / "manifest.json"]
    digest = hashlib.sha256()
    for path in sorted(path for path in files if path.is_file()):
        digest.update(f"{path}\n".encode("utf-8", "surrogateescape") + path.read_bytes())
    return digest.hexdigest()


# ---------------------------------------------------------------------------------------------
# Server and Krita


def server_pid(places: Places) -> int | None:
    """The process of the server that the data folder's record names, if it really is one."""
    pid = read_json(places.data / "server.json").get("pid")
    return pid if isinstance(pid, int) and pid > 1 and is_server(pid) else None


def is_server(pid: int) -> bool:
    """True where that process is a server; its number may belong to another program by now."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"-m" in words and b"server" in words


def stop_server(places: Places, patience_s: float = 15.0) -> bool:
    """Asks a running server to end and waits for it; tells whether there was one."""
    pid = server_pid(places)
    if pid is None:
        return False
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience_s
        # Its record goes first; until the process is gone it may still write results.
        while is_server(pid) and time.monotonic() < deadline:
            time.sleep(0.1)
        if not is_server(pid):
            break
    return True


def server_answers(places: Places) -> bool:
    """Whether the running server is of use to the clients of this project."""
    ask = "import sys; from manganinja.wire import discovery as d; sys.exit(not d.running_server())"
    try:
        answer = subprocess.run(
            [str(places.python), "-c", ask],
            cwd=places.project,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
    except OSError:
        return False
    return answer.returncode == 0


_START_SERVER = """
import sys
from manganinja.wire import discovery, protocol
try:
    discovery.ensure_server()
except protocol.WireError as error:
    sys.exit(f"{error.message} {error.remedy}")
"""


def start_server(places: Places) -> None:
    """Starts the server unless it runs. Raises `Problem` with its own words where it does not."""
    answer = subprocess.run(
        [str(places.python), "-c", _START_SERVER],
        cwd=places.project,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if answer.returncode != 0:
        words = answer.stderr.strip().splitlines()
        raise Problem(
            f"The server did not start: {words[-1] if words else 'it said nothing'}",
            f"More may be in {places.data / 'server.log'}.",
        )


def example_document(project: Path) -> Path | None:
    """The document that is ready to press Colorize on."""
    document = project / EXAMPLE
    return document if document.is_file() else None


def krita_environment(krita: str) -> dict[str, str]:
    """The environment for Krita, in which its own Python finds its own PyQt.

    It takes its library from the first python3 on the path, so one of pyenv, of conda or of a
    virtual environment that stands there would leave it without PyQt.
    """
    own = [os.path.dirname(os.path.realpath(krita)), "/usr/bin"]
    path = os.pathsep.join([*own, os.environ.get("PATH", os.defpath)])
    environment = {k: v for k, v in os.environ.items() if k not in _LEAKING_VARIABLES}
    return {**environment, "PATH": path}


def open_krita(
    places: Places,
    krita: str,
    document: Path | None,
    plugin_is_new: bool,
    patience_s: float = 4.0,
) -> bool:
    """Opens Krita and leaves it running; False where one runs already, which gets the document.

    Raises `Problem` where that one can't have the plugin yet, or `KritaEnded` where it fails.
    """
    log = places.data / "krita.log"
    # Appended to: a second start must not wipe what the first one still writes.
    with open(log, "ab") as output:
        process = subprocess.Popen(
            [krita, "--nosplash", *([str(document)] if document else [])],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=krita_environment(krita),
            start_new_session=True,
        )
    try:
        code = process.wait(patience_s)
    except subprocess.TimeoutExpired:
        return True
    if code == 0 and not plugin_is_new:
        return False
    if code == 0:
        raise Problem(
            "Krita is running already, without the plugin as it is now.",
            "Close it and run this again.",
        )
    raise KritaEnded(f"Krita ended at once (exit code {code}).", f"What it said is in {log}.")


# ---------------------------------------------------------------------------------------------
# Commands


@dataclass
class Installer:
    """The commands; each gives the exit code and raises `Problem` with a sentence."""

    places: Places
    report: Report
    apt: Apt
    plugin_is_new: bool = False

    @property
    def environment(self) -> Environment:
        return Environment(self.places, self.report, self.apt)

    def set_up(self, with_krita: bool = False) -> None:
        """Everything that has to be in place before the main job."""
        # What can be refused at once comes before what takes minutes.
        check_places(self.places)
        with self.report.step("weights") as step:
            count, size = check_weights(self.places.mini_weights)
            step.result = f"mini: {count} files, {size / 1e6:.1f} MB, whole"
        if with_krita:
            self._apt("krita", KRITA_PACKAGES)
        is_new = self.environment.ensure()
        self.plugin(is_new)

    def plugin(self, environment_is_new: bool = False) -> int:
        check_places(self.places)
        with self.report.step("plugin") as step:
            self.plugin_is_new = install_plugin(self.places)
            # Last: where something fails before, the next run still sees that the code is new.
            code_is_new = write_install_record(self.places)
            where = shown(self.places.plugin)
            step.result = f"{'new' if self.plugin_is_new else 'unchanged'}, enabled, in {where}"
        self._end_old_server(environment_is_new or code_is_new or self.plugin_is_new)
        if not self.environment.is_ready():
            self.report.say("  The server's environment is not set up: run `python3 install.py`.")
        return 0

    def _end_old_server(self, changed: bool) -> None:
        """Ends a server that runs what was replaced just now, or that no client can use."""
        if server_pid(self.places) is None or (not changed and server_answers(self.places)):
            return
        with self.report.step("server") as step:
            stop_server(self.places)
            step.result = "the old one was stopped"

    def main_job(self) -> int:
        """Krita on the example where there are Krita and a display; the demonstration elsewhere."""
        krita = shutil.which("krita")
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if krita and display:
            try:
                return self._krita(krita)
            except KritaEnded as problem:
                self.report.say(f"  {problem.message} {problem.remedy}")
        reason = "Krita could not be opened" if krita and display else "There is no display"
        if not krita:
            reason = "Krita is not installed (see --with-krita)"
        self.report.say(f"\n{reason}, so the example is coloured here.")
        return self.demo()

    def _krita(self, krita: str) -> int:
        with self.report.step("server") as step:
            start_server(self.places)
            step.result = "running"
        document = example_document(self.places.project)
        with self.report.step("Krita") as step:
            is_fresh = open_krita(self.places, krita, document, self.plugin_is_new)
            name = document.name if document else ""
            step.result = f"{'opening' if is_fresh else 'is open already, opening'} {name}".strip()
        self.report.say("\nPress Colorize in the docker named Colorize.")
        if not is_fresh:
            self.report.say("Where that docker is missing, close Krita and run this again.")
        return 0

    def demo(self) -> int:
        command = [str(self.places.python), "-m", "manganinja.demo"]
        command += ["--output", str(self.places.pictures)]
        return run_through(command, self.places.project)

    def prepare_server(self) -> None:
        is_new = self.environment.ensure()
        self._end_old_server(write_install_record(self.places) or is_new)

    def server(self, arguments: Sequence[str]) -> int:
        if server_pid(self.places) is not None:
            raise Problem("A server is running already.", "Use it, or end it first.")
        command = [str(self.places.python), "-m", "server", *arguments]
        return run_through(command, self.places.project)

    def prepare_tests(self, without_krita: bool) -> str:
        """Gets what the tests need; the sentence why those in Krita cannot run, "" if they can."""
        reason = "" if without_krita else self._prepare_krita_tests()
        self.environment.ensure(["evaluate", "test", "train"])
        return reason

    def test(
        self, slow: bool, without_krita: bool, arguments: Sequence[str], reason: str = ""
    ) -> int:
        """Runs the tests; an exit code other than 0 where one failed or could not be run."""
        command = pytest_command(self.places, slow, without_krita or bool(reason), arguments)
        code = run_through(command, self.places.project)
        if reason:
            self.report.say(f"\nThe tests in Krita were not run: {reason}")
            return code or 3
        return code

    def _prepare_krita_tests(self) -> str:
        """Gets what the tests in Krita need; "", or the sentence why they cannot run."""
        try:
            self._apt("test programs", TEST_PACKAGES)
        except Problem as problem:
            return f"{problem.message} {problem.remedy} (or leave them out with --without-krita)"
        return ""

    def _apt(self, name: str, packages: Mapping[str, str | None]) -> None:
        missing = self.apt.missing(packages)
        many = f"{len(missing)} packages"
        with self.report.step(name, f"installing {many} with apt" if missing else "") as step:
            if missing:
                self.apt.install(missing, self.places.log, step)
            step.result = f"{many} installed with apt" if missing else "all here"

    def uninstall(self, everything: bool) -> int:
        """Takes out all that the other commands put anywhere; results stay unless asked."""
        with self.report.step("server") as step:
            step.result = "stopped" if stop_server(self.places) else "was not running"
        with self.report.step("plugin") as step:
            step.result = "removed" if uninstall_plugin(self.places) else "was not installed"
        with self.report.step("data") as step:
            step.result = self._remove_data(everything)
        with self.report.step("environment") as step:
            gone = remove(self.places.venv)
            remove_caches(self.places.project)
            step.result = "removed" if gone else "was not there"
        self.report.say(
            "\nPackages that apt installed stay; `apt-get remove krita` takes Krita out."
        )
        return 0

    def _remove_data(self, everything: bool) -> str:
        kept = [self.places.data / "results", self.places.pictures]
        for path in kept:
            if everything or (path.is_dir() and not any(path.iterdir())):
                remove(path)
        if self.places.data.is_dir():
            for path in list(self.places.data.iterdir()):
                if path not in kept:
                    remove(path)
            with contextlib.suppress(OSError):
                self.places.data.rmdir()
        left = [shown(path) for path in kept if path.exists()]
        return f"removed, but for {' and '.join(left)} (--all)" if left else "removed"


def remove_caches(project: Path) -> None:
    """Byte code and caches that running and testing leave among the sources."""
    remove_build_leftovers(project)
    for name in (".pytest_cache", ".hypothesis", ".ruff_cache", "install.log"):
        remove(project / name)
    for folder in list(project.rglob("__pycache__")):
        remove(folder)


def pytest_command(
    places: Places, slow: bool, skip_krita: bool, arguments: Sequence[str]
) -> list[str]:
    """The call of pytest: quick tests first, those in Krita last."""
    tests = places.project / "tests"
    marks = [*([] if slow else ["not slow"]), *(["not krita"] if skip_krita else [])]
    command = [str(places.python), "-m", "pytest", "-m", " and ".join(marks)]
    if any(not argument.startswith("-") for argument in arguments):
        return [*command, *arguments]
    parts = sorted(
        path
        for path in tests.iterdir()
        if path.name != "krita" and (path.name.startswith("test_") or any(path.rglob("test_*.py")))
    )
    files = [path for path in parts if path.is_file()] + [path for path in parts if path.is_dir()]
    if (tests / "krita").is_dir() and not skip_krita:
        files.append(tests / "krita")
        # What they need is here by now, so none of them may be skipped for want of it.
        command.append("--require-krita")
    return [*command, *arguments, *(str(path.relative_to(places.project)) for path in files)]


def run_through(command: Sequence[str], cwd: Path) -> int:
    """Runs a command that talks to the person itself; Ctrl+C reaches it, and it is waited for."""
    sys.stdout.flush()
    process = subprocess.Popen(command, cwd=cwd, env=clean_environment())
    try:
        return process.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            process.terminate()
            process.wait(20)
        raise


# ---------------------------------------------------------------------------------------------
# Command line


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command and its options; `command` is None for the set-up with the main job."""
    parser = argparse.ArgumentParser(
        prog="install.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--with-krita", action="store_true", help="install Krita with apt where that is allowed"
    )
    parser.add_argument(
        "--setup-only", action="store_true", help="set up, and start nothing afterwards"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    test = commands.add_parser("test", help="set up what the tests need, and run them")
    test.add_argument("--slow", action="store_true", help="also the tests that take minutes")
    test.add_argument("--without-krita", action="store_true", help="leave out the tests in Krita")
    test.add_argument("rest", nargs="*", metavar="ARGUMENT", help="for pytest, after --")
    commands.add_parser("plugin", help="only put the plugin into Krita's resource folder")
    server = commands.add_parser("server", help="run the server here, in the foreground")
    server.add_argument("rest", nargs="*", metavar="ARGUMENT", help="for the server, after --")
    uninstall = commands.add_parser("uninstall", help="take everything out again")
    uninstall.add_argument("--all", action="store_true", help="results too")
    return parser.parse_args(arguments)


def perform(options: argparse.Namespace, installer: Installer) -> int:
    """Prepares, alone on this project, and then does what was asked for."""
    with alone(installer.places.project):
        if options.command == "plugin":
            return installer.plugin()
        if options.command == "uninstall":
            return installer.uninstall(options.all)
        if options.command == "server":
            installer.prepare_server()
        elif options.command == "test":
            reason = installer.prepare_tests(options.without_krita)
        else:
            start = time.monotonic()
            installer.set_up(options.with_krita)
            installer.report.say(f"Set up in {time.monotonic() - start:.1f} s.")
    if options.command == "server":
        return installer.server(options.rest)
    if options.command == "test":
        return installer.test(options.slow, options.without_krita, options.rest, reason)
    return 0 if options.setup_only else installer.main_job()


@contextlib.contextmanager
def alone(project: Path) -> Iterator[None]:
    """Keeps two installers from working on one project at a time."""
    descriptor = os.open(project, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Problem(
                "Another install.py is at work on this project.", "Wait for it, or end it."
            ) from None
        except OSError:
            pass  # some network disks have no locks
        yield
    finally:
        os.close(descriptor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 a problem (said in words), 3 tests not run, 130 interrupted."""
    # A stop from outside has to clean up just as Ctrl+C does.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    report = Report()
    try:
        check_python()
        options = parse(sys.argv[1:] if arguments is None else arguments)
        project = Path(__file__).resolve().parent
        places = Places.find(project, os.environ, Path.home())
        report.say(f"MangaNinja for Krita {project_version(project)}")
        if os.geteuid() == 0 and os.environ.get("SUDO_USER"):
            report.say("  Run with sudo, this sets up the Krita of root, not yours.")
        return perform(options, Installer(places, report, Apt()))
    except Problem as problem:
        print(f"\n{problem.message}\n{problem.remedy}", file=sys.stderr)
        return 1
    except OSError as error:
        problem = problem_of_os_error(error)
        print(f"\n{problem.message}\n{problem.remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Nothing half-done was left behind.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
