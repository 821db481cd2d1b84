# SPDX-License-Identifier: GPL-3.0-or-later
"""`--model match`: from line art to flats with the shipped weights, and what always holds."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from benchmarks.examples import EXAMPLES, true_flats
from manganinja.cli import main
from manganinja.errors import BadRequest, BadWeights, ModelNotFound
from manganinja.files import to_image, to_picture
from manganinja.finishing import flats_for, prepare
from manganinja.flats.flatten import cut_regions
from manganinja.flats.spreading import Spreading
from manganinja.match.known import true_entries
from manganinja.match.matched import Matched, Words, blended
from manganinja.match.network import gather
from manganinja.match.painter import Matching
from manganinja.match.samples import sample_of
from manganinja.match.weights import Blend, TrainedMatcher, load_matcher
from manganinja.train.drawings import draw_pair
from manganinja.train.pool import HELD_OUT_SEED
from manganinja.weights.find import MATCHER
from manganinja.wire.protocol import ColorizeRequest, FlatsOptions, Pair, Point
from server.catalogue import bundled, describe

from .drawn import GOLD, OWN, PAPER, PINK, TEAL, at, house, request

SPARE = (120, 60, 160)
WALL, ROOF, WINDOW, DOOR, GROUND = (200, 250), (150, 70), (150, 105), (115, 240), (20, 20)


@pytest.fixture(scope="module")
def matcher() -> TrainedMatcher:
    return load_matcher()


@pytest.fixture(scope="module")
def matching(matcher: TrainedMatcher) -> Matching:
    return Matching(matcher)


def coloured(matching: Matching, asked: ColorizeRequest) -> np.ndarray:
    return np.asarray(to_image(matching.paint(asked).picture).convert("RGB"))


def test_the_weights_are_small_and_their_settings_lie_beside_them() -> None:
    assert (MATCHER / "matcher.safetensors").stat().st_size < 6_000_000
    settings = json.loads((MATCHER / "training_config.json").read_text())
    curve = [json.loads(row) for row in (MATCHER / "training_curve.jsonl").read_text().splitlines()]
    assert settings["network"] == json.loads((MATCHER / "config.json").read_text())["network"]
    assert curve[-1]["loss"] < 0.6 * curve[0]["loss"]


def test_a_drawing_takes_its_own_colours(matching: Matching) -> None:
    pixels = coloured(matching, request())
    found = [at(pixels, *place) for place in (WALL, ROOF, WINDOW, DOOR, GROUND)]
    assert found == [TEAL, PINK, GOLD, GOLD, PAPER]


def test_paper_that_is_transparent_in_the_reference_stays_empty_without_doubt(
    matching: Matching,
) -> None:
    cut_out = np.dstack([np.asarray(house(True)), np.full((300, 300), 255, np.uint8)])
    cut_out[(cut_out[..., :3] == PAPER).all(axis=2), 3] = 0
    picture = to_picture(Image.fromarray(cut_out))
    # A pair beside it, whose colour must not run out over the page.
    pairs = (Pair(Point(*ROOF), Point(*WALL)),)
    painting = matching.paint(request(references=(picture,), pairs=pairs))
    pixels = np.asarray(to_image(painting.picture).convert("RGBA"))
    assert pixels[GROUND[1], GROUND[0], 3] == 0
    assert at(pixels, *WALL) == at(pixels, *ROOF) == PINK
    assert not any(
        (round(u.at.x_px) < 40 or round(u.at.y_px) < 40) for u in painting.info.unsure
    ), painting.info.unsure


def test_pairs_always_win(matching: Matching) -> None:
    pairs = (Pair(Point(*ROOF), Point(*WALL)), Pair(Point(*WALL), Point(*WINDOW)))
    painting = matching.paint(request(pairs=pairs))
    pixels = np.asarray(to_image(painting.picture).convert("RGB"))
    assert (at(pixels, *WALL), at(pixels, *WINDOW)) == (PINK, TEAL)
    assert len(painting.layers) == 1


def test_a_pair_is_believed_by_the_network(matcher: TrainedMatcher) -> None:
    """On held-out drawings a pair that contradicts the drawing moves its region to its colour."""
    config = replace(OWN, size_px=192, turned=0, stranger=0, missing=0, inked=0)
    own = []
    for seed in range(HELD_OUT_SEED + 700, HELD_OUT_SEED + 712):
        drawn = sample_of(seed, config)
        assert drawn is not None
        lineart, reference = drawn.lineart, drawn.reference
        parts, large = lineart.parts, lineart.areas_px > 20
        rows = [
            r for r in np.flatnonzero(large & (parts > 0)) if (parts[large] == parts[r]).sum() > 1
        ]
        sources = np.flatnonzero((reference.parts > 0) & (reference.areas_px > 40))
        if not len(rows) or not len(sources):
            continue
        row = int(rows[0])
        foreign = sources[reference.parts[sources] != parts[row]]
        source = int(foreign[seed % len(foreign)])
        told = reference.colours == reference.colours[source]
        likely = []
        for ends in ([], [(row, source)]):
            numbered = [[(end[side], 0) for end in ends] for side in (0, 1)]
            with torch.inference_mode():
                found = matcher.network(
                    gather([lineart.figure], [numbered[0]]),
                    gather([reference.figure], [numbered[1]]),
                )[-1][0]
            likely.append(found.softmax(dim=1)[:, :-1].numpy()[:, told].sum(axis=1))
        own.append(likely[1][row] - likely[0][row])
    assert len(own) >= 6
    assert np.mean(own) > 0.3


def test_what_the_reference_lacks_is_asked_about(matching: Matching) -> None:
    """A reference of one thing for the drawing of another."""
    other = Image.new("RGB", (300, 300), PAPER)
    other.paste((120, 40, 160), (100, 20, 130, 290))
    painting = matching.paint(request(references=(to_picture(other),)))
    places = {(round(u.at.x_px), round(u.at.y_px)) for u in painting.info.unsure}
    assert len(places) >= 3
    assert painting.info.notes


def test_both_words_count_and_doubt_is_doubt() -> None:
    network = np.array([[0.9, 0.05], [0.9, 0.05], [0.02, 0.02], [np.nan, np.nan], [0.9, 0.05]])
    places = np.array([[0.8, 0.1], [0.1, 0.8], [0.02, 0.02], [0.3, 0.4], [0.0, 1.0]])
    words = Words(network, places, network)
    alone = blended(words, Blend(network=0.0, places=1.0, floor=1e-9))
    np.testing.assert_allclose(alone, places, atol=1e-6)
    both = blended(words, Blend(network=0.8, places=0.8, floor=0.01))
    assert both[0, 0] > 0.9 > both[1].max(), "agreement is surer than contradiction"
    assert both[2].sum() < 0.3, "none of these stays none of these"
    assert both[3].tolist() == [0.3, 0.4] and both[4].tolist() == [0.0, 1.0]


def test_features_decide_where_the_others_are_divided() -> None:
    network, places = np.array([[0.6, 0.3], [np.nan] * 2]), np.array([[0.3, 0.6], [0.1, 0.2]])
    for column in (0, 1):
        features = np.full((2, 2), 0.02)
        features[:, column] = 0.98
        found = blended(Words(network, places, features), Blend(0.5, 0.5, 0.5, floor=0.01))
        assert found[0].argmax() == column
        assert found[1].tolist() == [0.1, 0.2], "what nobody has looked at, places decide"


def test_the_features_alone_find_a_drawing_again(matcher: TrainedMatcher) -> None:
    cut = prepare(request(), {})
    assert cut.cut is not None
    sheets, regions = list(zip(cut.pictures, cut.references)), cut.cut.regions
    words = Matched(sheets, [], matcher=matcher).words(regions, cut.palette)
    assert words.features.shape == words.network.shape
    rows = [int(regions.labels[y, x]) for x, y in (WALL, ROOF, WINDOW, DOOR)]
    found = [tuple(cut.palette.colours[words.features[row].argmax()].tolist()) for row in rows]
    assert found == [TEAL, PINK, GOLD, GOLD]
    np.testing.assert_allclose(words.features[rows].sum(axis=1), 1)


def test_a_reference_of_no_weight_says_nothing_by_its_features(matcher: TrainedMatcher) -> None:
    cut = prepare(request(references=(to_picture(house(True)), to_picture(house(True)))), {})
    assert cut.cut is not None
    sheets = list(zip(cut.pictures, cut.references))
    with_first = Matched(sheets, [], weights=[1.0, 1e-9], matcher=matcher)
    alone = Matched(sheets[:1], [], matcher=matcher)
    found, known = (m.words(cut.cut.regions, cut.palette).features for m in (with_first, alone))
    np.testing.assert_allclose(found, known, atol=1e-6)


@pytest.mark.parametrize(("name", "least"), [("animal", 50)])
def test_the_example_from_the_command_line(
    name: str, least: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = EXAMPLES / name, tmp_path / "out.png"
    places = [f"--{kind}={folder / kind}.png" for kind in ("lineart", "reference")]
    assert main(["colorize", "--model", "match", *places, f"--output={out}"]) == 0
    assert "with the matcher" in capsys.readouterr().out
    truth, painted = true_flats(folder), np.asarray(Image.open(out).convert("RGBA"))
    regions = cut_regions(Image.open(folder / "lineart.png")).regions
    free = regions.lines == 0
    same = (painted[..., :3] == truth).all(axis=2) & (painted[..., 3] > 0)
    right = np.bincount(regions.labels[free & same], minlength=regions.count)
    assert np.count_nonzero(2 * right > regions.areas_px) >= least
    known = {tuple(c) for c in truth.reshape(-1, 3)[::97].tolist()}
    used = {tuple(c) for c in painted[painted[..., 3] > 0][::997, :3].tolist()}
    assert len(used - known) <= 3, "colours are the reference's, to the byte"


def test_it_finds_more_than_places_and_shapes_alone(matcher: TrainedMatcher) -> None:
    right = {"places": 0, "both": 0}
    for seed in range(HELD_OUT_SEED + 800, HELD_OUT_SEED + 806):
        pair = draw_pair(seed, 256)
        asked = request(
            lineart=to_picture(Image.fromarray(pair.target.lineart)),
            references=(to_picture(Image.fromarray(pair.reference.colour)),),
        )
        ground = prepare(asked, {})
        assert ground.cut is not None
        truth = true_entries(pair, ground.cut.regions, ground.references[0])
        counted = (ground.cut.regions.areas_px > 10) & (truth >= 0)
        for name, spreading in (("places", Spreading), ("both", partial(Matched, matcher=matcher))):
            flats = flats_for(ground, None, spreading=spreading)
            first = np.unique(ground.cut.regions.labels, return_index=True)[1]
            given = flats.assignment.index[flats.regions.labels.ravel()[first]]
            right[name] += int((given == truth)[counted].sum())
    assert right["both"] > right["places"]


def test_options_hold_as_with_any_model(matching: Matching) -> None:
    locks = np.zeros((300, 300, 4), np.uint8)
    locks[150:185, 65:235] = 1, 2, 3, 255
    asked = request(
        flats=FlatsOptions(empty_background=True, palette=("#ff0000", "#00ff00", "#0000ff")),
        locks=to_picture(Image.fromarray(locks)),
    )
    pixels = np.asarray(to_image(matching.paint(asked).picture).convert("RGBA"))
    assert pixels[20, 20, 3] == 0
    assert pixels[170, 100].tolist() == [1, 2, 3, 255]
    known = {(255, 0, 0), (0, 255, 0), (0, 0, 255), (1, 2, 3)}
    assert {tuple(c) for c in pixels[pixels[..., 3] > 0][:, :3].tolist()} <= known
    with pytest.raises(BadRequest, match="With the matcher nothing is painted"):
        matching.paint(request(flats=FlatsOptions("painting")))


def test_several_references_are_looked_at(matching: Matching) -> None:
    blank = Image.new("RGB", (200, 200), PAPER)
    both = (to_picture(blank), to_picture(house(True)))
    pixels = coloured(matching, request(references=both))
    assert (at(pixels, *WALL), at(pixels, *ROOF)) == (TEAL, PINK)


def test_a_model_sheet_says_as_much_as_its_figure(matching: Matching) -> None:
    """Several views, leader lines, lettering, and swatches, one of a colour that nothing has."""
    page = Image.new("RGB", (1100, 460), PAPER)
    for place, left in enumerate((10, 330)):
        figure = (
            house(True) if place == 0 else house(True).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        )
        page.paste(figure.convert("RGB"), (left, 100))
    draw = ImageDraw.Draw(page)
    draw.text((30, 20), "The house, from the front and from behind", (30, 30, 30))
    for row, (colour, end) in enumerate([(PINK, (500, 220)), (TEAL, (530, 350)), (SPARE, None)]):
        y = 90 + 90 * row
        if end is not None:
            draw.line((*end, 800, y + 20), (30, 30, 30), 2)
        draw.rectangle((800, y, 850, y + 44), colour, (30, 30, 30), 2)
        draw.text((870, y + 14), "as on the card", (30, 30, 30))
    sheet = to_picture(page)
    pixels = coloured(matching, request(references=(sheet,)))
    plain = coloured(matching, request(references=(to_picture(house(True)),)))
    assert (pixels == plain).all(axis=2).mean() > 0.99
    # A swatch is a colour that an artist may point at; it says nothing of what else has it.
    pair = Pair(Point(825, 292), Point(*WALL))
    pointed = coloured(matching, request(references=(sheet,), pairs=(pair,)))
    assert at(pointed, *WALL) == SPARE and at(pointed, *ROOF) == PINK


def test_the_server_offers_it() -> None:
    assert [model.name for model in bundled()] == ["match", "mini", "none"]
    card = describe("match")
    assert card.title == "Matcher: flats alone, fast" and "GPL" in card.licence


def test_damaged_and_missing_weights_are_told(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="There is no matcher"):
        load_matcher(str(tmp_path))
    for name in ("matcher.safetensors", "config.json"):
        (tmp_path / name).write_bytes((MATCHER / name).read_bytes())
    whole = json.loads((MATCHER / "config.json").read_text())
    for wrong in (
        {"title": 3},
        {**whole, "network": {**whole["network"], "channels": []}},
        {**whole, "blend": {"network": "x"}},
    ):
        (tmp_path / "config.json").write_text(json.dumps(wrong))
        with pytest.raises(BadWeights, match="can't be read"):
            load_matcher(str(tmp_path))
    # A folder whose blend counts features, and that has none, or half of the file.
    (tmp_path / "config.json").write_text(json.dumps(whole))
    trunk = (MATCHER / "trunk.safetensors").read_bytes()
    for kept in (None, trunk[: len(trunk) // 2]):
        if kept is not None:
            (tmp_path / "trunk.safetensors").write_bytes(kept)
        with pytest.raises(BadWeights, match="can't be read"):
            load_matcher(str(tmp_path))
    (tmp_path / "trunk.safetensors").write_bytes(trunk)
    assert load_matcher(str(tmp_path)).blend == load_matcher().blend
