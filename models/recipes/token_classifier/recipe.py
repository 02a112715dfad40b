"""The recipe `token_classifier`: an encoder and a head on each token, tuned on tagged texts."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.bases.folder import BaseModel
from models.data.token_rows import TextEncoder, TokenRows, cut_notices
from models.evaluation.entities import (
    entity_counts,
    f1_by_class,
    f1_gain,
    f1_interval,
)
from models.evaluation.intervals import group_sums
from models.evaluation.judged_rows import known_bounds, observations
from models.networks.encoder import (
    Encoder,
    EncoderClassifier,
    HeadFeatures,
    merged,
    run_sorted,
    text_encoder,
)
from models.networks.encoder_export import reading_constants, token_graph, tokenizer_file
from models.networks.linear_probe import fit_head
from models.recipes.token_classifier.parameters import Parameters
from models.training.devices import move_network
from models.training.learned_weights import LearnedWeights
from models.training.length_batches import LengthBatches
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, LossTask
from models.training.validation import with_validation
from models.training_data import tagged_texts
from models.training_data.tagged_texts import IGNORED, Entities, TaggedTexts

_DRAWS = 20
_PROBED_TOKENS = 60_000
"""Tokens that the head is fitted to before the first step: enough, and 90 MB of a MiniLM's."""
_RIDGE = 1e-3
"""The weight of squares in that fit: less than of texts, as tokens are many."""


def build(parameters: Parameters, data: TaggedTexts, base: BaseModel) -> EncoderClassifier:
    """Return a new tagger of the data's classes on a base. Raises BadData."""
    return EncoderClassifier(Encoder(base, parameters), data.tags, base, each_token=True)


def task(setup: TaskSetup[Parameters, TaggedTexts]) -> TrainingTask:
    """Return the training of a tagger on the channel's rows. Raises BadData, ValueError."""
    network, parameters, part = setup.network, setup.parameters, setup.data.train
    assert isinstance(network, EncoderClassifier)
    found = text_encoder(network.base, parameters).encode(part.texts)
    rows = TokenRows([each.ids for each in found], network.encoder.pad)
    tags = torch.full(rows.tensors[0].shape, IGNORED)
    for at, (each, entities) in enumerate(zip(found, part.entities, strict=True)):
        told = tagged_texts.token_tags(each.offsets, entities, setup.data.labels)
        tags[at, : len(told)] = torch.tensor(told)

    kept = LearnedWeights(network)
    move_network(network, setup.device)
    if parameters.probe:
        _probe(network, rows, tags)
    given, validation = with_validation(
        [*rows.tensors, tags], parameters, kept, part.groups.tolist()
    )

    def loss(model: nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(model, EncoderClassifier)
        model.encoder.thaw(number, parameters.steps)
        tokens, mask, wanted = batch
        told = model(tokens, mask)
        counted = wanted != IGNORED
        right = (told.argmax(2) == wanted) & counted
        return {
            "loss": functional.cross_entropy(told.transpose(1, 2), wanted, ignore_index=IGNORED),
            "token_accuracy": right.sum() / counted.sum(),
        }

    sizes = given[1].sum(1).tolist()
    batches = LengthBatches(sizes, given, [], parameters, setup.group)
    return LossTask(
        network,
        loss,
        batches,
        parameters,
        setup.device,
        setup.group,
        kept=kept,
        validation=validation,
    )


def _probe(network: EncoderClassifier, rows: TokenRows, tags: torch.Tensor) -> None:
    """Fit the head to the base's vectors of the first tokens of the training rows."""
    count, total = 0, 0
    while count < len(rows) and total < _PROBED_TOKENS:
        total += rows.sizes[count]
        count += 1
    first = TokenRows(rows.ids[:count], rows.pad)
    vectors = run_sorted(HeadFeatures(network.eval()), first)
    features = torch.cat([each[:size] for each, size in zip(vectors, first.sizes, strict=True)])
    wanted = torch.cat([tags[at, :size] for at, size in enumerate(first.sizes)])
    fit_head(
        network.head.cpu(), features[wanted != IGNORED], wanted[wanted != IGNORED], ridge=_RIDGE
    )


def evaluate(network: nn.Module, data: TaggedTexts, parameters: Parameters) -> Evaluation:
    """Return entity F1 on held-out texts, with 95% intervals over groups of texts.

    `gain_over_lookup` is by how much F1 is above that of a list of the training's spans, and
    `gain_over_chance` above that of as many spans by chance. `f1_CLASS` is of each class. A span
    beyond `max_tokens` is one that is missed.
    """
    assert isinstance(network, EncoderClassifier)
    told = spans_of(network, text_encoder(network.base, parameters), data.test.texts, data.labels)
    groups = data.test.groups
    counts = group_sums(entity_counts(data.test.entities, told), groups)
    listed = tagged_texts.lookup(data.train, data.test.texts)
    by_list = group_sums(entity_counts(data.test.entities, listed), groups)
    drawing = random.Random(parameters.seed)  # noqa: S311 - the same baseline each time
    drawn = [tagged_texts.by_chance(data.train, data.test, drawing) for _ in range(_DRAWS)]
    by_chance = np.mean([entity_counts(data.test.entities, each) for each in drawn], axis=0)
    chance = group_sums(by_chance, groups)
    hits, said, there = counts.sum(0)
    numbers = {
        **f1_interval(counts).numbers("entity_f1"),
        "precision": float(hits / max(1.0, said)),
        "recall": float(hits / max(1.0, there)),
        **f1_interval(by_list).numbers("lookup_f1"),
        **f1_gain(counts, by_list).numbers("gain_over_lookup"),
        **f1_gain(counts, chance).numbers("gain_over_chance"),
        **{f"f1_{label}": value for label, value in f1_by_class(data.test.entities, told).items()},
    }
    known, unknown = known_bounds(numbers, *observations(groups, "texts"))
    return Evaluation(known, unknown=unknown)


def spans_of(
    network: EncoderClassifier, reader: TextEncoder, texts: Sequence[str], labels: Sequence[str]
) -> Entities:
    """Return the spans that a tagger tells in each text."""
    found = reader.encode(texts)
    rows = TokenRows([each.ids for each in found], network.encoder.pad)
    return [
        tagged_texts.entities_of(
            text, each.offsets, logits[: len(each.ids)].argmax(1).tolist(), labels
        )
        for text, each, logits in zip(texts, found, run_sorted(network, rows), strict=True)
    ]


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph, with adapters merged; how many texts there are, and how long, may vary."""
    assert isinstance(network, EncoderClassifier)
    return {"tagger": token_graph(merged(network), "logits", parameters)}


def learned(network: nn.Module) -> Mapping[str, Constant]:
    """Return the tags and what else a server needs."""
    assert isinstance(network, EncoderClassifier)
    return {
        "tags": network.labels,
        **reading_constants(network),
    }


def check(parameters: Parameters, data: TaggedTexts, base: BaseModel) -> list[str]:
    """Return how many texts are cut. Raises BadData for another tokenizer than the base's."""
    texts = [*data.train.texts, *data.validation.texts, *data.test.texts]
    return cut_notices(text_encoder(base, parameters), texts)


CODE: RecipeCode[Parameters, TaggedTexts] = RecipeCode(
    parameters=Parameters,
    load=tagged_texts.read,
    build=build,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=lambda _parameters: {},
    learned=learned,
    network_files=tokenizer_file,
    validation=TaggedTexts.for_trial,
    check=check,
)
