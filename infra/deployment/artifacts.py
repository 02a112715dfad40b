"""Bundles and templates in the artifacts bucket, from which CloudFormation reads them.

There is one bucket per region of an account, for all stages. Uploads are named by their hash. Each
deployment leaves a record of the keys it uses, `stages/{stage}/{time}-{hash}.json`, and objects
that no record names are removed: an account whose stages are all removed pays for nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment.account import Account
from infra.deployment.artifacts_bucket import ArtifactsBucket
from infra.deployment.failures import code_of
from infra.deployment.object_deletion import delete_objects

KEPT_DEPLOYMENTS = 2
"""The one that runs and the one before: CloudFormation takes the old bundles to roll back."""

_RECORDS = "stages/"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file and its key. `sha256` is in hexadecimal."""

    file: Path
    key: str
    sha256: str
    size: int


def describe_artifact(file: Path, key: str) -> Artifact:
    """Return a file as an artifact, with its hash computed."""
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return Artifact(file, key, sha256, file.stat().st_size)


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The artifacts bucket of one account and region."""

    account: Account

    @property
    def home(self) -> ArtifactsBucket:
        """Return the bucket itself."""
        return ArtifactsBucket(self.account)

    @property
    def _s3(self) -> Any:
        return self.home.s3

    @property
    def _own(self) -> dict[str, str]:
        return self.home.own

    def holds(self, wanted: Artifact) -> bool:
        """Return whether the artifact is stored whole, by S3's own checksum of it."""
        try:
            response = self._s3.head_object(**self._own, Key=wanted.key, ChecksumMode="ENABLED")
        except ClientError as error:
            if code_of(error) in ("404", "NoSuchKey"):
                return False
            raise
        return bool(response.get("ChecksumSHA256") == _checksum(wanted.sha256))

    def upload(self, wanted: Artifact, advance: Callable[[int], None]) -> None:
        """Upload an artifact with its checksum, which S3 verifies. `advance` counts bytes."""
        with _ProgressReader(wanted.file, advance) as body:
            self._s3.put_object(
                **self._own,
                Key=wanted.key,
                Body=body,
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=_checksum(wanted.sha256),
                ContentLength=wanted.size,
            )

    def address(self, key: str) -> str:
        """Return the URL that CloudFormation takes as `TemplateURL`."""
        region, suffix = self.account.region, self.account.suffix
        return f"https://{self.home.name}.s3.{region}.{suffix}/{key}"

    def record(self, stage: str, keys: Sequence[str]) -> str:
        """Record the keys that a deployment uses, before their upload; return its own key."""
        content = json.dumps({"keys": sorted(set(keys))}).encode()
        digest = hashlib.sha256(content).hexdigest()[:16]
        key = f"{_RECORDS}{stage}/{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{digest}.json"
        self._s3.put_object(**self._own, Key=key, Body=content)
        return key

    def forget(self, keys: Sequence[str]) -> None:
        """Delete objects by their keys."""
        for at in range(0, len(keys), 1000):
            delete_objects(self._s3, self._own, [{"Key": key} for key in keys[at : at + 1000]])

    def tidy(self, stage: str, keep: int) -> int:
        """Delete all but the newest `keep` records of `stage`, and objects without a record.

        Returns:
            The number of deleted objects.
        """
        ours = sorted(self._keys(f"{_RECORDS}{stage}/"))
        gone = ours[: max(0, len(ours) - keep)]
        if not gone:
            return 0
        dropped = {key for record in gone for key in self._named_by(record)}
        remaining = set(self._keys(_RECORDS)) - set(gone)
        dropped -= {key for record in remaining for key in self._named_by(record)}
        self.forget([*sorted(dropped), *gone])
        return len(dropped) + len(gone)

    def forget_stage(self, stage: str) -> None:
        """Delete all objects of `stage`, and the bucket if it is empty afterwards."""
        if not self.home.exists():
            return
        self.tidy(stage, keep=0)
        self.forget(list(self._keys(f"templates/{stage}-")))
        if next(self._keys(""), None) is None:
            self.home.remove()

    def _named_by(self, record: str) -> list[str]:
        """Return the keys that a record names; none if another deployment deleted the record."""
        try:
            body = self._s3.get_object(**self._own, Key=record)["Body"].read()
        except ClientError as error:
            if code_of(error) == "NoSuchKey":
                return []
            raise
        keys: list[str] = json.loads(body)["keys"]
        return keys

    def _keys(self, prefix: str) -> Iterator[str]:
        for page in self._s3.get_paginator("list_objects_v2").paginate(**self._own, Prefix=prefix):
            for each in page.get("Contents", []):
                yield each["Key"]


def _checksum(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


class _ProgressReader:
    """A file that reports the bytes read, each once however often it is sent."""

    def __init__(self, file: Path, advance: Callable[[int], None]) -> None:
        self._content = file.open("rb")
        self._advance = advance
        self._furthest = 0

    def __enter__(self) -> _ProgressReader:
        return self

    def __exit__(self, *ended: object) -> None:
        self._content.close()

    def read(self, size: int = -1) -> bytes:
        block = self._content.read(size)
        at = self._content.tell()
        if at > self._furthest:
            self._advance(at - self._furthest)
            self._furthest = at
        return block

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._content.seek(offset, whence)

    def tell(self) -> int:
        return self._content.tell()
