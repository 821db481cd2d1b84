# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that happen while a job runs.  None of them loses anything."""

import json
import os
import re
import signal
import sys

import kit

HOME = os.environ["MANGANINJA_HOME"]


def start(steps=40):
    """Presses for a job of about ``steps`` tenths of a second; returns when it is being painted."""
    stage = kit.widget("colorize_stage")
    kit.widget("colorize_steps").setValue(steps)
    kit.press()
    # A busy machine may not show every step.
    yield from kit.until(
        lambda: kit.is_working() and re.search(r"step ([3-9]|\d\d)", stage.text()),
        "the third step",
        60,
    )


def check_cancel_leaves_nothing_behind(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    before, history = kit.fingerprints(document), kit.undo_steps()
    yield from start()
    assert not kit.widget("colorize_button").isVisibleTo(kit.dock())
    assert kit.widget("colorize_preview").isVisibleTo(kit.dock())
    assert 0 < kit.widget("colorize_progress").value() < 1000
    kit.shot("docker-working", dock_only=True)
    kit.shot("screen-working")
    kit.widget("colorize_cancel").click()
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 5)
    assert "Cancelled" in kit.message()
    assert kit.fingerprints(document) == before and kit.undo_steps() == history
    kit.widget("colorize_steps").setValue(2)
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the next press to work", 30)


