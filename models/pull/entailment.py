"""The encoder of a model for natural language inference, as the support check runs it.

The source is an int8 ONNX of DeBERTa-v3-xsmall for pairs of exactly 160 tokens, with two classes
of its own. Its encoder is taken out, for pairs of any length: what it says of a pair stands in
the vector of the first token, on which `functions/check_support/head.json` decides.

He, Gao and Chen, DeBERTaV3, 2021, https://arxiv.org/abs/2111.09543
"""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from models.pull.sentence_graph import save_external

OUTPUT = "pair_vector"
_DIMENSIONS = 384
_PAIR_VECTOR = "/m/pooler/Gather_output_0"
"""The source's name of the last layer's vector of the first token."""


def deberta_pair_encoder(source: Path, target: Path) -> None:
    """Write the encoder of the model in `source` into `target`, with its tokenizer."""
    save_external(pair_encoder(onnx.load(source / "model.onnx")), target)
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")


def pair_encoder(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` up to the vector of the first token, for any number of tokens."""
    graph = model.graph
    for put in graph.input:
        put.type.tensor_type.shape.dim[1].dim_param = "tokens"
    del graph.value_info[:]
    _take_else_branches(graph)
    for node in graph.node:
        node.output[:] = [OUTPUT if name == _PAIR_VECTOR else name for name in node.output]
    del graph.output[:]
    graph.output.append(
        helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", _DIMENSIONS])
    )
    _drop_unused(graph)
    onnx.checker.check_model(model)
    return model


def _take_else_branches(graph: onnx.GraphProto) -> None:
    """Replace each `If` by its other branch: the source asks whether a pair differs from itself."""
    taken = {
        node.output[0]: branch.g.node[0].input[0]
        for node in graph.node
        if node.op_type == "If"
        for branch in node.attribute
        if branch.name == "else_branch"
    }
    for node in graph.node:
        node.input[:] = [taken.get(name, name) for name in node.input]


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Remove the nodes and weights that no output depends on."""
    needed, kept = {each.name for each in graph.output}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            needed |= set(node.input)
            kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
    weights = [
        onnx.TensorProto.FromString(each.SerializeToString())
        for each in graph.initializer
        if each.name in needed
    ]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(weights)
