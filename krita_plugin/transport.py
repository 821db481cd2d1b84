# SPDX-License-Identifier: GPL-3.0-or-later
"""The one place that knows where the wire format lives.

Packaged for Krita it is a copy beside this file; in the repository it is ``manganinja.wire``.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING or find_spec(f"{__package__}.wire") is None:
    from manganinja.wire import client, discovery, protocol
else:
    from .wire import client, discovery, protocol

__all__ = ["client", "discovery", "protocol"]
