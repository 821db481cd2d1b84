# SPDX-License-Identifier: GPL-3.0-or-later
"""The local server: one model in a process of its own, behind a websocket for this machine only."""
