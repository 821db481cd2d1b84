# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja train codec | networks | export | match``."""

from __future__ import annotations

import argparse
import json
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

Config = TypeVar("Config")


def add_parser(subcommands: Any) -> None:
    """Add ``train`` to the command line."""
    train = subcommands.add_parser(
        "train",
        help="train a model from nothing on generated drawings",
        description="Trains the autoencoder, then the networks, then writes a model folder. "
        "Every stage can be stopped and continued.",
    )
    stages = train.add_subparsers(dest="stage", required=True)
    codec = stages.add_parser("codec", help="train the autoencoder")
    networks = stages.add_parser("networks", help="train everything else, or go on training")
    export = stages.add_parser("export", help="write the averaged weights as a model folder")
    for parser in (codec, networks, export):
        parser.add_argument("--run", type=Path, required=True, help="folder of this run")
        parser.add_argument("--config", type=Path, help="JSON file with settings to change")
        parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    for parser in (codec, networks):
        parser.add_argument("--minutes", type=float, help="how long to train now")
        parser.add_argument(
            "--start-from", help="'mini' or a model's folder: a new run starts with its weights"
        )
    for parser in (networks, export):
        parser.add_argument("--codec", type=Path, required=True, help="folder of the autoencoder")
    networks.add_argument("--points-only", action="store_true", help="stage 2: PointNet alone")
    export.add_argument("--output", type=Path, required=True, help="folder of the model")
    from ..match import commands as match

    match.add_parser(stages)
    train.set_defaults(run_command=run)


def run(options: argparse.Namespace) -> int:
    """Carry out one training command."""
    import cv2
    import torch

    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    return _COMMANDS[options.stage](options)


def changed(config: Config, changes: dict[str, Any]) -> Config:
    """A config with some settings replaced, nested ones too; unknown names are an error."""
    known = {field.name: getattr(config, field.name) for field in fields(config)}  # type: ignore[arg-type]
    unknown = set(changes) - set(known)
    if unknown:
        raise SystemExit(f"Unknown settings in the config: {', '.join(sorted(unknown))}.")
    values = {
        name: changed(known[name], value)
        if is_dataclass(known[name])
        else tuple(value)
        if isinstance(value, list)
        else value
        for name, value in changes.items()
    }
    return replace(config, **values)  # type: ignore[type-var]


def _configured(config: Config, options: argparse.Namespace) -> Config:
    changes = json.loads(options.config.read_text(encoding="utf-8")) if options.config else {}
    if getattr(options, "minutes", None) is not None:
        changes["minutes"] = options.minutes
    return changed(config, changes)


def _codec(options: argparse.Namespace) -> int:
    from ..weights.load import load_pipeline
    from .codec import CodecConfig, train_codec

    start_from = load_pipeline(options.start_from) if options.start_from else None
    if start_from:
        start_from.set_progress_bar_config(disable=True)
    train_codec(_configured(CodecConfig(), options), options.run, start_from)
    return 0


def _networks(options: argparse.Namespace) -> int:
    from diffusers import AutoencoderKL

    from ..weights.load import load_pipeline
    from .loop import Trainer, TrainingConfig

    config = _configured(TrainingConfig(), options)
    if options.points_only:
        config = replace(config, stage=2)
    start_from = load_pipeline(options.start_from) if options.start_from else None
    Trainer(config, AutoencoderKL.from_pretrained(options.codec), options.run, start_from).run()
    return 0


def _export(options: argparse.Namespace) -> int:
    from diffusers import AutoencoderKL

    from .export import export
    from .loop import TrainingConfig

    config = changed(TrainingConfig(), json.loads((options.run / "config.json").read_text()))
    export(config, AutoencoderKL.from_pretrained(options.codec), options.run, options.output)
    return 0


def _match(options: argparse.Namespace) -> int:
    from ..match.commands import run

    return run(options)


_COMMANDS = {"codec": _codec, "networks": _networks, "export": _export, "match": _match}
