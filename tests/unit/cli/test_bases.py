from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import headrace
from cli.models.bases import _listed
from cli.models.train import named_bases
from models.bases.folder import record_base
from models.bases.weights import count_parameters
from models.failures import BadData


def test_shipped_bases_should_be_listed_with_licence_and_size() -> None:
    done = CliRunner().invoke(headrace, ["models", "bases", "--json"])
    found = {each["base"]: each for each in json.loads(done.output)}
    smollm = found["smollm2-135m-instruct"]
    assert (smollm["kind"], smollm["licence"]) == ("decoder", "Apache-2.0")
    assert "dequantised from Q4_1" in smollm["notes"]
    assert found["minilm-l6-v2"]["parameters"] == 22_565_376
    shown = CliRunner().invoke(headrace, ["models", "bases"]).output
    assert "smollm2-135m-instruct: dequantised" in " ".join(shown.split())


def test_a_fetched_base_should_be_listed_as_it_can_be_named_again(tmp_path: Path) -> None:
    header = b'{"__metadata__":{},"w":{"dtype":"F32","shape":[3,4],"data_offsets":[0,48]}}'
    weights = len(header).to_bytes(8, "little") + header + bytes(48)
    (tmp_path / "model.safetensors").write_bytes(weights)
    (tmp_path / "config.json").write_text('{"model_type": "qwen3"}')
    record_base(tmp_path, name="own/er", source="hf:own/er", revision="c" * 40, licence="mit")
    found = _listed(tmp_path)
    assert (found.base, found.kind, found.parameters) == (f"hf:own/er@{'c' * 40}", "decoder", 12)
    (tmp_path / "model.safetensors").write_bytes(weights[:20])
    with pytest.raises(BadData, match="no safetensors: its header would have"):
        count_parameters(tmp_path)
    assert _listed(tmp_path).state.startswith("broken: ")


def test_a_base_should_be_the_base_model_unless_a_channel_is_named() -> None:
    given = ["hf:own/er@v=1", "policy=arn:aws:1", "s3://b/a=b/"]
    assert named_bases(given[:2]) == {"base_model": "hf:own/er@v=1", "policy": "arn:aws:1"}
    assert named_bases(given[2:]) == {"base_model": "s3://b/a=b/"}
