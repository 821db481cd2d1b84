# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire format: what is written can be read, and what can't be read is one error."""

from __future__ import annotations

import ast
import json
import random
import sys
import tracemalloc
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manganinja.wire import protocol as p

JOBS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
TEXTS = st.text(max_size=30)
NUMBERS = st.floats(-1e6, 1e6)
COUNTS = st.integers(0, 10_000)
POINTS = st.builds(p.Point, NUMBERS, NUMBERS)
SOURCES = st.dictionaries(TEXTS, TEXTS, max_size=3)
SCALES = st.none() | st.floats(0, 100)


SENT = sorted(set(p.CHANNELS) - {"index8"})
COLOURS = st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)
TABLES = st.lists(st.none() | COLOURS, min_size=1, max_size=5).map(tuple)


@st.composite
def descriptors(
    draw: st.DrawFn, blob: st.SearchStrategy[int] | None = None, formats: Sequence[str] = SENT
) -> p.PictureDescriptor:
    width, height = draw(st.integers(1, 3000)), draw(st.integers(1, 3000))
    pixel_format = draw(st.sampled_from(formats))
    table = draw(TABLES) if pixel_format == "index8" else ()
    raw = p.raw_size(width, height, pixel_format)
    encoding = draw(st.sampled_from(p.ENCODINGS))
    encoded = raw if encoding == "raw" else draw(st.integers(1, raw))
    number = draw(st.integers(0, 2**32 - 1) if blob is None else blob)
    return p.PictureDescriptor(number, width, height, pixel_format, encoding, encoded, table)


PATHS = st.lists(st.lists(POINTS, max_size=4).map(tuple), max_size=2).map(tuple)
FLATS = st.builds(
    p.FlatsOptions,
    st.sampled_from(p.RESULTS),
    st.floats(0, p.MAX_GAP_PX),
    st.booleans(),
    st.booleans(),
    st.lists(COLOURS, max_size=3).map(tuple),
    st.lists(st.builds(p.Hint, POINTS, st.none() | COLOURS), max_size=3).map(tuple),
    PATHS,
    PATHS,
)


REFERENCE_OPTIONS = st.builds(
    p.ReferenceOptions, st.floats(0, p.MAX_WEIGHT, exclude_min=True), st.booleans()
)


@st.composite
def requests(draw: st.DrawFn) -> p.RequestHeader:
    count = draw(st.integers(1, 3))
    pairs = st.builds(p.Pair, POINTS, POINTS, st.integers(0, count - 1))
    lineart = draw(descriptors(st.just(0)))
    locks = replace(lineart, blob=count + 1) if draw(st.booleans()) else None
    initial = replace(lineart, blob=count + 2) if draw(st.booleans()) else None
    options = draw(st.lists(REFERENCE_OPTIONS, min_size=count, max_size=count))
    return p.RequestHeader(
        lineart=lineart,
        references=tuple(draw(descriptors(st.just(n + 1))) for n in range(count)),
        pairs=tuple(draw(st.lists(pairs, max_size=4))),
        model=draw(st.text(min_size=1, max_size=30)),
        steps=draw(st.none() | st.integers(1, p.MAX_STEPS)),
        seed=draw(st.integers(0, p.MAX_SEED)),
        guidance_reference=draw(SCALES),
        guidance_points=draw(SCALES),
        source=draw(SOURCES),
        result_format=draw(st.sampled_from(["rgba8", "bgra8"])),
        flats=draw(FLATS),
        locks=locks,
        preset=draw(st.none() | st.sampled_from(p.PRESETS)),
        reference_options=tuple(options) if draw(st.booleans()) else (),
        initial=initial,
        strength=draw(st.floats(p.LEAST_STRENGTH, 1)) if initial else 1.0,
    )


