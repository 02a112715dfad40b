from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from chalicelib.contracts.model_manifest import Signature
from chalicelib.errors import ModelFailure
from chalicelib.inference.exported_model import ExportedModel
from models.export.graphs import MOST_APART, export_graphs, open_graph, staged_folder
from models.failures import OutOfParity, TrainingFailure
from models.files import sha256_of_file
from models.training.recipe_code import Graph

MANIFEST = {
    "name": "net",
    "family": "test",
    "licence": "Apache-2.0",
    "constants": {},
    "metrics": {},
    "origin": {
        "recipe": "net",
        "preset": "tiny",
        "seed": 0,
        "steps": 1,
        "data": "0" * 64,
        "code": "0" * 64,
        "torch": "2",
        "device": "cpu",
    },
}


def graph(module: nn.Module, outputs: tuple[str, ...] = ("told",)) -> Graph:
    return Graph(
        module, ("given",), outputs, (torch.randn(2, 3),), (torch.randn(9, 3),), {"given": {0: "n"}}
    )


class Drifting(nn.Module):
    """Says one thing when it is traced and another when it is asked."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given if torch.compiler.is_exporting() else given + 0.01


class Broken(nn.Module):
    """Says something sound first, and something that is not finite second."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, given: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return given, given * self.value


class Branching(nn.Module):
    """Cannot be traced."""

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        return given if given.sum() > 0 else -given


def test_should_describe_a_graph_that_says_what_the_network_says(tmp_path: Path) -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.SiLU(), nn.Dropout(0.5))
    spec = export_graphs({"net": graph(module)}, tmp_path)["net"]
    path = tmp_path / spec.file
    assert spec.sha256 == sha256_of_file(path)
    assert spec.size == path.stat().st_size
    assert spec.parity <= MOST_APART
    assert [(each.name, each.dtype, each.shape) for each in spec.inputs] == [
        ("given", "float", ("n", 3))
    ]
    rows = np.random.default_rng(0).normal(size=(17, 3)).astype(np.float32)
    (told,) = open_graph(path).run(["told"], {"given": rows})
    assert told == pytest.approx(module(torch.from_numpy(rows)).detach().numpy(), abs=MOST_APART)


def test_weights_beyond_a_file_should_lie_beside_it_and_be_served_with_it(tmp_path: Path) -> None:
    """The bound is lowered here, as nobody waits for the 2 GB of protobuf."""
    module = nn.Linear(3, 400)
    spec = export_graphs({"net": graph(module)}, tmp_path, max_in_one_file=1000)["net"]
    assert spec.weights == {"net.onnx.data": sha256_of_file(tmp_path / "net.onnx.data")}
    assert (tmp_path / "net.onnx").stat().st_size < 4000 < spec.size
    signature = Signature.model_validate({**MANIFEST, "graphs": {"net": spec.model_dump()}})
    assert set(signature.hashes) == {"net.onnx", "net.onnx.data"}
    served = ExportedModel(signature, lambda name: (tmp_path / name).read_bytes())
    session = served.graph("net")
    rows = torch.randn(5, 3)
    (told,) = session.run(["told"], {"given": rows.numpy()})
    assert told == pytest.approx(module(rows).detach().numpy(), abs=MOST_APART)
    (tmp_path / "net.onnx.data").write_bytes(b"other")
    with pytest.raises(ModelFailure, match=r"net\.onnx\.data has sha256"):
        served.graph("net")


def test_should_refuse_a_graph_that_says_something_else(tmp_path: Path) -> None:
    with pytest.raises(OutOfParity, match=r"net differs from its network by 0\.01"):
        export_graphs({"net": graph(Drifting())}, tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_should_refuse_a_graph_with_an_output_that_is_not_finite(
    value: float, tmp_path: Path
) -> None:
    broken = graph(Broken(value), ("sound", "told"))
    with pytest.raises(OutOfParity, match="net or its network says something that is not finite"):
        export_graphs({"net": broken}, tmp_path)


def test_should_say_what_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(TrainingFailure, match="net cannot be exported"):
        export_graphs({"net": graph(Branching())}, tmp_path)
    with pytest.raises(TrainingFailure, match="output 'embedding'; call it otherwise"):
        export_graphs({"net": graph(nn.Identity(), ("embedding",))}, tmp_path)


def _write_half(folder: Path) -> None:
    with staged_folder(folder, last="signature.json") as into:
        (into / "a.onnx").write_text("second")
        into.write_text("no folder takes text")


def test_should_leave_a_model_whole_where_the_next_fails(tmp_path: Path) -> None:
    with staged_folder(tmp_path / "model", last="signature.json") as into:
        for name in ("signature.json", "a.onnx"):
            (into / name).write_text("first")
    folder = tmp_path / "model"
    with pytest.raises(IsADirectoryError):
        _write_half(folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "signature.json": "first",
        "a.onnx": "first",
    }
    with staged_folder(folder, last="signature.json") as into:
        (into / "signature.json").write_text("third")
    assert [path.name for path in folder.iterdir()] == ["signature.json"]
