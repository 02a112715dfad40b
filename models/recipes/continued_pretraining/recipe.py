"""The recipe `continued_pretraining`: a base decoder goes on learning from texts of a domain.

S. Gururangan et al., 2020, https://arxiv.org/abs/2004.10964.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from chalicelib.contracts.model_manifest import TEMPLATE_FILE
from models.bases.folder import BaseModel
from models.failures import BadData
from models.networks import tuned_decoder_export as export
from models.networks.base_decoder import BaseTokenizer, DecoderSizes, read_base_tokenizer
from models.networks.chat_tokens import ChatTokens
from models.networks.exported_decoder import served_perplexity
from models.networks.text_blocks import (
    DocumentEncoder,
    TextBlocks,
    TextStretch,
    document_order,
    learned_documents,
    pack_documents,
)
from models.networks.tuned_decoder import TunedDecoder, trainable_share
from models.recipes.continued_pretraining.judgement import (
    BothLosses,
    general_texts,
    judged,
    stretch_losses,
)
from models.recipes.continued_pretraining.parameters import Parameters
from models.training.learned_weights import LearnedWeights
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, Batches, LossTask
from models.training.validation import Validation, split_numbers
from models.training_data.channel import DataChannel, read_channel
from models.training_data.row_groups import row_groups
from models.training_data.rows import TextExample

Documents = DataChannel[TextExample]

_STREAM = 1_000_039
_MEASURED, _MEASURED_TOKENS = 12, 128


def read(folder: Path) -> Documents:
    """Read a channel of documents. Raises BadData."""
    return read_channel(folder, TextExample)


def build(parameters: Parameters, data: Documents, base: BaseModel) -> TunedDecoder:
    """Return the base with what is tuned on it. Raises BadData."""
    _require_context(parameters, base)
    return TunedDecoder(base, parameters)


def check(parameters: Parameters, data: Documents, base: BaseModel) -> list[str]:
    """Return how many tokens the documents have, and how often they will be read.

    Raises:
        BadData: they make fewer blocks than a batch has, or blocks are longer than the base reads.
    """
    _require_context(parameters, base)
    blocks = pack_training(parameters, data, read_base_tokenizer(base)).learned
    count, length = len(blocks.tokens), parameters.max_tokens
    said = (
        f"{len(blocks.spans):,} documents have {blocks.predicted + 1:,} tokens, each document's "
        f"end included: {count:,} blocks of {length}. {parameters.steps:,} steps of "
        f"{parameters.batch} read them {epochs(parameters, blocks):.3g} times."
    )
    return [said]


def _require_context(parameters: Parameters, base: BaseModel) -> None:
    context = DecoderSizes.of(base).context
    if parameters.max_tokens > context:
        raise BadData(
            f"max_tokens is {parameters.max_tokens}, and {base.record.name} reads {context} tokens "
            "at once; set it to that at most."
        )


@dataclass(frozen=True, slots=True)
class PackedTraining:
    """The training documents as blocks, those that are validated on apart.

    `rows` are the numbers of the rows of the documents that are learned, in their order.
    """

    learned: TextBlocks
    rows: Sequence[int]
    held: TextBlocks | None = None


def pack_training(
    parameters: Parameters, data: Documents, tokenizer: BaseTokenizer
) -> PackedTraining:
    """Return the training documents as blocks, none of which has both of learned and held ones.

    Raises:
        BadData: they make fewer blocks than a batch has.
        BadRecipe: `validation_share` leaves no document on one of the sides.
    """
    rows, held = document_order(len(data.train), parameters.seed), None
    encoder = DocumentEncoder(tokenizer.file)

    def packed(numbers: Sequence[int]) -> TextBlocks:
        tokens = encoder.encode([data.train[at].text for at in numbers])
        return pack_documents(tokens, parameters.max_tokens, tokenizer.end)

    if parameters.validation_share:
        _, chosen = split_numbers(row_groups(data.train).tolist(), parameters)
        held, left_out = packed(chosen), set(chosen)
        rows = [at for at in rows if at not in left_out]
    blocks = packed(rows)
    count = len(blocks.tokens)
    if count < parameters.batch:
        raise BadData(
            f"train.jsonl: {len(rows)} documents have {blocks.predicted + 1:,} tokens, each "
            f"document's end included, which are {count} blocks of {parameters.max_tokens}, fewer "
            f"than a batch of {parameters.batch}; give more text, a smaller batch, or a smaller "
            "max_tokens."
        )
    return PackedTraining(blocks, rows, held)


def epochs(parameters: Parameters, blocks: TextBlocks) -> float:
    """Return how often a training reads its documents."""
    return parameters.steps * parameters.batch / len(blocks.tokens)


def task(setup: TaskSetup[Parameters, Documents]) -> TrainingTask:
    """Return the training on the channel's documents. Raises BadData."""
    model = setup.network
    assert isinstance(model, TunedDecoder)
    packed = pack_training(setup.parameters, setup.data, model.tokenizer)
    kept, held, validation = LearnedWeights(model), packed.held, None
    if held is not None:
        validation = Validation([held.tokens, held.weights], setup.parameters, kept)
    rows = [packed.learned.tokens, packed.learned.weights]
    return LossTask(
        model,
        loss,
        Batches(rows, setup.parameters, setup.group),
        setup.parameters,
        setup.device,
        setup.group,
        kept=kept,
        validation=validation,
    )


