# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugin, the command line and the server say to each other.

Standard library only, but for `websockets` in `client`. This folder is copied into the plugin.
"""
