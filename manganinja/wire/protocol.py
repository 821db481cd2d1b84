# SPDX-License-Identifier: GPL-3.0-or-later
"""The wire format: value types, messages, parsing, assembly of pictures. No input, no output.

Parsing is total: every text frame and every binary frame gives a value of this module or raises
`ProtocolError`, and nothing else. `docs/protocol.md` describes the same format in words.
"""

from __future__ import annotations

import json
import math
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar, Union

PROTOCOL_VERSION = 3

CHUNK_BYTES = 1 << 20
"""Largest payload of one binary frame."""
MAX_PICTURE_PIXELS = 128_000_000
MAX_SIDE_PX = 65_535
MAX_REQUEST_BYTES = 3 << 30
"""Largest sum of the raw sizes of one request's pictures."""
MAX_TEXT_CHARACTERS = 1 << 20
MAX_FRAME_BYTES = 4 * MAX_TEXT_CHARACTERS + 64
"""No frame is longer, in either direction; both ends refuse longer ones unread."""
MAX_REFERENCES = 16
MAX_PAIRS = 4096
MAX_STEPS = 999
"""The published noise schedule has a thousand, and begins one late."""
MAX_MODELS = 100
MAX_SEED = (1 << 63) - 1
MAX_GUIDANCE = 100.0
MAX_WEIGHT = 10.0
LEAST_STRENGTH = 0.01
LEAST_OPAQUE = 128
"""The least alpha that counts in a reference of which only the opaque part does."""
MAX_SOURCE_ENTRIES = 32
MAX_HINTS = 4096
MAX_PATHS = 1000
MAX_NODES = 10_000
MAX_PALETTE = 255
MAX_LAYERS = 16
MAX_UNSURE = 1000
MAX_GAP_PX = 32.0

CHANNELS: Mapping[str, int] = {"gray8": 1, "rgba8": 4, "bgra8": 4, "index8": 1}
"""Picture formats and their bytes for each pixel. Alpha is not premultiplied."""
ENCODINGS = ("raw", "zlib")
RESULTS = ("flats", "painting", "proposal", "layers", "colours")
"""What a job may give: regions in exact colours; the network's shading inside the regions; what the
network painted, only scaled; flats, shade and highlight as three layers; flats by index whatever is
locked, so that each colour can be a layer."""
LINES = ("ink", "coloured", "all")
"""Which lines divide regions: black ones alone; coloured ones as well, but not what looks like
pencil under ink; everything that is drawn."""
TONES = ("drawn", "one", "two")
"""Whether a material of a reference is one colour, or one and its shadow: as the line art is drawn,
two where it has trace lines; always one; always two."""
BLENDS = ("normal", "multiply", "screen")
PRESETS = ("draft", "standard", "best")
"""Samplers with their steps, from fast to exact."""
STAGES = ("waiting", "loading", "reading", "sampling", "decoding", "finishing")
MODEL_STATES = ("loading", "ready", "failed", "stopped")
ERROR_CODES = (
    "bad_message",
    "version",
    "bad_request",
    "too_large",
    "busy",
    "no_model",
    "model_failed",
    "out_of_memory",
    "worker_died",
    "unknown_job",
    "internal",
)

_CHUNK_HEADER = struct.Struct("!IQ")
_COLOUR = re.compile(r"#[0-9a-f]{6}\Z")
_JOB = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_INFLATE_STEP_BYTES = 4 << 20
_SAMPLES = 16
_WORTH_COMPRESSING = 0.6


class WireError(Exception):
    """Anything that goes wrong between a client and the server.

    `message` is one sentence on what is wrong, `remedy` one sentence on what to do about it.
    """

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.message = message
        self.remedy = remedy


class ProtocolError(WireError, ValueError):
    """A frame or a value that is outside the wire format; `code` is one of `ERROR_CODES`."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message, remedy)
        self.code = code


_SAME_VERSION = "Install the plugin and the server from the same version of MangaNinja."


def _bad_message(what: str) -> ProtocolError:
    return ProtocolError("bad_message", f"A message was not understood: {what}.", _SAME_VERSION)


def _bad_request(message: str, remedy: str) -> ProtocolError:
    return ProtocolError("bad_request", message, remedy)


# ---------------------------------------------------------------------------------------------
# Value types


@dataclass(frozen=True)
class Picture:
    """Pixels in memory: raw, row-major, top row first, no padding between rows.

    `format` is a key of `CHANNELS`; `pixels` has exactly width * height * channels bytes. The
    bytes of an index8 picture are places in `table`: colours "#rrggbb", or None for transparent,
    which is also what lies beyond the table's end; other formats have no table.
    Raises `ProtocolError` where that does not hold or the picture is larger than the limits.
    """

    width_px: int
    height_px: int
    format: str
    pixels: bytes = field(repr=False)
    table: tuple[str | None, ...] = ()

    def __post_init__(self) -> None:
        expected = raw_size(self.width_px, self.height_px, self.format)
        _check_table(self.format, self.table)
        if len(self.pixels) != expected:
            raise _bad_request(
                f"A picture of {self.width_px} x {self.height_px} pixels has "
                f"{len(self.pixels)} bytes instead of {expected}.",
                "Send every row without padding.",
            )


@dataclass(frozen=True)
class Point:
    """A place in a picture. Pixel i covers [i, i + 1), the origin is the top left corner."""

    x_px: float
    y_px: float


@dataclass(frozen=True)
class Pair:
    """The same spot in a reference and in the line art."""

    reference: Point
    lineart: Point
    reference_index: int = 0


@dataclass(frozen=True)
class Hint:
    """The region at a place of the line art gets this colour ("#rrggbb"), or none: stays empty."""

    at: Point
    colour: str | None

    @property
    def rgb(self) -> tuple[int, int, int] | None:
        """The colour's three bytes."""
        if self.colour is None:
            return None
        red, green, blue = bytes.fromhex(self.colour[1:])
        return red, green, blue


