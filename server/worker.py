# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that holds the model. It ends with the server, however the server ends."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import queue
import signal
import threading
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import cv2
import numpy as np

from manganinja import errors
from manganinja.weights.find import MATCH, NONE, find_model
from manganinja.wire.protocol import (
    ColorizeRequest,
    Picture,
    ProtocolError,
    with_places,
)
from server import pipe
from server.catalogue import describe
from server.engine import PAINTER

_log = logging.getLogger("server.worker")


def main(connection: Connection, engine: str, model: str) -> None:
    """Loads `model` with the painter class at `engine` ("module:Class"), then paints on demand."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the server's to answer.
    worker = _Worker(connection, engine)
    logging.basicConfig(level=logging.INFO, handlers=[_PipeLog(worker)], force=True)
    threading.Thread(target=worker.listen, name="listen", daemon=True).start()
    worker.preload(model)
    worker.serve()


class _Worker:
    def __init__(self, connection: Connection, engine: str) -> None:
        self._connection = connection
        self._engine = engine
        self._send_lock = threading.Lock()
        self._orders: queue.Queue[tuple[int, ColorizeRequest]] = queue.Queue()
        self._cancelled_up_to = 0
        self._painter: Any = None
        self._matching: Any = None
        self._model = ""

    def send(self, *message: Any, pictures: tuple[Picture, ...] = ()) -> None:
        with self._send_lock:
            pipe.send(self._connection, message, pictures)

    def listen(self) -> None:
        """Takes orders while the main thread paints; ends the process with the server's."""
        try:
            while True:
                (kind, ticket, *values), pictures = pipe.receive(self._connection)
                if kind == "cancel":
                    self._cancelled_up_to = ticket
                elif kind == "paint":
                    places, options = values
                    request = ColorizeRequest(**with_places(places, pictures), **options)
                    self._orders.put((ticket, request))
        finally:
            os._exit(0)

    def preload(self, model: str) -> None:
        try:
            self._load(model)
        except Exception as error:
            self._report_load_failure(model, error)

    def serve(self) -> None:
        while True:
            ticket, request = self._orders.get()
            try:
                self._paint(ticket, request)
            except errors.Cancelled:
                self.send("cancelled", ticket)
            except Exception as error:
                self.send("failed", ticket, *_describe(error))

    def _load(self, model: str) -> None:
        self.send("loading", model)
        # Two models at once might not fit into the memory.
        self._painter, self._model = None, ""
        self._painter = self._light(model) or _load(self._engine, model)
        self._model = model
        info = getattr(self._painter, "info", None) or describe(model)
        self.send("ready", model, info, str(getattr(self._painter, "device", "")))

    def _light(self, model: str) -> Any:
        """What answers to the name of a model that takes hardly any memory; else None."""
        if self._engine != PAINTER or model not in (NONE, MATCH):
            return None
        if model == NONE:
            from manganinja.without_model import Unaided

            return Unaided()
        if self._matching is None:
            from manganinja.match.painter import Matching

            self._matching = Matching.load()
        return self._matching

    def _report_load_failure(self, model: str, error: Exception) -> tuple[str, str, str]:
        failure = _describe_loading(error)
        self.send("load_failed", model, *failure)
        return failure

    def _paint(self, ticket: int, request: ColorizeRequest) -> None:
        if self._cancelled_up_to >= ticket:
            raise errors.Cancelled
        painter = self._painter_for(ticket, request.model)
        if painter is None:
            return
        painting = painter.paint(
            _as_rgba(request),
            lambda p: self._progress(
                ticket,
                *(p.stage, p.step, p.steps, p.fraction),
                getattr(p, "preview", None),
                getattr(p, "notes", ()),
            ),
            lambda: self._cancelled_up_to >= ticket,
        )
        pictures = tuple(_checked(layer.picture, request) for layer in painting.layers)
        kinds = [(layer.name, layer.blend) for layer in painting.layers]
        self.send("result", ticket, painting.info, kinds, pictures=pictures)

    def _painter_for(self, ticket: int, model: str) -> Any:
        """The painter of that model; None where it can't be loaded, which has been told."""
        if model == self._model:
            return self._painter
        light = self._light(model)
        if light is not None:
            return light  # What is loaded stays.
        if self._engine == PAINTER:
            find_model(model)  # A wrong name must not cost the model that is loaded.
        self._progress(ticket, "loading", 0, 0, 0.0)
        try:
            self._load(model)
        except Exception as error:
            self.send("failed", ticket, *self._report_load_failure(model, error))
            return None
        return self._painter

    def _progress(
        self,
        ticket: int,
        stage: str,
        step: int,
        steps: int,
        fraction: float,
        preview: Picture | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        pictures = (preview,) if preview is not None else ()
        self.send("progress", ticket, stage, step, steps, fraction, notes, pictures=pictures)


class _PipeLog(logging.Handler):
    """Hands the records to the server, which alone writes the log file."""

    def __init__(self, worker: _Worker) -> None:
        super().__init__()
        self._worker = worker
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(OSError):  # The server is gone, and so is its log.
            self._worker.send("log", record.levelno, self.format(record))


def _load(engine: str, model: str) -> Any:
    module, _, name = engine.partition(":")
    return getattr(importlib.import_module(module), name).load(model)


def _as_rgba(request: ColorizeRequest) -> ColorizeRequest:
    """The request as painters know it: gray8 and rgba8 only."""
    pictures = [_swapped(picture, "rgba8") for picture in request.pictures]
    return replace(request, **with_places(request.places, pictures))


def _swapped(picture: Picture, pixel_format: str) -> Picture:
    if picture.format in ("gray8", "index8", pixel_format):
        return picture
    pixels = np.frombuffer(picture.pixels, np.uint8).reshape(picture.height_px, -1, 4)
    swapped = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)
    return Picture(picture.width_px, picture.height_px, pixel_format, swapped.tobytes())


