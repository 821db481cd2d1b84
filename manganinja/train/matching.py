# SPDX-License-Identifier: GPL-3.0-or-later
"""Losses that show the attention which parts and which points belong together.

Generated drawings know the part of every pixel, and their pairs are exact. Where a token of the
line art and tokens of the reference show the same part or bear the same pair, the attention between
them should be high; saying so outright teaches in minutes what colour alone teaches in days of two
cores.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ..point_net import LARGEST_CODED_NUMBER
from .batch import Batch

SAMPLES_PER_TOKEN = 2
"""Part ids are looked up on a grid of so many times as many places a side as the finest tokens."""


def _sampled(parts: Tensor, finest: int) -> Tensor:
    """(N, S, S) part ids to the one-hot ids of a regular grid of places, (N, ids, s, s) float."""
    stride = parts.shape[-1] // (SAMPLES_PER_TOKEN * finest)
    places = parts[:, stride // 2 :: stride, stride // 2 :: stride].long()
    return F.one_hot(places, 256).permute(0, 3, 1, 2).float()


def _token_parts(places: Tensor, side: int) -> Tensor:
    """One-hot ids of places to the shares of each part in each token, (N, side * side, ids)."""
    return F.adaptive_avg_pool2d(places, side).flatten(2).transpose(1, 2)


def _token_pairs(point_map: Tensor, side: int) -> Tensor:
    """(P, 1, S, S) pair numbers to which numbers each token bears, (P, side * side, numbers)."""
    numbers, size = LARGEST_CODED_NUMBER + 1, point_map.shape[-1]
    along = torch.arange(size, device=point_map.device) * side // size
    token = along[:, None] * side + along
    borne = (token * numbers + point_map.squeeze(1).long()).flatten(1)
    bears = torch.zeros(len(point_map), side * side * numbers, device=point_map.device)
    bears = bears.scatter_(1, borne, 1.0).unflatten(1, (side * side, numbers))
    bears[:, :, 0] = 0  # Where there is no point.
    return bears


_FINEST_SIDE = 48
"""Tokens a side up to which whole matrices of attention are affordable."""


def _sides(batch: Batch) -> tuple[int, int]:
    """Tokens a side of the two levels at which attention is shown what belongs together."""
    finest = batch.target.shape[-1] // 8
    while finest > _FINEST_SIDE:
        finest //= 2
    return finest // 2, finest


def _mean_of(values: Tensor, chosen: Tensor) -> Tensor:
    """Mean of the chosen ones, 0 where there are none; a GPU needs not be waited for."""
    return torch.where(chosen, values, 0.0).sum() / chosen.sum().clamp(min=1)


def _reference_attention(query: Tensor, key: Tensor, own_tokens: int) -> Tensor:
    """Mean over the heads of the attention over the reference's tokens alone, (N, L, L')."""
    logits = (query @ key[:, :, own_tokens:].transpose(2, 3)) * query.shape[-1] ** -0.5
    return logits.softmax(dim=-1).mean(dim=1)


class MatchingLoss:
    """An attention observer that sums -log(attention on reference tokens of the same part).

    The attention is taken over the reference's tokens alone and averaged over the heads, so heads
    may specialise and tokens may still look at their own picture as much as they like.

    Args:
        batch: gives the parts; rows without a reference are not observed.
    """

    def __init__(self, batch: Batch) -> None:
        coarsest, finest = _sides(batch)
        target = _sampled(batch.target_parts[batch.plain :], finest)
        reference = _sampled(batch.reference_parts[batch.plain :], finest)
        self._agreement = {
            side * side: _token_parts(target, side) @ _token_parts(reference, side).transpose(1, 2)
            for side in (coarsest, finest)
        }
        self.terms: list[Tensor] = []

    def __call__(self, block: str, query: Tensor, key: Tensor, own_tokens: int) -> None:
        """See :data:`manganinja.reference_attention.Observer`."""
        # Before the up blocks the U-Net has not seen the line art yet: there is nothing to match.
        if not block.startswith("up_blocks") or query.shape[2] not in self._agreement:
            return
        agreement = self._agreement[query.shape[2]]
        mass = (_reference_attention(query, key, own_tokens) * agreement).sum(dim=-1)
        # The best that attention can reach: all of it on the token that agrees most.
        reachable = agreement.amax(dim=-1)
        share = (mass / reachable.clamp(min=0.3)).clamp(min=1e-4)
        self.terms.append(_mean_of(-share.log(), reachable > 0.3))

    def value(self) -> Tensor:
        """Mean over the observed blocks."""
        return torch.stack(self.terms).mean() if self.terms else torch.zeros(())


class PointLoss:
    """An attention observer that sums -log(attention from one end of a pair to the other).

    Unlike :class:`MatchingLoss` it looks at every block: the points are on the queries from the
    first one on, whatever the U-Net knows of the drawing.

    Args:
        batch: gives the point maps; only its pointed rows are observed.
    """

    def __init__(self, batch: Batch) -> None:
        self._rows = batch.pointed
        self._joined = {
            side * side: _token_pairs(batch.lineart_map, side)
            @ _token_pairs(batch.reference_map, side).transpose(1, 2)
            for side in _sides(batch)
        }
        self.terms: list[Tensor] = []

    def __call__(self, block: str, query: Tensor, key: Tensor, own_tokens: int) -> None:
        """See :data:`manganinja.reference_attention.Observer`."""
        if not self._rows or query.shape[2] not in self._joined:
            return
        joined = self._joined[query.shape[2]].clamp(max=1)
        attention = _reference_attention(query[-self._rows :], key[-self._rows :], own_tokens)
        mass = (attention * joined).sum(dim=-1).clamp(min=1e-6)
        self.terms.append(_mean_of(-mass.log(), joined.amax(dim=-1) > 0))

    def value(self) -> Tensor:
        """Mean over the observed blocks."""
        return torch.stack(self.terms).mean() if self.terms else torch.zeros(())