@pytest.mark.parametrize("place", ["locks", "initial"])
def test_what_lies_over_the_line_art_and_has_another_size_is_refused(place: str) -> None:
    page, other = p.Picture(2, 1, "gray8", b"ab"), p.Picture(1, 1, "rgba8", b"abcd")
    with pytest.raises(p.ProtocolError) as caught:
        replace(p.ColorizeRequest(page, (page,)), **{place: other})
    assert caught.value.code == "bad_request" and "1 x 1 px" in caught.value.message
    assert place in caught.value.message


MODELS = st.lists(
    st.builds(p.ModelInfo, TEXTS, TEXTS, st.none() | COUNTS, SCALES, SCALES, st.none() | COUNTS),
    max_size=3,
).map(tuple)
UNSURE = st.lists(st.builds(p.Unsure, POINTS, st.floats(0, 1), TEXTS), max_size=3).map(tuple)
INFOS = st.builds(
    p.ResultInfo, COUNTS, TEXTS, COUNTS, NUMBERS, TEXTS, st.lists(TEXTS, max_size=3).map(tuple),
    UNSURE, st.none() | st.sampled_from(p.PRESETS),
)  # fmt: skip


@st.composite
def result_layers(draw: st.DrawFn) -> tuple[p.LayerHeader, ...]:
    first = draw(descriptors(st.just(0), sorted(p.CHANNELS)))
    layers = [p.LayerHeader(draw(TEXTS), draw(st.sampled_from(p.BLENDS)), first)]
    for blob in range(1, draw(st.integers(1, 4))):
        image = p.PictureDescriptor(blob, first.width_px, first.height_px, "gray8", "zlib", 1)
        layers.append(p.LayerHeader(draw(TEXTS), draw(st.sampled_from(p.BLENDS)), image))
    return tuple(layers)


STATES = st.sampled_from(p.MODEL_STATES)
CLIENT_MESSAGES = st.one_of(
    st.builds(p.Hello, COUNTS, TEXTS),
    st.builds(p.Colorize, JOBS, requests()),
    st.builds(p.Cancel, JOBS),
    st.builds(p.Attach, JOBS),
    st.builds(p.Acknowledge, JOBS),
    st.builds(p.StatusQuery),
    st.builds(p.Shutdown),
)
SERVER_MESSAGES = st.one_of(
    st.builds(p.ServerInfo, COUNTS, TEXTS, MODELS, TEXTS, STATES),
    st.builds(p.Accepted, JOBS),
    st.builds(p.Queued, JOBS, COUNTS),
    st.builds(
        p.Progress,
        JOBS,
        st.sampled_from(p.STAGES),
        COUNTS,
        COUNTS,
        st.floats(0, 1),
        st.lists(TEXTS, max_size=2).map(tuple),
    ),
    st.builds(p.PreviewHeader, JOBS, descriptors()),
    st.builds(p.ResultHeader, JOBS, result_layers(), INFOS, SOURCES),
    st.builds(p.Cancelled, JOBS),
    st.builds(p.Failed, st.none() | JOBS, st.sampled_from(p.ERROR_CODES), TEXTS, TEXTS),
    st.builds(p.Status, STATES, TEXTS, MODELS, TEXTS, st.none() | JOBS, COUNTS, COUNTS, NUMBERS),
)
PARSERS = [p.parse_client_message, p.parse_server_message, p.parse_record]


# -- messages -------------------------------------------------------------------------------------


@given(CLIENT_MESSAGES)
def test_a_client_message_is_read_as_it_was_written(message: p.ClientMessage) -> None:
    assert p.parse_client_message(p.to_text(message)) == message


@given(SERVER_MESSAGES)
def test_a_server_message_is_read_as_it_was_written(message: p.ServerMessage) -> None:
    assert p.parse_server_message(p.to_text(message)) == message


def test_a_record_is_read_as_it_was_written_and_hides_its_token() -> None:
    record = p.Record(1, "127.0.0.1", 4711, "secret", 12, "0.1.0")
    assert p.parse_record(p.record_to_text(record)) == record
    assert record.url == "ws://127.0.0.1:4711/ws"
    assert "secret" not in repr(record)


