# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the plugin as Krita installs it.  Standard library only: install.py runs it.

    python3 krita_plugin/package.py DESTINATION

makes DESTINATION/manganinja_krita/ and DESTINATION/manganinja_krita.desktop.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

NAME = "manganinja_krita"
_NOT_SHIPPED = ("__pycache__", "*.pyc", "package.py", "vendor", "*.desktop")


def build(destination: Path) -> Path:
    """Writes the plugin into the folder ``destination`` and returns the plugin's folder.

    Replaces an earlier build of the same name there.  Raises OSError.
    """
    source = Path(__file__).resolve().parent
    destination.mkdir(parents=True, exist_ok=True)
    plugin = destination / NAME
    if plugin.exists():
        shutil.rmtree(plugin)
    skip = shutil.ignore_patterns(*_NOT_SHIPPED)
    shutil.copytree(source, plugin, ignore=skip)
    shutil.copytree(source.parent / "manganinja" / "wire", plugin / "wire", ignore=skip)
    shutil.copytree(
        source / "vendor" / "websockets",
        plugin / "wire" / "websockets",
        ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "speedups*"),
    )
    shutil.copy2(source.parent / "LICENSE", plugin / "LICENSE")
    shutil.copy2(source / f"{NAME}.desktop", destination / f"{NAME}.desktop")
    return plugin


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: package.py DESTINATION")
    print(build(Path(sys.argv[1])))
