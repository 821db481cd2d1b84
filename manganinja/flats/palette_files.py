# SPDX-License-Identifier: GPL-3.0-or-later
"""Palettes on disk: GIMP's .gpl, Krita's .kpl, Photoshop's .aco, and plain lists of hex colours."""

from __future__ import annotations

import colorsys
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from PIL import Image, ImageCms

from ..errors import BadRequest
from .oklab import encoded
from .values import Palette

MOST_COLOURS = 4096
_MOST_BYTES = 16_000_000
_SAVE_AS_GPL = "Save the palette as .gpl (GIMP palette), for example from Krita's palette docker."

Colour = tuple[int, int, int]
Entry = tuple[Colour, str]


class _Unreadable(Exception):
    """What is wrong with a palette file, as the second half of "FILE can't be used: ..."."""


def read_palette(path: Path) -> Palette:
    """Colours from a palette file, in the file's order, each once.

    Args:
        path: .gpl, .kpl, .aco, or a text of hex colours (``#rgb`` or ``#rrggbb``, one a line or
            with commas, a name may follow). What the file holds decides, where that is plain.

    Raises:
        BadRequest: the file can't be read, is damaged, holds no or more than
            :data:`MOST_COLOURS` colours, or colours that can't be told in sRGB.
    """
    try:
        data = _read(path)
        return _palette(_entries(data, path.suffix.lower()))
    except _Unreadable as error:
        raise BadRequest(f"{path} can't be used as a palette: {error}.", _SAVE_AS_GPL) from error


def write_gpl(palette: Palette, path: Path) -> None:
    """Write a palette as GIMP and Krita read it; names become one line each."""
    lines = ["GIMP Palette", f"Name: {' '.join(path.stem.split())}", "Columns: 8", "#"]
    for (red, green, blue), name in zip(palette.colours.tolist(), palette.names):
        one_line = " ".join(name.split()) or _hex((red, green, blue))
        lines.append(f"{red:3d} {green:3d} {blue:3d}\t{one_line}")
    path.write_bytes(("\n".join(lines) + "\n").encode("utf-8", "replace"))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BadRequest(f"{path} can't be read: {error.strerror}.", "Check the name.") from error
    if len(data) > _MOST_BYTES:
        raise _Unreadable("it is far too large for a palette")
    if not data.strip():
        raise _Unreadable("it is empty")
    return data


def _entries(data: bytes, suffix: str) -> Iterable[Entry]:
    if data.startswith(b"PK"):
        return _from_kpl(data)
    if data.removeprefix(b"\xef\xbb\xbf").startswith(b"GIMP Palette"):
        return _from_gpl(data)
    if suffix == ".kpl":
        raise _Unreadable("a .kpl file is a zip archive, and this is none")
    if suffix == ".gpl":
        raise _Unreadable('a .gpl file starts with "GIMP Palette", and this one does not')
    if suffix == ".aco":
        return _from_aco(data)
    return _from_list(data)


def _palette(entries: Iterable[Entry]) -> Palette:
    names: dict[Colour, str] = {}
    for colour, name in entries:
        names.setdefault(colour, " ".join(name.split()) or _hex(colour))
        if len(names) > MOST_COLOURS:
            raise _Unreadable(f"it has more than {MOST_COLOURS} colours")
    if not names:
        raise _Unreadable("it has no colours")
    return Palette(np.array(list(names), np.uint8), tuple(names.values()))


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _bytes(channels: Iterable[float]) -> Colour:
    """Channels in [0, 1], or somewhat beyond, as bytes."""
    values = np.array(list(channels), np.float64)
    if values.shape != (3,) or not np.isfinite(values).all():
        raise _Unreadable("a colour has something else than three numbers")
    red, green, blue = np.rint(np.clip(values, 0, 1) * 255).astype(int).tolist()
    return red, green, blue


