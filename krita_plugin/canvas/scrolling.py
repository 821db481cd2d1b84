# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a place of the document to the middle of the shown view.

Krita's Python has no call for that, but its canvas is a Qt scroll area: moving the bars changes
what is seen and nothing else.  A ring over the canvas then marks the place for a moment.
"""

from __future__ import annotations

from math import cos, radians, sin

from krita import Krita

from ..qt import Qt, QtCore, QtGui, QTimer, QtWidgets
from .documents import Document

_CANVAS = "KisCanvasController"
_RING_PX = 64
_RING_MS = 1600


def show_place(document: Document, x: float, y: float) -> bool:
    """Whether the shown view was scrolled to a place of ``document``, given in its pixels.

    Within a pixel of the screen at any zoom, turned or mirrored.
    """
    window = Krita.instance().activeWindow()
    view = window.activeView() if window is not None else None
    area = _scroll_area(window) if view is not None and view.document() == document else None
    if view is None or area is None:
        return False
    canvas = view.canvas()
    width, height, turn = document.width(), document.height(), radians(canvas.rotation())
    bars = area.horizontalScrollBar(), area.verticalScrollBar()
    # The bars' range and the window together are as long as the turned page.
    page = bars[0].minimum() + bars[0].maximum() + area.viewport().width()
    zoom = page / (width * abs(cos(turn)) + height * abs(sin(turn)))
    right, down = zoom * (x - width / 2), zoom * (y - height / 2)
    if canvas.mirror():
        right = -right
    turned = right * cos(turn) - down * sin(turn), right * sin(turn) + down * cos(turn)
    off = []
    for bar, offset in zip(bars, turned):
        wanted = round((bar.minimum() + bar.maximum()) / 2 + offset)
        bar.setValue(wanted)
        off.append(wanted - bar.value())
    _Ring(area.viewport(), *off).show()
    return True


class _Ring(QtWidgets.QWidget):
    """A ring near the middle of ``canvas`` that lets clicks through and goes away by itself."""

    def __init__(self, canvas: QtWidgets.QWidget, right: int, down: int) -> None:
        super().__init__(canvas)
        self.setObjectName("colorize_ring")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        left, top = (canvas.width() - _RING_PX) // 2, (canvas.height() - _RING_PX) // 2
        self.setGeometry(left + right, top + down, _RING_PX, _RING_PX)
        # Its own child: a canvas that is closed takes both with it.
        timer = QTimer(self)
        timer.timeout.connect(self.deleteLater)
        timer.start(_RING_MS)

    def paintEvent(self, event: object) -> None:
        """Light on dark, to be seen on any colour."""
        painter = QtGui.QPainter(self)
        painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
        for colour, width in (("#202020", 5.0), ("#ffffff", 2.5)):
            painter.setPen(QtGui.QPen(QtGui.QColor(colour), width))
            painter.drawEllipse(QtCore.QRectF(self.rect()).adjusted(4, 4, -4, -4))


def _scroll_area(window: object) -> QtWidgets.QAbstractScrollArea | None:
    shown = window.qwindow().findChild(QtWidgets.QMdiArea)  # type: ignore[attr-defined]
    frame = shown.currentSubWindow() if shown is not None else None
    if frame is None:
        return None
    areas = frame.findChildren(QtWidgets.QAbstractScrollArea)
    return next((area for area in areas if area.metaObject().className() == _CANVAS), None)
