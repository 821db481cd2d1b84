# SPDX-License-Identifier: GPL-3.0-or-later
"""The MangaNinja pipeline: line art and references in, a coloured proposal out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, ControlNetModel, DDIMScheduler, DiffusionPipeline
from diffusers.utils import BaseOutput
from PIL import Image
from torch import Tensor
from transformers import CLIPVisionModelWithProjection

from .conditioning import UnconditionalEmbedding, clip_pixels, image_token, to_condition
from .correspondence import Correspondence
from .errors import BadRequest, BadWeights
from .guidance import Guidance
from .lineart import check_has_lines, line_strength, shrink_lines
from .lineart_extractor import LineartExtractor
from .point_net import PointNet
from .points import PointPair, check_inside, draw_point_map
from .reference_attention import (
    Bank,
    DenoisingUNet,
    PointEmbeddings,
    ReferenceContext,
    ReferenceUNet,
    install,
    side_by_side,
)
from .weights.state import load_component

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
class Frame:
    """Where a picture lies in the working picture: its top left corner, the rest is padding.

    Attributes:
        source_px: (width, height) of the picture as given.
        placed_px: (width, height) at working resolution.
        padded_px: (width, height) of the working picture.
    """

    source_px: tuple[int, int]
    placed_px: tuple[int, int]
    padded_px: tuple[int, int]


def fit_within(size_px: tuple[int, int], resolution: int) -> tuple[int, int]:
    """(width, height) scaled up or down so that the longer side is ``resolution``."""
    factor = min(resolution / size_px[0], resolution / size_px[1])
    return max(1, int(size_px[0] * factor)), max(1, int(size_px[1] * factor))


def common_frames(
    sizes_px: Sequence[tuple[int, int]], resolution: int, multiple: int, square: bool = False
) -> list[Frame]:
    """Bring pictures to one working size by padding; equal aspects need none.

    Args:
        sizes_px: (width, height) of each picture.
        resolution: longer side of the working pictures.
        multiple: sides are padded to multiples of this (the VAE's reduction).
        square: pad to ``resolution`` x ``resolution``, for models that know squares alone.
    """
    placed = [fit_within(size, resolution) for size in sizes_px]
    widths, heights = zip(*placed, strict=True)
    longest = (resolution, resolution) if square else (max(widths), max(heights))
    padded = tuple(-(-side // multiple) * multiple for side in longest)
    return [
        Frame(size, place, (padded[0], padded[1]))
        for size, place in zip(sizes_px, placed, strict=True)
    ]


def _resized(image: Image.Image, frame: Frame) -> Image.Image:
    if image.size == frame.placed_px:
        return image
    return image.resize(frame.placed_px, Image.Resampling.BICUBIC)


def _padded(values: np.ndarray, frame: Frame, fill: int | None) -> np.ndarray:
    """Pad (h, w, ...) at the right and bottom, with ``fill`` or with the last row and column."""
    right = frame.padded_px[0] - frame.placed_px[0]
    bottom = frame.padded_px[1] - frame.placed_px[1]
    widths = [(0, bottom), (0, right)] + [(0, 0)] * (values.ndim - 2)
    if fill is None:
        return np.pad(values, widths, mode="edge")
    return np.pad(values, widths, constant_values=fill)


def _signed(image: Image.Image, frame: Frame) -> Tensor:
    """(1, 3, H, W) float32 in [-1, 1], computed in double precision as the published code does."""
    values = np.asarray(_resized(image, frame).convert("RGB"))
    signed = _padded(values, frame, None) / 255 * 2 - 1
    return torch.from_numpy(signed.astype(np.float32)).permute(2, 0, 1).unsqueeze(0)


class MangaNinjaPipeline(DiffusionPipeline):
    """Colorizes line art after one or more references (MangaNinja, arXiv 2501.08332).

    The networks' sizes come from their configs: the published model and the bundled mini are the
    same code. A call keeps nothing in the modules.

    Args:
        vae: the autoencoder.
        image_encoder: CLIP image tower with projection.
        unconditional: the token of the row without reference.
        reference_unet, unet: the Reference and Denoising U-Nets.
        controlnet: brings in the line art.
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
        title, licence: of the weights, to be shown to the artist. The defaults are those of the
            published weights.
    """

    _optional_components = ["lineart_extractor"]  # noqa: RUF012 (diffusers reads it)
    model_cpu_offload_seq = "image_encoder->reference_unet->controlnet->unet->vae"

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
        "controlnet": ControlNetModel,
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
        controlnet: ControlNetModel,
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
        title: str = "MangaNinja",
        licence: str = "CC BY-NC 4.0",
    ) -> None:
        super().__init__()
        install(controlnet, None)
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
        options: Any = cls.load_config(folder, local_files_only=True)
        components: dict[str, Any] = {}
        for name, kind in cls.COMPONENTS.items():
            if (folder / name).is_dir():
                components[name] = load_component(kind, folder / name, torch_dtype)
        missing = set(cls.COMPONENTS) - set(components) - set(cls._optional_components)
        if missing:
            raise BadWeights(
                f"The model in {folder} lacks {', '.join(sorted(missing))}.",
                "Install the model again.",
            )
        settings = {k: v for k, v in options.items() if not k.startswith("_")}
        settings = {k: v for k, v in settings.items() if k not in cls.COMPONENTS}
        return cls(**components, **settings)

    # What depends on the inputs alone

    def frames(
        self, sizes_px: Sequence[tuple[int, int]], resolution: int | None = None
    ) -> list[Frame]:
        """Where pictures of these (width, height) lie in the working picture: line art first."""
        return common_frames(
            sizes_px,
            resolution or self.config["resolution"],
            multiple=2 ** (len(self.vae.config["block_out_channels"]) - 1),
            square=self.config["square"],
        )

    def _encode_reference(self, picture: Tensor, generator: torch.Generator) -> Tensor:
        posterior = self.vae.encode(picture.to(self.device, self.dtype)).latent_dist
        noise = torch.randn(posterior.mean.shape, generator=generator, dtype=torch.float32)
        sample = posterior.mean + posterior.std * noise.to(posterior.mean)
        return sample * self.vae.config["scaling_factor"]

    def _condition(self, lineart: Lineart, frame: Frame, extract: bool) -> Tensor:
        """ControlNet's condition (1, 3, H, W) in [-1, 1] on the model's device."""
        if isinstance(lineart, np.ndarray):
            values = shrink_lines(lineart, frame.placed_px)
            return self._condition_of(values, frame)
        if extract:
            if self.lineart_extractor is None:
                raise BadRequest(
                    "This model can't extract line art from a coloured picture.",
                    "Give line art, or load a model with the extractor.",
                )
            picture = _signed(lineart, frame).to(self.device, self.dtype)
            return to_condition(self.lineart_extractor(picture))
        if self.config["keeps_thin_lines"]:
            values = shrink_lines(line_strength(lineart), frame.placed_px)
        else:
            values = line_strength(_resized(lineart, frame))
        return self._condition_of(values, frame)

    def _condition_of(self, strength: np.ndarray, frame: Frame) -> Tensor:
        check_has_lines(strength)
        full = 255 if strength.dtype == np.uint8 else 1
        padded = _padded(strength, frame, 0).astype(np.float32) / full
        return to_condition(torch.from_numpy(padded)[None, None].to(self.device, self.dtype))

    def _points(
        self, points: Sequence[PointPair], lineart: Frame, references: Sequence[Frame]
    ) -> PointEmbeddings:
        """Embeddings of the line art's map and of each reference's, side by side like the bank."""
        numbered = list(enumerate(points, start=1))

        def embed(frame: Frame, marks: list[tuple[int, tuple[float, float]]]) -> list[Tensor]:
            drawn = draw_point_map(marks, frame.source_px, frame.placed_px, frame.padded_px)
            return self.point_net(torch.from_numpy(drawn)[None, None].to(self.device))

        of_lineart = embed(lineart, [(i, pair.lineart) for i, pair in numbered])
        of_references = [
            embed(frame, [(i, p.reference) for i, p in numbered if p.reference_index == index])
            for index, frame in enumerate(references)
        ]
        joined = [torch.cat(levels, dim=1) for levels in zip(*of_references, strict=True)]
        return PointEmbeddings(of_lineart, joined)

    # One step

    def _predict(
        self,
        latents: Tensor,
        timestep: Tensor,
        tokens: Tensor,
        condition: Tensor,
        context: ReferenceContext,
    ) -> Tensor:
        """(3, C, h, w): the rows without reference, with it, and with points."""
        # The rows with reference and with points give ControlNet the same input.
        down, mid = self.controlnet(
            latents.expand(2, -1, -1, -1),
            timestep,
            encoder_hidden_states=tokens[:2],
            controlnet_cond=condition.expand(2, -1, -1, -1),
            return_dict=False,
        )
        rows = torch.tensor([0, 1, 1], device=latents.device)
        return self.unet(
            latents.expand(3, -1, -1, -1),
            timestep,
            encoder_hidden_states=tokens,
            down_block_additional_residuals=[residual[rows] for residual in down],
            mid_block_additional_residual=mid[rows],
            cross_attention_kwargs={"reference": context},
        ).sample

    def decode(self, latents: Tensor, frame: Frame | None = None) -> Image.Image:
        """Scaled latents (1, C, h, w) to a picture, without padding and at its source's size."""
        decoded = self.vae.decode(latents / self.vae.config["scaling_factor"]).sample
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
        callback_on_step_end: StepCallback | None = None,
    ) -> MangaNinjaOutput:
        """Colorize.

        Args:
            lineart: line art in either polarity, opaque or transparent; with
                ``extract_lineart`` a coloured picture whose lines are extracted; or line strength
                (H, W), uint8 to 255 or float32 to 1, 0 = paper, whose thin lines are kept when it
                is reduced to working size.
            reference: one picture or several. Alpha is ignored, as in the published code.
            points: pairs of places that belong together, in pixels of each picture.
            extract_lineart: see ``lineart``.
            resolution: longer side of the working picture; the model's own if None.
            num_inference_steps: DDIM steps, 1 to 1000; the model's own number if None.
            guidance_scale_reference, guidance_scale_points: see :class:`Guidance`; the model's own
                if None. Values of 1 and below work.
            seed: of the reference's latent sample and then of the initial noise, both drawn on
                the CPU so that every device gives the same picture.
            latents: initial noise (1, C, h, w) in place of the seed's.
            reference_latents: scaled latents of each reference in place of encoded ones.
            output_type: "pil" or "latent".
            callback_on_step_end: ``callback(pipeline, step, timestep, tensors)`` after each step;
                ``tensors`` has the "latents" and the "proposal", the clean latents they lead to.
                Whatever it raises ends the call.

        Raises:
            BadRequest: the pictures, points or numbers can't be used; says why and what to do.
        """
        references = [reference] if isinstance(reference, Image.Image) else list(reference)
        steps = _given(num_inference_steps, self.config["steps"])
        guidance = Guidance(
            _given(guidance_scale_reference, self.config["guidance_reference"]),
            _given(guidance_scale_points, self.config["guidance_points"]),
        )
        lineart_px = lineart.shape[::-1] if isinstance(lineart, np.ndarray) else lineart.size
        self._check(lineart_px, references, points, steps, output_type)

        frame, *reference_frames = self.frames(
            [lineart_px, *(r.size for r in references)], resolution
        )
        generator = torch.Generator().manual_seed(seed)
        encoded = _as_list(reference_latents) or [
            self._encode_reference(_signed(picture, at), generator)
            for picture, at in zip(references, reference_frames, strict=True)
        ]
        encoded = [e.to(self.device, self.dtype) for e in encoded]
        noise = latents
        if noise is None:
            noise = torch.randn(encoded[0].shape, generator=generator, dtype=torch.float32)
        current: Tensor = noise.to(self.device, self.dtype) * self.scheduler.init_noise_sigma

        token, bank = self._read_references(references, encoded)
        looked = Correspondence(current.shape[2] * current.shape[3])
        context = ReferenceContext(
            bank,
            point_embeddings=self._points(points, frame, reference_frames),
            observer=looked if self.config["matches_by_attention"] else None,
        )
        tokens = torch.cat([self.unconditional(), token, token])
        condition = self._condition(lineart, frame, extract_lineart)

        # A scheduler counts its steps, so each call gets one of its own.
        scheduler = type(self.scheduler).from_config(self.scheduler.config)
        scheduler.set_timesteps(steps, device=self.device)
        for index, timestep in enumerate(self._with_bar(scheduler.timesteps)):
            looked.forget()
            prediction = self._predict(current, timestep, tokens, condition, context)
            guided = guidance.combine(prediction)
            stepped = scheduler.step(guided, timestep, current)
            current = stepped.prev_sample
            if callback_on_step_end is not None:
                tensors = {"latents": current, "proposal": stepped.pred_original_sample}
                callback_on_step_end(self, index, int(timestep), tensors)
        images = [] if output_type == "latent" else [self.decode(current, frame)]
        return MangaNinjaOutput(images=images, latents=current, matches=looked.mean())

    def _with_bar(self, timesteps: Tensor) -> Any:
        return self.progress_bar(timesteps)  # type: ignore[call-arg]  (misread as static)

    def _read_references(
        self, references: Sequence[Image.Image], encoded: Sequence[Tensor]
    ) -> tuple[Tensor, Bank]:
        """The mean image token (1, 1, C) and the joined bank of all references."""
        size_px = self.image_encoder.config.image_size
        embeddings = [
            image_token(
                self.image_encoder, clip_pixels(picture, size_px).to(self.device, self.dtype)
            )
            for picture in references
        ]
        banks = [
            self.reference_unet.read(latent, token)
            for latent, token in zip(encoded, embeddings, strict=True)
        ]
        return torch.stack(embeddings).mean(dim=0), side_by_side(banks)

    @staticmethod
    def _check(
        lineart_px: tuple[int, int],
        references: Sequence[Image.Image],
        points: Sequence[PointPair],
        steps: int,
        output_type: str,
    ) -> None:
        if not references:
            raise BadRequest("There is no reference.", "Choose at least one reference picture.")
        if not 1 <= steps <= 1000:
            raise BadRequest(f"{steps} steps are not possible.", "Choose 1 to 1000 steps.")
        if output_type not in ("pil", "latent"):
            raise BadRequest(f"output_type {output_type!r} is unknown.", "Use 'pil' or 'latent'.")
        for pair in points:
            if not 0 <= pair.reference_index < len(references):
                raise BadRequest(
                    f"A point belongs to reference {pair.reference_index + 1}, "
                    f"but there are {len(references)}.",
                    "Remove the point or add the reference.",
                )
            check_inside(pair.lineart, lineart_px, "line art")
            check_inside(pair.reference, references[pair.reference_index].size, "reference")


def _given(value: Any, default: Any) -> Any:
    return default if value is None else value


def _as_list(latents: Tensor | Sequence[Tensor] | None) -> list[Tensor]:
    if latents is None:
        return []
    return [latents] if isinstance(latents, Tensor) else list(latents)
