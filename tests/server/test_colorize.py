# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs over a real socket: what comes back, in what order, and what becomes of bad ones."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable

import pytest

from manganinja.wire.client import Connection
from manganinja.wire.protocol import (
    Accepted,
    Cancelled,
    ColorizeRequest,
    Failed,
    FlatsOptions,
    Picture,
    Point,
    Preview,
    Progress,
    Queued,
    ReferenceOptions,
    Result,
    Unsure,
)
from tests.server.asking import LINES, RED, failure, last, play, request, result
from tests.server.conftest import RunningServer, wait_until


def test_the_model_is_loaded_before_anybody_asks(client: Connection) -> None:
    wait_until(lambda: client.status().state == "ready")
    model = client.status().models[0]
    assert (model.name, model.title, model.working_resolution) == ("mini", "Scripted mini", 64)


def test_a_job_is_accepted_queued_painted_and_delivered(client: Connection) -> None:
    events = list(client.colorize(request(seed=7), job="one-job"))
    assert events[0] == Accepted("one-job")
    assert events[1] == Queued("one-job", 0)
    steps = [e.step for e in events if isinstance(e, Progress) and e.stage == "sampling"]
    assert steps == [1, 2, 3, 4]
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert fractions == sorted(fractions) and fractions[-1] == 1.0
    previews = [e.picture for e in events if isinstance(e, Preview)]
    assert previews == [Picture(1, 1, "rgba8", b"\x01\x02\x03\xff")]
    end = events[-1]
    assert isinstance(end, Result)
    assert end.picture == Picture(6, 4, "rgba8", b"\xc8\x20\x10\xff" * 24)
    assert (end.info.seed, end.info.model, end.info.steps) == (7, "mini", 4)


def test_the_ids_of_the_layers_come_back_with_the_result(client: Connection) -> None:
    source = {"document": "{ab-cd}", "layer": "線画 layer"}
    assert result(client.colorize(request(source=source))).source == source


def test_kritas_bgra_is_turned_for_the_painter_and_back(client: Connection) -> None:
    blue_first = Picture(3, 2, "bgra8", b"\x10\x20\xc8\xff" * 6)
    lines = Picture(6, 4, "bgra8", b"\x01\x02\x03\x04" * 24)
    end = result(
        client.colorize(request(lineart=lines, references=(blue_first,), result_format="bgra8"))
    )
    assert end.info.notes == ("rgba8 03020104",)
    assert end.picture == Picture(6, 4, "bgra8", b"\x10\x20\xc8\xff" * 24)


def over_the_lines(blue_first: bytes) -> Picture:
    return Picture(LINES.width_px, LINES.height_px, "bgra8", blue_first * 24)


@pytest.mark.parametrize(
    ("over_it", "told"),
    [
        ({}, ("strength 1",)),
        ({"initial": over_the_lines(b"\1\2\3\4")}, ("initial rgba8 03020104", "strength 0.25")),
        ({"locks": over_the_lines(b"\5\6\7\x08")}, ("locks rgba8 07060508", "strength 1")),
        (
            {"locks": over_the_lines(b"\5\6\7\x08"), "initial": over_the_lines(b"\1\2\3\4")},
            ("locks rgba8 07060508", "initial rgba8 03020104", "strength 0.25"),
        ),
    ],
)
def test_all_options_reach_the_painter(client: Connection, over_it, told: tuple[str, ...]) -> None:
    asked = play(
        "tell",
        references=(RED, RED),
        preset="draft",
        reference_options=(ReferenceOptions(0.5), ReferenceOptions(3.0, True)),
        strength=0.25 if "initial" in over_it else 1.0,
        **over_it,
    )
    info = result(client.colorize(asked)).info
    assert info.notes[1:] == ("0.5 False", "3 True", *told)
    assert info.preset == "draft"


def test_a_full_page_arrives_to_the_byte(client: Connection) -> None:
    # Incompressible, so that it is sent raw in many frames.
    noise = os.urandom(1 << 20)
    page = Picture(1200, 1700, "rgba8", (noise * 8)[: 1200 * 1700 * 4])
    end = result(client.colorize(ColorizeRequest(page, (page, RED))))
    assert end.info.notes == (f"rgba8 {noise[:4].hex()}",)
    assert end.picture.pixels == (noise[:3] + b"\xff") * (1200 * 1700)