def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
    """Return the mean cross-entropy of all tokens, in nats."""
    assert isinstance(network, TunedDecoder)
    network.thaw(number)
    tokens, weights = batch
    places = torch.arange(weights.shape[1], device=tokens.device).expand(len(tokens), -1)
    each = network(tokens, places)
    return {"loss": (each * weights).sum() / weights.sum()}


def evaluate(network: torch.nn.Module, data: Documents, parameters: Parameters) -> Evaluation:
    """Return perplexities of the tuned model and of its base, with intervals of the gain.

    They are of held-out documents, of documents that were learned whole, if any was, and of general
    texts.
    """
    assert isinstance(network, TunedDecoder)
    encoder = DocumentEncoder(network.tokenizer.file)
    chance = np.random.default_rng([parameters.seed, _STREAM])
    packed = pack_training(parameters, data, network.tokenizer)
    blocks = packed.learned
    learned = [data.train[at] for at in packed.rows]
    seen = [learned[at] for at in learned_documents(blocks, parameters)]
    parts: list[list[TextStretch]] = []
    judged_rows: list[TextExample] = []
    for rows in (data.test, seen):
        found = []
        for row in _sample(rows, parameters.judged_rows, chance):
            stretch = encoder.stretch(row.text, parameters.max_tokens, chance)
            if stretch is not None:
                found.append(stretch)
                if rows is data.test:
                    judged_rows.append(row)
        parts.append(found)
    if not judged_rows:
        raise BadData("No held-out document has two tokens, so that none can be judged.")
    stretches = [encoder.stretch(text, parameters.max_tokens, chance) for text in general_texts()]
    parts.append([each for each in stretches if each is not None])
    tuned = [stretch_losses(network, each) for each in parts]
    with network.plain() as base:
        before = [stretch_losses(base, each) for each in parts]
    held_out, by_heart, general = map(BothLosses, before, tuned)
    told = judged(held_out, row_groups(judged_rows), by_heart, general)
    numbers = {
        **told.numbers,
        "judged_documents": float(len(parts[0])),
        "training_documents": float(len(packed.rows)),
        "training_tokens": float(blocks.predicted),
        "epochs": epochs(parameters, blocks),
        "trainable_share": trainable_share(network),
    }
    return Evaluation(numbers, scores={"gain": told.gains}, unknown=told.unknown)


def _sample(
    rows: Sequence[TextExample], most: int, chance: np.random.Generator
) -> Sequence[TextExample]:
    """Return rows, of more than `most` a sample: a file may be sorted by subject."""
    if len(rows) <= most:
        return rows
    return [rows[at] for at in sorted(chance.permutation(len(rows))[:most])]


def graphs(network: torch.nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph that decodes."""
    assert isinstance(network, TunedDecoder)
    return export.tuned_graphs(network)


def learned_constants(network: torch.nn.Module) -> Mapping[str, Constant]:
    """Return the constants that a server needs."""
    assert isinstance(network, TunedDecoder)
    constants = export.tuned_constants(network)
    return {**constants, "end": network.tokenizer.end, "way": network.settings.way}


def network_files(network: torch.nn.Module) -> Mapping[str, bytes]:
    """Return the tokenizer, the chat template if it serves, and LoRA's matrices."""
    assert isinstance(network, TunedDecoder)
    assert isinstance(network.settings, Parameters)
    found = dict(export.tuned_files(network))
    if not network.settings.chat:
        found.pop(TEMPLATE_FILE, None)
    return found


def measured(
    folder: Path, network: torch.nn.Module, data: Documents, parameters: Parameters
) -> Mapping[str, float]:
    """Return the perplexity of held-out documents by the exported files. Raises OutOfParity."""
    assert isinstance(network, TunedDecoder)
    encoder = DocumentEncoder(network.tokenizer.file)
    chance = np.random.default_rng([parameters.seed, _STREAM, 1])
    found = [
        encoder.stretch(row.text, min(parameters.max_tokens, _MEASURED_TOKENS), chance)
        for row in _sample(data.test, _MEASURED, chance)
    ]
    stretches = [each for each in found if each is not None]
    rows = [ChatTokens(each.ids, (0, *(1,) * (len(each.ids) - 1)), 1) for each in stretches]
    return served_perplexity(folder, rows, stretch_losses(network, stretches).perplexity)


CODE: RecipeCode[Parameters, Documents] = RecipeCode(
    parameters=Parameters,
    load=read,
    build=build,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=lambda _parameters: {},
    learned=learned_constants,
    network_files=network_files,
    measured=measured,
    check=check,
)
