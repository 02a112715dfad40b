from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result

from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import BedrockBackend
from cli.main import headrace
from cli.models.listing import today


class FakeBedrock:
    """Lists the models that it is given, or fails."""

    def __init__(self, ids: dict[str, str], failure: Exception | None = None) -> None:
        self.meta = SimpleNamespace(region_name="us-east-1")
        self._ids = ids
        self._failure = failure

    def list_foundation_models(self) -> dict[str, Any]:
        if self._failure is not None:
            raise self._failure
        return {
            "modelSummaries": [
                {
                    "modelId": model_id,
                    "modelLifecycle": {"status": status},
                    "inferenceTypesSupported": ["ON_DEMAND", "INFERENCE_PROFILE"],
                }
                for model_id, status in self._ids.items()
            ]
        }


def ours() -> dict[str, str]:
    """Return our models of Bedrock that are called from us-east-1 today, with their status."""
    states = {
        model.backend.model_id: model.lifecycle.status_on(today()).upper()
        for model in served_models().models.values()
        if isinstance(model.backend, BedrockBackend) and model.backend.route("us-east-1", "global")
    }
    return {model_id: state for model_id, state in states.items() if state != "ENDED"}


def run(*arguments: str, client: Callable[[str], Any] | None = None) -> Result:
    return CliRunner().invoke(headrace, ["models", *arguments], obj=client)


def checked(bedrock: FakeBedrock) -> tuple[int, Any]:
    ended = run("check", "--no-files", "--bedrock", "--json", client=lambda service: bedrock)
    return ended.exit_code, json.loads(ended.output)


def test_served_models_should_be_listed_with_their_prices() -> None:
    ended = run("ls", "--served")
    lines = {line.split()[0]: line.split() for line in ended.output.splitlines()}
    assert ended.exit_code == 0
    assert set(served_models().models) < set(lines)
    assert lines["nova-micro"][:7] == [
        "nova-micro",
        "chat",
        "1",
        "active",
        "128000",
        "0.035",
        "0.14",
    ]
    assert lines["nova-premier"][3:5] == ["ended", "2026-09-14"]
    assert "active in us-west-2" in " ".join(ended.output.split())
    as_json = json.loads(run("ls", "--served", "--json").output)
    assert [entry["name"] for entry in as_json] == list(served_models().models)


@pytest.mark.parametrize("name", ["nova-lite", "us.amazon.nova-lite-v1:0"])
def test_a_model_should_be_shown_by_name_or_id(name: str) -> None:
    shown = json.loads(run("show", name, "--json").output)
    assert (shown["name"], shown["task"], shown["context_tokens"]) == ("nova-lite", "chat", 300_000)
    unit = "bedrock.amazon.nova-lite-v1:0.input_token"
    assert shown["prices"][unit].startswith("$0.00000006 on 20")
    assert "fallbacks" in run("show", name).output


def test_a_model_of_this_machine_should_be_shown_too() -> None:
    shown = json.loads(run("show", "minilm-l6-v2-int8", "--json").output)
    assert (shown["task"], shown["dimensions"]) == ("text-embedding", 384)


def test_a_model_that_is_neither_should_be_wrong_use() -> None:
    ended = run("show", "gpt-9")
    assert ended.exit_code != 0
    assert "No model is served as 'gpt-9'" in str(ended.exception)
    here = str(ended.exception).partition("On this machine: ")[2]
    assert here.rstrip(".").split(", ") == sorted(catalogue().models)


def test_the_file_should_be_checked_by_itself() -> None:
    ended = run("check", "--no-files", "--json")
    assert ended.exit_code == 0
    said = json.loads(ended.output)
    assert (said["files"], said["bedrock"], said["region"]) == ([], [], "")
    assert {one["kind"] for one in said["served"]} == {"notice"}


def test_bedrocks_list_should_be_compared() -> None:
    code, said = checked(FakeBedrock({**ours(), "amazon.nova-next-v1:0": "ACTIVE"}))
    states = {one["model"]: one["state"] for one in said["bedrock"]}
    assert (code, said["region"], said["others_on_bedrock"]) == (
        0,
        "us-east-1",
        ["amazon.nova-next-v1:0"],
    )
    assert (states["nova-micro"], states["nova-canvas"]) == ("there", "ended")
    assert states["stable-image-core"] == "elsewhere"


def test_a_model_that_bedrock_lacks_or_calls_legacy_should_end_it_with_1() -> None:
    ids = ours()
    lacking = {model_id: ids[model_id] for model_id in ids if "nova-lite" not in model_id}
    code, said = checked(FakeBedrock(lacking))
    assert code == 1
    assert [one["model"] for one in said["bedrock"] if one["text"]] == ["nova-lite"]
    code, said = checked(FakeBedrock({**ids, "amazon.nova-pro-v1:0": "LEGACY"}))
    assert code == 1
    assert [one["text"] for one in said["bedrock"] if one["text"]] == ["served.json says active"]
    printed = run("check", "--no-files", "--bedrock", client=lambda service: FakeBedrock(lacking))
    assert "on Bedrock in us-east-1" in printed.output


def test_what_aws_refuses_should_be_said() -> None:
    denied = ClientError(
        {"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "ListFoundationModels"
    )
    bedrock = FakeBedrock({}, denied)
    ended = run("check", "--no-files", "--bedrock", client=lambda service: bedrock)
    assert ended.exit_code != 0
    assert "A permission is missing" in str(ended.exception)
