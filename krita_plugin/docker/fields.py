# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of the docker: boxes, the list of references, numbers that may be automatic."""

from __future__ import annotations

from collections.abc import Sequence

from ..job import Choices, Finish
from ..layer_info import LayerInfo
from ..model_card import explained, title
from ..qt import Qt, QtCore, QtGui, QtWidgets, Signal
from ..transport import protocol

QSizePolicy = QtWidgets.QSizePolicy


class Box(QtWidgets.QComboBox):
    """A box to choose from; ``picked`` comes only when the artist chooses."""

    picked = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        # Long names must not widen the docker.
        self.setSizeAdjustPolicy(
            QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.setMinimumContentsLength(6)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.activated.connect(lambda *_: self.picked.emit())

    def wheelEvent(self, event: object) -> None:
        # Scrolling the docker must not change a choice.
        event.ignore()  # type: ignore[attr-defined]


class LayerBox(Box):
    """A box of layers; ``purpose`` is shown as a tooltip."""

    def __init__(self, empty_text: str, name: str, purpose: str = "") -> None:
        super().__init__(name)
        self._empty_text = empty_text
        self._purpose = purpose

    def chosen(self) -> str | None:
        """The id of the chosen layer."""
        return self.currentData()

    def show_layers(self, layers: Sequence[LayerInfo], chosen: str | None) -> None:
        """Offers ``layers`` with ``chosen`` on show; touches nothing where nothing has changed."""
        items: list[tuple[str, str | None]] = [(self._empty_text, None)]
        items += [(layer.path, layer.id) for layer in layers]
        if items != [(self.itemText(i), self.itemData(i)) for i in range(self.count())]:
            self.clear()
            for index, (text, identifier) in enumerate(items):
                self.addItem(text, identifier)
                self.setItemData(index, text, Qt.ItemDataRole.ToolTipRole)
        ids = [identifier for _, identifier in items]
        self.setCurrentIndex(ids.index(chosen) if chosen in ids else 0)
        self.setToolTip(f"{self.currentText()}\n{self._purpose}".strip())


class ResultBox(Box):
    """What the new layer will be."""

    _KINDS = (
        ("flats", "Flats", "Each region in one exact colour of the reference"),
        (
            "layers",
            "Flats, shade and highlight",
            "A group of three layers: flats, shade set to Multiply, highlight set to Screen",
        ),
        ("colours", "One layer per colour", "Flats as a group with a layer for each colour"),
        ("painting", "Painting inside the lines", "With shading, but no colour crosses a line"),
        ("proposal", "As the network paints", "Soft and rough, regardless of your lines"),
    )

    def __init__(self) -> None:
        super().__init__("colorize_result")
        for index, (result, text, purpose) in enumerate(self._KINDS):
            self.addItem(text, result)
            self.setItemData(index, purpose, Qt.ItemDataRole.ToolTipRole)

    def chosen(self) -> str:
        """One of the wire's RESULTS."""
        return self.currentData()

    def show_result(self, result: str) -> None:
        self.setCurrentIndex(self.findData(result))
        self.setToolTip(self.currentData(Qt.ItemDataRole.ToolTipRole))


class PaletteBox(Box):
    """The colours that flats are made of."""

    def __init__(self) -> None:
        super().__init__("colorize_palette")
        self.setToolTip("Flats get no other colours than these, and those of your hints")

    def chosen(self) -> str:
        """The name of one of Krita's palettes; "" for the reference's own colours."""
        return self.currentData()

    def show_palettes(self, palettes: Sequence[str], chosen: str) -> None:
        """Offers ``palettes`` with ``chosen`` on show, be it there or not."""
        missing = [chosen] if chosen and chosen not in palettes else []
        items = [("from the reference", ""), *((name, name) for name in (*palettes, *missing))]
        if items != [(self.itemText(i), self.itemData(i)) for i in range(self.count())]:
            self.clear()
            for text, name in items:
                self.addItem(text, name)
        self.setCurrentIndex(self.findData(chosen))


class ModelBox(Box):
    """A box of models."""

    def __init__(self) -> None:
        super().__init__("colorize_model")

    def chosen(self) -> str | None:
        """The name of the chosen model."""
        return self.currentData()

    def show_models(
        self, models: Sequence[protocol.ModelInfo], chosen: protocol.ModelInfo | None
    ) -> None:
        """Offers ``models`` with ``chosen`` on show."""
        items = [(title(model), model.name) for model in models]
        if items != [(self.itemText(i), self.itemData(i)) for i in range(self.count())]:
            self.clear()
            for text, name in items:
                self.addItem(text, name)
        for index, model in enumerate(models):
            self.setItemData(index, explained(model), Qt.ItemDataRole.ToolTipRole)
        if chosen is not None:
            self.setCurrentIndex(self.findData(chosen.name))
            self.setToolTip(explained(chosen))


class ReferenceList(QtWidgets.QWidget):
    """One box for each reference, a plus to add one and a minus to take one away."""

    picked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._layout = QtWidgets.QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(3)
        self._rows: list[tuple[QtWidgets.QWidget, LayerBox]] = []
        self._layers: Sequence[LayerInfo] = ()
        self.show_layers((), ())

    @property
    def boxes(self) -> list[LayerBox]:
        return [box for _, box in self._rows]

    def chosen(self) -> tuple[str, ...]:
        """The chosen ids in order, boxes without a choice left out."""
        ids = (box.chosen() for box in self.boxes)
        return tuple(identifier for identifier in ids if identifier is not None)

    def show_layers(self, layers: Sequence[LayerInfo], chosen: Sequence[str]) -> None:
        self._layers = layers
        if tuple(chosen) != self.chosen() or not self._rows:
            self._set_row_count(max(1, len(chosen)))
        wanted = list(chosen) if tuple(chosen) != self.chosen() else self._current()
        for index, box in enumerate(self.boxes):
            box.show_layers(layers, wanted[index] if index < len(wanted) else None)

    def _current(self) -> list[str | None]:
        return [box.chosen() for box in self.boxes]

    def _set_row_count(self, count: int) -> None:
        while len(self._rows) > count:
            row, _ = self._rows.pop()
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        while len(self._rows) < count:
            self._add_row()

    def _add_row(self) -> None:
        first = not self._rows
        row = QtWidgets.QWidget()
        line = QtWidgets.QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(3)
        box = LayerBox("choose a layer …", f"colorize_reference_{len(self._rows)}")
        button = QtWidgets.QToolButton()
        button.setText("+" if first else "−")
        button.setToolTip("Add another reference" if first else "Take this reference away")
        button.setObjectName("colorize_add_reference" if first else "colorize_remove_reference")
        button.setFixedWidth(24)
        line.addWidget(box, 1)
        line.addWidget(button)
        box.picked.connect(self.picked)
        button.clicked.connect((lambda *_: self._add()) if first else (lambda *_: self._drop(row)))
        self._rows.append((row, box))
        self._layout.addWidget(row)
        box.show_layers(self._layers, None)

    def _add(self) -> None:
        self._add_row()

    def _drop(self, row: QtWidgets.QWidget) -> None:
        self._rows = [(widget, box) for widget, box in self._rows if widget is not row]
        self._layout.removeWidget(row)
        row.hide()
        row.deleteLater()
        self.picked.emit()


class AutoSpin(QtWidgets.QDoubleSpinBox):
    """A number, or "auto" below its least value: what the model recommends."""

    def __init__(self, name: str, least: float, most: float, step: float, decimals: int) -> None:
        super().__init__()
        self.setObjectName(name)
        self._least, self._step = least, step
        self._recommended: float | None = None
        self.setDecimals(decimals)
        self.setRange(least - step, most)
        self.setSingleStep(step)
        self.setValue(least - step)
        self.setMinimumWidth(60)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.recommend(None)

    def recommend(self, value: float | None) -> None:
        """What "auto" stands for, shown with it."""
        self._recommended = value
        self.setSpecialValueText("auto" if value is None else f"auto ({value:g})")

    def chosen(self) -> float | None:
        """The number, or None for "auto"."""
        return None if self.value() < self._least else self.value()

    def stepBy(self, steps: int) -> None:
        # The first step away from "auto" starts at what "auto" is.
        if self.chosen() is None and self._recommended is not None and steps > 0:
            self.setValue(self._recommended + (steps - 1) * self._step)
        else:
            super().stepBy(steps)

    def wheelEvent(self, event: object) -> None:
        event.ignore()  # type: ignore[attr-defined]


class GapSpin(QtWidgets.QSpinBox):
    """How wide a gap in a line may be to count as closed."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("colorize_gap")
        self.setRange(0, int(protocol.MAX_GAP_PX))
        self.setSuffix(" px")
        self.setSpecialValueText("off")
        self.setMinimumWidth(60)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # A half-typed number is no choice.
        self.setKeyboardTracking(False)
        self.setToolTip(
            "Gaps in your lines up to this width count as closed, in pixels of the canvas"
        )

    def show_gap(self, gap_px: int) -> None:
        blocker = QtCore.QSignalBlocker(self)
        self.setValue(gap_px)
        blocker.unblock()

    def wheelEvent(self, event: object) -> None:
        event.ignore()  # type: ignore[attr-defined]


class FinishFields(QtCore.QObject):
    """What stays, and how the drawing is cut into regions; ``picked`` as for a box."""

    picked = Signal()

    def __init__(self, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self.keep = LayerBox(
            "none", "colorize_keep",
            "What is opaque on this layer stays exactly as it is in the new one. Correct a "
            "result, erase the rest of it, and choose it here.",
        )  # fmt: skip
        self.gap = GapSpin()
        self.palette = PaletteBox()
        self.empty = QtWidgets.QCheckBox("Leave background empty")
        self.empty.setObjectName("colorize_empty_background")
        self.empty.setToolTip("The paper round the figure stays transparent")
        self.detail = QtWidgets.QCheckBox("Look closer (slower)")
        self.detail.setObjectName("colorize_detail")
        self.detail.setToolTip(
            "Also looks at enlarged parts of the drawing, one after the other: better for eyes "
            "and other small things, but takes several times as long"
        )
        self.keep.picked.connect(self.picked)
        self.palette.picked.connect(self.picked)
        self.gap.valueChanged.connect(lambda *_: self.picked.emit())
        for box in (self.empty, self.detail):
            box.clicked.connect(lambda *_: self.picked.emit())

    def add_to(self, form: QtWidgets.QFormLayout) -> None:
        form.addRow("Palette", self.palette)
        form.addRow("Keep", self.keep)
        form.addRow("Close gaps", self.gap)
        form.addRow("", self.empty)
        form.addRow("", self.detail)

    def chosen(self, result: str) -> Finish:
        """The fields together with the ``result`` that is chosen elsewhere."""
        ticks = self.empty.isChecked(), self.detail.isChecked()
        return Finish(result, self.gap.value(), *ticks, self.palette.chosen())

    def show_choices(
        self, layers: Sequence[LayerInfo], palettes: Sequence[str], choices: Choices
    ) -> None:
        self.palette.show_palettes(palettes, choices.finish.palette)
        self.keep.show_layers([layer for layer in layers if layer.is_paint], choices.keep)
        finish = choices.finish
        self.gap.show_gap(finish.gap_px)
        self.empty.setChecked(finish.empty_background)
        self.detail.setChecked(finish.detail)
        # What the network paints is handed over as it is.
        for field in (self.palette, self.keep, self.gap, self.empty):
            field.setEnabled(finish.has_regions)


class SeedField(QtWidgets.QWidget):
    """The seed, and a die that throws a new one."""

    changed = Signal()
    _MOST = 2**31 - 1

    def __init__(self) -> None:
        super().__init__()
        line = QtWidgets.QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(3)
        self.box = QtWidgets.QSpinBox()
        self.box.setObjectName("colorize_seed")
        self.box.setRange(0, self._MOST)
        self.box.setMinimumWidth(60)
        self.box.setToolTip("The same seed and choices give the same colours again")
        self.die = QtWidgets.QToolButton()
        self.die.setObjectName("colorize_die")
        self.die.setIcon(_die_icon(self.palette().color(QtGui.QPalette.ColorRole.ButtonText)))
        self.die.setToolTip("Throw a new seed")
        self.die.setFixedWidth(24)
        line.addWidget(self.box, 1)
        line.addWidget(self.die)
        self.box.valueChanged.connect(lambda *_: self.changed.emit())
        self.die.clicked.connect(lambda *_: self.throw())

    def throw(self) -> None:
        generator = QtCore.QRandomGenerator.global_()
        # Short enough to be read, written down and typed again.
        self.box.setValue(generator.bounded(1, 1_000_000))


def _die_icon(colour: QtGui.QColor) -> QtGui.QIcon:
    # Drawn, since fonts and icon themes with a die can't be relied on.
    pixmap = QtGui.QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QtGui.QPainter(pixmap)
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    painter.setPen(QtGui.QPen(colour, 2.5))
    painter.drawRoundedRect(QtCore.QRectF(4, 4, 24, 24), 5, 5)
    painter.setBrush(colour)
    painter.setPen(Qt.PenStyle.NoPen)
    for x, y in ((10.5, 10.5), (16, 16), (21.5, 21.5)):
        painter.drawEllipse(QtCore.QPointF(x, y), 2.6, 2.6)
    painter.end()
    return QtGui.QIcon(pixmap)


class Fold(QtWidgets.QWidget):
    """A line with a triangle; ``toggled(bool)`` when what is under it is shown or hidden."""

    toggled = Signal(bool)

    def __init__(self, text: str, name: str, content: QtWidgets.QWidget) -> None:
        super().__init__()
        self._content = content
        self.button = QtWidgets.QToolButton()
        self.button.setObjectName(name)
        self.button.setText(text)
        self.button.setAutoRaise(True)
        self.button.setCheckable(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.button)
        column.addWidget(content)
        self.button.toggled.connect(self._show)
        self._show(False)

    def _show(self, is_open: bool) -> None:
        arrows = Qt.ArrowType
        self.button.setArrowType(arrows.DownArrow if is_open else arrows.RightArrow)
        self._content.setVisible(is_open)
        self.toggled.emit(is_open)
