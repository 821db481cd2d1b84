# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was read to the request for the server."""

from dataclasses import replace

import pytest

from krita_plugin.errors import CannotStart
from krita_plugin.geometry import Box
from krita_plugin.job import (
    Choices,
    Finish,
    Options,
    Sheet,
    Snapshot,
    Start,
    build_request,
    check_choices,
)
from krita_plugin.moved import Stand
from krita_plugin.pairing import FoundHint, FoundPair, Marks
from manganinja.wire.protocol import ModelInfo, ReferenceOptions

MODELS = (ModelInfo("mini"),)
NAMES = {"a": "Lines", "b": "Colours", "c": "Points", "d": "More"}


def sheet(name, width, height, colours, left=0, top=0):
    """A picture of vertical stripes in these B, G, R, A colours."""
    row = b"".join(colours[x % len(colours)] for x in range(width))
    return Sheet(name, Box(left, top, width, height), row * height)


BLACK, CLEAR, RED, BLUE = b"\0\0\0\xff", b"\0\0\0\0", b"\0\0\xff\xff", b"\xff\0\0\xff"


def snapshot(lineart=None, references=None, pairs=(), options=None):
    lines = lineart or sheet("Lines", 8, 4, [BLACK, CLEAR])
    return Snapshot(
        "job", "document", "title", "id", lines, Stand(lines.box, (0, 0), lines.box),
        tuple(references or [sheet("Colours", 8, 4, [RED, BLUE])]),
        Marks(tuple(pairs)), options or Options(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("choices", "says"),
    [
        (Choices(None, ("b",)), "No line art"),
        (Choices("gone", ("b",)), "No line art"),
        (Choices("a", ()), "No reference"),
        (Choices("a", ("gone",)), "No reference"),
        (Choices("a", ("a",)), "as line art and as reference"),
        (Choices("a", ("b", "b")), "twice"),
        (Choices("a", ("b",), "b"), "for the points and as a picture"),
        (Choices("a", ("b",), None, "a"), "as line art and under “Keep”"),
        (Choices("a", ("b",), start=Start("a")), "as line art and under “Start from”"),
    ],
)
def test_choices_that_make_no_job_are_refused_with_a_remedy(choices, says):
    with pytest.raises(CannotStart, match=says) as refusal:
        check_choices(choices, NAMES)
    assert refusal.value.remedy


def test_a_complete_choice_is_not_refused():
    check_choices(Choices("a", ("b", "d"), "c"), NAMES)
    check_choices(Choices("a", ("b",), None, "d"), NAMES)


def test_pixels_go_through_untouched():
    taken = snapshot()
    request = build_request(taken, MODELS).request
    assert bytes(request.lineart.pixels) == taken.lineart.pixels
    assert bytes(request.references[0].pixels) == taken.references[0].pixels
    assert (request.lineart.format, request.result_format) == ("bgra8", "bgra8")
    assert request.model == "mini"


def test_points_are_moved_into_the_frame_of_their_picture():
    reference = sheet("Colours", 8, 4, [RED, BLUE], left=100, top=50)
    pair = FoundPair((103.5, 52.0), (2.0, 1.0), 0)
    request = build_request(snapshot(references=[reference], pairs=[pair]), MODELS).request
    (sent,) = request.pairs
    assert (sent.reference.x_px, sent.reference.y_px) == (3.5, 2.0)
    assert (sent.lineart.x_px, sent.lineart.y_px) == (2.0, 1.0)


def test_a_pair_on_a_transparent_spot_is_listed_and_not_sent():
    reference = sheet("Colours", 8, 4, [RED, CLEAR, BLUE, CLEAR])
    pairs = [FoundPair((1.5, 1.0), (2, 1), 0, "#ff0000"), FoundPair((0.5, 1.0), (2, 1), 0)]
    prepared = build_request(snapshot(references=[reference], pairs=pairs), MODELS)
    assert len(prepared.request.pairs) == 1
    assert prepared.notes[0] == "On the points layer: 1 pair."
    assert "transparent" in prepared.notes[1] and "“Colours”" in prepared.notes[1]


@pytest.mark.parametrize("stripes", [[CLEAR], [b"\xff\xff\xff\xff"], [BLACK]])
def test_line_art_without_lines_is_refused(stripes):
    with pytest.raises(CannotStart, match="“Lines” is empty"):
        build_request(snapshot(lineart=sheet("Lines", 8, 4, stripes)), MODELS)


def test_a_reference_of_one_colour_is_refused_even_with_holes_in_it():
    one = sheet("Colours", 8, 4, [RED, CLEAR])
    with pytest.raises(CannotStart, match="one colour only"):
        build_request(snapshot(references=[one]), MODELS)


def test_a_single_odd_pixel_in_a_large_picture_is_found():
    pixels = bytearray(BLACK * (1000 * 1000))
    pixels[4 * 777_777 : 4 * 777_778] = RED
    large = Sheet("Lines", Box(0, 0, 1000, 1000), bytes(pixels))
    assert build_request(snapshot(lineart=large), MODELS).request.lineart.width_px == 1000


def test_an_invisible_reference_is_refused():
    with pytest.raises(CannotStart, match="“Colours” is empty"):
        build_request(snapshot(references=[sheet("Colours", 8, 4, [CLEAR])]), MODELS)


def test_a_server_without_models_is_refused():
    with pytest.raises(CannotStart, match="no model"):
        build_request(snapshot(), ())


def test_opaque_line_art_is_noticed():
    assert not build_request(snapshot(), MODELS).lineart_opaque
    scan = sheet("Lines", 8, 4, [BLACK, b"\xff\xff\xff\xff"])
    assert build_request(snapshot(lineart=scan), MODELS).lineart_opaque


def keeping(colours, **finish):
    taken = replace(snapshot(), finish=Finish(**finish), kept=sheet("Corrected", 8, 4, colours))
    return build_request(taken, MODELS)


def test_the_finish_is_what_is_asked_for():
    taken = replace(snapshot(), finish=Finish("painting", 3, True, True))
    flats = build_request(taken, MODELS).request.flats
    assert (flats.result, flats.gap_px) == ("painting", 3)
    assert flats.empty_background and flats.detail and flats.lines == "coloured"
    assert flats.tones == "drawn"
    finish = Finish(lines="ink", tones="two")
    ink = build_request(replace(snapshot(), finish=finish), MODELS).request.flats
    assert (ink.lines, ink.tones) == ("ink", "two")
    assert build_request(snapshot(), MODELS).request.flats.gap_px == 8


def test_a_palette_is_sent_by_its_colours_and_the_references_own_by_none() -> None:
    taken = replace(snapshot(), palette={"#102030": "Ink", "#ffffff": "Paper"})
    assert build_request(taken, MODELS).request.flats.palette == ("#102030", "#ffffff")
    assert build_request(snapshot(), MODELS).request.flats.palette == ()


def test_what_is_kept_goes_along_untouched():
    locks = keeping([RED, CLEAR]).request.locks
    assert locks is not None and bytes(locks.pixels) == (RED + CLEAR) * 16
    assert build_request(snapshot(), MODELS).request.locks is None


def test_an_empty_layer_keeps_nothing_and_that_is_said():
    prepared = keeping([CLEAR])
    assert prepared.request.locks is None and "“Corrected” is empty" in prepared.notes[0]


def test_a_kept_layer_without_a_hole_is_refused():
    with pytest.raises(CannotStart, match="covers the whole canvas") as refusal:
        keeping([RED])
    assert "Erase" in refusal.value.remedy


def test_nothing_is_kept_in_what_the_network_paints():
    assert keeping([RED, CLEAR], result="proposal").request.locks is None


MARKS = Marks(
    (FoundPair((0.5, 1.0), (2, 1), 0),),
    (FoundHint((3.5, 2.0), "#12ab34"), FoundHint((5.0, 1.0), None)),
    (((1.0, 1.0), (2.0, 2.0), (3.0, 1.0)),),
    (((4.0, 0.0), (6.0, 0.0), (5.0, 3.0)),),
    ("A text is not used.",),
)


def marked(marks=MARKS, **finish):
    lines = sheet("Lines", 8, 4, [BLACK, CLEAR], left=1, top=-2)
    taken = replace(snapshot(lineart=lines), marks=marks, finish=Finish(**finish))
    return build_request(taken, MODELS)


def test_marks_are_sent_in_pixels_of_the_line_art():
    prepared = marked()
    flats = prepared.request.flats
    places = [(hint.at.x_px, hint.at.y_px, hint.colour) for hint in flats.hints]
    assert places == [(2.5, 4.0, "#12ab34"), (4.0, 3.0, None)]
    assert [(p.x_px, p.y_px) for p in flats.closing[0]] == [(0, 3), (1, 4), (2, 3)]
    assert [(p.x_px, p.y_px) for p in flats.merging[0]] == [(3, 2), (5, 2), (4, 5)]


def test_what_was_understood_is_said_first_and_what_was_not_after_it():
    said = "1 pair, 1 colour hint, 1 region left empty, 1 gap closed, 1 area joined"
    assert marked().notes == (f"On the points layer: {said}.", "A text is not used.")


def test_the_networks_own_painting_takes_pairs_only_and_says_so():
    prepared = marked(result="proposal")
    assert prepared.request.pairs and not prepared.request.flats.hints
    assert not prepared.request.flats.closing and not prepared.request.flats.merging
    assert prepared.notes[0] == "On the points layer: 1 pair."
    assert "pairs only. Not used: 1 colour hint" in prepared.notes[1]


def test_a_scribble_of_very_many_points_is_thinned_out_to_what_can_be_sent():
    scribble = tuple((i / 100, float(i % 2)) for i in range(45_001))
    (sent,) = marked(Marks(closing=(scribble,))).request.flats.closing
    assert len(sent) <= 10_000
    assert (sent[0].x_px, sent[-1].x_px) == (-1, 449)


# -- options of references, quality, a layer to start from ----------------------------------------

HEAVY, OPAQUE = ReferenceOptions(2.5), ReferenceOptions(1.0, True)


def test_how_a_layer_counts_goes_with_it_whatever_its_place() -> None:
    counting = {"b": HEAVY, "d": OPAQUE, "e": ReferenceOptions(9)}
    usual = ReferenceOptions()
    for references, wanted in (
        (("b", "d"), (HEAVY, OPAQUE)),
        (("d", "b"), (OPAQUE, HEAVY)),
        (("d", "f"), (OPAQUE, usual)),
        (("f",), (usual,)),
    ):
        assert Choices("a", references, counting=counting).reference_options == wanted


def test_quality_and_how_references_count_are_asked_for():
    two = [sheet("Colours", 8, 4, [RED, BLUE]), sheet("More", 8, 4, [RED, CLEAR, BLUE])]
    taken = replace(snapshot(references=two), preset="draft", reference_options=(HEAVY, OPAQUE))
    request = build_request(taken, MODELS).request
    assert (request.preset, request.reference_options) == ("draft", (HEAVY, OPAQUE))
    plain = build_request(snapshot(), MODELS).request
    assert (plain.preset, plain.reference_options) == (None, ())
    assert (plain.initial, plain.strength) == (None, 1.0)


def test_the_start_goes_along_untouched_and_is_said():
    start = sheet("Flats 1", 8, 4, [BLUE, CLEAR])
    prepared = build_request(replace(snapshot(), start=start, strength=0.35), MODELS)
    initial = prepared.request.initial
    assert initial is not None and bytes(initial.pixels) == start.pixels
    assert prepared.request.strength == 0.35
    assert prepared.notes == ("Started from “Flats 1”, 35 % of it painted anew.",)
    # A strength without a layer to start from is no matter.
    assert build_request(replace(snapshot(), strength=0.35), MODELS).request.strength == 1


def test_a_start_and_what_is_kept_are_not_mixed_up():
    start, kept = sheet("Flats 1", 8, 4, [BLUE, CLEAR]), sheet("Corrected", 8, 4, [RED, CLEAR])
    request = build_request(replace(snapshot(), start=start, kept=kept), MODELS).request
    assert request.locks is not None and bytes(request.locks.pixels) == kept.pixels
    assert request.initial is not None and bytes(request.initial.pixels) == start.pixels


def test_an_empty_start_is_refused():
    with pytest.raises(CannotStart, match="“Flats 1” is empty") as refusal:
        build_request(replace(snapshot(), start=sheet("Flats 1", 8, 4, [CLEAR])), MODELS)
    assert "nothing" in refusal.value.remedy


FAINT = b"\0\0\xff\x7f"


def test_only_what_is_painted_needs_something_opaque():
    faint = [sheet("Faint", 8, 4, [FAINT, b"\xff\0\0\x7f"])]
    build_request(snapshot(references=faint), MODELS)
    with pytest.raises(CannotStart, match="“Faint” is opaque") as refusal:
        build_request(replace(snapshot(references=faint), reference_options=(OPAQUE,)), MODELS)
    assert refusal.value.remedy


def test_a_pair_on_a_spot_that_does_not_count_is_listed_and_not_sent():
    reference = [sheet("Colours", 8, 4, [RED, FAINT, BLUE, BLUE])]
    taken = snapshot(references=reference, pairs=[FoundPair((1.5, 1.0), (2, 1), 0, "#ff0000")])
    assert len(build_request(taken, MODELS).request.pairs) == 1
    prepared = build_request(replace(taken, reference_options=(OPAQUE,)), MODELS)
    assert not prepared.request.pairs
    assert any("transparent" in note for note in prepared.notes)