def _from_gpl(data: bytes) -> Iterator[Entry]:
    lines = data.decode("utf-8-sig", "replace").split("\n")
    channels = 4 if any(re.match(r"\s*Channels:\s*RGBA", line) for line in lines[:8]) else 3
    entry = re.compile(r"\s*" + r"\s+".join([r"(\d{1,9})"] * channels) + r"(?:\s+(.*))?")
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip() or re.match(r"\s*(#|Name:|Columns:|Channels:)", line):
            continue
        match = entry.fullmatch(line.rstrip())
        if not match or max(map(int, match.groups()[:3])) > 255:
            raise _Unreadable(f"line {number} is not three numbers from 0 to 255 and a name")
        red, green, blue = map(int, match.groups()[:3])
        yield (red, green, blue), match.groups()[channels] or ""


def _from_list(data: bytes) -> Iterator[Entry]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Unreadable("it is of no known kind (.gpl, .kpl, .aco, hex colours)") from error
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith((";", "//")):
            continue
        for part in line.split(","):
            yield from _hex_entries(part.split(), number)


def _hex_entries(words: Sequence[str], line: int) -> Iterator[Entry]:
    if not words:
        return
    colours = [_from_hex(word) for word in words]
    if colours[0] is None:
        shown = words[0][:20]
        raise _Unreadable(f'line {line} has "{shown}" where a colour such as #a182d6 should be')
    if None in colours:
        yield colours[0], " ".join(words[1:])
        return
    yield from ((colour, "") for colour in colours if colour is not None)


def _from_hex(word: str) -> Colour | None:
    if re.fullmatch(r"#[0-9a-fA-F]{3}", word):
        word = "".join(digit * 2 for digit in word[1:])
    if not re.fullmatch(r"#?[0-9a-fA-F]{6}", word):
        return None
    red, green, blue = bytes.fromhex(word.removeprefix("#"))
    return red, green, blue


# Photoshop: https://www.adobe.com/devnet-apps/photoshop/fileformatashtml/, "Color swatches".


def _from_aco(data: bytes) -> Iterator[Entry]:
    try:
        version, count = struct.unpack_from(">HH", data)
        second = 4 + 10 * count
        if version in (0, 1) and data[second : second + 2] == b"\0\2":
            # Photoshop 7 and later write the colours twice; the second list has the names.
            data = data[second:]
            version, count = struct.unpack_from(">HH", data)
        if version not in (0, 1, 2):
            raise _Unreadable("it is no Photoshop swatch file of version 1 or 2")
        yield from _aco_entries(data, count, named=version == 2)
    except struct.error as error:
        raise _Unreadable("it ends in the middle of a colour") from error


def _aco_entries(data: bytes, count: int, named: bool) -> Iterator[Entry]:
    offset = 4
    for _ in range(count):
        space, *words = struct.unpack_from(">HHHHH", data, offset)
        offset += 10
        name = ""
        if named:
            (length,) = struct.unpack_from(">I", data, offset)
            raw = data[offset + 4 : offset + 4 + 2 * length]
            if len(raw) != 2 * length:
                raise _Unreadable("it ends in the middle of a name")
            name = raw.decode("utf-16-be", "replace").rstrip("\0")
            offset += 4 + 2 * length
        yield _aco_colour(space, words), name


def _aco_colour(space: int, words: Sequence[int]) -> Colour:
    first, second, third, _ = words
    if space == 0:
        return _bytes(word / 65535 for word in words[:3])
    if space == 1:
        return _bytes(colorsys.hsv_to_rgb(first / 65536, second / 65535, third / 65535))
    if space == 7:
        a, b = (word - 65536 if word > 32767 else word for word in (second, third))
        return _from_lab(first / 100, a / 100, b / 100)
    if space == 8:
        # Photoshop's grey counts ink in some versions; light is what its documentation says.
        return _bytes([first / 10000] * 3)
    if space in (2, 9):
        raise _Unreadable("it has CMYK colours, which have no exact bytes on a screen")
    raise _Unreadable(f"it has colours of a colour book or another space (number {space})")


