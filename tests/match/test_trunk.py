# SPDX-License-Identifier: GPL-3.0-or-later
"""The trunk: that it computes what the network it was taken from does, and what it is shown."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from manganinja.flats.shapes import describe
from manganinja.flats.values import Regions
from manganinja.match.trunk import CHANNELS, FEATURES, Look, Trunk, folded, load_trunk, save_trunk
from manganinja.match.views import GRID, LINES_PX, lineart_view, lines_alone
from manganinja.weights.find import MATCHER

STRIDES = {0: 1, 1: 2, 3: 2, 5: 2}
"""Of the depthwise convolutions by block, where the package's network halves the picture."""


@pytest.fixture(scope="module")
def trunk() -> Trunk:
    return load_trunk(MATCHER / FEATURES)


def of_the_package() -> dict[str, torch.Tensor]:
    """Random weights in the package's layout."""
    rng, found = torch.Generator().manual_seed(1), {}

    def put(name: str, norm: str, kernel: torch.Tensor) -> None:
        to = len(kernel)
        found[f"{name}.weight"] = (
            torch.randn(kernel.shape, generator=rng) * kernel[0].numel() ** -0.5
        )
        for key, low in (
            ("weight", 0.5),
            ("bias", -0.5),
            ("running_mean", -0.5),
            ("running_var", 0.5),
        ):
            found[f"{norm}.{key}"] = low + torch.rand(to, generator=rng)

    kernels = Trunk().state_dict()
    put("_conv_stem", "_bn0", kernels["stem.conv.weight"])
    for number in range(11):
        of = f"_blocks.{number}."
        for norm, part in enumerate(("expand", "depthwise", "project")):
            name = f"blocks.{number}.{part}.conv.weight"
            if name in kernels:
                put(f"{of}_{part}_conv", f"{of}_bn{norm}", kernels[name])
    return found


def unfolded(weights: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """The network with its batch norms, padded as TensorFlow does."""

    def conv(
        x: torch.Tensor, name: str, norm: str, stride: int = 1, groups: int = 1
    ) -> torch.Tensor:
        kernel = weights[f"{name}.weight"]
        total = [
            max((-(-size // stride) - 1) * stride + kernel.shape[-1] - size, 0)
            for size in x.shape[2:]
        ]
        pad = [total[1] // 2, total[1] - total[1] // 2, total[0] // 2, total[0] - total[0] // 2]
        y = F.conv2d(F.pad(x, pad), kernel, stride=stride, groups=groups)
        mean, var, weight, bias = (
            weights[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(y, mean, var, weight, bias, eps=1e-3)

    x = F.relu6(conv(x, "_conv_stem", "_bn0", 2))
    for number in range(11):
        of, y = f"_blocks.{number}.", x
        if f"{of}_expand_conv.weight" in weights:
            y = F.relu6(conv(y, f"{of}_expand_conv", f"{of}_bn0"))
        y = conv(y, f"{of}_depthwise_conv", f"{of}_bn1", STRIDES.get(number, 1), y.shape[1])
        y = conv(F.relu6(y), f"{of}_project_conv", f"{of}_bn2")
        x = x + y if x.shape == y.shape else y
    return x


def test_folded_it_computes_what_the_network_with_its_norms_does() -> None:
    weights = of_the_package()
    picture = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(2))
    found, wanted = folded(weights)(picture), unfolded(weights, picture)
    assert found.shape == (1, CHANNELS, 4, 6)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3)


def test_it_is_small_and_read_as_it_was_written(trunk: Trunk, tmp_path) -> None:
    assert (MATCHER / FEATURES).stat().st_size < 1_500_000
    assert "Apache License" in (MATCHER / "trunk.LICENSE.txt").read_text()
    save_trunk(trunk, tmp_path / "own.safetensors")
    for key, value in load_trunk(tmp_path / "own.safetensors").state_dict().items():
        assert torch.equal(value, trunk.state_dict()[key]), key


def rooms() -> Regions:
    """Two rooms on a page of 200 x 100, an empty place on their right."""
    labels = np.zeros((100, 200), np.int32)
    labels[20:80, 10:50], labels[20:80, 50:90] = 1, 2
    lines = np.zeros((100, 200), np.uint8)
    lines[20:80, [10, 50, 89]] = lines[[20, 79], 10:90] = 255
    areas = np.bincount(labels[lines == 0], minlength=3).astype(np.int64)
    return Regions(
        labels, lines, areas, np.array([True, False, False]), np.arange(3, dtype=np.int32)
    )


def test_lines_alone_are_the_drawn_part_in_a_square() -> None:
    regions = rooms()
    seen = lines_alone(regions)
    assert seen.shape == (LINES_PX, LINES_PX) and seen.dtype == np.uint8
    assert seen.max() == 255 and (seen == 0).mean() > 0.8
    columns = np.flatnonzero((seen > 128).any(axis=0))
    assert columns[0] < 40 and columns[-1] > LINES_PX - 40, "what is drawn fills it"
    one = lines_alone(regions, np.array([1]))
    columns = np.flatnonzero((one > 128).any(axis=0))
    assert len(columns) and not np.array_equal(one, seen), "a figure is seen at its own scale"


def test_each_region_has_the_mean_of_what_is_seen_in_it(trunk: Trunk) -> None:
    regions = rooms()
    view = lineart_view(regions, describe(regions))
    look = trunk.look(lines_alone(regions), view)
    assert look.rows.shape == (view.count, CHANNELS) and look.mean.shape == (CHANNELS,)
    picture = (torch.from_numpy(lines_alone(regions)).float() - 127) / 128
    with torch.inference_mode():
        whole = trunk(picture.expand(1, 3, LINES_PX, LINES_PX))
    grid = F.interpolate(whole, size=(GRID, GRID), mode="bilinear", align_corners=False)[0]
    pool = np.zeros((view.count, GRID**2), np.float32)
    pool[view.cells // GRID**2, view.cells % GRID**2] = view.shares
    torch.testing.assert_close(
        look.rows, torch.from_numpy(pool) @ grid.flatten(1).T, atol=1e-3, rtol=1e-3
    )


def test_alike_is_the_cosine_from_the_middle_of_both() -> None:
    one = Look(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([1.5, 0.0]))
    other = Look(torch.tensor([[4.0, 0.0], [2.0, 5.0]]), torch.tensor([2.5, 0.0]))
    np.testing.assert_allclose(one.alike(other), [[-1, 0], [1, 0]], atol=1e-6)
