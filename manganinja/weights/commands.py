# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja weights download | status | verify | convert | remove``."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadRequest, BadWeights, LicenceNotAccepted, ModelNotFound
from .find import is_published_layout
from .sources import LICENCE, LICENCE_TEXT, SOURCES

if TYPE_CHECKING:
    from .ledger import Ledger

_FETCH_AGAIN = "Run `manganinja weights download`; it fetches and converts anew."
_LAYOUT = "laid out as the published code's checkpoints/, see docs/weights.md"


def add_parser(subcommands: Any) -> None:
    """Add ``weights`` to the command line."""
    parser = subcommands.add_parser(
        "weights", help=f"the published MangaNinja ({LICENCE}): fetch it, check it, take it away"
    )
    commands = parser.add_subparsers(dest="weights_command", required=True)
    download = commands.add_parser("download", help="fetch, check and convert the weights")
    status = commands.add_parser("status", help="what is here, from where, and how large")
    verify = commands.add_parser("verify", help="read every file again and compare its SHA-256")
    convert = commands.add_parser("convert", help="convert what is here already, without network")
    remove = commands.add_parser("remove", help="delete all that these commands have put here")
    download.add_argument(
        "--mirror",
        metavar="URL",
        help="use this address in place of huggingface.co (or set HF_ENDPOINT)",
    )
    for command in (download, convert):
        command.add_argument(
            "--from",
            dest="folder",
            type=Path,
            metavar="FOLDER",
            help=f"take the files from a folder that is {_LAYOUT}; it is only read",
        )
        command.add_argument(
            "--accept-licence", action="store_true", help=f"accept {LICENCE} without being asked"
        )
        command.add_argument(
            "--keep",
            action="store_true",
            help="keep the downloaded files beside the converted ones",
        )
    actions = {
        download: _download,
        status: _status,
        verify: _verify,
        convert: _convert,
        remove: _remove,
    }
    for command, action in actions.items():
        command.set_defaults(run_command=run, weights_action=action)


def run(options: argparse.Namespace) -> int:
    """Carry out one command."""
    try:
        from .ledger import Ledger

        return options.weights_action(Ledger(), options)
    except ModuleNotFoundError as error:
        raise ModelNotFound(
            f"The published weights need {error.name}, which is not installed.",
            "Run `python3 install.py`.",
        ) from error


def _download(ledger: Ledger, options: argparse.Namespace) -> int:
    if options.folder is not None:
        return _convert(ledger, options)
    from .download import download

    _require_licence(ledger, options.accept_licence)
    with ledger.alone():
        if _is_current(ledger):
            print(f"The model is here already: {ledger.model}")
            return 0
        download(ledger, options.mirror, print)
        _make(ledger, ledger.downloads, options.keep)
    return 0


def _convert(ledger: Ledger, options: argparse.Namespace) -> int:
    folder = options.folder.expanduser() if options.folder is not None else ledger.downloads
    if not folder.is_dir():
        raise BadRequest(
            f"There is no folder {folder}.",
            "Name it with --from, or run `manganinja weights download`.",
        )
    if not is_published_layout(folder):
        raise BadRequest(
            f"{folder} is not laid out as the published code's checkpoints/: there is no folder "
            "MangaNinjia in it.",
            "Name the folder that holds MangaNinjia/ and StableDiffusion/, see docs/weights.md, or "
            "run `manganinja weights download`.",
        )
    _require_licence(ledger, options.accept_licence)
    with ledger.alone():
        _make(ledger, folder, keep=options.keep or options.folder is not None)
    return 0


def _make(ledger: Ledger, folder: Path, keep: bool) -> None:
    from .convert import convert
    from .ledger import gigabytes

    convert(ledger, folder, print)
    if not keep:
        _delete(_downloaded(ledger), ledger.folder)
    size = sum(entry["bytes"] for entry in ledger.manifest()["files"].values())
    print(f"The model is ready: {ledger.model} ({gigabytes(size)}).")
    print("Use it with --model manganinja, or choose MangaNinja in the docker.")


def _is_current(ledger: Ledger) -> bool:
    """Whether the converted model is whole in sizes and made of what is pinned now, and no file
    is known to be damaged."""
    sources = ledger.manifest().get("sources", {})
    pins = ledger.pins()
    outdated = [
        place
        for place, made_of in sources.items()
        if place in pins and pins[place].sha256 not in ("", made_of["sha256"])
    ]
    return bool(sources) and not outdated and not _wrong_sizes(ledger) and not ledger.damaged()


def _wrong_sizes(ledger: Ledger) -> list[Path]:
    files = ledger.manifest().get("files", {})
    paths = {ledger.model / name: entry["bytes"] for name, entry in files.items()}
    return [p for p, size in paths.items() if not p.is_file() or p.stat().st_size != size]


def _require_licence(ledger: Ledger, accept: bool) -> None:
    if ledger.accepted_at:
        return
    print(LICENCE_TEXT)
    if not accept and not sys.stdin.isatty():
        raise LicenceNotAccepted(
            f"The licence {LICENCE} has not been accepted yet.",
            "Read it above, and add --accept-licence if you accept it.",
        )
    if not accept and input("Do you accept? Type yes: ").strip().lower() not in ("y", "yes"):
        raise LicenceNotAccepted("The licence was not accepted; nothing was fetched.")
    ledger.accept_licence()


