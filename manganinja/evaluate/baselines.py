# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that know less than a model should: what a model has to beat.

Without a network: the line art as it is, the reference's mean colour, and its palette handed out
by size alone. (Region matching without a network is the model ``none``.) With one: IP-Adapter and
the line-art ControlNet on Stable Diffusion 1.5, the paper's baseline that needs no training.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError

from ..errors import BadRequest, ModelNotFound
from ..finishing import Ground, prepare
from ..flats.palette import nearest
from ..points import PointPair
from ..weights.find import NONE
from .answers import Given, request
from .cases import Case, page
from .metrics import Answer, find_snapshot

STABLE_DIFFUSION = "stable-diffusion-v1-5/stable-diffusion-v1-5"
CONTROLNET = "lllyasviel/control_v11p_sd15_lineart"
IP_ADAPTER = "h94/IP-Adapter"
IP_ADAPTER_FILE = "ip-adapter_sd15.safetensors"


class Naive:
    """An answer that a function of the case gives."""

    takes_points = False

    def __init__(self, name: str, answer: Callable[[Case], Answer]) -> None:
        self.name, self._answer = name, answer

    def answers(self, case: Case, points: Sequence[PointPair]) -> list[Given]:
        """Its one answer."""
        started = time.monotonic()
        answer = self._answer(case)
        return [Given(self.name, answer, time.monotonic() - started)]


def naive() -> list[Naive]:
    """All baselines that need no network."""
    return [
        Naive("untouched line art", untouched),
        Naive("mean colour", mean_colour),
        Naive("global palette", global_palette),
    ]


def untouched(case: Case) -> Answer:
    """The line art as it is, on white."""
    layer = np.zeros((*case.lineart.shape, 4), np.uint8)
    return Answer(np.repeat(case.lineart[..., None], 3, axis=2), layer)


def mean_colour(case: Case) -> Answer:
    """The references' mean colour everywhere."""
    mean = np.concatenate([r.reshape(-1, 3) for r in case.references]).mean(axis=0)
    return _opaque(np.broadcast_to(np.rint(mean).astype(np.uint8), (*case.lineart.shape, 3)), case)


def global_palette(case: Case) -> Answer:
    """The references' colours handed out to the line art's regions by size alone.

    Paper takes paper's colour. Each other region, the largest first, takes the colour of which
    most is still to be had: its share of the reference's figure, less what was handed out. So the
    page ends up with about as much of each colour as the reference, wherever that may be.
    """
    ground = prepare(request(case, NONE), {})
    if ground.cut is None:
        return untouched(case)
    regions, colours = ground.cut.regions, ground.palette.colours
    quota, paper = _shares(ground)
    if not quota.any():
        return mean_colour(case)
    figure = ~regions.background
    left = quota * regions.areas_px[figure].sum()
    index = np.full(regions.count, paper)
    for region in np.argsort(-regions.areas_px, kind="stable"):
        if figure[region]:
            index[region] = int(left.argmax())
            left[index[region]] -= regions.areas_px[region]
    return _opaque(colours[index][regions.labels], case)


def _shares(ground: Ground) -> tuple[np.ndarray, int]:
    """Of each colour of the palette its share of the references' figures, and the paper's index.

    Lines have no share: only pixels that are exactly a flat colour count, where there are such.
    """
    counts = np.zeros(len(ground.palette), np.float64)
    papers: list[int] = []
    for picture, reference in zip(ground.pictures, ground.references, strict=True):
        pixels = picture[picture[..., 3] >= 128][:, :3]
        index = nearest(ground.palette, pixels)
        exact = (ground.palette.colours[index] == pixels).all(axis=1)
        counts += np.bincount(index[exact] if exact.any() else index, minlength=len(counts))
        if reference.paper is not None:
            papers.append(int(nearest(ground.palette, np.array([reference.paper], np.uint8))[0]))
    if not papers:
        return counts / max(counts.sum(), 1), int(counts.argmax())
    counts[papers] = 0
    return counts / max(counts.sum(), 1), papers[0]


def _opaque(colours: np.ndarray, case: Case) -> Answer:
    alpha = np.full((*case.lineart.shape, 1), 255, np.uint8)
    return Answer(page(colours, case.lineart), np.concatenate([colours, alpha], axis=2))


def _of_eights(side: float) -> int:
    return max(8, round(side / 8) * 8)


class IpAdapter:
    """IP-Adapter with the line-art ControlNet, by diffusers, as a user of both would run them.

    No text; the guidance scale and the steps are diffusers' own defaults unless told otherwise.
    It paints lines, and takes no points.
    """

    name, takes_points = "IP-Adapter + ControlNet", False

    def __init__(self, pipeline: Any, steps: int = 50, size_px: int = 512) -> None:
        pipeline.set_progress_bar_config(disable=True)
        self._pipeline, self._steps, self._size_px = pipeline, steps, size_px

    @classmethod
    def load(cls, folder: Path | None = None, **options: Any) -> IpAdapter:
        """From ``folder`` (``stable-diffusion-v1-5/``, ``control_v11p_sd15_lineart/``,
        ``IP-Adapter/models/``) or the Hugging Face cache; nothing is downloaded.

        Raises:
            ModelNotFound: something of it is not on this disk.
        """
        from diffusers import ControlNetModel, StableDiffusionControlNetPipeline

        cuda = torch.cuda.is_available()
        kind: dict[str, Any] = {"torch_dtype": torch.float16 if cuda else torch.float32}
        try:
            base, control, adapter = (
                find_snapshot(name, folder) for name in (STABLE_DIFFUSION, CONTROLNET, IP_ADAPTER)
            )
            pipeline = StableDiffusionControlNetPipeline.from_pretrained(
                base,
                controlnet=ControlNetModel.from_pretrained(control, **kind),
                safety_checker=None,
                requires_safety_checker=False,
                **kind,
            )
            pipeline.load_ip_adapter(
                str(adapter), subfolder="models", weight_name=IP_ADAPTER_FILE, **kind
            )
        except ModelNotFound as error:
            raise ModelNotFound(
                f"{cls.name} was left out: {error.message}", error.remedy
            ) from error
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelNotFound(
                f"{cls.name} was left out: its weights can't be loaded "
                f"({str(error).splitlines()[0]}).",
                "Get them anew.",
            ) from error
        return cls(pipeline.to("cuda" if cuda else "cpu"), **options)

    def answers(self, case: Case, points: Sequence[PointPair]) -> list[Given]:
        """Its painting, scaled to the page."""
        started = time.monotonic()
        height, width = case.lineart.shape
        # Both sides multiples of 8, as latents need; white lines on black, as this ControlNet was
        # trained.
        scale = self._size_px / max(height, width)
        size = _of_eights(width * scale), _of_eights(height * scale)
        lines = Image.fromarray(255 - case.lineart).convert("RGB").resize(size)
        references = [Image.fromarray(reference) for reference in case.references]
        output = self._pipeline(
            "",
            image=lines,
            ip_adapter_image=[references],
            width=size[0],
            height=size[1],
            num_inference_steps=self._steps,
            generator=torch.Generator("cpu").manual_seed(0),
        )
        if not output.images:
            raise BadRequest("It painted nothing.")
        shown = np.asarray(output.images[0].convert("RGB").resize((width, height)))
        alpha = np.full((height, width, 1), 255, np.uint8)
        answer = Answer(shown, np.concatenate([shown, alpha], axis=2))
        return [Given(self.name, answer, time.monotonic() - started)]
