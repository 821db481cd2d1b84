# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model says of itself, read from its folder: at once, and without torch."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from manganinja.errors import ModelNotFound
from manganinja.weights.find import MATCH, NONE, PUBLISHED, find_matcher, find_model
from manganinja.wire.protocol import ModelInfo

UNAIDED = ModelInfo(NONE, title="No model: regions and points")
"""What can be had without any weights."""


def bundled() -> tuple[ModelInfo, ...]:
    """What comes with the program beside the default model, the least of it last."""
    # Torch is asked for, not imported: the server has no use for it.
    if find_spec("torch") is None:
        return (UNAIDED,)
    return (*(card for card in map(describe, (MATCH, "mini")) if card.title), UNAIDED)


def installed() -> tuple[ModelInfo, ...]:
    """What was put in its place after the program: the published model, once it is there."""
    try:
        find_model(PUBLISHED)
    except ModelNotFound:
        return ()
    return (describe(PUBLISHED),)


def describe(model: str) -> ModelInfo:
    """As much as can be known before the model is loaded; the name at least. Never raises."""
    if model == NONE:
        return UNAIDED
    try:
        path = _card(model)
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ModelNotFound, OSError, ValueError, RecursionError):
        return ModelInfo(model)
    if not isinstance(values, dict):
        return ModelInfo(model)
    return ModelInfo(
        name=model,
        title=_value(values, "title", str) or "",
        working_resolution=_value(values, "resolution", int),
        guidance_reference=_value(values, "guidance_reference", float, int),
        guidance_points=_value(values, "guidance_points", float, int),
        steps=_value(values, "steps", int),
        licence=_value(values, "licence", str) or "",
    )


def _card(model: str) -> Path:
    return (
        find_matcher() / "config.json" if model == MATCH else find_model(model) / "model_index.json"
    )


def _value(values: dict[str, Any], name: str, *kinds: type) -> Any:
    value = values.get(name)
    return value if type(value) in kinds else None
