# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is computed twice: within a step, within a call, and from one call to the next."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import full_size, published_schedule
from manganinja import MangaNinjaPipeline, PointPair, load_pipeline
from manganinja.memory import Memory, fingerprint
from manganinja.pipeline import Conditions
from manganinja.reference_attention import PointEmbeddings, ReferenceContext

from .test_pipeline import colours, latents, lines


@pytest.fixture(scope="module")
def pipeline(small_model: Path) -> MangaNinjaPipeline:
    """With the parts that nobody should run."""
    return published_schedule.whole(load_pipeline(small_model))


@contextmanager
def counted(pipeline: MangaNinjaPipeline) -> Iterator[Counter[str]]:
    """How often some parts are called; rows of the U-Net under "rows"."""
    calls: Counter[str] = Counter()
    reference_unet: Any = pipeline.reference_unet
    last = reference_unet.up_blocks[-1].attentions[-1].transformer_blocks[-1]
    first = pipeline.unet.down_blocks[0].attentions[0].transformer_blocks[0]
    parts = {
        "image tower": pipeline.image_encoder,
        "VAE encoder": pipeline.vae.encoder,
        "Reference U-Net": reference_unet.conv_in,
        "behind the bank": last.ff,
        "line art": pipeline.controlnet.controlnet_cond_embedding.conv_in,
        "PointNet": pipeline.point_net,
        "U-Net": pipeline.unet.mid_block,
        "ControlNet": pipeline.controlnet.mid_block,
        "token's value": first.attn2.to_v,
        "token's query": first.attn2.to_q,
        "own keys and the bank's": first.attn1.to_k,
    }

    def counter(name: str) -> Any:
        def count(module: Any, inputs: tuple[torch.Tensor, ...], *_: Any) -> None:
            calls[name] += 1
            if name in ("U-Net", "ControlNet"):
                calls[f"{name} rows"] += len(inputs[0])

        return count

    hooks = [part.register_forward_hook(counter(name)) for name, part in parts.items()]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def test_a_step_at_512_takes_3000_gflop_where_the_published_schedule_takes_4172() -> None:
    """Counted by torch on tensors without content, at the published sizes."""
    pipeline = full_size.build("meta")
    with torch.device("meta"), torch.no_grad():
        start, token, condition = (
            torch.empty(1, 4, 64, 64),
            torch.empty(1, 1, 768),
            torch.empty(1, 3, 512, 512),
        )
        timestep, tokens = torch.zeros((), dtype=torch.long), token.expand(3, -1, -1)
        levels = pipeline.point_net(torch.empty(1, 1, 512, 512))
        points = PointEmbeddings(levels, levels)
        context = ReferenceContext(
            [pipeline.reference_unet.read(start, token)], point_embeddings=points
        )
        ours = Conditions(context, tokens, pipeline.controlnet.embed(condition))
        pipeline.predict(start, timestep, ours)
        with FlopCounterMode(display=False) as counter:
            pipeline.predict(start, timestep, ours)
        with published_schedule.as_published(pipeline):
            theirs = published_schedule.PublishedInputs(start, tokens, condition, points)
            bank = published_schedule.read_reference(pipeline, theirs)
            with FlopCounterMode(display=False) as published:
                published_schedule.predict(pipeline, start, timestep, theirs, bank)
    assert published.get_total_flops() == pytest.approx(4172e9, rel=1e-3)
    assert counter.get_total_flops() <= 3000e9


@torch.no_grad()
def test_the_plain_schedule_that_speed_is_measured_against_computes_the_same(
    published: MangaNinjaPipeline,
) -> None:
    torch.manual_seed(0)
    start, reference, token = (
        torch.randn(1, 4, 8, 8),
        torch.randn(1, 4, 8, 8),
        torch.randn(1, 1, 32),
    )
    condition, timestep = torch.rand(1, 3, 64, 64), torch.tensor(500)
    tokens = torch.cat([published.unconditional(), token, token])
    point_map = torch.zeros(1, 1, 64, 64)
    point_map[0, 0, 20, 30] = 1
    points = PointEmbeddings(*[published.point_net(m) for m in (point_map, point_map.mT)])
    bank = published.reference_unet.read(reference, token)
    context = ReferenceContext([bank], point_embeddings=points)
    ours = Conditions(context, tokens, published.controlnet.embed(condition))
    whole = published_schedule.whole(published)
    with published_schedule.as_published(whole):
        theirs = published_schedule.PublishedInputs(reference, tokens, condition, points)
        rows = published_schedule.read_reference(whole, theirs)
        expected = published_schedule.predict(whole, start, timestep, theirs, rows)
    for _ in range(2):  # The second time from what the first has kept.
        prediction = published.predict(start, timestep, ours)
        torch.testing.assert_close(prediction, expected, atol=1e-4, rtol=1e-4)


