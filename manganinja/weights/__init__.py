# SPDX-License-Identifier: GPL-3.0-or-later
"""Where models live (:mod:`.find`), how they are loaded (:mod:`.load`), and where the published
weights come from: :mod:`.sources`, :mod:`.download`, :mod:`.convert`, with :mod:`.ledger` for what is
written down about them."""
