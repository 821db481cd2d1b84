# SPDX-License-Identifier: GPL-3.0-or-later
"""Small requests for the scripted painter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from manganinja.wire.protocol import ColorizeRequest, Failed, JobEvent, Picture, Result

LINES = Picture(6, 4, "gray8", bytes(range(24)))
RED = Picture(3, 2, "rgba8", b"\xc8\x20\x10\xff" * 6)


def request(**changes: Any) -> ColorizeRequest:
    """Four steps without a pause, unless changed."""
    return replace(ColorizeRequest(LINES, (RED,)), **changes)


def play(role: str = "", pause_s: float = 0.0, **changes: Any) -> ColorizeRequest:
    """A request that tells the scripted painter what to do."""
    return request(source={"play": role, "pause_s": str(pause_s)}, **changes)


def last(events: Iterable[JobEvent]) -> JobEvent:
    *_, event = events
    return event


def result(events: Iterable[JobEvent]) -> Result:
    event = last(events)
    assert isinstance(event, Result), event
    return event


def failure(events: Iterable[JobEvent]) -> Failed:
    event = last(events)
    assert isinstance(event, Failed), event
    return event
