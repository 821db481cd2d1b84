# SPDX-License-Identifier: GPL-3.0-or-later
"""status, verify, remove, and folders from elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from manganinja import ModelNotFound, cli
from manganinja.weights import download
from manganinja.weights.find import find_model
from manganinja.weights.ledger import Ledger
from server.catalogue import describe, installed

from .conftest import Fetch
from .hub import Fault, Hub

PROJECT = Path(__file__).resolve().parent.parent.parent


def weights(*arguments: str) -> int:
    return cli.main(["weights", *arguments])


@pytest.fixture
def converted(ledger: Ledger, published_folder: Path) -> Ledger:
    assert weights("download", "--from", str(published_folder), "--accept-licence") == 0
    return ledger


def test_a_folder_from_elsewhere_is_taken_and_left_as_it_is(
    ledger: Ledger, published_folder: Path, capsys: Any
) -> None:
    assert weights("download", "--from", str(published_folder), "--accept-licence") == 0
    assert "written down: StableDiffusion/unet/config.json" in capsys.readouterr().out
    assert find_model("manganinja") == ledger.model
    assert all((published_folder / place).is_file() for place in ledger.pins())
    assert weights("verify") == 0


def test_a_folder_from_elsewhere_has_to_be_what_is_pinned(
    ledger: Ledger, published_folder: Path, fetch: Fetch, tmp_path: Path, capsys: Any
) -> None:
    fetch()
    other = Path(shutil.copytree(published_folder, tmp_path / "other"))
    damaged = bytearray((other / "MangaNinjia" / "controlnet.pth").read_bytes())
    damaged[-1] ^= 1
    (other / "MangaNinjia" / "controlnet.pth").write_bytes(damaged)
    assert weights("convert", "--from", str(other), "--accept-licence") == 1
    assert "controlnet.pth is damaged or not the published file" in capsys.readouterr().err
    assert weights("convert", "--from", str(published_folder)) == 0


def test_a_folder_without_the_line_extractor_is_enough(
    ledger: Ledger, published_folder: Path, tmp_path: Path, capsys: Any
) -> None:
    other = Path(shutil.copytree(published_folder, tmp_path / "other"))
    shutil.rmtree(other / "models" / "Annotators")
    assert weights("convert", "--from", str(other), "--accept-licence") == 0
    assert not (ledger.model / "lineart_extractor").exists()


def test_a_wrong_folder_is_a_sentence(ledger: Ledger, tmp_path: Path, capsys: Any) -> None:
    assert weights("convert", "--from", str(tmp_path / "nowhere"), "--accept-licence") == 1
    assert "There is no folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert weights("convert", "--from", str(tmp_path / "empty"), "--accept-licence") == 1
    error = capsys.readouterr().err
    assert "is not laid out as" in error and "there is no folder MangaNinjia" in error
    assert weights("convert") == 1
    assert "manganinja weights download" in capsys.readouterr().err


def test_status_tells_what_is_here(
    hub: Hub, ledger: Ledger, published_folder: Path, capsys: Any
) -> None:
    assert weights("status") == 0
    before = capsys.readouterr().out
    assert "not accepted yet" in before and "not here" in before and "not pinned" in before
    assert not ledger.folder.exists()  # Asking changes nothing.

    hub.faults["controlnet.pth"] = [Fault(cut_after=1 << 20), Fault(status=403)]
    assert weights("download", "--mirror", hub.url, "--accept-licence") == 1
    capsys.readouterr()
    assert weights("status") == 0
    under_way = capsys.readouterr().out
    assert "downloaded, 5.8 MB" in under_way and "begun, 1.0 MB of 2.5 MB" in under_way
    assert "Johanan0528/MangaNinjia at 4e6237c1d224" in under_way

    assert weights("convert", "--from", str(published_folder)) == 0
    capsys.readouterr()
    assert weights("status") == 0
    after = capsys.readouterr().out
    assert "ready" in after and str(ledger.model) in after and "16.5 MB" in after
    (ledger.model / "vae" / "config.json").unlink()
    assert weights("status") == 0
    assert "incomplete" in capsys.readouterr().out


def test_verify_names_what_is_damaged_or_gone(converted: Ledger, capsys: Any) -> None:
    assert weights("verify") == 0
    assert "files are as they were written" in capsys.readouterr().out
    path = converted.model / "unet" / "diffusion_pytorch_model.safetensors"
    damaged = bytearray(path.read_bytes())
    damaged[-7] ^= 1
    path.write_bytes(damaged)
    (converted.model / "scheduler" / "scheduler_config.json").unlink()
    assert weights("verify") == 1
    error = capsys.readouterr().err
    assert f"{path} is damaged" in error and "scheduler_config.json is missing" in error
    assert "2 of" in error


def flip_last_byte(path: Path) -> None:
    """As the disk does it: the size and the time of change stay."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=times)


