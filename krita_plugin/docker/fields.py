# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of the docker: boxes, the list of references, numbers that may be automatic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..job import Choices, Finish, Start
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


class KindBox(Box):
    """A box of a few kinds, each with its purpose as a tooltip.

    A subclass names them: what is chosen, its text, its purpose; and what is to be said of all.
    """

    NAME: str
    KINDS: tuple[tuple[Any, str, str], ...]
    OF_ALL = ""

    def __init__(self) -> None:
        super().__init__(self.NAME)
        for index, (kind, text, purpose) in enumerate(self.KINDS):
            self.addItem(text, kind)
            self.setItemData(index, purpose, Qt.ItemDataRole.ToolTipRole)

    def chosen(self) -> Any:
        """The kind that is on show."""
        return self.KINDS[self.currentIndex()][0]

    def show_kind(self, wanted: Any) -> None:
        """Puts a kind on show."""
        self.setCurrentIndex([kind for kind, _, _ in self.KINDS].index(wanted))
        purpose = self.currentData(Qt.ItemDataRole.ToolTipRole)
        self.setToolTip(f"{purpose}.\n{self.OF_ALL}" if self.OF_ALL else purpose)


class ResultBox(KindBox):
    """What the new layer will be: one of the wire's RESULTS."""

    NAME = "colorize_result"
    KINDS = (
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


class QualityBox(KindBox):
    """How much time the network takes: one of the wire's PRESETS, None for what the model
    recommends."""

    NAME = "colorize_quality"
    KINDS = (
        (None, "As the model recommends", "The steps that this model works well with"),
        ("draft", "Draft", "Few steps of a fast sampler: rougher, to try things out"),
        ("standard", "Standard", "Twice as many steps: nearer to “Best”"),
        ("best", "Best", "Many small steps, which the others only come near to: slow"),
    )
    OF_ALL = (
        "Never more steps than the model recommends; "
        "a number that you choose yourself, further down, wins"
    )


class LinesBox(KindBox):
    """Which lines divide regions: one of the wire's LINES."""

    NAME = "colorize_lines"
    KINDS = (
        ("ink", "Ink only", "Coloured and pale lines divide nothing: sketches, ruled paper"),
        (
            "coloured",
            "Ink and coloured lines",
            "Trace lines divide as well; pale lines that run over the outlines count as pencil",
        ),
        ("all", "Everything", "All that is drawn on the layer, pencil and screentone included"),
    )


class TonesBox(KindBox):
    """Whether a reference's shadows are colours: one of the wire's TONES."""

    NAME = "colorize_tones"
    KINDS = (
        ("drawn", "As the lines are drawn", "Two tones where trace lines bound the shadows"),
        ("one", "One tone", "Light and shadow of a material are one colour"),
        ("two", "Two tones", "The shadow of a material is a colour of the palette, too"),
    )


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


class CountingButton(QtWidgets.QToolButton):
    """How much a reference counts, and which part of it: in a menu, since it is seldom needed.

    ``edited`` comes only when the artist changes something.
    """

    edited = Signal()
    _LEAST = 0.1

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setMinimumWidth(24)
        self._menu = QtWidgets.QMenu(self)
        self.weight = QtWidgets.QDoubleSpinBox()
        self.weight.setObjectName(f"{name}_weight")
        self.weight.setRange(self._LEAST, protocol.MAX_WEIGHT)
        self.weight.setDecimals(1)
        self.weight.setSingleStep(0.5)
        # A half-typed number is no choice.
        self.weight.setKeyboardTracking(False)
        self.weight.setToolTip(
            "How much the network looks at this reference beside the others: one of weight 2 "
            "counts as much as two, and goes first where both would do"
        )
        self.only_opaque = QtWidgets.QCheckBox("Only what is painted counts")
        self.only_opaque.setObjectName(f"{name}_only_painted")
        self.only_opaque.setToolTip(
            "The network does not look where this layer is transparent: erase or mask what shall "
            "not count. Otherwise it sees white paper there"
        )
        self._fill_menu()
        self.clicked.connect(lambda *_: self._open())
        self.weight.valueChanged.connect(lambda *_: self._edit())
        self.only_opaque.clicked.connect(lambda *_: self._edit())
        self.show_options(protocol.ReferenceOptions())

    def _fill_menu(self) -> None:
        part = QtWidgets.QFrame()
        part.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        # Of the colour of a docker: on that of a menu a tick box is hardly seen in Krita's themes.
        part.setAutoFillBackground(True)
        form = QtWidgets.QFormLayout(part)
        form.setContentsMargins(8, 6, 8, 6)
        form.addRow("Weight", self.weight)
        form.addRow(self.only_opaque)
        action = QtWidgets.QWidgetAction(self._menu)
        action.setDefaultWidget(part)
        self._menu.addAction(action)

    def _open(self) -> None:
        self._menu.popup(self.mapToGlobal(self.rect().bottomLeft()))

    def _edit(self) -> None:
        self._say()
        self.edited.emit()

    def chosen(self) -> protocol.ReferenceOptions:
        return protocol.ReferenceOptions(self.weight.value(), self.only_opaque.isChecked())

    def show_options(self, options: protocol.ReferenceOptions) -> None:
        blocker = QtCore.QSignalBlocker(self.weight)
        self.weight.setValue(options.weight)
        blocker.unblock()
        self.only_opaque.setChecked(options.only_opaque)
        self._say()

    def _say(self) -> None:
        options, weight = self.chosen(), self.weight.text()
        changed = [f"{options.weight:g}×"] if options.weight != 1 else []
        changed += ["◐"] if options.only_opaque else []
        self.setText(" ".join(changed) or "…")
        part = "only what is painted on it" if options.only_opaque else "all of it"
        self.setToolTip(f"How this reference counts: weight {weight}, {part}")


class ReferenceRow(QtWidgets.QWidget):
    """One reference: its box, how it counts, and a plus (the first) or a minus (the others)."""

    def __init__(self, number: int) -> None:
        super().__init__()
        line = QtWidgets.QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(3)
        self.box = LayerBox("choose a layer …", f"colorize_reference_{number}")
        self.counting = CountingButton(f"colorize_counting_{number}")
        self.button = QtWidgets.QToolButton()
        first = number == 0
        self.button.setText("+" if first else "−")
        self.button.setToolTip("Add another reference" if first else "Take this reference away")
        name = "colorize_add_reference" if first else "colorize_remove_reference"
        self.button.setObjectName(name)
        self.button.setFixedWidth(24)
        line.addWidget(self.box, 1)
        line.addWidget(self.counting)
        line.addWidget(self.button)


class ReferenceList(QtWidgets.QWidget):
    """One row for each reference.  How a layer counts stays with it, whatever row it is in."""

    picked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._layout = QtWidgets.QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(3)
        self._rows: list[ReferenceRow] = []
        self._layers: Sequence[LayerInfo] = ()
        self._counting: Mapping[str, protocol.ReferenceOptions] = {}
        self.show_layers((), (), {})

    @property
    def boxes(self) -> list[LayerBox]:
        return [row.box for row in self._rows]

    def chosen(self) -> tuple[str, ...]:
        """The chosen ids in order, boxes without a choice left out."""
        ids = (box.chosen() for box in self.boxes)
        return tuple(identifier for identifier in ids if identifier is not None)

    def counting(self) -> Mapping[str, protocol.ReferenceOptions]:
        """How layers count that do not count as usual, those that are not chosen included."""
        return self._counting

    def read_numbers(self) -> None:
        """Takes weights that were typed without leaving their field."""
        for row in self._rows:
            row.counting.weight.interpretText()

    def show_layers(
        self,
        layers: Sequence[LayerInfo],
        chosen: Sequence[str],
        counting: Mapping[str, protocol.ReferenceOptions],
    ) -> None:
        self._layers, self._counting = layers, counting
        if tuple(chosen) != self.chosen() or not self._rows:
            self._set_row_count(max(1, len(chosen)))
        wanted = list(chosen) if tuple(chosen) != self.chosen() else self._current()
        for index, row in enumerate(self._rows):
            row.box.show_layers(layers, wanted[index] if index < len(wanted) else None)
            self._show_counting(row)

    def _show_counting(self, row: ReferenceRow) -> None:
        chosen = row.box.chosen()
        row.counting.setEnabled(chosen is not None)
        usual = protocol.ReferenceOptions()
        row.counting.show_options(usual if chosen is None else self._counting.get(chosen, usual))

    def _current(self) -> list[str | None]:
        return [box.chosen() for box in self.boxes]

    def _set_row_count(self, count: int) -> None:
        while len(self._rows) > count:
            self._remove(self._rows[-1])
        while len(self._rows) < count:
            self._add_row()

    def _add_row(self) -> None:
        row = ReferenceRow(len(self._rows))
        row.box.picked.connect(lambda *_: self._picked(row))
        row.counting.edited.connect(lambda *_: self._counted(row))
        is_first = not self._rows
        row.button.clicked.connect(lambda *_: self._add_row() if is_first else self._drop(row))
        self._rows.append(row)
        self._layout.addWidget(row)
        row.box.show_layers(self._layers, None)
        self._show_counting(row)

    def _picked(self, row: ReferenceRow) -> None:
        self._show_counting(row)
        self.picked.emit()

    def _counted(self, row: ReferenceRow) -> None:
        chosen = row.box.chosen()
        if chosen is None:
            return
        counting = {**self._counting, chosen: row.counting.chosen()}
        usual = protocol.ReferenceOptions()
        self._counting = {i: options for i, options in counting.items() if options != usual}
        self.picked.emit()

    def _drop(self, row: ReferenceRow) -> None:
        self._remove(row)
        self.picked.emit()

    def _remove(self, row: ReferenceRow) -> None:
        self._rows.remove(row)
        self._layout.removeWidget(row)
        row.hide()
        row.deleteLater()


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
        self.lines = LinesBox()
        self.tones = TonesBox()
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
        self.lines.picked.connect(self.picked)
        self.tones.picked.connect(self.picked)
        self.gap.valueChanged.connect(lambda *_: self.picked.emit())
        for box in (self.empty, self.detail):
            box.clicked.connect(lambda *_: self.picked.emit())

    def add_to(self, form: QtWidgets.QFormLayout) -> None:
        form.addRow("Palette", self.palette)
        form.addRow("Shadows", self.tones)
        form.addRow("Keep", self.keep)
        form.addRow("Lines", self.lines)
        form.addRow("Close gaps", self.gap)
        form.addRow("", self.empty)
        form.addRow("", self.detail)

    def chosen(self, result: str) -> Finish:
        """The fields together with the ``result`` that is chosen elsewhere."""
        ticks = self.empty.isChecked(), self.detail.isChecked()
        kinds = self.palette.chosen(), self.lines.chosen(), self.tones.chosen()
        return Finish(result, self.gap.value(), *ticks, *kinds)

    def show_choices(
        self, layers: Sequence[LayerInfo], palettes: Sequence[str], choices: Choices
    ) -> None:
        self.palette.show_palettes(palettes, choices.finish.palette)
        self.keep.show_layers([layer for layer in layers if layer.is_paint], choices.keep)
        finish = choices.finish
        self.lines.show_kind(finish.lines)
        self.tones.show_kind(finish.tones)
        self.gap.show_gap(finish.gap_px)
        self.empty.setChecked(finish.empty_background)
        self.detail.setChecked(finish.detail)
        # What the network paints is handed over as it is.
        for field in (self.palette, self.tones, self.keep, self.lines, self.gap, self.empty):
            field.setEnabled(finish.has_regions)


class StrengthSlider(QtWidgets.QSlider):
    """How much of what the network starts from is painted anew, in percent."""

    def __init__(self) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setObjectName("colorize_strength")
        self.setRange(1, 100)
        self.setPageStep(10)
        self.setToolTip(
            "How much of that layer is painted anew: little stays near it and is quick, 100 % "
            "leaves nothing of it"
        )

    def wheelEvent(self, event: object) -> None:
        event.ignore()  # type: ignore[attr-defined]


class StartFields(QtCore.QObject):
    """What the network starts from, and how much of it is painted anew; ``picked`` as for a box."""

    picked = Signal()

    def __init__(self, parent: QtCore.QObject) -> None:
        super().__init__(parent)
        self.layer = LayerBox(
            "nothing", "colorize_start",
            "The network begins with this layer in place of noise, say to paint a corrected "
            "result over a little",
        )  # fmt: skip
        self.strength = StrengthSlider()
        self._percent = QtWidgets.QLabel()
        self._percent.setObjectName("colorize_strength_percent")
        self._percent.setText("100 %")
        # The slider keeps its length, whatever the number.
        self._percent.setMinimumWidth(self._percent.sizeHint().width())
        self.layer.picked.connect(self.picked)
        self.strength.valueChanged.connect(lambda *_: self.picked.emit())

    def add_to(self, form: QtWidgets.QFormLayout) -> None:
        line = QtWidgets.QHBoxLayout()
        line.addWidget(self.strength, 1)
        line.addWidget(self._percent)
        form.addRow("Start from", self.layer)
        form.addRow("Paint anew", line)

    def chosen(self) -> Start:
        return Start(self.layer.chosen(), self.strength.value())

    def show_start(
        self, layers: Sequence[LayerInfo], last_result: str | None, start: Start
    ) -> None:
        """Offers ``layers``, the one with the id ``last_result`` first."""
        pictures = [layer for layer in layers if not layer.is_vector]
        pictures.sort(key=lambda layer: layer.id != last_result)
        self.layer.show_layers(pictures, start.layer)
        blocker = QtCore.QSignalBlocker(self.strength)
        self.strength.setValue(start.percent)
        blocker.unblock()
        self._percent.setText(f"{start.percent} %")
        for part in (self.strength, self._percent):
            part.setEnabled(start.layer is not None)


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
