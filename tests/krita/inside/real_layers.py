# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers of the example document, from the real server and the bundled model in a few steps."""

import kit
import real


def check_flats_shade_and_highlight_look_like_the_painting(figures):
    document = yield from real.example()
    kit.widget("colorize_steps").setValue(3)
    size = 0, 0, document.width(), document.height()
    kit.choose(kit.widget("colorize_result"), "Painting inside the lines")
    painting = yield from real.coloured(document, "Painting 1 (seed 7)")
    wanted = bytes(painting.pixelData(*size))
    kit.choose(kit.widget("colorize_result"), "Flats, shade and highlight")
    before, steps = kit.fingerprints(document), kit.undo_steps()
    ticker = kit.Ticker()
    group = yield from real.coloured(document, "Flats and shading 1 (seed 7)")
    figures["worst gap, ms"], figures["long gaps"] = ticker.stop(), ticker.long
    assert kit.undo_steps() == steps + 1
    assert {k: v for k, v in kit.fingerprints(document).items() if k in before} == before
    shown = bytes(group.projectionPixelData(*size))
    apart = [0] * 256
    for place in range(0, len(wanted), 4 * 977):
        for channel in range(place, place + 4):
            apart[abs(wanted[channel] - shown[channel])] += 1
    figures["channels by how far they are apart"] = {n: c for n, c in enumerate(apart) if c}
    assert sum(apart[3:]) == 0 and sum(apart) > 30_000
    flats = group.childNodes()[0]
    assert set(real.colours(flats, document)) <= real.flat_colours(document)
    kit.shot("example-layers")
    kit.shot("example-docker-layers", dock_only=True)
    figures["says"] = kit.message()
    # What is unsure, one after the other.
    label = kit.widget("colorize_doubts")
    if label.isVisibleTo(kit.dock()):
        kit.widget("colorize_next_doubt").click()
        yield 500
        assert label.text().startswith("1 of "), label.text()
        figures["first doubt"] = label.text()
        kit.shot("example-doubt")
    kit.undo()
    yield 800
    assert kit.fingerprints(document) == before
