# SPDX-License-Identifier: GPL-3.0-or-later
"""A painter whose result can be told in advance: every pixel gets the colour of its nearest pair.

Without pairs everything gets the reference's middle pixel.  SCRIPTED_PAUSE_S is slept per step.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import numpy as np

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
from tests.server.scripted import Progress


class Painter:
    """Nearest-pair colours; four steps unless told otherwise."""

    device = "cpu"

    def __init__(self) -> None:
        self.info = ModelInfo("mini", "Scripted painter", 64, 9.0, 15.0, 4, "CC0")

    @classmethod
    def load(cls, model: str = "mini", device: str | None = None) -> Painter:
        return cls()

    def paint(
        self,
        request: ColorizeRequest,
        on_progress: Callable[[Progress], None],
        is_cancelled: Callable[[], bool],
    ) -> Painting:
        steps = request.steps or 4
        notes = ("Hints were seen.",) if request.flats.hints else ()
        for step in range(1, steps + 1):
            if is_cancelled():
                raise errors.Cancelled
            time.sleep(float(os.environ.get("SCRIPTED_PAUSE_S", "0.1")))
            small = self._paint(request, 192)
            on_progress(Progress("sampling", step, steps, step / steps, small, notes))
        picture = self._paint(request, None)
        width, height = request.lineart.width_px, request.lineart.height_px
        unsure = (
            Unsure(Point(0.75 * width, 0.25 * height), 0.2, "several colours fit"),
            Unsure(Point(0.1 * width, 0.9 * height), 0.4, "no colour was found"),
        )
        notes = tuple(_arrived(request))
        info = ResultInfo(
            request.seed, "mini", steps, 0.5, self.device, notes, unsure, request.preset
        )
        return Painting(_layers(request, picture), info)

    def _paint(self, request: ColorizeRequest, side: int | None) -> Picture:
        width, height = request.lineart.width_px, request.lineart.height_px
        shrink = 1.0 if side is None else min(1.0, side / max(width, height))
        w, h = max(1, round(width * shrink)), max(1, round(height * shrink))
        colours = [_at(request.references[p.reference_index], p.reference) for p in request.pairs]
        if not colours:
            middle = request.references[0]
            pixels = np.array(_array(middle)[middle.height_px // 2, middle.width_px // 2])
            picture = np.full((h, w, 4), pixels, np.uint8)
            if request.flats.result == "colours":
                # Of a dozen colours, so that there is something to split.
                picture[..., 0] = 20 * (np.arange(h)[:, None] * 4 // h) + np.arange(w) * 3 // w
            return Picture(w, h, "rgba8", picture.tobytes())
        ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
        nearest, best = np.zeros((h, w), np.uint8), np.full((h, w), np.inf, np.float32)
        for index, pair in enumerate(request.pairs):
            x, y = pair.lineart.x_px * shrink, pair.lineart.y_px * shrink
            distance = (xs + 0.5 - x) ** 2 + (ys + 0.5 - y) ** 2
            closer = distance < best
            nearest[closer], best = index, np.minimum(best, distance)
        return Picture(w, h, "rgba8", np.array(colours, np.uint8)[nearest].tobytes())


def _layers(request: ColorizeRequest, picture: Picture) -> tuple[Layer, ...]:
    """The picture as the real painter gives it: by index where that is asked for."""
    kind = request.flats.result
    if kind not in ("layers", "colours"):
        return (Layer("Flats", "normal", picture),)
    words = np.ascontiguousarray(_array(picture)).view(np.uint32).ravel()
    colours, index = np.unique(words, return_inverse=True)
    table = (None, *("#" + bytes(c.tobytes()[:3]).hex() for c in colours))
    size = picture.width_px, picture.height_px
    flats = Picture(*size, "index8", (index + 1).astype(np.uint8).tobytes(), table)
    if kind == "colours":
        return (Layer("Flats", "normal", flats),)
    shade, highlight = (np.zeros((size[1], size[0], 4), np.uint8) for _ in range(2))
    shade[: size[1] // 2] = 128, 128, 128, 255
    highlight[:, : size[0] // 4] = 64, 0, 0, 255
    return (
        Layer("Flats", "normal", flats),
        Layer("Shade", "multiply", Picture(*size, "rgba8", shade.tobytes())),
        Layer("Highlight", "screen", Picture(*size, "rgba8", highlight.tobytes())),
    )


def _arrived(request: ColorizeRequest) -> list[str]:
    """What the checks read in the docker: all that the plugin has sent besides the pictures."""
    asked = request.flats
    hints = ", ".join(f"{h.colour} at ({h.at.x_px:.0f}, {h.at.y_px:.0f})" for h in asked.hints)
    kept = 0 if request.locks is None else np.count_nonzero(_array(request.locks)[..., 3])
    return [
        f"{len(request.pairs)} pairs arrived.",
        f"Asked for: {asked.result}, gaps {asked.gap_px:g}, "
        f"lines {asked.lines}, tones {asked.tones}, empty {asked.empty_background}, "
        f"detail {asked.detail}, hints [{hints}], {len(asked.closing)} closing, "
        f"{len(asked.merging)} merging, {kept} px kept, "
        f"palette [{' '.join(asked.palette[:3])}] of {len(asked.palette)}.",
        f"Quality {request.preset}, references {_counting(request)}, {_start(request)}.",
    ]


def _counting(request: ColorizeRequest) -> str:
    options = request.options_of_references
    each = [f"{o.weight:g}{' painted' if o.only_opaque else ''}" for o in options]
    return f"[{', '.join(each)}]"


def _start(request: ColorizeRequest) -> str:
    if request.initial is None:
        return "from nothing"
    picture = _array(request.initial)
    middle = picture[picture.shape[0] // 2, picture.shape[1] // 2, :3]
    return f"from #{bytes(middle).hex()} at {request.strength:g}"


def _array(picture: Picture) -> np.ndarray:
    """RGBA, (height, width, 4)."""
    pixels = np.frombuffer(picture.pixels, np.uint8)
    pixels = pixels.reshape(picture.height_px, picture.width_px, 4)
    return pixels[..., [2, 1, 0, 3]] if picture.format == "bgra8" else pixels


def _at(picture: Picture, point) -> np.ndarray:
    return _array(picture)[int(point.y_px), int(point.x_px)]


class Modelless(Painter):
    """What a painter does whose weights are missing."""

    @classmethod
    def load(cls, model: str = "mini", device: str | None = None) -> Painter:
        raise errors.ModelNotFound(
            f"There is no model “{model}”.", "Run `python3 install.py` again."
        )
