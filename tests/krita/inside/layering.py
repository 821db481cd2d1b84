# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of several layers: one group, one undo step; what can be done with them afterwards."""

import kit


def _pressed(kind):
    """A document coloured with that kind of result: (document, fingerprints and steps before)."""
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    points = kit.widget("colorize_points")
    yield from kit.until(lambda: points.currentText() == "Punkte", "the document's layers")
    kit.choose(kit.widget("colorize_result"), kind)
    kit.widget("colorize_seed").setValue(7)
    before, steps = kit.fingerprints(document), kit.undo_steps()
    kit.press()
    yield from kit.until(kit.is_working, "the work to begin", 5)
    yield from kit.job_done()
    yield 800
    return document, before, steps


def _others(document, before):
    return {k: v for k, v in kit.fingerprints(document).items() if k in before}


def _members(document, name):
    group = document.nodeByName(name)
    assert group is not None, (kit.names(document), kit.message())
    assert group.type() == "grouplayer" and not group.passThroughMode()
    return group, group.childNodes()


def _shown(document, x, y):
    """What the artist sees: the document's projection in sRGB."""
    return kit.pixel(document, x, y)


def check_flats_shade_and_highlight_are_a_group_in_one_undo_step(figures):
    document, before, steps = yield from _pressed("Flats, shade and highlight")
    name = "Flats and shading 1 (seed 7)"
    assert kit.names(document)[:4] == ["Punkte", "Tusche", name, "Farbvorlage"]
    _, members = _members(document, name)
    kinds = [(n.name(), n.type(), n.blendingMode(), n.opacity()) for n in members]
    assert kinds == [
        ("Flats", "paintlayer", "normal", 255),
        ("Shade", "paintlayer", "multiply", 255),
        ("Highlight", "paintlayer", "screen", 255),
    ], kinds
    box = members[0].bounds()
    assert (box.x(), box.y(), box.width(), box.height()) == (0, 0, 600, 800)
    assert _others(document, before) == before
    assert kit.undo_steps() == steps + 1
    flat = kit.pixel(members[0], 10, 10)
    assert kit.pixel(members[1], 10, 10) == (128, 128, 128, 255)
    assert kit.pixel(members[1], 10, 790)[3] == 0 and kit.pixel(members[2], 590, 10)[3] == 0
    wanted = _screened(_multiplied(kit.pixel(members[0], 10, 10)))
    for place, colour in (((10, 10), wanted), ((590, 790), kit.pixel(members[0], 590, 790))):
        seen = _shown(document, *place)
        assert max(abs(a - b) for a, b in zip(seen[:3], colour[:3])) <= 1, (place, seen, colour)
    figures["flat, shown"] = flat, _shown(document, 10, 10)
    kit.shot("layers-result")
    pixels = [bytes(n.pixelData(0, 0, 600, 800)) for n in members]
    shown = bytes(document.pixelData(0, 0, 600, 800))
    kit.undo()
    yield 600
    assert kit.fingerprints(document) == before
    kit.redo()
    yield 600
    again = _members(document, name)[1]
    assert [(n.name(), n.type(), n.blendingMode(), n.opacity()) for n in again] == kinds
    assert [bytes(n.pixelData(0, 0, 600, 800)) for n in again] == pixels
    assert bytes(document.pixelData(0, 0, 600, 800)) == shown


def _multiplied(colour, by=128):
    return tuple(value * by / 255 for value in colour[:3])


def _screened(colour, by=(64, 0, 0)):
    return tuple(255 - (255 - a) * (255 - b) / 255 for a, b in zip(colour, by))


def check_one_layer_per_colour_is_a_group_of_layers_named_after_their_colours(figures):
    document, before, steps = yield from _pressed("One layer per colour")
    _, members = _members(document, "Colours 1 (seed 7)")
    names = [node.name() for node in members]
    figures["names"] = names
    assert sorted(names) == ["blue (#3060c0)", "orange (#f0c8a0)", "red (#d04030)"], names
    assert _others(document, before) == before
    assert kit.undo_steps() == steps + 1
    pixels = [memoryview(bytes(n.pixelData(0, 0, 600, 800))).cast("I").tolist() for n in members]
    for node, values in zip(members, pixels):
        colour = 0xFF000000 | int(node.name().split("#")[1][:6], 16)
        assert set(values) == {0, colour}, node.name()
    # Each pixel is on exactly one of them.
    assert all(sum(bool(value) for value in place) == 1 for place in zip(*pixels))
    lines = kit.pixel(document.nodeByName("Tusche"), 590, 790)
    assert lines[3] == 0 and _shown(document, 590, 790)[:3] == (0x30, 0x60, 0xC0)
    kit.undo()
    yield 600
    assert kit.fingerprints(document) == before


def check_the_artists_palette_is_sent(figures):
    yield from kit.show_dock()
    yield from kit.ready_document()
    box = kit.widget("colorize_palette")
    figures["palettes"] = kit.entries(box)
    assert box.currentText() == "from the reference" and "Default" in kit.entries(box)
    steps = kit.undo_steps()
    kit.choose(box, "Animation Color Set")
    kit.press()
    yield from kit.job_done()
    yield 500
    assert "palette [#808080 #fa6982 #96f06e] of 16." in kit.message(), kit.message()
    assert kit.undo_steps() == steps + 1
    # Colours of other spaces come in sRGB.
    for name, wanted in (("Swatch CMYK", 255), ("Swatch colored grey", 206)):
        kit.choose(box, name)
        kit.press()
        yield from kit.job_done()
        figures[name] = kit.message()
        assert "palette [#ffffff " in kit.message() and f"] of {wanted}." in kit.message()
    kit.choose(box, "Concept-cookie")
    kit.press()
    yield from kit.until(lambda: "has" in kit.message() and "colours." in kit.message(), "a no", 20)
    assert "Choose one of 1 to 255 colours under “Palette”" in kit.message(), kit.message()
    kit.choose(box, "from the reference")


