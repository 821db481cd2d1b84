# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's side of the worker process: starts it, gives it one job at a time, buries it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from manganinja.wire.protocol import (
    MAX_MODELS,
    ColorizeRequest,
    Layer,
    ModelInfo,
    Painting,
    Picture,
    ProtocolError,
    WireError,
)
from server import pipe
from server.catalogue import bundled, installed

PAINTER = "manganinja.painter:Painter"
"""The engine that is not a test's."""

_log = logging.getLogger("server.engine")
_worker_log = logging.getLogger("server.worker")


class EngineError(WireError):
    """A job that came to nothing; `code` is one of the wire's error codes."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.code = code


class EngineCancelled(Exception):
    """The worker stopped because it was asked to."""


@dataclass(frozen=True)
class ModelState:
    """`state` as in the wire's MODEL_STATES; `detail` is a sentence where it failed."""

    state: str
    device: str = ""
    detail: str = ""


OnProgress = Callable[[str, int, int, float, "Picture | None", "tuple[str, ...]"], None]


class Engine:
    """One worker process, started when needed. All methods belong to the event loop's thread."""

    def __init__(self, engine: str, model: ModelInfo, cancel_grace_s: float) -> None:
        self.model_state = ModelState("stopped")
        self._engine = engine
        self._model = model.name
        self._models = {model.name: model}
        self._cancel_grace_s = cancel_grace_s
        self._process: _Process | None = None
        self._ticket = 0
        self._events: asyncio.Queue[tuple[tuple[Any, ...], list[Picture]]] | None = None

    @property
    def models(self) -> tuple[ModelInfo, ...]:
        """The default model, those loaded since, those installed, and at last none at all."""
        models = dict(self._models)
        if self._engine == PAINTER:
            for model in (*installed(), *bundled()):
                models.setdefault(model.name, model)
        *others, last = models.values()
        return (*others[: MAX_MODELS - 1], last)

    @property
    def pid(self) -> int | None:
        """The worker's process id while it lives."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Starts the process, which loads the model at once; does nothing if it runs."""
        if self._process is None:
            self.model_state = ModelState("loading")
            self._process = _Process(self._engine, self._model, self._receive, self._ended)

    async def paint(
        self, take_request: Callable[[], ColorizeRequest], on_progress: OnProgress
    ) -> Painting:
        """Paints what `take_request` gives, which is called in a thread and may take a while.

        Raises `EngineError` or `EngineCancelled`, and what `take_request` raises. One call at a
        time.
        """
        self.start()
        assert self._process is not None
        self._ticket += 1
        self._events = asyncio.Queue()
        try:
            if self.model_state.state == "loading":
                on_progress("loading", 0, 0, 0.0, None, ())
            await asyncio.to_thread(self._process.order, self._ticket, take_request)
            while True:
                message, pictures = await self._events.get()
                painting = _outcome(message, pictures, on_progress)
                if painting is not None:
                    return painting
        finally:
            self._events = None

    def cancel(self) -> None:
        """Asks the worker to stop between steps; ends the process if it does not in time."""
        if self._events is None or self._process is None:
            return
        process, ticket = self._process, self._ticket
        process.send_soon(("cancel", ticket))

        def insist() -> None:
            if self._events is not None and (self._process, self._ticket) == (process, ticket):
                _log.warning("the worker did not stop; ending it")
                process.kill()

        asyncio.get_running_loop().call_later(self._cancel_grace_s, insist)

    async def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.join()

    def _receive(
        self, process: _Process, message: tuple[Any, ...], pictures: list[Picture]
    ) -> None:
        if process is not self._process:
            return
        kind = message[0]
        if kind == "log":
            _worker_log.log(message[1], "%s", message[2])
        elif kind == "loading":
            self.model_state = ModelState("loading")
        elif kind == "ready":
            _, model, info, device = message
            self._models[model] = info
            self.model_state = ModelState("ready", device)
        elif kind == "load_failed":
            self.model_state = self._after_failure(*message[1:])
        elif self._events is not None and message[1] == self._ticket:
            self._events.put_nowait((message, pictures))

    def _after_failure(self, model: str, code: str, message: str, remedy: str) -> ModelState:
        _log.error("the model %s can't be loaded (%s): %s", model, code, message)
        if model != self._model:
            return ModelState("stopped")  # No harm to the default model.
        return ModelState("failed", detail=f"{message} {remedy}")

    def _ended(self, process: _Process, status: int | None) -> None:
        if process is not self._process:
            return
        _log.error("the worker process ended (%s)", status)
        self._process = None
        self.model_state = ModelState("stopped")
        if self._events is not None:
            self._events.put_nowait((("died", self._ticket, status), []))


