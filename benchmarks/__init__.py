# SPDX-License-Identifier: GPL-3.0-or-later
"""Measurements that print a ratio, each run as ``python -m benchmarks.NAME``.

``flats``
    Flats from drawings whose regions and colours are known, beside what an artist would use
    instead: G'MIC's line-art colorization, watersheds and flood fill, on the same pictures and
    hints, in one run. Needs the installed package; G'MIC (``apt-get install gmic``) and
    scikit-image (``pip install scikit-image``) take part where they are installed.

``drawings``
    Pairs of training drawings a second on one core, beside another checkout's.

``inference``
    A sampling step of the published sizes with random weights (or of the mini) beside the published
    code's schedule of work, written plainly in ``published_schedule``.
"""
