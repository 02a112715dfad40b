"""all-mpnet-base-v2 as ONNX, from its published safetensors.

The network is written down from its description: a BERT without token types, whose attention adds a
learned bias by the distance of two tokens, the same one in each layer.
K. Song et al., MPNet: Masked and Permuted Pre-training for Language Understanding, NeurIPS 2020.
https://arxiv.org/abs/2004.09297
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.pull.block_weights import matrices_in_blocks
from models.pull.graph_builder import MICROSOFT, GraphBuilder
from models.pull.sentence_graph import pooled, save_external

MAX_POSITIONS = 512
FIRST_POSITION = 2
"""Positions are counted from behind the padding token's id, as in RoBERTa."""
BUCKETS, FURTHEST = 32, 128
"""Buckets of distances, half of them for either direction; from `FURTHEST` on all are the same."""
_EPSILON = 1e-5
_OPSET, _IR_VERSION = 17, 8
_MASKED = -1e9
_GREATEST = 127
_FOLDER = "all-mpnet-base-v2"
_TOKENS = "embeddings.word_embeddings.weight"
_BIAS = "encoder.relative_attention_bias.weight"

Weights = Mapping[str, NDArray[np.float32]]


def mpnet_int8(source: Path, target: Path) -> None:
    """Write the network of `source/archive.zip` to `target`, in 8 bits.

    Dynamic quantisation of whole tensors, which MiniLM bears, leaves vectors of this network at a
    cosine of .91 with the exact ones: some of its activations are far greater than the others. In
    blocks of `BLOCK` values each with a scale of its own it is .999.
    """
    archive = source / "archive.zip"
    model = pooled(network(read_safetensors(archive, f"{_FOLDER}/model.safetensors")))
    with zipfile.ZipFile(archive) as opened:
        (target / "tokenizer.json").write_bytes(opened.read(f"{_FOLDER}/tokenizer.json"))
    save_external(in_8_bits(model), target)


def read_safetensors(archive: Path, member: str) -> dict[str, NDArray[np.float32]]:
    """Return the float tensors of a safetensors file in a zip archive, by name.

    https://github.com/huggingface/safetensors: eight bytes of length, a header in JSON, the data.
    """
    with zipfile.ZipFile(archive) as opened:
        content = opened.read(member)
    start = 8 + int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8:start])
    header.pop("__metadata__", None)
    tensors: dict[str, NDArray[np.float32]] = {}
    for name, told in header.items():
        if told["dtype"] == "F32":
            first, last = (start + offset for offset in told["data_offsets"])
            flat = np.frombuffer(content[first:last], np.dtype("<f4"))
            tensors[name] = flat.reshape(told["shape"])
    return tensors


def in_8_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with its matrices in 8 bits: each block, or each token's row, has a scale."""
    matrices_in_blocks(model.graph)
    _rows_in_8_bits(model.graph, _TOKENS)
    model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
    return model


def _rows_in_8_bits(graph: onnx.GraphProto, table: str) -> None:
    """Keep a table of vectors in 8 bits with a scale a row, which what is looked up is times."""
    (kept,) = (each for each in graph.initializer if each.name == table)
    values = numpy_helper.to_array(kept)
    scales = (np.abs(values).max(axis=1, keepdims=True) / _GREATEST).astype(np.float32)
    whole = np.rint(values / np.maximum(scales, np.finfo(np.float32).tiny)).astype(np.int8)
    graph.initializer.remove(kept)
    graph.initializer.append(numpy_helper.from_array(whole, table))
    graph.initializer.append(numpy_helper.from_array(scales, f"{table}_scales"))
    (at,) = (n for n, node in enumerate(graph.node) if table in node.input)
    gather = graph.node[at]
    found = gather.output[0]
    gather.output[0] = f"{found}_whole"
    make = helper.make_node
    added = (
        make("Gather", [f"{table}_scales", gather.input[1]], [f"{found}_scale"]),
        make("Cast", [f"{found}_whole"], [f"{found}_float"], to=TensorProto.FLOAT),
        make("Mul", [f"{found}_float", f"{found}_scale"], [found]),
    )
    for number, node in enumerate(added, 1):
        graph.node.insert(at + number, node)


