# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run tells: a progress bar, the curve's file, TensorBoard."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm


class Journal:
    """Tells of one run, of which only the main process tells.

    Args:
        folder: of the run.
        step: at which it begins; rows of the curve behind it are of a life that was cut off, and
            go.
        steps: of the whole run, or 0 if it goes by minutes.
    """

    def __init__(self, folder: Path, step: int, steps: int, tensorboard: bool, tells: bool) -> None:
        self.folder, self._tells = folder, tells
        on_terminal = sys.stderr.isatty()
        self._bar = tqdm(
            initial=step,
            total=steps or None,
            unit="step",
            disable=not tells,
            mininterval=0.5 if on_terminal else 60,
        )
        self._board: Any = _board(folder, step) if tells and tensorboard else None
        if tells:
            self._drop_rows_after(step)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
        if self._board is not None:
            self._board.close()

    @property
    def _curve(self) -> Path:
        return self.folder / "curve.jsonl"

    def _drop_rows_after(self, step: int) -> None:
        if not self._curve.exists():
            return
        rows = self._curve.read_text(encoding="utf-8").splitlines()
        kept = [row for row in rows if _step_of(row) <= step]
        if len(kept) < len(rows):
            partial = self._curve.with_suffix(".partial")
            partial.write_text("".join(f"{row}\n" for row in kept), encoding="utf-8")
            partial.replace(self._curve)

    def advance(self) -> None:
        """A step is done."""
        self._bar.update()

    def report(self, facts: dict[str, float], losses: dict[str, float], rate: float) -> None:
        """A row of the curve: facts such as "step", mean losses, and the learning rate."""
        if not self._tells:
            return
        row = {**facts, **{name: round(value, 5) for name, value in losses.items()}}
        self._bar.set_postfix({name: f"{value:.4f}" for name, value in losses.items()})
        with self._curve.open("a", encoding="utf-8") as curve:
            curve.write(json.dumps(row) + "\n")
        if self._board is not None:
            for name, value in {**losses, "learning rate": rate}.items():
                self._board.add_scalar(name, value, int(facts["step"]))

    def picture(self, sheet: Image.Image, step: int) -> None:
        """Sample pictures of a step."""
        (self.folder / "samples").mkdir(exist_ok=True)
        sheet.save(self.folder / "samples" / f"{step:08}.png")
        if self._board is not None:
            self._board.add_image("samples", np.asarray(sheet), step, dataformats="HWC")


def _step_of(row: str) -> float:
    try:
        return json.loads(row)["step"]
    except ValueError:  # Cut off by a kill.
        return float("inf")


def _board(folder: Path, step: int) -> Any:
    """TensorBoard's writer, or None where it isn't installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        print("For curves in TensorBoard: pip install 'manganinja-krita[train]'.", file=sys.stderr)
        return None
    return SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
