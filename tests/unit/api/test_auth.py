from __future__ import annotations

import pytest
from chalice.app import AuthRequest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.auth import authorize, hash_key
from chalicelib.contracts.keys import ApiKey
from tests.unit.api.fakes import KEY, Api
from tests.unit.api.records import FakeRecords

ARN = "arn:aws:execute-api:us-east-1:000000000000:api/stage/GET/v1/documents"


def decide(token: str, records: FakeRecords) -> dict[str, object]:
    request = AuthRequest("TOKEN", token, ARN)
    decision = authorize(request, records)
    return decision if isinstance(decision, dict) else decision.to_dict(request)


def records() -> FakeRecords:
    return FakeRecords(keys={hash_key(KEY): ApiKey(hash_key(KEY), "acme")})


def effect(decision: dict[str, object]) -> tuple[str, list[str]]:
    statement = decision["policyDocument"]["Statement"][0]  # type: ignore[index]
    return statement["Effect"], statement["Resource"]


def test_should_let_a_known_key_in_as_its_tenant() -> None:
    decision = decide(f"Bearer {KEY}", records())
    assert decision["context"] == {"tenant": "acme", "key": hash_key(KEY)[:12]}
    assert effect(decision)[0] == "Allow"


@pytest.mark.parametrize(
    "token",
    ["", "Bearer", KEY, f"Basic {KEY}", f"Bearer {KEY}x", "Bearer hr_short", f"Bearer {KEY}\n"],
)
def test_should_refuse_by_an_explicit_policy(token: str) -> None:
    assert effect(decide(token, records())) == ("Deny", ["*"])


@given(st.text())
def test_should_refuse_whatever_is_no_key(token: str) -> None:
    assert effect(decide(token, records()))[0] == "Deny"


def test_should_refuse_a_key_from_the_moment_it_is_revoked() -> None:
    api = Api()
    assert api.call("GET", "/v1/documents").status_code == 200
    del api.records.keys[hash_key(KEY)]
    assert api.call("GET", "/v1/documents").status_code == 403


def test_should_ask_for_a_key_on_every_route_but_health() -> None:
    api = Api()
    for method, path in (
        ("GET", "/v1/documents"),
        ("POST", "/v1/documents"),
        ("GET", "/v1/documents/doc_x"),
        ("DELETE", "/v1/documents/doc_x"),
        ("POST", "/v1/search"),
        ("POST", "/v1/ask"),
    ):
        assert api.call(method, path, key=None).status_code == 401
    health = api.call("GET", "/v1/health", key=None)
    assert (health.status_code, health.json_body) == (200, {"status": "ok", "stage": "test"})
