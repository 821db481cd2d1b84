# SPDX-License-Identifier: GPL-3.0-or-later
"""Painted references: one colour for each material, however it is shaded."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from manganinja.flats.materials import find_materials
from manganinja.flats.oklab import distance, to_oklab
from manganinja.flats.palette import entries_of, extract_palette, reference_colour_at

Colour = tuple[int, int, int]
SKIN, MINT, MINT_LIGHT, WHITE = (251, 236, 225), (172, 205, 170), (241, 255, 240), (252, 252, 252)
LINE = (40, 30, 40)
SIZE = 400


def painted(grain: float = 0.0) -> np.ndarray:
    """A figure in soft and hard shades, its parts divided by lines: (H, W, 4)."""
    picture = np.zeros((SIZE, SIZE, 4), np.uint8)
    # A dress: soft from light to mint, with the hard edge of a light on it.
    shade = np.linspace(0, 1, 200)[:, None, None]
    dress = (1 - shade) * np.array([215, 236, 213]) + shade * np.array(MINT)
    picture[180:380, 60:340, :3] = dress.round()
    picture[230:300, 120:200, :3] = MINT_LIGHT
    # A face whose shadow has another hue, and a white collar.
    picture[30:150, 120:280, :3] = SKIN
    picture[30:150, 240:280, :3] = (235, 177, 161)
    picture[150:180, 120:280, :3] = WHITE
    alpha = np.zeros((SIZE, SIZE), np.uint8)
    alpha[180:380, 60:340] = alpha[30:180, 120:280] = 255
    for box in ((60, 180, 340, 380), (120, 30, 280, 150), (120, 150, 280, 180)):
        cv2.rectangle(picture, box[:2], box[2:], (*LINE, 255), 3)
        cv2.rectangle(alpha, box[:2], box[2:], (255,), 3)
    rgb = picture[..., :3].astype(np.float64)
    noise = np.random.default_rng(0).normal(0, grain, rgb.shape)
    picture[..., :3] = np.clip(cv2.GaussianBlur(rgb, (3, 3), 0.6) + noise, 0, 255).round()
    picture[..., 3] = alpha
    return picture


def away(one: Colour, other: Colour) -> float:
    return float(distance(*to_oklab(np.array([one, other], np.uint8))))


@pytest.mark.parametrize("grain", [0.0, 1.0, 2.0])
def test_shades_of_a_material_are_one_colour(grain: float) -> None:
    picture = painted(grain)
    flats = extract_palette(picture)
    entries = entries_of(picture, flats.palette, flats)
    assert not flats.exact
    dress = [entries[y, x] for x, y in ((160, 260), (250, 200), (300, 370))]
    face = [entries[y, x] for x, y in ((180, 90), (265, 90))]
    collar = entries[165, 200]
    assert len(set(dress)) == len(set(face)) == 1
    assert len({dress[0], face[0], collar}) == 3


def test_a_flat_shadow_under_soft_light_does_not_stand_for_the_material() -> None:
    """Of three quarters no colour is often; the shadow is one to the byte."""
    light, deep, shadow = (np.array(c) for c in ((250, 185, 120), (225, 145, 80), (190, 105, 55)))
    way = np.linspace(0, 1, 300)[:, None, None]
    rgb = np.empty((400, 400, 3))
    rgb[:300] = (1 - way) * light + way * deep
    rgb[300:] = shadow
    opaque = np.ones((400, 400), bool)
    found = find_materials(rgb.round().astype(np.uint8), opaque)
    of_light = found.colours[found.labels[100, 200]]
    assert away(tuple(of_light.tolist()), (237, 165, 100)) < 7
    # The very colours that are there, no mean of them.
    assert (rgb.round() == of_light).all(axis=2).any()
    # Where most is flat, it is that colour to the byte.
    rgb[60:] = shadow
    found = find_materials(rgb.round().astype(np.uint8), opaque)
    assert found.colours[found.labels[390, 10]].tolist() == shadow.tolist()


@pytest.mark.parametrize("grain", [0.0, 1.0, 2.0])
def test_in_two_tones_a_material_has_a_light_and_a_shadow(grain: float) -> None:
    picture = painted(grain)
    flats = extract_palette(picture, fold_shades=False)
    entries = entries_of(picture, flats.palette, flats)
    light, shadow = entries[260, 160], entries[370, 300]
    face, beside = entries[90, 180], entries[90, 265]
    collar = entries[165, 200]
    # The soft shade has one border; what is beyond it is as dark, and what is lit as light.
    assert entries[190, 300] == light and entries[372, 80] == shadow
    assert len({light, shadow, face, beside, collar}) == 5
    for entry, nearly in ((light, MINT_LIGHT), (shadow, MINT), (face, SKIN), (collar, WHITE)):
        red, green, blue = flats.palette.colours[entry].tolist()
        assert away((red, green, blue), nearly) < 8
    # The line is one colour, and nothing else is there.
    assert len(flats.palette) <= 6


def test_what_is_of_one_tone_stays_one() -> None:
    picture = np.zeros((SIZE, SIZE, 4), np.uint8)
    picture[50:350, 50:350] = (*MINT, 255)
    noise = np.random.default_rng(1).normal(0, 4, picture.shape[:2])
    picture[..., :3] = np.clip(picture[..., :3] + noise[..., None], 0, 255).round()
    one, two = (extract_palette(picture, fold_shades=fold) for fold in (True, False))
    assert not one.exact and one.palette.colours.tolist() == two.palette.colours.tolist()


def test_a_pair_gives_the_colour_of_the_material_that_it_points_at() -> None:
    picture = painted()
    flats = extract_palette(picture)
    for place, colour in (((180, 90), SKIN), ((265, 90), SKIN), ((200, 165), WHITE)):
        assert away(reference_colour_at(picture, place, flats), colour) < 2
    assert away(reference_colour_at(picture, (160, 260), flats), SKIN) > 3
    # On a line: what lies beside it.
    assert away(reference_colour_at(picture, (200, 31), flats), SKIN) < 2


def test_a_lighter_material_without_a_line_is_one_of_its_own() -> None:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[:, :150], picture[:, 150:] = (116, 136, 169), (221, 219, 237)
    ramp = np.linspace(-14, 14, 200).round().astype(int)[:, None, None]
    picture = np.clip(picture.astype(int) + ramp, 0, 255).astype(np.uint8)
    found = find_materials(picture, np.ones(picture.shape[:2], bool))
    assert found.labels[100, 60] != found.labels[100, 240]


def test_a_pale_blue_shirt_is_no_shade_of_pale_skin() -> None:
    """Softly painted, without a line between them."""
    skin, shirt = (251, 238, 225), (223, 222, 238)
    picture = np.zeros((300, 300, 4), np.uint8)
    picture[..., 3] = 255
    picture[..., :3] = (60, 80, 120)
    picture[40:160, 60:240, :3], picture[160:220, 60:240, :3] = skin, shirt
    ramp = np.linspace(-12, 4, 300).round().astype(int)[None, :, None]
    rgb = np.clip(picture[..., :3].astype(int) + ramp, 0, 255).astype(np.uint8)
    picture[..., :3] = cv2.GaussianBlur(rgb, (5, 5), 1.2)
    flats = extract_palette(picture)
    assert not flats.exact
    assert away(reference_colour_at(picture, (150, 190), flats), shirt) < 4
    assert away(reference_colour_at(picture, (150, 100), flats), skin) < 4


def test_the_smallest_pictures_have_a_material() -> None:
    for shape in ((1, 1), (1, 7), (2, 2), (3, 5)):
        picture = np.full((*shape, 3), 90, np.uint8)
        found = find_materials(picture, np.ones(shape, bool))
        assert found.colours.tolist() == [[90, 90, 90]]


def test_the_same_picture_has_the_same_materials() -> None:
    picture = painted(4.0)
    one, other = (
        find_materials(np.ascontiguousarray(picture[..., :3]), picture[..., 3] > 0)
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.colours, other.colours)
