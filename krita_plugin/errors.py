# SPDX-License-Identifier: GPL-3.0-or-later
"""What can go wrong in the plugin, in sentences for the artist."""

from __future__ import annotations


class PluginError(Exception):
    """Something the artist can put right.

    ``message`` says in one sentence what is wrong, ``remedy`` what to do, ``notes`` the details.
    """

    def __init__(self, message: str, remedy: str = "", notes: tuple[str, ...] = ()) -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy
        self.notes = notes


class CannotStart(PluginError):
    """The choices or the document do not make a job."""


class DocumentGone(PluginError):
    """The document was closed while work for it was under way."""


class LayerGone(PluginError):
    """A chosen layer is no longer in the document."""


class CannotRead(PluginError):
    """Krita has no pixels to give for a layer."""


class CannotWrite(PluginError):
    """Krita would not take the result."""
