# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's pages: their truth is what the lines say, and gaps are what they claim."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from benchmarks import flats as harness
from benchmarks import flats_methods
from benchmarks.flats_truth import NO_FAULTS, STYLES, Page, draw_page
from manganinja.flats.measures import LINE, measure
from manganinja.flats.oklab import to_oklab


@pytest.fixture(scope="module", params=STYLES)
def page(request) -> Page:
    return draw_page(3, 400, 500, style=request.param)


@pytest.fixture(scope="module")
def ink_page() -> Page:
    return draw_page(3, 400, 500)


def open_parts(page: Page) -> np.ndarray:
    """What the line art itself leaves connected, (H, W) from 1; lines are 0."""
    visible = page.lineart.min(axis=2) > 255 - LINE * 0.5
    return cv2.connectedComponents(visible.astype(np.uint8), connectivity=4)[1]


def touched(page: Page) -> list[np.ndarray]:
    """For every open part of the line art, the true regions in it."""
    parts = open_parts(page)
    seen = (parts > 0) & ~page.truth.lines
    both = np.unique(np.stack([parts[seen], page.truth.labels[seen]]), axis=1)
    return [both[1][both[0] == part] for part in np.unique(both[0])]


def test_closed_lines_never_join_two_regions(page):
    assert all(len(regions) == 1 for regions in touched(page))


def test_every_region_is_one_connected_open_area(page):
    open_px = ~page.truth.lines
    parts = cv2.connectedComponents(open_px.astype(np.uint8), connectivity=4)[1]
    both = np.unique(np.stack([parts[open_px], page.truth.labels[open_px]]), axis=1)
    sizes = np.bincount(page.truth.labels[open_px], minlength=len(page.truth.colours))
    assert len(both[0]) == len(page.truth.colours)
    assert sizes.min() >= 4


def test_types_and_sizes_are_as_promised(page):
    truth = page.truth
    assert page.lineart.shape == (500, 400, 3) and page.lineart.dtype == np.uint8
    assert truth.labels.shape == truth.ink.shape == (500, 400)
    assert truth.labels.dtype == np.int32 and truth.ink.dtype == np.uint8
    assert truth.labels.min() == 0 and truth.labels.max() == len(truth.colours) - 1
    assert set(np.unique(truth.colours[:, 3])) <= {0, 255}
    assert page.transparent().size == (400, 500)


def test_styles_are_what_they_say():
    pages = {style: draw_page(3, 400, 500, style=style) for style in STYLES}
    assert set(np.unique(pages["hard"].lineart)) == {0, 255}
    assert len(np.unique(pages["ink"].lineart)) > 20
    assert pages["pencil"].lineart.min() > 0
    grey = [np.ptp(p.lineart.astype(int), axis=2).max() for p in pages.values()]
    assert grey[:4] == [0, 0, 0, 0] and grey[4] > 40
    share = {style: (p.lineart.min(axis=2) < 128).mean() for style, p in pages.items()}
    assert share["thin"] < share["ink"] < share["trace"]


def test_the_same_seed_draws_the_same_page_and_another_seed_another(ink_page):
    again, other = draw_page(3, 400, 500), draw_page(4, 400, 500)
    for name in ("lineart", "reference", "palette"):
        assert np.array_equal(getattr(ink_page, name), getattr(again, name))
    assert np.array_equal(ink_page.truth.labels, again.truth.labels)
    assert ink_page.pairs == again.pairs
    assert np.array_equal(ink_page.proposal(128), again.proposal(128))
    assert not np.array_equal(ink_page.lineart, other.lineart)


@pytest.mark.parametrize(
    ("style", "gap_px"),
    [("hard", 2), ("ink", 4), ("pencil", 8), ("thin", 16), ("trace", 32), ("hard", 32)],
)
def test_a_gap_joins_the_two_regions_that_it_names(style, gap_px):
    page = draw_page(7, 500, 500, style=style, gap_px=gap_px, gap_count=5)
    assert page.gaps
    joined = [set(regions.tolist()) for regions in touched(page)]
    for gap in page.gaps:
        assert gap.width_px == gap_px
        assert any(set(gap.regions) <= regions for regions in joined)


@pytest.mark.parametrize("gap_px", [4, 8, 16])
def test_a_gap_is_as_wide_as_it_says(gap_px):
    """A ball wider than the gap doesn't fit through it, and one a little smaller does."""
    page = draw_page(7, 500, 500, style="hard", gap_px=gap_px, gap_count=4)
    shut = page.lineart[..., 0] == 0
    width = page.truth.line_width_px
    for gap in page.gaps:
        x, y = (int(v) for v in gap.at)
        r = int(gap_px + 3 * width)
        near = shut[y - r : y + r + 1, x - r : x + r + 1]
        depth = cv2.distanceTransform((~near).astype(np.uint8), cv2.DIST_L2, 5)
        # The widest place of the opening's middle, as a diameter.
        across = 2 * depth[r - 1 : r + 2, r - 1 : r + 2].max()
        assert gap_px - 2 <= across <= gap_px + 3


def test_gaps_change_the_lines_and_not_the_truth():
    closed, open_ = draw_page(7, 500, 500), draw_page(7, 500, 500, gap_px=8)
    assert np.array_equal(closed.truth.labels, open_.truth.labels)
    assert np.array_equal(closed.truth.ink, open_.truth.ink)
    assert open_.gaps and not closed.gaps
    assert (open_.lineart >= closed.lineart).all()


