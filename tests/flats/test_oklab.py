# SPDX-License-Identifier: GPL-3.0-or-later
"""OKLab: published values, exact round trips, distances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manganinja.flats.oklab import distance, from_oklab, of_one_hue, to_oklab

BYTE = st.integers(0, 255)


def test_known_colours_have_their_published_coordinates() -> None:
    lab = to_oklab(np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 0, 255]], np.uint8))
    expected = [[0, 0, 0], [1, 0, 0], [0.628, 0.225, 0.126], [0.452, -0.032, -0.312]]
    assert lab.dtype == np.float32
    np.testing.assert_allclose(lab, expected, atol=6e-4)


@given(st.lists(st.tuples(BYTE, BYTE, BYTE), min_size=1, max_size=50))
def test_a_round_trip_gives_the_same_bytes(colours: list[tuple[int, int, int]]) -> None:
    srgb = np.array(colours, np.uint8)
    assert np.array_equal(from_oklab(to_oklab(srgb)), srgb)


def test_pictures_larger_than_a_chunk_keep_their_shape_and_values() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    lab = to_oklab(picture)
    assert lab.shape == picture.shape
    np.testing.assert_allclose(lab[399, 480:], to_oklab(picture[399, 480:]), atol=1e-6)
    assert np.array_equal(from_oklab(lab), picture)


def test_views_with_strides_are_read_rightly() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 4), dtype=np.uint8)
    seen, expected = to_oklab(picture[::2, ::-1, :3])[3, 4], to_oklab(picture[6, 25, :3])
    np.testing.assert_allclose(seen, expected, atol=1e-6)


def test_what_srgb_cannot_show_is_cut_off() -> None:
    assert from_oklab(np.array([2.0, 0, 0])).tolist() == [255, 255, 255]
    assert from_oklab(np.array([-1.0, 0, 0])).tolist() == [0, 0, 0]


def test_distance_is_a_hundred_from_black_to_white_and_is_broadcast() -> None:
    lab = to_oklab(np.array([[0, 0, 0], [255, 255, 255]], np.uint8))
    np.testing.assert_allclose(distance(lab, lab[0]), [0, 100], atol=1e-3)
    assert distance(lab[:, None], lab[None]).shape == (2, 2)


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError):
        to_oklab(np.zeros((2, 3)))
    with pytest.raises(ValueError):
        to_oklab(np.zeros((2, 4), np.uint8))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((172, 205, 170), (215, 236, 213), True),
        ((172, 205, 170), (170, 172, 205), False),
        ((240, 240, 240), (90, 90, 92), True),
        ((221, 219, 237), (252, 239, 225), False),
        ((250, 246, 235), (240, 200, 60), False),
        ((0, 0, 0), (255, 255, 255), True),
    ],
    ids=["light", "another hue", "greys", "pale blue and pale orange", "paper and gold", "no hue"],
)
def test_a_shade_is_of_one_hue(
    one: tuple[int, int, int], other: tuple[int, int, int], same: bool
) -> None:
    lab = to_oklab(np.array([one, other], np.uint8))
    found = [of_one_hue(lab[a], lab[b], 30, 0.025) for a, b in ((0, 1), (1, 0))]
    assert found == [same, same]