_XYZ_FROM_ROOT_SCALE = np.array([0.96422, 1.0, 0.82521])
"""The white of ICC profiles, D50."""
_RGB_FROM_XYZ_D50 = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
"""Linear sRGB, adapted by Bradford's method."""


def _from_lab(lightness: float, a: float, b: float) -> Colour:
    middle = (lightness + 16) / 116
    roots = np.array([middle + a / 500, middle, middle - b / 200])
    xyz = np.where(roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29))
    return _from_xyz(xyz * _XYZ_FROM_ROOT_SCALE)


def _from_xyz(xyz: np.ndarray) -> Colour:
    return _from_light(_RGB_FROM_XYZ_D50 @ xyz)


def _from_light(light: np.ndarray) -> Colour:
    if not np.isfinite(light).all():
        raise _Unreadable("a colour has something else than three numbers")
    return _bytes(encoded(np.clip(light, 0, 1)).tolist())


# Krita: https://docs.krita.org/en/untranslatable_pages/kpl_defintion.html


# What Python's zipfile raises for damaged archives, in experience; encrypted ones too.
_DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    UnicodeDecodeError,
)


def _from_kpl(data: bytes) -> list[Entry]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            root = _xml(_member(archive, "colorset.xml"))
            profiles = _Profiles(archive)
            parents = [root, *(element for element in root if _tag(element) == "Group")]
            return [
                (_kpl_colour(entry, profiles), entry.get("name", ""))
                for parent in parents
                for entry in _swatches(parent)
            ]
    except _DAMAGED_ZIP as error:
        raise _Unreadable(f"its zip archive is damaged ({error})") from error
    except (ValueError, KeyError) as error:
        raise _Unreadable(f"one of its colours is incomplete ({error})") from error


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if name not in archive.namelist():
        raise _Unreadable(f"there is no {name} in it, so Krita did not write it")
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _Unreadable("it is packed in a way that Krita never uses")
    # Read in bounds, since an archive can lie about its sizes.
    with archive.open(name) as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise _Unreadable(f"{name} in it is far too large for a palette")
    return data


def _xml(data: bytes) -> ElementTree.Element:
    # Entities are how a small XML file grows without bound, and UTF-16 is how to hide them.
    if b"\0" in data or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise _Unreadable("its XML declares entities or is not UTF-8, which Krita never writes")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, LookupError) as error:
        raise _Unreadable(f"its XML is damaged ({error})") from error


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _swatches(parent: ElementTree.Element) -> list[ElementTree.Element]:
    """The direct entries of a palette or a group, row by row."""
    entries = [element for element in parent if _tag(element) == "ColorSetEntry"]
    if len(entries) > MOST_COLOURS:
        raise _Unreadable(f"it has more than {MOST_COLOURS} colours")
    return sorted(entries, key=_position)


def _position(entry: ElementTree.Element) -> tuple[int, int]:
    for element in entry:
        if _tag(element) == "Position":
            return int(element.get("row", 0)), int(element.get("column", 0))
    return 0, 0


