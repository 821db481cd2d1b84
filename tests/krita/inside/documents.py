# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of document: colour spaces, groups, references beside the drawing, moved points."""

import os

import kit
from kit import QtCore, QtGui


def _converted(document, picture):
    """The bytes of an ARGB32 image in the document's colour space."""
    width, height = picture.width(), picture.height()
    scratch = kit.APP.createDocument(width, height, "scratch", "RGBA", "U8", kit.SRGB, 72.0)
    node = scratch.createNode("x", "paintlayer")
    node.setPixelData(QtCore.QByteArray(kit.image_bytes(picture)), 0, 0, width, height)
    node.setColorSpace(document.colorModel(), document.colorDepth(), document.colorProfile())
    data = node.pixelData(0, 0, width, height)
    scratch.setModified(False)
    scratch.close()
    return data


def _add(document, name, picture):
    node = document.createNode(name, "paintlayer")
    data = _converted(document, picture)
    node.setPixelData(data, 0, 0, picture.width(), picture.height())
    document.rootNode().addChildNode(node, None)


def _check_colours_survive(figures, model, depth, profile, tolerance):
    yield from kit.show_dock()
    size = (400, 500)
    document = yield from kit.new_document(*size, f"{model}{depth}", model, depth, profile)
    _add(document, "Farbe", kit.figure(*size, True))
    _add(document, "Linien", kit.figure(*size, False))
    spots = kit.figure_spots(*size)
    kit.add_shapes(document, "Punkte", kit.pair_shapes(spots, spots))
    document.waitForDone()
    yield 1000
    before, history = kit.fingerprints(document), kit.undo_steps()
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the result", 60)
    yield 800
    after = kit.fingerprints(document)
    assert {k: v for k, v in after.items() if k in before} == before
    assert kit.undo_steps() == history + 1, (history, kit.undo_steps())
    result = next(n for n in document.topLevelNodes() if n.name().startswith("Flats 1"))
    # Both as the artist sees them: ink, say, can't show all of the colours that were put in.
    shown, source = result.thumbnail(*size), document.nodeByName("Farbe").thumbnail(*size)
    worst = _worst(shown, source, spots)
    figures["worst difference"] = worst
    figures["says"] = kit.message()
    assert worst <= tolerance, (worst, figures)
    kit.undo()
    yield 500
    assert kit.fingerprints(document) == before
    # By index, and as a group: only the table's colours are converted.
    kit.choose(kit.widget("colorize_result"), "One layer per colour")
    kit.press()
    yield from kit.until(lambda: "new group" in kit.message(), "the group", 60)
    yield 800
    group = next(n for n in document.topLevelNodes() if n.name().startswith("Colours 1"))
    spaces = {(n.colorModel(), n.colorDepth(), n.colorProfile()) for n in group.childNodes()}
    assert spaces == {(document.colorModel(), document.colorDepth(), document.colorProfile())}
    figures["worst difference in the group"] = _worst(group.thumbnail(*size), source, spots)
    assert figures["worst difference in the group"] <= tolerance, figures
    assert kit.undo_steps() == history + 1
    kit.undo()
    yield 500
    assert kit.fingerprints(document) == before
    return document


def _worst(shown, source, spots):
    """The largest difference (0..255) between two images at these places."""
    worst = 0
    for x, y in spots:
        got = shown.pixelColor(int(x), int(y)).getRgb()[:3]
        want = source.pixelColor(int(x), int(y)).getRgb()[:3]
        worst = max(worst, *(abs(a - b) for a, b in zip(got, want)))
    return worst


def check_16_bit_linear_document(figures):
    profile = "sRGB-elle-V2-g10.icc"
    document = yield from _check_colours_survive(figures, "RGBA", "U16", profile, 1)
    kit.redo()
    yield 500
    layers = document.nodeByName("Colours 1 (seed 0)").childNodes()
    assert layers and {layer.colorDepth() for layer in layers} == {"U16"}


def check_float_document(figures):
    yield from _check_colours_survive(figures, "RGBA", "F32", "sRGB-elle-V2-g10.icc", 1)


def check_other_rgb_profile(figures):
    yield from _check_colours_survive(figures, "RGBA", "U8", "ClayRGB-elle-V2-g22.icc", 2)


def check_cmyk_document(figures):
    # There and back through ink moves colours at its limits by up to 24 with the profiles that
    # Krita 5.1 and 6.0 bring; swapped channels or a lost profile move them by more than 60.
    profile = kit.APP.profiles("CMYKA", "U8")[0]
    yield from _check_colours_survive(figures, "CMYKA", "U8", profile, 30)


