# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers: the list that the docker offers, and how a layer is found again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import LayerGone
from ..geometry import Box
from ..layer_info import LayerInfo
from ..moved import Stand
from ..qt import QtGui
from .documents import Document, canvas_box

Node = Any
_PICTURES = ("paintlayer", "grouplayer", "vectorlayer", "clonelayer", "filelayer", "filllayer")


def list_layers(document: Document) -> tuple[LayerInfo, ...]:
    """All layers that hold a picture, topmost first; masks and filters are left out."""
    return tuple(_walk(document.rootNode(), ""))


def _walk(parent: Node, path: str) -> Iterator[LayerInfo]:
    for node in reversed(parent.childNodes()):
        kind = node.type()
        if kind not in _PICTURES:
            continue
        full = f"{path}{node.name()}"
        yield LayerInfo(node.uniqueId().toString(), node.name(), full, kind, node.visible())
        if kind == "grouplayer":
            yield from _walk(node, f"{full} / ")


def find(document: Document, identifier: str) -> Node:
    """The layer of that id, wherever it was moved.  Raises LayerGone."""
    for node in _all_nodes(document.rootNode()):
        if node.uniqueId().toString() == identifier:
            return node
    raise LayerGone(
        "A chosen layer is no longer in the document.", "Choose the layers in the docker again."
    )


def _all_nodes(parent: Node) -> Iterator[Node]:
    for node in parent.childNodes():
        yield node
        yield from _all_nodes(node)


def bounds(node: Node) -> Box:
    """The box around what is on the layer; may lie outside the canvas, may have no area."""
    rect = node.bounds()
    return Box(rect.x(), rect.y(), max(0, rect.width()), max(0, rect.height()))


def stand(document: Document, node: Node) -> Stand:
    """Where the drawing on this layer lies now."""
    return Stand(canvas_box(document), _offset(node), bounds(node))


def _offset(node: Node) -> tuple[int, int]:
    """By how much Krita has moved the layer since it was made; cropping the canvas counts too."""
    # A group has no offset of its own: its layers are moved.
    inner = next((n for n in node.childNodes() if n.type() in _PICTURES), None)
    if node.type() == "grouplayer" and inner is not None:
        return _offset(inner)
    return node.position().x(), node.position().y()


def is_passed_through(node: Node) -> bool:
    """Whether this is a group that has no picture of its own."""
    return bool(node.type() == "grouplayer" and node.passThroughMode())


def thumbnail(node: Node, side_px: int) -> QtGui.QImage:
    """A small sRGB picture (ARGB32) of the layer; a few milliseconds at 24 megapixels."""
    return node.thumbnail(side_px, side_px).convertToFormat(QtGui.QImage.Format.Format_ARGB32)
