# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks share: documents, the docker, waiting, fingerprints, pictures of the screen.

Runs inside Krita.  Generators yield the milliseconds that Krita's event loop gets.
"""

import hashlib
import os
import sys
import time

from krita import Krita

try:
    from PyQt5 import QtCore, QtGui, QtWidgets
except ImportError:
    from PyQt6 import QtCore, QtGui, QtWidgets

APP = Krita.instance()
FOLDER = os.environ["KRITA_TEST_FOLDER"]
SHOTS = os.environ["KRITA_TEST_SHOTS"]
SRGB = "sRGB-elle-V2-srgbtrc.icc"
_kept = []


# -- the docker -----------------------------------------------------------------------------------


def dock():
    return next(d for d in APP.dockers() if d.objectName() == "manganinja_colorize")


def widget(name, kind=QtWidgets.QWidget):
    """A widget of the docker by its object name, as an artist would point at it."""
    found = dock().findChild(kind, name)
    assert found is not None, f"the docker has no {name}"
    return found


def workshop():
    """What is behind the docker, for what no artist can bring about at will."""
    return sys.modules["manganinja_krita.docker.dock"].the_workshop()


def boxes():
    return [
        box
        for box in dock().findChildren(QtWidgets.QComboBox)
        if box.objectName().startswith("colorize_reference_")
    ]


def choose(box, layer):
    """Chooses ``layer`` (a path of names, or None) in a box, as a click on the entry does."""
    index = 0 if layer is None else box.findText(layer)
    assert index >= 0, f"{layer!r} is not offered: {entries(box)}"
    box.setCurrentIndex(index)
    box.activated.emit(index)


def entries(box):
    return [box.itemText(i) for i in range(box.count())]


def message():
    """Everything that the message box says; empty where it is not shown."""
    box = widget("colorize_message")
    if not box.isVisibleTo(dock()):
        return ""
    labels = (widget("colorize_message_text"), widget("colorize_message_notes"))
    texts = [plain(label.text()) for label in labels if label.isVisibleTo(box)]
    return "\n".join(text for text in texts if text)


def plain(html):
    document = QtGui.QTextDocument()
    document.setHtml(html)
    return document.toPlainText()


def is_working():
    return widget("colorize_cancel").isVisibleTo(dock())


def show_dock():
    """The window at a fixed size, the docker in front at its default width."""
    window = APP.activeWindow()
    _kept.append(window)
    main = window.qwindow()
    main.showMaximized()
    yield 300
    dock().setVisible(True)
    dock().raise_()
    yield 200
    main.resizeDocks([dock()], [300], QtCore.Qt.Orientation.Horizontal)
    yield 300


def press():
    button = widget("colorize_button", QtWidgets.QPushButton)
    assert button.isVisibleTo(dock()), "the Colorize button is not to be seen"
    button.click()


# -- waiting --------------------------------------------------------------------------------------


def until(condition, what, limit_s=20.0, pause_ms=20):
    """Lets Krita work until ``condition()`` holds; fails with ``what`` after ``limit_s``."""
    deadline = time.monotonic() + limit_s
    while not condition():
        said = f"; the docker says {message()!r}"
        assert time.monotonic() < deadline, f"waited {limit_s} s in vain: {what}{said}"
        yield pause_ms


def job_done(limit_s=60.0):
    yield from until(lambda: not is_working(), "the job to end", limit_s)


class Ticker:
    """Measures the worst gap between two turns of the GUI thread, in milliseconds."""

    def __init__(self, interval_ms=5):
        self.worst_ms = 0.0
        self.gaps = []
        self.long = []
        self._last = time.perf_counter()
        self._timer = QtCore.QTimer()
        self._timer.setTimerType(QtCore.Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(interval_ms)

    def _tick(self):
        now = time.perf_counter()
        gap = 1000 * (now - self._last)
        self.worst_ms, self._last = max(self.worst_ms, gap), now
        self.gaps.append(gap)
        if gap > 150:
            self.long.append((round(gap), widget("colorize_stage").text()))

    def stop(self):
        self._timer.stop()
        return self.worst_ms


# -- documents ------------------------------------------------------------------------------------


def new_document(width, height, name="test", model="RGBA", depth="U8", profile=SRGB, ppi=300.0):
    """A document with a view; yields, and returns it."""
    document = APP.createDocument(width, height, name, model, depth, profile, ppi)
    APP.activeWindow().addView(document)
    yield from until(lambda: APP.activeDocument() == document, "the document to be shown")
    yield 300
    return document


def image(width, height, fill=None):
    picture = QtGui.QImage(width, height, QtGui.QImage.Format.Format_ARGB32)
    picture.fill(QtGui.QColor(fill) if fill else QtCore.Qt.GlobalColor.transparent)
    return picture


def image_bytes(picture):
    bits = picture.constBits()
    bits.setsize(picture.bytesPerLine() * picture.height())
    return bytes(bits)


def add_layer(document, name, picture, x=0, y=0, parent=None):
    """A paint layer with the pixels of an ARGB32 image (8-bit RGBA documents)."""
    node = document.createNode(name, "paintlayer")
    data = QtCore.QByteArray(image_bytes(picture))
    node.setPixelData(data, x, y, picture.width(), picture.height())
    (parent or document.rootNode()).addChildNode(node, None)
    return node


def add_shapes(document, name, body):
    """A vector layer with the SVG elements ``body``, in document pixels."""
    # Krita 5.1 uses the active document's shape controller, and dies where no document is active,
    # as for a moment while another one's view goes away.
    for _ in range(50):
        if APP.activeDocument() == document:
            break
        APP.setActiveDocument(document)
        QtWidgets.QApplication.processEvents()
        time.sleep(0.05)
    assert APP.activeDocument() == document, "the document can't be made the active one"
    node = document.createVectorLayer(name)
    node.addShapesFromSvg(f'<svg xmlns="http://www.w3.org/2000/svg">{body}</svg>')
    document.rootNode().addChildNode(node, None)
    return node


FIGURE = (
    ("#d04030", 0.50, 0.18, 0.20),
    ("#f0c8a0", 0.50, 0.42, 0.16),
    ("#3060c0", 0.50, 0.75, 0.22),
)
"""(colour, x, y, radius) of a figure of three discs, in shares of the picture's size."""


