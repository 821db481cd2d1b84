# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets everybody answer every case, and puts the figures into tables and the pages into sheets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..errors import BadRequest
from .answers import Contestant
from .cases import Case
from .metrics import COLUMNS, Network, Scores, finite, mean_scores, score

CELL_PX, CAPTION_PX = 144, 28
ON_SHEET = 6
"""Cases on a picture sheet."""


@dataclass(frozen=True)
class Page:
    """A case and what was answered, for a sheet."""

    case: Case
    answers: Mapping[str, np.ndarray]


@dataclass
class Result:
    """What came out for one kind of cases.

    Attributes:
        cases: how many were asked.
        scores: of each row of the table one for each answered case.
        pages: the first cases, for the sheet.
    """

    cases: int = 0
    scores: dict[str, list[Scores]] = field(default_factory=dict)
    pages: list[Page] = field(default_factory=list)

    def means(self) -> dict[str, Scores]:
        """The table's rows."""
        return {name: mean_scores(scores) for name, scores in self.scores.items()}

    def answered(self) -> dict[str, int]:
        """How many cases each row's figures are means of."""
        return {name: len(scores) for name, scores in self.scores.items()}

    def partly(self) -> list[str]:
        """A line for each row that has not answered all cases."""
        return [
            f"{name}: means of {count} cases of {self.cases}"
            for name, count in self.answered().items()
            if count < self.cases
        ]


def ask(
    cases: Iterable[Case],
    contestants: Sequence[Contestant],
    networks: Mapping[str, Network],
    given: int,
    say: Callable[[str], None],
    done: Callable[[], None],
) -> Result:
    """Ask everybody every case, without points and, who takes them, with the first ``given``.

    Args:
        say: hears of cases that someone couldn't answer.
        done: is called after each case.
    """
    result = Result()
    for case in cases:
        result.cases += 1
        pages: dict[str, np.ndarray] = {}
        for contestant in contestants:
            some = case.points[:given] if contestant.takes_points else ()
            for points in ((), some) if some else ((),):
                try:
                    answers = contestant.answers(case, points)
                except BadRequest as error:
                    say(f"{contestant.name} did not answer {case.name}: {error}")
                    continue
                for one in answers:
                    name = f"{one.name}, points" if points else one.name
                    figures = score(one.answer, case, given, networks, one.seconds)
                    result.scores.setdefault(name, []).append(figures)
                    pages[name] = one.answer.page
        if len(result.pages) < ON_SHEET:
            result.pages.append(Page(case, pages))
        done()
    return result


def table(rows: Mapping[str, Scores]) -> str:
    """The rows as text; columns in which nobody has a figure are left out."""
    columns = {
        name: (title, digits)
        for name, (title, digits) in COLUMNS.items()
        if any(getattr(row, name) is not None for row in rows.values())
    }
    width = max(map(len, rows), default=0)
    lines = [" " * width + "".join(f"{title:>10}" for title, _ in columns.values())]
    for label, row in rows.items():
        cells = (_cell(getattr(row, name), digits) for name, (_, digits) in columns.items())
        lines.append(f"{label:{width}}" + "".join(cells))
    return "\n".join(lines)


def _cell(value: float | None, digits: int) -> str:
    return f"{'-':>10}" if finite(value) is None else f"{value:10.{digits}f}"


def as_json(rows: Mapping[str, Scores]) -> dict[str, dict[str, float | None]]:
    """The rows for a file: None, not NaN, where there is no figure."""
    return {
        label: {name: finite(value) for name, value in asdict(row).items()}
        for label, row in rows.items()
    }


def sheet(result: Result, names: Sequence[str]) -> Image.Image:
    """A line for each case: references, line art, the answers named, the truth.

    In the truth, what is not judged is white.
    """
    most = max(len(page.case.references) for page in result.pages)
    captions = [
        *(["reference"] if most == 1 else [f"reference {n + 1}" for n in range(most)]),
        "line art",
        *names,
        "truth",
    ]
    lines = []
    for page in result.pages:
        case = page.case
        truth = np.where(case.judged[..., None], case.truth, 255).astype(np.uint8)
        shown: list[np.ndarray | None] = [*case.references]
        shown += [None] * (most - len(case.references))
        shown += [case.lineart, *(page.answers.get(name) for name in names), truth]
        lines.append(np.hstack([_cell_of(picture) for picture in shown]))
    return Image.fromarray(np.vstack([_header(captions), *lines]))


def _cell_of(picture: np.ndarray | None) -> np.ndarray:
    """A picture in a square cell; a grey one where there is none."""
    cell = Image.new("RGB", (CELL_PX, CELL_PX), "lightgrey" if picture is None else "white")
    if picture is not None:
        image = Image.fromarray(picture).convert("RGB")
        image.thumbnail((CELL_PX, CELL_PX), Image.Resampling.LANCZOS)
        cell.paste(image, ((CELL_PX - image.width) // 2, (CELL_PX - image.height) // 2))
    return np.asarray(cell)


def _header(captions: Sequence[str]) -> np.ndarray:
    head = Image.new("RGB", (CELL_PX * len(captions), CAPTION_PX), "white")
    draw, font = ImageDraw.Draw(head), ImageFont.load_default(11)
    for column, caption in enumerate(captions):
        first, _, rest = caption.partition(", ")
        text = f"{first}\n{rest}" if rest else first
        draw.multiline_text((column * CELL_PX + 3, 1), text, "black", font, spacing=1)
    return np.asarray(head)