def test_within_a_call_only_what_changes_is_computed_in_every_step(
    pipeline: MangaNinjaPipeline,
) -> None:
    with counted(pipeline) as calls:
        latents(pipeline, num_inference_steps=3)
    assert calls["U-Net"] == calls["ControlNet"] == 3
    assert (calls["U-Net rows"], calls["ControlNet rows"]) == (9, 6)
    once = ("image tower", "VAE encoder", "Reference U-Net", "line art", "token's value")
    assert {calls[name] for name in once} == {1}
    assert calls["behind the bank"] == calls["token's query"] == 0
    # Each step projects the plain row's and the others' tokens; the first the bank's as well, once
    # as it is and once with its points.
    assert calls["own keys and the bank's"] == 3 * 2 + 2


@pytest.mark.parametrize(
    ("reference", "points", "rows"),
    [(9, 15, (3, 2)), (1, 2, (1, 1)), (1, 0.5, (2, 1)), (9, 0, (2, 2)), (9, 10, (2, 2))],
)
def test_rows_without_weight_are_not_computed(
    pipeline: MangaNinjaPipeline, reference: float, points: float, rows: tuple[int, int]
) -> None:
    asked = {"guidance_scale_reference": reference, "guidance_scale_points": points}
    with counted(pipeline) as calls:
        result = latents(pipeline, num_inference_steps=1, **asked)
    assert (calls["U-Net rows"], calls["ControlNet rows"]) == rows
    # A scale beside it weighs the row with next to nothing, and computes it.
    near = {name: scale + 1e-6 for name, scale in asked.items()}
    torch.testing.assert_close(
        result, latents(pipeline, num_inference_steps=1, **near), atol=1e-3, rtol=1e-3
    )


def test_moving_a_point_repeats_point_net_and_the_sampling_loop_only(
    pipeline: MangaNinjaPipeline,
) -> None:
    memory = Memory()
    before = {"points": [PointPair((10, 10), (30, 30))]}
    after = {"points": [PointPair((10, 10), (50, 30))]}
    latents(pipeline, memory=memory, **before)
    with counted(pipeline) as calls:
        moved = latents(pipeline, memory=memory, **after)
    for name in ("image tower", "VAE encoder", "Reference U-Net", "line art"):
        assert calls[name] == 0
    assert calls["PointNet"] == 2 and calls["U-Net"] == 2
    # Of the bank's keys only those with points.
    assert calls["own keys and the bank's"] == 2 * 2 + 1
    torch.testing.assert_close(moved, latents(pipeline, **after))
    assert 0 < memory.bytes_kept <= memory.budget_bytes


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"reference": colours(hue="blue")}, {"image tower", "VAE encoder", "Reference U-Net"}),
        ({"lineart": lines(60, 64)}, {"line art"}),
        ({"seed": 5}, {"Reference U-Net"}),
    ],
)
def test_what_depends_on_a_changed_picture_is_computed_anew(
    pipeline: MangaNinjaPipeline, change: dict[str, Any], again: set[str]
) -> None:
    memory = Memory()
    latents(pipeline, memory=memory)
    with counted(pipeline) as calls:
        result = latents(pipeline, memory=memory, **change)
    pictures = {"image tower", "VAE encoder", "Reference U-Net", "line art"}
    assert {name for name in pictures if calls[name]} == again
    torch.testing.assert_close(result, latents(pipeline, **change))


def test_memory_keeps_to_its_budget_and_forgets_the_longest_unused_first() -> None:
    memory = Memory(budget_bytes=3 * 400)
    made: list[str] = []

    def value(name: str) -> torch.Tensor:
        def make() -> torch.Tensor:
            made.append(name)
            return torch.zeros(100)

        return memory.recall(name, make)

    for name in ("a", "b", "c", "a", "d", "a", "b"):
        value(name)
    assert made == ["a", "b", "c", "d", "b"]
    assert memory.bytes_kept == 1200
    memory.recall("too large", lambda: torch.zeros(1000))
    assert memory.bytes_kept == 1200
    memory.forget()
    assert memory.bytes_kept == 0


def test_fingerprints_tell_pictures_of_one_content_and_other_shape_apart() -> None:
    assert fingerprint(colours()) == fingerprint(colours())
    different = [colours(), colours(hue="blue"), colours(80, 40), colours().convert("RGBA")]
    assert len({fingerprint(picture) for picture in different}) == 4
    assert fingerprint(torch.zeros(2, 3)) != fingerprint(torch.zeros(3, 2))
    assert fingerprint("a", "b") != fingerprint("ab")


def test_two_jobs_at_once_on_one_model_and_memory_paint_as_one_after_the_other(
    pipeline: MangaNinjaPipeline,
) -> None:
    jobs = [
        {"reference": colours(hue=hue), "points": [PointPair((10, 10), (x, 30))], "seed": seed}
        for hue, x, seed in (("red", 30, 1), ("lime", 40, 2), ("red", 50, 1), ("blue", 30, 2))
    ]
    expected = [pipeline(lineart=lines(), **job).images[0].tobytes() for job in jobs]
    memory, results = Memory(), [b""] * len(jobs)

    def work(first: int) -> None:
        for index in range(first, len(jobs), 2):
            painted = pipeline(lineart=lines(), memory=memory, **jobs[index])
            results[index] = painted.images[0].tobytes()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == expected
