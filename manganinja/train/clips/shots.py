# SPDX-License-Identifier: GPL-3.0-or-later
"""Shots of a clip, and the frames of each that may become pairs."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from scenedetect import ContentDetector, FrameTimecode

from .decode import Frame
from .settings import ClipsConfig

_THUMBNAIL_PX = 144
_ANY_RATE = 24.0


@dataclass
class Tally:
    """What became of a clip: shots, pairs, and what was dropped by reason."""

    frames: int = 0
    shots: int = 0
    pairs: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Candidate:
    """Frames of one shot from the reference (first) to the target (last), all between included."""

    shot: int
    frames: Sequence[Frame]

    @property
    def reference(self) -> Frame:
        return self.frames[0]

    @property
    def target(self) -> Frame:
        return self.frames[-1]


def thumbnail(picture: np.ndarray, height_px: int = _THUMBNAIL_PX) -> np.ndarray:
    """A picture (H, W, 3) reduced to a height; a smaller one stays as it is."""
    height, width = picture.shape[:2]
    if height <= height_px:
        return picture
    size = (max(1, round(width * height_px / height)), height_px)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def shots(frames: Iterable[Frame], threshold: float) -> Iterator[tuple[int, Frame]]:
    """Each frame with the number of its shot, from 0.

    PySceneDetect's ContentDetector compares a frame with the one before. Its AdaptiveDetector,
    which compares a change with the changes round it, is not for animation: where every drawing is
    held for two or three frames the changes round it are nothing, and each new drawing is a cut.
    No shortest shot is asked for, so a flash is a shot of its own, too short to give anything.
    """
    detector = ContentDetector(threshold=threshold, min_scene_len=0)
    shot = 0
    for frame in frames:
        small = np.ascontiguousarray(thumbnail(frame.picture)[..., ::-1])
        # The rate means nothing here: only the frame's number is looked at.
        if detector.process_frame(FrameTimecode(frame.number, fps=_ANY_RATE), small):
            shot += 1
        yield shot, frame


def candidates(frames: Iterable[Frame], config: ClipsConfig, tally: Tally) -> Iterator[Candidate]:
    """Frames ``frame_distance`` apart within a shot; a short shot gives its first and last.

    At most ``frame_distance + 1`` frames are in memory. ``tally`` gets frames, shots, and the shots
    that are too short for anything.
    """
    window: deque[Frame] = deque(maxlen=config.frame_distance + 1)
    current, seen, made = -1, 0, 0

    def short() -> Iterator[Candidate]:
        if not window or made:
            return
        if len(window) > config.shortest_distance:
            yield Candidate(current, tuple(window))
        else:
            tally.dropped["shot too short"] += 1

    for shot, frame in shots(frames, config.cut_threshold):
        tally.frames += 1
        if shot != current:
            yield from short()
            window.clear()
            current, seen, made = shot, 0, 0
            tally.shots += 1
        window.append(frame)
        seen += 1
        since_first_target = seen - 1 - config.frame_distance
        if since_first_target < 0 or since_first_target % config.pair_every:
            continue
        if made < config.most_pairs_per_shot:
            made += 1
            yield Candidate(shot, tuple(window))
    yield from short()