def _outcome(
    message: tuple[Any, ...], pictures: Sequence[Picture], on_progress: OnProgress
) -> Painting | None:
    kind, _, *values = message
    if kind == "progress":
        stage, step, steps, fraction, notes = values
        on_progress(stage, step, steps, fraction, pictures[0] if pictures else None, notes)
        return None
    if kind == "result":
        info, kinds = values
        layers = (Layer(name, blend, p) for (name, blend), p in zip(kinds, pictures, strict=True))
        return Painting(tuple(layers), info)
    if kind == "cancelled":
        raise EngineCancelled
    if kind == "died":
        raise _death(values[0])
    code, text, remedy = values
    raise EngineError(code, text, remedy)


def _death(status: int | None) -> EngineError:
    if status == -9:  # SIGKILL, which nobody but the system sends
        return EngineError(
            "worker_died",
            "The system ended the painting process, most likely for lack of memory.",
            "Close other programs or choose a smaller picture, then press Colorize again.",
        )
    return EngineError(
        "worker_died",
        "The painting process ended unexpectedly.",
        "Press Colorize again; it is started anew.",
    )


def _run_worker(connection: Connection, engine: str, model: str) -> None:
    # What the worker imports, numpy for one, the server has no use for.
    from server import worker

    worker.main(connection, engine, model)


class _Process:
    """A worker process, and a thread that waits for what it says."""

    def __init__(
        self,
        engine: str,
        model: str,
        on_message: Callable[[_Process, tuple[Any, ...], list[Picture]], None],
        on_end: Callable[[_Process, int | None], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._on_message = on_message
        self._on_end = on_end
        self._send_lock = threading.Lock()
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe(duplex=True)
        self._process = context.Process(
            target=_run_worker, args=(theirs, engine, model), name="worker", daemon=True
        )
        self._process.start()
        theirs.close()
        self.pid = self._process.pid
        threading.Thread(target=self._listen, name="worker-listen", daemon=True).start()

    def order(self, ticket: int, take_request: Callable[[], ColorizeRequest]) -> None:
        """Blocks until the worker has the request; nothing of it is kept here."""
        request = take_request()
        message = ("paint", ticket, request.places, request.options)
        self._send(message, request.pictures)

    def send_soon(self, message: tuple[Any, ...]) -> None:
        self._loop.run_in_executor(None, self._send, message, ())

    def kill(self) -> None:
        self._process.kill()

    async def join(self) -> None:
        await asyncio.to_thread(self._process.join, 5)

    def _send(self, message: tuple[Any, ...], pictures: Sequence[Picture]) -> None:
        # The listening thread notices the same and tells.
        with contextlib.suppress(OSError), self._send_lock:
            pipe.send(self._connection, message, pictures)

    def _listen(self) -> None:
        try:
            while True:
                message, pictures = pipe.receive(self._connection)
                self._tell(self._on_message, self, message, pictures)
        except (EOFError, OSError, ProtocolError):
            self._process.join(5)
            if self._process.is_alive():  # It closed its end and lives on: of no use any more.
                self._process.kill()
                self._process.join(5)
            self._tell(self._on_end, self, self._process.exitcode)

    def _tell(self, callback: Callable[..., None], *values: Any) -> None:
        with contextlib.suppress(RuntimeError):  # The server has ended meanwhile.
            self._loop.call_soon_threadsafe(callback, *values)
