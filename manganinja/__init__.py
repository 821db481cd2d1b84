# SPDX-License-Identifier: GPL-3.0-or-later
"""MangaNinja: colour for line art from a reference picture and pairs of points.

>>> from manganinja import load_pipeline, PointPair
>>> pipeline = load_pipeline("mini")
>>> pipeline(lineart=lines, reference=picture, points=[PointPair((40, 50), (60, 70))]).images[0]

Names are imported on first use: importing the package does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import BadRequest, BadWeights, Cancelled, MangaNinjaError, ModelNotFound
    from .painter import Painter
    from .pipeline import MangaNinjaOutput, MangaNinjaPipeline
    from .points import PointPair
    from .weights.load import load_pipeline

__version__ = "0.1.0"

_HOMES = {
    "BadRequest": "errors",
    "BadWeights": "errors",
    "Cancelled": "errors",
    "MangaNinjaError": "errors",
    "MangaNinjaOutput": "pipeline",
    "MangaNinjaPipeline": "pipeline",
    "ModelNotFound": "errors",
    "Painter": "painter",
    "PointPair": "points",
    "load_pipeline": "weights.load",
}

__all__ = [
    "BadRequest",
    "BadWeights",
    "Cancelled",
    "MangaNinjaError",
    "MangaNinjaOutput",
    "MangaNinjaPipeline",
    "ModelNotFound",
    "Painter",
    "PointPair",
    "load_pipeline",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
