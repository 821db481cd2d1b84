# SPDX-License-Identifier: GPL-3.0-or-later
"""What the queue promises without a model: seats, uploads that stop, memory."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from manganinja.wire.protocol import (
    Accepted,
    Cancelled,
    EncodedPicture,
    Failed,
    ModelInfo,
    PictureDescriptor,
    ProtocolError,
    Queued,
    RequestHeader,
    ServerMessage,
)
from server.engine import Engine
from server.jobs import JobQueue, Limits
from server.store import ResultStore


class Ear:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.heard: list[ServerMessage] = []

    def send(self, message: ServerMessage) -> None:
        self.heard.append(message)

    def send_pictures(
        self,
        pictures: Sequence[EncodedPicture],
        announcement: Callable[[Sequence[PictureDescriptor]], ServerMessage],
    ) -> None:
        self.heard.append(announcement([p.descriptor(blob) for blob, p in enumerate(pictures)]))


def queue_of(tmp_path: Path, **limits: float) -> JobQueue:
    # Nothing runs here: `run` is never awaited, so the engine never starts.
    engine = Engine("nothing:Nothing", ModelInfo("mini"), 1.0)
    return JobQueue(engine, ResultStore(tmp_path), Limits(**limits))  # type: ignore[arg-type]


def header(side_px: int = 2) -> RequestHeader:
    raw = side_px * side_px
    images = [PictureDescriptor(n, side_px, side_px, "gray8", "raw", raw) for n in range(2)]
    return RequestHeader(images[0], (images[1],))


def upload(queue: JobQueue, name: str) -> None:
    for blob in range(2):
        queue.add_picture(name, blob, EncodedPicture(2, 2, "gray8", "raw", (bytes(4),)))


def test_a_job_waits_when_all_its_pictures_are_here(tmp_path: Path) -> None:
    queue, ear = queue_of(tmp_path), Ear()
    queue.open("a", header(), ear)
    queue.open("b", header(), ear)
    assert ear.heard == [Accepted("a"), Accepted("b")] and queue.queued == 0
    upload(queue, "b")
    upload(queue, "a")
    assert ear.heard[2:] == [Queued("b", 0), Queued("a", 1)]


def test_an_upload_that_stops_gives_its_seat_back(tmp_path: Path) -> None:
    queue, ear = queue_of(tmp_path, upload_pause_s=0.05, waiting=1), Ear()
    queue.open("a", header(), ear)
    queue.sweep()
    time.sleep(0.06)
    queue.sweep()
    end = ear.heard[-1]
    assert isinstance(end, Failed) and "stopped arriving" in end.message
    queue.open("b", header(), ear)
    assert ear.heard[-1] == Accepted("b")


def test_an_upload_that_goes_on_keeps_its_seat_and_so_does_a_waiting_job(tmp_path: Path) -> None:
    queue, ear = queue_of(tmp_path, upload_pause_s=0.05), Ear()
    queue.open("slow", header(), ear)
    queue.open("complete", header(), Ear())
    upload(queue, "complete")
    time.sleep(0.06)
    queue.touch(ear)
    queue.sweep()
    assert ear.heard == [Accepted("slow")] and queue.queued == 1


def test_jobs_that_do_not_fit_into_the_memory_together_are_refused(tmp_path: Path) -> None:
    queue, ear = queue_of(tmp_path, bytes=1000), Ear()
    queue.open("large", header(100), ear)  # alone, any request within the wire's limits is fine
    with pytest.raises(ProtocolError) as caught:
        queue.open("small", header(), ear)
    assert caught.value.code == "busy" and "no room" in caught.value.message
    queue.cancel("large", ear)
    queue.open("small", header(), ear)
    assert ear.heard[-2:] == [Cancelled("large"), Accepted("small")]


def test_a_listener_that_leaves_takes_its_half_jobs_along_but_not_the_whole_ones(
    tmp_path: Path,
) -> None:
    queue, ear, other = queue_of(tmp_path), Ear(), Ear()
    queue.open("half", header(), ear)
    queue.open("whole", header(), ear)
    upload(queue, "whole")
    queue.leave(ear)
    queue.attach("half", other)
    queue.attach("whole", other)
    end, *others = other.heard
    assert isinstance(end, Failed) and end.code == "bad_request"
    assert "stopped arriving" in end.message and end.remedy == "Press Colorize again."
    assert others == [Accepted("whole"), Queued("whole", 0)]
    assert not queue.is_idle


def test_only_so_many_ends_are_remembered(tmp_path: Path) -> None:
    queue, ear = queue_of(tmp_path), Ear()
    for number in range(100):
        queue.open(f"job-{number}", header(), ear)
        queue.cancel(f"job-{number}", ear)
    queue.attach("job-99", ear)
    assert ear.heard[-1] == Cancelled("job-99")
    queue.attach("job-0", ear)
    end = ear.heard[-1]
    assert isinstance(end, Failed) and end.code == "unknown_job"


def test_a_job_cancelled_before_its_pictures_are_taken_is_no_mistake_of_the_servers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Slow(Engine):
        """Takes the request when the job has been cancelled."""

        async def paint(self, take_request, on_progress):  # type: ignore[no-untyped-def]
            queue.cancel("a", ear)
            await asyncio.to_thread(take_request)
            raise AssertionError("the pictures of a cancelled job were taken")

    async def run_to_the_end() -> None:
        running = asyncio.create_task(queue.run())
        while not queue.is_idle:
            await asyncio.sleep(0.01)
        running.cancel()

    engine = Slow("nothing:Nothing", ModelInfo("mini"), 1.0)
    queue, ear = JobQueue(engine, ResultStore(tmp_path), Limits()), Ear()
    queue.open("a", header(), ear)
    upload(queue, "a")
    asyncio.run(run_to_the_end())
    assert ear.heard[-1] == Cancelled("a")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
