# SPDX-License-Identifier: GPL-3.0-or-later
"""Line art of a frame: by the published extractor, or what is drawn in ink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from ...errors import BadRequest, ModelNotFound
from .settings import ClipsConfig

Lines = Callable[[np.ndarray], np.ndarray]
"""From a picture (H, W, 3) uint8 RGB to its line art (H, W) uint8, black on white."""


def lines_of(config: ClipsConfig) -> Lines:
    """What draws the line art by these settings.

    Raises:
        BadRequest: the extractor's weights are not here.
    """
    return ink_lines if config.lines == "ink" else extracted_lines(config.lineart_model)


def ink_lines(picture: np.ndarray) -> np.ndarray:
    """Dark strokes: what a closing of the brightest channel fills (its black top-hat).

    Ink is dark in every channel, flats of full colour are bright in one.
    Finds outlines in dark ink up to 1/50 of the shorter side wide. Lines in the colour of
    what they bound, and borders without a line, are not found; dark details such as pupils come
    out as strokes.
    """
    brightest = picture.max(axis=2)
    width = max(5, 2 * (min(brightest.shape) // 100) + 1)
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
    strength = cv2.morphologyEx(brightest, cv2.MORPH_BLACKHAT, around).astype(np.float32)
    # Weak steps are shading and noise of the codec; a line in ink is far darker than its flats.
    strength = np.clip((strength - 12) / 48, 0, 1)
    return np.round(255 * (1 - strength)).astype(np.uint8)


def extracted_lines(model: str) -> Lines:
    """The line extractor of a model (:class:`manganinja.lineart_extractor.LineartExtractor`)."""
    import torch

    from ...lineart_extractor import LineartExtractor
    from ...weights.find import find_model

    remedy = "Run `manganinja weights download`, or give --lines ink (worse: see docs/clips.md)."
    try:
        folder = find_model(model) / "lineart_extractor"
    except ModelNotFound as error:
        raise BadRequest(f"The line extractor is not here: {error.message}", remedy) from error
    if not (folder / "config.json").is_file():
        raise BadRequest(f"The model {model!r} has no line extractor.", remedy)
    place = "cuda" if torch.cuda.is_available() else "cpu"
    network: Any = LineartExtractor.from_pretrained(folder)
    network = network.to(place).eval()

    def lines(picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        # The network halves its picture twice.
        padded = cv2.copyMakeBorder(picture, 0, -height % 4, 0, -width % 4, cv2.BORDER_REPLICATE)
        signed = torch.from_numpy(padded).to(place).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.inference_mode():
            strength = network(signed)[0, 0, :height, :width]
        return (255 * (1 - strength)).round().byte().cpu().numpy()

    return lines
