# SPDX-License-Identifier: GPL-3.0-or-later
"""Frames of a clip, one after another, whatever its container, codec, size and rate (PyAV)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np


class BadClip(Exception):
    """A file can't be read as a clip, or not to its end; the text says why."""


@dataclass(frozen=True)
class Frame:
    """One frame that is kept.

    Attributes:
        number: counted from 0 over the frames that are kept.
        seconds: since the clip began.
        picture: (H, W, 3) uint8 RGB, its pixels square.
    """

    number: int
    seconds: float
    picture: np.ndarray


def frames(path: Path, size_px: int, most_per_second: float) -> Iterator[Frame]:
    """Decode a clip; only one frame is in memory at a time.

    Args:
        size_px: shorter side to which larger frames are reduced.
        most_per_second: of a faster clip, frames are left out evenly in time.

    Raises:
        BadClip: at once, or after the frames before the damage.
    """
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise BadClip("it has no pictures")
            yield from _kept(container, size_px, most_per_second)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadClip(getattr(error, "strerror", None) or str(error)) from error


def _kept(container: Any, size_px: int, most_per_second: float) -> Iterator[Frame]:
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    rate = float(stream.average_rate or most_per_second)
    number, due, start = 0, 0.0, None
    for index, decoded in enumerate(container.decode(stream)):
        if decoded.is_corrupt:
            raise BadClip(f"its data are damaged after {number} frames")
        seconds = index / rate if decoded.time is None else decoded.time
        start = seconds if start is None else start
        seconds -= start
        # A quarter of a step is allowed, or a clip of just that rate would lose frames to rounding.
        if seconds < due - 0.25 / most_per_second:
            continue
        due = max(due + 1 / most_per_second, seconds)
        yield Frame(number, seconds, _picture(decoded, stream, size_px))
        number += 1
    if number == 0:
        raise BadClip("it has no frames")


def _picture(decoded: Any, stream: Any, size_px: int) -> np.ndarray:
    """RGB at the size at which it is kept; the pixels of anamorphic clips become square."""
    width = decoded.width * float(stream.sample_aspect_ratio or 1)
    factor = min(1.0, size_px / min(width, decoded.height))
    rgb = decoded.reformat(
        width=max(1, round(width * factor)),
        height=max(1, round(decoded.height * factor)),
        format="rgb24",
        interpolation="AREA",
    )
    return rgb.to_ndarray()
