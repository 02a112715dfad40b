"""Matrices of a graph in 8 bits, in blocks of values that share a scale.

`MatMulNBits` is an operator of onnxruntime, which multiplies by the blocks as they are.
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from models.pull.graph_builder import MICROSOFT

BLOCK = 128
"""Values of a column of a matrix that share a scale."""
ZERO = 128
"""Value that stands for zero."""
_GREATEST = 127
_BY_INT8 = 4
"""The level of accuracy at which onnxruntime multiplies whole numbers."""


def in_blocks(columns: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the columns of a matrix, (n, k), as blocks (n, k / BLOCK, BLOCK), and their scales."""
    count, length = columns.shape
    blocks = columns.reshape(count, length // BLOCK, BLOCK)
    scales = (np.abs(blocks).max(axis=2) / _GREATEST).astype(np.float32)
    divisors = np.maximum(scales, np.finfo(np.float32).tiny)
    whole = (np.rint(blocks / divisors[..., None]) + ZERO).astype(np.uint8)
    return whole, scales


def multiply_in_blocks(node: onnx.NodeProto, matrix: str, rows: int, columns: int) -> None:
    """Turn a product by a matrix, (rows, columns), into one by its blocks of the same name."""
    node.op_type, node.domain = "MatMulNBits", MICROSOFT
    node.input[1] = matrix
    node.input.append(f"{matrix}_scales")
    settings = {"K": rows, "N": columns, "bits": 8, "block_size": BLOCK}
    node.attribute.extend(
        helper.make_attribute(key, value)
        for key, value in (settings | {"accuracy_level": _BY_INT8}).items()
    )


def matrices_in_blocks(graph: onnx.GraphProto) -> None:
    """Keep every matrix that a value is multiplied by in 8 bits."""
    kept = {each.name: each for each in graph.initializer}
    for node in list(graph.node):
        name = node.input[1] if node.op_type == "MatMul" else ""
        if name in kept:
            matrix = numpy_helper.to_array(kept[name])
            whole, scales = in_blocks(matrix.T)
            graph.initializer.remove(kept[name])
            graph.initializer.append(numpy_helper.from_array(whole, name))
            graph.initializer.append(numpy_helper.from_array(scales, f"{name}_scales"))
            multiply_in_blocks(node, name, *matrix.shape)