@dataclass(frozen=True)
class FlatsOptions:
    """How the network's proposal becomes the result.

    `result` is one of `RESULTS`. Gaps in lines up to `gap_px` (0..32, pixels of the line art) are
    closed; `closing` paths close wider ones, what a `merging` path encloses becomes one region.
    `palette` holds the colours to use ("#rrggbb"); empty means those of the references. With
    `detail` the network also looks at overlapping parts of the line art, each enlarged. `lines` is
    one of `LINES`: which of them divide regions. `tones` is one of `TONES`: what counts as a colour
    of the references.
    Raises `ProtocolError` for values outside these ranges.
    """

    result: str = "flats"
    gap_px: float = 8.0
    empty_background: bool = False
    detail: bool = False
    palette: tuple[str, ...] = ()
    hints: tuple[Hint, ...] = ()
    closing: tuple[tuple[Point, ...], ...] = ()
    merging: tuple[tuple[Point, ...], ...] = ()
    lines: str = "coloured"
    tones: str = "drawn"

    def __post_init__(self) -> None:
        _check_flats(self)


@dataclass(frozen=True)
class ReferenceOptions:
    """How much a reference counts, and which part of it.

    A reference of `weight` 2 (above 0 to 10) gets the attention of two of weight 1, and goes first
    where regions of several references would do. With
    `only_opaque` the network looks at no place of it where its alpha is below `LEAST_OPAQUE`.
    Raises `ProtocolError` for a weight outside this range.
    """

    weight: float = 1.0
    only_opaque: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.weight <= MAX_WEIGHT:
            raise _bad_request(
                f"A reference can't have the weight {self.weight:g}.",
                f"Choose a weight above 0, {MAX_WEIGHT:g} at most, or remove the reference.",
            )


_P = TypeVar("_P", Picture, "PictureDescriptor")
_PLACES = ("lineart", "references", "locks", "initial")
"""The fields with pictures, in the order in which those are sent."""


@dataclass(frozen=True)
class _Request(Generic[_P]):
    """What a request and its header have in common; `ColorizeRequest` says what it means."""

    lineart: _P
    references: tuple[_P, ...]
    pairs: tuple[Pair, ...] = ()
    model: str = "mini"
    steps: int | None = None
    seed: int = 0
    guidance_reference: float | None = None
    guidance_points: float | None = None
    source: Mapping[str, str] = field(default_factory=dict)
    result_format: str = "rgba8"
    flats: FlatsOptions = field(default_factory=FlatsOptions)
    locks: _P | None = None
    preset: str | None = None
    reference_options: tuple[ReferenceOptions, ...] = ()
    initial: _P | None = None
    strength: float = 1.0

    @property
    def places(self) -> tuple[str, ...]:
        """Which field each of the pictures belongs to, in the order in which they are sent."""
        there = [name for name in ("locks", "initial") if getattr(self, name) is not None]
        return ("lineart", *["references"] * len(self.references), *there)

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the pictures, by the names of the fields."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _PLACES}

    @property
    def options_of_references(self) -> tuple[ReferenceOptions, ...]:
        """`reference_options`, the usual ones of each reference where there are none."""
        return self.reference_options or (ReferenceOptions(),) * len(self.references)

    def _in_order(self) -> tuple[_P, ...]:
        there = [picture for picture in (self.locks, self.initial) if picture is not None]
        return (self.lineart, *self.references, *there)


def with_places(places: Sequence[str], pictures: Sequence[Any]) -> dict[str, Any]:
    """A request's pictures, or what stands for them, by the fields that `places` names."""
    placed = dict(zip(places, pictures))
    references = (p for place, p in zip(places, pictures) if place == "references")
    return {**placed, "references": tuple(references)}


@dataclass(frozen=True)
class ColorizeRequest(_Request[Picture]):
    """One immutable job: everything that the result is a function of.

    `steps` is 1..999 and the guidance scales are 0..100; None is what the model recommends.
    `preset` is one of `PRESETS`, or None for what the model recommends; `steps` win over its own,
    of which there are never more than the model recommends.
    `seed` is 0..2^63-1. `source` holds ids of the document and the layers it came from; it comes
    back with the result and is never interpreted. `result_format` is "rgba8" or "bgra8".
    `reference_options` are empty or one for each reference.
    `locks` has the line art's size; what is opaque in it stays as it is in the result.
    `initial` has the line art's size too: the network starts from it, and `strength`, 0.01..1, is
    the share of the steps that run, so how much is painted anew; 1 leaves nothing of it.
    Raises `ProtocolError` for values outside these ranges.
    """

    def __post_init__(self) -> None:
        _check_request(self)
        _check_request_size(sum(len(picture.pixels) for picture in self.pictures))

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """The line art, the references, then the locks and the initial picture where given."""
        return self._in_order()


@dataclass(frozen=True)
class PictureDescriptor:
    """What is said of a picture before its bytes come: size, format, encoding, encoded length.

    `table` as of `Picture`.
    """

    blob: int
    width_px: int
    height_px: int
    format: str
    encoding: str
    encoded_bytes: int
    table: tuple[str | None, ...] = ()

    @property
    def raw_bytes(self) -> int:
        return self.width_px * self.height_px * CHANNELS[self.format]


@dataclass(frozen=True)
class RequestHeader(_Request[PictureDescriptor]):
    """A `ColorizeRequest` with descriptors in the place of its pictures."""

    def __post_init__(self) -> None:
        _check_request(self)
        if len({d.blob for d in self.descriptors}) != len(self.descriptors):
            raise _bad_message("two pictures share one blob id")
        _check_request_size(self.raw_bytes)

    @property
    def descriptors(self) -> tuple[PictureDescriptor, ...]:
        """The line art, the references, then the locks and the initial picture where given."""
        return self._in_order()

    @property
    def raw_bytes(self) -> int:
        return sum(descriptor.raw_bytes for descriptor in self.descriptors)

    def with_pictures(self, pictures: Sequence[Picture]) -> ColorizeRequest:
        """The request itself; `pictures` in the order of `descriptors`."""
        return ColorizeRequest(**with_places(self.places, pictures), **self.options)


