# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the server's record lies, whether that server lives, and how to start one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .client import UNUSABLE, Connection
from .protocol import Record, WireError, parse_record

ALREADY_RUNNING = 3
"""Exit status of a server that found another one at work in the same data directory."""

_VERSION = re.compile(r'^__version__ = "([^"]*)"', re.MULTILINE)
_PROBE_TIMEOUT_S = 5.0
_POLL_S = 0.25
_LOCK_PATIENCE_S = 10.0
"""A server that begins or ends holds the lock without answering, but not for longer."""


class NotInstalled(WireError):
    """There is no server on this machine to start."""


class ServerDidNotStart(WireError):
    """The server was started and did not come up; `log` holds its last lines."""

    def __init__(self, message: str, remedy: str, log: str = "") -> None:
        super().__init__(message, remedy)
        self.log = log


class ServerBlocked(ServerDidNotStart):
    """Another server holds the data directory and does not answer."""


@dataclass(frozen=True)
class Installation:
    """What install.py wrote down: the Python to use and the folder of the project."""

    python: str
    project: str
    version: str = ""


def data_dir() -> Path:
    """The folder of everything that this program keeps. It need not exist yet."""
    chosen = os.environ.get("MANGANINJA_HOME")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_DATA_HOME", "")
    # The XDG rules: a relative path does not count.
    return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "share") / "manganinja"


def record_path() -> Path:
    return data_dir() / "server.json"


def log_path() -> Path:
    return data_dir() / "server.log"


