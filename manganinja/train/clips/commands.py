# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja train clips``."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from typing import Any

from ...errors import BadRequest
from .settings import LINES, MATCHERS, ClipsConfig

_NEEDED = {"av": "av", "scenedetect": "scenedetect-headless", "torchmetrics": "torchmetrics"}


def add_parser(stages: Any) -> None:
    """Add ``clips`` to the training commands."""
    parser = stages.add_parser(
        "clips",
        help="make training pairs of a folder of animation clips",
        description="Makes training pairs of the clips in a folder (docs/clips.md). Can be stopped "
        "and continued, and run several times at once. Use clips that you may use.",
    )
    parser.add_argument("--folder", type=Path, required=True, help="folder with the clips")
    parser.add_argument("--output", type=Path, required=True, help="folder for the pairs")
    parser.add_argument("--config", type=Path, help="file with settings to change")
    parser.add_argument("--matcher", choices=MATCHERS, help="what finds the points (track)")
    parser.add_argument(
        "--lines",
        choices=LINES,
        help="line art by the published extractor, or of dark strokes alone, which needs no "
        "weights and is worse (extractor)",
    )
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    parser.set_defaults(run_command=run)


def run(options: argparse.Namespace) -> int:
    """Make pairs; the exit status is 1 if there is none."""
    missing = [pip for module, pip in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise BadRequest(
            f"Clips need {', '.join(missing)}, which is not installed.",
            f"Run `pip install {' '.join(missing)}`.",
        )
    import cv2
    import torch
    from tqdm import tqdm

    from .make import make_pairs

    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    config = _config(options)
    summary = make_pairs(
        options.folder,
        options.output,
        config,
        report=lambda text: tqdm.write(text, file=sys.stderr),
        progress=lambda clips: tqdm(clips, unit="clip", disable=None),
    )
    print(summary)
    return 0 if summary.pairs else 1


def _config(options: argparse.Namespace) -> ClipsConfig:
    from ..config import changed, read_config

    given = {name: getattr(options, name) for name in ("matcher", "lines")}
    changes = read_config(options.config) if options.config else {}
    return changed(ClipsConfig(), changes | {n: v for n, v in given.items() if v is not None})
