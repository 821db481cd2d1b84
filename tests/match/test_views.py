# SPDX-License-Identifier: GPL-3.0-or-later
"""What the matcher looks at: figures that stand apart."""

from __future__ import annotations

from PIL import Image, ImageDraw

from manganinja.flats.flatten import cut_regions
from manganinja.flats.shapes import describe
from manganinja.match.views import figures_apart


def test_figures_of_two_panels_are_apart_however_near() -> None:
    page = Image.new("L", (420, 220), 255)
    pen = ImageDraw.Draw(page)
    for left in (10, 215):
        pen.rectangle((left, 10, left + 195, 210), outline=0, width=3)
        # Each nearly touches its frame.
        pen.rectangle((left + 8, 60, left + 187, 200), outline=0, width=3)
        for x in range(15, 175, 20):
            for y in (80, 130):
                pen.ellipse((left + x, y, left + x + 15, y + 30), outline=0, width=3)
    regions = cut_regions(page).regions
    assert len(figures_apart(describe(regions))) == 2
    # The same without frames is one.
    bare = page.copy()
    pen = ImageDraw.Draw(bare)
    for left in (10, 215):
        pen.rectangle((left, 10, left + 195, 210), outline=255, width=3)
    assert not figures_apart(describe(cut_regions(bare).regions))
