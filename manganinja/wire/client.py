# SPDX-License-Identifier: GPL-3.0-or-later
"""A blocking client of the server, for worker threads, scripts and tests.

Nothing here may be called from a thread that must stay responsive, except `Connection.cancel`.
"""

from __future__ import annotations

import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import TracebackType
from typing import Any

try:  # The packaged plugin carries its own copy; elsewhere the installed one serves.
    from .websockets.exceptions import (  # type: ignore
        ConnectionClosed,
        InvalidStatus,
        WebSocketException,
    )
    from .websockets.sync.client import connect  # type: ignore
    from .websockets.version import version as _websockets_version  # type: ignore
except ImportError:
    from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
    from websockets.sync.client import connect
    from websockets.version import version as _websockets_version

from .protocol import (
    MAX_FRAME_BYTES,
    PROTOCOL_VERSION,
    Accepted,
    Acknowledge,
    Attach,
    BlobAssembler,
    Cancel,
    Cancelled,
    Colorize,
    ColorizeRequest,
    EncodedPicture,
    Failed,
    Hello,
    JobEvent,
    Layer,
    Picture,
    PictureDescriptor,
    Preview,
    PreviewHeader,
    ProtocolError,
    Record,
    RequestHeader,
    Result,
    ResultHeader,
    ServerInfo,
    Shutdown,
    Status,
    StatusQuery,
    WireError,
    encode_picture,
    parse_server_message,
    to_text,
    with_places,
)

_POLL_S = 0.1


class ServerUnreachable(WireError):
    """Nothing that speaks this protocol answers there."""


class ServerSilent(ServerUnreachable):
    """Something takes connections there and says nothing."""


class WrongToken(WireError):
    """The server does not know this client."""


class VersionMismatch(WireError):
    """The server speaks another version of the protocol."""


UNUSABLE = (WrongToken, VersionMismatch)
"""What is raised where a server lives that this program can't use."""

_END_IT = (
    "Restart Krita; if that does not help, run `python3 install.py` again, which ends that server."
)


class ConnectionLost(WireError):
    """The server went away in the middle of a conversation."""


def _lost() -> ConnectionLost:
    return ConnectionLost(
        "The connection to the server was lost.", "Press Colorize again; it reconnects by itself."
    )