@dataclass(frozen=True)
class ModelInfo:
    """A model as a client shows it. Unknown until it has been loaded: everything but the name."""

    name: str
    title: str = ""
    working_resolution: int | None = None
    guidance_reference: float | None = None
    guidance_points: float | None = None
    steps: int | None = None
    licence: str = ""


@dataclass(frozen=True)
class Unsure:
    """A region worth a look: a place inside it, how sure its colour is (0..1), why it is not."""

    at: Point
    confidence: float
    why: str


@dataclass(frozen=True)
class ResultInfo:
    """How a result was made: enough to make it again from the same pictures.

    `steps` are those of one whole run, however many of them `strength` left; `preset` is the
    request's. `unsure` are the regions to look at, those of most doubt first, `MAX_UNSURE` at most.
    """

    seed: int
    model: str
    steps: int
    seconds: float
    device: str
    notes: tuple[str, ...] = ()
    unsure: tuple[Unsure, ...] = ()
    preset: str | None = None


@dataclass(frozen=True)
class Layer:
    """One layer of a result; `blend` is one of `BLENDS`: how it goes over those below it."""

    name: str
    blend: str
    picture: Picture


@dataclass(frozen=True)
class Painting:
    """What the model gives back: layers of the line art's size, the lowest first, and how they
    were made."""

    layers: tuple[Layer, ...]
    info: ResultInfo

    @property
    def picture(self) -> Picture:
        """The lowest layer's: all there is, unless several were asked for."""
        return self.layers[0].picture


@dataclass(frozen=True)
class Record:
    """Where a server listens and what it wants to be told: the content of server.json."""

    protocol: int
    host: str
    port: int
    token: str = field(repr=False)
    pid: int
    version: str

    @property
    def url(self) -> str:
        return f"ws://{self.host}:{self.port}/ws"


# ---------------------------------------------------------------------------------------------
# Messages


@dataclass(frozen=True)
class Hello:
    protocol: int
    client: str


@dataclass(frozen=True)
class Colorize:
    job: str
    request: RequestHeader


@dataclass(frozen=True)
class Cancel:
    job: str


@dataclass(frozen=True)
class Attach:
    job: str


@dataclass(frozen=True)
class Acknowledge:
    job: str


@dataclass(frozen=True)
class StatusQuery:
    pass


@dataclass(frozen=True)
class Shutdown:
    pass


@dataclass(frozen=True)
class ServerInfo:
    """The server's hello. `state` is one of `MODEL_STATES` and speaks of the default model."""

    protocol: int
    server: str
    models: tuple[ModelInfo, ...]
    device: str
    state: str = "ready"


@dataclass(frozen=True)
class Accepted:
    """The request is in order and has a seat; its pixels may be sent now."""

    job: str


@dataclass(frozen=True)
class Queued:
    """The pixels have arrived; `position` jobs have to end first, the running one included."""

    job: str
    position: int


@dataclass(frozen=True)
class Progress:
    """`fraction` of the whole job, 0..1; `step` of `steps` (0 of 0 outside sampling).

    `notes` are what there is to say to the artist already: conflicts of points, above all.
    """

    job: str
    stage: str
    step: int
    steps: int
    fraction: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PreviewHeader:
    job: str
    image: PictureDescriptor


@dataclass(frozen=True)
class LayerHeader:
    """A `Layer` with a descriptor in the place of its picture."""

    name: str
    blend: str
    image: PictureDescriptor


@dataclass(frozen=True)
class ResultHeader:
    """A `Result` whose pictures are still to come: layers of one size, each with its own blob."""

    job: str
    layers: tuple[LayerHeader, ...]
    info: ResultInfo
    source: Mapping[str, str]

    def __post_init__(self) -> None:
        images = [layer.image for layer in self.layers]
        if not 1 <= len(images) <= MAX_LAYERS:
            raise _bad_message(f"a result has 1 to {MAX_LAYERS} layers")
        if len({image.blob for image in images}) != len(images):
            raise _bad_message("two layers share one blob id")
        if len({(image.width_px, image.height_px) for image in images}) != 1:
            raise _bad_message("the layers of a result are of one size")


@dataclass(frozen=True)
class Cancelled:
    job: str


@dataclass(frozen=True)
class Failed:
    """`job` is None where the error belongs to the conversation and not to one job."""

    job: str | None
    code: str
    message: str
    remedy: str


@dataclass(frozen=True)
class Status:
    """`state` is one of `MODEL_STATES`; `detail` is a sentence, empty unless the model failed."""

    state: str
    detail: str
    models: tuple[ModelInfo, ...]
    device: str
    running: str | None
    queued: int
    results: int
    uptime_s: float


@dataclass(frozen=True)
class Preview:
    """A small picture of the work so far, at most 256 pixels a side."""

    job: str
    picture: Picture


@dataclass(frozen=True)
class Result:
    """The end of a job that went well; `layers`, the lowest first, have the line art's size."""

    job: str
    layers: tuple[Layer, ...]
    info: ResultInfo
    source: Mapping[str, str]

    @property
    def picture(self) -> Picture:
        """The lowest layer's: all there is, unless several were asked for."""
        return self.layers[0].picture


ClientMessage = Union[Hello, Colorize, Cancel, Attach, Acknowledge, StatusQuery, Shutdown]  # noqa: UP007
ServerMessage = Union[  # noqa: UP007 - Python 3.8 evaluates these
    ServerInfo,
    Accepted,
    Queued,
    Progress,
    PreviewHeader,
    ResultHeader,
    Cancelled,
    Failed,
    Status,
]
JobEvent = Union[Accepted, Queued, Progress, Preview, Result, Cancelled, Failed]  # noqa: UP007


