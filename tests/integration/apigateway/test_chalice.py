"""A Chalice application behind the gateway: its own entry points, in workers of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import Client

from localcloud.apigateway import ApiGateway, RestApi
from localcloud.lambdas import FunctionSpec, LambdaService
from localcloud.service import CloudContext
from localcloud.sqs import SqsService
from tests.unit.apigateway.swagger import SWAGGER, proxy

_APP = """
import os

from chalice import AuthResponse, Chalice, NotFoundError, Response

app = Chalice(app_name="made")
app.api.binary_types = ["application/octet-stream", "image/png"]


@app.authorizer(ttl_seconds=0)
def authorize(request):
    routes = ["/v1/things/*"] if request.token == "good" else []
    return AuthResponse(routes=routes, principal_id="tenant", context={"tenant": "t1"})


@app.route("/")
def root():
    return {"pid": os.getpid()}


@app.route("/v1/things/{id}", methods=["GET"], authorizer=authorize)
def thing(id):
    request = app.current_request
    if id == "none":
        raise NotFoundError("no such thing")
    return {
        "id": id,
        "tenant": request.context["authorizer"]["tenant"],
        "tags": request.query_params.getlist("tag") if request.query_params else [],
    }


@app.route(
    "/v1/things/{id}", methods=["PUT"], content_types=["application/octet-stream"],
    authorizer=authorize,
)
def store(id):
    body = app.current_request.raw_body
    return Response(body[::-1], headers={"Content-Type": "application/octet-stream"})


@app.route("/crash")
def crash():
    os._exit(1)
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    (tmp_path / "app.py").write_text(_APP)
    context = CloudContext(tmp_path / "data", "http://127.0.0.1:1")
    lambdas = LambdaService(context, SqsService(context))
    lambdas.start()
    for name, handler in (("APIHandler", "app.app"), ("Authorize", "app.authorize")):
        lambdas.register(FunctionSpec(name, handler, tmp_path, timeout_s=20, memory_mb=512))

    def invoke(name: str, payload: bytes) -> Mapping[str, Any]:
        return lambdas.invoke({"FunctionName": name, "Payload": payload})

    paths = {**SWAGGER["paths"], "/crash": {"get": proxy()}}
    api = RestApi.from_swagger({**SWAGGER, "paths": paths})
    yield Client(ApiGateway(invoke, api, timeout_s=10))
    lambdas.stop()


def test_a_view_is_reached_with_its_parameters_and_its_tenant(client: Client) -> None:
    answer = client.get("/v1/things/7?tag=a&tag=b", headers={"Authorization": "good"})
    assert answer.status_code == 200
    assert answer.json == {"id": "7", "tenant": "t1", "tags": ["a", "b"]}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["x-amzn-RequestId"]


def test_the_authorizer_of_the_application_decides(client: Client) -> None:
    assert client.get("/v1/things/7").status_code == 401
    answer = client.get("/v1/things/7", headers={"Authorization": "bad"})
    assert answer.status_code == 403
    assert answer.json == {"Message": "User is not authorized to access this resource"}


def test_an_error_of_the_application_is_its_own(client: Client) -> None:
    answer = client.get("/v1/things/none", headers={"Authorization": "good"})
    assert answer.status_code == 404
    assert answer.json == {"Code": "NotFoundError", "Message": "no such thing"}


def test_bytes_reach_a_view_and_come_back(client: Client) -> None:
    answer = client.put(
        "/v1/things/1",
        data=b"\x00\x01\xff",
        headers={
            "Authorization": "good",
            "Content-Type": "application/octet-stream",
            "Accept": "application/octet-stream",
        },
    )
    assert answer.status_code == 200
    assert answer.data == b"\xff\x01\x00"


def test_a_content_type_that_a_view_does_not_take_is_415(client: Client) -> None:
    answer = client.put(
        "/v1/things/1",
        data="text",
        headers={"Authorization": "good", "Content-Type": "text/plain"},
    )
    assert answer.status_code == 415


def test_a_crash_is_502_and_the_next_request_is_served(client: Client) -> None:
    assert client.get("/crash").status_code == 502
    assert client.get("/").status_code == 200


def test_a_worker_serves_requests_one_after_another(client: Client) -> None:
    pids = {json.loads(client.get("/").data)["pid"] for _ in range(3)}
    assert len(pids) == 1
