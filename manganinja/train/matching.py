# SPDX-License-Identifier: GPL-3.0-or-later
"""A loss that shows the attention which parts belong together.

Generated drawings know the part of every pixel. Where a token of the line art and tokens of the
reference show the same part, the attention between them should be high; saying so outright
teaches in minutes what colour alone teaches in days of two cores.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from .batch import Batch

PARTS = 96
"""Part ids of one drawing stay below this."""


def _token_parts(parts: Tensor, side: int) -> Tensor:
    """(N, S, S) part ids to the shares of each part in each token, (N, side * side, PARTS)."""
    shares = F.one_hot(parts.long().clamp(max=PARTS - 1), PARTS).permute(0, 3, 1, 2).float()
    return F.adaptive_avg_pool2d(shares, side).flatten(2).transpose(1, 2)


class MatchingLoss:
    """An attention observer that sums -log(attention on reference tokens of the same part).

    The attention is taken over the reference's tokens alone and averaged over the heads, so heads
    may specialise and tokens may still look at their own picture as much as they like.

    Args:
        batch: gives the parts; rows without a reference are not observed.
        coarsest, finest: sides of the token grids at which it applies.
    """

    def __init__(self, batch: Batch, coarsest: int = 8, finest: int = 16) -> None:
        informed = slice(batch.plain, None)
        self._parts = {
            side * side: (
                _token_parts(batch.target_parts[informed], side),
                _token_parts(batch.reference_parts[informed], side),
            )
            for side in {coarsest, finest}
        }
        self.terms: list[Tensor] = []

    def __call__(self, block: str, query: Tensor, key: Tensor, own_tokens: int) -> None:
        """See :data:`manganinja.reference_attention.Observer`."""
        # Before the up blocks the U-Net has not seen the line art yet: there is nothing to match.
        if not block.startswith("up_blocks") or query.shape[2] not in self._parts:
            return
        target, reference = self._parts[query.shape[2]]
        agreement = target @ reference.transpose(1, 2)
        logits = (query @ key[:, :, own_tokens:].transpose(2, 3)) * query.shape[-1] ** -0.5
        attention = logits.softmax(dim=-1).mean(dim=1)
        mass = (attention * agreement).sum(dim=-1)
        # The best that attention can reach: all of it on the token that agrees most.
        reachable = agreement.amax(dim=-1)
        seen = reachable > 0.3
        if seen.any():
            self.terms.append(-(mass[seen] / reachable[seen]).clamp(min=1e-4).log().mean())

    def value(self) -> Tensor:
        """Mean over the observed blocks."""
        return torch.stack(self.terms).mean() if self.terms else torch.zeros(())
