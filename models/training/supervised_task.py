"""Supervised training: a network and a loss as a task of the loop, with AdamW.

The loss takes the network and a batch and returns its metrics, with `loss` to be minimised. The
learning rate warms up and falls as a cosine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

from models.failures import BadRecipe
from models.training import seeds
from models.training.checkpoints import Stateful
from models.training.devices import Device, move_network
from models.training.memory import batch_parts, recompute_layers
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup
from models.training.settings import RecipeSettings
from models.training.shards import ShardedOptimiser, shard
from models.training.validation import Validation, with_validation

_FUSED = ("cpu", "cuda")
"""Kinds of devices on which torch updates all weights in one kernel. On one core the loop over
tensors takes 8 ms for two towers of 107 tensors, and the kernel 1 ms."""


@runtime_checkable
class UndecayedModule(Protocol):
    """A module with weights that are inputs, and that decay would draw to nothing."""

    def no_weight_decay(self) -> Collection[str]:
        """Return the names of these weights among its own."""


def adamw(
    network: nn.Module,
    settings: RecipeSettings,
    device: Device,
    betas: tuple[float, float] = (0.9, 0.999),
) -> torch.optim.Optimizer:
    """Return AdamW for the trainable weights of `network`.

    I. Loshchilov and F. Hutter, 2019, https://arxiv.org/abs/1711.05101
    """
    return torch.optim.AdamW(
        decay_groups(network, settings.weight_decay),
        lr=settings.learning_rate,
        betas=betas,
        fused=device.kind in _FUSED,
    )


def decay_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return the trainable weights of `network` as groups of an optimiser: decayed, and not.

    Decay is for weights that multiply what comes in. Norms, biases, temperatures and embeddings are
    left alone: to shrink them limits nothing but where activations lie and how often a token
    occurred. A. Karpathy's minGPT and OpenCLIP leave the same out. So is what an `UndecayedModule`
    names, such as a soft prompt: it is what comes in.
    """
    embeddings = {
        id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)
    }
    for module in network.modules():
        named = dict(module.named_parameters(recurse=False))
        if isinstance(module, UndecayedModule):
            embeddings |= {id(named[name]) for name in module.no_weight_decay() if name in named}
    decayed: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for each in network.parameters():
        if each.requires_grad:
            kept = each.ndim < _LEAST_AXES or id(each) in embeddings
            (others if kept else decayed).append(each)
    groups = [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


_LEAST_AXES = 2
"""The axes of a weight that multiplies; what has fewer is a gain, a bias or a temperature."""


P = TypeVar("P", bound=RecipeSettings)

Batch = Sequence[torch.Tensor]

Loss = Callable[[nn.Module, Batch, int], Mapping[str, torch.Tensor]]
"""Given a network, a batch on its device and the step's number, returns scalars; `loss` is
minimised, the others are shown."""

_LEAST_SHARE = 0.01
"""The share of the highest learning rate that is left at the last step."""


class Batches:
    """Batches of tensor rows, shuffled each epoch; incomplete last batches are dropped.

    The shapes of all batches are alike, as XLA wants them. Which rows a step has depends on the
    seed and its number alone, and each process of a group has rows of its own.
    """

    def __init__(
        self, rows: Sequence[torch.Tensor], settings: RecipeSettings, group: ProcessGroup
    ) -> None:
        """Batch tensors of equal length. Raises ValueError for fewer rows than a batch."""
        self._rows = rows
        self._count = len(rows[0])
        self._settings = settings
        self._group = group
        self._share = group.share(settings.batch)
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.long)
        self.per_epoch = self._count // settings.batch
        if not self.per_epoch:
            raise ValueError(
                f"The data has {self._count} rows, fewer than a batch of {settings.batch}; give a "
                "smaller batch or more data."
            )

    def at(self, number: int) -> list[torch.Tensor]:
        """Return this process's rows of step `number`, from 1 on."""
        epoch, place = divmod(number - 1, self.per_epoch)
        if epoch != self._epoch:
            drawn = seeds.generator(self._settings.seed, epoch, 1_000_003)
            self._order = torch.randperm(self._count, generator=drawn)
            self._epoch = epoch
        start = place * self._settings.batch + self._group.rank * self._share
        chosen = self._order[start : start + self._share]
        return [rows[chosen] for rows in self._rows]


@runtime_checkable
class PreparedNetwork(Protocol):
    """A network that is otherwise when it learns, such as with frozen layers of fewer bits."""

    def prepare_training(self, device: torch.device) -> None:
        """Change what has to be changed for a training on a device."""


class BatchSource(Protocol):
    """The batches of a training, each the same however often it is asked for."""

    def at(self, number: int) -> Batch:
        """Return this process's rows of step `number`, from 1 on."""


