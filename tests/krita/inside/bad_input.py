# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is wrong gets a sentence that says what to do, and changes nothing."""

import kit


def refused(document, *words):
    """Presses; fails unless the docker refuses with these words and leaves everything as it was."""
    before = kit.fingerprints(document) if document else {}
    kit.press()
    yield from kit.until(lambda: kit.message() and not kit.is_working(), "a sentence", 30)
    said = kit.message()
    for word in words:
        assert word in said, (word, said)
    assert "Traceback" not in said and "Error:" not in said, said
    if document:
        assert kit.fingerprints(document) == before
    # Time to be drawn, for the pictures.
    yield 300
    return said


def check_no_document_is_open(figures):
    yield from kit.show_dock()
    figures["says"] = yield from refused(None, "No document is open", "Open a document")


def check_nothing_chosen(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    kit.choose(kit.widget("colorize_lineart"), None)
    figures["lineart"] = yield from refused(document, "No line art", "Choose the layer")
    kit.choose(kit.widget("colorize_lineart"), "Tusche")
    kit.choose(kit.boxes()[0], None)
    figures["reference"] = yield from refused(document, "No reference", "Choose a layer")
    kit.shot("docker-error", dock_only=True)


def check_one_layer_chosen_twice(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    kit.choose(kit.boxes()[0], "Tusche")
    figures["as both"] = yield from refused(document, "as line art and as reference", "different")
    kit.choose(kit.boxes()[0], "Farbvorlage")
    kit.widget("colorize_add_reference").click()
    kit.choose(kit.boxes()[1], "Farbvorlage")
    figures["reference twice"] = yield from refused(document, "twice", "Remove one")
    kit.widget("colorize_remove_reference").click()
    assert len(kit.boxes()) >= 1
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the repaired choice to work", 40)


def check_pictures_without_content(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    kit.add_layer(document, "leer", kit.image(600, 800))
    kit.add_layer(document, "weiss", kit.image(600, 800, "#ffffff"))
    kit.add_layer(document, "rot", kit.image(600, 800, "#c03030"))
    yield 500
    art, reference = kit.widget("colorize_lineart"), kit.boxes()[0]
    kit.choose(art, "leer")
    figures["empty line art"] = yield from refused(document, "“leer” is empty", "lines")
    kit.choose(art, "weiss")
    figures["white line art"] = yield from refused(document, "“weiss” is empty", "lines")
    kit.choose(art, "Tusche")
    kit.choose(reference, "leer")
    figures["empty reference"] = yield from refused(document, "“leer” is empty", "coloured")
    kit.choose(reference, "rot")
    figures["one colour"] = yield from refused(document, "“rot” has one colour", "coloured")


def check_points_that_mean_nothing(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    body = (
        '<circle cx="-50" cy="60" r="9" fill="#ff8800"/>'
        '<circle cx="90" cy="60" r="9" fill="#0000ff"/>'
        '<circle cx="130" cy="60" r="9" fill="#0000ff"/>'
        '<text x="10" y="10" font-size="12">hair</text>'
    )
    kit.add_shapes(document, "nutzlos", body)
    yield 500
    kit.choose(kit.widget("colorize_points"), "nutzlos")
    said = yield from refused(document, "“nutzlos” can be used", "Or choose “none”")
    parts = ("orange (#ff8800) dot at (-50, 60) leaves the canvas", "both round", "text at")
    for part in parts:
        assert part in said, (part, said)
    figures["says"] = said
    kit.shot("docker-points-error", dock_only=True)


def check_points_that_are_left_over_are_listed(figures):
    yield from kit.show_dock()
    document, (references, linearts) = yield from kit.ready_document()
    shapes = kit.pair_shapes(references, linearts)
    for x in (50, 80):
        shapes += f'<circle cx="{x}" cy="60" r="9" fill="#ff8800"/>'
    kit.add_shapes(document, "mehr", shapes)
    yield 500
    kit.choose(kit.widget("colorize_points"), "mehr")
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the result", 40)
    figures["says"] = kit.message()
    assert "On the points layer: 3 pairs." in kit.message(), kit.message()
    assert "3 pairs arrived" in kit.message() and "(80, 60) are both round" in kit.message()
    kit.shot("docker-notes", dock_only=True)


def check_an_empty_points_layer_is_said_and_does_not_stop_the_work(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    document.rootNode().addChildNode(document.createVectorLayer("noch leer"), None)
    yield 500
    kit.choose(kit.widget("colorize_points"), "noch leer")
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the result", 40)
    figures["says"] = kit.message()
    assert "0 pairs arrived" in kit.message() and "“noch leer” is empty" in kit.message()


def check_a_pass_through_group_with_shapes_is_explained(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    group = document.createGroupLayer("Gruppe")
    kit.add_layer(document, "innen", kit.figure(600, 800, True), parent=group)
    group.addChildNode(document.createVectorLayer("Formen"), None)
    group.setPassThroughMode(True)
    document.rootNode().addChildNode(group, None)
    yield 500
    kit.choose(kit.boxes()[0], "Gruppe")
    figures["says"] = yield from refused(document, "Pass Through", "inside it")
    kit.choose(kit.boxes()[0], "Gruppe / innen")
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "a layer inside it to work", 40)


def check_a_layer_that_was_deleted_is_no_longer_offered(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    document.nodeByName("Farbvorlage").remove()
    yield from kit.until(
        lambda: kit.boxes()[0].findText("Farbvorlage") < 0, "the layer to go from the list", 3
    )
    kit.choose(kit.boxes()[0], None)
    yield from refused(document, "No reference is chosen")
