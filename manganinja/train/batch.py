# SPDX-License-Identifier: GPL-3.0-or-later
"""From generated pairs to one training batch: turns, points, recolouring, shuffle, line styles,
dropped conditions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import BadRequest
from ..lineart import FAINTEST_LINE
from ..point_net import LARGEST_CODED_NUMBER
from ..points import draw_point_map
from .clips.reader import points_of
from .drawings import DrawnPair
from .line_styles import STYLES, restyled
from .shuffle import PatchShuffle, grids
from .turning import random_turn, turned_drawing, turned_points


@dataclass(frozen=True)
class BatchConfig:
    """What is done to the pairs: shares of a batch, as probabilities. Each can be 0.

    Attributes:
        plain: rows whose reference is dropped, for guidance.
        pointed: rows with point maps; the rest have theirs dropped and see the reference alone.
        no_pairs: pointed rows whose maps are empty.
        most_pairs: pairs of a pointed row, 1 to this many.
        recoloured: pointed rows in which some pairs contradict the drawing: the part under the
            line-art end takes the colour of another part of the reference. Only the point can
            tell, so the network learns to obey it.
        no_lineart: rows whose line art is dropped.
        shuffled: rows whose reference is shuffled into 2x2 up to ``finest_grid`` patches a side.
        shuffle_grows: share of the run after which the finest grid is reached, coarse to fine;
            with 0 all grids are used from the start.
        mirrored, turned: references and targets, each by itself, that are flipped, and that are
            turned by any angle.
        restyled: rows whose line art is drawn in other styles.
        styles: which ones (:data:`.line_styles.STYLES`).
        lines_in_target: learn the picture with its lines, as the published model, or the colour
            under them.
    """

    plain: float = 0.08
    pointed: float = 0.5
    no_pairs: float = 0.1
    most_pairs: int = 10
    recoloured: float = 0.6
    no_lineart: float = 0.05
    shuffled: float = 0.25
    finest_grid: int = 8
    shuffle_grows: float = 0.0
    mirrored: float = 0.0
    turned: float = 0.0
    restyled: float = 0.0
    styles: tuple[str, ...] = tuple(STYLES)
    lines_in_target: bool = False

    def __post_init__(self) -> None:
        unknown = [style for style in self.styles if style not in STYLES]
        if unknown or (self.restyled and not self.styles):
            raise BadRequest(
                f"There are no line styles {', '.join(unknown) or 'given'}.",
                f"Choose some of {', '.join(STYLES)}.",
            )
        if self.plain + self.pointed > 1:
            raise BadRequest(
                f"{self.plain:g} plain and {self.pointed:g} pointed rows are more than all rows.",
                "Lower one of them.",
            )
        if self.most_pairs > LARGEST_CODED_NUMBER or self.finest_grid > 32:
            raise BadRequest(
                f"{self.most_pairs} pairs or {self.finest_grid} patches a side are too many.",
                f"There can be {LARGEST_CODED_NUMBER} pairs and 32 patches.",
            )

    def for_points_alone(self) -> BatchConfig:
        """The same for PointNet's own stage: rows without points would teach it nothing."""
        return replace(self, plain=0.0, pointed=1.0, no_pairs=0.0)


