"""Where the commands of an operator find a stage: its outputs, and clients that reach it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

Client = Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A stage: clients by service, and what its stack puts out."""

    client: Client
    outputs: Mapping[str, str]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add what names a stage: on AWS by its name, or a running local cloud by its file."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--stage", help="a stage on AWS, in the account of your credentials")
    where.add_argument(
        "--cloud-file",
        type=Path,
        metavar="FILE",
        help="the cloud.json of a running local cloud, such as .headrace/cloud.json",
    )


def place(stage: str | None, cloud_file: Path | None) -> Place:
    """Return the stage that the options name.

    Raises:
        ValueError: the file is not one that a local cloud wrote.
    """
    if cloud_file is not None:
        return _local(cloud_file)
    client = _clients(None)
    stack = client("cloudformation").describe_stacks(StackName=f"headrace-{stage}")["Stacks"][0]
    return Place(client, {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]})


def _local(cloud_file: Path) -> Place:
    try:
        said = json.loads(cloud_file.read_text(encoding="utf-8"))
        return Place(_clients(said["endpoint_url"]), said["outputs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{cloud_file} is no running local cloud's file: {error}") from error


def _clients(endpoint_url: str | None) -> Client:
    config = Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 3})
    local: dict[str, Any] = {}
    if endpoint_url is not None:
        local = {
            "endpoint_url": endpoint_url,
            "region_name": "us-east-1",
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
        }

    def client(service: str) -> Any:
        return boto3.client(service, config=config, **local)  # type: ignore[call-overload]

    return client
