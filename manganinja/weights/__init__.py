# SPDX-License-Identifier: GPL-3.0-or-later
"""Where models live and how they are loaded."""

from __future__ import annotations

from .find import MINI, find_model
from .load import load_pipeline

__all__ = ["MINI", "find_model", "load_pipeline"]
