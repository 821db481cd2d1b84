# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings: files, command line, recipes, what is refused, what a learning rate does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from manganinja import BadRequest
from manganinja.train.ablation import new_base, rows, with_parts
from manganinja.train.config import RECIPES, changed, read_config, read_setting, to_toml
from manganinja.train.settings import TrainingConfig
from manganinja.weights.find import MINI


def test_a_config_comes_back_from_its_file(tmp_path: Path) -> None:
    config = changed(TrainingConfig(), {"batch": 3, "networks": {"channels": [8, 16]}})
    config = changed(config, {"start": {"model": 'a "b" \\ ü'}, "frozen": ["unet"]})
    path = tmp_path / "config.toml"
    path.write_text(to_toml(config), encoding="utf-8")
    assert changed(TrainingConfig(), read_config(path)) == config


def test_the_bundled_models_config_is_read_and_json_too(tmp_path: Path) -> None:
    config = changed(TrainingConfig(), read_config(MINI / "training_config.toml"))
    assert config.networks.channels == (64, 128, 192) and config.size_px == 256
    path = tmp_path / "few.json"
    path.write_text('{"batch": 2, "learning_rate": 1}')
    assert changed(config, read_config(path)).learning_rate == 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("batch=8", {"batch": 8}),
        ("data.shuffled = 0.5", {"data": {"shuffled": 0.5}}),
        ("networks.lineart=latents", {"networks": {"lineart": "latents"}}),
        ("start.model=/a/b c", {"start": {"model": "/a/b c"}}),
        ('frozen=["unet"]', {"frozen": ["unet"]}),
    ],
)
def test_a_setting_on_the_command_line(text: str, expected: dict) -> None:
    assert read_setting(text) == expected
    changed(TrainingConfig(), expected)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bacth": 2}, "bacth"),
        ({"data": {"shufled": 1.0}}, r"data\.shufled"),
        ({"data": 3}, "group"),
        ({"batch": "two"}, "batch can't be 'two'. Give a number"),
        ({"batch": True}, "batch"),
        ({"batch": 0}, "too small"),
        ({"steps": 0, "minutes": 0}, "no length"),
        ({"precision": "fp8"}, "fp8"),
        ({"stage": 3}, "stage 3"),
        ({"points_alone": 2.0}, "shares"),
        ({"frozen": "unet"}, "Give a list"),
        ({"data": {"styles": ["thin", "thicc"]}}, "thicc"),
        ({"data": {"plain": 0.6, "pointed": 0.6}}, "more than all"),
        ({"data": {"most_pairs": 25}}, "too many"),
    ],
)
def test_what_can_not_be_is_refused(changes: dict, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        changed(TrainingConfig(), changes)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="mini"):
        read_config("no-such-recipe")
    (tmp_path / "broken.toml").write_text("batch = = 3")
    with pytest.raises(BadRequest, match=r"broken\.toml"):
        read_config(tmp_path / "broken.toml")
    with pytest.raises(BadRequest, match="no setting"):
        read_setting("batch")


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("*.toml")))
def test_recipes_can_be_used(recipe: str) -> None:
    config = changed(TrainingConfig(), read_config(recipe))
    assert config != TrainingConfig() and config.steps


def test_recipes_of_the_paper_say_what_the_paper_says() -> None:
    config, wide = (
        changed(TrainingConfig(), read_config(name)) for name in ("paper", "paper_8_channels")
    )
    assert config.steps * config.whole_share == pytest.approx(180_000)
    assert (config.data.finest_grid, config.data.most_pairs) == (32, 24)
    assert config.learning_rate_at(59_999, 0.3) == pytest.approx(0.5 * 1e-5)
    assert wide == changed(config, {"networks": {"lineart": "latents"}})


def test_the_learning_rate_warms_up_decays_and_cools_down() -> None:
    base = TrainingConfig(learning_rate=1.0, warm_up_steps=10, cool_down=0.5)
    rates = [base.learning_rate_at(step, step / 100) for step in (0, 9, 50, 75, 100)]
    assert rates == pytest.approx([0.1, 1, 1, 1 - 0.95 / 2, 0.05])
    constant = changed(base, {"cool_down": 0, "warm_up_steps": 0})
    assert {constant.learning_rate_at(step, step / 100) for step in range(101)} == {1.0}
    decayed = changed(constant, {"decay_every_steps": 30, "decay": 0.1})
    rates = [decayed.learning_rate_at(step, 0.5) for step in (29, 30, 60)]
    assert rates == pytest.approx([1, 0.1, 0.01])


def test_the_ablation_has_the_papers_rows_and_switches_each_part() -> None:
    parts = {part for row in rows().values() for part in row}
    assert parts == {"points", "drop", "shuffle", "guidance", "two_stage"}
    assert len(rows()) == 10
    base = new_base()
    off = with_parts(base, [])
    assert (off.data.plain, off.data.pointed, off.data.shuffled, off.points_alone) == (0, 0, 0, 0)
    everything = with_parts(base, parts)
    data = everything.data
    assert min(data.plain, data.pointed, data.no_lineart, data.shuffled) > 0
    assert everything.points_alone > 0 and everything.steps == off.steps
    assert json.dumps(to_toml(everything)) != json.dumps(to_toml(off))
