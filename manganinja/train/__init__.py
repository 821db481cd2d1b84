# SPDX-License-Identifier: GPL-3.0-or-later
"""Training: drawings made here, the codec, and the two stages of MangaNinja."""
