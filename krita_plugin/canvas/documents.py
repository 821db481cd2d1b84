# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents: by id, their size, resolution and what the plugin remembers in them."""

from __future__ import annotations

import json
import uuid
from typing import Any

from krita import Krita

from ..errors import DocumentGone
from ..geometry import Box
from ..qt import QByteArray

Document = Any
_ANNOTATION = "manganinja/colorize"
# Nothing in a document identifies it: flattening replaces even its root node.  What Krita gives
# for one compares equal as long as it is open, and to no open document afterwards.
_known: dict[str, Document] = {}


def document_id(document: Document) -> str:
    """An id that holds while the document is open; another copy of the same file has another."""
    for identifier, known in _known.items():
        if known == document:
            return identifier
    _forget_closed()
    identifier = uuid.uuid4().hex
    _known[identifier] = document
    return identifier


def _forget_closed() -> None:
    still_open = Krita.instance().documents()
    for identifier in [i for i, known in _known.items() if known not in still_open]:
        del _known[identifier]


def active() -> Document | None:
    return Krita.instance().activeDocument()


def find(identifier: str) -> Document:
    """The open document of that id.  Raises DocumentGone."""
    known = _known.get(identifier)
    for document in Krita.instance().documents() if known is not None else ():
        if document == known and document.rootNode() is not None:
            return document
    raise DocumentGone("The document was closed.", "Open it again and press Colorize.")


def is_open(identifier: str) -> bool:
    """Whether `find` would find it."""
    try:
        find(identifier)
    except DocumentGone:
        return False
    return True


def title(document: Document) -> str:
    """What the artist calls the document."""
    path = document.fileName() or ""
    base = path.replace("\\", "/").rsplit("/", 1)[-1]
    return base or document.name() or "untitled document"


def canvas_box(document: Document) -> Box:
    return Box(0, 0, document.width(), document.height())


def pixels_per_point(document: Document) -> tuple[float, float]:
    # resolution() is a whole number; at 118 px/cm that is pixels off at the far edge.
    return document.xRes() / 72.0, document.yRes() / 72.0


def remembered(document: Document) -> dict[str, Any]:
    """What `remember` wrote into this document, possibly in an earlier session; else {}."""
    if _ANNOTATION not in document.annotationTypes():
        return {}
    try:
        value = json.loads(bytes(document.annotation(_ANNOTATION)).decode("utf-8"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def remember(document: Document, value: dict[str, Any]) -> None:
    """Keeps ``value`` (JSON) with the document; saved when the artist saves."""
    if remembered(document) != value:
        data = QByteArray(json.dumps(value).encode("utf-8"))
        document.setAnnotation(_ANNOTATION, "Choices of the Colorize docker", data)