# ---------------------------------------------------------------------------------------------
# Checks that senders and receivers share


def raw_size(width_px: int, height_px: int, pixel_format: str) -> int:
    """Bytes of such a picture; raises `ProtocolError` where there can be none."""
    if pixel_format not in CHANNELS:
        raise _bad_message(f"there is no picture format {pixel_format!r:.40}")
    if width_px < 1 or height_px < 1:
        raise _bad_request("A picture has no pixels.", "Choose a layer that is not empty.")
    if max(width_px, height_px) > MAX_SIDE_PX or width_px * height_px > MAX_PICTURE_PIXELS:
        raise ProtocolError(
            "too_large",
            f"A picture of {width_px} x {height_px} pixels is larger than "
            f"{MAX_PICTURE_PIXELS // 1_000_000} megapixels.",
            "Scale the document down, or colorize a part of it.",
        )
    return width_px * height_px * CHANNELS[pixel_format]


def _check_table(pixel_format: str, table: Sequence[str | None]) -> None:
    if (pixel_format == "index8") != bool(table) or len(table) > MAX_PALETTE + 1:
        raise _bad_message("an index8 picture has a table of 1 to 256 entries, no other has one")
    if not all(colour is None or _COLOUR.match(colour) for colour in table):
        raise _bad_message('a colour is not of the form "#rrggbb"')


def check_job_id(job: str) -> str:
    """`job` itself if it may name a job: 1 to 64 letters, digits, '-' or '_' of ASCII."""
    if not _JOB.match(job):
        raise _bad_message("the name of the job is not 1 to 64 letters, digits, '-' or '_'")
    return job


def _check_request_size(total_bytes: int) -> None:
    if total_bytes > MAX_REQUEST_BYTES:
        raise ProtocolError(
            "too_large",
            f"The pictures take {total_bytes >> 20} MiB together, more than "
            f"{MAX_REQUEST_BYTES >> 20} MiB.",
            "Choose fewer or smaller references.",
        )


def _check_request(request: ColorizeRequest | RequestHeader) -> None:
    if not request.references:
        raise _bad_request("There is no reference picture.", "Choose a coloured reference.")
    if len(request.references) > MAX_REFERENCES:
        raise _bad_request(
            f"There are {len(request.references)} references.",
            f"Choose at most {MAX_REFERENCES}.",
        )
    if any(picture.format == "index8" for picture in request._in_order()):
        raise _bad_message("index8 is for results only")
    transparent = "transparent where nothing is locked"
    _check_size("locks", request.locks, request.lineart, transparent)
    _check_size("initial picture", request.initial, request.lineart, "scaled if need be")
    _check_start(request)
    options = len(request.reference_options)
    if options not in (0, len(request.references)):
        raise _bad_request(
            f"There are options for {options} references, and there are "
            f"{len(request.references)} references.",
            "Give the options of each reference, or none.",
        )
    if len(request.pairs) > MAX_PAIRS:
        raise _bad_request(
            f"There are {len(request.pairs)} point pairs.", f"Keep at most {MAX_PAIRS}."
        )
    for pair in request.pairs:
        _check_pair(pair, len(request.references))
    if request.steps is not None and not 1 <= request.steps <= MAX_STEPS:
        raise _bad_request(f"{request.steps} steps.", f"Choose between 1 and {MAX_STEPS} steps.")
    if not 0 <= request.seed <= MAX_SEED:
        raise _bad_request("The seed is out of range.", f"Choose between 0 and {MAX_SEED}.")
    for scale in (request.guidance_reference, request.guidance_points):
        if scale is not None and not 0 <= scale <= MAX_GUIDANCE:
            raise _bad_request(
                "A guidance scale is out of range.", f"Choose between 0 and {MAX_GUIDANCE:g}."
            )
    if not request.model or len(request.model) > 4096:
        raise _bad_request("The request names no model.", "Choose a model.")
    if request.result_format not in ("rgba8", "bgra8"):
        raise _bad_message("the result can be rgba8 or bgra8 only")
    if len(request.source) > MAX_SOURCE_ENTRIES:
        raise _bad_message(f"more than {MAX_SOURCE_ENTRIES} entries in source")


def _check_size(
    what: str,
    picture: Picture | PictureDescriptor | None,
    lineart: Picture | PictureDescriptor,
    how: str,
) -> None:
    """Raises where there is such a picture and it is not of the line art's size."""
    size = (lineart.width_px, lineart.height_px)
    if picture is None or (picture.width_px, picture.height_px) == size:
        return
    raise _bad_request(
        f"The {what}: {picture.width_px} x {picture.height_px} px. The line art: "
        f"{size[0]} x {size[1]} px.",
        f"Give one of the line art's size, {how}.",
    )


def _check_start(request: ColorizeRequest | RequestHeader) -> None:
    if request.preset is not None and request.preset not in PRESETS:
        raise _bad_request(
            f"There is no preset {request.preset!r:.40}.", f"Choose {', '.join(PRESETS)} or none."
        )
    if not LEAST_STRENGTH <= request.strength <= 1:
        raise _bad_request(
            f"A strength of {request.strength:g} is not possible.", f"Choose {LEAST_STRENGTH} to 1."
        )
    if request.strength < 1 and request.initial is None:
        raise _bad_request(
            f"A strength of {request.strength:g} means nothing without a picture to start from.",
            "Give an initial picture, or leave the strength out.",
        )


