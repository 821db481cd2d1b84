# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/protocol.md says what protocol.py does."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from manganinja.wire import protocol as p

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def example(mark: str) -> list[str]:
    return [line[2:] for line in PAGE.splitlines() if line.startswith(f"{mark} {{")]


def test_every_message_of_the_example_is_one() -> None:
    said = [p.parse_client_message(text) for text in example(">")]
    heard = [p.parse_server_message(text) for text in example("<")]
    assert [type(message) for message in said] == [p.Hello, p.Colorize, p.Acknowledge, p.Cancel]
    assert len(heard) == 8
    result = heard[-2]
    assert isinstance(result, p.ResultHeader)
    flats, shade = result.layers
    assert len(flats.image.table) == 4 and result.info.unsure
    assert -(-shade.image.encoded_bytes // p.CHUNK_BYTES) == 34


def test_the_page_names_every_code_stage_state_format_and_message() -> None:
    names = {*p.ERROR_CODES, *p.STAGES, *p.MODEL_STATES, *p.CHANNELS, *p.ENCODINGS}
    names |= {*p.RESULTS, *p.BLENDS, *p.PRESETS, *p._TYPES.values()}
    names |= {f.name for f in fields(p.ReferenceOptions)}
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_the_page_is_about_this_version_and_its_request_says_everything() -> None:
    assert PAGE.startswith(f"# The wire format, version {p.PROTOCOL_VERSION}\n")
    said = {p.parse_client_message(text) for text in example(">") if '"hello"' in text}
    assert {m.protocol for m in said if isinstance(m, p.Hello)} == {p.PROTOCOL_VERSION}
    assert {f.name for f in fields(p.RequestHeader) if f"`{f.name}`" not in PAGE} == set()


def test_the_page_names_the_limits() -> None:
    assert f"{p.MAX_SIDE_PX // 1000} {p.MAX_SIDE_PX % 1000}" in PAGE
    assert f"{p.MAX_PICTURE_PIXELS // 1_000_000} million pixels" in PAGE
    assert f"{p.MAX_REQUEST_BYTES >> 30} GiB" in PAGE
    assert f"{p.MAX_REFERENCES} references, {p.MAX_PAIRS} pairs" in PAGE
    assert f"weight up to {p.MAX_WEIGHT:g}" in PAGE
    assert f"{p.MAX_LAYERS} layers" in PAGE and f"first {p.MAX_UNSURE}" in PAGE
