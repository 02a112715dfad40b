"""Whisper's encoder and decoder as two ONNX graphs.

The encoder gives what each layer of the decoder attends to: keys and values of the whole window,
computed once. The decoder takes them beside the keys and values of earlier tokens, and gives the
weights of the attention heads that follow the sound, by which words are timed.
A. Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, 2022.
https://arxiv.org/abs/2212.04356
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.pull.graph_builder import MICROSOFT, GraphBuilder

_EPSILON = 1e-5
_OPSET, _IR_VERSION = 20, 9
_MASKED = -1e9
EMBEDDINGS = "decoder/embeddings/weight"

Weights = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class WhisperShape:
    """The sizes of a Whisper, which its weights tell. `frames` are the encoder's outputs."""

    layers: int
    heads: int
    width: int
    mels: int
    frames: int
    vocabulary: int
    context: int

    @classmethod
    def of(cls, weights: Weights) -> WhisperShape:
        """Read the sizes off the weights, as CTranslate2 names them."""
        vocabulary, width = weights[EMBEDDINGS].shape
        frames = weights["encoder/position_encodings/encodings"].shape[0]
        return cls(
            layers=len(
                {name.split("/")[1] for name in weights if name.startswith("decoder/layer_")}
            )
            - 1,  # less `layer_norm`
            heads=int(weights["decoder/num_heads"]),
            width=width,
            mels=weights["encoder/conv1/weight"].shape[1],
            frames=frames,
            vocabulary=vocabulary,
            context=weights["decoder/position_encodings/encodings"].shape[0],
        )

    @property
    def head_size(self) -> int:
        """Return the values of a token in one head."""
        return self.width // self.heads


@dataclass(slots=True)
class _Graph(GraphBuilder):
    """The graph under construction, and the weights that it takes."""

    weights: Weights
    shape: WhisperShape

    def floats(self, name: str) -> NDArray[np.float32]:
        """Return a weight in single precision."""
        return self.weights[name].astype(np.float32)

    def weight(self, name: str) -> str:
        """Add a weight as it is."""
        return self.keep(name, self.floats(name))

    def linear(self, value: str, name: str, part: slice = slice(None)) -> str:
        """Multiply by some rows of the weights `name`, and add their bias unless it is zero."""
        suffix = "" if part == slice(None) else f"/{part.start}"
        matrix = self.keep(f"{name}/weight{suffix}", self.floats(f"{name}/weight")[part].T)
        bias = self.floats(f"{name}/bias")[part]
        product = self.step("MatMul", [value, matrix])
        if not bias.any():
            return product
        return self.step("Add", [product, self.keep(f"{name}/bias{suffix}", bias)])

    def third(self, number: int) -> slice:
        """Return the rows of the queries (0), keys (1) or values (2) among fused weights."""
        width = self.shape.width
        return slice(number * width, (number + 1) * width)

    def normalised(self, value: str, name: str) -> str:
        """Bring each token's values to mean 0 and deviation 1, and scale them."""
        scale, bias = self.weight(f"{name}/gamma"), self.weight(f"{name}/beta")
        return self.step("LayerNormalization", [value, scale, bias], axis=-1, epsilon=_EPSILON)

    def by_head(self, value: str, order: list[int], name: str = "") -> str:
        """Part each token's values by attention head; `order` of batch, token, head, value."""
        return self.step("Transpose", [self.step("Reshape", [value, "heads"])], name, perm=order)

    def joined(self, value: str) -> str:
        """Put the values of all heads of a token together again."""
        return self.step("Reshape", [self.step("Transpose", [value], perm=[0, 2, 1, 3]), "joined"])

    def forward(self, value: str, name: str) -> str:
        """Add the two linear maps of a layer, with a GELU between them."""
        wide = self.linear(self.normalised(value, f"{name}/layer_norm"), f"{name}/linear_0")
        wide = self.step("Gelu", [wide])
        return self.step("Add", [value, self.linear(wide, f"{name}/linear_1")])

    def constants(self) -> None:
        """Add the shapes by which values are parted by head and joined."""
        shape = self.shape
        self.integers("heads", 0, 0, shape.heads, shape.head_size)
        self.integers("joined", 0, 0, shape.width)
        self.keep("head_scale", np.array([1 / math.sqrt(shape.head_size)], np.float32))


