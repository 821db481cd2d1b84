# SPDX-License-Identifier: GPL-3.0-or-later
"""Build an example from the drawings that a person made, and look at the result again.

    python3 examples/build.py pictures character    line art, PNGs, and a check of the points
    python3 examples/build.py krita character       character.kra, made by a real Krita
    python3 examples/build.py check character       open character.kra again: report, screenshots
    python3 examples/build.py all character animal

`pictures` needs rsvg-convert (Debian: librsvg2-bin), Pillow and numpy. `krita` and `check` need
Krita 5.1 or newer with its PyQt, Xvfb and openbox (Debian: krita python3-pyqt5 xvfb openbox); the
screenshots of `check` go to a folder that it names. Drawn by hand and kept: reference.svg,
colour_truth.svg and points.json; everything else in the folders is made from them.
kritarunner would be simpler, but it crashes on addShapesFromSvg in Krita 5.1, so a throw-away
home with a one-line plugin runs inside_krita.py in an ordinary Krita.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent
KRITA_LIMIT_S = 120

INK = "#14121a"
LINES_ONLY = f"""
.ln{{stroke:{INK};stroke-width:4;stroke-linejoin:round;stroke-linecap:round}}
.th{{fill:none;stroke:{INK};stroke-width:2.6;stroke-linejoin:round;stroke-linecap:round}}
.ink{{fill:{INK};stroke:{INK};stroke-width:2.5;stroke-linejoin:round}}
.tip{{fill:{INK}}}
.trim{{fill:none;stroke:#ffffff;stroke-width:5}}
.trimline{{fill:none;stroke:{INK};stroke-width:9.6}}
.spark{{fill:#ffffff;stroke:{INK};stroke-width:1.8}}
.shade{{display:none}}
.gap{{fill:none;stroke:#ffffff;stroke-width:1.5}}
"""


class BuildError(Exception):
    """The example can't be built; the text says what to do."""


def make_line_art(folder: Path) -> None:
    """Write lineart.svg: colour_truth.svg under a style sheet that leaves nothing but its lines."""
    drawing = (folder / "colour_truth.svg").read_text(encoding="utf-8")
    style = fill_everything_white(drawing) + LINES_ONLY
    lines, count = re.subn(
        r"<style>.*?</style>", lambda _: f"<style>{style}</style>", drawing, flags=re.DOTALL
    )
    if count != 1:
        raise BuildError("colour_truth.svg must hold exactly one <style> element.")
    note = "the line art. Made by build.py from colour_truth.svg; change that one."
    lines = re.sub(
        r"the line art's pose in its true colours\..*?-->", f"{note} -->", lines, flags=re.DOTALL
    )
    (folder / "lineart.svg").write_text(lines, encoding="utf-8")


def fill_everything_white(drawing: str) -> str:
    """Return a CSS rule that makes each class white which colour_truth.svg fills."""
    sheet = re.search(r"<style>(.*?)</style>", drawing, flags=re.DOTALL)
    names = re.findall(r"\.([\w-]+)\{fill:#", sheet[1] if sheet else "")
    return ",".join(f".{name}" for name in names if name not in ("ink", "tip")) + "{fill:#ffffff}"


def render(svg: Path, *, gray: bool) -> None:
    """Render an SVG to a PNG beside it, in its own size, 8-bit gray or RGB."""
    from PIL import Image

    tool = shutil.which("rsvg-convert")
    if tool is None:
        raise BuildError("rsvg-convert is missing: apt-get install librsvg2-bin")
    png = svg.with_suffix(".png")
    subprocess.run([tool, "--background-color", "white", str(svg), "-o", str(png)], check=True)
    picture = Image.open(png).convert("L" if gray else "RGB")
    picture = few_grays(picture) if gray else few_colours(picture)
    picture.save(png, optimize=True, dpi=(300, 300))


def few_grays(picture, levels: int = 17):
    """Return a gray picture with evenly spaced levels, black and white among them."""
    step = 255 / (levels - 1)
    return picture.point([round(round(value / step) * step) for value in range(256)])


def few_colours(picture, flat_px: int = 900):
    """Return an RGB picture with a palette of 256: flat colours stay exact, edges come close.

    A colour is flat that covers at least flat_px pixels. This makes the file a third as large.
    """
    import numpy as np
    from PIL import Image

    pixels = np.asarray(picture).astype(np.int32)
    codes = pixels @ np.array([65536, 256, 1])
    values, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    colours = np.stack([values >> 16, values >> 8 & 255, values & 255], axis=1)
    flats = colours[counts >= flat_px]
    edges = np.repeat(colours, np.minimum(counts, 40), axis=0)[None].astype(np.uint8)
    wanted = 256 - len(flats)
    blends = Image.fromarray(edges).quantize(wanted, method=Image.Quantize.MEDIANCUT).getpalette()
    palette = np.concatenate([flats, np.reshape(blends[: 3 * wanted], (-1, 3))])
    distance = ((colours[:, None] - palette[None]) ** 2).sum(axis=2)
    nearest = distance.argmin(axis=1).astype(np.uint8)
    indexed = Image.fromarray(nearest[places].reshape(codes.shape), mode="P")
    indexed.putpalette(palette.astype(np.uint8).tobytes())
    return indexed


def check_points(folder: Path) -> list[str]:
    """Return a line for each pair whose two ends don't lie in the middle of one colour."""
    from PIL import Image

    reference = Image.open(folder / "reference.png").convert("RGB")
    truth = Image.open(folder / "colour_truth.png").convert("RGB")
    lines = Image.open(folder / "lineart.png").convert("L")
    complaints = []
    for number, pair in enumerate(read_pairs(folder), start=1):
        here, there = pair["reference"], pair["lineart"]
        colours = [around(reference, here), around(truth, there)]
        if any(len(c) != 1 for c in colours) or colours[0] != colours[1]:
            complaints.append(
                f"pair {number}: {here} shows {colours[0]}, {there} shows {colours[1]}"
            )
        if around(lines, there) != {255}:
            complaints.append(f"pair {number}: {there} lies on a line")
    return complaints


def around(picture, point: list[int], reach_px: int = 8) -> set:
    """Return the set of colours in the square of +-reach_px around a point."""
    x, y = point
    box = (x - reach_px, y - reach_px, x + reach_px + 1, y + reach_px + 1)
    return {colour for _, colour in picture.crop(box).getcolors()}


def read_pairs(folder: Path) -> list[dict]:
    return json.loads((folder / "points.json").read_text(encoding="utf-8"))["pairs"]


def pictures(folder: Path) -> None:
    make_line_art(folder)
    render(folder / "reference.svg", gray=False)
    render(folder / "colour_truth.svg", gray=False)
    render(folder / "lineart.svg", gray=True)
    complaints = check_points(folder)
    if complaints:
        raise BuildError("points.json does not fit the pictures:\n  " + "\n  ".join(complaints))
    for png in sorted(folder.glob("*.png")):
        print(f"{png.relative_to(EXAMPLES)}: {png.stat().st_size // 1024} KiB")


def run_in_krita(folder: Path, task: str) -> dict:
    """Run `task` of inside_krita.py in a Krita of its own; return what it reported."""
    for tool in ("krita", "Xvfb", "openbox"):
        if shutil.which(tool) is None:
            raise BuildError(f"{tool} is missing: apt-get install krita xvfb openbox")
    with tempfile.TemporaryDirectory(prefix="example-krita-") as home_name:
        home = Path(home_name)
        write_home(home)
        report = home / "report.json"
        environment = clean_environment(home) | {
            "EXAMPLE_TASK": task,
            "EXAMPLE_FOLDER": str(folder),
            "EXAMPLE_REPORT": str(report),
            "EXAMPLE_SCREENS": tempfile.mkdtemp(prefix=f"{folder.name}-screens-")
            if task == "check"
            else str(home),
        }
        with VirtualDisplay(environment) as display:
            environment["DISPLAY"] = display
            command = ["timeout", "-k", "10", str(KRITA_LIMIT_S), "krita", "--nosplash"]
            with (home / "krita.log").open("w") as log:
                subprocess.run(command, env=environment, stdout=log, stderr=log, check=False)
        if not report.exists():
            last_words = (home / "krita.log").read_text(encoding="utf-8", errors="replace")[-2000:]
            raise BuildError(f"Krita ended without a report. Its last words:\n{last_words}")
        result = json.loads(report.read_text(encoding="utf-8"))
    if result.get("error"):
        raise BuildError(result["error"])
    return result


def squeeze(document: Path) -> None:
    """Pack a .kra again with deflate: Krita stores its layers almost plain, to save fast."""
    packed = document.with_suffix(".kra~")
    with zipfile.ZipFile(document) as old, zipfile.ZipFile(packed, "w") as new:
        for entry in old.infolist():
            # Whoever looks for the type of the file reads it at the start, not compressed.
            plain = entry.filename == "mimetype"
            method = zipfile.ZIP_STORED if plain else zipfile.ZIP_DEFLATED
            content = old.read(entry)
            if entry.filename == "mergedimage.png":
                content = smaller_png(content)
            new.writestr(entry, content, compress_type=method, compresslevel=9)
    packed.replace(document)


def smaller_png(content: bytes) -> bytes:
    """Return the same PNG, as small as Pillow makes it."""
    from PIL import Image

    picture = Image.open(io.BytesIO(content))
    written = io.BytesIO()
    picture.save(
        written, "PNG", optimize=True, icc_profile=picture.info.get("icc_profile"), dpi=(300, 300)
    )
    return min(content, written.getvalue(), key=len)


def write_home(home: Path) -> None:
    """Make a home folder whose Krita runs inside_krita.py."""
    plugins = home / ".local/share/krita/pykrita"
    (plugins / "example").mkdir(parents=True)
    (home / ".config").mkdir()
    (home / "run").mkdir(mode=0o700)
    (home / ".config/kritarc").write_text("[python]\nenable_example=true\n", encoding="utf-8")
    (plugins / "example.desktop").write_text(
        "[Desktop Entry]\nType=Service\nServiceTypes=Krita/PythonPlugin\nX-KDE-Library=example\n"
        "X-Python-2-Compatible=false\nName=Example\nComment=Builds an example document\n",
        encoding="utf-8",
    )
    (plugins / "example/__init__.py").write_text(
        f"import sys\nsys.path.insert(0, {str(EXAMPLES)!r})\nimport inside_krita\n"
        "inside_krita.install()\n",
        encoding="utf-8",
    )


def clean_environment(home: Path) -> dict[str, str]:
    unwanted = {"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "PYTHONPATH", "PYTHONHOME"}
    environment = {key: value for key, value in os.environ.items() if key not in unwanted}
    # Krita's Python takes its library from the first python3 on the PATH, so a pyenv or a virtual
    # environment there would hide PyQt from it.
    krita = str(Path(shutil.which("krita") or "/usr/bin/krita").parent)
    return environment | {
        "PATH": os.pathsep.join([krita, "/usr/bin", "/bin"]),
        "HOME": str(home),
        "XDG_RUNTIME_DIR": str(home / "run"),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent",
    }


class VirtualDisplay:
    """Xvfb and openbox for the length of a with block; gives the display's name."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.processes: list[subprocess.Popen] = []

    def __enter__(self) -> str:
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1000x24"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        server = subprocess.Popen([*command, "-nolisten", "tcp"], pass_fds=[writing], **quiet)
        self.processes.append(server)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise BuildError("Xvfb did not start.")
        display = f":{number}"
        surroundings = self.environment | {"DISPLAY": display}
        self.processes.append(subprocess.Popen(["openbox"], env=surroundings, **quiet))
        time.sleep(0.5)
        return display

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            process.terminate()
            process.wait()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", choices=["pictures", "krita", "check", "all"])
    parser.add_argument("example", nargs="+", help="folder below examples/")
    arguments = parser.parse_args()
    tasks = ["pictures", "krita", "check"] if arguments.task == "all" else [arguments.task]
    try:
        for name in arguments.example:
            for task in tasks:
                if task == "pictures":
                    pictures(EXAMPLES / name)
                    continue
                print(json.dumps(run_in_krita(EXAMPLES / name, task), indent=1))
                if task == "krita":
                    squeeze(EXAMPLES / name / f"{name}.kra")
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
