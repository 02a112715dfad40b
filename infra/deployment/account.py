"""The account that a command works in, and the names that a stage has there."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from infra.stages import Client


@dataclass(frozen=True, slots=True)
class Commands:
    """Builder of shell commands for one region and, if given, one profile."""

    region: str = ""
    profile: str | None = None

    @property
    def suffix(self) -> str:
        """Return the region and profile options, each preceded by a blank, or an empty string."""
        options = (("--region", self.region), ("--profile", self.profile))
        return "".join(f" {name} {shlex.quote(value)}" for name, value in options if value)

    def aws(self, command: str) -> str:
        """Return a command of the AWS CLI, such as `logs tail NAME`."""
        return f"aws {command}{self.suffix}"

    def headrace(self, command: str) -> str:
        """Return a command of an operator, such as `destroy --stage dev`."""
        return f"headrace {command}{self.suffix}"

    def tenant(self, stage: str, tenant: str) -> str:
        """Return the command that gives a tenant another key."""
        return f"python -m infra.tenants --stage {stage} {tenant}{self.suffix}"

    def package(self, stage: str, *options: str) -> str:
        """Return the command that makes a package, which needs no credentials."""
        return " ".join(["headrace package --stage", stage, *options, *self._in_region()])

    def _in_region(self) -> list[str]:
        return ["--region", self.region] if self.region else []


@dataclass(frozen=True, slots=True)
class Account:
    """An account and a region, the calling principal, and clients by service."""

    id: str
    region: str
    partition: str
    principal: str
    client: Client
    profile: str | None = None
    """The profile that was asked for, None where the environment decides."""

    @property
    def commands(self) -> Commands:
        """Return the builder of commands for this account and region."""
        return Commands(self.region, self.profile)

    @property
    def artifacts_bucket(self) -> str:
        """Return the name of the bucket that holds the bundles of all stages in this region."""
        return f"headrace-artifacts-{self.id}-{self.region}"

    @property
    def suffix(self) -> str:
        """Return the domain suffix of AWS's hosts in this region."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    def pseudo(self) -> dict[str, str]:
        """Return CloudFormation's pseudo parameters that are known before there is a stack."""
        return {
            "AWS::AccountId": self.id,
            "AWS::Region": self.region,
            "AWS::Partition": self.partition,
            "AWS::URLSuffix": self.suffix,
        }


def identify(client: Client, profile: str | None = None) -> Account:
    """Return the account of `client`'s credentials; raise what boto3 raises."""
    answer: dict[str, Any] = client("sts").get_caller_identity()
    return Account(
        id=answer["Account"],
        region=client("cloudformation").meta.region_name,
        partition=answer["Arn"].split(":")[1],
        principal=answer["Arn"],
        client=client,
        profile=profile,
    )


def stack_name(stage: str) -> str:
    """Return the name of a stage's stack."""
    return f"headrace-{stage}"
