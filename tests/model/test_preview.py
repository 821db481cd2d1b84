# SPDX-License-Identifier: GPL-3.0-or-later
"""Previews look like what the autoencoder would decode, and don't decode."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from manganinja import MangaNinjaPipeline, load_pipeline
from manganinja.files import read_image, to_picture
from manganinja.framing import Frame
from manganinja.memory import Memory
from manganinja.painter import Painter
from manganinja.preview import preview
from manganinja.wire.protocol import ColorizeRequest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "character"


@pytest.fixture(scope="module")
def mini() -> MangaNinjaPipeline:
    return load_pipeline("mini")


def decibels(a: Image.Image, b: Image.Image) -> float:
    """PSNR at the latents' resolution: finer detail is not what a preview is for."""
    small = [
        np.asarray(image.resize((12, 16), Image.Resampling.BOX), dtype=float) for image in (a, b)
    ]
    return float(10 * np.log10(255**2 / np.square(small[0] - small[1]).mean()))


def test_a_preview_has_the_colours_of_the_decoded_picture(mini: MangaNinjaPipeline) -> None:
    picture = read_image(EXAMPLE / "colour_truth.png").convert("RGB")
    frame = mini.frames([picture.size])[0]
    scaled = mini._encode(picture, frame, Memory())[0] * mini.vae.config["scaling_factor"]
    placed = Frame(frame.placed_px, frame.placed_px, frame.padded_px)
    with torch.no_grad():
        decoded = mini.decode(scaled, placed)
    shown = preview(scaled, mini.latent_colours, frame, mini.config["resolution"])
    assert shown.size == decoded.size
    assert decibels(shown, decoded) > 21
    assert decibels(Image.new("RGB", (8, 8), (128, 128, 128)), decoded) < 15
    assert max(preview(scaled, mini.latent_colours, frame, 50).size) == 50


def test_previews_do_not_use_the_decoder(mini: MangaNinjaPipeline) -> None:
    lineart, reference = (
        to_picture(read_image(EXAMPLE / f"{name}.png")) for name in ("lineart", "reference")
    )
    decoded: list[int] = []
    hook = mini.vae.decoder.register_forward_hook(lambda *_: decoded.append(1))
    previews: list[object] = []
    try:
        Painter(mini, "mini").paint(
            ColorizeRequest(lineart, (reference,), steps=4),
            lambda progress: previews.append(progress.preview),
        )
    finally:
        hook.remove()
    assert any(previews) and len(decoded) == 1
