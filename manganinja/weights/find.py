# SPDX-License-Identifier: GPL-3.0-or-later
"""From a model's name to its folder. Imports no torch, so that a server can list models at once."""

from __future__ import annotations

from pathlib import Path

from ..errors import ModelNotFound
from ..wire.discovery import data_dir

MINI = Path(__file__).parent / "mini"
"""The bundled model, in the layout of ``MangaNinjaPipeline.save_pretrained``."""

PUBLISHED = "manganinja"
"""The name of the published model, once ``manganinja weights`` has put it in its place."""

NONE = "none"
"""Stands in the place of a model's name for work without any, see :mod:`..without_model`."""


MATCH = "match"
"""The name of the bundled matcher, see :mod:`..match`: a network that paints nothing."""

MATCHER = Path(__file__).parent / MATCH
"""Where it lies."""


def published_model() -> Path:
    """Where the converted published model lies, or will."""
    return data_dir() / "weights" / PUBLISHED


def find_model(name: str) -> Path:
    """The folder of a model.

    Args:
        name: "mini" for the bundled model, "manganinja" for the published one, or the path of a
            folder. Folders that have one of these names are written "./mini".

    Raises:
        ModelNotFound: with what to do.
    """
    named = {"mini": MINI, PUBLISHED: published_model()}
    folder = named.get(name) or Path(name).expanduser()
    if is_project_layout(folder) or is_published_layout(folder):
        return folder
    if name == PUBLISHED:
        raise ModelNotFound(
            "The published MangaNinja is not here yet.",
            "Run `manganinja weights download`; it shows the licence first.",
        )
    if name == "mini":
        raise ModelNotFound(
            "The bundled model is not in its place.", "Run `python3 install.py` again."
        )
    raise ModelNotFound(
        f"There is no model in {name!r}.",
        "Use 'mini', 'manganinja' or the folder of a model: one with a model_index.json, or the "
        "published checkpoints folder with MangaNinjia/ and StableDiffusion/ in it.",
    )


def find_matcher(name: str = MATCH) -> Path:
    """The folder of a matcher: "match" for the bundled one, or the path of a folder.

    Raises:
        ModelNotFound: with what to do.
    """
    folder = MATCHER if name == MATCH else Path(name).expanduser()
    if is_matcher(folder):
        return folder
    raise ModelNotFound(
        f"There is no matcher in {name!r}.",
        "Clone or unpack the project again."
        if name == MATCH
        else "Use 'match', or a folder that `manganinja train match --output` has written.",
    )


def is_matcher(folder: Path) -> bool:
    """Whether ``manganinja train match --output`` wrote the folder."""
    return (folder / "matcher.safetensors").is_file() and (folder / "config.json").is_file()


def names_matcher(name: str) -> bool:
    """Whether a model's name means a matcher. A folder called as a model is written ./mini."""
    if name in ("mini", PUBLISHED, NONE):
        return False
    return name == MATCH or is_matcher(Path(name).expanduser())


def is_project_layout(folder: Path) -> bool:
    """Whether ``MangaNinjaPipeline.save_pretrained`` wrote the folder."""
    return (folder / "model_index.json").is_file()


def is_published_layout(folder: Path) -> bool:
    """Whether the folder is laid out as the published code's ``checkpoints/``, whole or not."""
    return (folder / "MangaNinjia").is_dir()
