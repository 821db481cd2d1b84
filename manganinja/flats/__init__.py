# SPDX-License-Identifier: GPL-3.0-or-later
"""Flats: from line art and any proposal of colours to clean regions in exact palette colours.

Needs numpy, OpenCV and Pillow; imports no torch.
"""
