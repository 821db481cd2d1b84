# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a model runs, what stays there, and what happens when memory runs out."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from diffusers.models.attention import FeedForward
from torch import nn

from benchmarks import memory
from manganinja import MangaNinjaPipeline, feed_forward, load_pipeline, winograd
from manganinja.memory import Memory
from manganinja.painter import Painter
from manganinja.places import (
    HEADROOM_BYTES,
    MODES,
    Place,
    Residence,
    best_place,
    compile_blocks,
    fitting_mode,
    is_out_of_memory,
    needed_bytes,
    prepare,
)
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


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_goes_on_from_what_an_earlier_call_worked_out(
    pipeline: MangaNinjaPipeline, mode: str
) -> None:
    remembered = Memory()
    expected = latents(pipeline, memory=remembered)
    Residence(pipeline, "cpu", mode)
    for _ in range(2):
        found = latents(pipeline, memory=remembered)
        torch.testing.assert_close(found, expected, atol=1e-2, rtol=1e-4)


@torch.no_grad()
def test_what_is_on_the_device_when_is_what_the_mode_says(pipeline: MangaNinjaPipeline) -> None:
    """The meta device stands for a GPU: it has a memory of its own, if an empty one."""

    def here() -> set[str]:
        parts = pipeline.components.items()
        networks = {name: part for name, part in parts if isinstance(part, nn.Module)}
        return {
            name
            for name, network in networks.items()
            if {p.device.type for p in network.parameters()} == {"meta"}
        }

    residence = Residence(pipeline, "meta", "visiting")
    small = here()
    assert small == {"point_net", "unconditional"}
    latent = torch.zeros(1, 4, 8, 8, device="meta")
    step = torch.zeros((), device="meta")
    token = torch.zeros(1, 1, 32, device="meta")
    for _ in range(2):
        pipeline.reference_unet.read(latent, token)
        assert here() == {*small, "reference_unet"}
        pipeline.controlnet.embed(torch.zeros(1, 3, 64, 64, device="meta"))
        pipeline.unet(latent, step, token)
        assert here() == {*small, "unet", "controlnet"}
        pipeline.vae.decode(latent)
        assert here() == {*small, "vae"}
    assert residence.smaller() and residence.mode == "sequential"
    pipeline.unet(latent, step, token)
    assert here() == set()
    residence.move_out()
    assert pipeline.place.type == "cpu" and latents(pipeline).isfinite().all()


def test_layer_by_layer_a_step_holds_no_network_as_a_whole(pipeline: MangaNinjaPipeline) -> None:
    networks = (pipeline.unet, pipeline.controlnet)
    weights = sum(p.nbytes for network in networks for p in network.parameters())
    visiting, sequential = (memory.counted(pipeline, m, 64).parts["step"] for m in MODES[1:])
    assert visiting > weights and sequential < visiting - 0.8 * weights


def test_what_a_mode_is_said_to_need_is_what_the_count_finds() -> None:
    """Of the published sizes: the first mode that fits is chosen by it."""
    published = memory.hollow(torch.float16)
    for mode in ("visiting", "resident"):
        found = memory.counted(published, mode, 512).bytes
        assert found <= needed_bytes(published, mode) < 1.06 * found


def test_half_precision_has_room_in_6_gb_and_fits_into_4_gb() -> None:
    """What is free on a card of that size with a desktop on it."""
    published = memory.hollow(torch.float16)
    expected = {24e9: "resident", 7e9: "resident", 5.2e9: "visiting", 3.5e9: "visiting"}
    assert {free: fitting_mode(published, int(free)) for free in expected} == expected
    assert fitting_mode(published, int(2e9)) == "sequential"
    assert fitting_mode(published, None) == "resident"
    assert needed_bytes(published, "visiting", 768) + HEADROOM_BYTES < 5.2e9


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
    calls = []

    def fails_in_the_second_step(module: nn.Module, inputs: object) -> None:
        calls.append(module)
        if len(calls) == 2:
            raise left.pop()

    painter.pipeline.unet.conv_in.register_forward_pre_hook(fails_in_the_second_step)
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


def test_calls_from_several_threads_come_one_after_the_other(pipeline: MangaNinjaPipeline) -> None:
    """Weights come and go, so two calls at once would take them from each other."""
    expected = latents(pipeline)
    residence = Residence(pipeline, "cpu", "sequential")
    with ThreadPoolExecutor(3) as threads:
        calls = [threads.submit(residence.run, lambda: latents(pipeline), print) for _ in range(3)]
    for call in calls:
        torch.testing.assert_close(call.result(), expected, atol=1e-2, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("size", [(8, 8), (24, 24), (25, 31), (64, 48)])
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
    assert winograd.install(network, memory_bytes=0) == 0
    assert winograd.install(network) == 2
    kernels = [k for k in network.state_dict() if "kernel" in k]
    result = network(pictures)
    assert result.is_contiguous() or result.shape == expected.shape
    torch.testing.assert_close(result, expected, atol=2e-5, rtol=1e-4)
    assert getattr(network[0], "_kernels") is not None and not kernels  # noqa: B009


@torch.no_grad()
def test_feed_forward_by_parts_is_feed_forward() -> None:
    torch.manual_seed(0)
    layer = FeedForward(24, activation_fn="geglu")
    tokens = torch.randn(3, feed_forward.TOKENS_AT_ONCE + 5, 24)
    expected = layer(tokens)
    feed_forward.install(layer)
    assert type(layer) is feed_forward.FeedForwardByParts
    torch.testing.assert_close(layer(tokens), expected)


def test_laying_weights_out_for_a_device_changes_nothing(pipeline: MangaNinjaPipeline) -> None:
    expected = latents(pipeline)
    prepare(pipeline, Place("cpu", torch.float32, "a test"))
    # Rounding grows through two steps of guidance 9 and 15; latents go up to 22.
    torch.testing.assert_close(latents(pipeline), expected, atol=1e-2, rtol=1e-4)


def test_without_a_compiler_nothing_is_compiled_and_a_sentence_says_so(
    pipeline: MangaNinjaPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = latents(pipeline)
    monkeypatch.setattr("manganinja.places.shutil.which", lambda name: None)
    told = compile_blocks(pipeline, "cpu")
    assert told == "Nothing is compiled: there is no C++ compiler. The model runs as ever."
    assert "mps" in compile_blocks(pipeline, "mps")
    assert torch.equal(latents(pipeline), expected)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")
def test_compiled_it_paints_the_same_and_the_kernels_are_kept(
    pipeline: MangaNinjaPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = latents(pipeline)
    # Set before, so that it is taken back after the test.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    compile_blocks(pipeline, "cpu")
    residence = Residence(pipeline, "cpu", "visiting")
    torch.testing.assert_close(latents(pipeline), expected, atol=1e-2, rtol=1e-4)
    assert any(tmp_path.rglob("*.so"))
    assert residence.smaller() and residence.mode == "sequential"
    torch.testing.assert_close(latents(pipeline), expected, atol=1e-2, rtol=1e-4)