def only_protocol_errors(text: str) -> None:
    for parse in PARSERS:
        try:
            parse(text)
        except p.ProtocolError as error:
            assert error.code in p.ERROR_CODES and error.message and error.remedy
    p.job_of(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=10,
)


@given(st.text())
def test_any_text_is_a_message_or_one_error(text: str) -> None:
    only_protocol_errors(text)


@given(JSON)
def test_any_json_is_a_message_or_one_error(value: object) -> None:
    only_protocol_errors(json.dumps(value))


@settings(max_examples=400)
@given(st.one_of(CLIENT_MESSAGES, SERVER_MESSAGES), st.data())
def test_any_one_wrong_value_in_a_message_is_a_message_or_one_error(message, data) -> None:
    values = json.loads(p.to_text(message))
    place, parents = values, []
    while isinstance(place, (dict, list)) and place:
        keys = sorted(place) if isinstance(place, dict) else range(len(place))
        parents.append((place, data.draw(st.sampled_from(list(keys)))))
        place = place[parents[-1][1]]
        if data.draw(st.booleans()):
            break
    parent, key = parents[-1]
    parent[key] = data.draw(JSON)
    only_protocol_errors(json.dumps(values))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 200_000,
        '{"a":' * 100_000,
        "1" * 100_000,
        '{"type": "progress", "fraction": NaN}',
        '{"type": "queued", "job": "a", "position": 1e999}',
        '{"type": "queued", "job": "a", "position": true}',
        '{"type": "cancel", "job": "' + "a" * 65 + '"}',
        '{"type": "cancel", "job": "a\\n"}',
        '"' + "x" * (2 << 20) + '"',
        "\ud800",
    ],
)
def test_texts_that_break_parsers_are_one_error(text: str) -> None:
    for parse in PARSERS:
        with pytest.raises(p.ProtocolError):
            parse(text)


def test_what_a_newer_version_adds_is_overlooked() -> None:
    assert p.parse_client_message('{"type": "cancel", "job": "a", "why": [1]}') == p.Cancel("a")


# -- requests -------------------------------------------------------------------------------------

SMALL = p.Picture(2, 2, "rgba8", bytes(16))


def pixels(byte: bytes) -> p.Picture:
    return p.Picture(3, 1, "rgba8", byte * 12)


@pytest.mark.parametrize("over_it", [(), ("locks",), ("initial",), ("locks", "initial")])
def test_the_request_that_arrives_is_the_request_that_was_sent(over_it: tuple[str, ...]) -> None:
    sent = p.ColorizeRequest(
        p.Picture(3, 1, "gray8", b"abc"),
        (SMALL, pixels(b"r")),
        (p.Pair(p.Point(0.5, 1), p.Point(1.25, 0), 1),),
        steps=9,
        seed=3,
        source={"layer": "{1}"},
        preset="draft",
        reference_options=(p.ReferenceOptions(2.5), p.ReferenceOptions(only_opaque=True)),
    )
    laid_over = {place: pixels(place[:1].encode()) for place in over_it}
    strength = 0.25 if "initial" in over_it else 1.0
    sent = replace(sent, strength=strength, **laid_over)
    pictures = [p.encode_picture(picture) for picture in sent.pictures]
    described = [picture.descriptor(n) for n, picture in enumerate(pictures)]
    header = p.RequestHeader(**p.with_places(sent.places, described), **sent.options)
    arrived = p.parse_client_message(p.to_text(p.Colorize("job", header)))
    assert isinstance(arrived, p.Colorize)
    assert arrived.request.with_pictures([picture.decode() for picture in pictures]) == sent


def test_a_reference_without_options_has_the_usual_ones() -> None:
    plain = p.ColorizeRequest(SMALL, (SMALL, SMALL))
    assert plain.options_of_references == (p.ReferenceOptions(1.0, False),) * 2
    header = json.loads(p.to_text(p.Colorize("job", header_of(plain))))
    for said in ([{}, {"weight": 1}], None, []):
        header["request"]["reference_options"] = said
        arrived = p.parse_client_message(json.dumps(header))
        assert isinstance(arrived, p.Colorize)
        assert arrived.request.options_of_references == plain.options_of_references


