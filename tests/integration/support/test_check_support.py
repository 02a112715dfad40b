"""`check_support` as it is deployed: a worker process of the local cloud, asked through boto3."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from chalicelib.contracts.functions.check_support import (
    CheckRequest,
    CheckResult,
    CheckSource,
    Doubt,
)
from tests.cloud import CloudProcess

FUNCTION = "headrace-local-check-support"
SAMPLE = Path(__file__).parents[3] / "functions" / "check_support" / "event.json"
RENT = (
    "The landlord carries out structural repairs; the tenant pays for minor repairs up to 80 euros"
    " each. Pets need the landlord's written consent."
)


def test_it_holds_the_claims_of_its_sample_to_their_source(cloud: CloudProcess) -> None:
    result = CheckResult.model_validate(invoke(cloud, SAMPLE.read_bytes()))
    assert [verdict.supported for verdict in result.verdicts] == [True, False]
    assert result.verdicts[1].reasons == (Doubt.DATE_MISSING,)
    assert result.model == "minilm-l6-v2-int8"


def test_it_says_of_each_claim_what_is_wrong_and_where_it_would_stand(cloud: CloudProcess) -> None:
    claims = (
        "The tenant pays for minor repairs.",
        "The tenant pays for minor repairs up to 90 euros.",
        "The landlord pays for minor repairs.",
        "Pets do not need the landlord's written consent.",
    )
    request = CheckRequest(claims=claims, sources=(CheckSource(id=3, text=RENT),))
    answer = invoke(cloud, request.model_dump_json().encode())
    right, number, roles, negated = CheckResult.model_validate(answer).verdicts
    assert (right.supported, right.source) == (True, 3)
    assert RENT[right.start : right.end].endswith("80 euros each.")
    assert Doubt.NUMBER_MISSING in number.reasons
    assert Doubt.RELATION_CHANGED in roles.reasons
    assert Doubt.NEGATION in negated.reasons


def test_a_request_without_sources_fails_by_its_error_s_name(cloud: CloudProcess) -> None:
    answer = invoke(cloud, b'{"claims": ["The tenant pays."], "sources": []}')
    assert answer["errorType"] == "ValidationError"
    assert "sources" in answer["errorMessage"]


def invoke(cloud: CloudProcess, payload: bytes) -> dict[str, Any]:
    answer = cloud.client("lambda").invoke(FunctionName=FUNCTION, Payload=payload)
    body: dict[str, Any] = json.loads(answer["Payload"].read())
    return body
