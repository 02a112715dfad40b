"""Connection of an operator's commands to a stage: its outputs, and clients."""

from __future__ import annotations

import argparse
import functools
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

Client = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class StageConnection:
    """A stage: clients by service, and the outputs of its stack."""

    client: Client
    outputs: Mapping[str, str]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that select a stage: by name on AWS, or the file of a local cloud."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--stage", help="a stage on AWS, in the account of your credentials")
    where.add_argument(
        "--cloud-file",
        type=Path,
        metavar="FILE",
        help="the cloud.json of a running local cloud, such as .headrace/cloud.json",
    )
    parser.add_argument("--region", help="AWS region; default: of the environment or profile")
    parser.add_argument("--profile", help="profile of the credentials; default: as the AWS CLI has")


def connect(
    stage: str | None,
    cloud_file: Path | None,
    region: str | None = None,
    profile: str | None = None,
) -> StageConnection:
    """Return the stage that the options select.

    Raises:
        ValueError: the file was not written by a local cloud.
    """
    if cloud_file is not None:
        return _connect_local(cloud_file)
    client = client_factory(region, profile)
    stack = client("cloudformation").describe_stacks(StackName=f"headrace-{stage}")["Stacks"][0]
    return StageConnection(
        client, {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    )


def _connect_local(cloud_file: Path) -> StageConnection:
    try:
        description = json.loads(cloud_file.read_text(encoding="utf-8"))
        return StageConnection(_local_clients(description["endpoint_url"]), description["outputs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{cloud_file} is no running local cloud's file: {error}") from error


def client_factory(region: str | None = None, profile: str | None = None) -> Client:
    """Return a factory of AWS clients, by service, with bounded timeouts and retries.

    The region is the one given, else `AWS_REGION`, which boto3 does not read and the AWS CLI puts
    first, else what boto3 finds. Raises what boto3 raises for a profile that does not exist.
    https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
    """
    chosen = region or os.environ.get("AWS_REGION") or None
    return _factory_of(boto3.Session(region_name=chosen, profile_name=profile), {})


def _local_clients(endpoint_url: str) -> Client:
    return _factory_of(_local_session(), {"endpoint_url": endpoint_url})


@functools.cache
def _local_session() -> boto3.Session:
    """Return one session for all connections: each would parse the services' descriptions anew."""
    return boto3.Session(
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106 - what the local cloud takes from anyone
    )


def _factory_of(session: boto3.Session, where: Mapping[str, str]) -> Client:
    retries: Any = {"mode": "standard", "total_max_attempts": 5}
    config = Config(connect_timeout=5, read_timeout=60, retries=retries)

    @functools.cache
    def client(service: str) -> Any:
        return session.client(service, config=config, **where)  # type: ignore[call-overload]

    return client
