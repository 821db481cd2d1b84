# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the published weights come from: repositories of the Hugging Face hub, revisions pinned.

The revisions, and the digests given here, were taken from public records that agree with each
other, not from the hub: this was written where the hub can't be reached. What has no digest here
gets its own from the hub at the first download and keeps it (:mod:`.ledger`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LICENCE = "CC BY-NC 4.0"
"""The licence of the whole, which is that of its strictest part."""

LICENCE_TEXT = """\
The published MangaNinja weights are under CC BY-NC 4.0 (Creative Commons):
you may use and share them, you must name the authors, and you may not use them commercially.
https://creativecommons.org/licenses/by-nc/4.0/
They need Stable Diffusion 1.5 (CreativeML OpenRAIL-M: some uses are forbidden), the configuration
of its line-art ControlNet (OpenRAIL), CLIP (MIT) and informative-drawings (MIT)."""


@dataclass(frozen=True)
class Source:
    """One repository.

    Attributes:
        repo: owner/name on the hub.
        revision: commit.
        folder: where its files go in the published layout.
        files: what is needed of it, by their names in the repository, which they keep.
        sha256: digests known beforehand.
    """

    repo: str
    revision: str
    folder: str
    files: Sequence[str]
    sha256: Mapping[str, str] = field(default_factory=dict)

    def place(self, file: str) -> str:
        """Where a file lies in the published layout."""
        return f"{self.folder}/{file}"


SOURCES = (
    Source(
        "stable-diffusion-v1-5/stable-diffusion-v1-5",
        "451f4fe16113bff5a5d2269ed5ad43b0592e9a14",
        "StableDiffusion",
        (
            "unet/config.json",
            "scheduler/scheduler_config.json",
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors",
        ),
        {
            "vae/diffusion_pytorch_model.safetensors": (
                "a2b5134f4dbc140d9c11f11cba3233099e00af40f262f136c691fb7d38d2194c"
            )
        },
    ),
    Source(
        "openai/clip-vit-large-patch14",
        "32bd64288804d66eefd0ccbe215aa642df71cc41",
        "models/clip-vit-large-patch14",
        ("config.json", "vocab.json", "model.safetensors"),
        {"model.safetensors": "a2bf730a0c7debf160f7a6b50b3aaf3703e7e88ac73de7a314903141db026dcb"},
    ),
    Source(
        "lllyasviel/control_v11p_sd15_lineart",
        "8a158f547e031c5b8fbca19ead09a74767ff4db0",
        "models/control_v11p_sd15_lineart",
        ("config.json",),
    ),
    Source(
        "lllyasviel/Annotators",
        "982e7edaec38759d914a963c48c4726685de7d96",
        "models/Annotators",
        ("sk_model.pth",),
        {"sk_model.pth": "c686ced2a666b4850b4bb6ccf0748031c3eda9f822de73a34b8979970d90f0c6"},
    ),
    Source(
        "Johanan0528/MangaNinjia",
        "4e6237c1d22415272bf98426616fe478cd3202a0",
        "MangaNinjia",
        ("denoising_unet.pth", "reference_unet.pth", "controlnet.pth", "point_net.pth"),
    ),
)
