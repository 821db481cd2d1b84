# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.clips``: how right the point pairs, cuts and lines made of clips are.

Clips that the generator animates: a character moves from one pose to another, on twos, through
H.264 and back. Every outline is known in every frame, so it is known where each spot of the first
frame is in the last one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from scenedetect import AdaptiveDetector, ContentDetector, FrameTimecode

from manganinja.train.clips import matchers
from manganinja.train.clips.decode import frames
from manganinja.train.clips.lines import ink_lines
from manganinja.train.clips.shots import thumbnail
from manganinja.train.drawings import Character, Pose, Style, random_pose
from manganinja.train.drawings.character import place

RIGHT_PX = 3.0
"""A point within this distance of where it belongs is right, at 512 px."""


def between(one: Pose, other: Pose, share: float) -> Pose:
    """A pose on the way; what can't be mixed stays as in the first."""

    def mixed(first: Any, second: Any) -> Any:
        if isinstance(first, tuple):
            return tuple(mixed(a, b) for a, b in zip(first, second))
        return first + (second - first) * share if isinstance(first, float) else first

    values = {f.name: mixed(getattr(one, f.name), getattr(other, f.name)) for f in fields(Pose)}
    return Pose(**values)


@dataclass(frozen=True)
class Motion:
    """A character that moves from one pose to another."""

    character: Character
    one: Pose
    other: Pose
    style: Style

    @classmethod
    def random(cls, seed: int, size_px: int, amount: float = 0.5) -> Motion:
        """``amount``: how far to go from one random pose to another one."""
        rng = np.random.default_rng([seed, 36])
        character, one = Character.random(rng), random_pose(rng)
        tint = tuple(int(v) for v in rng.integers(120, 256, 3))
        style = Style(
            line_width_px=1.2 * (size_px / 128) ** 0.6,
            background_rgb=(tint[0], tint[1], tint[2]),
            shaded=bool(rng.random() < 0.5),
        )
        other = between(one, random_pose(rng, one.framing), amount)
        return cls(character, one, other, style)

    def pictures(self, count: int, size_px: int, held: int = 2) -> list[np.ndarray]:
        """(S, S, 3) uint8 RGB frames; each drawing is held for so many of them."""
        drawn: list[np.ndarray] = []
        for index in range(count):
            if index % held == 0 or index == count - 1:
                pose = between(self.one, self.other, index / max(1, count - 1))
                drawn.append(self.character.draw(pose, size_px, self.style).colour)
            else:
                drawn.append(drawn[-1])
        return drawn

    def shapes(self, pose: Pose, size_px: int) -> list[Any]:
        """Outlines in pixels of the picture, in the order in which they are painted over."""
        sheet = self.character.sheet(pose)
        place(sheet, pose, size_px, self.character.window(sheet, pose))
        return sorted(sheet.shapes, key=lambda shape: shape.order)

    def off_px(self, matches: matchers.Matches, size_px: int) -> np.ndarray:
        """(N,) how far each target end is from where its reference end belongs; NaN if unknown.

        A spot near an outline belongs to it, elsewhere to the uppermost shape there. Where several
        outlines are near, the one that fits best counts.
        """
        before, after = (self.shapes(pose, size_px) for pose in (self.one, self.other))
        if len(before) != len(after):
            return np.full(len(matches), np.nan)
        return np.array(
            [
                min(
                    (float(np.linalg.norm(place - end)) for place in _places(start, before, after)),
                    default=np.nan,
                )
                for start, end in zip(matches.reference, matches.target)
            ]
        )


def _places(spot: np.ndarray, before: Sequence[Any], after: Sequence[Any]) -> list[np.ndarray]:
    """Where a spot may be in the other pose."""
    near, top = [], spot
    for one, other in zip(before, after):
        if len(one.points) != len(other.points) or len(one.points) < 3:
            continue
        if (spot < one.points.min(axis=0) - 3).any() or (spot > one.points.max(axis=0) + 3).any():
            continue
        closed = one.part is not None
        if (
            closed
            and cv2.pointPolygonTest(one.points.astype(np.float32), tuple(map(float, spot)), False)
            >= 0
        ):
            top = _carried(spot, one.points, other.points)
        starts, ends = one.points, np.roll(one.points, -1, axis=0)
        step = ends - starts
        along = ((spot - starts) * step).sum(axis=1) / np.maximum((step**2).sum(axis=1), 1e-9)
        along = np.clip(along, 0, 1)[:, None]
        away = np.linalg.norm(starts + along * step - spot, axis=1)
        if not closed:
            away[-1] = np.inf
        nearest = int(np.argmin(away))
        if away[nearest] <= 3:
            moved = other.points + along * (np.roll(other.points, -1, axis=0) - other.points)
            near.append(moved[nearest] + spot - (starts + along * step)[nearest])
    return near or [top]


