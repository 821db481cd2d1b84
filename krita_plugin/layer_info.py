# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rooms without Krita know of a layer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerInfo:
    """One layer: its id in the file, name, name with its groups, Krita's type, visibility."""

    id: str
    name: str
    path: str
    kind: str
    visible: bool

    @property
    def is_vector(self) -> bool:
        return self.kind == "vectorlayer"

    @property
    def is_paint(self) -> bool:
        return self.kind == "paintlayer"
