# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw

from manganinja import BadRequest
from manganinja.conditioning import to_condition
from manganinja.lineart import (
    FAINTEST_LINE,
    check_has_lines,
    line_strength,
    line_width_px,
    shrink_lines,
)
from manganinja.lineart_extractor import LineartExtractor


def drawing(paper: tuple[int, ...], ink: tuple[int, ...], mode: str, width: int = 6) -> Image.Image:
    image = Image.new(mode, (200, 160), paper)
    pen = ImageDraw.Draw(image)
    pen.ellipse((20, 20, 180, 140), outline=ink, width=width)
    pen.line((20, 80, 180, 80), fill=ink, width=width)
    return image


CONVENTIONS = {
    "black on white": drawing((255, 255, 255), (0, 0, 0), "RGB"),
    "white on black": drawing((0, 0, 0), (255, 255, 255), "RGB"),
    "black on transparent": drawing((0, 0, 0, 0), (0, 0, 0, 255), "RGBA"),
    "black on transparent white": drawing((255, 255, 255, 0), (0, 0, 0, 255), "RGBA"),
    "white on transparent": drawing((0, 0, 0, 0), (255, 255, 255, 255), "RGBA"),
    "grey": drawing((255, 255, 255), (0, 0, 0), "RGB").convert("L"),
}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_every_convention_gives_the_same_line_strength(convention: str) -> None:
    strength = line_strength(CONVENTIONS[convention])
    expected = line_strength(CONVENTIONS["black on white"])
    np.testing.assert_array_equal(strength, expected)
    assert strength.max() == 255 and strength.min() == 0
    assert 0.02 < strength.mean() / 255 < 0.3


def test_a_white_figure_with_black_lines_on_transparency_keeps_only_its_lines() -> None:
    image = Image.new("RGBA", (200, 160), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((20, 20, 180, 140), "white", "black", 6)
    strength = line_strength(image)
    assert strength[80, 100] == 0 and strength[0, 0] == 0 and strength[22, 100] == 255


def test_a_transparent_layer_full_of_ink_keeps_its_polarity() -> None:
    image = Image.new("RGBA", (200, 160), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((5, 5, 195, 150), "black")
    strength = line_strength(image)
    assert strength[80, 100] == 255 and strength[0, 0] == 0


def test_paletted_pictures_with_transparency_are_understood() -> None:
    image = CONVENTIONS["black on transparent"].quantize(8)
    assert abs(line_strength(image).mean() - line_strength(image.convert("RGBA")).mean()) < 0.01


def test_empty_line_art_says_what_to_do() -> None:
    with pytest.raises(BadRequest, match="empty") as caught:
        check_has_lines(line_strength(Image.new("RGBA", (64, 64), (0, 0, 0, 0))))
    assert "layer" in caught.value.remedy


@pytest.mark.parametrize("width", [2, 6, 14])
def test_line_width_is_measured(width: int) -> None:
    strength = line_strength(drawing((255, 255, 255), (0, 0, 0), "RGB", width))
    assert line_width_px(strength) == pytest.approx(width, rel=0.35)


def test_thin_lines_of_a_large_page_stay_lines_at_working_size() -> None:
    page = np.zeros((3508, 2480), np.uint8)
    page[:, 1200:1206] = 255
    small = shrink_lines(page, (90, 128))
    assert small.shape == (128, 90)
    assert (small.max(axis=1) > 127).all()
    assert ((small > FAINTEST_LINE * 255).sum(axis=1) <= 3).all()


def test_condition_is_bright_on_black_without_faint_noise() -> None:
    condition = to_condition(torch.tensor([[[[0.0, FAINTEST_LINE, 0.25, 1.0]]]]))
    assert condition.shape == (1, 3, 1, 4)
    torch.testing.assert_close(condition[0, 0, 0], torch.tensor([-1.0, -1.0, -0.5, 1.0]))


@torch.no_grad()
def test_extractor_computes_the_published_generator() -> None:
    """Its structure written out once more with plain functions and the published key names."""
    torch.manual_seed(0)
    network = LineartExtractor().eval()
    w = network.state_dict()
    assert len(w) == 24 and sum(v.numel() for v in w.values()) == 4_290_945

    def conv(x, key, pad=0, stride=1, norm=True):
        x = F.pad(x, [pad] * 4, mode="reflect") if pad else x
        padding = 1 if stride == 2 else 0
        x = F.conv2d(x, w[f"{key}.weight"], w[f"{key}.bias"], stride, padding)
        return F.instance_norm(x) if norm else x

    def grow(x, key):
        x = F.conv_transpose2d(x, w[f"{key}.weight"], w[f"{key}.bias"], 2, 1, 1)
        return F.instance_norm(x).relu()

    picture = torch.rand(1, 3, 32, 40) * 2 - 1
    x = conv((picture + 1) / 2, "model0.1", pad=3).relu()
    x = conv(conv(x, "model1.0", stride=2).relu(), "model1.3", stride=2).relu()
    for block in range(3):
        inner = conv(x, f"model2.{block}.conv_block.1", pad=1).relu()
        x = x + conv(inner, f"model2.{block}.conv_block.5", pad=1)
    x = grow(grow(x, "model3.0"), "model3.3")
    expected = 1 - conv(x, "model4.1", pad=3, norm=False).sigmoid()
    torch.testing.assert_close(network(picture), expected, atol=1e-5, rtol=1e-5)
