# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja evaluate``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadRequest, ModelNotFound

if TYPE_CHECKING:
    from PIL import Image

    from .answers import Contestant
    from .benchmark import Result
    from .metrics import Scores

# Spelled out: the command line must not import the generator, or its help would take a second.
KINDS = ("same-pose", "new-pose", "missing-detail", "two-references", "other-character")
HELD_OUT = "held-out"
_PAIRS, _HELD_OUT_PAIRS = 40, 64


def add_parser(subcommands: Any) -> None:
    """Add ``evaluate`` to the command line."""
    parser = subcommands.add_parser(
        "evaluate",
        help="measure models on pairs whose truth is known, beside baselines",
        description="Measures models and baselines by the paper's metrics and BasicPBC's, on "
        "drawings made here or on a folder of pairs. A model is measured without and with points, "
        "by what it paints (proposal) and by the flats that an artist gets. Metrics and baselines "
        "whose networks are not on this disk are left out with a note; nothing is downloaded.",
    )
    parser.add_argument(
        "--models",
        nargs="+",
        default=["mini", "match", "none"],
        metavar="MODEL",
        help="names or folders that `manganinja colorize --model` takes (mini match none)",
    )
    parser.add_argument(
        "--kinds",
        nargs="+",
        choices=(*KINDS, HELD_OUT),
        default=list(KINDS),
        metavar="KIND",
        help=f"of generated pairs: {', '.join(KINDS)} (all five); or {HELD_OUT} alone: one "
        "model's colour layer on pairs as in training, and how far points move colours",
    )
    parser.add_argument(
        "--pairs",
        type=_positive,
        help=f"of each kind, each used both ways ({_PAIRS}; {HELD_OUT}: {_HELD_OUT_PAIRS})",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="measure on the pairs in this folder instead: NAME/reference.png (more: "
        "reference_2.png, ...), lineart.png, truth.png and, if there are pairs, points.json as "
        "for `manganinja colorize`; what is transparent in truth.png is not judged",
    )
    parser.add_argument(
        "--points", type=_positive, default=8, help="true pairs given to those who take them (8)"
    )
    parser.add_argument(
        "--size", type=_positive, default=384, help="side of the generated pictures in px (384)"
    )
    parser.add_argument("--steps", type=int, help="sampling steps (default: the model's own)")
    parser.add_argument(
        "--networks",
        type=Path,
        metavar="DIR",
        help="folder with what metrics and IP-Adapter need, where it is not in the caches of "
        "Hugging Face and torch",
    )
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument(
        "--sheet",
        type=Path,
        help="also write a picture sheet here; of several kinds one each, NAME-KIND",
    )
    parser.set_defaults(run_command=run)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("1 or more is needed")
    return value


def run(options: argparse.Namespace) -> int:
    """Print the tables, and write what was asked for."""
    for path in (options.json, options.sheet):
        if path is not None and not path.resolve().parent.is_dir():
            raise BadRequest(f"There is no folder {path.resolve().parent}.", "Make it first.")
    if HELD_OUT in options.kinds and options.folder is None:
        return _held_out(options)
    try:
        import torchmetrics  # noqa: F401
    except ModuleNotFoundError as error:
        raise ModelNotFound(
            "Evaluation needs torchmetrics, which is not installed.",
            'Run `.venv/bin/pip install -e ".[network,evaluate]"`.',
        ) from error
    from .metrics import load_networks

    contestants, notes = _contestants(options)
    networks, missing = load_networks(options.networks)
    left_out = [*notes, *missing]
    for note in left_out:
        print(note)
    results = {}
    for kind, result in _results(options, contestants, networks):
        results[kind] = result
        rows = result.means()
        if not result.cases:
            raise BadRequest("No pair of the folder could be used.", "Correct what is named above.")
        print(f"\n{kind}: {result.cases} cases, up to {options.points} points given")
        print("\n".join([_table(rows), *result.partly()]), flush=True)
        # After each kind, so that a run that is stopped leaves what it has.
        _write(options, results, left_out)
    if len(results) > 1:
        print("\nAll kinds together")
        print(_table(_together(results)))
    return 0


def _contestants(options: argparse.Namespace) -> tuple[list[Contestant], list[str]]:
    from .answers import contestant
    from .baselines import IpAdapter, naive

    everybody: list[Contestant] = [*naive()]
    everybody += [contestant(model, options.steps) for model in dict.fromkeys(options.models)]
    try:
        everybody.append(IpAdapter.load(options.networks))
    except ModelNotFound as error:
        return everybody, [str(error)]
    return everybody, []


