"""Changes of an exported graph: inputs that may be left out, and weights of fewer bits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

_BLOCK = 32
_INT8_PRODUCTS = 4
"""The accuracy level at which products are of int8 values, which is twice as fast on a CPU or more
and as exact as the weights are."""


def default_to_empty(path: Path, names: Sequence[str]) -> None:
    """Give inputs of a graph a default whose varying sizes are 0, so that they may be left out.

    An initialiser with the name of an input is its default. Notes of the exporter, which name
    places in the code of the machine, are left out: a graph is shared by its hash.
    https://github.com/onnx/onnx/blob/main/docs/IR.md#graphs
    """
    model = onnx.load(str(path), load_external_data=False)
    wanted = set(names)
    for given in model.graph.input:
        if given.name in wanted:
            sizes = [
                size.dim_value if size.HasField("dim_value") else 0
                for size in given.type.tensor_type.shape.dim
            ]
            empty = numpy_helper.from_array(np.zeros(sizes, np.float32), given.name)
            model.graph.initializer.append(empty)
    for noted in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del noted.metadata_props[:]
    onnx.save(model, str(path))


def quantise_weights(
    path: Path, bits: int, kept: Sequence[str], max_in_one_file: int
) -> list[Path]:
    """Replace the fp32 weights of matrix products by blocks of `bits` bits with a scale each.

    Inputs and outputs of the products stay fp32. Products of the inputs called `kept` stay as they
    are. Weights of more bytes than `max_in_one_file` lie in a file beside, which is returned.
    """
    model = onnx.load(str(path))
    inputs = set(kept)
    excluded = [
        node.name
        for node in model.graph.node
        if node.op_type == "MatMul" and inputs.intersection(node.input)
    ]
    quantiser = MatMulNBitsQuantizer(
        model,
        bits=bits,
        block_size=_BLOCK,
        is_symmetric=True,
        accuracy_level=_INT8_PRODUCTS,
        nodes_to_exclude=excluded,
    )
    quantiser.process()
    beside = path.with_name(f"{path.name}.data")
    beside.unlink(missing_ok=True)
    written = quantiser.model.model
    size = sum(each.ByteSize() for each in written.graph.initializer)
    quantiser.model.save_model_to_file(str(path), use_external_data_format=size > max_in_one_file)
    return [beside] if beside.exists() else []
