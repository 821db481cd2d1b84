# SPDX-License-Identifier: GPL-3.0-or-later
"""Where models live (:mod:`.find`), and how they are loaded (:mod:`.load`).

The published weights: where they come from (:mod:`.sources`), how they get here (:mod:`.download`),
how they become a model (:mod:`.convert`), and what is written down about them (:mod:`.ledger`).
"""