class Connection:
    """One conversation with the server. Use it from one thread; `cancel` from any.

    Close it with `close` or by leaving the `with` block; jobs go on without it.
    """

    def __init__(self, websocket: Any, stack: ExitStack, server: ServerInfo) -> None:
        self._websocket = websocket
        self._stack = stack
        self._send_lock = threading.Lock()
        self._assembler = BlobAssembler()
        self._headers: dict[int, PreviewHeader | ResultHeader] = {}
        self._arrived: dict[int, Picture] = {}
        self._waiting: dict[str | None, deque[JobEvent]] = {}
        self._statuses: deque[Status] = deque()
        self._next_blob = 1
        self.server = server

    @classmethod
    def open(cls, record: Record, client_name: str, timeout_s: float = 10.0) -> Connection:
        """Connects and exchanges hellos within `timeout_s` seconds.

        Raises `ServerUnreachable`, `WrongToken` or `VersionMismatch`.
        """
        deadline = time.monotonic() + timeout_s
        with ExitStack() as stack:
            websocket = _connect(record, timeout_s, stack)
            server = _exchange_hellos(websocket, client_name, deadline)
            return cls(websocket, stack.pop_all(), server)

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the conversation. May be called twice."""
        self._stack.close()

    # -- jobs ---------------------------------------------------------------------------------

    def colorize(
        self,
        request: ColorizeRequest,
        job: str | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[JobEvent]:
        """Has the request done and yields what happens to it, as it happens.

        The last event is `Result`, `Cancelled` or `Failed`. `is_cancelled` is asked about ten
        times a second. Raises `ConnectionLost`; the job then goes on, and `attach` on a new
        connection finds it again.
        """
        job = job or uuid.uuid4().hex
        pictures = [encode_picture(picture) for picture in request.pictures]
        header = self._header(request, pictures)
        self._send(to_text(Colorize(job, header)))
        events = self._events(job, is_cancelled)
        for event in events:
            yield event
            if isinstance(event, Accepted):
                self._upload(header.lineart.blob, pictures, is_cancelled)

    def attach(
        self, job: str, is_cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[JobEvent]:
        """The events of a job begun on another connection, from its present state on."""
        self._waiting.setdefault(job, deque())
        self._send(to_text(Attach(job)))
        return self._events(job, is_cancelled)

    def cancel(self, job: str) -> None:
        """Asks for the end of a job; its iterator then ends with `Cancelled`. Thread-safe."""
        self._send(to_text(Cancel(job)))

    def acknowledge(self, job: str) -> None:
        """Tells the server that the result has arrived and need not be kept."""
        self._send(to_text(Acknowledge(job)))

    def status(self, timeout_s: float = 10.0) -> Status:
        """What the server is doing now. Raises `ConnectionLost` after `timeout_s` seconds."""
        deadline = time.monotonic() + timeout_s
        self._send(to_text(StatusQuery()))
        while not self._statuses:
            if time.monotonic() > deadline:
                raise _lost()
            self._read_frame()
        return self._statuses.popleft()

    def shutdown(self) -> None:
        """Asks the server to end."""
        self._send(to_text(Shutdown()))

    # -- sending ------------------------------------------------------------------------------

    def _send(self, frame: str | bytes) -> None:
        try:
            with self._send_lock:
                self._websocket.send(frame)
        except (ConnectionClosed, OSError):
            raise _lost() from None

    def _header(self, request: ColorizeRequest, pictures: list[EncodedPicture]) -> RequestHeader:
        descriptors = [
            picture.descriptor(blob) for blob, picture in enumerate(pictures, self._next_blob)
        ]
        self._next_blob += len(descriptors)
        return RequestHeader(**with_places(request.places, descriptors), **request.options)

    def _upload(
        self, first_blob: int, pictures: list[EncodedPicture], is_cancelled: Callable[[], bool]
    ) -> None:
        for blob, picture in enumerate(pictures, first_blob):
            for frame in picture.frames(blob):
                if is_cancelled():
                    return
                self._send(frame)

    # -- receiving ----------------------------------------------------------------------------

    def _events(self, job: str, is_cancelled: Callable[[], bool]) -> Iterator[JobEvent]:
        asked_to_end = False
        mine = self._waiting.setdefault(job, deque())
        general = self._waiting.setdefault(None, deque())
        try:
            while True:
                if not asked_to_end and is_cancelled():
                    self.cancel(job)
                    asked_to_end = True
                if general:
                    mine.append(general.popleft())
                if not mine:
                    self._read_frame()
                    continue
                event = mine.popleft()
                yield event
                if isinstance(event, (Result, Cancelled, Failed)):
                    return
        finally:
            self._waiting.pop(job, None)

    def _read_frame(self) -> None:
        """Waits a moment for one frame and puts what it completes where it belongs."""
        try:
            frame = self._websocket.recv(timeout=_POLL_S)
        except TimeoutError:
            return
        except (ConnectionClosed, OSError):
            raise _lost() from None
        if isinstance(frame, str):
            self._take_message(parse_server_message(frame))
            return
        complete = self._assembler.feed(frame)
        if complete is not None:
            self._take_picture(*complete)

    def _take_message(self, message: Any) -> None:
        if isinstance(message, (PreviewHeader, ResultHeader)):
            images = _images(message)
            self._assembler.expect(images)
            self._headers.update((image.blob, message) for image in images)
        elif isinstance(message, Status):
            self._statuses.append(message)
        elif not isinstance(message, ServerInfo):
            self._deliver(message)

    def _take_picture(self, blob: int, encoded: EncodedPicture) -> None:
        header = self._headers.pop(blob)
        self._arrived[blob] = encoded.decode()
        blobs = [image.blob for image in _images(header)]
        if not all(blob in self._arrived for blob in blobs):
            return
        pictures = [self._arrived.pop(blob) for blob in blobs]
        if isinstance(header, PreviewHeader):
            self._deliver(Preview(header.job, pictures[0]))
            return
        layers = tuple(
            Layer(layer.name, layer.blend, picture)
            for layer, picture in zip(header.layers, pictures)
        )
        self._deliver(Result(header.job, layers, header.info, header.source))

    def _deliver(self, event: JobEvent) -> None:
        # Events of a job that nobody listens to any more have nowhere to go.
        if event.job in self._waiting or event.job is None:
            self._waiting.setdefault(event.job, deque()).append(event)


def _images(header: PreviewHeader | ResultHeader) -> list[PictureDescriptor]:
    if isinstance(header, PreviewHeader):
        return [header.image]
    return [layer.image for layer in header.layers]


# -- opening ----------------------------------------------------------------------------------


def _unreachable(message: str) -> ServerUnreachable:
    return ServerUnreachable(message, "Start the server again, or look into server.log.")


def _silent() -> ServerSilent:
    remedy = "Wait a moment; if that does not help, run `python3 install.py` again, which ends it."
    return ServerSilent("The server runs and does not answer.", remedy)


def _connect(record: Record, timeout_s: float, stack: ExitStack) -> Any:
    # A socket of our own: no version of the library then looks for a proxy.
    try:
        sock = socket.create_connection((record.host, record.port), timeout=timeout_s)
    except OSError:
        raise _unreachable(f"No server answers at {record.host}:{record.port}.") from None
    sock.settimeout(None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    options: dict[str, Any] = {}
    if int(_websockets_version.split(".")[0]) >= 15:
        # A modal dialog of Krita's may keep every Python thread waiting for minutes.
        options = {"proxy": None, "ping_interval": None, "ping_timeout": None}
    try:
        return stack.enter_context(
            connect(
                record.url,
                sock=sock,
                additional_headers={"Authorization": f"Bearer {record.token}"},
                compression=None,
                max_size=MAX_FRAME_BYTES,
                open_timeout=timeout_s,
                close_timeout=2,
                **options,
            )
        )
    except InvalidStatus as error:
        raise _refusal(error.response.status_code) from None
    except TimeoutError:
        raise _silent() from None
    except (WebSocketException, OSError, EOFError, ValueError):
        raise _unreachable(f"Something else answers at {record.host}:{record.port}.") from None


def _refusal(status: int) -> WireError:
    if status == 401:
        return WrongToken("The server does not know this program.", _END_IT)
    return _unreachable(f"The server refused the connection ({status}).")


def _exchange_hellos(websocket: Any, client_name: str, deadline: float) -> ServerInfo:
    try:
        websocket.send(to_text(Hello(PROTOCOL_VERSION, client_name[:200])))
        answer = websocket.recv(timeout=max(0.01, deadline - time.monotonic()))
        message = parse_server_message(answer if isinstance(answer, str) else "")
    except ProtocolError:
        raise _unreachable("The server answers in a way that is not understood.") from None
    except TimeoutError:
        raise _silent() from None
    except (WebSocketException, OSError, EOFError):
        raise _unreachable("The server does not answer.") from None
    if isinstance(message, Failed) and message.code == "version":
        raise VersionMismatch(message.message, _END_IT)
    if not isinstance(message, ServerInfo):
        raise _unreachable("The server answers in a way that is not understood.")
    return message
