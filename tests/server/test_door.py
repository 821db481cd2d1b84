# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is let in, spoken by hand over a raw socket."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from manganinja.wire.client import Connection, ServerUnreachable, VersionMismatch, WrongToken
from manganinja.wire.protocol import (
    PROTOCOL_VERSION,
    Failed,
    Hello,
    parse_server_message,
    to_text,
)
from tests.server.conftest import RunningServer


def answer(server: RunningServer, *headers: str, path: str = "/ws") -> int:
    """The status of an upgrade request with these headers and the fixed ones."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
        *headers,
    ]
    with socket.create_connection(("127.0.0.1", server.record.port), timeout=5) as sock:
        sock.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        return int(sock.recv(4096).split()[1])


def host(server: RunningServer, name: str = "127.0.0.1") -> str:
    return f"Host: {name}:{server.record.port}"


def token(server: RunningServer) -> str:
    return f"Authorization: Bearer {server.record.token}"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_right_headers_open_the_door(server: RunningServer, name: str) -> None:
    assert answer(server, host(server, name), token(server)) == 101


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1"])
def test_no_web_page_is_let_in(server: RunningServer, origin: str) -> None:
    assert answer(server, host(server), token(server), f"Origin: {origin}") == 403


@pytest.mark.parametrize("name", ["evil.example", "127.0.0.1.evil.example", "[::1]"])
def test_no_other_host_name_is_let_in(server: RunningServer, name: str) -> None:
    assert answer(server, host(server, name), token(server)) == 403


def test_the_port_belongs_to_the_host_name(server: RunningServer) -> None:
    assert answer(server, "Host: 127.0.0.1", token(server)) == 403
    assert answer(server, "Host: 127.0.0.1:1", token(server)) == 403


@pytest.mark.parametrize(
    "header", ["X: y", "Authorization: Bearer ", "Authorization: Bearer \xe9\xff", "Authorization:"]
)
def test_without_the_token_nobody_is_let_in(server: RunningServer, header: str) -> None:
    assert answer(server, host(server), header) == 401


def test_the_token_must_be_whole_and_a_bearer(server: RunningServer) -> None:
    secret = server.record.token
    for wrong in (f"Bearer {secret[:-1]}", f"Bearer {secret}x", f"Basic {secret}", secret):
        assert answer(server, host(server), f"Authorization: {wrong}") == 401


def test_other_paths_are_behind_the_same_door(server: RunningServer) -> None:
    assert answer(server, host(server), path="/") == 401
    assert answer(server, host(server), token(server), path="/") == 404


def test_the_client_says_that_its_token_is_wrong(server: RunningServer) -> None:
    with pytest.raises(WrongToken) as caught:
        Connection.open(replace(server.record, token="guess"), "a test")
    assert caught.value.message and caught.value.remedy


def test_the_client_says_that_nobody_answers(server: RunningServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(ServerUnreachable) as caught:
        Connection.open(replace(server.record, port=port), "a test")
    assert str(port) in caught.value.message


def test_another_protocol_version_is_told_what_to_do(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("manganinja.wire.client.PROTOCOL_VERSION", 99)
    with pytest.raises(VersionMismatch) as caught:
        Connection.open(server.record, "a test from the future")
    assert "99" in caught.value.message and "install.py" in caught.value.remedy


def test_the_token_is_not_in_the_log(server: RunningServer) -> None:
    server.connect().close()
    assert server.record.token not in server.log


def test_a_hello_of_another_version_ends_the_conversation(server: RunningServer, raw) -> None:
    websocket = raw(server)
    websocket.send(to_text(Hello(PROTOCOL_VERSION + 1, "newer")))
    error = parse_server_message(websocket.recv(timeout=5))
    assert isinstance(error, Failed) and (error.job, error.code) == (None, "version")
    assert list(websocket) == []
