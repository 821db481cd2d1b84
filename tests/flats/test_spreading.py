# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours without a model: what is found again is right, what is not stays empty."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from benchmarks.flats import filled
from benchmarks.flats_truth import Page, draw_page
from manganinja.files import read_image, read_marks
from manganinja.flats.assign import region_at
from manganinja.flats.flatten import SURE, Flats, cut_regions, flatten
from manganinja.flats.measures import FlatsTruth
from manganinja.flats.palette import ReferenceFlats, extract_palette
from manganinja.flats.shapes import describe
from manganinja.flats.spreading import Pointed, Spreading, unlike_each
from manganinja.flats.values import EMPTY, SOURCES, Mark, Marks, Palette, Regions

slowly = settings(
    deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SEEDS = st.integers(0, 400)
MATCH, UNKNOWN = SOURCES.index("match"), SOURCES.index("unknown")


def opaque(rgb: np.ndarray) -> np.ndarray:
    return np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])


def spread(
    lineart: np.ndarray,
    reference: np.ndarray,
    pairs: list[Pointed] | None = None,
    palette: Palette | None = None,
    **options: object,
) -> Flats:
    known = extract_palette(reference)
    return flatten(
        Image.fromarray(lineart),
        None,
        palette or known.palette,
        spread=Spreading([(reference, known)], pairs or []),
        **options,  # type: ignore[arg-type]
    )


def small(seed: int, **options: object) -> Page:
    return draw_page(seed, 500, 500, reference_px=500, **options)  # type: ignore[arg-type]


def own_colours(page: Page) -> np.ndarray:
    """The page as its own reference: in its true colours, with its lines."""
    colours = page.truth.colours[page.truth.labels]
    paper = np.array(page.truth.paper_rgb, np.uint8)
    rgb = np.where(colours[..., 3:] > 0, colours[..., :3], paper)
    return opaque(np.where(page.truth.ink[..., None] > 60, np.uint8(0), rgb))


def shares(flats: Flats, page: Page) -> tuple[float, float]:
    """Regions with a colour; right ones among them."""
    return filled(flats.rgba(), page.truth)


# What is there is found


def test_pages_as_their_own_references_get_their_own_colours() -> None:
    figures = []
    for seed in range(0, 400, 50):
        page = small(seed, style="hard")
        flats = spread(page.lineart, own_colours(page))
        wanted = np.where(
            page.truth.colours[:, 3:] > 0, page.truth.colours[:, :3], page.truth.paper_rgb
        )
        same = (flats.rgba()[..., :3] == wanted[page.truth.labels]).all(axis=2)
        figures.append((*shares(flats, page), same[~page.truth.lines].mean()))
    # Small things of 500 px may have no colour in the palette.
    share, right, pixels = np.mean(figures, axis=0)
    assert share > 0.95 and right > 0.92 and pixels > 0.95


@pytest.mark.parametrize("mirrored", [False, True])
def test_moved_and_enlarged_or_mirrored_they_are_found_too(mirrored: bool) -> None:
    figures = []
    for seed in range(0, 400, 50):
        page, at = small(seed, style="hard"), (seed % 300, (7 * seed) % 300)
        flipped = page.lineart[:, ::-1] if mirrored else page.lineart
        canvas = np.full((1300, 1300, 3), 255, np.uint8)
        canvas[at[1] : at[1] + 1000, at[0] : at[0] + 1000] = flipped.repeat(2, 0).repeat(2, 1)
        flats = spread(canvas, own_colours(page))
        painted = flats.rgba()[at[1] : at[1] + 1000 : 2, at[0] : at[0] + 1000 : 2]
        figures.append(filled(painted[:, ::-1] if mirrored else painted, without_cut(page.truth)))
    share, right = np.mean(figures, axis=0)
    assert share > 0.9 and right > 0.92


