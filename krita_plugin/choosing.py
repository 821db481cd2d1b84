# SPDX-License-Identifier: GPL-3.0-or-later
"""Which layers are offered first: judged by what is on them, never by their (translated) names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from .job import Choices, Finish, Start
from .layer_info import LayerInfo
from .transport import protocol

_INK = 96
_PAPER = 232
_COLOURFUL = 40


@dataclass(frozen=True)
class LayerLook:
    """Shares (0..1) of a small picture of the layer.

    ``ink``: dark and visible; ``blank``: transparent or near white; ``solid``: opaque;
    ``colour``: visible and clearly coloured.
    """

    ink: float
    blank: float
    solid: float
    colour: float


def look_at(argb: bytes) -> LayerLook:
    """The look of B, G, R, A bytes (not premultiplied) of a thumbnail."""
    count = max(1, len(argb) // 4)
    ink = blank = solid = colour = 0
    for i in range(0, len(argb) - 3, 4):
        blue, green, red, alpha = argb[i : i + 4]
        high, low = max(red, green, blue), min(red, green, blue)
        solid += alpha > 250
        if alpha < 16 or low > _PAPER:
            blank += 1
        elif high - low > _COLOURFUL:
            colour += 1
        elif high < _INK or alpha < 250:
            ink += 1
    return LayerLook(ink / count, blank / count, solid / count, colour / count)


def choose(layers: Sequence[LayerInfo], looks: dict[str, LayerLook]) -> Choices:
    """A first choice for a document; ``layers`` topmost first, ``looks`` of its picture layers.

    Points: the topmost vector layer.  Line art: the topmost layer that is mostly blank, has ink
    and hardly any colour.  Reference: the layer with most colour.  Groups only where no layer
    will do.
    """
    points = next((layer.id for layer in layers if layer.is_vector), None)
    pictures = [layer for layer in layers if layer.id in looks and not layer.is_vector]
    pictures.sort(key=lambda layer: layer.kind == "grouplayer")
    lineart = next((layer.id for layer in pictures if _is_lineart(looks[layer.id])), None)
    coloured = [layer for layer in pictures if layer.id != lineart]
    best = max(coloured, key=lambda layer: looks[layer.id].colour, default=None)
    reference = (best.id,) if best is not None and looks[best.id].colour > 0.01 else ()
    return Choices(lineart, reference, points)


def _is_lineart(look: LayerLook) -> bool:
    return look.ink > 0.0005 and look.blank > 0.5 and look.colour < 0.2 * look.ink + 0.002


def still_valid(choices: Choices, layers: Iterable[LayerInfo]) -> Choices:
    """The choices without the layers that are gone."""
    there = {layer.id for layer in layers}
    return replace(
        choices,
        lineart=choices.lineart if choices.lineart in there else None,
        references=tuple(r for r in choices.references if r in there),
        points=choices.points if choices.points in there else None,
        keep=choices.keep if choices.keep in there else None,
        counting={i: options for i, options in choices.counting.items() if i in there},
        start=choices.start if choices.start.layer in there else replace(choices.start, layer=None),
    )


def to_keep(choices: Choices) -> dict[str, Any]:
    """The choices as JSON, for the document's file."""
    return {**asdict(choices), "references": list(choices.references)}


def from_kept(kept: Mapping[str, Any]) -> Choices:
    """What `to_keep` gave; where a file says anything else, the usual choice."""
    references = kept.get("references")
    return Choices(
        _text(kept.get("lineart")),
        tuple(r for r in references if _text(r)) if isinstance(references, list) else (),
        _text(kept.get("points")),
        _text(kept.get("keep")),
        _finish_from(kept.get("finish")),
        _one_of(protocol.PRESETS, kept.get("preset"), None),
        _counting_from(kept.get("counting")),
        _start_from(kept.get("start")),
    )


def _finish_from(kept: Any) -> Finish:
    usual = Finish()
    if not isinstance(kept, dict):
        return usual
    gap = kept.get("gap_px")
    return Finish(
        _one_of(protocol.RESULTS, kept.get("result"), usual.result),
        gap if type(gap) is int and 0 <= gap <= protocol.MAX_GAP_PX else usual.gap_px,
        kept.get("empty_background") is True,
        kept.get("detail") is True,
        _text(kept.get("palette")) or usual.palette,
        _one_of(protocol.LINES, kept.get("lines"), usual.lines),
        _one_of(protocol.TONES, kept.get("tones"), usual.tones),
    )


def _counting_from(kept: Any) -> dict[str, protocol.ReferenceOptions]:
    items = kept.items() if isinstance(kept, dict) else ()
    found = {i: _reference_options_from(value) for i, value in items}
    return {i: options for i, options in found.items() if options is not None}


def _reference_options_from(kept: Any) -> protocol.ReferenceOptions | None:
    weight = kept.get("weight") if isinstance(kept, dict) else None
    if isinstance(weight, bool) or not isinstance(weight, (int, float)):
        return None
    try:
        return protocol.ReferenceOptions(float(weight), kept.get("only_opaque") is True)
    except (protocol.ProtocolError, OverflowError):
        return None


def _start_from(kept: Any) -> Start:
    usual = Start()
    if not isinstance(kept, dict):
        return usual
    percent = kept.get("percent")
    return Start(
        _text(kept.get("layer")),
        percent if type(percent) is int and 1 <= percent <= 100 else usual.percent,
    )


def _one_of(choices: Sequence[str], value: Any, usual: Any) -> Any:
    return value if value in choices else usual


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
