# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
import torch

from manganinja import MangaNinjaPipeline, load_pipeline
from manganinja.painter import Painter

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def published() -> MangaNinjaPipeline:
    """Small random weights in the published layout."""
    pipeline = load_pipeline(GOLDEN / "weights")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@pytest.fixture(scope="session")
def small_model(published: MangaNinjaPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights as a model folder that works at 64 px in two steps."""
    folder = tmp_path_factory.mktemp("model") / "small"
    options = {"resolution": 64, "steps": 2, "title": "Small", "licence": "none"}
    MangaNinjaPipeline(**published.components, **options).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def painter(small_model: Path) -> Painter:
    return Painter.load(str(small_model), device="cpu")