def _status(ledger: Ledger, options: argparse.Namespace) -> int:
    from .download import partial
    from .ledger import gigabytes

    accepted = f"accepted {ledger.accepted_at}" if ledger.accepted_at else "not accepted yet"
    print(f"licence    {LICENCE}, {accepted}")
    manifest, damaged = ledger.manifest(), ledger.damaged()
    if ledger.model.is_dir():
        size = gigabytes(sum(p.stat().st_size for p in _converted(ledger) if p.is_file()))
        print(f"model      {ledger.model}, {size}, {_state(ledger)}")
    if manifest:
        print(f"           converted {manifest['converted_at']} from {manifest['from']}")
    elif not ledger.model.is_dir():
        print(f"model      not here ({ledger.model})")
    for source in SOURCES:
        print(f"{source.repo} at {source.revision[:12]}")
        for file in source.files:
            pin = ledger.pins()[source.place(file)]
            path = ledger.downloads / source.place(file)
            here = "converted" if source.place(file) in manifest.get("sources", {}) else "not here"
            if path.is_file():
                here = f"downloaded, {gigabytes(path.stat().st_size)}"
                here += ", damaged" if path in damaged else ""
            elif partial(path).is_file():
                here = f"begun, {gigabytes(partial(path).stat().st_size)}"
                here += f" of {gigabytes(pin.size_bytes)}" if pin.size_bytes else ""
            print(f"  {file:42} {pin.sha256[:12] or 'not pinned yet':15} {here}")
    return 0


def _state(ledger: Ledger) -> str:
    if not ledger.manifest() or any(ledger.model in path.parents for path in ledger.damaged()):
        return "damaged: run `download`"
    return "incomplete: run `download`" if _wrong_sizes(ledger) else "ready"


def _verify(ledger: Ledger, options: argparse.Namespace) -> int:
    manifest = ledger.manifest()
    if ledger.model.is_dir() and not manifest:
        raise BadWeights(
            f"The manifest of {ledger.model} is missing or damaged, so its files can't be compared "
            "with anything.",
            _FETCH_AGAIN,
        )
    expected = {
        ledger.model / name: entry["sha256"] for name, entry in manifest.get("files", {}).items()
    }
    for place, pin in ledger.pins().items():
        if (ledger.downloads / place).is_file() and pin.sha256:
            expected[ledger.downloads / place] = pin.sha256
    if not expected:
        raise ModelNotFound(
            "There is nothing to verify: the published model is not here.",
            "Run `manganinja weights download`.",
        )
    wrong = list(_not_as_expected(expected))
    ledger.note_damaged([path for path in wrong if path.is_file()])
    if wrong:
        told = [f"{path} is {'damaged' if path.is_file() else 'missing'}" for path in wrong]
        raise BadWeights(
            f"{len(wrong)} of {len(expected)} files are not what they were: {'; '.join(told)}.",
            _FETCH_AGAIN,
        )
    print(f"All {len(expected)} files are as they were written.")
    return 0


def _not_as_expected(expected: dict[Path, str]) -> Iterator[Path]:
    from tqdm import tqdm

    from .ledger import sha256_of

    total = sum(path.stat().st_size for path in expected if path.is_file())
    with tqdm(total=total, unit="B", unit_scale=True, disable=None) as bar:
        for path, sha256 in expected.items():
            if not path.is_file() or sha256_of(path, bar.update) != sha256:
                yield path


def _remove(ledger: Ledger, options: argparse.Namespace) -> int:
    from .ledger import MANIFEST, gigabytes

    if not ledger.folder.is_dir():
        print(f"There is nothing to remove: {ledger.folder} is not there.")
        return 0
    with ledger.alone():
        ours = [*_converted(ledger), ledger.model / MANIFEST, *_downloaded(ledger)]
        ours += [ledger.lock_file, ledger.licence_file, ledger.damaged_file]
        freed = _delete(ours, ledger.folder)
        for suffix in ("new", "old"):  # What a killed conversion leaves is all ours.
            shutil.rmtree(f"{ledger.model}.{suffix}", ignore_errors=True)
    ledger.busy_file.unlink(missing_ok=True)
    print(f"Removed {gigabytes(freed)} from {ledger.folder}.")
    try:
        ledger.folder.rmdir()
    except OSError:
        left = sorted(str(path) for path in ledger.folder.rglob("*") if path.is_file())
        print(f"These files are not ours and stay: {', '.join(left[:5])}.")
    return 0


def _converted(ledger: Ledger) -> list[Path]:
    """The model's files, as its manifest names them; without one, all of the two kinds it has."""
    named = [ledger.model / name for name in ledger.manifest().get("files", {})]
    found = ledger.model.rglob("*")
    return named or [path for path in found if path.suffix in (".json", ".safetensors")]


def _downloaded(ledger: Ledger) -> list[Path]:
    from .download import partial

    places = [source.place(file) for source in SOURCES for file in source.files]
    paths = [ledger.downloads / place for place in places]
    return [*paths, *map(partial, paths)]


def _delete(files: list[Path], top: Path) -> int:
    """Delete files and the folders that become empty, below ``top``; gives the bytes freed."""
    freed = 0
    for path in files:
        if path.is_file():
            freed += path.stat().st_size
            path.unlink()
        for folder in path.parents:
            if folder == top or top not in folder.parents:
                break
            if folder.is_dir() and not any(os.scandir(folder)):
                folder.rmdir()
    return freed
