# SPDX-License-Identifier: GPL-3.0-or-later
"""A small network that finds the line art's regions again in the reference."""
