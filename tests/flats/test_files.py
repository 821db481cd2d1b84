# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures and points files that are damaged, strange or huge."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manganinja import BadRequest
from manganinja.files import eight_bit, read_image, read_marks

PAIR = '{"pairs": [{"lineart": [1, 2], "reference": [1, %s], "reference_index": %s}]}'


@pytest.mark.parametrize(
    "text",
    [
        '{"hints": [{"lineart": [NaN, 1]}]}',
        '{"hints": [{"lineart": [1, 2, 3]}]}',
        '{"hints": [{"lineart": [1, 2], "colour": 5}]}',
        '{"closing": [[[1, 2]]]}',
        '{"closing": [[[1, 2], [Infinity, 2]]]}',
        PAIR % ("1e999", "0"),
        PAIR % ("2", "1e999"),
        PAIR % ("2", '"x"'),
        "[" * 100_000,
        "{}",
    ],
)
def test_a_points_file_that_says_nothing_sensible_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "points.json").write_text(text)
    with pytest.raises(BadRequest, match="is no file of points"):
        read_marks(tmp_path / "points.json")


def test_hints_may_be_written_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "points.json").write_text('{"hints": [{"lineart": [1, 2], "colour": "#FF00AA"}]}')
    (hint,) = read_marks(tmp_path / "points.json").hints
    assert hint.colour == "#ff00aa"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "GIF", "BMP", "JPEG"])
def test_damaged_pictures_are_refused_in_a_sentence(kind: str, tmp_path: Path) -> None:
    written = io.BytesIO()
    Image.linear_gradient("L").resize((40, 30)).save(written, kind)
    rng, path = np.random.default_rng(0), tmp_path / "damaged"
    for _ in range(150):
        data = bytearray(written.getvalue())
        for place in rng.integers(0, min(len(data), 300), 4):
            data[place] = rng.integers(0, 256)
        path.write_bytes(data)
        try:
            read_image(path)
        except BadRequest as error:
            assert "can't be read as a picture" in str(error)


def test_large_pages_are_read_without_a_warning_and_bombs_are_not(tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Image.new("1", (11_000, 9_000)).save(path)
        assert read_image(path).size == (11_000, 9_000)
        Image.new("1", (20_000, 20_000)).save(path)
        with pytest.raises(BadRequest, match="can't be read"):
            read_image(path)


@pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L", "F", "La"])
def test_deep_greys_become_bytes(mode: str) -> None:
    grey = np.arange(256, dtype=np.uint8)[None]
    if mode.startswith("I;16"):
        wide = (grey.astype(np.uint16) * 257).astype(">u2" if mode.endswith("B") else "<u2")
        image = Image.frombytes(mode, (256, 1), wide.tobytes())
    elif mode == "F":
        image = Image.fromarray(np.where(grey == 7, np.nan, grey / 255).astype(np.float32))
    else:
        image = Image.fromarray(grey).convert("LA").convert("La")
    found = np.asarray(eight_bit(image).convert("L"))[0].astype(int)
    found[7] = 7
    assert np.abs(found - grey[0]).max() <= 1
