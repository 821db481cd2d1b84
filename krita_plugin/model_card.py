# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docker says of a model, and which models its box offers.  No widgets."""

from __future__ import annotations

from .transport import protocol


def title(model: protocol.ModelInfo) -> str:
    return model.title or model.name


def card(model: protocol.ModelInfo, is_named: bool = False) -> str:
    """The model in one line: working resolution, licence, and its title unless it ``is_named``.

    What is not known is left out.
    """
    parts = [] if is_named else [title(model)]
    if model.working_resolution:
        parts.append(f"Paints at {model.working_resolution} px")
    if model.licence:
        parts.append(model.licence)
    return " · ".join(parts)


def explained(model: protocol.ModelInfo) -> str:
    """The same at length, a line each."""
    lines = [title(model)]
    if model.working_resolution:
        lines.append(
            f"Working resolution: {model.working_resolution} px. Larger drawings are reduced to "
            "it, and the colours are brought to full size."
        )
    if model.licence:
        lines.append(f"Licence: {model.licence}")
    return "\n".join(lines)