def test_two_clients_at_once_each_get_their_own(server: RunningServer) -> None:
    pictures: dict[int, Picture] = {}

    def work(red: int) -> None:
        reference = Picture(1, 1, "rgba8", bytes((red, 0, 0, 255)))
        with server.connect() as connection:
            for _ in range(3):
                asked = play(pause_s=0.01, references=(reference,))
                pictures[red] = result(connection.colorize(asked)).picture

    threads = [threading.Thread(target=work, args=(red,)) for red in (10, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {red: picture.pixels[0] for red, picture in pictures.items()} == {10: 10, 200: 200}


def test_waiting_jobs_learn_their_positions(server: RunningServer) -> None:
    with server.connect() as first, server.connect() as second, server.connect() as third:
        running = first.colorize(play(pause_s=0.1))
        assert any(isinstance(e, Progress) and e.stage == "sampling" for e in running)
        ahead, behind = second.colorize(request(), "ahead"), third.colorize(request(), "behind")
        assert [next(ahead), next(ahead)] == [Accepted("ahead"), Queued("ahead", 1)]
        assert [next(behind), next(behind)] == [Accepted("behind"), Queued("behind", 2)]
        assert isinstance(last(running), Result)
        positions = [e.position for e in behind if isinstance(e, Queued)]
        assert positions[-1] in (0, 1) and positions == sorted(positions, reverse=True)
        assert isinstance(last(ahead), Result)


# -- cancelling -----------------------------------------------------------------------------------


def test_cancel_stops_a_running_job_between_steps(client: Connection) -> None:
    began = time.monotonic()
    steps = 0
    for event in client.colorize(play(pause_s=0.05, steps=999), job="long"):
        if isinstance(event, Progress) and event.step == 3:
            client.cancel("long")
        steps += isinstance(event, Progress)
    assert event == Cancelled("long")
    assert steps < 20 and time.monotonic() - began < 5
    # The worker is free again, and the same process.
    assert isinstance(last(client.colorize(request())), Result)


def test_is_cancelled_is_asked_while_nothing_happens(client: Connection) -> None:
    flag = threading.Event()
    threading.Timer(0.3, flag.set).start()
    events = client.colorize(play(pause_s=0.7, steps=999), is_cancelled=flag.is_set)
    assert isinstance(last(events), Cancelled)


def test_a_queued_job_is_cancelled_without_ever_running(server: RunningServer) -> None:
    with server.connect() as first, server.connect() as second:
        running = first.colorize(play(pause_s=0.15))
        assert any(isinstance(e, Progress) and e.stage == "sampling" for e in running)
        waiting = second.colorize(play("die"), job="never")
        assert [next(waiting), next(waiting)] == [Accepted("never"), Queued("never", 1)]
        second.cancel("never")
        assert list(waiting) == [Cancelled("never")]
        assert isinstance(last(running), Result)


def test_a_cancel_from_another_thread_works(client: Connection) -> None:
    job = uuid.uuid4().hex
    threading.Timer(0.3, client.cancel, (job,)).start()
    assert last(client.colorize(play(pause_s=0.05, steps=999), job)) == Cancelled(job)


def test_a_job_cancelled_during_its_upload_leaves_the_conversation_usable(
    client: Connection,
) -> None:
    page = Picture(1500, 1500, "rgba8", os.urandom(1500 * 1500 * 4))
    asked = iter([False, False, False, False])
    events = client.colorize(request(references=(page,)), is_cancelled=lambda: next(asked, True))
    assert isinstance(last(events), Cancelled)
    assert isinstance(last(client.colorize(request())), Result)


def test_a_worker_that_does_not_listen_is_ended(start) -> None:
    server = start("--cancel-grace", "0.3")
    with server.connect() as client:
        worker = server.worker_pid()
        for event in client.colorize(play(pause_s=60), job="deaf"):
            if isinstance(event, Progress) and event.step == 1:
                client.cancel("deaf")
        assert event == Cancelled("deaf")
        assert isinstance(last(client.colorize(request())), Result)
        assert server.worker_pid() != worker


# -- things that go wrong -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "code", "said"),
    [
        ("refuse", "bad_request", "The reference is of one colour."),
        ("starve", "out_of_memory", "There is not enough memory for this picture."),
        ("stumble", "model_failed", "a sentence of a programmer's"),
    ],
)
def test_what_the_painter_raises_becomes_a_sentence(
    client: Connection, server: RunningServer, role: str, code: str, said: str
) -> None:
    worker = server.worker_pid()
    end = failure(client.colorize(play(role)))
    assert end.code == code and said in end.message and end.remedy.endswith(".")
    assert "Traceback" not in end.message + end.remedy
    assert isinstance(last(client.colorize(request())), Result)
    assert server.worker_pid() == worker


def test_the_traceback_of_a_failed_model_is_in_the_log(
    client: Connection, server: RunningServer
) -> None:
    failure(client.colorize(play("stumble")))
    wait_until(lambda: "Traceback" in server.log and "in paint" in server.log)


def test_an_unknown_model_is_named_and_the_default_still_works(client: Connection) -> None:
    end = failure(client.colorize(request(model="missing")))
    assert (end.code, end.message) == ("no_model", "There is no model 'missing'.")
    assert end.remedy == "Choose another model."
    status = client.status()
    assert "missing" not in [model.name for model in status.models]
    assert (status.state, status.detail) == ("stopped", "")
    assert result(client.colorize(request())).info.model == "mini"


def test_a_model_that_cannot_be_loaded_is_no_model(client: Connection) -> None:
    end = failure(client.colorize(request(model="broken")))
    assert end.code == "no_model" and "upside down" in end.message


def test_another_model_is_loaded_on_demand(client: Connection) -> None:
    events = list(client.colorize(request(model="slow")))
    assert "loading" in [e.stage for e in events if isinstance(e, Progress)]
    assert result(events).info.model == "slow"
    assert [model.title for model in client.status().models] == ["Scripted mini", "Scripted slow"]


def test_a_worker_that_dies_takes_one_job_with_it_and_no_more(
    client: Connection, server: RunningServer
) -> None:
    worker = server.worker_pid()
    end = failure(client.colorize(play("die")))
    assert end.code == "worker_died" and end.remedy.startswith("Press Colorize again")
    assert isinstance(last(client.colorize(request())), Result)
    assert server.worker_pid() != worker


def test_a_worker_killed_by_the_system_is_said_to_lack_memory(
    client: Connection, server: RunningServer
) -> None:
    for event in client.colorize(play(pause_s=0.1, steps=999)):
        if isinstance(event, Progress) and event.step == 2:
            os.kill(server.worker_pid(), signal.SIGKILL)
    assert isinstance(event, Failed)
    assert event.code == "worker_died" and "lack of memory" in event.message
    assert isinstance(last(client.colorize(request())), Result)


def test_a_worker_killed_between_two_jobs_is_not_even_noticed(
    client: Connection, server: RunningServer
) -> None:
    result(client.colorize(request()))
    os.kill(server.worker_pid(), signal.SIGKILL)
    wait_until(lambda: client.status().state == "stopped")
    assert isinstance(last(client.colorize(request())), Result)


def test_a_full_queue_refuses_and_recovers(server: RunningServer) -> None:
    with server.connect() as first, server.connect() as others:
        running = first.colorize(play(pause_s=1, steps=999), "runs")
        assert any(isinstance(e, Progress) and e.stage == "sampling" for e in running)
        waiting = [others.colorize(request(), f"waits-{n}") for n in range(8)]
        for events in waiting:
            assert [type(next(events)), type(next(events))] == [Accepted, Queued]
        end = failure(others.colorize(request()))
        assert end.code == "busy" and "8 jobs" in end.message
        first.cancel("runs")
        assert all(isinstance(last(events), Result) for events in waiting)
        for number in range(8):
            others.acknowledge(f"waits-{number}")


def test_a_name_is_used_for_one_job_only(client: Connection) -> None:
    result(client.colorize(request(), job="twice"))
    assert failure(client.colorize(request(), job="twice")).code == "bad_request"
    assert isinstance(last(client.attach("twice")), Result)


# -- lost connections -----------------------------------------------------------------------------


def test_a_job_outlives_its_connection_and_is_found_again(server: RunningServer) -> None:
    with server.connect() as client:
        events = client.colorize(play(pause_s=0.1), job="lost")
        assert any(isinstance(e, Progress) and e.step == 1 for e in events)
    with server.connect() as client:
        events = list(client.attach("lost"))
        assert events[0] == Accepted("lost")
        assert any(isinstance(e, Preview) for e in events)
        assert result(events).picture.pixels[:4] == b"\xc8\x20\x10\xff"


def test_layers_arrive_with_their_tables_and_blends_and_are_kept_like_any_result(
    start: Callable[..., RunningServer],
) -> None:
    server = start()
    asked = request(flats=FlatsOptions("layers"), result_format="bgra8")
    with server.connect() as client:
        end = result(client.colorize(asked, job="layers"))
    flats, shade = end.layers
    assert (flats.name, flats.blend, shade.name, shade.blend) == (
        *("Flats", "normal"),
        *("Shade", "multiply"),
    )
    assert flats.picture == Picture(6, 4, "index8", b"\x01" * 24, (None, "#102030"))
    assert shade.picture == Picture(6, 4, "bgra8", b"\x03\x02\x01\xff" * 24)
    assert end.info.unsure == (Unsure(Point(1.0, 2.0), 0.25, "several colours fit"),)
    assert server.end() == 0
    # Another server finds them on the disk.
    with start().connect() as client:
        assert result(client.attach("layers")) == end


def test_a_result_is_kept_until_it_is_acknowledged(server: RunningServer) -> None:
    with server.connect() as client:
        picture = result(client.colorize(request(), job="kept")).picture
    with server.connect() as client:
        assert result(client.attach("kept")).picture == picture
        assert result(client.attach("kept")).picture == picture
        client.acknowledge("kept")
        assert failure(client.attach("kept")).code == "unknown_job"


def test_how_a_job_failed_is_told_again(server: RunningServer) -> None:
    with server.connect() as client:
        first = failure(client.colorize(play("refuse"), job="failed"))
    with server.connect() as client:
        assert failure(client.attach("failed")) == first


def test_a_connection_lost_during_the_upload_gives_the_seat_back(server: RunningServer) -> None:
    with server.connect() as client:
        events = client.colorize(request(), job="half")
        assert next(events) == Accepted("half")  # and not one byte more
    with server.connect() as client:
        assert isinstance(last(client.colorize(request())), Result)
        assert "stopped arriving" in failure(client.attach("half")).message


def test_an_unknown_job_is_said_to_be_unknown(client: Connection) -> None:
    assert failure(client.attach("nobody")).code == "unknown_job"


def test_lines_and_reference_are_not_mixed_up(client: Connection) -> None:
    end = result(client.colorize(request()))
    assert end.info.notes == (f"gray8 {LINES.pixels[:4].hex()}",)
