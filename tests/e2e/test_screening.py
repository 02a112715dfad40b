"""Screens on a whole local cloud: on demand, and before and after a model, by a tenant's policy."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.screening import main
from tests.cloud import PROJECT, CloudProcess
from tests.e2e.bedrock_wire import BedrockWire
from tests.e2e.driving import api_of, settled, upload
from tests.e2e.tenants import Tenant, make_tenant

THREAT = "If you come here again, I will kill you."
ASKED = {"max_tokens": 4, "temperature": 0}
SAMPLE = json.loads((PROJECT / "functions" / "screen_image" / "event.json").read_text())
URL = "/v1/generations/batches"


def picture(data: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}


NO_PICTURE = picture(base64.b64encode(b"no picture").decode())


@pytest.fixture(scope="module")
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    with api_of(cloud) as client:
        yield client


@pytest.fixture(scope="module")
def strict(cloud: CloudProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A tenant whose calls an operator has screened."""
    made = make_tenant(cloud, f"strict-{secrets.token_hex(3)}")
    file = tmp_path_factory.mktemp("operator") / "cloud.json"
    file.write_text(
        json.dumps({"endpoint_url": cloud.endpoint_url, "outputs": dict(cloud.outputs)})
    )
    said = ["--policy", "refuse", "--set", "personal-data:input=mask", made.name]
    assert main(["--cloud-file", str(file), *said]) == 0
    yield made
    made.api.close()


def test_should_find_and_mask_on_demand(api: httpx.Client) -> None:
    body = {"texts": ["Write to ada@example.org."], "mask": ["personal-data"]}
    answer = api.post("/v1/screenings", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["texts"] == ["Write to [EMAIL]."]


def test_should_moderate_texts_and_pictures(api: httpx.Client) -> None:
    told = api.post("/v1/moderations", json={"input": ["A pump.", THREAT]}).json()
    assert [one["flagged"] for one in told["results"]] == [False, True]
    seen = api.post("/v1/moderations", json={"input": [picture(SAMPLE["data"])]})
    assert seen.status_code == 200, seen.text
    (result,) = seen.json()["results"]
    assert (result["flagged"], result["category_applied_input_types"]["sexual"]) == (
        False,
        ["image"],
    )
    refused = api.post("/v1/moderations", json={"input": [NO_PICTURE]})
    assert (refused.status_code, refused.json()["error"]["type"]) == (400, "invalid_request_error")


def test_should_ask_no_model_what_is_refused(strict: Tenant, wire: BedrockWire) -> None:
    answer = strict.api.post("/v1/generations", json={"prompt": THREAT, **ASKED})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["field"]) == (
        400,
        "InvalidInput",
        "messages.0",
    )
    assert "screening rule threat.intent" in error["message"]
    assert wire.calls() == []


def test_should_mask_before_a_model_reads_and_tell_it(strict: Tenant) -> None:
    body = {"prompt": "Say: ada@example.org", "allow_truncation": True, **ASKED}
    answer = strict.api.post("/v1/generations", json=body)
    assert answer.status_code == 200, answer.text
    assert [one["rule"] for one in answer.json()["findings"]] == ["personal-data.email"]


def test_should_screen_what_a_model_reads_of_a_document(strict: Tenant, wire: BedrockWire) -> None:
    text = b"Invoice A-17 for ada@example.org\n\nTotal: 41.50\n\nInvoice A-18\n\nTotal: 52.00\n"
    document_id = upload(strict.api, "totals.txt", text, "totals")
    assert settled(strict.api, document_id)["status"] == "ready"
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    read = {"json_schema": schema, "document_ids": [document_id], "model": "ministral-3-3b"}
    wire.forget()
    # A laptop's model takes longer than a request waits for one.
    strict.ended(strict.job("POST", "/v1/extractions", {**read, "background": True}))
    (found,) = strict.api.get(f"/v1/extractions?document_id={document_id}").json()["items"]
    shown = strict.api.get(f"/v1/extractions/{found['extraction_id']}").json()
    choices = shown["choices"]
    assert (choices["asked"], choices["left"], choices["error"]) == (1, 0, None), choices["error"]
    (call,) = wire.answered()
    assert call["operation"] == "Converse"
    assert shown["values"]["total"] in (None, 41.5, 52), "a small model chooses, and makes up none"
    paid = [each for each in shown["receipt"]["lines"] if each["role"] == "span selection"]
    assert [each["priced_as"] for each in paid] == ["mistral.ministral-3-3b-instruct"]


def test_should_let_a_tenant_without_a_policy_pass_and_check_what_it_wants(
    api: httpx.Client,
) -> None:
    body = {"prompt": "Say: yes", "allow_truncation": True, "checks": ["moderated"], **ASKED}
    answer = api.post("/v1/generations", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["findings"] == []


def test_should_hold_openai_s_clients_to_the_policy(strict: Tenant, wire: BedrockWire) -> None:
    for content, words in ((THREAT, "threat.intent"), ([NO_PICTURE], "no picture")):
        messages = [{"role": "user", "content": content}]
        body = {"model": "nova-lite", "messages": messages, **ASKED}
        answer = strict.api.post("/v1/chat/completions", json=body)
        assert answer.status_code == 400, answer.text
        assert words in answer.json()["error"]["message"]
    assert wire.calls() == []


def test_should_hold_every_item_of_a_batch_to_the_policy(strict: Tenant) -> None:
    contents: dict[str, Any] = {"fine": "Say: yes", "harm": THREAT, "picture": [NO_PICTURE]}
    lines = [
        {
            "custom_id": name,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": "nova-lite",
                "messages": [{"role": "user", "content": content}],
                **ASKED,
            },
        }
        for name, content in contents.items()
    ]
    file = "".join(json.dumps(line) + "\n" for line in lines).encode()
    announced = strict.api.post(f"{URL}/uploads", json={"bytes": len(file)}).json()
    form = announced["upload"]
    sent = httpx.post(form["url"], data=form["fields"], files={"file": ("input.jsonl", file)})
    assert sent.status_code == 204, sent.text
    job_id = strict.job("POST", URL, {"batch_id": announced["batch_id"]})
    job = strict.ended(job_id)
    results = {each["name"]: httpx.get(each["url"]).text for each in job["results"]}
    failed = {
        line["custom_id"]: line for line in map(json.loads, results["errors.jsonl"].splitlines())
    }
    assert {"harm", "picture"} <= set(failed)
    assert "threat.intent" in json.dumps(failed["harm"])
    assert "no picture" in json.dumps(failed["picture"])
