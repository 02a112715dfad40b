"""Distillation: what it teaches, its stages, and what it may begin from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from chalicelib.inference import diffusion
from chalicelib.inference.diffusion import DiffusionSampling, NoiseSchedule
from models.failures import BadData, BadRecipe
from models.jobs import runner
from models.networks.denoiser import schedule
from models.recipes.diffusion_distilled.distillation import (
    DistillationStage,
    DistillationTask,
    Velocity,
    distillation_loss,
)
from models.recipes.diffusion_distilled.recipe import CODE
from models.reference import diffusion as reference
from models.training import recipe, seeds
from models.training.devices import select_device
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup
from tests.training.conftest import Channel, Laid, Smoke

SHAPE = (1, 4, 4)


def settings(**asked: Any) -> Any:
    return recipe.resolve(recipe.load("diffusion_distilled"), "smoke", asked)


def knows(brightness: float) -> Velocity:
    """Return a model of one picture, whose brightness grows with the word, and is 0 for none."""

    def velocity(seen: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        kept = schedule.kept_shares(1000)[step][:, None, None, None]
        clean = brightness * tokens[:, :1, None, None].float()
        noise = (seen - kept.sqrt() * clean) / (1 - kept).sqrt()
        return kept.sqrt() * noise - (1 - kept).sqrt() * clean

    return velocity


def rows() -> list[torch.Tensor]:
    stream = torch.Generator().manual_seed(3)
    images = torch.rand(32, *SHAPE, generator=stream) * 2 - 1
    return [images, torch.ones(32, 1, 6, dtype=torch.long), torch.ones(32, dtype=torch.long)]


def test_a_step_back_should_be_the_oracles_and_lead_where_it_came_from() -> None:
    kept, before = torch.tensor([0.02, 0.6]), torch.tensor([0.5, 1.0])
    stream = torch.Generator().manual_seed(0)
    seen = torch.randn(2, *SHAPE, generator=stream)
    velocity = (
        -0.9 * (1 - kept).rsqrt()[:, None, None, None] * torch.rand(2, *SHAPE, generator=stream)
        + (kept / (1 - kept)).sqrt()[:, None, None, None] * seen
    )
    after = schedule.ddim_step(seen, velocity, kept, before)
    noise = schedule.predicted_noise(seen, velocity, kept)
    for at in range(2):
        wanted = reference.ddim_step(
            seen[at].double().numpy(),
            noise[at].double().numpy(),
            float(kept[at]),
            float(before[at]),
        )
        assert after[at].numpy() == pytest.approx(wanted, abs=1e-5)
    told = schedule.ddim_velocity(seen, after, kept, before)
    assert told.numpy() == pytest.approx(velocity.numpy(), abs=1e-5)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_what_its_guided_teacher_draws_should_be_learnt(guidance: float) -> None:
    asked = settings(drop_caption=0)
    stage = DistillationStage(knows(0.2), 2, guidance)
    right = distillation_loss(knows(0.2 * guidance), stage, rows(), asked)
    wrong = distillation_loss(knows(0.25 * guidance), stage, rows(), asked)
    assert float(right["loss"]) == pytest.approx(0, abs=1e-6)
    assert float(wrong["loss"]) > 1e-4


def test_the_error_should_be_set_against_the_teachers_own_in_one_step() -> None:
    def wavy(seen: torch.Tensor, step: torch.Tensor, _tokens: torch.Tensor) -> torch.Tensor:
        return torch.sin(3 * seen + step[:, None, None, None] / 100)

    torch.manual_seed(0)
    told = distillation_loss(wavy, DistillationStage(wavy, 4, 1.0), rows(), settings())
    assert float(told["loss"]) > 0.01
    assert float(told["error_left"]) == pytest.approx(1)


def test_a_student_that_matches_should_draw_in_half_the_steps_what_its_teacher_does() -> None:
    kept = schedule.kept_shares(1000)
    none = np.zeros((2, 6), np.int64)

    def denoise(image: Any, step: Any, tokens: Any) -> Any:
        given = (torch.from_numpy(each) for each in (image, step, tokens))
        velocity = knows(0.3)(*given)
        return schedule.predicted_noise(torch.from_numpy(image), velocity, kept[step]).numpy()

    start = diffusion.noise(0, 2, SHAPE)
    drawn = [
        diffusion.sample(
            denoise, NoiseSchedule(kept.tolist()), start, none + 1, none, DiffusionSampling(steps)
        )
        for steps in (4, 2)
    ]
    assert drawn[0] == pytest.approx(drawn[1], abs=1e-3)


def begun(channel: Channel) -> DistillationTask:
    asked = settings()
    seeds.seed_all(0, 0)
    network = CODE.network(asked)
    data = CODE.load(channel("captioned_digits"))
    return DistillationTask(TaskSetup(network, data, asked, select_device({}), ProcessGroup()))


def test_each_stage_should_have_the_last_ones_student_as_its_teacher(channel: Channel) -> None:
    task = begun(channel)
    teacher: Any = task.parts()["teacher"]
    before = {name: each.clone() for name, each in teacher.state_dict().items()}

    def step(first: int, last: int) -> None:
        for number in range(first, last + 1):
            seeds.seed_all(0, number)
            task.step(number)

    step(1, 7)
    assert all((each == before[name]).all() for name, each in teacher.state_dict().items())
    step(8, 8)
    network: Any = task.parts()["network"]
    student = network.drawing.state_dict()
    assert all((each == student[name]).all() for name, each in teacher.state_dict().items())
    assert any((each != before[name]).any() for name, each in teacher.state_dict().items())
    step(9, 9)
    after = network.drawing.state_dict()
    assert any((after[name] != each).any() for name, each in teacher.state_dict().items())


def test_should_go_on_in_a_later_stage_as_if_it_had_not_stopped(channel: Channel) -> None:
    whole = begun(channel)
    for number in range(1, 10):
        seeds.seed_all(0, number)
        whole.step(number)
    resumed = begun(channel)
    for name, part in resumed.parts().items():
        kept: Any = whole.parts()[name]
        part.load_state_dict(kept.state_dict())
    told = []
    for task in (whole, resumed):
        seeds.seed_all(0, 10)
        told.append({name: float(each) for name, each in task.step(10).items()})
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"noise_steps": 500}, "noise_steps: is 500, and the teacher was trained with 1000"),
        ({"width": 16}, "(?s)cannot begin from what it was given: .*size mismatch"),
    ],
)
def test_should_begin_from_a_teacher_of_its_own_kind_alone(
    asked: dict[str, Any], told: str, smoke: Smoke, channel: Channel, laid: Laid
) -> None:
    channels = {
        "training": channel("captioned_digits"),
        "teacher": smoke("diffusion") / "finish" / "model",
    }
    job = laid({"recipe": "diffusion_distilled", "preset": "smoke", **asked}, channels)
    with pytest.raises(BadData, match=told):
        runner.run_job(job, {}, lambda _: None)
    assert not job.model.exists()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"teacher_steps": 12}, r"teacher_steps has to be sampling_steps times 2, 4, 8"),
        ({"teacher_steps": 2}, r"teacher_steps has to be sampling_steps times 2, 4, 8"),
        ({"steps": 15}, "steps has to be a multiple of the 2 stages"),
        ({"noise_steps": 4}, "teacher_steps may be noise_steps at most"),
    ],
)
def test_stages_that_do_not_halve_should_be_refused(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRecipe, match=told):
        settings(**asked)
