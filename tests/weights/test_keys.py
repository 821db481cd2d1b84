# SPDX-License-Identifier: GPL-3.0-or-later
"""The packaged list of keys is that of networks of the published sizes."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from manganinja import BadWeights
from manganinja.controlnet import LineartControlNet
from manganinja.lineart_extractor import LineartExtractor
from manganinja.point_net import PointNet
from manganinja.reference_attention import DenoisingUNet, ReferenceUNet
from manganinja.weights.keys import check_shapes, published_shapes
from manganinja.weights.state import build, shapes_of

STABLE_DIFFUSION = {"cross_attention_dim": 768, "attention_head_dim": 8}
VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
PUBLISHED = {
    "unet": (DenoisingUNet, STABLE_DIFFUSION, 686),
    "reference_unet": (ReferenceUNet, STABLE_DIFFUSION, 682),
    "controlnet": (LineartControlNet, STABLE_DIFFUSION, 340),
    "point_net": (PointNet, {}, 12),
    "lineart_extractor": (LineartExtractor, {}, 24),
    "vae": (AutoencoderKL, VAE, 248),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_list_fits_the_networks(name: str) -> None:
    kind, config, count = PUBLISHED[name]
    listed = published_shapes()[name]
    assert len(listed) == count
    assert dict(shapes_of(build(kind, config))) == dict(listed)


def test_the_list_fits_clip() -> None:
    with torch.device("meta"):
        vision = CLIPVisionModelWithProjection(
            CLIPVisionConfig(
                hidden_size=1024,
                intermediate_size=4096,
                num_hidden_layers=24,
                num_attention_heads=16,
                patch_size=14,
                projection_dim=768,
            )
        )
        text = CLIPTextModel(
            CLIPTextConfig(
                hidden_size=768,
                intermediate_size=3072,
                num_hidden_layers=12,
                num_attention_heads=12,
            )
        )
    listed = published_shapes()
    assert dict(shapes_of(vision)) == dict(listed["image_encoder"])
    shapes = {f"text_model.{k.removeprefix('text_model.')}": s for k, s in shapes_of(text).items()}
    assert shapes == dict(listed["text_encoder"])


def test_more_than_is_required_may_be_allowed() -> None:
    whole = {"a": (1,), "b": (2, 3)}
    check_shapes({"a": (1,)}, {"a": (1,)}, "here", "", allowed=whole)
    check_shapes(whole, {"a": (1,)}, "here", "", allowed=whole)
    with pytest.raises(BadWeights, match=r"1 missing \(a\); 1 unexpected \(c\)"):
        check_shapes({"b": (2, 3), "c": (1,)}, {"a": (1,)}, "here", "", allowed=whole)
    with pytest.raises(BadWeights, match=r"1 of another shape \(b\)"):
        check_shapes({"a": (1,), "b": (6,)}, {"a": (1,)}, "here", "", allowed=whole)
