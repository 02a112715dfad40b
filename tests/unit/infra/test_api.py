"""What the template says of the API: whose metrics are whose, and what a key looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.api.auth import BEARER
from infra.tenants import new_key
from tests.architecture.templates import plain

NAMED = "headrace-${Stage}"
KEY = "hr_" + "a" * 40


def names_asked_for(resources: dict[str, Any]) -> Iterator[str]:
    """Yield the API's name as every alarm and widget has it, before the stage is put in."""
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            for dimension in resource["Properties"].get("Dimensions", ()):
                if dimension["Name"] == "ApiName":
                    yield dimension["Value"]["Fn::Sub"]
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            body = resource["Properties"]["DashboardBody"]["Fn::Sub"]
            yield from re.findall(r'"ApiName", "([^"]*)"', body)


@pytest.mark.parametrize("stage", ["dev", "acceptance-7"])
def test_a_stage_s_api_should_have_metrics_of_its_own(stage: str) -> None:
    """API Gateway keeps them by the API's name and the stage's, which is `api` for most."""
    resources = plain(stage)["Resources"]
    api = resources["RestAPI"]["Properties"]
    assert api["Name"] == api["Body"]["info"]["title"] == {"Fn::Sub": NAMED}
    asked = list(names_asked_for(resources))
    assert len(asked) == 7
    assert set(asked) == {NAMED}


@pytest.fixture(scope="module")
def pattern() -> str:
    """Return what API Gateway holds a token to."""
    schemes = plain("dev")["Resources"]["RestAPI"]["Properties"]["Body"]["securityDefinitions"]
    authorizer = schemes["authorizer"]["x-amazon-apigateway-authorizer"]
    said: str = authorizer["identityValidationExpression"]
    return said


def test_every_key_that_is_made_should_get_past_the_gateway(pattern: str) -> None:
    for _ in range(100):
        assert re.fullmatch(pattern, f"Bearer {new_key()}")


@given(
    st.one_of(
        st.text(),
        st.from_regex(BEARER),
        st.from_regex(r"(?i)\ABearer +hr_[\w-]{30,130} *\Z"),
    )
)
@example(f"Bearer {KEY}\n")
@example(f"bEARER   {KEY} ")
@example(f"Bearer HR_{'a' * 40}")
@example(f"Bearer hr_{'é' * 40}")
@example("Bearer hr_short")
def test_the_gateway_should_refuse_what_the_authorizer_takes_for_no_key(
    pattern: str, token: str
) -> None:
    assert bool(re.fullmatch(pattern, token)) == bool(re.fullmatch(BEARER, token))
