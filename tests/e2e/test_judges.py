"""Checks that take a model, and models that a tenant may use, on a whole local cloud."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from infra.model_access import main
from tests.cloud import CloudProcess
from tests.e2e.bedrock_wire import BedrockWire
from tests.e2e.driving import until
from tests.e2e.tenants import Tenant, make_tenant

DOCUMENT = "The turbine was made by Voss Hydro in 2011. It is rated at 410 kilowatts."
ASKED = {"max_tokens": 48, "temperature": 0, "allow_truncation": True}


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, f"judged-{secrets.token_hex(3)}")
    yield made
    made.api.close()


def test_an_answer_should_be_held_to_the_documents_of_its_call(tenant: Tenant) -> None:
    body = {
        "prompt": "Repeat the first sentence of the document and nothing else.",
        "documents": [DOCUMENT],
        "checks": ["supported"],
    }
    answer = tenant.api.post("/v1/generations", json={**ASKED, **body}, timeout=120)
    told = answer.json()
    if answer.status_code == 200:
        checks = [one for one in told["receipt"]["lines"] if one["role"] == "support check"]
        assert checks
        assert all(one["priced_as"] == "lambda" and Decimal(one["dollars"]) > 0 for one in checks)
    else:
        assert (answer.status_code, told["error"]["type"]) == (502, "ModelFailure"), told
        assert "supported: " in told["error"]["message"]


def test_a_check_that_has_nothing_to_go_by_should_be_refused(tenant: Tenant) -> None:
    body = {"prompt": "Who made it?", "checks": ["supported"]}
    answer = tenant.api.post("/v1/generations", json={**ASKED, **body})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "checks"


@pytest.mark.timeout(300)
def test_a_model_should_be_asked_about_its_own_answer_and_both_be_paid_for(
    tenant: Tenant, wire: BedrockWire
) -> None:
    body = {"prompt": "Say: yes", "checks": ["self-check"], "model": "claude-haiku-4-5"}
    request = {**ASKED, **body, "fallback": False}

    def both() -> tuple[httpx.Response, list[dict[str, Any]]] | None:
        wire.forget()
        answer = tenant.api.post("/v1/generations", json=request, timeout=120)
        calls = wire.answered()
        return (answer, calls) if len(calls) == 2 else None

    answer, (asked, checked) = until(both, "the model was not asked in time, and then again", 120)
    assert asked["model"] == checked["model"]
    told = answer.json()
    if answer.status_code == 200:
        lines = told["receipt"]["lines"]
        assert [line["role"] for line in lines] == ["chat", "self-check"]
        for line, call in zip(lines, (asked, checked), strict=True):
            assert (line["tokens_in"], line["tokens_out"]) == (
                call["tokens_in"],
                call["tokens_out"],
            )
    else:
        assert "does not stand by it" in told["error"]["message"], told
    usage = tenant.api.get("/v1/usage").json()["total"]
    assert usage["tokens_out"] >= asked["tokens_out"] + checked["tokens_out"]


def test_a_tenant_should_be_held_to_the_models_that_an_operator_names(
    cloud: CloudProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    held = make_tenant(cloud, f"held-{secrets.token_hex(3)}")
    file = tmp_path_factory.mktemp("operator") / "cloud.json"
    file.write_text(
        json.dumps({"endpoint_url": cloud.endpoint_url, "outputs": dict(cloud.outputs)})
    )
    said = ["--cloud-file", str(file), held.name]
    assert main([*said, "titan-embed-text-v2"]) == 0
    call = {"task": "embedding", "texts": ["A pump."]}
    with held.api:
        listed = held.api.get("/v1/models").json()["data"]
        assert [one["id"] for one in listed] == ["auto", "titan-embed-text-v2"]
        refused = held.api.post("/v1/generations", json={**call, "model": "minilm-l6-v2"})
        assert refused.status_code == 422
        rule = "not among the models that this tenant may use"
        assert rule in refused.json()["error"]["message"]
        taken = held.api.post("/v1/generations", json=call, timeout=60)
        assert taken.json()["model"] == "titan-embed-text-v2", taken.text
        job = held.ended(
            held.job("POST", "/v1/generations/jobs", {**call, "model": "minilm-l6-v2"})
        )
        assert job["status"] == "partial", job
        assert main([*said, "--all"]) == 0
        again = held.ended(held.job("POST", f"/v1/jobs/{job['job_id']}/retry"))
        assert again["status"] == "succeeded", again
        assert next(line["model"] for line in again["receipt"]["lines"]) == "minilm-l6-v2-int8"
