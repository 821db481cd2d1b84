# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C that is never lost.

Python throws ``KeyboardInterrupt`` away where a signal arrives in a finalizer or in a callback of a
library's C code, and the work goes on. So it is written down as well, and asked for where work is
about to be tried once more.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_pressed = threading.Event()


def check() -> None:
    """Raise ``KeyboardInterrupt`` if Ctrl-C was pressed since :func:`heard` began."""
    if _pressed.is_set():
        raise KeyboardInterrupt


@contextmanager
def heard() -> Iterator[None]:
    """While this lasts, Ctrl-C is written down. Where somebody else answers it, or nobody shall, as
    for what a shell runs in the background, that stays so."""
    is_ours = threading.current_thread() is threading.main_thread()
    if not is_ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return

    def press(number: int, frame: object) -> None:
        _pressed.set()
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        _pressed.clear()
