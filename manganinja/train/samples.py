# SPDX-License-Identifier: GPL-3.0-or-later
"""Sample pictures of a run: held-out pairs colorized by the networks as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image

from ..pipeline import MangaNinjaPipeline
from ..points import PointPair
from .drawings import DrawnPair, point_pairs
from .networks import Networks
from .pool import held_out_pairs
from .settings import TrainingConfig
from .starts import Start


def pipeline_of(
    networks: Networks, start: Start, config: TrainingConfig, **options: Any
) -> MangaNinjaPipeline:
    """The networks as a pipeline that works as they were trained.

    Args:
        options: further ones of :class:`MangaNinjaPipeline`.
    """
    card = replace(
        config.card,
        licence=start.licence or config.card.licence,
        resolution=config.card.resolution or config.size_px,
    )
    return MangaNinjaPipeline(
        vae=start.codec,
        scheduler=start.scheduler,
        **vars(networks),
        square=True,
        keeps_thin_lines=True,
        paints_lines=config.data.lines_in_target,
        matches_by_attention=config.matching > 0,
        **{**vars(card), **options},
    )


@torch.no_grad()
def sample_sheet(
    networks: Networks, start: Start, config: TrainingConfig, device: torch.device
) -> Image.Image:
    """Rows of reference, line art, without points, with eight points, truth."""
    modes = {name: module.training for name, module in networks.items()}
    for _, module in networks.items():
        module.eval()
    pipeline = pipeline_of(networks, start, config, resolution=config.size_px)
    pipeline.place = device
    pipeline.set_progress_bar_config(disable=True)
    rows = [
        _row(pipeline, pair, index, config)
        for index, pair in enumerate(held_out_pairs(config.sample_pairs, config.size_px))
    ]
    for name, module in networks.items():
        module.train(modes[name])
    return Image.fromarray(np.vstack(rows))


def _row(
    pipeline: MangaNinjaPipeline, pair: DrawnPair, index: int, config: TrainingConfig
) -> np.ndarray:
    points = point_pairs(pair, 8, np.random.default_rng(index)).tolist()
    pairs = [PointPair(tuple(there), tuple(here)) for there, here in points]
    lineart = pair.target.lineart

    def painted(given: list[PointPair]) -> np.ndarray:
        output = pipeline(
            lineart=Image.fromarray(lineart),
            reference=Image.fromarray(pair.reference.colour),
            points=given,
            num_inference_steps=config.sample_steps,
            seed=index,
        )
        return np.asarray(output.images[0])

    truth = pair.target.colour if config.data.lines_in_target else pair.target.flats
    lines = np.repeat(lineart[..., None], 3, axis=2)
    return np.hstack([pair.reference.colour, lines, painted([]), painted(pairs), truth])
