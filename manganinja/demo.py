# SPDX-License-Identifier: GPL-3.0-or-later
"""Colour an example through the same server and websocket that Krita uses, and save pictures.

    python -m manganinja.demo [--example FOLDER] [--output FOLDER] [--model NAME] [--seed N] ...

An example is a folder with `lineart.png`, `reference.png` and, if it has point pairs,
`points.json`: {"pairs": [{"reference": [x, y], "lineart": [x, y]}, ...]} in pixels.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from PIL import Image, ImageChops

from .errors import MangaNinjaError
from .files import read_image, read_pairs, to_image, to_picture
from .wire import discovery
from .wire.client import Connection
from .wire.protocol import (
    Cancelled,
    ColorizeRequest,
    Failed,
    JobEvent,
    Pair,
    Progress,
    Queued,
    Record,
    Result,
    WireError,
)

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
BAR_WIDTH = 28
STAGES = {
    "waiting": "waiting for its turn",
    "loading": "loading the model",
    "reading": "reading the pictures",
    "sampling": "colouring",
    "decoding": "decoding",
    "finishing": "finishing",
}


class DemoError(Exception):
    """The demonstration cannot go on; the text says why and what to do."""


@dataclass(frozen=True)
class Example:
    """What an example folder holds, opened."""

    name: str
    lineart: Image.Image
    reference: Image.Image
    pairs: tuple[Pair, ...]


def read_example(folder: Path) -> Example:
    """Opens an example folder; raises `BadRequest` where something is missing or unreadable."""
    pairs = folder / "points.json"
    return Example(
        name=folder.resolve().name,
        lineart=read_image(folder / "lineart.png"),
        reference=read_image(folder / "reference.png"),
        pairs=read_pairs(pairs) if pairs.exists() else (),
    )


def multiply(lineart: Image.Image, colours: Image.Image) -> Image.Image:
    """The line art over the colours, as a layer in the blending mode Multiply shows it."""
    return ImageChops.multiply(on_white(lineart), colours)


def on_white(picture: Image.Image) -> Image.Image:
    """The picture on white paper, RGB."""
    paper = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(paper, picture.convert("RGBA")).convert("RGB")


class Bar:
    """A bar that is redrawn on a terminal; elsewhere a line for each stage and each quarter."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._began = time.monotonic()
        self._last = ""

    def show(self, fraction: float, what: str) -> None:
        filled = round(BAR_WIDTH * fraction)
        bar = "#" * filled + "." * (BAR_WIDTH - filled)
        seconds = time.monotonic() - self._began
        line = f"  [{bar}] {fraction:4.0%}  {what:<24} {seconds:5.1f} s"
        if self._live:
            self._stream.write(f"\r\033[K{line}")
        elif (key := f"{what.split(' (')[0]} {int(fraction * 4)}") != self._last:
            self._last = key
            self._stream.write(f"{line}\n")
        self._stream.flush()

    def end(self) -> None:
        if self._live:
            self._stream.write("\n")
            self._stream.flush()


@contextmanager
def server(report: TextIO) -> Iterator[Record]:
    """A server to talk to: the one that runs, or one that is started here and ended again."""
    record = discovery.current_server()
    if record is not None:
        print("The server is running already.", file=report)
        yield record
        return
    began = time.monotonic()
    record = discovery.start_server(timeout_s=180.0)
    print(f"The server was started ({time.monotonic() - began:.1f} s).", file=report, flush=True)
    try:
        yield record
    finally:
        _end(record)


def _end(record: Record, patience_s: float = 15.0) -> None:
    try:
        with Connection.open(record, "manganinja demo") as connection:
            connection.shutdown()
    except WireError:
        return
    deadline = time.monotonic() + patience_s
    while not _is_gone(record.pid) and time.monotonic() < deadline:
        time.sleep(0.1)


def _is_gone(pid: int) -> bool:
    # A child that has ended stays visible until somebody asks for its exit status.
    with suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    try:
        os.kill(pid, 0)
    except OSError:
        return True
    return False


