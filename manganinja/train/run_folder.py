# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a run, which is all that it needs to go on or to be exported.

```
config.toml        every setting, in the form that --config takes
networks.json      configs of the networks and of the noise schedule
codec/             the autoencoder
checkpoints/00001200/   of the last few steps that were saved; a checkpoint is there whole or not
curve.jsonl        losses, a row every few steps
samples/           held-out pairs as the run colorized them
tensorboard/       both again, for TensorBoard
```
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from safetensors.torch import load_file
from torch import Tensor

from ..errors import BadRequest
from .config import changed, read_config, to_toml
from .networks import Networks, described, from_description, own_settings
from .settings import TrainingConfig
from .starts import Start


@dataclass(frozen=True)
class RunFolder:
    """Reads and writes the folder of a run."""

    path: Path

    @property
    def has_begun(self) -> bool:
        """Whether a run has been set up here."""
        return (self.path / "networks.json").is_file()

    # What stays the same in a run

    def begin(self, config: TrainingConfig, start: Start) -> None:
        """Set up a new run."""
        self.path.mkdir(parents=True, exist_ok=True)
        start.codec.save_pretrained(self.path / "codec")
        configs = {"networks": described(start.networks), "licence": start.licence}
        configs["scheduler"] = own_settings(start.scheduler.config)
        self.write_config(config)
        text = json.dumps(configs, indent=1) + "\n"
        self._put("networks.json", lambda path: path.write_text(text, encoding="utf-8"))

    def write_config(self, config: TrainingConfig) -> None:
        """Keep the settings that the run goes by from here on."""
        text = to_toml(config)
        self._put("config.toml", lambda path: path.write_text(text, encoding="utf-8"))

    def _put(self, name: str, write: Callable[[Path], object]) -> None:
        partial = self.path / f"{name}.partial"
        write(partial)
        partial.replace(self.path / name)

    def config(self) -> TrainingConfig:
        """The settings that the run goes by."""
        self._check_has_begun()
        return changed(TrainingConfig(), read_config(self.path / "config.toml"))

    def start(self) -> Start:
        """Networks with random weights, codec and noise schedule."""
        self._check_has_begun()
        configs = json.loads((self.path / "networks.json").read_text(encoding="utf-8"))
        scheduler: Any = DDIMScheduler.from_config(configs["scheduler"])
        codec = AutoencoderKL.from_pretrained(self.path / "codec")
        networks = from_description(configs["networks"])
        return Start(networks, codec, scheduler, configs["licence"])

    def _check_has_begun(self) -> None:
        if not self.has_begun:
            raise BadRequest(
                f"There is no run in {self.path}.",
                "Name the folder of one; `manganinja train networks` starts it.",
            )

    # Checkpoints

    def checkpoints(self) -> list[Path]:
        """Folders of the checkpoints, oldest first."""
        found = (self.path / "checkpoints").glob("*")
        return sorted(path for path in found if path.name.isdigit())

    def save(self, step: int, keep: int, write: Callable[[Path], object]) -> None:
        """Have ``write`` fill a checkpoint's folder, which then appears whole; old ones go."""
        place = self.path / "checkpoints" / f"{step:08}"
        if place.exists():  # The same step is the same state.
            return
        partial = self.partial(step)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        write(partial)
        partial.replace(place)
        for old in self.checkpoints()[:-keep]:
            # Half of a checkpoint must never be taken for one.
            shutil.rmtree(old.replace(self.partial(int(old.name))))

    def partial(self, step: int) -> Path:
        """Where a checkpoint lies until it is whole."""
        return self.path / "checkpoints" / f"{step:08}.partial"

    def averaged_networks(self) -> Networks:
        """The networks with the running mean of their weights, ready to colorize."""
        checkpoints = self.checkpoints()
        if not checkpoints:
            raise BadRequest(f"{self.path} has no checkpoint yet.", "Train on.")
        networks = self.start().networks
        weights = load_file(checkpoints[-1] / "model.safetensors")
        load_weights(networks, {**weights, **load_file(checkpoints[-1] / "ema.safetensors")})
        for _, module in networks.items():
            module.eval().requires_grad_(False)
        return networks


def load_weights(networks: Networks, weights: dict[str, Tensor]) -> None:
    """Give each network its tensors out of ``weights``, whose keys begin with its name."""
    for name, module in networks.items():
        prefix = f"{name}."
        own = {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        module.load_state_dict(own)


class RunningMean:
    """Exponential moving average of weights, on their device.

    Args:
        keep: weight of the mean so far in a step; less in the first steps.
    """

    def __init__(self, parameters: dict[str, Tensor], keep: float) -> None:
        self.parameters = parameters
        self.keep = keep
        self.mean = {key: value.detach().clone() for key, value in parameters.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after a step, counted from 1, into the mean."""
        keep = min(self.keep, step / (step + 10))
        current = [value.detach() for value in self.parameters.values()]
        torch._foreach_lerp_(list(self.mean.values()), current, 1 - keep)

    @torch.no_grad()
    def exchange(self) -> None:
        """Let weights and mean change places; twice puts everything back."""
        for key, value in self.parameters.items():
            kept = value.detach().clone()
            value.copy_(self.mean[key])
            self.mean[key].copy_(kept)

    def load(self, mean: dict[str, Tensor]) -> None:
        """Go on from a saved mean."""
        for key, value in self.mean.items():
            value.copy_(mean[key])
