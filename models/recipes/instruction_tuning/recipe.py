"""The recipe `instruction_tuning`: supervised fine-tuning of a base decoder on conversations.

L. Ouyang et al., 2022, https://arxiv.org/abs/2203.02155, section 3.5, "Supervised fine-tuning".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from models.bases.folder import BaseModel
from models.evaluation.judged_rows import known_bounds, observations
from models.networks.chat_tokens import ChatRows, ChatTokens
from models.networks.exported_decoder import served_perplexity
from models.networks.preference_rows import answer_alone
from models.networks.tuned_chats import (
    build_chat_decoder,
    check_conversations,
    encode_conversations,
    graphs,
    learned,
    network_files,
)
from models.networks.tuned_decoder import (
    TunedDecoder,
    answer_losses,
)
from models.recipes.instruction_tuning.answered_rows import answer_rows, perplexity
from models.recipes.instruction_tuning.parameters import Parameters
from models.training.learned_weights import LearnedWeights
from models.training.length_batches import LengthBatches
from models.training.loop import TrainingTask
from models.training.recipe_code import Evaluation, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, LossTask
from models.training_data.channel import DataChannel, read_channel
from models.training_data.rows import ChatExample

Conversations = DataChannel[ChatExample]

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


def evaluate(network: torch.nn.Module, data: Conversations, parameters: Parameters) -> Evaluation:
    """Return how the tuned model and its base answer held-out conversations, with intervals."""
    assert isinstance(network, TunedDecoder)
    answered = answer_rows(network, data, parameters.judged_rows, parameters.seed)
    known, unknown = known_bounds(answered.numbers(), *observations(answered.groups))
    return Evaluation(known, scores=answered.tuned.row_scores(), unknown=unknown)


def measured(
    folder: Path, network: torch.nn.Module, data: Conversations, parameters: Parameters
) -> Mapping[str, float]:
    """Return the perplexity of held-out answers by the exported files. Raises OutOfParity."""
    assert isinstance(network, TunedDecoder)
    rows = [answer_alone(row) for row in encode(network, data.test[:_MEASURED_ROWS], "test")]
    losses, counts = answer_losses(network, ChatRows(rows, network.tokenizer.end))
    return served_perplexity(folder, rows, perplexity(losses, counts))


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
