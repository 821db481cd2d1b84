# SPDX-License-Identifier: GPL-3.0-or-later
"""The model named "none": regions, palette, pairs and hints alone. Imports no torch.

What the reference's own regions tell of the line art's is in :mod:`.flats.spreading`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from .errors import BadRequest, Cancelled
from .files import to_image
from .finishing import Ground, flat_layers, flats_for, prepare, unsure_regions, usable_pairs
from .flats.checks import few
from .flats.flatten import Flats
from .wire.protocol import ColorizeRequest, Painting, ResultInfo


class Progress(NamedTuple):
    """How far a job is, as :class:`.painter.Progress` says it; there are no steps."""

    stage: str
    fraction: float
    step: int = 0
    steps: int = 0
    preview: None = None


class Unaided:
    """Answers requests as :class:`.painter.Painter` does, but needs no weights.

    Attributes:
        device: where it runs.
        so: begins sentences about what it can't do.
    """

    device = "cpu"
    so = "Without a model"

    def flats(self, ground: Ground, on_fraction: Callable[[float], None]) -> Flats:
        """The regions of a request with their colours."""
        return flats_for(ground, None, on_fraction=on_fraction)

    def paint(
        self,
        request: ColorizeRequest,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Painting:
        """Answer one request; ``steps``, ``preset``, ``seed`` and the guidance scales mean nothing
        here. What is transparent in a reference never counts, whatever its options say.

        Raises:
            BadRequest: the pictures can't be used, or something painted is asked for.
            Cancelled: ``is_cancelled`` said so between two stages.
        """
        started = time.monotonic()

        def watch(fraction: float) -> None:
            if is_cancelled():
                raise Cancelled
            on_progress(Progress("reading" if fraction == 0 else "finishing", fraction))

        watch(0.0)
        self._check(request)
        pairs, notes = usable_pairs(request)
        ground = prepare(request, pairs, lambda part: watch(0.5 * part))
        flats = self.flats(ground, lambda part: watch(0.5 + 0.5 * part))
        notes = (*notes, *self._not_used(request), *flats.notes, *_left_empty(flats))
        seconds = time.monotonic() - started
        unsure = unsure_regions(flats)
        info = ResultInfo(request.seed, request.model, 0, seconds, self.device, notes, unsure)
        return Painting(flat_layers(flats, apart=request.flats.result == "colours"), info)

    def _check(self, request: ColorizeRequest) -> None:
        kind = request.flats.result
        if kind not in ("flats", "colours"):
            what = "shading" if kind == "layers" else kind
            raise BadRequest(
                f"{self.so} nothing is painted, so there is no {what}.",
                "Ask for flats, or choose a model that paints.",
            )
        for number, picture in enumerate(request.references, start=1):
            image = to_image(picture)
            alpha = image.getchannel("A").getextrema() if image.mode == "RGBA" else (255, 255)
            if alpha[1] == 0:
                raise BadRequest(
                    f"Reference {number} is empty.", "Choose a layer with a coloured picture on it."
                )

    def _not_used(self, request: ColorizeRequest) -> list[str]:
        """Sentences about what is asked for, and only a network that paints can do."""
        if request.initial is None:
            return []
        return [f"{self.so} nothing starts from a picture: it was not used."]


def _left_empty(flats: Flats) -> list[str]:
    empty = [r for r in flats.unsure() if flats.assignment.index[r.region] < 0]
    if not empty:
        return []
    places = few([r.at for r in empty])
    count = "One region is" if len(empty) == 1 else f"{len(empty)} regions are"
    return [
        f"{count} empty, since nothing in the reference is like it for sure: {places}. "
        "A pair or a dot of a colour on a region fills it."
    ]