def figure(width, height, coloured, shift=0.0):
    """The figure as coloured picture on white, or as lines on nothing."""
    picture = image(width, height, "#ffffff" if coloured else None)
    painter = QtGui.QPainter(picture)
    painter.setRenderHint(QtGui.QPainter.RenderHint.Antialiasing)
    for colour, x, y, radius in FIGURE:
        line = QtGui.QColor("#111111")
        painter.setPen(QtGui.QPen(line, max(2.0, width / 150)))
        painter.setBrush(QtGui.QColor(colour) if coloured else QtCore.Qt.BrushStyle.NoBrush)
        centre = QtCore.QPointF((x + shift) * width, y * height)
        painter.drawEllipse(centre, radius * height * 0.7, radius * height)
    painter.end()
    return picture


def figure_spots(width, height, shift=0.0):
    """The middle of each disc in pixels."""
    return [((x + shift) * width, y * height) for _, x, y, _ in FIGURE]


def pair_shapes(references, linearts, colours=("#ff00aa", "#00a0ff", "#20c020")):
    """A line, a rectangle with an ellipse, and once more: three pairs as SVG."""
    body = ""
    for index, (ref, art) in enumerate(zip(references, linearts)):
        colour = colours[index % len(colours)]
        if index == 0:
            body += (
                f'<path d="M {ref[0]} {ref[1]} L {art[0]} {art[1]}" fill="none" '
                f'stroke="{colour}" stroke-width="4"/>'
            )
        else:
            body += (
                f'<rect x="{ref[0] - 10}" y="{ref[1] - 10}" width="20" height="20" '
                f'fill="{colour}"/>'
                f'<ellipse cx="{art[0]}" cy="{art[1]}" rx="12" ry="9" fill="none" '
                f'stroke="{colour}" stroke-width="8"/>'
            )
    return body


def ready_document(width=600, height=800, name="figure", shift=0.08, **kind):
    """Background, reference, line art and points of three pairs; returns (document, spots)."""
    document = yield from new_document(width, height, name, **kind)
    add_layer(document, "Farbvorlage", figure(width, height, True))
    add_layer(document, "Tusche", figure(width, height, False, shift))
    references, linearts = figure_spots(width, height), figure_spots(width, height, shift)
    add_shapes(document, "Punkte", pair_shapes(references, linearts))
    document.waitForDone()
    document.refreshProjection()
    yield 1000
    return document, (references, linearts)


def save_and_close(document, path):
    """Write a document into a file and close it."""
    document.setBatchmode(True)
    assert document.saveAs(path)
    yield 1500
    document.setModified(False)
    document.close()
    yield 800


def all_nodes(parent):
    for node in parent.childNodes():
        yield node
        yield from all_nodes(node)


def fingerprints(document):
    """Everything of every layer that could be changed: {id: digest}."""
    prints = {}
    for node in all_nodes(document.rootNode()):
        digest = hashlib.sha256()
        position = node.position()
        values = (
            node.name(), node.type(), node.opacity(), node.blendingMode(), node.visible(),
            node.locked(), node.colorLabel(), node.inheritAlpha(), position.x(), position.y(),
            node.parentNode().uniqueId().toString(),
        )  # fmt: skip
        digest.update(repr(values).encode("utf-8", "surrogateescape"))
        box = node.bounds()
        area = (box.x(), box.y(), max(1, box.width()), max(1, box.height()))
        digest.update(bytes(node.pixelData(*area)))
        digest.update(bytes(node.projectionPixelData(*area)))
        if node.type() == "vectorlayer":
            digest.update(node.toSvg().encode("utf-8"))
        prints[node.uniqueId().toString()] = digest.hexdigest()
    return prints


def names(document):
    """Names of the top level, topmost first."""
    return [node.name() for node in reversed(document.topLevelNodes())]


def pixel(node, x, y, shown=False):
    """(red, green, blue, alpha) of an 8-bit RGBA layer, or of what it shows with all inside it."""
    read = node.projectionPixelData if shown else node.pixelData
    blue, green, red, alpha = bytes(read(int(x), int(y), 1, 1))
    return red, green, blue, alpha


def undo_steps():
    """How many steps the shown document's history has."""
    docker = next(d for d in APP.dockers() if d.objectName() == "History")
    model = docker.findChildren(QtWidgets.QAbstractItemView)[0].model()
    return model.rowCount()


def undo():
    APP.action("edit_undo").trigger()


def redo():
    APP.action("edit_redo").trigger()


# -- pictures -------------------------------------------------------------------------------------


def shot(name, dock_only=False):
    """A picture of the screen, or of the docker, in the folder for pictures."""
    screen = QtWidgets.QApplication.primaryScreen()
    pixmap = screen.grabWindow(0)
    if dock_only:
        place = dock().mapToGlobal(QtCore.QPoint(0, 0))
        pixmap = pixmap.copy(QtCore.QRect(place, dock().size()))
    assert pixmap.save(os.path.join(SHOTS, name + ".png")), "the picture was not written"
