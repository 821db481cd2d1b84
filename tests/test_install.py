# SPDX-License-Identifier: GPL-3.0-or-later
"""The installer: kritarc, the plugin's place, sentences, and nothing left half-done."""

from __future__ import annotations

import ast
import errno
import hashlib
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import install
from manganinja.wire import discovery
from tests.krita import lab

PROJECT = Path(install.__file__).resolve().parent
KEY = f"enable_{install.PLUGIN_NAME}"
PLAIN_PATH = "/usr/local/bin:/usr/bin:/bin"
"""pip asks compilers on the path for their versions, and some of those write into the home."""
SCRIPTED = "tests.server.scripted:Painter"
ODD_NAME = "Ünï cödé 線画 & more"


def places_in(folder: Path, project: Path = PROJECT) -> install.Places:
    return install.Places.find(project, {}, folder)


# -- kritarc ----------------------------------------------------------------------------------

names = st.text("abcXYZ_09 äé", min_size=1, max_size=8).map(str.strip).filter(bool)
values = st.text("abc=[]#;,. ä", max_size=10)
entries = st.builds("{}={}".format, names, values)
headers = st.sampled_from(["[python]", "[General]", "[python][sub]", "[theme]", "[Python]"])
lines = st.lists(st.one_of(entries, headers, st.just(""), st.just("# a remark")), max_size=12)
ini_texts = st.builds(lambda rows, end: "\n".join(rows) + end, lines, st.sampled_from(["", "\n"]))


def value_in(text: str, group: str, key: str) -> str | None:
    """What Krita reads: the last entry of that name in any group of that name."""
    current, found = "", None
    for line in text.split("\n"):
        if line.strip().startswith("["):
            current = line.strip()
        elif current == f"[{group}]" and "=" in line and line.split("=")[0].strip() == key:
            found = line.split("=", 1)[1]
    return found


def other_lines(text: str) -> list[str]:
    """Everything that is neither ours nor blank nor the header of the group we use."""
    return [
        line
        for line in text.split("\n")
        if line.strip() not in ("", "[python]") and not line.startswith(f"{KEY}=")
    ]


@given(ini_texts)
def test_an_entry_that_was_set_is_read_back_and_nothing_else_changes(text: str) -> None:
    after = install.set_entry(text, "python", KEY, "true")
    assert value_in(after, "python", KEY) == "true"
    assert other_lines(after) == other_lines(text)
    assert install.set_entry(after, "python", KEY, "true") == after


@given(ini_texts)
def test_every_other_entry_keeps_its_group(text: str) -> None:
    after = install.set_entry(text, "python", KEY, "true")
    for line in text.split("\n"):
        key = line.split("=")[0].strip()
        for group in ("python", "General", "python][sub", "theme"):
            assert value_in(after, group, key) == value_in(text, group, key)


@given(ini_texts)
def test_setting_and_removing_an_entry_gives_the_other_lines_back(text: str) -> None:
    there = install.set_entry(text, "python", KEY, "true")
    gone = install.set_entry(there, "python", KEY, None)
    assert value_in(gone, "python", KEY) is None
    assert other_lines(gone) == other_lines(text)


@given(ini_texts)
def test_removing_an_entry_that_is_not_there_changes_nothing(text: str) -> None:
    assert install.set_entry(text, "python", KEY, None) == text


def test_an_entry_joins_the_group_that_is_there() -> None:
    text = "[python]\nenable_other=true\n\n[theme]\nTheme=Krita dark\n"
    after = install.set_entry(text, "python", KEY, "true")
    assert after == f"[python]\n{KEY}=true\nenable_other=true\n\n[theme]\nTheme=Krita dark\n"
    assert install.set_entry(after, "python", KEY, None) == text


def test_a_disabled_plugin_is_enabled_in_its_place() -> None:
    text = f"[python]\na=1\n{KEY}=false\nb=2\n"
    assert install.set_entry(text, "python", KEY, "true") == f"[python]\na=1\n{KEY}=true\nb=2\n"


@given(ini_texts)
def test_uninstalling_takes_the_settings_of_the_plugin_and_no_others(text: str) -> None:
    remembered = "[manganinja]\ndocker_shown=yes\n\n"
    # What stands before the first header would join the group that is put before it.
    text = f"[theme]\n{text}"
    assert install.disabled(text) == text
    for whole in (remembered + text, f"{text}\n{remembered}", f"{text}\n{remembered}{text}"):
        after = install.disabled(whole)
        assert "docker_shown" not in after
        assert other_lines(after) == other_lines(whole.replace(remembered, ""))


