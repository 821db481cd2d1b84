# SPDX-License-Identifier: GPL-3.0-or-later
"""The server as a whole: puts the rooms together, opens the door, and closes it properly."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import logging.handlers
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from manganinja import __version__
from manganinja.weights.find import MATCH
from manganinja.wire.discovery import ALREADY_RUNNING, data_dir
from manganinja.wire.protocol import PROTOCOL_VERSION, Record, ServerInfo, Status
from server import record as record_file
from server.catalogue import describe
from server.conversation import Conversation
from server.door import Door, new_token
from server.engine import PAINTER, Engine
from server.jobs import JobQueue, Limits
from server.store import ResultStore

HOST = "127.0.0.1"
_HOUSEKEEPING_S = 1.0
_log = logging.getLogger("server")


@dataclass(frozen=True)
class Settings:
    """`port` 0 is any free one; `idle_exit_s` 0 is never. `engine` is "module:Class"."""

    home: Path
    port: int = 0
    model: str = MATCH
    engine: str = PAINTER
    idle_exit_s: float = 1800.0
    cancel_grace_s: float = 30.0
    limits: Limits = field(default_factory=Limits)


class CannotServe(Exception):
    """The server can't begin; the text is the sentence for whoever started it."""


class Server:
    """A `Host` of conversations. Lives for one call of `run`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._store = ResultStore(settings.home / "results")
        self._engine = Engine(settings.engine, describe(settings.model), settings.cancel_grace_s)
        self.jobs = JobQueue(self._engine, self._store, settings.limits)
        self._token = new_token()
        self._door = Door(self._token)
        self._conversations: set[Conversation] = set()
        self._stopping = asyncio.Event()
        self._began = self._last_use = time.monotonic()

    async def run(self) -> None:
        """Serves until it is told to stop. Raises `CannotServe`."""
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        tasks: list[asyncio.Task[None]] = []
        try:
            record = await self._listen(runner)
            self._engine.start()
            tasks = [
                asyncio.create_task(self.jobs.run()),
                asyncio.create_task(self._keep_house()),
            ]
            _log.info("listening on port %d", record.port)
            await self._stopping.wait()
            record_file.remove(self._record_path, record)
        finally:
            await self._close(runner, tasks)

    def stop(self) -> None:
        self._stopping.set()

    def info(self) -> ServerInfo:
        state = self._engine.model_state
        models = self._engine.models
        return ServerInfo(PROTOCOL_VERSION, __version__, models, state.device, state.state)

    def status(self) -> Status:
        state = self._engine.model_state
        return Status(
            state=state.state,
            detail=state.detail,
            models=self._engine.models,
            device=state.device,
            running=self.jobs.running,
            queued=self.jobs.queued,
            results=len(self._store),
            uptime_s=time.monotonic() - self._began,
        )

    @property
    def _record_path(self) -> Path:
        return self._settings.home / "server.json"

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._check])
        application.router.add_get("/ws", self._converse)
        return application

    @web.middleware
    async def _check(self, request: web.Request, handler) -> web.StreamResponse:
        self._door.check(request.headers)
        return await handler(request)

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        conversation = Conversation(self)
        self._conversations.add(conversation)
        try:
            return await conversation.run(request)
        finally:
            self._conversations.discard(conversation)
            self._last_use = time.monotonic()

    async def _listen(self, runner: web.AppRunner) -> Record:
        site = web.TCPSite(runner, HOST, self._settings.port)
        try:
            await site.start()
        except OSError as error:
            port = self._settings.port
            raise CannotServe(f"The server can't listen on port {port}: {error}.") from error
        self._door.port = runner.addresses[0][1]
        record = Record(
            PROTOCOL_VERSION, HOST, self._door.port, self._token, os.getpid(), __version__
        )
        try:
            record_file.write(self._record_path, record)
        except OSError as error:
            path = self._record_path
            raise CannotServe(f"The server can't write {path}: {error.strerror}.") from error
        return record

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(_HOUSEKEEPING_S)
            try:
                self.jobs.sweep()
            except OSError:
                _log.exception("old results can't be removed")
            if self._conversations or not self.jobs.is_idle:
                self._last_use = time.monotonic()
            idle_s = time.monotonic() - self._last_use
            if 0 < self._settings.idle_exit_s <= idle_s:
                _log.info("nobody has used the server for %.0f s", idle_s)
                self.stop()

    async def _close(self, runner: web.AppRunner, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await self._engine.stop()
        for conversation in tuple(self._conversations):
            with contextlib.suppress(asyncio.TimeoutError, ConnectionError):
                await asyncio.wait_for(conversation.close(), 3.0)
        await runner.cleanup()
        self._store.write_all()
        _log.info("ended")


def main(arguments: Sequence[str]) -> int:
    """Runs a server; the exit status is 0, 1 for a failure, 3 if another one is running."""
    options = _parser().parse_args(arguments)
    os.umask(0o077)  # Its log and its results are nobody else's business.
    # What an ended worker held, such as the locks of progress bars, is cleaned up without a word.
    sys.warnoptions.append("ignore:resource_tracker:UserWarning")
    home = data_dir()
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = record_file.Lock(home / "server.lock")
    except record_file.LockHeld:
        print(f"A MangaNinja server is running already ({home / 'server.json'}).", file=sys.stderr)
        return ALREADY_RUNNING
    except OSError as error:
        print(f"The folder {home} can't be written to: {error.strerror}.", file=sys.stderr)
        return 1
    try:
        _start_log(home / "server.log", options.log_level)
        return asyncio.run(_serve(_settings(options, home)))
    finally:
        lock.release()


async def _serve(settings: Settings) -> int:
    server = Server(settings)
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
    try:
        await server.run()
    except CannotServe as error:
        _log.exception("the server can't begin")
        print(error, file=sys.stderr)
        return 1
    return 0


def _settings(options: argparse.Namespace, home: Path) -> Settings:
    return Settings(
        home=home,
        port=options.port,
        model=options.model,
        engine=options.engine,
        idle_exit_s=options.idle_exit,
        cancel_grace_s=options.cancel_grace,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server", description=__doc__)
    add = parser.add_argument
    add("--port", type=int, default=0, help="0: any free port (default)")
    add("--model", default=MATCH, help="name or folder of the model to load first")
    add("--engine", default=PAINTER, help="class that paints, module:Class")
    add("--idle-exit", type=float, default=1800.0, metavar="SECONDS", help="0: never end")
    add("--cancel-grace", type=float, default=30.0, metavar="SECONDS", help="then end the worker")
    add("--log-level", default="INFO", choices=("DEBUG", "INFO", "WARNING", "ERROR"))
    return parser


def _start_log(path: Path, level: str) -> None:
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=1 << 20, backupCount=2, encoding="utf-8"
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
