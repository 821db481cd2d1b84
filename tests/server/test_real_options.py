# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundled model behind a socket: what counts of a reference, and a picture to start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from manganinja.files import to_image
from manganinja.wire.client import Connection
from manganinja.wire.protocol import (
    ColorizeRequest,
    FlatsOptions,
    Picture,
    Progress,
    ReferenceOptions,
)
from tests.server.asking import failure, result
from tests.server.conftest import RunningServer
from tests.server.test_real_painter import page, painted

RED, BLUE = (200, 40, 30), (30, 90, 200)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    home = tmp_path_factory.mktemp("home")
    running = RunningServer(home, "--model", "mini", engine="manganinja.painter:Painter")
    yield running
    assert running.end() == 0


def without_red(share: int = 0) -> Picture:
    """The other reference: green where the first one is red; ``share`` is its alpha outside of
    the corner on the upper left."""
    rgba = np.asarray(to_image(painted())).copy()
    rgba[(rgba[..., :3] == RED).all(axis=-1), :3] = 30, 160, 60
    rgba[..., 3] = share
    rgba[:35, :40, 3] = 255
    return Picture(150, 110, "rgba8", rgba.tobytes())


def asked(**changes) -> ColorizeRequest:
    two = {"references": (without_red(127), painted()), "steps": 4, "seed": 5}
    values = {"lineart": page(), "flats": FlatsOptions("proposal"), **two, **changes}
    return ColorizeRequest(**values)


def proposal(client: Connection, request: ColorizeRequest) -> np.ndarray:
    end = result(client.colorize(request))
    return np.asarray(to_image(end.picture).convert("RGB")).astype(float)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


def test_a_mask_of_all_but_a_corner_leaves_the_decision_to_the_other_reference(
    client: Connection,
) -> None:
    whole = proposal(client, asked())
    masked = asked(reference_options=(ReferenceOptions(only_opaque=True), ReferenceOptions()))
    corner = proposal(client, masked)
    alone = proposal(client, asked(references=(painted(),)))
    assert distance(corner, whole) > 1
    room = np.s_[30:80, 30:60]
    assert distance(corner[room], alone[room]) < distance(whole[room], alone[room])


def test_a_weight_moves_the_proposal_towards_its_reference(client: Connection) -> None:
    room = np.s_[30:80, 30:60]
    alone = proposal(client, asked(references=(painted(),)))[room]

    def away(weight: float) -> float:
        options = (ReferenceOptions(), ReferenceOptions(weight))
        opaque = (without_red(255), painted())
        weighted = asked(references=opaque, reference_options=options)
        return distance(proposal(client, weighted)[room], alone)

    far, near = away(0.1), away(10)
    assert near < 0.7 * far, (near, far)


def test_a_small_strength_stays_near_the_picture_and_runs_few_steps(client: Connection) -> None:
    start = np.full((110, 150, 4), (240, 220, 60, 255), np.uint8)
    started = asked(initial=Picture(150, 110, "rgba8", start.tobytes()), steps=20)
    away, steps = {}, {}
    for strength in (0.1, 1.0):
        events = list(client.colorize(replace(started, strength=strength)))
        steps[strength] = [e.step for e in events if isinstance(e, Progress) and e.step]
        got = np.asarray(to_image(result(events).picture).convert("RGB")).astype(float)
        away[strength] = distance(got, start[..., :3])
    assert away[0.1] < 0.3 * away[1.0], away
    assert (max(steps[0.1]), max(steps[1.0])) == (2, 20)


def test_a_preset_is_said_with_the_result(client: Connection) -> None:
    info = result(client.colorize(asked(preset="draft", steps=None))).info
    assert (info.preset, info.steps) == ("draft", 10)


def test_nothing_opaque_on_a_reference_is_a_sentence(client: Connection) -> None:
    faint = np.frombuffer(painted().pixels, np.uint8).reshape(110, 150, 4).copy()
    faint[..., 3] = 100
    options = (ReferenceOptions(), ReferenceOptions(only_opaque=True))
    pictures = (painted(), Picture(150, 110, "rgba8", faint.tobytes()))
    end = failure(client.colorize(asked(references=pictures, reference_options=options)))
    assert end.code == "bad_request" and "reference 2 is opaque" in end.message and end.remedy


def test_without_a_model_what_is_transparent_never_counts_and_what_is_not_used_is_said(
    client: Connection,
) -> None:
    green = (30, 160, 60, 255)
    unaided = asked(model="none", flats=FlatsOptions(), references=(without_red(0), painted()))
    options = (ReferenceOptions(2.0, True), ReferenceOptions())
    said = replace(
        unaided, reference_options=options, preset="best", initial=painted(), strength=0.5
    )
    end = result(client.colorize(said))
    pixels = np.asarray(to_image(end.picture))
    assert pixels[70, 50].tolist() == [*RED, 255]
    assert not (pixels == green).all(axis=-1).any()
    assert any("weights were not used" in note for note in end.info.notes)
    assert any("nothing starts from a picture" in note for note in end.info.notes)
    assert end.picture == result(client.colorize(unaided)).picture
    plain = result(client.colorize(unaided)).info.notes
    assert not any("used" in note for note in plain)
