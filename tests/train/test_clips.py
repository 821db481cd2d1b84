# SPDX-License-Identifier: GPL-3.0-or-later
"""Clips to training pairs, on clips that the generator animates."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch

from benchmarks.clips import Motion, write_clip
from manganinja.cli import main
from manganinja.errors import BadRequest
from manganinja.train.batch import BatchConfig, make_batch
from manganinja.train.clips import matchers
from manganinja.train.clips.decode import BadClip, frames
from manganinja.train.clips.likeness import KeptPairs, ssim
from manganinja.train.clips.lines import ink_lines, lines_of
from manganinja.train.clips.make import Summary, make_pairs
from manganinja.train.clips.manifest import Manifest
from manganinja.train.clips.reader import ClipPairs, MixedPool
from manganinja.train.clips.settings import ClipsConfig
from manganinja.train.clips.shots import Tally, candidates
from manganinja.train.drawings import draw_pair
from manganinja.train.feed import Batches, Process, Turn
from manganinja.train.settings import TrainingConfig

SIZE_PX = 128
CONFIG = ClipsConfig(size_px=SIZE_PX, lines="ink")
PROJECT = Path(__file__).resolve().parents[2]


@cache
def moving(seed: int, count: int, amount: float = 0.4) -> list[np.ndarray]:
    return Motion.random(seed, SIZE_PX, amount).pictures(count, SIZE_PX, held=4)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots, a truncated file, a text, a still, one too short, one rather short."""
    folder = tmp_path_factory.mktemp("clips")
    (folder / "more").mkdir()
    write_clip(folder / "two shots.mp4", moving(1, 40) + moving(2, 76))
    write_clip(folder / "more" / "rather short.mkv", moving(3, 20))
    write_clip(folder / "too short.mp4", moving(4, 8, 0.05))
    write_clip(folder / "still.mp4", [moving(5, 1)[0]] * 40)
    whole = (folder / "two shots.mp4").read_bytes()
    (folder / "truncated.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "text.mp4").write_text("This is no clip.\n")
    return folder


@pytest.fixture(scope="module")
def made(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary, list[str]]:
    output, told = tmp_path_factory.mktemp("pairs"), []
    return output, make_pairs(clips, output, CONFIG, told.append), told


def lines(output: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (output / "manifest.jsonl").read_text().splitlines()]


def test_pairs_are_36_frames_apart_in_one_shot_and_short_shots_give_their_ends(
    made: tuple[Path, Summary, list[str]],
) -> None:
    output, summary, _ = made
    found = {
        (r["clip"], r["shot"], r["reference_frame"], r["target_frame"])
        for r in lines(output)
        if r["kind"] == "pair"
    }
    assert found == {
        ("two shots.mp4", 0, 0, 36),
        ("two shots.mp4", 1, 40, 76),
        ("two shots.mp4", 1, 76, 112),
        ("more/rather short.mkv", 0, 0, 19),
    }
    assert (summary.clips, summary.shots, summary.pairs) == (4, 5, 4)
    assert summary.dropped == {"shot too short": 1, "nothing moves": 1}


def test_bad_files_are_named_with_the_reason_and_passed_over(
    made: tuple[Path, Summary, list[str]],
) -> None:
    _, summary, told = made
    assert set(summary.bad) == {"text.mp4", "truncated.mp4"}
    assert all(summary.bad.values())
    assert sorted(line.split(":")[0] for line in told) == ["text.mp4", "truncated.mp4"]
    assert "passed over: text.mp4" in str(summary)


def test_a_second_run_does_nothing_again(
    clips: Path, made: tuple[Path, Summary, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, summary, _ = made
    before = (output / "manifest.jsonl").read_bytes()
    monkeypatch.setattr("manganinja.train.clips.make.frames", None)
    assert make_pairs(clips, output, CONFIG) == summary
    assert (output / "manifest.jsonl").read_bytes() == before


def test_other_settings_need_another_folder(
    clips: Path, made: tuple[Path, Summary, list[str]]
) -> None:
    with pytest.raises(BadRequest, match="frame_distance was 36"):
        make_pairs(clips, made[0], replace(CONFIG, frame_distance=24))


def continued(
    clips: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Summary, int, dict[str, Any]]:
    """The summary, how often it had to match, and what the manifest says in the end."""
    calls = []
    match = matchers.TrackMatcher.match
    monkeypatch.setattr(
        matchers.TrackMatcher, "match", lambda self, f: calls.append(1) or match(self, f)
    )
    summary = make_pairs(clips, output, CONFIG, report=lambda text: None)
    manifest = Manifest(output / "manifest.jsonl")
    manifest.refresh()
    return summary, len(calls), manifest.candidates


def test_killed_and_continued_it_makes_the_same_pairs(
    clips: Path,
    made: tuple[Path, Summary, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output, config = tmp_path / "pairs", tmp_path / "config.json"
    config.write_text(json.dumps({"size_px": SIZE_PX}))
    run = "import sys; from manganinja.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", run, "train", "clips", "--folder", str(clips)]
    command += ["--output", str(output), "--config", str(config), "--lines", "ink"]
    manifest = output / "manifest.jsonl"
    with subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not manifest.exists():
            time.sleep(0.002)
        os.kill(process.pid, signal.SIGKILL)
    done = sum(record["kind"] == "pair" for record in lines(output))
    assert done < 4, "killed too late for this test to tell anything"
    summary, matched, candidates = continued(clips, output, monkeypatch)
    before = Manifest(made[0] / "manifest.jsonl")
    before.refresh()
    assert (summary, matched, candidates) == (made[1], 4 - done, before.candidates)


def test_stopped_within_a_clip_and_a_line_it_does_none_of_its_pairs_twice(
    clips: Path,
    made: tuple[Path, Summary, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = tmp_path / "pairs"
    shutil.copytree(made[0], output)
    manifest = output / "manifest.jsonl"
    written = manifest.read_text().splitlines(keepends=True)
    last = [index for index, line in enumerate(written) if '"id":"two-shots' in line][1]
    manifest.write_text("".join(written[:last]) + written[last][:40])
    for picture in (output / "pictures").glob("two-shots*/000112*"):
        picture.unlink()

    summary, matched, candidates = continued(clips, output, monkeypatch)
    before = Manifest(made[0] / "manifest.jsonl")
    before.refresh()
    assert (summary, matched, candidates) == (made[1], 2, before.candidates)
    ids = [line for line in manifest.read_text().splitlines() if '{"kind":"pair"' in line]
    assert len(ids) == 4 + 1  # the line that was cut off stays, and counts as not written
    assert len(ClipPairs(output, size_px=32)) == 4
    assert ClipPairs(output, size_px=32)[3].target.colour.shape == (32, 32, 3)


def test_a_clip_that_another_process_is_at_is_left_to_it(clips: Path, tmp_path: Path) -> None:
    from filelock import FileLock

    from manganinja.train.clips.make import PICTURES, _place_of

    place = tmp_path / PICTURES / _place_of("two shots.mp4")
    place.mkdir(parents=True)
    with FileLock(place / ".lock"):
        summary = make_pairs(clips, tmp_path, CONFIG, report=lambda text: None)
    assert (summary.elsewhere, summary.pairs) == (1, 1)


def test_a_bad_clip_is_tried_again_once_it_has_changed(clips: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "clips", tmp_path / "pairs"
    folder.mkdir()
    (folder / "clip.mp4").write_text("half a download")
    assert make_pairs(folder, output, CONFIG, report=lambda text: None).pairs == 0
    (folder / "clip.mp4").write_bytes((clips / "more" / "rather short.mkv").read_bytes())
    summary = make_pairs(folder, output, CONFIG)
    assert (summary.pairs, summary.bad) == (1, {})


def test_a_clip_damaged_in_the_middle_keeps_the_pairs_before(clips: Path, tmp_path: Path) -> None:
    folder, output = tmp_path / "clips", tmp_path / "pairs"
    folder.mkdir()
    write_clip(folder / "clip.ts", moving(1, 40) + moving(2, 76))
    whole = (folder / "clip.ts").read_bytes()
    noise = np.random.default_rng(0).bytes(len(whole) // 4)
    (folder / "clip.ts").write_bytes(whole[: len(whole) * 3 // 4] + noise)
    told: list[str] = []
    summary = make_pairs(folder, output, CONFIG, told.append)
    assert summary.pairs >= 1
    assert told and "clip.ts" in summary.bad


@pytest.mark.parametrize(
    ("name", "codec", "rate", "size_px", "pixels"),
    [
        ("a.mp4", "libx264", 24, (160, 96), "yuv420p"),
        ("b.webm", "libvpx-vp9", 60, (96, 160), "yuv420p"),
        ("c.avi", "mpeg4", 12, (64, 48), "yuv420p"),
        ("d.mkv", "ffv1", 30, (161, 97), "yuv444p"),
        ("e.gif", "gif", 25, (96, 96), "rgb8"),
    ],
)
def test_containers_codecs_sizes_and_rates(
    tmp_path: Path, name: str, codec: str, rate: int, size_px: tuple[int, int], pixels: str
) -> None:
    width, height = size_px
    with av.open(str(tmp_path / name), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        for index in range(rate):
            picture = np.full((height, width, 3), (40, 40 + 3 * index, 200), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    found = list(frames(tmp_path / name, 90, 24.0))
    assert abs(len(found) - min(rate, 24)) <= 1
    assert [frame.number for frame in found] == list(range(len(found)))
    factor = min(1, 90 / min(size_px))
    expected = (round(height * factor), round(width * factor), 3)
    assert found[0].picture.shape == expected
    assert np.abs(found[0].picture.mean(axis=(0, 1)) - (40, 40, 200)).max() < 20


def test_anamorphic_clips_get_square_pixels(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream: Any = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 72, 96, "yuv420p"
        stream.codec_context.sample_aspect_ratio = 2
        picture = np.zeros((96, 72, 3), np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    assert next(frames(tmp_path / "a.mkv", 512, 24.0)).picture.shape == (96, 144, 3)


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.wav"), "w") as container:
        stream: Any = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        sound.rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(BadClip, match="no pictures"):
        list(frames(tmp_path / "a.wav", 512, 24.0))


def test_only_so_many_frames_are_in_memory(tmp_path: Path) -> None:
    from weakref import WeakSet

    from manganinja.train.clips.decode import Frame

    alive: WeakSet[np.ndarray] = WeakSet()
    most = 0

    class Watched(np.ndarray):
        __hash__ = object.__hash__  # type: ignore[assignment]

    def stream() -> Any:
        nonlocal most
        for number in range(300):
            picture = np.full((8, 8, 3), number % 256, np.uint8).view(Watched)
            alive.add(picture)
            most = max(most, len(alive))
            yield Frame(number, number / 24, picture)
            del picture

    tally = Tally()
    for _ in candidates(stream(), CONFIG, tally):
        pass
    assert tally.frames == 300
    assert most <= 2 * CONFIG.frame_distance + 6


def test_near_duplicates_of_a_pair_are_refused() -> None:
    from manganinja.train.clips.decode import Frame
    from manganinja.train.clips.shots import Candidate

    one, *_, two = (Frame(n, 0, p) for n, p in enumerate(moving(1, 7, 1.0)))
    noisy = one.picture.astype(int) + np.random.default_rng(0).integers(-4, 5, one.picture.shape)
    again = Frame(9, 0, noisy.clip(0, 255).astype(np.uint8))
    assert ssim(one.picture, one.picture) == pytest.approx(1, abs=1e-3)
    kept = KeptPairs(0.95)
    assert kept.refusal(Candidate(0, (one, again))) == "nothing moves"
    assert kept.refusal(Candidate(0, (one, two))) is None
    kept.keep(Candidate(0, (one, two)))
    assert kept.refusal(Candidate(0, (again, two))) == "near-duplicate"
    assert kept.refusal(Candidate(0, (two, one))) is None


def test_most_points_are_within_3_px_of_the_truth() -> None:
    size_px = 256
    motion = Motion.random(2, size_px, 0.25)
    pictures = motion.pictures(37, size_px, held=6)
    for matcher in (matchers.TrackMatcher(), matchers.SiftMatcher()):
        found = matchers.same_coloured(matcher.match(pictures), pictures[0], pictures[-1])
        found = found.apart(24)
        assert len(found) >= 12
        assert (motion.off_px(found, size_px) <= 3).mean() >= 0.8


def test_points_are_spread_and_sure() -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(0, 100, (500, 2)).astype(np.float32)
    found = matchers.Matches(places, places, rng.random(500).astype(np.float32))
    chosen = found.apart(24)
    assert len(chosen) == 24 and chosen.confidence.max() == found.confidence.max()
    gaps = np.linalg.norm(chosen.reference[:, None] - chosen.reference[None], axis=2)
    assert (gaps + 1e9 * np.eye(24)).min() > 8
    assert chosen.confidence.mean() > 0.6
    same = matchers.Matches(places[[0] * 9], places[[0] * 9], np.ones(9, np.float32))
    assert len(same.apart(4)) == 4 and len(same.apart(20)) == 9


def test_a_corner_whose_side_has_changed_colour_is_no_match() -> None:
    one = np.full((64, 64, 3), 200, np.uint8)
    other = one.copy()
    other[:, 40:] = (200, 120, 200)
    places = np.array([[10, 10], [60, 10]], np.float32)
    found = matchers.Matches(places, places, np.ones(2, np.float32))
    assert matchers.same_coloured(found, one, other).reference.tolist() == [[10, 10]]
    assert len(matchers.same_coloured(found.only(np.zeros(2, bool)), one, other)) == 0


def test_unlike_pictures_have_few_matches() -> None:
    one, other = moving(1, 1)[0], moving(2, 1)[0]
    for matcher in (matchers.TrackMatcher(), matchers.SiftMatcher()):
        assert len(matcher.match([one, other])) < CONFIG.fewest_points
        assert len(matcher.match([np.zeros_like(one)] * 2)) == 0


@pytest.fixture(scope="module", params=[0.95, -1.0], ids=["stops early", "all layers"])
def lightglue(tmp_path_factory: pytest.TempPathFactory, request: Any) -> Path:
    """Random weights of the real architecture, small, saved as the hub's are."""
    from transformers import LightGlueConfig, LightGlueForKeypointMatching, SuperPointConfig

    torch.manual_seed(0)
    detector = SuperPointConfig(
        encoder_hidden_sizes=[8, 8, 16, 16],
        decoder_hidden_size=16,
        descriptor_decoder_dim=64,
        keypoint_threshold=0.0,
        max_keypoints=80,
        initializer_range=0.1,
    )
    config = LightGlueConfig(
        keypoint_detector_config=detector,
        descriptor_dim=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        filter_threshold=0.0,
        initializer_range=0.1,
        depth_confidence=request.param,
        width_confidence=0.99 if request.param > 0 else -1.0,
    )
    folder = tmp_path_factory.mktemp("lightglue")
    LightGlueForKeypointMatching(config).save_pretrained(folder)
    return folder


def test_lightglue_runs_on_frames_and_matches_a_picture_with_itself(lightglue: Path) -> None:
    picture = moving(1, 1)[0][:100]
    matcher = matchers.LightGlueMatcher(str(lightglue))
    found = matcher.match([picture, picture])
    assert len(found) >= 8
    assert np.abs(found.reference - found.target).max() < 12
    assert (found.reference >= 0).all() and (found.reference < (SIZE_PX, 100)).all()
    matcher._network.keypoint_detector.keypoint_decoder.keypoint_threshold = 2.0
    assert len(matcher.match([picture, picture])) == 0


def test_lightglue_makes_pairs_of_clips(lightglue: Path, clips: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, matcher="lightglue", lightglue=str(lightglue), fewest_points=1)
    summary = make_pairs(clips / "more", tmp_path, config)
    assert summary.pairs + summary.dropped["too few matches"] == 1


def test_lightglue_without_weights_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match='matcher = "track"'):
        matchers.LightGlueMatcher(str(tmp_path))


def test_descriptors_have_to_agree_from_both_sides() -> None:
    places = np.array([[[0, 0], [50, 0], [90, 0]], [[0, 9], [50, 9], [90, 9]]], float)
    features = np.stack([np.eye(3), np.eye(3)[[0, 1, 1]]])
    real = np.ones((2, 3), bool)
    chosen, partners = np.array([0, 1, 1, 2]), np.array([0, 1, 2, 2])
    sure = matchers.mutually_nearest(places, features, real, chosen, partners, near_px=5)
    assert sure.tolist() == [True, True, False, False]
    wide = matchers.mutually_nearest(places, features, real, chosen, partners, near_px=60)
    assert wide.tolist() == [True, True, True, False]
    real[1, 0] = False
    assert not matchers.mutually_nearest(places, features, real, chosen, partners, 5)[0]


def test_ink_lines_are_the_lines_of_a_drawing_in_black() -> None:
    motion = Motion.random(3, 256)
    drawing = motion.character.draw(motion.one, 256)
    true, found = drawing.lineart < 128, ink_lines(drawing.colour) < 128
    near = np.ones((3, 3), np.uint8)
    assert (cv2.dilate(found.astype(np.uint8), near)[true]).mean() > 0.9
    assert (cv2.dilate(true.astype(np.uint8), near)[found]).mean() > 0.9


def test_the_extractor_draws_lines_at_any_size(tmp_path: Path) -> None:
    from manganinja.lineart_extractor import LineartExtractor

    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(BadRequest, match="--lines ink"):
        lines_of(ClipsConfig(lineart_model=str(tmp_path)))
    LineartExtractor(residual_blocks=1).save_pretrained(tmp_path / "lineart_extractor")
    drawn = lines_of(ClipsConfig(lineart_model=str(tmp_path)))(np.zeros((50, 71, 3), np.uint8))
    assert drawn.shape == (50, 71) and drawn.dtype == np.uint8


def test_without_the_extractor_the_command_says_what_to_do(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr("manganinja.weights.find.published_model", lambda: tmp_path / "none")
    command = ["train", "clips", "--folder", str(clips), "--output", str(tmp_path / "pairs")]
    assert main(command) == 1
    assert "--lines ink" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [
        {"matcher": "eyes"},
        {"lines": "none"},
        {"size_px": 0},
        {"frame_distance": 3},
        {"most_points": 2},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadRequest) as told:
        replace(CONFIG, **wrong)
    assert told.value.remedy


def test_the_reader_gives_windows_that_show_the_same_thing(
    made: tuple[Path, Summary, list[str]],
) -> None:
    pairs = ClipPairs(made[0], size_px=96)
    assert len(pairs) == 4
    for pair in pairs:
        assert pair.reference.colour.shape == pair.target.colour.shape == (96, 96, 3)
        assert pair.target.lineart.shape == (96, 96)
        assert (pair.target.lineart < 128).mean() > 0.01
        assert len(pair.points) >= 1
        ends = pair.points.astype(int)
        one = cv2.blur(pair.reference.colour, (5, 5))[ends[:, 0, 1], ends[:, 0, 0]].astype(int)
        two = cv2.blur(pair.target.colour, (5, 5))[ends[:, 1, 1], ends[:, 1, 0]].astype(int)
        assert np.median(np.abs(one - two)) < 25
    again = pairs[1]
    assert np.array_equal(again.target.colour, pairs[1].target.colour)
    with pytest.raises(IndexError):
        pairs[4]
    with pytest.raises(BadRequest, match="manganinja train clips"):
        ClipPairs(made[0] / "pictures", size_px=96)


def test_every_pair_comes_once_before_any_comes_again(
    made: tuple[Path, Summary, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = ClipPairs(made[0], size_px=64)
    monkeypatch.setattr(pairs, "pair", lambda index, rng: index)
    rng = np.random.default_rng(0)
    taken: list[Any] = [index for turn in range(4) for index in pairs.take(turn, 2, rng)]
    assert sorted(taken[:4]) == sorted(taken[4:]) == [0, 1, 2, 3]


def test_a_batch_has_its_share_of_clips_in_any_row(
    made: tuple[Path, Summary, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Drawings:
        def take(self, turn: int, count: int, rng: np.random.Generator) -> Any:
            return ["drawn"] * count

    clips = ClipPairs(made[0], size_px=64)
    monkeypatch.setattr(clips, "pair", lambda index, rng: "clip")
    pool, rng = MixedPool(Drawings(), clips, share=0.3), np.random.default_rng(0)
    taken: Any = [pool.take(turn, 8, rng) for turn in range(50)]
    assert {len(pairs) for pairs in taken} == {8}
    assert sum(pairs.count("clip") for pairs in taken) == 120
    assert {row for pairs in taken for row in range(8) if pairs[row] == "clip"} == set(range(8))


def test_a_batch_is_made_of_clips_and_drawings_together(
    made: tuple[Path, Summary, list[str]],
) -> None:
    pairs = [*ClipPairs(made[0], size_px=64), draw_pair(1, 64)]
    config = BatchConfig(plain=0, pointed=1, no_pairs=0, recoloured=1, shuffled=0)
    made_batch = make_batch(pairs, config, np.random.default_rng(0))
    assert made_batch.pointed == 5
    assert all(int(m.count_nonzero()) >= 1 for m in made_batch.lineart_map)
    assert not made_batch.recoloured[:4].any()
    # No part is known, so none may be taught to look at any.
    assert not (made_batch.reference_parts[:4] == made_batch.target_parts[:4]).any()


def test_the_feed_of_a_run_has_clips_in_it(made: tuple[Path, Summary, list[str]]) -> None:
    data = BatchConfig(plain=0, pointed=1, no_pairs=0, recoloured=0, mirrored=0.5, turned=0.5)
    config = TrainingConfig(size_px=64, batch=4, clips=(str(made[0]),), clip_share=0.5, data=data)
    _, batch = Batches(config, Process())[Turn(0, 0.0, False)]
    agree = (batch.reference_parts == batch.target_parts).flatten(1).any(dim=1)
    assert agree.sum() == 2


def test_a_loader_of_torch_takes_the_reader(made: tuple[Path, Summary, list[str]]) -> None:
    pairs: Any = ClipPairs(made[0], size_px=64)
    loader = torch.utils.data.DataLoader(pairs, batch_size=2, shuffle=True, collate_fn=list)
    assert [len(pairs) for pairs in loader] == [2, 2]