def encoder(weights: Weights) -> onnx.ModelProto:
    """Return the graph that turns a log-mel spectrogram into each layer's cross keys and values.

    In: `mel` (1, mels, 2 * frames). Out: `cross_key_N` (1, heads, head size, frames) and
    `cross_value_N` (1, heads, frames, head size) of each layer N of the decoder.
    """
    shape = WhisperShape.of(weights)
    graph = _Graph(weights, shape)
    graph.constants()
    value = "mel"
    for name, stride in (("encoder/conv1", 1), ("encoder/conv2", 2)):
        inputs = [value, graph.weight(f"{name}/weight"), graph.weight(f"{name}/bias")]
        value = graph.step("Conv", inputs, kernel_shape=[3], pads=[1, 1], strides=[stride])
        value = graph.step("Gelu", [value])
    value = graph.step("Transpose", [value], perm=[0, 2, 1])
    value = graph.step("Add", [value, graph.weight("encoder/position_encodings/encodings")])
    layers = {name.split("/")[1] for name in weights if name.startswith("encoder/layer_")}
    for number in range(len(layers - {"layer_norm"})):
        value = _encoder_layer(graph, value, f"encoder/layer_{number}")
    value = graph.normalised(value, "encoder/layer_norm")
    outputs = []
    for number in range(shape.layers):
        name = f"decoder/layer_{number}/attention/linear_1"
        graph.by_head(
            graph.linear(value, name, graph.third(0)), [0, 2, 3, 1], f"cross_key_{number}"
        )
        graph.by_head(
            graph.linear(value, name, graph.third(1)), [0, 2, 1, 3], f"cross_value_{number}"
        )
        outputs.extend(_cross(shape, number))
    return _model(graph, "encoder", [_floats("mel", (1, shape.mels, 2 * shape.frames))], outputs)


def _encoder_layer(graph: _Graph, value: str, name: str) -> str:
    """Add attention to the whole window, and two linear maps."""
    normal = graph.normalised(value, f"{name}/self_attention/layer_norm")
    fused = f"{name}/self_attention/linear_0"
    parts = [graph.linear(normal, fused, graph.third(number)) for number in range(3)]
    mixed = graph.step("MultiHeadAttention", parts, domain=MICROSOFT, num_heads=graph.shape.heads)
    out = graph.linear(mixed, f"{name}/self_attention/linear_1")
    return graph.forward(graph.step("Add", [value, out]), f"{name}/ffn")


