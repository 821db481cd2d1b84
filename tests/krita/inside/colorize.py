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
    yield from kit.until(
        lambda: kit.widget("colorize_lineart").currentText() == "Tusche", "the document's layers"
    )
    assert [box.currentText() for box in kit.boxes()] == ["Farbvorlage"]
    assert kit.widget("colorize_points").currentText() == "Punkte"
    yield from kit.until(
        lambda: "Scripted" in kit.widget("colorize_server").text(), "the server's name", 40
    )
    figures["server"] = kit.widget("colorize_server").text()
    assert "auto (9)" in kit.widget("colorize_guidance_reference").text()
    assert "auto (15)" in kit.widget("colorize_guidance_points").text()
    kit.shot("docker-ready", dock_only=True)
    fold, steps = kit.widget("colorize_numbers"), kit.widget("colorize_steps")
    assert not steps.isVisibleTo(kit.dock()), "numbers are folded away at first"
    fold.click()
    assert steps.isVisibleTo(kit.dock())
    assert kit.APP.readSetting("manganinja", "numbers_shown", "") == "yes"
    yield 300
    kit.shot("docker-numbers", dock_only=True)
    fold.click()
    assert not steps.isVisibleTo(kit.dock())
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
    order = ["Punkte", "Tusche", "Flats 1 (seed 7)", "Farbvorlage"]
    assert kit.names(document)[:4] == order, (kit.names(document), kit.message())
    result = document.nodeByName("Flats 1 (seed 7)")
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
    again = document.nodeByName("Flats 1 (seed 7)")
    assert again is not None and bytes(again.pixelData(0, 0, 600, 800)) == pixels


def _server_with(*models):
    state = kit.workshop().state.server
    return type(state)("ready", "Connected to the server: for the check", "", models)


def check_the_model_is_described_and_the_chosen_one_is_kept(figures):
    yield from kit.show_dock()
    yield from kit.ready_document()
    line, box = kit.widget("colorize_model_line"), kit.widget("colorize_model")
    # Until the scripted model is loaded, the server tells of the folder that bears its name.
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "a result", 60)
    assert line.isVisibleTo(kit.dock())
    assert line.text() == "Paints at 64 px · CC0", line.text()
    assert "Licence: CC0" in line.toolTip() and "64 px" in box.toolTip()
    assert not box.isVisibleTo(kit.dock()), "there is nothing to choose"
    workshop = kit.workshop()
    real = workshop.state.server
    first = real.models[0]
    kind = type(first)
    inks = kind("inks", "Inks and washes", 512, 7.0, 12.0, 30, "CC-BY-4.0, by somebody up north")
    try:
        workshop._server_changed(_server_with(first, inks))
        yield 300
        assert box.isVisibleTo(kit.dock())
        kit.choose(box, "Inks and washes")
        assert "Inks and washes · Paints at 512 px · CC-BY" in line.text(), line.text()
        assert "auto (30)" in kit.widget("colorize_steps").text()
        yield 300
        kit.shot("docker-models", dock_only=True)
        # Started anew, a server lists its first model only; then it has loaded a third one.
        third = kind("third", "Third")
        for models in ((first,), (first, third), (third,)):
            workshop._server_changed(_server_with(*models))
            kit.widget("colorize_steps").setValue(5)
            kit.widget("colorize_steps").setValue(0)
            assert box.currentText() == "Inks and washes", models
            assert workshop.state.options.model == "inks"
            assert "doesn't list “Inks and washes”" in line.text(), line.text()
        yield 300
        kit.shot("docker-model-gone", dock_only=True)
        workshop._server_changed(_server_with(first, inks))
        assert "Paints at 512 px" in line.text() and box.currentText() == "Inks and washes"
        assert kit.entries(box) == ["Scripted painter", "Inks and washes"]
        kit.choose(box, "Scripted painter")
    finally:
        workshop._server_changed(real)
    figures["then"] = line.text()
    kit.press()
    yield from kit.until(lambda: "new layer" in kit.message(), "the result", 40)
