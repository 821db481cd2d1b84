# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundled model behind a socket: what counts of a reference, and a picture to start from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

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

WARM = ((200, 40, 30), (240, 160, 60), (160, 30, 60))
COLD = ((30, 90, 200), (40, 160, 190), (60, 60, 150))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    home = tmp_path_factory.mktemp("home")
    running = RunningServer(home, "--model", "mini", engine="manganinja.painter:Painter")
    yield running
    assert running.end() == 0


def drawn(colours: tuple[tuple[int, int, int], ...] = ()) -> np.ndarray:
    """A body, a head and a badge, (256, 256, 4): in colours on white, or as lines on nothing."""
    image = Image.new("RGBA", (256, 256), "white" if colours else (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    body, head, badge = colours or (None, None, None)
    pen.rectangle((50, 110, 206, 240), fill=body, outline="black", width=4)
    pen.ellipse((80, 20, 176, 116), fill=head, outline="black", width=4)
    pen.ellipse((110, 150, 150, 200), fill=badge, outline="black", width=4)
    return np.asarray(image).copy()


def as_picture(rgba: np.ndarray) -> Picture:
    return Picture(256, 256, "rgba8", rgba.tobytes())


def but_for_a_corner(rgba: np.ndarray, alpha: int = 127) -> np.ndarray:
    """With this alpha everywhere but in a corner that only paper is in."""
    rgba = rgba.copy()
    corner = rgba[:40, :40].copy()
    rgba[..., 3] = alpha
    rgba[:40, :40] = corner
    return rgba


def asked(*references: np.ndarray, **changes) -> ColorizeRequest:
    chosen = tuple(map(as_picture, references or (drawn(COLD), drawn(WARM))))
    values = {"steps": 6, "seed": 5, "flats": FlatsOptions("proposal"), **changes}
    return ColorizeRequest(as_picture(drawn()), chosen, **values)


def proposal(client: Connection, request: ColorizeRequest) -> np.ndarray:
    end = result(client.colorize(request))
    return np.asarray(to_image(end.picture).convert("RGB")).astype(float)


def warmth(client: Connection, request: ColorizeRequest) -> float:
    """How much more red than blue the body is."""
    body = proposal(client, request)[130:230, 70:190]
    return float((body[..., 0] - body[..., 2]).mean())


def test_what_a_mask_leaves_out_of_a_reference_no_longer_colours(client: Connection) -> None:
    only_corner = (ReferenceOptions(only_opaque=True), ReferenceOptions())
    pictures = but_for_a_corner(drawn(COLD)), drawn(WARM)
    unmasked = warmth(client, asked(*pictures))
    masked = warmth(client, asked(*pictures, reference_options=only_corner))
    assert masked > unmasked + 20, (masked, unmasked)
    # And the other one, so that it is not the order that does it.
    pictures = but_for_a_corner(drawn(WARM)), drawn(COLD)
    assert warmth(client, asked(*pictures, reference_options=only_corner)) < -100 < 100 < masked


def test_a_heavier_reference_has_more_to_say(client: Connection) -> None:
    usual = ReferenceOptions()
    cold = warmth(client, asked(reference_options=(ReferenceOptions(10), usual)))
    warm = warmth(client, asked(reference_options=(usual, ReferenceOptions(10))))
    assert cold < -100 < 100 < warm, (cold, warm)


def test_a_small_strength_stays_near_the_picture_and_runs_few_steps(client: Connection) -> None:
    start = np.full((256, 256, 4), (240, 220, 60, 255), np.uint8)
    started = asked(initial=as_picture(start), steps=20)
    away, steps = {}, {}
    for strength in (0.1, 1.0):
        events = list(client.colorize(replace(started, strength=strength)))
        steps[strength] = [e.step for e in events if isinstance(e, Progress) and e.step]
        got = np.asarray(to_image(result(events).picture).convert("RGB")).astype(float)
        away[strength] = float(np.abs(got - start[..., :3]).mean())
    assert away[0.1] < 0.3 * away[1.0], away
    assert (max(steps[0.1]), max(steps[1.0])) == (2, 20)


def test_a_preset_is_said_with_the_result(client: Connection) -> None:
    info = result(client.colorize(asked(preset="draft", steps=None))).info
    assert (info.preset, info.steps) == ("draft", 1)  # As many as the mini recommends.


def test_nothing_opaque_on_a_reference_is_a_sentence(client: Connection) -> None:
    faint = drawn(WARM)
    faint[..., 3] = 100
    options = (ReferenceOptions(), ReferenceOptions(only_opaque=True))
    end = failure(client.colorize(asked(drawn(COLD), faint, reference_options=options)))
    assert end.code == "bad_request" and "reference 2 is opaque" in end.message and end.remedy


def test_without_a_model_what_is_transparent_never_counts_and_what_is_not_used_is_said(
    client: Connection,
) -> None:
    pictures = but_for_a_corner(drawn(COLD), alpha=0), drawn(WARM)
    unaided = asked(*pictures, model="none", flats=FlatsOptions())
    options = (ReferenceOptions(only_opaque=True), ReferenceOptions())
    said = replace(
        unaided,
        reference_options=options,
        preset="best",
        initial=as_picture(drawn(COLD)),
        strength=0.5,
    )
    end = result(client.colorize(said))
    pixels = np.asarray(to_image(end.picture))
    assert pixels[220, 80].tolist() == [*WARM[0], 255]
    assert not any((pixels[..., :3] == colour).all(axis=-1).any() for colour in COLD)
    assert any("nothing starts from a picture" in note for note in end.info.notes)
    plain = result(client.colorize(unaided))
    assert end.picture == plain.picture
    assert not any("used" in note for note in plain.info.notes)