@pytest.mark.parametrize("size", [(64, 64), (90, 300), (333, 111)])
def test_small_and_odd_sizes_work(size):
    page = draw_page(1, *size, gap_px=2)
    assert page.lineart.shape[:2] == size[::-1]
    assert len(page.truth.colours) > 1


def test_dense_pages_have_many_regions_and_several_characters():
    page = draw_page(2, 900, 900, cell_px=225, style="thin")
    assert len(page.truth.colours) > 400
    assert page.reference.shape == (1024, 2048, 3)


@pytest.mark.parametrize(("style", "size"), [("water", 100), ("ink", 63)])
def test_what_cannot_be_drawn_is_refused(style, size):
    with pytest.raises(ValueError):
        draw_page(0, size, size, style=style)


def test_pairs_have_one_colour_at_both_ends_and_on_the_page(ink_page):
    assert len(ink_page.pairs) >= 10
    colours = [pair.colour for pair in ink_page.pairs]
    for pair in ink_page.pairs:
        (rx, ry), (tx, ty) = pair.reference, pair.target
        assert tuple(ink_page.reference[int(ry), int(rx)]) == pair.colour
        region = ink_page.truth.labels[int(ty), int(tx)]
        assert not ink_page.truth.lines[int(ty), int(tx)]
        assert tuple(ink_page.truth.colours[region]) == (*pair.colour, 255)
    distinct = len(set(colours))
    assert len(set(colours[:distinct])) == distinct


def test_hints_name_every_region_once_with_its_colour(ink_page):
    hints = ink_page.hints(smallest_px=1)
    labels = [int(ink_page.truth.labels[int(y), int(x)]) for (x, y), _ in hints]
    assert sorted(labels) == list(range(len(ink_page.truth.colours)))
    for label, (_, colour) in zip(labels, hints):
        r, g, b, alpha = ink_page.truth.colours[label]
        assert colour == ((r, g, b) if alpha else ink_page.truth.paper_rgb)
    assert len(ink_page.hints(at_most=3)) == 3


def test_the_palette_has_every_colour_of_the_page_once(ink_page):
    filled = ink_page.truth.colours[ink_page.truth.colours[:, 3] > 0, :3]
    listed = [tuple(colour) for colour in ink_page.palette.tolist()]
    assert {tuple(colour) for colour in filled.tolist()} <= set(listed)
    assert len(set(listed)) == len(listed)
    assert ink_page.truth.paper_rgb not in listed


def test_no_region_looks_like_the_paper(ink_page):
    filled = ink_page.truth.colours[ink_page.truth.colours[:, 3] > 0, :3]
    paper = np.array(ink_page.truth.paper_rgb, np.uint8)
    away = 100 * np.linalg.norm(to_oklab(filled) - to_oklab(paper), axis=1)
    assert away.min() > 2


def test_a_faultless_proposal_is_nearly_right_and_faults_make_it_worse(ink_page):
    def score(faults, longest):
        case = replace(case_of(ink_page), proposal=ink_page.proposal(longest, faults))
        return measure(flats_methods.scaled_up(case), ink_page.truth)

    clean, faulty, coarse = score(NO_FAULTS, 500), score(None, 500), score(None, 128)
    assert clean.acc > 0.97 and clean.pix_acc > 0.99
    assert clean.pix_acc > faulty.pix_acc > coarse.pix_acc
    assert faulty.exact_palette_rate < 0.01


def case_of(page: Page) -> flats_methods.Case:
    return flats_methods.Case(
        lineart=page.lineart,
        proposal=page.proposal(128),
        reference=page.reference,
        palette=page.palette,
        hints=page.hints(),
        pairs=[(pair.target, pair.colour) for pair in page.pairs],
        gap_px=8,
        limit_s=60,
    )


@pytest.mark.parametrize("method", [flats_methods.bucket, flats_methods.opencv_watershed])
def test_peers_are_right_on_closed_lines_with_a_hint_in_every_region(ink_page, method):
    score = measure(method(case_of(ink_page)), ink_page.truth, ink_page.hints())
    assert score.acc_over_10px == 1 and score.exact_palette_rate == 1


def test_the_harness_prints_a_row_for_each_method_and_keeps_its_figures(tmp_path, capsys):
    kept = tmp_path / "flats.json"
    arguments = ["--sizes", "200x200", "--styles", "hard", "--seeds", "1", "--json", str(kept)]
    arguments += ["--methods", "paint bucket", "scaled up"]
    assert harness.main(arguments) == 0
    told = capsys.readouterr().out
    assert "| paint bucket, hints |" in told and "| proposal scaled up |" in told
    record = json.loads(kept.read_text())
    assert set(record["means"]) == {"paint bucket, hints", "proposal scaled up"}
    assert record["means"]["paint bucket, hints"]["pages"] == 1
    assert len(record["runs"]) == 2


def test_ratios_compare_the_pages_that_both_painted(ink_page):
    def run(method: str, seed: int, seconds: float) -> harness.Run:
        score = measure(ink_page.truth.picture(), ink_page.truth)
        return harness.Run(method, {"seed": seed}, score, seconds)

    runs = [run("ours, hints", 0, 2), run("ours, hints", 1, 50), run("paint bucket, hints", 0, 3)]
    assert harness.ratios(runs, "paint bucket, hints")["seconds"] == 1.5
    assert harness.ratios(runs, "paint bucket, hints")["bleed_rate"] is None
    assert harness.ratios(runs[2:], "paint bucket, hints")["seconds"] is None


def test_a_method_that_fails_is_a_row_with_its_reason():
    known: dict[str, object] = {"style": "ink"}
    run = harness.Run("ours, hints", known, None, why="not built yet")
    assert "not built yet" in harness.table([run])
