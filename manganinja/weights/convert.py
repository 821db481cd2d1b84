# SPDX-License-Identifier: GPL-3.0-or-later
"""From the published files to the project's own layout in half precision, once.

One network at a time is in memory. The model appears in its place whole or not at all.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from ..errors import BadWeights, WeightsError
from ..preview import fit_latent_colours
from .keys import published_shapes
from .ledger import MANIFEST, Ledger, check_digest, check_space, now, sha256_of, told, write_json
from .published import PublishedFolder
from .quiet import quiet_loading
from .sources import LICENCE


def convert(ledger: Ledger, folder: Path, say: Callable[[str], object] = lambda line: None) -> None:
    """Make ``ledger.model`` from a folder in the published layout.

    Every file that is pinned is checked by its digest before any is opened, and its keys and
    shapes against the published ones.

    Args:
        folder: it is only read.
        say: is told what happens, a line at a time.

    Raises:
        BadWeights: a file is missing, damaged, or has other keys or shapes than it should.
        WeightsError: no room, or the folder can't be written to.
    """
    published = PublishedFolder(folder, published_shapes())
    _check_complete(folder, published.files())
    read_bytes = sum((folder / path).stat().st_size for path in published.files())
    check_space(ledger.folder, read_bytes // 2)
    say(f"Checking {len(published.files())} files in {folder}.")
    sources = dict(_checked(ledger, folder, published.files()))
    unknown = [place for place, made_of in sources.items() if "repo" not in made_of]
    if unknown:
        say(f"Not pinned yet, so only their SHA-256 is written down: {', '.join(unknown)}.")
    with _in_place(ledger.model) as new:
        colours = None
        for name, component in published.components(torch.float16):
            say(f"Writing {name} in half precision.")
            with quiet_loading():
                component.save_pretrained(new / name)
            if name == "vae":
                colours = fit_latent_colours(component.float()).tolist()
            del component  # Or it would stay until the next one is there.
        with quiet_loading():
            skeleton = published.skeleton()
            skeleton.register_to_config(latent_colours=colours)
            skeleton.save_config(new)
        _write_manifest(new, folder, sources)


def _check_complete(folder: Path, files: list[Path]) -> None:
    missing = [str(path) for path in files if not (folder / path).is_file()]
    if missing:
        raise BadWeights(
            f"{folder} lacks {', '.join(missing)}.",
            "Run `manganinja weights download`, or complete the folder as docs/weights.md says.",
        )


def _checked(
    ledger: Ledger, folder: Path, files: list[Path]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the model is made of, for its manifest: as pinned, or at least by its digest."""
    pins = ledger.pins()
    for path in files:
        pin = pins.get(path.as_posix())
        if pin is not None and pin.sha256:
            check_digest(folder / path, pin.sha256, f"Delete it and get it again from {pin.repo}.")
            yield path.as_posix(), asdict(pin)
        else:
            size = (folder / path).stat().st_size
            yield path.as_posix(), {"sha256": sha256_of(folder / path), "size_bytes": size}


@contextmanager
def _in_place(model: Path) -> Iterator[Path]:
    """A new folder that takes the model's place in the end; if anything fails, nothing has
    happened. What a killed predecessor left is put right first."""
    new, old = model.with_name(f"{model.name}.new"), model.with_name(f"{model.name}.old")
    try:
        _put_right(model, new, old)
        new.mkdir(parents=True)
        yield new
        if model.exists():
            os.replace(model, old)
        os.replace(new, model)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise told(error, new) from error
    except SafetensorError as error:
        # It passes the system's errors on as text.
        full = os.strerror(errno.ENOSPC) in str(error)
        raise (
            told(OSError(errno.ENOSPC, str(error)), new)
            if full
            else WeightsError(f"{new} can't be written: {error}.", "Run the command again.")
        ) from error
    finally:
        _put_right(model, new, old)


def _put_right(model: Path, new: Path, old: Path) -> None:
    """Take away a model that was not finished; give back one that was to be replaced."""
    if old.exists() and not model.exists():
        os.replace(old, model)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(new, ignore_errors=True)


def _write_manifest(new: Path, folder: Path, sources: dict[str, Any]) -> None:
    paths = sorted(path for path in new.rglob("*") if path.is_file())
    for path in paths:  # safetensors writes files that nobody else may read.
        shutil.copymode(new / "model_index.json", path)
    files = {
        path.relative_to(new).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": sha256_of(path),
        }
        for path in paths
    }
    manifest = {
        "licence": LICENCE,
        "converted_at": now(),
        "from": str(folder),
        "sources": sources,
        "files": files,
    }
    write_json(new / MANIFEST, manifest)
