"""A stage of a REST API, applied as a template: its limits and its access log hold."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.cloudformation.errors import TemplateError
from localcloud.clients import Clients
from localcloud.composition import run_cloud
from tests.e2e.driving import until

GROUP = "/made/api"
FORMAT = (
    '{"id":"$context.requestId","status":"$context.status","error":"$context.error.responseType"}'
)
MOCK = {
    "x-amazon-apigateway-integration": {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {
            "default": {"statusCode": "200", "responseTemplates": {"application/json": "{}\n"}}
        },
    }
}


def made(**stage: Any) -> dict[str, Any]:
    body = {"swagger": "2.0", "paths": {"/a": {"get": MOCK}, "/b": {"get": MOCK}}}
    log = {
        "DestinationArn": {"Fn::GetAtt": ["Lines", "Arn"]},
        "Format": FORMAT,
    }
    properties = {"StageName": "api", "RestApiId": {"Ref": "Api"}, "AccessLogSetting": log, **stage}
    return {
        "Resources": {
            "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Body": body}},
            "Lines": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": GROUP}},
            "Stage": {"Type": "AWS::ApiGateway::Stage", "Properties": properties},
            "Account": {
                "Type": "AWS::ApiGateway::Account",
                "Properties": {"CloudWatchRoleArn": "arn:aws:iam::000000000000:role/logs"},
            },
        }
    }


@contextmanager
def served(folder: Path, **stage: Any) -> Iterator[tuple[httpx.Client, Clients]]:
    project = folder / "project"
    project.mkdir(exist_ok=True)
    with (
        run_cloud(folder / "data", made(**stage), {}, project, 0) as (cloud, _),
        httpx.Client(base_url=cloud.context.endpoint_url) as api,
    ):
        yield api, cloud.client


def limited(burst: int) -> list[Mapping[str, Any]]:
    setting = {"ThrottlingRateLimit": 0.0001, "ThrottlingBurstLimit": burst}
    return [{"ResourcePath": "/*", "HttpMethod": "*", **setting}]


def test_should_hold_requests_to_the_limits_and_tell_of_each(tmp_path: Path) -> None:
    with served(tmp_path, MethodSettings=limited(2)) as (api, client):
        answers = [api.get("/a") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[0].text == "{}\n"
        assert answers[2].json() == {"message": "Too Many Requests"}
        assert api.get("/b").status_code == 200
        lines = logged(client, 4)
        assert [line["status"] for line in lines] == ["200", "200", "429", "200"]
        assert lines[2]["error"] == "THROTTLED"
        assert [line["id"] for line in lines[:3]] == [
            answer.headers["x-amzn-RequestId"] for answer in answers
        ]
    with served(tmp_path, MethodSettings=limited(1)) as (api, _):
        assert [api.get("/a").status_code for _ in range(2)] == [200, 429], "the template changed"


def test_should_not_start_with_a_stage_that_it_does_not_serve(tmp_path: Path) -> None:
    caching = [{**limited(1)[0], "CachingEnabled": True}]
    with (
        pytest.raises(TemplateError, match="CachingEnabled"),
        served(tmp_path, MethodSettings=caching),
    ):
        raise AssertionError("it started")


def test_should_refuse_a_deployment_that_makes_a_stage_of_its_own(tmp_path: Path) -> None:
    template = made(MethodSettings=limited(1))
    deployment = {"RestApiId": {"Ref": "Api"}, "StageName": "Stage"}
    template["Resources"]["Made"] = {
        "Type": "AWS::ApiGateway::Deployment",
        "Properties": deployment,
    }
    with (
        pytest.raises(TemplateError, match="Made: StageName makes a stage of its own, 'Stage'"),
        run_cloud(tmp_path, template, {}, tmp_path, 0),
    ):
        raise AssertionError("it started")
    del deployment["StageName"]
    with (
        run_cloud(tmp_path, template, {}, tmp_path, 0) as (cloud, _),
        httpx.Client(base_url=cloud.context.endpoint_url) as api,
    ):
        assert api.get("/a").status_code == 200


def logged(client: Clients, count: int) -> list[dict[str, str]]:
    """Return the lines of the access log once there are `count`; they come soon after."""
    pages = client("logs").get_paginator("filter_log_events")

    def lines() -> list[dict[str, str]] | None:
        events = [event for page in pages.paginate(logGroupName=GROUP) for event in page["events"]]
        return [json.loads(event["message"]) for event in events] if len(events) >= count else None

    return until(lines, f"there are no {count} lines")
