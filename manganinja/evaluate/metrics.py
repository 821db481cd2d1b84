# SPDX-License-Identifier: GPL-3.0-or-later
"""The paper's metrics and those of BasicPBC, of one answered case.

* PSNR and MS-SSIM (Wang et al. 2003) by torchmetrics, LPIPS (Zhang et al. 2018, AlexNet) by
  torchmetrics over torchvision's network.
* DINO and CLIP image similarity as in DreamBooth (Ruiz et al. 2023): cosine of the class tokens of
  DINO ViT-S/16, and of the image embeddings of CLIP ViT-B/32, times 100.
* MSE over 3 x 3 pixels at up to 50 points (paper, section 4).
* BasicPBC's region metrics (Dai et al. 2024), see :mod:`manganinja.flats.measures`.

All but the background's IoU look at the foreground alone: PSNR over its pixels, the others at
pages on which everything else is white in answer and truth.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from ..errors import ModelNotFound
from ..flats.measures import measure
from ..points import PointPair
from .cases import Case

DINO, CLIP = "facebook/dino-vits16", "openai/clip-vit-base-patch32"
LPIPS_FILE = "alexnet-owt-7be5be79.pth"
"""torchvision's AlexNet, as the torch hub names it."""

SMALLEST_MS_SSIM_PX = 177
"""Shorter sides have no five scales of 11 x 11 windows."""

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))


@dataclass(frozen=True)
class Answer:
    """What someone gives for a case.

    Attributes:
        page: (H, W, 3) uint8, as one sees it, with lines.
        layer: (H, W, 4) uint8, the colours alone; transparent is unpainted.
    """

    page: np.ndarray = field(repr=False)
    layer: np.ndarray = field(repr=False)


def _column(title: str, digits: int = 3) -> Any:
    return field(default=None, metadata={"title": title, "digits": digits})


@dataclass(frozen=True)
class Scores:
    """Figures of one answer, or means of many; None where there is nothing to measure.

    Attributes:
        psnr: in dB; 100 at most, for an equal page.
        ms_ssim: 0 to 1.
        lpips: 0 is equal.
        dino, clip: -100 to 100.
        mse_at_points: squared error in [0, 1] units over 3 x 3 pixels at all points of the case.
        mse_at_given: the same at those points that are given to who takes points, measured
            whether or not they were.
        acc, acc_over_10px: share of regions (of more than 10 pixels) with the right colour.
        pix_acc, pix_f_acc: share of pixels with the right colour, and of those of the foreground.
        b_miou, pix_b_miou: intersection over union of the background, in regions and in pixels.
        seconds: that the answer took.
    """

    psnr: float | None = _column("PSNR", 2)
    ms_ssim: float | None = _column("MS-SSIM")
    lpips: float | None = _column("LPIPS")
    dino: float | None = _column("DINO", 2)
    clip: float | None = _column("CLIP", 2)
    mse_at_points: float | None = _column("MSE 50", 4)
    mse_at_given: float | None = _column("MSE given", 4)
    acc: float | None = _column("Acc")
    acc_over_10px: float | None = _column("Acc>10px")
    pix_acc: float | None = _column("PixAcc")
    pix_f_acc: float | None = _column("PixFAcc")
    b_miou: float | None = _column("B-MIoU")
    pix_b_miou: float | None = _column("PixBMIoU")
    seconds: float | None = _column("s", 2)


