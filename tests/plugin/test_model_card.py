# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docker says of a model."""

from krita_plugin.model_card import card, explained
from manganinja.wire.protocol import ModelInfo

MINI = ModelInfo("mini", "MangaNinja mini", 128, licence="GPL-3.0-or-later, own drawings")


def test_title_resolution_and_licence_in_one_line():
    assert card(MINI, is_named=True) == "Paints at 128 px · GPL-3.0-or-later, own drawings"
    assert card(MINI) == "MangaNinja mini · Paints at 128 px · GPL-3.0-or-later, own drawings"


def test_what_is_not_known_is_left_out():
    assert card(ModelInfo("/models/inks")) == "/models/inks" == explained(ModelInfo("/models/inks"))
    assert card(ModelInfo("inks", licence="CC0")) == "inks · CC0"


def test_the_longer_text_says_what_the_numbers_are():
    assert "Working resolution: 128 px" in explained(MINI)
    assert "Licence: GPL-3.0-or-later" in explained(MINI)
