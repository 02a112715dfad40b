"""Preference tuning of small random bases: the loss, what is kept, how it is judged, and gates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save
from torch.nn import functional

from chalicelib.contracts.model_manifest import ADAPTER_FILE
from models.bases.folder import CHANNEL, BaseModel
from models.datasets import support_replies
from models.evaluation.preference_accuracy import RankedPairs, win_numbers
from models.failures import BadData, BelowGate, NotFinite
from models.files import write_atomically
from models.jobs import runner
from models.networks.chat_tokens import ChatTokens
from models.networks.drawn_answers import draw_answers
from models.networks.fitted_judge import FOLDS, fit_judge
from models.networks.preference_losses import preference_loss
from models.networks.preference_rows import (
    ReadAnswers,
    answer_alone,
    answer_divergences,
    encode_pairs,
    read_answers,
)
from models.networks.tuned_decoder import TunedDecoder
from models.recipes.preference_tuning import recipe as tuning
from models.recipes.preference_tuning.parameters import Parameters
from models.recipes.preference_tuning.reference import ReferenceScores
from models.training import recipe, seeds
from models.training.checkpoints import Checkpoints
from models.training.devices import Device
from models.training.gates import missed_gates, require_gates
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup
from models.training.supervised_task import LossTask
from models.training_data.channel import DataSource, write_channel
from models.training_data.rows import ChatTurn, PreferenceExample
from tests.training.conftest import Laid
from tests.training.tiny_bases import write_tiny_base

COLOURS = ("red", "blue", "green", "yellow")
TEXTS = ["red blue green yellow say the colour 0 1 2 3 4 5 6 7 ! ?"]
CPU = Device(torch.device("cpu"))
GATES = recipe.load("preference_tuning").own_gates


def pair(asked: str, chosen: str, rejected: str) -> PreferenceExample:
    return PreferenceExample(
        messages=(ChatTurn(role="user", content=asked),), chosen=chosen, rejected=rejected
    )


def pairs(numbers: Sequence[int]) -> list[PreferenceExample]:
    """Answers that end with ! are preferred; either is the longer one in half of the pairs."""
    return [
        pair(f"{number} {colour}", f"{one}!", f"{other}?")
        for number in numbers
        for at, colour in enumerate(COLOURS)
        for one, other in [(colour, f"{colour} {colour}")[:: 1 if at % 2 else -1]]
    ]


TRAINED, HELD_OUT = pairs(range(5)), pairs(range(5, 13))


def settings(**changed: Any) -> Parameters:
    given = {"batch": 4, "rank": 4, "context": 96, "weight_bits": 32, "judged_rows": 50}
    found = recipe.resolve(recipe.load("preference_tuning"), "smoke", {**given, **changed})
    assert isinstance(found, Parameters)
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return write_tiny_base(tmp_path_factory.mktemp("base"), texts=TEXTS)


def channel_of(
    folder: Path,
    train: Sequence[PreferenceExample] = TRAINED,
    test: Sequence[PreferenceExample] = HELD_OUT,
) -> Path:
    write_channel(
        folder, "preference", {"train": train, "test": test},
        DataSource(source="tests", licence="CC0-1.0"),
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return channel_of(tmp_path_factory.mktemp("data"))


def task_of(base: BaseModel, data: Path, p: Parameters) -> tuple[TunedDecoder, LossTask]:
    seeds.seed_all(3)
    read = tuning.read(data)
    model = tuning.build(p, read, base)
    task = tuning.task(TaskSetup(model, read, p, CPU, ProcessGroup()))
    assert isinstance(task, LossTask)
    return model, task


def trained(base: BaseModel, data: Path, **changed: Any) -> TunedDecoder:
    given = {"steps": 15, "batch": 10, "learning_rate": 0.01, "beta": 0.3}
    p = settings(**{**given, **changed})
    model, task = task_of(base, data, p)
    for number in range(1, p.steps + 1):
        task.step(number)
    model.eval()
    return model


def log_p(model: TunedDecoder, row: PreferenceExample, answer: str) -> torch.Tensor:
    """Log p of an answer, by the logits of the whole row."""
    turns = [{"role": "user", "content": row.messages[-1].content}]
    template, chat = model.tokenizer.chat_template(), model.tokenizer.chat()
    before = chat.marked_ids(template.render(turns, prompt=True))
    after = chat.marked_ids(f"{answer}<|im_end|>")
    told = model.decoder(input_ids=torch.tensor([[*before, *after]])).logits[0].log_softmax(1)
    return told[torch.arange(len(before) - 1, len(before) + len(after) - 1), after].sum()


def test_the_loss_and_its_gradient_should_be_the_papers(base: BaseModel, data: Path) -> None:
    """Equation 7 on whole rows, by an adapter that is no longer what it began as."""
    p = settings(label_smoothing=0.1, beta=0.4)
    model, task = task_of(base, data, p)
    with torch.no_grad():
        for each in model.parameters():
            if each.requires_grad:
                each.add_(torch.randn(each.shape) * 0.1)
    batch = task.batches.at(1)
    found = task.loss(model, batch, 1)["loss"]
    found.backward()
    learned = {name: each for name, each in model.named_parameters() if each.requires_grad}
    gradients = {name: each.grad.clone() for name, each in learned.items() if each.grad is not None}
    model.zero_grad()
    rows, losses = [TRAINED[at] for at in batch[6].tolist()], []
    for row in rows:
        with torch.no_grad(), model.plain() as plain:
            before = [log_p(plain, row, answer) for answer in (row.chosen, row.rejected)]
        liked = log_p(model, row, row.chosen) - before[0]
        other = log_p(model, row, row.rejected) - before[1]
        apart = 0.4 * (liked - other)
        losses.append(-0.9 * functional.logsigmoid(apart) - 0.1 * functional.logsigmoid(-apart))
    wanted = torch.stack(losses).mean()
    torch.testing.assert_close(found, wanted)
    wanted.backward()
    assert len(gradients) == len(learned)
    for name, each in learned.items():
        torch.testing.assert_close(gradients[name], each.grad, rtol=1e-3, atol=1e-6)


def test_the_likelihood_of_chosen_answers_should_be_added(base: BaseModel, data: Path) -> None:
    model, task = task_of(base, data, settings())
    batch, chosen = task.batches.at(1), [TRAINED[at] for at in task.batches.at(1)[-1].tolist()]
    reference = task.also["reference"]
    assert isinstance(reference, ReferenceScores)
    more = tuning.dpo_loss(settings(likelihood=2.0), reference)
    added = more(model, batch, 1)["loss"] - task.loss(model, batch, 1)["loss"]
    sums = torch.stack([log_p(model, row, row.chosen) for row in chosen])
    rows, _ = encode_pairs(model, chosen, "train")
    count = sum(sum(row.learned) for row in rows)
    torch.testing.assert_close(added, -2 * sums.sum() / count, rtol=1e-4, atol=1e-5)


def test_answers_that_go_on_and_on_should_be_refused() -> None:
    ending, endless = (ChatTokens((1, 2, last), (0, 1, 1), 1) for last in (9, 3))
    told = tuning.AnsweredPrompts([endless] * 20, [ending] * 20, 9).numbers(np.arange(20))
    assert (told["ended"], told["base_ended"]) == (0, 1)
    missed = missed_gates(GATES, told)
    assert any("ended_gain_low is -1" in each for each in missed)
    same = tuning.AnsweredPrompts([ending] * 20, [ending] * 20, 9).numbers(np.arange(20))
    assert not any("ended" in each for each in missed_gates(GATES, same))
    # Nineteen of the twenty are of one prompt, and count as one beside the other.
    alike = tuning.AnsweredPrompts([endless] * 19 + [ending], [ending] * 20, 9)
    assert alike.numbers(np.array([0] * 19 + [1]))["ended_gain"] == -0.5


def test_a_pair_should_cost_what_was_computed_by_hand() -> None:
    """Log ratios of 1 and -1 and a beta of 0.5: log(1 + e^-1), and smoothed a quarter of e^1."""
    one, other = torch.tensor([1.0]), torch.tensor([-1.0])
    assert float(preference_loss(one, other, 0.5)) == pytest.approx(0.3132617)
    assert float(preference_loss(one, other, 0.5, 0.25)) == pytest.approx(0.5632617)


def test_the_base_should_be_read_once_and_kept_in_checkpoints(
    base: BaseModel, data: Path, tmp_path: Path
) -> None:
    p = settings(learning_rate=0.05)
    model, task = task_of(base, data, p)
    assert float(task.step(1)["loss"]) == pytest.approx(np.log(2), abs=1e-4)
    task.step(2)
    reference = task.also["reference"]
    before = reference.state_dict()["scores"]
    with torch.no_grad(), model.plain() as plain:
        torch.testing.assert_close(before[3], log_p(plain, TRAINED[3], TRAINED[3].chosen))
    states = {name: part.state_dict() for name, part in task.parts().items()}
    Checkpoints(tmp_path, {}).save(2, states)
    _, again = task_of(base, data, p)
    assert again.also["reference"].state_dict()["scores"] is None
    assert Checkpoints(tmp_path, {}).restore(again.parts()) == 2
    torch.testing.assert_close(again.also["reference"].state_dict()["scores"], before)


def test_earlier_answers_should_not_count(base: BaseModel, data: Path) -> None:
    model, _ = task_of(base, data, settings())
    before = (
        ChatTurn(role="user", content="5 red"),
        ChatTurn(role="assistant", content="red?"),
        ChatTurn(role="user", content="6 blue"),
    )
    row = PreferenceExample(messages=before, chosen="blue!", rejected="blue?")
    (chosen,), (rejected,) = encode_pairs(model, [row], "test")
    assert sum(chosen.learned) == len(chosen.ids) - chosen.answer
    assert chosen.ids[: chosen.answer] == rejected.ids[: rejected.answer]
    long = pair("red " * 200, "red!", "red?")
    with pytest.raises(BadData, match=r"test.jsonl: 1 rows have more tokens than max_tokens"):
        encode_pairs(model, [long], "test")


def test_divergence_should_be_the_mean_log_ratio_of_drawn_answers(
    base: BaseModel, data: Path
) -> None:
    model = trained(base, data, steps=4)
    (row,), _ = encode_pairs(model, HELD_OUT[:1], "test")
    prompts = [row.ids[: row.answer]] * 250
    drawn = draw_answers(
        model, prompts, 3, model.tokenizer.end, generator=torch.Generator().manual_seed(0)
    )
    rows = [answer_alone(ChatTokens((*prompts[0], *each), (), len(prompts[0]))) for each in drawn]
    assert any(each[-1] != model.tokenizer.end for each in drawn)
    exact = answer_divergences(model, rows).mean()
    with model.plain() as plain:
        of_base = read_answers(plain, rows).log_p
    ratio = read_answers(model, rows).log_p - of_base
    spread = float(ratio.std()) / 250**0.5
    assert abs(float(ratio.mean() - exact)) < 4 * spread
    assert float(exact) > 0.01


@pytest.fixture(scope="module")
def good(base: BaseModel, data: Path) -> TunedDecoder:
    return trained(base, data)


def test_a_model_that_learned_the_preference_should_pass(good: TunedDecoder, data: Path) -> None:
    judged = tuning.evaluate(good, tuning.read(data), settings(steps=15))
    numbers = judged.numbers
    assert numbers["accuracy"] == numbers["length_controlled_accuracy"] == 1
    assert numbers["gain_low"] > 0.1
    assert set(GATES) - {"win_rate_low", "kl_by_token_high"} <= set(numbers)
    missed = missed_gates(GATES, numbers, judged.unknown)
    assert not [each for each in missed if "win_rate" not in each]
    assert judged.scores["accuracy"].shape == (len(HELD_OUT),)


def test_gates_should_refuse_flipped_labels_chance_and_what_was_learned_by_heart(
    base: BaseModel, data: Path, tmp_path: Path
) -> None:
    def told(model: TunedDecoder) -> list[str]:
        judged = tuning.evaluate(model, tuning.read(data), settings())
        return missed_gates(GATES, judged.numbers, judged.unknown)

    flipped = [pair(row.messages[-1].content, row.rejected, row.chosen) for row in TRAINED]
    wrong = told(trained(base, channel_of(tmp_path / "flipped", flipped)))
    assert any("accuracy_checked_low is 0 " in each for each in wrong)
    untrained, _ = task_of(base, data, settings())
    chance = told(untrained.eval())
    assert any("accuracy_checked_low is 0.5 " in each for each in chance)
    assert any("gain_low" in each for each in chance)
    # Labels by a checkerboard of numbers and colours can be learned by heart alone.
    both = zip(TRAINED, flipped, strict=True)
    mixed = [(one, two)[(at // 4 + at) % 2] for at, (one, two) in enumerate(both)][:16]
    heart = trained(base, channel_of(tmp_path / "mixed", mixed), steps=30, beta=0.1)
    read = read_answers_of(heart, mixed)
    assert read.mean() > 0.8
    assert any("accuracy_checked_low" in each for each in told(heart))


def read_answers_of(model: TunedDecoder, rows: Sequence[PreferenceExample]) -> Any:
    """Whether each pair is ranked by implicit rewards as its label has it."""
    both = encode_pairs(model, rows, "train")
    ours = [read_answers(model, each).log_p for each in both]
    with model.plain() as plain:
        theirs = [read_answers(plain, each).log_p for each in both]
    return ((ours[0] - theirs[0]) > (ours[1] - theirs[1])).float()


def ranked(rewards: Any, longer: Any, base: Any = None) -> RankedPairs:
    count = len(rewards)
    of_base = np.where(np.arange(count) % 2, 1.0, -1.0) if base is None else base
    return RankedPairs(
        np.array(rewards, float), of_base, of_base, np.array(longer, float),
        np.arange(count),
    )  # fmt: skip


def test_a_model_that_goes_by_length_should_be_seen() -> None:
    """Chosen answers are longer in 45 of 60 pairs: length alone is right in three quarters."""
    longer = np.where(np.arange(60) % 4, 1.0, -1.0)
    by_length, told = ranked(longer, longer).numbers(length_matters=False)
    assert not told
    assert by_length["accuracy_low"] > 0.6
    assert by_length["length_controlled_accuracy"] == 0.5
    with pytest.raises(BelowGate, match=r"accuracy_checked_low is 0\.5"):
        require_gates(GATES, by_length)
    wanted, _ = ranked(longer, longer).numbers(length_matters=True)
    assert wanted["accuracy_checked_low"] == wanted["accuracy_low"]
    able, _ = ranked(np.ones(60), longer).numbers(length_matters=False)
    assert able["accuracy_checked_low"] == 1
    one_sided, told = ranked(np.ones(60), np.ones(60)).numbers(length_matters=False)
    assert "accuracy_checked_low" not in one_sided
    assert "set length_matters" in told["accuracy_checked_low"]


def test_a_gain_should_be_over_the_better_ranking_of_the_base() -> None:
    rewards, sure = np.ones(20), np.ones(20)
    found = RankedPairs(rewards, -sure, sure, np.tile([1.0, -1.0], 10), np.arange(20))
    numbers, _ = found.numbers(length_matters=False)
    assert (numbers["base_accuracy"], numbers["gain_low"]) == (1, 0)


def test_pairs_of_one_prompt_should_count_once() -> None:
    """Of 3 prompts, one has 18 of the 20 pairs."""
    rewards = np.array([1.0] * 18 + [-1.0] * 2)
    found = RankedPairs(rewards, rewards, rewards, rewards, np.array([0] * 18 + [1, 2]))
    assert found.numbers(length_matters=True)[0]["accuracy"] == pytest.approx(1 / 3)


def answers(count: int, seed: int, pull: float = 0.0) -> ReadAnswers:
    chance = torch.Generator().manual_seed(seed)
    vectors = torch.randn(count, 6, generator=chance)
    vectors[:, 0] += pull
    return ReadAnswers(torch.zeros(count), torch.full((count,), 9.0), vectors)


def test_a_judge_should_know_nothing_of_the_prompts_that_it_judges() -> None:
    prompts = [str(at // 2) for at in range(60)]
    chosen, rejected = answers(60, 0, 1.5), answers(60, 1)
    judge = fit_judge(chosen, rejected, prompts, 40)
    assert sorted(set(judge.folds.tolist())) == list(range(FOLDS))
    assert (judge.folds[0::2] == judge.folds[1::2]).all()
    margins = judge.margins(chosen.vectors[:40], rejected.vectors[:40])
    assert float((margins > 0).float().mean()) > 0.7
    swapped = chosen.vectors.clone()
    own = torch.nonzero(judge.folds == 2)[:, 0]
    swapped[own] += 100
    other = fit_judge(ReadAnswers(chosen.log_p, chosen.tokens, swapped), rejected, prompts, 40)
    torch.testing.assert_close(judge.weights[2], other.weights[2])
    assert judge.fingerprint != other.fingerprint


def test_a_judge_at_chance_should_tell_nothing() -> None:
    coin = np.where(np.arange(40) % 2, 1.0, -1.0)
    prompts = np.arange(40)
    numbers, told = win_numbers(np.ones(40), coin, prompts)
    assert "win_rate" not in numbers
    assert "not surely better" in told["win_rate_low"]
    missed = missed_gates(GATES, numbers, told)
    assert any("win_rate_low cannot be told: the judge" in each for each in missed)
    numbers, _ = win_numbers(np.zeros(40), np.ones(40), prompts)
    assert numbers["win_rate_low"] == 0.5


def test_should_train_and_judge_and_refuse_weights_that_are_not_finite(
    base: BaseModel, data: Path, laid: Laid
) -> None:
    channels = {"training": data, CHANNEL: base.folder}
    asked = {"recipe": "preference_tuning", "preset": "smoke", "batch": 4, "context": 96}
    job = laid(asked, channels, "train")
    runner.run_job(job, {}, lambda _: None)
    judge = laid({"task": "judge"}, {**channels, "model": job.model}, "judge")
    runner.run_job(judge, {}, lambda _: None)
    assert (judge.model / ADAPTER_FILE).stat().st_size > 0
    path = job.model / "weights.safetensors"
    weights = load(path.read_bytes())
    name = next(iter(weights))
    weights[name] = weights[name] * float("nan")
    write_atomically(path, save(weights))
    with pytest.raises(NotFinite, match="are not finite"):
        runner.run_job(laid({"task": "judge"}, {**channels, "model": job.model}, "nan"), {}, print)


def test_the_shipped_pairs_should_not_be_told_by_length_or_by_what_was_seen() -> None:
    train, test = support_replies.examples()
    for part in (train, test):
        longer = [len(row.chosen.split()) > len(row.rejected.split()) for row in part]
        assert sum(longer) == len(part) // 2
    seen = {row.messages[-1].content for row in train} | {row.chosen for row in train}
    assert not seen & ({row.messages[-1].content for row in test} | {row.chosen for row in test})
