# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings from TOML or JSON files and from the command line, and back into a file.

Imports no torch.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from ..errors import BadRequest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Config = TypeVar("Config")

RECIPES = Path(__file__).parent / "recipes"
"""Configs that come with the project; ``--config`` takes their names."""


def read_config(named: str | Path) -> dict[str, Any]:
    """The settings of a TOML or JSON file, or of the recipe of that name.

    Raises:
        BadRequest: there is no such file, or it can't be read.
    """
    path = Path(named)
    if not path.exists() and (RECIPES / f"{named}.toml").exists():
        path = RECIPES / f"{named}.toml"
    read = json.loads if path.suffix == ".json" else tomllib.loads
    try:
        return read(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(recipe.stem for recipe in RECIPES.glob("*.toml")))
        raise BadRequest(
            f"There is no config {named}.", f"Name a TOML or JSON file, or one of {known}."
        ) from None
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} can't be read: {error}.", "Mend the file.") from error


def read_setting(text: str) -> dict[str, Any]:
    """``data.shuffled=0.5`` as nested settings; a bare word counts as a string."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadRequest(f"{text!r} is no setting.", "Write NAME=VALUE, such as batch=8.")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return _nested(name.strip().split("."), value.strip())


def _nested(names: Sequence[str], value: str) -> dict[str, Any]:
    return {names[0]: _nested(names[1:], value) if len(names) > 1 else value}


def changed(config: Config, changes: Mapping[str, Any], within: str = "") -> Config:
    """A config with some settings replaced, nested ones too.

    Raises:
        BadRequest: a name is unknown, or a value is of another kind than the setting.
    """
    known = {field.name: getattr(config, field.name) for field in fields(config)}  # type: ignore[arg-type]
    unknown = [f"{within}{name}" for name in changes if name not in known]
    if unknown:
        raise BadRequest(
            f"Unknown settings: {', '.join(sorted(unknown))}.",
            f"The settings here are {', '.join(known)}.",
        )
    values = {n: _value(known[n], v, f"{within}{n}") for n, v in changes.items()}
    return replace(config, **values)  # type: ignore[type-var]


def _value(known: Any, value: Any, name: str) -> Any:
    """``value`` in the kind of the known one."""
    if is_dataclass(known):
        if not isinstance(value, Mapping):
            raise BadRequest(f"{name} is a group of settings.", f"Write [{name}] before them.")
        return changed(known, value, f"{name}.")
    if isinstance(known, tuple) and isinstance(value, (list, tuple)):
        return tuple(value)
    if isinstance(known, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not type(known):
        kind = {tuple: "a list", str: "text in quotes", bool: "true or false"}.get(type(known))
        raise BadRequest(f"{name} can't be {value!r}.", f"Give {kind or 'a number'}.")
    return value


def to_toml(config: Any) -> str:
    """A config as the text of a TOML file, every setting named."""
    lines, tables = [], []
    for field in fields(config):
        value = getattr(config, field.name)
        if is_dataclass(value):
            tables.append(f"\n[{field.name}]\n{to_toml(value)}")
        else:
            # JSON's numbers, lists, booleans and strings are TOML's too.
            lines.append(f"{field.name} = {json.dumps(value)}\n")
    return "".join([*lines, *tables])
