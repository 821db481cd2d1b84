# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips to pairs: decode, cut, drop near-duplicates, match, draw lines, write down."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from filelock import FileLock, Timeout

from ...errors import BadRequest
from ...lineart import has_lines
from .decode import BadClip, Frame, frames
from .likeness import KeptPairs
from .lines import Lines, lines_of
from .manifest import MANIFEST, Manifest, Record
from .matchers import Matcher, Matches, matcher_of, same_coloured
from .settings import ClipsConfig
from .shots import Candidate, Tally, candidates

CONFIG = "config.json"
PICTURES = "pictures"


@dataclass(frozen=True)
class Summary:
    """What a folder of pairs was made of.

    Attributes:
        clips: read to their end.
        bad: clips that could not be, with the reason; what was decoded before the damage counts.
        elsewhere: clips that another process is at.
        shots, pairs: of all clips.
        dropped: by reason; shots where it says so, else candidates.
    """

    clips: int
    bad: dict[str, str]
    elsewhere: int
    shots: int
    pairs: int
    dropped: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        lines = [f"{self.clips} clips, {self.shots} shots, {self.pairs} pairs"]
        lines += [f"  dropped: {n} {reason}" for reason, n in self.dropped.most_common()]
        lines += [f"  passed over: {name}: {reason}" for name, reason in self.bad.items()]
        if self.elsewhere:
            lines.append(f"  {self.elsewhere} clips are with another process")
        return "\n".join(lines)


def make_pairs(
    folder: Path,
    output: Path,
    config: ClipsConfig,
    report: Callable[[str], None] = print,
    progress: Callable[[list[Path]], Any] = iter,
) -> Summary:
    """Make pairs of all clips under a folder; what is done already is not done again.

    The same command in several processes at once shares the clips among them.

    Args:
        folder: every file under it counts as a clip, hidden ones aside.
        output: gets ``manifest.jsonl``, ``config.json`` and ``pictures/``.
        report: is told each file that can't be used, and why.
        progress: wraps the list of clips, such as tqdm.

    Raises:
        BadRequest: no clips, other settings than before, or weights that are not there.
    """
    clips = _clips(folder, output)
    output.mkdir(parents=True, exist_ok=True)
    _same_config(output / CONFIG, config)
    maker = _Maker(output, config, matcher_of(config), lines_of(config))
    elsewhere = 0
    for path in progress(clips):
        name = path.relative_to(folder).as_posix()
        try:
            reason = maker.make(path, name)
        except Timeout:
            elsewhere += 1
            continue
        if reason:
            report(f"{name}: {reason}")
    return _summary(maker.manifest, elsewhere)


def _clips(folder: Path, output: Path) -> list[Path]:
    if not folder.is_dir():
        raise BadRequest(f"There is no folder {folder}.", "Name the folder that has the clips.")
    ours = output.resolve()
    clips = [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and ours not in path.resolve().parents
    ]
    if not clips:
        raise BadRequest(f"There are no clips in {folder}.", "Put video files into it.")
    return clips


def _same_config(path: Path, config: ClipsConfig) -> None:
    """Write the settings down, or compare them with those of the pairs that are there."""
    now = asdict(config)
    if not path.exists():
        _replace(path, json.dumps(now, indent=2).encode() + b"\n")
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    other = [f"{name} was {before.get(name)}" for name in now if before.get(name) != now[name]]
    if other:
        raise BadRequest(
            f"The pairs in {path.parent} were made with other settings: {', '.join(other)}.",
            "Use the same settings, or another folder.",
        )


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_bytes(data)
    os.replace(partial, path)


def _summary(manifest: Manifest, elsewhere: int) -> Summary:
    manifest.refresh()
    dropped: Counter[str] = Counter()
    for record in manifest.clips.values():
        dropped.update(record["dropped"])
    return Summary(
        clips=sum(1 for record in manifest.clips.values() if not record["bad"]),
        bad={name: r["bad"] for name, r in manifest.clips.items() if r["bad"]},
        elsewhere=elsewhere,
        shots=sum(record["shots"] for record in manifest.clips.values()),
        pairs=len(manifest.pairs()),
        dropped=dropped,
    )