@dataclass(frozen=True)
class Batch:
    """N samples; rows stand in the order plain, reference alone, with points.

    All in bytes, so that as little as possible goes from the workers to a GPU;
    :func:`.codec.signed` makes pictures of them that networks take.

    Attributes:
        reference, target: (N, 3, S, S) uint8.
        condition: (N, 1, S, S) uint8, bright lines on black.
        reference_map, lineart_map: (P, 1, S, S) uint8 pair numbers of the pointed rows.
        reference_parts, target_parts: (N, S, S) uint8 part ids after shuffle and recolouring.
        recoloured: (N, S, S) bool, where a target's part has taken another part's colour.
        plain, referenced: how many rows the first two groups have.
    """

    reference: Tensor
    target: Tensor
    condition: Tensor
    reference_map: Tensor
    lineart_map: Tensor
    reference_parts: Tensor
    target_parts: Tensor
    recoloured: Tensor
    plain: int
    referenced: int

    @property
    def pointed(self) -> int:
        """Rows with points."""
        return len(self.target) - self.plain - self.referenced

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        return self._mapped(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The same batch where a GPU can fetch it by itself; torch's loader calls this."""
        return self._mapped(lambda tensor: tensor.contiguous().pin_memory())

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> Batch:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        tensors = {name: change(v) for name, v in values.items() if isinstance(v, Tensor)}
        return replace(self, **tensors)


def condition_of(lineart: np.ndarray) -> np.ndarray:
    """Black-on-white line art (H, W) uint8 to bright lines on black, (H, W) uint8."""
    edge = 255 - lineart
    edge[edge <= FAINTEST_LINE * 255] = 0
    return edge


def _channels_first(pictures: Sequence[np.ndarray]) -> Tensor:
    """uint8 pictures (H, W, 3) to one tensor (N, 3, H, W)."""
    return torch.from_numpy(np.stack([np.moveaxis(p, 2, 0) for p in pictures]))


def _place_inside(parts: np.ndarray, part: int, rng: np.random.Generator) -> np.ndarray | None:
    """A random pixel (x, y) of a part, off its edges where it is large enough."""
    mask = (parts == part).astype(np.uint8)
    inner = cv2.erode(mask, np.ones((5, 5), np.uint8))
    ys, xs = np.nonzero(inner if inner.any() else mask)
    if not len(xs):
        return None
    pick = rng.integers(len(xs))
    return np.array([xs[pick] + 0.5, ys[pick] + 0.5], dtype=np.float32)


def recolour(
    pair: DrawnPair, picture: np.ndarray, parts: np.ndarray, rng: np.random.Generator, most: int
) -> list[np.ndarray]:
    """Give one to ``most`` target parts another reference part's colour, in place; the pairs."""

    def large(ids: np.ndarray) -> list[int]:
        values, counts = np.unique(ids, return_counts=True)
        return [int(v) for v, c in zip(values, counts, strict=True) if v != 0 and c >= 60]

    targets, sources = large(parts), large(pair.reference.parts)
    rng.shuffle(targets)
    pairs = []
    for part in targets[: int(rng.integers(1, most + 1))]:
        others = [s for s in sources if s != part]
        if not others:
            break
        source = int(rng.choice(others))
        from_end = _place_inside(pair.reference.parts, source, rng)
        to_end = _place_inside(pair.target.parts, part, rng)
        if from_end is None or to_end is None:
            continue
        # The drawing's own parts: one recoloured before may bear this part's id by now.
        inside = pair.target.parts == part
        new = np.median(pair.reference.flats[pair.reference.parts == source], axis=0)
        old = np.median(picture[inside], axis=0)
        shifted = picture[inside].astype(np.float32) + (new - old)
        picture[inside] = np.clip(shifted, 0, 255).astype(np.uint8)
        parts[inside] = source
        pairs.append(np.stack([from_end, to_end]))
    return pairs


def _draw_map(points: np.ndarray, numbers: np.ndarray, size_px: int) -> np.ndarray:
    square = (size_px, size_px)
    drawn = draw_point_map(list(zip(numbers, points, strict=True)), square, square, square)
    return drawn.astype(np.uint8)


@dataclass
class _Sample:
    reference: np.ndarray
    target: np.ndarray
    condition: np.ndarray
    reference_map: np.ndarray
    lineart_map: np.ndarray
    reference_parts: np.ndarray
    target_parts: np.ndarray
    recoloured: np.ndarray


def _turned(
    pair: DrawnPair, points: np.ndarray, config: BatchConfig, rng: np.random.Generator
) -> tuple[DrawnPair, np.ndarray]:
    """Both sides flipped and turned by chance, each by itself; points that leave the page go."""
    size_px = pair.target.parts.shape[0]
    sides, moved = [], points.copy()
    for side, drawing in enumerate((pair.reference, pair.target)):
        turn = random_turn(size_px, config.mirrored, config.turned, rng)
        sides.append(drawing if turn is None else turned_drawing(drawing, turn))
        if turn is not None:
            moved[:, side] = turned_points(points[:, side], turn)
    on_page = ((moved >= 0) & (moved < size_px)).all(axis=(1, 2))
    return DrawnPair(*sides), moved[on_page]


def _sample(
    pair: DrawnPair, pointed: bool, config: BatchConfig, rng: np.random.Generator, share: float
) -> _Sample:
    size_px = pair.target.parts.shape[0]
    pairs = np.zeros((0, 2, 2), np.float32)
    has_pairs = pointed and config.most_pairs > 0 and rng.random() >= config.no_pairs
    if has_pairs:
        pairs = points_of(pair, int(rng.integers(1, config.most_pairs + 1)), rng)
    if config.mirrored or config.turned:
        pair, pairs = _turned(pair, pairs, config, rng)
    target = (pair.target.colour if config.lines_in_target else pair.target.flats).copy()
    target_parts = pair.target.parts.astype(np.uint8)
    if has_pairs and rng.random() < config.recoloured:
        forced = recolour(pair, target, target_parts, rng, most=3)
        # A true pair inside a part that has just changed its colour would be a lie.
        xy = pairs[:, 1].astype(int)
        same = target_parts[xy[:, 1], xy[:, 0]] == pair.target.parts[xy[:, 1], xy[:, 0]]
        # First, so that no limit cuts off the only word about a part.
        pairs = np.concatenate([*[p[None] for p in forced], pairs[same]])
    reference, reference_parts = pair.reference.colour, pair.reference.parts.astype(np.uint8)
    if rng.random() < config.shuffled:
        allowed = grids(config.finest_grid, config.shuffle_grows, share)
        shuffle = PatchShuffle(size_px, int(rng.choice(allowed)), rng)
        reference, reference_parts = shuffle.picture(reference), shuffle.picture(reference_parts)
        pairs[:, 0] = shuffle.points(pairs[:, 0])
    lineart = pair.target.lineart
    if config.restyled and rng.random() < config.restyled:
        lineart = restyled(lineart, config.styles, rng)
    condition = condition_of(lineart)
    if rng.random() < config.no_lineart:
        condition = np.zeros_like(condition)
    pairs = pairs[:LARGEST_CODED_NUMBER]
    numbers = 1 + rng.permutation(LARGEST_CODED_NUMBER)[: len(pairs)]
    return _Sample(
        reference,
        target,
        condition,
        _draw_map(pairs[:, 0], numbers, size_px),
        _draw_map(pairs[:, 1], numbers, size_px),
        reference_parts,
        target_parts,
        target_parts != pair.target.parts,
    )


def make_batch(
    pairs: Sequence[DrawnPair],
    config: BatchConfig,
    rng: np.random.Generator,
    share: float = 1.0,
) -> Batch:
    """Turn pairs into a batch; group sizes are drawn so that they have the configured shares.

    Args:
        share: of the run that is done, which decides how fine the shuffle may be.
    """
    count = len(pairs)
    shares = rng.random(count)
    plain = int((shares < config.plain).sum())
    pointed = int((shares >= 1 - config.pointed).sum())
    samples = [_sample(p, i >= count - pointed, config, rng, share) for i, p in enumerate(pairs)]

    def maps(kind: str) -> Tensor:
        chosen = [getattr(s, kind) for s in samples[count - pointed :]]
        size = samples[0].target.shape[:2]
        stacked = np.stack(chosen) if chosen else np.zeros((0, *size), np.uint8)
        return torch.from_numpy(stacked).unsqueeze(1)

    return Batch(
        reference=_channels_first([s.reference for s in samples]),
        target=_channels_first([s.target for s in samples]),
        condition=torch.from_numpy(np.stack([s.condition for s in samples])).unsqueeze(1),
        reference_map=maps("reference_map"),
        lineart_map=maps("lineart_map"),
        reference_parts=torch.from_numpy(np.stack([s.reference_parts for s in samples])),
        target_parts=torch.from_numpy(np.stack([s.target_parts for s in samples])),
        recoloured=torch.from_numpy(np.stack([s.recoloured for s in samples])),
        plain=plain,
        referenced=count - plain - pointed,
    )
