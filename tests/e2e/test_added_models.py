"""A model that an operator adds, on a whole local cloud: every caller reaches it with its key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from chalicelib.evaluation.code.problems import twelve
from cli.main import headrace
from tests.cloud import CloudProcess
from tests.e2e.driving import settled, upload
from tests.e2e.tenants import Tenant, make_tenant
from tests.e2e.test_batches import begun, fetched
from tests.model_server import ModelServer, Scene, chunk, completion, model_server

KEY = "sk-of-the-operator"
TOTALS = b"Invoice A-17\n\nTotal: 41.50\n\nDeposit: 52.00\n"
"""Two values for one field, so that neither is sure."""
FACT = "The lighthouse of Brenn was built in 1874 by Ada Kessler."
QUESTION = {"question": "Who built the lighthouse of Brenn?", "tier": "llm"}
CHAT = {"model": "tiny", "messages": [{"role": "user", "content": "Say hello"}]}


def scene(body: dict[str, Any]) -> Scene:
    """Answer as a server would: a list of models, a stream, or a completion."""
    if not body:
        return Scene(body={"data": [{"id": "tiny:1b"}]})
    asked = body["messages"][-1]["content"]
    if "Complete this Python function" in asked:
        return Scene(body=completion(f"Here it is:\n```python\n{code_for(asked)}```\nIt works."))
    if "Fields:\nf1:" in asked:
        return Scene(body=completion(json.dumps({"f1": span_of("41.50", asked)})))
    if not body.get("stream"):
        return Scene(body=completion(FACT))
    usage = {"prompt_tokens": 9, "completion_tokens": 3}
    events = b"".join([chunk("Hel"), chunk("lo"), chunk("", "stop", usage=usage)])
    return Scene(play=lambda write: write(events))


def span_of(text: str, asked: str) -> int:
    """Return the number under which a span is offered."""
    (number,) = re.findall(rf"^> ([0-9]+): {re.escape(text)}$", asked, re.MULTILINE)
    return int(number)


def code_for(asked: str) -> str:
    """Return the reference of the problem that is asked, but for three that go wrong."""
    problem = next(each for each in twelve() if f"def {each.entry_point}(" in asked)
    wrong = {
        "fibonacci": "def fibonacci(n):\n    while True: pass\n",
        "two_sum": "import os\ndef two_sum(numbers, target):\n    os._exit(0)\n",
        "reverse_words": "def reverse_words(text):\n    return open('/etc/passwd').read()\n",
    }
    return wrong.get(problem.entry_point, problem.prompt + problem.reference)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server(choose=scene) as running:
        yield running


def evaluated(tenant: Tenant, *options: str) -> dict[str, Any]:
    """Return the report on the model's code, or why it was refused."""
    place = ("--endpoint", tenant.cloud.endpoint_url, "--key", key_of(tenant))
    arguments = ["evaluate", "code", "--model", "tiny", *options, *place, "--json"]
    ran = CliRunner().invoke(headrace, arguments)
    if not ran.stdout:
        return {"refused": str(ran.exception)}
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def key_of(tenant: Tenant) -> str:
    """Return the API key that a tenant's client speaks with."""
    return tenant.api.headers["Authorization"].removeprefix("Bearer ")


def models(folder: Path, *arguments: str) -> Result:
    """Run a command about models on the cloud whose file lies in `folder`."""
    return CliRunner().invoke(headrace, ["models", *arguments, "--data-dir", str(folder)])


@pytest.fixture
def tenant(own_cloud: CloudProcess, server: ModelServer, tmp_path: Path) -> Iterator[Tenant]:
    """A tenant of a cloud to which the model was added, before any function has looked."""
    said = {"endpoint_url": own_cloud.endpoint_url, "outputs": dict(own_cloud.outputs)}
    (tmp_path / "cloud.json").write_text(json.dumps(said))
    key = tmp_path / "key"
    key.touch(mode=0o600)
    key.write_text(KEY)
    prices = ("--input-price", "1000", "--output-price", "2000")
    added = models(
        tmp_path, "add", "tiny", "--openai", server.url, "--key-file", str(key), *prices,
        "--for-questions", "--tier", "5",
    )  # fmt: skip
    assert added.exit_code == 0, added.output
    made = make_tenant(own_cloud, "added")
    yield made
    made.api.close()


