# SPDX-License-Identifier: GPL-3.0-or-later
"""Things that happen while a job runs.  None of them loses anything."""

import json
import os
import signal

import kit

HOME = os.environ["MANGANINJA_HOME"]


def start(steps=40):
    """Presses for a job of about ``steps`` tenths of a second; returns when it is being painted."""
    kit.widget("colorize_steps").setValue(steps)
    kit.press()
    yield from kit.until(
        lambda: "step 3" in kit.widget("colorize_stage").text(), "the third step", 60
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
    yield from start(15)
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
    yield from start(12)
    document.nodeByName("Tusche").remove()
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
    figures["says"] = kit.message()
    assert "line art layer is gone" in kit.message()
    assert kit.names(document)[0].startswith("Colorize 1")


def check_line_art_moved_midway_takes_the_result_along(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    group = document.createGroupLayer("Gruppe")
    document.rootNode().addChildNode(group, None)
    kit.add_layer(document, "unten", kit.image(600, 800), parent=group)
    yield 300
    yield from start(12)
    art = document.nodeByName("Tusche")
    copy = art.parentNode()
    assert copy is not None
    # The same layer in another place, as dragging it in the Layers docker does.
    document.rootNode().removeChildNode(art)
    group.addChildNode(art, None)
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
    figures["says"] = kit.message()
    inside = [node.name() for node in group.childNodes()]
    assert inside[0] == "unten" and inside[1].startswith("Colorize 1"), (inside, kit.message())


def check_another_document_may_be_shown_meanwhile(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document(name="first")
    yield from start(15)
    other = yield from kit.new_document(300, 300, "second")
    before = kit.fingerprints(other)
    yield from kit.until(lambda: not kit.is_working(), "the job to end", 30)
    assert kit.names(document)[2].startswith("Colorize 1"), (kit.names(document), kit.message())
    assert kit.fingerprints(other) == before
    assert "new layer" not in kit.message(), "what was said of the one is shown with the other"
