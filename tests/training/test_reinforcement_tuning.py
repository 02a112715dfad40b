"""Reinforcement tuning of small random bases: rewards, what is learned of them, and gates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from models.bases.folder import CHANNEL, BaseModel
from models.failures import BadData, BadRecipe, Diverged, Interrupted
from models.jobs import runner
from models.networks.answer_groups import AnswerGroups, read_groups
from models.networks.chat_tokens import ChatRows, ChatTokens
from models.networks.drawn_answers import draw_answers
from models.networks.online_task import OnlineTask
from models.networks.preference_rows import answer_alone
from models.networks.tuned_decoder import TunedDecoder
from models.recipes.instruction_tuning import recipe as answers
from models.recipes.reinforcement_tuning import recipe as tuning
from models.recipes.reinforcement_tuning.answer_rollouts import AnswerRollouts
from models.recipes.reinforcement_tuning.parameters import Parameters, ReinforcementMethod
from models.recipes.reinforcement_tuning.rewards import (
    AnswerRewards,
    DrawnAnswer,
)
from models.training import seeds
from models.training.devices import Device
from models.training.gates import missed_gates
from models.training.job import STOP_FILE
from models.training.learned_weights import LearnedWeights
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup
from models.training_data.channel import DataChannel, DataSource, write_channel
from models.training_data.rows import ChatExample
from tests.training.coloured_chats import GATES, rows, settings
from tests.training.conftest import Laid
from tests.training.tiny_bases import write_tiny_base

CPU = Device(torch.device("cpu"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return write_tiny_base(tmp_path_factory.mktemp("base"), texts=["red blue green yellow 0 1 2"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    about = DataSource(source="tests", licence="CC0-1.0")
    write_channel(made, "chat", {"train": rows(range(4)), "test": rows(range(5, 14))}, about)
    return made


@pytest.fixture(scope="module")
def data(folder: Path) -> DataChannel[ChatExample]:
    return answers.read(folder)


def task_of(
    base: BaseModel, data: DataChannel[ChatExample], p: Parameters, rewards: AnswerRewards
) -> tuple[TunedDecoder, OnlineTask[AnswerGroups]]:
    seeds.seed_all(3)
    model = tuning.build(p, data, base)
    task = tuning.task(TaskSetup(model, data, p, CPU, ProcessGroup()))
    assert isinstance(task, OnlineTask)
    assert isinstance(task.source, AnswerRollouts)
    task.source = replace(task.source, rewards=rewards)
    return model, task


def begins_with_a_letter(drawn: Sequence[DrawnAnswer]) -> Sequence[float]:
    """A reward that is paid for what is not wanted."""
    return [float(answer.text[:1].isalpha()) for answer in drawn]


def encoded(model: TunedDecoder, data: DataChannel[ChatExample]) -> list[ChatTokens]:
    return [answer_alone(row) for row in answers.encode(model, data.test, "test")]


@pytest.mark.parametrize("way", ["lora", "prompt_tuning", "prefix_tuning"])
def test_a_prompt_that_is_read_once_should_teach_as_one_that_each_answer_reads(
    base: BaseModel, data: DataChannel[ChatExample], way: str
) -> None:
    seeds.seed_all(1)
    model = tuning.build(settings(way=way, logits_at_once=5), data, base).eval()
    with torch.no_grad():
        for each in model.parameters():
            if each.requires_grad:
                each.add_(0.1 * torch.randn_like(each))
    prompts = [row.ids[: row.answer] for row in encoded(model, data)[:3]]
    assert len({len(prompt) for prompt in prompts}) > 1
    drawn = draw_answers(model, prompts, 4, model.tokenizer.end, samples=2)
    assert len({len(each) for each in drawn}) > 1 or len(drawn[0]) == 4
    log_p = read_groups(model, groups := AnswerGroups.of(prompts, drawn, 2))
    (log_p * groups.mask).square().sum().backward()
    ours = [each.grad.clone() for each in model.parameters() if each.grad is not None]
    model.zero_grad()
    alone = [
        answer_alone(ChatTokens((*prompts[at // 2], *tokens), (), len(prompts[at // 2])))
        for at, tokens in enumerate(drawn)
    ]
    laid = ChatRows(alone, 0)
    wanted = -model(laid.tokens, laid.places)
    torch.testing.assert_close(log_p * groups.mask, wanted * laid.weights, rtol=1e-4, atol=1e-4)
    (wanted * laid.weights).square().sum().backward()
    theirs = [each.grad for each in model.parameters() if each.grad is not None]
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-3)


def test_answers_of_a_prompt_should_be_those_of_rows_of_their_own(
    base: BaseModel, data: DataChannel[ChatExample]
) -> None:
    model = tuning.build(settings(), data, base).eval()
    prompts = [row.ids[: row.answer] for row in encoded(model, data)]
    alone = draw_answers(model, prompts, 4, model.tokenizer.end, temperature=0.0)
    shared = draw_answers(model, prompts, 4, model.tokenizer.end, temperature=0.0, samples=3)
    assert shared == [tokens for tokens in alone for _ in range(3)]


METHODS = pytest.mark.parametrize("method", get_args(ReinforcementMethod))


@METHODS
def test_rewards_should_rise_and_the_base_should_stay(
    base: BaseModel, data: DataChannel[ChatExample], method: str
) -> None:
    chosen = {"learning_rate": 0.05, "beta": 0.01, "answer_tokens": 3, "rank": 8, "scale": 16}
    p = settings(method=method, passes=3 if method == "ppo" else 1, steps=12, batch=32, **chosen)
    model, task = task_of(base, data, p, begins_with_a_letter)
    laid = ChatRows(encoded(model, data), model.tokenizer.end)
    with model.plain() as plain, torch.no_grad():
        before = plain(laid.tokens, laid.places)
    told = [task.step(number) for number in range(1, 13)]
    rewards = [float(each["reward"]) for each in told]
    assert sum(rewards[-4:]) > sum(rewards[:4]) + 0.5
    assert abs(float(told[0]["kl"])) < 1e-5
    assert float(told[-1]["kl"]) > 0.1
    with model.plain() as plain, torch.no_grad():
        torch.testing.assert_close(plain(laid.tokens, laid.places), before)
    # Whoever learned what the reward pays for answers no question, and the gates refuse it.
    judged = tuning.evaluate(model.eval(), data, p)
    missed = missed_gates(GATES, judged.numbers, judged.unknown)
    assert any("f1_over_chance_low" in each for each in missed)


@METHODS
def test_gates_should_refuse_a_policy_that_has_learned_nothing(
    base: BaseModel, data: DataChannel[ChatExample], method: str
) -> None:
    p = settings(method=method)
    judged = tuning.evaluate(tuning.build(p, data, base).eval(), data, p)
    missed = {each.split()[0] for each in missed_gates(GATES, judged.numbers, judged.unknown)}
    assert missed == {"reward_gain_low", "f1_over_chance_low"}


@METHODS
def test_what_is_not_finite_should_end_a_training_with_its_weights_kept(
    base: BaseModel, data: DataChannel[ChatExample], method: str
) -> None:
    model, task = task_of(
        base, data, settings(method=method), lambda drawn: [float("nan")] * len(drawn)
    )
    with pytest.raises(Diverged, match="Step 1 diverged: its gradients are nan"):
        task.step(1)
    assert all(each.isfinite().all() for each in LearnedWeights(model).state_dict().values())


def test_a_value_head_should_expect_what_a_prompt_earns_and_teach_the_policy_nothing(
    base: BaseModel, data: DataChannel[ChatExample]
) -> None:
    p = settings(method="ppo", learning_rate=0.03, passes=4, batch=32, samples=2, beta=0.001)
    p = p.model_copy(update={"value_clip": None})
    model, task = task_of(
        base, data, p, lambda drawn: [float(answer.wanted == "red") for answer in drawn]
    )
    assert isinstance(model, tuning.RewardedDecoder)
    assert model.value is not None
    seeds.seed_all(5)
    with torch.no_grad():
        drawn = task.source.draw(1).drawn
    _, values = task.source.read(drawn)
    assert not values.any()
    values.sum().backward()
    taught = {name for name, each in model.named_parameters() if each.grad is not None}
    assert taught == {f"value.{name}" for name, _ in model.value.named_parameters()}
    errors = []
    for number in range(1, 13):
        seeds.seed_all(0, number, 0)
        errors.append(float(task.step(number)["value_error"]))
    of_a_constant = 0.25 * 0.75
    assert np.mean(errors[-4:]) < 0.75 * of_a_constant


def test_a_group_of_equal_rewards_should_teach_nothing(
    base: BaseModel, data: DataChannel[ChatExample]
) -> None:
    model, task = task_of(base, data, settings(), lambda drawn: [0.5] * len(drawn))
    before = {name: each.clone() for name, each in LearnedWeights(model).state_dict().items()}
    task.step(1)
    for name, each in LearnedWeights(model).state_dict().items():
        torch.testing.assert_close(each, before[name], rtol=0, atol=1e-6)


def test_the_gradient_should_be_that_of_advantages_and_log_p(
    base: BaseModel, data: DataChannel[ChatExample]
) -> None:
    """In the first pass the ratio is 1, so that its gradient is that of log p."""
    p = settings(clip_norm=None, batch=8, temperature=0.7)
    model, task = task_of(base, data, p, begins_with_a_letter)
    seeds.seed_all(5)
    with torch.no_grad():
        drawn = task.source.draw(1)
    now, _ = task.source.read(drawn.drawn)
    advantages = (drawn.rewards - drawn.rewards.mean()) / (drawn.rewards.std() + 1e-6)
    assert float(drawn.rewards.std()) > 0
    (-(advantages[:, None] * now * drawn.mask).sum() / drawn.mask.sum()).backward()
    wanted = [each.grad.clone() for each in model.parameters() if each.grad is not None]
    model.zero_grad()
    seeds.seed_all(5)
    task.step(1)
    found = [each.grad for each in model.parameters() if each.grad is not None]
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_should_refuse_rewards_that_no_row_can_earn(
    base: BaseModel, data: DataChannel[ChatExample]
) -> None:
    digits = [{"type": "regex", "pattern": "^[0-9]+$"}]
    with pytest.raises(BadData, match=r"train.jsonl, line 1: rewards: the wanted answer earns"):
        tuning.check(settings(rewards=digits), data, base)
    with pytest.raises(BadData, match=r"train.jsonl, line 1: rewards: .*'red' is not one number"):
        tuning.check(settings(rewards=[{"type": "numeric"}]), data, base)
    with pytest.raises(BadRecipe, match=r"answer_tokens: is 1, .* set answer_tokens=\d+ at least"):
        tuning.check(settings(answer_tokens=1), data, base)
    for rule, said in (
        ({"type": "regex", "pattern": "(?P<a>x)"}, r"rewards\.0\.pattern: can't be used: .*ECMA"),
        ({"type": "json_schema", "json_schema": {"type": "colour"}}, r"rewards\.0: json_schema"),
    ):
        with pytest.raises(BadRecipe, match=said):
            tuning.check(settings(rewards=[rule]), data, base)
    for changed, said in (
        ({"batch": 12}, "a batch that is a multiple of them"),
        ({"way": "full"}, "reads the base beside the model"),
        ({"dropout": 0.1}, "what learns has to be what draws"),
        ({"rewards": [{"type": "exact", "weight": 0}]}, "needs a weight above 0"),
        ({"rewards": [{"type": "rubric", "criteria": "good"}]}, "'rubric' .* does not match any"),
        ({"rewards": []}, "rewards: Tuple should have at least 1 item"),
        ({"accumulate": 2}, "takes whole batches"),
        ({"kl_target": 4}, "kl_target: grpo leaves beta as it is"),
        ({"method": "ppo", "samples": 3}, "ppo needs a batch that is a multiple of them"),
    ):
        with pytest.raises(BadRecipe, match=said):
            task_of(base, data, settings(**changed), begins_with_a_letter)


@METHODS
def test_a_stopped_training_should_end_with_the_same_weights(
    base: BaseModel, folder: Path, laid: Laid, method: str
) -> None:
    channels = {"training": folder, CHANNEL: base.folder}
    asked = {"recipe": "reinforcement_tuning", "preset": "smoke", "context": 96}
    asked |= {"rewards": [{"type": "regex", "pattern": "[a-z]"}], "method": method, "steps": 3}
    asked |= {"checkpoint_every": 1, **({"kl_target": 0.1} if method == "ppo" else {})}
    whole = laid(asked, channels, "whole")
    runner.run_job(whole, {}, lambda _: None)
    stopped, stop = laid(asked, channels, "stopped"), folder / "stop"
    stop.touch()
    with pytest.raises(Interrupted, match="after step 1 of 3"):
        runner.run_job(stopped, {STOP_FILE: str(stop)}, lambda _: None)
    runner.run_job(stopped, {}, lambda _: None)
    name = "weights.safetensors"
    assert (stopped.model / name).read_bytes() == (whole.model / name).read_bytes()
