# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots that never let an exception out: Krita answers one with a modal traceback."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import Any

from .transport import discovery

_LOG_LIMIT_BYTES = 1 << 20
_listeners: list[Callable[[str], None]] = []


def on_internal_error(listener: Callable[[str], None]) -> None:
    """``listener`` is given one line about every exception that a guarded slot swallowed."""
    _listeners.append(listener)


def write_down(error: BaseException) -> str:
    """Writes the traceback to plugin.log; returns one line about it.  Any thread; never raises."""
    try:
        path = discovery.data_dir() / "plugin.log"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = "w" if path.exists() and path.stat().st_size > _LOG_LIMIT_BYTES else "a"
        with open(path, mode, encoding="utf-8", errors="replace") as log:
            log.write(f"--- {datetime.now():%Y-%m-%d %H:%M:%S}\n")
            log.write("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    except OSError:
        pass
    return f"{type(error).__name__}: {error}"


def report(error: BaseException) -> None:
    """Writes the traceback down and tells the listeners.  GUI thread only: they show it."""
    line = write_down(error)
    for listener in _listeners:
        listener(line)


def guarded(slot: Callable[..., Any]) -> Callable[..., Any]:
    """A slot whose exceptions end in plugin.log and in the docker, not in a dialog."""

    @functools.wraps(slot)
    def safe(*arguments: Any) -> Any:
        try:
            return slot(*arguments)
        except Exception as error:
            report(error)
            return None

    return safe
