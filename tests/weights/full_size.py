# SPDX-License-Identifier: GPL-3.0-or-later
"""Random weights of the published sizes in the published layout: 10.5 GB.

python -m tests.weights.full_size FOLDER             write them
python -m tests.weights.full_size FOLDER --convert   convert them, and tell the peak of memory
python -m tests.weights.full_size FOLDER --colorize  colour one picture with them, likewise
"""

from __future__ import annotations

import argparse
import json
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file
from torch import Tensor

from manganinja import PointPair, load_pipeline
from manganinja.weights import ledger
from manganinja.weights.convert import convert
from manganinja.weights.keys import published_shapes
from manganinja.weights.sources import SOURCES

from .tiny import GOLDEN

_UNET = {
    "block_out_channels": (320, 640, 1280, 1280),
    "norm_num_groups": 32,
    "attention_head_dim": 8,
    "cross_attention_dim": 768,
}
_CONFIGS = {
    "StableDiffusion/unet": _UNET,
    "StableDiffusion/vae": {"block_out_channels": (128, 256, 512, 512), "norm_num_groups": 32},
    "models/control_v11p_sd15_lineart": {
        **_UNET,
        "conditioning_embedding_out_channels": (16, 32, 96, 256),
    },
}
_TEXT = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "projection_dim": 768,
    "vocab_size": 49408,
}
_VISION = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "projection_dim": 768,
}
_PICKLES = {
    "unet": "MangaNinjia/denoising_unet.pth",
    "reference_unet": "MangaNinjia/reference_unet.pth",
    "controlnet": "MangaNinjia/controlnet.pth",
    "point_net": "MangaNinjia/point_net.pth",
    "lineart_extractor": "models/Annotators/sk_model.pth",
}


def write(folder: Path) -> None:
    """Fill a folder that is not there yet."""
    torch.manual_seed(0)
    for name in ("StableDiffusion", "models"):
        shutil.copytree(GOLDEN / name, folder / name)
    for place, sizes in _CONFIGS.items():
        _change(folder / place / "config.json", sizes)
    for name, place in _PICKLES.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        torch.save(_random(name), folder / place)
    vae = folder / "StableDiffusion" / "vae" / "diffusion_pytorch_model.safetensors"
    save_file(_random("vae"), vae)
    clip = folder / "models" / "clip-vit-large-patch14"
    towers = {"text_config": _TEXT, "vision_config": _VISION, "projection_dim": 768}
    _change(clip / "config.json", towers)
    save_file({**_random("image_encoder"), **_random("text_encoder")}, clip / "model.safetensors")
    (clip / "vocab.json").write_text(json.dumps({"<|startoftext|>": 49406}))


def _change(path: Path, changes: dict[str, Any]) -> None:
    config = json.loads(path.read_text())
    for key, value in changes.items():
        config[key] = {**config[key], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(config))


def _random(name: str) -> dict[str, Tensor]:
    state = {}
    for key, shape in published_shapes()[name].items():
        inputs = max(1, torch.Size(shape[1:]).numel())
        state[key] = torch.empty(shape).uniform_(-1, 1).mul_(inputs**-0.5)
    return state


def converted(folder: Path) -> None:
    """The folder as the model of the data folder; its digests are not the published ones."""
    ledger.SOURCES = tuple(replace(source, sha256={}) for source in SOURCES)
    convert(ledger.Ledger(), folder)


def colorized(folder: Path) -> None:
    """One square picture at 512 px from the folder as it is: two steps, one pair of points.

    Random weights paint nothing to look at, but every number has to be one.
    """
    pipeline = load_pipeline(folder)
    pipeline.set_progress_bar_config(disable=True)
    lineart = Image.new("L", (512, 512), 255)
    ImageDraw.Draw(lineart).ellipse((100, 100, 400, 400), outline=0, width=4)
    answer = pipeline(
        lineart=lineart,
        reference=Image.radial_gradient("L").resize((512, 512)).convert("RGB"),
        points=[PointPair((100, 250), (250, 250))],
        num_inference_steps=2,
    )
    (picture,) = answer.images
    assert picture.size == (512, 512) and answer.latents.isfinite().all()


def peak_of_own_memory(work: Callable[[], object]) -> int:
    """The most bytes of the process' own while ``work`` runs; mapped files don't count."""
    peak, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.02):
            lines = Path("/proc/self/status").read_text().splitlines()
            (own,) = (int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))
            peak = max(peak, own * 1024)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        work()
    finally:
        ended.set()
        watcher.join()
    return peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    works = parser.add_mutually_exclusive_group()
    for flag, work in (("--convert", converted), ("--colorize", colorized)):
        works.add_argument(flag, dest="work", action="store_const", const=work)
    options = parser.parse_args()
    if options.work is None:
        write(options.folder)
        return
    began = time.monotonic()
    peak = peak_of_own_memory(lambda: options.work(options.folder))
    print(json.dumps({"peak_bytes": peak, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main()
