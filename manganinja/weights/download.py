# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches the published files from the Hugging Face hub or a mirror of it. Imports no torch.

``hf_hub_download`` starts anew in each process (huggingface_hub 1.18 and later), and where it takes
the Xet protocol it goes past mirrors. So its parts are used: the hub's metadata, and ``http_get``
on a partial file that stays.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers, logging

from ..errors import BadWeights, WeightsError
from .ledger import Ledger, Pin, check_digest, check_space, gigabytes, sha256_of, told

Answer = TypeVar("Answer")

_PAUSES_S = (1.0, 3.0, 9.0)
"""Before each further attempt that brought nothing; what brings something starts them anew."""
_AGAIN = "Run the command again; what is here already stays."
_ELSEWHERE = (
    "Check the connection, name a mirror with --mirror, or fetch the files on another machine and "
    "give their folder with --from."
)


@dataclass(frozen=True)
class _Remote:
    """A file as the hub describes it; ``git_sha1`` is what it gives for small ones in place of a
    SHA-256: the digest of git's own record of them."""

    place: str
    url: str
    pin: Pin
    git_sha1: str = ""


def download(ledger: Ledger, mirror: str | None, say: Callable[[str], object]) -> None:
    """Fetch what is missing into ``ledger.downloads``, whole and checked.

    Args:
        mirror: address to use in place of the hub's, or of the one in HF_ENDPOINT.
        say: is told what happens, a line at a time.

    Raises:
        WeightsError: no network, no room, no such file.
        BadWeights: a file is not what it was pinned to be.
    """
    endpoint = (mirror or constants.ENDPOINT).rstrip("/")
    pins, damaged = ledger.pins(), ledger.damaged()
    missing = [
        place
        for place, pin in pins.items()
        if not _is_here(ledger.downloads / place, pin) or ledger.downloads / place in damaged
    ]
    if not missing:
        return
    logging.set_verbosity_error()  # The sentences are ours.
    say(f"Asking {endpoint} for {len(missing)} files.")
    remotes = [_describe(endpoint, place, pins[place]) for place in missing]
    _check_room(ledger, remotes)
    for remote in remotes:
        if remote.pin.sha256:
            ledger.pin(remote.place, remote.pin)
    for number, remote in enumerate(remotes, start=1):
        size = gigabytes(remote.pin.size_bytes)
        say(f"{number} of {len(remotes)}: {remote.place}, {size}")
        _fetch(ledger, remote)


def partial(path: Path) -> Path:
    """What there is of a file that is not whole yet."""
    return path.with_name(f"{path.name}.part")


def _is_here(path: Path, pin: Pin) -> bool:
    return path.is_file() and bool(pin.sha256) and path.stat().st_size == pin.size_bytes


def _describe(endpoint: str, place: str, pin: Pin) -> _Remote:
    url = hf_hub_url(pin.repo, pin.file, revision=pin.revision, endpoint=endpoint)
    # No token: all of this is public, and a mirror has no business with it.
    found = _patiently(lambda: get_hf_file_metadata(url, token=False), endpoint, pin)
    digest, size = found.etag or "", found.size
    if found.commit_hash != pin.revision or size is None or len(digest) not in (40, 64):
        raise WeightsError(
            f"{endpoint} does not answer for {pin.repo}/{pin.file} as the Hugging Face hub does.",
            "Name another mirror, or none.",
        )
    if len(digest) == 40:
        return _Remote(place, url, replace(pin, size_bytes=size), digest)
    if pin.sha256 not in ("", digest):
        raise BadWeights(
            f"{endpoint} offers another {pin.file} of {pin.repo} than the one that is pinned "
            f"(SHA-256 {digest[:12]}... and not {pin.sha256[:12]}...).",
            "Use another mirror, or none; `manganinja weights remove` forgets what is pinned here.",
        )
    return _Remote(place, url, replace(pin, sha256=digest, size_bytes=size))


