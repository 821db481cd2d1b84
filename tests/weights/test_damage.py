# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is wrong with a file, the error names it and says what to do."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from manganinja import BadWeights, MangaNinjaPipeline, load_pipeline
from manganinja.weights.find import MINI

POINT_NET = "MangaNinjia/point_net.pth"
CLIP = "models/clip-vit-large-patch14"
UNET = "StableDiffusion/unet/config.json"
VAE = "StableDiffusion/vae/config.json"
SCHEDULER = "StableDiffusion/scheduler/scheduler_config.json"
CONFIGS = (
    UNET,
    VAE,
    SCHEDULER,
    "models/control_v11p_sd15_lineart/config.json",
    f"{CLIP}/config.json",
    f"{CLIP}/vocab.json",
)


@pytest.fixture
def checkpoints(published_folder: Path, tmp_path: Path) -> Path:
    """A folder of links to the published files, each to be replaced."""
    return Path(shutil.copytree(published_folder, tmp_path / "links", copy_function=os.link))


def replaced(path: Path, content: bytes | str) -> None:
    path.unlink()
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def told(folder: Path) -> str:
    """The error of loading, which says what to do and passes on no other program's advice."""
    with pytest.raises(BadWeights) as caught:
        load_pipeline(folder)
    assert "again" in caught.value.remedy
    message = caught.value.message
    assert message.endswith(".") and "\n" not in message and len(message) < 700
    assert "huggingface.co" not in message and "weights_only" not in message
    return message


class Code:
    def __reduce__(self) -> Any:
        return os.mkdir, ("code-was-run",)


def test_a_pickle_with_code_is_refused_and_nothing_runs(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = checkpoints / POINT_NET
    path.unlink()
    torch.save({"a": Code()}, path)
    assert "code, which is never run" in told(checkpoints)
    assert not (tmp_path / "code-was-run").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html><html>Not found</html>",
        b"\x80\x02.",  # An IndexError of torch's,
        b"h\x00.",  # a KeyError,
        *(random.Random(seed).randbytes(5000) for seed in (0, 2)),
    ],
)
@pytest.mark.parametrize(
    "place", [POINT_NET, "StableDiffusion/vae/diffusion_pytorch_model.safetensors"]
)
def test_what_is_no_weight_file_is_named(checkpoints: Path, place: str, content: bytes) -> None:
    replaced(checkpoints / place, content)
    message = told(checkpoints)
    assert message.startswith(f"{checkpoints / place} can't be read: ")
    assert not message.endswith(": .")


def test_a_truncated_weight_file_is_named(checkpoints: Path) -> None:
    path = checkpoints / POINT_NET
    replaced(path, path.read_bytes()[:3000])
    assert str(path) in told(checkpoints)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda state: dict(enumerate(state.values())), "named tensors"),
        (lambda state: {**state, 1: torch.zeros(1)}, "named tensors"),
        (lambda state: list(state), "named tensors"),
        (lambda state: {k: t.long() for k, t in state.items()}, "torch.int64"),
        (lambda state: {k: t.to(torch.complex64) for k, t in state.items()}, "torch.complex64"),
    ],
)
def test_tensors_without_names_or_of_other_numbers_are_refused(
    checkpoints: Path, change: Callable[[Any], Any], reason: str
) -> None:
    path = checkpoints / POINT_NET
    state = change(torch.load(path, weights_only=True))
    path.unlink()
    torch.save(state, path)
    message = told(checkpoints)
    assert str(path) in message and reason in message


def test_whole_numbers_in_clip_are_refused(checkpoints: Path) -> None:
    path = checkpoints / CLIP / "model.safetensors"
    state = {key: tensor.long() for key, tensor in load_file(path).items()}
    path.unlink()
    save_file(state, path)
    message = told(checkpoints)
    assert str(path) in message and "torch.int64" in message


@pytest.mark.parametrize("content", ["", "[]", "null"])
@pytest.mark.parametrize("place", CONFIGS)
def test_a_config_that_holds_no_settings_is_named(
    checkpoints: Path, place: str, content: str
) -> None:
    replaced(checkpoints / place, content)
    assert str(checkpoints / place) in told(checkpoints)


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        (UNET, "block_out_channels", "many"),
        (UNET, "block_out_channels", 3),
        (UNET, "block_out_channels", []),
        (UNET, "norm_num_groups", 0),
        (VAE, "block_out_channels", None),
        (SCHEDULER, "beta_schedule", "zigzag"),
        (SCHEDULER, "num_train_timesteps", "many"),
        (f"{CLIP}/config.json", "vision_config", 3),
        (f"{CLIP}/config.json", "vision_config", {"hidden_size": "x"}),
        (f"{CLIP}/config.json", "text_config", {"num_attention_heads": 0}),
        (f"{CLIP}/vocab.json", "<|startoftext|>", "x"),
        (f"{CLIP}/vocab.json", "<|startoftext|>", 10**9),
        (f"{CLIP}/vocab.json", "<|startoftext|>", None),
    ],
)
def test_a_setting_of_the_wrong_kind_is_told_with_its_file(
    checkpoints: Path, place: str, key: str, value: Any
) -> None:
    path = checkpoints / place
    replaced(path, json.dumps({**json.loads(path.read_text()), key: value}))
    assert str(path) in told(checkpoints)


def test_a_vocabulary_without_its_first_token_is_named(checkpoints: Path) -> None:
    path = checkpoints / CLIP / "vocab.json"
    replaced(path, "{}")
    message = told(checkpoints)
    assert str(path) in message and "<|startoftext|>" in message


@pytest.mark.parametrize("place", [POINT_NET, "MangaNinjia/denoising_unet.pth", UNET])
def test_a_missing_file_is_named(checkpoints: Path, place: str) -> None:
    (checkpoints / place).unlink()
    assert str(checkpoints / place) in told(checkpoints)


# The project's own layout


@pytest.mark.parametrize("content", ["", "[]", "null"])
@pytest.mark.parametrize(
    "place", ["model_index.json", "unet/config.json", "scheduler/scheduler_config.json"]
)
def test_a_damaged_config_of_a_saved_model_is_named(
    tmp_path: Path, place: str, content: str
) -> None:
    folder = Path(shutil.copytree(MINI, tmp_path / "mini", copy_function=os.link))
    replaced(folder / place, content)
    with pytest.raises(BadWeights) as caught:
        MangaNinjaPipeline.from_pretrained(folder)
    assert str(folder / place) in caught.value.message
    assert "again" in caught.value.remedy


@pytest.mark.parametrize("content", ["", "[]", "null", "3"])
def test_a_damaged_image_encoder_of_a_saved_model_is_told(tmp_path: Path, content: str) -> None:
    folder = Path(shutil.copytree(MINI, tmp_path / "mini", copy_function=os.link))
    replaced(folder / "image_encoder" / "config.json", content)
    with pytest.raises(BadWeights, match="image_encoder"):
        MangaNinjaPipeline.from_pretrained(folder)
