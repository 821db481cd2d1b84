# SPDX-License-Identifier: GPL-3.0-or-later
"""The main way: press Colorize, get a layer."""

import kit


def colours_at_pairs(node, references, linearts, source):
    """Worst difference (0..255) between the result at a pair and the reference there."""
    worst = 0
    for ref, art in zip(references, linearts):
        wanted, got = kit.pixel(source, *ref), kit.pixel(node, *art)
        worst = max(worst, *(abs(a - b) for a, b in zip(wanted[:3], got[:3])))
    return worst


def check_docker_proposes_layers_without_names(figures):
    yield from kit.show_dock()
    yield from kit.ready_document()
    assert kit.widget("colorize_lineart").currentText() == "Tusche"
    assert [box.currentText() for box in kit.boxes()] == ["Farbvorlage"]
    assert kit.widget("colorize_points").currentText() == "Punkte"
    yield from kit.until(
        lambda: "Scripted" in kit.widget("colorize_server").text(), "the server's name", 40
    )
    figures["server"] = kit.widget("colorize_server").text()
    assert "auto (9)" in kit.widget("colorize_guidance_reference").text()
    assert "auto (15)" in kit.widget("colorize_guidance_points").text()
    kit.shot("docker-ready", dock_only=True)
    kit.shot("screen-ready")


def check_result_is_a_layer_below_the_line_art_in_one_undo_step(figures):
    yield from kit.show_dock()
    document, (references, linearts) = yield from kit.ready_document()
    before, steps = kit.fingerprints(document), kit.undo_steps()
    kit.widget("colorize_seed").setValue(7)
    ticker = kit.Ticker()
    kit.press()
    yield from kit.until(kit.is_working, "the work to begin", 5)
    yield from kit.job_done()
    figures["worst_gap_ms"] = ticker.stop()
    yield 600
    figures["message"] = kit.message()
    order = ["Punkte", "Tusche", "Colorize 1 (seed 7)", "Farbvorlage"]
    assert kit.names(document)[:4] == order, (kit.names(document), kit.message())
    result = document.nodeByName("Colorize 1 (seed 7)")
    box = result.bounds()
    assert (box.x(), box.y(), box.width(), box.height()) == (0, 0, 600, 800)
    assert result.type() == "paintlayer" and result.visible()
    source = document.nodeByName("Farbvorlage")
    assert colours_at_pairs(result, references, linearts, source) == 0
    assert "3 pairs arrived" in kit.message(), kit.message()
    after = kit.fingerprints(document)
    assert {k: v for k, v in after.items() if k in before} == before
    assert kit.undo_steps() == steps + 1
    kit.shot("screen-result")
    kit.shot("docker-result", dock_only=True)
    pixels = bytes(result.pixelData(0, 0, 600, 800))
    kit.undo()
    yield 600
    assert kit.fingerprints(document) == before
    kit.redo()
    yield 600
    again = document.nodeByName("Colorize 1 (seed 7)")
    assert again is not None and bytes(again.pixelData(0, 0, 600, 800)) == pixels
