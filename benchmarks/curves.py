# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.curves``: the training curves that ship with the models, as a picture.

Needs matplotlib (``.venv/bin/pip install matplotlib``), which nothing else here does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).resolve().parent.parent / "manganinja" / "weights"
CURVES = {
    "mini": ("velocity", "decoded", "matching", "joining"),
    "match": ("loss", "right", "none"),
}
"""What is drawn of each model's curve."""


def legs(model: str) -> list[list[dict[str, float]]]:
    """The rows of a model's curve, a list for each leg; steps begin anew in each."""
    text = (WEIGHTS / model / "training_curve.jsonl").read_text(encoding="utf-8")
    found: list[list[dict[str, float]]] = []
    for row in map(json.loads, text.splitlines()):
        if not found or row["step"] <= found[-1][-1]["step"]:
            found.append([])
        found[-1].append(row)
    return found


def draw(axes: Any, model: str) -> None:
    """One model's curves over the samples of all its legs, legs divided by lines."""
    before = 0.0
    for number, leg in enumerate(legs(model)):
        samples = [before + row["samples"] for row in leg]
        for at, name in enumerate(CURVES[model]):
            label = name if number == 0 else None
            axes.plot(samples, [row[name] for row in leg], f"C{at}", label=label)
        if number:
            axes.axvline(before, color="grey", linewidth=0.5)
        before = samples[-1]
    axes.set(title=model, xlabel="samples", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.curves", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("docs/images/curves.png"))
    options = parser.parse_args(arguments)
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError:
        parser.error("this needs matplotlib: .venv/bin/pip install matplotlib")
    figure, both = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    for axes, model in zip(both, CURVES, strict=True):
        draw(axes, model)
    figure.savefig(options.output, dpi=90)
    return 0


if __name__ == "__main__":
    sys.exit(main())
