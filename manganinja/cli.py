# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: ``manganinja colorize | flats | train | evaluate | weights``."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from .errors import BadRequest, MangaNinjaError, ModelNotFound
from .files import MarksFile, read_image, read_marks, save_image, to_image, to_picture
from .weights.find import MATCH, NONE, names_matcher
from .wire.protocol import (
    LINES,
    MAX_WEIGHT,
    PRESETS,
    RESULTS,
    TONES,
    ColorizeRequest,
    FlatsOptions,
    Layer,
    Picture,
    Point,
    ProtocolError,
    ReferenceOptions,
)

if TYPE_CHECKING:
    from .without_model import Unaided

STRENGTH = 0.6
"""How much of a picture to start from is painted anew unless told otherwise."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status is 0 if it did what it was asked."""
    parser = argparse.ArgumentParser(
        prog="manganinja", description="Colour line art from a reference picture."
    )
    subcommands = parser.add_subparsers(dest="command", required=True)
    _add_colorize(subcommands)
    from .evaluate import commands as evaluate
    from .flats import commands as flats
    from .train import commands as train
    from .weights import commands as weights

    flats.add_parser(subcommands)
    train.add_parser(subcommands)
    evaluate.add_parser(subcommands)
    weights.add_parser(subcommands)
    options = parser.parse_args(arguments)
    try:
        return options.run_command(options)
    except MangaNinjaError as error:
        print(f"manganinja: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130


@dataclass(frozen=True)
class _Reference:
    """A ``--reference`` with the options that follow it."""

    path: Path
    weight: float = 1.0
    only_opaque: bool = False


class _AddReference(argparse.Action):
    """Adds a reference; what is said of it comes after it."""

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        before = getattr(namespace, self.dest) or ()
        setattr(namespace, self.dest, (*before, _Reference(values)))


class _OfReference(argparse.Action):
    """Says something of the reference before it: ``field`` of :class:`_Reference`."""

    def __init__(self, *names: Any, field: str, **options: Any) -> None:
        super().__init__(*names, **options)
        self._field = field

    def __call__(self, parser: Any, namespace: Any, values: Any, option: Any = None) -> None:
        if not namespace.reference:
            parser.error(f"{option} belongs after the --reference that it is about")
        *before, last = namespace.reference
        value = True if self.nargs == 0 else values
        namespace.reference = (*before, replace(last, **{self._field: value}))


def _add_reference_options(parser: Any) -> None:
    parser.add_argument(
        "--reference",
        type=Path,
        required=True,
        action=_AddReference,
        help="coloured reference; may be given several times. The next two options are about the "
        "--reference before them",
    )
    parser.add_argument(
        "--reference-weight",
        type=float,
        action=_OfReference,
        field="weight",
        dest=argparse.SUPPRESS,
        metavar="WEIGHT",
        help="how much that reference counts beside the others: one of weight 2 gets the "
        f"attention of two; above 0, {MAX_WEIGHT:g} at most (1)",
    )
    parser.add_argument(
        "--only-painted",
        nargs=0,
        action=_OfReference,
        field="only_opaque",
        dest=argparse.SUPPRESS,
        help="only what is painted on that reference counts: erase what shall not. Without it "
        "the network takes what is transparent for white paper",
    )


def _add_colorize(subcommands: Any) -> None:
    parser = subcommands.add_parser("colorize", help="colour one picture")
    parser.add_argument("--lineart", type=Path, required=True, help="line art, any polarity")
    _add_reference_options(parser)
    parser.add_argument(
        "--points",
        type=Path,
        help='JSON file: {"pairs": [{"reference": [x, y], "lineart": [x, y]}, ...]}, in pixels of '
        'each picture; "reference_index" (from 0) names one of several references. It may also '
        'have "hints" ([{"lineart": [x, y], "colour": "#rrggbb"}, ...]; without colour the region '
        'stays empty), "closing" and "merging" (paths, each a list of [x, y] on the line art)',
    )
    parser.add_argument(
        "--model",
        default=MATCH,
        help="'match' (the default): a small network that finds the regions again in the "
        "reference and paints nothing; 'none': the same by their places and shapes alone, and what "
        "is not sure stays empty; 'mini', which paints; 'manganinja' (the published weights, see "
        "`manganinja weights`); or the folder of a model",
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="sampler and steps together: draft is fast and rougher, best is the exact one and "
        "slow; in no more steps than the model recommends (default: what it recommends)",
    )
    parser.add_argument(
        "--steps", type=int, help="sampling steps (default: the preset's or the model's own)"
    )
    parser.add_argument(
        "--start-from",
        type=Path,
        metavar="PICTURE",
        help="begin with this picture of the line art's size, such as the last result, in place "
        "of noise",
    )
    parser.add_argument(
        "--strength",
        type=float,
        help="with --start-from: how much of that picture is painted anew, above 0 to 1 "
        f"({STRENGTH:g})",
    )
    parser.add_argument("--seed", type=int, help="0 or more (default: a random one, printed)")
    for name in ("reference", "points"):
        parser.add_argument(
            f"--guidance-{name}",
            type=float,
            help="guidance scale (default: the model's own)",
        )
    parser.add_argument(
        "--result",
        choices=(*(kind for kind in RESULTS if kind != "colours"), "both"),
        default="flats",
        help="flats (default): the regions of the line art in the reference's exact colours; "
        "painting: the network's shading inside the regions; proposal: what the network painted, "
        "only scaled; layers: flats, and beside them NAME_shade to multiply and NAME_highlight to "
        "screen; both: flats, and the painting beside it in NAME_painting",
    )
    parser.add_argument(
        "--gap", type=float, default=8, help="close gaps in lines up to so many pixels, 0 to 32 (8)"
    )
    parser.add_argument(
        "--lines",
        choices=LINES,
        default="coloured",
        help="which lines divide regions: black ink alone; coloured lines as well, but no pencil "
        "under ink (default); or all",
    )
    parser.add_argument(
        "--tones",
        choices=TONES,
        default="drawn",
        help="what the references' shadows are: as the line art is drawn, a colour where it has "
        "trace lines (default); one colour with the light; or a second one",
    )
    parser.add_argument("--palette", type=Path, help="colours to use: .gpl, .kpl, .aco or a list")
    parser.add_argument(
        "--empty-background", action="store_true", help="leave the paper transparent"
    )
    parser.add_argument(
        "--locks",
        type=Path,
        help="picture of the line art's size; what is opaque in it stays as it is",
    )
    parser.add_argument(
        "--detail",
        action="store_true",
        help="look at four enlarged parts of the page as well: better for eyes and other small "
        "things, and the network's part takes five times as long",
    )
    parser.add_argument("--output", type=Path, required=True, help="picture to write")
    parser.set_defaults(run_command=_colorize)


def _colorize(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    request = _request(options)
    if not options.output.resolve().parent.is_dir():
        raise BadRequest(
            f"There is no folder {options.output.resolve().parent}.", "Make it or name another."
        )
    if options.model == NONE or names_matcher(options.model):
        return _colorize_unpainted(request, options)
    from .finishing import finish, unsure_note

    try:
        from .painter import Painter, Progress
    except ModuleNotFoundError as error:
        raise _no_network(error) from error
    painter, started = Painter.load(options.model), time.monotonic()
    with tqdm(total=100, unit="%", bar_format="{desc:10}{bar}| {n:.0f} % {elapsed}") as bar:

        def show(progress: Progress) -> None:
            bar.set_description(progress.stage)
            bar.update(100 * progress.fraction - bar.n)

        job = painter.begin(request, show)
        ground = job.prepare()
        # Conflicts are told while there is time to stop.
        early = (*job.notes, *ground.notes)
        for note in early:
            bar.write(note)
        proposal = job.propose()
        spreading = painter.spreading
        finished = finish(ground, proposal.picture, proposal.matches, spreading=spreading)
        _save_layers(finished.layers, options.output)
        if options.result == "both":
            flats = replace(request.flats, result="painting")
            soft = replace(ground, request=replace(request, flats=flats))
            again = finish(soft, proposal.picture, proposal.matches, spreading=spreading)
            painted = again.layers[0]
            _save(painted.picture, _beside(options.output, "painting"))
        bar.update(100 - bar.n)
    late = (note for note in (*proposal.notes, *finished.notes) if note not in early)
    for note in (*late, *unsure_note(finished.unsure)):
        print(note)
    picture = finished.layers[0].picture
    print(
        f"Wrote {options.output}: {picture.width_px} x {picture.height_px} px, seed "
        f"{request.seed}, {_preset(request)}{_steps(proposal.steps)} in "
        f"{time.monotonic() - started:.1f} s on {painter.device}."
    )
    return 0


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count} steps"


def _preset(request: ColorizeRequest) -> str:
    return f"preset {request.preset}, " if request.preset else ""


def _no_network(error: ModuleNotFoundError) -> ModelNotFound:
    return ModelNotFound(
        f"Networks need {error.name}, which is not installed.",
        "Run `python3 install.py`, or take --model none.",
    )


def _colorize_unpainted(request: ColorizeRequest, options: argparse.Namespace) -> int:
    from .finishing import unsure_note

    painter = _unpainting(options.model)
    painted = painter.paint(request)
    _save(painted.picture, options.output)
    coloured = [unsure for unsure in painted.info.unsure if unsure.confidence > 0]
    for note in (*painted.info.notes, *unsure_note(coloured)):
        print(note)
    so = painter.so[0].lower() + painter.so[1:]
    if options.result == "both":
        print(f"{painter.so} nothing is painted, so there are flats alone.")
    print(
        f"Wrote {options.output}: {painted.picture.width_px} x {painted.picture.height_px} px in "
        f"{painted.info.seconds:.1f} s, {so}."
    )
    return 0


def _unpainting(model: str) -> Unaided:
    """What gives flats and paints nothing."""
    if model == NONE:
        from .without_model import Unaided

        return Unaided()
    try:
        from .match.painter import Matching
    except ModuleNotFoundError as error:
        raise _no_network(error) from error
    return Matching.load(model)


def _request(options: argparse.Namespace) -> ColorizeRequest:
    from .flats.palette import read_palette

    marks = read_marks(options.points) if options.points else MarksFile()
    colours = read_palette(options.palette).colours.tolist() if options.palette else []

    def points(paths: Sequence[np.ndarray]) -> tuple[tuple[Point, ...], ...]:
        return tuple(tuple(Point(x, y) for x, y in path.tolist()) for path in paths)

    try:
        flats = FlatsOptions(
            result="flats" if options.result == "both" else options.result,
            gap_px=options.gap,
            lines=options.lines,
            tones=options.tones,
            empty_background=options.empty_background,
            detail=options.detail,
            palette=tuple("#{:02x}{:02x}{:02x}".format(*colour) for colour in colours),
            hints=marks.hints,
            closing=points(marks.closing),
            merging=points(marks.merging),
        )
        return ColorizeRequest(
            lineart=to_picture(read_image(options.lineart)),
            references=tuple(to_picture(read_image(r.path)) for r in options.reference),
            pairs=marks.pairs,
            model=options.model,
            steps=options.steps,
            seed=random.randrange(2**31) if options.seed is None else options.seed,
            guidance_reference=options.guidance_reference,
            guidance_points=options.guidance_points,
            flats=flats,
            locks=_optional_picture(options.locks),
            preset=options.preset,
            reference_options=tuple(
                ReferenceOptions(r.weight, r.only_opaque) for r in options.reference
            ),
            initial=_optional_picture(options.start_from),
            strength=_strength(options),
        )
    except ProtocolError as error:
        raise BadRequest(error.message, error.remedy) from error


def _optional_picture(path: Path | None) -> Picture | None:
    return None if path is None else to_picture(read_image(path))


def _strength(options: argparse.Namespace) -> float:
    if options.strength is not None:
        return options.strength
    return 1.0 if options.start_from is None else STRENGTH


def _save_layers(layers: Sequence[Layer], path: Path) -> None:
    """The lowest layer as ``path``, the others beside it."""
    _save(layers[0].picture, path)
    for layer in layers[1:]:
        _save(layer.picture, _beside(path, layer.name.lower()))


def _beside(path: Path, what: str) -> Path:
    return path.with_stem(f"{path.stem}_{what}")


def _save(picture: Picture, path: Path) -> None:
    image = to_image(picture)
    try:
        if path.suffix.lower() == ".png":
            save_image(image, path)
        else:
            # Most other formats know no transparency.
            paper = Image.new("RGBA", image.size, "white")
            Image.alpha_composite(paper, image).convert("RGB").save(path)
    except (OSError, ValueError) as error:
        raise BadRequest(
            f"{path} can't be written: {error}.", "Name another file, say out.png."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
