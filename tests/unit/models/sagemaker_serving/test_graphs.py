"""The handler of any exported model, by the Open Inference Protocol's JSON."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from infra.models.training_environment import PROJECT
from models.serving.handler import load
from models.serving.handlers import graphs
from models.serving.packages import pinned


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A graph that adds weights of a file beside it, and one that counts up."""
    weights = numpy_helper.from_array(np.arange(3, dtype=np.float32), "weights")
    adding = helper.make_graph(
        [helper.make_node("Add", ["given", "weights"], ["told"])],
        "adding",
        [helper.make_tensor_value_info("given", TensorProto.FLOAT, ["n", 3])],
        [helper.make_tensor_value_info("told", TensorProto.FLOAT, ["n", 3])],
        [weights],
    )
    counting = helper.make_graph(
        [helper.make_node("Add", ["count", "count"], ["twice"])],
        "counting",
        [helper.make_tensor_value_info("count", TensorProto.INT64, [1])],
        [helper.make_tensor_value_info("twice", TensorProto.INT64, [1])],
    )
    described: dict[str, Any] = {}
    for graph in (adding, counting):
        file = f"{graph.name}.onnx"
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        beside = f"{file}.data"
        onnx.save_model(
            model, tmp_path / file, save_as_external_data=True, location=beside, size_threshold=0
        )
        hashes = {
            name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
            for name in (file, beside)
            if (tmp_path / name).exists()
        }
        described[graph.name] = {"file": file, "sha256": hashes.pop(file), "weights": hashes}
    described["adding"] |= {
        "inputs": [{"name": "given", "dtype": "float", "shape": ["n", 3]}],
        "outputs": [{"name": "told", "dtype": "float", "shape": ["n", 3]}],
    }
    described["counting"] |= {
        "inputs": [{"name": "count", "dtype": "int64", "shape": [1]}],
        "outputs": [{"name": "twice", "dtype": "int64", "shape": [1]}],
    }
    assert described["adding"]["weights"]
    manifest = json.dumps({"name": "sums", "graphs": described})
    (tmp_path / "signature.json").write_text(manifest)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").write_bytes(Path(graphs.__file__).read_bytes())
    return tmp_path


def asked(graph: str = "adding", **changes: Any) -> dict[str, Any]:
    given = {"name": "given", "shape": [2, 3], "datatype": "FP32", "data": [[1, 2, 3], [4, 5, 6]]}
    return {"parameters": {"graph": graph}, "inputs": [{**given, **changes}]}


def test_a_package_should_be_answered_by_the_containers_server(package: Path) -> None:
    handler = load(package)
    answer = handler.answer(json.dumps(asked()).encode(), "application/json", "application/json")
    assert isinstance(answer.body, bytes)
    told = [1.0, 3.0, 5.0, 4.0, 6.0, 8.0]
    assert json.loads(answer.body) == {
        "model_name": "sums",
        "outputs": [{"name": "told", "shape": [2, 3], "datatype": "FP32", "data": told}],
    }


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "must be an object"),
        ({}, "parameters.graph must be one of adding, counting"),
        (asked("other"), "parameters.graph must be one of"),
        ({"parameters": {"graph": "adding"}}, "inputs must be a list of objects"),
        (asked(name="taken"), "inputs must be given; given: taken"),
        (asked(datatype="FP64"), "given: datatype must be FP32, not 'FP64'"),
        (asked(shape=[2, 4]), r"given: shape must be \['n', 3\], not \[2, 4\]"),
        (asked(shape=[True, 3]), "given: shape must be"),
        (asked(shape=[3, 3]), r"the shape \[3, 3\] has 9 numbers, and data 6"),
        (asked(shape=[2**60, 3]), "16,777,216 are the most"),
        (asked(data=["a"] * 6), "data must be numbers of FP32"),
    ],
)
def test_a_wrong_request_should_be_said(package: Path, data: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        graphs.predict_fn(data, graphs.model_fn(str(package)))


def test_no_changed_file_should_be_opened(package: Path) -> None:
    (package / "adding.onnx.data").write_bytes(b"other")
    with pytest.raises(ValueError, match=r"adding\.onnx\.data is not the file"):
        graphs.model_fn(str(package))


def test_a_package_should_install_what_exports_are_tried_with() -> None:
    """`pinned(jobs.txt, …)` of these names is what the file has to be."""
    file = Path(graphs.__file__).with_name("requirements.txt").read_text()
    names = [line.partition("==")[0] for line in file.splitlines() if "==" in line]
    assert "onnxruntime" in names
    assert file == pinned((PROJECT / "requirements/jobs.txt").read_text(), names)
