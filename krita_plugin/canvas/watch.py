# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells when another document is shown or the layers of one change, without asking all the time."""

from __future__ import annotations

from krita import Krita

from ..guard import guarded
from ..qt import QObject, QTimer, QtWidgets, Signal

_SETTLE_MS = 150


class CanvasWatch(QObject):
    """``changed`` comes shortly after the last of a burst of changes.

    Krita has no signal for layers; the model behind its Layers docker has them, and works when
    that docker is hidden.
    """

    changed = Signal()
    closed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE_MS)
        self._timer.timeout.connect(self.changed)
        # Windows have to be kept: signals of a temporary wrapper end the program.
        self._windows: list[object] = []
        self._models: list[QObject] = []
        notifier = Krita.instance().notifier()
        notifier.setActive(True)
        for signal in (notifier.viewCreated, notifier.imageSaved):
            signal.connect(self.poke)
        notifier.windowCreated.connect(self.attach)
        notifier.imageClosed.connect(self._document_closed)
        notifier.viewClosed.connect(self._document_closed)

    @guarded
    def attach(self, *_: object) -> None:
        """Listens to the windows that exist by now."""
        known = [window.qwindow() for window in self._windows]  # type: ignore[attr-defined]
        for window in Krita.instance().windows():
            if window.qwindow() not in known:
                self._windows.append(window)
                window.activeViewChanged.connect(self.poke)
        for docker in Krita.instance().dockers():
            if docker.objectName() == "KisLayerBox":
                self._attach_layer_box(docker)
        self.poke()

    def _attach_layer_box(self, docker: QtWidgets.QWidget) -> None:
        for view in docker.findChildren(QtWidgets.QAbstractItemView):
            model = view.model() if view.objectName() == "listLayers" else None
            if model is None or any(model is known for known in self._models):
                continue
            self._models.append(model)
            for signal in (
                model.rowsInserted, model.rowsRemoved, model.rowsMoved, model.dataChanged,
                model.layoutChanged, model.modelReset,
            ):  # fmt: skip
                signal.connect(self.poke)

    def poke(self, *_: object) -> None:
        """Something may have changed; a burst of these makes one ``changed``."""
        if not self._timer.isActive():
            self._timer.start()

    def _document_closed(self, *_: object) -> None:
        self.closed.emit()
        self.poke()
