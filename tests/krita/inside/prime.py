# SPDX-License-Identifier: GPL-3.0-or-later
"""No checks: the first start of a fresh home."""
