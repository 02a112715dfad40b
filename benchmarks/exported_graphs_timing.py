"""Time trained models' graphs beside their source networks.

They take turns in the training environment; prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from chalicelib.contracts.model_manifest import FILE, Signature
from chalicelib.inference.session import open_session
from models.jobs.finish import restore_network
from models.training import artefacts
from models.training.recipe_code import Graph, recipe_code

BATCHES = (1, 16)
"""One row, and eight pictures with guidance, the most that one request draws."""

WRITING = {"length": 1, "past": 64}
"""The next token of a text, by a graph that keeps keys and values."""

TURN_S = 0.02
WARM = 3


@dataclass(frozen=True, slots=True)
class Case:
    """A graph and its source network on the same inputs. Both return outputs in order."""

    recipe: str
    graph: str
    batch: int
    ours: Callable[[], list[Any]]
    theirs: Callable[[], list[Any]]


def sized(graph: Graph, sizes: Mapping[str, int]) -> list[torch.Tensor]:
    """Return the graph's trial inputs with other sizes, repeated or cut off along their axes."""
    given = []
    for name, tensor in zip(graph.inputs, graph.trial, strict=True):
        for axis, label in graph.varying.get(name, {}).items():
            if label in sizes:
                chosen = torch.arange(sizes[label]) % tensor.shape[axis]
                tensor = tensor.index_select(axis, chosen)
        given.append(tensor.contiguous())
    return given


def cases(recipe: str, folder: Path) -> Iterator[Case]:
    """Yield the cases of a trained model: each graph at each batch."""
    trained = artefacts.read_training(folder, folder)
    settings, network = restore_network(trained)
    torch.set_num_threads(1)
    signature = Signature.model_validate_json((folder / FILE).read_bytes())
    for name, graph in recipe_code(recipe).graphs(network, settings).items():
        session = open_session(folder / signature.graphs[name].file)
        labels = {label for axes in graph.varying.values() for label in axes.values()}
        for batch in BATCHES:
            sizes = {"count": batch} | (WRITING if "past" in labels else {})
            yield _case(recipe, name, batch, graph, session, sized(graph, sizes))


def _case(
    recipe: str, name: str, batch: int, graph: Graph, session: Any, given: list[torch.Tensor]
) -> Case:
    module, outputs = graph.module.eval(), list(graph.outputs)
    fed = {one: tensor.numpy() for one, tensor in zip(graph.inputs, given, strict=True)}

    def theirs() -> list[Any]:
        with torch.inference_mode():
            told = module(*given)
        return [told] if isinstance(told, torch.Tensor) else list(told)

    return Case(recipe, name, batch, lambda: list(session.run(outputs, fed)), theirs)


def measured(case: Case, repetitions: int) -> dict[str, Any]:
    """Return the largest difference of both, and each turn's CPU milliseconds per call."""
    apart = max(
        float(np.abs(one.astype(np.float64) - other.numpy().astype(np.float64)).max())
        for one, other in zip(case.ours(), case.theirs(), strict=True)
    )
    calls = {way: _calls(way) for way in (case.ours, case.theirs)}
    spent: dict[Callable[[], list[Any]], list[float]] = {case.ours: [], case.theirs: []}
    for repetition in range(repetitions):
        ways = list(calls) if repetition % 2 else [*reversed(calls)]
        for way in ways:
            spent[way].append(1000 * _seconds(way, calls[way]) / calls[way])
    return {
        "recipe": case.recipe,
        "graph": case.graph,
        "batch": case.batch,
        "apart": apart,
        "ours": spent[case.ours],
        "theirs": spent[case.theirs],
    }


def _calls(way: Callable[[], Any]) -> int:
    _seconds(way, WARM)
    return max(1, round(TURN_S * WARM / _seconds(way, WARM)))


def _seconds(way: Callable[[], Any], calls: int) -> float:
    began = time.process_time()
    for _ in range(calls):
        way()
    return time.process_time() - began


def main(repetitions: str, *models: str) -> None:
    """Measure the models given as RECIPE=FOLDER."""
    rows = []
    for model in models:
        recipe, _, folder = model.partition("=")
        rows += [measured(case, int(repetitions)) for case in cases(recipe, Path(folder))]
    print(json.dumps({"cases": rows, "torch": torch.__version__}))


if __name__ == "__main__":
    main(*sys.argv[1:])
