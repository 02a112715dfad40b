"""The device of a training: torch's accelerator, an XLA device, or the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

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


class Accelerator(Protocol):
    """The devices of torch's accelerator: the functions of `torch.accelerator` that we use."""

    def is_available(self) -> bool:
        """Return whether there is any."""

    def current_accelerator(self) -> torch.device | None:
        """Return its kind of device."""

    def device_count(self) -> int:
        """Return how many devices this machine has."""

    def set_device_index(self, device: int, /) -> None:
        """Make a device the one that later calls of this process mean."""


def select_device(
    environ: Mapping[str, str], accelerator: Accelerator = torch.accelerator
) -> Device:
    """Return the device named in the environment, or else the best available.

    `torch.accelerator` knows CUDA, and Neuron where TorchNeuron is installed; Trainium's first
    generation is reached by torch_xla. Of several devices, a process that torchrun started takes
    the one of its number on this machine, and makes it the current one: NCCL would otherwise put
    every process on the first.

    Raises:
        BadJob: the named device is not there, or there are fewer than processes.
    """
    named = environ.get(DEVICE)
    if named:
        return _named_device(named)
    if accelerator.is_available():
        found = accelerator.current_accelerator()
        if found is not None:
            return _own_device(found.type, int(environ.get("LOCAL_RANK", "0")), accelerator)
    try:
        import torch_xla
    except ImportError:
        return Device(torch.device("cpu"))
    return Device(torch_xla.device(), lazy=True)


def move_network(network: nn.Module, device: Device) -> nn.Module:
    """Move a network to a device and return it, with what is tied still tied.

    On a lazy device every parameter becomes a new one, so that a head which shares its weights with
    the embeddings would be trained apart from them. Networks of transformers can tie it again.
    """
    network.to(device.torch)
    for module in network.modules():
        tie = getattr(module, "tie_weights", None)
        if callable(tie):
            tie()
    return network


def count_devices(environ: Mapping[str, str], accelerator: Accelerator = torch.accelerator) -> int:
    """Return how many processes a training needs to use all devices of this machine.

    A named device and the CPU are one. SM_NUM_NEURONS is the number of Neuron cores by SageMaker's
    toolkit, which counts them where torch_xla does not show them before a process has taken one.
    """
    if environ.get(DEVICE):
        return 1
    if accelerator.is_available():
        return max(1, accelerator.device_count())
    return max(1, int(environ.get("SM_NUM_NEURONS") or "1"))


def _own_device(kind: str, number: int, accelerator: Accelerator) -> Device:
    count = accelerator.device_count()
    if number >= count:
        raise BadJob(
            f"Process {number + 1} of this machine has no {kind} of its own: there are {count}; "
            f"start {count} processes at most."
        )
    accelerator.set_device_index(number)
    return Device(torch.device(kind, number))


def _named_device(name: str) -> Device:
    try:
        if name.startswith("xla"):
            import torch_xla  # noqa: F401 - makes the device known to torch
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:
        raise BadJob(f"{DEVICE} names {name!r}, which is not here: {error}") from error
    return Device(device, lazy=device.type == "xla")