@dataclass(slots=True)
class _Graph(GraphBuilder):
    """The graph under construction, and the weights that it takes."""

    weights: Weights
    heads: int
    """Of each layer's attention."""
    width: int
    """Values of a token between layers."""

    def weight(self, name: str) -> str:
        """Add a weight as it is."""
        return self.keep(name, self.weights[name])

    def linear(self, value: str, name: str) -> str:
        """Multiply by the weights `name`, and add their bias."""
        matrix = self.keep(f"{name}.weight", self.weights[f"{name}.weight"].T)
        return self.step("Add", [self.step("MatMul", [value, matrix]), self.weight(f"{name}.bias")])

    def normalised(self, value: str, name: str) -> str:
        """Bring each token's values to mean 0 and deviation 1, and scale them."""
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.step("LayerNormalization", [value, scale, bias], axis=-1, epsilon=_EPSILON)

    def by_head(self, value: str, order: list[int]) -> str:
        """Part each token's values by attention head; `order` of batch, token, head, value."""
        return self.step("Transpose", [self.step("Reshape", [value, "heads"])], perm=order)

    def attended(self, value: str, bias: str, name: str) -> str:
        """Add to each token what its attention takes from the others."""
        queries = self.by_head(self.linear(value, f"{name}.attn.q"), [0, 2, 1, 3])
        keys = self.by_head(self.linear(value, f"{name}.attn.k"), [0, 2, 3, 1])
        values = self.by_head(self.linear(value, f"{name}.attn.v"), [0, 2, 1, 3])
        scores = self.step("Mul", [self.step("MatMul", [queries, keys]), "head_scale"])
        shares = self.step("Softmax", [self.step("Add", [scores, bias])], axis=-1)
        mixed = self.step("Transpose", [self.step("MatMul", [shares, values])], perm=[0, 2, 1, 3])
        out = self.linear(self.step("Reshape", [mixed, "joined"]), f"{name}.attn.o")
        return self.normalised(self.step("Add", [out, value]), f"{name}.LayerNorm")

    def layer(self, value: str, bias: str, name: str) -> str:
        """Add one layer: attention, and two linear maps with a GELU between them."""
        value = self.attended(value, bias, f"{name}.attention")
        wide = self.linear(value, f"{name}.intermediate.dense")
        error = self.step("Erf", [self.step("Div", [wide, "root_of_two"])])
        wide = self.step(
            "Mul", [self.step("Mul", [wide, self.step("Add", [error, "one"])]), "half"]
        )
        out = self.linear(wide, f"{name}.output.dense")
        return self.normalised(self.step("Add", [out, value]), f"{name}.output.LayerNorm")


def network(weights: Weights) -> onnx.ModelProto:
    """Return the network: token ids and their mask in, one vector a token out."""
    heads, width = weights[_BIAS].shape[1], weights[_TOKENS].shape[1]
    graph = _Graph(weights, heads, width)
    for name, number in (("one", 1.0), ("half", 0.5), ("root_of_two", math.sqrt(2.0))):
        graph.keep(name, np.array([number], np.float32))
    graph.keep("head_scale", np.array([1 / math.sqrt(width // heads)], np.float32))
    graph.keep("masked", np.array([_MASKED], np.float32))
    graph.keep("heads", np.array([0, 0, heads, width // heads], np.int64))
    graph.keep("joined", np.array([0, 0, width], np.int64))
    for name, numbers in (("zero", [0]), ("one_axis", [1]), ("axes", [1, 2])):
        graph.keep(name, np.array(numbers, np.int64))
    length = graph.step("Slice", [graph.step("Shape", ["input_ids"]), "one_axis", "end"])
    graph.keep("end", np.array([2], np.int64))
    value = _embedded(graph, length)
    bias = _bias(graph, length)
    layers = {int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer.")}
    for number in sorted(layers):
        value = graph.layer(value, bias, f"encoder.layer.{number}")
    graph.step("Identity", [value], "last_hidden_state")
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, ["batch_size", "tokens"])
        for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info(
        "last_hidden_state", TensorProto.FLOAT, ["batch_size", "tokens", width]
    )
    made = helper.make_graph(graph.nodes, "mpnet", inputs, [output], graph.kept)
    opset = [helper.make_opsetid("", _OPSET)]
    return helper.make_model(made, opset_imports=opset, ir_version=_IR_VERSION)


def _embedded(graph: _Graph, length: str) -> str:
    """Add the vectors of tokens and of their positions."""
    words = graph.step("Gather", [graph.weight(_TOKENS), "input_ids"])
    table = graph.weights["embeddings.position_embeddings.weight"][FIRST_POSITION:][:MAX_POSITIONS]
    positions = graph.step("Slice", [graph.keep("positions", table), "zero", length])
    return graph.normalised(graph.step("Add", [words, positions]), "embeddings.LayerNorm")


def _bias(graph: _Graph, length: str) -> str:
    """Add the bias of each pair of tokens by their distance, and that of masked ones."""
    table = graph.keep("buckets", distance_buckets(MAX_POSITIONS))
    both = graph.step("Concat", [length, length], axis=0)
    part = graph.step("Slice", [table, graph.keep("from", np.array([0, 0], np.int64)), both])
    buckets = graph.step("Cast", [part], to=TensorProto.INT32)
    bias = graph.step("Gather", [graph.weight(_BIAS), buckets])
    by_head = graph.step("Transpose", [bias], perm=[2, 0, 1])
    seen = graph.step("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    hidden = graph.step("Mul", [graph.step("Sub", ["one", seen]), "masked"])
    return graph.step("Add", [by_head, graph.step("Unsqueeze", [hidden, "axes"])])


def distance_buckets(length: int) -> NDArray[np.uint8]:
    """Return the bucket of each pair of positions, as (length, length).

    Distances up to 7 have a bucket each, further ones share them by their logarithm.
    """
    at = np.arange(length)
    ahead = at[None, :] - at[:, None]
    distance = np.abs(ahead)
    half, exact = BUCKETS // 2, BUCKETS // 4
    share = np.log(np.maximum(distance, 1) / exact) / math.log(FURTHEST / exact)
    far = np.minimum(exact + (share * (half - exact)).astype(np.int64), half - 1)
    buckets: NDArray[np.int64] = np.where(distance < exact, distance, far) + half * (ahead > 0)
    return buckets.astype(np.uint8)