def test_a_kritarc_is_kept_byte_for_byte_but_for_the_entry(tmp_path: Path) -> None:
    kritarc = tmp_path / "kritarc"
    before = b"[General]\nname=\xff\xfe not UTF-8\x0b\xc2\x85\n\n[theme]\nTheme=dark\n"
    kritarc.write_bytes(before)
    kritarc.chmod(0o600)
    assert install.edit_kritarc(kritarc, install.enabled)
    assert kritarc.read_bytes() == before + b"\n[python]\n" + KEY.encode() + b"=true\n"
    assert kritarc.stat().st_mode & 0o777 == 0o600
    assert install.kritarc_backup(kritarc).read_bytes() == before
    assert not install.edit_kritarc(kritarc, install.enabled), "nothing to do the second time"
    assert install.edit_kritarc(kritarc, install.disabled)
    assert kritarc.read_bytes() == before


def test_a_kritarc_that_is_a_link_stays_one(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles", tmp_path / "kritarc"
    real.write_text("[a]\nb=c\n")
    link.symlink_to(real)
    install.edit_kritarc(link, install.enabled)
    assert link.is_symlink()
    assert f"{KEY}=true" in real.read_text()


def test_a_failed_write_leaves_the_old_file_and_no_scraps(tmp_path: Path, monkeypatch) -> None:
    kritarc = tmp_path / "kritarc"
    kritarc.write_text("[a]\nb=c\n")

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(kritarc))

    monkeypatch.setattr(install.os, "replace", refuse)
    with pytest.raises(OSError):
        install.write_atomically(kritarc, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["kritarc"]
    assert kritarc.read_text() == "[a]\nb=c\n"


# -- places -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"XDG_DATA_HOME": "/d/x"},
        {"XDG_DATA_HOME": "relative/x"},
        {"MANGANINJA_HOME": "/m"},
        {"MANGANINJA_HOME": "~/m"},
    ],
)
def test_installer_and_clients_agree_on_the_data_folder(environ, monkeypatch, tmp_path) -> None:
    for name in ("XDG_DATA_HOME", "MANGANINJA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert install.Places.find(PROJECT, os.environ, Path.home()).data == discovery.data_dir()


def test_the_install_record_is_the_one_that_clients_read(monkeypatch, tmp_path) -> None:
    project = tmp_path / ODD_NAME
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").touch()
    shutil.copy(PROJECT / "pyproject.toml", project)
    monkeypatch.setenv("MANGANINJA_HOME", str(tmp_path / "data"))
    places = install.Places.find(project, os.environ, tmp_path)
    install.write_install_record(places)
    assert install.write_install_record(places) is False, "nothing to do the second time"
    assert places.data.stat().st_mode & 0o777 == 0o700
    installation = discovery.read_installation()
    assert Path(installation.project) == project
    assert Path(installation.python) == places.python
    assert installation.version == install.project_version(PROJECT) != "0"


def test_relative_xdg_folders_do_not_count(tmp_path) -> None:
    places = install.Places.find(PROJECT, {"XDG_CONFIG_HOME": "conf"}, tmp_path)
    assert places.kritarc == tmp_path / ".config" / "kritarc"


# -- the plugin -------------------------------------------------------------------------------


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_plugin_goes_in_whole_and_comes_out_whole(tmp_path: Path) -> None:
    home = tmp_path / ODD_NAME
    places = places_in(home)
    places.kritarc.parent.mkdir(parents=True)
    places.kritarc.write_text("[theme]\nTheme=dark\n")
    (places.pykrita / "another").mkdir(parents=True)
    (places.pykrita / "another" / "__init__.py").write_text("")
    before = snapshot(home)

    assert install.install_plugin(places)
    installed = snapshot(home)
    assert (places.plugin / "__init__.py").is_file()
    assert "X-KDE-Library=manganinja_krita" in places.plugin_desktop.read_text(encoding="utf-8")
    assert value_in(places.kritarc.read_text(), "python", KEY) == "true"
    assert not list(places.pykrita.glob(".*")), "nothing of the work in progress stays"

    assert not install.install_plugin(places), "the second time there is nothing to do"
    assert snapshot(home) == installed

    assert install.uninstall_plugin(places)
    assert snapshot(home) == before
    assert not install.uninstall_plugin(places)


def test_a_plugin_that_was_tampered_with_is_put_right(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    install.install_plugin(places)
    good = install.tree_of([places.plugin, places.plugin_desktop])
    (places.plugin / "left_over.py").write_text("old")
    (places.plugin / "__init__.py").write_text("broken")
    assert install.install_plugin(places)
    assert install.tree_of([places.plugin, places.plugin_desktop]) == good


def test_byte_code_that_krita_writes_is_no_change(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    install.install_plugin(places)
    (places.plugin / "__pycache__").mkdir()
    (places.plugin / "__pycache__" / "x.pyc").write_bytes(b"0")
    assert not install.install_plugin(places)


def test_a_packager_that_fails_leaves_the_old_plugin(tmp_path: Path, monkeypatch) -> None:
    places = places_in(tmp_path)
    install.install_plugin(places)
    before = snapshot(tmp_path)

    def fail(project: Path, destination: Path) -> Path:
        (destination / install.PLUGIN_NAME).mkdir()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(destination))

    monkeypatch.setattr(install, "build_plugin", fail)
    with pytest.raises(OSError):
        install.install_plugin(places)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("had_one", [True, False])
def test_a_plugin_that_can_not_be_enabled_is_taken_back(
    tmp_path: Path, monkeypatch, had_one: bool
) -> None:
    places = places_in(tmp_path)
    if had_one:
        install.install_plugin(places)
        (places.plugin / "__init__.py").write_text("an older one")
    before = snapshot(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(places.kritarc))

    monkeypatch.setattr(install, "edit_kritarc", refuse)
    with pytest.raises(OSError):
        install.install_plugin(places)
    assert snapshot(tmp_path) == before
    assert not list(places.pykrita.glob(".*"))


def test_a_failed_write_names_the_file_and_no_temporary_one(tmp_path: Path, monkeypatch) -> None:
    def refuse(**where: object) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), f"{where['dir']}/.kritarc.x1y2")

    monkeypatch.setattr(install.tempfile, "mkstemp", refuse)
    with pytest.raises(OSError) as caught:
        install.write_atomically(tmp_path / "kritarc", b"new")
    problem = install.problem_of_os_error(caught.value)
    assert problem.message == f"There is no permission to write {tmp_path / 'kritarc'}."


