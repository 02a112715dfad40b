"""The API held to its own document: every operation, with valid and with broken requests."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx
import pytest

from tests.cloud import PROJECT, CloudProcess
from tests.e2e.driving import until
from tests.integration.api.conftest import SAMPLES, Tenant
from tests.soak import WHOLE

DOCUMENT = PROJECT / "chalicelib" / "api" / "openapi.json"
SETTINGS = Path(__file__).with_name("schemathesis.toml")
NOT_AT_ONCE = "ensure_resource_availability"
"""A document that is announced is there once its file is."""
MANY_FIELDS = 30
"""Operations with more fields have most of all corners, which only a soak tries."""
ONE_IN = 8
"""Of the other operations, one in so many has its corners tried outside a soak."""
FEW_EXAMPLES = 1
"""Requests of each kind to each operation outside a soak, which makes five."""


@pytest.fixture
def tenant(tenant: Tenant) -> Iterator[Tenant]:
    """A tenant with a document, whose webhooks and schedules are removed: these would go on."""
    yield tenant
    headers = {"Authorization": f"Bearer {tenant.key}"}
    with httpx.Client(base_url=tenant.cloud.endpoint_url, headers=headers) as api:
        for webhook in api.get("/v1/webhooks").json()["items"]:
            assert api.delete(f"/v1/webhooks/{webhook['webhook_id']}").status_code == 204
        for schedule in api.get("/v1/schedules").json()["items"]:
            assert api.delete(f"/v1/schedules/{schedule['name']}").status_code == 204


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_should_answer_nothing_that_the_document_does_not_say(
    tenant: Tenant, tmp_path: Path
) -> None:
    fewer = () if WHOLE else ("--max-examples", str(FEW_EXAMPLES))
    said = _tried(tenant, tmp_path, "Examples", "Fuzzing", "Stateful", options=fewer)
    assert f"Tested: {len(_operations())}" in said
    covered = re.search(r"API Links:\s+(\d+) covered", said)
    assert covered is not None
    assert int(covered[1]) > 0, "an answer leads to the next request"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_should_answer_the_corners_of_every_schema_as_the_document_says(
    tenant: Tenant, tmp_path: Path
) -> None:
    disabled = _without_corners()
    fields = _fields()
    few = {name for name, count in fields.items() if count <= MANY_FIELDS}
    possible = sorted(few - {*disabled})
    chosen = random.Random(7).sample(possible, len(possible) // ONE_IN)
    left_out = [] if WHOLE else sorted({*_operations()} - {*chosen, *disabled})
    options = [part for name in left_out for part in ("--exclude-operation-id", name)]
    said = _tried(tenant, tmp_path, "Coverage", options=options)
    assert f"Tested: {len(_operations()) - len(left_out) - len(disabled)}" in said


def _tried(tenant: Tenant, folder: Path, *phases: str, options: Sequence[str] = ()) -> str:
    """Try the API out in these phases; return what the tool says, which found nothing wrong.

    Every check of the tool is made but one: `--checks all` would also hold answers to seconds.
    """
    tenant.put(SAMPLES / "operating-handbook.md", collection="station")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(SETTINGS), "run"),
            *(str(DOCUMENT), "--url", tenant.cloud.endpoint_url),
            *("--header", f"Authorization: Bearer {tenant.key}"),
            *("--phases", ",".join(phases).lower()),
            *("--exclude-checks", NOT_AT_ONCE),
            *("--continue-on-failure", "--no-color", "--warnings", "off"),
            *options,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=800,
    )
    code, said = done.returncode, done.stdout + done.stderr
    assert code == 0, _failures(said)
    assert [phase for phase in phases if not re.search(rf"✅\s+{phase}", said)] == []
    return said


def _failures(said: str) -> str:
    """Return what was found, without the requests, some of which are megabytes long."""
    found = re.search(r"=+ (ERRORS|FAILURES) =+", said)
    lines = said[found.start() if found else 0 :].splitlines()
    return "\n".join(line[:300] for line in lines[:400])


def _operations() -> list[str]:
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return [
        str(operation["operationId"])
        for methods in document["paths"].values()
        for operation in methods.values()
    ]


def _fields() -> dict[str, int]:
    """Return how many parameters and fields of its body each operation takes."""
    document = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    schemas = document["components"]["schemas"]

    def count(part: object, within: tuple[str, ...] = ()) -> int:
        if isinstance(part, list):
            return sum(count(each, within) for each in part)
        if not isinstance(part, dict):
            return 0
        if "$ref" in part:
            name = part["$ref"].rpartition("/")[2]
            return 0 if name in within else count(schemas[name], (*within, name))
        own = len(part.get("properties", {}))
        return own + sum(count(each, within) for each in part.values())

    return {
        operation["operationId"]: len(operation.get("parameters", ()))
        + count(operation.get("requestBody", {}).get("content", {}))
        for methods in document["paths"].values()
        for operation in methods.values()
    }


def _without_corners() -> list[str]:
    """Return the operations whose corners the settings leave out."""
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    return [
        name
        for told in settings["operations"]
        if not told.get("phases", {}).get("coverage", {}).get("enabled", True)
        for name in told["include-operation-id"]
    ]


class TestReference:
    def test_should_serve_the_document_as_it_is_without_a_key(self, cloud: CloudProcess) -> None:
        answer = httpx.get(f"{cloud.endpoint_url}/v1/openapi.json")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.content == DOCUMENT.read_bytes()

    @pytest.mark.parametrize("path", ["/v1/openapi.json", "/v1/docs"])
    def test_should_send_it_once_to_who_keeps_it(self, cloud: CloudProcess, path: str) -> None:
        url = f"{cloud.endpoint_url}{path}"
        first = httpx.get(url)
        assert first.headers["cache-control"] == "public, max-age=300"
        tag = first.headers["etag"]
        again = httpx.get(url, headers={"If-None-Match": f'"other", W/{tag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert httpx.get(url, headers={"If-None-Match": '"other"'}).status_code == 200

    def test_should_let_the_page_load_nothing_from_elsewhere(self, cloud: CloudProcess) -> None:
        answer = httpx.get(f"{cloud.endpoint_url}/v1/docs")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


class TestGateway:
    def test_should_answer_a_preflight_request_without_a_key(self, cloud: CloudProcess) -> None:
        answer = httpx.options(
            f"{cloud.endpoint_url}/v1/search",
            headers={"Origin": "https://a.example", "Access-Control-Request-Method": "POST"},
        )
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "POST" in answer.headers["access-control-allow-methods"]
        allowed = answer.headers["access-control-allow-headers"].split(",")
        assert {"Authorization", "Content-Type", "Idempotency-Key"} <= set(allowed)

    def test_should_let_no_page_read_an_answer_unless_it_is_told_to(self, tenant: Tenant) -> None:
        headers = {"Origin": "https://a.example", "Authorization": f"Bearer {tenant.key}"}
        answer = httpx.get(f"{tenant.cloud.endpoint_url}/v1/documents", headers=headers)
        assert answer.status_code == 200
        assert "access-control-allow-origin" not in answer.headers

    @pytest.mark.parametrize("path", ["/v1/search", "/v1/ask", "/v1/ask/stream", "/v1/feedback"])
    def test_should_refuse_a_body_that_is_no_object_in_the_one_body(
        self, tenant: Tenant, path: str
    ) -> None:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {tenant.key}"}
        url = f"{tenant.cloud.endpoint_url}{path}"
        answer = httpx.post(url, content=b'["query"', headers=headers)
        error = answer.json()["error"]
        assert (answer.status_code, error["type"], error["field"]) == (400, "InvalidInput", "body")
        assert answer.headers["x-amzn-ErrorType"] == "BadRequestException", "the gateway's own"

    def test_should_log_who_asked_and_not_what(self, tenant: Tenant) -> None:
        headers = {"Authorization": f"Bearer {tenant.key}"}
        url = f"{tenant.cloud.endpoint_url}/v1/documents?collection=hidden-words"
        answer = httpx.get(url, headers=headers)
        line = _logged(tenant.cloud, answer.headers["x-amzn-RequestId"])
        told = json.loads(line)
        assert told["tenant"] == tenant.name
        assert re.fullmatch("[0-9a-f]{12}", told["key"])
        assert (told["method"], told["path"], told["status"]) == ("GET", "/v1/documents", "200")
        assert "hidden-words" not in line


def _logged(cloud: CloudProcess, request_id: str) -> str:
    """Return the line that the access log has of a request, which comes soon after its answer."""
    pages = cloud.client("logs").get_paginator("filter_log_events")

    def line() -> str | None:
        found = pages.paginate(logGroupName="/headrace/local/api-access")
        messages = (str(event["message"]) for page in found for event in page["events"])
        return next((message for message in messages if request_id in message), None)

    return until(line, f"{request_id} is in no log")
