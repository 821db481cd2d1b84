# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions of line art: closed shapes, gaps, lines of all kinds, and what can't be cut."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFilter

from manganinja import BadRequest
from manganinja.flats import regions as regions_module
from manganinja.flats.line_mask import ink, line_mask
from manganinja.flats.regions import SMALLEST_HOLE_PX, segment

BOX = (60, 60, 240, 200)


def page(
    gap: int = 0, width: int = 3, ink_colour: str = "black", paper: str = "white"
) -> Image.Image:
    """A box with a wall in the middle, and a gap in the box's right side."""
    image = Image.new("RGB", (300, 260), paper)
    pen = ImageDraw.Draw(image)
    pen.rectangle(BOX, outline=ink_colour, width=width)
    pen.line((150, 60, 150, 200), ink_colour, width)
    if gap:
        pen.rectangle((236, 130 - gap // 2, 244, 129 - gap // 2 + gap), fill=paper)
    return image


def lines_of(image: Image.Image) -> np.ndarray:
    return line_mask(ink(image))


def at(regions, x: int, y: int) -> int:
    return int(regions.labels[y, x])


LEFT, RIGHT, OUTSIDE = (100, 130), (200, 130), (20, 20)


def transparent(colour: tuple[int, int, int]) -> Image.Image:
    grey = np.asarray(page().convert("L"))
    rgba = np.zeros((*grey.shape, 4), np.uint8)
    rgba[..., :3], rgba[..., 3] = colour, 255 - grey
    return Image.fromarray(rgba)


def hair() -> Image.Image:
    """Lines of 0.7 px, drawn with anti-aliasing."""
    large = Image.new("L", (3000, 2600), 255)
    pen = ImageDraw.Draw(large)
    pen.rectangle([10 * side + 7 for side in BOX], outline=0, width=7)
    pen.line((1510, 607, 1510, 2007), 0, 7)
    return large.resize((300, 260), Image.Resampling.BOX).convert("RGB")


def bold_beside(image: Image.Image) -> Image.Image:
    ImageDraw.Draw(image).line((10, 245, 290, 245), "black", 6)
    return image


def holed(ink_colour: str, paper: str) -> Image.Image:
    image = page(ink_colour=ink_colour, paper=paper).convert("RGBA")
    ImageDraw.Draw(image).rectangle((0, 240, 20, 260), fill=(0, 0, 0, 0))
    return image


STYLES = {
    "black on white": page(),
    "white on black": page(ink_colour="white", paper="black"),
    "blue trace lines": page(ink_colour="#7fb2ff"),
    "yellow trace lines": page(ink_colour="yellow"),
    "on cream paper": page(ink_colour="#442200", paper="#f6ecd2"),
    "one pixel, aliased": page(width=1),
    "thick": page(width=12),
    "soft pencil": page(width=5).filter(ImageFilter.GaussianBlur(1.5)),
    "black on transparent": transparent((0, 0, 0)),
    "white on transparent": transparent((255, 255, 255)),
    "red on transparent": transparent((255, 0, 0)),
    "hairs beside bold lines": bold_beside(hair()),
    "pale trace lines beside black ones": bold_beside(page(ink_colour="#a0c8ff")),
    "a page with a hole in it": holed("#442200", "#f6ecd2"),
    "a black page with a hole in it": holed("white", "black"),
    "faint": Image.eval(page(), lambda v: 170 + v // 3),
}


@pytest.mark.parametrize("style", STYLES)
def test_every_kind_of_line_bounds_the_same_regions(style: str) -> None:
    regions = segment(lines_of(STYLES[style]), gap_px=4)
    assert regions.count == 3
    assert len({at(regions, *LEFT), at(regions, *RIGHT), at(regions, *OUTSIDE)}) == 3
    assert regions.background.tolist().count(True) == 1
    assert regions.background[at(regions, *OUTSIDE)]


@pytest.mark.parametrize("mode", ["1", "LA", "La", "P", "PA", "RGBa", "CMYK", "YCbCr", "I;16", "F"])
def test_every_mode_of_picture_bounds_the_same_regions(mode: str) -> None:
    grey = page().convert("L")
    if mode == "F":
        image = Image.fromarray(np.asarray(grey, np.float32) / 255)
    elif mode == "I;16":
        image = Image.frombytes(mode, grey.size, (np.asarray(grey, "<u2") * 257).tobytes())
    elif mode in ("La", "RGBa"):
        image = grey.convert(f"{mode[:-1]}A").convert(mode)
    else:
        image = grey.convert(mode)
    assert segment(lines_of(image), gap_px=4).count == 3


def test_dirt_and_soft_edges_are_no_lines() -> None:
    image = page(width=8).filter(ImageFilter.GaussianBlur(3))
    alone = lines_of(image)
    for x, y in ((20, 20), (100, 100), (270, 220)):
        ImageDraw.Draw(image).line((x, y, x + 6, y), (190, 190, 190))
    np.testing.assert_array_equal(lines_of(image), alone)
    assert (np.count_nonzero(alone[130, 100:200]) - 8) <= 2


def test_white_filled_line_art_on_transparency_keeps_its_paper() -> None:
    image = Image.new("RGBA", (300, 260), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle(BOX, fill="white", outline="black", width=3)
    regions = segment(lines_of(image), gap_px=4)
    assert regions.count == 2 and at(regions, *LEFT) != at(regions, *OUTSIDE)


@pytest.mark.parametrize("gap", [1, 2, 4, 8, 16, 32])
def test_gaps_up_to_the_chosen_width_are_closed_and_wider_ones_are_not(gap: int) -> None:
    lines = lines_of(page(gap))
    closed, open_ = segment(lines, gap_px=gap), segment(lines, gap_px=gap / 2 - 0.5)
    assert closed.count == 3 and at(closed, *RIGHT) != at(closed, *OUTSIDE)
    assert open_.count == 2 and at(open_, *RIGHT) == at(open_, *OUTSIDE)


@pytest.mark.parametrize("at_x", [150, 151])
def test_slits_are_closed_on_every_side(at_x: int) -> None:
    lines = lines_of(page())
    lines[:, 148:154] = lines[:, 140:146]
    lines[:, at_x] = 0
    for gap in (1, 2, 4, 8, 32):
        regions = segment(lines, gap)
        assert regions.count == 2 and at(regions, *LEFT) == at(regions, *RIGHT)


def test_a_closed_gap_is_cut_where_the_line_would_be() -> None:
    regions = segment(lines_of(page(16)), gap_px=16)
    inside = regions.labels == at(regions, *RIGHT)
    columns = [int(np.flatnonzero(inside[y]).max()) for y in range(122, 138)]
    assert all(abs(column - 239) <= 4 for column in columns)


def test_colour_runs_to_the_middle_of_the_lines() -> None:
    regions = segment(lines_of(page(width=12)), gap_px=0)
    # The wall is 12 px wide round x = 150; the outer frame has its inner edge at 60.
    row = regions.labels[130]
    (border,) = np.flatnonzero(np.diff(row[100:200])) + 100
    assert abs(border - 150) <= 1


def test_a_narrow_strand_is_one_region() -> None:
    """A wavy strand, narrower than the gaps that are closed, must not fall into beads."""
    image = Image.new("L", (600, 200), 255)
    pen = ImageDraw.Draw(image)
    x = np.arange(50, 550)
    half = 5 + 0.7 * np.sin(x / 9)
    middle = 100 + 20 * np.sin(x / 60)
    pen.line(list(zip(x.tolist(), (middle - half).tolist(), strict=True)), 0, 2)
    pen.line(list(zip(x.tolist(), (middle + half).tolist(), strict=True)), 0, 2)
    for end in (0, -1):
        pen.line((x[end], middle[end] - half[end], x[end], middle[end] + half[end]), 0, 2)
    regions = segment(lines_of(image), gap_px=24)
    assert len({at(regions, i, round(m)) for i, m in zip(x[5:-5], middle[5:-5], strict=True)}) == 1
    assert regions.count == 2


@pytest.mark.parametrize("gap", [2, 4, 8, 16])
@pytest.mark.parametrize("width", [2, 5, 9])
def test_a_passage_beside_lines_that_go_on_is_no_gap(gap: int, width: int) -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((80, 60, 320, 340), outline="black", width=width)
    # A highlight that leaves a passage on either side, where the iris is narrow.
    pen.ellipse((80 + width + gap, 150, 320 - width - gap, 250), outline="black", width=width)
    lines = lines_of(image)
    regions, open_ = segment(lines, 16), segment(lines, 0)
    assert regions.count == open_.count == 3
    assert at(regions, 200, 100) == at(regions, 200, 300)


@pytest.mark.parametrize("gap", [4, 8, 16])
@pytest.mark.parametrize("width", [2, 5, 9])
def test_a_line_that_stops_before_another_leaves_a_gap(gap: int, width: int) -> None:
    image = Image.new("RGB", (400, 400), "white")
    pen = ImageDraw.Draw(image)
    pen.rectangle((50, 50, 350, 350), outline="black", width=width)
    pen.line((200, 50, 200, 350 - width - gap), "black", width)
    assert segment(lines_of(image), 0).count == 2
    regions = segment(lines_of(image), 16)
    assert regions.count == 3 and at(regions, 100, 200) != at(regions, 300, 200)


def test_paths_close_gaps_and_join_regions() -> None:
    lines = lines_of(page(40))
    assert segment(lines, gap_px=4).count == 2
    stroke = np.array([(239, 100), (240, 130), (239, 160)], float)
    assert segment(lines, gap_px=4, closing=[stroke]).count == 3
    round_all = np.array([(30, 30), (270, 30), (270, 230), (30, 230)], float)
    joined = segment(lines_of(page()), gap_px=4, merging=[round_all])
    assert joined.count == 2 and at(joined, *LEFT) == at(joined, *RIGHT)


def random_lines(seed: int, width: int, height: int, strokes: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    image = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(image)
    for _ in range(strokes):
        points = rng.uniform(0, (width, height), (3, 2)).ravel().tolist()
        pen.line(points, 255, int(rng.integers(1, 6)))
    return np.asarray(image)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    width=st.integers(8, 160),
    height=st.integers(8, 160),
    strokes=st.integers(1, 14),
    gap=st.sampled_from([0.0, 1.0, 3.0, 8.0, 20.0]),
)
def test_regions_cover_the_picture_and_never_cross_a_line(
    seed: int, width: int, height: int, strokes: int, gap: float
) -> None:
    lines = random_lines(seed, width, height, strokes)
    if (lines == 0).sum() < 30:
        return
    regions = segment(lines, gap)
    assert regions.labels.shape == lines.shape and regions.labels.min() == 0
    assert set(np.unique(regions.labels)) == set(range(regions.count))
    assert regions.areas_px.sum() == (lines == 0).sum()
    again = segment(lines, gap)
    np.testing.assert_array_equal(regions.labels, again.labels)
    # Free pixels of one region hang together without crossing a line.
    count, parts = cv2.connectedComponents((lines == 0).astype(np.uint8), connectivity=4)
    sizes = np.bincount(parts.ravel(), minlength=count)
    for region in range(regions.count):
        own = parts[(regions.labels == region) & (lines == 0)]
        large = {int(p) for p in np.unique(own) if sizes[p] >= SMALLEST_HOLE_PX}
        assert len(large) <= 1


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shift=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    gap=st.sampled_from([0.0, 4.0, 8.0, 20.0]),
)
def test_moving_the_drawing_moves_the_regions(
    seed: int, shift: tuple[int, int], gap: float
) -> None:
    lines = random_lines(seed, 120, 120, 10)
    # So far from the page's edge that no gap to it can be closed.
    framed = np.zeros((260, 260), np.uint8)
    shifted = framed.copy()
    right, down = shift
    framed[50:170, 50:170] = lines
    shifted[50 + down : 170 + down, 50 + right : 170 + right] = lines
    first, second = segment(framed, gap), segment(shifted, gap)
    free = lines == 0
    here = first.labels[50:170, 50:170][free]
    there = second.labels[50 + down : 170 + down, 50 + right : 170 + right][free]
    # Each region's partner is the one that it shares most pixels with, seen from both sides.
    shared = np.zeros((first.count, second.count), int)
    np.add.at(shared, (here, there), 1)
    partners = (shared == shared.max(axis=1, keepdims=True)) & (shared == shared.max(axis=0))
    assert first.count == second.count and shared[partners].sum() == free.sum()


@pytest.mark.parametrize(
    ("image", "word"),
    [
        (Image.new("RGB", (50, 50), "white"), "empty"),
        (Image.new("RGBA", (50, 50), (0, 0, 0, 0)), "empty"),
        (Image.new("L", (1, 1), 255), "empty"),
    ],
)
def test_pictures_without_lines_are_refused(image: Image.Image, word: str) -> None:
    with pytest.raises(BadRequest, match=word):
        lines_of(image)


def test_noise_and_too_large_pictures_are_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(regions_module, "MOST_REGIONS", 5_000)
    noise = (np.random.default_rng(0).random((800, 800)) < 0.5).astype(np.uint8) * 255
    with pytest.raises(BadRequest, match="regions"):
        segment(noise, 0)
    huge = np.broadcast_to(np.uint8(0), (20000, 20000))
    with pytest.raises(BadRequest, match="too many"):
        segment(huge, 8)
    with pytest.raises(BadRequest, match="Gaps"):
        segment(lines_of(page()), 33)
