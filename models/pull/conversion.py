"""Conversions of a source's files into a model's files.

A recipe is deterministic: with the pinned `onnx` and `onnxruntime` the same input gives the
same bytes on every machine, so that the catalogue can hold the result to a sha256.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from models.pull.efficientnet import efficientnet_lite0

OUTPUT = "sentence_embedding"
_EXTERNAL_FROM_BYTES = 1024

Recipe = Callable[[Path, Path], None]


def minilm_int8(source: Path, target: Path) -> None:
    """Pool, normalise and quantise the fp32 MiniLM in `source` into `target`.

    Mean pooling and L2 normalisation become part of the graph, so that every caller has the
    same vectors; its only output is `sentence_embedding`. Weights are dynamic int8 a channel
    and lie in external data: opening the session then takes 22 ms in place of 36.
    """
    (target / "model.onnx_data").unlink(
        missing_ok=True
    )  # onnx would append to an earlier attempt's
    with tempfile.TemporaryDirectory(dir=target) as folder:
        fp32, int8 = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        onnx.save(pooled(onnx.load(source / "model.onnx")), fp32)
        with _quiet_root_logger():
            quantize_dynamic(fp32, int8, weight_type=QuantType.QInt8, per_channel=True)
        _save(onnx.load(int8), target)
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")


def minilm_fp32(source: Path, target: Path) -> None:
    """Pool and normalise the fp32 MiniLM in `source` into `target`, its weights as they are."""
    (target / "model.onnx_data").unlink(missing_ok=True)
    _save(pooled(onnx.load(source / "model.onnx")), target)
    shutil.copyfile(source / "tokenizer.json", target / "tokenizer.json")


def _save(model: onnx.ModelProto, target: Path) -> None:
    onnx.save(
        model,
        target / "model.onnx",
        save_as_external_data=True,
        location="model.onnx_data",
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


@contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """Keep the quantiser's advice, which goes to the root logger, off the user's screen."""
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(before)


RECIPES: Mapping[str, Recipe] = {
    "minilm-int8": minilm_int8,
    "minilm-fp32": minilm_fp32,
    "efficientnet-lite0": efficientnet_lite0,
}