def header_of(request: p.ColorizeRequest) -> p.RequestHeader:
    described = [p.encode_picture(q).descriptor(n) for n, q in enumerate(request.pictures)]
    return p.RequestHeader(**p.with_places(request.places, described), **request.options)


@pytest.mark.parametrize("weight", [0.0, -1.0, 10.5, float("nan"), float("inf")])
def test_a_weight_that_means_nothing_is_refused(weight: float) -> None:
    with pytest.raises(p.ProtocolError, match="weight") as caught:
        p.ReferenceOptions(weight)
    assert caught.value.code == "bad_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"result": "sketch"},
        {"gap_px": 33},
        {"lines": "pencil"},
        {"tones": "three"},
        {"gap_px": float("nan")},
        {"palette": ("red",)},
        {"palette": ("#000000",) * 256},
        {"hints": (p.Hint(p.Point(1, float("inf")), None),)},
        {"hints": (p.Hint(p.Point(1, 1), "#12345"),)},
        {"closing": ((p.Point(0, 0),) * 10_001,)},
        {"merging": ((p.Point(float("nan"), 0),),)},
    ],
)
def test_flats_options_that_mean_nothing_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(p.ProtocolError):
        p.FlatsOptions(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"references": ()},
        {"references": (SMALL,) * 17},
        {"pairs": (p.Pair(p.Point(0, 0), p.Point(0, 0), 1),)},
        {"pairs": (p.Pair(p.Point(float("nan"), 0), p.Point(0, 0)),)},
        {"pairs": (p.Pair(p.Point(0, 0), p.Point(0, 0)),) * 5000},
        {"steps": 0},
        {"steps": 1001},
        {"seed": -1},
        {"seed": 1 << 63},
        {"guidance_reference": -0.1},
        {"guidance_points": float("nan")},
        {"guidance_points": 101.0},
        {"model": ""},
        {"preset": "quick"},
        {"preset": ""},
        {"reference_options": (p.ReferenceOptions(),) * 2},
        {"initial": SMALL, "strength": 0.0},
        {"initial": SMALL, "strength": 0.009},
        {"initial": SMALL, "strength": 1.01},
        {"initial": SMALL, "strength": float("nan")},
        {"strength": 0.5},
    ],
)
def test_a_request_that_makes_no_sense_is_refused_where_it_is_made(changes: dict) -> None:
    with pytest.raises(p.ProtocolError) as caught:
        p.ColorizeRequest(**{"lineart": SMALL, "references": (SMALL,), **changes})
    assert caught.value.code == "bad_request"


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ((0, 5), "bad_request"),
        ((-1, -1), "bad_request"),
        ((65_536, 1), "too_large"),
        ((11_314, 11_314), "too_large"),
        ((2, 3), "bad_request"),
    ],
)
def test_a_picture_is_as_large_as_it_says_and_not_too_large(size, code: str) -> None:
    with pytest.raises(p.ProtocolError) as caught:
        p.Picture(size[0], size[1], "rgba8", bytes(16))
    assert caught.value.code == code


def test_a_canvas_of_10000_by_10000_is_within_the_limits() -> None:
    assert p.raw_size(10_000, 10_000, "rgba8") == 400_000_000


def test_the_pictures_of_a_request_have_a_limit_together() -> None:
    many = [p.PictureDescriptor(n, 10_000, 10_000, "rgba8", "zlib", 9) for n in range(9)]
    assert p.RequestHeader(many[0], tuple(many[1:8])).raw_bytes == 3_200_000_000
    with pytest.raises(p.ProtocolError) as caught:
        p.RequestHeader(many[0], tuple(many[1:]))
    assert caught.value.code == "too_large"


# -- pictures -------------------------------------------------------------------------------------

INDEXED = p.Picture(2, 2, "index8", b"\0\1\1\2", (None, "#102030", "#ffffff"))


def test_a_picture_by_index_travels_with_its_table() -> None:
    encoded = travelled(p.encode_picture(INDEXED))
    assert encoded.decode() == INDEXED