def check_extractions(tenant: Tenant, server: ModelServer) -> None:
    """Have a model choose a field's span: it answers in words at first, and a retry asks again."""
    document_id = upload(tenant.api, "totals.txt", TOTALS, "totals")
    assert settled(tenant.api, document_id)["status"] == "ready"
    schema = {"type": "object", "properties": {"total": {"type": "number"}}}
    extractor = {"name": "totals", "json_schema": schema, "model": "tiny", "budget": "1"}
    assert tenant.api.post("/v1/extractors", json=extractor).status_code == 201
    body = {"extractor": "totals", "collection": "totals"}
    usual, server.choose = server.choose, lambda asked: Scene(body=completion("I do not know."))
    job_id = tenant.job("POST", "/v1/extractions", body)
    failed = tenant.ended(job_id)
    assert (failed["status"], failed["counts"]["failed"]) == ("partial", 1), failed
    (line,) = fetched(failed)["errors.jsonl"]
    assert (line["status"], line["values"]) == ("needs_review", {"total": None}), line
    assert "The model tiny did not answer about an open field" in line["reasons"][0], line
    server.choose = usual
    assert tenant.api.post(f"/v1/jobs/{job_id}/retry").status_code == 202
    job = tenant.ended(job_id)
    (line,) = fetched(job)["results.jsonl"]
    assert (job["status"], line["values"]) == ("succeeded", {"total": 41.5}), line
    shown = tenant.api.get(f"/v1/extractions/{line['extraction_id']}").json()
    (field,) = shown["shown_fields"]
    place = field["evidence"][0]
    assert TOTALS.decode()[place["start"] : place["end"]] == field["raw"] == "41.50"
    assert (field["method"], shown["choices"]["chosen"], shown["status"]) == (
        "model",
        1,
        "complete",
    )
    paid = [each for each in shown["receipt"]["lines"] if each["role"] == "span selection"]
    costs = [(each["priced_as"], Decimal(each["dollars"])) for each in paid]
    assert costs == [("tiny", Decimal("0.015"))] * 3, "an answer, its repair, and the retry"
    assert tenant.api.get("/v1/reviews").json()["items"] == []


def test_an_added_model_should_answer_whoever_asks_with_its_key_and_price(
    tenant: Tenant, server: ModelServer, tmp_path: Path
) -> None:
    api = tenant.api
    assert settled(api, upload(api, "brenn.txt", FACT.encode(), "facts"))["status"] == "ready"
    server.asked.clear()
    server.keys.clear()

    def asked() -> list[str]:
        """Return the keys of the calls since the last look."""
        found, server.keys[:] = list(server.keys), []
        return found

    bearer = [f"Bearer {KEY}"]
    whole = api.post("/v1/generations", json={"model": "tiny", "prompt": "Say hello"})
    assert whole.status_code == 200, whole.text
    assert asked() == bearer
    (line,) = whole.json()["receipt"]["lines"]
    assert (line["model"], line["priced_as"]) == ("tiny:1b", "tiny")
    assert Decimal(line["dollars"]) == Decimal("0.015"), "9 tokens in, 3 out, at $1,000 and $2,000"
    answer = api.post("/v1/ask", json={**QUESTION, "collection": "facts"})
    assert answer.status_code == 200, answer.text
    assert asked() == bearer
    with api.stream("POST", "/v1/ask/stream", json={**QUESTION, "collection": "facts"}) as response:
        assert response.status_code == 200
        response.read()
    assert asked() == bearer
    chat = api.post("/v1/chat/completions", json={**CHAT, "stream": True})
    assert ('"content":"Hel"' in chat.text, asked()) == (True, bearer), chat.text
    job = tenant.ended(
        tenant.job("POST", "/v1/generations/jobs", {"model": "tiny", "prompt": "Say hello"})
    )
    assert (job["status"], asked()) == ("succeeded", bearer), job
    lines = [json.dumps({"id": "a", "prompt": "Say hello"})]
    batch = tenant.ended(begun(tenant, lines, model="tiny"))
    assert (batch["status"], asked()) == ("succeeded", bearer), batch
    (result,) = fetched(batch)["results.jsonl"]
    assert result["generation"]["model"] == "tiny"
    target = {"kind": "model", "name": "m", "model": "tiny"}
    case = {"id": "a", "variables": {"input": "Say hello"}, "expected": "Brenn"}
    suite = {"name": "s", "targets": [target], "cases": [case], "graders": [{"type": "contains"}]}
    begun_ = api.post("/v1/evaluations", json={"suite": suite})
    assert begun_.status_code == 202, begun_.text
    tenant.ended(begun_.json()["evaluation_id"])
    assert (asked(), api.get("/v1/evaluations").json()["items"][0]["passed"]) == (bearer, True)
    judged = evaluated(tenant, "--samples", "1")
    assert judged["verdicts"] == {"passed": 9, "out_of_fuel": 1, "error": 2}, judged
    reasons = {each["problem"]: each["reason"] for each in judged["problems"]}
    assert reasons["twelve/two_sum"] == "it ended the interpreter with code 0"
    assert reasons["twelve/reverse_words"].startswith("FileNotFoundError")
    assert (judged["pass_at"][0]["value"], asked()) == (0.75, bearer * 12)
    refused = evaluated(tenant, "--budget", "0.5")
    assert "more than --budget $0.5" in refused["refused"]
    assert asked() == []
    check_extractions(tenant, server)
    assert asked() == bearer * 3
    listed = {model["id"] for model in api.get("/v1/models").json()["data"]}
    assert "tiny" in listed
    removed = models(tmp_path, "remove", "tiny")
    assert removed.exit_code == 0, removed.output
    secrets = tenant.cloud.client("secretsmanager").list_secrets()["SecretList"]
    assert secrets == []
