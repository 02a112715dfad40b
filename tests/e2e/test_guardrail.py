"""A stage with a guardrail: every call of a model is held to it, by those that may ask it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import settled, upload
from tests.e2e.tenants import Tenant, make_tenant
from tests.e2e.test_batches import begun

ASKED = {"max_tokens": 4, "temperature": 0, "allow_truncation": True}
RULE = "refused by the guardrail's rule word.customWords"


@pytest.fixture(scope="module")
def tenant(
    tmp_path_factory: pytest.TempPathFactory, cloud_options: tuple[str, ...]
) -> Iterator[Tenant]:
    """A tenant of a cloud that was given a guardrail, which was made there before."""
    data = tmp_path_factory.mktemp("guarded") / "data"
    cloud = CloudProcess(data).start()
    pii = {"piiEntitiesConfig": [{"type": "EMAIL", "action": "ANONYMIZE"}]}
    made = cloud.client("bedrock").create_guardrail(
        name="stage",
        wordPolicyConfig={"wordsConfig": [{"text": "weir"}]},
        sensitiveInformationPolicyConfig=pii,
        blockedInputMessaging="No.",
        blockedOutputsMessaging="No.",
    )
    cloud.stop()
    named = f"GuardrailId={made['guardrailId']}"
    cloud = CloudProcess(data, *cloud_options, "--parameter", named, audited=True).start()
    held = make_tenant(cloud, "guarded")
    yield held
    held.api.close()
    cloud.stop()


def operations(tenant: Tenant) -> list[str]:
    """Return what was asked of Bedrock's runtime, as it wrote it down, oldest first."""
    log = tenant.cloud.data_dir / "bedrock" / "usage.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    return [json.loads(line)["operation"] for line in lines]


def test_what_a_guardrail_blocks_should_reach_no_model_and_name_its_rule(tenant: Tenant) -> None:
    before = len(operations(tenant))
    answer = tenant.api.post("/v1/generations", json={**ASKED, "prompt": "Draw the weir."})
    assert answer.status_code == 400
    assert RULE in answer.json()["error"]["message"]
    assert set(operations(tenant)[before:]) == {"ApplyGuardrail"}


def test_what_it_masks_should_be_told_and_the_call_be_made(tenant: Tenant) -> None:
    body = {**ASKED, "prompt": "Say yes to ada@example.org."}
    answer = tenant.api.post("/v1/generations", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    rules = [one["rule"] for one in answer.json()["findings"]]
    assert rules == ["guardrail.sensitiveInformation.EMAIL"]


def test_a_streamed_answer_should_be_worded_by_no_model_that_may_not_see_the_question(
    tenant: Tenant,
) -> None:
    text = b"The weir of the lower mill was made by Voss Hydro in the year 1931."
    document_id = upload(tenant.api, "weir.txt", text, "a")
    assert settled(tenant.api, document_id)["status"] == "ready"
    before = len(operations(tenant))
    body = {"question": "Who made the weir of the lower mill?", "tier": "llm"}
    answer = tenant.api.post("/v1/ask/stream", json=body, timeout=60)
    assert answer.status_code == 200, answer.text
    assert "event: done" in answer.text
    schema = {"type": "object", "properties": {"maker": {"type": "string"}}}
    read = {"json_schema": schema, "document_ids": [document_id], "model": "nova-micro"}
    shown = tenant.api.post("/v1/extractions", json=read, timeout=60).json()
    assert (shown["status"], shown["choices"]["error"]["type"]) == ("needs_review", "InvalidInput")
    assert RULE in shown["reasons"][0]
    assert set(operations(tenant)[before:]) == {"ApplyGuardrail"}


def test_chats_jobs_and_batches_should_be_held_to_it_too(tenant: Tenant) -> None:
    chat: dict[str, Any] = {"model": "auto", "messages": [{"role": "user", "content": "The weir."}]}
    answer = tenant.api.post("/v1/chat/completions", json={**chat, "stream": True}, timeout=60)
    assert answer.status_code == 400
    assert RULE in answer.json()["error"]["message"]
    call = {"task": "embedding", "texts": ["A weir."], "model": "titan-embed-text-v2"}
    lines = [json.dumps({**call, "id": "a"}), json.dumps({"id": "b", "texts": ["A pump."]})]
    batch = begun(tenant, lines)
    for job_id, done in ((tenant.job("POST", "/v1/generations/jobs", call), 0), (batch, 1)):
        job = tenant.ended(job_id)
        assert (job["status"], job["counts"]["done"]) == ("partial", done), job
        (file,) = (one for one in job["results"] if one["name"] == "errors.jsonl")
        assert RULE in httpx.get(file["url"]).text
