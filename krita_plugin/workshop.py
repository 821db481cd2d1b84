# SPDX-License-Identifier: GPL-3.0-or-later
"""Ties canvas, client and state together: what happens when the artist does something.

One workshop serves all windows of a Krita; every docker shows its state.  GUI thread only.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .canvas import documents, layers, palettes, result_layer, scrolling, snapshot
from .canvas.result_layer import Placement
from .canvas.watch import CanvasWatch
from .choosing import LayerLook, choose, from_kept, look_at, still_valid, to_keep
from .client import Client, Delivery, Failure, ServerState
from .errors import CannotStart, DocumentGone, LayerGone, PluginError
from .guard import guarded, on_internal_error, report
from .indexed import Part, parts, recoloured, split
from .job import Choices, Options, Snapshot, check_choices
from .layer_info import LayerInfo
from .moved import Stand, moved_by
from .pairing import colour_word
from .qt import QObject, QtGui, QTimer
from .state import DocumentView, Doubt, Doubts, JobView, Message, State, Swatches
from .steps import Steps
from .transport import protocol

_SERVER_CHECK_MS = 15_000
_THUMBNAIL_PX = 48
_AGAIN_MS = 50
_STAGES = {
    "waiting": "Waiting for the model …",
    "loading": "Loading the model …",
    "reading": "Looking at the pictures …",
    "sampling": "Colouring",
    "decoding": "Making the picture …",
    "finishing": "Bringing it to full size …",
}
_TITLES = {
    "flats": "Flats",
    "layers": "Flats and shading",
    "colours": "Colours",
    "painting": "Painting",
    "proposal": "Proposal",
}


@dataclass(frozen=True)
class _Flats:
    """The flats by index of the last result, whose colours can be exchanged without another."""

    document: str
    lineart_id: str
    stood: Stand
    lineart_opaque: bool
    picture: protocol.Picture


@dataclass(frozen=True)
class _Drawing:
    """The line art of the last result, and where it lay: its doubts move along with it."""

    lineart_id: str
    stood: Stand


class Workshop(QObject):
    """`press`, `cancel`, `choose` and `set_options` are what the docker calls."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = State(self)
        self.watch = CanvasWatch(self)
        self._client = Client(self)
        self._choices: dict[str, Choices] = {}
        self._by_hand: dict[str, set[str]] = {}
        self._seen: dict[str, set[str]] = {}
        self._results: dict[str, str] = {}
        self._looks: Steps | None = None
        self._steps: Steps | None = None
        self._snapshot: Snapshot | None = None
        self._delivery: Delivery | None = None
        self._flats: _Flats | None = None
        self._doubted: _Drawing | None = None
        self._why: Exception | None = None
        self._connect_signals()
        on_internal_error(self._tell_internal_error)
        self._server_timer = QTimer(self)
        self._server_timer.setInterval(_SERVER_CHECK_MS)
        self._server_timer.timeout.connect(self._client.look_after_server)

    def _connect_signals(self) -> None:
        self.watch.changed.connect(self.refresh)
        self.watch.closed.connect(self._document_closed)
        client = self._client
        client.server_changed.connect(self._server_changed)
        client.progressed.connect(self._progressed)
        client.previewed.connect(self._previewed)
        client.delivered.connect(self._delivered)
        client.failed.connect(self._failed)
        client.cancelled.connect(self._cancelled)
        client.stored.connect(self._stored)
        client.broke.connect(self._tell_internal_error)

    # -- the docker appears -------------------------------------------------------------------

    @guarded
    def open_shop(self) -> None:
        """A docker is seen for the first time: find or start the server, look at the document."""
        self.watch.attach()
        self.look_for_palettes()
        if not self._server_timer.isActive():
            self._server_timer.start()
            self._client.connect_server()

    @guarded
    def connect_again(self) -> None:
        """The artist asks for the server."""
        self._client.connect_server()

    # -- the document -------------------------------------------------------------------------

    @guarded
    def refresh(self, *_: object) -> None:
        """Takes the layers of the active document anew."""
        document = documents.active()
        if document is None or document.rootNode() is None:
            self.state.set_document(DocumentView())
            return
        identifier, infos = documents.document_id(document), layers.list_layers(document)
        if identifier not in self._choices:
            self._adopt(identifier, documents.remembered(document), infos)
        choices = still_valid(self._choices[identifier], infos)
        self._choices[identifier] = choices
        title, last = documents.title(document), self._results.get(identifier)
        self.state.set_document(DocumentView(identifier, title, infos, choices, last))
        if {info.id for info in infos} != self._seen.get(identifier):
            self.look_again()

    def _adopt(self, identifier: str, kept: dict[str, Any], infos: tuple[LayerInfo, ...]) -> None:
        self._choices[identifier] = still_valid(from_kept(kept), infos)
        self._by_hand[identifier] = {"points"} if kept else set()

    @guarded
    def look_for_palettes(self) -> None:
        """Offers the palettes that Krita has now."""
        self.state.set_palettes(palettes.names())

    @guarded
    def look_again(self) -> None:
        """Proposes layers for what is not chosen yet, by small pictures of the layers."""
        view = self.state.document
        if not view.id or self._looks is not None:
            return
        self._seen[view.id] = {info.id for info in view.layers}
        choices = view.choices
        if choices.lineart and choices.references and (choices.points or self._is_set("points")):
            return
        self._looks = Steps(_look_at_layers(view), self._looked, self._look_failed, self)

    def _is_set(self, slot: str) -> bool:
        return slot in self._by_hand.get(self.state.document.id, set())

    def _looked(self, answer: tuple[DocumentView, dict[str, LayerLook]]) -> None:
        self._looks = None
        view, looks = answer
        proposal, current = choose(view.layers, looks), self._choices.get(view.id, Choices())
        hands = self._by_hand.get(view.id, set())
        filled = replace(
            current,
            lineart=current.lineart or (None if "lineart" in hands else proposal.lineart),
            references=current.references or (() if "references" in hands else proposal.references),
            points=current.points or (None if "points" in hands else proposal.points),
        )
        if filled.lineart in filled.references:
            filled = replace(filled, references=current.references, lineart=current.lineart)
        self._choices[view.id] = filled
        # Shows them; and another document may be shown by now, which had to wait for this look.
        self.refresh()

    def _look_failed(self, error: Exception) -> None:
        self._looks = None
        if not isinstance(error, PluginError):
            report(error)
        self.refresh()

    @guarded
    def choose(self, choices: Choices) -> None:
        """The artist's choices for the shown document."""
        view = self.state.document
        if not view.id:
            return
        hands = self._by_hand.setdefault(view.id, set())
        for slot in ("lineart", "references", "points"):
            if getattr(choices, slot) != getattr(view.choices, slot):
                hands.add(slot)
        self._choices[view.id] = choices
        self.state.set_document(replace(view, choices=choices))

    @guarded
    def set_options(self, options: Options) -> None:
        self.state.set_options(options)

    # -- the server ---------------------------------------------------------------------------

    @guarded
    def _server_changed(self, server: ServerState) -> None:
        self.state.set_server(server)
        job = self.state.job
        if job is None or job.cancelling:
            return
        if server.phase == "starting" and job.fraction is None:
            self.state.set_job(replace(job, text=server.sentence))

    # -- a job --------------------------------------------------------------------------------

    @guarded
    def press(self) -> None:
        """Starts a job for the shown document, or says why there can be none."""
        if self.state.job is not None or self._steps is not None:
            return
        self.state.set_message(None)
        # The list may be a moment old.
        self.refresh()
        view = self.state.document
        try:
            if not view.id:
                raise CannotStart("No document is open.", "Open a document with your line art.")
            check_choices(view.choices, view.names)
            self._remember(view)
        except PluginError as error:
            self._complain(error)
            return
        job = JobView(uuid.uuid4().hex, view.id, view.title, "Reading the layers …")
        self.state.set_job(job)
        work = snapshot.take(job.id, view.id, view.choices, self.state.options)
        self._run(work, self._read, self._job_broke)

    def _remember(self, view: DocumentView) -> None:
        documents.remember(documents.find(view.id), to_keep(view.choices))

    def _run(
        self,
        work: Generator[int | None, None, Any],
        on_done: Callable[[Any], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._steps = Steps(work, on_done, on_error, self)

    def _read(self, taken: Snapshot) -> None:
        self._steps, self._snapshot = None, taken
        if self.state.job is not None:
            self.state.set_job(replace(self.state.job, text="Asking the server …"))
            self._client.colorize(taken)

    @guarded
    def cancel(self) -> None:
        """Ends the running job; nothing of it stays."""
        job = self.state.job
        if job is None:
            return
        if self._steps is not None:
            if not self._steps.stop():
                QTimer.singleShot(_AGAIN_MS, self.cancel)
                return
            self._steps = None
            self._client.acknowledge(job.id)
            self._cancelled(job.id)
            return
        self._client.cancel(job.id)
        self.state.set_job(replace(job, text="Cancelling …", fraction=None, cancelling=True))

    @guarded
    def _progressed(self, identifier: str, event: object) -> None:
        job = self.state.job
        if job is None or job.id != identifier or job.cancelling:
            return
        if isinstance(event, protocol.Queued):
            text = f"Waiting: {event.position} before this one" if event.position else job.text
            self.state.set_job(replace(job, text=text))
        elif isinstance(event, protocol.Progress):
            text = _STAGES.get(event.stage, event.stage)
            if event.stage == "sampling" and event.steps:
                text = f"{text}: step {event.step} of {event.steps}"
            fraction = None if event.stage == "waiting" else event.fraction
            self.state.set_job(replace(job, text=text, fraction=fraction))
            if event.notes:
                # Now, while there is time to cancel.
                what = "Seen before the colouring:"
                self.state.set_message(Message("note", what, "", event.notes, job.document))

    @guarded
    def _previewed(self, identifier: str, picture: protocol.Picture) -> None:
        job = self.state.job
        image = _preview_image(picture)
        if job is not None and job.id == identifier and image is not None:
            self.state.set_job(replace(job, preview=image))

    @guarded
    def _delivered(self, identifier: str, delivery: Delivery) -> None:
        job, taken = self.state.job, self._snapshot
        if job is None or taken is None or job.id != identifier:
            return
        if job.cancelling:
            # The result was already on its way.
            self._client.acknowledge(identifier)
            self._cancelled(identifier)
            return
        self._delivery = delivery
        self.state.set_job(replace(job, text="Adding the layer …", fraction=1.0))
        work = result_layer.place(
            taken.document,
            taken.lineart_id,
            f"{_TITLES[taken.finish.result]} {{number}} ({_how(delivery.info)})",
            taken.stood,
            _parts(taken, delivery.layers),
            delivery.lineart_opaque,
        )
        self._run(work, self._placed, self._placing_failed)

    def _placed(self, placement: Placement) -> None:
        delivery, job, taken = self._delivery, self.state.job, self._snapshot
        notes = placement.notes + (delivery.notes if delivery else ())
        if job is not None:
            self._client.acknowledge(job.id)
        if delivery is not None and taken is not None:
            self._results[taken.document] = placement.layer
            self._keep(taken, delivery)
        text = placement.sentence
        if delivery is not None and delivery.info.seconds >= 1:
            text = f"{text[:-1]}, made in {delivery.info.seconds:.0f} s."
        self._finish(Message("done", text, "", notes, job.document if job else ""))

    def _keep(self, taken: Snapshot, delivery: Delivery) -> None:
        """What can still be done with a result: look at its doubts, exchange its colours."""
        regions = tuple(Doubt(u.at.x_px, u.at.y_px, u.why) for u in delivery.info.unsure)
        self.state.set_doubts(Doubts(taken.document, regions) if regions else None)
        self._doubted = _Drawing(taken.lineart_id, taken.stood)
        flats = delivery.layers[0].picture
        where = taken.document, taken.lineart_id, taken.stood, delivery.lineart_opaque
        self._set_flats(_Flats(*where, flats) if flats.table else None)

    def _set_flats(self, flats: _Flats | None) -> None:
        self._flats = flats
        self.state.set_swatches(Swatches(flats.document, flats.picture.table) if flats else None)

    def _placing_failed(self, error: Exception) -> None:
        """The result has no place in the document: it goes to the disk, it is never lost."""
        self._steps = None
        delivery, job = self._delivery, self.state.job
        if not isinstance(error, PluginError):
            report(error)
        if delivery is None or job is None:
            return
        self.state.set_job(replace(job, text="Saving the result …"))
        self._why = error
        stem = job.document_title.rsplit(".", 1)[0]
        name = "".join(c if c.isalnum() or c in " -_" else "_" for c in stem)[:60]
        self._client.store(job.id, delivery.layers, f"{name} seed {delivery.info.seed}")

    @guarded
    def _stored(self, identifier: str, path: Path | None) -> None:
        job = self.state.job
        if job is None or job.id != identifier:
            return
        why = self._why.message if isinstance(self._why, PluginError) else "The layer failed."
        if isinstance(self._why, DocumentGone):
            why = f"“{job.document_title}” was closed before its colours were ready."
        if path is None:
            remedy = "The result could not be saved either: is the disk full? Press Colorize again."
        else:
            remedy = f"The result is kept as {path}"
        self._finish(Message("error" if path is None else "done", why, remedy))

    @guarded
    def _failed(self, identifier: str, failure: Failure) -> None:
        if self.state.job is not None and self.state.job.id == identifier:
            document = self.state.job.document
            self._finish(Message("error", failure.message, failure.remedy, (), document))

    @guarded
    def _cancelled(self, identifier: str) -> None:
        if self.state.job is not None and self.state.job.id == identifier:
            document = self.state.job.document
            self._finish(Message("done", "Cancelled. Nothing was changed.", "", (), document))

    def _job_broke(self, error: Exception) -> None:
        if isinstance(error, PluginError):
            self._finish(None)
            self._complain(error)
            return
        report(error)
        self._finish(self.state.message)

    def _complain(self, error: PluginError) -> None:
        # What is said of a closed document could be shown with no other.
        document = "" if isinstance(error, DocumentGone) else self.state.document.id
        self.state.set_message(Message("error", error.message, error.remedy, error.notes, document))

    # -- after a job --------------------------------------------------------------------------

    @guarded
    def next_doubt(self) -> None:
        """Shows the next region that is worth a look; after the last comes the first."""
        doubts, drawing = self.state.doubts, self._doubted
        if doubts is None or drawing is None:
            return
        shown = 0 if doubts.shown is None else (doubts.shown + 1) % len(doubts.regions)
        self.state.set_doubts(replace(doubts, shown=shown))
        document, region = documents.find(doubts.document), doubts.regions[shown]
        try:
            now = layers.stand(document, layers.find(document, drawing.lineart_id))
            right, down = moved_by(drawing.stood, now)
        except LayerGone:
            right = down = 0
        scrolling.show_place(document, region.x + right, region.y + down)

    @guarded
    def recolour(self, entry: int, colour: str) -> None:
        """A new layer: the last flats with another colour in one place of their table."""
        flats = self._flats
        if flats is None or self.state.job is not None or self._steps is not None:
            return
        changed = replace(flats, picture=recoloured(flats.picture, entry, colour))
        work = result_layer.place(
            flats.document,
            flats.lineart_id,
            "Recoloured {number}",
            flats.stood,
            [Part("", "normal", changed.picture)],
            flats.lineart_opaque,
        )
        self._run(
            work, lambda placement: self._recoloured(changed, placement), self._not_recoloured
        )

    def _recoloured(self, flats: _Flats, placement: Placement) -> None:
        self._steps = None
        self._results[flats.document] = placement.layer
        self._set_flats(flats)
        done = Message("done", placement.sentence, "", placement.notes, flats.document)
        self.state.set_message(done)

    def _not_recoloured(self, error: Exception) -> None:
        self._steps = None
        if isinstance(error, PluginError):
            self._complain(error)
        else:
            report(error)

    def _finish(self, message: Message | None) -> None:
        self._steps = self._snapshot = self._delivery = None
        self.state.set_job(None)
        self.state.set_message(message)

    @guarded
    def _document_closed(self) -> None:
        """Forgets closed documents; a job for one goes on, and its result is kept."""
        job = self.state.job
        if self._flats is not None and not documents.is_open(self._flats.document):
            self._set_flats(None)
        if self.state.doubts is not None and not documents.is_open(self.state.doubts.document):
            self.state.set_doubts(None)
        if job is None or job.cancelling:
            return
        if not documents.is_open(job.document):
            text = f"“{job.document_title}” was closed; its result will be saved."
            self.state.set_job(replace(job, text=text))

    def _tell_internal_error(self, line: str) -> None:
        self.state.set_message(
            Message("error", f"Something unexpected happened ({line}).", "plugin.log has details.")
        )


def _how(info: protocol.ResultInfo) -> str:
    """What tells a result from another of the same choices."""
    return f"seed {info.seed}, {info.preset}" if info.preset else f"seed {info.seed}"


def _parts(taken: Snapshot, found: Sequence[protocol.Layer]) -> list[Part]:
    if taken.finish.result != "colours":
        return parts(found)
    colours = {colour for layer in found for colour in layer.picture.table if colour is not None}
    names = {colour: taken.palette.get(colour) or colour_word(colour) for colour in colours}
    return split(found, names)


def _look_at_layers(
    view: DocumentView,
) -> Generator[None, None, tuple[DocumentView, dict[str, LayerLook]]]:
    looks: dict[str, LayerLook] = {}
    for info in view.layers:
        node = layers.find(documents.find(view.id), info.id)
        if not info.is_vector and not layers.is_passed_through(node):
            image = layers.thumbnail(node, _THUMBNAIL_PX)
            bits = image.constBits()
            if bits is not None:
                bits.setsize(image.bytesPerLine() * image.height())
                looks[info.id] = look_at(bytes(bits))
        yield
    return view, looks


def _preview_image(picture: protocol.Picture) -> QtGui.QImage | None:
    formats = {
        "rgba8": (QtGui.QImage.Format.Format_RGBA8888, 4),
        "bgra8": (QtGui.QImage.Format.Format_ARGB32, 4),
        "gray8": (QtGui.QImage.Format.Format_Grayscale8, 1),
    }
    if picture.format not in formats:
        return None
    form, channels = formats[picture.format]
    width, height = picture.width_px, picture.height_px
    # A copy: the image would only borrow the bytes.
    return QtGui.QImage(picture.pixels, width, height, channels * width, form).copy()
