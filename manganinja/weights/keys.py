# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tensors weight files have to hold. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import BadWeights

Shapes = Mapping[str, tuple[int, ...]]
"""Shape of each tensor by its key."""

_PUBLISHED_KEYS = Path(__file__).with_name("published_keys.json")


def published_shapes() -> dict[str, Shapes]:
    """What the published files hold, by the name of the network.

    They are the pipeline's names, and "text_encoder" for CLIP's text tower. In the file keys are
    split at their dots, and siblings that hold the same stand together: {"weight,bias": "320"}.
    """
    networks = json.loads(_PUBLISHED_KEYS.read_text(encoding="utf-8"))
    return {name: dict(_unfolded(tree)) for name, tree in networks.items()}


def _unfolded(tree: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    for siblings, below in tree.items():
        for name in siblings.split(","):
            if isinstance(below, str):
                yield name, tuple(map(int, below.split("x")))
            else:
                yield from ((f"{name}.{key}", shape) for key, shape in _unfolded(below))


def check_shapes(
    found: Shapes, required: Shapes, where: Path | str, remedy: str, allowed: Shapes | None = None
) -> None:
    """Compare what a file holds with what it should hold.

    Args:
        required: must be there.
        allowed: may be there; ``required`` if None.

    Raises:
        BadWeights: names what is missing, unexpected or of another shape.
    """
    allowed = required if allowed is None else allowed
    wrong = {
        "missing": sorted(set(required) - set(found)),
        "unexpected": sorted(set(found) - set(allowed)),
        "of another shape": sorted(
            key for key in set(found) & set(allowed) if tuple(found[key]) != tuple(allowed[key])
        ),
    }
    complaints = [
        f"{len(keys)} {kind} ({', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''})"
        for kind, keys in wrong.items()
        if keys
    ]
    if complaints:
        raise BadWeights(f"The keys of {where} do not fit: {'; '.join(complaints)}.", remedy)
