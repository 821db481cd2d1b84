# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads a pipeline from the project's own layout or from the published one."""

from __future__ import annotations

from pathlib import Path

import torch

from ..pipeline import MangaNinjaPipeline
from .find import find_model, is_published_layout
from .published import load_published


def load_pipeline(
    model: str | Path = "mini",
    device: str | torch.device = "cpu",
    torch_dtype: torch.dtype = torch.float32,
) -> MangaNinjaPipeline:
    """A pipeline, ready to call.

    Args:
        model: "mini" (bundled), "manganinja" (published, see docs/weights.md), a folder written by
            ``save_pretrained``, or a folder laid out as the published code's ``checkpoints/``.
        device: where it runs.
        torch_dtype: of all networks.

    Raises:
        ModelNotFound, BadWeights: with what to do.
    """
    folder = find_model(str(model))
    load = load_published if is_published_layout(folder) else MangaNinjaPipeline.from_pretrained
    return load(folder, torch_dtype).to(device)
