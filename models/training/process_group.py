"""Data-parallel training: the processes that torchrun starts, with averaged gradients.

A process alone is a group of one, and then nothing here calls torch.distributed.
https://docs.pytorch.org/docs/stable/elastic/run.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import torch
from torch import distributed

from models.failures import BadJob
from models.training.devices import Device

_TIMEOUT = timedelta(minutes=10)
_BACKENDS = {"cuda": "nccl", "xla": "xla", "neuron": "neuron"}


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """A group of `size` processes, of which this one has the number `rank`, from 0 on.

    Everything that processes tell one another lies on `device`: NCCL reduces no tensor of a CPU.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def leads(self) -> bool:
        """Return whether this process writes the output of the group."""
        return self.rank == 0

    def share(self, batch: int) -> int:
        """Return this process's rows of a batch. Raises BadJob if they do not divide."""
        if batch % self.size:
            raise BadJob(
                f"A batch of {batch} rows cannot be shared by {self.size} processes; give a batch "
                f"that is a multiple of {self.size}."
            )
        return batch // self.size

    def average(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Average the gradients over all processes."""
        if self.size == 1:
            return
        gradients = [each.grad for each in parameters if each.grad is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
        distributed.all_reduce(flat)
        flat /= self.size
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()

    def mean(self, number: float) -> float:
        """Return the mean of a number over all processes."""
        if self.size == 1:
            return number
        told = torch.tensor(number, device=self.device)
        distributed.all_reduce(told)
        return float(told) / self.size

    def any(self, asked: bool) -> bool:
        """Return whether `asked` is true in any process, so that all stop after the same step."""
        if self.size == 1:
            return asked
        return self._most(int(asked)) > 0

    def agrees(self, number: int) -> bool:
        """Return whether all processes give the same number."""
        if self.size == 1:
            return True
        return self._most(number) == -self._most(-number)

    def _most(self, number: int) -> int:
        told = torch.tensor(number, device=self.device)
        distributed.all_reduce(told, op=distributed.ReduceOp.MAX)
        return int(told)

    def meet(self) -> None:
        """Wait for all processes."""
        if self.size > 1:
            distributed.barrier()


@contextmanager
def join_group(environ: Mapping[str, str], device: Device) -> Iterator[ProcessGroup]:
    """Join the process group of torchrun's variables, and leave it at the end."""
    size = int(environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup()
        return
    if device.kind == "xla":
        import torch_xla.distributed.xla_backend  # noqa: F401 - registers the backend
    distributed.init_process_group(_BACKENDS.get(device.kind, "gloo"), timeout=_TIMEOUT)
    try:
        yield ProcessGroup(distributed.get_rank(), size, device.torch)
    finally:
        distributed.destroy_process_group()