def _results(
    options: argparse.Namespace, contestants: Sequence[Contestant], networks: Any
) -> Iterator[tuple[str, Result]]:
    from tqdm import tqdm

    from .benchmark import ask
    from .cases import drawn_cases, folder_cases

    count = options.pairs or _PAIRS
    kinds = [options.folder.name] if options.folder else list(dict.fromkeys(options.kinds))
    total = None if options.folder else 2 * count
    for kind in kinds:
        with tqdm(total=total, desc=kind, unit="case") as bar:
            if options.folder:
                cases = folder_cases(options.folder, bar.write)
            else:
                cases = drawn_cases(kind, count, options.size)
            result = ask(
                cases, contestants, networks, options.points, bar.write, lambda: _tick(bar)
            )
        yield kind, result


def _tick(bar: Any) -> None:
    bar.update()


def _table(rows: dict[str, Scores]) -> str:
    from .benchmark import table

    return table(rows)


def _together(results: dict[str, Result]) -> dict[str, Scores]:
    from .metrics import mean_scores

    every: dict[str, list[Scores]] = {}
    for result in results.values():
        for name, scores in result.scores.items():
            every.setdefault(name, []).extend(scores)
    return {name: mean_scores(scores) for name, scores in every.items()}


def _write(options: argparse.Namespace, results: dict[str, Result], left_out: list[str]) -> None:
    """All figures so far, and the sheet of the last kind."""
    from .benchmark import as_json, sheet

    if options.json:
        figures = {
            "points_given": options.points,
            "size_px": None if options.folder else options.size,
            "left_out": left_out,
            "kinds": {
                kind: {
                    "cases": result.cases,
                    "answered": result.answered(),
                    "rows": as_json(result.means()),
                }
                for kind, result in results.items()
            },
            "all": as_json(_together(results)),
        }
        text = json.dumps(figures, indent=1, allow_nan=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.sheet:
        kind, result = list(results.items())[-1]
        path, several = options.sheet, options.folder is None and len(set(options.kinds)) > 1
        names = [name for name in result.scores if name != "untouched line art"]
        _save(sheet(result, names), path.with_stem(f"{path.stem}-{kind}") if several else path)


def _save(picture: Image.Image, path: Path) -> None:
    options: dict[str, Any] = {"quality": 75} if path.suffix.lower() in (".jpg", ".jpeg") else {}
    try:
        picture.save(path, optimize=True, **options)
    except (OSError, ValueError) as error:
        raise BadRequest(
            f"{path} can't be written: {error}.", "Name another file, say sheet.png."
        ) from error


def _held_out(options: argparse.Namespace) -> int:
    """One model's colour layer beside naive answers, and how well it obeys points."""
    from ..weights.find import MATCH, NONE
    from ..weights.load import load_pipeline
    from .held_out import obedience, sheet, table

    models = [model for model in options.models if model not in (MATCH, NONE)]
    if set(options.kinds) != {HELD_OUT} or len(models) != 1:
        raise BadRequest(
            f"{HELD_OUT} is a table of its own, of one model.",
            f"Say --kinds {HELD_OUT} --models mini, and run the other kinds apart.",
        )
    pipeline, count = load_pipeline(models[0]), options.pairs or _HELD_OUT_PAIRS
    pipeline.set_progress_bar_config(disable=True)
    scores = table(pipeline, count, options.steps)
    titles = f"{'MSE at points':>15}{'small parts':>13}{'large parts':>13}"
    print(f"{'':26}{'layer dB':>9}{'page dB':>9}{titles}")
    for name, score in scores.items():
        row = f"{score.layer_db:9.2f}{score.page_db:9.2f}{score.mse_at_points:15.4f}"
        print(f"{name:26}{row}{score.mse_in_small_parts:13.4f}{score.mse_in_large_parts:13.4f}")
    without, given = obedience(pipeline, count, options.steps)
    print(
        f"colour under a point that contradicts the drawing: {without:.2f} of the way without it,"
    )
    print(f"{given:.2f} with it (0 = the drawing's colour, 1 = the point's; medians)")
    if options.json:
        figures: dict[str, Any] = {name: _finite(asdict(score)) for name, score in scores.items()}
        figures["way to a contradicting point's colour"] = _finite(
            {"without": without, "with": given}
        )
        text = json.dumps(figures, indent=1, allow_nan=False)
        options.json.write_text(text + "\n", encoding="utf-8")
    if options.sheet:
        _save(sheet(pipeline, 16, options.steps), options.sheet)
    return 0


def _finite(figures: dict[str, float]) -> dict[str, float | None]:
    # A number that is not itself is NaN, which JSON doesn't have.
    return {name: value if value == value else None for name, value in figures.items()}
