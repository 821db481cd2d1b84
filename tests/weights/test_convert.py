# SPDX-License-Identifier: GPL-3.0-or-later
"""From the published layout to the project's own: what is checked, what is left out, what fails."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from manganinja import BadWeights, ModelNotFound, PointPair, cli, load_pipeline
from manganinja.preview import fit_latent_colours
from manganinja.weights import convert as convert_module
from manganinja.weights.convert import convert
from manganinja.weights.find import find_model
from manganinja.weights.keys import published_shapes
from manganinja.weights.ledger import Ledger

PROJECT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def own_folder(published_folder: Path, tmp_path: Path) -> Path:
    """A copy of the published folder to do harm to."""
    return Path(shutil.copytree(published_folder, tmp_path / "checkpoints"))


def picture(seed: int, mode: str) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    return Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC).convert(mode)


def latents(model: str | Path) -> torch.Tensor:
    pipeline = load_pipeline(model)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(
        lineart=picture(0, "L"),
        reference=picture(1, "RGB"),
        points=[PointPair((10, 10), (40, 30))],
        resolution=64,
        num_inference_steps=2,
        output_type="latent",
    ).latents


def test_the_converted_model_computes_what_the_published_files_do(
    ledger: Ledger, published_folder: Path
) -> None:
    convert(ledger, published_folder)
    truth, converted = latents(published_folder), latents("manganinja")
    # Rounding to half precision moves each weight by up to 1 part in 2048.
    assert (truth - converted).abs().max() < 0.02 * truth.abs().max()


def test_the_converted_model_is_half_precision_without_pickles_or_dead_parts(
    ledger: Ledger, published_folder: Path
) -> None:
    convert(ledger, published_folder)
    files = [path for path in ledger.model.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    networks = {path.parent.name: load_file(path) for path in files if path.suffix != ".json"}
    assert set(networks) == set(load_pipeline("manganinja").COMPONENTS) - {"scheduler"}
    for state in networks.values():
        assert {tensor.dtype for tensor in state.values()} == {torch.float16}
    for name in ("unet", "reference_unet", "controlnet"):
        assert not [
            key
            for key in networks[name]
            if "attn2.to_q" in key or ("transformer_blocks" in key and "norm2" in key)
        ]
    last = [key for key in networks["reference_unet"] if key.startswith("up_blocks.3.attentions.2")]
    block = "up_blocks.3.attentions.2"
    kept = [
        f"{block}.{part}.{kind}"
        for part in ("norm", "proj_in", "transformer_blocks.0.norm1")
        for kind in ("weight", "bias")
    ]
    assert sorted(last) == sorted(kept)
    assert not [key for key in networks["reference_unet"] if key.startswith("conv_out")]
    assert networks["unconditional"].keys() == {"token"}


def test_the_converted_model_brings_its_previews_colours_along(
    ledger: Ledger, published_folder: Path
) -> None:
    convert(ledger, published_folder)
    converted = load_pipeline("manganinja")
    stored = converted.config["latent_colours"]
    assert np.shape(stored) == (converted.vae.config["latent_channels"] + 1, 3)
    fitted = fit_latent_colours(converted.vae)
    torch.testing.assert_close(torch.tensor(stored), fitted, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(converted.latent_colours, torch.tensor(stored))


def test_the_manifest_names_every_file_and_what_it_was_made_of(
    ledger: Ledger, published_folder: Path
) -> None:
    convert(ledger, published_folder)
    manifest = ledger.manifest()
    files = {p.relative_to(ledger.model).as_posix() for p in ledger.model.rglob("*") if p.is_file()}
    assert set(manifest["files"]) == files - {"manifest.json"}
    assert manifest["licence"] == "CC BY-NC 4.0"
    assert set(manifest["sources"]) == set(ledger.pins())


@pytest.mark.parametrize(
    ("file", "network"),
    [
        ("MangaNinjia/denoising_unet.pth", "down_blocks.0.resnets.0.conv1.weight"),
        ("MangaNinjia/reference_unet.pth", "up_blocks.3.attentions.2.proj_out.weight"),
        ("models/Annotators/sk_model.pth", "model0.1.weight"),
    ],
)
def test_missing_unexpected_and_misshapen_tensors_are_named(
    ledger: Ledger, own_folder: Path, file: str, network: str
) -> None:
    state = torch.load(own_folder / file, weights_only=True)
    tensor = state.pop(network)
    for change, word in (
        ({}, "missing"),
        ({network: tensor, "ema.decay": torch.ones(1)}, "unexpected"),
        ({network: tensor[:1].clone()}, "of another shape"),
    ):
        torch.save({**state, **change}, own_folder / file)
        with pytest.raises(BadWeights, match=f"1 {word}") as caught:
            convert(ledger, own_folder)
        assert file in caught.value.message
        assert ("ema.decay" if word == "unexpected" else network) in caught.value.message
        assert not list(ledger.folder.glob("manganinja*"))


def test_clip_with_a_missing_tensor_is_refused_and_not_filled_with_noise(
    ledger: Ledger, own_folder: Path
) -> None:
    from safetensors.torch import save_file

    path = own_folder / "models" / "clip-vit-large-patch14" / "model.safetensors"
    state = load_file(path)
    for key in ("vision_model.post_layernorm.weight", "text_model.final_layer_norm.bias"):
        save_file({k: v for k, v in state.items() if k != key}, path)
        with pytest.raises(BadWeights, match=f"1 missing .{key}"):
            load_pipeline(own_folder)


def test_networks_of_other_sizes_than_the_published_are_refused(
    ledger: Ledger, published_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their configs fit them, so only the list of the published keys can tell."""
    monkeypatch.setattr(convert_module, "published_shapes", published_shapes)
    with pytest.raises(BadWeights, match=r"denoising_unet\.pth do not fit: \d+ of another shape"):
        convert(ledger, published_folder)