def _check_room(ledger: Ledger, remotes: Sequence[_Remote]) -> None:
    """Room for what is still to come, and for the converted model, half as large as all of it."""
    all_bytes = sum(pin.size_bytes for pin in ledger.pins().values())
    all_bytes += sum(r.pin.size_bytes for r in remotes if not ledger.pins()[r.place].size_bytes)
    here_bytes = sum(_size(partial(ledger.downloads / remote.place)) for remote in remotes)
    coming_bytes = sum(remote.pin.size_bytes for remote in remotes) - here_bytes
    check_space(ledger.folder, coming_bytes + all_bytes // 2)


def _fetch(ledger: Ledger, remote: _Remote) -> None:
    path = ledger.downloads / remote.place
    part = partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not remote.pin.sha256:
            part.unlink(missing_ok=True)  # Nothing says what it was a part of.
        _receive(remote, part)
        _check_arrived(part, remote)
        os.replace(part, path)
    except OSError as error:
        raise told(error, path) from error
    ledger.pin(remote.place, replace(remote.pin, sha256=remote.pin.sha256 or sha256_of(path)))


def _receive(remote: _Remote, part: Path) -> None:
    """All bytes of a file, from where the partial file ends."""
    size = remote.pin.size_bytes
    if _size(part) > size:
        part.unlink()

    def attempt() -> None:
        with part.open("ab") as file:
            http_get(
                remote.url,
                file,
                resume_size=_size(part),
                # Compressed answers can't be continued.
                headers=build_hf_headers(token=False, headers={"Accept-Encoding": "identity"}),
                expected_size=size,
                displayed_filename=remote.pin.file,
            )

    endpoint = remote.url.split(f"/{remote.pin.repo}/")[0]
    _patiently(attempt, endpoint, remote.pin, lambda: min(_size(part), size))


def _check_arrived(part: Path, remote: _Remote) -> None:
    try:
        if remote.pin.sha256:
            check_digest(part, remote.pin.sha256, _AGAIN)
        elif _git_sha1(part) != remote.git_sha1:
            raise BadWeights(f"{part} is damaged.", _AGAIN)
    except BadWeights as error:
        part.unlink()
        raise BadWeights(
            f"{remote.place} was damaged on its way: it is not the file that the hub describes.",
            f"{_AGAIN} If it happens again, use another mirror.",
        ) from error


def _patiently(
    call: Callable[[], Answer], endpoint: str, pin: Pin, progress: Callable[[], int] = lambda: 0
) -> Answer:
    """Call again and again, with pauses, as long as that can help. ``progress`` may grow."""
    best, pauses = progress(), iter(_PAUSES_S)
    while True:
        try:
            return call()
        except (
            Exception
        ) as error:  # The hub's client lets through whatever its HTTP library raises.
            _raise_if_final(error, endpoint, pin)
            if progress() > best:
                best, pauses = progress(), iter(_PAUSES_S)
            pause = next(pauses, None)
            if pause is None:
                raise WeightsError(
                    f"{endpoint} can't be reached or breaks off: {error}.", _ELSEWHERE
                ) from error
            time.sleep(pause)


def _raise_if_final(error: Exception, endpoint: str, pin: Pin) -> None:
    where = f"{pin.repo}/{pin.file} at revision {pin.revision[:8]}"
    if isinstance(error, OfflineModeIsEnabled):
        raise WeightsError(
            "The hub's client is told to stay offline (HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE).",
            "Unset that, or give a folder with --from.",
        ) from error
    gone = (EntryNotFoundError, RepositoryNotFoundError, RevisionNotFoundError)
    if isinstance(error, gone):
        raise WeightsError(
            f"{endpoint} has no {where}.", "Name another mirror, or give a folder with --from."
        ) from error
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if 400 <= status < 500 and status not in (408, 416, 429):
            raise WeightsError(f"{endpoint} refuses {where} ({status}).", _ELSEWHERE) from error
    elif isinstance(error, OSError) and error.errno in (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EFBIG,
    ):
        raise error


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _git_sha1(path: Path) -> str:
    content = path.read_bytes()
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()
