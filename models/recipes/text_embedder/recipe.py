"""The recipe `text_embedder`: an encoder tuned on queries and the passages that answer them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from models.bases.folder import BaseModel
from models.data.token_rows import TextEncoder, cut_notices
from models.evaluation.intervals import Values, group_means, mean_interval
from models.evaluation.judged_rows import known_bounds, observations
from models.evaluation.retrieval import Vectors, ndcg
from models.export.graphs import FULL_BITS, open_graph
from models.failures import OutOfParity
from models.networks.encoder import (
    Encoder,
    SentenceEncoder,
    merged,
    run_sorted,
    text_encoder,
)
from models.networks.encoder_export import reading_constants, token_graph, tokenizer_file
from models.recipes.text_embedder.parameters import Parameters
from models.training.learned_weights import LearnedWeights
from models.training.length_batches import LengthBatches
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, LossTask
from models.training_data import text_pairs
from models.training_data.text_pairs import JudgedQueries, TextPairs

MOST_LOST = 0.01
"""What a graph of fewer bits may lose of nDCG."""
DEPTH = 10
"""Passages that a query's results are judged to."""


def build(parameters: Parameters, data: TextPairs, base: BaseModel) -> SentenceEncoder:
    """Return an embedder on a base. Raises BadData."""
    return SentenceEncoder(Encoder(base, parameters), base)


