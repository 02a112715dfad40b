"""What a job has on disk while it runs: its input from S3, and its answers until they are there.

Everything is read and written in S3 as the job's role.
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.bedrock.batch.jobs import Job
from localcloud.bedrock.batch.records import (
    Answered,
    Counts,
    InvalidRecords,
    Place,
    Record,
    answers,
    append,
    check,
    remaining,
)

_GB = 1024**3


@dataclass(frozen=True, slots=True)
class Quotas:
    """Bedrock's quotas for batch jobs. AWS raises all but the least number of records.

    https://docs.aws.amazon.com/general/latest/gr/bedrock.html
    """

    least_records: int = 100
    most_records: int = 50_000
    file_bytes: int = _GB
    job_bytes: int = 5 * _GB


class Spool:
    """The files of one job under `folder`. `s3` is a client that calls as the job's role."""

    def __init__(self, folder: Path, job: Job, s3: Any) -> None:
        """Look at what is there; nothing is fetched yet."""
        self._folder = folder / job.id
        self._job = job
        self._s3 = s3
        self._from = Place.parse(job.asked["inputDataConfig"]["s3InputDataConfig"]["s3Uri"])
        to = Place.parse(job.asked["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"])
        self._to = to.under(job.id)

    def fetch(self, quotas: Quotas) -> int:
        """Fetch and check the input; return how many records there are. Raises InvalidRecords."""
        shutil.rmtree(self._folder, ignore_errors=True)
        records = size = 0
        try:
            for key, length in self._keys():
                size += length
                if length > quotas.file_bytes or size > quotas.job_bytes:
                    raise InvalidRecords(
                        f"The input is larger than the quotas allow: {quotas.file_bytes} bytes a "
                        f"file, {quotas.job_bytes} a job."
                    )
                records += self._fetched(key)
        except (ClientError, BotoCoreError) as error:
            raise InvalidRecords(f"The input can't be read: {error}") from error
        if not quotas.least_records <= records <= quotas.most_records:
            raise InvalidRecords(
                f"The input has {records} records; a job has {quotas.least_records} to "
                f"{quotas.most_records}."
            )
        return records

    def counts(self) -> Counts:
        """Return how far the job is by what is on disk."""
        total = sum(check(path, path.name) for path in self._inputs())
        counts = Counts(total)
        for path in self._inputs():
            for answered in answers(_out(path)):
                counts = counts.plus(answered)
        return counts

    def remaining(self) -> Iterator[tuple[Path, Record]]:
        """Yield the records that have no answer yet, each with its file."""
        for path in self._inputs():
            for record in remaining(path, _out(path)):
                yield path, record

    def keep(self, path: Path, answered: Answered) -> None:
        """Write down the answer to a record of the file `path`."""
        append(_out(path), answered)

    def deliver(self, counts: Counts) -> None:
        """Put the answers and the manifest into S3. Raises ClientError or BotoCoreError."""
        for path in self._inputs():
            whole = path.with_suffix(".whole")
            with whole.open("w", encoding="utf-8") as lines:
                for answered in answers(_out(path)):
                    lines.write(json.dumps(answered.line, ensure_ascii=False) + "\n")
            name = str(path.relative_to(self._folder))
            with whole.open("rb") as body:
                self._put(f"{name}.out", body)
        self._put("manifest.json.out", json.dumps(counts.manifest()).encode())

    def remove(self) -> None:
        """Delete the files of a job that has ended."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _put(self, name: str, body: Any) -> None:
        place = self._to.under(name)
        self._s3.put_object(Bucket=place.bucket, Key=place.key, Body=body)

    def _keys(self) -> Iterator[tuple[str, int]]:
        """Yield the keys of the input, with their sizes: one file, or all those of a folder."""
        if self._from.key.endswith(".jsonl"):
            found = self._s3.head_object(Bucket=self._from.bucket, Key=self._from.key)
            yield self._from.key, found["ContentLength"]
            return
        prefix = f"{self._from.key.rstrip('/')}/".lstrip("/")
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._from.bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                if entry["Key"].endswith(".jsonl"):
                    yield entry["Key"], entry["Size"]

    def _fetched(self, key: str) -> int:
        name = key.removeprefix(self._from.key).lstrip("/") or key.rpartition("/")[2]
        path = self._folder / name
        if ".." in Path(name).parts:
            raise InvalidRecords(f"The key {key} is no name of a file.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            body = self._s3.get_object(Bucket=self._from.bucket, Key=key)["Body"]
            shutil.copyfileobj(body, file)
        return check(path, key)

    def _inputs(self) -> list[Path]:
        return sorted(self._folder.rglob("*.jsonl"))


def _out(path: Path) -> Path:
    return path.with_suffix(".answers")
