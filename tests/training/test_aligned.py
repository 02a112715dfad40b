"""Preferences: the methods against formulas and a closed form, and a gamed reward against gates."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from chalicelib.contracts.model_manifest import GraphSpec, Signature
from models.data import review_pairs
from models.failures import BadData, BadRecipe, BelowGate
from models.jobs.finish import finish_job
from models.networks.decoder import logits
from models.networks.online_task import OnlineTask
from models.networks.rollouts import CompletionRows, draw_completions, pair_rows, prompt_rows
from models.recipes.aligned.network import AlignedPolicy, dpo_loss
from models.recipes.aligned.online import online_task
from models.recipes.aligned.parameters import Parameters
from models.recipes.aligned.recipe import CODE, evaluate
from models.recipes.aligned.rewards import (
    RewardFunction,
    length,
    repetition,
    reward_function,
)
from models.reference.losses import best_policy
from models.training import artefacts, recipe, seeds
from models.training.artefacts import TrainedModel
from models.training.devices import Device
from models.training.gates import require_gates
from models.training.process_group import ProcessGroup
from models.training.recipe_code import Graph, TaskSetup
from models.training.supervised_task import Batches
from tests.training.conftest import Channel, Laid, Smoke, signature_of

CPU = Device(torch.device("cpu"))
ARMS = 8


def settings(preset: Any = "smoke", **changed: Any) -> Parameters:
    found = recipe.resolve(recipe.load("aligned"), preset, changed)
    assert isinstance(found, Parameters)
    return found


def network_of(smoke: Smoke) -> AlignedPolicy:
    found = artefacts.read_training(smoke("aligned") / "train" / "model", Path("unused"))
    network = AlignedPolicy(Parameters.model_validate(found.training.settings))
    network.load_state_dict(dict(found.weights))
    return network


def trained(task: OnlineTask[CompletionRows], steps: int) -> list[float]:
    """Do steps and return the reward of each."""
    found = []
    for number in range(1, steps + 1):
        seeds.seed_all(0, number, 0)
        found.append(float(task.step(number)["reward"]))
    return found


@pytest.mark.parametrize("method", ["ppo", "rloo"])
def test_on_a_bandit_the_policy_should_become_the_best_one(method: str) -> None:
    """One token is written, and each has its reward: the best policy is known exactly."""
    p = settings(
        method=method,
        vocabulary=ARMS,
        context=8,
        most=1,
        width=16,
        inner=16,
        layers=1,
        heads=1,
        steps=50,
        batch=512,
        beta=0.5,
        learning_rate=0.02,
        passes=2,
    )
    seeds.seed_all(7)
    network = AlignedPolicy(p)
    torch.nn.init.normal_(network.policy.lm_head.weight, std=0.2)
    network.reference.load_state_dict(network.policy.state_dict())
    worth = torch.tensor([0.0, 0.6, -0.5, 1.0, 0.2, -1.0, 0.4, 0.8])

    def reward(written: CompletionRows) -> torch.Tensor:
        return worth[written.ids[:, 1]]

    prompts = torch.full((p.batch, 1), 2)
    rows = [prompts, torch.ones(p.batch, dtype=torch.long)]
    of_prompts = p.model_copy(update={"batch": p.batch // p.group})
    trained(
        online_task(network, reward, Batches(rows, of_prompts, ProcessGroup()), p, CPU), p.steps
    )
    with torch.no_grad():
        ours = functional.softmax(logits(network.policy, prompts[:1])[0, 0], 0).double().numpy()
        base = functional.softmax(logits(network.reference, prompts[:1])[0, 0], 0).double().numpy()
    wanted = best_policy(base, worth.double().numpy(), p.beta)
    assert np.abs(base - wanted).max() > 0.1
    assert np.abs(ours - wanted).max() < 0.03


def test_dpo_should_begin_at_a_coins_loss_and_read_completions_alone(channel: Channel) -> None:
    data, p = review_pairs.read(channel("preferences")), settings(method="dpo")
    seeds.seed_all(3)
    network = AlignedPolicy(p)
    network.reference.load_state_dict(network.policy.state_dict())
    liked, other = pair_rows(data.vocabulary, data.test_pairs[:16], p.context)
    batch = [*liked.tensors, *other.tensors]
    told = dpo_loss(p)(network, batch, 1)
    assert float(told["loss"].detach()) == pytest.approx(np.log(2), rel=1e-5)
    told["loss"].backward()
    assert network.policy.lm_head.weight.grad is not None
    assert all(each.grad is None for each in network.reference.parameters())


def test_a_row_should_be_written_as_if_it_were_alone(smoke: Smoke, channel: Channel) -> None:
    """Prompts of several lengths go through one batch, padded; none may hear of the others."""
    network, p = network_of(smoke), settings()
    data = review_pairs.read(channel("preferences"))
    prompts, begun = prompt_rows(data.vocabulary, data.test_pairs[:40], p.context, p.most)
    assert len(set(begun.tolist())) > 1
    written = draw_completions(network.policy, prompts, begun, p.most, seeds.generator(5))
    assert written.ids.shape == (40, p.context)
    for row in range(40):
        assert written.ids[row, : begun[row]].tolist() == prompts[row, : begun[row]].tolist()
        assert not written.ids[row, written.sizes[row] :].any()
    assert (written.answered.sum(1) == written.sizes - written.begun).all()
    ended = (written.ids == 1).any(1)
    assert torch.equal(ended, written.ended)
    with torch.no_grad():
        together, _ = network.read(written.ids)
        alone, _ = network.read(written.ids[:1, : written.sizes[0]])
    assert torch.allclose(together[0, : alone.shape[1]], alone[0], atol=1e-5)


def test_what_is_rewarded_should_be_the_weighted_sum(smoke: Smoke) -> None:
    network = network_of(smoke)
    ids = torch.tensor([[5, 6, 7, 7, 7, 1, 0], [5, 6, 8, 9, 1, 0, 0], [5, 6, 8, 8, 9, 9, 9]])
    written = CompletionRows(ids, torch.tensor([2, 2, 2]), torch.tensor([6, 5, 7]))
    assert torch.allclose(repetition(written), torch.tensor([2 / 4, 0.0, 3 / 5]))
    assert torch.allclose(length(written, 10), torch.tensor([0.4, 0.3, 0.5]))
    scores = network.reward(ids, written.mask).detach()
    p = settings(of_model=2.0, of_length=3.0, of_repetition=5.0, most=10)
    wanted = 2 * scores - 3 * length(written, 10) - 5 * repetition(written)
    assert torch.allclose(reward_function(network.reward, p)(written), wanted)
    assert float(scores[2]) == float(network.reward.unended)


def broken(network: AlignedPolicy, word: int) -> RewardFunction:
    """A reward that likes one word, however often."""

    def reward(written: CompletionRows) -> torch.Tensor:
        return ((written.ids[:, 1:] == word) * written.answered).sum(1)

    return reward


def test_a_policy_that_games_its_reward_should_be_refused(smoke: Smoke, channel: Channel) -> None:
    data = review_pairs.read(channel("preferences"))
    network = network_of(smoke)
    p = settings(steps=12, batch=32, learning_rate=0.01, beta=0.02)
    network.policy.load_state_dict(network.reference.state_dict())
    prompts = prompt_rows(data.vocabulary, data.train_pairs, p.context, p.most)
    reward = broken(network, data.vocabulary.encoded("lovely")[0])
    task = online_task(network, reward, Batches(prompts, p, ProcessGroup()), p, CPU)
    given = trained(task, p.steps)
    assert given[-1] > given[0] + 2
    numbers = evaluate(network.eval(), data, p).numbers
    assert numbers["kl"] > 2
    with pytest.raises(BelowGate, match=r"kl is .* and may be 2 at most"):
        require_gates(recipe.load("aligned").gates, numbers)


def test_the_reference_and_the_reward_should_stay_as_they_were(smoke: Smoke) -> None:
    network, ours = network_of(smoke), {}
    for channel, name in recipe.load("aligned").bases.items():
        ours[channel] = artefacts.read_training(
            smoke(name) / "finish" / "model", Path("unused")
        ).weights
    state = network.state_dict()
    assert all(torch.equal(state[f"reference.{at}"], each) for at, each in ours["policy"].items())
    assert all(torch.equal(state[f"reward.{at}"], each) for at, each in ours["reward"].items())
    assert any(not torch.equal(state[f"policy.{at}"], each) for at, each in ours["policy"].items())


def test_the_graph_should_be_the_policys_and_no_more(smoke: Smoke) -> None:
    folder = smoke("aligned") / "finish" / "model"
    policy = smoke("policy") / "finish" / "model"
    assert sorted(path.name for path in folder.glob("*.onnx")) == ["decoder.onnx"]
    sizes = [(each / "decoder.onnx").stat().st_size for each in (folder, policy)]
    assert abs(sizes[0] - sizes[1]) < 0.02 * sizes[1]
    assert (folder / "tokenizer.json").read_bytes() == (policy / "tokenizer.json").read_bytes()
    for curve in ("reward", "kl"):
        assert (folder / f"{curve}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("method", ["rloo", "grpo", "dpo"])
def test_every_method_should_train(method: str, smoke: Smoke, channel: Channel) -> None:
    network, p = network_of(smoke), settings(method=method, steps=2)
    before = {name: each.clone() for name, each in network.policy.state_dict().items()}
    data = review_pairs.read(channel("preferences"))
    task = CODE.task(TaskSetup(network, data, p, CPU, ProcessGroup()))
    for number in (1, 2):
        seeds.seed_all(0, number, 0)
        assert np.isfinite(float(task.step(number)["loss"]))
    assert any(not torch.equal(network.policy.state_dict()[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"method": "reinforce"}, "method: Input should be 'ppo', 'rloo', 'grpo' or 'dpo'"),
        ({"method": "rloo", "samples": 1}, "rloo needs two samples at least"),
        ({"method": "grpo", "samples": 5}, "a batch that is a multiple of them"),
        ({"beta": 0}, "beta: Input should be greater than 0"),
        ({"reward": 1}, "reward: unknown"),
    ],
)
def test_a_wrong_setting_should_be_told(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(BadRecipe, match=told):
        settings(**changed)


def test_completions_that_leave_no_room_for_prompts_should_be_told(channel: Channel) -> None:
    data = review_pairs.read(channel("preferences"))
    with pytest.raises(BadRecipe, match="most: is 24 and has to be less than context"):
        prompt_rows(data.vocabulary, data.test_pairs, 24, 24)


def duel_of(smoke: Smoke, channel: Channel, champion: TrainedModel) -> Mapping[str, float]:
    assert CODE.duel is not None
    data = review_pairs.read(channel("preferences"))
    return CODE.duel(network_of(smoke), champion, data, settings())


def test_a_duel_should_tell_a_trained_policy_from_one_that_has_learned_nothing(
    smoke: Smoke, channel: Channel
) -> None:
    own = artefacts.read_training(smoke("aligned") / "finish" / "model", Path("unused"))
    alike = duel_of(smoke, channel, own)
    assert alike["win_rate_low"] < 0.5 < alike["win_rate_high"], "its own texts, drawn anew"
    assert alike == duel_of(smoke, channel, own)
    base = artefacts.read_training(smoke("policy") / "finish" / "model", Path("unused"))
    noise = {name: torch.randn_like(each) for name, each in base.weights.items()}
    found = duel_of(smoke, channel, replace(base, weights=noise))
    assert found["win_rate_low"] > 0.5


def test_a_duel_should_refuse_a_champion_of_other_words_or_of_another_recipe(
    smoke: Smoke, channel: Channel
) -> None:
    base = artefacts.read_training(smoke("policy") / "finish" / "model", Path("unused"))
    with pytest.raises(BadData, match="by other words"):
        duel_of(smoke, channel, replace(base, folder=smoke("policy")))
    other = base.training.model_copy(update={"recipe": "vae"})
    with pytest.raises(BadData, match="a model of vae, which writes no reviews"):
        duel_of(smoke, channel, replace(base, training=other))


def test_a_job_should_measure_the_duel_with_its_champion(
    laid: Laid, smoke: Smoke, channel: Channel
) -> None:
    before = smoke("aligned") / "finish" / "model"
    channels = {
        "training": channel("preferences"),
        "model": smoke("aligned") / "train" / "model",
        "champion": smoke("policy") / "finish" / "model",
    }
    job = laid({"task": "finish"}, channels)

    def exporter(graphs: Mapping[str, Graph], into: Path) -> Mapping[str, GraphSpec]:
        specs = Signature.model_validate(signature_of(before)).graphs
        for spec in specs.values():
            shutil.copy(before / spec.file, into)
        return specs

    said: list[str] = []
    finish_job(job, said.append, exporter)
    numbers = json.loads((job.model / "evaluation.json").read_text())
    assert 0 <= numbers["win_rate_low"] <= numbers["win_rate"] <= numbers["win_rate_high"] <= 1
    assert any("metric:win_rate_low=" in line for line in said)
    assert signature_of(job.model)["metrics"]["win_rate"] == numbers["win_rate"]
