# SPDX-License-Identifier: GPL-3.0-or-later
"""Where models live (:mod:`.find`) and how they are loaded (:mod:`.load`)."""
