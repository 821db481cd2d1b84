# SPDX-License-Identifier: GPL-3.0-or-later
"""Those who answer: the models, each by what it paints and by the flats that an artist gets."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

from ..errors import BadRequest
from ..files import to_image, to_picture
from ..finishing import finish, scaled
from ..match.painter import Matching
from ..painter import Painter
from ..points import PointPair
from ..weights.find import NONE, names_matcher
from ..wire.protocol import ColorizeRequest, Layer, Painting, Pair, Point, ProtocolError
from ..without_model import Unaided
from .cases import Case, page
from .metrics import Answer


@dataclass(frozen=True)
class Given:
    """An answer, what it is called in tables, and how many seconds it took."""

    name: str
    answer: Answer
    seconds: float


class Contestant(Protocol):
    """Somebody who answers cases."""

    name: str
    takes_points: bool

    def answers(self, case: Case, points: Sequence[PointPair]) -> list[Given]:
        """One answer or more. Raises BadRequest where it can't answer this case."""
        ...


class Paints(Protocol):
    """What ``manganinja colorize --model`` stands on: answers one request."""

    def paint(self, request: ColorizeRequest) -> Painting:
        """The finished layers."""
        ...


def contestant(model: str, steps: int | None = None) -> Contestant:
    """A model by the name that ``manganinja colorize`` takes.

    Raises:
        ModelNotFound, BadWeights: with what to do.
    """
    if model == NONE:
        return Finisher(NONE, Unaided())
    if names_matcher(model):
        return Finisher(model, Matching.load(model))
    return Network(model, Painter.load(model), steps)


class Finisher:
    """A model that gives finished flats and shows nothing else."""

    takes_points = True

    def __init__(self, model: str, painter: Paints) -> None:
        self.name, self._painter = model, painter

    def answers(self, case: Case, points: Sequence[PointPair]) -> list[Given]:
        """The flats."""
        started = time.monotonic()
        painted = self._painter.paint(request(case, self.name, points))
        seconds = time.monotonic() - started
        return [Given(f"{self.name}, flats", of_layers(painted.layers, case), seconds)]


class Network:
    """A diffusion model: its proposal, and the flats that are made of it, in one run."""

    takes_points = True

    def __init__(self, model: str, painter: Painter, steps: int | None) -> None:
        self.name, self._painter, self._steps = model, painter, steps

    def answers(self, case: Case, points: Sequence[PointPair]) -> list[Given]:
        """The proposal and the flats; the seconds of the flats have those of the proposal in
        them."""
        started = time.monotonic()
        asked = request(case, self.name, points, self._steps)
        job = self._painter.begin(asked)
        ground = job.prepare()
        prepared = time.monotonic()
        proposal = job.propose()
        painted = time.monotonic()
        spreading = self._painter.spreading
        finished = finish(ground, proposal.picture, proposal.matches, spreading=spreading)
        ended = time.monotonic()
        layer = np.asarray(to_image(scaled(proposal.picture, asked.lineart)))
        lined = self._painter.pipeline.config["paints_lines"]
        shown = (
            np.ascontiguousarray(layer[..., :3]) if lined else page(layer[..., :3], case.lineart)
        )
        flats = of_layers(finished.layers, case)
        return [
            Given(f"{self.name}, proposal", Answer(shown, layer), painted - prepared),
            Given(f"{self.name}, flats", flats, ended - started),
        ]


def request(
    case: Case, model: str, points: Sequence[PointPair] = (), steps: int | None = None
) -> ColorizeRequest:
    """The request that an artist would send for a case, with seed 0."""
    pairs = tuple(Pair(Point(*p.reference), Point(*p.lineart), p.reference_index) for p in points)
    try:
        return ColorizeRequest(
            lineart=to_picture(Image.fromarray(case.lineart)),
            references=tuple(to_picture(Image.fromarray(r)) for r in case.references),
            pairs=pairs,
            model=model,
            steps=steps,
            seed=0,
        )
    except ProtocolError as error:
        raise BadRequest(error.message, error.remedy) from error


def of_layers(layers: Sequence[Layer], case: Case) -> Answer:
    """The answer that finished flats are: their lowest layer below the lines."""
    layer = to_image(layers[0].picture).convert("RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    colours = np.asarray(flat)[..., :3]
    return Answer(page(colours, case.lineart), np.asarray(layer))
