# SPDX-License-Identifier: GPL-3.0-or-later
"""From a proposal to what the artist gets: exact colours, marks that win, nothing lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manganinja import finishing
from manganinja.files import to_image, to_picture
from manganinja.finishing import finish, flats_for, prepare, unsure_note
from manganinja.flats.flatten import flatten
from manganinja.flats.values import Mark, Marks, hex_name
from manganinja.points import PointPair
from manganinja.wire.protocol import ColorizeRequest, FlatsOptions, Hint, Layer, Point

TEAL, PINK, PAPER = (0, 128, 128), (255, 105, 180), (250, 246, 235)
LEFT, RIGHT, OUTSIDE = (200, 300), (400, 300), (20, 20)


def lineart(gap: int = 0) -> Image.Image:
    """Two rooms side by side; a gap in the outer wall of the right one."""
    image = Image.new("RGBA", (600, 600), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    pen.rectangle((100, 100, 500, 500), outline="black", width=5)
    pen.line((300, 100, 300, 500), "black", 5)
    if gap:
        pen.rectangle((490, 300 - gap // 2, 510, 299 - gap // 2 + gap), fill=(0, 0, 0, 0))
    return image


def reference() -> Image.Image:
    image = Image.new("RGB", (300, 300), PAPER)
    pen = ImageDraw.Draw(image)
    pen.rectangle((40, 40, 150, 260), fill=TEAL, outline="black", width=3)
    pen.rectangle((150, 40, 260, 260), fill=PINK, outline="black", width=3)
    return image


def proposal() -> np.ndarray:
    """What a network makes of it: blurred, drifting, noisy."""
    rng = np.random.default_rng(0)
    picture = np.full((60, 60, 3), PAPER, float)
    picture[10:50, 10:30], picture[10:50, 30:50] = TEAL, PINK
    blurred = (picture + np.roll(picture, 1, 0) + np.roll(picture, 1, 1)) / 3 + 12
    return np.clip(blurred + rng.normal(0, 14, picture.shape), 0, 255).astype(np.uint8)


def request(image: Image.Image | None = None, **flats: object) -> ColorizeRequest:
    return ColorizeRequest(
        to_picture(image or lineart()),
        (to_picture(reference()),),
        flats=FlatsOptions(**flats),  # type: ignore[arg-type]
    )


def result(asked: ColorizeRequest, *pairs: PointPair) -> tuple[np.ndarray, list[str]]:
    finished = finish(prepare(asked, dict(enumerate(pairs, start=1))), proposal())
    pixels = np.asarray(to_image(finished.layers[0].picture))
    assert pixels.shape == (600, 600, 4)
    return pixels, [*finished.notes, *unsure_note(finished.unsure)]


def at(pixels: np.ndarray, place: tuple[int, int]) -> tuple[int, ...]:
    return tuple(pixels[place[1], place[0]].tolist())


def test_what_is_locked_stays_and_its_region_keeps_that_colour() -> None:
    kept = Image.new("RGBA", (600, 600), (0, 0, 0, 0))
    ImageDraw.Draw(kept).rectangle((110, 110, 290, 400), fill=(9, 9, 99, 255))
    kept.putpixel(RIGHT, (1, 2, 3, 255))
    for kind in ("flats", "painting"):
        pixels, _ = result(replace(request(result=kind), locks=to_picture(kept)))
        assert (pixels[110:401, 110:291] == (9, 9, 99, 255)).all()
        assert at(pixels, RIGHT) == (1, 2, 3, 255)
        if kind == "flats":
            assert at(pixels, (200, 450)) == (9, 9, 99, 255)
            assert at(pixels, (400, 450)) == (*PINK, 255)


def test_flats_are_the_references_exact_colours_under_the_lines_too() -> None:
    pixels, notes = result(request())
    assert not notes
    assert {tuple(c) for c in np.unique(pixels.reshape(-1, 4), axis=0).tolist()} == {
        (*TEAL, 255),
        (*PINK, 255),
        (*PAPER, 255),
    }
    assert at(pixels, LEFT) == (*TEAL, 255) and at(pixels, RIGHT) == (*PINK, 255)
    (borders,) = np.nonzero((pixels[300, 1:] != pixels[300, :-1]).any(axis=1))
    assert np.abs(borders - [102, 302, 498]).max() <= 2


def test_a_pair_wins_over_the_proposal() -> None:
    pixels, _ = result(request(), PointPair((200, 150), LEFT))
    assert at(pixels, LEFT) == (*PINK, 255)


def test_where_the_network_is_wrong_the_references_regions_decide() -> None:
    wrong = proposal()
    wrong[:, :30] = wrong[:, 30:][:, ::-1]
    flats = flats_for(prepare(request(), {}), wrong)
    assert at(flats.rgba(), LEFT) == (*TEAL, 255) and at(flats.rgba(), RIGHT) == (*PINK, 255)
    places = {(region.at[0] < 300) for region in flats.unsure()}
    assert places <= {True}


def test_a_point_on_a_line_of_the_reference_means_the_flat_beside_it() -> None:
    pixels, _ = result(request(), PointPair((259, 150), LEFT))
    assert at(pixels, LEFT) in ((*PINK, 255), (*PAPER, 255))


def test_hints_and_empty_marks_win_too() -> None:
    hints = (Hint(Point(*LEFT), "#123456"), Hint(Point(*RIGHT), None))
    pixels, _ = result(request(hints=hints), PointPair((200, 150), OUTSIDE))
    assert at(pixels, LEFT) == (0x12, 0x34, 0x56, 255)
    assert at(pixels, RIGHT)[3] == 0
    assert at(pixels, OUTSIDE) == (*PINK, 255)


def test_two_colours_in_one_region_divide_it_at_its_gap() -> None:
    pixels, notes = result(
        request(lineart(gap=40), gap_px=4.0),
        PointPair((100, 150), RIGHT),
        PointPair((200, 150), OUTSIDE),
    )
    assert at(pixels, RIGHT) == (*TEAL, 255) and at(pixels, OUTSIDE) == (*PINK, 255)
    assert at(pixels, (480, 150)) == (*TEAL, 255) and at(pixels, (560, 400)) == (*PINK, 255)
    assert "divided" in notes[0]


def test_a_press_after_a_changed_dot_looks_at_no_picture_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result(request(), PointPair((100, 150), LEFT))

    def never(*_: object, **__: object) -> None:
        raise AssertionError("worked out again")

    for name in ("extract_palette", "read_sheet"):
        monkeypatch.setattr(finishing, name, never)
    monkeypatch.setattr("manganinja.flats.flatten.segment", never)
    pixels, _ = result(request(), PointPair((100, 150), RIGHT))
    assert at(pixels, RIGHT) == (*TEAL, 255)
    with pytest.raises(AssertionError):
        result(request(lineart(gap=6)))


def test_a_point_on_a_line_is_named_and_counts_for_the_region_beside_it() -> None:
    pixels, notes = result(request(), PointPair((200, 150), (102, 300)))
    assert "On a line" in notes[0] and "(102, 300)" in notes[0]
    assert (*PINK, 255) in (at(pixels, LEFT), at(pixels, OUTSIDE))


def test_paper_round_the_drawing_can_stay_empty() -> None:
    pixels, _ = result(request(empty_background=True))
    assert at(pixels, OUTSIDE)[3] == 0 and at(pixels, LEFT)[3] == 255


def test_a_palette_of_the_artists_is_kept_to() -> None:
    pixels, _ = result(request(palette=("#00aaaa", "#ff0000", "#ffffff")))
    assert at(pixels, LEFT) == (0, 0xAA, 0xAA, 255)
    assert at(pixels, RIGHT) == (255, 0, 0, 255)
    assert at(pixels, OUTSIDE) == (255, 255, 255, 255)


def test_the_painting_keeps_its_shading_inside_the_regions() -> None:
    pixels, _ = result(request(result="painting"))
    left = pixels[110:490, 110:290, :3].astype(int)
    assert len(np.unique(left.reshape(-1, 3), axis=0)) > 100
    assert np.abs(left - TEAL).max() < 90
    # Where the two rooms meet, nothing of one's colour is in the other.
    assert (pixels[150:450, 296:300, 0] < 100).all() and (pixels[150:450, 306:310, 0] > 120).all()


def test_the_artist_is_told_what_is_written_on_a_reference() -> None:
    written = reference()
    for place in ((30, 20), (200, 20), (400, 20)):
        ImageDraw.Draw(written).text(place, "front, for page 3", (0, 0, 0, 255))
    asked = replace(request(), references=(to_picture(written),))
    plain, said = result(request()), result(asked)
    assert any("Left out of the reference: lettering" in note for note in said[1])
    assert not any("Left out" in note for note in plain[1])


def test_line_art_without_regions_gives_what_the_network_painted_and_says_so() -> None:
    ink = Image.new("RGBA", (600, 600), "black")
    ink.paste((0, 0, 0, 0), (0, 0, 600, 20))
    asked = request(ink)
    pixels, notes = result(asked)
    raw, _ = result(replace(asked, flats=FlatsOptions("proposal")))
    np.testing.assert_array_equal(pixels, raw)
    assert len(notes) == 1 and "what the network paints" in notes[0]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 500)])
def test_the_smallest_line_art_does_no_harm(size: tuple[int, int]) -> None:
    asked = request(Image.new("RGB", size, "white"))
    finished = finish(prepare(asked, {}), proposal())
    picture = finished.layers[0].picture
    assert (picture.width_px, picture.height_px) == size and finished.notes


def test_a_region_behind_a_closed_gap_follows_the_one_that_is_known() -> None:
    lines = lineart(gap=6)
    flats = flatten(lines, None, marks=Marks(hints=[Mark(LEFT, TEAL), Mark(OUTSIDE, PINK)]))
    pixels = flats.rgba()
    assert at(pixels, RIGHT) == (*PINK, 255) and at(pixels, LEFT) == (*TEAL, 255)
    closed = flatten(lineart(), None, marks=Marks(hints=[Mark(LEFT, TEAL), Mark(OUTSIDE, PINK)]))
    assert at(closed.rgba(), RIGHT)[3] == 0
    assert [unsure.why for unsure in closed.unsure()] == ["no colour was found"]


def blended(layers: Sequence[Layer]) -> np.ndarray:
    """(H, W, 4) of what a painting program shows of a group of layers on nothing."""
    shown = np.asarray(to_image(layers[0].picture)).astype(float)
    for layer in layers[1:]:
        over = np.asarray(to_image(layer.picture)).astype(float)
        below = shown[..., :3]
        mixed = {
            "multiply": below * over[..., :3] / 255,
            "screen": 255 - (255 - below) * (255 - over[..., :3]) / 255,
            "normal": over[..., :3],
        }[layer.blend]
        opaque = over[..., 3] > 0
        # What lies over nothing is seen as it is.
        mixed[shown[..., 3] == 0] = over[..., :3][shown[..., 3] == 0]
        shown[opaque, :3], shown[opaque, 3] = mixed[opaque], 255
    return shown


def test_flats_with_shade_and_highlight_over_them_are_the_painting() -> None:
    hints = (Hint(Point(*RIGHT), None),)
    asked = request(result="layers", hints=hints)
    layers = finish(prepare(asked, {}), proposal()).layers
    assert [(layer.name, layer.blend) for layer in layers] == [
        ("Flats", "normal"),
        ("Shade", "multiply"),
        ("Highlight", "screen"),
    ]
    flats, _ = result(request(hints=hints))
    np.testing.assert_array_equal(np.asarray(to_image(layers[0].picture)), flats)
    painted, _ = result(request(result="painting", hints=hints))
    shown = blended(layers)
    np.testing.assert_array_equal(shown[..., 3], painted[..., 3])
    seen = painted[..., 3] > 0
    assert np.abs(shown[seen] - painted[seen]).max() <= 1.01
    assert at(painted, RIGHT)[3] == 0 and np.abs(painted[seen] - flats[seen].astype(int)).max() > 20


def test_flats_travel_by_index_unless_pixels_are_locked() -> None:
    kept = Image.new("RGBA", (600, 600), (0, 0, 0, 0))
    kept.putpixel(RIGHT, (1, 2, 3, 255))
    locks = to_picture(kept)
    for kind, formats in (("flats", ["rgba8"]), ("colours", ["index8", "rgba8"])):
        plain = finish(prepare(request(result=kind), {}), proposal()).layers
        assert [layer.picture.format for layer in plain] == ["index8"]
        assert set(plain[0].picture.table) == {None, *map(hex_name, (TEAL, PINK, PAPER))}
        locked = finish(prepare(replace(request(result=kind), locks=locks), {}), proposal()).layers
        assert [layer.picture.format for layer in locked] == formats
        shown = blended(locked)
        assert at(shown, RIGHT) == (1, 2, 3, 255) and at(shown, LEFT) == (*TEAL, 255)


def test_unsure_regions_are_listed_with_a_place_and_a_reason() -> None:
    unsure = finish(prepare(request(palette=("#ff0000", "#00ff00")), {}), proposal()).unsure
    assert unsure and all(0 <= u.confidence <= 1 and u.why for u in unsure)
    inside = [(100 < u.at.x_px < 500, 100 < u.at.y_px < 500) for u in unsure]
    assert (True, True) in inside
    assert unsure_note(unsure)[0].count("(") == min(5, len(unsure))
