# SPDX-License-Identifier: GPL-3.0-or-later
"""Widgets only: they show the state and call the workshop."""