def without_cut(truth: FlatsTruth) -> FlatsTruth:
    """Leaves out what the page's edge cuts off, since it runs into the paper of a larger page."""
    edges = [truth.labels[0], truth.labels[-1], truth.labels[:, 0], truth.labels[:, -1]]
    cut = np.isin(truth.labels, np.concatenate(edges))
    return replace(truth, ink=np.where(cut, np.uint8(255), truth.ink))


def test_of_another_pose_most_is_found_and_most_of_that_is_right() -> None:
    figures = []
    for seed in range(40, 46):
        page = draw_page(seed, style="ink")
        figures.append(shares(spread(page.lineart, opaque(page.reference)), page))
    share, right = np.mean(figures, axis=0)
    assert share > 0.55 and right > 0.85


def test_several_figures_on_a_page_are_each_found() -> None:
    page = draw_page(3, 1200, 1200, style="ink", cell_px=400, cast=2)
    share, right = shares(spread(page.lineart, opaque(page.reference)), page)
    assert share > 0.5 and right > 0.8


def test_paper_becomes_paper_and_stays_empty_where_the_reference_has_none() -> None:
    page = small(5)
    reference = own_colours(page)
    flats = spread(page.lineart, reference)
    paper = flats.assignment.index[flats.regions.background]
    assert (flats.palette.colours[paper] == page.truth.paper_rgb).all()
    reference[(reference[..., :3] == page.truth.paper_rgb).all(axis=2), 3] = 0
    flats = spread(page.lineart, reference)
    background = flats.regions.background
    assert (flats.assignment.index[background] == EMPTY).all()
    assert (flats.assignment.confidence[background] == 1).all()
    assert not set(np.flatnonzero(background)) & {region.region for region in flats.unsure()}


# What is not there stays empty


@slowly
@given(SEEDS)
def test_what_is_empty_is_listed_as_unsure(seed: int) -> None:
    page = small(seed)
    flats = spread(page.lineart, opaque(page.reference))
    unknown = (flats.assignment.source == UNKNOWN) & (flats.regions.areas_px > 0)
    assert (flats.assignment.index[unknown] == EMPTY).all()
    listed = {region.region: region.why for region in flats.unsure()}
    assert set(np.flatnonzero(unknown)) <= set(listed)
    assert {listed[region] for region in np.flatnonzero(unknown).tolist()} <= {
        "no colour was found"
    }


def scattered(seed: int, things: int = 60) -> np.ndarray:
    """A reference of coloured things that are no figure."""
    rng = np.random.default_rng(seed)
    picture = np.full((500, 500, 3), (250, 246, 235), np.uint8)
    image = Image.fromarray(picture)
    from PIL import ImageDraw

    pen = ImageDraw.Draw(image)
    for _ in range(things):
        x, y = rng.integers(0, 460, 2).tolist()
        width, height = rng.integers(8, 90, 2).tolist()
        colour = tuple((rng.integers(0, 8, 3) * 32).tolist())
        kind = pen.rectangle if rng.random() < 0.5 else pen.ellipse
        kind((x, y, x + width, y + height), fill=colour, outline=(0, 0, 0), width=2)
    return opaque(np.asarray(image))


def test_a_reference_of_other_things_leaves_most_empty() -> None:
    found = []
    for seed in range(8):
        flats = spread(small(seed).lineart, scattered(seed))
        inner = ~flats.regions.background & (flats.regions.areas_px >= 12)
        found.append((flats.assignment.source[inner] == MATCH).mean())
    assert np.mean(found) < 0.2


@pytest.mark.parametrize(
    "reference",
    [
        np.full((60, 60, 4), 255, np.uint8),
        np.zeros((60, 60, 4), np.uint8),
        np.full((1, 1, 4), (200, 30, 30, 255), np.uint8),
        opaque(np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8)),
    ],
    ids=["white", "transparent", "one pixel", "noise"],
)
def test_a_reference_without_figures_does_no_harm(reference: np.ndarray) -> None:
    flats = spread(small(1).lineart, reference)
    inner = ~flats.regions.background & (flats.regions.areas_px >= 12)
    assert (flats.assignment.source[inner] == MATCH).mean() < 0.2


