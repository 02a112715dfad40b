"""Training by other libraries' loops, in the training environment.

Network, loss, data, batch and optimiser are the same. Each loop calls `turn` after a step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from torch import nn
from torch.utils.data import DataLoader, Dataset
from transformers import Trainer, TrainerCallback, TrainingArguments

from models.networks.denoiser.network import AveragedDenoiser
from models.networks.settings import DenoiserSettings
from models.recipes.blip2.loss import TwoStageTask
from models.recipes.gan import network
from models.recipes.gan.contest import AdversarialTask
from models.recipes.gan.parameters import Parameters as GanParameters
from models.training.loop import TrainingTask
from models.training.settings import RecipeSettings
from models.training.supervised_task import Batch, Batches, BatchSource, LossTask

Turn = Callable[[], None]

ENDLESS = 10**7
_BETA = 0.999


class Over(Exception):  # noqa: N818 - no error: the turns are over
    """Raised when no more steps are requested."""


class Rows(Dataset[Batch]):
    """The rows of batches; many are read at a time, so that none are stacked singly."""

    def __init__(self, batches: Batches) -> None:
        epoch = [batches.at(number) for number in range(1, batches.per_epoch + 1)]
        self._rows = [torch.cat(parts) for parts in zip(*epoch, strict=True)]

    def __len__(self) -> int:
        return len(self._rows[0])

    def __getitems__(self, chosen: Sequence[int]) -> Batch:
        where = torch.tensor(chosen)
        return [rows[where] for rows in self._rows]


def loader(batches: BatchSource, size: int) -> DataLoader[Batch]:
    """Return torch's loader of rows, reshuffled each epoch."""
    if not isinstance(batches, Batches):
        raise TypeError(f"{type(batches).__name__} are no batches of rows that torch could draw.")
    return DataLoader(
        Rows(batches), size, shuffle=True, drop_last=True, collate_fn=lambda batch: batch
    )


def supervised(task: TrainingTask) -> LossTask:
    """Return the task of a network and a loss; of two stages the first."""
    found = task.first if isinstance(task, TwoStageTask) else task
    if not isinstance(found, LossTask):
        raise TypeError(f"{type(task).__name__} has no loss of a batch, as a trainer takes it.")
    return found


def _learning(network: nn.Module) -> list[nn.Parameter]:
    return [each for each in network.parameters() if each.requires_grad]


def bare(task: TrainingTask, settings: RecipeSettings, turn: Turn, _scratch: Path) -> None:
    """Train as torch's tutorials do: no metrics, no seeds, no checkpoints."""
    if isinstance(task, AdversarialTask):
        _adversaries(task, task.settings, turn)
    elif isinstance(task, LossTask | TwoStageTask):
        _regression(supervised(task), settings, turn)
    else:
        for number in range(1, ENDLESS):
            task.step(number)
            turn()


def _regression(task: LossTask, settings: RecipeSettings, turn: Turn) -> None:
    optimiser = torch.optim.AdamW(
        _learning(task.network),
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    number = 0
    while True:
        for batch in loader(task.batches, settings.batch):
            number += 1
            loss = task.loss(task.network, batch, number)["loss"]
            optimiser.zero_grad()
            loss.backward()
            if settings.clip_norm is not None:
                nn.utils.clip_grad_norm_(task.network.parameters(), settings.clip_norm)
            optimiser.step()
            schedule.step()
            task.after(number)
            turn()


def _adversaries(task: AdversarialTask, settings: GanParameters, turn: Turn) -> None:
    """Train a GAN: I. Gulrajani et al., https://arxiv.org/abs/1704.00028, algorithm 1."""
    generator, critic = task.network.generator, task.network.critic
    rates: dict[str, Any] = {"lr": settings.learning_rate, "fused": True}
    rates["betas"] = (settings.momentum, _BETA)
    of_generator = torch.optim.AdamW(generator.parameters(), **rates)
    of_critic = torch.optim.AdamW(critic.parameters(), **rates)
    taken = 0
    while True:
        for (real,) in loader(task.batches, settings.batch):
            drawn = generator(torch.randn(len(real), settings.latent)).detach()
            loss = network.critic_loss(settings, critic, real, drawn)
            loss = loss + settings.gradient_penalty * network.gradient_penalty(critic, real, drawn)
            of_critic.zero_grad()
            loss.backward()
            of_critic.step()
            taken += 1
            if taken % settings.critic_steps:
                continue
            told = critic(generator(torch.randn(len(real), settings.latent)))
            of_generator.zero_grad()
            network.generator_loss(settings, told).backward()
            of_generator.step()
            task.network.averaged.update_parameters(generator)
            turn()


class _Waits(TrainerCallback):
    def __init__(self, turn: Turn) -> None:
        self._turn = turn

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self._turn()


class _ByLoss(Trainer):
    """transformers' trainer with a recipe's loss."""

    def __init__(self, task: LossTask, **given: Any) -> None:
        super().__init__(model=task.network, **given)
        self._loss = task.loss

    def compute_loss(self, model: nn.Module, inputs: Batch, **_: Any) -> torch.Tensor:
        """Return the loss of the recipe."""
        return self._loss(model, inputs, self.state.global_step + 1)["loss"]

    def get_train_dataloader(self) -> DataLoader[Batch]:
        """Return the loader unchanged: all rows are tensors already."""
        return self.train_dataset


def by_transformers(
    task: TrainingTask, settings: RecipeSettings, turn: Turn, scratch: Path
) -> None:
    """Train by transformers.Trainer with its defaults, saving nothing."""
    found = supervised(task)
    arguments = TrainingArguments(
        output_dir=str(scratch),
        per_device_train_batch_size=settings.batch,
        max_steps=ENDLESS,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.clip_norm or 0.0,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        seed=settings.seed,
    )
    rows = loader(found.batches, settings.batch)
    trainer = _ByLoss(found, args=arguments, train_dataset=rows, callbacks=[_Waits(turn)])
    trainer.train()


def by_diffusers(task: TrainingTask, settings: RecipeSettings, turn: Turn, _scratch: Path) -> None:
    """Train as diffusers' examples do: accelerate, its moving average and its schedule.

    https://github.com/huggingface/diffusers/blob/main/examples/text_to_image/train_text_to_image.py
    """
    found = supervised(task)
    assert isinstance(found.network, AveragedDenoiser)
    assert isinstance(settings, DenoiserSettings)
    network = found.network.live
    accelerator = Accelerator(cpu=True)
    optimiser = torch.optim.AdamW(
        network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = get_scheduler(
        "cosine", optimiser, num_warmup_steps=settings.warmup, num_training_steps=ENDLESS
    )
    network, optimiser, rows, schedule = accelerator.prepare(
        network, optimiser, loader(found.batches, settings.batch), schedule
    )
    average = EMAModel(network.parameters(), decay=settings.average)
    number = 0
    while True:
        for batch in rows:
            number += 1
            with accelerator.accumulate(network):
                loss = found.loss(network, batch, number)["loss"]
                accelerator.backward(loss)
                if accelerator.sync_gradients and settings.clip_norm is not None:
                    accelerator.clip_grad_norm_(network.parameters(), settings.clip_norm)
                optimiser.step()
                schedule.step()
                optimiser.zero_grad()
            average.step(network.parameters())
            turn()


WAYS: Mapping[str, Callable[[TrainingTask, RecipeSettings, Turn, Path], None]] = {
    "bare torch": bare,
    "transformers.Trainer": by_transformers,
    "diffusers' example": by_diffusers,
}
