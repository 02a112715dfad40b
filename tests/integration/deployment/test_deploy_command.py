"""`headrace deploy` from the first look to the last word: CloudFormation is scripted, and the stage
that it stands for is that of the local cloud.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli.main import headrace
from infra.stages import Client
from tests.cloud import CloudProcess
from tests.e2e.driving import until
from tests.unit.infra.deployment.aws import Aws, fixed
from tests.unit.infra.deployment.cloudformation import STACK, CloudFormation, added
from tests.unit.infra.deployment.driving import QUIET
from tests.unit.infra.deployment.packages import write_package

REAL = ("dynamodb", "s3vectors")
CREATED = [
    [("A", "CREATE_IN_PROGRESS", "")],
    [("A", "CREATE_COMPLETE", ""), (STACK, "CREATE_COMPLETE", "")],
]


class Account:
    """An account whose stack puts out what the local cloud is."""

    def __init__(self, cloud: CloudProcess, endpoint_url: str, folder: Path) -> None:
        self.cloud = cloud
        self.folder = write_package(folder)
        self.formation = CloudFormation(
            changes=[added("A")],
            script=list(CREATED),
            outputs={**cloud.outputs, "EndpointURL": endpoint_url},
        )
        self.aws = Aws({**QUIET, **self.formation.answers()})

    def client(self, service: str) -> Any:
        """The local cloud's where the stage is spoken to; names are looked for on no AWS."""
        if service in REAL and self.formation.status == "CREATE_COMPLETE":
            return self.cloud.client(service)
        return self.aws.client(service)

    def deploy(self, *options: str, answer: str = "y\n") -> Result:
        client: Client = self.client
        arguments = ["deploy", "--stage", "dev", "--package", str(self.folder), *options]
        return CliRunner().invoke(headrace, arguments, input=answer, obj=client)


@pytest.fixture
def account(cloud: CloudProcess, tmp_path: Path) -> Account:
    return Account(cloud, f"{cloud.endpoint_url}/", tmp_path)


def tenants(cloud: CloudProcess) -> set[str]:
    scan = cloud.client("dynamodb").get_paginator("scan")
    pages = scan.paginate(TableName=cloud.outputs["RecordsTableName"])
    items: list[Mapping[str, Any]] = [item for page in pages for item in page["Items"]]
    return {item["pk"]["S"] for item in items if item["sk"]["S"] == "TENANT"}


def test_a_stage_is_deployed_and_tried_out_and_told_of(account: Account) -> None:
    before = tenants(account.cloud)

    ended = account.deploy()

    assert ended.exit_code == 0, ended.output
    in_order = (
        "Nothing found that stands in the way.",
        "headrace-dev in 123456789012, eu-central-1",
        "Idle, a month costs",
        "Deploy to headrace-dev? [y/N]",
        "EndpointURL",
        "GET /v1/health: ok",
        "made by Voss Hydro",
        "The stage answers, with citations.",
    )
    places = [ended.output.find(words) for words in in_order]
    assert -1 not in places, ended.output
    assert "hr_" not in ended.output, "the stage has a tenant, which needs no first key"
    until(lambda: tenants(account.cloud) == before, "the tenant of the test is still there")


def test_no_is_no(account: Account) -> None:
    ended = account.deploy(answer="n\n")

    assert ended.exit_code == 0
    assert account.formation.status is None
    assert "Smoke test" not in ended.output


class Refusing(BaseHTTPRequestHandler):
    """Takes no request for one that it understands."""

    def do_GET(self) -> None:
        self.send_error(400)

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base has it so
        """Say nothing on standard error."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """The address of a server that refuses everything."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_stage_that_does_not_answer_stays_and_is_told_with_where_to_look(
    cloud: CloudProcess, tmp_path: Path, refusing: str
) -> None:
    account = Account(cloud, refusing, tmp_path)

    ended = account.deploy("--yes")

    assert ended.exit_code != 0
    failure = str(ended.exception)
    assert failure.startswith("GET /v1/health: ")
    assert "aws logs tail /headrace/dev/functions --since 15m --region eu-central-1\n" in failure
    assert re.search(r"infra.tenants --stage dev check-\w{8} --region eu-central-1\n", failure)
    assert "headrace remove-tenant" in failure
    assert account.formation.status == "CREATE_COMPLETE"


def test_the_smoke_test_can_be_left_out(account: Account) -> None:
    ended = account.deploy("--yes", "--no-smoke-test")

    assert ended.exit_code == 0
    assert "Smoke test" not in ended.output


def test_a_look_that_stops_it_stops_it_before_anything_is_made(account: Account) -> None:
    account.aws.answers["account.GetRegionOptStatus"] = fixed(RegionOptStatus="DISABLED")

    ended = account.deploy("--yes")

    assert ended.exit_code != 0
    assert "error: The region eu-central-1 is disabled" in ended.output
    assert not {"s3.CreateBucket", "cloudformation.CreateChangeSet"} & {*account.aws.calls}