@pytest.mark.parametrize(
    ("pixel_format", "table"),
    [
        ("index8", ()),
        ("index8", ("#102030",) * 257),
        ("index8", ("red",)),
        ("gray8", ("#102030",)),
    ],
)
def test_a_table_belongs_to_a_picture_by_index_and_to_no_other(pixel_format, table) -> None:
    with pytest.raises(p.ProtocolError):
        p.Picture(2, 2, pixel_format, bytes(4), table)
    image = {"blob": 1, "width": 2, "height": 2, "format": pixel_format, "encoding": "raw"}
    layer = {"name": "", "blend": "normal", "image": {**image, "bytes": 4, "table": list(table)}}
    info = {"seed": 1, "model": "m", "steps": 1, "seconds": 1, "device": "cpu"}
    with pytest.raises(p.ProtocolError):
        text = json.dumps({"type": "result", "job": "a", "layers": [layer], "info": info})
        p.parse_server_message(text)


def test_nothing_by_index_is_asked_for() -> None:
    over_it = [{place: INDEXED} for place in ("locks", "initial")]
    for changes in ({"lineart": INDEXED}, {"references": (INDEXED,)}, *over_it):
        with pytest.raises(p.ProtocolError, match="results only"):
            p.ColorizeRequest(**{"lineart": SMALL, "references": (SMALL,), **changes})


def test_the_layers_of_a_result_are_of_one_size_and_have_a_blob_each() -> None:
    image = p.encode_picture(SMALL).descriptor(1)
    info = p.ResultInfo(1, "mini", 1, 1.0, "cpu")
    for other in (image, replace(image, blob=2, width_px=4, height_px=1)):
        layers = tuple(p.LayerHeader("a", "normal", i) for i in (image, other))
        with pytest.raises(p.ProtocolError):
            p.ResultHeader("job", layers, info, {})
    for count in (0, p.MAX_LAYERS + 1):
        images = [replace(image, blob=blob) for blob in range(count)]
        with pytest.raises(p.ProtocolError):
            layers = tuple(p.LayerHeader("a", "normal", i) for i in images)
            p.ResultHeader("job", layers, info, {})


def noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)


@pytest.mark.parametrize(
    ("pixels", "encoding"), [(bytes(4_000_000), "zlib"), (noise(4_000_000), "raw")]
)
def test_a_picture_is_compressed_where_that_pays(pixels: bytes, encoding: str) -> None:
    picture = p.Picture(1000, 1000, "rgba8", pixels)
    encoded = p.encode_picture(picture)
    assert encoded.encoding == encoding
    assert encoded.decode() == picture
    if encoding == "zlib":
        assert encoded.encoded_bytes < 100_000


def test_an_empty_margin_does_not_hide_what_compresses_badly() -> None:
    pixels = bytes(2 << 20) + noise(6 << 20)
    assert p.encode_picture(p.Picture(2048, 1024, "rgba8", pixels)).encoding == "raw"


@given(st.binary(min_size=1, max_size=200))
def test_any_pixels_survive_the_wire(pixels: bytes) -> None:
    picture = p.Picture(len(pixels), 1, "gray8", pixels)
    assert travelled(p.encode_picture(picture)).decode() == picture


def travelled(encoded: p.EncodedPicture, blob: int = 5) -> p.EncodedPicture:
    assembler = p.BlobAssembler()
    assembler.expect([encoded.descriptor(blob)])
    *early, final = [assembler.feed(frame) for frame in encoded.frames(blob)]
    assert early == [None] * len(early) and final is not None and final[0] == blob
    return final[1]


def test_large_pictures_travel_in_frames_of_a_mebibyte() -> None:
    picture = p.Picture(1100, 1000, "rgba8", noise(4_400_000))
    encoded = p.encode_picture(picture)
    frames = list(encoded.frames(1))
    assert [len(frame) for frame in frames[:-1]] == [12 + (1 << 20)] * 4
    assert travelled(encoded).decode() == picture