@dataclass(slots=True)
class LossTask:
    """Trains `network` by `loss` on `batches`.

    `also` has further parts of the state, such as a moving average of the weights, and `after` is
    called with them brought up to date after each step. `kept` is what checkpoints have of the
    network: all of it, unless a tuned base gives its `LearnedWeights`.
    """

    network: nn.Module
    loss: Loss
    batches: BatchSource
    settings: RecipeSettings
    device: Device
    group: ProcessGroup = field(default_factory=ProcessGroup)
    also: Mapping[str, Stateful] = field(default_factory=dict)
    after: Callable[[int], None] = lambda _: None
    kept: Stateful | None = None
    validation: Validation | None = None
    _optimiser: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        """Move the network to the device and begin its optimiser.

        Raises:
            BadRecipe: no layer of the network can be computed again, and `checkpointing` is set; or
                `validation_share` is set, and there are no validation rows; or `sharded` is, and
                the network or the device can't be.
        """
        if self.settings.validation_share and self.validation is None:
            raise BadRecipe("validation_share: this training has no such rows; leave it out.")
        if isinstance(self.network, PreparedNetwork):
            self.network.prepare_training(self.device.torch)
        if self.settings.checkpointing:
            recompute_layers(self.network)
        if self._sharded:
            shard(self.network, self.group)
        else:
            move_network(self.network, self.device)
        self.network.train()
        self._optimiser = adamw(self.network, self.settings, self.device)

    def parts(self) -> Mapping[str, Stateful]:
        """Return the network, its optimiser and further parts."""
        kept = self.network if self.kept is None else self.kept
        looks = {} if self.validation is None else {"validation": self.validation}
        own = ShardedOptimiser(self._optimiser) if self._sharded else self._optimiser
        return {"network": kept, "optimiser": own, **looks, **self.also}

    @property
    def _sharded(self) -> bool:
        return self.settings.sharded and self.group.size > 1

    @property
    def ended(self) -> bool:
        """Return whether no further step would make it better."""
        return self.validation is not None and self.validation.ended

    def step(self, number: int) -> Mapping[str, torch.Tensor | float]:
        """Take an optimiser step on one batch."""
        batch = [rows.to(self.device.torch) for rows in self.batches.at(number)]
        rate = learning_rate(self.settings, number)
        for each in self._optimiser.param_groups:
            each["lr"] = rate
        self._optimiser.zero_grad()
        measured = [
            self._learn(part, number) for part in batch_parts(batch, self.settings.accumulate)
        ]
        if not self._sharded:  # else the gradients are averaged as they are computed
            self.group.average(self.network.parameters())
        if self.settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self._optimiser.step()
        self.after(number)
        found: dict[str, torch.Tensor | float] = dict(measured[0])
        if len(measured) > 1:
            for name in measured[0]:
                found[name] = torch.stack([each[name] for each in measured]).mean()
        if self.validation is not None and self.validation.is_due(number):
            found["validation_loss"] = self._look(self.validation, number)
        return found

    def _look(self, validation: Validation, number: int) -> float:
        """Return the loss on the validation rows, by layers as they serve."""

        def loss(rows: Batch) -> torch.Tensor:
            given = [each.to(self.device.torch) for each in rows]
            told: torch.Tensor = self.loss(self.network, given, number)["loss"]
            return told

        self.network.eval()
        try:
            found: float = validation.look(number, loss)
        finally:
            self.network.train()
        return found

    def _learn(self, rows: Batch, number: int) -> Mapping[str, torch.Tensor]:
        """Add the gradients of some rows of a step, and return their metrics."""
        with torch.autocast(
            self.device.kind, torch.bfloat16, enabled=self.settings.precision == "bf16"
        ):
            measured = self.loss(self.network, rows, number)
        (measured["loss"] / self.settings.accumulate).backward()
        return {name: value.detach() for name, value in measured.items()}


def loss_task(
    setup: TaskSetup[P, Any],
    loss: Loss,
    rows: Sequence[torch.Tensor],
    after: Callable[[int], None] = lambda _: None,
    kept: Stateful | None = None,
    groups: Sequence[int] | None = None,
) -> LossTask:
    """Return the training of a network by a loss on rows. Raises ValueError for too few.

    `kept` is what checkpoints have of the network, as in LossTask, and `groups` has the group of
    each row, as in `with_validation`.
    """
    best_of = setup.network if kept is None else kept
    rows, validation = with_validation(rows, setup.parameters, best_of, groups)
    return LossTask(
        setup.network,
        loss,
        Batches(rows, setup.parameters, setup.group),
        setup.parameters,
        setup.device,
        setup.group,
        after=after,
        kept=kept,
        validation=validation,
    )


def learning_rate(settings: RecipeSettings, number: int) -> float:
    """Return the rate of step `number`: linear warm-up, then a cosine down to a hundredth.

    I. Loshchilov and F. Hutter, SGDR, https://arxiv.org/abs/1608.03983
    """
    if number <= settings.warmup:
        return settings.learning_rate * number / settings.warmup
    past = (number - settings.warmup) / max(1, settings.steps - settings.warmup)
    share = _LEAST_SHARE + (1 - _LEAST_SHARE) * 0.5 * (1 + math.cos(math.pi * min(1.0, past)))
    return settings.learning_rate * share
