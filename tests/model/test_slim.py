# SPDX-License-Identifier: GPL-3.0-or-later
"""What is left out changes nothing, to the bit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL

from manganinja.controlnet import LineartControlNet
from manganinja.reference_attention import DenoisingUNet, ReferenceContext, ReferenceUNet
from manganinja.slim import slim

from .test_attention import SIZES

TOKEN = torch.randn(1, 1, 8, generator=torch.Generator().manual_seed(0))
LATENTS = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))


def controlnet() -> LineartControlNet:
    down = {key: value for key, value in SIZES.items() if not key.startswith("up_")}
    network = LineartControlNet(**down)
    for module in network.modules():  # Its last convolutions start at zero and would hide all.
        if isinstance(module, torch.nn.Conv2d):
            module.reset_parameters()
    return network


def residuals(network: Any) -> torch.Tensor:
    condition = torch.ones(1, 3, 64, 64)
    down, mid = network(LATENTS, 7, TOKEN, controlnet_cond=condition, return_dict=False)
    return torch.cat([part.flatten() for part in (*down, mid)])


def bank(network: Any) -> torch.Tensor:
    return torch.cat([tokens.flatten() for tokens in network.read(LATENTS, TOKEN).values()])


def prediction(network: Any) -> torch.Tensor:
    torch.manual_seed(0)
    reference = ReferenceUNet(**SIZES).eval()
    context = {"reference": ReferenceContext([reference.read(LATENTS, TOKEN)])}
    rows, tokens = LATENTS.expand(3, -1, -1, -1), TOKEN.expand(3, -1, -1)
    return network(rows, 7, encoder_hidden_states=tokens, cross_attention_kwargs=context).sample


@torch.no_grad()
@pytest.mark.parametrize(
    ("make", "ask"),
    [
        (lambda: ReferenceUNet(**SIZES), bank),
        (lambda: DenoisingUNet(**SIZES), prediction),
        (controlnet, residuals),
    ],
    ids=["reference_unet", "unet", "controlnet"],
)
def test_a_slim_network_answers_as_the_whole_one(
    make: Callable[[], Any], ask: Callable[[Any], torch.Tensor]
) -> None:
    torch.manual_seed(3)
    whole = make().eval()
    slimmed = copy.deepcopy(whole)
    slim(slimmed)
    assert torch.equal(ask(slimmed), ask(whole))
    lost = set(whole.state_dict()) - set(slimmed.state_dict())
    assert any(key.endswith("attn2.to_q.weight") for key in lost)
    assert set(slimmed.state_dict()) < set(whole.state_dict())


@torch.no_grad()
def test_what_is_left_out_really_never_mattered() -> None:
    """Poisoned in the whole network, it changes nothing either."""
    torch.manual_seed(3)
    whole = ReferenceUNet(**SIZES).eval()
    slimmed = copy.deepcopy(whole)
    slim(slimmed)
    before = bank(whole)
    for key, tensor in whole.state_dict().items():
        if key not in slimmed.state_dict():
            tensor.fill_(1e6)
    assert torch.equal(bank(whole), before)


def test_other_networks_stay_as_they_are() -> None:
    vae = AutoencoderKL()
    keys = set(vae.state_dict())
    slim(vae)
    assert set(vae.state_dict()) == keys
