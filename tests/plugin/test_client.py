# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's thread, with signals that are only remembered: there is no Qt here."""

import importlib
import sys
import threading
import types
from typing import Any

import pytest

from manganinja.wire.client import ServerSilent, VersionMismatch, WrongToken
from manganinja.wire.discovery import NotInstalled
from manganinja.wire.protocol import Layer, ModelInfo, Picture, ServerInfo


class RememberedSignal:
    def __init__(self, *kinds):
        self.name = ""

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, thing, owner):
        return types.SimpleNamespace(emit=lambda *values: thing.hear(self.name, *values))


class FakeObject:
    def __init__(self, parent=None):
        self.heard, self.is_deleted, self.news = [], False, threading.Condition()

    def hear(self, *what):
        if self.is_deleted:
            raise RuntimeError("wrapped C/C++ object of type Client has been deleted")
        with self.news:
            self.heard.append(what)
            self.news.notify_all()

    def wait_for(self, name):
        with self.news:
            assert self.news.wait_for(lambda: name in [h[0] for h in self.heard], 5), self.heard
        return next(h[1:] for h in self.heard if h[0] == name)


class BrokenImage:
    """Encodes nothing, as QImage does without memory."""

    Format = types.SimpleNamespace(Format_ARGB32=5)

    def __init__(self, *_):
        pass

    def save(self, *_):
        return False


@pytest.fixture
def module(monkeypatch, tmp_path):
    qt: Any = types.ModuleType("krita_plugin.qt")
    qt.QObject, qt.Signal = FakeObject, RememberedSignal
    mode = types.SimpleNamespace(WriteOnly=2)
    qt.QtCore = types.SimpleNamespace(
        QBuffer=lambda: types.SimpleNamespace(open=lambda *_: True, data=lambda: b""),
        QIODevice=types.SimpleNamespace(OpenModeFlag=mode),
    )
    qt.QtGui = types.SimpleNamespace(QImage=BrokenImage)
    monkeypatch.setitem(sys.modules, "krita_plugin.qt", qt)
    monkeypatch.delitem(sys.modules, "krita_plugin.client", raising=False)
    monkeypatch.setenv("MANGANINJA_HOME", str(tmp_path))
    yield importlib.import_module("krita_plugin.client")
    sys.modules.pop("krita_plugin.client", None)


def snapshot(job="job"):
    return types.SimpleNamespace(job=job)


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), RecursionError("deep")])
def test_a_runtime_error_ends_the_job_and_not_the_thread(module, monkeypatch, error):
    def start(**_):
        raise error

    client = module.Client()
    monkeypatch.setattr(module.discovery, "start_server", start)
    client.colorize(snapshot())
    assert client.wait_for("failed")[0] == "job"
    assert type(error).__name__ in client.wait_for("broke")[0]
    client.heard.clear()
    client.colorize(snapshot("next"))
    assert client.wait_for("failed")[0] == "next"


def test_the_thread_ends_with_the_qt_object(module):
    client = module.Client()
    client.is_deleted = True
    assert not client._attempt(client._greet)
    assert not client._attempt(lambda: 1 / 0)


def test_a_look_leaves_the_reason_why_there_is_no_server(module):
    client = module.Client()
    client._greet()
    client._look()
    ((said,),) = [h[1:] for h in client.heard if h[1].phase != "starting"]
    assert said.phase == "wrong" and "not installed" in said.sentence


def test_a_look_says_when_the_server_has_gone_and_starts_none(module, monkeypatch):
    opened = []

    def refuse(record, *_):
        opened.append(record)
        raise NotInstalled("Nobody answers.", "")

    monkeypatch.setattr(module.discovery, "read_record", lambda: "a record")
    monkeypatch.setattr(module.wire_client.Connection, "open", refuse)
    monkeypatch.setattr(module.discovery, "start_server", lambda **_: pytest.fail("it started one"))
    client = module.Client()
    client._look()
    assert [h[1].phase for h in client.heard] == ["stopped"] and len(opened) == 1


@pytest.mark.parametrize("error", [VersionMismatch, WrongToken, ServerSilent])
def test_a_look_names_a_server_that_is_of_no_use(module, monkeypatch, error):
    real = getattr(module.wire_client, error.__name__)

    def refuse(record, *_):
        raise real("It is no good.", "Do this.")

    monkeypatch.setattr(module.discovery, "read_record", lambda: "a record")
    monkeypatch.setattr(module.wire_client.Connection, "open", refuse)
    client = module.Client()
    client._look()
    assert client.heard == [
        ("server_changed", module.ServerState("wrong", "It is no good.", "Do this."))
    ]


def test_a_server_of_another_version_is_named(module, monkeypatch):
    monkeypatch.setattr(module.discovery, "is_outdated", lambda version: version == "0.0.1")
    models = (ModelInfo("mini", "Mini"),)
    client = module.Client()
    for version in ("0.0.1", "0.1.0"):
        client._describe(ServerInfo(1, version, models, "cpu", "ready"), False)
    old, same = (heard[1].sentence for heard in client.heard)
    assert old == "Connected to the server: Mini on cpu (version 0.0.1, replaced when idle)"
    assert same == "Connected to the server: Mini on cpu"


def test_a_server_that_is_of_no_use_any_more_ends_the_job_in_words(module, monkeypatch):
    def refuse():
        raise module.wire_client.VersionMismatch("It is no good.", "Do this.")

    monkeypatch.setattr(module.discovery, "running_server", refuse)
    assert module.Client()._reconnect() is None


@pytest.mark.parametrize("trouble", ["encoding", "memory", "no thread"])
def test_a_result_that_can_not_be_saved_is_let_go(module, monkeypatch, tmp_path, trouble):
    client = module.Client()
    ticket = client._tickets["job"] = module._Ticket(snapshot())
    if trouble == "memory":
        monkeypatch.setattr(BrokenImage, "save", lambda *_: bytearray(1 << 62))
    if trouble == "no thread":

        def refuse(*_, **__):
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(module.threading, "Thread", refuse)
    client.store("job", [Layer("Flats", "normal", Picture(1, 1, "bgra8", bytes(4)))], "name")
    assert client.wait_for("stored") == ("job", None)
    assert ticket.delivered.wait(5) and client.wait_for("broke")
    assert not list(tmp_path.glob("results/*"))


def test_a_job_that_is_over_can_be_cancelled_and_acknowledged(module):
    client = module.Client()
    client.cancel("gone")
    client.acknowledge("gone")