COLUMNS: Mapping[str, tuple[str, int]] = {
    f.name: (f.metadata["title"], f.metadata["digits"]) for f in fields(Scores)
}
"""Title and digits behind the point of each metric."""


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Means over the cases that have a value; None where none has."""

    def mean(name: str) -> float | None:
        values = [value for score in scores if (value := getattr(score, name)) is not None]
        return float(np.mean(values)) if values else None

    return Scores(**{name: mean(name) for name in COLUMNS})


def score(
    answer: Answer, case: Case, given: int, networks: Mapping[str, Network], seconds: float
) -> Scores:
    """Measure one answer; the first ``given`` points are those that may be given."""
    shown, wanted = _foreground(answer.page, case.judged), _foreground(case.truth, case.judged)
    errors = errors_at(answer.page, case.truth, case.points)
    regions = {} if case.regions is None else _regions(answer, case)
    return Scores(
        psnr=psnr_db(answer.page[case.judged], case.truth[case.judged]),
        ms_ssim=ms_ssim(shown, wanted),
        mse_at_points=_mean(errors),
        mse_at_given=_mean(errors[:given]),
        seconds=seconds,
        **regions,
        **{name: network(shown, wanted) for name, network in networks.items()},
    )


def _regions(answer: Answer, case: Case) -> dict[str, float]:
    assert case.regions is not None
    found = measure(answer.layer, case.regions)
    return {
        "acc": found.acc,
        "acc_over_10px": found.acc_over_10px,
        "pix_acc": found.pix_acc,
        "pix_f_acc": found.pix_acc_no_background,
        "b_miou": found.b_miou,
        "pix_b_miou": found.pix_b_miou,
    }


def _foreground(page: np.ndarray, judged: np.ndarray) -> np.ndarray:
    return np.where(judged[..., None], page, 255).astype(np.uint8)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def psnr_db(answer: np.ndarray, truth: np.ndarray) -> float | None:
    """Peak signal-to-noise ratio of uint8 pixels in dB, 100 at most; None without pixels."""
    from torchmetrics.functional.image import peak_signal_noise_ratio

    if not truth.size:
        return None
    shown, wanted = (torch.from_numpy(a.astype(np.float32) / 255) for a in (answer, truth))
    value = float(peak_signal_noise_ratio(shown, wanted, data_range=1.0))
    return min(value, 100.0)


def ms_ssim(answer: np.ndarray, truth: np.ndarray) -> float | None:
    """Multi-scale SSIM of two (H, W, 3) uint8 pages; None where a side is below 177 px."""
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    if min(truth.shape[:2]) < SMALLEST_MS_SSIM_PX:
        return None
    shown, wanted = _batch(answer), _batch(truth)
    # A negative term at some scale would have no real power.
    value = multiscale_structural_similarity_index_measure(
        shown, wanted, data_range=1.0, normalize="relu"
    )
    return float(value)


def errors_at(page: np.ndarray, truth: np.ndarray, points: Sequence[PointPair]) -> np.ndarray:
    """Squared error in [0, 1] units over 3 x 3 pixels at the line-art end of each point, (n,)."""
    errors = []
    for pair in points:
        x, y = int(pair.lineart[0]), int(pair.lineart[1])
        window = slice(max(0, y - 1), y + 2), slice(max(0, x - 1), x + 2)
        difference = page[window].astype(float) - truth[window].astype(float)
        errors.append(np.square(difference / 255).mean())
    return np.array(errors)


def _batch(page: np.ndarray) -> Tensor:
    """(1, 3, H, W) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(page)).permute(2, 0, 1)[None].float() / 255


# ---- metrics that are networks

Network = Callable[[np.ndarray, np.ndarray], float]
"""From answer and truth, (H, W, 3) uint8 each, to a figure."""


def load_networks(folder: Path | None) -> tuple[dict[str, Network], list[str]]:
    """The metrics that need a network which is here, and a sentence about each that isn't.

    Nothing is downloaded. They are looked for in ``folder`` (``dino-vits16/``,
    ``clip-vit-base-patch32/``, ``checkpoints/`` with AlexNet's file), then in the caches of
    Hugging Face and of the torch hub.
    """
    networks: dict[str, Network] = {}
    left_out = []
    loaders = {"dino": dino, "clip": clip, "lpips": lpips}
    for name, load in loaders.items():
        try:
            networks[name] = load(folder)
        except ModelNotFound as error:
            left_out.append(str(error))
    return networks, left_out


