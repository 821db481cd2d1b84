# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin's reading of a points layer against what Krita draws."""

import importlib
import os
import subprocess

import kit
from krita import ManagedColor


def read(document, node):
    module = importlib.import_module("manganinja_krita.canvas.points_layer")
    return module.read(document, node)


def drawn_box(node, width, height, colour):
    """The box of the pixels of ``colour`` ("#rrggbb"), as (left, top, right, bottom)."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    pixels = bytes(node.projectionPixelData(0, 0, width, height))
    wanted, found = bytes((blue, green, red, 255)), []
    at = pixels.find(wanted)
    while at >= 0:
        if at % 4 == 0:
            found.append((at // 4 % width, at // 4 // width))
        at = pixels.find(wanted, at + 1)
    assert found, f"nothing of {colour} was drawn"
    xs, ys = [x for x, _ in found], [y for _, y in found]
    return min(xs), min(ys), max(xs) + 1, max(ys) + 1


SHAPES = {
    "#ff0000": '<circle cx="60" cy="50" r="15" fill="#ff0000"/>',
    "#00ff00": '<rect x="200" y="40" width="31" height="21" fill="#00ff00"/>',
    "#0000ff": '<g transform="translate(40 120) rotate(30)">'
    '<ellipse cx="60" cy="10" rx="22" ry="12" fill="#0000ff"/></g>',
    "#ff00ff": '<g transform="scale(1.5)"><g transform="translate(150 90)">'
    '<rect width="20" height="20" fill="#ff00ff" transform="rotate(45 10 10)"/></g></g>',
    "#00ffff": '<ellipse cx="330" cy="60" rx="16" ry="16" fill="none" stroke="#00ffff" '
    'stroke-width="12"/>',
}


def check_centres_of_dots_are_where_they_are_drawn(figures):
    worst = 0.0
    for ppi in (72.0, 120.5, 300.0):
        yield from kit.show_dock()
        document = yield from kit.new_document(420, 320, "dots", ppi=ppi)
        layer = kit.add_shapes(document, "dots", "".join(SHAPES.values()))
        for dx, dy in ((0, 0), (17, -9)):
            layer.move(dx, dy)
            document.waitForDone()
            document.refreshProjection()
            yield 700
            for shape in read(document, layer):
                box = drawn_box(layer, 420, 320, shape.colour)
                middle = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
                off = max(abs(a - b) for a, b in zip(middle, shape.centre))
                worst = max(worst, off)
                # Soft edges are not counted as drawn: half a pixel of doubt.
                assert off <= 1.0, (ppi, dx, shape, box)
        assert len(read(document, layer)) == len(SHAPES)
    figures["worst, px"] = worst


def check_ends_of_lines_are_where_they_are_drawn(figures):
    yield from kit.show_dock()
    document = yield from kit.new_document(420, 320, "lines", ppi=120.5)
    body = (
        '<g transform="translate(30 20) rotate(20)">'
        '<path d="M 20 30 L 220 130" stroke="#ff0000" stroke-width="6" fill="none"/></g>'
    )
    layer = kit.add_shapes(document, "lines", body)
    layer.move(11, -7)
    document.waitForDone()
    document.refreshProjection()
    yield 800
    (line,) = read(document, layer)
    (x0, y0), (x1, y1) = line.ends
    left, top, right, bottom = drawn_box(layer, 420, 320, "#ff0000")
    # A thick line reaches half its width beyond its ends.
    assert abs(x0 - left) < 4 and abs(x1 - right) < 4, (line, left, right)
    assert abs(y0 - top) < 4 and abs(y1 - bottom) < 4, (line, top, bottom)
    assert line.kind == "line" and line.colour == "#ff0000"


def check_shapes_survive_a_file(figures):
    yield from kit.show_dock()
    document = yield from kit.new_document(420, 320, "saved", ppi=300.0)
    layer = kit.add_shapes(document, "dots", "".join(SHAPES.values()))
    layer.move(5, 6)
    document.waitForDone()
    yield 500
    before = [(s.kind, s.colour, s.centre) for s in read(document, layer)]
    path = f"{kit.FOLDER}/dots.kra"
    document.setBatchmode(True)
    document.saveAs(path)
    yield 1200
    document.setModified(False)
    document.close()
    yield 800
    again = kit.APP.openDocument(path)
    kit.APP.activeWindow().addView(again)
    yield 800
    after = read(again, again.nodeByName("dots"))
    assert len(after) == len(before)
    for shape, (kind, colour, centre) in zip(after, before):
        assert (shape.kind, shape.colour) == (kind, colour)
        assert max(abs(a - b) for a, b in zip(shape.centre, centre)) < 0.05, (shape, centre)


def _xdotool(*words):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    subprocess.run(["xdotool", *map(str, words)], check=True, env=environment)


def _drag(corner, start, end):
    """A drag of the mouse on the canvas, in document pixels at 100 %."""
    _xdotool("mousemove", corner[0] + start[0], corner[1] + start[1])
    yield 200
    _xdotool("mousedown", 1)
    for share in (0.3, 0.7, 1.0):
        x, y = (int(corner[i] + start[i] + (end[i] - start[i]) * share) for i in (0, 1))
        _xdotool("mousemove", x, y)
        yield 80
    _xdotool("mouseup", 1)
    yield 500


def _page_corner(colour):
    """Where on the screen the page of that plain colour begins."""
    picture = kit.QtWidgets.QApplication.primaryScreen().grabWindow(0).toImage()
    wanted = kit.QtGui.QColor(colour).rgb()
    found = [
        (x, y)
        for y in range(80, 900, 4)
        for x in range(70, 1280, 4)
        if picture.pixel(x, y) == wanted
    ]
    assert found, "the page is not to be seen"
    x, y = min(x for x, _ in found), min(y for _, y in found)
    inside_x, inside_y = found[len(found) // 2]
    while picture.pixel(x - 1, inside_y) == wanted:
        x -= 1
    while picture.pixel(inside_x, y - 1) == wanted:
        y -= 1
    return x, y


def check_points_drawn_with_kritas_own_tools(figures):
    yield from kit.show_dock()
    document = yield from kit.new_document(500, 400, "drawn", ppi=300.0)
    page = kit.image(500, 400, "#0af0c8")
    bottom = document.topLevelNodes()[0]
    bottom.setPixelData(kit.QtCore.QByteArray(kit.image_bytes(page)), 0, 0, 500, 400)
    document.refreshProjection()
    layer = kit.add_shapes(document, "dots", "")
    yield 300
    kit.APP.action("zoom_to_100pct").trigger()
    yield 600
    corner = _page_corner("#0af0c8")
    view = kit.APP.activeWindow().activeView()
    for tool, colour, start, end in (
        ("KisToolEllipse", "#c02080", (60, 60), (100, 90)),
        ("KisToolRectangle", "#c02080", (300, 70), (340, 100)),
        ("KisToolLine", "#2060c0", (80, 250), (350, 300)),
    ):
        document.setActiveNode(layer)
        ink = ManagedColor.fromQColor(kit.QtGui.QColor(colour), view.canvas())
        view.setForeGroundColor(ink)
        kit.APP.action(f"KritaShape/{tool}").trigger()
        yield 500
        yield from _drag(corner, start, end)
    shapes = read(document, layer)
    kit.shot("screen-drawn")
    figures["shapes"] = [(s.kind, s.colour, s.centre, s.ends) for s in shapes]
    kinds = {s.kind: s for s in shapes}
    assert set(kinds) == {"ellipse", "rectangle", "line"}, figures
    assert kinds["ellipse"].colour == kinds["rectangle"].colour == "#c02080"
    for kind, centre in (("ellipse", (80, 75)), ("rectangle", (320, 85))):
        assert max(abs(a - b) for a, b in zip(kinds[kind].centre, centre)) < 3, figures
    for got, wanted in zip(kinds["line"].ends, ((80, 250), (350, 300))):
        assert max(abs(a - b) for a, b in zip(got, wanted)) < 3, figures


MARKS = (
    # Filled, hollow, and named: as Krita's ellipse tool draws them, and as SVG files may say it.
    '<circle cx="100" cy="100" r="10" fill="#123456"/>'
    '<ellipse cx="150" cy="110" rx="12" ry="9" fill="none" stroke="#ff00ff" stroke-width="6"/>'
    '<circle id="Leave empty" cx="200" cy="120" r="10" fill="#123456"/>'
    # A curve, a line with a corner, and a polygon.
    '<path d="M 50 300 C 80 250 120 350 150 300" stroke="#00aa00" stroke-width="3" fill="none"/>'
    '<path d="M 200 300 L 240 340 L 280 300" stroke="#00aa00" stroke-width="3" fill="none"/>'
    '<path d="M 300 100 L 380 100 L 340 180 Z" stroke="#00aa00" stroke-width="3" fill="none"/>'
)


def check_hints_rings_and_paths_arrive(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    layer = kit.add_shapes(document, "Hinweise", MARKS)
    layer.move(30, 20)
    yield 800
    kit.choose(kit.widget("colorize_points"), "Hinweise")
    kit.widget("colorize_steps").setValue(20)
    kit.press()
    yield from kit.until(lambda: "Hints were seen" in kit.message(), "what is seen before", 30)
    assert kit.is_working() and "Seen before the colouring" in kit.message(), kit.message()
    yield 200
    kit.shot("docker-seen-before", dock_only=True)
    yield from kit.until(lambda: "new layer" in kit.message(), "the result", 40)
    figures["says"] = kit.message()
    said = "On the points layer: 1 colour hint, 2 regions left empty, 2 gaps closed, 1 area joined."
    assert said in kit.message(), kit.message()
    # The named one first: a colour of its own is not what it is about.
    hints = "None at (230, 140), #123456 at (130, 120), None at (180, 130)"
    assert f"hints [{hints}], 2 closing, 1 merging" in kit.message(), kit.message()
    yield 300
    kit.shot("docker-hints", dock_only=True)


def check_paths_are_where_they_are_drawn(figures):
    yield from kit.show_dock()
    document = yield from kit.new_document(420, 320, "paths", ppi=120.5)
    body = (
        '<g transform="translate(30 20) rotate(20)">'
        '<path d="M 20 30 C 60 -40 160 200 220 130" stroke="#ff0000" stroke-width="4" '
        'fill="none"/></g>'
    )
    layer = kit.add_shapes(document, "paths", body)
    layer.move(11, -7)
    document.waitForDone()
    document.refreshProjection()
    yield 800
    (curve,) = read(document, layer)
    assert curve.kind == "open" and len(curve.path) > 20, curve
    worst = 0
    for x, y in curve.path[1:-1]:
        pixels = bytes(layer.projectionPixelData(int(x) - 1, int(y) - 1, 3, 3))
        worst = max(worst, 255 - max(pixels[3::4]))
    figures["least opaque beside a point"] = 255 - worst
    assert worst < 60, figures


def check_a_name_that_means_empty_survives_a_file(figures):
    yield from kit.show_dock()
    document = yield from kit.new_document(420, 320, "named", ppi=300.0)
    body = "".join(
        f'<circle id="{name}" cx="{60 * i + 50}" cy="50" r="15" fill="#ff0000"/>'
        for i, name in enumerate(("leave empty", "empty", "Empty"))
    )
    layer = kit.add_shapes(document, "dots", body)
    yield 500
    figures["before"] = [shape.name for shape in read(document, layer)]
    path = f"{kit.FOLDER}/named.kra"
    document.setBatchmode(True)
    document.saveAs(path)
    yield 1200
    document.setModified(False)
    document.close()
    yield 800
    again = kit.APP.openDocument(path)
    kit.APP.activeWindow().addView(again)
    yield 800
    figures["after"] = [shape.name for shape in read(again, again.nodeByName("dots"))]
    pairing = importlib.import_module("manganinja_krita.pairing")
    for name in figures["before"] + figures["after"]:
        assert pairing._EMPTY_NAME.fullmatch(name), figures


def check_round_dots_grouped_in_krita_are_two_hints(figures):
    yield from kit.show_dock()
    document, _ = yield from kit.ready_document()
    body = "".join(f'<circle cx="{x}" cy="120" r="10" fill="#123456"/>' for x in (120, 220))
    layer = kit.add_shapes(document, "zwei", body)
    yield 800
    kit.choose(kit.widget("colorize_points"), "zwei")
    kit.press()
    yield from kit.until(lambda: kit.message() and not kit.is_working(), "a sentence", 30)
    assert "both round" in kit.message() and "group them" in kit.message(), kit.message()
    document.setActiveNode(layer)
    kit.APP.action("InteractionTool").trigger()
    yield 500
    for shape in layer.shapes():
        shape.select()
    del shape
    yield 300
    group = kit.APP.action("object_group")
    figures["group is offered"] = group is not None and group.isEnabled()
    group.trigger()
    yield 500
    figures["types"] = [shape.type() for shape in layer.shapes()]
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the result", 40)
    assert "2 colour hints" in kit.message(), kit.message()


def _click_through(corner, places):
    """Clicks at each place of the document, at 100 %, and ends the shape with a double click."""
    for x, y in places:
        _xdotool("mousemove", corner[0] + x, corner[1] + y)
        yield 150
        _xdotool("click", 1)
        yield 250
    _xdotool("click", "--repeat", 2, "--delay", 60, 1)
    yield 700


def check_rings_curves_and_polygons_drawn_with_kritas_own_tools(figures):
    yield from kit.show_dock()
    document = yield from kit.new_document(500, 400, "drawn", ppi=300.0)
    page = kit.image(500, 400, "#0af0c8")
    bottom = document.topLevelNodes()[0]
    bottom.setPixelData(kit.QtCore.QByteArray(kit.image_bytes(page)), 0, 0, 500, 400)
    document.refreshProjection()
    layer = kit.add_shapes(document, "dots", "")
    yield 300
    kit.APP.action("zoom_to_100pct").trigger()
    yield 600
    corner = _page_corner("#0af0c8")
    for tool, draw in (
        ("KritaShape/KisToolEllipse", _drag(corner, (60, 60), (120, 100))),
        ("KisToolPencil", _drag(corner, (60, 200), (200, 240))),
        ("KisToolPolygon", _click_through(corner, ((300, 100), (400, 110), (350, 180)))),
        ("KisToolPolyline", _click_through(corner, ((300, 300), (350, 340), (400, 300)))),
    ):
        document.setActiveNode(layer)
        kit.APP.action(tool).trigger()
        yield 500
        yield from draw
    shapes = read(document, layer)
    kit.shot("screen-drawn-paths")
    figures["shapes"] = [(s.kind, s.hollow, s.centre, len(s.path)) for s in shapes]
    found = sorted((s.kind, s.hollow and s.kind == "ellipse") for s in shapes)
    # A straight drag of the freehand tool is a line of two nodes or of more.
    assert found[0] == ("closed", False) and ("ellipse", True) in found, figures
    assert len(found) == 4 and ("open", False) in found, figures
