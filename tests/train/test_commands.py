# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of ``manganinja train``, the ablation, and that the documentation names all."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from manganinja.cli import main
from manganinja.train.ablation import new_base, run_ablation
from manganinja.train.commands import STAGES
from manganinja.train.config import RECIPES, changed, to_toml
from manganinja.train.run_folder import RunFolder
from manganinja.train.settings import TrainingConfig

from .conftest import TINY

DOCS = Path(__file__).parent.parent.parent / "docs" / "training.md"


def _names(config: Any) -> list[str]:
    named = [field.name for field in fields(config)]
    groups = [getattr(config, name) for name in named if is_dataclass(getattr(config, name))]
    return named + [name for group in groups for name in _names(group)]


def test_the_documentation_names_every_setting_stage_and_recipe() -> None:
    text = DOCS.read_text(encoding="utf-8")
    groups = {"networks", "data", "start", "card"}
    unnamed = [n for n in _names(TrainingConfig()) if f"`{n}`" not in text and n not in groups]
    assert not unnamed
    assert all(f"train {stage.name}" in text for stage in STAGES)
    assert all(f"`{recipe.stem}`" in text for recipe in RECIPES.glob("*.toml"))


def test_a_run_by_the_commands_from_autoencoder_to_model(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    small = "size_px=64 crop_px=32 batch=2 channels=[8,8,8,16] latent_channels=4 "
    sets = [part for text in small.split() for part in ("--set", text)]
    codec, run, model = (str(tmp_path / name) for name in ("codec", "run", "model"))
    assert main(["train", "codec", "--run", codec, "--steps", "2", *sets]) == 0
    (tmp_path / "tiny.toml").write_text(to_toml(TINY))
    tiny = ["--config", str(tmp_path / "tiny.toml"), "--set", "data.restyled=1"]
    begin = ["train", "networks", "--run", run, *tiny, "--codec", codec, "--steps", "1"]
    assert main(begin) == 0
    # What the run was begun with is known from here on.
    assert main(["train", "networks", "--run", run, "--steps", "2"]) == 0
    config = RunFolder(tmp_path / "run").config()
    assert (config.steps, config.data.restyled, config.batch) == (2, 1.0, TINY.batch)
    assert main(["train", "export", "--run", run, "--output", model]) == 0
    assert (tmp_path / "model" / "training_config.toml").exists()
    capsys.readouterr()
    assert main(["train", "networks", "--run", run, "--set", "bacth=1"]) == 1
    assert "bacth" in capsys.readouterr().err
    nowhere = ["train", "networks", "--run", str(tmp_path / "new"), "--codec", str(tmp_path)]
    assert main(nowhere) == 1
    assert "no autoencoder" in capsys.readouterr().err


def test_the_ablation_trains_and_measures_what_is_not_yet(codec, tmp_path: Path) -> None:
    base = changed(new_base(), {"networks": vars(TINY.networks)})
    base = changed(base, {"size_px": 64, "batch": 2, "steps": 1, "pool": 4, "tensorboard": False})
    only = ["points", "points, guidance"]
    table = run_ablation(base, tmp_path, codec, 1, only)
    assert list(table) == only
    runs = [path.name for path in tmp_path.iterdir() if path.is_dir()]
    assert runs == ["points"]
    # Guidance changes what one network paints.
    assert table["points"]["layer_db"] != table["points, guidance"]["layer_db"]
    assert table["points"]["steps"] == 1
    checkpoint = RunFolder(tmp_path / "points").checkpoints()[0] / "model.safetensors"
    trained_at = checkpoint.stat().st_mtime_ns
    assert run_ablation(base, tmp_path, codec, 1, only) == table
    assert checkpoint.stat().st_mtime_ns == trained_at
    assert json.loads((tmp_path / "table.json").read_text()) == table
