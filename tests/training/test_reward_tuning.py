"""Reward tuning of small random bases: scores, what is learned, gates, and the exported graph."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from models.bases.folder import CHANNEL, BaseModel
from models.failures import BadData, BadRecipe
from models.files import write_atomically
from models.jobs import runner
from models.jobs.finish import restore_network
from models.networks.answer_scorer import AnswerScorer, last_places, score_rows
from models.networks.chat_tokens import ChatRows, ChatTokens
from models.networks.exported_scorer import ExportedScorer
from models.networks.preference_rows import encode_pairs
from models.recipes.preference_tuning import recipe as preferences
from models.recipes.reward_tuning import recipe as tuning
from models.recipes.reward_tuning.parameters import Parameters
from models.training import recipe, seeds
from models.training.artefacts import read_training
from models.training.devices import Device
from models.training.gates import missed_gates
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup
from models.training_data.channel import DataChannel, DataSource, write_channel
from models.training_data.rows import ChatExample, ChatTurn, PreferenceExample
from tests.training.conftest import Laid
from tests.training.tiny_bases import write_tiny_base

CPU = Device(torch.device("cpu"))
GATES = {
    name: gate
    for name, gate in recipe.load("reward_tuning").own_gates.items()
    if name != "served_agreement"
}
WORDS = ("red", "blue", "green", "yellow")


def settings(**changed: Any) -> Parameters:
    given = {"batch": 8, "context": 96, "weight_bits": 32, "judged_rows": 60}
    found = recipe.resolve(recipe.load("reward_tuning"), "smoke", {**given, **changed})
    assert isinstance(found, Parameters)
    return found


def pairs(numbers: Sequence[int], *, longer: bool = False) -> tuple[PreferenceExample, ...]:
    """Pairs of which `red` is preferred, as the shorter answer or as the longer one in turn.

    With `longer` nothing but length is: the longer answer of the same words.
    """
    found = []
    for number in numbers:
        one, other = WORDS[number % 4], WORDS[(number + 1) % 4]
        short, long = f"{one} {other}", f"{one} {other} {one} {other}"
        chosen, rejected = (f"red {short}", long) if number % 2 else (f"red {long}", short)
        if longer:
            chosen, rejected = long, short
        prompt = ChatTurn(role="user", content=f"{number} {one}")
        found.append(PreferenceExample(messages=(prompt,), chosen=chosen, rejected=rejected))
    return tuple(found)


def write(folder: Path, *, longer: bool = False) -> Path:
    train, test = (pairs(each, longer=longer) for each in (range(32), range(32, 64)))
    about = DataSource(source="tests", licence="CC0-1.0")
    write_channel(folder, "preference", {"train": train, "test": test}, about)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    texts = ["red blue green yellow 0 1 2 3 4 5 6 7 8 9"]
    return write_tiny_base(tmp_path_factory.mktemp("base"), texts=texts)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("data"))


def trained(
    base: BaseModel, data: DataChannel[PreferenceExample], **changed: Any
) -> tuple[AnswerScorer, Parameters]:
    p = settings(**{"steps": 20, "learning_rate": 0.02, "rank": 8, "scale": 16, **changed})
    seeds.seed_all(3)
    model = tuning.build(p, data, base)
    task = tuning.task(TaskSetup(model, data, p, CPU, ProcessGroup()))
    for number in range(1, p.steps + 1):
        task.step(number)
    return model.eval(), p


@pytest.fixture(scope="module")
def scorer(base: BaseModel, folder: Path) -> AnswerScorer:
    return trained(base, preferences.read(folder))[0]


def test_should_learn_what_is_preferred_and_pass_its_gates(
    scorer: AnswerScorer, folder: Path
) -> None:
    judged = tuning.evaluate(scorer, preferences.read(folder), settings())
    assert judged.numbers["accuracy"] > 0.9
    assert judged.numbers["length_accuracy"] == 0.5
    assert missed_gates(GATES, judged.numbers, judged.unknown) == []


def test_an_answer_without_its_end_should_have_the_score_of_none(
    scorer: AnswerScorer, folder: Path
) -> None:
    rows, _ = encode_pairs(scorer.decoder, preferences.read(folder).test, "test")
    cut = [ChatTokens(row.ids[:-1], row.learned[:-1], row.answer) for row in rows]
    assert set(score_rows(scorer, cut).tolist()) == {settings().unended}
    assert float(score_rows(scorer, rows).min()) > settings().unended


def test_rows_should_be_scored_as_if_each_were_alone(scorer: AnswerScorer, folder: Path) -> None:
    rows, _ = encode_pairs(scorer.decoder, preferences.read(folder).test[:5], "test")
    assert len({len(row.ids) for row in rows}) > 1
    with torch.no_grad():
        alone = [scorer(ChatRows([row], 0).tokens, last_places([row])) for row in rows]
    torch.testing.assert_close(score_rows(scorer, rows), torch.cat(alone), rtol=1e-4, atol=1e-4)


def test_gates_should_refuse_length_flipped_pairs_and_what_learned_nothing(
    base: BaseModel, scorer: AnswerScorer, folder: Path, tmp_path: Path
) -> None:
    data = preferences.read(folder)
    seeds.seed_all(4)
    nothing = tuning.evaluate(tuning.build(settings(), data, base).eval(), data, settings())
    missed = {each.split()[0] for each in missed_gates(GATES, nothing.numbers, nothing.unknown)}
    assert {"accuracy_checked_low", "gain_over_length_low"} <= missed
    # What goes by length is right on all pairs of data where the longer answer is preferred.
    long = preferences.read(write(tmp_path, longer=True))
    model, p = trained(base, long)
    judged = tuning.evaluate(model, long, p)
    assert judged.numbers["accuracy_low"] > 0.5
    missed = {each.split()[0] for each in missed_gates(GATES, judged.numbers, judged.unknown)}
    assert {"accuracy_checked_low", "gain_over_length_low"} <= missed
    turned = [
        row.model_copy(update={"chosen": row.rejected, "rejected": row.chosen}) for row in data.test
    ]
    flipped = replace(data, test=tuple(turned))
    judged = tuning.evaluate(scorer, flipped, settings())
    missed = {each.split()[0] for each in missed_gates(GATES, judged.numbers, judged.unknown)}
    assert {"accuracy", "accuracy_checked_low", "gain_over_length_low"} <= missed
    numbers = dict.fromkeys(GATES, float("nan"))
    assert len(missed_gates(GATES, numbers)) == len(GATES)


def test_a_version_should_score_texts_as_its_network_does(
    base: BaseModel, folder: Path, laid: Laid
) -> None:
    channels = {"training": folder, CHANNEL: base.folder}
    asked = {"recipe": "reward_tuning", "preset": "smoke", "context": 96, "weight_bits": 32}
    job = laid(asked, channels, "train")
    runner.run_job(job, {}, lambda _: None)
    finish = laid({"task": "finish"}, {**channels, "model": job.model}, "finish")
    runner.run_job(finish, {}, lambda _: None)
    served = ExportedScorer.read(finish.model)
    rows = preferences.read(folder).test
    told = served.rewards([row.messages for row in rows], [row.chosen for row in rows])
    _, network = restore_network(read_training(job.model, job.model), None, base)
    assert isinstance(network, AnswerScorer)
    chosen, _ = encode_pairs(network.decoder, rows, "test")
    wanted = torch.sigmoid(score_rows(network, chosen)).numpy()
    np.testing.assert_allclose(told, wanted, atol=1e-3)
    odd = served.rewards([rows[0].messages] * 2, ["<|im_end|> yes", "red " * 200])
    assert odd == [0.0, 0.0]
    with pytest.raises(BadData, match="is no reward model with its graph"):
        ExportedScorer.read(job.model)
    rewards_a_policy(base, finish.model, laid)


def rewards_a_policy(base: BaseModel, version: Path, laid: Laid) -> None:
    """A version is the reward of a training, and that of its judging."""
    chats = [
        ChatExample(messages=(*row.messages, ChatTurn(role="assistant", content=row.chosen)))
        for row in pairs(range(8))
    ]
    folder = version.parent / "chats"
    about = DataSource(source="tests", licence="CC0-1.0")
    write_channel(folder, "chat", {"train": chats, "test": chats}, about)
    asked = {"recipe": "reinforcement_tuning", "preset": "smoke", "context": 96}
    asked |= {"rewards": [{"type": "reward_model"}], "method": "ppo"}
    channels = {"training": folder, CHANNEL: base.folder}
    with pytest.raises(BadData, match="has no channel 'reward'"):
        runner.run_job(laid(asked, channels, "without"), {}, lambda _: None)
    channels["reward"] = version
    policy = laid(asked, channels, "policy")
    runner.run_job(policy, {}, lambda _: None)
    assert set(json.loads((policy.model / "training.json").read_text())["bases"]) == {
        CHANNEL,
        "reward",
    }
    judge = laid({"task": "judge"}, {**channels, "model": policy.model}, "judge")
    runner.run_job(judge, {}, lambda _: None)
    numbers = json.loads((judge.model / "evaluation.json").read_text())
    assert 0 <= numbers["reward"] <= 1
    other = version.parent / "other"
    shutil.copytree(version, other)
    weights = load((other / "weights.safetensors").read_bytes())
    write_atomically(other / "weights.safetensors", save({n: w + 1 for n, w in weights.items()}))
    channels["reward"] = other
    with pytest.raises(BadData, match="another model than the training was given"):
        runner.run_job(
            laid({"task": "judge"}, {**channels, "model": policy.model}, "other"), {}, print
        )


def test_should_refuse_ways_that_learn_no_scores() -> None:
    with pytest.raises(BadRecipe, match="scores are learned by lora or full"):
        settings(way="prefix_tuning")
