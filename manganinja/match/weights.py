# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and writes a matcher's folder."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ..errors import BadWeights
from ..weights.find import MATCHER, find_matcher
from .network import Matcher, MatcherConfig
from .trunk import FEATURES, Trunk, load_trunk, save_trunk

WEIGHTS, CONFIG = "matcher.safetensors", "config.json"
TITLE = "Matcher: flats alone, fast"
LICENCE = (
    "GPL-3.0-or-later, trained on drawings of this project, of OpenMoji (CC BY-SA 4.0) and of "
    "DiceBear's designers (docs/matcher.md); features of EfficientNet-Lite0, Apache-2.0"
)


@dataclass(frozen=True)
class Blend:
    """How the words of the network, of the regions' places and shapes, and of the trunk's features
    become a likelihood.

    Their logarithms are summed with these weights and made to sum to 1 again, "none" being one of
    the choices. Fitted on drawings, see :mod:`.calibrate`.

    Attributes:
        network: weight of what the network says.
        places: weight of :class:`.flats.spreading.Spreading`'s likelihoods.
        features: weight of what is most alike by the trunk's features.
        none: added to the logit of "none of these".
        floor: the least likelihood of anything, before logarithms are taken.
    """

    network: float = 1.0
    places: float = 0.0
    features: float = 0.0
    none: float = 0.0
    floor: float = 0.01


@dataclass(frozen=True)
class TrainedMatcher:
    """A matcher that is ready to use.

    Attributes:
        serial: another one for each matcher of this process: what one has said is remembered.
    """

    network: Matcher = field(repr=False)
    blend: Blend
    trunk: Trunk = field(repr=False)
    title: str = TITLE
    licence: str = LICENCE
    serial: int = field(default_factory=itertools.count().__next__, repr=False, compare=False)


_UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    SafetensorError,
)
"""What files raise that somebody has cut or changed."""


def load_matcher(name: str = "match") -> TrainedMatcher:
    """A matcher by name or folder.

    Raises:
        ModelNotFound: there is none.
        BadWeights: its files are damaged.
    """
    folder = find_matcher(name)
    try:
        values = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        network = Matcher(MatcherConfig(**values["network"]))
        weights = load_file(folder / WEIGHTS)
        network.load_state_dict({key: value.float() for key, value in weights.items()})
        blend = Blend(**{name: float(value) for name, value in values["blend"].items()})
        trunk = load_trunk(folder / FEATURES)
        title, licence = str(values["title"]), str(values["licence"])
    except _UNREADABLE as error:
        raise BadWeights(
            f"The matcher in {folder} can't be read: {error!s:.200}.",
            "Clone or unpack the project again, or name another folder.",
        ) from error
    return TrainedMatcher(network.eval().requires_grad_(False), blend, trunk, title, licence)


def bundled_trunk() -> Trunk:
    """The trunk of the matcher that comes with the program."""
    return load_trunk(MATCHER / FEATURES)


def save_matcher(matcher: TrainedMatcher, folder: Path) -> None:
    """Write the weights in half precision, and what is to be known of them."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {k: v.to(torch.float16).contiguous() for k, v in matcher.network.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    save_trunk(matcher.trunk, folder / FEATURES)
    values = {
        "title": matcher.title,
        "licence": matcher.licence,
        "network": asdict(matcher.network.config),
        "blend": asdict(matcher.blend),
    }
    (folder / CONFIG).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