class _Profiles:
    """The colour profiles inside a .kpl, by name."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._files: dict[str, str] = {}
        self._transforms: dict[tuple[str, str], ImageCms.ImageCmsTransform] = {}
        if "profiles.xml" in archive.namelist():
            for element in _xml(_member(archive, "profiles.xml")):
                self._files[element.get("name", "")] = element.get("filename", "")

    def __contains__(self, name: str) -> bool:
        return self._files.get(name, "") in self._archive.namelist()

    def convert(self, name: str, mode: str, channels: Iterable[float]) -> Colour:
        """Channels in [0, 1] of a profile in sRGB; ``mode`` is Pillow's: RGB, L or CMYK."""
        values = tuple(round(255 * min(1.0, max(0.0, channel))) for channel in channels)
        pixel = Image.new(mode, (1, 1), values[0] if mode == "L" else values)
        try:
            converted = ImageCms.applyTransform(pixel, self._transform(name, mode))
        except (ImageCms.PyCMSError, OSError) as error:
            raise _Unreadable(f'its colour profile "{name}" is damaged ({error})') from error
        if converted is None:
            raise _Unreadable(f'its colour profile "{name}" is damaged')
        red, green, blue = np.asarray(converted)[0, 0].tolist()
        return red, green, blue

    def _transform(self, name: str, mode: str) -> ImageCms.ImageCmsTransform:
        if (name, mode) not in self._transforms:
            profile = io.BytesIO(_member(self._archive, self._files[name]))
            self._transforms[name, mode] = ImageCms.buildTransform(
                ImageCms.ImageCmsProfile(profile),
                ImageCms.createProfile("sRGB"),
                mode,
                "RGB",
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
            )
        return self._transforms[name, mode]


def _kpl_colour(entry: ElementTree.Element, profiles: _Profiles) -> Colour:
    for element in entry:
        tag = _tag(element)
        if tag in ("sRGB", "RGB", "Gray", "CMYK", "Lab", "XYZ"):
            return _KPL_SPACES[tag](element.attrib, profiles)
    raise KeyError(f"no colour that is known in {entry.get('name', 'an entry')!r}")


def _kpl_srgb(channels: Mapping[str, str], _: _Profiles) -> Colour:
    return _bytes(float(channels[name]) for name in "rgb")


def _kpl_rgb(channels: Mapping[str, str], profiles: _Profiles) -> Colour:
    return _of_space([float(channels[name]) for name in "rgb"], "RGB", channels, profiles)


def _kpl_gray(channels: Mapping[str, str], profiles: _Profiles) -> Colour:
    return _of_space([float(channels["g"])], "L", channels, profiles)


def _of_space(
    values: list[float], mode: str, attributes: Mapping[str, str], profiles: _Profiles
) -> Colour:
    """RGB or grey values of the named space. A profile that is missing is taken for sRGB."""
    space = attributes.get("space", "")
    plain = space.lower()
    triple = values * 3 if mode == "L" else values
    if "srgbtrc" in plain or not space:
        return _bytes(triple)
    if re.search(r"srgb|gray", plain) and re.search(r"g10|linear", plain):
        return _from_light(np.array(triple))
    if "srgb" not in plain and space in profiles:
        return profiles.convert(space, mode, values)
    return _bytes(triple)


def _kpl_cmyk(channels: Mapping[str, str], profiles: _Profiles) -> Colour:
    space = channels.get("space", "")
    if space not in profiles:
        raise _Unreadable("it has CMYK colours and not the colour profile that they need")
    inks = [float(channels[name]) for name in "cmyk"]
    # Krita writes float ink in per cent and whole-number ink as a share.
    scale = 100 if max(inks) > 1 else 1
    return profiles.convert(space, "CMYK", [ink / scale for ink in inks])


def _kpl_lab(channels: Mapping[str, str], _: _Profiles) -> Colour:
    lightness, a, b = (float(channels[name]) for name in "Lab")
    if all(0 <= value <= 1 for value in (lightness, a, b)):
        # Krita 4 wrote whole-number Lab as shares of the channels' range.
        lightness, a, b = lightness * 100, a * 255 - 128, b * 255 - 128
    return _from_lab(lightness, a, b)


def _kpl_xyz(channels: Mapping[str, str], _: _Profiles) -> Colour:
    return _from_xyz(np.array([float(channels[name]) for name in "xyz"]))


_KPL_SPACES = {
    "sRGB": _kpl_srgb,
    "RGB": _kpl_rgb,
    "Gray": _kpl_gray,
    "CMYK": _kpl_cmyk,
    "Lab": _kpl_lab,
    "XYZ": _kpl_xyz,
}
