# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docker says: the server's line and the message box."""

from __future__ import annotations

from html import escape

from ..client import ServerState
from ..model_card import card, explained, title
from ..qt import Qt, QtGui, QtWidgets, Signal
from ..state import Message, State

_PHASE_COLOURS = {
    "unknown": "#888888",
    "starting": "#d7a13b",
    "ready": "#4c9f58",
    "stopped": "#888888",
    "wrong": "#d0483e",
}
_KIND_COLOURS = {"error": "#d0483e", "done": "#4c9f58", "note": "#d7a13b"}
_MOST_NOTES = 12
_BAR_PX = 3
_SMALL_PRINT = 0.85


class ModelLine(QtWidgets.QLabel):
    """The model in small print: the resolution that it works at, its licence."""

    def __init__(self) -> None:
        super().__init__()
        _wrap(self, "colorize_model_line")
        font = self.font()
        font.setPointSizeF(_SMALL_PRINT * font.pointSizeF())
        self.setFont(font)

    def show_model(self, state: State) -> None:
        model = state.model
        self.setVisible(model is not None)
        if model is None:
            return
        if state.is_model_listed:
            # The server's line above has named the first one.
            self.setText(_readable(card(model, is_named=model is state.server.models[0])))
        else:
            self.setText(
                f"The server doesn't list “{_readable(title(model))}” any more. Colorize asks for "
                "it all the same; if that fails, choose another model."
            )
        self.setToolTip(_readable(explained(model)))


class ServerLine(QtWidgets.QWidget):
    """A dot, a sentence about the server, and its model; a button where the artist can help."""

    retry = Signal()

    def __init__(self) -> None:
        super().__init__()
        line = QtWidgets.QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(5)
        self._dot = QtWidgets.QLabel()
        self.label = _wrapped_label("colorize_server")
        self.button = QtWidgets.QToolButton()
        self.button.setObjectName("colorize_connect")
        self.model = ModelLine()
        lines = QtWidgets.QVBoxLayout()
        lines.setSpacing(1)
        lines.addWidget(self.label)
        lines.addWidget(self.model)
        line.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignTop)
        line.addLayout(lines, 1)
        line.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        self.button.clicked.connect(lambda *_: self.retry.emit())

    def show_server(self, server: ServerState) -> None:
        # Rich text, since a style sheet would bring its own font with it.
        self._dot.setText(f'<span style="color: {_PHASE_COLOURS[server.phase]}">●</span>')
        self.label.setText(_readable(f"{server.sentence} {server.remedy}".strip()))
        self.button.setText("Start" if server.phase == "stopped" else "Try again")
        self.button.setVisible(server.phase in ("stopped", "wrong"))


class MessageBox(QtWidgets.QFrame):
    """One message: what happened, what to do, and notes.  Text can be selected and copied."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("colorize_message")
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(9, 6, 6, 6)
        column.setSpacing(4)
        self._colour = QtGui.QColor()
        self.text = _wrapped_label("colorize_message_text")
        self.notes = _wrapped_label("colorize_message_notes")
        column.addWidget(self.text)
        column.addWidget(self.notes)
        self.hide()

    def show_message(self, message: Message | None) -> None:
        self.setVisible(message is not None)
        if message is None:
            return
        self._colour = QtGui.QColor(_KIND_COLOURS[message.kind])
        remedy = f"<br>{escape(_readable(message.remedy))}" if message.remedy else ""
        self.text.setText(f"<b>{escape(_readable(message.text))}</b>{remedy}")
        self.notes.setVisible(bool(message.notes))
        self.notes.setText(_note_list(message.notes))
        self.update()

    def paintEvent(self, event: object) -> None:
        """A faint box with a bar in the colour of the message."""
        painter = QtGui.QPainter(self)
        painter.fillRect(self.rect(), QtGui.QColor(128, 128, 128, 30))
        painter.fillRect(0, 0, _BAR_PX, self.height(), self._colour)


def _readable(text: str) -> str:
    """Paths come with stand-ins for their letters where Krita runs Python as ASCII."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _note_list(notes: tuple[str, ...]) -> str:
    shown = [f"• {escape(_readable(note))}" for note in notes[:_MOST_NOTES]]
    if len(notes) > _MOST_NOTES:
        shown.append(f"… and {len(notes) - _MOST_NOTES} more")
    return "<br>".join(shown)


def _wrapped_label(name: str) -> QtWidgets.QLabel:
    label = QtWidgets.QLabel()
    _wrap(label, name)
    return label


def _wrap(label: QtWidgets.QLabel, name: str) -> None:
    label.setObjectName(name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    # A long path without spaces must not widen the docker; the height still follows the width.
    policy = label.sizePolicy()
    policy.setHorizontalPolicy(QtWidgets.QSizePolicy.Policy.Ignored)
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
