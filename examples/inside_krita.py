# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of build.py that runs inside Krita: make an example's document, or look at it again.

Takes its orders from the environment: EXAMPLE_TASK ("krita" makes FOLDER/NAME.kra, "check" opens
it), EXAMPLE_FOLDER, EXAMPLE_REPORT (a JSON file to write), EXAMPLE_SCREENS (a folder).
"""

import json
import os
import sys
import traceback
from pathlib import Path

from krita import Krita

try:
    from PyQt5.QtCore import QTimer
    from PyQt5.QtGui import QColor, QImage
except ImportError:
    from PyQt6.QtCore import QTimer
    from PyQt6.QtGui import QColor, QImage

PPI = 300.0
POINTS_PER_INCH = 72.0
# Told apart from each other and from the colours of the drawings.
COLOURS = (
    "#ff0040", "#00a2ff", "#ff8c00", "#00c853", "#d500f9", "#ffd600",
    "#2962ff", "#64dd17", "#ff4fa3", "#00bfa5", "#8d4bff", "#c06000",
)  # fmt: skip
# These pairs become a rectangle and an ellipse, the rest straight lines: both ways are shown, and
# no line hides another.
PAIRS_AS_DOTS = {3, 6, 7, 9, 12}


def install():
    """Run the task as soon as Krita has a window, then leave Krita."""
    # Krita's own hook opens a modal dialog, which nobody is there to close.
    sys.excepthook = lambda *what: finish({"error": "".join(traceback.format_exception(*what))})
    notifier = Krita.instance().notifier()
    notifier.setActive(True)
    notifier.windowCreated.connect(lambda: QTimer.singleShot(500, start))


def start():
    tasks = {"krita": make_document, "check": check_document}
    steps = tasks[os.environ["EXAMPLE_TASK"]](Path(os.environ["EXAMPLE_FOLDER"]))
    advance(steps)


def advance(steps):
    """Run a task that yields milliseconds for Krita's event loop and at last its report."""
    try:
        step = next(steps)
    except Exception:
        step = {"error": traceback.format_exc()}
    if isinstance(step, dict):
        finish(step)
    else:
        QTimer.singleShot(step, lambda: advance(steps))


def finish(report):
    Path(os.environ["EXAMPLE_REPORT"]).write_text(json.dumps(report), encoding="utf-8")
    # A document closed right after a change of its layers crashes Krita 5.1 now and then.
    QTimer.singleShot(1000, close_krita)


def close_krita():
    application = Krita.instance()
    for document in application.documents():
        document.setBatchmode(True)
        document.waitForDone()
        document.setModified(False)
        document.close()
    QTimer.singleShot(300, lambda: application.action("file_quit").trigger())


def make_document(folder):
    application = Krita.instance()
    application.setBatchmode(True)
    reference = QImage(str(folder / "reference.png")).convertToFormat(QImage.Format.Format_ARGB32)
    lines = lines_without_paper(QImage(str(folder / "lineart.png")))
    width, height = lines.width(), lines.height()
    document = application.createDocument(
        width, height, folder.name.capitalize(), "RGBA", "U8", "", PPI
    )
    document.setBatchmode(True)
    application.activeWindow().addView(document)
    yield 1000

    root = document.rootNode()
    for node in document.topLevelNodes():
        node.remove()
    paper = QImage(width, height, QImage.Format.Format_ARGB32)
    paper.fill(QColor("#ffffff"))
    for name, image, visible in (
        ("Paper", paper, True),
        ("Reference", reference, False),
        ("Line art", lines, True),
    ):
        node = document.createNode(name, "paintlayer")
        node.setPixelData(pixels(image), 0, 0, width, height)
        root.addChildNode(node, None)
        node.setVisible(visible)
        if name == "Paper":
            node.setLocked(True)
    points = document.createVectorLayer("Colour points")
    root.addChildNode(points, None)
    pairs = json.loads((folder / "points.json").read_text(encoding="utf-8"))["pairs"]
    points.addShapesFromSvg(points_svg(pairs, width))
    yield 2000

    document.setActiveNode(document.nodeByName("Line art"))
    document.refreshProjection()
    document.waitForDone()
    yield 1000
    target = folder / (folder.name + ".kra")
    document.saveAs(str(target))
    yield 1000
    if not target.exists():
        raise RuntimeError(f"Krita did not write {target}")
    yield {"document": target.name, "bytes": target.stat().st_size}


def lines_without_paper(picture):
    """Black with the darkness of a picture (black on white) as its opacity."""
    darkness = picture.convertToFormat(QImage.Format.Format_Grayscale8)
    darkness.invertPixels()
    lines = QImage(picture.size(), QImage.Format.Format_ARGB32)
    lines.fill(QColor("#000000"))
    lines.setAlphaChannel(darkness)
    return lines.convertToFormat(QImage.Format.Format_ARGB32)


def pixels(image):
    bits = image.constBits()
    bits.setsize(image.sizeInBytes() if hasattr(image, "sizeInBytes") else image.byteCount())
    return bytes(bits)


def points_svg(pairs, width):
    """The pairs as shapes; an SVG without width and viewBox is read in pixels of the document."""
    size = max(4, round(width / 70))
    shapes = []
    for index, pair in enumerate(pairs):
        colour = COLOURS[index % len(COLOURS)]
        (rx, ry), (lx, ly) = pair["reference"], pair["lineart"]
        if index + 1 in PAIRS_AS_DOTS:
            shapes.append(
                f'<rect x="{rx - size / 2}" y="{ry - size / 2}" width="{size}" height="{size}" '
                f'fill="{colour}" stroke="none"/>'
                f'<ellipse cx="{lx}" cy="{ly}" rx="{size / 2}" ry="{size / 2}" '
                f'fill="{colour}" stroke="none"/>'
            )
        else:
            shapes.append(
                f'<path d="M{rx} {ry} L{lx} {ly}" fill="none" stroke="{colour}" '
                f'stroke-width="{size / 4}" stroke-linecap="round"/>'
            )
    return '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'.format("".join(shapes))


def check_document(folder):
    application = Krita.instance()
    application.setBatchmode(True)
    document = application.openDocument(str(folder / (folder.name + ".kra")))
    if document is None:
        raise RuntimeError("Krita could not open the document again.")
    window = application.activeWindow()
    window.addView(document)
    window.qwindow().showMaximized()
    yield 3000

    report = {
        "krita": application.version(),
        "size": [document.width(), document.height()],
        "ppi": document.xRes(),
        "layers": [describe(node) for node in reversed(document.topLevelNodes())],
    }
    points = document.nodeByName("Colour points")
    scale = document.xRes() / POINTS_PER_INCH
    report["shapes"] = []
    for shape in points.shapes():
        box = shape.boundingBox()
        centre = [round(box.center().x() * scale, 1), round(box.center().y() * scale, 1)]
        report["shapes"].append({"centre_px": centre, "svg": shape.toSvg()})
    screens = Path(os.environ["EXAMPLE_SCREENS"])
    window.qwindow().screen().grabWindow(0).save(str(screens / "window.png"))
    document.projection(0, 0, document.width(), document.height()).save(
        str(screens / "projection.png")
    )
    report["screens"] = str(screens)
    yield report


def describe(node):
    bounds = node.bounds()
    return {
        "name": node.name(),
        "type": node.type(),
        "visible": node.visible(),
        "bounds": [bounds.x(), bounds.y(), bounds.width(), bounds.height()],
    }