# -- sentences --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "word"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "permission"), (errno.EROFS, "permission")],
)
def test_errors_of_the_system_become_sentences(number: int, word: str) -> None:
    problem = install.problem_of_os_error(OSError(number, os.strerror(number), "/some/where"))
    assert word in problem.message
    assert "/some/where" in problem.message
    assert problem.remedy.endswith(".")


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("Retrying ... Temporary failure in name resolution ...\nERROR: No matching", "network"),
        ("NewConnectionError(...: [Errno 111] Connection refused')", "network"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "permission"),
        ("ERROR: No matching distribution found for torch==2.13.0", "PyTorch 2.13.0"),
        ("ERROR: No matching distribution found for tqdm<5,>=4", "version of tqdm<5"),
        ("something\nERROR: quite another thing\n\n", "quite another thing"),
    ],
)
def test_what_pip_says_becomes_a_sentence(output: str, word: str) -> None:
    problem = install.problem_of_pip(output, 1, Path("/log"))
    assert word in problem.message


def test_an_old_python_is_named_with_the_one_that_is_needed() -> None:
    with pytest.raises(install.Problem, match=r"Python 3\.9\.2, and 3\.10 or newer"):
        install.check_python((3, 9, 2))
    install.check_python((3, 10, 0))


def test_an_old_python_can_read_the_file_as_far_as_that_sentence() -> None:
    source = (PROJECT / "install.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 7))


def test_the_installer_uses_the_standard_library_only() -> None:
    tree = ast.parse((PROJECT / "install.py").read_text(encoding="utf-8"))
    imported = {
        (alias.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported <= set(sys.stdlib_module_names)


class NoApt(install.Apt):
    def prefix(self) -> None:
        return None


def fresh_environment(project: Path, free: int = 10**12, apt: install.Apt | None = None):
    project.mkdir(parents=True, exist_ok=True)
    for name in ("pyproject.toml", "install.py"):
        shutil.copy(PROJECT / name, project)
    quiet = install.Report(SimpleNamespace(write=lambda text: None, flush=lambda: None))
    places = install.Places.find(project, {}, project / "home")
    return install.Environment(places, quiet, apt or NoApt(), lambda path: free)


def test_a_full_disk_is_named_before_anything_is_made(tmp_path: Path) -> None:
    environment = fresh_environment(tmp_path / "p", free=1_200_000_000)
    with pytest.raises(install.Problem, match=r"1\.2 GB free where \d\.0 GB are needed"):
        environment.ensure()
    assert not environment.places.venv.exists()


def test_a_python_without_venv_gives_the_command_to_type(tmp_path: Path, monkeypatch) -> None:
    environment = fresh_environment(tmp_path / "p")
    find = install.importlib.util.find_spec
    monkeypatch.setattr(
        install.importlib.util, "find_spec", lambda n: None if n == "ensurepip" else find(n)
    )
    with pytest.raises(install.Problem) as caught:
        environment.ensure()
    version = ".".join(map(str, sys.version_info[:2]))
    assert f"apt-get install python{version}-venv" in caught.value.remedy
    assert not environment.places.venv.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    environment = fresh_environment(tmp_path / "p")
    environment.places.project.chmod(0o555)
    try:
        with pytest.raises(install.Problem, match="no permission to write in"):
            environment.ensure()
    finally:
        environment.places.project.chmod(0o755)


def test_a_folder_without_permission_is_named_to_root_too(tmp_path: Path, monkeypatch) -> None:
    environment = fresh_environment(tmp_path / "p")
    monkeypatch.setattr(install.os, "access", lambda path, mode: False)
    with pytest.raises(install.Problem, match="no permission to write in"):
        environment.ensure()


@pytest.mark.parametrize("failure", [install.Problem("No.", "Go."), KeyboardInterrupt()])
def test_whatever_stops_the_building_leaves_no_environment(tmp_path, monkeypatch, failure) -> None:
    environment = fresh_environment(tmp_path / "p")

    def stop(self: install.Environment, extras: object) -> None:
        assert self.places.building.exists(), "a killed installer must leave this mark"
        (self.places.venv / "half").mkdir()
        raise failure

    monkeypatch.setattr(install.Environment, "_create", lambda self: None)
    monkeypatch.setattr(install.Environment, "_install_packages", stop)
    with pytest.raises(type(failure)):
        environment.ensure()
    assert not environment.places.venv.exists()


def test_an_environment_left_by_a_killed_installer_is_built_anew(tmp_path, monkeypatch) -> None:
    environment = fresh_environment(tmp_path / "p")
    environment.places.venv.mkdir()
    environment.places.building.touch()
    (environment.places.venv / "half").touch()
    built = []
    monkeypatch.setattr(install.Environment, "_create", lambda self: None)
    monkeypatch.setattr(install.Environment, "_install_packages", lambda s, extras: built.append(1))
    environment.ensure()
    assert built
    assert not (environment.places.venv / "half").exists()
    assert not environment.places.building.exists()


def test_a_ready_environment_is_not_touched_until_something_changes(tmp_path: Path) -> None:
    environment = fresh_environment(tmp_path / "p", free=0)
    places = environment.places
    places.python.parent.mkdir(parents=True)
    places.python.touch()
    stamp = {"digest": install.environment_digest(places), "extras": ["test"]}
    places.stamp.write_text(json.dumps(stamp))
    environment.ensure()
    environment.ensure(["test"])
    with open(places.project / "pyproject.toml", "a") as file:
        file.write("# changed\n")
    assert not environment.is_ready()


@pytest.mark.parametrize("failure", [install.Problem("No.", "Go."), KeyboardInterrupt()])
def test_an_environment_whose_update_was_stopped_is_not_ready(
    tmp_path, monkeypatch, failure
) -> None:
    environment = fresh_environment(tmp_path / "p")
    places = environment.places
    places.python.parent.mkdir(parents=True)
    places.python.touch()
    stamp = {"digest": install.environment_digest(places), "extras": []}
    places.stamp.write_text(json.dumps(stamp))

    def stop(*_: object) -> None:
        raise failure

    monkeypatch.setattr(install.Environment, "_interpreter_works", lambda self: True)
    monkeypatch.setattr(install.Environment, "_pip", stop)
    assert environment.is_ready()
    with pytest.raises(type(failure)):
        environment.ensure(["test"])
    assert not environment.is_ready()


@pytest.mark.parametrize(("extras", "name"), [((), ".[network]"), (("test",), ".[network,test]")])
def test_the_installer_always_brings_the_network(tmp_path, monkeypatch, extras, name) -> None:
    environment = fresh_environment(tmp_path / "p")
    asked: list[str] = []
    monkeypatch.setattr(install.Environment, "_pip", lambda self, _, what, __: asked.extend(what))
    environment.places.venv.mkdir(parents=True, exist_ok=True)
    environment._install_packages(extras)
    assert asked == [install.TORCH_PIN, "--editable", name]


def test_plain_pip_brings_no_torch() -> None:
    text = (PROJECT / "pyproject.toml").read_text()
    plain, optional = text.split("[project.optional-dependencies]")
    network = optional.split("network = [")[1].split("]")[0]
    for package in ("torch", "diffusers", "transformers", "accelerate"):
        assert f'"{package}>' not in plain and f'"{package}>' in network


def isolated_environ(home: Path, **extra: str) -> dict[str, str]:
    """An environment in which pip reaches nothing, and which has a home of its own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "XDG_", "MANGANINJA"))}
    kept.pop("DISPLAY", None)
    return {**kept, "PATH": PLAIN_PATH, "HOME": str(home), "PIP_CONFIG_FILE": os.devnull, **extra}


def small_project(folder: Path) -> Path:
    """A copy of the project as far as the installer itself needs it."""
    folder.mkdir(parents=True)
    for name in ("install.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(PROJECT / name, folder)
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "krita_plugin", folder / "krita_plugin", ignore=ignore)
    shutil.copytree(PROJECT / "manganinja" / "wire", folder / "manganinja" / "wire", ignore=ignore)
    make_weights(folder / "manganinja" / "weights" / "mini")
    return folder


def run_install(project: Path, environ: dict[str, str], *arguments: str):
    return subprocess.run(
        [sys.executable, str(project / "install.py"), *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_without_network_it_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    project = small_project(tmp_path / ODD_NAME)
    before = {path.name for path in project.iterdir()}
    # The discard port: nothing listens there, so the refusal comes at once.
    environ = isolated_environ(home, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    answer = run_install(project, environ, "--setup-only")
    assert answer.returncode == 1
    assert "There is no network" in answer.stderr
    assert "Traceback" not in answer.stderr + answer.stdout
    assert {path.name for path in project.iterdir()} - before == {"install.log"}
    assert not snapshot(home)


@pytest.mark.parametrize("command", [["--setup-only"], ["plugin"]])
@pytest.mark.parametrize(
    ("folder", "file"),
    [
        (".config", ".config/kritarc"),
        (".local/share/manganinja", ".local/share/manganinja/install.json"),
        (".local/share/krita", ".local/share/krita/pykrita/manganinja_krita"),
    ],
)
def test_a_place_that_can_not_be_written_is_named_before_anything_is_made(
    tmp_path: Path, command: list[str], folder: str, file: str
) -> None:
    home = tmp_path / "home"
    (home / folder).parent.mkdir(parents=True)
    (home / folder).write_text("in the way")
    project = small_project(tmp_path / "p")
    environ = isolated_environ(home, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    answer = run_install(project, environ, *command)
    assert answer.returncode == 1
    assert f"{home / file} can't be written" in answer.stderr
    assert set(snapshot(home)) == {folder}
    assert not (project / ".venv").exists()


def test_a_place_without_permission_is_named_with_its_file(tmp_path: Path, monkeypatch) -> None:
    places = places_in(tmp_path)
    places.kritarc.parent.mkdir()
    access = os.access
    monkeypatch.setattr(
        install.os,
        "access",
        lambda path, mode: path != places.kritarc.parent and access(path, mode),
    )
    with pytest.raises(install.Problem) as caught:
        install.check_places(places)
    assert caught.value.message == f"There is no permission to write {places.kritarc}."


def test_krita_that_may_not_be_installed_is_said_before_the_environment_is_built(
    tmp_path: Path, monkeypatch
) -> None:
    class Empty(NoApt):
        def missing(self, packages: object) -> list[str]:
            return ["krita"]

    monkeypatch.setattr(install.Environment, "ensure", lambda self: pytest.fail("it was built"))
    project = small_project(tmp_path / "p")
    installer = install.Installer(places_in(tmp_path, project), install.Report(), Empty())
    with pytest.raises(install.Problem, match="may not be installed"):
        installer.set_up(with_krita=True)


def test_a_stop_from_outside_cleans_up(tmp_path: Path) -> None:
    project = small_project(tmp_path / "p")
    with subprocess.Popen(
        [sys.executable, str(project / "install.py"), "--setup-only"],
        env=isolated_environ(tmp_path, PIP_INDEX_URL="http://127.0.0.1:9/simple"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not (project / ".venv" / "pyvenv.cfg").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Nothing half-done" in said
    assert not (project / ".venv").exists()


def test_two_installers_do_not_work_on_one_project(tmp_path: Path) -> None:
    project = small_project(tmp_path / "p")
    with install.alone(project):
        answer = run_install(project, isolated_environ(tmp_path), "plugin")
    assert answer.returncode == 1
    assert "Another install.py" in answer.stderr


def test_plugin_and_uninstall_work_without_an_environment(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    project = small_project(tmp_path / ODD_NAME)
    before = snapshot(project)
    answer = run_install(project, isolated_environ(home), "plugin")
    assert answer.returncode == 0, answer.stderr
    assert (home / ".local/share/krita/pykrita" / install.PLUGIN_NAME / "__init__.py").exists()
    answer = run_install(project, isolated_environ(home), "uninstall")
    assert answer.returncode == 0, answer.stderr
    assert not snapshot(home)
    assert snapshot(project) == before


def test_results_stay_unless_they_are_to_go_too(tmp_path: Path) -> None:
    home = tmp_path / "home"
    results = home / ".local/share/manganinja/results"
    results.mkdir(parents=True)
    (results / "mine.png").write_bytes(b"x")
    (results.parent / "server.log").write_text("x")
    project = small_project(tmp_path / "p")
    answer = run_install(project, isolated_environ(home), "uninstall")
    assert "--all" in answer.stdout
    assert set(snapshot(home)) == {".local/share/manganinja/results/mine.png"}
    run_install(project, isolated_environ(home), "uninstall", "--all")
    assert not snapshot(home)


def test_help_names_every_command() -> None:
    answer = run_install(PROJECT, dict(os.environ), "--help")
    assert answer.returncode == 0
    for word in ("--with-krita", "test", "plugin", "server", "uninstall"):
        assert word in answer.stdout


# -- weights ----------------------------------------------------------------------------------


def make_weights(folder: Path) -> Path:
    """A model folder with one tensor of four bytes and a manifest; gives the weight file."""
    (folder / "unet").mkdir(parents=True)
    (folder / "model_index.json").write_text("{}")
    header = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    path = folder / "unet" / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0\0\0\0")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entry = {"bytes": path.stat().st_size, "sha256": digest}
    manifest = {"files": {"unet/weights.safetensors": entry}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return path


def test_whole_weights_are_counted(tmp_path: Path) -> None:
    path = make_weights(tmp_path)
    assert install.check_weights(tmp_path) == (1, path.stat().st_size)


@pytest.mark.parametrize("with_manifest", [True, False])
@pytest.mark.parametrize("damage", [lambda b: b[:-1], lambda b: b[:5], lambda b: b"x" * len(b)])
def test_damaged_weights_are_named(tmp_path: Path, damage, with_manifest: bool) -> None:
    path = make_weights(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    if not with_manifest:
        (tmp_path / "manifest.json").unlink()
    with pytest.raises(install.Problem, match=r"weights\.safetensors"):
        install.check_weights(tmp_path)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    make_weights(tmp_path).unlink()
    with pytest.raises(install.Problem, match="is not there"):
        install.check_weights(tmp_path)


# -- apt, server, pytest ----------------------------------------------------------------------


def test_missing_packages_that_may_not_be_installed_give_the_command(tmp_path: Path) -> None:
    with pytest.raises(install.Problem) as caught:
        NoApt().install(["krita", "xvfb"], tmp_path / "log", install.Step("x"))
    assert caught.value.remedy == ("Type: sudo apt-get update && sudo apt-get install krita xvfb")


def test_apt_gets_every_program_that_the_tests_in_krita_need(monkeypatch) -> None:
    monkeypatch.setattr(lab.shutil, "which", lambda program: None)
    needed = set(lab.missing_tools("krita", None))
    assert "Xvfb" in needed
    assert needed <= set(install.TEST_PACKAGES.values())


@pytest.mark.parametrize(("options", "outcome"), [([], "skipped"), (["--require-krita"], "error")])
def test_without_krita_its_tests_fail_only_where_they_are_required(options, outcome) -> None:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/krita"]
    command += ["-k", "proposes_layers", "--krita", "/nowhere/krita", *options]
    answer = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert (answer.returncode == 0) == (outcome == "skipped"), answer.stdout
    assert f"1 {outcome}" in answer.stdout and "/nowhere/krita" in answer.stdout


def test_tests_that_cannot_run_are_reported_and_fail(tmp_path: Path, monkeypatch, capsys) -> None:
    class Empty(NoApt):
        def missing(self, packages: object) -> list[str]:
            return ["krita"]

    commands = []
    monkeypatch.setattr(install.Environment, "ensure", lambda self, extras=(): None)
    monkeypatch.setattr(install, "run_through", lambda command, cwd: commands.append(command) or 0)
    installer = install.Installer(places_in(tmp_path), install.Report(), Empty())
    reason = installer.prepare_tests(without_krita=False)
    assert installer.test(slow=False, without_krita=False, arguments=[], reason=reason) == 3
    assert "not slow and not krita" in commands[0] and "--require-krita" not in commands[0]
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert "The tests in Krita were not run" in last and "apt-get install krita" in last
    assert installer.prepare_tests(without_krita=True) == ""
    assert installer.test(slow=False, without_krita=True, arguments=[]) == 0


def test_quick_tests_come_first_and_those_in_krita_last(tmp_path: Path) -> None:
    tests = tmp_path / "tests"
    for name in ("krita/test_a.py", "server/test_b.py", "test_z.py", "helpers.py", "data/x.txt"):
        (tests / name).parent.mkdir(parents=True, exist_ok=True)
        (tests / name).touch()
    command = install.pytest_command(places_in(tmp_path, tmp_path), False, False, ["-x"])
    assert command[-3:] == ["tests/test_z.py", "tests/server", "tests/krita"]
    assert command[command.index("-m", 2) + 1] == "not slow"
    assert "--require-krita" in command


def test_a_record_with_somebody_elses_process_stops_nothing(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    places.data.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        (places.data / "server.json").write_text(json.dumps({"pid": process.pid}))
        assert not install.stop_server(places)
        assert process.poll() is None
        process.kill()


@pytest.fixture
def running(tmp_path: Path):
    """A process that looks like a server, and is named in the record of `places_in(tmp_path)`."""
    (tmp_path / "server.py").write_text("import time\ntime.sleep(60)\n")
    places = places_in(tmp_path)
    places.data.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-m", "server"], cwd=tmp_path) as process:
        (places.data / "server.json").write_text(json.dumps({"pid": process.pid}))
        # Between fork and exec the command line is still that of this process.
        deadline = time.monotonic() + 10
        while install.server_pid(places) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        yield process
        process.kill()


def test_a_running_server_is_stopped(tmp_path: Path, running) -> None:
    assert install.stop_server(places_in(tmp_path), patience_s=5)
    assert running.wait(5) != 0


def test_a_server_ends_when_what_it_runs_was_replaced(tmp_path: Path, monkeypatch, running) -> None:
    monkeypatch.setattr(install, "server_answers", lambda places: True)
    project = small_project(tmp_path / "p")
    installer = install.Installer(places_in(tmp_path, project), install.Report(), NoApt())
    install.install_plugin(installer.places)
    install.write_install_record(installer.places)
    installer.plugin()
    assert running.poll() is None, "nothing was new"
    with open(project / "manganinja" / "wire" / "__init__.py", "a") as file:
        file.write("# changed\n")
    installer.plugin()
    assert running.wait(20) != 0


@pytest.mark.parametrize("answers", [True, False])
def test_a_server_ends_where_nobody_can_use_it(
    tmp_path: Path, monkeypatch, running, answers: bool
) -> None:
    monkeypatch.setattr(install, "server_answers", lambda places: answers)
    project = small_project(tmp_path / "p")
    installer = install.Installer(places_in(tmp_path, project), install.Report(), NoApt())
    install.install_plugin(installer.places)
    install.write_install_record(installer.places)
    installer.plugin()
    if answers:
        assert running.poll() is None
    else:
        running.wait(20)


def test_a_server_of_another_protocol_is_of_no_use(tmp_path: Path, monkeypatch) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("MANGANINJA_HOME", str(home))
    places = replace(places_in(tmp_path), data=home)
    monkeypatch.setattr(install.Places, "python", Path(sys.executable))
    assert not install.server_answers(places), "there is none"
    another = "from manganinja.wire import protocol\nprotocol.PROTOCOL_VERSION += 1"
    for change, usable in (("", True), (another, False)):
        run = f"{change}\nfrom server.app import main\nmain(['--engine', {SCRIPTED!r}])"
        with subprocess.Popen([sys.executable, "-c", run], cwd=PROJECT) as process:
            deadline = time.monotonic() + 20
            while not (home / "server.json").exists():
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            assert install.server_answers(places) == usable
            process.terminate()


def test_krita_is_opened_on_the_character() -> None:
    assert install.example_document(PROJECT) == PROJECT / "examples/character/character.kra"


def test_krita_finds_its_own_python_first(tmp_path: Path, monkeypatch) -> None:
    other = tmp_path / "pyenv" / "bin"
    system = tmp_path / "usr" / "bin"
    for folder in (other, system):
        folder.mkdir(parents=True)
        (folder / "python3").write_text("#!/bin/sh\n")
        (folder / "python3").chmod(0o755)
    krita = system / "krita"
    report = tmp_path / "report"
    krita.write_text(
        f"#!/bin/sh\ncommand -v python3 > '{report}'; echo $PYTHONPATH >> '{report}'\n"
    )
    krita.chmod(0o755)
    monkeypatch.setenv("PATH", f"{other}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", str(other))
    places = places_in(tmp_path)
    places.data.mkdir(parents=True)
    assert not install.open_krita(places, str(krita), None, plugin_is_new=False)
    assert report.read_text().split() == [str(system / "python3")]


def test_a_krita_that_ends_at_once_is_reported(tmp_path: Path) -> None:
    places = places_in(tmp_path)
    places.data.mkdir(parents=True)
    with pytest.raises(install.KritaEnded, match=r"ended at once \(exit code 1\)"):
        install.open_krita(places, shutil.which("false") or "false", None, False)


@pytest.mark.parametrize("plugin_is_new", [True, False])
def test_a_krita_that_runs_already_is_a_problem_only_where_the_plugin_is_new(
    tmp_path: Path, monkeypatch, capsys, plugin_is_new: bool
) -> None:
    places = places_in(tmp_path)
    places.data.mkdir(parents=True)
    monkeypatch.setattr(install, "start_server", lambda places: None)
    # What Krita does where another one has taken the document: it ends well and at once.
    monkeypatch.setattr(install.shutil, "which", lambda name: "/bin/true")
    monkeypatch.setenv("DISPLAY", ":0")
    installer = install.Installer(places, install.Report(), NoApt(), plugin_is_new)
    if plugin_is_new:
        with pytest.raises(install.Problem, match="running already"):
            installer.main_job()
        return
    assert installer.main_job() == 0
    assert "open already, opening character.kra" in capsys.readouterr().out


# -- everything, in a fresh place -------------------------------------------------------------


@pytest.mark.slow
def test_a_clean_clone_sets_itself_up_colours_the_example_and_goes_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    project = tmp_path / ODD_NAME
    subprocess.run(["git", "clone", "-q", str(PROJECT), str(project)], check=True)
    before = snapshot(project)
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "MANGANINJA_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")
    environ = {k: v for k, v in os.environ.items() if k not in hidden}
    environ.update(HOME=str(home), PATH=PLAIN_PATH)

    def timed(*arguments: str) -> tuple[float, str]:
        start = time.monotonic()
        answer = subprocess.run(
            [sys.executable, str(project / "install.py"), *arguments],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return time.monotonic() - start, answer.stdout

    _, said = timed()
    pictures = list((project / "results").glob("*.png"))
    assert len(pictures) == 2
    assert all(str(path) in said for path in pictures)
    seconds, said = timed("--setup-only")
    assert seconds < 10
    assert "unchanged" in said
    timed("uninstall", "--all")
    assert snapshot(project) == before
    left = [name for name in snapshot(home) if not name.startswith(".cache/")]
    assert not left