def find_snapshot(repository: str, folder: Path | None) -> Path:
    """Where a Hugging Face repository lies on this disk.

    Raises:
        ModelNotFound: it doesn't; says where it is looked for.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    name = repository.split("/")[1]
    if folder is not None and (folder / name).is_dir():
        return folder / name
    try:
        return Path(snapshot_download(repository, local_files_only=True))
    except (LocalEntryNotFoundError, OSError) as error:
        raise ModelNotFound(
            f"{repository} is not on this disk.",
            f"Get it with `hf download {repository}`, or give its folder as DIR/{name} with "
            "--networks DIR.",
        ) from error


def dino(folder: Path | None) -> Network:
    """Cosine of class tokens. Raises :class:`ModelNotFound`."""
    from transformers import ViTModel

    path = _snapshot("DINO", DINO, folder)
    network = _loaded(ViTModel, path, "DINO", add_pooling_layer=False)

    def embed(pages: Tensor) -> Tensor:
        return network(pixel_values=pages).last_hidden_state[:, 0]

    return _similarity(embed, network.config.image_size, *_IMAGENET)


def clip(folder: Path | None) -> Network:
    """Cosine of image embeddings. Raises :class:`ModelNotFound`."""
    from transformers import CLIPVisionModelWithProjection

    path = _snapshot("CLIP", CLIP, folder)
    network = _loaded(CLIPVisionModelWithProjection, path, "CLIP")

    def embed(pages: Tensor) -> Tensor:
        return network(pixel_values=pages).image_embeds

    return _similarity(embed, network.config.image_size, *_CLIP)


def _snapshot(metric: str, repository: str, folder: Path | None) -> Path:
    try:
        return find_snapshot(repository, folder)
    except ModelNotFound as error:
        raise ModelNotFound(f"{metric} was left out: {error.message}", error.remedy) from error


def _loaded(kind: Any, path: Path, metric: str, **options: Any) -> Any:
    try:
        return kind.from_pretrained(path, local_files_only=True, **options).eval()
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelNotFound(
            f"{metric} was left out: {path} can't be loaded ({str(error).splitlines()[0]}).",
            "Get it anew.",
        ) from error


def _similarity(
    embed: Callable[[Tensor], Tensor],
    size_px: int,
    mean: tuple[float, ...],
    deviation: tuple[float, ...],
) -> Network:
    centre, spread = (torch.tensor(v).view(1, 3, 1, 1) for v in (mean, deviation))

    @torch.no_grad()
    def similarity(answer: np.ndarray, truth: np.ndarray) -> float:
        pages = torch.cat([_batch(answer), _batch(truth)])
        pages = torch.nn.functional.interpolate(
            pages, size=(size_px, size_px), mode="bicubic", antialias=True, align_corners=False
        ).clamp(0, 1)
        one, two = embed((pages - centre) / spread)
        return 100 * float(torch.nn.functional.cosine_similarity(one, two, dim=0))

    return similarity


def lpips(folder: Path | None) -> Network:
    """LPIPS by AlexNet. Raises :class:`ModelNotFound`.

    torchvision has to fit torch: its wheel of the package index is made for CUDA, and can't be
    imported beside a torch without.
    """
    try:
        # torchmetrics takes the network from it.
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError, OSError) as error:
        raise ModelNotFound(
            "LPIPS was left out: it needs a torchvision that fits this torch "
            f"({str(error).splitlines()[0]}).",
            "Install one from the index that torch came from, such as "
            "`pip install torchvision --index-url https://download.pytorch.org/whl/cpu`.",
        ) from error
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    hub = Path(torch.hub.get_dir())
    homes = [hub] if folder is None else [folder, hub]
    home = next((h for h in homes if (h / "checkpoints" / LPIPS_FILE).is_file()), None)
    if home is None:
        raise ModelNotFound(
            f"LPIPS was left out: {LPIPS_FILE} is not on this disk.",
            f"Put https://download.pytorch.org/models/{LPIPS_FILE} into {hub / 'checkpoints'}, or "
            "into DIR/checkpoints with --networks DIR.",
        )
    torch.hub.set_dir(home)
    try:
        network = LearnedPerceptualImagePatchSimilarity("alex", normalize=True).eval()
    finally:
        torch.hub.set_dir(hub)

    @torch.no_grad()
    def distance(answer: np.ndarray, truth: np.ndarray) -> float:
        value = float(network(_batch(answer), _batch(truth)))
        network.reset()
        return value

    return distance


def finite(value: float | None) -> float | None:
    """The figure, or None where JSON has none for it."""
    return value if value is not None and math.isfinite(value) else None
