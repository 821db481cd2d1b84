# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
import torch

from manganinja.train.codec import CodecConfig, new_codec
from manganinja.train.networks import NetworkConfig
from manganinja.train.settings import TrainingConfig

SIZE = 64
TINY = TrainingConfig(
    size_px=SIZE,
    batch=2,
    steps=4,
    pool=4,
    warm_up_steps=1,
    report_every=1,
    save_every_steps=2,
    sample_every=0,
    tensorboard=False,
    networks=NetworkConfig(channels=(16, 32), heads=2, norm_groups=4, embedding=16, clip_width=16),
)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def codec() -> Any:
    torch.manual_seed(0)
    return new_codec(CodecConfig(channels=(8, 8, 8, 16), latent_channels=4)).eval()
