# SPDX-License-Identifier: GPL-3.0-or-later
"""Every `check_...` of the scripts in `inside/`, run in a real Krita, as a test of its own."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Runs

pytestmark = [pytest.mark.krita, pytest.mark.timeout(600)]
INSIDE = Path(__file__).resolve().parent / "inside"
SCRIPTED = "tests.krita.scripted:Painter"


@dataclass(frozen=True)
class Script:
    """A script of checks: the engine of its server ("" is the real one) and its time limit."""

    file: str
    engine: str = SCRIPTED
    limit_s: float = 240

    def checks(self) -> list[str]:
        tree = ast.parse((INSIDE / self.file).read_text(encoding="utf-8"))
        functions = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
        return [name for name in functions if name.startswith("check_")]


SCRIPTS = [
    Script("colorize.py"),
    Script("bad_input.py"),
    Script("trouble.py", limit_s=400),
    Script("documents.py", limit_s=400),
    Script("layering.py", limit_s=400),
    Script("options.py", limit_s=400),
    Script("points.py"),
    Script("no_server.py", "tests.krita.scripted:Modelless"),
    Script("big.py", limit_s=400),
    Script("real.py", "", limit_s=560),
    Script("real_layers.py", "", limit_s=500),
    Script("real_options.py", "", limit_s=500),
]
# In a chroot the server is started outside: nothing can start it again from within.
STARTS_A_SERVER = (
    "check_server_killed_midway_is_said_and_the_next_press_works",
    "check_a_server_without_a_model_says_so",
)
CASES = [
    pytest.param(script, check, id=check[len("check_") :])
    for script in SCRIPTS
    for check in script.checks()
]


@pytest.mark.parametrize(("script", "check"), CASES)
def test_in_krita(
    script: Script, check: str, runs: Runs, record_property, request: pytest.FixtureRequest
) -> None:
    in_chroot = bool(request.config.getoption("--krita-root"))
    if in_chroot and check in STARTS_A_SERVER:
        pytest.skip("needs a server that the plugin starts, which it can't in a chroot")
    # Only what was asked for: `-k one_check` runs one check.
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    asked = [call.params for call in calls if call is not None and "check" in call.params]
    wanted = [params["check"] for params in asked if params["script"] == script]
    if in_chroot:
        wanted = [name for name in wanted if name not in STARTS_A_SERVER]
    outcome = runs.outcome(script.file, wanted, script.engine, script.limit_s)
    record_property("krita", outcome.version)
    assert check in outcome.checks, outcome.trouble or "\n".join(outcome.uncaught)
    result = outcome.checks[check]
    for name, value in result["figures"].items():
        print(f"{name}: {value}")
    assert result["error"] is None, result["error"]
    assert not outcome.uncaught, "\n".join(outcome.uncaught)


def test_krita_ends_by_itself(runs: Runs, request: pytest.FixtureRequest) -> None:
    """A plugin whose thread or dialog keeps Krita open would be killed at the time limit."""
    outcomes = runs.done()
    if not outcomes:
        pytest.skip("no script was run")
    for script, outcome in outcomes.items():
        assert not outcome.trouble, f"{script}: {outcome.trouble}"