def test_a_pickle_that_would_run_code_is_refused(
    ledger: Ledger, own_folder: Path, tmp_path: Path
) -> None:
    class Trap:
        def __reduce__(self) -> tuple:
            return Path.touch, (tmp_path / "sprung",)

    torch.save({"weight": Trap()}, own_folder / "MangaNinjia" / "point_net.pth")
    with pytest.raises(BadWeights, match=r"point_net\.pth can't be read"):
        convert(ledger, own_folder)
    assert not (tmp_path / "sprung").exists()


def test_numbers_that_half_precision_cannot_hold_are_refused(
    ledger: Ledger, own_folder: Path
) -> None:
    path = own_folder / "MangaNinjia" / "point_net.pth"
    state = torch.load(path, weights_only=True)
    state["blocks.0.0.bias"][0] = 1e6
    torch.save(state, path)
    with pytest.raises(BadWeights, match=r"not finite as torch\.float16: blocks\.0\.0\.bias"):
        convert(ledger, own_folder)


def test_missing_files_are_all_named(ledger: Ledger, own_folder: Path) -> None:
    (own_folder / "MangaNinjia" / "controlnet.pth").unlink()
    (own_folder / "models" / "clip-vit-large-patch14" / "vocab.json").unlink()
    with pytest.raises(BadWeights) as caught:
        convert(ledger, own_folder)
    assert "controlnet.pth" in caught.value.message and "vocab.json" in caught.value.message


def test_old_names_in_the_vae_are_known(own_folder: Path) -> None:
    from safetensors.torch import save_file

    path = own_folder / "StableDiffusion" / "vae" / "diffusion_pytorch_model.safetensors"
    truth = latents(own_folder)
    state = load_file(path)
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    for new, name in old.items():
        keys = [key for key in state if f".attentions.0.{new}." in key]
        assert len(keys) == 4
        for key in keys:
            state[key.replace(f".{new}.", f".{name}.")] = state.pop(key)
    save_file(state, path)
    torch.testing.assert_close(latents(own_folder), truth)


def test_a_killed_conversion_leaves_no_half_model_and_the_next_one_puts_it_right(
    ledger: Ledger, published_folder: Path
) -> None:
    script = (
        "import os, signal\n"
        "from manganinja import cli\n"
        "from manganinja.point_net import PointNet\n"
        "from tests.weights import tiny\n"
        "tiny.take_for_published(setattr)\n"
        "PointNet.save_pretrained = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"cli.main(['weights', 'convert', '--from', {str(published_folder)!r},"
        " '--accept-licence'])\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    leftovers = [path.name for path in ledger.folder.glob("manganinja*")]
    assert leftovers == ["manganinja.new"]
    with pytest.raises(ModelNotFound, match="not here yet"):
        find_model("manganinja")
    assert cli.main(["weights", "convert", "--from", str(published_folder)]) == 0
    assert [path.name for path in ledger.folder.glob("manganinja*")] == ["manganinja"]
    assert load_pipeline("manganinja").unet is not None


def test_a_failed_conversion_keeps_the_model_that_was_there(
    ledger: Ledger, own_folder: Path
) -> None:
    convert(ledger, own_folder)
    before = json.dumps(ledger.manifest())
    (own_folder / "MangaNinjia" / "point_net.pth").write_bytes(b"not weights")
    with pytest.raises(BadWeights):
        convert(ledger, own_folder)
    assert json.dumps(ledger.manifest()) == before
    ledger.model.rename(ledger.model.with_name("manganinja.old"))  # Killed between two renames.
    with pytest.raises(BadWeights):
        convert(ledger, own_folder)
    assert json.dumps(ledger.manifest()) == before


def test_pickled_clip_and_vae_of_older_folders_are_read(own_folder: Path) -> None:
    truth = latents(own_folder)
    for place, name in (
        ("models/clip-vit-large-patch14/model.safetensors", "pytorch_model.bin"),
        ("StableDiffusion/vae/diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin"),
    ):
        path = own_folder / place
        torch.save(load_file(path), path.with_name(name))
        path.unlink()
    torch.testing.assert_close(latents(own_folder), truth)


def test_the_small_list_of_keys_has_what_the_large_one_has(folder: Path) -> None:
    """Or tests that go by it would show nothing."""
    small, large = convert_module.published_shapes(), published_shapes()
    assert set(small) == set(large)
    for name in ("unet", "reference_unet", "controlnet", "point_net", "lineart_extractor"):
        assert set(small[name]) == set(large[name])
