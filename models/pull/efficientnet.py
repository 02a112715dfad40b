"""EfficientNet-lite0 as ONNX, from its published PyTorch weights.

The network is written down from its description, each batch normalisation folded into the
convolution before it, and answers with shares: softmax is part of the graph.
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.pull.torch_files import read_tensors

INPUT, OUTPUT = "pictures", "shares"
SIDE = 224
CLASSES = 1_000
_EPSILON = 1e-3
"""Of the batch normalisations."""
_OPSET, _IR_VERSION = 17, 8
_BLOCKS = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))
"""How many blocks of a kind there are, and the stride of the first of them."""

Weights = Mapping[str, NDArray[Any]]


def efficientnet_lite0(source: Path, target: Path) -> None:
    """Write the network whose weights lie in `source/weights.pth` to `target/model.onnx`."""
    onnx.save(network(read_tensors(source / "weights.pth")), target / "model.onnx")


@dataclass(slots=True)
class _Graph:
    """An ONNX graph under construction; steps take and return names of values."""

    weights: Weights
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    kept: list[onnx.TensorProto] = field(default_factory=list)

    def step(self, kind: str, inputs: list[str], name: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        made = name or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [made], **attributes))
        return made

    def keep(self, name: str, values: NDArray[Any]) -> str:
        """Add a weight; return its name."""
        self.kept.append(numpy_helper.from_array(np.ascontiguousarray(values, np.float32), name))
        return name

    def convolved(self, value: str, name: str, norm: str, *, stride: int = 1) -> str:
        """Convolve by the filters `name`, padded as TensorFlow does, and normalise by `norm`."""
        filters = self.weights[f"{name}.weight"]
        mean, variance = self.weights[f"{norm}.running_mean"], self.weights[f"{norm}.running_var"]
        scale = self.weights[f"{norm}.weight"] / np.sqrt(variance + _EPSILON)
        weight = self.keep(f"{name}.weight", filters * scale[:, None, None, None])
        bias = self.keep(f"{name}.bias", self.weights[f"{norm}.bias"] - mean * scale)
        return self.step(
            "Conv",
            [value, weight, bias],
            auto_pad="SAME_UPPER",
            group=filters.shape[0] if filters.shape[1] == 1 else 1,
            kernel_shape=list(filters.shape[2:]),
            strides=[stride, stride],
        )

    def bounded(self, value: str) -> str:
        """Keep a value between 0 and 6."""
        return self.step("Clip", [value, "zero", "six"])

    def block(self, value: str, name: str, stride: int) -> str:
        """Add an inverted bottleneck."""
        inner = value
        if f"{name}._expand_conv.weight" in self.weights:
            inner = self.bounded(self.convolved(value, f"{name}._expand_conv", f"{name}._bn0"))
        inner = self.convolved(inner, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride)
        return self.convolved(self.bounded(inner), f"{name}._project_conv", f"{name}._bn2")


def network(weights: Weights) -> onnx.ModelProto:
    """Return the network that turns pictures (n, 3, 224, 224) into shares (n, 1000)."""
    graph = _Graph(weights)
    graph.keep("zero", np.array(0.0))
    graph.keep("six", np.array(6.0))
    value = graph.bounded(graph.convolved(INPUT, "_conv_stem", "_bn0", stride=2))
    number = 0
    for count, first_stride in _BLOCKS:
        for place in range(count):
            made = graph.block(value, f"_blocks.{number}", first_stride if place == 0 else 1)
            value = graph.step("Add", [made, value]) if place else made
            number += 1
    value = graph.bounded(graph.convolved(value, "_conv_head", "_bn1"))
    value = graph.step("Flatten", [graph.step("GlobalAveragePool", [value])])
    weight, bias = (
        graph.keep(f"_fc.{name}", weights[f"_fc.{name}"]) for name in ("weight", "bias")
    )
    value = graph.step("Gemm", [value, weight, bias], transB=1)
    graph.step("Softmax", [value], OUTPUT, axis=1)
    made = helper.make_graph(
        graph.nodes,
        "efficientnet-lite0",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["n", CLASSES])],
        graph.kept,
    )
    model = helper.make_model(
        made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
    onnx.checker.check_model(model, full_check=True)
    return model
