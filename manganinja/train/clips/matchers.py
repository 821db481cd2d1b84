# SPDX-License-Identifier: GPL-3.0-or-later
"""Points that show the same spot in reference and target, each checked from both sides.

A false pair teaches the network not to obey pairs, and a frame has more good points than a sample
can use. So every matcher here would rather lose a point than keep a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import cv2
import numpy as np

from ...errors import BadRequest
from .settings import ClipsConfig

_SAME_COLOUR = 20
"""Grey levels of 255 in the channel that differs most."""


@dataclass(frozen=True)
class Matches:
    """N spots in two pictures.

    Attributes:
        reference, target: (N, 2) float32 x and y, pixel i covers [i, i + 1).
        confidence: (N,) float32, 0 to 1; comparable within one matcher only.
    """

    reference: np.ndarray
    target: np.ndarray
    confidence: np.ndarray

    def __len__(self) -> int:
        return len(self.confidence)

    def only(self, chosen: np.ndarray) -> Matches:
        """Those of a boolean mask or of indices."""
        return Matches(self.reference[chosen], self.target[chosen], self.confidence[chosen])

    def apart(self, most: int) -> Matches:
        """At most ``most``: the surest, as far from each other as leaves so many.

        (To take each farthest from those before it would gather the strays.)
        """
        order = np.argsort(-self.confidence, kind="stable")
        away_px = np.ptp(self.reference, axis=0).max() if len(self) else 0.0
        chosen: list[int] = []
        while len(chosen) < min(most, len(self)):
            for index in order:
                if len(chosen) == most:
                    break
                others = np.linalg.norm(self.reference[chosen] - self.reference[index], axis=1)
                if index not in chosen and (others > away_px).all():
                    chosen.append(int(index))
            away_px = away_px / 1.5 if away_px > 0.5 else -1.0
        return self.only(np.array(chosen, int))


def _matches(reference: Any, target: Any, confidence: Any) -> Matches:
    one, other = (np.asarray(ends, np.float32).reshape(-1, 2) for ends in (reference, target))
    return Matches(one, other, np.asarray(confidence, np.float32).reshape(-1))


class Matcher(Protocol):
    """Finds the same spots in the first and the last of the frames of a shot."""

    def match(self, frames: Sequence[np.ndarray]) -> Matches:
        """Args: frames: at least two (H, W, 3) uint8 RGB pictures of one size, in order."""
        ...


def matcher_of(config: ClipsConfig) -> Matcher:
    """The matcher of these settings.

    Raises:
        BadRequest: LightGlue's weights can't be had.
    """
    if config.matcher == "lightglue":
        return LightGlueMatcher(config.lightglue)
    return SiftMatcher() if config.matcher == "sift" else TrackMatcher()


def _grey(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)


class TrackMatcher:
    """Corners followed from frame to frame (Lucas and Kanade), and back again.

    Needs no weights: a clip has the frames in between, in which everything moves little. The check:
    each point is followed back through all frames and has to arrive where it began. One that was
    hidden in between, or slid along a line, does not.

    Args:
        back_px: how far from its start a point may arrive, per 512 px of the shorter side.
    """

    def __init__(self, back_px: float = 0.5) -> None:
        self._back_px = back_px

    def match(self, frames: Sequence[np.ndarray]) -> Matches:
        """See :class:`Matcher`."""
        grey = _without_held([_grey(frame) for frame in frames])
        unit_px = min(grey[0].shape) / 512
        corners = cv2.goodFeaturesToTrack(
            grey[0], maxCorners=600, qualityLevel=0.05, minDistance=max(3.0, 6 * unit_px)
        )
        if corners is None:
            return _matches([], [], [])
        there, found = _followed(grey, corners)
        back, found_back = _followed(grey[::-1], there)
        off = np.linalg.norm(back - corners, axis=2).ravel()
        limit = max(0.25, self._back_px * unit_px)
        good = found & found_back & (off <= limit) & _inside(there[:, 0], grey[0].shape)
        found_pairs = _matches(corners + 0.5, there + 0.5, 1 - off / limit).only(good)
        return agreeing(found_pairs)


def _without_held(grey: list[np.ndarray]) -> list[np.ndarray]:
    """The frames without those that show the same drawing as the one before."""
    kept = grey[:1]
    for frame in grey[1:]:
        if cv2.norm(frame, kept[-1], cv2.NORM_L1) > 0.2 * frame.size:
            kept.append(frame)
    return kept


def _followed(grey: Sequence[np.ndarray], points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, 1, 2) points of the first picture in the last one, and which were never lost."""
    found = np.ones(len(points), bool)
    # A larger window follows more of what lies on the other side of an outline.
    side = max(9, (min(grey[0].shape) // 34) | 1)
    for before, after in pairwise(grey):
        points, status, _ = cv2.calcOpticalFlowPyrLK(
            before, after, points, points.copy(), winSize=(side, side), maxLevel=4
        )
        found &= status.ravel() == 1
    return points, found


def _inside(points: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return np.all((points >= 0) & (points < (shape[1], shape[0])), axis=1)


class SiftMatcher:
    """SIFT features that are each other's nearest, with no close second; no weights.

    Looks at the first and the last frame alone. The check: nearest from both sides, and then
    :func:`agreeing`, since the two eyes of a face look alike.

    Args:
        ratio: distance of the nearest over that of the second nearest, at most.
    """

    def __init__(self, ratio: float = 0.8) -> None:
        self._ratio = ratio
        self._sift = cv2.SIFT_create(contrastThreshold=0.02)  # type: ignore[attr-defined]

    def match(self, frames: Sequence[np.ndarray]) -> Matches:
        """See :class:`Matcher`."""
        (points, features), (others, other_features) = (
            self._sift.detectAndCompute(_grey(frame), None) for frame in (frames[0], frames[-1])
        )
        if len(points) < 2 or len(others) < 2:
            return _matches([], [], [])
        brute = cv2.BFMatcher(cv2.NORM_L2)
        back = {m[0].queryIdx: m[0].trainIdx for m in brute.knnMatch(other_features, features, 1)}
        good = [
            (first.queryIdx, first.trainIdx, first.distance / max(second.distance, 1e-6))
            for first, second in brute.knnMatch(features, other_features, 2)
            if back.get(first.trainIdx) == first.queryIdx
            and first.distance <= self._ratio * second.distance
        ]
        ends = [points[i].pt for i, _, _ in good], [others[j].pt for _, j, _ in good]
        found = _matches(*ends, [1 - closeness for _, _, closeness in good])
        return agreeing(_matches(found.reference + 0.5, found.target + 0.5, found.confidence))


def agreeing(matches: Matches, neighbours: int = 6) -> Matches:
    """Matches that move as at least half of the nearest other ones do.

    "As": to within 3 px, or within 0.3 of the distance between the two, which allows turning by 17
    degrees, bending and growing. One transformation for the whole picture (RANSAC) would not do:
    an arm that moves by itself would be lost.
    """
    if len(matches) < 3:
        return matches.only(np.zeros(len(matches), bool))
    apart = np.linalg.norm(matches.reference[:, None] - matches.reference[None], axis=2)
    moves = matches.target - matches.reference
    differ = np.linalg.norm(moves[:, None] - moves[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1)[:, : min(neighbours, len(matches) - 1)]
    rows = np.arange(len(matches))[:, None]
    agree = differ[rows, nearest] <= np.maximum(3, 0.3 * apart[rows, nearest])
    return matches.only(agree.mean(axis=1) >= 0.5)


def same_coloured(matches: Matches, one: np.ndarray, other: np.ndarray) -> Matches:
    """Matches round which both pictures, blurred over 4 px of 512, have the same colour.

    What a pair says when a page is coloured is "this colour goes here", and where two outlines
    slide over each other a corner may look the same while one side of it has changed.

    Args:
        one, other: the (H, W, 3) uint8 pictures that were matched.
    """
    size = np.array(one.shape[1::-1])

    def round_it(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
        blurred = cv2.GaussianBlur(picture, (0, 0), max(1.0, 4 * min(size) / 512))
        x, y = np.clip(points.astype(int), 0, size - 1).T
        return blurred[y, x].astype(int)

    ends = round_it(one, matches.reference), round_it(other, matches.target)
    return matches.only(np.abs(ends[0] - ends[1]).max(axis=1, initial=0) <= _SAME_COLOUR)


class LightGlueMatcher:
    """LightGlue on SuperPoint (arXiv 2306.13643), as transformers has it.

    Looks at the first and the last frame alone. The check: LightGlue decides with all points and
    their places in view, so where much looks alike it can be carried away by the layout. The raw
    SuperPoint descriptors know nothing of layout. A match stays if the nearest descriptor of each
    end in the other picture lies at the other end, or within ``near_px`` of it (an outline
    has several keypoints close by). Two criteria that fail in different ways then agree.

    Args:
        source: folder with the weights, or their name on the Hugging Face hub.
        near_px: see above, per 512 px of the shorter side.

    Raises:
        BadRequest: there are no such weights, or no way to them.
    """

    def __init__(self, source: str, near_px: float = 12.0) -> None:
        import torch
        from transformers import LightGlueForKeypointMatching

        self._near_px = near_px
        self._place = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            network = LightGlueForKeypointMatching.from_pretrained(source)
        except (OSError, ValueError) as error:
            why = str(error).splitlines()[0]
            raise BadRequest(
                f"LightGlue's weights can't be loaded from {source!r}: {why}",
                'Give a folder with them (lightglue = "FOLDER"), or matcher = "track".',
            ) from error
        self._network = network.to(self._place).eval()  # type: ignore[arg-type]
        # LightGlue keeps the descriptors to itself; the check needs them.
        self._network.keypoint_detector.register_forward_hook(self._remember)
        self._descriptors: Any = None

    def _remember(self, module: Any, inputs: Any, output: Any) -> None:
        self._descriptors = output[2]

    def match(self, frames: Sequence[np.ndarray]) -> Matches:
        """See :class:`Matcher`."""
        import torch

        grey = np.stack([_grey(frames[0]), _grey(frames[-1])]).astype(np.float32) / 255
        # What its image processor does but for the size: frames have been reduced already, and it
        # would press all of them to 640 x 480.
        pixels = torch.from_numpy(grey)[None, :, None].expand(-1, -1, 3, -1, -1).to(self._place)
        with torch.inference_mode():
            output = self._network(pixels)
        height, width = grey.shape[1:]
        places = output.keypoints[0].float().cpu().numpy() * (width, height)
        real = output.mask[0].bool().cpu().numpy()
        if not real.any():
            return _matches([], [], [])
        # (1, 2, K), or (2, K) where weights are set to go through all layers.
        matched = output.matches.reshape(2, -1)[0].cpu().numpy()
        scores = output.matching_scores.reshape(2, -1)[0].float().cpu().numpy()
        chosen = np.flatnonzero(real[0] & (matched >= 0))
        partners = matched[chosen].astype(int)
        features = self._descriptors.float().cpu().numpy()
        near_px = self._near_px * min(height, width) / 512
        sure = mutually_nearest(places, features, real, chosen, partners, near_px)
        ends = places[0][chosen] + 0.5, places[1][partners] + 0.5
        return _matches(*ends, scores[chosen]).only(sure)


def mutually_nearest(
    places: np.ndarray,
    features: np.ndarray,
    real: np.ndarray,
    chosen: np.ndarray,
    partners: np.ndarray,
    near_px: float,
) -> np.ndarray:
    """Which matches the descriptors confirm from both sides.

    Args:
        places: (2, K, 2) keypoints of both pictures in pixels.
        features: (2, K, D) their descriptors.
        real: (2, K) bool, false where the shorter list is filled up.
        chosen, partners: (N,) keypoints of the first and of the second picture that are matched.
        near_px: how far from the partner the nearest descriptor may lie.

    Returns:
        (N,) bool.
    """
    if not len(chosen):
        return np.zeros(0, bool)
    alike = features[0] @ features[1].T
    alike[~real[0]] = -np.inf
    alike[:, ~real[1]] = -np.inf
    there, back = alike[chosen].argmax(axis=1), alike[:, partners].argmax(axis=0)
    off_there = np.linalg.norm(places[1][there] - places[1][partners], axis=1)
    off_back = np.linalg.norm(places[0][back] - places[0][chosen], axis=1)
    return (off_there <= near_px) & (off_back <= near_px)
