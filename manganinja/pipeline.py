# SPDX-License-Identifier: GPL-3.0-or-later
"""The MangaNinja pipeline: line art and references in, a coloured proposal out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DiffusionPipeline
from diffusers.utils import BaseOutput
from PIL import Image
from torch import Tensor
from transformers import CLIPVisionModelWithProjection

from . import inputs
from .conditioning import (
    UnconditionalEmbedding,
    clip_pixels,
    image_token,
    lineart_latents,
    to_condition,
)
from .controlnet import LineartControlNet
from .correspondence import Correspondence
from .errors import BadRequest, BadWeights
from .framing import Frame, common_frames, padded, resized, signed_picture
from .guidance import Guidance, SparseGuidance
from .lineart import check_has_lines, line_strength, shrink_lines
from .lineart_extractor import LineartExtractor
from .memory import Memory, fingerprint
from .point_net import PointNet
from .points import PointPair, draw_point_map
from .preview import fit_latent_colours
from .reference_attention import (
    Bank,
    DenoisingUNet,
    PointEmbeddings,
    ReferenceContext,
    ReferenceUNet,
)
from .references import Mask, Shares
from .samplers import Preset, clean_latents, late_start, new_scheduler
from .samplers import preset as named_preset
from .weights.state import load_component, read_json, readable
from .wire.protocol import LEAST_STRENGTH

Lineart = Image.Image | np.ndarray
StepCallback = Callable[["MangaNinjaPipeline", int, int, dict[str, Tensor]], Any]


@dataclass
class MangaNinjaOutput(BaseOutput):
    """What a call gives.

    Attributes:
        images: one picture, RGB, at the size of the line art; empty with ``output_type="latent"``.
        latents: (1, C, h, w) float, scaled as the scheduler left them, padding included.
        matches: (h * w, R * h * w) float32, how much each place of the line art looks at each
            place of the R references in the last step, padding included; rows sum to 1. None
            unless the model's ``matches_by_attention`` says that this means something.
    """

    images: list[Image.Image]
    latents: Tensor
    matches: Tensor | None = None


@dataclass(frozen=True)
class Conditions:
    """What stays the same in all steps of a call.

    Attributes:
        context: references, points and the rows to compute.
        tokens: (N, 1, C) image token of each row.
        lineart: (1, C, h, w) embedded line art, or its latents.
        constants: ControlNet's, filled by the first step.
    """

    context: ReferenceContext
    tokens: Tensor
    lineart: Tensor
    constants: dict[str, Tensor] = field(default_factory=dict)

    def last_row(self) -> Conditions:
        """The same for the last row alone."""
        context = self.context
        groups = (0, 0, 1) if context.points else (0, 1, 0) if context.reference else (1, 0, 0)
        return Conditions(context.with_rows(*groups), self.tokens[-1:], self.lineart)


class MangaNinjaPipeline(DiffusionPipeline):
    """Colorizes line art after one or more references (MangaNinja, arXiv 2501.08332).

    The networks' sizes come from their configs: the published model and the bundled mini are the
    same code. A call keeps nothing in the modules.

    Args:
        vae: the autoencoder.
        image_encoder: CLIP image tower with projection.
        unconditional: the token of the row without reference.
        reference_unet, unet: the Reference and Denoising U-Nets.
        controlnet: brings in the line art. Without one, as in the paper, the line art goes through
            the VAE and stands beside the noisy latents: the U-Net has twice their channels.
        point_net: embeds point maps.
        scheduler: DDIM.
        lineart_extractor: for ``extract_lineart=True``; may be left out.
        resolution: working resolution in pixels that the model was trained for.
        square: whether the model was trained on squares alone.
        guidance_reference, guidance_points, steps: what the model works best with.
        keeps_thin_lines: whether thin lines of a picture are widened before it is reduced. The
            published code reduces first, which at its 512 px loses little; at 128 px they vanish.
        paints_lines: whether the proposal has the lines in it (the published model) or is the
            colour under them (the mini).
        matches_by_attention: whether its attention was taught which places belong together, so
            that it can be asked for the correspondence (:mod:`.correspondence`).
        latent_colours: what :func:`.preview.fit_latent_colours` gave; fitted when needed if None.
        title, licence: of the weights, to be shown to the artist. The defaults are those of the
            published weights.
    """

    _optional_components = ["controlnet", "lineart_extractor"]  # noqa: RUF012 (diffusers reads it)
    model_cpu_offload_seq = "image_encoder->reference_unet->controlnet->unet->vae"

    _place: torch.device | None = None

    # The return types of diffusers' and transformers' modules are unions; Any spares casts.
    vae: Any
    image_encoder: Any
    unconditional: UnconditionalEmbedding
    reference_unet: ReferenceUNet
    unet: Any
    controlnet: Any
    point_net: PointNet
    scheduler: Any
    lineart_extractor: LineartExtractor | None

    COMPONENTS = {  # noqa: RUF012
        "vae": AutoencoderKL,
        "image_encoder": CLIPVisionModelWithProjection,
        "unconditional": UnconditionalEmbedding,
        "reference_unet": ReferenceUNet,
        "unet": DenoisingUNet,
        "controlnet": LineartControlNet,
        "point_net": PointNet,
        "scheduler": DDIMScheduler,
        "lineart_extractor": LineartExtractor,
    }

    def __init__(
        self,
        vae: AutoencoderKL,
        image_encoder: CLIPVisionModelWithProjection,
        unconditional: UnconditionalEmbedding,
        reference_unet: ReferenceUNet,
        unet: DenoisingUNet,
        controlnet: LineartControlNet | None,
        point_net: PointNet,
        scheduler: DDIMScheduler,
        lineart_extractor: LineartExtractor | None = None,
        resolution: int = 512,
        square: bool = False,
        guidance_reference: float = 9.0,
        guidance_points: float = 15.0,
        steps: int = 50,
        keeps_thin_lines: bool = False,
        paints_lines: bool = True,
        matches_by_attention: bool = False,
        latent_colours: list[list[float]] | None = None,
        title: str = "MangaNinja",
        licence: str = "CC BY-NC 4.0",
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            image_encoder=image_encoder,
            unconditional=unconditional,
            reference_unet=reference_unet,
            unet=unet,
            controlnet=controlnet,
            point_net=point_net,
            scheduler=scheduler,
            lineart_extractor=lineart_extractor,
        )
        self.register_to_config(
            resolution=resolution,
            square=square,
            guidance_reference=guidance_reference,
            guidance_points=guidance_points,
            steps=steps,
            keeps_thin_lines=keeps_thin_lines,
            paints_lines=paints_lines,
            matches_by_attention=matches_by_attention,
            latent_colours=latent_colours,
            title=title,
            licence=licence,
        )

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls, folder: str | Path, torch_dtype: torch.dtype = torch.float32
    ) -> MangaNinjaPipeline:
        """Load what :meth:`save_pretrained` wrote.

        diffusers finds only classes of its own by name, so the components are loaded here.

        Raises:
            BadWeights: the folder is incomplete or damaged.
        """
        folder = Path(folder)
        options = read_json(folder / cls.config_name, "Install the model again.")
        components: dict[str, Any] = {}
        for name, kind in cls.COMPONENTS.items():
            if (folder / name).is_dir():
                components[name] = load_component(kind, folder / name, torch_dtype)
        needed = set(cls.COMPONENTS) - set(cls._optional_components)
        # An optional part that the model has is named as a pair of library and class.
        needed |= {
            n for n in cls._optional_components if options.get(n) not in (None, [None, None])
        }
        missing = needed - set(components)
        if missing:
            raise BadWeights(
                f"The model in {folder} lacks {', '.join(sorted(missing))}.",
                "Install the model again.",
            )
        settings = {k: v for k, v in options.items() if not k.startswith("_")}
        settings = {k: v for k, v in settings.items() if k not in cls.COMPONENTS}
        parts = {**dict.fromkeys(cls._optional_components), **components}
        return readable(
            lambda: cls(**parts, **settings), folder / cls.config_name, "Install the model again."
        )

    @property
    def place(self) -> torch.device:
        """Where tensors have to be: with offloading, not where the weights are."""
        return self._place or torch.device(self._execution_device)

    @place.setter
    def place(self, device: torch.device) -> None:
        self._place = device

    @cached_property
    def latent_colours(self) -> Tensor:
        """The map of :mod:`.preview`: the config's, or fitted at the first use."""
        known = self.config["latent_colours"]
        return fit_latent_colours(self.vae, self.place) if known is None else torch.tensor(known)

    # What depends on the inputs alone

    @property
    def reduction(self) -> int:
        """Pixels of the working picture for each latent, in both directions."""
        return 2 ** (len(self.vae.config["block_out_channels"]) - 1)

    def frames(
        self, sizes_px: Sequence[tuple[int, int]], resolution: int | None = None
    ) -> list[Frame]:
        """Where pictures of these (width, height) lie in the working picture: line art first."""
        longest = resolution or int(self.config["resolution"])
        return common_frames(sizes_px, longest, self.reduction, self.config["square"])

    def _encode(self, picture: Image.Image, at: Frame, memory: Memory) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (1, C, h, w) float32 of a picture's latents, unscaled."""

        def encoded() -> tuple[Tensor, Tensor]:
            signed = signed_picture(picture, at).to(self.place, self.vae.dtype)
            posterior = self.vae.encode(signed).latent_dist
            return posterior.mean.float(), posterior.std.float()

        return memory.recall(fingerprint("latents", picture, at), encoded)

    def _sample(
        self, picture: Image.Image, at: Frame, memory: Memory, generator: torch.Generator
    ) -> Tensor:
        """Scaled latents (1, C, h, w) float32 of a reference, drawn from its posterior."""
        mean, std = self._encode(picture, at, memory)
        noise = torch.randn(mean.shape, generator=generator, dtype=torch.float32)
        return (mean + std * noise.to(mean)) * self.vae.config["scaling_factor"]

    def _lineart(self, lineart: Lineart, frame: Frame, extract: bool, memory: Memory) -> Tensor:
        """The line art as ControlNet embeds it, or its latents, (1, C, h, w)."""

        def embedded() -> Tensor:
            if extract and isinstance(lineart, Image.Image):
                strength = self._extracted(lineart, frame)
            else:
                strength = self._strength(lineart, frame)
            condition = to_condition(strength).to(self.place, self.dtype)
            if self.controlnet is not None:
                return self.controlnet.embed(condition)
            return lineart_latents(self.vae, condition)

        return memory.recall(fingerprint("line art", lineart, frame, extract), embedded)

    def _extracted(self, picture: Image.Image, frame: Frame) -> Tensor:
        """Line strength (1, 1, H, W) float in [0, 1] of a coloured picture."""
        if self.lineart_extractor is None:
            raise BadRequest(
                "This model can't extract line art from a coloured picture.",
                "Give line art, or load a model with the extractor.",
            )
        return self.lineart_extractor(signed_picture(picture, frame).to(self.place, self.dtype))

    def _strength(self, lineart: Lineart, frame: Frame) -> Tensor:
        """Line strength (1, 1, H, W) float32 in [0, 1] of line art."""
        if isinstance(lineart, np.ndarray):
            values = shrink_lines(lineart, frame.placed_px)
        elif self.config["keeps_thin_lines"]:
            values = shrink_lines(line_strength(lineart), frame.placed_px)
        else:
            values = line_strength(resized(lineart, frame))
        check_has_lines(values)
        full = 255 if values.dtype == np.uint8 else 1
        return torch.from_numpy(padded(values, frame, 0).astype(np.float32) / full)[None, None]

    def _points(
        self, points: Sequence[PointPair], lineart: Frame, references: Sequence[Frame]
    ) -> PointEmbeddings:
        """Embeddings of the line art's map and of each reference's, side by side like the bank."""
        numbered = list(enumerate(points, start=1))

        def embed(frame: Frame, marks: list[tuple[int, tuple[float, float]]]) -> list[Tensor]:
            drawn = draw_point_map(marks, frame.source_px, frame.placed_px, frame.padded_px)
            return self.point_net(torch.from_numpy(drawn)[None, None].to(self.place))

        of_lineart = embed(lineart, [(i, pair.lineart) for i, pair in numbered])
        of_references = [
            embed(frame, [(i, p.reference) for i, p in numbered if p.reference_index == index])
            for index, frame in enumerate(references)
        ]
        joined = [torch.cat(levels, dim=1) for levels in zip(*of_references, strict=True)]
        return PointEmbeddings(of_lineart, joined)

    def _read(self, picture: Image.Image, encoded: Tensor, memory: Memory) -> tuple[Tensor, Bank]:
        """A reference's image token (1, 1, C) and its bank."""
        size_px = self.image_encoder.config.image_size

        def looked_at() -> Tensor:
            pixels = clip_pixels(picture, size_px).to(self.place, self.dtype)
            return image_token(self.image_encoder, pixels)

        seen = fingerprint("token", picture)
        token = memory.recall(seen, looked_at)
        bank = memory.recall(
            fingerprint("bank", seen, encoded),
            lambda: self.reference_unet.read(encoded.to(self.place, self.dtype), token),
        )
        return token, bank

    def _level_sizes(self, latents: Tensor) -> list[tuple[int, int]]:
        """(height, width) in tokens of each level of the U-Net, finest first."""
        sizes = [(latents.shape[2], latents.shape[3])]
        for _ in self.unet.config["block_out_channels"][1:]:
            sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
        return sizes

    # One step

    def predict(self, latents: Tensor, timestep: Tensor, call: Conditions) -> Tensor:
        """(N, C, h, w) float32: the rows of the call's context."""
        latents, told = latents.to(self.dtype), {}
        if self.controlnet:
            # One row goes in; the first attention makes the call's rows of it.
            told = self._told_by_controlnet(latents, timestep, call)
        else:
            latents = torch.cat([latents, call.lineart.to(self.dtype)], dim=1)
            latents = latents.expand(len(call.tokens), -1, -1, -1)
        return self.unet(
            latents,
            timestep,
            encoder_hidden_states=call.tokens,
            cross_attention_kwargs={"reference": call.context},
            **told,
        ).sample.float()

    def _told_by_controlnet(
        self, latents: Tensor, timestep: Tensor, call: Conditions
    ) -> dict[str, Any]:
        """The residuals of all rows. Rows with reference and with points have the same ones."""
        plain, rows = call.context.plain, len(call.tokens)
        distinct = sorted({0, rows - 1}) if plain else [0]
        of_row = [0] * plain + [len(distinct) - 1] * (rows - plain)
        down, mid = self.controlnet(
            latents,
            timestep,
            encoder_hidden_states=call.tokens[distinct],
            controlnet_cond=call.lineart,
            cross_attention_kwargs={"constants": call.constants},
            return_dict=False,
        )
        return {
            "down_block_additional_residuals": [
                # What comes before the first attention has one row.
                residual[of_row] if len(residual) > 1 else residual.expand(rows, -1, -1, -1)
                for residual in down
            ],
            "mid_block_additional_residual": mid[of_row],
        }

    @torch.no_grad()
    def decode(self, latents: Tensor, frame: Frame | None = None) -> Image.Image:
        """Scaled latents (1, C, h, w) to a picture, without padding and at its source's size."""
        unscaled = latents.to(self.vae.dtype) / self.vae.config["scaling_factor"]
        decoded = self.vae.decode(unscaled).sample
        signed = decoded.float().clamp(-1, 1)[0].permute(1, 2, 0).cpu().numpy()
        image = Image.fromarray(((signed + 1) / 2 * 255).astype(np.uint8))
        if frame is None:
            return image
        image = image.crop((0, 0, *frame.placed_px))
        if image.size == frame.source_px:
            return image
        return image.resize(frame.source_px, Image.Resampling.BICUBIC)

    @torch.no_grad()
    def __call__(
        self,
        lineart: Lineart,
        reference: Image.Image | Sequence[Image.Image],
        points: Sequence[PointPair] = (),
        extract_lineart: bool = False,
        resolution: int | None = None,
        num_inference_steps: int | None = None,
        guidance_scale_reference: float | None = None,
        guidance_scale_points: float | None = None,
        seed: int = 0,
        latents: Tensor | None = None,
        reference_latents: Tensor | Sequence[Tensor] | None = None,
        output_type: str = "pil",
        reference_weights: Sequence[float] | None = None,
        reference_masks: Sequence[Mask | None] | None = None,
        initial_image: Image.Image | None = None,
        strength: float = 1.0,
        preset: str | None = None,
        sampler: str | None = None,
        guidance_every: int | None = None,
        bank_dtype: torch.dtype | None = None,
        memory: Memory | None = None,
        callback_on_step_end: StepCallback | None = None,
    ) -> MangaNinjaOutput:
        """Colorize.

        Where the published code goes wrong, this differs from it: pictures of other aspects are
        padded, not squashed; points count at every size, and so do pairs from the 256th on; line
        art may be dark or bright; guidance scales of 1 and below work.

        Args:
            lineart: line art in either polarity, opaque or transparent; with
                ``extract_lineart`` a coloured picture whose lines are extracted; or line strength
                (H, W), uint8 to 255 or float32 to 1, 0 = paper, whose thin lines are kept when it
                is reduced to working size.
            reference: one picture or several, in any mode. Alpha is ignored, as in the published
                code.
            points: pairs of places that belong together, in pixels of each picture.
            extract_lineart: see ``lineart``.
            resolution: longer side of the working picture; the model's own if None.
            num_inference_steps: sampling steps, 1 to 999 with the published noise schedule of a
                thousand; the model's own number if None.
            guidance_scale_reference, guidance_scale_points: see :class:`Guidance`; the model's own
                if None. Values of 1 and below work.
            seed: of the reference's latent sample and then of the initial noise, both drawn on
                the CPU so that every device gives the same picture. As the published code draws
                the reference's latents, another seed also reads the references anew.
            latents: initial noise (1, C, h, w) in place of the seed's.
            reference_latents: scaled latents of each reference in place of encoded ones; nothing
                is drawn for them, so the seed's initial noise is another one then.
            output_type: "pil" or "latent".
            reference_weights: how much each reference counts, above 0; 1 if None.
            reference_masks: for each reference what of it counts, (H, W) of its size, 0 = nothing;
                all of it where None.
            initial_image: a picture to start from, such as the last result, in the line art's
                aspect.
            strength: how much of it is painted anew, 0.01 to 1: the share of the steps that
                run. With 1, nothing of it is left. Means nothing without a picture.
            preset: "draft", "standard" or "best" (:data:`.samplers.PRESETS`): sampler, steps and
                ``guidance_every`` together, where these are None, in no more steps than the model
                recommends. In fewer steps than its own, each computes all guidance rows.
            sampler: "ddim", "dpm++" or "unipc"; DDIM if None.
            guidance_every: all guidance rows are computed in every so many steps and continued in
                between (:class:`.guidance.SparseGuidance`); 1, which is exact, if None.
            bank_dtype: rounds the reference's features. The published code rounds them to float16
                in a run that is float32 otherwise; here they keep their digits if None. Against
                its results, predictions differ by up to 4e-4 without and 1e-4 with that rounding.
            memory: keeps what depends on the pictures alone for later calls of the same model:
                moving a point then repeats PointNet and the sampling loop only.
            callback_on_step_end: ``callback(pipeline, step, timestep, tensors)`` after each step;
                ``tensors`` has the "latents" and the "proposal", the clean latents they lead to.
                Whatever it raises ends the call.

        Raises:
            BadRequest: the pictures, points or numbers can't be used; says why and what to do.
        """
        memory = Memory(0) if memory is None else memory
        lineart = inputs.lineart(lineart, extract_lineart)
        references = inputs.references(reference)
        chosen = self._chosen(preset, sampler, num_inference_steps, guidance_every)
        scales = (
            _given(guidance_scale_reference, self.config["guidance_reference"]),
            _given(guidance_scale_points, self.config["guidance_points"]),
        )
        guidance = Guidance(*[inputs.finite(scale, "Guidance scale") for scale in scales])
        lineart_px = lineart.shape[::-1] if isinstance(lineart, np.ndarray) else lineart.size
        sizes_px = [r.size for r in references]
        points = inputs.points(points, lineart_px, sizes_px)
        self._check(strength, resolution, output_type)
        shares = Shares.checked(reference_weights, reference_masks, sizes_px)
        frames = self.frames([lineart_px, *sizes_px], resolution)
        begun = None if initial_image is None else inputs.start(initial_image, lineart_px)
        if latents is not None:
            latents = inputs.latents(latents, self._latents_shape(frames[0]), "latents")
        scheduler = new_scheduler(chosen.sampler, self.scheduler.config)
        steps, left = late_start(chosen.steps, 1 if begun is None else strength)
        scheduler.set_timesteps(steps, device=self.place)
        timesteps = scheduler.timesteps[-left:]

        seed = inputs.whole_number(seed, "can't be a seed", -(1 << 63), (1 << 63) - 1)
        generator = torch.Generator().manual_seed(seed)
        if reference_latents is None:
            encoded = [
                self._sample(picture, at, memory, generator)
                for picture, at in zip(references, frames[1:], strict=True)
            ]
        else:
            encoded = self._given_latents(reference_latents, frames)
        if latents is None:
            latents = torch.randn(encoded[0].shape, generator=generator, dtype=torch.float32)
        noise = latents.to(self.place, torch.float32)

        read = [self._read(r, e, memory) for r, e in zip(references, encoded, strict=True)]
        banks = [bank if bank_dtype is None else bank.rounded(bank_dtype) for _, bank in read]
        bias = shares.bias(frames[1:], self._level_sizes(noise))
        bias = [level.to(self.place) for level in bias]
        looked = Correspondence(noise[0, 0].numel(), bias[0] if bias else None)
        plain, unpointed, pointed = map(int, guidance.rows)
        context = ReferenceContext(
            banks,
            plain,
            unpointed,
            pointed,
            point_embeddings=self._points(points, frames[0], frames[1:]) if pointed else None,
            bias=bias,
            observer=looked if self.config["matches_by_attention"] else None,
        )
        token = shares.mean([token for token, _ in read])
        call = Conditions(
            context,
            torch.cat([self.unconditional()] * plain + [token] * (unpointed + pointed)),
            self._lineart(lineart, frames[0], extract_lineart, memory),
        )

        current = noise * scheduler.init_noise_sigma
        if begun is not None and strength < 1:
            if chosen.sampler != "ddim":  # Which goes by the timesteps alone.
                scheduler.set_begin_index(len(scheduler.timesteps) - len(timesteps))
            start = self._encode(begun, frames[0], memory)[0]
            start = start * self.vae.config["scaling_factor"]
            current = scheduler.add_noise(start, noise, timesteps[:1])
        sparse, last_row = SparseGuidance(guidance, chosen.guidance_every), call.last_row()
        for index, timestep in enumerate(self._with_bar(timesteps)):
            looked.forget()
            rows = call if sparse.needs_all(index) else last_row
            guided = sparse.combine(index, self.predict(current, timestep, rows))
            proposal = clean_latents(scheduler, guided, timestep, current)
            current = scheduler.step(guided, timestep, current).prev_sample
            if callback_on_step_end is not None:
                tensors = {"latents": current, "proposal": proposal}
                callback_on_step_end(self, index, int(timestep), tensors)
        images = [] if output_type == "latent" else [self.decode(current, frames[0])]
        return MangaNinjaOutput(images=images, latents=current, matches=looked.mean())

    def _with_bar(self, timesteps: Tensor) -> Any:
        return self.progress_bar(timesteps)  # type: ignore[call-arg]  (misread as static)

    def _latents_shape(self, frame: Frame) -> tuple[int, ...]:
        """(1, C, h, w) of a working picture."""
        width, height = frame.padded_px
        channels = self.vae.config["latent_channels"]
        return 1, channels, height // self.reduction, width // self.reduction

    def _given_latents(self, given: Any, frames: Sequence[Frame]) -> list[Tensor]:
        """The caller's latents of each reference; line art is the first of the frames."""
        several = [given] if isinstance(given, Tensor) else list(given)
        if len(several) != len(frames) - 1:
            raise BadRequest(
                f"There are {len(several)} reference_latents for {len(frames) - 1} references.",
                "Give one for each reference.",
            )
        shape = self._latents_shape(frames[0])
        return [inputs.latents(one, shape, "reference_latents") for one in several]

    def steps_of(self, preset: str | None) -> int:
        """Steps of a whole run with a preset, or as the model recommends; never more than that: a
        model that was made for few paints worse in many."""
        recommended: int = self.config["steps"]
        return min(named_preset(preset).steps, recommended) if preset else recommended

    def _chosen(
        self, preset: str | None, sampler: str | None, steps: int | None, every: int | None
    ) -> Preset:
        """The preset, or what the model recommends, with what else the caller names."""
        chosen = named_preset(preset) if preset else Preset("ddim", self.config["steps"])
        # Some schedulers begin one step above the last multiple.
        trained = self.scheduler.config
        most = trained["num_train_timesteps"] - trained["steps_offset"]
        steps = self.steps_of(preset) if steps is None else steps
        chosen = chosen.in_steps(inputs.whole_number(steps, "steps are not possible", 1, most))
        if sampler not in (None, chosen.sampler):
            chosen = replace(chosen, guidance_every=1)  # Leaving rows out suits DDIM alone.
        every = _given(every, chosen.guidance_every)
        every = inputs.whole_number(every, "can't be guidance_every", 1, most)
        return Preset(_given(sampler, chosen.sampler), chosen.steps, every)

    def _check(self, strength: float, resolution: int | None, output_type: str) -> None:
        if not LEAST_STRENGTH <= strength <= 1:
            raise BadRequest(f"A strength of {strength:g} is not possible.", "Choose 0.01 to 1.")
        # Smaller, and the U-Net's coarsest level would have nothing to see.
        least = self.reduction << (len(self.unet.config["block_out_channels"]) - 1)
        if resolution is not None and (resolution < least or resolution % self.reduction):
            raise BadRequest(
                f"A working resolution of {resolution} px is not possible.",
                f"Choose a multiple of {self.reduction} from {least} on.",
            )
        if output_type not in ("pil", "latent"):
            raise BadRequest(f"output_type {output_type!r} is unknown.", "Use 'pil' or 'latent'.")


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value
