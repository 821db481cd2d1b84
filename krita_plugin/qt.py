# SPDX-License-Identifier: GPL-3.0-or-later
"""The only module that knows PyQt5 (Krita 5) from PyQt6 (Krita 6).

Each Krita refuses the other PyQt, so whichever can be imported is the right one.  Enums are
written in their scoped form everywhere (``Qt.AlignmentFlag.AlignTop``): both bindings accept it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PyQt5 import QtCore, QtGui, QtWidgets
else:
    try:
        from PyQt5 import QtCore, QtGui, QtWidgets
    except ImportError:
        from PyQt6 import QtCore, QtGui, QtWidgets

QObject = QtCore.QObject
QTimer = QtCore.QTimer
QByteArray = QtCore.QByteArray
Qt = QtCore.Qt
Signal = QtCore.pyqtSignal

IS_QT6: bool = int(QtCore.QT_VERSION_STR.split(".")[0]) >= 6

__all__ = [
    "IS_QT6",
    "QByteArray",
    "QObject",
    "QTimer",
    "Qt",
    "QtCore",
    "QtGui",
    "QtWidgets",
    "Signal",
    "dock_area_right",
]


def dock_area_right(factory_base: type) -> object:
    """Krita's DockRight, which Krita 6 has moved into an enum of its own."""
    return getattr(factory_base, "DockPosition", factory_base).DockRight
