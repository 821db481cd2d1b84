# SPDX-License-Identifier: GPL-3.0-or-later
"""``manganinja evaluate``: tables, figures and sheets, on drawings and on a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manganinja.cli import main
from manganinja.evaluate import commands
from manganinja.evaluate.cases import Case, drawn_cases, folder_cases
from manganinja.train.drawings import kinds
from manganinja.train.pool import HELD_OUT_SEED


def read(path: Path) -> Any:
    def refuse(name: str) -> None:
        raise ValueError(name)

    return json.loads(path.read_text(), parse_constant=refuse)


def test_the_kinds_offered_are_those_that_are_drawn() -> None:
    assert commands.KINDS == kinds.KINDS


def test_models_and_baselines_stand_in_one_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures, sheet = tmp_path / "figures.json", tmp_path / "sheet.png"
    asked = ["evaluate", "--pairs", "1", "--size", "128", "--kinds", "same-pose"]
    assert main([*asked, "--json", str(figures), "--sheet", str(sheet)]) == 0
    text = capsys.readouterr().out
    found = read(figures)
    rows = found["kinds"]["same-pose"]["rows"]
    assert found["kinds"]["same-pose"]["cases"] == 2
    names = ["untouched line art", "mean colour", "global palette"]
    names += ["mini, proposal", "mini, flats", "mini, proposal, points", "mini, flats, points"]
    names += ["match, flats", "match, flats, points", "none, flats", "none, flats, points"]
    assert list(rows) == names and all(name in text for name in names)
    assert rows["none, flats"]["pix_f_acc"] > rows["global palette"]["pix_f_acc"]
    assert rows["mean colour"]["dino"] is None and len(found["left_out"]) == 4
    assert "IP-Adapter + ControlNet was left out" in text
    with Image.open(sheet) as picture:
        # References, line art, ten answers, truth; two cases.
        assert picture.size == (13 * 144, 28 + 2 * 144)


def write_pair(folder: Path, case: Case, truth: np.ndarray) -> None:
    folder.mkdir(parents=True)
    Image.fromarray(case.references[0]).save(folder / "reference.png")
    Image.fromarray(case.lineart).save(folder / "lineart.png")
    Image.fromarray(truth).save(folder / "truth.png")
    pairs = [{"reference": p.reference, "lineart": p.lineart} for p in case.points[:3]]
    (folder / "points.json").write_text(json.dumps({"pairs": pairs}))


@pytest.fixture(scope="module")
def layer() -> np.ndarray:
    """The flats of the case (S, S, 4), also under the lines, transparent in the background."""
    drawn = kinds.draw_case(HELD_OUT_SEED, 256, "new-pose")
    table = np.zeros((256, 4), np.uint8)
    for part, colour in drawn.colours.items():
        table[part] = (*colour, 255 if part else 0)
    return table[drawn.target.parts]


def test_a_folder_of_pairs_is_measured_and_bad_ones_are_named(
    tmp_path: Path, case: Case, layer: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs, figures = tmp_path / "pairs", tmp_path / "figures.json"
    write_pair(pairs / "good", case, layer)
    write_pair(pairs / "small", case, layer[:50, :50])
    write_pair(pairs / "torn", case, layer)
    (pairs / "torn" / "reference.png").write_bytes(b"no picture")
    asked = ["evaluate", "--folder", str(pairs), "--models", "none", "--json", str(figures)]
    assert main(asked) == 0
    said = "".join(capsys.readouterr())
    assert "small was passed over" in said and "torn was passed over" in said
    found = read(figures)["kinds"]["pairs"]
    assert found["cases"] == 1
    assert found["rows"]["none, flats, points"]["mse_at_given"] < 0.05
    assert found["rows"]["none, flats"]["pix_f_acc"] > found["rows"]["mean colour"]["pix_f_acc"]


def test_a_truth_with_lines_is_taken_as_the_page(tmp_path: Path, case: Case) -> None:
    write_pair(tmp_path / "page", case, case.truth)
    (found,) = folder_cases(tmp_path, pytest.fail)
    assert (found.truth == case.truth).all() and found.regions is None
    assert found.judged.all() and len(found.points) == 3


def test_a_truth_of_flats_gives_the_regions(tmp_path: Path, case: Case, layer: np.ndarray) -> None:
    write_pair(tmp_path / "flats", case, layer)
    (found,) = folder_cases(tmp_path, pytest.fail)
    assert found.regions is not None and (found.judged == case.judged).all()
    assert len(found.regions.colours) > 10


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (["--folder", "nowhere"], "There are no pairs in nowhere"),
        (["--kinds", "held-out", "new-pose"], "a table of its own"),
        (["--models", "nobody"], "There is no model in 'nobody'"),
        (["--json", "nowhere/a.json"], "There is no folder"),
    ],
)
def test_what_can_not_be_done_is_said(
    asked: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", *asked]) == 1
    assert sentence in capsys.readouterr().err


def test_the_table_of_held_out_pairs_is_still_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "mini.json"
    asked = ["evaluate", "--kinds", "held-out", "--pairs", "1", "--json", str(figures)]
    assert main(asked) == 0
    assert "truth through the codec" in capsys.readouterr().out
    assert read(figures)["model with points"]["layer_db"] > 10


def test_each_pair_is_used_both_ways() -> None:
    names = [case.name for case in drawn_cases("same-pose", 2, 64)]
    assert names == ["same-pose 0a", "same-pose 0b", "same-pose 1a", "same-pose 1b"]
