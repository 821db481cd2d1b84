# SPDX-License-Identifier: GPL-3.0-or-later
"""Palette files: every kind gives its exact colours, every broken one a sentence."""

import io
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageCms

from manganinja.errors import BadRequest
from manganinja.flats.palette_files import MOST_COLOURS, read_palette, write_gpl
from manganinja.flats.values import Palette

KRITAS_OWN = sorted(Path("/usr/share/krita/palettes").glob("*.gpl"))
BYTE = st.integers(0, 255)
COLOURS = st.lists(st.tuples(BYTE, BYTE, BYTE), min_size=1, max_size=40, unique=True)


def entry(colour: str, name: str = "a", row: int = 0, column: int = 0) -> str:
    return (
        f'<ColorSetEntry name="{name}" id="1" bitdepth="U8" spot="false">{colour}'
        f'<Position row="{row}" column="{column}"/></ColorSetEntry>'
    )


def colorset(*children: str) -> str:
    body = "".join(children)
    return f'<ColorSet version="2.0" name="x" columns="8" rows="2" comment="">{body}</ColorSet>'


def kpl(path: Path, xml: str | bytes, **others: str | bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/x-krita-palette")
        archive.writestr("colorset.xml", xml)
        for name, data in others.items():
            archive.writestr(name.replace("_", "."), data)
    return path


def aco(version: int, *colours: tuple[int, ...], names: tuple[str, ...] = ()) -> bytes:
    data = struct.pack(">HH", version, len(colours))
    for place, colour in enumerate(colours):
        data += struct.pack(">5H", *colour, *[0] * (5 - len(colour)))
        if version == 2:
            name = (names[place] + "\0").encode("utf-16-be")
            data += struct.pack(">I", len(name) // 2) + name
    return data


def written(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def refused(path: Path) -> str:
    with pytest.raises(BadRequest) as caught:
        read_palette(path)
    assert caught.value.remedy.endswith(".")
    return caught.value.message


@settings(max_examples=40)
@given(COLOURS, st.data())
def test_gpl_written_and_read_again_is_the_same(
    colours: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    names = data.draw(st.lists(st.text(max_size=12), min_size=len(colours), max_size=len(colours)))
    palette = Palette(np.array(colours, np.uint8), tuple(names))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.gpl"
        write_gpl(palette, path)
        again = read_palette(path)
    assert np.array_equal(again.colours, palette.colours)
    for name, read, colour in zip(names, again.names, colours):
        expected = " ".join(name.encode("utf-8", "replace").decode().split())
        assert read == (expected or "#{:02x}{:02x}{:02x}".format(*colour))


@pytest.mark.skipif(not KRITAS_OWN, reason="no Krita on this machine")
@pytest.mark.parametrize("path", KRITAS_OWN, ids=lambda path: path.stem)
def test_kritas_own_palettes_are_read(path: Path) -> None:
    assert len(read_palette(path)) >= 16


def test_gpl_has_the_files_order_and_names_and_each_colour_once(tmp_path: Path) -> None:
    text = "GIMP Palette\r\nName: x\r\nColumns: 2\r\n# note\r\n\r\n 1 2 3\tNavy  blue\r\n"
    palette = read_palette(written(tmp_path / "a.gpl", text + "255 0 9\r\n1 2 3 again\r\n"))
    assert palette.colours.tolist() == [[1, 2, 3], [255, 0, 9]]
    assert palette.names == ("Navy blue", "#ff0009")


def test_gpl_of_aseprite_with_alpha_is_read(tmp_path: Path) -> None:
    text = "GIMP Palette\nChannels: RGBA\n#\n10 20 30 255 Skin\n"
    palette = read_palette(written(tmp_path / "a.gpl", text))
    assert palette.colours.tolist() == [[10, 20, 30]]
    assert palette.names == ("Skin",)


def test_kpl_has_groups_after_the_rest_and_entries_by_position(tmp_path: Path) -> None:
    def red(value: int, **where: int) -> str:
        rgb = f'<RGB space="sRGB-elle-V2-srgbtrc.icc" r="{value / 255}" g="0" b="0"/>'
        return entry(rgb, name=f"red {value}", **where)

    group = f'<Group name="skin" rows="1">{red(30)}</Group>'
    xml = colorset(red(20, row=1), red(11, column=1), red(10), group)
    palette = read_palette(kpl(tmp_path / "a.kpl", xml))
    assert palette.colours[:, 0].tolist() == [10, 11, 20, 30]
    assert palette.names == ("red 10", "red 11", "red 20", "red 30")


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ('<sRGB r="1" g="0.5" b="0"/>', [255, 128, 0]),
        ('<RGB space="sRGB-elle-V2-g10.icc" r="1" g="0.2158605" b="0"/>', [255, 128, 0]),
        ('<RGB space="no such profile" r="0.2" g="0.4" b="0.6"/>', [51, 102, 153]),
        ('<RGB space="sRGB-elle-V2-g10.icc" r="4" g="-1" b="0"/>', [255, 0, 0]),
        ('<Gray space="Gray-D50-elle-V2-srgbtrc.icc" g="0.2"/>', [51, 51, 51]),
        ('<Gray space="Gray-D50-elle-V2-g10.icc" g="0.2158605"/>', [128, 128, 128]),
        ('<Lab space="Lab" L="100" a="0" b="0"/>', [255, 255, 255]),
        ('<Lab space="Lab" L="54.29" a="80.81" b="69.89"/>', [255, 0, 0]),
        ('<XYZ space="XYZ" x="0.96422" y="1" z="0.82521"/>', [255, 255, 255]),
    ],
)
def test_kpl_colours_of_each_space_become_srgb(
    tmp_path: Path, element: str, expected: list[int]
) -> None:
    palette = read_palette(kpl(tmp_path / "a.kpl", colorset(entry(element))))
    assert np.abs(palette.colours[0].astype(int) - expected).max() <= 1


def test_kpl_colours_go_through_the_profile_that_the_file_brings(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    manifest = '<Profiles><Profile name="Mine" filename="p.icc" colorModelId="RGBA"/></Profiles>'
    xml = colorset(entry('<RGB space="Mine" r="0.2" g="0.4" b="0.6"/>'))
    path = kpl(tmp_path / "a.kpl", xml, profiles_xml=manifest, p_icc=profile)
    assert np.abs(read_palette(path).colours[0].astype(int) - [51, 102, 153]).max() <= 1
    broken = kpl(tmp_path / "b.kpl", xml, profiles_xml=manifest, p_icc=b"nothing")
    assert "Mine" in refused(broken)


def test_aco_prefers_the_list_with_names(tmp_path: Path) -> None:
    colour = (0, 0xA1A1, 0x8282, 0xD6D6)
    first = aco(1, colour)
    palette = read_palette(written(tmp_path / "a.aco", first))
    assert palette.colours.tolist() == [[0xA1, 0x82, 0xD6]]
    both = written(tmp_path / "b.aco", first + aco(2, colour, names=("Hair",)))
    assert read_palette(both).names == ("Hair",)
    second = written(tmp_path / "c.aco", aco(2, colour, names=("Hair",)))
    assert read_palette(second).names == ("Hair",)


@pytest.mark.parametrize(
    ("colour", "expected"),
    [
        ((1, 0, 65535, 65535), [255, 0, 0]),
        ((1, 21845, 65535, 65535), [0, 255, 0]),
        ((7, 5429, 8081, 6989), [255, 0, 0]),
        ((7, 8773, 65536 - 7927, 8099), [0, 255, 0]),
        ((8, 10000), [255, 255, 255]),
        ((8, 5000), [128, 128, 128]),
    ],
)
def test_aco_colours_of_each_space_become_srgb(
    tmp_path: Path, colour: tuple[int, ...], expected: list[int]
) -> None:
    palette = read_palette(written(tmp_path / "a.aco", aco(1, colour)))
    assert np.abs(palette.colours[0].astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    "text",
    ["#a182d6\n#fff\n", "a182d6, #ffffff", "// mine\n#A182D6 Hair\n\n#fff;"[:-1], "#a182d6 #FFF"],
)
def test_lists_of_hex_colours_are_read(tmp_path: Path, text: str) -> None:
    palette = read_palette(written(tmp_path / "a.txt", text))
    assert palette.colours.tolist() == [[0xA1, 0x82, 0xD6], [255, 255, 255]]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.gpl", b"", "empty"),
        ("a.txt", b" \n", "empty"),
        ("a.gpl", b"GIMP Palette\nName: x\n", "no colours"),
        ("a.gpl", b"GIMP Palette\n1 2 256\n", "line 2"),
        ("a.gpl", b"GIMP Palette\n1 2\n", "line 2"),
        ("a.gpl", b"JASC-PAL\n", "GIMP Palette"),
        ("a.kpl", b"GIMB", "zip"),
        ("a.kpl", b"PK\3\4 and then nothing", "damaged"),
        ("a.aco", b"\0\1\0\2" + bytes(10), "middle of a colour"),
        ("a.aco", b"\0\1", "middle of a colour"),
        ("a.aco", b"\0\7\0\1" + bytes(10), "version"),
        ("a.aco", aco(1, (2, 0, 0, 0, 0)), "CMYK"),
        ("a.aco", aco(1, (3, 0, 0, 0, 0)), "colour book"),
        ("a.aco", b"\0\2\0\1" + bytes(10) + b"\xff\xff\xff\xff", "middle of a name"),
        ("a.txt", b"#a182d6\npurple\n", "line 2"),
        ("a.txt", b"\xff\xfe\x00", "no known kind"),
        ("a.txt", b"#12345", "line 1"),
        ("a.txt", "\n".join(f"{i:06x}" for i in range(MOST_COLOURS + 1)).encode(), "more than"),
        ("a.aco", struct.pack(">HH", 1, 65535) + bytes(20), "middle"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(
    tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    assert said in refused(written(tmp_path / name, data))


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (colorset(), "no colours"),
        ("<ColorSet>", "damaged"),
        (colorset(entry('<RGB r="0.2" g="x" b="0"/>')), "incomplete"),
        (colorset(entry('<RGB r="0.2" g="0"/>')), "incomplete"),
        (colorset(entry('<RGB r="nan" g="0" b="0"/>')), "three numbers"),
        (colorset(entry('<YCbCr Y="0" Cb="0" Cr="0"/>')), "incomplete"),
        (colorset(entry('<CMYK c="0" m="0" y="0" k="0"/>')), "CMYK"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + colorset(), "entities"),
        (('<!DOCTYPE a [<!ENTITY b "c">]>' + colorset()).encode("utf-16"), "entities"),
        (colorset(*[entry('<RGB r="0" g="0" b="0"/>')] * (MOST_COLOURS + 1)), "more than"),
        (" " * 17_000_000, "too large"),
    ],
)
def test_a_bad_kpl_is_refused_with_its_reason(tmp_path: Path, xml: str | bytes, said: str) -> None:
    assert said in refused(kpl(tmp_path / "a.kpl", xml))


def test_a_zip_that_is_no_palette_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.kpl", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "colorset.xml" in refused(tmp_path / "a.kpl")


def test_a_packing_that_cannot_be_bounded_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.kpl", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("colorset.xml", colorset(entry('<RGB r="0.2" g="0" b="0"/>')))
    assert "packed" in refused(tmp_path / "a.kpl")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.gpl")
    refused(tmp_path)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([".gpl", ".kpl", ".aco", ".txt"]),
    st.sampled_from([b"", b"GIMP Palette\n", b"PK\3\4", b"\0\1\0\3", b"\0\2\0\1"]),
    st.binary(max_size=200),
)
def test_any_bytes_give_a_palette_or_bad_request(suffix: str, start: bytes, rest: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / f"a{suffix}", start + rest)
        try:
            assert len(read_palette(path)) > 0
        except BadRequest as error:
            assert error.remedy


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 400), BYTE)
def test_a_damaged_kpl_gives_a_palette_or_bad_request(place: int, byte: int) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("colorset.xml", colorset(entry('<RGB r="0.2" g="0" b="0"/>')))
    data = bytearray(whole.getvalue())
    data[place % len(data)] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = written(Path(folder) / "a.kpl", bytes(data))
        try:
            assert len(read_palette(path)) > 0
        except BadRequest as error:
            assert error.remedy
