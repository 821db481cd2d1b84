# SPDX-License-Identifier: GPL-3.0-or-later
"""How pairs are made of clips. Imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import BadRequest

MATCHERS = ("track", "sift", "lightglue")
LINES = ("extractor", "ink")


@dataclass(frozen=True)
class ClipsConfig:
    """Settings of ``manganinja train clips``; docs/clips.md says more of each.

    Attributes:
        size_px: shorter side of the pictures that are kept; smaller frames stay as they are.
        most_frames_per_second: faster clips are thinned to this; distances count what is left.
        frame_distance: from reference to target, in frames of one shot (paper: 36).
        shortest_distance: a shot too short for ``frame_distance`` gives its first and last frame
            if they are at least so far apart.
        pair_every: frames from one pair's reference to the next one's.
        most_pairs_per_shot: after so many pairs the rest of a shot is passed over.
        cut_threshold: of PySceneDetect's ContentDetector, mean change of a pixel in hue,
            saturation and brightness, 0 to 255.
        same_ssim: frames from this similarity on are near-duplicates (SSIM, at most 1).
        matcher: "track", "sift" or "lightglue".
        lightglue: name on the hub or folder of the weights, for ``matcher = "lightglue"``.
        fewest_points, most_points: a pair with fewer matches is dropped; of more, those that lie
            farthest from each other are kept.
        lines: "extractor" (the published network) or "ink" (dark strokes; no weights).
        lineart_model: model whose extractor is taken, see ``manganinja weights``.
    """

    size_px: int = 512
    most_frames_per_second: float = 24.0
    frame_distance: int = 36
    shortest_distance: int = 12
    pair_every: int = 36
    most_pairs_per_shot: int = 8
    cut_threshold: float = 27.0
    same_ssim: float = 0.95
    matcher: str = "track"
    lightglue: str = "ETH-CVG/lightglue_superpoint"
    fewest_points: int = 8
    most_points: int = 64
    lines: str = "extractor"
    lineart_model: str = "manganinja"

    def __post_init__(self) -> None:
        if self.matcher not in MATCHERS:
            raise BadRequest(
                f"There is no matcher {self.matcher!r}.", f"Choose one of {', '.join(MATCHERS)}."
            )
        if self.lines not in LINES:
            raise BadRequest(
                f"Lines can't come from {self.lines!r}.", f"Choose one of {', '.join(LINES)}."
            )
        counts = ("size_px", "shortest_distance", "pair_every", "most_pairs_per_shot")
        for name in (*counts, "fewest_points", "most_frames_per_second"):
            if getattr(self, name) <= 0:
                raise BadRequest(f"{name} is {getattr(self, name):g}.", "Give more than 0.")
        if self.frame_distance < self.shortest_distance:
            raise BadRequest(
                f"A frame_distance of {self.frame_distance} is less than the shortest_distance of "
                f"{self.shortest_distance}.",
                "Lower shortest_distance too.",
            )
        if self.most_points < self.fewest_points:
            raise BadRequest(
                f"At most {self.most_points} and at least {self.fewest_points} points contradict.",
                "Lower fewest_points too.",
            )