def check_unsure_regions_come_to_the_middle_of_the_view(figures):
    document, _, _ = yield from _pressed("Flats")
    label, button = kit.widget("colorize_doubts"), kit.widget("colorize_next_doubt")
    assert label.isVisibleTo(kit.dock()) and label.text() == "2 regions are worth a look"
    kit.shot("doubts-docker", dock_only=True)
    marks = ((450, 200, "#00ff00"), (60, 720, "#ff00ff"))
    spots = kit.image(600, 800)
    painter = kit.QtGui.QPainter(spots)
    for x, y, colour in marks:
        painter.fillRect(x - 4, y - 4, 9, 9, kit.QtGui.QColor(colour))
    painter.end()
    kit.add_layer(document, "spots", spots)
    document.refreshProjection()
    canvas = kit.APP.activeWindow().activeView().canvas()
    history = kit.undo_steps()
    for number, (turn, mirrored) in enumerate(((0, False), (0, False), (30, False), (200, True))):
        canvas.setRotation(turn)
        canvas.setMirror(mirrored)
        yield 400
        button.click()
        yield 700
        x, y, colour = marks[number % 2]
        figures[f"{turn}, {mirrored}"] = label.text(), _off_middle(colour)
        assert label.text().startswith(f"{number % 2 + 1} of 2, at ({x}, {y}): "), label.text()
        assert max(map(abs, _off_middle(colour))) <= 2, figures
    assert "no colour was found" in label.text()
    assert kit.undo_steps() == history
    canvas.setRotation(0)
    canvas.setMirror(False)


def _off_middle(colour):
    """How far the mean of all pixels of that colour is from the middle of the canvas."""
    window = kit.APP.activeWindow().qwindow()
    frame = window.findChild(kit.QtWidgets.QMdiArea).currentSubWindow()
    area = next(
        area
        for area in frame.findChildren(kit.QtWidgets.QAbstractScrollArea)
        if area.metaObject().className() == "KisCanvasController"
    )
    port = area.viewport()
    corner = port.mapToGlobal(kit.QtCore.QPoint(0, 0))
    screen = kit.QtWidgets.QApplication.primaryScreen().grabWindow(0).toImage()
    wanted, places = kit.QtGui.QColor(colour).rgb() & 0xFFFFFF, []
    for y in range(port.height()):
        for x in range(port.width()):
            if screen.pixel(corner.x() + x, corner.y() + y) & 0xFFFFFF == wanted:
                places.append((x + 0.5, y + 0.5))
    assert places, f"{colour} is not to be seen"
    middle = port.width() / 2, port.height() / 2
    return tuple(sum(p[i] for p in places) / len(places) - middle[i] for i in range(2))


def check_a_colour_is_exchanged_on_a_new_layer_without_the_server(figures):
    document, _, _ = yield from _pressed("One layer per colour")
    before, steps = kit.fingerprints(document), kit.undo_steps()
    fold, grid = kit.widget("colorize_swatches"), kit.dock().panel.swatches
    assert fold.isVisibleTo(kit.dock()) and not grid.isVisibleTo(kit.dock())
    fold.click()
    yield 300
    kit.shot("swatches-docker", dock_only=True)
    entry = grid._table.index("#3060c0")
    kit.widget(f"colorize_swatch_{entry}").click()
    yield 400
    dialog = kit.widget("colorize_colour_dialog")
    dialog.setCurrentColor(kit.QtGui.QColor("#22aa44"))
    dialog.accept()
    assert not kit.is_working()
    yield from kit.until(lambda: "Recoloured 1" in kit.message(), "the new layer", 10)
    yield 600
    assert kit.names(document)[:4] == ["Punkte", "Tusche", "Recoloured 1", "Colours 1 (seed 7)"]
    assert kit.undo_steps() == steps + 1 and _others(document, before) == before
    layer = document.nodeByName("Recoloured 1")
    values = memoryview(bytes(layer.pixelData(0, 0, 600, 800))).cast("I").tolist()
    assert set(values) == {0xFF22AA44, 0xFFD04030, 0xFFF0C8A0}
    assert "#22aa44" in grid._table and "#3060c0" not in grid._table
    # Once more, from what it is now.
    kit.workshop().recolour(entry, "#123456")
    yield from kit.until(lambda: "Recoloured 2" in kit.message(), "the next layer", 10)
    kit.undo()
    yield 500
    kit.undo()
    yield 500
    assert kit.fingerprints(document) == before
    fold.click()


def check_a_cancel_while_the_group_is_made_leaves_nothing(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document(1800, 2400)
    points = kit.widget("colorize_points")
    yield from kit.until(lambda: points.currentText() == "Punkte", "the document's layers")
    kit.choose(kit.widget("colorize_result"), "Flats, shade and highlight")
    state, cancelled = kit.workshop().state, "Cancelled. Nothing was changed."

    def adding():
        return state.job and "Adding" in state.job.text

    for tries in range(1, 4):
        before, steps = kit.fingerprints(document), kit.undo_steps()
        kit.press()
        yield from kit.until(kit.is_working, "the work to begin", 5)
        yield from kit.until(adding, "the last stage", 60, 1)
        kit.workshop().cancel()
        yield from kit.job_done()
        yield 1000
        figures["says"], figures["tries"] = kit.message(), tries
        if kit.message() == cancelled:
            break
        # On a busy machine all layers may be there before anybody has looked.
        kit.undo()
        yield 500
    assert kit.message() == cancelled
    assert kit.fingerprints(document) == before and kit.undo_steps() == steps
