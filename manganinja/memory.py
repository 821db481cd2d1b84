# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call worked out of its pictures, remembered by their content for the next call. Imports no
torch."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

import numpy as np
from PIL import Image

Made = TypeVar("Made")
BUDGET_BYTES = 1 << 30
_SMALL_BYTES = 64
"""Of a number, a name or the like, about."""


def fingerprint(*parts: Any) -> str:
    """A digest of pictures, arrays, tensors and plain values, by their content."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, Image.Image):
            transparency = part.info.get("transparency")
            look = part.mode, part.size, part.getpalette(), transparency
            digest.update(repr(look).encode())
            digest.update(part.tobytes())
        elif hasattr(part, "untyped_storage"):
            import torch

            digest.update(repr((part.dtype, part.shape)).encode())
            digest.update(part.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        elif isinstance(part, np.ndarray):
            digest.update(repr((part.dtype.str, part.shape)).encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _bytes_of(value: Any) -> int:
    for known in ("bytes_in_all", "nbytes"):
        if hasattr(value, known):
            return int(getattr(value, known))
    if is_dataclass(value):
        return sum(_bytes_of(getattr(value, part.name)) for part in fields(value))
    if isinstance(value, Mapping):
        return sum(map(_bytes_of, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(_bytes_of, value))
    return _SMALL_BYTES


class Memory:
    """Values by their key, the least recently used of which make room for others.

    Belongs to one model: the keys say what went in, not which networks it went through. May be
    used from several threads; what two of them want at once is made twice and kept once.

    Args:
        budget_bytes: of all that is kept. A value that is larger alone is not kept.
    """

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self._values: OrderedDict[str, tuple[int, Any]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def bytes_kept(self) -> int:
        """Of all values together."""
        with self._lock:
            return sum(size for size, _ in self._values.values())

    def recall(self, key: str, make: Callable[[], Made]) -> Made:
        """The value under ``key``: a tensor, a bank, or a tuple of them; made if it is not kept."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key][1]
        value = make()
        size = _bytes_of(value)
        if size > self.budget_bytes:
            return value
        with self._lock:
            self._values[key] = size, value
            self._values.move_to_end(key)
            kept = sum(size for size, _ in self._values.values())
            while kept > self.budget_bytes:
                kept -= self._values.popitem(last=False)[1][0]
        return value

    def forget(self) -> None:
        """Keep nothing of what was there."""
        with self._lock:
            self._values.clear()
