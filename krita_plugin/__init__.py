# SPDX-License-Identifier: GPL-3.0-or-later
"""Colorize: the docker that colours line art from a reference.

Inside Krita, importing this registers the docker.  Outside it does nothing, so that the parts
without Krita can be tested anywhere.
"""

import sys
from importlib.util import find_spec

VERSION = "0.1.0"


def _start() -> None:
    try:
        from .docker import dock
    except ImportError as error:
        # Seen in Krita's plugin manager and on its terminal.
        raise ImportError(
            f"The Colorize plugin is incomplete ({error}). Run `python3 install.py` in the "
            "project's folder: a copy of the source folder alone has not all parts."
        ) from error
    dock.register()


if "krita" in sys.modules or find_spec("krita") is not None:
    _start()