def check_grey_document_keeps_the_colours_in_the_layer(figures):
    yield from kit.show_dock()
    size = (400, 500)
    profile = kit.APP.profiles("GRAYA", "U8")[0]
    document = yield from kit.new_document(*size, "grey", "GRAYA", "U8", profile)
    _add(document, "Linien", kit.figure(*size, False))
    # A coloured layer in a grey document: Krita allows it, and it is the only way to have one.
    colour = kit.APP.createDocument(*size, "c", "RGBA", "U8", kit.SRGB, 72.0)
    node = colour.createNode("Farbe", "paintlayer")
    data = QtCore.QByteArray(kit.image_bytes(kit.figure(*size, True)))
    node.setPixelData(data, 0, 0, *size)
    document.rootNode().addChildNode(node, None)
    colour.setModified(False)
    colour.close()
    yield 800
    kit.choose(kit.widget("colorize_lineart"), "Linien")
    kit.choose(kit.boxes()[0], "Farbe")
    spots = kit.figure_spots(*size)
    kit.add_shapes(document, "Punkte", kit.pair_shapes(spots, spots))
    yield 800
    kit.choose(kit.widget("colorize_points"), "Punkte")
    history = kit.undo_steps()
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the result", 60)
    yield 500
    figures["says"] = kit.message()
    assert "greyscale" in kit.message()
    result = document.nodeByName("Flats 1 (seed 0)")
    assert result.colorModel() == "RGBA" and kit.undo_steps() == history + 1
    want = QtGui.QColor(kit.FIGURE[0][0]).getRgb()[:3]
    assert kit.pixel(result, *spots[0])[:3] == want
    kit.undo()
    yield 500
    kit.redo()
    yield 500
    assert kit.pixel(document.nodeByName("Flats 1 (seed 0)"), *spots[0])[:3] == want


def check_reference_beside_the_drawing_and_a_moved_points_layer(figures):
    yield from kit.show_dock()
    document = yield from kit.new_document(1000, 800, "beside", ppi=120.5)
    kit.add_layer(document, "Vorlage", kit.figure(380, 500, True), 600, 150)
    kit.add_layer(document, "Linien", kit.figure(500, 800, False))
    refs = [(x + 600, y + 150) for x, y in kit.figure_spots(380, 500)]
    arts = kit.figure_spots(500, 800)
    # Written 40 px to the left of and 25 px above the place, then moved there as a whole; the line
    # is drawn the wrong way round, and the dots are all round: the place tells which is which.
    body = (
        f'<g transform="translate(-40,-25)">'
        f'<path d="M {arts[0][0]} {arts[0][1]} L {refs[0][0]} {refs[0][1]}" '
        f'stroke="#ff00aa" stroke-width="3" fill="none"/>'
    )
    for colour, ref, art in (("#00a0ff", refs[1], arts[1]), ("#20c020", refs[2], arts[2])):
        for x, y in (art, ref):
            body += f'<circle cx="{x}" cy="{y}" r="8" fill="{colour}"/>'
    points = kit.add_shapes(document, "Punkte", body + "</g>")
    points.move(40, 25)
    document.waitForDone()
    yield 1000
    kit.choose(kit.widget("colorize_lineart"), "Linien")
    kit.choose(kit.boxes()[0], "Vorlage")
    kit.choose(kit.widget("colorize_points"), "Punkte")
    kit.shot("screen-beside")
    kit.press()
    yield from kit.until(lambda: not kit.is_working() and kit.message(), "the result", 60)
    assert "3 pairs arrived" in kit.message(), kit.message()
    result = document.nodeByName("Flats 1 (seed 0)")
    for (colour, _, _, _), (x, y) in zip(kit.FIGURE, arts):
        assert kit.pixel(result, x, y)[:3] == QtGui.QColor(colour).getRgb()[:3]


def check_two_references_one_of_them_hidden(figures):
    yield from kit.show_dock()
    document = yield from kit.new_document(900, 500, "two")
    kit.add_layer(document, "links", kit.figure(250, 400, True), 0, 50)
    right = kit.figure(250, 400, True)
    right.invertPixels()
    kit.add_layer(document, "rechts", right, 650, 50).setVisible(False)
    kit.add_layer(document, "Linien", kit.figure(300, 500, False), 300, 0)
    left_spot, right_spot, arts = (125, 50 + 72), (775, 50 + 72), [(450, 90), (450, 375)]
    body = ""
    for colour, ref, art in (("#ff00aa", left_spot, arts[0]), ("#00a0ff", right_spot, arts[1])):
        body += (
            f'<path d="M {ref[0]} {ref[1]} L {art[0]} {art[1]}" stroke="{colour}" '
            f'stroke-width="3" fill="none"/>'
        )
    kit.add_shapes(document, "Punkte", body)
    document.waitForDone()
    yield 1000
    kit.choose(kit.widget("colorize_lineart"), "Linien")
    kit.choose(kit.boxes()[0], "links")
    kit.widget("colorize_add_reference").click()
    kit.choose(kit.boxes()[1], "rechts")
    kit.choose(kit.widget("colorize_points"), "Punkte")
    yield 300
    kit.shot("docker-two-references", dock_only=True)
    kit.press()
    yield from kit.until(lambda: not kit.is_working() and kit.message(), "the result", 60)
    assert "2 pairs arrived" in kit.message(), kit.message()
    result = document.nodeByName("Flats 1 (seed 0)")
    red = QtGui.QColor(kit.FIGURE[0][0])
    assert kit.pixel(result, *arts[0])[:3] == red.getRgb()[:3]
    inverted = tuple(255 - v for v in red.getRgb()[:3])
    assert kit.pixel(result, *arts[1])[:3] == inverted


