"""The recipe `instruction_tuning`: supervised fine-tuning of a base decoder on conversations.

L. Ouyang et al., 2022, https://arxiv.org/abs/2203.02155, section 3.5, "Supervised fine-tuning".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.bases.folder import BaseModel
from models.evaluation.answers import AnswerScores, f1_over_chance, score_answers
from models.evaluation.group_means import group_means
from models.evaluation.intervals import mean_interval
from models.evaluation.judged_rows import drawn_rows, known_bounds, observations
from models.networks.chat_tokens import ChatRows, ChatTokens
from models.networks.exported_decoder import served_perplexity
from models.networks.tuned_chats import (
    build_chat_decoder,
    check_conversations,
    encode_conversations,
    encoder,
    end_token,
    graphs,
    learned,
    network_files,
)
from models.networks.tuned_decoder import (
    TunedDecoder,
    answer_losses,
    generate_answers,
    trainable_share,
)
from models.recipes.instruction_tuning.parameters import Parameters
from models.training.learned_weights import LearnedWeights
from models.training.length_batches import LengthBatches
from models.training.loop import TrainingTask
from models.training.recipe_code import Evaluation, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, LossTask
from models.training_data.channel import DataChannel, read_channel
from models.training_data.row_groups import RowGroups, row_groups
from models.training_data.rows import ChatExample, ChatTurn

SHOTS = 2
"""Examples that the base is shown, where it is judged with examples."""

Conversations = DataChannel[ChatExample]

_SPARE_TOKENS = 8
_MEASURED_ROWS = 12


def read(folder: Path) -> Conversations:
    """Read a channel of conversations. Raises BadData."""
    return read_channel(folder, ChatExample)


def build(parameters: Parameters, data: Conversations, base: BaseModel) -> TunedDecoder:
    """Return the base with what is tuned on it. Raises BadData."""
    return build_chat_decoder(parameters, base)


def encode(model: TunedDecoder, rows: Sequence[ChatExample], part: str) -> list[ChatTokens]:
    """Return rows as tokens. Raises BadData, with the line, for one that does not fit."""
    return encode_conversations(model, [row.messages for row in rows], part)


def check(parameters: Parameters, data: Conversations, base: BaseModel) -> list[str]:
    """Return nothing to tell. Raises BadData, with the line, for a row that does not fit."""
    for part, rows in (("train", data.train), ("test", data.test)):
        check_conversations(parameters, [row.messages for row in rows], base, part)
    return []


def task(setup: TaskSetup[Parameters, Conversations]) -> TrainingTask:
    """Return the training on the channel's conversations. Raises BadData."""
    model = setup.network
    assert isinstance(model, TunedDecoder)
    rows = ChatRows(encode(model, setup.data.train, "train"), model.tokenizer.end)
    batches = LengthBatches(
        rows.sizes, [rows.tokens], [rows.places, rows.weights], setup.parameters, setup.group
    )
    return LossTask(
        model,
        loss,
        batches,
        setup.parameters,
        setup.device,
        setup.group,
        kept=LearnedWeights(model),
    )


def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
    """Return the mean cross-entropy of the answers' tokens, in nats."""
    assert isinstance(network, TunedDecoder)
    network.thaw(number)
    tokens, places, weights = batch
    each = network(tokens, places)
    return {"loss": (each * weights).sum() / weights.sum()}


@dataclass(frozen=True, slots=True)
class WrittenAnswers:
    """What a model wrote to held-out conversations, and how that scores by their groups."""

    texts: tuple[str, ...]
    scores: AnswerScores


