# SPDX-License-Identifier: GPL-3.0-or-later
"""What the training drawings can show: every option is drawn, parts are exact to the pixel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace

import numpy as np
import pytest

from manganinja.train.drawings import (
    PART_IDS,
    Character,
    Mix,
    Pose,
    Style,
    draw_pair,
    point_pairs,
    random_pose,
    render,
)
from manganinja.train.drawings.backgrounds import KINDS as PLACES
from manganinja.train.drawings.backgrounds import Backdrop
from manganinja.train.drawings.design import random_design
from manganinja.train.drawings.identity import random_palette
from manganinja.train.drawings.pairs import without_details
from manganinja.train.drawings.parts import part_numbers
from manganinja.train.drawings.pose import FRAMINGS, MARKS
from manganinja.train.drawings.scene import Scene
from manganinja.train.drawings.things import KINDS as THINGS
from manganinja.train.drawings.things import Things

SHOWN = {
    "top": "shirt",
    "bottom": "skirt",
    "bottom_length": 0.2,
    "sleeve": "long",
    "bangs": "pointed",
    "back_hair": "bob",
    "shoes": "shoe",
    "legs": 2.5,
    "socks": 0.6,
    "side_hair": 1.0,
    "stripes": 0,
    "buttons": 0,
}
"""A plain design, on which any single option can be seen."""
NEEDS = {"pattern_hat": {"hat": "cap"}, "pattern_sleeves": {"pattern_top": "bands"}}


@pytest.fixture
def not_reduced(monkeypatch):
    """Draw without oversampling: then no pixel of the flats is a mixture."""
    monkeypatch.setattr(render, "oversampling", lambda size_px: 1)


def assert_exact(drawing, palette, numbers, style):
    """Every pixel has its part's colour, or that colour's shadow or highlight."""
    base = np.zeros((256, 3))
    for name, number in numbers.items():
        base[number] = palette[name]
    tones = [base]
    if style.shaded:
        tones += [base * style.shadow_rgb, base + (255 - base) * 0.45]
    tables = [np.clip(np.rint(tone), 0, 255) for tone in tones]
    for table in tables:
        table[0] = style.background_rgb
    same = [(table[drawing.parts] == drawing.flats).all(axis=2) for table in tables]
    assert np.logical_or.reduce(same).all()
    return same


@pytest.mark.parametrize("shaded", [False, True])
def test_every_pixel_of_the_flats_has_its_parts_colour(shaded, not_reduced):
    rng = np.random.default_rng(5)
    style = Style(background_rgb=(3, 2, 1), shaded=shaded, gloss=True)
    toned = np.zeros(3)
    for count in (1, 2, 3, 1, 2):
        figures = [Character.random(rng), Things.random(rng), Character.random(rng)][:count]
        scene = Scene(tuple(figures), Backdrop.random(rng))
        poses = [random_pose(rng) for _ in figures]
        sheet = scene.sheet(poses, range(count), 160)
        numbers = part_numbers(sheet.names())
        drawing = render.paint(sheet, scene.palette, numbers, 160, style)
        for index, same in enumerate(assert_exact(drawing, scene.palette, numbers, style)):
            toned[index] += same.mean()
    assert (toned[: 3 if shaded else 1] > 0).all()


def test_ways_of_inking_change_lines_and_nothing_else():
    character = Character.random(np.random.default_rng(8))
    plain = character.draw(Pose(), 128, Style(shaded=True))
    shaded = Style(shaded=True)
    for style in (
        replace(shaded, pressure=1.0),
        replace(shaded, gaps=60),
        replace(shaded, marks="hatch"),
        replace(shaded, marks="dots"),
    ):
        other = character.draw(Pose(), 128, style)
        assert np.array_equal(plain.parts, other.parts)
        assert np.array_equal(plain.flats, other.flats)
        assert (plain.lineart != other.lineart).mean() > 0.002
    tinted = character.draw(Pose(), 128, Style(shaded=True, line_tint=1.0))
    assert np.array_equal(plain.lineart, tinted.lineart)
    assert not np.array_equal(plain.colour, tinted.colour)


def test_gaps_only_take_ink_away():
    character = Character.random(np.random.default_rng(8))
    plain, open_ = (character.draw(Pose(), 128, Style(gaps=gaps)) for gaps in (0, 60))
    assert (open_.lineart >= plain.lineart).all() and (open_.lineart > plain.lineart).any()


def options() -> Iterator[tuple[str, str | bool]]:
    """(field, value) of every choice that designs are made of."""
    rng = np.random.default_rng(0)
    designs = [random_design(rng) for _ in range(400)]
    for name in (field.name for field in fields(designs[0])):
        values = {getattr(design, name) for design in designs}
        if isinstance(next(iter(values)), (str, bool)):
            yield from ((name, value) for value in sorted(values))


def test_every_option_of_a_design_can_be_seen():
    rng, choices = np.random.default_rng(1), list(options())
    plain = {name: value for name, value in choices if value == "none" or value is False}
    base = replace(random_design(rng), **{**plain, **SHOWN})
    palette, pose, unseen = random_palette(rng, base), Pose(), []
    drawn: dict[tuple[str, object], np.ndarray] = {}
    for name, value in choices:
        needed = NEEDS.get(name, {})
        design = replace(base, **{**needed, name: value})
        drawn[name, value] = Character(design, palette).draw(pose, 80).colour
    for name in {name for name, _ in drawn}:
        values = [value for field, value in drawn if field == name]
        for index, value in enumerate(values):
            others = values[:index]
            if any(np.array_equal(drawn[name, value], drawn[name, other]) for other in others):
                unseen.append((name, value))
    assert not unseen


def test_every_part_of_characters_is_drawn_by_some():
    rng = np.random.default_rng(2)
    missing = set(PART_IDS)
    for _ in range(900):
        design = random_design(rng)
        missing -= Character(design, {}).sheet(random_pose(rng)).names()
        if not missing:
            break
    assert not missing


def test_every_expression_and_camera_changes_the_picture():
    character = Character.random(np.random.default_rng(6))
    design = replace(character.design, glasses="none", bangs="pointed", hat="none", beast="none")
    character, close = replace(character, design=design), Pose(framing="portrait")
    eyes = [replace(close, eyes=kind) for kind in ("open", "closed", "happy", "squeezed", "half")]
    mouths = ("open", "flat", "cat", "frown", "grin", "oh", "laugh", "wavy", "gritted", "tongue")
    poses = eyes + [replace(close, mouth=kind) for kind in mouths]
    poses += [replace(close, marks=(mark,)) for mark in MARKS if mark != "flush"]
    poses += [replace(close, back=True), replace(close, turn=1.0), replace(close, roll=0.9)]
    poses += [replace(close, framing=kind) for kind in FRAMINGS if kind != "portrait"]
    pictures = [character.draw(pose, 96).lineart for pose in poses]
    assert len({picture.tobytes() for picture in pictures}) == len(pictures)


def test_nobody_has_a_face_on_the_back_of_the_head():
    rng = np.random.default_rng(3)
    for _ in range(20):
        names = Character.random(rng).sheet(replace(random_pose(rng), back=True)).names()
        stems = {name.split("_")[0] for name in names}
        assert not stems & {"eye", "iris", "mouth", "blush", "tear", "button", "tie"} - {"tie"}


@pytest.mark.parametrize("kind", THINGS, ids=lambda kind: kind.__name__)
def test_every_thing_is_drawn_alike_in_two_pictures(kind):
    rng = np.random.default_rng(4)
    seen = []
    for _ in range(6):
        things = Things.of([kind], rng)
        one, two = (things.draw(random_pose(rng), 96) for _ in range(2))
        shared, either = np.intersect1d(one.parts, two.parts), np.union1d(one.parts, two.parts)
        seen.append(len(shared) / len(either))
        assert len(shared) >= 2
        assert (one.parts > 0).mean() > 0.02
    assert np.mean(seen) > 0.8


@pytest.mark.parametrize("kind", range(len(PLACES)), ids=lambda kind: PLACES[kind].__name__)
def test_every_place_fills_the_picture(kind):
    rng = np.random.default_rng(4)
    for _ in range(3):
        place = replace(Backdrop.random(rng), kind=kind)
        sheet = place.sheet(random_pose(rng), 96)
        drawing = render.paint(sheet, place.palette, part_numbers(place.palette), 96, Style())
        assert drawing.parts.min() > 0
        assert len(np.unique(drawing.parts)) >= 2
        assert (drawing.lineart < 128).any()


def test_figures_of_a_scene_share_no_part():
    rng = np.random.default_rng(9)
    who = Character.random(rng)
    scene = Scene((who, replace(who, palette=random_palette(rng, who.design))))
    poses = [random_pose(rng, "full") for _ in range(2)]
    both, first, second = (scene.sheet(poses, shown, 96).names() for shown in ((0, 1), (0,), (1,)))
    assert not first & second
    assert len(both) > 1.5 * max(len(first), len(second))
    numbers = part_numbers(both)
    assert len(set(numbers.values())) == len(both)
    assert all(numbers[name] == PART_IDS[name] for name in first)


def test_too_many_parts_are_refused_and_crowds_still_fit():
    with pytest.raises(ValueError, match="fewer figures"):
        part_numbers(str(number) for number in range(256))
    for seed in range(16):
        pair = draw_pair(seed, 64, Mix(crowd=1.0, backdrop=1.0))
        assert len(np.intersect1d(pair.reference.parts, pair.target.parts)) > 3


@pytest.mark.parametrize("kind", ["other", "missing"])
def test_discrepant_pairs_keep_the_colours_of_parts(kind, not_reduced):
    mix = Mix(things=0, crowd=0, backdrop=0, shaded=0, **{kind: 1.0})
    compared, more = 0, 0
    for seed in range(20):
        pair = draw_pair(seed, 96, mix)
        for number in np.intersect1d(pair.reference.parts, pair.target.parts):
            a, b = (d.flats[d.parts == number] for d in (pair.reference, pair.target))
            assert number == 0 or ((a == a[0]).all() and (b == a[0]).all())
            compared += 1
        more += bool(len(np.setdiff1d(pair.target.parts, pair.reference.parts)))
    assert compared > 200 and more >= 15


def test_details_that_a_design_lacks_are_no_longer_drawn():
    rng = np.random.default_rng(7)
    fewer = 0
    for _ in range(20):
        design = random_design(rng)
        pose = Pose()
        full, less = (
            Character(some, {}).sheet(pose).names()
            for some in (design, without_details(design, rng))
        )
        fewer += len(full - less) > 0
    assert fewer >= 16


def test_points_work_where_figures_and_places_are_many():
    for seed in range(6):
        pair = draw_pair(seed, 96, Mix(crowd=1.0, backdrop=1.0))
        points = point_pairs(pair, 12, np.random.default_rng(0))
        x, y = np.floor(points).astype(int).transpose(2, 0, 1)
        here = pair.reference.parts[y[:, 0], x[:, 0]]
        assert len(points) and np.array_equal(here, pair.target.parts[y[:, 1], x[:, 1]])
