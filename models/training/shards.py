"""Networks that are shared by processes, each of which holds a part of every weight: FSDP2.

A layer's weights are gathered before it computes, forwards and backwards, and let go afterwards;
gradients are averaged and scattered. So a process holds its part of weights, gradients and moments,
and one or two layers at a time. Y. Zhao et al., https://arxiv.org/abs/2304.11277;
https://docs.pytorch.org/docs/stable/distributed.fsdp.fully_shard.html

Checkpoints and artefacts have whole weights, as of a training in one process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import nn

from models.failures import BadRecipe
from models.training.process_group import ProcessGroup

_KINDS = ("cpu", "cuda")
"""Kinds of devices whose processes can share a network: by gloo and by NCCL."""


@runtime_checkable
class ShardableNetwork(Protocol):
    """A network whose whole forward pass is `forward`, so that hooks gather what it needs."""

    def shard_units(self) -> Sequence[nn.Module]:
        """Return the modules that are gathered one after the other, such as its layers."""


def shard(network: nn.Module, group: ProcessGroup) -> None:
    """Share the weights of a network, which are equal in all processes, and move it to the device.

    Raises:
        BadRecipe: the network or the device can't.
    """
    kind = group.device.type
    if not isinstance(network, ShardableNetwork):
        raise BadRecipe(
            f"sharded: {type(network).__name__} has no layers that processes can share; leave it "
            "out."
        )
    if kind not in _KINDS:
        raise BadRecipe(f"sharded: processes share a network on a GPU, and not on {kind}.")
    # Imported on use: they take a second, which most trainings do not need.
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    mesh = init_device_mesh(kind, (group.size,))
    for unit in network.shard_units():
        fully_shard(unit, mesh=mesh)
    fully_shard(network, mesh=mesh)


def whole_state(state: Mapping[str, Any], group: ProcessGroup) -> dict[str, Any]:
    """Return a state with whole tensors, in the process that leads; in others some are empty.

    All processes have to call it. Tensors are gathered one after the other, and only the process
    that leads keeps them, in the memory of its host.
    """
    if group.size == 1:
        return dict(state)
    return {name: _whole(value, group) for name, value in state.items()}


def _whole(value: Any, group: ProcessGroup) -> Any:
    if isinstance(value, Mapping):
        return {name: _whole(each, group) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(each, group) for each in value]
    if isinstance(value, torch.Tensor) and hasattr(value, "full_tensor"):
        full = value.detach().full_tensor()
        return full.to("cpu") if group.leads else full.new_empty(0)
    return value


def like_weight(whole: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return a whole tensor as `weight` is: this process's part of it, if that is shared."""
    if not hasattr(weight, "device_mesh"):
        return whole
    from torch.distributed.tensor import distribute_tensor

    # Every process has read the same file, so that none has to be told.
    found: torch.Tensor = distribute_tensor(
        whole.to(weight.device), weight.device_mesh, weight.placements, src_data_rank=None
    )
    return found


class ShardedOptimiser:
    """An optimiser of shared weights as a part of checkpoints, which have whole tensors."""

    def __init__(self, optimiser: torch.optim.Optimizer) -> None:
        """Wrap an optimiser."""
        self._optimiser = optimiser

    def state_dict(self) -> dict[str, Any]:
        """Return its state, whose tensors are shared."""
        found: dict[str, Any] = self._optimiser.state_dict()
        return found

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Restore a state of whole tensors."""
        weights = [each for one in self._optimiser.param_groups for each in one["params"]]
        shared = {
            number: {name: _part(each, weights[int(number)]) for name, each in values.items()}
            for number, values in state_dict["state"].items()
        }
        self._optimiser.load_state_dict({**state_dict, "state": shared})


def _part(value: Any, weight: torch.Tensor) -> Any:
    """Return a number of steps as it is, and a moment as its weight is."""
    moment = isinstance(value, torch.Tensor) and value.shape == weight.shape
    return like_weight(value, weight) if moment else value