def evaluate(network: torch.nn.Module, data: Conversations, parameters: Parameters) -> Evaluation:
    """Return how the tuned model and its base answer held-out conversations, with intervals.

    The base is asked as it is (`zero_shot`) and with two conversations of the training rows before
    (`few_shot`). `gain` is the paired difference to the better of the two. Rows of one group count
    as one.
    """
    assert isinstance(network, TunedDecoder)
    rows = drawn_rows(data.test, parameters.judged_rows, parameters.seed)
    groups = row_groups(rows)
    wanted = [row.messages[-1].content for row in rows]
    encoded = encode(network, rows, "test")
    most = max(sum(row.learned) for row in encoded) + _SPARE_TOKENS
    tuned = _answers(network, rows, groups, most)
    with network.plain() as base:
        zero = _answers(base, rows, groups, most)
        few = _answers(base, rows, groups, most, _shots(data.train))
        base_losses, counts = answer_losses(base, ChatRows(encoded, network.tokenizer.end))
    losses, _ = answer_losses(network, ChatRows(encoded, network.tokenizer.end))
    over_chance = f1_over_chance(tuned.texts, wanted)
    numbers = {
        **tuned.scores.numbers(),
        **zero.scores.numbers("zero_shot_"),
        **few.scores.numbers("few_shot_"),
        **_gains(tuned, zero, few),
        **mean_interval(group_means(over_chance, groups)).numbers("f1_over_chance"),
        "perplexity": _perplexity(losses, counts),
        "base_perplexity": _perplexity(base_losses, counts),
        "trainable_share": trainable_share(network),
    }
    scores = {"exact_match": tuned.scores.exact, "f1": tuned.scores.f1}
    known, unknown = known_bounds(numbers, *observations(groups))
    return Evaluation(known, scores=scores, unknown=unknown)


def _answers(
    model: TunedDecoder,
    rows: Sequence[ChatExample],
    groups: RowGroups,
    most: int,
    shots: Sequence[ChatTurn] = (),
) -> WrittenAnswers:
    encoded, end = encoder(model.tokenizer), end_token(model)
    prompts = []
    for row in rows:
        system = [turn for turn in row.messages[:1] if turn.role == "system"]
        turns = [*system, *shots, *row.messages[len(system) :]]
        tokens = encoded.encode(turns)
        prompts.append(tokens.ids[: tokens.answer])
    chat = model.tokenizer.chat()
    written = generate_answers(model, prompts, most, end)
    texts = tuple(chat.text(tokens) for tokens in written)
    wanted = [row.messages[-1].content for row in rows]
    return WrittenAnswers(texts, score_answers(texts, wanted).by_group(groups))


def _shots(rows: Sequence[ChatExample]) -> list[ChatTurn]:
    """Return the first training rows as turns before a question."""
    return [turn for row in rows[:SHOTS] for turn in row.messages if turn.role != "system"]


def _gains(tuned: WrittenAnswers, zero: WrittenAnswers, few: WrittenAnswers) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, own, others in (
        ("exact_gain", tuned.scores.exact, (zero.scores.exact, few.scores.exact)),
        ("f1_gain", tuned.scores.f1, (zero.scores.f1, few.scores.f1)),
    ):
        better = max(others, key=np.mean)
        found |= mean_interval(own - better).numbers(name)
    return found


def _perplexity(losses: torch.Tensor, counts: torch.Tensor) -> float:
    return float(torch.exp(losses.sum() / counts.sum()))


def measured(
    folder: Path, network: torch.nn.Module, data: Conversations, parameters: Parameters
) -> Mapping[str, float]:
    """Return the perplexity of held-out answers by the exported files. Raises OutOfParity."""
    assert isinstance(network, TunedDecoder)
    rows = encode(network, data.test[:_MEASURED_ROWS], "test")
    losses, counts = answer_losses(network, ChatRows(rows, network.tokenizer.end))
    return served_perplexity(folder, rows, _perplexity(losses, counts))


CODE: RecipeCode[Parameters, Conversations] = RecipeCode(
    parameters=Parameters,
    load=read,
    build=build,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=lambda _parameters: {},
    learned=learned,
    network_files=network_files,
    measured=measured,
    check=check,
)
