# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers that are offered first."""

import json
from dataclasses import replace

import pytest

from krita_plugin.choosing import LayerLook, choose, from_kept, look_at, still_valid, to_keep
from krita_plugin.job import Choices, Finish, Start
from krita_plugin.layer_info import LayerInfo
from manganinja.wire.protocol import ReferenceOptions

BLANK, BLACK, ORANGE = b"\0\0\0\0", b"\0\0\0\xff", b"\x00\x80\xff\xff"
LINES = look_at(BLANK * 90 + BLACK * 10)
COLOURS = look_at(ORANGE * 80 + BLACK * 20)
PAPER = look_at(b"\xff\xff\xff\xff" * 100)


def layer(identifier, kind="paintlayer"):
    return LayerInfo(identifier, identifier, identifier, kind, True)


def test_each_layer_is_known_by_its_look():
    layers = [layer("dots", "vectorlayer"), layer("lines"), layer("colours"), layer("paper")]
    looks = {"lines": LINES, "colours": COLOURS, "paper": PAPER}
    assert choose(layers, looks) == Choices("lines", ("colours",), "dots")


def test_the_order_of_the_layers_does_not_matter():
    layers = [layer("colours"), layer("paper"), layer("lines")]
    looks = {"lines": LINES, "colours": COLOURS, "paper": PAPER}
    assert choose(layers, looks) == Choices("lines", ("colours",), None)


def test_scanned_lines_on_white_paper_are_line_art():
    scan = look_at(b"\xff\xff\xff\xff" * 95 + BLACK * 5)
    assert choose([layer("scan")], {"scan": scan}).lineart == "scan"


def test_an_empty_document_gets_no_choice():
    assert choose([layer("paper")], {"paper": PAPER}) == Choices(None, (), None)


def test_a_layer_is_preferred_to_the_group_around_it():
    layers = [layer("group", "grouplayer"), layer("lines")]
    assert choose(layers, {"group": LINES, "lines": LINES}).lineart == "lines"


def test_shares_are_of_all_pixels():
    assert look_at(BLANK * 2 + BLACK + ORANGE) == LayerLook(0.25, 0.5, 0.5, 0.25)


def test_choices_lose_layers_that_are_gone():
    finish = Finish("painting", 3)
    choices = Choices("a", ("b", "c"), "d", "e", finish)
    left = still_valid(choices, [layer("a"), layer("c")])
    assert left == Choices("a", ("c",), None, None, finish)
    assert still_valid(choices, [layer("e")]).keep == "e"


def test_how_a_layer_counts_is_kept_while_the_layer_is_there_chosen_or_not():
    counting = {"b": ReferenceOptions(2.0), "c": ReferenceOptions(1.0, True)}
    choices = Choices("a", ("b",), counting=counting, start=Start("d", 20))
    hidden = replace(layer("c"), visible=False)
    left = still_valid(choices, [layer("a"), hidden, layer("d")])
    assert left.counting == {"c": ReferenceOptions(1.0, True)}
    assert left.start == Start("d", 20)
    assert still_valid(choices, [layer("a")]).start == Start(None, 20)


def test_choices_come_back_from_the_file():
    finish = Finish("painting", 0, True, True, "Web", "ink", "two")
    counting = {"c": ReferenceOptions(2.5, True), "f": ReferenceOptions(0.5)}
    choices = Choices("a", ("b", "c"), None, "e", finish, "draft", counting, Start("f", 35))
    assert from_kept(json.loads(json.dumps(to_keep(choices)))) == choices


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"lineart": 3, "references": "b", "points": [], "keep": {}, "finish": "flats"},
        {"references": [1, None], "finish": {"result": ["flats"], "gap_px": 33, "detail": 1}},
        {"finish": {"result": "sculpture", "gap_px": True, "empty_background": "yes"}},
        {"finish": {"palette": ["Web"], "lines": "pencil", "tones": "three"}},
        {"preset": "quick", "counting": ["b"], "start": "b"},
        {"preset": ["draft"], "counting": {"b": 2, "c": None, "d": {}}, "start": {"layer": 3}},
        {"counting": {"b": {"weight": 0}, "c": {"weight": True}, "d": {"weight": "2"}}},
        {"counting": {"b": {"weight": 10**400}, "c": {"weight": float("nan")}}},
        {"start": {"percent": 0}},
        {"start": {"percent": 50.0}},
    ],
)
def test_what_a_file_says_wrongly_is_the_usual_choice(kept):
    assert from_kept(kept) == Choices()


def test_choices_of_an_older_file_are_read():
    old = {"lineart": "a", "references": ["b"], "points": None}
    assert from_kept(old) == Choices("a", ("b",))
