# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures what a model gives on pairs whose truth is known."""
