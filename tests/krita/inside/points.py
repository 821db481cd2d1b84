# SPDX-License-Identifier: GPL-3.0-or-later
"""The plugin's reading of a points layer against what Krita draws."""

import importlib

import kit


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
