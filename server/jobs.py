# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue: jobs arrive, wait for the model one behind the other, and are told about."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from manganinja.wire.protocol import (
    Accepted,
    Cancelled,
    ColorizeRequest,
    EncodedPicture,
    Failed,
    Painting,
    Picture,
    PictureDescriptor,
    PreviewHeader,
    Progress,
    ProtocolError,
    Queued,
    RequestHeader,
    ServerMessage,
    encode_picture,
)
from server.engine import Engine, EngineCancelled, EngineError
from server.store import ResultStore, StoredLayer, StoredResult

_log = logging.getLogger("server.jobs")
_REMEMBERED_ENDS = 64


@dataclass(frozen=True)
class Limits:
    """`waiting` counts jobs that have not begun; `bytes` is the raw size of all live jobs."""

    waiting: int = 8
    bytes: int = 4 << 30
    upload_pause_s: float = 60.0


class Listener(Protocol):
    """Somebody who wants to know. Neither call may block."""

    def send(self, message: ServerMessage) -> None: ...

    def send_pictures(
        self,
        pictures: Sequence[EncodedPicture],
        announcement: Callable[[Sequence[PictureDescriptor]], ServerMessage],
    ) -> None: ...


@dataclass(eq=False)
class Job:
    name: str
    header: RequestHeader
    uploader: Listener
    listeners: set[Listener]
    pictures: dict[int, EncodedPicture] = field(default_factory=dict)
    last_bytes_at: float = field(default_factory=time.monotonic)
    progress: Progress | None = None
    preview: EncodedPicture | None = None
    is_over: bool = False

    is_complete: bool = False

    def add_picture(self, blob: int, picture: EncodedPicture) -> None:
        self.pictures[blob] = picture
        self.is_complete = len(self.pictures) == len(self.header.descriptors)

    def tell(self, message: ServerMessage) -> None:
        for listener in self.listeners:
            listener.send(message)

    def take_request(self) -> ColorizeRequest:
        """The decoded request, once: the pictures are not kept twice.

        Takes a while, in any thread; raises `EngineCancelled` if the job is over and
        `ProtocolError` for damaged pixels.
        """
        encoded, self.pictures = self.pictures, {}
        if self.is_over:  # Set before the pictures were dropped.
            raise EngineCancelled
        pictures = [encoded.pop(d.blob).decode() for d in self.header.descriptors]
        return self.header.with_pictures(pictures)