def test_line_art_of_one_room_or_of_noise_does_no_harm() -> None:
    reference = opaque(small(1).reference)
    room = np.full((200, 200, 3), 255, np.uint8)
    room[50:150, 50:52] = room[50:150, 148:150] = room[50:52, 50:150] = room[148:150, 50:150] = 0
    assert spread(room, reference).regions.count == 2
    noise = np.random.default_rng(1).integers(0, 2, (150, 150, 1), np.uint8) * np.uint8(255)
    flats = spread(noise.repeat(3, axis=2), reference)
    assert flats.rgba().shape == (150, 150, 4)


# Pairs help the rest, paper is told from parts, and doubt is said


@dataclass(frozen=True)
class Taken:
    """The palette's entry that each region takes, or EMPTY; and how likely it is."""

    index: np.ndarray
    confidence: np.ndarray


def taken(spreading: Spreading, regions: Regions, palette: Palette) -> Taken:
    likely = spreading.with_none(regions, spreading.likelihoods(regions, palette))
    best = likely.argmax(axis=1)
    sure = likely[np.arange(len(best)), best]
    index = np.where(best < len(palette), best, EMPTY)
    return Taken(index, np.where(best > len(palette), 0, sure))


@dataclass(frozen=True)
class Judged:
    """A page whose true colours are known, and right pairs for it.

    Attributes:
        truth: (count,) the palette's entry of each region, or EMPTY where it has none.
    """

    regions: Regions
    palette: Palette
    reference: np.ndarray
    known: ReferenceFlats
    truth: np.ndarray
    pairs: tuple[Pointed, ...]

    def spread(self, pairs: int) -> Taken:
        spreading = Spreading([(self.reference, self.known)], self.pairs[:pairs])
        return taken(spreading, self.regions, self.palette)

    @property
    def untold(self) -> np.ndarray:
        """(count,) bool, regions whose colour is known and that no pair lies in."""
        untold = ~self.regions.background & (self.regions.areas_px >= 12) & (self.truth != EMPTY)
        untold[[region_at(self.regions, pair.lineart) for pair in self.pairs]] = False
        return untold

    def right(self, pairs: int) -> int:
        """How many of the untold are right with so many pairs."""
        return int((self.spread(pairs).index == self.truth)[self.untold].sum())


def judged(
    lineart: Image.Image, truth: np.ndarray, reference: np.ndarray, pairs: Sequence[Pointed]
) -> Judged:
    """Of the true picture (H, W, 3): shades and lines, which no palette has, don't count."""
    regions, known = cut_regions(lineart).regions, extract_palette(reference)
    votes = np.stack(
        [
            np.bincount(
                regions.labels[(truth == colour).all(axis=2) & (regions.lines == 0)],
                minlength=regions.count,
            )
            for colour in known.palette.colours
        ],
        axis=1,
    )
    known_of = votes.max(axis=1) > 0.1 * np.maximum(regions.areas_px, 1)
    entries = np.where(known_of, votes.argmax(axis=1), EMPTY)
    return Judged(regions, known.palette, reference, known, entries, tuple(pairs))


@cache
def example(name: str) -> Judged:
    folder = Path(__file__).parents[2] / "examples" / name
    pairs = [
        Pointed((pair.lineart.x_px, pair.lineart.y_px), (pair.reference.x_px, pair.reference.y_px))
        for pair in read_marks(folder / "points.json").pairs
    ]
    truth = np.asarray(read_image(folder / "colour_truth.png").convert("RGB"))
    reference = np.asarray(read_image(folder / "reference.png").convert("RGBA"))
    return judged(read_image(folder / "lineart.png"), truth, reference, pairs)


