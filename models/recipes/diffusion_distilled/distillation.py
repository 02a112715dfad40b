"""Progressive distillation: the student of each stage is the teacher of the next."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import torch

from chalicelib.inference.diffusion import visited_steps
from models.data.captions import CaptionedImages
from models.networks.denoiser import schedule
from models.networks.denoiser.network import AveragedDenoiser, caption_rows, draw_captions
from models.recipes.diffusion_distilled.parameters import Parameters
from models.training.checkpoints import Stateful
from models.training.recipe_code import TaskSetup
from models.training.supervised_task import Batch, Batches, LossTask

Velocity = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Given pictures, steps and tokens, returns velocities."""


@dataclass(frozen=True, slots=True)
class DistillationStage:
    """One halving: a teacher of twice `steps`, with its guidance, 1 for none."""

    teacher: Velocity
    steps: int
    guidance: float


def distillation_loss(
    student: Velocity, stage: DistillationStage, batch: Batch, parameters: Parameters
) -> Mapping[str, torch.Tensor]:
    """Return the loss: |velocity to where two steps lead - predicted|^2, mean of pixels.

    `error_left` is the loss as a share of the teacher's own, were it to take one step for two.
    Batches are as in training: pictures, captions' tokens, counts.
    """
    images, captions, counts = batch
    count = len(images)
    tokens = draw_captions(captions, counts, parameters.drop_caption)
    places = torch.randint(stage.steps, (count,))
    noise = torch.randn(images.shape).to(images.device)
    step, kept = _at(2 * places, stage, parameters, images.device)
    middle, kept_middle = _at(2 * places + 1, stage, parameters, images.device)
    _, kept_after = _at(2 * places + 2, stage, parameters, images.device)
    seen = schedule.add_noise(images, noise, kept)
    with torch.no_grad():
        first = _guided(stage, seen, step, tokens)
        halfway = schedule.ddim_step(seen, first, kept, kept_middle)
        second = _guided(stage, halfway, middle, tokens)
        after = schedule.ddim_step(halfway, second, kept_middle, kept_after)
        wanted = schedule.ddim_velocity(seen, after, kept, kept_after)
        unlearned = (first - wanted).square().mean()
    loss = (student(seen, step, tokens) - wanted).square().mean()
    return {"loss": loss, "error_left": loss / unlearned}


def _at(
    places: torch.Tensor, stage: DistillationStage, parameters: Parameters, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the step and the kept share at each place of the teacher's grid."""
    steps, shares = _visited(parameters.noise_steps, 2 * stage.steps)
    return steps[places].to(device), shares[places].to(device)


@cache
def _visited(noise_steps: int, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the steps of a grid and the kept share at each; 1 after the last."""
    visited = torch.tensor(visited_steps(noise_steps, steps))
    shares = schedule.kept_shares(noise_steps)[visited]
    return torch.cat([visited, torch.zeros(1).long()]), torch.cat([shares, torch.ones(1)])


def _guided(
    stage: DistillationStage, seen: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor
) -> torch.Tensor:
    if stage.guidance == 1:
        return stage.teacher(seen, step, tokens)
    both = stage.teacher(
        torch.cat([seen, seen]),
        torch.cat([step, step]),
        torch.cat([tokens, torch.zeros_like(tokens)]),
    )
    wanted, unwanted = both.chunk(2)
    return unwanted + stage.guidance * (wanted - unwanted)


class DistillationTask:
    """The distillation as a training task; each stage has its own learning rate cycle."""

    def __init__(self, setup: TaskSetup[Parameters, CaptionedImages]) -> None:
        """Begin with the network as its own teacher. Raises BadData."""
        parameters, network = setup.parameters, setup.network
        assert isinstance(network, AveragedDenoiser)
        self._parameters, self._network = parameters, network
        self._teacher = copy.deepcopy(network.drawing).to(setup.device.torch).eval()
        self._a_stage = parameters.steps // parameters.stages
        self._stage = self._of(1)
        settings = parameters.model_copy(update={"steps": self._a_stage})
        self._task = LossTask(
            network,
            self._measured,
            Batches(caption_rows(setup.data, parameters), settings, setup.group),
            settings,
            setup.device,
            setup.group,
            also={"teacher": self._teacher},
            after=self._after,
        )

    def parts(self) -> Mapping[str, Stateful]:
        """Return the network, the optimiser and the teacher."""
        return self._task.parts()

    def step(self, number: int) -> Mapping[str, torch.Tensor | float]:
        """Do step `number` of all stages."""
        self._stage = self._of(number)
        return self._task.step((number - 1) % self._a_stage + 1)

    def _of(self, number: int) -> DistillationStage:
        done = (number - 1) // self._a_stage
        guidance = self._parameters.teacher_guidance if done == 0 else 1.0
        return DistillationStage(
            self._teacher, self._parameters.teacher_steps >> (done + 1), guidance
        )

    def _measured(
        self, network: torch.nn.Module, batch: Batch, _number: int
    ) -> Mapping[str, torch.Tensor]:
        return distillation_loss(network, self._stage, batch, self._parameters)

    def _after(self, number: int) -> None:
        self._network.follow(number)
        if number == self._a_stage:
            self._teacher.load_state_dict(self._network.drawing.state_dict())
