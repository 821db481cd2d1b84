# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the checks one after the other, each as a generator on Krita's event loop."""

import faulthandler
import inspect
import json
import os
import runpy
import sys
import time
import traceback

from krita import Krita

try:
    from PyQt5.QtCore import QTimer
except ImportError:
    from PyQt6.QtCore import QTimer

# Closing a document right after a layer changed ends Krita 5.1 now and then.
SETTLE_MS = 1000
_results: dict = {"checks": {}, "uncaught": [], "finished": False, "version": ""}
_current: dict = {}


def install():
    # Open for as long as Krita lives.
    faulthandler.enable(open(os.environ["DRIVER_RESULT"] + ".fault", "w"))  # noqa: SIM115
    # Krita's own hook opens a modal dialog.
    sys.excepthook = _uncaught
    notifier = Krita.instance().notifier()
    notifier.setActive(True)
    notifier.windowCreated.connect(_begin)


def _uncaught(kind, value, trace):
    _results["uncaught"].append("".join(traceback.format_exception(kind, value, trace)))
    _write()


def _write():
    path = os.environ["DRIVER_RESULT"]
    with open(path + ".part", "w", encoding="utf-8") as out:
        json.dump(_results, out, indent=1, default=repr)
    os.replace(path + ".part", path)


def _begin():
    if _results["version"]:
        return
    _results["version"] = Krita.instance().version()
    QTimer.singleShot(500, _load)


def _load():
    script = os.environ["DRIVER_SCRIPT"]
    sys.path.insert(0, os.path.dirname(script))
    try:
        functions = runpy.run_path(script)
    except BaseException:
        _uncaught(*sys.exc_info())
        functions = {}
    names = [name for name in os.environ.get("DRIVER_CHECKS", "").split(",") if name]
    _next([(name, functions[name]) for name in names if name in functions])


def _next(waiting):
    if not waiting:
        _finish()
        return
    name, function = waiting[0]
    figures = {}
    _current.update(name=name, began=time.monotonic(), figures=figures)

    def end(error):
        seconds = time.monotonic() - _current["began"]
        _results["checks"][name] = {"error": error, "seconds": seconds, "figures": figures}
        _write()
        QTimer.singleShot(SETTLE_MS, lambda: _close_documents(lambda: _next(waiting[1:])))

    _run(_started(function, figures), end)


def _started(function, figures):
    def generator():
        outcome = function(figures)
        if inspect.isgenerator(outcome):
            yield from outcome

    return generator()


def _run(generator, end):
    try:
        pause = next(generator)
    except StopIteration:
        end(None)
    except BaseException:
        end(traceback.format_exc())
    else:
        QTimer.singleShot(int(pause or 0), lambda: _run(generator, end))


def _close_documents(then):
    for document in Krita.instance().documents():
        document.setBatchmode(True)
        document.waitForDone()
        document.setModified(False)
        document.close()
    QTimer.singleShot(300, then)


def _finish():
    _results["finished"] = True
    _write()
    QTimer.singleShot(300, lambda: Krita.instance().action("file_quit").trigger())