def decoder(weights: Weights, alignment_heads: Sequence[tuple[int, int]]) -> onnx.ModelProto:
    """Return the graph that turns tokens into the logits of their successors.

    In: `tokens` (1, n), `past_key_N` and `past_value_N` (1, heads, past, head size), and the
    encoder's outputs. Out: `logits` (1, n, vocabulary), `present_key_N` and `present_value_N` of
    all tokens, and `alignment` (1, alignment heads, n, frames): the shares of attention of
    `alignment_heads`, each a layer and a head in it.
    """
    shape = WhisperShape.of(weights)
    graph = _Graph(weights, shape)
    graph.constants()
    mask = _positions(graph)
    table = graph.weight(EMBEDDINGS)
    value = graph.step(
        "Add", [graph.step("Gather", [table, "tokens"]), graph.step("Gather", ["places", "at"])]
    )
    inputs = [helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"])]
    outputs = [_floats("logits", (1, "n", shape.vocabulary))]
    followed: list[str] = []
    for number in range(shape.layers):
        heads = [head for layer, head in alignment_heads if layer == number]
        value, shares = _decoder_layer(graph, value, number, mask)
        if heads:
            chosen = graph.integers(f"followed_{number}", *heads)
            followed.append(graph.step("Gather", [shares, chosen], axis=1))
        for kind in ("key", "value"):
            inputs.append(_floats(f"past_{kind}_{number}", _cache(shape, "past")))
            outputs.append(_floats(f"present_{kind}_{number}", _cache(shape, "all")))
        inputs.extend(_cross(shape, number))
    graph.step("Concat", followed, "alignment", axis=1)
    outputs.append(_floats("alignment", (1, len(alignment_heads), "n", shape.frames)))
    value = graph.normalised(value, "decoder/layer_norm")
    graph.step("MatMul", [value, graph.step("Transpose", [table], perm=[1, 0])], "logits")
    return _model(graph, "decoder", inputs, outputs)


def _positions(graph: _Graph) -> str:
    """Add the places of the tokens, `at` (n,), and their mask, (n, past + n); return the mask."""
    graph.keep("places", graph.floats("decoder/position_encodings/encodings"))
    graph.integers("zero", 0)
    graph.integers("first_axis", 0)
    graph.keep("start", np.array(0, np.int64))
    graph.keep("one", np.array(1, np.int64))
    graph.keep("masked", np.array(_MASKED, np.float32))
    graph.keep("seen", np.array(0, np.float32))
    past = graph.step("Shape", ["past_key_0"], start=2, end=3)
    count = graph.step("Shape", ["tokens"], start=1, end=2)
    scalars = [graph.step("Squeeze", [each, "first_axis"]) for each in (past, count)]
    last = graph.step("Add", scalars)
    graph.step("Range", [scalars[0], last, "one"], "at")
    everything = graph.step("Range", ["start", last, "one"])
    rows = graph.step("Unsqueeze", ["at", graph.integers("last_axis", 1)])
    later = graph.step("Greater", [everything, rows])
    return graph.step("Where", [later, "masked", "seen"])


def _decoder_layer(graph: _Graph, value: str, number: int, mask: str) -> tuple[str, str]:
    """Add attention to earlier tokens and to the sound; return value and shares of the latter."""
    name = f"decoder/layer_{number}"
    normal = graph.normalised(value, f"{name}/self_attention/layer_norm")
    fused = f"{name}/self_attention/linear_0"
    queries, keys, values = (
        graph.by_head(graph.linear(normal, fused, graph.third(part)), [0, 2, 1, 3])
        for part in range(3)
    )
    keys = graph.step("Concat", [f"past_key_{number}", keys], f"present_key_{number}", axis=2)
    values = graph.step(
        "Concat", [f"past_value_{number}", values], f"present_value_{number}", axis=2
    )
    turned = graph.step("Transpose", [keys], perm=[0, 1, 3, 2])
    mixed, _ = _attended(graph, queries, turned, values, mask)
    out = graph.linear(graph.joined(mixed), f"{name}/self_attention/linear_1")
    value = graph.step("Add", [value, out])
    normal = graph.normalised(value, f"{name}/attention/layer_norm")
    queries = graph.by_head(graph.linear(normal, f"{name}/attention/linear_0"), [0, 2, 1, 3])
    mixed, shares = _attended(graph, queries, f"cross_key_{number}", f"cross_value_{number}")
    out = graph.linear(graph.joined(mixed), f"{name}/attention/linear_2")
    return graph.forward(graph.step("Add", [value, out]), f"{name}/ffn"), shares


def _attended(
    graph: _Graph, queries: str, keys: str, values: str, mask: str = ""
) -> tuple[str, str]:
    """Mix values by the shares of attention; return the mixture and the shares."""
    scores = graph.step("MatMul", [graph.step("Mul", [queries, "head_scale"]), keys])
    if mask:
        scores = graph.step("Add", [scores, mask])
    shares = graph.step("Softmax", [scores], axis=-1)
    return graph.step("MatMul", [shares, values]), shares


def _cross(shape: WhisperShape, number: int) -> list[onnx.ValueInfoProto]:
    """Return the cross keys and values of a layer, as inputs or outputs."""
    return [
        _floats(f"cross_key_{number}", (1, shape.heads, shape.head_size, shape.frames)),
        _floats(f"cross_value_{number}", (1, shape.heads, shape.frames, shape.head_size)),
    ]


def _cache(shape: WhisperShape, tokens: str) -> tuple[int | str, ...]:
    return 1, shape.heads, tokens, shape.head_size


def _floats(name: str, sizes: Sequence[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes)


def _model(
    graph: _Graph,
    name: str,
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
) -> onnx.ModelProto:
    made = helper.make_graph(graph.nodes, name, inputs, outputs, graph.kept)
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=_IR_VERSION)
