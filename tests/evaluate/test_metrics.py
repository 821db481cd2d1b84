# SPDX-License-Identifier: GPL-3.0-or-later
"""Metrics give what they are defined to, and networks that are not here are named, not faked."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection, ViTConfig, ViTModel

from manganinja.errors import ModelNotFound
from manganinja.evaluate.benchmark import Result, as_json, table
from manganinja.evaluate.cases import Case, page, regions_of
from manganinja.evaluate.metrics import (
    Answer,
    Scores,
    load_networks,
    lpips,
    mean_scores,
    ms_ssim,
    psnr_db,
    score,
)
from manganinja.flats.measures import measure


def perfect(case: Case) -> Answer:
    assert case.regions is not None
    return Answer(case.truth, case.regions.picture())


def test_the_truth_is_perfect(case: Case) -> None:
    got = score(perfect(case), case, 8, {}, 0.5)
    assert got.psnr == 100 and got.ms_ssim == pytest.approx(1, abs=1e-4)
    assert got.mse_at_points == 0 and got.mse_at_given == 0
    assert got.acc == got.acc_over_10px == got.pix_acc == got.pix_f_acc == 1
    assert got.b_miou == got.pix_b_miou == 1 and got.seconds == 0.5


def test_an_empty_page_is_all_wrong_but_for_the_background(case: Case) -> None:
    blank = Answer(np.full_like(case.truth, 255), np.zeros((*case.lineart.shape, 4), np.uint8))
    got = score(blank, case, 8, {}, 0)
    assert got.pix_f_acc is not None and got.pix_f_acc < 0.2
    assert got.acc is not None and got.acc < 0.3
    assert got.psnr is not None and got.psnr < 15
    assert got.mse_at_points is not None and got.mse_at_points > 0.05


def test_only_the_foreground_counts_in_psnr_and_ms_ssim(case: Case) -> None:
    spoilt = np.where(case.judged[..., None], case.truth, 7).astype(np.uint8)
    got = score(replace(perfect(case), page=spoilt), case, 8, {}, 0)
    assert got.psnr == 100 and got.ms_ssim == pytest.approx(1, abs=1e-4)


def test_psnr_is_ten_times_the_logarithm_of_the_error() -> None:
    truth = np.full((9, 3), 100, np.uint8)
    assert psnr_db(truth + 51, truth) == pytest.approx(-20 * np.log10(0.2), abs=1e-4)
    assert psnr_db(truth[:0], truth[:0]) is None


def test_ms_ssim_falls_with_noise_and_is_none_for_small_pictures(case: Case) -> None:
    rng = np.random.default_rng(0)
    noisy = np.clip(case.truth + rng.normal(0, 40, case.truth.shape), 0, 255).astype(np.uint8)
    value = ms_ssim(noisy, case.truth)
    assert value is not None and 0.2 < value < 0.98
    assert ms_ssim(noisy[:150], case.truth[:150]) is None


def test_points_are_measured_whether_or_not_they_are_given(case: Case) -> None:
    wrong = case.truth.copy()
    x, y = (int(v) for v in case.points[0].lineart)
    wrong[y - 1 : y + 2, x - 1 : x + 2] = 255 - wrong[y - 1 : y + 2, x - 1 : x + 2]
    got = score(replace(perfect(case), page=wrong), case, 1, {}, 0)
    assert got.mse_at_given is not None and got.mse_at_points is not None
    assert got.mse_at_given > 2 * got.mse_at_points > 0


def test_white_eyes_on_white_paper_may_stay_unpainted() -> None:
    flat = np.full((40, 40, 3), 255, np.uint8)
    flat[5:35, 5:35] = (200, 30, 30)
    flat[15:25, 15:25] = 255
    ink = np.zeros((40, 40), np.uint8)
    truth = regions_of(flat, ink, (255, 255, 255), np.zeros((0, 3), np.uint8))
    painted = np.dstack([flat, np.full((40, 40), 255, np.uint8)])
    bare = painted.copy()
    bare[15:25, 15:25, 3] = 0
    for layer in (painted, bare):
        assert measure(layer, truth).acc == 1
    assert measure(painted, truth).regions == 3


def test_means_leave_out_what_was_not_measured_and_tables_too() -> None:
    rows = {"a": mean_scores([Scores(psnr=10.0, acc=None), Scores(psnr=20.0, acc=0.5)])}
    assert rows["a"].psnr == 15 and rows["a"].acc == 0.5 and rows["a"].dino is None
    assert "DINO" not in table(rows) and "15.00" in table(rows)
    assert as_json({"b": Scores(psnr=float("nan"))})["b"]["psnr"] is None


def test_rows_that_did_not_answer_all_cases_say_so() -> None:
    result = Result(cases=2, scores={"all": [Scores(), Scores()], "some": [Scores()]})
    assert result.answered() == {"all": 2, "some": 1}
    assert result.partly() == ["some: means of 1 cases of 2"]


def tiny_networks(folder: Path) -> None:
    """DINO and CLIP as they are, but small and untrained."""
    torch.manual_seed(0)
    small: dict[str, Any] = {
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "image_size": 32,
        "patch_size": 8,
    }
    ViTModel(ViTConfig(**small)).save_pretrained(folder / "dino-vits16")
    clip = CLIPVisionModelWithProjection(CLIPVisionConfig(**small, projection_dim=8))
    clip.save_pretrained(folder / "clip-vit-base-patch32")


def test_dino_and_clip_are_cosines_of_what_their_networks_see(case: Case, tmp_path: Path) -> None:
    tiny_networks(tmp_path)
    networks, notes = load_networks(tmp_path)
    assert set(networks) >= {"dino", "clip"} and len(notes) == 3 - len(networks)
    for name in ("dino", "clip"):
        assert networks[name](case.truth, case.truth) == pytest.approx(100, abs=1e-3)
        other = networks[name](page(255 - case.truth, case.lineart), case.truth)
        assert -100 <= other < 99.99
    got = score(perfect(case), case, 8, networks, 0)
    assert got.dino == pytest.approx(100, abs=1e-3) and got.clip == pytest.approx(100, abs=1e-3)


def test_networks_that_are_not_here_are_left_out_with_what_to_do(tmp_path: Path) -> None:
    networks, notes = load_networks(tmp_path)
    assert not networks
    assert [note.split()[0] for note in notes] == ["DINO", "CLIP", "LPIPS"]
    assert "hf download facebook/dino-vits16" in notes[0] and "--networks" in notes[1]


def test_a_damaged_network_is_left_out_too(tmp_path: Path) -> None:
    tiny_networks(tmp_path)
    (tmp_path / "dino-vits16" / "model.safetensors").write_bytes(b"nothing")
    networks, notes = load_networks(tmp_path)
    assert "clip" in networks and "dino" not in networks
    assert "can't be loaded" in notes[0]


def test_without_torchvision_lpips_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ModelNotFound, match="pip install torchvision"):
        lpips(None)
