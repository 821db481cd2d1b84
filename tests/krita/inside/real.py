# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole path: the example document, the real server, the bundled model."""

import importlib
import os
import random

import kit

SHARES = []


def check_the_example_is_coloured_by_the_bundled_model(figures):
    yield from kit.show_dock()
    path = os.path.join(kit.FOLDER, "character.kra")
    document = kit.APP.openDocument(path)
    kit.APP.activeWindow().addView(document)
    yield from kit.until(lambda: kit.widget("colorize_points").currentText() != "none", "layers")
    yield 1500
    figures["line art"] = kit.widget("colorize_lineart").currentText()
    figures["reference"] = [box.currentText() for box in kit.boxes()]
    figures["points"] = kit.widget("colorize_points").currentText()
    # The whole page, for the pictures.
    kit.APP.activeWindow().activeView().canvas().setZoomLevel(0.2)
    yield 400
    before, history = kit.fingerprints(document), kit.undo_steps()
    kit.widget("colorize_seed").setValue(7)
    yield from kit.until(lambda: "mini" in kit.widget("colorize_server").text(), "the server", 60)
    yield 300
    kit.shot("example-ready")
    kit.shot("example-docker-ready", dock_only=True)
    ticker = kit.Ticker()
    kit.press()
    yield 250
    kit.shot("example-working")
    kit.shot("example-docker-working", dock_only=True)
    yield from kit.job_done(300)
    figures["worst gap, ms"], figures["long gaps"] = ticker.stop(), ticker.long
    yield 1500
    figures["says"] = kit.message()
    kit.shot("example-result")
    kit.shot("example-docker-result", dock_only=True)
    result = next((n for n in kit.all_nodes(document.rootNode()) if "seed 7" in n.name()), None)
    assert result is not None, kit.message()
    size = (document.width(), document.height())
    assert (result.bounds().width(), result.bounds().height()) == size
    siblings = [n.name() for n in result.parentNode().childNodes()]
    place = siblings.index(result.name())
    assert siblings[place + 1] == figures["line art"].split(" / ")[-1], siblings
    after = kit.fingerprints(document)
    assert {k: v for k, v in after.items() if k in before} == before
    assert kit.undo_steps() == history + 1
    SHARES.append((yield from _compare_at_pairs(figures, document, result)))
    kit.undo()
    yield 800
    assert kit.fingerprints(document) == before


def check_each_pair_of_the_example_pulls_its_own_colour_to_its_place(figures):
    """By the result of the check before: a small model blurs, but pairs have to be obeyed."""
    assert SHARES and SHARES[-1] < 0.05, SHARES
    yield 0


def _compare_at_pairs(figures, document, result):
    """The result at the pairs fits the reference there, and better than it fits other pairs."""
    module = importlib.import_module("manganinja_krita.canvas.snapshot")
    state = kit.dock().panel._state
    take = module.take("test", state.document.id, state.document.choices, state.options)
    snapshot = None
    try:
        while True:
            next(take)
    except StopIteration as end:
        snapshot = end.value
    yield 50
    sheet = snapshot.references[0]
    wanted, got = [], []
    for pair in snapshot.pairs:
        x, y = pair.reference[0] - sheet.box.left, pair.reference[1] - sheet.box.top
        wanted.append(_mean(bytes(sheet.pixels), sheet.box.width, x, y))
        data = bytes(result.pixelData(int(pair.lineart[0]) - 8, int(pair.lineart[1]) - 8, 17, 17))
        got.append(_mean(data, 17, 8, 8))
    figures["pairs"] = len(wanted)
    figures["reference at the pairs"] = [_hex(colour) for colour in wanted]
    figures["result at the pairs"] = [_hex(colour) for colour in got]
    mean = [sum(colour[i] for colour in wanted) / len(wanted) for i in range(3)]
    error = sum(_distance(a, b) for a, b in zip(wanted, got)) / len(wanted)
    naive = sum(_distance(a, mean) for a in wanted) / len(wanted)
    figures["mean error at the pairs (0..255)"] = error
    figures["the same for the mean colour everywhere"] = naive
    share = _share_of_better_shuffles(wanted, got, error)
    figures["share of shuffled pairings that fit as well"] = share
    assert len(wanted) >= 8
    return share


def _share_of_better_shuffles(wanted, got, error, count=2000):
    """How often the result fits the references of other pairs as well as those of its own."""
    dice, better = random.Random(0), 0
    for _ in range(count):
        shuffled = dice.sample(wanted, len(wanted))
        better += sum(_distance(a, b) for a, b in zip(shuffled, got)) / len(got) <= error
    return better / count


def _mean(pixels, width, x, y, reach=8):
    """Mean (red, green, blue) of the square around a pixel."""
    total, count = [0, 0, 0], 0
    for row in range(int(y) - reach, int(y) + reach + 1):
        for column in range(int(x) - reach, int(x) + reach + 1):
            at = 4 * (row * width + column)
            if column >= 0 and 0 <= at < len(pixels) - 3:
                blue, green, red = pixels[at : at + 3]
                total = [total[0] + red, total[1] + green, total[2] + blue]
                count += 1
    return [value / count for value in total]


def _distance(one, other):
    return (sum((a - b) ** 2 for a, b in zip(one, other)) / 3) ** 0.5


def _hex(colour):
    return "#" + "".join(f"{round(value):02x}" for value in colour)
