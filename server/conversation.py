# SPDX-License-Identifier: GPL-3.0-or-later
"""One websocket from hello to goodbye."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from manganinja.wire.protocol import (
    MAX_FRAME_BYTES,
    PROTOCOL_VERSION,
    Acknowledge,
    Attach,
    BlobAssembler,
    Cancel,
    ClientMessage,
    Colorize,
    EncodedPicture,
    Failed,
    Hello,
    PictureDescriptor,
    ProtocolError,
    ServerInfo,
    ServerMessage,
    Shutdown,
    Status,
    StatusQuery,
    job_of,
    parse_client_message,
    to_text,
)
from server.jobs import JobQueue

_HELLO_S = 10.0
_MAX_UNSENT = 10_000
_log = logging.getLogger("server.conversation")


class Host(Protocol):
    """What a conversation needs of the server."""

    jobs: JobQueue

    def info(self) -> ServerInfo: ...

    def status(self) -> Status: ...

    def stop(self) -> None: ...


class _Goodbye(Exception):
    """Ends the conversation after what is still to be sent."""


class Conversation:
    """A `Listener` of the queue; reads and writes at the same time."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._socket = web.WebSocketResponse(
            max_msg_size=MAX_FRAME_BYTES, compress=False, timeout=2.0
        )
        self._outbox: asyncio.Queue[tuple[ServerMessage, dict[int, EncodedPicture]] | None]
        self._outbox = asyncio.Queue()
        self._assembler = BlobAssembler()
        self._job_of_blob: dict[int, str] = {}
        self._last_blob = 0
        self._client = "?"

    async def run(self, request: web.Request) -> web.StreamResponse:
        await self._socket.prepare(request)
        writer = asyncio.create_task(self._write())
        try:
            await self._talk()
        except _Goodbye:
            pass
        finally:
            self._host.jobs.leave(self)
            self._outbox.put_nowait(None)
            await self._finish(writer)
        return self._socket

    async def close(self) -> None:
        """Because the server ends."""
        await self._socket.close(code=WSCloseCode.GOING_AWAY, message=b"the server ends")

    # -- Listener -----------------------------------------------------------------------------

    def send(self, message: ServerMessage) -> None:
        self._post(message, {})

    def send_pictures(
        self,
        pictures: Sequence[EncodedPicture],
        announcement: Callable[[Sequence[PictureDescriptor]], ServerMessage],
    ) -> None:
        numbered = dict(enumerate(pictures, self._last_blob + 1))
        self._last_blob += len(pictures)
        message = announcement([picture.descriptor(blob) for blob, picture in numbered.items()])
        self._post(message, numbered)

    def _post(self, message: ServerMessage, pictures: dict[int, EncodedPicture]) -> None:
        if self._outbox.qsize() < _MAX_UNSENT:  # Beyond, nobody reads; it can attach again.
            self._outbox.put_nowait((message, pictures))

    # -- writing ------------------------------------------------------------------------------

    async def _write(self) -> None:
        try:
            while (item := await self._outbox.get()) is not None:
                message, pictures = item
                await self._socket.send_str(to_text(message))
                for blob, picture in pictures.items():
                    for frame in picture.frames(blob):
                        await self._socket.send_bytes(frame)
        except (ConnectionError, RuntimeError):
            pass  # The client has gone; reading ends for the same reason.

    async def _finish(self, writer: asyncio.Task[None]) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(writer, 5.0)
        await self._socket.close()

    # -- reading ------------------------------------------------------------------------------

    async def _talk(self) -> None:
        await self._greet()
        async for frame in self._socket:
            try:
                self._take(frame)
            except _Goodbye:
                raise
            except Exception:
                _log.exception("a frame from %r", self._client)
                self._complain(None, "internal", "The server made a mistake.", _REPORT)

    async def _greet(self) -> None:
        try:
            frame = await self._socket.receive(timeout=_HELLO_S)
            hello = parse_client_message(frame.data if frame.type is WSMsgType.TEXT else "")
        except (asyncio.TimeoutError, ProtocolError):
            hello = None
        if not isinstance(hello, Hello):
            self._complain(None, "bad_message", "The conversation began without a hello.", _SAME)
            raise _Goodbye
        if hello.protocol != PROTOCOL_VERSION:
            message = (
                f"The plugin speaks version {hello.protocol} of the protocol and the server "
                f"version {PROTOCOL_VERSION}."
            )
            self._complain(None, "version", message, _SAME)
            raise _Goodbye
        self._client = hello.client
        self.send(self._host.info())

    def _take(self, frame: WSMessage) -> None:
        if frame.type is WSMsgType.TEXT:
            self._take_text(frame.data)
        elif frame.type is WSMsgType.BINARY:
            self._take_bytes(frame.data)

    def _take_text(self, text: str) -> None:
        try:
            self._obey(parse_client_message(text))
        except ProtocolError as error:
            self._complain(job_of(text), error.code, error.message, error.remedy)

    def _take_bytes(self, data: bytes) -> None:
        try:
            complete = self._assembler.feed(data)
        except ProtocolError as error:
            # What follows would be as wrong.
            self._complain(None, error.code, error.message, error.remedy)
            raise _Goodbye from None
        self._host.jobs.touch(self)
        if complete is not None:
            blob, picture = complete
            self._host.jobs.add_picture(self._job_of_blob.pop(blob), blob, picture)

    def _obey(self, message: ClientMessage) -> None:
        jobs = self._host.jobs
        if isinstance(message, Colorize):
            self._assembler.check_free(message.request.descriptors)
            jobs.open(message.job, message.request, self)
            self._assembler.expect(message.request.descriptors)
            self._job_of_blob.update((d.blob, message.job) for d in message.request.descriptors)
        elif isinstance(message, Cancel):
            jobs.cancel(message.job, self)
            self._forget_blobs_of(message.job)
        elif isinstance(message, Attach):
            jobs.attach(message.job, self)
        elif isinstance(message, Acknowledge):
            jobs.acknowledge(message.job)
        elif isinstance(message, StatusQuery):
            self.send(self._host.status())
        elif isinstance(message, Shutdown):
            _log.info("%r asks for the end", self._client)
            self._host.stop()
        else:
            self._complain(None, "bad_message", "There was a hello already.", _SAME)

    def _forget_blobs_of(self, job: str) -> None:
        blobs = [blob for blob, name in self._job_of_blob.items() if name == job]
        self._assembler.discard(blobs)
        for blob in blobs:
            del self._job_of_blob[blob]

    def _complain(self, job: str | None, code: str, message: str, remedy: str) -> None:
        _log.info("%r: %s: %s", self._client, code, message)
        self.send(Failed(job, code, message, remedy))


_SAME = "Install the plugin and the server from the same version of MangaNinja."
_REPORT = "Press Colorize again; if it happens again, send server.log with a report."
