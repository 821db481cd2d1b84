# SPDX-License-Identifier: GPL-3.0-or-later
"""Flats as a whole: votes, locks, every form of the result, changes without a run, the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from manganinja import BadRequest
from manganinja.cli import main
from manganinja.flats.assign import LOCK, NEIGHBOUR, SOURCES
from manganinja.flats.flatten import Flats, flatten
from manganinja.flats.painting import painting, shade_and_highlight
from manganinja.flats.palette import read_palette
from manganinja.flats.values import EMPTY, Assignment, Mark, Marks, Palette, Regions

PALETTE = Palette(
    np.array([(250, 246, 235), (200, 60, 60), (40, 90, 200), (240, 200, 60)], np.uint8)
)
PAPER, RED, BLUE, YELLOW = (tuple(colour) for colour in PALETTE.colours.tolist())
SIZE = (400, 300)


def lineart() -> Image.Image:
    """Three rooms in a row."""
    image = Image.new("L", SIZE, 255)
    pen = ImageDraw.Draw(image)
    pen.rectangle((40, 40, 360, 260), outline=0, width=4)
    for x in (140, 250):
        pen.line((x, 40, x, 260), 0, 4)
    return image


def proposal(noise: float = 10, seed: int = 0) -> np.ndarray:
    picture = np.full((75, 100, 3), PAPER, float)
    picture[10:65, 10:35], picture[10:65, 35:62], picture[10:65, 62:90] = RED, BLUE, YELLOW
    picture += np.random.default_rng(seed).normal(0, noise, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def flats() -> Flats:
    return flatten(lineart(), proposal(), PALETTE)


def colours_of(flats: Flats) -> list[tuple[int, ...]]:
    pixels = flats.rgba()
    return [tuple(pixels[150, x].tolist()) for x in (90, 195, 300, 10)]


def test_each_room_has_the_colour_that_most_of_the_proposal_has_there(flats: Flats) -> None:
    assert colours_of(flats) == [(*c, 255) for c in (RED, BLUE, YELLOW, PAPER)]
    assert flats.assignment.confidence.min() > 0.9 and not flats.unsure()
    assert [name for name, _ in flats.seconds] == ["lines", "regions", "colours"]


def test_without_a_palette_the_proposals_own_colours_are_used() -> None:
    clean = flatten(lineart(), proposal(noise=0))
    assert colours_of(clean) == [(*c, 255) for c in (RED, BLUE, YELLOW, PAPER)]


def test_a_mixed_proposal_makes_the_region_unsure_and_says_where() -> None:
    mixed = proposal()
    mixed[37:65, 10:35] = YELLOW
    doubtful = flatten(lineart(), mixed, PALETTE)
    (unsure,) = doubtful.unsure()
    x, y = unsure.at
    assert 45 < x < 138 and 45 < y < 258 and unsure.confidence < 0.6
    assert doubtful.confidence_map()[150, 90] < 160 < doubtful.confidence_map()[150, 195]


def test_an_off_palette_proposal_is_reported() -> None:
    strange = proposal(noise=0)
    strange[10:65, 35:62] = (120, 30, 160)
    flats = flatten(lineart(), strange, PALETTE)
    region = flats.regions.labels[150, 195]
    assert flats.assignment.off_palette[region] > 10
    assert flats.assignment.off_palette[flats.regions.labels[150, 90]] < 1
    assert [unsure.why for unsure in flats.unsure()] == [
        "the palette has no colour like the proposed one"
    ]


def test_specks_between_lines_take_a_neighbours_colour() -> None:
    image = lineart()
    ImageDraw.Draw(image).rectangle((85, 140, 91, 146), outline=0, width=2)
    flats = flatten(image, proposal(), PALETTE)
    speck = flats.regions.labels[143, 88]
    assert SOURCES[flats.assignment.source[speck]] == SOURCES[NEIGHBOUR]
    assert tuple(flats.rgba()[143, 88, :3].tolist()) == RED


@settings(max_examples=20, deadline=None)
@given(
    spots=st.lists(
        st.tuples(st.integers(0, 379), st.integers(0, 279), st.integers(1, 20)), max_size=4
    ),
    colour=st.tuples(*[st.integers(0, 255)] * 3),
    seed=st.integers(0, 3),
)
def test_locked_pixels_never_change(
    spots: list[tuple[int, int, int]], colour: tuple[int, int, int], seed: int
) -> None:
    kept = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    for x, y, side in spots:
        kept[y : y + side, x : x + side] = (*colour, 255)
    flats = flatten(lineart(), proposal(seed=seed), PALETTE, kept=kept)
    locked = kept[..., 3] > 0
    for pixels in (flats.rgba(), painting(flats, proposal(seed=seed, noise=20))):
        np.testing.assert_array_equal(pixels[locked], kept[locked])


def test_a_region_that_is_mostly_locked_keeps_its_colour_throughout() -> None:
    kept = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    kept[40:200, 40:140] = (1, 2, 3, 255)
    flats = flatten(lineart(), proposal(), PALETTE, kept=kept)
    assert tuple(flats.rgba()[250, 90].tolist()) == (1, 2, 3, 255)
    assert flats.assignment.source[flats.regions.labels[250, 90]] == LOCK
    with pytest.raises(BadRequest, match="locks"):
        flatten(lineart(), proposal(), PALETTE, kept=kept[:-1])


def test_the_index_image_is_the_flats(flats: Flats) -> None:
    empty = flats.with_region_colour(int(flats.regions.labels[150, 90]), None)
    for each in (flats, empty):
        indices, table = each.indexed()
        np.testing.assert_array_equal(table[indices], each.rgba())


def test_an_index_image_holds_255_colours_of_those_that_are_used() -> None:
    rooms = np.arange(300, dtype=np.int32).reshape(15, 20)
    regions = Regions(
        labels=rooms,
        lines=np.zeros(rooms.shape, np.uint8),
        areas_px=np.ones(300, np.int64),
        background=np.zeros(300, bool),
        rooms=rooms.ravel(),
    )
    steps = np.arange(300)
    many = Palette(np.stack([steps // 256, steps % 256, steps * 0], axis=1).astype(np.uint8))

    def flats_in(colours: int) -> Flats:
        index = (steps % colours + 300 - colours).astype(np.int32)
        given = Assignment(index, steps * 0.0, steps.astype(np.uint8), steps * 0.0)
        return Flats(regions, many, given)

    indices, table = flats_in(255).indexed()
    np.testing.assert_array_equal(table[indices], flats_in(255).rgba())
    with pytest.raises(BadRequest, match="256 colours"):
        flats_in(256).indexed()


def test_the_pictures_of_each_colour_make_up_the_flats(flats: Flats) -> None:
    together = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    areas = []
    for _, colour, mask in flats.by_colour():
        assert not together[mask].any()
        together[mask] = (*colour, 255)
        areas.append(int((mask & (flats.regions.lines == 0)).sum()))
    np.testing.assert_array_equal(together, flats.rgba())
    assert areas == sorted(areas, reverse=True)


BYTE = st.integers(0, 255)
COLOUR = st.tuples(BYTE, BYTE, BYTE)
PLACE = st.tuples(st.integers(0, SIZE[0] - 1), st.integers(0, SIZE[1] - 1))


@settings(max_examples=20, deadline=None)
@given(entry=st.integers(0, len(PALETTE) - 1), colour=COLOUR)
def test_a_changed_palette_is_a_fresh_paint_with_that_palette(
    flats: Flats, entry: int, colour: tuple[int, int, int]
) -> None:
    colours = PALETTE.colours.copy()
    colours[entry] = colour
    recoloured = flats.with_palette_colour(entry, colour)
    repainted = Flats(flats.regions, Palette(colours), flats.assignment)
    np.testing.assert_array_equal(recoloured.rgba(), repainted.rgba())


@settings(max_examples=20, deadline=None)
@given(at=PLACE, colour=COLOUR)
def test_a_recoloured_region_is_a_fresh_run_with_that_hint(
    flats: Flats, at: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    x, y = at
    before = flats.rgba()
    one = flats.with_region_colour(int(flats.regions.labels[y, x]), colour)
    asked = flatten(lineart(), proposal(), PALETTE, Marks(hints=[Mark((x, y), colour)]))
    np.testing.assert_array_equal(one.rgba(), asked.rgba())
    np.testing.assert_array_equal(flats.rgba(), before)


@settings(max_examples=20, deadline=None)
@given(at=PLACE, colour=COLOUR)
def test_a_pairs_region_has_exactly_its_colour(
    at: tuple[int, int], colour: tuple[int, int, int]
) -> None:
    x, y = at
    marks = Marks(pairs=[((x + 0.5, y + 0.5), colour)])
    flats = flatten(lineart(), proposal(), PALETTE, marks)
    own = flats.regions.labels == flats.regions.labels[y, x]
    assert own.sum() > 1 and (flats.rgba()[own] == (*colour, 255)).all()


def test_flats_shade_and_highlight_make_the_painting(flats: Flats) -> None:
    soft = proposal(noise=20)
    painted = painting(flats, soft)
    assert painted.shape == (SIZE[1], SIZE[0], 4) and (painted[..., 3] == 255).all()
    shade, highlight = (a.astype(float) for a in shade_and_highlight(flats, painted))
    multiplied = flats.rgba()[..., :3] * shade / 255
    screened = 255 - (255 - multiplied) * (255 - highlight) / 255
    assert np.abs(screened - painted[..., :3]).max() <= 1.5
    nothing = flats.with_region_colour(int(flats.regions.labels[150, 90]), None)
    assert tuple(painting(nothing, soft)[150, 90].tolist()) == (0, 0, 0, 0)


def test_a_region_keeps_its_shading_in_whatever_colour() -> None:
    shaded = proposal(noise=0)
    half = len(shaded) // 2
    shaded[half:] = np.maximum(shaded[half:], 12) - 12
    plain = flatten(lineart(), shaded, PALETTE)
    region = int(plain.regions.labels[150, 90])
    inside = (plain.regions.labels == region) & (plain.regions.lines == 0)
    rows = np.nonzero(inside)[0]
    top, bottom = inside.copy(), inside.copy()
    top[(rows.min() + rows.max()) // 2 - 15 :] = bottom[: (rows.min() + rows.max()) // 2 + 15] = 0
    for flats in (plain, plain.with_region_colour(region, (120, 130, 140))):
        painted = painting(flats, shaded)[..., :3].astype(int)
        difference = painted[top].mean(axis=0) - painted[bottom].mean(axis=0)
        assert (difference > 6).all()
        paper = flats.regions.background[flats.regions.labels]
        assert (painted[paper] == PAPER).all()


def test_nothing_said_gives_nothing_and_lists_it() -> None:
    bare = flatten(lineart(), None, PALETTE)
    assert (bare.assignment.index == EMPTY).all() and len(bare.unsure()) == 4
    assert not bare.rgba().any()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lineart().save(tmp_path / "lines.png")
    Image.fromarray(proposal()).save(tmp_path / "proposal.png")
    (tmp_path / "colours.txt").write_text("\n".join(PALETTE.names))
    hints = {"hints": [{"lineart": [195, 150], "colour": "#0102ff"}]}
    (tmp_path / "points.json").write_text(json.dumps(hints))
    return tmp_path


def arguments(folder: Path, **changes: str | None) -> list[str]:
    options: dict[str, str | None] = {
        "lineart": str(folder / "lines.png"),
        "proposal": str(folder / "proposal.png"),
        "palette": str(folder / "colours.txt"),
        "points": str(folder / "points.json"),
        "output": str(folder / "out"),
        **changes,
    }
    given = [(f"--{name}", value) for name, value in options.items() if value is not None]
    return ["flats", *(part for option in given for part in option)]


def test_the_command_writes_every_form(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folder)) == 0
    out = folder / "out"
    flat = Image.open(out / "flats.png")
    assert flat.getpixel((195, 150)) == (1, 2, 255, 255) and flat.getpixel((90, 150)) == (*RED, 255)
    index = Image.open(out / "index.png")
    assert index.mode == "P"
    np.testing.assert_array_equal(np.asarray(index.convert("RGBA")), np.asarray(flat))
    names = {path.name for path in out.iterdir()}
    assert {"painting.png", "shade.png", "highlight.png", "confidence.png"} <= names
    assert json.loads((out / "unsure.json").read_text()) == []
    assert tuple(read_palette(out / "palette.gpl").colours[1].tolist()) == RED
    assert len([name for name in names if name.startswith("colour_")]) == 4
    assert "4 regions in 5 colours" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"proposal": None, "points": None}, "nothing to take colours from"),
        ({"lineart": "nowhere.png"}, "no file"),
        ({"gap": "40"}, "0 to 32"),
        ({"palette": "nowhere.gpl"}, "nowhere.gpl"),
        ({"locks": "PROPOSAL"}, "locks"),
        ({"output": "FILE/x"}, "can't be written"),
    ],
)
def test_bad_input_is_a_sentence(
    folder: Path, changes: dict[str, str | None], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"PROPOSAL": str(folder / "proposal.png"), "FILE/x": str(folder / "lines.png" / "x")}
    changes = {name: known.get(value or "", value) for name, value in changes.items()}
    assert main(arguments(folder, **changes)) == 1
    said = capsys.readouterr().err
    assert word in said and "Traceback" not in said


def test_a_proposal_of_another_shape_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (50, 90)).save(folder / "tall.png")
    assert main(arguments(folder, proposal=str(folder / "tall.png"))) == 1
    assert "not the shape of the line art" in capsys.readouterr().err


def test_a_second_result_in_the_same_folder_takes_the_firsts_place(folder: Path) -> None:
    assert main(arguments(folder)) == 0
    (folder / "out" / "sketch.png").write_bytes(b"the artist's own")
    Image.fromarray(np.full((75, 100, 3), RED, np.uint8)).save(folder / "proposal.png")
    assert main(arguments(folder, points=None)) == 0
    names = {path.name for path in (folder / "out").iterdir()}
    assert len([name for name in names if name.startswith("colour_")]) == 1
    assert "sketch.png" in names
    assert main(arguments(folder, proposal=None)) == 0
    assert not (folder / "out" / "painting.png").exists()


def test_layers_and_locks_together_are_the_flats(folder: Path) -> None:
    locks = np.zeros((SIZE[1], SIZE[0], 4), np.uint8)
    locks[100:200, 60:120] = (7, 8, 9, 255)
    locks[100:200, 220:280] = (90, 8, 9, 100)
    Image.fromarray(locks).save(folder / "locks.png")
    assert main(arguments(folder, locks=str(folder / "locks.png"))) == 0
    out = folder / "out"
    for kind in ("colour", "figure"):
        page = Image.new("RGBA", SIZE)
        for layer in [*sorted(out.glob(f"{kind}_*.png")), out / "locked.png"]:
            page = Image.alpha_composite(page, Image.open(layer))
        whole = np.asarray(Image.open(out / "flats.png")).astype(int)
        if kind == "figure":
            whole[np.asarray(page)[..., 3] == 0] = 0
        assert np.abs(np.asarray(page).astype(int) - whole).max() <= 1


def test_each_figure_of_a_page_has_a_layer_of_its_own() -> None:
    image = Image.new("L", (600, 300), 255)
    pen = ImageDraw.Draw(image)
    for left, right in ((40, 400), (450, 560)):
        pen.rectangle((left, 60, right, 240), outline=0, width=4)
        pen.line((left + 50, 60, left + 50, 240), 0, 4)
    pen.ellipse((10, 10, 26, 26), outline=0, width=3)
    flats = flatten(image, np.full((30, 60, 3), RED, np.uint8), PALETTE)
    layers = dict(flats.by_figure())
    shown = [
        [bool(layer[y, x, 3]) for x, y in ((200, 150), (500, 150), (18, 18), (5, 290))]
        for layer in layers.values()
    ]
    assert shown == [
        [True, False, False, False],
        [False, True, False, False],
        [False, False, True, False],
    ]


def test_pairs_of_another_reference_and_outside_are_named_and_left_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = Image.fromarray(proposal(noise=0)).resize(SIZE)
    reference.save(folder / "reference.png")
    pairs = [
        {"reference": [300, 150], "lineart": [90, 150]},
        {"reference": [300, 150], "lineart": [195, 150], "reference_index": 3},
        {"reference": [9000, 150], "lineart": [300, 150]},
    ]
    (folder / "points.json").write_text(json.dumps({"pairs": pairs}))
    changes = {"reference": str(folder / "reference.png"), "palette": None}
    assert main(arguments(folder, **changes)) == 0
    assert "Pairs 2, 3 lie outside" in capsys.readouterr().out
    flat = Image.open(folder / "out" / "flats.png")
    assert flat.getpixel((90, 150)) == (*YELLOW, 255) and flat.getpixel((300, 150)) == (
        *YELLOW,
        255,
    )
    assert flat.getpixel((195, 150)) == (*BLUE, 255)