class JobQueue:
    """One job at a time on the engine. All methods belong to the event loop's thread."""

    def __init__(self, engine: Engine, store: ResultStore, limits: Limits) -> None:
        self._engine = engine
        self._store = store
        self._limits = limits
        self._jobs: dict[str, Job] = {}  # uploading, waiting and running
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._ends: dict[str, Cancelled | Failed] = {}
        self._wake = asyncio.Event()

    @property
    def running(self) -> str | None:
        return self._running.name if self._running else None

    @property
    def queued(self) -> int:
        return len(self._waiting)

    @property
    def is_idle(self) -> bool:
        return not self._jobs and self._running is None

    # -- what clients ask for -----------------------------------------------------------------

    def open(self, name: str, header: RequestHeader, listener: Listener) -> None:
        """Gives the job a seat; its pictures come through `add_picture`.

        Raises `ProtocolError` if there is no seat or the name is taken.
        """
        if name in self._jobs or name in self._store or name in self._ends:
            raise ProtocolError(
                "bad_request", "There is a job of this name already.", "Press Colorize again."
            )
        waiting = sum(job is not self._running for job in self._jobs.values())
        raw_bytes = header.raw_bytes + sum(j.header.raw_bytes for j in self._jobs.values())
        if waiting >= self._limits.waiting:
            raise _busy(f"{waiting} jobs are waiting already.")
        if self._jobs and raw_bytes > self._limits.bytes:
            raise _busy("The pictures of earlier jobs leave no room for these in the memory.")
        self._jobs[name] = Job(name, header, listener, {listener})
        listener.send(Accepted(name))

    def touch(self, listener: Listener) -> None:
        """Notes that bytes came from `listener`."""
        now = time.monotonic()
        for job in self._jobs.values():
            if job.uploader is listener:
                job.last_bytes_at = now

    def add_picture(self, name: str, blob: int, picture: EncodedPicture) -> None:
        job = self._jobs.get(name)
        if job is None:
            return
        job.add_picture(blob, picture)
        if job.is_complete:
            self._waiting.append(job)
            job.tell(Queued(name, self._position(len(self._waiting) - 1)))
            self._wake.set()

    def cancel(self, name: str, listener: Listener) -> None:
        job = self._jobs.get(name)
        if job is None:
            if name not in self._store and name not in self._ends:
                listener.send(_unknown(name))
            return
        self._end(job, Cancelled(name))
        if job is self._running:
            self._engine.cancel()
        else:
            self._announce_positions()

    def attach(self, name: str, listener: Listener) -> None:
        """Tells `listener` how the job stands and from now on what happens to it."""
        job = self._jobs.get(name)
        if job is not None:
            job.listeners.add(listener)
            listener.send(Accepted(name))
            self._describe(job, listener)
            return
        end: ServerMessage | None = self._ends.get(name)
        stored = self._store.get(name)
        if stored is None:
            listener.send(end or _unknown(name))
            return
        listener.send(Accepted(name))
        _send_result(name, stored, listener)

    def acknowledge(self, name: str) -> None:
        self._store.drop(name)

    def leave(self, listener: Listener) -> None:
        """Forgets the listener; a job whose pictures are not all here can't come to anything."""
        for job in list(self._jobs.values()):
            job.listeners.discard(listener)
            if job.uploader is listener and not job.is_complete:
                self._end(job, _upload_stopped(job.name))

    # -- time passes --------------------------------------------------------------------------

    def sweep(self) -> None:
        """Ends uploads that stopped and drops old results; to be called now and then."""
        self._store.sweep()
        oldest = time.monotonic() - self._limits.upload_pause_s
        for job in list(self._jobs.values()):
            if not job.is_complete and job.last_bytes_at < oldest:
                self._end(job, _upload_stopped(job.name))

    async def run(self) -> None:
        """Does the jobs, for ever."""
        while True:
            while not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            job = self._running = self._waiting.popleft()
            self._announce_positions()
            try:
                await self._work(job)
            except Exception:
                _log.exception("job %s", job.name)
                message = "The server made a mistake."
                self._end(
                    job, Failed(job.name, "internal", message, "Send server.log with a report.")
                )
            finally:
                self._running = None
                self._announce_positions()

    async def _work(self, job: Job) -> None:
        _log.info("job %s begins", job.name)
        began = time.monotonic()
        try:
            self._progress(job, "reading", 0, 0, 0.0)
            painting = await self._engine.paint(
                job.take_request, lambda *values: self._progress(job, *values)
            )
            self._progress(job, "finishing", 0, 0, 1.0)
            await self._finish(job, painting)
        except EngineCancelled:
            self._end(job, Cancelled(job.name))
        except (EngineError, ProtocolError) as error:
            self._end(job, Failed(job.name, error.code, error.message, error.remedy))
        _log.info("job %s ended after %.1f s", job.name, time.monotonic() - began)

    def _progress(
        self,
        job: Job,
        stage: str,
        step: int,
        steps: int,
        fraction: float,
        preview: Picture | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        if job.is_over:
            return
        # What has been said stays said, for whoever attaches later.
        notes = notes or (job.progress.notes if job.progress else ())
        job.progress = Progress(job.name, stage, step, steps, fraction, notes)
        job.tell(job.progress)
        if preview is not None:
            job.preview = encode_picture(preview)
            for listener in job.listeners:
                _send_preview(job, listener)

    async def _finish(self, job: Job, painting: Painting) -> None:
        layers = await asyncio.to_thread(_encoded, painting)
        if job.is_over:
            return
        stored = StoredResult(painting.info, dict(job.header.source), layers)
        self._store.put(job.name, stored)
        self._close(job)
        for listener in job.listeners:
            _send_result(job.name, stored, listener)

    def _end(self, job: Job, message: Cancelled | Failed) -> None:
        if job.is_over:
            return
        self._close(job)
        self._ends[job.name] = message
        while len(self._ends) > _REMEMBERED_ENDS:
            del self._ends[next(iter(self._ends))]
        job.tell(message)

    def _close(self, job: Job) -> None:
        job.is_over = True
        job.pictures = {}
        self._jobs.pop(job.name, None)
        if job in self._waiting:
            self._waiting.remove(job)

    # -- telling ------------------------------------------------------------------------------

    def _position(self, index: int) -> int:
        return index + (self._running is not None)

    def _announce_positions(self) -> None:
        for index, job in enumerate(self._waiting):
            job.tell(Queued(job.name, self._position(index)))

    def _describe(self, job: Job, listener: Listener) -> None:
        if job in self._waiting:
            listener.send(Queued(job.name, self._position(self._waiting.index(job))))
        if job.progress is not None:
            listener.send(job.progress)
        if job.preview is not None:
            _send_preview(job, listener)


def _send_preview(job: Job, listener: Listener) -> None:
    assert job.preview is not None
    listener.send_pictures([job.preview], lambda images: PreviewHeader(job.name, images[0]))


def _send_result(name: str, stored: StoredResult, listener: Listener) -> None:
    pictures = [layer.picture for layer in stored.layers]
    listener.send_pictures(pictures, lambda images: stored.header(name, images))


def _encoded(painting: Painting) -> tuple[StoredLayer, ...]:
    return tuple(
        StoredLayer(layer.name, layer.blend, encode_picture(layer.picture))
        for layer in painting.layers
    )


def _busy(message: str) -> ProtocolError:
    return ProtocolError("busy", message, "Wait until some are done, or cancel them.")


def _upload_stopped(name: str) -> Failed:
    message = "The pictures stopped arriving."
    return Failed(name, "bad_request", message, "Press Colorize again.")


def _unknown(name: str) -> Failed:
    message = "The server does not know this job any more."
    return Failed(name, "unknown_job", message, "Press Colorize again.")