@cache
def generated() -> tuple[Judged, ...]:
    pages = [draw_page(seed, style="ink") for seed in range(40, 46)]
    return tuple(
        judged(
            Image.fromarray(page.lineart),
            own_flats(page),
            opaque(page.reference),
            [Pointed(pair.target, pair.reference) for pair in page.pairs[:15]],
        )
        for page in pages
    )


def own_flats(page: Page) -> np.ndarray:
    """The page in its true colours, without lines."""
    colours = np.where(
        page.truth.colours[:, 3:] > 0, page.truth.colours[:, :3], page.truth.paper_rgb
    )
    return colours.astype(np.uint8)[page.truth.labels]


@pytest.mark.parametrize("name", ["animal", "character"])
def test_more_right_pairs_never_make_the_rest_of_an_example_worse(name: str) -> None:
    right = [example(name).right(count) for count in (0, 1, 3, 6, 12)]
    # One region may turn where two colours are as likely.
    assert all(after >= max(right[:place]) - 1 for place, after in enumerate(right[1:], 1))
    assert min(right) == right[0] < right[-1]


def test_right_pairs_help_regions_that_they_do_not_lie_in() -> None:
    right = [sum(page.right(count) for page in generated()) for count in (0, 5, 15)]
    total = sum(np.count_nonzero(page.untold) for page in generated())
    assert right[1] >= right[0] + 0.02 * total and right[2] >= right[1]


def test_paper_that_shows_through_the_figure_is_paper() -> None:
    # Of these, the edge cuts off pieces of paper that the figure divides from the rest.
    for seed in (13, 182):
        page = small(seed, style="hard")
        flats = spread(page.lineart, own_colours(page))
        paper = (own_flats(page) == page.truth.paper_rgb).all(axis=2) & ~page.truth.lines
        same = (flats.rgba()[..., :3] == page.truth.paper_rgb).all(axis=2)
        assert (same & (flats.rgba()[..., 3] == 255))[paper].mean() > 0.99


def test_confidence_is_about_the_share_that_is_right() -> None:
    sure, right = [], []
    for page in generated():
        given = page.spread(0)
        asked = page.untold & (given.index != EMPTY)
        sure.append(given.confidence[asked])
        right.append((given.index == page.truth)[asked])
    sures, rights = np.concatenate(sure), np.concatenate(right)
    surest, doubtful = rights[sures >= 0.9], rights[sures < SURE]
    assert surest.mean() > 0.95 and rights[sures >= SURE].mean() > 0.85
    # Of few regions, so that only the direction can be told.
    assert len(doubtful) and doubtful.mean() < surest.mean()


# Marks, palette, repeatability


@slowly
@given(SEEDS, st.integers(0, 8))
def test_marks_always_win_and_the_palette_is_exact(seed: int, count: int) -> None:
    page = small(seed)
    reference = opaque(page.reference)
    pairs = page.pairs[:count]
    # Each pair says the colour of the next one, so that nothing agrees with the shapes.
    colours = [pair.colour for pair in (*pairs[1:], *pairs[:1])]
    sources = [pair.reference for pair in (*pairs[1:], *pairs[:1])]
    marks = Marks(pairs=[(p.target, colour) for p, colour in zip(pairs, colours)])
    pointed = [Pointed(p.target, source) for p, source in zip(pairs, sources)]
    flats = spread(page.lineart, reference, pointed, marks=marks)
    painted = flats.rgba()
    for pair, colour in zip(pairs, colours):
        x, y = (int(place) for place in pair.target)
        assert tuple(painted[y, x].tolist()) == (*colour, 255)
    used = {tuple(c) for c in np.unique(painted.reshape(-1, 4), axis=0).tolist() if c[3]}
    allowed = {(*c, 255) for c in map(tuple, flats.palette.colours.tolist())}
    assert used <= allowed


