"""Labelling end to end: three reviewers by HTTP, gold items, disagreements, rows, erasure."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from cli.main import headrace
from infra import tenants
from models.data import json_lines
from models.data.review_pairs import Pair
from tests.cloud import CloudProcess
from tests.e2e.driving import client_of, until
from tests.e2e.tenants import Tenant, make_tenant

PAIRS, GOLD, SPLIT = 12, 4, 2
"""Pairs, gold items among them, and pairs that reviewers disagree about."""


@pytest.fixture
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, "labelling")
    with closing(made.api):
        yield made


def new_key(tenant: Tenant, label: str) -> str:
    key, cloud = tenants.new_key(), tenant.cloud
    table = cloud.outputs["RecordsTableName"]
    tenants.grant_key(cloud.client("dynamodb"), table, key, tenant.name, label)
    return key


def run(tenant: Tenant, key: str, *arguments: str, code: int = 0) -> Any:
    """Run a command of `headrace labelling` and return the JSON that it prints."""
    place = ["--endpoint", tenant.cloud.endpoint_url, "--key", key]
    ended = CliRunner().invoke(headrace, ["labelling", *arguments, *place])
    assert (ended.exit_code != 0) == (code != 0), ended.output
    if code:
        return str(ended.exception)
    return json.loads(ended.stdout) if "--json" in arguments else ended.output


def items_file(folder: Path) -> Path:
    """Write pairs whose better side is a in every other one, some of them gold items."""
    lines = []
    for n in range(PAIRS + GOLD):
        good, bad = f"Good answer {n}.", f"Bad answer {n}."
        sides = {"a": good, "b": bad} if n % 2 else {"a": bad, "b": good}
        gold = {"gold": "a" if n % 2 else "b"} if n >= PAIRS else {}
        line = {"id": f"pair-{n}", "prompt": f"Question {n}?", **sides, **gold}
        lines.append({**line, "metadata": {"b": "candidate"}})
    path = folder / "items.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def review(api: httpx.Client, task_id: str, n: int, seen: list[dict[str, Any]]) -> None:
    """Label whatever there is: rightly, but two pairs in as many ways as there are reviewers."""
    while True:
        answer = api.post(f"/v1/labelling/tasks/{task_id}/claims", json={})
        assert answer.status_code == 200, answer.text
        claim = answer.json()["claim"]
        if claim is None:
            return
        seen.append(claim)
        content = claim["content"]
        good = "first" if content["first"].startswith("Good") else "second"
        label = good
        if int(content["prompt"].split()[1].rstrip("?")) < SPLIT:
            label = (good, "second" if good == "first" else "first", "tie")[n]
        place = f"/v1/labelling/tasks/{task_id}/claims/{claim['claim_id']}/label"
        answer = api.put(place, json={"label": label})
        assert answer.status_code == 200, answer.text


def test_three_reviewers_label_pairs_from_items_to_rows(tenant: Tenant, tmp_path: Path) -> None:
    guide = tmp_path / "guide.txt"
    guide.write_text("Prefer the answer that answers.")
    owner = new_key(tenant, "owner")
    made = run(
        tenant, owner, "create", "Which answers better", "--kind", "pair",
        "--guidelines", str(guide), "--items", str(items_file(tmp_path)),
        "--gold-share", "0.3", "--json",
    )  # fmt: skip
    task_id = made["task_id"]
    assert made["added"] == PAIRS + GOLD
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"prompt": "P", "a": "x", "b": "y", "gold": "c"}\n')
    assert "labels are a, b, tie" in run(tenant, owner, "add", task_id, str(bad), code=1)

    again = ("create", "Twice", "--kind", "pair", "--guidelines", str(guide), "--items", str(bad))
    assert "labels are a, b, tie" in run(tenant, owner, *again, code=1)
    assert [task["task_id"] for task in run(tenant, owner, "ls", "--json")] == [task_id]

    reviewers = [client_of(tenant.cloud, new_key(tenant, f"reviewer-{n}")) for n in range(3)]
    seen: list[list[dict[str, Any]]] = [[], [], []]
    threads = [
        threading.Thread(target=review, args=(api, task_id, n, seen[n]))
        for n, api in enumerate(reviewers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    for claims in seen:
        assert max(Counter(each["item_id"] for each in claims).values()) == 1
        assert "candidate" not in json.dumps(claims)
        assert "pair-" not in json.dumps(claims)

    progress = run(tenant, owner, "status", task_id, "--json")
    told = [progress[name] for name in ("items", "open", "decided", "undecided", "labels")]
    assert told == [PAIRS + GOLD, 0, PAIRS - SPLIT, SPLIT, 3 * PAIRS]
    assert 0.5 < progress["agreement"]["alpha"] < 1
    assert len(progress["reviewers"]) == 3
    assert {each["gold_accuracy"] for each in progress["reviewers"]} <= {1.0, None}
    positions = progress["positions"]
    assert positions["a_first"] >= PAIRS
    assert positions["b_first"] >= PAIRS, "each of three reviewers' orders of a pair differ"

    apart = run(tenant, owner, "disagreements", task_id, "--json")
    assert {each["item"]["id"] for each in apart} == {"pair-0", "pair-1"}
    for each, label in zip(apart, ("tie", "a"), strict=True):
        assert label in run(tenant, owner, "adjudicate", task_id, each["item_id"], label)

    written = run(tenant, owner, "export", task_id, str(tmp_path / "out"), "--json")
    assert written["left_out"] == {"tie": 1}
    rows = []
    for name in ("pairs-train.jsonl", "pairs-test.jsonl"):
        path = tmp_path / "out" / name
        if written["files"][name]:
            rows += json_lines.read_rows(path, Pair)
    assert len(rows) == PAIRS - 1
    agreed = [row for row in rows if int(row.prompt.split()[1].rstrip("?")) >= SPLIT]
    assert all(row.chosen.startswith("Good") for row in agreed)
    for api in reviewers:
        api.close()

    stranger = make_tenant(tenant.cloud, "labelling-other")
    with closing(stranger.api):
        assert stranger.api.get(f"/v1/labelling/tasks/{task_id}").status_code == 404
    tenant.job("DELETE", "/v1/tenant", {"tenant": tenant.name})
    until(lambda: not tenant.left(), "something of the tenant stayed", 60)


def test_a_claim_that_ran_out_is_given_to_another(tenant: Tenant) -> None:
    terms = {"name": "t", "kind": "answer", "guidelines": "g", "labels": ["right", "wrong"]}
    body = {**terms, "accepted": ["right"], "reviews": 1, "claim_minutes": 1}
    task = tenant.api.post("/v1/labelling/tasks", json=body).json()["task_id"]
    place = f"/v1/labelling/tasks/{task}"
    item = {"type": "answer", "id": "1", "prompt": "Two and two?", "answer": "Four."}
    assert tenant.api.post(f"{place}/items", json={"items": [item]}).json()["added"] == 1
    first = tenant.api.post(f"{place}/claims", json={"reviewer": "ann"}).json()["claim"]
    assert tenant.api.post(f"{place}/claims", json={"reviewer": "ben"}).json() == {"claim": None}
    _expire(tenant, task)
    other = tenant.api.post(f"{place}/claims", json={"reviewer": "ben"}).json()["claim"]
    label = {"label": "right", "reviewer": "ann"}
    late = tenant.api.put(f"{place}/claims/{first['claim_id']}/label", json=label)
    assert late.status_code == 409, late.text
    assert "given to another reviewer" in late.json()["error"]["message"]
    label["reviewer"] = "ben"
    kept = tenant.api.put(f"{place}/claims/{other['claim_id']}/label", json=label)
    assert kept.json() == {"item_id": other["item_id"], "late": False, "done": True}
    row = tenant.api.get(f"{place}/export").json()["items"][0]["row"]
    assert row == {"prompt": "Two and two?", "completion": "Four."}
    assert tenant.api.put(f"{place}/status", json={"status": "closed"}).status_code == 200
    refused = tenant.api.post(f"{place}/claims", json={"reviewer": "cho"})
    assert refused.status_code == 409
    assert tenant.api.delete(place).status_code == 204
    assert [each for each in tenant.left() if "LABEL#" in each] == []


def _expire(tenant: Tenant, task_id: str) -> None:
    """Move the expiry of every claim of a task into the past, as waiting would."""
    table, pk = tenant.cloud.outputs["RecordsTableName"], f"TENANT#{tenant.name}"
    client = tenant.cloud.client("dynamodb")
    found = client.query(
        TableName=table,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": pk}, ":sk": {"S": f"LABEL#{task_id}#OPEN#"}},
    )
    for item in found["Items"]:
        state = json.loads(item["state"]["S"])
        for each in state["assignments"]:
            each["expires_at"] = "2026-01-01T00:00:00Z"
        client.put_item(TableName=table, Item=item | {"state": {"S": json.dumps(state)}})
