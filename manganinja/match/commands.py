# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja train match``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path


def add_options(parser: argparse.ArgumentParser) -> None:
    """What ``match`` takes beside the run's folder and its threads."""
    parser.description = (
        "Trains the network that finds the line art's regions again in the reference. "
        "Run it again to go on; with --output it writes what it has learned as a model folder."
    )
    parser.add_argument("--config", help="TOML or JSON file with settings to change")
    parser.add_argument("--minutes", type=float, help="how long to train now; 0: not at all")
    parser.add_argument(
        "--start-from", help="'match' or a model's folder: a new run starts with its weights"
    )
    parser.add_argument("--output", type=Path, help="folder of the model, written at the end")


def run(options: argparse.Namespace) -> int:
    """Train, and write the model where that is asked for."""
    from ..train.config import changed, read_config
    from .calibrate import check_output, export
    from .train import MatchTrainer, MatchTrainingConfig
    from .weights import load_matcher

    if options.output:
        check_output(options.output)
    start_from = load_matcher(options.start_from).network if options.start_from else None
    config = MatchTrainingConfig()
    if start_from is not None:
        config = replace(config, network=start_from.config)
    # A run that goes on keeps its settings unless told otherwise.
    kept = options.run / "config.json"
    for path in (kept if kept.exists() else None, options.config):
        if path is not None:
            config = changed(config, read_config(path))
    if options.minutes is not None:
        config = replace(config, minutes=options.minutes)
    trainer = MatchTrainer(config, options.run, start_from)
    try:
        if config.minutes > 0:
            trainer.run()
    finally:
        trainer.pool.close()
    if options.output:
        export(trainer, options.output)
    return 0
