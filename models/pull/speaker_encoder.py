"""Resemblyzer's speaker encoder as ONNX: a voice's vector from 1.6 s of a mel spectrogram.

L. Wan et al., Generalized End-to-End Loss for Speaker Verification, 2018.
https://arxiv.org/abs/1710.10467
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from models.pull.graph_builder import GraphBuilder
from models.pull.torch_files import read_tensors

MELS, HIDDEN, LAYERS = 40, 256, 3
_OPSET, _IR_VERSION = 17, 8
_SMALLEST = 1e-12

Weights = Mapping[str, NDArray[Any]]


def speaker_encoder(source: Path, target: Path) -> None:
    """Write the network whose weights lie in `source/pretrained.pt` to `target/model.onnx`."""
    onnx.save(network(read_tensors(source / "pretrained.pt", "model_state")), target / "model.onnx")


def network(weights: Weights) -> onnx.ModelProto:
    """Return the network that turns mels (n, frames, 40) into vectors (n, 256) of length 1."""
    graph = GraphBuilder()
    value = graph.step("Transpose", ["mels"], perm=[1, 0, 2])
    axis = graph.integers("axis", 1)
    for layer in range(LAYERS):
        inputs = [value, *(graph.keep(*each) for each in _lstm(weights, layer))]
        out, last = f"states_{layer}", f"last_{layer}"
        graph.nodes.append(
            helper.make_node("LSTM", inputs, [out, last], f"lstm_{layer}", hidden_size=HIDDEN)
        )
        value = graph.step("Squeeze", [out, axis])
    final = graph.step("Squeeze", [last, graph.integers("first", 0)])
    matrix = graph.keep("linear.weight", weights["linear.weight"])
    bias = graph.keep("linear.bias", weights["linear.bias"])
    positive = graph.step("Relu", [graph.step("Gemm", [final, matrix, bias], transB=1)])
    length = graph.step("ReduceL2", [positive], axes=[1], keepdims=1)
    least = graph.keep("least", np.array(_SMALLEST, np.float32))
    graph.step("Div", [positive, graph.step("Max", [length, least])], "voices")
    made = helper.make_graph(
        graph.nodes,
        "speaker_encoder",
        [helper.make_tensor_value_info("mels", TensorProto.FLOAT, ["n", "frames", MELS])],
        [helper.make_tensor_value_info("voices", TensorProto.FLOAT, ["n", HIDDEN])],
        graph.kept,
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
    onnx.checker.check_model(model)
    return model


def _lstm(weights: Weights, layer: int) -> list[tuple[str, NDArray[np.float32]]]:
    """Return the weights of an LSTM by name, their gates in ONNX's order: i, o, f, c."""
    inward, inner, *biases = (
        _gates(weights[f"lstm.{kind}_l{layer}"])
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    return [
        (f"lstm_{layer}_w", inward[None]),
        (f"lstm_{layer}_r", inner[None]),
        (f"lstm_{layer}_b", np.concatenate(biases)[None]),
    ]


def _gates(values: NDArray[Any]) -> NDArray[np.float32]:
    into, forget, cell, out = np.split(values.astype(np.float32), 4)
    return np.concatenate([into, out, forget, cell])