def check_cancel_while_the_result_is_on_its_way_leaves_nothing_behind(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    before, history = kit.fingerprints(document), kit.undo_steps()
    yield from start(8)
    # The server has not heard of it when the picture leaves: the moment that can't be timed.
    client = kit.workshop()._client
    client.cancel = lambda job: None
    try:
        kit.widget("colorize_cancel").click()
        yield from kit.until(lambda: not kit.is_working(), "the job to end", 20)
    finally:
        del client.cancel
    assert "Cancelled" in kit.message(), kit.message()
    yield 500
    assert kit.fingerprints(document) == before and kit.undo_steps() == history
    kit.widget("colorize_steps").setValue(2)
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the next press to work", 30)


def check_a_result_that_can_not_be_saved_ends_with_a_sentence(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    results = os.path.join(HOME, "results")
    if os.path.exists(results):
        os.rename(results, results + ".away")
    with open(results, "w", encoding="utf-8"):
        pass  # A file where the folder should be.
    try:
        yield from start(10)
        document.setModified(False)
        document.close()
        del document
        yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
        figures["says"] = kit.message()
        assert "could not be saved" in kit.message(), kit.message()
    finally:
        os.remove(results)
        if os.path.exists(results + ".away"):
            os.rename(results + ".away", results)
    # The thread is free at once, not when it stops waiting for the result to arrive.
    yield from kit.ready_document(name="next")
    kit.widget("colorize_steps").setValue(2)
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the next press to work", 30)


def check_server_killed_midway_is_said_and_the_next_press_works(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    before = kit.fingerprints(document)
    yield from start()
    with open(os.path.join(HOME, "server.json"), encoding="utf-8") as record:
        pid = json.load(record)["pid"]
    os.kill(pid, signal.SIGKILL)
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 20)
    figures["says"] = kit.message()
    yield 300
    assert "server stopped" in kit.message() and "Press Colorize again" in kit.message()
    assert kit.fingerprints(document) == before
    kit.shot("docker-server-died", dock_only=True)
    kit.widget("colorize_steps").setValue(2)
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the next press to work", 60)
    figures["then"] = kit.widget("colorize_server").text()


def check_document_closed_midway_keeps_the_result_as_a_picture(figures):
    yield from kit.show_dock()
    document, (references, linearts) = yield from kit.ready_document()
    red = kit.pixel(document.nodeByName("Farbvorlage"), *references[0])
    yield from start()
    document.setModified(False)
    document.close()
    del document
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
    figures["says"] = kit.message()
    assert "was closed" in kit.message() and "kept as" in kit.message(), kit.message()
    path = kit.message().split("kept as", 1)[1].strip()
    picture = kit.QtGui.QImage(path)
    assert (picture.width(), picture.height()) == (600, 800), path
    colour = picture.pixelColor(int(linearts[0][0]), int(linearts[0][1]))
    assert colour.getRgb()[:3] == red[:3]
    yield 300
    kit.shot("docker-closed", dock_only=True)


def check_line_art_deleted_midway_puts_the_result_on_top(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    yield from start()
    document.nodeByName("Tusche").remove()
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
    figures["says"] = kit.message()
    assert "line art layer is gone" in kit.message()
    assert kit.names(document)[0].startswith("Flats 1")


def check_flattened_midway_the_result_lands_on_top(figures):
    yield from kit.show_dock()
    document, (_, linearts) = yield from kit.ready_document()
    yield from start()
    kit.APP.action("flatten_image").trigger()
    document.waitForDone()
    yield from kit.until(lambda: len(kit.names(document)) == 1, "the flattening", 10)
    flat = kit.fingerprints(document)
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
    figures["says"] = kit.message()
    assert "line art layer is gone" in kit.message(), kit.message()
    top, *others = kit.names(document)
    assert top.startswith("Flats 1") and len(others) == 1, kit.names(document)
    colour = kit.QtGui.QColor(kit.FIGURE[0][0]).getRgb()[:3]
    assert kit.pixel(document.topLevelNodes()[1], *linearts[0])[:3] == colour
    assert {k: v for k, v in kit.fingerprints(document).items() if k in flat} == flat
    kit.undo()
    yield 500
    assert kit.fingerprints(document) == flat


def check_line_art_moved_midway_takes_the_result_along(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    group = document.createGroupLayer("Gruppe")
    document.rootNode().addChildNode(group, None)
    kit.add_layer(document, "unten", kit.image(600, 800), parent=group)
    yield 300
    yield from start()
    art = document.nodeByName("Tusche")
    copy = art.parentNode()
    assert copy is not None
    # The same layer in another place, as dragging it in the Layers docker does.
    document.rootNode().removeChildNode(art)
    group.addChildNode(art, None)
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
    figures["says"] = kit.message()
    inside = [node.name() for node in group.childNodes()]
    assert inside[0] == "unten" and inside[1].startswith("Flats 1"), (inside, kit.message())


def check_another_document_may_be_shown_meanwhile(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document(name="first")
    yield from start()
    other = yield from kit.new_document(300, 300, "second")
    before = kit.fingerprints(other)
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
    assert kit.names(document)[2].startswith("Flats 1"), (kit.names(document), kit.message())
    assert kit.fingerprints(other) == before
    assert "new layer" not in kit.message(), "what was said of the one is shown with the other"


def _placed_after(change):
    """A job in whose middle ``change(document)`` happens; (document, result, spots, history)."""
    yield from kit.show_dock()
    document, spots = yield from kit.ready_document()
    yield from start(60)
    change(document)
    document.waitForDone()
    # Krita puts the step into its history a moment after the deed.
    yield 600
    before, history = kit.fingerprints(document), kit.undo_steps()
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
    yield 500
    assert "new layer" in kit.message(), kit.message()
    assert kit.undo_steps() == history + 1, (history, kit.undo_steps())
    after = kit.fingerprints(document)
    assert {k: v for k, v in after.items() if k in before} == before
    result = next(n for n in kit.all_nodes(document.rootNode()) if n.name().startswith("Flats"))
    return document, result, spots, before


def _place(node):
    box = node.bounds()
    return box.x(), box.y(), box.width(), box.height()


def check_cropped_midway_the_colours_go_along_with_the_lines(figures):
    document, result, (_, linearts), before = yield from _placed_after(
        lambda document: document.crop(50, 70, 400, 500)
    )
    figures["says"] = kit.message()
    assert "600 × 800 to 400 × 500 px" in kit.message(), kit.message()
    assert "along with the line art" in kit.message(), kit.message()
    assert _place(result) == (-50, -70, 600, 800), _place(result)
    x, y = linearts[0]
    wanted = kit.QtGui.QColor(kit.FIGURE[0][0]).getRgb()[:3]
    assert kit.pixel(result, x - 50, y - 70)[:3] == wanted
    kit.shot("docker-cropped", dock_only=True)
    kit.shot("screen-cropped")
    kit.undo()
    yield 800
    assert (document.width(), kit.fingerprints(document)) == (400, before)
    kit.undo()
    yield 800
    assert document.width() == 600, "the artist's own step is the next one"


def check_scaled_midway_the_colours_lie_where_they_were_and_it_is_said(figures):
    _, result, _, _ = yield from _placed_after(
        lambda document: document.scaleImage(1200, 1600, 300, 300, "Bicubic")
    )
    figures["says"] = kit.message()
    assert "600 × 800 to 1200 × 1600 px" in kit.message(), kit.message()
    assert "press Colorize again" in kit.message(), kit.message()
    assert _place(result) == (0, 0, 600, 800), _place(result)


def check_extended_midway_to_the_left_the_colours_still_fit_in_a_group(figures):
    yield from kit.show_dock()
    document, (_, linearts) = yield from kit.ready_document()
    group = document.createGroupLayer("Gruppe")
    kit.add_layer(document, "Reinzeichnung", kit.figure(600, 800, False, 0.08), parent=group)
    document.rootNode().addChildNode(group, None)
    yield 800
    kit.choose(kit.widget("colorize_lineart"), "Gruppe")
    yield from start()
    document.resizeImage(-100, -40, 800, 900)
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
    yield 500
    figures["says"] = kit.message()
    assert "600 × 800 to 800 × 900 px" in kit.message(), kit.message()
    result = document.nodeByName("Flats 1 (seed 0)")
    assert _place(result) == (100, 40, 600, 800), _place(result)
    x, y = linearts[0]
    wanted = kit.QtGui.QColor(kit.FIGURE[0][0]).getRgb()[:3]
    assert kit.pixel(result, x + 100, y + 40)[:3] == wanted


def check_line_art_shifted_midway_takes_the_colours_along(figures):
    _, result, _, _ = yield from _placed_after(
        lambda document: document.nodeByName("Tusche").move(30, -20)
    )
    figures["says"] = kit.message()
    assert "The line art was moved" in kit.message(), kit.message()
    assert _place(result) == (30, -20, 600, 800), _place(result)


def _read_in_bands(meanwhile):
    """Presses, with pictures read in many turns; ``meanwhile(document)`` is called between two."""
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    pixels = sys.modules["manganinja_krita.canvas.pixels"]
    names = ("_SAME_TURN_BYTES", "_READ_AT_ONCE_BYTES", "_READ_BAND_BYTES", "_read_rows")
    usual = {name: getattr(pixels, name) for name in names}
    read_rows, bands = usual["_read_rows"], []

    def counted(node, box):
        bands.append(box)
        return read_rows(node, box)

    for name, value in zip(names, (0, 1000, 20 * 4 * 600, counted)):
        setattr(pixels, name, value)
    try:
        kit.press()
        # One look at a single pixel, and then bands of 20 rows.
        yield from kit.until(lambda: len(bands) > 5, "some bands", 10, 0)
        assert len(bands) < 40, "all was read before anything could happen"
        meanwhile(document)
        del document
        yield from kit.until(lambda: not kit.is_working() and kit.message(), "the end", 40)
    finally:
        for name, value in usual.items():
            setattr(pixels, name, value)
    yield 500
    return len(bands)


def check_a_canvas_read_in_bands_gives_the_same_picture(figures):
    figures["bands"] = yield from _read_in_bands(lambda document: None)
    assert "new layer" in kit.message() and figures["bands"] == 2 * (1 + 40)
    document = kit.APP.activeDocument()
    result = document.nodeByName("Flats 1 (seed 0)")
    for (colour, _, _, _), spot in zip(kit.FIGURE, kit.figure_spots(600, 800, 0.08)):
        assert kit.pixel(result, *spot)[:3] == kit.QtGui.QColor(colour).getRgb()[:3]


def check_a_layer_deleted_between_two_bands_gets_a_sentence(figures):
    bands = yield from _read_in_bands(lambda document: document.nodeByName("Tusche").remove())
    figures["bands"], figures["says"] = bands, kit.message()
    assert "no longer in the document" in kit.message(), kit.message()
    assert "Choose the layers" in kit.message() and bands < 41


def _close(document):
    document.setModified(False)
    document.close()


def check_a_document_closed_between_two_bands_gets_a_sentence(figures):
    bands = yield from _read_in_bands(_close)
    figures["bands"], figures["says"] = bands, kit.message()
    assert "The document was closed" in kit.message(), kit.message()
    assert "Open it again" in kit.message() and bands < 41


def check_a_canvas_cropped_between_two_bands_gets_a_sentence(figures):
    yield from _read_in_bands(lambda document: document.crop(50, 70, 400, 500))
    figures["says"] = kit.message()
    assert "canvas was changed while it was read" in kit.message(), kit.message()
