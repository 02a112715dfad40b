"""The training: stage by stage, each with the student of the one before as its teacher."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch

from models.common.captions import Captioned
from models.common.checkpoints import Stateful
from models.common.family import Setup
from models.common.supervised import Batch, Batches, LossTask
from models.networks.denoiser.network import Averaged
from models.networks.denoiser.prompts import captioned
from models.recipes.diffusion_distilled.loss import Stage, measured
from models.recipes.diffusion_distilled.parameters import Parameters


class Distillation:
    """A task of the loop. The learning rate rises and falls anew in each stage."""

    def __init__(self, setup: Setup[Parameters, Captioned]) -> None:
        """Begin with the network as its own teacher. Raises BadData."""
        parameters, network = setup.parameters, setup.network
        assert isinstance(network, Averaged)
        self._parameters, self._network = parameters, network
        self._teacher = copy.deepcopy(network.drawing).to(setup.device.torch).eval()
        self._a_stage = parameters.steps // parameters.stages
        self._stage = self._of(1)
        settings = parameters.model_copy(update={"steps": self._a_stage})
        self._task = LossTask(
            network,
            self._measured,
            Batches(captioned(setup.data, parameters), settings, setup.group),
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

    def _of(self, number: int) -> Stage:
        done = (number - 1) // self._a_stage
        guidance = self._parameters.teacher_guidance if done == 0 else 1.0
        return Stage(self._teacher, self._parameters.teacher_steps >> (done + 1), guidance)

    def _measured(
        self, network: torch.nn.Module, batch: Batch, _number: int
    ) -> Mapping[str, torch.Tensor]:
        return measured(network, self._stage, batch, self._parameters)

    def _after(self, number: int) -> None:
        self._network.follow(number)
        if number == self._a_stage:
            self._teacher.load_state_dict(self._network.drawing.state_dict())
