# SPDX-License-Identifier: GPL-3.0-or-later
"""From a folder of animation clips to training pairs (MangaNinja, arXiv 2501.08332, section 4)."""
