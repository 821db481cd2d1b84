# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a model runs, what stays there, and what happens when memory runs out."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from manganinja import MangaNinjaPipeline, load_pipeline, winograd
from manganinja.painter import Painter
from manganinja.places import MODES, Place, Residence, best_place, is_out_of_memory, prepare
from manganinja.wire.protocol import ColorizeRequest

from .test_painter import request_  # noqa: F401 - a fixture
from .test_pipeline import latents


@pytest.fixture
def pipeline(small_model: Path) -> MangaNinjaPipeline:
    loaded = load_pipeline(small_model)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def test_a_place_is_chosen_with_a_sentence_and_a_small_model_keeps_its_digits() -> None:
    small, large = best_place(), best_place(5 << 30, "mps")
    assert small.dtype == torch.float32 and "small" in small.why
    assert (large.device, large.dtype) == ("mps", torch.float16)
    assert large.why.startswith("mps was asked for;") and large.why.endswith(".")


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_paints_the_same(pipeline: MangaNinjaPipeline, mode: str) -> None:
    expected = latents(pipeline)
    Residence(pipeline, "cpu", mode)
    # Rounding grows through two steps of guidance 9 and 15; latents go up to 22.
    torch.testing.assert_close(latents(pipeline), expected, atol=1e-2, rtol=1e-4)


def test_layer_by_layer_no_weight_stays(pipeline: MangaNinjaPipeline) -> None:
    Residence(pipeline, "cpu", "sequential")
    latents(pipeline)
    assert {p.device.type for p in pipeline.unet.parameters()} == {"meta"}


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError("can't allocate memory: 9 bytes")],
)
def test_when_memory_runs_out_the_next_mode_is_tried_and_the_artist_told(
    small_model: Path,
    request_: ColorizeRequest,  # noqa: F811
    error: Exception,
) -> None:
    painter = Painter.load(str(small_model), device="cpu")
    expected = painter.paint(request_).picture
    left = [error]

    def fails_once(module: nn.Module, inputs: object) -> None:
        if left:
            raise left.pop()

    painter.pipeline.unet.conv_in.register_forward_pre_hook(fails_once)
    painting = painter.paint(request_)
    assert painter.residence.mode == "visiting" and not left
    assert painting.info.notes[0].startswith("There was not enough memory")
    assert painting.picture == expected


def test_the_last_modes_error_is_what_the_caller_gets(pipeline: MangaNinjaPipeline) -> None:
    residence, tried, told = Residence(pipeline, "cpu"), [], []

    def never() -> None:
        tried.append(residence.mode)
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        residence.run(never, told.append)
    assert tuple(tried) == MODES and len(told) == len(MODES) - 1
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


@torch.no_grad()
@pytest.mark.parametrize("size", [(24, 24), (25, 31), (64, 48)])
def test_winograds_convolution_is_the_convolution(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(128, 160, 3, padding=1),
        nn.Conv2d(160, 128, 3, padding=1, bias=False),
        nn.Conv2d(128, 128, 3, stride=2, padding=1),
        nn.Conv2d(128, 8, 3, padding=1),
    )
    pictures = torch.randn(2, 128, *size)
    expected = network(pictures)
    assert winograd.install(network) == 2
    kernels = [k for k in network.state_dict() if "kernel" in k]
    result = network(pictures)
    assert result.is_contiguous() or result.shape == expected.shape
    torch.testing.assert_close(result, expected, atol=2e-5, rtol=1e-4)
    assert getattr(network[0], "_kernels") is not None and not kernels  # noqa: B009


def test_laying_weights_out_for_a_device_changes_nothing(pipeline: MangaNinjaPipeline) -> None:
    expected = latents(pipeline)
    prepare(pipeline, Place("cpu", torch.float32, "a test"))
    # Rounding grows through two steps of guidance 9 and 15; latents go up to 22.
    torch.testing.assert_close(latents(pipeline), expected, atol=1e-2, rtol=1e-4)
