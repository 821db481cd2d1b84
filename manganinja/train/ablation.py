# SPDX-License-Identifier: GPL-3.0-or-later
"""The paper's ablation at a small size: each part of the method left out, the same budget each.

A row is a training of its own, in a folder of its own, that goes on where it was stopped. Rows that
differ in guidance alone share a training, since that is a matter of sampling.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import BadRequest
from ..evaluate.held_out import model, score
from .config import changed, read_config
from .export import export
from .loop import Trainer
from .pool import held_out_pairs
from .settings import CardConfig, TrainingConfig

_FILE = Path(__file__).with_name("ablation.toml")
GUIDANCE = "guidance"
"""The part of the method that is no part of training."""


def new_base() -> TrainingConfig:
    """What all rows share."""
    return changed(TrainingConfig(), read_config(_FILE)["base"])


def rows() -> dict[str, list[str]]:
    """The parts that each row of the table has."""
    return read_config(_FILE)["rows"]


def with_parts(base: TrainingConfig, parts: Iterable[str]) -> TrainingConfig:
    """The training of a row with these parts of the method."""
    changes = read_config(_FILE)["parts"]
    for part in parts:
        if part != GUIDANCE:
            base = changed(base, changes[part])
    return base


def run_ablation(
    base: TrainingConfig,
    folder: Path,
    codec: Any,
    pairs: int,
    only: Sequence[str] | None = None,
) -> dict[str, dict[str, float]]:
    """Train what is not trained yet, measure what is not measured yet; the table.

    Writes ``table.json`` and prints it. Points are given at sampling where the row has them.

    Args:
        codec: the autoencoder of a model from nothing; None if ``base`` starts from a model.
        pairs: held-out pairs to measure on.
        only: names of rows; None for all.
    """
    unknown = set(only or ()) - set(rows())
    if unknown:
        raise BadRequest(f"There is no row {', '.join(unknown)}.", f"Choose of {list(rows())}.")
    for name, parts in rows().items():
        if only is not None and name not in only:
            continue
        trained = [part for part in parts if part != GUIDANCE]
        run = folder / ("-".join(trained) or "baseline")
        print(f"{name}: {run}", flush=True)
        trainer = Trainer(with_parts(base, parts), run, codec)
        trainer.run()
        _measure(folder, name, parts, trainer, {"steps": trainer.step, "pairs": pairs})
    table = _table(folder)
    print(_as_text(table))
    return table


def _measure(
    folder: Path, name: str, parts: Sequence[str], trainer: Trainer, budget: dict[str, int]
) -> None:
    measured, run = _table(folder), trainer.folder.path
    if name in measured and budget.items() <= measured[name].items():
        return
    card = CardConfig()
    if GUIDANCE in parts:
        scales = read_config(_FILE)["guidance"]
        card = changed(card, {f"guidance_{of}": scale for of, scale in scales.items()})
    pipeline = export(run, run / "model", card=card).to(trainer.device)
    pipeline.set_progress_bar_config(disable=True)
    size_px = int(pipeline.config["resolution"])
    answer = model(pipeline, None, with_points="points" in parts)
    figures = asdict(score(answer, held_out_pairs(budget["pairs"], size_px)))
    measured[name] = {**figures, **budget}
    partial = folder / "table.json.partial"
    partial.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    partial.replace(folder / "table.json")


def _table(folder: Path) -> dict[str, dict[str, float]]:
    path = folder / "table.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def _as_text(table: dict[str, dict[str, float]]) -> str:
    lines = [f"{'':24}{'layer dB':>10}{'page dB':>10}{'MSE at points':>15}"]
    for name, row in table.items():
        figures = f"{row['layer_db']:10.2f}{row['page_db']:10.2f}{row['mse_at_points']:15.4f}"
        lines.append(f"{name:24}{figures}")
    return "\n".join(lines)
