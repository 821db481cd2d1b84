# SPDX-License-Identifier: GPL-3.0-or-later
"""What is few and far apart on a large page is looked at without the rest."""

from __future__ import annotations

import numpy as np
import pytest

from manganinja.flats.pixels import PATCH_PX, looked_up, patches
from manganinja.flats.regions import nearest_label


def test_patches_hold_what_is_set_and_something_round_it() -> None:
    mask = np.zeros((700, 900), bool)
    mask[10, 20] = mask[680, 880] = mask[330:340, 400:410] = True
    windows = patches(mask)
    assert len(windows) == 3
    held = np.zeros(mask.shape, int)
    for window in windows:
        held[window] += mask[window]
    assert (held[mask] == 1).all()
    rows, columns = windows[1]
    assert rows.start <= 330 - PATCH_PX and columns.stop >= 410 + PATCH_PX
    assert patches(np.zeros((5, 5), bool)) == []


@pytest.mark.parametrize("far", [30, 400])
def test_a_few_pixels_get_the_nearest_label_as_all_would(far: int) -> None:
    labels = np.zeros((600, 800), np.int32)
    labels[:, : 400 - far], labels[:, 400 + far :] = 3, 5
    wanted = np.zeros(labels.shape, bool)
    wanted[300, 395], wanted[301, 405], wanted[20, 100] = True, True, True
    labels[500:, 700:] = 7
    found, whole = nearest_label(labels, wanted), nearest_label(labels)
    assert (found[wanted] == whole[wanted]).all() and (found[wanted] > 0).all()
    untouched = (labels == 0) & ~wanted
    assert (found[labels > 0] == labels[labels > 0]).all()
    assert far > PATCH_PX or (found[untouched] == 0).all()


def test_a_large_picture_is_looked_up_as_a_small_one_is() -> None:
    picture = np.random.default_rng(0).integers(0, 50, (1103, 1201), np.int32)
    table = np.arange(50, dtype=np.uint8)[::-1].copy()
    assert (looked_up(table, picture) == table[picture]).all()
    assert (looked_up(table, picture[:, ::3]) == table[picture[:, ::3]]).all()