@contextmanager
def ctrl_c_cancels(cancelled: threading.Event) -> Iterator[None]:
    """The first Ctrl+C ends the job in good order; a second one ends the program."""
    before = signal.getsignal(signal.SIGINT)

    def on_signal(number: int, frame: Any) -> None:
        if cancelled.is_set():
            raise KeyboardInterrupt
        cancelled.set()

    signal.signal(signal.SIGINT, on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def colorize(record: Record, request: ColorizeRequest, bar: Bar) -> Result | None:
    """Has the request done by a server, showing progress; None where the person cancelled it.

    Raises `DemoError` with the server's own sentence where it failed, and `WireError` where the
    connection did.
    """
    cancelled = threading.Event()
    with ctrl_c_cancels(cancelled), Connection.open(record, "manganinja demo") as connection:
        last: JobEvent | None = None
        for last in connection.colorize(request, is_cancelled=cancelled.is_set):
            _show(last, bar)
        bar.end()
        if isinstance(last, Result):
            connection.acknowledge(last.job)
            return last
    if isinstance(last, Cancelled):
        return None
    if isinstance(last, Failed):
        raise DemoError(f"{last.message} {last.remedy}")
    raise DemoError("The server ended the job without a result. Try again.")


def _show(event: JobEvent, bar: Bar) -> None:
    if isinstance(event, Queued):
        bar.show(0.0, STAGES["waiting"])
    elif isinstance(event, Progress):
        counter = f" ({event.step} of {event.steps})" if event.stage == "sampling" else ""
        bar.show(event.fraction, STAGES.get(event.stage, event.stage) + counter)
    elif isinstance(event, Result):
        bar.show(1.0, "done")


def save(example: Example, result: Result, folder: Path) -> tuple[Path, Path]:
    """Writes the colours and the line art over them; gives both paths."""
    # Regions may be empty.
    colours = on_white(to_image(result.picture))
    folder.mkdir(parents=True, exist_ok=True)
    plain = folder / f"{example.name}-colours.png"
    inked = folder / f"{example.name}-coloured.png"
    colours.save(plain)
    multiply(example.lineart, colours).save(inked)
    return plain, inked


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m manganinja.demo", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--example", type=Path, default=EXAMPLES / "character", metavar="FOLDER")
    parser.add_argument("--output", type=Path, default=Path("results"), metavar="FOLDER")
    parser.add_argument("--model", default="mini", help="a model that the server knows")
    parser.add_argument(
        "--steps", type=int, default=None, help="the model's own number if left out"
    )
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def run(options: argparse.Namespace, out: TextIO) -> int:
    example = read_example(options.example)
    width, height = example.lineart.size
    print(f"{example.name}: {width} x {height} pixels, {len(example.pairs)} point pairs", file=out)
    request = ColorizeRequest(
        lineart=to_picture(example.lineart),
        references=(to_picture(example.reference),),
        pairs=example.pairs,
        model=options.model,
        steps=options.steps,
        seed=options.seed,
    )
    with server(out) as record:
        result = colorize(record, request, Bar(out))
    if result is None:
        print("Cancelled.", file=out)
        return 130
    info = result.info
    print(f"{info.model} on {info.device}, {info.steps} steps, seed {info.seed}", file=out)
    for note in info.notes:
        print(f"  {note}", file=out)
    for what, path in zip(("colours ", "coloured"), save(example, result, options.output)):
        print(f"{what}: {path.resolve()}", file=out)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 a problem (said in words), 130 cancelled."""
    try:
        return run(parse(arguments), sys.stdout)
    except WireError as error:
        print(f"\n{error.message}\n{error.remedy}", file=sys.stderr)
    except (DemoError, MangaNinjaError) as error:
        print(f"\n{error}", file=sys.stderr)
    except OSError as error:
        print(f"\nThe pictures could not be written: {error}.", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
