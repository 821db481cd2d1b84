# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker itself, and its registration with Krita."""

from __future__ import annotations

from krita import DockWidget, DockWidgetFactory, DockWidgetFactoryBase, Krita

from ..canvas import documents
from ..guard import guarded
from ..qt import Qt, QTimer, QtWidgets, dock_area_right
from ..workshop import Workshop
from .panel import Panel

IDENTIFIER = "manganinja_colorize"
_SPARE_PX = 90
_SETTLE_MS = 600
_shared: list[Workshop] = []


def the_workshop() -> Workshop:
    """The one workshop of this Krita: all windows show the same jobs."""
    if not _shared:
        _shared.append(Workshop())
    return _shared[0]


class ColorizeDock(DockWidget):
    """One for each window of Krita."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Colorize")
        self._workshop = the_workshop()
        self.panel = Panel(self._workshop)
        self._scroll = scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.panel)
        self.setWidget(scroll)
        krita = Krita.instance()
        self.panel.numbers.button.setChecked(
            krita.readSetting("manganinja", "numbers_shown", "") == "yes"
        )
        self.panel.numbers.toggled.connect(self._numbers_shown)
        self._seen = False
        self.visibilityChanged.connect(self._seen_or_hidden)

    def canvasChanged(self, canvas: object) -> None:
        """Krita's call when another view is shown."""
        self._workshop.watch.poke()
        if canvas is not None and documents.active() is not None:
            self._show_once()

    def enterEvent(self, event: object) -> None:
        """The artist comes to the docker: look whether an empty choice can be proposed now."""
        super().enterEvent(event)  # type: ignore[arg-type]
        self._workshop.look_again()
        self._workshop.look_for_palettes()

    @guarded
    def _numbers_shown(self, is_open: bool) -> None:
        Krita.instance().writeSetting("manganinja", "numbers_shown", "yes" if is_open else "no")

    @guarded
    def _show_once(self) -> None:
        # Krita 5.2 and later leave the docker of a new plugin hidden.
        krita = Krita.instance()
        if krita.readSetting("manganinja", "docker_shown", "") != "yes":
            krita.writeSetting("manganinja", "docker_shown", "yes")
            self.setVisible(True)
            self.raise_()
            QTimer.singleShot(_SETTLE_MS, self._make_room)

    @guarded
    def _make_room(self) -> None:
        """Height for everything, once: Krita squeezes a new docker in below the others."""
        if self.isFloating():
            return
        # Some more, for a message.
        wanted = self.panel.sizeHint().height() + _SPARE_PX
        self._scroll.setMinimumHeight(min(wanted, self.window().height() // 2))
        # Once the dockers have moved apart the artist may make this one as small as they like.
        QTimer.singleShot(_SETTLE_MS, lambda: self._scroll.setMinimumHeight(0))

    @guarded
    def _seen_or_hidden(self, visible: bool = False, *_: object) -> None:
        if visible and not self._seen:
            self._seen = True
            self._workshop.open_shop()


def register() -> None:
    """Gives Krita the docker; called once when the plugin is loaded."""
    Krita.instance().addDockWidgetFactory(
        DockWidgetFactory(IDENTIFIER, dock_area_right(DockWidgetFactoryBase), ColorizeDock)
    )
