"""Mean pooling as a part of a sentence model's graph, and its weights beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUTPUT = "sentence_embedding"
_EXTERNAL_FROM_BYTES = 1024


def save_external(model: onnx.ModelProto, target: Path, name: str = "model") -> None:
    """Write `model` to `target/{name}.onnx`, its larger weights to `{name}.onnx_data` beside it."""
    data = f"{name}.onnx_data"
    (target / data).unlink(missing_ok=True)  # onnx would append to an earlier one
    onnx.save(
        model,
        target / f"{name}.onnx",
        save_as_external_data=True,
        location=data,
        size_threshold=_EXTERNAL_FROM_BYTES,
    )


def pooled(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return `model` with masked mean pooling and L2 normalisation after its only output."""
    graph = model.graph
    hidden = graph.output[0]
    dimensions = hidden.type.tensor_type.shape.dim[2].dim_value
    for name, axis in (("pool_token_axis", 1), ("pool_mask_axis", 2)):
        graph.initializer.append(numpy_helper.from_array(np.array([axis], np.int64), name))
    node = helper.make_node
    graph.node.extend(
        [
            node("Cast", ["attention_mask"], ["pool_float"], "pool_cast", to=TensorProto.FLOAT),
            node("Unsqueeze", ["pool_float", "pool_mask_axis"], ["pool_mask"], "pool_unsqueeze"),
            node("Mul", [hidden.name, "pool_mask"], ["pool_kept"], "pool_keep"),
            node(
                "ReduceSum", ["pool_kept", "pool_token_axis"], ["pool_sum"], "pool_sum", keepdims=0
            ),
            node("ReduceSum", ["pool_mask", "pool_token_axis"], ["pool_n"], "pool_n", keepdims=0),
            node("Div", ["pool_sum", "pool_n"], ["pool_mean"], "pool_mean"),
            node("LpNormalization", ["pool_mean"], [OUTPUT], "pool_normalise", p=2, axis=1),
        ]
    )
    del graph.output[:]
    graph.output.append(
        helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch_size", dimensions])
    )
    onnx.checker.check_model(model)
    return model