def test_hints_and_empty_marks_win() -> None:
    page = small(2)
    places = [pair.target for pair in page.pairs[:2]]
    marks = Marks(hints=[Mark(places[0], (1, 2, 3)), Mark(places[1], None)])
    painted = spread(page.lineart, own_colours(page), marks=marks).rgba()
    assert tuple(painted[int(places[0][1]), int(places[0][0])].tolist()) == (1, 2, 3, 255)
    assert painted[int(places[1][1]), int(places[1][0]), 3] == 0


def test_a_given_palette_is_kept_to() -> None:
    page = small(2)
    palette = Palette(np.array([[0, 0, 0], [255, 255, 255], [200, 100, 50]], np.uint8))
    flats = spread(page.lineart, own_colours(page), palette=palette)
    assert flats.palette is palette and flats.assignment.index.max() <= 2
    assert (flats.assignment.source == MATCH).any()
    assert any("palette has no colour" in region.why for region in flats.unsure())


@slowly
@given(SEEDS)
def test_the_same_again_is_the_same(seed: int) -> None:
    page = small(seed)
    pairs = [Pointed(pair.target, pair.reference) for pair in page.pairs[:3]]
    first, again = (spread(page.lineart, opaque(page.reference), pairs) for _ in range(2))
    np.testing.assert_array_equal(first.rgba(), again.rgba())
    np.testing.assert_array_equal(first.assignment.confidence, again.assignment.confidence)


def test_two_references_are_both_looked_at() -> None:
    page = draw_page(3, 1000, 600, style="hard", cell_px=500, cast=2)
    whole = opaque(page.reference)
    width = whole.shape[1] // 2
    parts = [np.ascontiguousarray(whole[:, :width]), np.ascontiguousarray(whole[:, width:])]
    known = [extract_palette(part) for part in parts]
    palette = known[0].palette
    for colour in known[1].palette.colours.tolist():
        palette, _ = palette.with_colour(colour)
    flats = flatten(
        Image.fromarray(page.lineart), None, palette, spread=Spreading(list(zip(parts, known)))
    )
    share, right = shares(flats, page)
    assert share > 0.4 and right > 0.7


def test_of_references_that_would_both_do_the_weightier_one_counts() -> None:
    page = small(2)
    own = own_colours(page)
    other = own.copy()
    other[..., :3] = own[..., [1, 2, 0]]
    known = [extract_palette(picture) for picture in (own, other)]
    flats = flatten(Image.fromarray(page.lineart), None, known[0].palette)
    palette = known[0].palette
    for colour in known[1].palette.colours.tolist():
        palette, _ = palette.with_colour(colour)
    takes = [
        taken(
            Spreading([(own, known[0]), (other, known[1])], weights=weights), flats.regions, palette
        )
        for weights in ((3.0, 1.0), (1.0, 3.0))
    ]
    alone = [
        taken(Spreading([(picture, flats_of)]), flats.regions, palette)
        for picture, flats_of in ((own, known[0]), (other, known[1]))
    ]
    drawn = flats.regions.areas_px > 100
    assert (alone[0].index[drawn] != alone[1].index[drawn]).any()
    for together, single in zip(takes, alone):
        same = together.index[drawn] == single.index[drawn]
        assert same.mean() > 0.9


def test_a_page_of_thousands_of_regions_takes_seconds() -> None:
    page = draw_page(1, 2000, 2000, style="hard", cell_px=200, cast=2)
    reference = opaque(page.reference)
    known = extract_palette(reference)
    flats = flatten(Image.fromarray(page.lineart), None, known.palette)
    assert flats.regions.count > 1500
    began = time.monotonic()
    taken(Spreading([(reference, known)]), flats.regions, known.palette)
    assert time.monotonic() - began < 60


def test_regions_that_are_all_lines_can_be_compared() -> None:
    """They have no free pixel, so no size to take a logarithm of."""
    shapes, _ = describe(cut_regions(Image.fromarray(small(3).lineart)).regions)
    bare = replace(shapes, areas=np.zeros_like(shapes.areas))
    for other in (shapes, bare):
        assert np.isfinite(unlike_each(bare, other)).all()
