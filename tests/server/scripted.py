# SPDX-License-Identifier: GPL-3.0-or-later
"""A painter that does as the request's `source` says: what the server is tested with."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from manganinja import errors
from manganinja.wire.protocol import (
    ColorizeRequest,
    Layer,
    ModelInfo,
    Painting,
    Picture,
    Point,
    ResultInfo,
    Unsure,
)


@dataclass(frozen=True)
class Progress:
    stage: str
    step: int
    steps: int
    fraction: float
    preview: Picture | None
    notes: tuple[str, ...] = ()


class Painter:
    """Gives the line art's size in the first reference's first colour, step by step."""

    device = "scripted"

    def __init__(self, model: str) -> None:
        self.info = ModelInfo(model, f"Scripted {model}", 64, 9.0, 15.0, 4, "CC0")
        self._lock = multiprocessing.Lock()  # As the progress bars of a real painter have one.

    @classmethod
    def load(cls, model: str = "mini", device: str | None = None) -> Painter:
        if model == "missing":
            raise errors.ModelNotFound("There is no model 'missing'.", "Choose another model.")
        if model == "broken":
            raise RuntimeError("the weights are upside down")
        if model == "slow":
            time.sleep(1.0)
        return cls(model)

    def paint(
        self,
        request: ColorizeRequest,
        on_progress: Callable[[Progress], None],
        is_cancelled: Callable[[], bool],
    ) -> Painting:
        steps = request.steps or 4
        pause_s = float(request.source.get("pause_s", 0))
        for step in range(1, steps + 1):
            if is_cancelled():
                raise errors.Cancelled
            self._play(request.source.get("play", ""))
            preview = Picture(1, 1, "rgba8", b"\x01\x02\x03\xff") if step == 1 else None
            on_progress(Progress("sampling", step, steps, step / steps, preview))
            time.sleep(pause_s)
        colour = request.references[0].pixels[:3] + b"\xff"
        size = request.lineart.width_px, request.lineart.height_px
        picture = Picture(*size, "rgba8", colour * (size[0] * size[1]))
        note = f"{request.lineart.format} {request.lineart.pixels[:4].hex()}"
        unsure = (Unsure(Point(1.0, 2.0), 0.25, "several colours fit"),)
        notes = (note, *(_arrived(request) if request.source.get("play") == "tell" else ()))
        how = request.seed, self.info.name, steps, 0.5, self.device
        info = ResultInfo(*how, notes, unsure, request.preset)
        layers = [Layer("Flats", "normal", picture)]
        if request.flats.result == "layers":
            count = size[0] * size[1]
            index = Picture(*size, "index8", b"\x01" * count, (None, "#102030"))
            shade = Picture(*size, "rgba8", b"\x01\x02\x03\xff" * count)
            layers = [Layer("Flats", "normal", index), Layer("Shade", "multiply", shade)]
        return Painting(tuple(layers), info)

    def _play(self, role: str) -> None:
        if role == "die":
            os.kill(os.getpid(), signal.SIGSEGV)
        elif role == "starve":
            raise MemoryError
        elif role == "stumble":
            raise TypeError("a sentence of a programmer's")
        elif role == "refuse":
            raise errors.BadRequest("The reference is of one colour.", "Choose another one.")


def _arrived(request: ColorizeRequest) -> list[str]:
    """What the request says of its references and of the pictures over the line art."""
    options = [f"{o.weight:g} {o.only_opaque}" for o in request.reference_options]
    over = {"locks": request.locks, "initial": request.initial}
    pictures = [f"{name} {p.format} {p.pixels[:4].hex()}" for name, p in over.items() if p]
    return [*options, *pictures, f"strength {request.strength:g}"]
