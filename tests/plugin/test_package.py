# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin as Krita gets it."""

import ast
import subprocess
import sys

import pytest

from krita_plugin.package import NAME, build


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    return build(tmp_path_factory.mktemp("packaged"))


def test_everything_that_krita_looks_for_is_there(plugin):
    assert plugin.name == NAME
    desktop = (plugin.parent / f"{NAME}.desktop").read_text()
    assert f"X-KDE-Library={NAME}" in desktop and "ServiceTypes=Krita/PythonPlugin" in desktop
    for part in ("__init__.py", "manual.html", "LICENSE", "wire/protocol.py", "wire/client.py"):
        assert (plugin / part).is_file(), part
    assert (plugin / "wire" / "websockets" / "LICENSE").is_file()


def test_nothing_compiled_is_shipped(plugin):
    names = [path.name for path in plugin.rglob("*")]
    assert not [n for n in names if n.endswith((".so", ".pyc", ".pyd", ".c")) or n == "__pycache__"]


def test_a_second_build_replaces_the_first(plugin):
    (plugin / "left_over.py").write_text("")
    assert build(plugin.parent) == plugin
    assert not (plugin / "left_over.py").exists()


def test_it_works_alone_with_the_standard_library_only(plugin):
    """In a Python without site packages, as Krita's may be; Qt is not needed for these parts."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        f"from {NAME}.transport import client, discovery, protocol;"
        f"import {NAME}.job, {NAME}.pairing, {NAME}.vector_svg, {NAME}.choosing;"
        "assert 'websockets' not in sys.modules;"
        "print(client.__name__)"
    )
    result = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(plugin.parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.strip() == f"{NAME}.wire.client", result.stderr


def test_only_the_canvas_and_the_docker_itself_import_krita(plugin):
    users = set()
    for path in plugin.rglob("*.py"):
        if "websockets" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = getattr(node, "module", None) if isinstance(node, ast.ImportFrom) else None
            if module == "krita":
                users.add(str(path.relative_to(plugin).parent))
    assert users == {"canvas", "docker"}


def test_only_one_file_knows_which_qt_it_is(plugin):
    users = {
        path.name
        for path in plugin.rglob("*.py")
        if "PyQt5" in path.read_text(encoding="utf-8") and "websockets" not in path.parts
    }
    assert users == {"qt.py"}
