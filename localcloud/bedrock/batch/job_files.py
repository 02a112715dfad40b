"""The files of a batch job: input and output records as JSON Lines, and the manifest.

While a job runs its input and its outputs lie in a folder of the job. S3 is read and written with
the permissions of the job's role.
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.bedrock.batch.jobs import InvocationJob

BatchRecord = Mapping[str, Any]


class InvalidRecords(Exception):  # noqa: N818 - named for what it tells
    """Raised for a job's input that is not valid; the text says where and why."""


@dataclass(frozen=True, slots=True)
class JobFileLocation:
    """A bucket and a key in S3."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> JobFileLocation:
        """Parse `s3://bucket/key`."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return cls(bucket, key)

    def child(self, name: str) -> JobFileLocation:
        """Return the location of `name` below this one."""
        return JobFileLocation(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))


def count_records(path: Path, name: str) -> int:
    """Return the number of records in a file. Raises InvalidRecords if one is malformed."""
    records = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                _parse_record(line, f"line {number} of {name}")
                records += 1
    return records


def _parse_record(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidRecords(f"{where} is not JSON.") from error
    if not isinstance(record, dict) or not isinstance(record.get("modelInput"), dict):
        raise InvalidRecords(f"{where} must be an object with a modelInput that is an object.")
    unknown = sorted(set(record) - {"recordId", "modelInput"})
    if unknown:
        raise InvalidRecords(
            f"{where} has the key {unknown[0]}; a record has recordId and modelInput only."
        )
    return record


def remaining_records(path: Path, out: Path) -> Iterator[BatchRecord]:
    """Yield the records of `path` that have no output in `out` yet, each with a record id.

    An output that was written partially before a kill is cut off first.
    """
    done = _count_whole_lines(out)
    with path.open("rb") as lines:
        records = (line for line in lines if line.strip())
        for number, line in enumerate(records):
            if number >= done:
                record = _parse_record(line, f"record {number + 1}")
                yield {"recordId": f"REC{number + 1:08d}", **record}


def _count_whole_lines(out: Path) -> int:
    if not out.exists():
        return 0
    whole, lines = 0, 0
    with out.open("rb+") as written:
        for line in written:
            if line.endswith(b"\n"):
                whole += len(line)
                lines += 1
        written.truncate(whole)
    return lines


@dataclass(frozen=True, slots=True)
class RecordCounts:
    """The counts of a job's manifest."""

    total: int = 0
    succeeded: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def manifest(self) -> dict[str, int]:
        """Return the content of `manifest.json.out`."""
        return {
            "totalRecordCount": self.total,
            "processedRecordCount": self.succeeded + self.failed,
            "successRecordCount": self.succeeded,
            "errorRecordCount": self.failed,
            "inputTokenCount": self.tokens_in,
            "outputTokenCount": self.tokens_out,
        }

    def add(self, output: RecordOutput) -> RecordCounts:
        """Return the counts with one more output."""
        failed = "error" in output.line
        return RecordCounts(
            self.total,
            self.succeeded + (not failed),
            self.failed + failed,
            self.tokens_in + output.tokens_in,
            self.tokens_out + output.tokens_out,
        )


@dataclass(frozen=True, slots=True)
class RecordOutput:
    """An output record and its token counts."""

    line: BatchRecord
    tokens_in: int = 0
    tokens_out: int = 0


def append_output(out: Path, output: RecordOutput) -> None:
    """Append an output; after a kill it is either whole or an incomplete last line."""
    entry = [output.line, output.tokens_in, output.tokens_out]
    with out.open("ab") as written:
        written.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")


def read_outputs(out: Path) -> Iterator[RecordOutput]:
    """Yield every output in the file."""
    if out.exists():
        with out.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield RecordOutput(*json.loads(line))


_GB = 1024**3


@dataclass(frozen=True, slots=True)
class BatchQuotas:
    """Bedrock's quotas for batch jobs. All but the minimum number of records can be raised.

    https://docs.aws.amazon.com/general/latest/gr/bedrock.html
    """

    min_records: int = 100
    max_records: int = 50_000
    file_bytes: int = _GB
    job_bytes: int = 5 * _GB


class JobFiles:
    """The files of one job below `folder`. `s3` is a client with the job's role."""

    def __init__(self, folder: Path, job: InvocationJob, s3: Any) -> None:
        """Use the files that exist; nothing is fetched yet."""
        self._folder = folder / job.id
        self._job = job
        self._s3 = s3
        self._input = JobFileLocation.parse(
            job.request["inputDataConfig"]["s3InputDataConfig"]["s3Uri"]
        )
        output = JobFileLocation.parse(
            job.request["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"]
        )
        self._output = output.child(job.id)

    def fetch(self, quotas: BatchQuotas) -> int:
        """Fetch and check the input; return its number of records. Raises InvalidRecords."""
        shutil.rmtree(self._folder, ignore_errors=True)
        records = size = 0
        try:
            for key, length in self._input_keys():
                size += length
                if length > quotas.file_bytes or size > quotas.job_bytes:
                    raise InvalidRecords(
                        f"The input is larger than the quotas allow: {quotas.file_bytes} bytes a "
                        f"file, {quotas.job_bytes} a job."
                    )
                records += self._fetch_file(key)
        except (ClientError, BotoCoreError) as error:
            raise InvalidRecords(f"The input can't be read: {error}") from error
        if not quotas.min_records <= records <= quotas.max_records:
            raise InvalidRecords(
                f"The input has {records} records; a job has {quotas.min_records} to "
                f"{quotas.max_records}."
            )
        return records

    def counts(self) -> RecordCounts:
        """Return the counts of the files on disk."""
        total = sum(count_records(path, path.name) for path in self._inputs())
        counts = RecordCounts(total)
        for path in self._inputs():
            for output in read_outputs(_output_path(path)):
                counts = counts.add(output)
        return counts

    def remaining_records(self) -> Iterator[tuple[Path, BatchRecord]]:
        """Yield the records that have no output yet, each with its input file."""
        for path in self._inputs():
            for record in remaining_records(path, _output_path(path)):
                yield path, record

    def append_output(self, path: Path, output: RecordOutput) -> None:
        """Append the output of a record of the input file `path`."""
        append_output(_output_path(path), output)

    def upload_outputs(self, counts: RecordCounts) -> None:
        """Upload the outputs and the manifest. Raises ClientError or BotoCoreError."""
        for path in self._inputs():
            whole = path.with_suffix(".whole")
            with whole.open("w", encoding="utf-8") as lines:
                for output in read_outputs(_output_path(path)):
                    lines.write(json.dumps(output.line, ensure_ascii=False) + "\n")
            name = str(path.relative_to(self._folder))
            with whole.open("rb") as body:
                self._put(f"{name}.out", body)
        self._put("manifest.json.out", json.dumps(counts.manifest()).encode())

    def remove(self) -> None:
        """Delete the job's folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _put(self, name: str, body: Any) -> None:
        location = self._output.child(name)
        self._s3.put_object(Bucket=location.bucket, Key=location.key, Body=body)

    def _input_keys(self) -> Iterator[tuple[str, int]]:
        """Yield the keys of the input with their sizes: one file, or all files of a folder."""
        if self._input.key.endswith(".jsonl"):
            head = self._s3.head_object(Bucket=self._input.bucket, Key=self._input.key)
            yield self._input.key, head["ContentLength"]
            return
        prefix = f"{self._input.key.rstrip('/')}/".lstrip("/")
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._input.bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                if entry["Key"].endswith(".jsonl"):
                    yield entry["Key"], entry["Size"]

    def _fetch_file(self, key: str) -> int:
        name = key.removeprefix(self._input.key).lstrip("/") or key.rpartition("/")[2]
        path = self._folder / name
        if ".." in Path(name).parts:
            raise InvalidRecords(f"The key {key} is not a valid file name.")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            body = self._s3.get_object(Bucket=self._input.bucket, Key=key)["Body"]
            shutil.copyfileobj(body, file)
        return count_records(path, key)

    def _inputs(self) -> list[Path]:
        return sorted(self._folder.rglob("*.jsonl"))


def _output_path(path: Path) -> Path:
    return path.with_suffix(".answers")
