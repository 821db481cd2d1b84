# SPDX-License-Identifier: GPL-3.0-or-later
"""The thread that talks to the server.  Never calls Krita; speaks to the GUI thread by signals."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .errors import CannotWrite, PluginError
from .guard import write_down
from .job import Prepared, Snapshot, build_request
from .qt import QObject, QtCore, QtGui, Signal
from .transport import client as wire_client
from .transport import discovery, protocol

_CLIENT_NAME = "Krita"
_DELIVERY_TIMEOUT_S = 120.0
_LOOK_TIMEOUT_S = 5.0
_RECONNECTS = 3


@dataclass(frozen=True)
class ServerState:
    """What is known of the server.

    ``phase`` is "unknown", "starting", "ready", "stopped" or "wrong".
    """

    phase: str
    sentence: str
    remedy: str = ""
    models: tuple[protocol.ModelInfo, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A job's bad end, in sentences."""

    message: str
    remedy: str


@dataclass(frozen=True)
class Delivery:
    """A job's good end: layers of the line art's size (bgra8 or index8), and how they were made."""

    layers: tuple[protocol.Layer, ...]
    info: protocol.ResultInfo
    notes: tuple[str, ...]
    lineart_opaque: bool


class _Ticket:
    """What the GUI thread may say about a job that runs in the thread."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.cancelled = threading.Event()
        self.delivered = threading.Event()


class Client(QObject):
    """Commands go in by methods and return at once; what comes of them comes out by signals.

    ``server_changed(ServerState)``; for jobs ``progressed(job, Progress|Queued|...)``,
    ``previewed(job, Picture)`` and exactly one of ``delivered(job, Delivery)``,
    ``failed(job, Failure)``, ``cancelled(job)``.  ``stored(job, path)`` answers `store`.
    ``broke(line)`` tells of an unexpected exception in a thread, which plugin.log has.
    """

    server_changed = Signal(object)
    progressed = Signal(str, object)
    previewed = Signal(str, object)
    delivered = Signal(str, object)
    failed = Signal(str, object)
    cancelled = Signal(str)
    stored = Signal(str, object)
    broke = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._commands: queue.Queue[Callable[[], None]] = queue.Queue()
        self._tickets: dict[str, _Ticket] = {}
        self._busy = threading.Event()
        self._cannot_start = False
        # A daemon: nothing here may keep Krita from closing.
        threading.Thread(target=self._run, name="colorize-client", daemon=True).start()

    # -- called on the GUI thread -------------------------------------------------------------

    def connect_server(self) -> None:
        """Finds the server, or starts one, and says which."""
        self._commands.put(self._greet)

    def look_after_server(self) -> None:
        """Says so if the server has gone or come; starts none.  Nothing while a job runs."""
        if not self._busy.is_set():
            self._commands.put(self._look)

    def colorize(self, snapshot: Snapshot) -> None:
        ticket = _Ticket(snapshot)
        self._tickets[snapshot.job] = ticket
        self._commands.put(lambda: self._colorize(ticket))

    def cancel(self, job: str) -> None:
        # One look-up: the thread may take the ticket away at any moment.
        ticket = self._tickets.get(job)
        if ticket is not None:
            ticket.cancelled.set()

    def acknowledge(self, job: str) -> None:
        """The server may forget the result: it is safe, or nobody will ask for it again."""
        ticket = self._tickets.get(job)
        if ticket is not None:
            ticket.delivered.set()

    def store(self, job: str, layers: Sequence[protocol.Layer], name: str) -> None:
        """Writes a result that has no document any more as PNG into the data folder."""

        def work() -> None:
            self._attempt(lambda: self._store(job, layers, name))

        try:
            threading.Thread(target=work, daemon=True).start()
        except RuntimeError as error:  # The system has no thread left.
            self._report(error)
            self.acknowledge(job)
            self.stored.emit(job, None)

    # -- in the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        is_alive = True
        while is_alive:
            command = self._commands.get()
            self._busy.set()
            is_alive = self._attempt(command)
            self._busy.clear()

    def _attempt(self, command: Callable[[], None]) -> bool:
        """Whether the Qt side of this object is still there; it is gone when Krita closes."""
        try:
            try:
                command()
            except Exception as error:
                if _is_deleted(error):
                    return False
                self._report(error)
        except RuntimeError as error:  # Deleted while it was reported.
            return not _is_deleted(error)
        return True

    def _report(self, error: Exception) -> None:
        # By a signal: what the docker shows is changed on the GUI thread only.
        self.broke.emit(write_down(error))

    def _say(self, phase: str, sentence: str, remedy: str = "", models: tuple = ()) -> None:
        self._cannot_start = False
        self.server_changed.emit(ServerState(phase, sentence, remedy, models))

    def _complain(self, sentence: str, remedy: str) -> None:
        self._say("wrong", sentence, remedy)
        self._cannot_start = True

    def _greet(self) -> None:
        try:
            with self._open():
                pass
        except protocol.WireError as error:
            self._complain(error.message, error.remedy)
        except OSError as error:
            self._complain(f"The server can't be started: {error.strerror}.", "Try again.")

    def _look(self) -> None:
        record = discovery.read_record()
        if record is not None:
            try:
                with wire_client.Connection.open(record, _CLIENT_NAME, _LOOK_TIMEOUT_S) as found:
                    self._describe(found.server, False)
                return
            except (*wire_client.UNUSABLE, wire_client.ServerSilent) as error:
                self._say("wrong", error.message, error.remedy)
                return
            except protocol.WireError:
                pass  # The record of a server that has gone.
        # Why none could be reached or started says more than that there is none.
        if not self._cannot_start:
            self._say("stopped", "No server is running.", "It starts when you press Colorize.")

    def _open(self, ticket: _Ticket | None = None) -> wire_client.Connection:
        """A connection to the running server, which is started if there is none.

        An idle server of another version than the installed one is replaced.
        """
        record = discovery.current_server()
        started = record is None
        if record is None:
            self._say("starting", "Starting the server …")
            record = discovery.start_server(on_wait=lambda seconds: self._wait(seconds, ticket))
        connection = wire_client.Connection.open(record, _CLIENT_NAME)
        self._describe(connection.server, started)
        return connection

    def _wait(self, seconds: float, ticket: _Ticket | None) -> None:
        if ticket is not None and ticket.cancelled.is_set():
            raise PluginError("Cancelled while the server was starting.")
        self._say("starting", f"Starting the server … {seconds:.0f} s")

    def _describe(self, server: protocol.ServerInfo, started: bool) -> None:
        if not server.models:
            self._say("wrong", "The server has no model.", "Run `python3 install.py` again.")
            return
        name = server.models[0].title or server.models[0].name
        if server.state == "failed":
            sentence = f"The server runs, but its model {name} does not load."
            self._say("wrong", sentence, "Press Colorize to see why.", server.models)
            return
        how = "Server started" if started else "Connected to the server"
        where = f" on {server.device}" if server.device else ""
        loading = " (loading)" if server.state == "loading" else ""
        is_old = discovery.is_outdated(server.server)
        old = f" (version {server.server}, replaced when idle)" if is_old else ""
        self._say("ready", f"{how}: {name}{where}{loading}{old}", "", server.models)

    def _colorize(self, ticket: _Ticket) -> None:
        job = ticket.snapshot.job
        try:
            self._run_job(ticket)
        except (protocol.WireError, PluginError) as error:
            self._end(ticket, Failure(error.message, error.remedy))
        except MemoryError:
            self._end(ticket, Failure("Krita is out of memory.", "Close other documents."))
        except Exception as error:
            if _is_deleted(error):
                raise
            self._report(error)
            text = f"Something unexpected happened ({type(error).__name__})."
            self._end(ticket, Failure(text, "Press Colorize again; plugin.log has the details."))
        finally:
            self._tickets.pop(job, None)

    def _end(self, ticket: _Ticket, failure: Failure) -> None:
        job = ticket.snapshot.job
        if ticket.cancelled.is_set():
            self.cancelled.emit(job)
        else:
            self.failed.emit(job, failure)

    def _run_job(self, ticket: _Ticket) -> None:
        with ExitStack() as open_connections:
            try:
                connection = open_connections.enter_context(self._open(ticket))
            except protocol.WireError as error:
                self._complain(error.message, error.remedy)
                raise
            prepared = build_request(ticket.snapshot, connection.server.models)
            job, is_cancelled = ticket.snapshot.job, ticket.cancelled.is_set
            events: Iterator[Any] = connection.colorize(prepared.request, job, is_cancelled)
            for _ in range(_RECONNECTS + 1):
                try:
                    self._follow(ticket, prepared, connection, events)
                    return
                except wire_client.ConnectionLost:
                    again = self._reconnect()
                if again is None:
                    break
                # The job goes on in the server; only the line to it was cut.
                connection = open_connections.enter_context(again)
                events = connection.attach(job, is_cancelled)
            self._report_death(ticket)

    def _follow(
        self,
        ticket: _Ticket,
        prepared: Prepared,
        connection: wire_client.Connection,
        events: Iterator[Any],
    ) -> None:
        for event in events:
            if self._handle(ticket, prepared, connection, event):
                return

    def _reconnect(self) -> wire_client.Connection | None:
        time.sleep(0.3)
        try:
            record = discovery.running_server()
            return wire_client.Connection.open(record, _CLIENT_NAME) if record else None
        except protocol.WireError:
            return None

    def _report_death(self, ticket: _Ticket) -> None:
        message = "The server stopped in the middle of the work."
        remedy = "Press Colorize again: that starts it anew. Your layers are as they were."
        self._say("stopped", "The server has stopped.", "It starts when you press Colorize.")
        self._end(ticket, Failure(message, remedy))

    def _handle(
        self,
        ticket: _Ticket,
        prepared: Prepared,
        connection: wire_client.Connection,
        event: Any,
    ) -> bool:
        """Passes one event on; tells whether it was the last."""
        job = ticket.snapshot.job
        if isinstance(event, protocol.Preview):
            self.previewed.emit(job, event.picture)
        elif isinstance(event, protocol.Result):
            notes = (*prepared.notes, *event.info.notes)
            self._describe(replace(connection.server, state="ready"), False)
            self.delivered.emit(
                job, Delivery(event.layers, event.info, notes, prepared.lineart_opaque)
            )
            # Until the result is in the document the server keeps its copy.
            if ticket.delivered.wait(_DELIVERY_TIMEOUT_S):
                connection.acknowledge(job)
            return True
        elif isinstance(event, protocol.Cancelled):
            self.cancelled.emit(job)
            return True
        elif isinstance(event, protocol.Failed):
            self._end(ticket, Failure(event.message, event.remedy))
            return True
        else:
            self.progressed.emit(job, event)
        return False

    def _store(self, job: str, layers: Sequence[protocol.Layer], name: str) -> None:
        path, folder = None, discovery.data_dir() / "results"
        try:
            for layer in layers[1:]:
                _write_png(layer.picture, folder, f"{name} {layer.name}")
            path = _write_png(layers[0].picture, folder, name)
        except Exception as error:
            self._report(error)
        finally:
            # Saved or not, nobody asks for it again, and the next job waits for this one's end.
            self.acknowledge(job)
            self.stored.emit(job, path)


def _is_deleted(error: Exception) -> bool:
    """Whether PyQt says that the C++ half of an object is gone.

    Other RuntimeErrors, such as "can't start new thread" and RecursionError, are of one job only.
    """
    return isinstance(error, RuntimeError) and "has been deleted" in str(error)


def _write_png(picture: protocol.Picture, folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = _free_path(folder, name)
    image = _image(picture)
    # Krita may run Python with an ASCII file system encoding: only Python knows such paths.
    buffer = QtCore.QBuffer()
    buffer.open(QtCore.QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG", 80):
        raise CannotWrite("The result could not be made into a PNG file.")
    try:
        path.write_bytes(bytes(buffer.data()))
    except OSError:
        # Half a picture, as a full disk leaves it, would look like the result.
        path.unlink(missing_ok=True)
        raise
    return path


def _image(picture: protocol.Picture) -> QtGui.QImage:
    """Only borrows the picture's pixels."""
    size = picture.width_px, picture.height_px
    if not picture.table:
        argb = QtGui.QImage.Format.Format_ARGB32
        return QtGui.QImage(picture.pixels, *size, 4 * size[0], argb)
    image = QtGui.QImage(picture.pixels, *size, size[0], QtGui.QImage.Format.Format_Indexed8)
    colours = (0 if c is None else 0xFF000000 | int(c[1:], 16) for c in picture.table)
    # Qt wants a colour for every byte that there may be.
    image.setColorTable([*colours, *[0] * (256 - len(picture.table))])
    return image


def _free_path(folder: Path, name: str) -> Path:
    path, number = folder / f"{name}.png", 2
    while path.exists():
        path, number = folder / f"{name} {number}.png", number + 1
    return path
