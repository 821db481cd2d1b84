# SPDX-License-Identifier: GPL-3.0-or-later
"""A model's folder can say anything; the server shows what makes sense of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from manganinja.wire.protocol import ModelInfo
from server.catalogue import describe


def test_a_model_that_is_not_there_has_its_name(tmp_path: Path) -> None:
    assert describe(str(tmp_path)) == ModelInfo(str(tmp_path))


@pytest.mark.parametrize("content", ["", "[]", "null", '{"title": 3, "steps": true}', "[" * 9999])
def test_a_folder_that_talks_nonsense_has_its_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "model_index.json").write_text(content)
    assert describe(str(tmp_path)) == ModelInfo(str(tmp_path))


def test_what_the_folder_says_is_shown(tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text('{"title": "Inks", "guidance_points": 15}')
    assert describe(str(tmp_path)) == ModelInfo(str(tmp_path), "Inks", guidance_points=15)
