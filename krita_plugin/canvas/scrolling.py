# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings a place of the document to the middle of the shown view.

Krita's Python has no call for that, but its canvas is a Qt scroll area: moving the bars changes
what is seen and nothing else.
"""

from __future__ import annotations

from math import cos, radians, sin

from krita import Krita

from ..qt import QtWidgets
from .documents import Document

_CANVAS = "KisCanvasController"


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
    for bar, offset in zip(bars, turned):
        bar.setValue(round((bar.minimum() + bar.maximum()) / 2 + offset))
    return True


def _scroll_area(window: object) -> QtWidgets.QAbstractScrollArea | None:
    shown = window.qwindow().findChild(QtWidgets.QMdiArea)  # type: ignore[attr-defined]
    frame = shown.currentSubWindow() if shown is not None else None
    if frame is None:
        return None
    areas = frame.findChildren(QtWidgets.QAbstractScrollArea)
    return next((area for area in areas if area.metaObject().className() == _CANVAS), None)
