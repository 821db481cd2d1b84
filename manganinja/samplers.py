# SPDX-License-Identifier: GPL-3.0-or-later
"""Ways from noise to a picture, and three of them with a name. DDIM is the published one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler
from torch import Tensor

from .errors import BadRequest

SAMPLERS: dict[str, Any] = {
    "ddim": DDIMScheduler,
    "dpm++": DPMSolverMultistepScheduler,
    "unipc": UniPCMultistepScheduler,
}


@dataclass(frozen=True)
class Preset:
    """A sampler, its steps, and how often all guidance rows are computed.

    docs/performance.md says how far each is from DDIM with 50 steps and all rows in each, and
    what it takes.
    """

    sampler: str
    steps: int
    guidance_every: int = 1

    def in_steps(self, steps: int) -> Preset:
        """The same in so many steps. In fewer than its own each computes all guidance rows:
        leaving some out is good in many small steps only."""
        return replace(
            self, steps=steps, guidance_every=1 if steps < self.steps else self.guidance_every
        )


PRESETS = {
    "draft": Preset("unipc", 10),
    "standard": Preset("dpm++", 20),
    "best": Preset("ddim", 50, guidance_every=2),
}


def preset(name: str) -> Preset:
    """The preset of that name. Raises :class:`BadRequest` where there is none."""
    if name not in PRESETS:
        raise BadRequest(f"There is no preset {name!r}.", f"Choose {', '.join(PRESETS)}.")
    return PRESETS[name]


def new_scheduler(sampler: str, config: Any) -> Any:
    """A scheduler of its own for one call: it counts its steps.

    Args:
        sampler: a key of :data:`SAMPLERS`.
        config: of the model's scheduler: its noise, and what it predicts.
    """
    if sampler not in SAMPLERS:
        raise BadRequest(f"There is no sampler {sampler!r}.", f"Choose {', '.join(SAMPLERS)}.")
    return SAMPLERS[sampler].from_config(config)


def late_start(steps: int, strength: float) -> tuple[int, int]:
    """Steps of a whole run, and how many of them are left when a share of it is to run.

    Args:
        steps: that a run from nothing has.
        strength: the share, above 0 to 1. Where it is less than a step, steps get shorter, so
            that one of them begins no earlier than asked for.
    """
    whole = max(steps, round(1 / strength))
    return whole, max(1, round(whole * strength))


def clean_latents(scheduler: Any, prediction: Tensor, timestep: Tensor, noisy: Tensor) -> Tensor:
    """The clean latents that a prediction at ``timestep`` leads to."""
    alpha = scheduler.alphas_cumprod.to(noisy.device)[int(timestep)]
    signal, noise = alpha.sqrt(), (1 - alpha).sqrt()
    if scheduler.config["prediction_type"] == "v_prediction":
        return signal * noisy - noise * prediction
    return (noisy - noise * prediction) / signal
