"""ONNX export: graphs held to the outputs of their network, written all or not at all.

It runs on a CPU with the torch of this environment, whatever device trained the network. Graphs,
manifest and card are written to a staging folder; the manifest is moved last.
"""

from __future__ import annotations

import logging
import math
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import nn

from chalicelib.contracts.model_manifest import GraphSpec, TensorSpec
from models import files
from models.export.graph_rewrites import default_to_empty, quantise_weights
from models.failures import OutOfParity, TrainingFailure
from models.files import disk_full_as_failure
from models.training.recipe_code import Graph

OPSET = 20
"""ONNX 1.15's; onnxruntime has served it since 1.17."""

FULL_BITS = 32

MOST_APART = 1e-4
"""The most that an output of a graph may differ from the network's."""

_MOST_ROWS = 4096
_BANNED = "embedding"


MAX_IN_ONE_FILE = 2**31 - 2**28
"""The most bytes of weights that a graph has in its own file. Protobuf ends at 2 GiB, of which an
eighth is left for the graph; weights beyond lie in NAME.onnx.data beside it.
https://onnx.ai/onnx/repo-docs/ExternalData.html"""


def export_graphs(
    graphs: Mapping[str, Graph], into: Path, max_in_one_file: int = MAX_IN_ONE_FILE
) -> dict[str, GraphSpec]:
    """Write each graph as NAME.onnx into a folder and return its specification.

    Raises:
        OutOfParity: a graph differs from its network by more than 1e-4 somewhere, or either says
            something that is not finite.
        TrainingFailure: a graph cannot be exported.
        DiskFull: there was no room.
    """
    return {
        name: _export_graph(name, graph, into / f"{name}.onnx", max_in_one_file)
        for name, graph in graphs.items()
    }


def _export_graph(name: str, graph: Graph, path: Path, max_in_one_file: int) -> GraphSpec:
    if _BANNED in graph.outputs:
        raise TrainingFailure(f"The graph {name} has an output {_BANNED!r}; call it otherwise.")
    module = graph.module.cpu().eval()
    beside = _write(name, graph, module, path, max_in_one_file)
    if graph.optional:
        default_to_empty(path, graph.optional)
    session = open_graph(path)
    parity = max_difference(graph, module, session)
    if not math.isfinite(parity):
        raise OutOfParity(
            f"The graph {name} or its network says something that is not finite (nan or inf) on "
            "the trial inputs. Look for weights that are not finite, for a logarithm or a root of "
            "what may be 0, and for a softmax over nothing but masked places."
        )
    if not parity <= MOST_APART:
        raise OutOfParity(
            f"The graph {name} differs from its network by {parity:.2g}, and {MOST_APART:g} is the "
            "most. Look for operators that the exporter rewrites, for a module that is not in "
            "evaluation mode, and for chance inside the graph."
        )
    if graph.weight_bits < FULL_BITS:
        # The graph is held to the network before, and fewer bits to perplexity by its recipe.
        with muted_exporter(), disk_full_as_failure(path):
            beside = quantise_weights(path, graph.weight_bits, graph.optional, max_in_one_file)
        session = open_graph(path)
    return GraphSpec(
        file=path.name,
        sha256=files.sha256_of_file(path),
        weights={each.name: files.sha256_of_file(each) for each in beside},
        size=sum(each.stat().st_size for each in (path, *beside)),
        opset=OPSET,
        inputs=_specs(session.get_inputs()),
        outputs=_specs(session.get_outputs()),
        parity=parity,
    )


def _write(
    name: str, graph: Graph, module: nn.Module, path: Path, max_in_one_file: int
) -> list[Path]:
    """Write a graph, and return the files of its weights, if they are not in its own."""
    sizes = {
        label: torch.export.Dim(label, min=1, max=graph.most.get(label, _MOST_ROWS))
        for axes in graph.varying.values()
        for label in axes.values()
    }
    shapes = tuple(
        {axis: sizes[label] for axis, label in graph.varying.get(given, {}).items()}
        for given in graph.inputs
    )
    given_shapes: tuple[Any, ...] = shapes
    if graph.optional:  # they are one argument of the module, which takes any number
        required = len(shapes) - len(graph.optional)
        given_shapes = (*shapes[:required], shapes[required:])
    try:
        with muted_exporter():
            program = torch.onnx.export(
                module,
                tuple(graph.examples),
                input_names=list(graph.inputs),
                output_names=list(graph.outputs),
                dynamic_shapes=given_shapes,
                opset_version=OPSET,
                dynamo=True,
                verbose=False,
            )
    except Exception as error:  # the exporter's own errors share no narrower base
        raise TrainingFailure(f"The graph {name} cannot be exported: {error}") from error
    if program is None:
        raise TrainingFailure(f"The graph {name} cannot be exported: nothing came of it.")
    weights = program.model.graph.initializers.values()
    size = sum(each.const_value.nbytes for each in weights if each.const_value is not None)
    with disk_full_as_failure(path):
        program.save(str(path), external_data=size > max_in_one_file)
    beside = path.with_name(f"{path.name}.data")
    return [beside] if beside.exists() else []


def open_graph(path: Path) -> onnxruntime.InferenceSession:
    """Open a graph on one CPU thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def max_difference(graph: Graph, module: nn.Module, session: onnxruntime.InferenceSession) -> float:
    """Return the largest difference of graph and module outputs on the trial inputs.

    It is a share of the output's greatest value, where that is above 1, for a graph that is held to
    its module by shares. It is not finite if either says something that is not, in whichever
    output.
    """
    with torch.no_grad():
        told = module(*graph.trial)
    wanted = [told] if isinstance(told, torch.Tensor) else list(told)
    fed = {name: each.numpy() for name, each in zip(graph.inputs, graph.trial, strict=True)}
    given = session.run(list(graph.outputs), fed)
    with np.errstate(invalid="ignore"):  # inf less inf is a nan, which is told below
        differences = [
            np.abs(np.asarray(one, np.float64) - other.numpy().astype(np.float64)).max()
            / (max(1.0, float(other.abs().max())) if graph.relative else 1.0)
            for one, other in zip(given, wanted, strict=True)
        ]
    # Python's max passes over a nan that is not the first.
    return float(np.max(differences))


def _specs(nodes: list[onnxruntime.NodeArg]) -> tuple[TensorSpec, ...]:
    return tuple(
        TensorSpec(
            name=node.name,
            dtype=node.type.removeprefix("tensor(").removesuffix(")"),
            shape=tuple(node.shape),
        )
        for node in nodes
    )


@contextmanager
def staged_folder(folder: Path, last: str) -> Iterator[Path]:
    """Yield a folder whose files replace those of `folder` if nothing fails.

    The file called `last` comes last, and goes first: what has it is whole. The folder itself
    stays, as SageMaker mounts it.
    """
    part = folder / ".part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
        (folder / last).unlink(missing_ok=True)
        for old in folder.iterdir():
            if old.is_file():
                old.unlink()
            elif old != part:
                shutil.rmtree(old)
        for made in sorted(part.iterdir(), key=lambda path: path.name == last):
            made.replace(folder / made.name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def muted_exporter() -> Iterator[None]:
    """Keep the exporter's warnings about its internals out of the log."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)
