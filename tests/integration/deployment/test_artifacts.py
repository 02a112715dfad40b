"""Uploading over the wire, to an S3 that compares checksums: that of the local cloud."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from infra.deployment.account import Account
from infra.deployment.artifacts import Artifact, Artifacts, describe_artifact
from tests.integration.s3.serving import Door, Running, running
from tests.unit.infra.deployment.aws import PRINCIPAL

SIZE = 3_000_001


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Running]:
    door = Door()
    with running(tmp_path / "s3", door) as started:
        yield started
    door.close()


@pytest.fixture
def artifacts(local: Running) -> Iterator[Artifacts]:
    client = local.client()
    account = Account("000000000000", "us-east-1", "aws", PRINCIPAL, lambda service: client)
    client.create_bucket(Bucket=account.artifacts_bucket)
    yield Artifacts(account)
    client.close()


@pytest.fixture
def large(tmp_path: Path) -> Artifact:
    file = tmp_path / "large.zip"
    file.write_bytes(hashlib.shake_256(b"seed").digest(SIZE))
    return describe_artifact(file, "functions/large.zip")


def test_what_was_uploaded_is_there_whole_and_every_byte_was_counted_once(
    artifacts: Artifacts, large: Artifact
) -> None:
    assert artifacts.home.exists()
    assert not artifacts.holds(large)
    counted: list[int] = []

    artifacts.upload(large, counted.append)

    assert sum(counted) == SIZE
    assert len(counted) > 1, "it is read piece by piece"
    assert artifacts.holds(large)


def test_bytes_that_do_not_have_the_hash_are_not_taken(
    artifacts: Artifacts, large: Artifact
) -> None:
    wrong = Artifact(large.file, large.key, hashlib.sha256(b"other").hexdigest(), large.size)

    with pytest.raises(ClientError, match="BadDigest"):
        artifacts.upload(wrong, lambda count: None)

    assert not artifacts.holds(large)


def test_what_no_record_names_any_more_goes_and_what_another_stage_uses_stays(
    artifacts: Artifacts, large: Artifact
) -> None:
    old, shared, new = (
        Artifact(large.file, f"functions/{name}.zip", large.sha256, large.size)
        for name in ("old", "shared", "new")
    )
    for each in (old, shared, new):
        artifacts.upload(each, lambda count: None)
    artifacts.record("dev", [old.key, shared.key])
    artifacts.record("prod", [shared.key])
    artifacts.record("dev", [new.key])

    assert artifacts.tidy("dev", keep=1) == 2, "the old bundle and its record"
    assert [artifacts.holds(each) for each in (old, shared, new)] == [False, True, True]
    assert artifacts.tidy("dev", keep=1) == 0

    artifacts.forget_stage("dev")
    assert [artifacts.holds(each) for each in (shared, new)] == [True, False]
    artifacts.forget_stage("prod")
    assert not artifacts.home.exists()
    artifacts.forget_stage("prod")
