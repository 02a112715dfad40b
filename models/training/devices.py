"""The device of a training: torch's accelerator, an XLA device, or the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from models.failures import BadJob

DEVICE = "HEADRACE_DEVICE"
"""Names a device, `cpu` or `cuda:0`, where the choice is not to be left to torch."""


@dataclass(frozen=True, slots=True)
class Device:
    """A torch device. If `lazy`, XLA runs the collected operations at the end of a step."""

    torch: torch.device
    lazy: bool = False

    @property
    def kind(self) -> str:
        """Return `cpu`, `cuda`, `neuron`, `xla` or what else torch calls it."""
        return str(self.torch.type)

    def end_step(self) -> None:
        """Run the operations that XLA has collected; does nothing on other devices."""
        if self.lazy:
            import torch_xla

            torch_xla.sync()


def select_device(environ: Mapping[str, str]) -> Device:
    """Return the device named in the environment, or else the best available.

    `torch.accelerator` knows CUDA, and Neuron where TorchNeuron is installed; Trainium's first
    generation is reached by torch_xla.

    Raises:
        BadJob: the named device is not there.
    """
    named = environ.get(DEVICE)
    if named:
        return _named_device(named)
    if torch.accelerator.is_available():
        found = torch.accelerator.current_accelerator()
        if found is not None:
            return Device(found)
    try:
        import torch_xla
    except ImportError:
        return Device(torch.device("cpu"))
    return Device(torch_xla.device(), lazy=True)


def _named_device(name: str) -> Device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadJob(f"{DEVICE} names {name!r}, which is not here: {error}") from error
    return Device(device)