def test_what_verify_finds_is_remembered_until_the_file_is_another(
    converted: Ledger, hub: Hub, capsys: Any
) -> None:
    def answer(*arguments: str) -> str:
        assert weights(*arguments) == 0
        return capsys.readouterr().out

    flip_last_byte(converted.model / "unet" / "diffusion_pytorch_model.safetensors")
    assert weights("verify") == 1
    assert "manganinja weights download" in capsys.readouterr().err
    assert "damaged: run `download`" in answer("status")
    assert "ready" in answer("download", "--mirror", hub.url)
    assert hub.served
    assert "ready" in answer("status")
    assert "All" in answer("verify")
    assert "here already" in answer("download", "--mirror", hub.url)


def test_a_kept_download_that_is_damaged_is_fetched_again(
    hub: Hub, ledger: Ledger, capsys: Any
) -> None:
    download_and_keep = ("download", "--mirror", hub.url, "--accept-licence", "--keep")
    assert weights(*download_and_keep) == 0
    flip_last_byte(ledger.downloads / "MangaNinjia" / "controlnet.pth")
    assert weights("verify") == 1
    capsys.readouterr()
    assert weights("status") == 0
    said = capsys.readouterr().out
    assert ", damaged" in said and "ready" in said
    assert weights(*download_and_keep) == 0
    assert len(hub.ranges("controlnet.pth")) == 2 and len(hub.ranges("point_net.pth")) == 1
    assert weights("verify") == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": 3}'])
def test_a_damaged_manifest_stops_no_command(
    converted: Ledger, hub: Hub, capsys: Any, content: str
) -> None:
    mine = converted.model / "notes.txt"
    mine.write_text("of the artist")
    (converted.model / "manifest.json").write_text(content)
    assert weights("status") == 0
    assert "damaged: run `download`" in capsys.readouterr().out
    assert weights("verify") == 1
    assert "manifest" in capsys.readouterr().err
    assert weights("remove") == 0
    assert f"not ours and stay: {mine}." in capsys.readouterr().out
    assert [path for path in converted.folder.rglob("*") if path.is_file()] == [mine]


def test_a_damaged_record_does_not_keep_remove_from_its_work(converted: Ledger) -> None:
    converted.lock_file.write_text("{")
    converted.damaged_file.write_text("[]")
    assert weights("remove") == 0
    assert not converted.folder.exists()


def test_every_file_of_the_model_may_be_read_as_usual(converted: Ledger, tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    files = [path for path in converted.model.rglob("*") if path.is_file()]
    assert {path.stat().st_mode for path in files} == {usual.stat().st_mode}


def test_a_wrong_folder_is_told_before_torch_is_loaded(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom manganinja import cli\n"
        f"cli.main(['weights', 'convert', '--from', {str(tmp_path)!r}, '--accept-licence'])\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True
    )
    assert "is not laid out as" in done.stderr
    assert done.stdout == "False\n"


def test_verify_without_a_model_is_a_sentence(ledger: Ledger, capsys: Any) -> None:
    assert weights("verify") == 1
    assert "nothing to verify" in capsys.readouterr().err


def test_remove_takes_everything_that_was_put_there_and_nothing_else(
    converted: Ledger, fetch: Fetch, capsys: Any
) -> None:
    fetch()
    download.partial(converted.downloads / "MangaNinjia" / "point_net.pth").write_bytes(b"begun")
    mine = converted.model / "notes.txt"
    mine.write_text("of the artist")
    assert weights("remove") == 0
    assert str(mine) in capsys.readouterr().out
    assert [path for path in converted.folder.rglob("*") if path.is_file()] == [mine]
    with pytest.raises(ModelNotFound):
        find_model("manganinja")
    mine.unlink()
    mine.parent.rmdir()
    assert weights("remove") == 0
    assert not converted.folder.exists()
    assert weights("remove") == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_the_server_offers_the_model_with_its_licence(converted: Ledger) -> None:
    (model,) = installed()
    assert model == describe("manganinja")
    assert (model.name, model.title, model.licence) == ("manganinja", "MangaNinja", "CC BY-NC 4.0")
    assert (model.working_resolution, model.guidance_points) == (512, 15.0)


def test_the_server_offers_nothing_that_is_not_there(ledger: Ledger) -> None:
    assert installed() == ()


def test_the_name_without_the_model_says_how_to_get_it(ledger: Ledger) -> None:
    with pytest.raises(ModelNotFound, match="manganinja weights download"):
        find_model("manganinja")