def read_record() -> Record | None:
    """The record of the last server that started, alive or not; None where there is none."""
    try:
        return parse_record(record_path().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def running_server() -> Record | None:
    """The record of a server that answers now; None where none does.

    Takes up to 5 s where another program has taken over the port. Raises `VersionMismatch` or
    `WrongToken` where a server answers that is of no use to this program.
    """
    record = read_record()
    if record is None or not _process_exists(record.pid):
        return None
    try:
        Connection.open(record, "discovery", _PROBE_TIMEOUT_S).close()
    except UNUSABLE:
        raise
    except WireError:
        return None
    return record


def current_server() -> Record | None:
    """As `running_server`, but an idle server of another version than the project's is ended."""
    record = running_server()
    if record is None or not is_outdated(record.version):
        return record
    try:
        with Connection.open(record, "discovery", _PROBE_TIMEOUT_S) as connection:
            status = connection.status(_PROBE_TIMEOUT_S)
            if status.running is not None or status.queued:
                return record
            connection.shutdown()
            _wait_for_the_end_of(record)
    except WireError:
        pass  # It has ended by itself.
    return running_server()


def is_outdated(version: str) -> bool:
    """Whether a server started now would be of another version; False where that is unknown."""
    try:
        source = Path(read_installation().project) / "manganinja" / "__init__.py"
        found = _VERSION.search(source.read_text(encoding="utf-8"))
    except (OSError, ValueError, NotInstalled):
        return False
    return found is not None and found.group(1) != version


def _wait_for_the_end_of(record: Record) -> None:
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while read_record() == record and time.monotonic() < deadline:
        time.sleep(0.05)


def _process_exists(pid: int) -> bool:
    if os.name != "posix":  # Signal 0 would end the process there; the hello decides.
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return pid > 0


def _as_path(text: object) -> str:
    """A path of a UTF-8 file as this process has to write it to reach the same bytes.

    Krita started with LANG=C runs its Python in ASCII, which has no other way to say 線.
    """
    return os.fsdecode(str(text).encode("utf-8", "surrogateescape"))


def read_installation() -> Installation:
    """What install.py left behind. Raises `NotInstalled`."""
    remedy = "Run `python3 install.py` in the folder of MangaNinja once."
    try:
        values = json.loads((data_dir() / "install.json").read_text(encoding="utf-8"))
        installation = Installation(
            _as_path(values["python"]), _as_path(values["project"]), str(values.get("version", ""))
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise NotInstalled("The MangaNinja server is not installed here.", remedy) from None
    if not Path(installation.python).exists() or not Path(installation.project).is_dir():
        raise NotInstalled("The MangaNinja server was moved or deleted.", remedy)
    return installation


def scrubbed_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without what Krita's own Python and Qt need and another Python chokes on."""
    dropped = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP")
    result = {
        name: value
        for name, value in environment.items()
        if name not in dropped and not name.startswith("QT_")
    }
    libraries = _foreign_free(result.pop("LD_LIBRARY_PATH", ""), environment.get("APPDIR"))
    if libraries:
        result["LD_LIBRARY_PATH"] = libraries
    return result


def _foreign_free(search_path: str, appdir: str | None) -> str:
    def is_kritas(folder: str) -> bool:
        return "krita" in folder.lower() or bool(appdir and folder.startswith(appdir))

    return os.pathsep.join(f for f in search_path.split(os.pathsep) if f and not is_kritas(f))


def start_server(
    timeout_s: float = 60.0,
    on_wait: Callable[[float], None] = lambda seconds: None,
    arguments: tuple = (),
) -> Record:
    """Starts the installed server and waits until it answers; it outlives the caller.

    `on_wait` is told about four times a second for how long it has been waiting. `arguments` are
    further command line arguments of the server. Raises `NotInstalled` or `ServerDidNotStart`, and
    `VersionMismatch` or `WrongToken` where another server is in the way that can't be used.
    Where another caller starts one at the same moment, both get that one.
    """
    installation = read_installation()
    data_dir().mkdir(mode=0o700, parents=True, exist_ok=True)
    output = data_dir() / "server.out"
    process = _spawn(installation, output, arguments)
    began = time.monotonic()
    blocked_at: float | None = None
    while time.monotonic() - began < timeout_s:
        record = running_server()
        if record is not None:
            _end_if_superfluous(process, record)
            return record
        if process.poll() == ALREADY_RUNNING:
            blocked_at = time.monotonic() if blocked_at is None else blocked_at
            if time.monotonic() - blocked_at > _LOCK_PATIENCE_S:
                raise _blocked()
            # The other one may be ending, and another caller's may begin at any moment.
            process = _spawn(installation, output, arguments)
        elif process.poll() is not None:
            raise _did_not_start(f"The server ended at once ({process.returncode}).", output)
        on_wait(time.monotonic() - began)
        time.sleep(_POLL_S)
    if process.poll() is None:
        process.terminate()
    raise _did_not_start(f"The server did not answer within {timeout_s:.0f} s.", output)


def ensure_server(
    timeout_s: float = 60.0, on_wait: Callable[[float], None] = lambda seconds: None
) -> Record:
    """The running server, or else a new one. Raises as `start_server` does.

    An idle server of another version than the project's is replaced.
    """
    return current_server() or start_server(timeout_s, on_wait)


def _spawn(installation: Installation, output: Path, arguments: tuple) -> subprocess.Popen:
    detached: dict[str, object] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        detached = {"creationflags": flags}
    try:
        with open(output, "wb") as log:
            return subprocess.Popen(
                [installation.python, "-m", "server", *arguments],
                cwd=installation.project,
                env=scrubbed_environment(os.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **detached,  # type: ignore[arg-type]
            )
    except OSError as error:
        raise ServerDidNotStart(
            f"The server could not be started: {error.strerror}.",
            "Run `python3 install.py` again.",
        ) from None


def _end_if_superfluous(process: subprocess.Popen, record: Record) -> None:
    # It would end by itself, unless the other one ended first.
    if os.name == "posix" and record.pid != process.pid and process.poll() is None:
        process.terminate()


def _blocked() -> ServerBlocked:
    record = read_record()
    which = f" (process {record.pid})" if record is not None else ""
    return ServerBlocked(
        f"A server is running{which} and does not answer.",
        "Run `python3 install.py` again: it ends that server.",
    )


def _did_not_start(message: str, output: Path) -> ServerDidNotStart:
    lines = _last_lines(output) or _last_lines(log_path())
    remedy = f"Look into {log_path()}, or run `python3 install.py` again."
    return ServerDidNotStart(message, remedy, lines)


def _last_lines(path: Path, count: int = 15) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
