# SPDX-License-Identifier: GPL-3.0-or-later
"""Hatched areas are one region; stripes and strands stay what they are."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manganinja.flats.flatten import cut_regions, flatten
from manganinja.flats.hatching import join_hatching
from manganinja.flats.line_mask import ink, line_mask
from manganinja.flats.regions import segment
from manganinja.flats.values import Mark, Marks, Palette, Regions

RED = (200, 60, 60)


def sleeve(spacing: int, thick: int = 2, angle: float = 1.0) -> Image.Image:
    """A box, hatched with strokes so far apart, beside an empty one."""
    image = Image.new("L", (500, 320), 255)
    hatched = Image.new("L", image.size, 255)
    pen = ImageDraw.Draw(hatched)
    for start in range(-400, 900, spacing):
        pen.line((start, 0, start + int(angle * 320), 320), 0, thick)
    image.paste(hatched.crop((40, 40, 240, 280)), (40, 40))
    pen = ImageDraw.Draw(image)
    pen.rectangle((40, 40, 240, 280), outline=0, width=3)
    pen.rectangle((270, 40, 460, 280), outline=0, width=3)
    return image


def cut(image: Image.Image) -> Regions:
    return segment(line_mask(ink(image)), 8)


@pytest.mark.parametrize("angle", [0.0, 0.6, -1.0])
@pytest.mark.parametrize("spacing", [6, 8])
def test_the_slivers_between_strokes_become_one_region(spacing: int, angle: float) -> None:
    before = cut(sleeve(spacing, angle=angle))
    regions = join_hatching(before)
    assert before.count > 10 and regions.count <= 5
    inside = regions.labels[60:260, 60:220][before.lines[60:260, 60:220] == 0]
    values, counts = np.unique(inside, return_counts=True)
    assert counts.max() / counts.sum() > 0.98
    assert regions.labels[160, 360] not in values


def test_one_dot_fills_what_is_hatched() -> None:
    marks = Marks(hints=[Mark((120, 160), RED)])
    flats = flatten(sleeve(7), None, Palette(np.array([RED], np.uint8)), marks)
    pixels = flats.rgba()
    assert (pixels[50:270, 50:230, 3] == 255).mean() > 0.98 and not pixels[160, 360].any()


@pytest.mark.parametrize("image", [sleeve(40, 3), sleeve(60, 3, 0.0)])
def test_wide_stripes_stay_apart(image: Image.Image) -> None:
    before = cut(image)
    assert join_hatching(before) is before


def test_a_few_strands_are_no_hatching() -> None:
    image = Image.new("L", (300, 300), 255)
    pen = ImageDraw.Draw(image)
    for x in range(100, 132, 8):
        pen.line((x, 40, x, 260), 0, 2)
    pen.line((100, 40, 124, 40), 0, 2)
    pen.line((100, 260, 124, 260), 0, 2)
    before = cut(image)
    assert join_hatching(before) is before


def test_marks_in_hatching_still_divide_nothing_else() -> None:
    regions = cut_regions(sleeve(7)).regions
    assert regions.count <= 5 and regions.background[regions.labels[10, 10]]
