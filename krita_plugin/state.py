# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docker shows, as values that tell when they change.  No widgets, no Krita."""

from __future__ import annotations

from dataclasses import dataclass, field

from .client import ServerState
from .job import Choices, Options
from .layer_info import LayerInfo
from .qt import QObject, QtGui, Signal
from .transport import protocol


@dataclass(frozen=True)
class DocumentView:
    """The shown document: id, title, layers topmost first, and what is chosen in it.

    ``last_result``: the id of the newest layer that was made in it, if any was.
    """

    id: str = ""
    title: str = ""
    layers: tuple[LayerInfo, ...] = ()
    choices: Choices = field(default_factory=Choices)
    last_result: str | None = None

    @property
    def names(self) -> dict[str, str]:
        return {layer.id: layer.name for layer in self.layers}


@dataclass(frozen=True)
class JobView:
    """The running job; ``fraction`` is None while nobody can tell.

    ``cancelling``: the artist has cancelled it, and the server has not answered yet.
    """

    id: str
    document: str
    document_title: str
    text: str
    fraction: float | None = None
    preview: QtGui.QImage | None = None
    cancelling: bool = False


@dataclass(frozen=True)
class Message:
    """What the docker has to say: ``kind`` is "error", "done" or, while a job runs, "note".

    With ``document`` it is shown only where that document is.
    """

    kind: str
    text: str
    remedy: str = ""
    notes: tuple[str, ...] = ()
    document: str = ""


@dataclass(frozen=True)
class Doubt:
    """A region worth a look: a place inside it in pixels of the drawing, and why."""

    x: float
    y: float
    why: str


@dataclass(frozen=True)
class Doubts:
    """The regions of the last result that are worth a look; ``shown``: which one is, if any."""

    document: str
    regions: tuple[Doubt, ...]
    shown: int | None = None


@dataclass(frozen=True)
class Swatches:
    """The colours of the last result that can be exchanged, as the places of a table."""

    document: str
    table: tuple[str | None, ...]


UNKNOWN_SERVER = ServerState("unknown", "Looking for the server …")


class State(QObject):
    """Each kind of change has its own signal, sent only for real changes."""

    document_changed = Signal()
    options_changed = Signal()
    server_changed = Signal()
    job_changed = Signal()
    message_changed = Signal()
    doubts_changed = Signal()
    swatches_changed = Signal()
    palettes_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document = DocumentView()
        self.options = Options()
        self.server: ServerState = UNKNOWN_SERVER
        self.job: JobView | None = None
        self.message: Message | None = None
        self.doubts: Doubts | None = None
        self.swatches: Swatches | None = None
        self.palettes: tuple[str, ...] = ()
        self._known: dict[str, protocol.ModelInfo] = {}

    @property
    def models(self) -> tuple[protocol.ModelInfo, ...]:
        """What can be chosen: the server's models, and a chosen one that it no longer lists.

        A server that was started anew lists only its own first model, and yet can load the others.
        """
        chosen = self.options.model
        if chosen is None or chosen in (model.name for model in self.server.models):
            return self.server.models
        return (*self.server.models, self._known.get(chosen, protocol.ModelInfo(chosen)))

    @property
    def model(self) -> protocol.ModelInfo | None:
        """The model that the next press asks for; None while no server has told of any."""
        chosen = self.options.model
        return next((m for m in self.models if chosen in (None, m.name)), None)

    @property
    def is_model_listed(self) -> bool:
        return self.model is None or self.model in self.server.models

    def set_document(self, view: DocumentView) -> None:
        if view != self.document:
            self.document = view
            self.document_changed.emit()

    def set_options(self, options: Options) -> None:
        if options != self.options:
            self.options = options
            self.options_changed.emit()

    def set_server(self, server: ServerState) -> None:
        # A server that has gone keeps its recommendations on show until another one answers.
        if not server.models:
            server = ServerState(server.phase, server.sentence, server.remedy, self.server.models)
        self._known.update((model.name, model) for model in server.models)
        if server != self.server:
            self.server = server
            self.server_changed.emit()

    def set_job(self, job: JobView | None) -> None:
        self.job = job
        self.job_changed.emit()

    def set_message(self, message: Message | None) -> None:
        if message != self.message:
            self.message = message
            self.message_changed.emit()

    def set_doubts(self, doubts: Doubts | None) -> None:
        if doubts != self.doubts:
            self.doubts = doubts
            self.doubts_changed.emit()

    def set_swatches(self, swatches: Swatches | None) -> None:
        if swatches != self.swatches:
            self.swatches = swatches
            self.swatches_changed.emit()

    def set_palettes(self, palettes: tuple[str, ...]) -> None:
        if palettes != self.palettes:
            self.palettes = palettes
            self.palettes_changed.emit()
