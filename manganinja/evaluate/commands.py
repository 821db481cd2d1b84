# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja evaluate``."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any


def add_parser(subcommands: Any) -> None:
    """Add ``evaluate`` to the command line."""
    parser = subcommands.add_parser(
        "evaluate", help="measure a model on held-out generated pairs, beside naive answers"
    )
    parser.add_argument("--model", default="mini", help="'mini' or the folder of a model")
    parser.add_argument("--pairs", type=int, default=64, help="held-out pairs (default 64)")
    parser.add_argument("--steps", type=int, help="sampling steps (default: the model's own)")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--sheet", type=Path, help="also write a sheet of 16 pairs here")
    parser.set_defaults(run_command=run)


def run(options: argparse.Namespace) -> int:
    """Print the table, and write what was asked for."""
    from ..weights.load import load_pipeline
    from .held_out import obedience, sheet, table

    pipeline = load_pipeline(options.model)
    pipeline.set_progress_bar_config(disable=True)
    scores = table(pipeline, options.pairs, options.steps)
    titles = f"{'MSE at points':>15}{'small parts':>13}{'large parts':>13}"
    print(f"{'':26}{'layer dB':>9}{'page dB':>9}{titles}")
    for name, score in scores.items():
        row = f"{score.layer_db:9.2f}{score.page_db:9.2f}{score.mse_at_points:15.4f}"
        print(f"{name:26}{row}{score.mse_in_small_parts:13.4f}{score.mse_in_large_parts:13.4f}")
    without, given = obedience(pipeline, options.pairs, options.steps)
    print(
        f"colour under a point that contradicts the drawing: {without:.2f} of the way without it,"
    )
    print(f"{given:.2f} with it (0 = the drawing's colour, 1 = the point's; medians)")
    if options.json:
        figures: dict[str, Any] = {name: asdict(score) for name, score in scores.items()}
        figures["way to a contradicting point's colour"] = {"without": without, "with": given}
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if options.sheet:
        sheet(pipeline, 16, options.steps).save(options.sheet)
    return 0
