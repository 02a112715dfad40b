from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.serving.handlers import drawings

CONSTANTS = {"latent": 4, "lowest": -1.0, "highest": 1.0}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A decoder that gives four numbers back as a picture of 2 x 2."""
    shape = helper.make_tensor("shape", TensorProto.INT64, [4], [-1, 1, 2, 2])
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["latent", "shape"], ["image"])],
        "decoder",
        [helper.make_tensor_value_info("latent", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 1, 2, 2])],
        [shape],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    content = made.SerializeToString()
    (tmp_path / "decoder.onnx").write_bytes(content)
    spec = {"file": "decoder.onnx", "sha256": hashlib.sha256(content).hexdigest()}
    signature = {"graphs": {"decoder": spec}, "constants": CONSTANTS}
    (tmp_path / "signature.json").write_text(json.dumps(signature))
    assert onnx.load(tmp_path / "decoder.onnx").graph.name == "decoder"
    return tmp_path


def test_should_draw_from_a_seed(package: Path) -> None:
    model = drawings.model_fn(str(package))
    told = np.array(drawings.predict_fn({"seed": 3, "count": 5}, model)["images"])
    latents = np.random.default_rng(3).standard_normal((5, 4)).clip(-1, 1)
    assert told.shape == (5, 2, 2, 1)
    assert told.reshape(5, 4) == pytest.approx((latents + 1) * 127.5, abs=0.51)
    assert drawings.predict_fn({"seed": 3}, model)["images"] == told[:1].tolist()


def test_should_walk_from_one_seed_to_another(package: Path) -> None:
    model = drawings.model_fn(str(package))
    walked = drawings.predict_fn({"seed": 3, "to_seed": 4, "count": 3}, model)["images"]
    ends = [drawings.predict_fn({"seed": seed}, model)["images"][0] for seed in (3, 4)]
    assert [walked[0], walked[2]] == ends


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "object with a seed"),
        ({"seed": -1}, "seed must be a whole number from 0 to 4294967295"),
        ({"seed": 1, "count": 65}, "count must be a whole number from 1 to 64"),
        ({"seed": True}, "seed must be"),
        ({"seed": 1, "to_seed": "2"}, "to_seed must be"),
    ],
)
def test_should_name_what_is_wrong_with_a_request(package: Path, data: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        drawings.predict_fn(data, drawings.model_fn(str(package)))


def test_should_not_open_a_graph_that_is_another(package: Path) -> None:
    with (package / "decoder.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ValueError, match=r"decoder\.onnx is not the file"):
        drawings.model_fn(str(package))
