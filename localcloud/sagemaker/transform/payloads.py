"""Payloads of transform jobs: splits objects into records and batches them. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

MB = 1024 * 1024
MAX_MANIFEST_BYTES = 1 * MB

SplitType = Literal["None", "Line"]
BatchStrategy = Literal["SingleRecord", "MultiRecord"]


class UnreadableInput(Exception):  # noqa: N818 - named for what it tells
    """Raised for an input that can't be transformed; the text is part of a FailureReason."""


@dataclass(frozen=True, slots=True)
class Payload:
    """The body of one request, the number of its first record (from 1), and their count."""

    body: bytes
    first: int
    records: int


def split_payloads(
    content: bytes, split: SplitType, batching: BatchStrategy, max_bytes: int
) -> Iterator[Payload]:
    """Yield the payloads of an object, of at most `max_bytes` each.

    Records are lines if `split` is "Line". Newlines separate the records of one payload and are
    left out between payloads; empty lines are not records.

    Raises:
        UnreadableInput: a single record has more than `max_bytes`.
    """
    if split == "None":
        _check_size(content, 1, max_bytes)
        yield Payload(content, 1, 1)
        return
    lines = [line.rstrip(b"\r") for line in content.split(b"\n")]
    records = [line for line in lines if line]
    batch: list[bytes] = []
    size = 0
    for number, record in enumerate(records, 1):
        _check_size(record, number, max_bytes)
        if batch and (batching == "SingleRecord" or size + 1 + len(record) > max_bytes):
            yield _join_records(batch, number)
            batch, size = [], 0
        size += len(record) + (1 if batch else 0)
        batch.append(record)
    if batch:
        yield _join_records(batch, len(records) + 1)


def assemble(responses: Sequence[bytes], assemble_with: Literal["None", "Line"]) -> bytes:
    """Return the output object: the responses one after another, each with a newline for "Line"."""
    if assemble_with == "None":
        return b"".join(responses)
    return b"".join(response.removesuffix(b"\n") + b"\n" for response in responses)


def parse_manifest(manifest: bytes) -> list[str]:
    """Return the S3 URIs that a manifest lists. Raises UnreadableInput."""
    try:
        document = json.loads(manifest)
        first, *names = document
        prefix = first["prefix"]
        if not names or not all(isinstance(each, str) for each in (prefix, *names)):
            raise TypeError("it lists nothing")
    except (ValueError, TypeError, KeyError) as error:
        raise UnreadableInput(
            f'The manifest has to be [{{"prefix": "s3://..."}}, "name", ...]: {error}'
        ) from error
    return [f"{prefix}{name}" for name in names]


def _join_records(records: Sequence[bytes], following: int) -> Payload:
    return Payload(b"\n".join(records), following - len(records), len(records))


def _check_size(record: bytes, number: int, max_bytes: int) -> None:
    if len(record) > max_bytes:
        raise UnreadableInput(
            f"record {number} has {len(record)} bytes, and MaxPayloadInMB allows {max_bytes}"
        )