def check_pass_through_groups_are_merged_on_a_copy(figures):
    yield from kit.show_dock()
    document = yield from kit.new_document(600, 800, "passed through", depth="U16", profile="")
    spots, groups = kit.figure_spots(600, 800), {}
    for name, coloured in (("Farben", True), ("Linien", False)):
        groups[name] = group = document.createGroupLayer(name)
        document.rootNode().addChildNode(group, None)
        for part in ("unten", "oben"):
            picture = kit.figure(600, 800, coloured)
            painter = QtGui.QPainter(picture)
            painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_Clear)
            # Each of the two has half of the picture only.
            painter.fillRect(0, 0 if part == "unten" else 400, 600, 400, QtCore.Qt.GlobalColor.red)
            painter.end()
            node = document.createNode(part, "paintlayer")
            node.setPixelData(_converted(document, picture), 0, 0, 600, 800)
            group.addChildNode(node, None)
        hidden = document.createNode("unsichtbar", "paintlayer")
        black = _converted(document, kit.image(600, 800, "#000000"))
        hidden.setPixelData(black, 0, 0, 600, 800)
        hidden.setVisible(False)
        group.addChildNode(hidden, None)
        group.setPassThroughMode(True)
    kit.add_shapes(document, "Punkte", kit.pair_shapes(spots, spots))
    document.waitForDone()
    document.refreshProjection()
    yield 1000
    kit.choose(kit.widget("colorize_lineart"), "Linien")
    kit.choose(kit.boxes()[0], "Farben")
    kit.choose(kit.widget("colorize_points"), "Punkte")
    before, history = kit.fingerprints(document), kit.undo_steps()
    kit.press()
    yield from kit.until(lambda: not kit.is_working() and kit.message(), "the result", 60)
    yield 500
    figures["says"] = kit.message()
    assert "new layer" in kit.message() and "3 pairs arrived" in kit.message(), kit.message()
    after = kit.fingerprints(document)
    assert {k: v for k, v in after.items() if k in before} == before
    assert kit.undo_steps() == history + 1 and groups["Farben"].passThroughMode()
    result = document.nodeByName("Flats 1 (seed 0)")
    assert kit.names(document).index(result.name()) == kit.names(document).index("Linien") + 1
    shown = result.thumbnail(600, 800)
    for (colour, _, _, _), (x, y) in zip(kit.FIGURE, spots):
        got, want = shown.pixelColor(int(x), int(y)).getRgb(), QtGui.QColor(colour).getRgb()
        assert max(abs(a - b) for a, b in zip(got, want)) <= 1, (got, want)


