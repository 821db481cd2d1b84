# SPDX-License-Identifier: GPL-3.0-or-later
"""Quality, how each reference counts, and a layer to start from: from the docker to the server."""

import os

import kit
from kit import QtCore, QtGui, QtWidgets

HOLE = QtCore.QRect(200, 250, 200, 200)


def two_references():
    """The figure, and beside its reference another one with a hole; both are chosen."""
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    other = kit.figure(600, 800, True, 0.02)
    painter = QtGui.QPainter(other)
    painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_Clear)
    painter.fillRect(HOLE, QtCore.Qt.GlobalColor.black)
    painter.end()
    kit.add_layer(document, "andere Farben", other)
    document.refreshProjection()
    yield 800
    kit.widget("colorize_seed").setValue(7)
    kit.choose(kit.boxes()[0], "Farbvorlage")
    kit.widget("colorize_add_reference").click()
    kit.choose(kit.boxes()[1], "andere Farben")
    # A point where both lie could mean either.
    kit.choose(kit.widget("colorize_points"), None)
    return document


def counting(number):
    """(weight, only what is painted, the button's text) of a row of the references."""
    name = f"colorize_counting_{number}"
    painted = kit.widget(f"{name}_only_painted").isChecked()
    return kit.widget(f"{name}_weight").value(), painted, kit.widget(name).text()


def asked_again():
    """Presses, and gives what the server says it was asked."""
    kit.press()
    yield from kit.until(lambda: kit.is_working() or "new layer" in kit.message(), "the work", 10)
    yield from kit.job_done()
    yield 600
    assert "new layer" in kit.message(), kit.message()
    return next(line for line in kit.message().splitlines() if "Quality" in line)


def check_all_options_of_the_docker_reach_the_server_and_the_file(figures):
    document = yield from two_references()
    strength, start = kit.widget("colorize_strength"), kit.widget("colorize_start")
    quality, steps = kit.widget("colorize_quality"), kit.widget("colorize_steps")
    assert counting(0) == counting(1) == (1.0, False, "…")
    yield from kit.until(lambda: steps.text() == "auto (4)", "the model", 40)
    assert quality.currentText() == "As the model recommends"
    assert start.currentText() == "nothing" and not strength.isEnabled()
    said = yield from asked_again()
    assert "Quality None, references [1, 1], from nothing." in said, said
    # The result is what an artist starts from most often.
    assert kit.entries(start)[:2] == ["nothing", "Flats 1 (seed 7)"], kit.entries(start)
    assert "Punkte" not in kit.entries(start)

    kit.choose(quality, "Draft")
    assert steps.text() == "auto", "the model's own number would not be true"
    kit.widget("colorize_counting_1_weight").setValue(2.5)
    kit.widget("colorize_counting_1_only_painted").click()
    assert counting(1) == (2.5, True, "2.5× ◐") and counting(0) == (1.0, False, "…")
    kit.choose(start, "Flats 1 (seed 7)")
    assert strength.isEnabled() and strength.value() == 60
    strength.setValue(35)
    fold = kit.widget("colorize_numbers")
    fold.click()
    yield 400
    assert kit.widget("colorize_strength_percent").text() == "35 %"
    kit.dock().findChild(QtWidgets.QScrollArea).ensureWidgetVisible(strength)
    yield 300
    kit.shot("docker-options", dock_only=True)
    before = kit.fingerprints(document)
    said = yield from asked_again()
    middle = kit.pixel(document.nodeByName("Flats 1 (seed 7)"), 300, 400)[:3]
    wanted = f"Quality draft, references [1, 2.5 painted], from #{bytes(middle).hex()} at 0.35."
    assert wanted in said, (said, wanted)
    assert "Started from “Flats 1 (seed 7)”, 35 % of it painted anew." in kit.message()
    assert "Flats 2 (seed 7, draft)" in kit.names(document), kit.names(document)
    after = kit.fingerprints(document)
    assert {k: v for k, v in after.items() if k in before} == before
    assert kit.entries(start)[1] == "Flats 2 (seed 7, draft)", "the newest one comes first"
    assert start.currentText() == "Flats 1 (seed 7)", "the artist's choice stays"

    path = os.path.join(kit.FOLDER, "options.kra")
    yield from kit.save_and_close(document, path)
    yield from kit.ready_document(name="other")
    assert quality.currentText() == "As the model recommends"
    assert start.currentText() == "nothing" and counting(0) == (1.0, False, "…")
    again = kit.APP.openDocument(path)
    kit.APP.activeWindow().addView(again)
    yield from kit.until(lambda: len(kit.boxes()) == 2, "the choices to come back", 10)
    yield from kit.until(lambda: counting(1) == (2.5, True, "2.5× ◐"), "the weight", 10)
    assert quality.currentText() == "Draft"
    assert (start.currentText(), strength.value()) == ("Flats 1 (seed 7)", 35)
    # A layer that goes away is started from no more.
    again.nodeByName("Flats 1 (seed 7)").remove()
    yield from kit.until(lambda: start.currentText() == "nothing", "the layer to go", 3)
    assert not strength.isEnabled()
    fold.click()


