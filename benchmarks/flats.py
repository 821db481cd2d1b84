# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.flats``: flats beside their peers, on pages whose truth is known.

Each method runs in a process of its own on the same pages and hints; its time is that of the call
(G'MIC's includes starting it and its files), its memory the peak of the process (G'MIC's own).
Ratios are the method's figure over ours with the same information: above 1 ours is better. The raw
proposal's Acc takes the true regions and what most of their pixels look like, so it is what regions
alone can get out of that proposal; choosing colours more cleverly can get more.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from manganinja.flats.measures import FlatsScore, FlatsTruth, measure

from .flats_methods import BESIDE, METHODS, Case, NotThere
from .flats_truth import STYLES, Faults, Page, draw_page


@dataclass(frozen=True)
class Run:
    """One method on one page; `score` is None and `why` says why where it gave nothing.

    Attributes:
        seconds: time of the call.
        peak_mb: peak memory of the process, MiB.
        coloured: share of the figures' regions that have a colour at all.
        right_of_coloured: share of the regions with a colour that have the right one.
    """

    method: str
    page: dict[str, object]
    score: FlatsScore | None
    seconds: float = 0.0
    peak_mb: float = 0.0
    why: str = ""
    coloured: float = 0.0
    right_of_coloured: float = 1.0


@dataclass(frozen=True)
class Spec:
    """Which page to draw."""

    seed: int
    width_px: int
    height_px: int
    style: str
    gap_px: int
    cell_px: int

    def draw(self) -> Page:
        """The page."""
        return draw_page(
            self.seed,
            self.width_px,
            self.height_px,
            style=self.style,
            gap_px=self.gap_px,
            cell_px=self.cell_px,
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its table."""
    options = _options(arguments)
    methods = [name for name in METHODS if any(part in name for part in options.methods)]
    runs: list[Run] = []
    for spec in _specs(options):
        for run in on_page(spec, methods, options):
            runs.append(run)
            _say(run)
    print()
    print(table(runs))
    if options.by:
        for value in sorted({str(run.page[options.by]) for run in runs}):
            print(f"\n{options.by} {value}")
            print(table([run for run in runs if str(run.page[options.by]) == value]))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(_record(runs, arguments), indent=1) + "\n", "utf-8")
    return 0


def on_page(spec: Spec, methods: Sequence[str], options: argparse.Namespace) -> Iterator[Run]:
    """Draw a page and run the methods on it, one after another."""
    page = spec.draw()
    hints = page.hints(at_most=options.hints)
    known = asdict(spec) | {
        "megapixels": round(spec.width_px * spec.height_px / 1e6, 2),
        "regions": len(page.truth.colours),
        "gaps": len(page.gaps),
        "hints": len(hints),
        "proposal_px": options.proposal,
        "faults": options.faults,
    }
    case = Case(
        lineart=page.lineart,
        proposal=page.proposal(
            options.proposal, Faults(wrong=options.wrong).scaled(options.faults)
        ),
        reference=page.reference,
        palette=np.vstack([page.palette, np.array([page.truth.paper_rgb], np.uint8)]),
        hints=hints,
        pairs=[(pair.target, pair.colour) for pair in page.pairs],
        gap_px=min(max(8, spec.gap_px), 32),
        limit_s=options.limit,
        sources=[pair.reference for pair in page.pairs],
    )
    for name in methods:
        yield _judged(name, case, page, known)


def _judged(name: str, case: Case, page: Page, known: dict[str, object]) -> Run:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, name, case))
    process.start()
    sender.close()
    # Starting and handing the pictures over takes a while and isn't the method's.
    answer = None
    if receiver.poll(case.limit_s + 30):
        try:
            answer = receiver.recv()
        except EOFError:
            answer = "it ended without an answer (out of memory?)"
    if process.is_alive() and answer is None:
        process.kill()
        answer = f"more than {case.limit_s:.0f} s"
    process.join()
    if isinstance(answer, str):
        return Run(name, known, None, why=answer)
    assert answer is not None
    painted, seconds, peak_mb = answer
    score = measure(painted, page.truth, case.hints)
    return Run(name, known, score, seconds, peak_mb, "", *filled(painted, page.truth))


def filled(painted: np.ndarray, truth: FlatsTruth) -> tuple[float, float]:
    """Share of the regions that most of whose pixels have a colour, and among them the share that
    have the right one. Paper that was left as paper is no region; painted otherwise it is wrong."""
    count, open_px = len(truth.colours), ~truth.lines
    labels, pixels = truth.labels[open_px], painted[open_px]
    areas = np.bincount(labels, minlength=count)
    opaque = pixels[:, 3] >= 128
    has = 2 * np.bincount(labels[opaque], minlength=count) > areas
    paper = (pixels[:, :3] == truth.paper_rgb).all(axis=1)
    as_paper = 2 * np.bincount(labels[paper | ~opaque], minlength=count) > areas
    same = opaque & (pixels[:, :3] == truth.colours[labels, :3]).all(axis=1)
    right = 2 * np.bincount(labels[same], minlength=count) > areas
    figure = truth.colours[:, 3] > 0
    judged = (areas > 0) & (figure | ~as_paper)
    share = np.count_nonzero(judged & has) / max(1, np.count_nonzero(judged))
    return share, np.count_nonzero(judged & has & right & figure) / max(
        1, np.count_nonzero(judged & has)
    )


def _work(sender: Connection, name: str, case: Case) -> None:
    """In the method's own process: run it and send (painting, seconds, peak), or a sentence."""
    try:
        _forget_peak()
        start = time.perf_counter()
        painted = METHODS[name](case)
        seconds = time.perf_counter() - start
    except NotThere as error:
        sender.send(str(error))
        return
    except Exception as error:  # A peer's or our failure is a result, not the end of the run.
        sender.send(f"{type(error).__name__}: {error}")
        return
    sender.send((painted, seconds, _peak_mb("G'MIC" in name)))


def _forget_peak() -> None:
    """Let the process's peak start anew: handing over the pictures took more than some methods."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def _peak_mb(of_children: bool) -> float:
    """Peak memory in MiB, of this process or of the largest that it started."""
    if not of_children:
        with contextlib.suppress(OSError, StopIteration):
            status = Path("/proc/self/status").read_text("ascii").splitlines()
            return int(next(row for row in status if row.startswith("VmHWM")).split()[1]) / 1024
    who = resource.RUSAGE_CHILDREN if of_children else resource.RUSAGE_SELF
    return resource.getrusage(who).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


COLUMNS = (
    ("Acc", "acc", "{:.3f}"),
    (">10px", "acc_over_10px", "{:.3f}"),
    ("Pix", "pix_acc", "{:.4f}"),
    ("no bg", "pix_acc_no_background", "{:.4f}"),
    ("B-MIoU", "b_miou", "{:.3f}"),
    ("Pix-B", "pix_b_miou", "{:.4f}"),
    ("exact", "exact_palette_rate", "{:.3f}"),
    ("bleed", "bleed_rate", "{:.4f}"),
    ("fringe px", "fringe_px", "{:.0f}"),
    ("repair", "to_repair", "{:.1f}"),
    ("coloured", "coloured", "{:.3f}"),
    ("right", "right_of_coloured", "{:.3f}"),
    ("pt MSE", "point_mse", "{:.4f}"),
    ("pt dE", "point_de", "{:.2f}"),
    ("s", "seconds", "{:.2f}"),
    ("MB", "peak_mb", "{:.0f}"),
)
"""Heading, figure and form of the table's columns."""

RATIOS = (("repair x", "to_repair"), ("bleed x", "bleed_rate"), ("s x", "seconds"))
"""Heading and figure of the ratios: the method's over that of ours."""


def means(runs: Sequence[Run]) -> dict[str, dict[str, float]]:
    """Per method, the mean of every figure over the pages it painted, and `pages` of them."""
    figures: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(run.method for run in runs):
        rows = [_figures(run) for run in runs if run.method == name and run.score]
        if rows:
            figures[name] = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
            figures[name]["pages"] = len(rows)
    return figures


def _figures(run: Run) -> dict[str, float]:
    assert run.score is not None
    score = {f.name: getattr(run.score, f.name) for f in fields(run.score)}
    return {k: float(v) for k, v in score.items() if v is not None} | {
        "seconds": run.seconds,
        "peak_mb": run.peak_mb,
        "coloured": run.coloured,
        "right_of_coloured": run.right_of_coloured,
    }


def ratios(runs: Sequence[Run], name: str) -> dict[str, float | None]:
    """A method's figures over those of ours that was told the same, on pages that both painted.

    None where ours painted none of them, or has 0.
    """
    painted = {
        which: {str(run.page) for run in runs if run.method == which and run.score}
        for which in (name, BESIDE[name])
    }
    common = painted[name] & painted[BESIDE[name]]
    figures = means([run for run in runs if str(run.page) in common])
    if not common:
        return {key: None for _, key in RATIOS}
    mine, ours = figures[name], figures[BESIDE[name]]
    return {key: mine[key] / ours[key] if ours[key] else None for _, key in RATIOS}


def table(runs: Sequence[Run]) -> str:
    """The means as a Markdown table."""
    figures = means(runs)
    headings = ["", *(c[0] for c in COLUMNS), *(r[0] for r in RATIOS), "pages"]
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    total = {name: sum(run.method == name for run in runs) for name in METHODS}
    for name in dict.fromkeys(run.method for run in runs):
        if name not in figures:
            why = next(run.why for run in runs if run.method == name)
            lines.append(f"| {name} | {why} " + "| " * (len(headings) - 2) + "|")
            continue
        row = figures[name]
        cells = [form.format(row[key]) if key in row else "" for _, key, form in COLUMNS]
        found = ratios(runs, name)
        cells += ["-" if (r := found[key]) is None else f"{r:.2f}" for _, key in RATIOS]
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {row['pages']:.0f}/{total[name]} |")
    return "\n".join(lines)


def _specs(options: argparse.Namespace) -> Iterator[Spec]:
    """Every style of every size and seed, the gaps taking turns; with --full every gap too."""
    for size in options.sizes:
        width, height = (int(part) for part in size.lower().split("x"))
        for seed in range(options.first, options.first + options.seeds):
            for place, style in enumerate(options.styles):
                turn = [options.gaps[(place + seed) % len(options.gaps)]]
                for gap in options.gaps if options.full else turn:
                    yield Spec(seed, width, height, style, gap, options.cell)


def _say(run: Run) -> None:
    page = run.page
    where = f"{page['width_px']}x{page['height_px']} seed {page['seed']} {page['style']}"
    where += f", gap {page['gap_px']} px, {page['regions']} regions"
    if run.score is None:
        print(f"{where}: {run.method}: {run.why}", flush=True)
        return
    score = run.score
    told = f"Acc {score.acc:.3f}, bleed {score.bleed_rate:.4f}, {score.to_repair} to repair"
    print(f"{where}: {run.method}: {told}, {run.seconds:.2f} s", flush=True)


def _record(runs: Sequence[Run], arguments: Sequence[str] | None) -> dict[str, object]:
    figures = means(runs)
    given = sys.argv[1:] if arguments is None else arguments
    return {
        "command": " ".join(["python -m benchmarks.flats", *given]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "means": figures,
        "ratios": {name: ratios(runs, name) for name in figures},
        "runs": [asdict(run) for run in runs],
    }


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flats", description=__doc__)
    add = parser.add_argument
    add("--sizes", nargs="+", default=["1000x1000"], help="as 2480x3508 or 4000x6000")
    add("--styles", nargs="+", default=list(STYLES), choices=STYLES)
    add("--gaps", nargs="+", type=int, default=[0, 4, 8], help="px; they take turns")
    add("--full", action="store_true", help="every gap with every style")
    add("--seeds", type=int, default=2, help="pages per size and style (default 2)")
    add("--first", type=int, default=0, help="the first page's seed (default 0)")
    add("--cell", type=int, default=0, help="px per figure, for dense pages (default one figure)")
    add("--proposal", type=int, default=512, help="longer side of the proposal (default 512)")
    add("--wrong", type=float, default=Faults.wrong, help="share of small regions proposed wrong")
    add("--faults", type=float, default=1.0, help="how strong blur, drift, noise, bleeding are")
    add("--hints", type=int, default=None, help="at most so many (default one in every region)")
    add("--methods", nargs="+", default=[""], help="only methods whose names have one of these")
    add("--limit", type=float, default=300.0, help="seconds for a method on a page (default 300)")
    add("--by", choices=("style", "gap_px", "width_px", "seed"), help="also a table for each")
    add("--json", type=Path, help="also write all figures here")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
