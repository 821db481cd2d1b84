# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m benchmarks.passages``: of the places where the balls of ``flats.regions``
stop, how many are told right: breaks in lines, and passages beside lines that go on.

Sixty pages with hidden gaps of 0, 8 and 16 px in five styles. What the balls alone make of them is
the naive answer: everything divides.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from PIL import Image

from manganinja.flats import passages, regions
from manganinja.flats.line_mask import ink, line_mask

from .flats_truth import STYLES, draw_page


def main() -> None:
    """Print the counts."""
    counts: Counter[tuple[bool, bool]] = Counter()
    for seed in range(4):
        for style in STYLES:
            for gap_px in (0, 8, 16):
                page = draw_page(seed, 1000, 1000, style=style, gap_px=gap_px)
                lines = line_mask(ink(Image.fromarray(page.lineart)))
                markers, _ = regions._marked(lines, max(8, gap_px))
                labels = regions.grown(markers, lines)
                width_px = passages.line_width(lines)
                for gap in passages._gaps(labels):
                    one, other = (
                        np.bincount(page.truth.labels[labels == label]).argmax()
                        for label in gap.labels
                    )
                    joined = passages._is_passage(gap, lines, width_px)
                    counts[bool(one == other), joined] += 1
    for same, what in ((True, "within one true region"), (False, "between two")):
        total = counts[same, True] + counts[same, False]
        right = counts[same, same]
        naive = 0 if same else total
        print(f"{what}: {total}, told right {right}, by balls alone {naive}")


if __name__ == "__main__":
    main()
