# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja train codec | networks | export | ablation | match | clips``."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import BadRequest
from ..match import commands as match
from .clips.commands import add_parser as add_clips

Config = TypeVar("Config")


@dataclass(frozen=True)
class Stage:
    """One command under ``manganinja train``.

    Attributes:
        add_options: adds what it takes beside ``--run`` and ``--threads``.
        run: does it; the exit status.
    """

    name: str
    help: str
    add_options: Callable[[argparse.ArgumentParser], object]
    run: Callable[[argparse.Namespace], int]


def add_parser(subcommands: Any) -> None:
    """Add ``train`` to the command line."""
    train = subcommands.add_parser(
        "train",
        help="train a model: from nothing on generated drawings, or from a model's weights",
        description="Trains the autoencoder, then the networks, then writes a model folder. "
        "The networks can be stopped at any time, and go on when the command is given again. "
        "docs/training.md has all settings.",
    )
    stages = train.add_subparsers(dest="stage", required=True)
    for stage in STAGES:
        parser = stages.add_parser(stage.name, help=stage.help)
        parser.add_argument("--run", type=Path, required=True, help="folder of this run")
        parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
        stage.add_options(parser)
    train.set_defaults(run_command=run)
    add_clips(stages)


def run(options: argparse.Namespace) -> int:
    """Carry out one training command."""
    try:
        import cv2
        import torch
    except ImportError as error:
        raise BadRequest(
            f"Training needs {error.name}.", "Install it: pip install 'manganinja-krita[network]'."
        ) from error
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(1)
    return next(stage for stage in STAGES if stage.name == options.stage).run(options)


def _add_config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", help="TOML or JSON file with settings, or a recipe: mini, paper, ..."
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="changes",
        metavar="NAME=VALUE",
        help="one setting, such as batch=8 or data.shuffled=0; may be given several times",
    )
    parser.add_argument("--steps", type=int, help="length of the run in steps")
    parser.add_argument("--minutes", type=float, help="length of the run in minutes")


def _configured(config: Config, options: argparse.Namespace) -> Config:
    """``config`` as file and command line change it."""
    from .config import changed, read_config, read_setting

    if options.config:
        config = changed(config, read_config(options.config))
    for text in options.changes:
        config = changed(config, read_setting(text))
    if options.steps is not None:
        config = changed(config, {"steps": options.steps})
    if options.minutes is not None:
        config = changed(config, {"minutes": options.minutes, "steps": 0})
    return config


def _loaded_codec(folder: Path | None) -> Any:
    from diffusers import AutoencoderKL

    if folder is None:
        return None
    if not (folder / "config.json").is_file():
        raise BadRequest(
            f"There is no autoencoder in {folder}.", "`manganinja train codec` makes one."
        )
    return AutoencoderKL.from_pretrained(folder)


# The autoencoder


def _add_codec_options(parser: argparse.ArgumentParser) -> None:
    _add_config_options(parser)
    parser.add_argument("--start-from", help="'mini' or a model's folder, whose codec is trained")


def _codec(options: argparse.Namespace) -> int:
    from ..weights.load import load_pipeline
    from .codec import CodecConfig
    from .codec_training import CodecTrainer

    start_from = load_pipeline(options.start_from) if options.start_from else None
    if start_from:
        start_from.set_progress_bar_config(disable=True)
    CodecTrainer(_configured(CodecConfig(), options), options.run, start_from).run()
    return 0


# The networks


def _add_networks_options(parser: argparse.ArgumentParser) -> None:
    _add_config_options(parser)
    parser.add_argument("--codec", type=Path, help="folder of the autoencoder of a new run")
    parser.add_argument(
        "--start-from", help="'mini', 'manganinja' or a model's folder: a new run starts with it"
    )
    parser.add_argument("--points-only", action="store_true", help="stage 2: PointNet alone")


def _networks(options: argparse.Namespace) -> int:
    from .config import changed
    from .loop import Trainer
    from .run_folder import RunFolder
    from .settings import TrainingConfig

    folder = RunFolder(options.run)
    config = folder.config() if folder.has_begun else TrainingConfig()
    config = _configured(config, options)
    if options.start_from:
        config = changed(config, {"start": {"model": options.start_from}})
    if options.points_only:
        config = changed(config, {"stage": 2})
    Trainer(config, options.run, _loaded_codec(options.codec)).run()
    return 0


# The model folder


def _add_export_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--codec", type=Path, help="an autoencoder in place of the run's own")
    parser.add_argument("--output", type=Path, required=True, help="folder of the model")


def _export(options: argparse.Namespace) -> int:
    from .export import export

    export(options.run, options.output, _loaded_codec(options.codec))
    return 0


# The ablation


def _add_ablation_options(parser: argparse.ArgumentParser) -> None:
    _add_config_options(parser)
    parser.add_argument("--codec", type=Path, help="folder of the autoencoder")
    parser.add_argument("--start-from", help="'mini' or a model's folder that all rows start with")
    parser.add_argument("--only", nargs="+", metavar="ROW", help="these rows alone")
    parser.add_argument("--pairs", type=int, default=64, help="held-out pairs (default 64)")


def _ablation(options: argparse.Namespace) -> int:
    from .ablation import new_base, run_ablation
    from .config import changed

    base = _configured(new_base(), options)
    if options.start_from:
        base = changed(base, {"start": {"model": options.start_from}})
    codec = _loaded_codec(options.codec)
    run_ablation(base, options.run, codec, options.pairs, options.only)
    return 0


STAGES = (
    Stage("codec", "train the autoencoder", _add_codec_options, _codec),
    Stage("networks", "train everything else, or go on training", _add_networks_options, _networks),
    Stage("export", "write the averaged weights as a model folder", _add_export_options, _export),
    Stage(
        "ablation",
        "train without each part of the method, and compare",
        _add_ablation_options,
        _ablation,
    ),
    Stage("match", "train the matcher, or go on training it", match.add_options, match.run),
)