class _Maker:
    """Works through one clip after another."""

    def __init__(self, output: Path, config: ClipsConfig, matcher: Matcher, lines: Lines) -> None:
        self._output, self._config = output, config
        self._matcher, self._lines = matcher, lines
        self.manifest = Manifest(output / MANIFEST)
        self.manifest.refresh()

    def make(self, path: Path, name: str) -> str | None:
        """Make the pairs of a clip unless that is done; why it is bad, if it is.

        Raises:
            Timeout: another process is at it.
        """
        if self._done(path, name):
            return None
        place = self._output / PICTURES / _place_of(name)
        place.mkdir(parents=True, exist_ok=True)
        # The lock of a process that was killed is free.
        with FileLock(place / ".lock", timeout=0):
            self.manifest.refresh()
            if self._done(path, name):
                return None
            if name in self.manifest.clips:
                self._forget(name, place)
            return self._make(path, name, place)

    def _forget(self, name: str, place: Path) -> None:
        """A bad clip is another file now, so its pictures are not these."""
        for picture in place.glob("*.png"):
            picture.unlink()
        self.manifest.add({"kind": "again", "clip": name})

    def _done(self, path: Path, name: str) -> bool:
        """A bad clip that has changed since is tried again."""
        record = self.manifest.clips.get(name)
        return record is not None and not (record["bad"] and record["bytes"] != _bytes(path))

    def _make(self, path: Path, name: str, place: Path) -> str | None:
        tally, kept, bad = Tally(), KeptPairs(self._config.same_ssim), None
        size_bytes = _bytes(path)
        decoded = frames(path, self._config.size_px, self._config.most_frames_per_second)
        try:
            for candidate in candidates(decoded, self._config, tally):
                record = self._record(candidate, name, place, kept)
                if record["kind"] == "pair":
                    tally.pairs += 1
                    kept.keep(candidate)
                else:
                    tally.dropped[record["reason"]] += 1
        except BadClip as error:
            bad = str(error)
        counts = {**asdict(tally), "dropped": dict(tally.dropped)}
        self.manifest.add({"kind": "clip", "clip": name, "bad": bad, "bytes": size_bytes, **counts})
        return bad

    def _record(self, candidate: Candidate, name: str, place: Path, kept: KeptPairs) -> Record:
        """What the manifest says of a candidate, after working it out if it says nothing yet."""
        ends = candidate.reference.number, candidate.target.number
        key = f"{place.name}/{ends[0]}-{ends[1]}"
        if key in self.manifest.candidates:
            return self.manifest.candidates[key]
        common = {
            "id": key,
            "clip": name,
            "shot": candidate.shot,
            "reference_frame": ends[0],
            "target_frame": ends[1],
        }
        made = self._made(candidate, place, kept)
        record: Record
        if isinstance(made, str):
            record = {"kind": "dropped", **common, "reason": made}
        else:
            record = {"kind": "pair", **common, **made}
        self.manifest.add(record)
        return record

    def _made(self, candidate: Candidate, place: Path, kept: KeptPairs) -> Record | str:
        """The pair, its pictures written; or why it is none."""
        refusal = kept.refusal(candidate)
        if refusal:
            return refusal
        pictures = [frame.picture for frame in candidate.frames]
        found = same_coloured(self._matcher.match(pictures), pictures[0], pictures[-1])
        if len(found) < self._config.fewest_points:
            return "too few matches"
        lineart = self._lines(candidate.target.picture)
        if not has_lines(255 - lineart):
            return "no lines"
        reference = self._picture(place, candidate.reference, "", candidate.reference.picture)
        target = self._picture(place, candidate.target, "", candidate.target.picture)
        lines = self._picture(place, candidate.target, "-lines", lineart)
        height, width = candidate.target.picture.shape[:2]
        return {
            "seconds": [round(candidate.reference.seconds, 3), round(candidate.target.seconds, 3)],
            "size_px": [width, height],
            "reference": reference,
            "target": target,
            "lineart": lines,
            "points": _rows(found.apart(self._config.most_points)),
        }

    def _picture(self, place: Path, frame: Frame, what: str, picture: np.ndarray) -> str:
        """Write a frame, or what was made of it, unless another pair has it; its name."""
        path = place / f"{frame.number:06d}{what}.png"
        if not path.exists():
            bgr = picture if picture.ndim == 2 else picture[..., ::-1]
            written, data = cv2.imencode(".png", bgr)
            assert written
            _replace(path, data.tobytes())
        return path.relative_to(self._output).as_posix()


def _rows(matches: Matches) -> list[list[float]]:
    """[reference x, y, target x, y, confidence], the surest first."""
    order = np.argsort(-matches.confidence, kind="stable")
    rows = np.column_stack([matches.reference, matches.target, matches.confidence])[order]
    return [[round(float(value), 2) for value in row] for row in rows]


def _place_of(name: str) -> str:
    """A folder's name for a clip: readable, and different for different clips."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", Path(name).stem).strip("-")[:40]
    return f"{readable}-{hashlib.sha1(name.encode()).hexdigest()[:10]}".lstrip("-")


def _bytes(path: Path) -> int:
    return path.stat().st_size