def _check_flats(flats: FlatsOptions) -> None:
    if flats.result not in RESULTS:
        raise _bad_message(f"a result can be one of {', '.join(RESULTS)}")
    if flats.lines not in LINES:
        raise _bad_message(f"the lines that count can be one of {', '.join(LINES)}")
    if flats.tones not in TONES:
        raise _bad_message(f"the tones of a material can be one of {', '.join(TONES)}")
    if not 0 <= flats.gap_px <= MAX_GAP_PX:
        raise _bad_request(
            f"Gaps of {flats.gap_px:g} px can't be closed.", f"Choose 0 to {MAX_GAP_PX:g} px."
        )
    counts = (
        (flats.palette, MAX_PALETTE, "colours in the palette"),
        (flats.hints, MAX_HINTS, "colour hints"),
        (flats.closing, MAX_PATHS, "paths that close gaps"),
        (flats.merging, MAX_PATHS, "paths that join regions"),
    )
    for members, most, what in counts:
        if len(members) > most:
            raise _bad_request(f"There are {len(members)} {what}.", f"Keep at most {most}.")
    if any(len(path) > MAX_NODES for path in (*flats.closing, *flats.merging)):
        raise _bad_request("A path has too many nodes.", f"Draw one of at most {MAX_NODES}.")
    colours = [*flats.palette, *(hint.colour for hint in flats.hints if hint.colour is not None)]
    if not all(_COLOUR.match(colour) for colour in colours):
        raise _bad_message('a colour is not of the form "#rrggbb"')
    places = [hint.at for hint in flats.hints]
    places += [point for path in (*flats.closing, *flats.merging) for point in path]
    if not all(_is_somewhere(point) for point in places):
        raise _bad_request("A point lies nowhere.", "Delete that shape and draw it again.")


def _is_somewhere(point: Point) -> bool:
    return all(math.isfinite(v) and abs(v) <= 1e7 for v in (point.x_px, point.y_px))


def _check_pair(pair: Pair, references: int) -> None:
    # A dot may lie outside its picture; what that means is for the model to say.
    if not (_is_somewhere(pair.reference) and _is_somewhere(pair.lineart)):
        raise _bad_request("A point lies nowhere.", "Delete that dot and draw it again.")
    if not 0 <= pair.reference_index < references:
        raise _bad_request(
            f"A point pair belongs to reference {pair.reference_index + 1}, which is not there.",
            "Choose that reference too, or delete the pair.",
        )


# ---------------------------------------------------------------------------------------------
# JSON, reading


