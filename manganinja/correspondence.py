# SPDX-License-Identifier: GPL-3.0-or-later
"""Which place of the references each place of the line art takes its features from.

The attention of the Denoising U-Net on the reference's tokens is a soft correspondence, and in a
small network a far better one than the colours that it paints: these are blurred over their
neighbours, while the attention still knows where it looked.
"""

from __future__ import annotations

from torch import Tensor


class Correspondence:
    """An attention observer (see :data:`.reference_attention.Observer`).

    It keeps the mean over heads, blocks and calls of the attention over the references' tokens
    alone, in the up blocks of the finest level, for the last row of the batch: the one with points.

    Args:
        tokens: number of tokens of the finest level.
        bias: (reference tokens,), added to the logits: -inf where nobody may look.
    """

    def __init__(self, tokens: int, bias: Tensor | None = None) -> None:
        self._tokens, self._bias = tokens, bias
        self._sum: Tensor | None = None
        self._count = 0

    def __call__(self, block: str, query: Tensor, key: Tensor, own_tokens: int) -> None:
        if not block.startswith("up_blocks") or query.shape[2] != self._tokens:
            return
        # Head by head: at 512 px one head's map alone has 16 million entries.
        for head in range(query.shape[1]):
            logits = query[-1, head] @ key[-1, head, own_tokens:].T
            logits = logits.float() * query.shape[-1] ** -0.5
            attention = (logits if self._bias is None else logits + self._bias).softmax(dim=-1)
            self._sum = attention if self._sum is None else self._sum + attention
            self._count += 1

    def mean(self) -> Tensor | None:
        """(tokens, reference tokens) float32 whose rows sum to 1; None if nothing was seen."""
        return None if self._sum is None else self._sum / self._count

    def forget(self) -> None:
        """Start anew: the last sampling step knows best."""
        self._sum, self._count = None, 0
