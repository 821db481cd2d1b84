# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: ``manganinja colorize | train | evaluate``."""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import BadRequest, MangaNinjaError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 if it did what it was asked."""
    parser = argparse.ArgumentParser(
        prog="manganinja", description="Colour line art from a reference picture."
    )
    subcommands = parser.add_subparsers(dest="command", required=True)
    _add_colorize(subcommands)
    from .evaluate import commands as evaluate
    from .train import commands as train

    train.add_parser(subcommands)
    evaluate.add_parser(subcommands)
    options = parser.parse_args(arguments)
    try:
        return options.run_command(options)
    except MangaNinjaError as error:
        print(f"manganinja: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130


def _add_colorize(subcommands: Any) -> None:
    parser = subcommands.add_parser("colorize", help="colour one picture")
    parser.add_argument("--lineart", type=Path, required=True, help="line art, any polarity")
    parser.add_argument(
        "--reference",
        type=Path,
        required=True,
        action="append",
        help="coloured reference; may be given several times",
    )
    parser.add_argument(
        "--points",
        type=Path,
        help='JSON file: {"pairs": [{"reference": [x, y], "lineart": [x, y]}, ...]}, in pixels of '
        'each picture; "reference_index" (from 0) names one of several references',
    )
    parser.add_argument("--model", default="mini", help="'mini' or the folder of a model")
    parser.add_argument("--steps", type=int, help="sampling steps (default: the model's own)")
    parser.add_argument("--seed", type=int, help="0 or more (default: a random one, printed)")
    for name in ("reference", "points"):
        parser.add_argument(
            f"--guidance-{name}",
            type=float,
            help="guidance scale (default: the model's own)",
        )
    parser.add_argument("--output", type=Path, required=True, help="picture to write")
    parser.set_defaults(run_command=_colorize)


def _colorize(options: argparse.Namespace) -> int:
    from .files import read_image, read_pairs, to_image, to_picture

    lineart = read_image(options.lineart)
    references = [read_image(path) for path in options.reference]
    pairs = read_pairs(options.points) if options.points else ()
    if not options.output.resolve().parent.is_dir():
        raise BadRequest(
            f"There is no folder {options.output.resolve().parent}.", "Make it or name another."
        )
    from tqdm import tqdm

    from .painter import Painter, Progress
    from .wire.protocol import ColorizeRequest, ProtocolError

    seed = random.randrange(2**31) if options.seed is None else options.seed
    try:
        request = ColorizeRequest(
            lineart=to_picture(lineart),
            references=tuple(to_picture(reference) for reference in references),
            pairs=pairs,
            model=options.model,
            steps=options.steps,
            seed=seed,
            guidance_reference=options.guidance_reference,
            guidance_points=options.guidance_points,
        )
    except ProtocolError as error:
        raise BadRequest(error.message, error.remedy) from error
    painter = Painter.load(options.model)
    with tqdm(total=100, unit="%", bar_format="{desc:10}{bar}| {n:.0f} % {elapsed}") as bar:

        def show(progress: Progress) -> None:
            bar.set_description(progress.stage)
            bar.update(100 * progress.fraction - bar.n)

        painting = painter.paint(request, show)
        bar.update(100 - bar.n)
    picture = to_image(painting.picture)
    try:
        picture.convert("RGB").save(options.output)
    except (OSError, ValueError) as error:
        raise BadRequest(
            f"{options.output} can't be written: {error}.", "Name another file, say out.png."
        ) from error
    for note in painting.info.notes:
        print(note)
    info = painting.info
    print(
        f"Wrote {options.output}: {picture.width} x {picture.height} px, seed {info.seed}, "
        f"{info.steps} steps in {info.seconds:.1f} s on {info.device}."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
