# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts codec and trained networks together as a pipeline folder that ships."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..errors import BadRequest
from ..pipeline import MangaNinjaPipeline
from ..preview import fit_latent_colours
from ..weights.find import is_project_layout
from .run_folder import RunFolder
from .samples import pipeline_of
from .settings import CardConfig


def export(
    run: Path, output: Path, codec: Any = None, card: CardConfig | None = None
) -> MangaNinjaPipeline:
    """Write the averaged weights of a run in half precision, with its config and curve.

    Args:
        codec: in place of the one that the run was trained with, such as one whose decoder was
            trained on.
        card: in place of the run's.

    Raises:
        BadRequest: there is no run, it has no checkpoint, or the output folder is something else.
    """
    folder = RunFolder(run)
    config, start = folder.config(), folder.start()
    config = replace(config, card=card or config.card)
    start.codec = codec if codec is not None else start.codec
    networks = folder.averaged_networks()
    colours = fit_latent_colours(start.codec).tolist()
    pipeline = pipeline_of(networks, start, config, latent_colours=colours)
    if output.exists():
        if any(output.iterdir()) and not is_project_layout(output):
            raise BadRequest(
                f"{output} holds something else than a model.", "Name an empty or a new folder."
            )
        shutil.rmtree(output)
    pipeline.to(torch.float16).save_pretrained(output)
    _forget_own_paths(output)
    for name in ("config.toml", "curve.jsonl"):
        if (run / name).exists():
            shutil.copyfile(run / name, output / f"training_{name}")
    manifest = {"files": _fingerprints(output)}
    (output / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(manifest, indent=1))
    return pipeline.to(torch.float32)


def _forget_own_paths(folder: Path) -> None:
    """Take out what diffusers notes of the folders from which parts were loaded."""
    for path in folder.glob("*/config.json"):
        config = json.loads(path.read_text(encoding="utf-8"))
        if config.pop("_name_or_path", None) is not None:
            path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def _fingerprints(folder: Path) -> dict[str, dict[str, int | str]]:
    """Size and SHA-256 of each weight file, for install.py to check."""
    return {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(folder.rglob("*.safetensors"))
    }