def _carried(spot: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """A spot inside an outline, carried by the affine map that fits the outline's move best."""
    ones = np.ones((len(one), 1))
    affine, *_ = np.linalg.lstsq(np.hstack([one, ones]), other, rcond=None)
    return np.append(spot, 1.0) @ affine


def write_clip(path: Path, pictures: Sequence[np.ndarray], rate: int = 24) -> None:
    """(H, W, 3) uint8 RGB pictures as H.264 in whatever container the name asks for."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "20"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _through_video(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(path, pictures)
        return [frame.picture for frame in frames(path, 512, 24.0)]


def _found(matcher: matchers.Matcher, pictures: Sequence[np.ndarray], name: str) -> Any:
    found = matcher.match(pictures)
    if "any colour" not in name:
        found = matchers.same_coloured(found, pictures[0], pictures[-1])
    return found.apart(64)


def _points(count: int, size_px: int, amount: float) -> None:
    """One line for each matcher, with and without its check."""
    clips = []
    for seed in range(count):
        motion = Motion.random(seed, size_px, amount)
        clips.append((motion, _through_video(motion.pictures(37, size_px))))
    unchecked = {"agreeing": lambda found: found}
    kinds: dict[str, tuple[matchers.Matcher, dict[str, Any]]] = {
        "track": (matchers.TrackMatcher(), {}),
        "track, not followed back": (matchers.TrackMatcher(back_px=1e9), {}),
        "track, neighbours not asked": (matchers.TrackMatcher(), unchecked),
        "track, any colour": (matchers.TrackMatcher(), {}),
        "sift": (matchers.SiftMatcher(), {}),
        "sift, neighbours not asked": (matchers.SiftMatcher(), unchecked),
        "sift, any colour": (matchers.SiftMatcher(), {}),
    }
    print(f"points, {count} clips of {size_px} px, {amount:g} of the way to another pose")
    print(f"{'':30s} right  points a pair  pairs of 8 and more  seconds a pair")
    for name, (matcher, patches) in kinds.items():
        before = {key: getattr(matchers, key) for key in patches}
        for key, value in patches.items():
            setattr(matchers, key, value)
        began = time.perf_counter()
        found = [_found(matcher, pictures, name) for _, pictures in clips]
        seconds = (time.perf_counter() - began) / count
        for key, value in before.items():
            setattr(matchers, key, value)
        off = np.concatenate([m.off_px(f, size_px) for (m, _), f in zip(clips, found)])
        known = off[~np.isnan(off)]
        right = (known <= RIGHT_PX * size_px / 512).mean() if len(known) else float("nan")
        enough = sum(len(f) >= 8 for f in found)
        print(
            f"{name:30s} {right:5.3f}  {np.mean([len(f) for f in found]):13.1f}  "
            f"{enough:9d} of {count:3d}  {seconds:18.2f}"
        )


def _cuts(count: int, size_px: int) -> None:
    """Cuts between characters, found and false, by either of PySceneDetect's detectors."""
    detectors = {
        "ContentDetector": lambda: ContentDetector(min_scene_len=0),
        "AdaptiveDetector": lambda: AdaptiveDetector(min_scene_len=0),
    }
    for held in (1, 3):
        pictures: list[np.ndarray] = []
        for seed in range(count):
            pictures += Motion.random(1000 + seed, size_px, 1.0).pictures(24, size_px, held)
        pictures = _through_video(pictures)
        true = {24 * shot for shot in range(1, count)}
        for name, make in detectors.items():
            detector, found = make(), set()
            for number, picture in enumerate(pictures):
                small = np.ascontiguousarray(thumbnail(picture)[..., ::-1])
                cuts = detector.process_frame(FrameTimecode(number, fps=24.0), small)
                found |= {cut.frame_num for cut in cuts}
            print(
                f"cuts, drawings held for {held}, {name}: {len(found & true)} of {len(true)} "
                f"found, {len(found - true)} false"
            )


def _lines(count: int, size_px: int) -> None:
    """Lines of drawings found in the colour picture: share found, and share that is true."""
    ways = {
        "ink": ink_lines,
        "Canny": lambda picture: 255 - cv2.Canny(picture, 60, 160),
    }
    near = np.ones((3, 3), np.uint8)
    for ink, line_rgb in (("black ink", (0, 0, 0)), ("brown ink", (96, 56, 40))):
        for name, way in ways.items():
            scores = []
            for seed in range(count):
                motion = Motion.random(2000 + seed, size_px)
                style = replace(motion.style, line_rgb=line_rgb)
                drawing = motion.character.draw(motion.one, size_px, style)
                true = (drawing.lineart < 128).astype(np.uint8)
                found = (way(drawing.colour) < 128).astype(np.uint8)
                recall = np.logical_and(cv2.dilate(found, near), true).sum() / true.sum()
                scores.append(
                    (recall, np.logical_and(cv2.dilate(true, near), found).sum() / found.sum())
                )
            recall, precision = np.mean(scores, axis=0)
            print(f"lines, {ink}, {name}: {recall:.3f} found, {precision:.3f} true")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=20)
    parser.add_argument("--size-px", type=int, default=512)
    parser.add_argument(
        "--amounts", type=float, nargs="*", default=(0.25, 0.5), help="how far the characters move"
    )
    parser.add_argument("--points-alone", action="store_true", help="no cuts, no lines")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for amount in options.amounts:
        _points(options.clips, options.size_px, amount)
    if not options.points_alone:
        _cuts(options.clips, options.size_px // 2)
        _lines(options.clips, options.size_px)


if __name__ == "__main__":
    main()
