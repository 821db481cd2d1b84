# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to a painting: what the server's worker and the command line call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image, ImageChops
from torch import Tensor

from . import places
from .detail import PARTS, WHOLE, Look, pairs_within, together
from .errors import BadRequest, Cancelled
from .files import to_image, to_picture
from .finishing import Ground, finish, prepare, usable_pairs
from .flats.matches import Matches, Part
from .framing import Frame
from .lineart import check_has_lines, has_lines, line_strength
from .match.matched import bundled_spreading
from .memory import BUDGET_BYTES, Memory
from .pipeline import MangaNinjaOutput, MangaNinjaPipeline
from .points import PointPair, map_pixel
from .preview import preview as show
from .samplers import late_start
from .weights.find import find_model
from .weights.load import load_pipeline
from .wire.protocol import (
    LEAST_OPAQUE,
    ColorizeRequest,
    ModelInfo,
    Painting,
    Picture,
    ResultInfo,
)

PREVIEW_PX = 256
SECONDS_BETWEEN_PREVIEWS = 0.2
_READ, _PAINTED = 0.1, 0.85
"""Of a whole job, when the line art is in regions, and when the network has painted."""
_SCARCE_BYTES = BUDGET_BYTES // 4
_WEIGHT_FILES = (".safetensors", ".pth")


@dataclass(frozen=True)
class Progress:
    """How far a job is.

    Attributes:
        stage: one of :data:`manganinja.wire.protocol.STAGES`.
        step, steps: of the sampling loop; 0 before it.
        fraction: of the whole job, 0 to 1.
        preview: what it looks like so far, at most 256 px a side, now and then.
        notes: sentences for the artist, as soon as they are known.
    """

    stage: str
    step: int
    steps: int
    fraction: float
    preview: Picture | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """What the network paints.

    Attributes:
        picture: (h, w, 3) uint8 at working resolution, in the line art's aspect.
        steps: sampling steps, those of closer looks included.
        matches: where the network looked in the references, if that means something.
        notes: sentences for the artist.
    """

    picture: np.ndarray = field(repr=False)
    steps: int
    matches: Matches | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


OnProgress = Callable[[Progress], None]


