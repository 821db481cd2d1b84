# SPDX-License-Identifier: GPL-3.0-or-later
"""Work on the GUI thread in small steps, with Krita's own work in between."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from .guard import report
from .qt import QObject, QTimer


class Steps(QObject):
    """Runs a generator, one step for each turn of the event loop; it may yield milliseconds to
    wait before the next.

    ``on_done`` gets its return value, ``on_error`` the exception that ended it; neither is called
    after `stop`.
    """

    def __init__(
        self,
        work: Generator[int | None, None, Any],
        on_done: Callable[[Any], None],
        on_error: Callable[[Exception], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._work: Generator[int | None, None, Any] | None = work
        self._is_busy = False
        self._on_done = on_done
        self._on_error = on_error
        QTimer.singleShot(0, self._step)

    def stop(self) -> bool:
        """Ends the work where it stands; its ``finally`` parts run.

        False in the middle of a step: some calls of Krita's draw and take clicks meanwhile.
        """
        if self._is_busy:
            return False
        work, self._work = self._work, None
        if work is not None:
            work.close()
        return True

    def _step(self) -> None:
        if self._work is None:
            return
        self._is_busy = True
        try:
            pause_ms = next(self._work)
        except StopIteration as end:
            self._work, self._is_busy = None, False
            self._finish(self._on_done, end.value)
        except Exception as error:
            self._work, self._is_busy = None, False
            self._finish(self._on_error, error)
        else:
            self._is_busy = False
            QTimer.singleShot(pause_ms or 0, self._step)

    def _finish(self, callback: Callable[[Any], None], value: Any) -> None:
        try:
            callback(value)
        except Exception as error:
            report(error)
        self.deleteLater()
