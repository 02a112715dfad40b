from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.pull.conversion import minilm_int8


@pytest.fixture
def tiny_encoder(tmp_path: Path) -> Path:
    """Write a model whose hidden state is a row of a table for each token, times a matrix."""
    generator = np.random.default_rng(7)
    table = numpy_helper.from_array(generator.normal(size=(20, 64)).astype(np.float32), "table")
    matrix = numpy_helper.from_array(generator.normal(size=(64, 64)).astype(np.float32), "matrix")
    shape = ["batch_size", "sequence_length"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name in ("input_ids", "attention_mask", "token_type_ids")
    ]
    hidden = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, 64])
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("MatMul", ["rows", "matrix"], ["last_hidden_state"]),
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, [hidden], [table, matrix])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    folder = tmp_path / "source"
    folder.mkdir()
    onnx.save(model, folder / "model.onnx")
    (folder / "tokenizer.json").write_text("{}")
    return folder


def converted(source: Path, folder: Path) -> Path:
    folder.mkdir()
    minilm_int8(source, folder)
    return folder


def test_the_result_is_the_masked_mean_at_unit_length(tiny_encoder: Path, tmp_path: Path) -> None:
    target = converted(tiny_encoder, tmp_path / "a")
    session = onnxruntime.InferenceSession(
        str(target / "model.onnx"), providers=["CPUExecutionProvider"]
    )
    ids = np.array([[1, 2, 3, 9, 9]])
    feed = {"input_ids": ids, "attention_mask": np.array([[1, 1, 1, 0, 0]])}
    (found,) = session.run(["sentence_embedding"], {**feed, "token_type_ids": np.zeros_like(ids)})
    parts = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in onnx.load(tiny_encoder / "model.onnx").graph.initializer
    }
    mean = (parts["table"][[1, 2, 3]] @ parts["matrix"]).mean(axis=0)
    assert np.linalg.norm(found[0]) == pytest.approx(1, abs=1e-6)
    assert found[0] @ mean / np.linalg.norm(mean) == pytest.approx(1, abs=0.01)


def test_the_same_input_gives_the_same_bytes(tiny_encoder: Path, tmp_path: Path) -> None:
    once, again = (converted(tiny_encoder, tmp_path / name) for name in "ab")
    names = sorted(path.name for path in once.iterdir())
    assert names == ["model.onnx", "model.onnx_data", "tokenizer.json"]
    for name in names:
        assert (once / name).read_bytes() == (again / name).read_bytes()


def test_a_try_over_what_an_earlier_one_left_gives_the_same_bytes(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    once, again = (converted(tiny_encoder, tmp_path / name) for name in "ab")
    minilm_int8(tiny_encoder, again)
    assert (once / "model.onnx_data").read_bytes() == (again / "model.onnx_data").read_bytes()