def task(setup: TaskSetup[Parameters, TextPairs]) -> TrainingTask:
    """Return the training of an embedder on the channel's pairs. Raises BadData, ValueError."""
    network, parameters, pairs = setup.network, setup.parameters, setup.data.train
    assert isinstance(network, SentenceEncoder)
    reader = text_encoder(network.base, parameters)
    asks, says = parameters.query_prefix, parameters.passage_prefix
    queries = reader.rows([asks + pair.query for pair in pairs])
    passages = reader.rows([says + pair.passage for pair in pairs])
    # A row without a passage that does not answer has its own once more, which is left out below.
    others = reader.rows([says + (pair.negative or pair.passage) for pair in pairs])
    contrasted = any(pair.negative for pair in pairs)
    sizes = [max(both) for both in zip(passages.sizes, others.sizes, strict=True)]
    wide = max(sizes)
    every = range(len(pairs))
    cut = [*passages.padded(every, wide), *(others.padded(every, wide) if contrasted else ())]
    whole = [*queries.tensors, *_identities(setup.data)]

    def loss(model: nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(model, SentenceEncoder)
        model.encoder.thaw(number, parameters.steps)
        *texts, asked, asked_mask, query_ids, own_ids, other_ids = batch
        asking = model(asked, asked_mask)
        given = torch.cat([model(*texts[at : at + 2]) for at in range(0, len(texts), 2)])
        ids = torch.cat([own_ids, other_ids]) if contrasted else own_ids
        told = asking @ given.T * parameters.similarity_scale
        told = told.masked_fill(alike(query_ids, own_ids, ids), -torch.inf)
        wanted = torch.arange(len(asking), device=told.device)
        return {
            "loss": functional.cross_entropy(told, wanted),
            "found": (told.argmax(1) == wanted).float().mean(),
        }

    batches = LengthBatches(sizes, cut, whole, parameters, setup.group)
    kept = LearnedWeights(network)
    return LossTask(network, loss, batches, parameters, setup.device, setup.group, kept=kept)


def alike(queries: torch.Tensor, own: torch.Tensor, passages: torch.Tensor) -> torch.Tensor:
    """Return which passages of a batch are no wrong answers to a query, its own aside, [n, m].

    They are those that are its own once more, and those of the same query in another row.
    `queries` and `own` are the numbers of each row's texts, [n]; the first n of `passages` are
    `own`, and the rest the rows' passages that do not answer.
    """
    count = len(own)
    same = own[:, None] == passages[None, :]
    same[:, :count] |= queries[:, None] == queries[None, :]
    same[torch.arange(count), torch.arange(count)] = False
    return same


def _identities(data: TextPairs) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the numbers of each row's query, passage and passage that does not answer, [n]."""
    numbers = data.numbers
    queries = {pair.query: at for at, pair in enumerate(data.train)}
    return (
        torch.tensor([queries[pair.query] for pair in data.train]),
        torch.tensor([numbers[pair.passage] for pair in data.train]),
        torch.tensor([numbers[pair.negative or pair.passage] for pair in data.train]),
    )


def evaluate(network: nn.Module, data: TextPairs, parameters: Parameters) -> Evaluation:
    """Return how held-out queries find their passages among all, by the tuned and the base model.

    `ndcg` is to the tenth passage, `base_ndcg` that of the base, `gain_over_base` their difference,
    paired by query, and `first` the share of queries whose first passage answers; each with a 95%
    interval over queries, or groups of them.
    """
    assert isinstance(network, SentenceEncoder)
    judged = data.judged()
    plain = parameters.model_copy(update={"way": "full"})
    base = SentenceEncoder(Encoder(network.base, plain), network.base)
    vectors = {
        name: _judged_vectors(each.eval(), parameters, judged, data.passages)
        for name, each in (("ndcg", network), ("base_ndcg", base))
    }
    scores = {
        name: group_means(ndcg(*each, judged.answers, DEPTH, judged.trained), judged.groups)
        for name, each in vectors.items()
    }
    gain = mean_interval(scores["ndcg"] - scores["base_ndcg"])
    numbers = {
        **mean_interval(scores["ndcg"]).numbers("ndcg"),
        **mean_interval(scores["base_ndcg"]).numbers("base_ndcg"),
        **gain.numbers("gain_over_base"),
        "first": float(first_right(vectors["ndcg"], judged).mean()),
        "queries": float(len(judged.queries)),
        "passages": float(len(data.passages)),
    }
    known, unknown = known_bounds(numbers, *observations(judged.groups, "queries"))
    return Evaluation(known, scores={"ndcg": scores["ndcg"]}, unknown=unknown)


def _judged_vectors(
    network: SentenceEncoder,
    parameters: Parameters,
    judged: JudgedQueries,
    passages: Sequence[str],
) -> tuple[Vectors, Vectors]:
    """Return the vectors of the judged queries and of all passages, read as they are served."""
    reader = served_reader(network, parameters)
    queries = [parameters.query_prefix + query for query in judged.queries]
    texts = [parameters.passage_prefix + passage for passage in passages]
    return vectors_of(network, reader, queries), vectors_of(network, reader, texts)


def served_reader(network: SentenceEncoder, parameters: Parameters) -> TextEncoder:
    """Return the tokenizer that cuts texts to the tokens that the served model reads."""
    most = min(parameters.read_tokens, network.encoder.positions or parameters.read_tokens)
    return text_encoder(
        network.base,
        parameters.model_copy(update={"max_tokens": max(most, parameters.max_tokens)}),
    )


def first_right(vectors: tuple[Vectors, Vectors], judged: JudgedQueries) -> Values:
    """Return 1 for each query whose nearest passage answers, [n], by vectors of both."""
    return ndcg(*vectors, judged.answers, 1, judged.trained)


def vectors_of(
    network: SentenceEncoder, reader: TextEncoder, texts: Sequence[str]
) -> NDArray[np.float32]:
    """Return the vectors of texts, [n, width]."""
    found: Vectors = torch.stack(run_sorted(network, reader.rows(texts))).numpy()
    return found


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph, with adapters merged; how many texts there are, and how long, may vary."""
    assert isinstance(network, SentenceEncoder)
    served = parameters.model_copy(
        update={"max_tokens": served_reader(network, parameters).max_tokens}
    )
    graph = token_graph(merged(network), "vector", served)
    return {"embedder": replace(graph, weight_bits=parameters.weight_bits)}


def measured(
    folder: Path, network: nn.Module, data: TextPairs, parameters: Parameters
) -> Mapping[str, float]:
    """Return the nDCG of held-out queries by a graph of fewer bits, and what that loses.

    A graph of all bits was held to the network when it was exported. Raises OutOfParity.
    """
    assert isinstance(network, SentenceEncoder)
    if parameters.weight_bits == FULL_BITS:
        return {}
    judged, reader = data.judged(), served_reader(network, parameters)
    session = open_graph(folder / "embedder.onnx")

    def by_graph(prefix: str, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [np.array([ids]) for ids in reader.rows([prefix + text for text in texts]).ids]
        found = [
            session.run(["vector"], {"tokens": one, "mask": np.ones_like(one)}) for one in rows
        ]
        return np.concatenate([np.asarray(vector, np.float32) for (vector,) in found])

    own = _judged_vectors(network, parameters, judged, data.passages)
    served = (
        by_graph(parameters.query_prefix, judged.queries),
        by_graph(parameters.passage_prefix, data.passages),
    )
    scores = [ndcg(*each, judged.answers, DEPTH, judged.trained) for each in (own, served)]
    lost = float((scores[0] - scores[1]).mean())
    if not lost <= MOST_LOST:
        raise OutOfParity(
            f"With weights of {parameters.weight_bits} bits nDCG falls by {lost:.3f}, and"
            f" {MOST_LOST:g} is the most: set weight_bits to {FULL_BITS}."
        )
    return {"served_ndcg": float(scores[1].mean()), "served_ndcg_loss": lost}


def learned(network: nn.Module) -> Mapping[str, Constant]:
    """Return what a server needs."""
    assert isinstance(network, SentenceEncoder)
    parameters = network.encoder.settings
    assert isinstance(parameters, Parameters)
    return {
        **reading_constants(network),
        "context": served_reader(network, parameters).max_tokens,
        "dimensions": network.encoder.width,
        "query_prefix": parameters.query_prefix,
        "passage_prefix": parameters.passage_prefix,
    }


def check(parameters: Parameters, data: TextPairs, base: BaseModel) -> list[str]:
    """Return how many texts are cut. Raises BadData for another tokenizer than the base's."""
    queries = [pair.query for pair in data.train]
    return cut_notices(text_encoder(base, parameters), [*queries, *data.passages])


CODE: RecipeCode[Parameters, TextPairs] = RecipeCode(
    parameters=Parameters,
    load=text_pairs.read,
    build=build,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=lambda _parameters: {},
    learned=learned,
    network_files=tokenizer_file,
    validation=TextPairs.for_trial,
    measured=measured,
    check=check,
)