class Painter:
    """A loaded model that answers requests.

    Attributes:
        info: what to show of the model.
        device: where it runs.
        memory: what earlier requests worked out of the same pictures.
        residence: how much of the model stays on its device.
        spreading: what looks for the references' regions in the line art, beside the network.
    """

    def __init__(self, pipeline: MangaNinjaPipeline, name: str, device: str | None = None) -> None:
        pipeline.set_progress_bar_config(disable=True)
        self.pipeline = pipeline
        self.device = device or str(pipeline.device)
        self.spreading = bundled_spreading()
        self.residence = places.Residence(pipeline, self.device)
        # What is remembered lies on the device, too: less of it where room is short.
        scarce = self.residence.mode != places.MODES[0]
        self.memory = Memory(_SCARCE_BYTES if scarce else BUDGET_BYTES)
        options = pipeline.config
        self.info = ModelInfo(
            name=name,
            title=options["title"],
            working_resolution=options["resolution"],
            guidance_reference=options["guidance_reference"],
            guidance_points=options["guidance_points"],
            steps=options["steps"],
            licence=options["licence"],
        )

    def make_room(self) -> None:
        """Remember nothing of what was worked out, and less from now on."""
        self.memory.forget()
        self.memory.budget_bytes = _SCARCE_BYTES

    @classmethod
    def load(cls, model: str = "mini", device: str | None = None) -> Painter:
        """Load a model by name or folder.

        Raises:
            ModelNotFound, BadWeights: with what to do.
        """
        folder = find_model(model)
        weights = sum(p.stat().st_size for p in folder.rglob("*") if p.suffix in _WEIGHT_FILES)
        place = places.best_place(weights, device)
        pipeline = load_pipeline(model, torch_dtype=place.dtype)
        if weights >= places.SMALL_BYTES:
            places.prepare(pipeline, place)
        return cls(pipeline, model, place.device)

    def paint(
        self,
        request: ColorizeRequest,
        on_progress: OnProgress = lambda progress: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Painting:
        """Answer one request.

        Raises:
            BadRequest: the pictures can't be used; says why and what to do.
            Cancelled: ``is_cancelled`` said so between two steps.
        """
        started = time.monotonic()
        job = self.begin(request, on_progress, is_cancelled)
        ground = job.prepare()
        proposal = job.propose()
        told = job.watch.tell_finishing
        finished = finish(ground, proposal.picture, proposal.matches, told, self.spreading)
        info = ResultInfo(
            seed=request.seed,
            model=request.model,
            steps=job.steps,
            seconds=time.monotonic() - started,
            device=self.device,
            notes=(*job.notes, *proposal.notes, *finished.notes),
            unsure=finished.unsure,
            preset=request.preset,
        )
        return Painting(finished.layers, info)

    def begin(
        self,
        request: ColorizeRequest,
        on_progress: OnProgress = lambda progress: None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Job:
        """Read a request's pictures and see whether they can be used. Raises as :meth:`paint`."""
        # Of a whole run.
        steps = request.steps or self.pipeline.steps_of(request.preset)
        # Those that the pipeline runs for each look.
        steps_run = late_start(steps, request.strength)[1]
        on_progress(Progress("reading", 0, steps_run, 0.0))
        strength = line_strength(to_image(request.lineart))
        check_has_lines(strength)
        references = [_reference(p, i) for i, p in enumerate(request.references, start=1)]
        masks = _masks(request)
        initial = self._initial(request.initial, strength)
        pairs, notes = usable_pairs(request, self.pipeline.point_net.most_pairs)
        pictures = (request.lineart, *request.references)
        frames = self.pipeline.frames([(p.width_px, p.height_px) for p in pictures])
        notes += _crowded(pairs, frames, self.pipeline.config["resolution"])
        parts = _parts_with_lines(strength) if request.flats.detail else []
        watch = _Watch(steps_run * (1 + len(parts)), frames[0], on_progress, is_cancelled)
        return Job(
            self,
            request,
            strength,
            references,
            masks,
            initial,
            pairs,
            tuple(notes),
            steps,
            parts,
            watch,
        )

    def _initial(self, picture: Picture | None, strength: np.ndarray) -> Image.Image | None:
        """The picture to start from as the network would have painted it: on white, and with the
        lines (H, W) if it paints them."""
        if picture is None:
            return None
        flat = _on_white(picture)
        if flat is None:
            raise BadRequest(
                "The picture to start from is empty.", "Choose a coloured one, or none."
            )
        if not self.pipeline.config["paints_lines"]:
            return flat
        return ImageChops.multiply(flat, Image.fromarray(255 - strength).convert("RGB"))


@dataclass(frozen=True)
class Job:
    """A request on its way: pictures read, nothing painted yet.

    Attributes:
        strength: (H, W) uint8 line strength.
        references: on white.
        masks: of each reference what counts, (H, W) bool of its size; None for all of it.
        initial: the picture to start from, of the line art's size, if any.
        pairs: those that can be used, by their numbers from 1 in the request.
        notes: sentences for the artist.
        steps: sampling steps of a whole run; the request's strength says how many of them each
            look takes.
        parts: of the page, to be looked at more closely.
    """

    painter: Painter
    request: ColorizeRequest
    strength: np.ndarray = field(repr=False)
    references: Sequence[Image.Image]
    masks: Sequence[np.ndarray | None] = field(repr=False)
    initial: Image.Image | None
    pairs: Mapping[int, PointPair]
    notes: tuple[str, ...]
    steps: int
    parts: Sequence[Part]
    watch: _Watch

    def prepare(self) -> Ground:
        """Cut the line art into regions, and tell of conflicts before the network runs."""
        self.watch.tell_reading(0.0)
        ground = prepare(self.request, self.pairs, self.watch.tell_reading)
        self.watch.tell_notes((*self.notes, *ground.notes))
        return ground

    def propose(self) -> Proposal:
        """What the network paints, at its working resolution.

        Raises:
            Cancelled: between two steps.
        """
        told: list[str] = []
        page = self._look(WHOLE, told)
        closer = [self._look(part, told) for part in self.parts]
        self.watch.tell_decoding()
        seen = together(page, closer)
        return Proposal(seen.picture, self.watch.steps, seen.matches, tuple(told))

    def _look(self, part: Part, told: list[str]) -> Look:
        pipeline = self.painter.pipeline
        page_px = self.strength.shape[1], self.strength.shape[0]
        box = left, top, right, bottom = part.box(page_px)
        sizes_px = [(right - left, bottom - top), *(r.size for r in self.references)]
        frames = pipeline.frames(sizes_px)
        request, initial = self.request, self.initial

        done = self.watch.done

        def make_room(note: str) -> None:
            self.painter.make_room()
            told.append(note)

        def looked() -> tuple[MangaNinjaOutput, Image.Image]:
            self.watch.done = done
            output = pipeline(
                lineart=self.strength[top:bottom, left:right],
                reference=self.references,
                points=list(pairs_within(self.pairs, part, page_px).values()),
                num_inference_steps=self.steps,
                guidance_scale_reference=request.guidance_reference,
                guidance_scale_points=request.guidance_points,
                seed=request.seed,
                output_type="latent",
                reference_weights=[o.weight for o in request.options_of_references],
                reference_masks=self.masks,
                initial_image=None if initial is None else initial.crop(box),
                strength=request.strength,
                preset=request.preset,
                memory=self.painter.memory,
                callback_on_step_end=(
                    self.watch.after_step if part == WHOLE else self.watch.after_closer_step
                ),
            )
            return output, pipeline.decode(output.latents, _unscaled(frames[0]))

        output, picture = self.painter.residence.run(looked, make_room)
        return Look(part, np.asarray(picture), _matches(output, frames))


def _parts_with_lines(strength: np.ndarray) -> list[Part]:
    """Where a closer look finds anything."""
    parts = []
    for part in PARTS:
        left, top, right, bottom = part.box((strength.shape[1], strength.shape[0]))
        if has_lines(strength[top:bottom, left:right]):
            parts.append(part)
    return parts


class _Watch:
    """Stands beside the sampling loop: progress, previews, cancel.

    Args:
        steps: of all looks together.
        lineart: how the page lies in the working picture.
    """

    def __init__(
        self,
        steps: int,
        lineart: Frame,
        on_progress: OnProgress,
        is_cancelled: Callable[[], bool],
    ) -> None:
        self.steps, self._on_progress, self._is_cancelled = steps, on_progress, is_cancelled
        self._frame, self.done = lineart, 0
        self._last_preview = float("-inf")

    def after_step(
        self, pipeline: MangaNinjaPipeline, index: int, timestep: int, tensors: dict[str, Tensor]
    ) -> None:
        """Of the page's own look."""
        self.check()
        preview = None
        is_last = self.done + 1 == self.steps
        if not is_last and time.monotonic() - self._last_preview > SECONDS_BETWEEN_PREVIEWS:
            image = show(tensors["proposal"], pipeline.latent_colours, self._frame, PREVIEW_PX)
            preview = to_picture(image)
            self._last_preview = time.monotonic()
        self._tell(preview)

    def after_closer_step(self, *_: Any) -> None:
        """Of a part's look, whose preview would only be a puzzle."""
        self.check()
        self._tell(None)

    def check(self) -> None:
        """Raise :class:`Cancelled` where the artist has."""
        if self._is_cancelled():
            raise Cancelled

    def tell_reading(self, part: float) -> None:
        """So much of what comes before the network, 0 to 1, is done."""
        self.check()
        self._on_progress(Progress("reading", 0, self.steps, _READ * part))

    def tell_notes(self, notes: tuple[str, ...]) -> None:
        """What there is to say before the first step."""
        self._on_progress(Progress("reading", 0, self.steps, _READ, notes=notes))

    def tell_decoding(self) -> None:
        """All steps are done."""
        self._on_progress(Progress("decoding", self.steps, self.steps, _PAINTED))

    def tell_finishing(self, part: float) -> None:
        """So much of what comes after the network, 0 to 1, is done."""
        self.check()
        fraction = _PAINTED + (1 - _PAINTED) * part
        self._on_progress(Progress("finishing", self.steps, self.steps, fraction))

    def _tell(self, preview: Picture | None) -> None:
        self.done += 1
        fraction = _READ + (_PAINTED - _READ) * self.done / self.steps
        self._on_progress(Progress("sampling", self.done, self.steps, fraction, preview))


def _unscaled(frame: Frame) -> Frame:
    """Without padding, but at working resolution still."""
    return Frame(frame.placed_px, frame.placed_px, frame.placed_px)


def _on_white(picture: Picture) -> Image.Image | None:
    """The picture on white; None where it is wholly transparent."""
    image = to_image(picture)
    flat = Image.new("RGB", image.size, "white")
    opacity = image.getchannel("A") if image.mode == "RGBA" else None
    if opacity is not None and (opacity.getextrema() or (0, 0))[1] == 0:
        return None
    flat.paste(image, mask=opacity)
    return flat


def _masks(request: ColorizeRequest) -> list[np.ndarray | None]:
    """Of each reference what counts, (H, W) bool; None for all of it."""
    given = zip(request.references, request.options_of_references, strict=True)
    return [
        _opaque(picture, number) if options.only_opaque else None
        for number, (picture, options) in enumerate(given, start=1)
    ]


def _opaque(picture: Picture, number: int) -> np.ndarray | None:
    image = to_image(picture)
    if image.mode != "RGBA":
        return None
    mask = np.asarray(image.getchannel("A")) >= LEAST_OPAQUE
    if not mask.any():
        raise BadRequest(
            f"Nothing on reference {number} is opaque, and only what is opaque shall count.",
            "Paint on it with full opacity, or let all of it count.",
        )
    return mask


def _reference(picture: Picture, number: int) -> Image.Image:
    """A reference on white, checked for having something to say."""
    flat = _on_white(picture)
    if flat is None:
        raise BadRequest(
            f"Reference {number} is empty.", "Choose a layer with a coloured picture on it."
        )
    # A real picture keeps its colours when made small; noise of a scan does not count as one.
    small = np.asarray(flat.resize((32, 32), Image.Resampling.BOX), dtype=np.int16)
    if np.ptp(small, axis=(0, 1)).max() < 8:
        raise BadRequest(
            f"Reference {number} has only one colour.",
            "Choose a coloured picture of the character as the reference.",
        )
    return flat


def _matches(output: MangaNinjaOutput, frames: Sequence[Frame]) -> Matches | None:
    if output.matches is None:
        return None
    h, w = output.latents.shape[2:]
    weights = output.matches.cpu().numpy().reshape(h, w, len(frames) - 1, h, w)
    parts = [
        (frame.placed_px[0] / frame.padded_px[0], frame.placed_px[1] / frame.padded_px[1])
        for frame in frames
    ]
    return Matches(weights, parts[0], parts[1:])


def _crowded(pairs: Mapping[int, PointPair], frames: Sequence[Frame], resolution: int) -> list[str]:
    """A sentence about pairs that share a pixel of what the model sees, on either side."""
    lineart, *references = frames
    places: dict[tuple[int, int, int], list[int]] = {}
    for number, pair in pairs.items():
        at = references[pair.reference_index]
        drawn = map_pixel(pair.lineart, lineart.source_px, lineart.placed_px)
        seen = map_pixel(pair.reference, at.source_px, at.placed_px)
        places.setdefault((-1, *drawn), []).append(number)
        places.setdefault((pair.reference_index, *seen), []).append(number)
    crowded = sorted({number for numbers in places.values() for number in numbers[1:]})
    if not crowded:
        return []
    which = "Pair" if len(crowded) == 1 else "Pairs"
    return [
        f"{which} {', '.join(map(str, crowded))}: another pair is too near for this model, which "
        f"sees the page in {resolution} px. Move them apart if the colours are not right."
    ]
