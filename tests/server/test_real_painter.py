# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole stack but the plugin: socket, queue, worker process and the real networks, tiny."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manganinja.files import to_image
from manganinja.wire.client import Connection
from manganinja.wire.protocol import (
    Cancelled,
    ColorizeRequest,
    FlatsOptions,
    Pair,
    Picture,
    Point,
    Preview,
    Progress,
)
from server.catalogue import UNAIDED, describe
from tests.server.asking import failure, result
from tests.server.conftest import RunningServer, wait_until


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pipeline of random weights in the project's own layout."""
    import torch
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    from manganinja.pipeline import MangaNinjaPipeline
    from manganinja.train.networks import NetworkConfig, new_networks, training_scheduler

    torch.manual_seed(0)
    config = NetworkConfig(channels=(8, 16), heads=2, embedding=8, clip_width=8, clip_layers=1)
    sizes: dict[str, Any] = {
        "block_out_channels": (8, 8, 8, 8),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "latent_channels": config.latent_channels,
        "norm_num_groups": 4,
        "sample_size": 64,
    }
    pipeline = MangaNinjaPipeline(
        vae=AutoencoderKL(**sizes),
        scheduler=training_scheduler(),
        **vars(new_networks(config)),
        resolution=64,
        title="Tiny",
        licence="none",
        steps=3,
    )
    folder = tmp_path_factory.mktemp("tiny")
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def server(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    running = RunningServer(
        tmp_path_factory.mktemp("home"),
        *("--model", str(tiny_model)),
        engine="manganinja.painter:Painter",
    )
    yield running
    assert running.end() == 0


def lines(width_px: int = 150, height_px: int = 110) -> Picture:
    page = np.full((height_px, width_px), 255, np.uint8)
    page[20:90, 30:33] = page[20:90, 100:103] = page[20:23, 30:103] = page[87:90, 30:103] = 0
    return Picture(width_px, height_px, "gray8", page.tobytes())


def reference() -> Picture:
    page = np.zeros((90, 70, 4), np.uint8)
    page[20:70, 10:60] = 200, 40, 30, 255
    return Picture(70, 90, "rgba8", page.tobytes())


def request(model: Path | str, **changes) -> ColorizeRequest:
    pairs = (Pair(Point(30, 40), Point(60, 50)), Pair(Point(500, 0), Point(0, 0)))
    values = {"lineart": lines(), "references": (reference(),), "pairs": pairs}
    return ColorizeRequest(**{**values, "model": str(model), **changes})


def test_the_real_painter_answers_over_the_socket(client: Connection, tiny_model: Path) -> None:
    events = list(client.colorize(request(tiny_model, seed=5)))
    warned = [e.step for e in events if isinstance(e, Progress) and "Pair 2" in str(e.notes)]
    assert warned[0] == 0, "conflicts are named before the network runs"
    steps = [e.step for e in events if isinstance(e, Progress) and e.stage == "sampling"]
    assert steps == [1, 2, 3]
    assert any(isinstance(e, Preview) for e in events)
    end = result(events)
    assert (end.picture.width_px, end.picture.height_px, end.picture.format) == (150, 110, "index8")
    # The reference is transparent round its figure, so the paper stays bare.
    alpha = to_image(end.picture).getchannel("A")
    assert (alpha.getpixel((60, 50)), alpha.getpixel((5, 5))) == (255, 0)
    assert (end.info.seed, end.info.steps) == (5, 3)
    assert any("Pair 2" in note for note in end.info.notes)
    assert client.status().device == end.info.device


def test_locked_pixels_cross_the_whole_stack(client: Connection, tiny_model: Path) -> None:
    kept = np.zeros((110, 150, 4), np.uint8)
    kept[40:80, 35:98] = 30, 20, 10, 255
    locks = Picture(150, 110, "bgra8", kept.tobytes())
    end = result(client.colorize(request(tiny_model, pairs=(), locks=locks)))
    pixels = np.frombuffer(end.picture.pixels, np.uint8).reshape(110, 150, 4)
    assert (pixels[25:85, 35:98] == (10, 20, 30, 255)).all()
    assert (pixels[:15] != (10, 20, 30, 255)).any(axis=-1).all()


def test_shade_and_highlight_cross_the_whole_stack(client: Connection, tiny_model: Path) -> None:
    asked = request(tiny_model, pairs=(), flats=FlatsOptions("layers"), result_format="bgra8")
    end = result(client.colorize(asked))
    assert [(layer.name, layer.blend, layer.picture.format) for layer in end.layers] == [
        ("Flats", "normal", "index8"),
        ("Shade", "multiply", "bgra8"),
        ("Highlight", "screen", "bgra8"),
    ]
    assert all(any(layer.picture.pixels[3::4]) for layer in end.layers[1:])


def test_the_folder_says_of_a_model_what_the_loaded_model_says(
    client: Connection, tiny_model: Path
) -> None:
    result(client.colorize(request(tiny_model)))
    loaded, match, mini, none = client.status().models
    assert loaded == describe(str(tiny_model)) and none == UNAIDED
    assert match == describe("match") and match.title
    assert mini == describe("mini") and mini.title
    assert (loaded.title, loaded.working_resolution, loaded.steps) == ("Tiny", 64, 3)


def test_the_same_request_gives_the_same_picture_and_another_seed_another(
    client: Connection, tiny_model: Path
) -> None:
    painting = FlatsOptions("painting")
    first, again, other = (
        result(client.colorize(request(tiny_model, seed=seed, flats=painting))).picture
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_the_real_painter_stops_between_steps(client: Connection, tiny_model: Path) -> None:
    events = client.colorize(request(tiny_model, steps=500), job="stop")
    for event in events:
        if isinstance(event, Progress) and event.step == 2:
            client.cancel("stop")
    assert event == Cancelled("stop")
    # Only a worker that really stopped is free so soon.
    assert result(client.colorize(request(tiny_model))).info.steps == 3


def test_what_the_real_painter_cannot_use_is_a_sentence(
    client: Connection, tiny_model: Path
) -> None:
    white = Picture(40, 30, "gray8", b"\xff" * 1200)
    red = Picture(40, 30, "rgba8", b"\xff\0\0\xff" * 1200)
    for changes in ({"lineart": white}, {"references": (red,)}):
        end = failure(client.colorize(request(tiny_model, **changes)))
        assert end.code == "bad_request" and end.message and end.remedy


def test_a_folder_without_a_model_is_no_model_and_costs_no_loaded_one(
    client: Connection, tiny_model: Path, tmp_path: Path
) -> None:
    result(client.colorize(request(tiny_model)))
    end = failure(client.colorize(request(tmp_path)))
    assert end.code == "no_model" and str(tmp_path) in end.message
    assert client.status().state == "ready"
    events = list(client.colorize(request(tiny_model)))
    assert "loading" not in [e.stage for e in events if isinstance(e, Progress)]
    result(events)


def test_a_folder_with_a_damaged_model_is_no_model(
    client: Connection, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "model_index.json").write_text((tiny_model / "model_index.json").read_text())
    end = failure(client.colorize(request(tmp_path)))
    assert end.code == "no_model" and "Traceback" not in end.message
    assert result(client.colorize(request(tiny_model))).info.steps == 3


def page() -> Picture:
    """Two rooms beside each other, one of them with a window."""
    ink = np.full((110, 150), 255, np.uint8)
    ink[20:90, 20:130] = 0
    ink[23:87, 23:68] = ink[23:87, 71:127] = 255
    ink[40:60, 85:105] = 0
    ink[43:57, 88:102] = 255
    return Picture(150, 110, "gray8", ink.tobytes())


def painted() -> Picture:
    """The same in colours."""
    lines = np.frombuffer(page().pixels, np.uint8).reshape(110, 150)
    rgba = np.full((110, 150, 4), 255, np.uint8)
    rgba[23:87, 23:68, :3], rgba[23:87, 71:127, :3] = (200, 40, 30), (30, 90, 200)
    rgba[43:57, 88:102, :3] = 240, 220, 60
    rgba[lines == 0, :3] = 0
    return Picture(150, 110, "rgba8", rgba.tobytes())


def test_without_a_model_the_references_regions_decide_and_the_loaded_one_stays(
    client: Connection, tiny_model: Path
) -> None:
    result(client.colorize(request(tiny_model)))
    unaided = ColorizeRequest(page(), (painted(),), model="none", steps=7, seed=3)
    end = result(client.colorize(unaided))
    pixels = np.asarray(to_image(end.picture))
    assert pixels[50, 40].tolist() == [200, 40, 30, 255]
    assert pixels[80, 100].tolist() == [30, 90, 200, 255]
    assert pixels[50, 95].tolist() == [240, 220, 60, 255]
    assert (end.info.model, end.info.steps, end.info.seed) == ("none", 0, 3)
    events = list(client.colorize(request(tiny_model)))
    assert "loading" not in [e.stage for e in events if isinstance(e, Progress)]
    result(events)


def test_the_matcher_colours_and_what_is_loaded_stays(client: Connection, tiny_model: Path) -> None:
    asked = ColorizeRequest(page(), (painted(),), model="match", seed=3)
    end = result(client.colorize(asked))
    assert (end.info.model, end.info.steps, end.info.device) == ("match", 0, "cpu")
    pixels = np.asarray(to_image(end.picture))
    assert pixels[50, 40].tolist() == [200, 40, 30, 255]
    events = list(client.colorize(request(tiny_model)))
    assert "loading" not in [e.stage for e in events if isinstance(e, Progress)]
    result(events)


def test_without_a_model_nothing_painted_is_to_be_had(client: Connection) -> None:
    for kind, named in (("painting", "painting"), ("proposal", "proposal"), ("layers", "shading")):
        asked = ColorizeRequest(page(), (painted(),), model="none", flats=FlatsOptions(kind))
        end = failure(client.colorize(asked))
        assert end.code == "bad_request" and named in end.message and end.remedy


def test_a_server_whose_weights_are_gone_still_works_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    arguments = ("--model", str(tmp_path / "gone"))
    running = RunningServer(tmp_path / "home", *arguments, engine="manganinja.painter:Painter")
    try:
        with running.connect() as client:
            wait_until(lambda: client.status().state == "failed", 90)
            assert [m.name for m in client.server.models] == [
                arguments[1],
                "match",
                "mini",
                "none",
            ]
            end = result(client.colorize(ColorizeRequest(page(), (painted(),), model="none")))
            assert end.info.model == "none"
            assert failure(client.colorize(request(tmp_path / "gone"))).code == "no_model"
    finally:
        assert running.end() == 0


def test_a_server_can_begin_without_a_model(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    running = RunningServer(
        tmp_path / "home", "--model", "none", engine="manganinja.painter:Painter"
    )
    try:
        with running.connect() as client:
            wait_until(lambda: client.status().state == "ready", 90)
            assert client.server.models == (UNAIDED, describe("match"), describe("mini"))
            maps = Path(f"/proc/{running.worker_pid()}/maps").read_text()
            assert "numpy" in maps and "libtorch" not in maps
            result(client.colorize(ColorizeRequest(page(), (painted(),), model="none")))
    finally:
        assert running.end() == 0
