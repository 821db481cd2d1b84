# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker's content."""

from __future__ import annotations

from dataclasses import replace

from ..guard import guarded
from ..job import Choices, Options
from ..layer_info import LayerInfo
from ..qt import Qt, QtGui, QtWidgets
from ..state import JobView
from ..transport import protocol
from ..workshop import Workshop
from .afterwards import DoubtLine, SwatchGrid
from .fields import (
    AutoSpin,
    FinishFields,
    Fold,
    LayerBox,
    ModelBox,
    QualityBox,
    ReferenceList,
    ResultBox,
    SeedField,
    StartFields,
)
from .notices import MessageBox, ServerLine

_PREVIEW_PX = 160


class Panel(QtWidgets.QWidget):
    """Shows a workshop's state; several panels may show one workshop."""

    def __init__(self, workshop: Workshop) -> None:
        super().__init__()
        self._workshop = workshop
        self._state = workshop.state
        self._make_fields()
        self._lay_out()
        self._connect()
        self._show_all()

    # -- making -------------------------------------------------------------------------------

    def _make_fields(self) -> None:
        self.lineart = LayerBox("choose a layer …", "colorize_lineart")
        self.references = ReferenceList()
        self.points = LayerBox(
            "none", "colorize_points",
            "A vector layer with lines and dots: which spot of the reference belongs to which "
            "spot of the drawing, and more (see the manual)",
        )  # fmt: skip
        self.result = ResultBox()
        self.finish = FinishFields(self)
        self.quality = QualityBox()
        self.start = StartFields(self)
        self.seed = SeedField()
        self.steps = AutoSpin("colorize_steps", 1, protocol.MAX_STEPS, 1, 0)
        self.guidance_reference = AutoSpin("colorize_guidance_reference", 0, 100, 0.5, 1)
        self.guidance_points = AutoSpin("colorize_guidance_points", 0, 100, 0.5, 1)
        self.model = ModelBox()
        self.steps.setToolTip("More steps take longer")
        self.guidance_reference.setToolTip("How closely to follow the reference")
        self.guidance_points.setToolTip("How strongly the pairs of points pull")
        self.button = QtWidgets.QPushButton("Colorize")
        self.button.setObjectName("colorize_button")
        self.button.setMinimumHeight(32)
        self.progress = QtWidgets.QProgressBar()
        self.progress.setObjectName("colorize_progress")
        self.progress.setMinimumHeight(24)
        self.progress.setTextVisible(True)
        self.cancel = QtWidgets.QPushButton("Cancel")
        self.cancel.setObjectName("colorize_cancel")
        self.stage = QtWidgets.QLabel()
        self.stage.setObjectName("colorize_stage")
        self.stage.setWordWrap(True)
        self.preview = QtWidgets.QLabel()
        self.preview.setObjectName("colorize_preview")
        self.preview.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.server = ServerLine()
        self.message = MessageBox()
        self.doubts = DoubtLine()
        self.swatches = SwatchGrid()

    def _lay_out(self) -> None:
        needed, rest = _form(), _form()
        needed.addRow("Line art", self.lineart)
        needed.addRow("Reference", self.references)
        needed.addRow("Points", self.points)
        needed.addRow("Result", self.result)
        self.finish.add_to(rest)
        rest.addRow("Quality", self.quality)
        self._model_label = QtWidgets.QLabel("Model")
        rest.addRow(self._model_label, self.model)
        _align_labels(needed, rest)
        self.numbers = Fold("Seed, steps, guidance, start", "colorize_numbers", self._numbers())
        self.colours = Fold("Exchange a colour", "colorize_swatches", self.swatches)
        self._working = self._job_part()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(6, 6, 6, 6)
        column.setSpacing(8)
        # What is needed at every press comes first: the docker may be small.
        column.addLayout(needed)
        column.addWidget(self.button)
        column.addWidget(self._working)
        column.addWidget(self.message)
        column.addWidget(self.doubts)
        column.addWidget(self.colours)
        column.addLayout(rest)
        column.addWidget(self.numbers)
        column.addStretch(1)
        column.addWidget(self.server)

    def _numbers(self) -> QtWidgets.QWidget:
        part = QtWidgets.QWidget()
        form = _form(part)
        form.addRow("Seed", self.seed)
        form.addRow("Steps", self.steps)
        form.addRow("Reference guidance", self.guidance_reference)
        form.addRow("Points guidance", self.guidance_points)
        self.start.add_to(form)
        return part

    def _job_part(self) -> QtWidgets.QWidget:
        part = QtWidgets.QWidget()
        column = QtWidgets.QVBoxLayout(part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        line = QtWidgets.QHBoxLayout()
        line.addWidget(self.progress, 1)
        line.addWidget(self.cancel)
        column.addLayout(line)
        column.addWidget(self.stage)
        column.addWidget(self.preview)
        return part

    def _connect(self) -> None:
        state, workshop = self._state, self._workshop
        state.document_changed.connect(self._show_document)
        state.server_changed.connect(self._show_server)
        state.options_changed.connect(self._show_models)
        state.job_changed.connect(self._show_job)
        state.message_changed.connect(self._show_message)
        state.palettes_changed.connect(self._show_document)
        state.doubts_changed.connect(self._show_afterwards)
        state.swatches_changed.connect(self._show_afterwards)
        needed = self.lineart, self.references, self.points, self.result
        for field in (*needed, self.finish, self.quality, self.start):
            field.picked.connect(self._picked)
        for box in (self.steps, self.guidance_reference, self.guidance_points):
            box.valueChanged.connect(self._options_edited)
        self.seed.changed.connect(self._options_edited)
        self.model.picked.connect(self._model_picked)
        self.button.clicked.connect(self._pressed)
        self.cancel.clicked.connect(lambda *_: workshop.cancel())
        self.server.retry.connect(workshop.connect_again)
        self.doubts.asked.connect(workshop.next_doubt)
        self.swatches.changed.connect(workshop.recolour)

    # -- what the artist does -----------------------------------------------------------------

    @guarded
    def _pressed(self, *_: object) -> None:
        # A number may have been typed without leaving its field.
        numbers = (self.steps, self.guidance_reference, self.guidance_points, self.seed.box)
        for box in (*numbers, self.finish.gap):
            box.interpretText()
        self.references.read_numbers()
        self._options_edited()
        self._workshop.press()

    @guarded
    def _picked(self, *_: object) -> None:
        self._workshop.choose(
            Choices(
                self.lineart.chosen(),
                self.references.chosen(),
                self.points.chosen(),
                self.finish.keep.chosen(),
                self.finish.chosen(self.result.chosen()),
                self.quality.chosen(),
                self.references.counting(),
                self.start.chosen(),
            )
        )

    @guarded
    def _options_edited(self, *_: object) -> None:
        steps = self.steps.chosen()
        self._workshop.set_options(
            Options(
                seed=self.seed.box.value(),
                steps=None if steps is None else int(steps),
                guidance_reference=self.guidance_reference.chosen(),
                guidance_points=self.guidance_points.chosen(),
                # Kept as the artist chose it, whatever the box can show at the moment.
                model=self._state.options.model,
            )
        )

    @guarded
    def _model_picked(self, *_: object) -> None:
        self._workshop.set_options(replace(self._state.options, model=self.model.chosen()))

    # -- what the state says ------------------------------------------------------------------

    def _show_all(self) -> None:
        for show in (self._show_document, self._show_server, self._show_job, self._show_message):
            show()

    @guarded
    def _show_document(self) -> None:
        view = self._state.document
        pictures = view.layers
        vectors: tuple[LayerInfo, ...] = tuple(i for i in view.layers if i.is_vector)
        self.lineart.show_layers(pictures, view.choices.lineart)
        self.references.show_layers(pictures, view.choices.references, view.choices.counting)
        self.points.show_layers(vectors, view.choices.points)
        self.result.show_kind(view.choices.finish.result)
        self.finish.show_choices(pictures, self._state.palettes, view.choices)
        self.quality.show_kind(view.choices.preset)
        self.start.show_start(pictures, view.last_result, view.choices.start)
        self._show_models()
        self._show_message()
        self._show_afterwards()

    @guarded
    def _show_server(self) -> None:
        self.server.show_server(self._state.server)
        self._show_models()

    @guarded
    def _show_models(self) -> None:
        state, model = self._state, self._state.model
        self.model.show_models(state.models, model)
        for part in (self._model_label, self.model):
            part.setVisible(len(state.models) > 1)
        self.server.model.show_model(state)
        # A preset has steps of its own.
        own = state.document.choices.preset is None
        self.steps.recommend(model.steps if model and own else None)
        self.guidance_reference.recommend(model.guidance_reference if model else None)
        self.guidance_points.recommend(model.guidance_points if model else None)

    @guarded
    def _show_job(self) -> None:
        job = self._state.job
        self.button.setVisible(job is None)
        self._working.setVisible(job is not None)
        self._show_afterwards()
        if job is not None:
            self._show_progress(job)

    def _show_progress(self, job: JobView) -> None:
        known = job.fraction is not None
        # A range of nothing to nothing is Qt's "busy".
        self.progress.setRange(0, 1000 if known else 0)
        if job.fraction is not None:
            self.progress.setValue(round(1000 * job.fraction))
        elsewhere = job.document != self._state.document.id and job.document_title
        self.stage.setText(f"{job.text}\nfor “{job.document_title}”" if elsewhere else job.text)
        self.preview.setVisible(job.preview is not None)
        if job.preview is not None:
            self.preview.setPixmap(_fitted(job.preview))

    @guarded
    def _show_message(self) -> None:
        message = self._state.message
        elsewhere = message is not None and message.document not in ("", self._state.document.id)
        self.message.show_message(None if elsewhere else message)

    @guarded
    def _show_afterwards(self) -> None:
        """Of the shown document's last result, while no other is being made."""
        here, doubts, swatches = self._state.document.id, self._state.doubts, self._state.swatches
        is_idle = self._state.job is None
        self.doubts.show_doubts(doubts if doubts and doubts.document == here and is_idle else None)
        self.colours.setVisible(swatches is not None and swatches.document == here and is_idle)
        if swatches is not None:
            self.swatches.show_table(swatches.table)


def _form(parent: QtWidgets.QWidget | None = None) -> QtWidgets.QFormLayout:
    form = QtWidgets.QFormLayout() if parent is None else QtWidgets.QFormLayout(parent)
    form.setContentsMargins(0, 0, 0, 0)
    form.setHorizontalSpacing(8)
    form.setVerticalSpacing(4)
    form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def _align_labels(*forms: QtWidgets.QFormLayout) -> None:
    """All fields begin at one line."""
    role = QtWidgets.QFormLayout.ItemRole.LabelRole
    items = [form.itemAt(row, role) for form in forms for row in range(form.rowCount())]
    labels = [item.widget() for item in items if item is not None]
    width = max(label.sizeHint().width() for label in labels)
    for label in labels:
        label.setMinimumWidth(width)


def _fitted(image: QtGui.QImage) -> QtGui.QPixmap:
    return QtGui.QPixmap.fromImage(image).scaled(
        _PREVIEW_PX, _PREVIEW_PX,
        Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation,
    )  # fmt: skip
