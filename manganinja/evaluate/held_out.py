# SPDX-License-Identifier: GPL-3.0-or-later
"""A model against naive answers on generated pairs that no training run has seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from ..pipeline import MangaNinjaPipeline
from ..points import PointPair
from ..train.batch import recolour
from ..train.codec import to_signed
from ..train.drawings import DrawnPair, point_pairs
from ..train.pool import held_out_pairs

LATENT_PX = 8
"""Pixels a side that one latent of the bundled codec stands for."""

Answer = Callable[[DrawnPair, np.ndarray], np.ndarray]
"""From a pair and its points (n, 2, 2) to a colour layer (S, S, 3) uint8."""


@dataclass(frozen=True)
class Score:
    """Means over all pairs.

    Attributes:
        layer_db: PSNR of the colour layer against the true one, in dB.
        page_db: the same with the line art multiplied on top of both, as an artist sees it.
        mse_at_points: squared error in [0, 1] units over 3 x 3 pixels round the line-art ends of
            the points (the form of the paper's table), measured whether or not they were given.
        mse_in_small_parts, mse_in_large_parts: the same at the points whose part of the drawing
            is smaller than a latent (8 x 8 pixels), and at the others; NaN where there are none.
    """

    layer_db: float
    page_db: float
    mse_at_points: float
    mse_in_small_parts: float
    mse_in_large_parts: float


def psnr_db(answer: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two uint8 pictures in dB; 100 for equal ones."""
    error = np.square(answer.astype(np.float64) - truth.astype(np.float64)).mean()
    return 100.0 if error == 0 else float(10 * np.log10(255**2 / error))


def _page(layer: np.ndarray, lineart: np.ndarray) -> np.ndarray:
    return np.rint(layer.astype(np.float32) * (lineart[..., None] / 255)).astype(np.uint8)


def errors_at_points(answer: np.ndarray, truth: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Squared error in [0, 1] units over 3 x 3 pixels at the line-art end of each point, (n,)."""
    size = truth.shape[0]
    errors = []
    for x, y in points[:, 1].astype(int):
        rows = slice(max(0, y - 1), min(size, y + 2))
        columns = slice(max(0, x - 1), min(size, x + 2))
        difference = answer[rows, columns].astype(float) - truth[rows, columns].astype(float)
        errors.append(np.square(difference / 255).mean())
    return np.array(errors)


def _in_small_parts(pair: DrawnPair, points: np.ndarray) -> np.ndarray:
    """Whether the part under the line-art end of each point is smaller than a latent, (n,)."""
    x, y = points[:, 1].astype(int).T
    areas = np.bincount(pair.target.parts.ravel())
    return areas[pair.target.parts[y, x]] < LATENT_PX * LATENT_PX


def mean_colour(pair: DrawnPair, points: np.ndarray) -> np.ndarray:
    """Naive answer: the reference's mean colour everywhere."""
    mean = pair.reference.colour.reshape(-1, 3).mean(axis=0)
    return np.broadcast_to(np.rint(mean).astype(np.uint8), pair.target.flats.shape)


def untouched(pair: DrawnPair, points: np.ndarray) -> np.ndarray:
    """Naive answer: the line art as it is, on white."""
    return np.full_like(pair.target.flats, 255)


def through_codec(pipeline: MangaNinjaPipeline) -> Answer:
    """The truth through the model's autoencoder: no training of the networks gives more."""

    def answer(pair: DrawnPair, points: np.ndarray) -> np.ndarray:
        truth = to_signed([pair.target.flats]).to(pipeline.place)
        with torch.no_grad():
            latents = pipeline.vae.encode(truth).latent_dist.mode()
        return np.asarray(pipeline.decode(latents * pipeline.vae.config["scaling_factor"]))

    return answer


def model(pipeline: MangaNinjaPipeline, steps: int | None, with_points: bool) -> Answer:
    """The answer of a model that paints the colour under the lines."""

    def answer(pair: DrawnPair, points: np.ndarray) -> np.ndarray:
        given = [PointPair(tuple(r), tuple(t)) for r, t in points.tolist()]
        output = pipeline(
            lineart=Image.fromarray(pair.target.lineart),
            reference=Image.fromarray(pair.reference.colour),
            points=given if with_points else (),
            num_inference_steps=steps,
        )
        return np.asarray(output.images[0])

    return answer


def score(answer: Answer, pairs: Iterable[DrawnPair], points_each: int = 8) -> Score:
    """Measure one answer; the points of a pair depend on its place in ``pairs`` alone."""
    layers, pages, errors, small = [], [], [np.zeros(0)], [np.zeros(0, bool)]
    for index, pair in enumerate(pairs):
        points = point_pairs(pair, points_each, np.random.default_rng(index))
        painted, truth, lines = answer(pair, points), pair.target.flats, pair.target.lineart
        layers.append(psnr_db(painted, truth))
        pages.append(psnr_db(_page(painted, lines), _page(truth, lines)))
        errors.append(errors_at_points(painted, truth, points))
        small.append(_in_small_parts(pair, points))
    of_pair = [float(values.mean()) for values in errors if len(values)]
    at_points, in_small = np.concatenate(errors), np.concatenate(small)
    return Score(
        float(np.mean(layers)),
        float(np.mean(pages)),
        float(np.mean(of_pair)),
        _mean(at_points[in_small]),
        _mean(at_points[~in_small]),
    )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def obedience(pipeline: MangaNinjaPipeline, count: int, steps: int | None) -> tuple[float, float]:
    """How far a single point that contradicts the drawing moves the colour beneath it.

    In each of ``count`` held-out pairs one part is to take the colour of another part of the
    reference, which nothing but the point says. 0 is the colour that the drawing has there, 1 the
    one that the point asks for; the medians, without the point and with it. Pairs in which the
    two colours hardly differ (by less than a tenth of full scale) are left out.
    """
    moves = []
    for index, pair in enumerate(held_out_pairs(count, pipeline.config["resolution"])):
        wanted, parts = pair.target.flats.copy(), pair.target.parts.astype(np.uint8)
        forced = recolour(pair, wanted, parts, np.random.default_rng(index), most=1)
        if not forced:
            continue
        points = np.stack(forced)
        x, y = points[0, 1].astype(int)
        before = pair.target.flats[y, x].astype(float)
        change = wanted[y, x] - before
        if np.linalg.norm(change) < 25.5 * np.sqrt(3):
            continue
        painted = [model(pipeline, steps, given)(pair, points)[y, x] for given in (False, True)]
        moves.append([(colour - before) @ change / (change @ change) for colour in painted])
    without, given = np.median(np.array(moves).reshape(-1, 2), axis=0)
    return float(without), float(given)


def table(
    pipeline: MangaNinjaPipeline, count: int, steps: int | None, first: int = 0
) -> dict[str, Score]:
    """Scores of the model with and without points and of the naive answers on ``count`` pairs."""
    pairs = list(held_out_pairs(first + count, pipeline.config["resolution"]))[first:]
    answers = {
        "untouched line art": untouched,
        "reference's mean colour": mean_colour,
        "truth through the codec": through_codec(pipeline),
        "model without points": model(pipeline, steps, with_points=False),
        "model with points": model(pipeline, steps, with_points=True),
    }
    return {name: score(answer, pairs) for name, answer in answers.items()}


def sheet(pipeline: MangaNinjaPipeline, count: int, steps: int | None) -> Image.Image:
    """Rows of reference, line art, without points, with points, truth; two pairs a row."""
    rows = []
    for index, pair in enumerate(held_out_pairs(count, pipeline.config["resolution"])):
        points = point_pairs(pair, 8, np.random.default_rng(index))
        lines = pair.target.lineart
        painted = [model(pipeline, steps, flag)(pair, points) for flag in (False, True)]
        white = untouched(pair, points)
        layers = [white, *painted, pair.target.flats]
        rows.append(np.hstack([pair.reference.colour, *(_page(la, lines) for la in layers)]))
    if len(rows) % 2:
        rows.append(np.full_like(rows[0], 255))
    return Image.fromarray(np.vstack([np.hstack(rows[i : i + 2]) for i in range(0, len(rows), 2)]))
