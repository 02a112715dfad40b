"""Throttling and access logs, as a stage of CloudFormation asks for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import Client

from localcloud.apigateway import ApiGateway, RestApi
from localcloud.apigateway.stage import ApiStage
from localcloud.errors import AwsError
from tests.unit.apigateway.swagger import SWAGGER

FORMAT = (
    '{"id":"$context.requestId","ip":"$context.identity.sourceIp","method":"$context.httpMethod",'
    '"route":"$context.resourcePath","path":"$context.path","status":"$context.status",'
    '"bytes":"$context.responseLength","latency":"$context.responseLatency",'
    '"tenant":"$context.authorizer.tenant","error":"$context.error.responseType"}'
)
LOG = {"DestinationArn": "arn:aws:logs:us-east-1:1:log-group:/api:*", "Format": FORMAT}
POLICY = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": ["*"]}


def setting(path: str, method: str, rate: float, burst: int) -> dict[str, Any]:
    return {
        "ResourcePath": path,
        "HttpMethod": method,
        "ThrottlingRateLimit": rate,
        "ThrottlingBurstLimit": burst,
    }


class World:
    """A gateway on a clock of the test's own, whose function answers its query string."""

    def __init__(self, *settings: dict[str, Any], log: Mapping[str, str] | None = None) -> None:
        self.now = 0.0
        self.lines: list[dict[str, str]] = []
        self.invoked: list[str] = []
        described = {"StageName": "api", "MethodSettings": settings, "AccessLogSetting": log}
        api = replace(RestApi.from_swagger(SWAGGER), settings=ApiStage.from_properties(described))
        gateway = ApiGateway(
            self._invoke,
            api,
            monotonic=lambda: self.now,
            log=lambda line: self.lines.append(json.loads(line)),
        )
        self.client = Client(gateway)

    def _invoke(self, function: str, payload: bytes) -> dict[str, Any]:
        self.invoked.append(function)
        self.now += 0.25
        if function == "Authorize":
            policy = {"Version": "2012-10-17", "Statement": [POLICY]}
            answer: dict[str, Any] = {
                "principalId": "p",
                "policyDocument": policy,
                "context": {"tenant": "acme"},
            }
        else:
            answer = {"statusCode": 200, "body": "hello"}
        return {"Payload": json.dumps(answer).encode()}

    def statuses(self, count: int, path: str = "/", method: str = "GET") -> list[int]:
        headers = {"Authorization": "good"}
        return [
            self.client.open(path, method=method, headers=headers).status_code for _ in range(count)
        ]


class TestThrottling:
    def test_should_take_as_many_as_the_rate_for_ever(self) -> None:
        world = World(setting("/*", "*", 4, 3))
        assert world.statuses(9) == [200] * 9, "a call takes a quarter of a second"

    def test_should_refuse_what_is_above_it_and_ask_no_function(self) -> None:
        world = World(setting("/*", "*", 0.001, 2))
        assert world.statuses(4) == [200, 200, 429, 429]
        assert len(world.invoked) == 2
        world.now += 1_000
        assert world.statuses(2) == [200, 429]

    def test_should_never_hold_more_than_the_burst(self) -> None:
        world = World(setting("/*", "*", 0.001, 2))
        world.now += 1_000_000
        assert world.statuses(3) == [200, 200, 429]

    def test_should_count_each_method_apart(self) -> None:
        world = World(setting("/*", "*", 0.001, 1))
        assert world.statuses(2) == [200, 429]
        assert world.statuses(1, method="HEAD") == [200]
        assert world.statuses(2, "/v1/things/1") == [200, 429]
        assert world.statuses(1, "/v1/things/2") == [429], "one resource, whatever its parameter"

    def test_should_let_a_method_have_a_limit_of_its_own(self) -> None:
        world = World(setting("/*", "*", 0.001, 5), setting("/~1v1~1things~1{id}", "GET", 0.001, 1))
        assert world.statuses(2, "/v1/things/1") == [200, 429]
        assert world.statuses(2) == [200, 200]

    def test_should_throttle_before_it_asks_the_authorizer(self) -> None:
        world = World(setting("/*", "*", 0.001, 1))
        world.statuses(3, "/v1/things/1")
        assert world.invoked.count("Authorize") == 1

    @pytest.mark.parametrize(
        ("wrong", "what"),
        [
            (setting("/*", "GET", 1, 1), "all, or one method"),
            (setting("/~1v1~1*", "GET", 1, 1), "all, or one method"),
            (setting("/*", "*", 1, 1) | {"CachingEnabled": True}, "CachingEnabled"),
            ({"ResourcePath": "/*", "HttpMethod": "*"}, "ThrottlingBurstLimit"),
        ],
    )
    def test_should_refuse_settings_that_it_does_not_serve(
        self, wrong: dict[str, Any], what: str
    ) -> None:
        with pytest.raises(AwsError, match=what):
            ApiStage.from_properties({"StageName": "api", "MethodSettings": [wrong]})


class TestAccessLog:
    def test_should_write_one_line_a_request(self) -> None:
        world = World(log=LOG)
        answer = world.client.get(
            "/v1/things/7?secret=1", headers={"Authorization": "good"}, buffered=True
        )
        assert world.lines == [
            {
                "id": answer.headers["x-amzn-RequestId"],
                "ip": "127.0.0.1",
                "method": "GET",
                "route": "/v1/things/{id}",
                "path": "/v1/things/7",
                "status": "200",
                "bytes": "5",
                "latency": "500",
                "tenant": "acme",
                "error": "-",
            }
        ]

    def test_should_tell_of_what_the_gateway_refused(self) -> None:
        world = World(setting("/*", "*", 0.001, 1), log=LOG)
        world.client.get("/v1/nowhere", buffered=True)
        world.client.get("/v1/things/7", buffered=True)
        world.client.get("/v1/things/7", buffered=True)
        told = [(line["status"], line["error"], line["tenant"]) for line in world.lines]
        assert told == [
            ("403", "MISSING_AUTHENTICATION_TOKEN", "-"),
            ("401", "UNAUTHORIZED", "-"),
            ("429", "THROTTLED", "-"),
        ]

    @pytest.mark.parametrize(
        ("format_", "what"),
        [
            ('{"ip":"$context.identity.sourceIp"}', "context.requestId"),
            ("$context.requestId\n$context.status", "no line"),
            ("$context.requestId $context.wafResponseCode", "wafResponseCode"),
        ],
    )
    def test_should_refuse_a_format_that_it_does_not_serve(self, format_: str, what: str) -> None:
        with pytest.raises(AwsError, match=what):
            ApiStage.from_properties({"AccessLogSetting": LOG | {"Format": format_}})

    def test_should_refuse_a_destination_that_is_no_log_group(self) -> None:
        elsewhere = "arn:aws:firehose:us-east-1:1:deliverystream/amazon-apigateway-x"
        with pytest.raises(AwsError, match="firehose"):
            ApiStage.from_properties({"AccessLogSetting": LOG | {"DestinationArn": elsewhere}})
