# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a client sends, it gets a typed error at most, and the server lives on."""

from __future__ import annotations

import json
import os
import socket
import uuid
import zlib

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from manganinja.wire.protocol import (
    PROTOCOL_VERSION,
    Accepted,
    Failed,
    Hello,
    Progress,
    Queued,
    Result,
    ServerInfo,
    ServerMessage,
    Status,
    parse_server_message,
    to_text,
)
from tests.server.asking import last, request
from tests.server.conftest import RunningServer


def heard(websocket: ClientConnection) -> ServerMessage:
    text = websocket.recv(timeout=5)
    assert isinstance(text, str)
    return parse_server_message(text)


@pytest.fixture
def said_hello(server: RunningServer, raw) -> ClientConnection:
    websocket = raw(server)
    websocket.send(to_text(Hello(PROTOCOL_VERSION, "garbage")))
    assert isinstance(heard(websocket), ServerInfo)
    return websocket


@pytest.fixture(autouse=True)
def the_server_lives_on(server: RunningServer):
    yield
    with server.connect() as client:
        assert isinstance(last(client.colorize(request())), Result)


def complaint(websocket: ClientConnection) -> Failed:
    """The next error; progress of other things may come before it."""
    while True:
        message = heard(websocket)
        if isinstance(message, Failed):
            return message
        assert isinstance(message, (Accepted, Queued, Progress)), message


def image(blob: int = 1, width: int = 2, height: int = 2, **changes: object) -> dict:
    values = {"blob": blob, "width": width, "height": height, "format": "rgba8"}
    return {**values, "encoding": "raw", "bytes": width * height * 4, **changes}


def colorize(job: str = "job", **changes: object) -> str:
    values = {"lineart": image(1), "references": [image(2)], "model": "mini"}
    return json.dumps({"type": "colorize", "job": job, "request": {**values, **changes}})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "colour it, please",
        "[]",
        "{}",
        '{"type": 7}',
        '{"type": "paint"}',
        '{"type": "cancel"}',
        '{"type": "cancel", "job": "../../etc/passwd"}',
        '{"type": "colorize", "job": "x", "request": null}',
        "[" * 100_000,
        "9" * 50_000,
        to_text(Hello(PROTOCOL_VERSION, "again")),
        colorize(seed="many"),
        colorize(pairs=[{"reference": [0, 0], "lineart": [1]}]),
        colorize(lineart=image(bytes=17)),
        colorize(references=[image(1)]),
        colorize(lineart=image(format="cmyk8")),
    ],
)
def test_a_text_that_is_no_message_gets_one_complaint(
    said_hello: ClientConnection, text: str
) -> None:
    said_hello.send(text)
    error = complaint(said_hello)
    assert error.code == "bad_message" and error.message and error.remedy
    said_hello.send('{"type": "status"}')
    assert isinstance(heard(said_hello), Status)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"lineart": image(1, 12_000, 12_000)}, "too_large"),
        ({"lineart": image(1, 70_000, 1)}, "too_large"),
        ({"references": [image(n, 11_000, 11_000) for n in range(2, 12)]}, "too_large"),
        ({"lineart": image(1, 0, 5)}, "bad_request"),
        ({"references": []}, "bad_request"),
        ({"steps": 0}, "bad_request"),
        ({"guidance_points": -1}, "bad_request"),
        ({"seed": -1}, "bad_request"),
        (
            {"pairs": [{"reference": [0, 0], "lineart": [0, 0], "reference_index": 1}]},
            "bad_request",
        ),
    ],
)
def test_a_request_outside_the_limits_is_refused_before_its_pixels(
    said_hello: ClientConnection, changes: dict, code: str
) -> None:
    said_hello.send(colorize("outside", **changes))
    error = complaint(said_hello)
    assert (error.job, error.code) == ("outside", code)


@pytest.mark.parametrize(
    "frame", [b"", b"short", bytes(12), bytes(13), os.urandom(100), bytes((1 << 20) + 13)]
)
def test_bytes_that_nobody_announced_end_the_conversation(
    said_hello: ClientConnection, frame: bytes
) -> None:
    said_hello.send(frame)
    assert complaint(said_hello).code == "bad_message"
    assert list(said_hello) == []


def test_bytes_at_the_wrong_place_end_the_conversation(said_hello: ClientConnection) -> None:
    said_hello.send(colorize("misplaced"))
    assert isinstance(heard(said_hello), Accepted)
    said_hello.send(b"\0\0\0\1" + (8).to_bytes(8, "big") + bytes(8))
    assert complaint(said_hello).code == "bad_message"


def blob(number: int, data: bytes) -> bytes:
    return number.to_bytes(4, "big") + bytes(8) + data


@pytest.mark.parametrize(
    "packed",
    [
        b"not zlib at all",
        zlib.compress(bytes(15)),
        zlib.compress(bytes(17)),
        zlib.compress(bytes(1_000_000))[:60],
    ],
)
def test_pixels_that_do_not_unpack_are_said_to_be_damaged(
    said_hello: ClientConnection, packed: bytes
) -> None:
    announced = image(1, encoding="zlib", bytes=len(packed))
    said_hello.send(colorize(uuid.uuid4().hex, lineart=announced))
    assert isinstance(heard(said_hello), Accepted)
    said_hello.send(blob(1, packed))
    said_hello.send(blob(2, bytes(16)))
    error = complaint(said_hello)
    assert error.code == "bad_request" and "damaged" in error.message


def test_a_conversation_begins_with_hello(server: RunningServer, raw) -> None:
    for first in ('{"type": "status"}', b"\0" * 20, "?"):
        websocket = raw(server)
        websocket.send(first)
        assert complaint(websocket).code == "bad_message"
        assert list(websocket) == []


def test_a_frame_without_end_is_cut_off(said_hello: ClientConnection) -> None:
    with pytest.raises(ConnectionClosed):
        said_hello.send("x" * (5 << 20))
        said_hello.recv(timeout=5)


def test_noise_on_the_port_disturbs_nobody(server: RunningServer) -> None:
    for noise in (b"\x16\x03\x01\x02\x00\x01", os.urandom(2000), b"GET / HTTP/1.1\r\n\r\n", b""):
        with socket.create_connection(("127.0.0.1", server.record.port), timeout=5) as sock:
            sock.sendall(noise)


def test_a_client_that_vanishes_in_the_middle_of_a_frame_disturbs_nobody(
    said_hello: ClientConnection,
) -> None:
    said_hello.send(colorize("vanished"))
    said_hello.socket.sendall(b"\x82\xff" + (1 << 20).to_bytes(8, "big") + b"mask" + bytes(1000))
    said_hello.socket.shutdown(socket.SHUT_RDWR)
