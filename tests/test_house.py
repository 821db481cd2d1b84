# SPDX-License-Identifier: GPL-3.0-or-later
"""The house rules that a machine can check: which room may use which, formatting, licences."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
ROOMS = ("manganinja", "server", "krita_plugin", "tests", "benchmarks", "examples")


def sources(room: str) -> list[Path]:
    """The python files of a room, but for what others wrote."""
    files = sorted((PROJECT / room).rglob("*.py"))
    return [path for path in files if "vendor" not in path.parts and path.stat().st_size]


def imported(path: Path) -> Iterator[str]:
    """The top-level names of everything that a file imports absolutely, anywhere in it.

    `manganinja.wire` counts as a name of its own: it is what the plugin gets a copy of.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            wire = node.module.startswith("manganinja.wire")
            yield "manganinja.wire" if wire else node.module.split(".")[0]


@pytest.mark.parametrize(
    ("room", "closed"),
    [
        ("manganinja", {"server", "krita_plugin", "tests", "PyQt5", "PyQt6", "krita", "aiohttp"}),
        ("server", {"krita_plugin", "tests", "torch", "diffusers", "PyQt5", "PyQt6", "krita"}),
        ("krita_plugin", {"server", "manganinja", "tests", "numpy", "torch", "PIL", "aiohttp"}),
    ],
)
def test_arrows_run_one_way(room: str, closed: set[str]) -> None:
    files = sources(room)
    assert files
    wrong = {str(path.relative_to(PROJECT)): closed.intersection(imported(path)) for path in files}
    assert not {name: names for name, names in wrong.items() if names}


def test_the_wire_needs_the_standard_library_and_websockets_only() -> None:
    allowed = sys.stdlib_module_names | {"websockets"}
    files = sources("manganinja/wire")
    assert len(files) >= 4
    for path in files:
        assert set(imported(path)) <= allowed, path
        if path.name == "protocol.py":
            assert "websockets" not in imported(path)


def test_one_file_alone_knows_which_pyqt_it_is() -> None:
    users = {
        path.name for path in sources("krita_plugin") if {"PyQt5", "PyQt6"} & set(imported(path))
    }
    assert users == {"qt.py"}


def test_importing_the_package_does_not_import_torch() -> None:
    light = "manganinja, manganinja.wire.client, manganinja.cli, manganinja.finishing, server"
    ask = f"import sys, {light}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", ask], cwd=PROJECT).returncode == 0


def test_every_file_names_its_licence() -> None:
    without = [
        str(path.relative_to(PROJECT))
        for path in [PROJECT / "install.py", *(path for room in ROOMS for path in sources(room))]
        if "SPDX-License-Identifier: GPL-3.0-or-later" not in path.read_text("utf-8")[:120]
    ]
    assert not without


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_ruff_has_nothing_to_say(command: list[str]) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."], cwd=PROJECT, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stdout