def check_how_a_reference_counts_goes_with_its_layer(figures):
    document = yield from two_references()
    kit.widget("colorize_counting_0_weight").setValue(0.5)
    kit.widget("colorize_counting_1_only_painted").click()
    first, second = kit.boxes()
    # Exchanged, by way of a moment in which both rows show one layer.
    kit.choose(first, "andere Farben")
    kit.choose(second, "Farbvorlage")
    assert counting(0) == (1.0, True, "◐") and counting(1) == (0.5, False, "0.5×")
    said = yield from asked_again()
    assert "references [1 painted, 0.5]" in said, said
    # Taken away and added again.
    kit.widget("colorize_remove_reference").click()
    said = yield from asked_again()
    assert "references [1 painted]" in said, said
    kit.widget("colorize_add_reference").click()
    assert not kit.widget("colorize_counting_1").isEnabled(), "there is no layer to speak of"
    kit.choose(kit.boxes()[1], "Farbvorlage")
    assert counting(1) == (0.5, False, "0.5×")
    # A hidden layer counts as it did.
    document.nodeByName("andere Farben").setVisible(False)
    yield 1200
    said = yield from asked_again()
    assert "references [1 painted, 0.5]" in said, said
    button = kit.widget("colorize_counting_1")
    button.click()
    yield 500
    weight = kit.widget("colorize_counting_1_weight")
    assert weight.isVisible(), "a click on the button shows the number"
    figures["tooltip"] = button.toolTip()
    kit.shot("docker-counting")
    weight.window().close()
    yield 200


def check_what_can_not_count_or_be_started_from_is_said(figures):
    document = yield from two_references()
    kit.add_layer(document, "leer", kit.image(600, 800))
    faint = kit.figure(600, 800, True)
    painter = QtGui.QPainter(faint)
    painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.fillRect(0, 0, 600, 800, QtGui.QColor(0, 0, 0, 90))
    painter.end()
    kit.add_layer(document, "blass", faint)
    yield 800
    start = kit.widget("colorize_start")
    for layer, says in (("leer", "“leer” is empty"), ("Tusche", "under “Start from”")):
        kit.choose(start, layer)
        kit.press()
        yield from kit.until(lambda says=says: says in kit.message(), says, 10)
        yield from kit.job_done()
    kit.choose(start, None)
    kit.choose(kit.boxes()[1], "blass")
    kit.widget("colorize_counting_1_only_painted").click()
    kit.press()
    yield from kit.until(lambda: "“blass” is opaque" in kit.message(), "the refusal", 10)
    yield from kit.job_done()
    kit.widget("colorize_counting_1_only_painted").click()
    said = yield from asked_again()
    assert "references [1, 1], from nothing" in said, said
