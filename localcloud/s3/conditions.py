"""Conditional requests: reads, copies, writes and deletes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html

A conditional write is decided inside the transaction that commits it, so of any number of
concurrent writers exactly one wins and the others get 412 (or 404 when the object that
`If-Match` names is gone). AWS may answer 409 ConditionalRequestConflict for some of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum

from localcloud.errors import AwsError


class Verdict(Enum):
    """What a conditional read comes to."""

    PASSED = "passed"
    NOT_MODIFIED = "not modified"


@dataclass(frozen=True, slots=True)
class ReadConditions:
    """The four conditions of a read; a date is seconds since 1970."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: int | None = None
    if_unmodified_since: int | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], prefix: str = "") -> ReadConditions:
        """Read the headers, for a copy those that begin with `x-amz-copy-source-`."""
        return cls(
            headers.get(f"{prefix}if-match"),
            headers.get(f"{prefix}if-none-match"),
            _seconds(headers.get(f"{prefix}if-modified-since")),
            _seconds(headers.get(f"{prefix}if-unmodified-since")),
        )

    def judge(self, etag: str, modified: int) -> Verdict:
        """Return the verdict for an object; a failed condition is PreconditionFailed (412).

        `If-Match` that holds outweighs `If-Unmodified-Since`, and `If-None-Match` outweighs
        `If-Modified-Since`, as RFC 7232 and S3 have it.
        """
        if self.if_match is not None:
            if not _matches(self.if_match, etag):
                raise precondition_failed("If-Match")
        elif self.if_unmodified_since is not None and modified > self.if_unmodified_since:
            raise precondition_failed("If-Unmodified-Since")
        if self.if_none_match is not None:
            unchanged = _matches(self.if_none_match, etag)
        else:
            unchanged = self.if_modified_since is not None and modified <= self.if_modified_since
        return Verdict.NOT_MODIFIED if unchanged else Verdict.PASSED


@dataclass(frozen=True, slots=True)
class WriteCondition:
    """The conditions of a write or a delete; None where there is none."""

    if_match: str | None = None
    if_none_match: str | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> WriteCondition:
        """Read the headers of a write: `If-None-Match` knows only `*`, `If-Match` only ETags."""
        if_match, if_none_match = headers.get("if-match"), headers.get("if-none-match")
        if if_none_match not in (None, "*"):
            raise _not_implemented("If-None-Match")
        if if_match == "*":
            raise _not_implemented("If-Match")
        return cls(if_match, if_none_match)

    def check(self, key: str, current_etag: str | None) -> None:
        """Refuse a write over an object with `current_etag`, None where there is no object."""
        if self.if_none_match is not None and current_etag is not None:
            raise precondition_failed("If-None-Match")
        if self.if_match is None:
            return
        if current_etag is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404, Key=key)
        if not _matches(self.if_match, current_etag):
            raise precondition_failed("If-Match")


def precondition_failed(condition: str) -> AwsError:
    """Return the 412 that names the header that failed."""
    return AwsError(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        412,
        Condition=condition,
    )


def _not_implemented(header: str) -> AwsError:
    return AwsError(
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
        501,
        Header=header,
    )


def _matches(condition: str, etag: str) -> bool:
    candidates = [one.strip().removeprefix("W/").strip('"') for one in condition.split(",")]
    return "*" in candidates or etag in candidates


def _seconds(header: str | None) -> int | None:
    """Return a date header's time, None where it is absent or no date (then it is ignored)."""
    if header is None:
        return None
    try:
        return int(parsedate_to_datetime(header).timestamp())
    except ValueError:
        return None
