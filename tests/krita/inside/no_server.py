# SPDX-License-Identifier: GPL-3.0-or-later
"""No server on this machine, or one without a model."""

import json
import os

import kit

HOME = os.environ["MANGANINJA_HOME"]


def _end_server():
    """Ends the server that opening the docker has started, if it got that far."""
    path = os.path.join(HOME, "server.json")
    yield 1500
    if os.path.exists(path):
        with open(path, encoding="utf-8") as record:
            os.kill(json.load(record)["pid"], 15)
        yield from kit.until(lambda: not os.path.exists(path), "the server to end", 10)


def check_not_installed_says_what_to_run(figures):
    record = os.path.join(HOME, "install.json")
    os.rename(record, record + ".away")
    yield from _end_server()
    try:
        yield from kit.show_dock()
        document, _ = yield from kit.ready_document()
        before = kit.fingerprints(document)
        kit.press()
        yield from kit.until(lambda: kit.message() and not kit.is_working(), "a sentence", 20)
        figures["says"] = kit.message()
        figures["server line"] = kit.widget("colorize_server").text()
        for said in (figures["says"], figures["server line"]):
            assert "not installed" in said and "python3 install.py" in said, said
        assert kit.widget("colorize_connect").isVisibleTo(kit.dock())
        # The look that comes every 15 s knows nothing better.
        kit.workshop()._client.look_after_server()
        yield 1000
        assert kit.widget("colorize_server").text() == figures["server line"]
        assert kit.fingerprints(document) == before
        yield 300
        kit.shot("docker-not-installed", dock_only=True)
    finally:
        os.rename(record + ".away", record)


def check_a_server_without_a_model_says_so(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    before = kit.fingerprints(document)
    kit.press()
    yield from kit.until(lambda: kit.message() and not kit.is_working(), "a sentence", 60)
    figures["says"] = kit.message()
    assert "no model" in kit.message() and "install.py" in kit.message()
    assert kit.fingerprints(document) == before


def check_a_server_that_does_not_start_says_why(figures):
    yield from _end_server()
    install = os.path.join(HOME, "install.json")
    with open(install, encoding="utf-8") as record:
        values = json.load(record)
    values["python"] = "/bin/false"
    with open(install, "w", encoding="utf-8") as record:
        json.dump(values, record)
    yield from kit.show_dock()
    yield from kit.ready_document()
    kit.press()
    yield from kit.until(lambda: kit.message() and not kit.is_working(), "a sentence", 60)
    figures["says"] = kit.message()
    assert "server ended at once" in kit.message() and "install.py" in kit.message()
    assert "Größe" in kit.message(), "the path can't be read"
