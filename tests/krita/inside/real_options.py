# SPDX-License-Identifier: GPL-3.0-or-later
"""The example and the bundled model: quality, opaque parts, a layer to start from."""

import kit
from kit import QtGui
from real import coloured, example

ARGB = QtGui.QImage.Format.Format_ARGB32
BODY = (900, 900, 700, 1600)


def mean(node):
    """Mean (red, green, blue) of the figure's middle."""
    pixels = bytes(node.projectionPixelData(*BODY))
    step = 4 * 97
    count = len(pixels) // step
    return [sum(pixels[i : step * count : step]) / count for i in (2, 1, 0)]


def distance(one, other):
    return sum(abs(a - b) for a, b in zip(one, other)) / 3


def check_the_example_is_painted_from_a_layer_with_a_little_strength(figures):
    document = yield from example()
    green = kit.image(document.width(), document.height(), "#30c060")
    kit.add_layer(document, "Green", green)
    del green
    yield 1000
    kit.choose(kit.widget("colorize_result"), "As the network paints")
    kit.choose(kit.widget("colorize_quality"), "Draft")
    start, strength = kit.widget("colorize_start"), kit.widget("colorize_strength")
    kit.choose(start, "Green")
    wanted = QtGui.QColor("#30c060").getRgb()[:3]
    away = {}
    says = {
        10: "Started from “Green”, 10 % of it painted anew.",
        100: "100 % painted anew leaves nothing of “Green”",
    }
    for number, percent in enumerate(says, start=1):
        strength.setValue(percent)
        result = yield from coloured(document, f"Proposal {number} (seed 7, draft)")
        assert says[percent] in kit.message(), kit.message()
        away[percent] = distance(mean(result), wanted)
        assert kit.entries(start)[1] == result.name()
    figures["away from the layer, in levels of 255, by percent"] = away
    assert away[10] < 0.3 * away[100], away


def inverted(node):
    """The layer's picture in opposite colours, faint but for a corner, and where it lies."""
    box = node.bounds()
    place = box.x(), box.y(), box.width(), box.height()
    picture = QtGui.QImage(bytes(node.projectionPixelData(*place)), *place[2:], ARGB).copy()
    picture.invertPixels()
    painter = QtGui.QPainter(picture)
    painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.fillRect(picture.rect(), QtGui.QColor(0, 0, 0, 120))
    painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_Source)
    painter.fillRect(0, 0, 60, 60, QtGui.QColor(250, 250, 250))
    painter.end()
    return picture, place[:2]


def check_a_part_of_a_reference_that_is_not_painted_does_not_count(figures):
    document = yield from example()
    picture, place = inverted(document.nodeByName("Reference"))
    kit.add_layer(document, "Faint", picture, *place)
    del picture
    yield 1000
    kit.choose(kit.widget("colorize_result"), "As the network paints")
    kit.choose(kit.widget("colorize_quality"), "Draft")
    kit.choose(kit.widget("colorize_points"), None)
    kit.widget("colorize_add_reference").click()
    kit.choose(kit.boxes()[1], "Faint")
    kit.widget("colorize_counting_1_weight").setValue(10)
    whole = mean((yield from coloured(document, "Proposal 1 (seed 7, draft)")))
    kit.widget("colorize_counting_1_only_painted").click()
    corner = mean((yield from coloured(document, "Proposal 2 (seed 7, draft)")))
    kit.widget("colorize_remove_reference").click()
    alone = mean((yield from coloured(document, "Proposal 3 (seed 7, draft)")))
    figures["all of it, a corner of it, without it"] = whole, corner, alone
    assert distance(corner, alone) < 0.5 * distance(whole, alone), (whole, corner, alone)
