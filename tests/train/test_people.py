# SPDX-License-Identifier: GPL-3.0-or-later
"""Drawings by people become pairs whose truth is known, and hands change nothing of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manganinja.errors import PackageMissing
from manganinja.match.samples import SampleConfig, compared, sample_of
from manganinja.train import hand
from manganinja.train.people import LINE, NOTHING, PeoplePair, avatar_pair, emoji_pair, openmoji
from manganinja.train.people.pairs import borders, colour_codes, connected, plain_flats
from manganinja.train.people.svg import hex_colours, is_ink, rasterised, recoloured

RED, BLUE = 0xD03030, 0x3050D0
_HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 72 72">'
_FLATS = (
    '<g id="color"><rect x="12" y="12" width="24" height="48" fill="#{0:06x}"/>'
    '<rect x="36" y="12" width="24" height="48" fill="#{1:06x}"/></g>'
)
_LINES = (
    '<g id="line"><path d="M12 12h24v48h-24zM36 12h24v48h-24z" fill="none" stroke="#000" '
    'stroke-width="2"/></g></svg>'
)


def two_rooms(left: int = RED, right: int = BLUE) -> str:
    return _HEAD + _FLATS.format(left, right) + _LINES


@pytest.fixture
def emojis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of four drawings of one kind, one of which is held out, another in two skins."""
    for number, name in enumerate(("2B00", "2B01", "2B02-1F3FB", "2B02-1F3FC", "1F63A")):
        (tmp_path / f"{name}.svg").write_text(two_rooms(*((RED, BLUE)[:: 1 - 2 * (number % 2)])))
    (tmp_path / "2B00.svg.gz").write_bytes(b"")
    monkeypatch.setattr(openmoji, "_folder", lambda: tmp_path)
    return tmp_path


def test_what_is_held_out_is_never_learned_from(emojis: Path) -> None:
    listed = openmoji.names(emojis)
    assert len(listed) == 3 and "1F63A" not in listed
    assert sum(name.startswith("2B02") for name in listed) == 1


def test_a_pair_of_emojis_has_lines_and_flats_of_their_own(emojis: Path) -> None:
    pairs = [pair for seed in range(12) if (pair := emoji_pair(seed)) is not None]
    assert len(pairs) > 6 and any(p.things is None for p in pairs)
    for pair in pairs:
        assert set(np.unique(pair.truth)) == {NOTHING, RED, BLUE}
        assert set(np.unique(pair.flats)) == {NOTHING, LINE, RED, BLUE}
        assert (pair.lines < 128).mean() > 0.02
    once, again = (next(filter(None, map(emoji_pair, range(12)))) for _ in range(2))
    assert np.array_equal(once.reference, again.reference), "a seed says it all"
    assert np.array_equal(once.truth, again.truth)


def test_colours_are_no_clue() -> None:
    svg, rng = two_rooms(), np.random.default_rng(0)
    seen = {tuple(hex_colours(recoloured(svg, rng))) for _ in range(20)}
    assert len(seen) > 8
    assert all(0 in colours and sum(map(is_ink, colours)) == 1 for colours in seen), "ink stays"


def test_flats_have_no_mixtures_and_go_on_under_lines() -> None:
    rgba = rasterised(two_rooms())
    lines = rgba[..., :3].max(axis=2) < 100
    lines &= rgba[..., 3] > 0
    flats = plain_flats(colour_codes(rgba), lines)
    assert set(np.unique(flats)) == {NOTHING, RED, BLUE}
    assert flats[256, 256 - 3] == RED and flats[256, 256 + 3] == BLUE
    parts = connected(flats)
    assert len(np.unique(parts)) == 3 and parts.min() == 1
    edge = np.count_nonzero(borders(flats))
    assert 500 < edge < 5000


def test_a_warp_moves_lines_truth_and_parts_together() -> None:
    truth = np.full((256, 256), NOTHING, np.int64)
    truth[60:200, 60:128], truth[60:200, 128:200] = RED, BLUE
    lines = np.where(borders(truth) > 0, 0, 255).astype(np.uint8)
    things = np.stack([connected(truth)] * 2)
    reference = np.zeros((256, 256, 4), np.uint8)
    moved = PeoplePair(lines, truth, reference, truth, things).warped(np.random.default_rng(4))
    assert not np.array_equal(moved.truth, truth) and np.array_equal(moved.flats, truth)
    assert moved.things is not None and np.array_equal(moved.things[1], things[1])
    for value in (RED, BLUE):
        assert len(np.unique(moved.things[0][moved.truth == value])) == 1
        assert 0.5 < (moved.truth == value).sum() / (truth == value).sum() < 2
    near = np.abs(np.argwhere(borders(moved.truth) > 0)[:, None] - np.argwhere(moved.lines < 200))
    assert np.percentile(near.max(axis=2).min(axis=1), 95) <= 3


def test_avatars_of_a_pair_share_their_colours() -> None:
    pairs = [pair for seed in range(8) if (pair := avatar_pair(seed)) is not None]
    assert len(pairs) >= 6
    shared = []
    for pair in pairs:
        assert pair.lines.shape == pair.truth.shape == (512, 512)
        assert (pair.lines < 128).any() and (pair.truth >= 0).any()
        shared.append(np.isin(np.unique(pair.truth[pair.truth >= 0]), np.unique(pair.flats)).mean())
    assert np.mean(shared) > 0.6


def test_shading_keeps_what_is_transparent_and_darkens_the_rest() -> None:
    flat = np.full((64, 64, 4), (200, 120, 90, 255), np.uint8)
    flat[:8] = 0
    parts = np.ones((64, 64), np.int32)
    for seed in range(6):
        painted = hand.shaded(flat, parts, np.random.default_rng(seed))
        assert np.array_equal(painted[..., 3], flat[..., 3])
        assert (painted[8:, :, :3] != flat[8:, :, :3]).any()


def test_strands_are_open_and_divide_nothing() -> None:
    figure = np.zeros((200, 200), bool)
    figure[40:160, 40:160] = True
    lines = np.where(borders(figure) > 0, 0, 255).astype(np.uint8)
    drawn = hand.with_strands(lines, figure, np.random.default_rng(1))
    more = (drawn < 128) & (lines >= 128)
    assert more.sum() > 50 and not more[~figure].any()
    outlined = hand.outlined(lines, figure, np.random.default_rng(1))
    assert (outlined < 128).sum() > (lines < 128).sum()


def test_the_matcher_learns_from_them_as_from_drawings_of_its_own(emojis: Path) -> None:
    config = SampleConfig(emojis=1.0, avatars=0.0, left_out=0.0, paired=0.0)
    pair = next(found for seed in range(20) if (found := sample_of(seed, config)) is not None)
    sample = compared(pair, config, np.random.default_rng(0))
    rooms = pair.lineart.colours >= 0
    assert rooms.sum() >= 2 and sample.right[rooms, :-1].any(axis=1).all()
    paper = np.flatnonzero(pair.lineart.parts == 0)
    empty = pair.reference.parts == 0
    assert sample.right[np.ix_(paper, np.flatnonzero(empty))].all(), "nothing is nothing"
    assert not sample.right[np.ix_(np.flatnonzero(rooms), np.flatnonzero(empty))].any()


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmoji, "find_spec", lambda name: None)
    with pytest.raises(PackageMissing) as caught:
        sample_of(0, SampleConfig(emojis=1.0, avatars=0.0))
    assert "packages.txt" in caught.value.remedy
