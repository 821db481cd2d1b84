# SPDX-License-Identifier: GPL-3.0-or-later
"""Reference attention, PointNet and guidance against their formulas."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from manganinja.guidance import Guidance
from manganinja.point_net import PointNet, number_code
from manganinja.reference_attention import (
    Bank,
    DenoisingUNet,
    PointEmbeddings,
    ReadReference,
    ReferenceContext,
    ReferenceUNet,
)

CHANNELS, HEADS, OWN, REFERENCE = 32, 4, 64, 36
SIZES = {
    "block_out_channels": (16, 32),
    "layers_per_block": 1,
    "attention_head_dim": 4,
    "norm_num_groups": 4,
    "cross_attention_dim": 8,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
}


def attention() -> Any:
    from diffusers.models.attention_processor import Attention

    torch.manual_seed(0)
    return Attention(CHANNELS, heads=HEADS, dim_head=CHANNELS // HEADS, bias=False).eval()


def by_hand(attn: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(d)) V for one row, head by head."""
    q, k, v = (
        layer(tokens).reshape(-1, HEADS, CHANNELS // HEADS)
        for layer, tokens in ((attn.to_q, query), (attn.to_k, key), (attn.to_v, value))
    )
    heads = []
    for h in range(HEADS):
        weights = (q[:, h] @ k[:, h].T / math.sqrt(CHANNELS // HEADS)).softmax(dim=-1)
        heads.append(weights @ v[:, h])
    return attn.to_out[0](torch.cat(heads, dim=1))


@torch.no_grad()
def test_three_rows_follow_the_published_formula() -> None:
    attn = attention()
    x = torch.randn(3, OWN, CHANNELS)
    bank = torch.randn(1, REFERENCE, CHANNELS)
    pm, pr = torch.randn(1, OWN, CHANNELS), torch.randn(1, REFERENCE, CHANNELS)
    context = ReferenceContext([Bank({"b": bank})], point_embeddings=PointEmbeddings([pm], [pr]))
    rows = ReadReference("b")(attn, x, reference=context)
    b, m, r = bank[0], pm[0], pr[0]
    expected = [
        by_hand(attn, x[0], x[0], x[0]),
        by_hand(attn, x[1], torch.cat([x[1], b]), torch.cat([x[1], b])),
        by_hand(attn, x[2] + m, torch.cat([x[2] + m, b + r]), torch.cat([x[2], b])),
    ]
    torch.testing.assert_close(rows, torch.stack(expected), atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_points_of_the_wrong_size_raise_instead_of_vanishing() -> None:
    attn = attention()
    embeddings = PointEmbeddings(
        [torch.randn(1, OWN - 1, CHANNELS)], [torch.randn(1, REFERENCE, CHANNELS)]
    )
    bank = Bank({"b": torch.randn(1, REFERENCE, CHANNELS)})
    context = ReferenceContext([bank], point_embeddings=embeddings)
    with pytest.raises(ValueError, match="point map"):
        ReadReference("b")(attn, torch.randn(3, OWN, CHANNELS), reference=context)


@torch.no_grad()
def test_bank_has_every_block_of_the_denoising_unet_and_runs_share_nothing() -> None:
    torch.manual_seed(0)
    reference, unet = ReferenceUNet(**SIZES).eval(), DenoisingUNet(**SIZES).eval()
    token = torch.randn(1, 1, 8)
    banks = [reference.read(torch.randn(1, 4, 8, 8), token) for _ in range(2)]
    blocks = {k.rsplit(".", 2)[0] for k in unet.attn_processors if ".attn1." in k}
    assert blocks == set(banks[0])

    def predict(*banks: Bank) -> Tensor:
        torch.manual_seed(1)
        return unet(
            torch.randn(1, 4, 8, 8).expand(3, -1, -1, -1),
            10,
            encoder_hidden_states=token.expand(3, -1, -1),
            cross_attention_kwargs={"reference": ReferenceContext(banks)},
        ).sample

    first, second = predict(banks[0]), predict(banks[1])
    torch.testing.assert_close(first, predict(banks[0]))
    torch.testing.assert_close(first[0], second[0])  # The row without reference.
    assert not torch.allclose(first[1], second[1])
    joined = predict(*banks)
    assert not torch.allclose(joined[1], first[1])
    assert joined.shape == first.shape


def test_reference_unet_survives_saving(tmp_path) -> None:
    network = ReferenceUNet(**SIZES)
    network.save_pretrained(tmp_path)
    again = ReferenceUNet.from_pretrained(tmp_path)
    assert "conv_out.weight" not in again.state_dict()
    for name, value in network.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], value)


def test_point_net_levels_have_the_unets_tokens_and_channels() -> None:
    levels = PointNet()(torch.zeros(1, 1, 64, 48))
    assert [tuple(level.shape) for level in levels] == [
        (1, 8 * 6, 320),
        (1, 4 * 3, 640),
        (1, 2 * 2, 1280),
        (1, 1, 1280),
    ]


def test_number_codes_tell_pairs_apart_and_are_silent_elsewhere() -> None:
    numbers = torch.arange(25.0).view(1, 1, 1, 25)
    code = number_code(numbers)[0, :-1, 0]
    assert code[:, 0].abs().max() == 0
    alike = code[:, 1:].T @ code[:, 1:] / 16
    torch.testing.assert_close(alike, torch.eye(24), atol=1e-4, rtol=0)


def test_a_lone_point_is_heard_at_every_level_of_an_untrained_network() -> None:
    torch.manual_seed(0)
    point_map = torch.zeros(1, 1, 128, 128)
    point_map[0, 0, 60, 61] = 7
    for level in PointNet((64, 128, 192), encoding="code")(point_map):
        loudest = level[0].square().mean(dim=1).sqrt().max()
        assert 0.2 < loudest < 5


def test_an_untrained_network_hears_one_number_alike_wherever_its_pixel_lies() -> None:
    torch.manual_seed(0)
    point_map = torch.zeros(3, 1, 128, 128)
    for row, (y, x, number) in enumerate(((60, 61, 7), (34, 93, 7), (60, 61, 8))):
        point_map[row, 0, y, x] = number
    finest = PointNet((64, 128, 192), encoding="code")(point_map)[0]
    here, there, other = (level[level.norm(dim=1).argmax()] for level in finest)
    alike = torch.nn.functional.cosine_similarity
    assert alike(here, there, dim=0) > 0.95
    assert alike(here, other, dim=0) < 0.5


def test_guidance_is_equation_three_with_halved_scales() -> None:
    u, r, p = torch.randn(3, 1, 4, 2, 2)
    guided = Guidance(9, 15).combine(torch.cat([u, r, p]))
    torch.testing.assert_close(guided, u + 5 * (r - u) + 7.5 * (p - r), atol=1e-4, rtol=1e-4)
    assert Guidance(9, 15).weights == (-4, -2.5, 7.5)
    torch.testing.assert_close(Guidance(1, 2).combine(torch.cat([u, r, p])), p)
