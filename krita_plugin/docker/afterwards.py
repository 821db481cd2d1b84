# SPDX-License-Identifier: GPL-3.0-or-later
"""What the artist can do with a result: look at its doubtful regions, exchange its colours."""

from __future__ import annotations

from collections.abc import Sequence

from ..pairing import colour_word
from ..qt import QtCore, QtGui, QtWidgets, Signal
from ..state import Doubts

_SWATCH_PX = 22
_IN_A_ROW = 9


class DoubtLine(QtWidgets.QWidget):
    """How many regions are worth a look, and a button that shows one after the other."""

    asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._label = QtWidgets.QLabel()
        self._label.setObjectName("colorize_doubts")
        self._label.setWordWrap(True)
        self._button = QtWidgets.QPushButton("Next")
        self._button.setObjectName("colorize_next_doubt")
        self._button.setToolTip("Bring the next one to the middle of the view")
        line = QtWidgets.QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self._label, 1)
        line.addWidget(self._button)
        self._button.clicked.connect(lambda *_: self.asked.emit())
        self.hide()

    def show_doubts(self, doubts: Doubts | None) -> None:
        self.setVisible(doubts is not None)
        if doubts is None:
            return
        count = len(doubts.regions)
        if doubts.shown is None:
            which = "One region is" if count == 1 else f"{count} regions are"
            self._label.setText(f"{which} worth a look")
            return
        region = doubts.regions[doubts.shown]
        place = f"at ({region.x:.0f}, {region.y:.0f})"
        self._label.setText(f"{doubts.shown + 1} of {count}, {place}: {region.why}")


class SwatchGrid(QtWidgets.QWidget):
    """A button for each colour; ``changed(place in the table, "#rrggbb")`` for another one."""

    changed = Signal(int, str)

    def __init__(self) -> None:
        super().__init__()
        self._grid = QtWidgets.QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(2)
        self._grid.setColumnStretch(_IN_A_ROW, 1)
        self._table: tuple[str | None, ...] = ()

    def show_table(self, table: Sequence[str | None]) -> None:
        if tuple(table) == self._table:
            return
        self._table = tuple(table)
        while self._grid.count():
            widget = self._grid.takeAt(0).widget()
            widget.hide()
            widget.deleteLater()
        shown = [(entry, colour) for entry, colour in enumerate(table) if colour is not None]
        for place, (entry, colour) in enumerate(shown):
            self._grid.addWidget(self._swatch(entry, colour), *divmod(place, _IN_A_ROW))

    def _swatch(self, entry: int, colour: str) -> QtWidgets.QToolButton:
        button = QtWidgets.QToolButton()
        button.setObjectName(f"colorize_swatch_{entry}")
        pixmap = QtGui.QPixmap(_SWATCH_PX, _SWATCH_PX)
        pixmap.fill(QtGui.QColor(colour))
        button.setIcon(QtGui.QIcon(pixmap))
        button.setIconSize(QtCore.QSize(_SWATCH_PX - 6, _SWATCH_PX - 6))
        button.setFixedSize(_SWATCH_PX, _SWATCH_PX)
        button.setToolTip(f"{colour_word(colour)}: click for another colour, on a new layer")
        button.clicked.connect(lambda *_: self._ask(entry, colour))
        return button

    def _ask(self, entry: int, colour: str) -> None:
        dialog = QtWidgets.QColorDialog(QtGui.QColor(colour), self)
        dialog.setObjectName("colorize_colour_dialog")
        dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda chosen: self._choose(entry, colour, chosen.name()))
        # Not exec: nothing of Krita's may have to wait for this dialog.
        dialog.open()

    def _choose(self, entry: int, old: str, new: str) -> None:
        if new != old:
            self.changed.emit(entry, new)
