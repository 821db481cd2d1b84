# SPDX-License-Identifier: GPL-3.0-or-later
"""The shapes of a vector layer, in document pixels."""

from __future__ import annotations

from ..errors import CannotRead
from ..vector_svg import Shape, UnreadableSvg, read_shapes
from .documents import Document, pixels_per_point
from .layers import Node


def read(document: Document, node: Node) -> tuple[Shape, ...]:
    """All visible shapes; about 20 ms for 500 dots.  Raises CannotRead.

    Only for a moment when the artist is not dragging a shape: when a button is pressed.
    """
    if node.type() != "vectorlayer":
        raise CannotRead(
            f"The points layer “{node.name()}” is not a vector layer.",
            "Choose a vector layer, or “none”, for the points.",
        )
    # The layer's SVG leaves out by how much the layer was moved.
    moved = node.position()
    try:
        return read_shapes(node.toSvg(), pixels_per_point(document), (moved.x(), moved.y()))
    except UnreadableSvg:
        raise CannotRead(
            f"The shapes of “{node.name()}” can't be read.",
            "Draw the points on a new vector layer.",
        ) from None