def test_two_pictures_may_travel_at_once() -> None:
    pictures = [p.Picture(700, 700, "rgba8", noise(1_960_000 + n)[n:]) for n in range(2)]
    encoded = [p.encode_picture(picture) for picture in pictures]
    assembler = p.BlobAssembler()
    assembler.expect([encoded[0].descriptor(0), encoded[1].descriptor(1)])
    arrived = {}
    for pair in zip(encoded[0].frames(0), encoded[1].frames(1), strict=True):
        arrived.update(done for frame in pair if (done := assembler.feed(frame)))
    assert [arrived[n].decode() for n in range(2)] == pictures


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_any_frames_are_taken_or_are_one_error(frames: list[bytes]) -> None:
    assembler = p.BlobAssembler()
    assembler.expect([p.PictureDescriptor(0, 4, 1, "gray8", "raw", 4)])
    for frame in frames:
        try:
            assembler.feed(frame)
        except p.ProtocolError as error:
            assert error.code == "bad_message"


@given(st.integers(0, 12), st.integers(0, 40))
def test_bytes_out_of_order_or_beyond_the_end_are_refused(offset: int, length: int) -> None:
    assembler = p.BlobAssembler()
    assembler.expect([p.PictureDescriptor(9, 10, 1, "gray8", "raw", 10)])
    frame = b"\0\0\0\x09" + offset.to_bytes(8, "big") + bytes(length)
    if offset == 0 and 1 <= length <= 10:
        assert (assembler.feed(frame) is not None) == (length == 10)
    else:
        with pytest.raises(p.ProtocolError):
            assembler.feed(frame)


def test_a_blob_cannot_be_announced_twice_nor_delivered_twice() -> None:
    encoded = p.encode_picture(SMALL)
    assembler = p.BlobAssembler()
    assembler.expect([encoded.descriptor(1)])
    with pytest.raises(p.ProtocolError):
        assembler.expect([encoded.descriptor(1)])
    (frame,) = encoded.frames(1)
    assert assembler.feed(frame) is not None
    with pytest.raises(p.ProtocolError):
        assembler.feed(frame)


def test_what_still_comes_of_a_discarded_blob_is_dropped() -> None:
    encoded = p.encode_picture(p.Picture(1100, 1000, "rgba8", noise(4_400_000)))
    assembler = p.BlobAssembler()
    assembler.expect([encoded.descriptor(1)])
    frames = list(encoded.frames(1))
    assembler.feed(frames[0])
    assembler.discard([1, 77])
    assert [assembler.feed(frame) for frame in frames[1:]] == [None] * 4
    with pytest.raises(p.ProtocolError):
        assembler.feed(frames[-1])


@settings(max_examples=200)
@given(st.binary(max_size=60), st.integers(0, 60), st.sampled_from([15, 16, 17, 4000]))
def test_damaged_compression_is_one_error(junk: bytes, cut: int, length: int) -> None:
    data = zlib.compress(bytes(length))[:cut] + junk
    encoded = p.EncodedPicture(2, 2, "rgba8", "zlib", (data[:20], data[20:]))
    try:
        assert encoded.decode() == SMALL
    except p.ProtocolError as error:
        assert error.code == "bad_request" and "damaged" in error.message


def test_a_decompression_bomb_does_not_go_off() -> None:
    bomb = zlib.compress(bytes(200 << 20), 9)
    encoded = p.EncodedPicture(100, 100, "rgba8", "zlib", (bomb,))
    tracemalloc.start()
    try:
        with pytest.raises(p.ProtocolError):
            encoded.decode()
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


# -- the room -------------------------------------------------------------------------------------


def test_the_wire_needs_nothing_but_the_standard_library_and_websockets() -> None:
    allowed = {*sys.stdlib_module_names, "websockets"}
    for path in Path(p.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, path
            elif isinstance(node, ast.ImportFrom):
                # One dot: the folder is copied elsewhere.
                assert node.level == 1 or (node.module or "").split(".")[0] in allowed, path
                assert node.level <= 1, path
