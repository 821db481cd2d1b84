# SPDX-License-Identifier: GPL-3.0-or-later
"""Baselines do what their names say, IP-Adapter on small random weights."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from manganinja.errors import ModelNotFound
from manganinja.evaluate.baselines import (
    IP_ADAPTER_FILE,
    IpAdapter,
    global_palette,
    mean_colour,
    untouched,
)
from manganinja.evaluate.cases import Case

RED, BLUE = (200, 30, 40), (30, 60, 190)


def boxes(large: tuple[int, int, int], small: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    """A large and a small box with black lines on white, coloured and as line art."""
    colour, lineart = np.full((160, 160, 3), 255, np.uint8), np.full((160, 160), 255, np.uint8)
    for fill, (x0, y0, x1, y1) in ((large, (10, 10, 100, 100)), (small, (110, 110, 150, 150))):
        for picture, inside in ((colour, fill), (lineart, 255)):
            picture[y0 - 2 : y1 + 2, x0 - 2 : x1 + 2] = 0
            picture[y0:y1, x0:x1] = inside
    return colour, lineart


def case_of_boxes() -> Case:
    colour, lineart = boxes(RED, BLUE)
    # The other way round on the page: position must not matter.
    return Case("boxes", (colour,), lineart[::-1].copy(), colour[::-1].copy(), lineart >= 0)


def test_the_global_palette_goes_by_size_alone() -> None:
    layer = global_palette(case_of_boxes()).layer[::-1]
    assert layer[50, 50].tolist() == [*RED, 255]
    assert layer[130, 130].tolist() == [*BLUE, 255]
    assert layer[5, 5].tolist() == [255, 255, 255, 255]


def test_the_global_palette_has_only_colours_of_the_reference(case: Case) -> None:
    used = np.unique(global_palette(case).layer[..., :3].reshape(-1, 3), axis=0)
    shown = {tuple(colour) for colour in case.references[0].reshape(-1, 3).tolist()}
    assert len(used) > 3 and {tuple(colour) for colour in used.tolist()} <= shown


def test_the_mean_colour_and_the_line_art_are_what_they_are() -> None:
    case = case_of_boxes()
    mean = case.references[0].reshape(-1, 3).mean(axis=0)
    assert np.abs(mean_colour(case).layer[..., :3] - mean).max() <= 0.5
    assert (untouched(case).page == case.lineart[..., None]).all()
    assert not untouched(case).layer.any()


def write_ip_adapter(folder: Path) -> None:
    """Everything that IP-Adapter needs, in the published layouts, small and untrained."""
    torch.manual_seed(0)
    blocks, wide = ("CrossAttnDownBlock2D", "DownBlock2D"), (32, 64)
    shared: dict[str, Any] = {
        "block_out_channels": wide,
        "layers_per_block": 1,
        "cross_attention_dim": 32,
        "attention_head_dim": 8,
        "norm_num_groups": 8,
    }
    unet = UNet2DConditionModel(
        down_block_types=blocks, up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), **shared
    )
    control = ControlNetModel(
        down_block_types=blocks, conditioning_embedding_out_channels=(8, 8, 16, 16), **shared
    )
    coder: dict[str, Any] = {
        "block_out_channels": (8, 8, 8, 8),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "norm_num_groups": 4,
    }
    text: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 4, "vocab_size": 5, "max_position_embeddings": 8}
    text |= {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    words = folder / "words"
    words.mkdir(parents=True)
    vocabulary = {"<|startoftext|>": 0, "<|endoftext|>": 1, "a</w>": 2, "a": 3, "b</w>": 4}
    (words / "vocab.json").write_text(json.dumps(vocabulary))
    (words / "merges.txt").write_text("#version: 0.2\n")
    files = str(words / "vocab.json"), str(words / "merges.txt")
    tokenizer = CLIPTokenizer(*files, model_max_length=8)
    StableDiffusionPipeline(
        vae=AutoencoderKL(**coder),
        text_encoder=CLIPTextModel(CLIPTextConfig(**text)),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=DDIMScheduler(),  # type: ignore[arg-type]
        safety_checker=None,  # type: ignore[arg-type]
        feature_extractor=None,  # type: ignore[arg-type]
        requires_safety_checker=False,
    ).save_pretrained(folder / "stable-diffusion-v1-5")
    control.save_pretrained(folder / "control_v11p_sd15_lineart")
    models = folder / "IP-Adapter" / "models"
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=224,
        patch_size=56,
        projection_dim=24,
    )
    CLIPVisionModelWithProjection(vision).save_pretrained(models / "image_encoder")
    adapter = {
        "image_proj.proj.weight": torch.randn(4 * 32, 24),
        "image_proj.proj.bias": torch.zeros(4 * 32),
        "image_proj.norm.weight": torch.ones(32),
        "image_proj.norm.bias": torch.zeros(32),
    }
    crossing = [name for name in unet.attn_processors if "attn2" in name]
    for number, name in enumerate(crossing):
        side = unet.get_parameter(name.removesuffix("processor") + "to_k.weight").shape[0]
        for letter in "kv":
            key = f"ip_adapter.{2 * number + 1}.to_{letter}_ip.weight"
            adapter[key] = torch.randn(side, 32)
    save_file(adapter, models / IP_ADAPTER_FILE)


def test_ip_adapter_paints_after_the_reference(tmp_path: Path) -> None:
    write_ip_adapter(tmp_path)
    painter = IpAdapter.load(tmp_path, steps=2, size_px=64)
    case = case_of_boxes()
    (one,) = painter.answers(case, ())
    assert one.answer.page.shape == case.truth.shape
    other = replace(case, references=(255 - case.references[0],))
    (two,) = painter.answers(other, ())
    assert (one.answer.page != two.answer.page).any()
    both = Case(
        "both", (*case.references, *other.references), case.lineart, case.truth, case.judged
    )
    assert painter.answers(both, ())[0].answer.page.shape == case.truth.shape


def test_without_its_weights_ip_adapter_says_what_to_get(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match="hf download stable-diffusion-v1-5"):
        IpAdapter.load(tmp_path)
