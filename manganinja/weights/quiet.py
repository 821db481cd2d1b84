# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps the libraries' reports of loading and saving out of an artist's terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging


@contextmanager
def quiet_loading() -> Iterator[None]:
    """No progress bars and no lists of unused keys; keys are checked by whoever loads."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
