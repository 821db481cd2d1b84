# SPDX-License-Identifier: GPL-3.0-or-later
"""Comic pages: a panel is a page of its own."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from manganinja.flats.flatten import cut_regions
from manganinja.flats.values import Regions

ROOM = 160


def figure(pen: ImageDraw.ImageDraw, x: float, y: float, size: float) -> None:
    """Head, eyes and body of about ``size`` pixels, the middle at (x, y)."""
    pen.ellipse((x - size / 4, y - size / 2, x + size / 4, y), outline=0, width=3)
    for side in (-1, 1):
        eye = x + side * size / 10
        pen.ellipse((eye - 4, y - size / 4 - 4, eye + 4, y - size / 4 + 4), outline=0, width=2)
    pen.rectangle((x - size / 3, y, x + size / 3, y + size / 2), outline=0, width=3)


def comic(gutter: int, margin: int, at: tuple[float, float] = (0.5, 0.5)) -> Image.Image:
    """Two by two panels with a figure in each, its middle ``at`` of the panel."""
    side = 2 * ROOM + gutter + 2 * margin
    image = Image.new("L", (side, side), 255)
    for column in range(2):
        for row in range(2):
            x, y = margin + column * (ROOM + gutter), margin + row * (ROOM + gutter)
            panel = Image.new("L", (ROOM, ROOM), 255)
            pen = ImageDraw.Draw(panel)
            figure(pen, at[0] * ROOM, at[1] * ROOM, 0.6 * ROOM)
            pen.rectangle((0, 0, ROOM - 1, ROOM - 1), outline=0, width=3)
            image.paste(panel, (x, y))
    return image


def ground_at(regions: Regions, x: int, y: int) -> bool:
    return bool(regions.background[regions.labels[y, x]])


@pytest.mark.parametrize("gutter, margin", [(20, 20), (0, 20), (20, 0)])
@pytest.mark.parametrize("at", [(0.5, 0.5), (0.5, 0.78)])
def test_the_inside_of_every_panel_is_ground(
    gutter: int, margin: int, at: tuple[float, float]
) -> None:
    regions = cut_regions(comic(gutter, margin, at)).regions
    for column in range(2):
        for row in range(2):
            x, y = margin + column * (ROOM + gutter), margin + row * (ROOM + gutter)
            assert ground_at(regions, x + 12, y + 12)
            middle = round(x + at[0] * ROOM), round(y + at[1] * ROOM)
            assert not ground_at(regions, middle[0], middle[1] - 8)
            assert not ground_at(regions, middle[0], middle[1] + 20)
    if gutter:
        assert ground_at(regions, margin + ROOM + gutter // 2, margin + ROOM // 2)


def test_a_rectangle_among_other_things_is_no_panel() -> None:
    image = Image.new("L", (400, 400), 255)
    pen = ImageDraw.Draw(image)
    figure(pen, 120, 200, 200)
    pen.rectangle((230, 120, 380, 300), outline=0, width=3)
    for y in (150, 190, 230):
        pen.ellipse((290, y, 320, y + 30), outline=0, width=2)
    regions = cut_regions(image).regions
    assert not ground_at(regions, 240, 130) and ground_at(regions, 5, 5)


def test_a_table_of_empty_cells_has_no_ground() -> None:
    image = Image.new("L", (300, 300), 255)
    for x in range(20, 280, 80):
        for y in range(20, 280, 80):
            ImageDraw.Draw(image).rectangle((x, y, x + 80, y + 80), outline=0, width=3)
    regions = cut_regions(image).regions
    assert np.count_nonzero(regions.background) == 1
