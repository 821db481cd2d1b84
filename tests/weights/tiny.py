# SPDX-License-Identifier: GPL-3.0-or-later
"""Small random weights under the published names, and a program that takes them for published."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from manganinja.lineart_extractor import LineartExtractor
from manganinja.weights import commands, convert, ledger
from manganinja.weights.published import PublishedFolder
from manganinja.weights.sources import SOURCES
from manganinja.weights.state import shapes_of

GOLDEN = Path(__file__).parent.parent / "model" / "golden" / "weights"


def write_published(folder: Path) -> None:
    """The golden weights, with a line extractor, which is too large to be kept with them."""
    shutil.copytree(GOLDEN, folder)
    extractor = folder / "models" / "Annotators" / "sk_model.pth"
    extractor.parent.mkdir(parents=True)
    torch.manual_seed(0)
    torch.save(LineartExtractor().state_dict(), extractor)


def repositories(folder: Path) -> dict[str, dict[str, bytes]]:
    """The published layout as the repositories on the hub that it comes from."""
    return {
        source.repo: {file: (folder / source.place(file)).read_bytes() for file in source.files}
        for source in SOURCES
    }


def take_for_published(patch: Any) -> None:
    """Forget the true digests, and expect the small networks' shapes in place of the true ones.

    Args:
        patch: ``setattr`` or pytest's ``monkeypatch.setattr``.
    """
    sources = tuple(replace(source, sha256={}) for source in SOURCES)
    patch(ledger, "SOURCES", sources)
    patch(commands, "SOURCES", sources)
    skeleton = PublishedFolder(GOLDEN).skeleton()
    networks = {n: part for n, part in skeleton.components.items() if hasattr(part, "state_dict")}
    del networks["unconditional"]  # No file has it.
    shapes = {name: shapes_of(network) for name, network in networks.items()}
    shapes["text_encoder"] = {
        key: tuple(tensor.shape)
        for key, tensor in _clip_file().items()
        if key.startswith("text_model.")
    }
    shapes["lineart_extractor"] = shapes_of(LineartExtractor())
    patch(convert, "published_shapes", lambda: shapes)


def _clip_file() -> dict[str, torch.Tensor]:
    return load_file(GOLDEN / "models" / "clip-vit-large-patch14" / "model.safetensors")