def check_line_art_inside_groups_and_at_the_very_bottom(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    group = document.createGroupLayer("Linien")
    kit.add_layer(document, "unter", kit.image(600, 800), parent=group)
    kit.add_layer(document, "Reinzeichnung", kit.figure(600, 800, False), parent=group)
    document.rootNode().addChildNode(group, None)
    alone = document.createGroupLayer("Allein")
    kit.add_layer(document, "Einzige", kit.figure(600, 800, False), parent=alone)
    document.rootNode().addChildNode(alone, None)
    yield 600
    art = kit.widget("colorize_lineart")
    kit.choose(art, "Linien / Reinzeichnung")
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the result", 40)
    inside = [node.name() for node in group.childNodes()]
    assert inside == ["unter", "Flats 1 (seed 0)", "Reinzeichnung"], inside
    kit.choose(art, "Allein / Einzige")
    kit.press()
    yield from kit.until(lambda: "Flats 2" in kit.message(), "the second result", 40)
    top = kit.names(document)
    assert top[top.index("Allein") + 1] == "Flats 2 (seed 0)", top
    assert [node.name() for node in alone.childNodes()] == ["Einzige"]


def check_line_art_as_the_lowest_layer_is_coloured_by_multiplying(figures):
    yield from kit.show_dock()
    document = yield from kit.new_document(400, 500, "scan")
    scan = kit.image(400, 500, "#ffffff")
    painter = QtGui.QPainter(scan)
    painter.drawImage(0, 0, kit.figure(400, 500, False))
    painter.end()
    bottom = document.topLevelNodes()[0]
    bottom.setPixelData(QtCore.QByteArray(kit.image_bytes(scan)), 0, 0, 400, 500)
    kit.add_layer(document, "Farbe", kit.figure(400, 500, True))
    yield 800
    kit.choose(kit.widget("colorize_lineart"), bottom.name())
    kit.choose(kit.boxes()[0], "Farbe")
    history = kit.undo_steps()
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the result", 40)
    yield 500
    figures["says"] = kit.message()
    result = document.topLevelNodes()[1]
    assert result.name() == "Flats 1 (seed 0)" and result.blendingMode() == "multiply"
    assert kit.undo_steps() == history + 1


def check_choices_are_kept_in_the_file(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    kit.add_layer(document, "andere Farben", kit.figure(600, 800, True, 0.02))
    yield 500
    kit.choose(kit.boxes()[0], "andere Farben")
    kit.choose(kit.widget("colorize_points"), None)
    kit.choose(kit.widget("colorize_result"), "Painting inside the lines")
    kit.choose(kit.widget("colorize_lines"), "Ink only")
    kit.choose(kit.widget("colorize_tones"), "Two tones")
    kit.widget("colorize_gap").setValue(13)
    kit.widget("colorize_empty_background").click()
    kit.widget("colorize_detail").click()
    corrected = kit.image(600, 800)
    kit.QtGui.QPainter(corrected).fillRect(0, 0, 40, 50, kit.QtCore.Qt.GlobalColor.red)
    kit.add_layer(document, "verbessert", corrected)
    yield 500
    kit.choose(kit.widget("colorize_keep"), "verbessert")
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the result", 40)
    figures["says"] = kit.message()
    asked = "painting, gaps 13, lines ink, tones two, empty True, detail True"
    assert asked in kit.message() and "2000 px kept" in kit.message(), kit.message()
    assert "Painting 1 (seed 0)" in kit.names(document)
    path = os.path.join(kit.FOLDER, "kept.kra")
    yield from kit.save_and_close(document, path)
    # Another document has the usual choices.
    yield from kit.ready_document(name="other")
    assert kit.widget("colorize_result").currentText() == "Flats"
    assert kit.widget("colorize_gap").value() == 8
    assert kit.widget("colorize_lines").currentText() == "Ink and coloured lines"
    assert kit.widget("colorize_tones").currentText() == "As the lines are drawn"
    assert not kit.widget("colorize_detail").isChecked()
    again = kit.APP.openDocument(path)
    kit.APP.activeWindow().addView(again)
    yield from kit.until(
        lambda: kit.boxes()[0].currentText() == "andere Farben", "the choices to come back", 10
    )
    assert kit.widget("colorize_lineart").currentText() == "Tusche"
    assert kit.widget("colorize_points").currentText() == "none"
    assert kit.widget("colorize_keep").currentText() == "verbessert"
    assert kit.widget("colorize_result").currentText() == "Painting inside the lines"
    assert kit.widget("colorize_gap").value() == 13
    assert kit.widget("colorize_lines").currentText() == "Ink only"
    assert kit.widget("colorize_tones").currentText() == "Two tones"
    assert kit.widget("colorize_empty_background").isChecked()
    assert kit.widget("colorize_detail").isChecked()
    # A kept layer that goes away is chosen no more; the rest stays.
    again.nodeByName("verbessert").remove()
    keep = kit.widget("colorize_keep")
    yield from kit.until(lambda: keep.currentText() == "none", "the layer to go", 3)
    assert kit.widget("colorize_gap").value() == 13


def check_a_document_shown_during_a_look_gets_its_proposals(figures):
    yield from kit.show_dock()
    yield from kit.ready_document(name="first")
    workshop = kit.workshop()
    yield from kit.until(lambda: workshop._looks is None, "the first look to end", 5)
    workshop._looks = "a look that takes its time"
    yield from kit.ready_document(name="second")
    assert kit.widget("colorize_lineart").currentText() != "Tusche"
    workshop._look_failed(RuntimeError("the look at the first one ends"))
    yield from kit.until(
        lambda: kit.widget("colorize_lineart").currentText() == "Tusche", "a proposal", 5
    )
    assert [box.currentText() for box in kit.boxes()] == ["Farbvorlage"]


def check_the_list_follows_the_layers(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    art = kit.widget("colorize_lineart")
    node = kit.add_layer(document, "neu", kit.image(600, 800))
    yield from kit.until(lambda: art.findText("neu") >= 0, "a new layer in the list", 3)
    node.setName("umbenannt")
    yield from kit.until(lambda: art.findText("umbenannt") >= 0, "the new name in the list", 3)
    assert art.findText("neu") < 0
    node.remove()
    yield from kit.until(lambda: art.findText("umbenannt") < 0, "the layer to go", 3)
    assert art.currentText() == "Tusche"
