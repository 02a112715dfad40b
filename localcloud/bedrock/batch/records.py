"""The files of a job: records in, answers out, a line each, and the manifest. Pure but for disk.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html
https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]


class InvalidRecords(Exception):  # noqa: N818 - named for what it tells
    """A file that is no file of records; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in S3."""

    bucket: str
    key: str

    @classmethod
    def parse(cls, uri: str) -> Place:
        """Take `s3://bucket/key` apart."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return cls(bucket, key)

    def under(self, name: str) -> Place:
        """Return the place of `name` in this folder."""
        return Place(self.bucket, f"{self.key.rstrip('/')}/{name}".lstrip("/"))


def check(path: Path, name: str) -> int:
    """Return how many records a file has. Raises InvalidRecords."""
    records = 0
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                _read(line, f"line {number} of {name}")
                records += 1
    return records


def _read(line: bytes, where: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidRecords(f"{where} is not JSON.") from error
    if not isinstance(record, dict) or not isinstance(record.get("modelInput"), dict):
        raise InvalidRecords(f"{where} is no object with a modelInput that is an object.")
    unknown = sorted(set(record) - {"recordId", "modelInput"})
    if unknown:
        raise InvalidRecords(
            f"{where} has the key {unknown[0]}; a record has recordId, modelInput."
        )
    return record


def remaining(path: Path, out: Path) -> Iterator[Record]:
    """Yield the records of `path` that have no answer in `out` yet, each with an id.

    What a kill left of a half-written answer is cut off first.
    """
    done = _whole_lines(out)
    with path.open("rb") as lines:
        records = (line for line in lines if line.strip())
        for number, line in enumerate(records):
            if number >= done:
                record = _read(line, f"record {number + 1}")
                yield {"recordId": f"REC{number + 1:08d}", **record}


def _whole_lines(out: Path) -> int:
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
class Counts:
    """How far a job is, as its manifest says it."""

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

    def plus(self, answered: Answered) -> Counts:
        """Return the counts with one more answer."""
        failed = "error" in answered.line
        return Counts(
            self.total,
            self.succeeded + (not failed),
            self.failed + failed,
            self.tokens_in + answered.tokens_in,
            self.tokens_out + answered.tokens_out,
        )


@dataclass(frozen=True, slots=True)
class Answered:
    """A line of the output, and the tokens that it took."""

    line: Record
    tokens_in: int = 0
    tokens_out: int = 0


def append(out: Path, answered: Answered) -> None:
    """Write one answer down, so that a kill leaves it whole or cuts it off."""
    kept = [answered.line, answered.tokens_in, answered.tokens_out]
    with out.open("ab") as written:
        written.write(json.dumps(kept, ensure_ascii=False).encode() + b"\n")


def answers(out: Path) -> Iterator[Answered]:
    """Yield every answer that was written down."""
    if out.exists():
        with out.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    yield Answered(*json.loads(line))
