# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m manganinja``, which is what ``accelerate launch -m manganinja train ...`` runs."""

import sys

from .cli import main

sys.exit(main())
