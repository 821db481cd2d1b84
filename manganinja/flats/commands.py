# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja flats``: everything of this package from a terminal. Imports no torch."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import BadRequest
from ..files import MarksFile, read_image, read_marks, save_image
from ..points import PointPair, pairs_inside
from ..wire.protocol import LINES, TONES
from .flatten import Flats, flatten
from .line_mask import folds_shades
from .notes import Unwritten, left_out, without_notes
from .painting import painting, shade_and_highlight
from .palette import (
    ReferenceFlats,
    extract_palette,
    read_palette,
    reference_colour_at,
    write_gpl,
)
from .spreading import Pointed, Spreading
from .values import Mark, Marks, Palette

_GREATEST_STRETCH = 1.02
_UNSURE = "unsure.json"
_OWN_FILES = {
    _UNSURE,
    "palette.gpl",
    *(f"{name}.png" for name in ("flats", "index", "painting", "shade", "highlight")),
    *(f"{name}.png" for name in ("confidence", "locked")),
}
_LAYER_FILE = re.compile(r"colour_\d{2,}_[\w-]+\.png|figure_\d{2,}\.png")


def add_parser(subcommands: Any) -> None:
    """Add ``flats`` to the command line."""
    parser = subcommands.add_parser(
        "flats",
        help="make flats of line art from any painting of it",
        description="Cuts line art into regions and gives each an exact colour of the palette: "
        "what a rough painting of it (the proposal) says, or without one what regions of the "
        "reference that are like it have, and always what the points say. Writes "
        "flats.png, index.png, painting.png, shade.png (multiply), highlight.png (screen), "
        "confidence.png, palette.gpl, unsure.json, one picture for each colour and one for each "
        "figure (what is drawn and hangs together); with locks locked.png, which lies over all of "
        "these. An earlier result in the folder is replaced.",
    )
    parser.add_argument("--lineart", type=Path, required=True, help="line art of any kind")
    parser.add_argument(
        "--proposal", type=Path, help="any painting of the line art, of any size and quality"
    )
    parser.add_argument("--reference", type=Path, help="picture whose flats are the palette")
    parser.add_argument("--palette", type=Path, help="colours to use: .gpl, .kpl, .aco or a list")
    parser.add_argument("--points", type=Path, help="JSON file of pairs, hints and paths")
    parser.add_argument(
        "--gap", type=float, default=8, help="close gaps up to so many pixels, 0 to 32 (8)"
    )
    parser.add_argument(
        "--lines",
        choices=LINES,
        default="coloured",
        help="which lines divide regions: black ink alone, coloured lines as well, or pencil too",
    )
    parser.add_argument(
        "--tones",
        choices=TONES,
        default="drawn",
        help="what the reference's shadows are: as the line art is drawn, a colour where it has "
        "trace lines; one colour with the light; or a second one",
    )
    parser.add_argument(
        "--locks", type=Path, help="picture of the line art's size; what is opaque in it stays"
    )
    parser.add_argument(
        "--empty-background", action="store_true", help="leave the paper transparent"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to write to")
    parser.set_defaults(run_command=run)


def run(options: argparse.Namespace) -> int:
    """Carry out the command."""
    started = time.monotonic()
    lineart = read_image(options.lineart)
    proposal = None if options.proposal is None else _rgb(options.proposal)
    reference = None if options.reference is None else _rgba(options.reference)
    if proposal is None and reference is None and options.points is None:
        raise BadRequest(
            "There is nothing to take colours from.",
            "Give --proposal, --reference or --points, or several of them.",
        )
    if proposal is not None:
        _check_aspect(lineart, proposal)
    own, folds = None, folds_shades(options.tones, lineart, options.lines)
    if reference is not None:
        own = without_notes(reference) or Unwritten(reference, reference)
        reference = own.colours
    known = None if reference is None else extract_palette(reference, fold_shades=folds)
    given = MarksFile() if options.points is None else read_marks(options.points)
    pairs, notes = _pairs(options, given, lineart, reference)
    flats = flatten(
        lineart,
        proposal,
        _palette(options, known),
        _marks(given, pairs, reference, known),
        options.gap,
        None if options.locks is None else _rgba(options.locks),
        options.empty_background,
        spread=None if own is None or known is None else _spreading(own, known, folds, pairs),
        papers=[known.paper] if known is not None and known.paper is not None else [],
        counted=options.lines,
    )
    try:
        written = write_all(flats, proposal, options.output)
    except OSError as error:
        raise BadRequest(
            f"{options.output} can't be written: {error}.", "Name another folder."
        ) from error
    for note in (*notes, *left_out([own] if own else []), *flats.notes):
        print(note)
    print(
        f"Wrote {written} files to {options.output}: {flats.regions.count} regions in "
        f"{len(flats.palette)} colours, {len(flats.unsure())} of them unsure, "
        f"{time.monotonic() - started:.1f} s."
    )
    return 0


def write_all(flats: Flats, proposal: np.ndarray | None, folder: Path) -> int:
    """Write every form of the result in place of an earlier one; gives the number of files."""
    # First of all, because it may refuse: then nothing has been written.
    indexed = flats.indexed()
    folder.mkdir(parents=True, exist_ok=True)
    _forget_earlier(folder)
    pictures = {"flats": flats.rgba(), "confidence": flats.confidence_map()}
    if flats.kept is not None:
        pictures["locked"] = flats.kept
    if proposal is not None:
        pictures["painting"] = painting(flats, proposal)
        pictures["shade"], pictures["highlight"] = shade_and_highlight(flats, pictures["painting"])
    for name, pixels in pictures.items():
        save_image(Image.fromarray(pixels), folder / f"{name}.png")
    _write_indexed(*indexed, folder / "index.png")
    write_gpl(flats.palette, folder / "palette.gpl")
    unsure = [asdict(region) for region in flats.unsure()]
    (folder / _UNSURE).write_text(json.dumps(unsure, indent=1) + "\n", encoding="utf-8")
    layers = 0
    for number, (name, colour, mask) in enumerate(flats.by_colour(), start=1):
        layer = np.zeros((*mask.shape, 4), np.uint8)
        layer[mask] = (*colour, 255)
        plain = re.sub(r"[^\w-]+", "_", name).strip("_") or "colour"
        save_image(Image.fromarray(layer), folder / f"colour_{number:02}_{plain}.png")
        layers += 1
    for number, layer in flats.by_figure():
        save_image(Image.fromarray(layer), folder / f"figure_{number:02}.png")
        layers += 1
    return len(pictures) + 3 + layers


def _forget_earlier(folder: Path) -> None:
    """Take an earlier result out, so that no layer of another drawing stays among the new ones."""
    if not (folder / _UNSURE).is_file():
        return
    for path in folder.iterdir():
        if path.name in _OWN_FILES or _LAYER_FILE.fullmatch(path.name):
            path.unlink()


def _write_indexed(indices: np.ndarray, table: np.ndarray, path: Path) -> None:
    image = Image.fromarray(indices)
    image.putpalette(table[:, :3].tobytes())
    save_image(image, path, transparency=0)


def _rgb(path: Path) -> np.ndarray:
    image = read_image(path)
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB"))


def _rgba(path: Path) -> np.ndarray:
    return np.asarray(read_image(path).convert("RGBA"))


def _check_aspect(lineart: Image.Image, proposal: np.ndarray) -> None:
    stretch = (proposal.shape[1] / proposal.shape[0]) / (lineart.width / lineart.height)
    # A small proposal can't have the aspect of a large page to the last digit.
    tolerance = _GREATEST_STRETCH * (1 + 1 / min(proposal.shape[:2]))
    if not 1 / tolerance < stretch < tolerance:
        raise BadRequest(
            f"The proposal is {proposal.shape[1]} x {proposal.shape[0]} px, which is not the "
            f"shape of the line art ({lineart.width} x {lineart.height} px).",
            "Crop it to what the line art shows.",
        )


def _palette(options: argparse.Namespace, known: ReferenceFlats | None) -> Palette | None:
    if options.palette is not None:
        return read_palette(options.palette)
    return None if known is None else known.palette


def _pairs(
    options: argparse.Namespace,
    given: MarksFile,
    lineart: Image.Image,
    reference: np.ndarray | None,
) -> tuple[list[PointPair], list[str]]:
    """The pairs that can be used, and sentences about the others."""
    if given.pairs and reference is None:
        raise BadRequest(
            f"{options.points} has pairs, and there is no reference.", "Give --reference too."
        )
    references_px = [] if reference is None else [(reference.shape[1], reference.shape[0])]
    kept, notes = pairs_inside(given.pairs, lineart.size, references_px)
    return list(kept.values()), notes


def _marks(
    given: MarksFile,
    pairs: Sequence[PointPair],
    reference: np.ndarray | None,
    known: ReferenceFlats | None,
) -> Marks:
    said = []
    if reference is not None and known is not None:
        said = [(p.lineart, reference_colour_at(reference, p.reference, known)) for p in pairs]
    return Marks(said, _hints(given), given.closing, given.merging)


def _spreading(
    own: Unwritten, known: ReferenceFlats, folds: bool, pairs: Sequence[PointPair]
) -> Spreading:
    if own.has_swatches:
        known = extract_palette(own.figures, fold_shades=folds)
    pointed = [Pointed(p.lineart, p.reference) for p in pairs if own.shows(p.reference)]
    return Spreading([(own.figures, known)], pointed)


def _hints(given: MarksFile) -> list[Mark]:
    return [Mark((hint.at.x_px, hint.at.y_px), hint.rgb) for hint in given.hints]