def _checked(picture: Picture, request: ColorizeRequest) -> Picture:
    size = (picture.width_px, picture.height_px)
    if size != (request.lineart.width_px, request.lineart.height_px) or picture.format == "gray8":
        raise RuntimeError(f"the painter gave {size} {picture.format} back")
    return _swapped(picture, request.result_format)


def _describe(error: Exception) -> tuple[str, str, str]:
    """(code, message, remedy) for an illustrator; the traceback goes into the log."""
    if isinstance(error, ProtocolError):
        return error.code, error.message, error.remedy
    if isinstance(error, errors.MangaNinjaError):
        remedy = error.remedy or "Change that and press Colorize again."
        return _code_of(error), error.message, remedy
    _log.error("%s", error, exc_info=error)
    if _is_out_of_memory(error):
        return (
            "out_of_memory",
            "There is not enough memory for this picture.",
            "Close other programs, or colorize a smaller picture or with fewer references.",
        )
    return (
        "model_failed",
        f"The model stopped with an error ({type(error).__name__}: {error!s:.300}).",
        "Press Colorize again; if it happens again, send server.log with a report.",
    )


def _describe_loading(error: Exception) -> tuple[str, str, str]:
    code, message, remedy = _describe(error)
    if code == "out_of_memory":
        remedy = "Close other programs, or choose a smaller model."
        return code, "There is not enough memory to load the model.", remedy
    if code == "model_failed" and not isinstance(error, errors.MangaNinjaError):
        message = f"The model can't be loaded ({type(error).__name__}: {error!s:.300})."
        remedy = "Run `python3 install.py` again, or send server.log with a report."
    return "no_model", message, remedy


def _code_of(error: errors.MangaNinjaError) -> str:
    if isinstance(error, errors.BadRequest):
        return "bad_request"
    if isinstance(error, (errors.ModelNotFound, errors.BadWeights)):
        return "no_model"
    return "model_failed"


def _is_out_of_memory(error: Exception) -> bool:
    # PyTorch's CPU allocator raises a plain RuntimeError.
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError)
        and ("out of memory" in text or "can't allocate memory" in text)
    )