class _Fields:
    """Typed reading of a JSON object; every complaint is a `ProtocolError`."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise _bad_message(f"{where} is not an object")
        self._value = value
        self._where = where

    def _wrong(self, name: str, kind: str) -> ProtocolError:
        return _bad_message(f"{self._where}: {name} is not {kind}")

    def string(self, name: str, longest: int = 4096) -> str:
        value = self._value.get(name)
        if not isinstance(value, str) or len(value) > longest:
            raise self._wrong(name, f"a text of at most {longest} characters")
        return value

    def integer(self, name: str) -> int:
        value = self._value.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MAX_SEED:
            raise self._wrong(name, "a whole number")
        return value

    def number(self, name: str) -> float:
        return _finite(self._value.get(name), self._wrong(name, "a number"))

    def truth(self, name: str) -> bool:
        value = self._value.get(name)
        if not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def array(self, name: str, longest: int) -> list[Any]:
        value = self._value.get(name)
        if not isinstance(value, list) or len(value) > longest:
            raise self._wrong(name, f"a list of at most {longest}")
        return value

    def child(self, name: str) -> _Fields:
        return _Fields(self._value.get(name), f"{self._where}.{name}")

    def strings(self, name: str) -> dict[str, str]:
        value = self._value.get(name)
        if not isinstance(value, dict) or len(value) > MAX_SOURCE_ENTRIES:
            raise self._wrong(name, f"an object of at most {MAX_SOURCE_ENTRIES} entries")
        for text in (*value, *value.values()):
            if not isinstance(text, str) or len(text) > 4096:
                raise self._wrong(name, "an object of short texts")
        return value

    def choice(self, name: str, choices: Iterable[str]) -> str:
        value = self.string(name)
        if value not in choices:
            raise self._wrong(name, f"one of {', '.join(choices)}")
        return value

    def job(self) -> str:
        return check_job_id(self.string("job"))

    def has(self, name: str) -> bool:
        return self._value.get(name) is not None


def _finite(value: Any, complaint: ProtocolError) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise complaint
    try:
        number = float(value)
    except OverflowError:
        raise complaint from None
    if not math.isfinite(number):
        raise complaint
    return number


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _parse_object(text: str) -> _Fields:
    if len(text) > MAX_TEXT_CHARACTERS:
        raise _bad_message("it is too long")
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise _bad_message("it is not JSON") from None
    return _Fields(value, "message")


def _point(value: Any, where: str) -> Point:
    complaint = _bad_message(f"{where} is not [x, y]")
    if not isinstance(value, list) or len(value) != 2:
        raise complaint
    return Point(_finite(value[0], complaint), _finite(value[1], complaint))


def _pair(value: Any) -> Pair:
    pair = _Fields(value, "pair")
    points = {"reference": pair.array("reference", 2), "lineart": pair.array("lineart", 2)}
    index = pair.integer("reference_index") if pair.has("reference_index") else 0
    return Pair(
        _point(points["reference"], "pair.reference"),
        _point(points["lineart"], "pair.lineart"),
        index,
    )


def _descriptor(image: _Fields) -> PictureDescriptor:
    blob = image.integer("blob")
    if not 0 <= blob < 1 << 32:
        raise _bad_message("a blob id is not a number of 32 bits")
    width, height = image.integer("width"), image.integer("height")
    pixel_format = image.string("format", 40)
    encoding = image.choice("encoding", ENCODINGS)
    encoded = image.integer("bytes")
    raw = raw_size(width, height, pixel_format)
    table = image.array("table", MAX_PALETTE + 1) if image.has("table") else []
    colours = tuple(None if colour is None else _colour(colour) for colour in table)
    _check_table(pixel_format, colours)
    if encoding == "raw" and encoded != raw:
        raise _bad_message(f"a picture of {raw} bytes was announced with {encoded}")
    if not 1 <= encoded <= raw + raw // 1000 + 64:
        raise _bad_message("a compressed picture is longer than the picture itself")
    return PictureDescriptor(blob, width, height, pixel_format, encoding, encoded, colours)


def _request(request: _Fields) -> RequestHeader:
    references = [
        _descriptor(_Fields(value, "reference"))
        for value in request.array("references", MAX_REFERENCES)
    ]
    pairs = request.array("pairs", MAX_PAIRS) if request.has("pairs") else []
    return RequestHeader(
        lineart=_descriptor(request.child("lineart")),
        references=tuple(references),
        pairs=tuple(_pair(value) for value in pairs),
        model=request.string("model"),
        steps=request.integer("steps") if request.has("steps") else None,
        seed=request.integer("seed") if request.has("seed") else 0,
        guidance_reference=_optional_number(request, "guidance_reference"),
        guidance_points=_optional_number(request, "guidance_points"),
        source=request.strings("source") if request.has("source") else {},
        result_format=request.string("result_format") if request.has("result_format") else "rgba8",
        flats=_flats(request.child("flats")) if request.has("flats") else FlatsOptions(),
        locks=_descriptor(request.child("locks")) if request.has("locks") else None,
        preset=request.string("preset", 40) if request.has("preset") else None,
        reference_options=tuple(
            _reference_options(value)
            for value in request.array("reference_options", MAX_REFERENCES)
        )
        if request.has("reference_options")
        else (),
        initial=_descriptor(request.child("initial")) if request.has("initial") else None,
        strength=request.number("strength") if request.has("strength") else 1.0,
    )


def _reference_options(value: Any) -> ReferenceOptions:
    options = _Fields(value, "reference_options")
    return ReferenceOptions(
        options.number("weight") if options.has("weight") else 1.0,
        options.truth("only_opaque") if options.has("only_opaque") else False,
    )


def _flats(flats: _Fields) -> FlatsOptions:
    given: dict[str, Any] = {}
    if flats.has("result"):
        given["result"] = flats.choice("result", RESULTS)
    if flats.has("gap_px"):
        given["gap_px"] = flats.number("gap_px")
    if flats.has("lines"):
        given["lines"] = flats.choice("lines", LINES)
    if flats.has("tones"):
        given["tones"] = flats.choice("tones", TONES)
    for name in ("empty_background", "detail"):
        if flats.has(name):
            given[name] = flats.truth(name)
    if flats.has("palette"):
        palette = flats.array("palette", MAX_PALETTE)
        given["palette"] = tuple(_colour(colour) for colour in palette)
    if flats.has("hints"):
        given["hints"] = tuple(_hint(hint) for hint in flats.array("hints", MAX_HINTS))
    for name in ("closing", "merging"):
        if flats.has(name):
            given[name] = tuple(_path(path) for path in flats.array(name, MAX_PATHS))
    return FlatsOptions(**given)


def _hint(value: Any) -> Hint:
    hint = _Fields(value, "hint")
    colour = _colour(hint.string("colour")) if hint.has("colour") else None
    return Hint(_point(hint.array("at", 2), "hint.at"), colour)


def _path(value: Any) -> tuple[Point, ...]:
    if not isinstance(value, list) or len(value) > MAX_NODES:
        raise _bad_message(f"a path is not a list of at most {MAX_NODES} points")
    return tuple(_point(point, "path") for point in value)


def _colour(value: Any) -> str:
    if not isinstance(value, str) or not _COLOUR.match(value):
        raise _bad_message('a colour is not of the form "#rrggbb"')
    return value


def _optional_number(values: _Fields, name: str) -> float | None:
    return values.number(name) if values.has(name) else None


def parse_client_message(text: str) -> ClientMessage:
    """The message in a text frame from a client. Raises `ProtocolError`, and nothing else."""
    message = _parse_object(text)
    kind = message.string("type", 40)
    if kind == "hello":
        return Hello(message.integer("protocol"), message.string("client", 200))
    if kind == "colorize":
        return Colorize(message.job(), _request(message.child("request")))
    if kind == "cancel":
        return Cancel(message.job())
    if kind == "attach":
        return Attach(message.job())
    if kind == "acknowledge":
        return Acknowledge(message.job())
    if kind == "status":
        return StatusQuery()
    if kind == "shutdown":
        return Shutdown()
    raise _bad_message(f"no client message has the type {kind!r}")


def job_of(text: str) -> str | None:
    """The job that a refused text frame named, if it named one at all. Never raises."""
    try:
        return _parse_object(text).job()
    except ProtocolError:
        return None


def parse_server_message(text: str) -> ServerMessage:
    """The message in a text frame from the server. Raises `ProtocolError`, and nothing else."""
    message = _parse_object(text)
    kind = message.string("type", 40)
    if kind == "progress":
        return _progress(message)
    if kind == "accepted":
        return Accepted(message.job())
    if kind == "queued":
        return Queued(message.job(), message.integer("position"))
    if kind == "preview":
        return PreviewHeader(message.job(), _descriptor(message.child("image")))
    if kind == "result":
        layers = tuple(_layer(value) for value in message.array("layers", MAX_LAYERS))
        source = message.strings("source") if message.has("source") else {}
        return ResultHeader(message.job(), layers, _result_info(message.child("info")), source)
    if kind == "cancelled":
        return Cancelled(message.job())
    if kind == "error":
        return _failed(message)
    if kind == "hello":
        return _server_info(message)
    if kind == "status":
        return _status(message)
    raise _bad_message(f"no server message has the type {kind!r}")


def _progress(message: _Fields) -> Progress:
    fraction = min(1.0, max(0.0, message.number("fraction")))
    stage = message.choice("stage", STAGES)
    step, steps = message.integer("step"), message.integer("steps")
    return Progress(message.job(), stage, step, steps, fraction, _notes(message))


def _notes(message: _Fields) -> tuple[str, ...]:
    notes = message.array("notes", 100) if message.has("notes") else []
    return tuple(str(note)[:4096] for note in notes)


def _failed(message: _Fields) -> Failed:
    job = message.job() if message.has("job") else None
    code = message.choice("code", ERROR_CODES)
    return Failed(job, code, message.string("message"), message.string("remedy"))


def _result_info(info: _Fields) -> ResultInfo:
    return ResultInfo(
        seed=info.integer("seed"),
        model=info.string("model"),
        steps=info.integer("steps"),
        seconds=info.number("seconds"),
        device=info.string("device"),
        notes=_notes(info),
        unsure=tuple(_unsure(v) for v in info.array("unsure", MAX_UNSURE))
        if info.has("unsure")
        else (),
        preset=info.string("preset", 40) if info.has("preset") else None,
    )


def _unsure(value: Any) -> Unsure:
    region = _Fields(value, "unsure")
    confidence = min(1.0, max(0.0, region.number("confidence")))
    return Unsure(_point(region.array("at", 2), "unsure.at"), confidence, region.string("why", 200))


def _layer(value: Any) -> LayerHeader:
    layer = _Fields(value, "layer")
    blend = layer.choice("blend", BLENDS)
    return LayerHeader(layer.string("name", 200), blend, _descriptor(layer.child("image")))


def _model_info(value: Any) -> ModelInfo:
    model = _Fields(value, "model")
    return ModelInfo(
        name=model.string("name"),
        title=model.string("title"),
        working_resolution=(
            model.integer("working_resolution") if model.has("working_resolution") else None
        ),
        guidance_reference=_optional_number(model, "guidance_reference"),
        guidance_points=_optional_number(model, "guidance_points"),
        steps=model.integer("steps") if model.has("steps") else None,
        licence=model.string("licence"),
    )


def _models(message: _Fields) -> tuple[ModelInfo, ...]:
    return tuple(_model_info(value) for value in message.array("models", MAX_MODELS))


def _server_info(message: _Fields) -> ServerInfo:
    return ServerInfo(
        protocol=message.integer("protocol"),
        server=message.string("server", 200),
        models=_models(message),
        device=message.string("device"),
        state=message.choice("state", MODEL_STATES) if message.has("state") else "ready",
    )


def _status(message: _Fields) -> Status:
    return Status(
        state=message.choice("state", MODEL_STATES),
        detail=message.string("detail"),
        models=_models(message),
        device=message.string("device"),
        running=check_job_id(message.string("running")) if message.has("running") else None,
        queued=message.integer("queued"),
        results=message.integer("results"),
        uptime_s=message.number("uptime_s"),
    )


def parse_record(text: str) -> Record:
    """The content of server.json. Raises `ProtocolError`, and nothing else."""
    record = _parse_object(text)
    port = record.integer("port")
    if not 1 <= port <= 65_535:
        raise _bad_message("the port is out of range")
    return Record(
        protocol=record.integer("protocol"),
        host=record.string("host", 200),
        port=port,
        token=record.string("token", 200),
        pid=record.integer("pid"),
        version=record.string("version", 200),
    )


# ---------------------------------------------------------------------------------------------
# JSON, writing

_TYPES: Mapping[type, str] = {
    Hello: "hello",
    Colorize: "colorize",
    Cancel: "cancel",
    Attach: "attach",
    Acknowledge: "acknowledge",
    StatusQuery: "status",
    Shutdown: "shutdown",
    ServerInfo: "hello",
    Accepted: "accepted",
    Queued: "queued",
    Progress: "progress",
    PreviewHeader: "preview",
    ResultHeader: "result",
    Cancelled: "cancelled",
    Failed: "error",
    Status: "status",
}


def to_text(message: ClientMessage | ServerMessage) -> str:
    """The text frame of a message; parsing it gives an equal message."""
    return json.dumps({"type": _TYPES[type(message)], **_jsonable(message)}, allow_nan=False)


def record_to_text(record: Record) -> str:
    """The content of server.json."""
    return json.dumps(_jsonable(record), indent=1)


def _jsonable(value: Any) -> Any:
    if isinstance(value, Point):
        return [value.x_px, value.y_px]
    if isinstance(value, PictureDescriptor):
        table = {"table": list(value.table)} if value.table else {}
        return {
            "blob": value.blob,
            "width": value.width_px,
            "height": value.height_px,
            "format": value.format,
            "encoding": value.encoding,
            "bytes": value.encoded_bytes,
            **table,
        }
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: _jsonable(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, (list, tuple)):
        return [_jsonable(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


# ---------------------------------------------------------------------------------------------
# Pictures as blobs


@dataclass(frozen=True)
class EncodedPicture:
    """A picture as it travels; `data` is the encoded bytes in any number of parts."""

    width_px: int
    height_px: int
    format: str
    encoding: str
    data: tuple[bytes, ...] = field(repr=False)
    table: tuple[str | None, ...] = ()

    @property
    def encoded_bytes(self) -> int:
        return sum(len(part) for part in self.data)

    def descriptor(self, blob: int) -> PictureDescriptor:
        return PictureDescriptor(
            blob,
            self.width_px,
            self.height_px,
            self.format,
            self.encoding,
            self.encoded_bytes,
            self.table,
        )

    def frames(self, blob: int) -> Iterator[bytes]:
        """The binary frames, in order."""
        offset = 0
        for part in self.data:
            view = memoryview(part)
            for start in range(0, len(view), CHUNK_BYTES):
                payload = view[start : start + CHUNK_BYTES]
                yield b"".join((_CHUNK_HEADER.pack(blob, offset), payload))
                offset += len(payload)

    def decode(self) -> Picture:
        """The picture; raises `ProtocolError` where the bytes are not one of that size.

        Never makes more than the announced size, whatever the bytes say. Takes a while for large
        pictures (about 0.2 s for 100 MB) but does not hold the interpreter's lock meanwhile.
        """
        raw = raw_size(self.width_px, self.height_px, self.format)
        parts = self.data if self.encoding == "raw" else _inflate(self.data, raw)
        pixels = parts[0] if len(parts) == 1 else b"".join(parts)
        if len(pixels) != raw:
            raise _damaged()
        return Picture(self.width_px, self.height_px, self.format, pixels, self.table)


def _damaged() -> ProtocolError:
    return _bad_request("The pixels of a picture arrived damaged.", "Send the picture again.")


def _inflate(parts: Sequence[bytes], raw_bytes: int) -> list[bytes]:
    inflater = zlib.decompressobj()
    out: list[bytes] = []
    left = raw_bytes
    for part in parts:
        while part:
            # One byte more than there may be: enough to notice, never enough to fill the memory.
            # In steps, because zlib holds the interpreter's lock while it joins its blocks.
            try:
                out.append(inflater.decompress(part, min(left + 1, _INFLATE_STEP_BYTES)))
            except zlib.error:
                raise _damaged() from None
            left -= len(out[-1])
            rest = inflater.unconsumed_tail
            if left < 0 or inflater.unused_data:
                raise _damaged()
            part = rest
    if left or not inflater.eof:
        raise _damaged()
    return out


def encode_picture(picture: Picture, level: int = 1) -> EncodedPicture:
    """The picture for the wire: compressed where a sample of it says that this pays, else raw."""
    pixels = picture.pixels
    data, encoding = pixels, "raw"
    if _compresses_well(pixels, level):
        packed = zlib.compress(pixels, level)
        if len(packed) < len(pixels):
            data, encoding = packed, "zlib"
    return EncodedPicture(
        picture.width_px, picture.height_px, picture.format, encoding, (data,), picture.table
    )


def _compresses_well(pixels: bytes, level: int) -> bool:
    # Spread over the picture: the first rows are often an empty margin.
    size = CHUNK_BYTES // _SAMPLES
    last = max(0, len(pixels) - size)
    view = memoryview(pixels)
    starts = sorted({last * i // (_SAMPLES - 1) for i in range(_SAMPLES)})
    sample = b"".join(view[start : start + size] for start in starts)
    return len(zlib.compress(sample, level)) < _WORTH_COMPRESSING * len(sample)


@dataclass(frozen=True)
class Chunk:
    """One binary frame: bytes of a blob, from `offset` on."""

    blob: int
    offset: int
    payload: bytes = field(repr=False)


def parse_chunk(frame: bytes) -> Chunk:
    """The chunk in a binary frame. Raises `ProtocolError`, and nothing else."""
    if len(frame) <= _CHUNK_HEADER.size:
        raise _bad_message("a binary frame without pixels")
    if len(frame) > _CHUNK_HEADER.size + CHUNK_BYTES:
        raise _bad_message("a binary frame of more than 1 MiB")
    blob, offset = _CHUNK_HEADER.unpack_from(frame)
    return Chunk(blob, offset, bytes(frame[_CHUNK_HEADER.size :]))


class BlobAssembler:
    """Collects the chunks of announced pictures. Holds no more than was announced.

    `expect` what was announced, `feed` every binary frame, and get an `EncodedPicture` back from
    the frame that completes it. A blob that is of no interest any more is `discard`ed: the rest of
    it is accepted and dropped.
    """

    def __init__(self) -> None:
        self._expected: dict[int, PictureDescriptor] = {}
        self._parts: dict[int, list[bytes]] = {}
        self._received: dict[int, int] = {}
        self._discarded: dict[int, int] = {}

    def check_free(self, descriptors: Iterable[PictureDescriptor]) -> None:
        """Raises `ProtocolError` if a blob of the same id is still on its way."""
        for descriptor in descriptors:
            if descriptor.blob in self._expected or descriptor.blob in self._discarded:
                raise _bad_message(f"blob {descriptor.blob} was announced twice")

    def expect(self, descriptors: Iterable[PictureDescriptor]) -> None:
        """Makes room for these pictures. Raises as `check_free` does."""
        descriptors = tuple(descriptors)
        self.check_free(descriptors)
        for descriptor in descriptors:
            self._expected[descriptor.blob] = descriptor
            self._parts[descriptor.blob] = []
            self._received[descriptor.blob] = 0

    def discard(self, blobs: Iterable[int]) -> None:
        """Lets go of what came of these blobs, and of what is still to come."""
        for blob in blobs:
            descriptor = self._expected.pop(blob, None)
            if descriptor is not None:
                self._discarded[blob] = descriptor.encoded_bytes
                del self._parts[blob], self._received[blob]

    def feed(self, frame: bytes) -> tuple[int, EncodedPicture] | None:
        """Takes one binary frame; gives (blob id, picture) when it was the picture's last.

        Raises `ProtocolError` for a frame that was not announced or is out of order.
        """
        chunk = parse_chunk(frame)
        end = chunk.offset + len(chunk.payload)
        if chunk.blob in self._discarded:
            if end >= self._discarded[chunk.blob]:
                del self._discarded[chunk.blob]
            return None
        descriptor = self._expected.get(chunk.blob)
        if descriptor is None:
            raise _bad_message(f"bytes of blob {chunk.blob}, which was not announced")
        if chunk.offset != self._received[chunk.blob] or end > descriptor.encoded_bytes:
            raise _bad_message(f"bytes of blob {chunk.blob} at the wrong place")
        self._parts[chunk.blob].append(chunk.payload)
        self._received[chunk.blob] = end
        if end < descriptor.encoded_bytes:
            return None
        return chunk.blob, self._complete(descriptor)

    def _complete(self, descriptor: PictureDescriptor) -> EncodedPicture:
        del self._expected[descriptor.blob], self._received[descriptor.blob]
        return EncodedPicture(
            descriptor.width_px,
            descriptor.height_px,
            descriptor.format,
            descriptor.encoding,
            tuple(self._parts.pop(descriptor.blob)),
            descriptor.table,
        )
