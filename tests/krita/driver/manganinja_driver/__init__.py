# SPDX-License-Identifier: GPL-3.0-or-later
"""A Krita plugin that runs checks inside Krita and writes what came of them.

Environment: DRIVER_SCRIPT (a python file), DRIVER_CHECKS (names of its functions, by commas),
DRIVER_RESULT (the JSON file to write).  A check is a function or a generator; what a generator
yields is a number of milliseconds that Krita's event loop gets.
"""

import os

if os.environ.get("DRIVER_SCRIPT"):
    from . import driver

    driver.install()
