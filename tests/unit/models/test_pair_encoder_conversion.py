"""The conversion of a classifier of pairs of one length into an encoder of any pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.pull.entailment import OUTPUT, deberta_pair_encoder

WORDS, DIMENSIONS, LENGTH = 20, 384, 4
HIDDEN = "/m/pooler/Gather_output_0"


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """Write a classifier in the source's form: an `If`, a first token, classes."""
    rng = np.random.default_rng(7)
    kept = {
        "table": rng.integers(0, 255, (WORDS, DIMENSIONS), np.uint8),
        "scale": np.float32(0.02),
        "zero": np.uint8(128),
        "first": np.int64(0),
        "axis": np.array([2], np.int64),
        "classes": rng.normal(size=(DIMENSIONS, 2)).astype(np.float32),
    }
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node("Identity", [value], [f"{name}_out"])],
            name,
            [],
            [helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, None)],
        )
        for name, value in (("then", "masked"), ("else", "rows"))
    }
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["looked_up"]),
        helper.make_node("DequantizeLinear", ["looked_up", "scale", "zero"], ["rows"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "axis"], ["wide"]),
        helper.make_node("Mul", ["rows", "wide"], ["masked"]),
        helper.make_node("Cast", ["first"], ["differs"], to=TensorProto.BOOL),
        helper.make_node("If", ["differs"], ["chosen"], **branches),
        helper.make_node("Mul", ["chosen", "wide"], ["hidden"]),
        helper.make_node("Gather", ["hidden", "first"], [HIDDEN], axis=1),
        helper.make_node("MatMul", [HIDDEN, "classes"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", LENGTH])
            for name in ("input_ids", "attention_mask")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in kept.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    source = tmp_path / "source"
    source.mkdir()
    onnx.save(model, source / "model.onnx")
    (source / "tokenizer.json").write_text("{}")
    return source


def test_the_encoder_should_read_pairs_of_any_length(classifier: Path, tmp_path: Path) -> None:
    deberta_pair_encoder(classifier, tmp_path)
    parts = {
        each.name: numpy_helper.to_array(each)
        for each in onnx.load(classifier / "model.onnx").graph.initializer
    }
    table = (parts["table"].astype(np.float32) - 128) * parts["scale"]
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    for length in (2, LENGTH, 9):
        ids = np.arange(3, 3 + length)[None]
        (found,) = session.run([OUTPUT], {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        assert found[0] == pytest.approx(table[3], abs=1e-5)


def test_the_encoder_should_keep_neither_classes_nor_branches(
    classifier: Path, tmp_path: Path
) -> None:
    deberta_pair_encoder(classifier, tmp_path)
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert [each.name for each in graph.output] == [OUTPUT]
    assert "classes" not in {each.name for each in graph.initializer}
    assert "If" not in {node.op_type for node in graph.node}
    assert (tmp_path / "tokenizer.json").read_text() == "{}"


def test_the_same_source_should_give_the_same_bytes(classifier: Path, tmp_path: Path) -> None:
    made = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        deberta_pair_encoder(classifier, tmp_path / name)
        made.append((tmp_path / name / "model.onnx").read_bytes())
    assert made[0] == made[1]
