"""Which package a deployment takes, and how one is made for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cli.output import Output
from cli.stage.context import OperatorStage, TerminalConsole
from cli.stage.package_source import PackageOptions, resolve_package, standing_architecture
from infra.deployment.access import StageUnreachableError
from infra.deployment.stack import find_stack
from infra.packaging.manifest import Manifest
from infra.packaging.package import BuiltPackage, PackageRequest
from tests.unit.infra.deployment.aws import ACCOUNT, PRINCIPAL, REGION, Aws, fixed, refuse
from tests.unit.infra.deployment.cloudformation import CloudFormation


@dataclass
class Packer:
    """Makes nothing, and keeps what it was asked for."""

    orders: list[PackageRequest] = field(default_factory=list)

    def __call__(self, order: PackageRequest, out: Path) -> BuiltPackage:
        self.orders.append(order)
        manifest = Manifest(order.stage, order.region, order.architecture, "t.json", "", ())
        return BuiltPackage(out, manifest, ())


def account(status: str | None, **parameters: str) -> Aws:
    cloud = CloudFormation(status=status, parameters=parameters)
    caller = fixed(Account=ACCOUNT, Arn=PRINCIPAL, UserId="A")
    return Aws({**cloud.answers(), "sts.GetCallerIdentity": caller})


@pytest.mark.parametrize(
    ("status", "parameters", "expected"),
    [
        (None, {}, "arm64"),
        ("UPDATE_COMPLETE", {"Architecture": "x86_64"}, "x86_64"),
        ("UPDATE_COMPLETE", {"Architecture": "arm64"}, "arm64"),
        ("REVIEW_IN_PROGRESS", {}, "arm64"),
    ],
)
def test_a_package_should_be_made_for_the_processors_that_the_stage_has(
    status: str | None, parameters: dict[str, str], expected: str
) -> None:
    cloudformation = account(status, **parameters).client("cloudformation")
    assert standing_architecture(find_stack(cloudformation, "headrace-dev")) == expected


@pytest.mark.parametrize(("asked", "expected"), [(None, "x86_64"), ("arm64", "arm64")])
def test_a_package_should_be_made_as_the_options_say(asked: str | None, expected: str) -> None:
    client = account("UPDATE_COMPLETE", Architecture="x86_64").client
    packer, wanted = Packer(), PackageOptions(None, asked, ("EmbedText",))

    folder = resolve_package(
        OperatorStage("dev", None, None), client, wanted, TerminalConsole(Output()), packer
    )

    (order,) = packer.orders
    assert (order.stage, order.region, order.architecture) == ("dev", REGION, expected)
    assert order.snap_start == ("EmbedText",)
    assert folder.name == f"dev-{expected}"


def test_who_cannot_deploy_should_be_told_before_minutes_go_into_a_package() -> None:
    aws, packer = account(None), Packer()
    aws.answers["sts.GetCallerIdentity"] = refuse("InvalidClientTokenId", status=403)
    aws.answers["account.GetRegionOptStatus"] = fixed(RegionOptStatus="DISABLED")
    where, wanted = OperatorStage("dev", REGION, "ops"), PackageOptions(None, None, ())

    with pytest.raises(
        StageUnreachableError, match=f"The region {REGION} is disabled.*--profile ops"
    ):
        resolve_package(where, aws.client, wanted, TerminalConsole(Output()), packer)

    assert packer.orders == []


def test_a_package_that_is_there_should_be_taken_without_a_call(tmp_path: Path) -> None:
    aws, packer = Aws({}), Packer()
    wanted = PackageOptions(tmp_path, None, ())

    folder = resolve_package(
        OperatorStage("dev", None, None), aws.client, wanted, TerminalConsole(Output()), packer
    )

    assert folder == tmp_path
    assert packer.orders == []
    assert aws.calls == []
