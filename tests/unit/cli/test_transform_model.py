from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from chalicelib.contracts.model_manifest import FILE, Signature
from cli.failures import CommandError
from cli.main import headrace
from infra.models.batch_transform import (
    BatchTransforms,
    TransformError,
    TransformRequest,
)
from infra.stages import StageConnection
from models.serving.packages import handler_of
from tests.exported_models import decoder, exported
from tests.unit.cli.test_train import OUTPUTS


def failed(*given: str) -> CommandError:
    found = CliRunner().invoke(headrace, ["models", "transform", *given]).exception
    assert isinstance(found, CommandError)
    return found


def test_should_want_a_container_on_aws() -> None:
    found = failed("vae/1", "--input", "rows.jsonl", "--stage", "prod")
    assert found.exit_code == 2
    assert "needs --image" in str(found)


def test_should_say_that_no_local_cloud_runs(tmp_path: Path) -> None:
    found = failed("vae/1", "--input", "rows.jsonl", "--data-dir", str(tmp_path))
    assert "no running local cloud's file" in str(found)


def test_should_say_that_nothing_answers(tmp_path: Path) -> None:
    file = tmp_path / "cloud.json"
    file.write_text(json.dumps({"endpoint_url": "http://127.0.0.1:9", "outputs": OUTPUTS}))
    found = failed("headrace-dev-vae/1", "--input", "rows.jsonl", "--data-dir", str(tmp_path))
    assert "Could not connect" in str(found)


@pytest.mark.parametrize("given", ["s3://other/models/rows", "s3://headrace-dev-documents/data/x"])
def test_should_take_addresses_of_the_stage_alone(given: str) -> None:
    transforms = BatchTransforms(StageConnection(lambda _: None, OUTPUTS))
    with pytest.raises(TransformError, match=r"is not below s3://headrace-dev-documents-1-eu-"):
        transforms._of_stage(TransformRequest(given).source)


def test_a_model_should_have_the_handler_of_its_graphs() -> None:
    drawing = Signature.model_validate_json(decoder()[FILE])
    assert handler_of(drawing.graphs).name == "drawings.py"
    writes = exported({"decoder": (("tokens", "past"), b"-")}, {}, recipe="language_model")
    assert handler_of(Signature.model_validate_json(writes[FILE]).graphs).name == "graphs.py"
