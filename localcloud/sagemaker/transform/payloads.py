"""What a transform asks about: objects cut into records, records put into requests. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_TransformInput.html
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

MB = 1024 * 1024
MANIFEST_MOST = 1 * MB

Split = Literal["None", "Line"]
Batching = Literal["SingleRecord", "MultiRecord"]


class Unreadable(Exception):  # noqa: N818 - named for what it tells
    """An input that cannot be asked about; the text says why, as a FailureReason."""


@dataclass(frozen=True, slots=True)
class Payload:
    """The body of one request, with the number of its first record, from 1 on, and their count."""

    body: bytes
    first: int
    records: int


def payloads(content: bytes, split: Split, batching: Batching, most: int) -> Iterator[Payload]:
    """Yield what an object's requests have, of `most` bytes each.

    Lines are cut at newlines, which stay with records that go together and are left out between
    requests; empty lines are no records.

    Raises:
        Unreadable: one record alone is larger than a request may be.
    """
    if split == "None":
        _hold(content, 1, most)
        yield Payload(content, 1, 1)
        return
    lines = [line.rstrip(b"\r") for line in content.split(b"\n")]
    records = [line for line in lines if line]
    together: list[bytes] = []
    size = 0
    for number, record in enumerate(records, 1):
        _hold(record, number, most)
        if together and (batching == "SingleRecord" or size + 1 + len(record) > most):
            yield _together(together, number)
            together, size = [], 0
        size += len(record) + (1 if together else 0)
        together.append(record)
    if together:
        yield _together(together, len(records) + 1)


def assembled(answers: Sequence[bytes], by: Literal["None", "Line"]) -> bytes:
    """Return what is written of an object: its answers one after another, by lines if asked for."""
    if by == "None":
        return b"".join(answers)
    return b"".join(answer.removesuffix(b"\n") + b"\n" for answer in answers)


def named(manifest: bytes) -> list[str]:
    """Return the addresses that a manifest names. Raises Unreadable."""
    try:
        written = json.loads(manifest)
        first, *names = written
        prefix = first["prefix"]
        if not names or not all(isinstance(each, str) for each in (prefix, *names)):
            raise TypeError("it names nothing")
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable(
            f'The manifest has to be [{{"prefix": "s3://..."}}, "name", ...]: {error}'
        ) from error
    return [f"{prefix}{name}" for name in names]


def _together(records: Sequence[bytes], following: int) -> Payload:
    return Payload(b"\n".join(records), following - len(records), len(records))


def _hold(record: bytes, number: int, most: int) -> None:
    if len(record) > most:
        raise Unreadable(
            f"record {number} has {len(record)} bytes, and MaxPayloadInMB lets through {most}"
        )
