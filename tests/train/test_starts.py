# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run starts with: Stable Diffusion, published weights, a model; with a ControlNet or eight
channels. Small random weights in the published layouts stand for the large ones."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel, UNet2DConditionModel

from manganinja import BadRequest, BadWeights, load_pipeline
from manganinja.train.config import changed
from manganinja.train.export import export
from manganinja.train.loop import Trainer
from manganinja.train.run_folder import RunFolder
from manganinja.train.settings import CardConfig
from manganinja.train.starts import new_start

from .conftest import TINY

GOLDEN = Path(__file__).parent.parent / "model" / "golden" / "weights"
# 64 px leave one token at the coarsest of four levels: the matching has no place in them.
FULL = changed(TINY, {"steps": 1, "matching": 0.0, "joining": 0.0, "card": {"steps": 2}})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Stable Diffusion, ControlNet and CLIP as their repositories on the hub lay them out."""
    folder = tmp_path_factory.mktemp("start")
    torch.manual_seed(0)
    diffusion = folder / "stable-diffusion-v1-5"
    shutil.copytree(GOLDEN / "StableDiffusion", diffusion)
    config: Any = UNet2DConditionModel.load_config(GOLDEN / "StableDiffusion" / "unet")
    unet: Any = UNet2DConditionModel.from_config(config)
    unet.save_pretrained(diffusion / "unet")
    config = ControlNetModel.load_config(GOLDEN / "models" / "control_v11p_sd15_lineart")
    controlnet: Any = ControlNetModel.from_config(config)
    controlnet.save_pretrained(folder / "controlnet")
    return {
        "stable_diffusion": str(diffusion),
        "controlnet": str(folder / "controlnet"),
        "clip": str(GOLDEN / "models" / "clip-vit-large-patch14"),
    }


def test_both_u_nets_begin_as_stable_diffusions(folders: dict[str, str]) -> None:
    start = new_start(changed(FULL, {"start": folders}))
    given = UNet2DConditionModel.from_pretrained(folders["stable_diffusion"], subfolder="unet")
    theirs = given.state_dict()
    unet, reference = start.networks.unet.state_dict(), start.networks.reference_unet.state_dict()
    assert set(unet) == set(theirs) and set(theirs) - set(reference) == {
        f"{layer}.{kind}" for layer in ("conv_norm_out", "conv_out") for kind in ("weight", "bias")
    }
    for state in (unet, reference):
        assert all(torch.equal(state[key], theirs[key]) for key in state)
    control = ControlNetModel.from_pretrained(folders["controlnet"]).state_dict()
    assert start.networks.controlnet is not None
    own = start.networks.controlnet.state_dict()
    assert all(torch.equal(own[key], control[key]) for key in control)
    # CLIP's empty prompt is the same constant that the published model has.
    published = load_pipeline(GOLDEN)
    torch.testing.assert_close(start.networks.unconditional(), published.unconditional())
    assert start.scheduler.config["prediction_type"] == "epsilon"
    assert "OpenRAIL" in start.licence


def test_a_run_from_stable_diffusion_trains_goes_on_and_exports(
    folders: dict[str, str], tmp_path: Path
) -> None:
    config = changed(FULL, {"start": folders, "frozen": ["image_encoder", "unconditional"]})
    config = changed(config, {"gradient_checkpointing": True, "data": {"pointed": 0.9}})
    trainer = Trainer(config, tmp_path / "run")
    before = {key: value.clone() for key, value in trainer._state().items()}
    trainer.run()
    moved = {k.split(".")[0] for k, v in trainer._state().items() if not torch.equal(v, before[k])}
    assert moved == {"unet", "reference_unet", "controlnet", "point_net"}
    # The start's folders are needed no more.
    gone = changed(RunFolder(tmp_path / "run").config(), {"start": {"clip": "gone"}, "steps": 2})
    again = Trainer(gone, tmp_path / "run")
    again.run()
    assert again.step == 2
    pipeline = export(tmp_path / "run", tmp_path / "model")
    assert "OpenRAIL" in pipeline.config["licence"]
    assert pipeline.config["resolution"] == FULL.size_px
    assert pipeline.scheduler.config["prediction_type"] == "epsilon"


def test_eight_channels_begin_blind_to_the_line_art(folders: dict[str, str]) -> None:
    only = {key: folder for key, folder in folders.items() if key != "controlnet"}
    config = changed(FULL, {"start": only, "networks": {"lineart": "latents"}})
    start = new_start(config)
    assert start.networks.controlnet is None
    unet = start.networks.unet
    assert unet.config["in_channels"] == 8
    weight = unet.conv_in.weight
    given = UNet2DConditionModel.from_pretrained(folders["stable_diffusion"], subfolder="unet")
    assert torch.equal(weight[:, :4], given.conv_in.weight) and (weight[:, 4:] == 0).all()


def test_the_published_weights_can_be_trained_on_either_way(tmp_path: Path) -> None:
    published = load_pipeline(GOLDEN)
    trainer = Trainer(changed(FULL, {"start": {"model": str(GOLDEN)}}), tmp_path / "run")
    weight = published.unet.conv_in.weight
    torch.testing.assert_close(trainer.networks.unet.conv_in.weight, weight)
    assert trainer.networks.point_net.encoding == "number"
    trainer.run()
    assert trainer.step == 1 and "NC" in trainer.start.licence
    wide = changed(FULL, {"networks": {"lineart": "latents"}})
    trainer = Trainer(wide, tmp_path / "wide", start_from=published)
    trainer.run()
    card = CardConfig(licence="mine", resolution=96)
    pipeline = export(tmp_path / "wide", tmp_path / "model", card=card)
    assert pipeline.controlnet is None and "NC" in pipeline.config["licence"]
    assert pipeline.config["resolution"] == 96


def test_what_is_missing_for_a_start_is_named(folders: dict[str, str], tmp_path: Path) -> None:
    def start(**named: str) -> None:
        new_start(changed(FULL, {"start": named}))

    with pytest.raises(BadRequest, match="autoencoder"):
        start()
    with pytest.raises(BadRequest, match="not enough"):
        start(stable_diffusion=folders["stable_diffusion"], clip=folders["clip"])
    with pytest.raises(BadRequest, match="Two starts"):
        start(**folders, model="mini")
    with pytest.raises(BadWeights, match="no-such-folder"):
        start(**{**folders, "controlnet": str(tmp_path / "no-such-folder")})
    with pytest.raises(BadWeights, match="clip"):
        start(**{**folders, "clip": str(tmp_path / "clip")})
