# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures by index become the pixels that their tables say, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from krita_plugin import indexed
from krita_plugin.indexed import Part
from manganinja.wire.protocol import Layer, Picture

TABLE = (None, "#102030", "#ffffff", "#0000ff")


def painted(part: Part, pixels: list[bytes]) -> list[bytes]:
    """Every pixel of a part after its blocks are laid on nothing."""
    width, depth = part.picture.width_px, len(pixels[0])
    out = [bytes(depth)] * (width * part.picture.height_px)
    for box, data in indexed.filled_blocks(part, pixels):
        assert len(data) == depth * box.area
        for place in range(box.area):
            row, column = divmod(place, box.width)
            at = (box.top + row) * width + box.left + column
            out[at] = bytes(data[depth * place : depth * (place + 1)])
    return out


@pytest.mark.parametrize("size", [(1, 1), (700, 3), (513, 520), (512, 512), (2, 1025)])
def test_blocks_together_are_the_picture(size: tuple[int, int]) -> None:
    count = size[0] * size[1]
    index = bytes((7 * i + i // 3) % 4 for i in range(count))
    part = Part("", "normal", Picture(*size, "index8", index, TABLE))
    pixels = [bytes(4), b"\x30\x20\x10\xff", b"\xff\xff\xff\xff", b"\xff\0\0\xff"]
    assert b"".join(pixels) == indexed.bgra(TABLE)
    assert painted(part, pixels) == [pixels[entry] for entry in index]


@given(st.binary(min_size=1, max_size=40), st.integers(1, 16))
def test_any_index_is_expanded_in_any_depth_and_what_is_beyond_the_table_is_nothing(
    index: bytes, depth: int
) -> None:
    pixels = [bytes((entry * 16 + i) % 251 for i in range(depth)) for entry in range(4)]
    pixels[0] = bytes(depth)
    part = Part("", "normal", Picture(len(index), 1, "index8", index, TABLE))
    wanted = [pixels[entry] if entry < 4 else bytes(depth) for entry in index]
    assert painted(part, pixels) == wanted


def test_an_empty_part_of_the_page_takes_no_block() -> None:
    index = bytearray(2000 * 1500)
    index[1600 * 1] = 1
    part = Part("", "normal", Picture(2000, 1500, "index8", bytes(index), TABLE))
    blocks = list(indexed.filled_blocks(part, [bytes(4)] * 4))
    assert [(box.left, box.top, box.width, box.height) for box, _ in blocks] == [
        (1536, 0, 464, 512)
    ]


LOCKED = Layer("Kept", "normal", Picture(2, 2, "bgra8", bytes(16)))
FLATS = Layer("Flats", "normal", Picture(2, 2, "index8", b"\x01\x03\x03\x00", TABLE))


def test_each_colour_that_is_seen_is_a_part_of_its_own_below_what_is_locked() -> None:
    found = indexed.split([FLATS, LOCKED], {"#0000ff": "Sea"})
    assert [part.name for part in found] == ["#102030", "Sea", "Kept"]
    pixels = [b"\0", b"a", b"b", b"c"]
    first, second = (painted(part, pixels) for part in found[:2])
    assert first == [b"a", b"\0", b"\0", b"\0"] and second == [b"\0", b"c", b"c", b"\0"]


def test_layers_that_are_not_split_come_as_they_are() -> None:
    found = indexed.parts([FLATS, LOCKED])
    assert [(part.name, part.picture, part.entry) for part in found] == [
        ("Flats", FLATS.picture, None),
        ("Kept", LOCKED.picture, None),
    ]


def test_another_colour_changes_the_table_alone() -> None:
    changed = indexed.recoloured(FLATS.picture, 3, "#00ff00")
    assert changed.table == (None, "#102030", "#ffffff", "#00ff00")
    assert changed.pixels is FLATS.picture.pixels
