"""Conditional requests: reads, copies, writes and deletes.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html

A conditional write is evaluated in the transaction that commits it, so exactly one of several
concurrent writers succeeds and the others get 412 (or 404 if the object that `If-Match` names
is gone). AWS may answer 409 ConditionalRequestConflict for some of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum

from localcloud.errors import AwsError
from localcloud.s3.errors import precondition_failed


class ConditionResult(Enum):
    """The result of the conditions of a read."""

    PASSED = "passed"
    NOT_MODIFIED = "not modified"


@dataclass(frozen=True, slots=True)
class ReadConditions:
    """The four conditions of a read; dates are in seconds since 1970."""

    if_match: str | None = None
    if_none_match: str | None = None
    if_modified_since: int | None = None
    if_unmodified_since: int | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str], prefix: str = "") -> ReadConditions:
        """Parse the headers; a copy passes the prefix `x-amz-copy-source-`."""
        return cls(
            headers.get(f"{prefix}if-match"),
            headers.get(f"{prefix}if-none-match"),
            _seconds(headers.get(f"{prefix}if-modified-since")),
            _seconds(headers.get(f"{prefix}if-unmodified-since")),
        )

    def evaluate(self, etag: str, modified: int) -> ConditionResult:
        """Return the result for an object; raise PreconditionFailed (412) if one fails.

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
        return ConditionResult.NOT_MODIFIED if unchanged else ConditionResult.PASSED


@dataclass(frozen=True, slots=True)
class ConditionalWrite:
    """The conditions of a write or a delete; None for an absent one."""

    if_match: str | None = None
    if_none_match: str | None = None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> ConditionalWrite:
        """Parse the headers of a write.

        Raises:
            AwsError: NotImplemented for an `If-None-Match` other than `*`, or `If-Match: *`.
        """
        if_match, if_none_match = headers.get("if-match"), headers.get("if-none-match")
        if if_none_match not in (None, "*"):
            raise _not_implemented("If-None-Match")
        if if_match == "*":
            raise _not_implemented("If-Match")
        return cls(if_match, if_none_match)

    def check(self, key: str, current_etag: str | None) -> None:
        """Raise if the conditions do not hold for an object with `current_etag` (None: absent)."""
        if self.if_none_match is not None and current_etag is not None:
            raise precondition_failed("If-None-Match")
        if self.if_match is None:
            return
        if current_etag is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404, Key=key)
        if not _matches(self.if_match, current_etag):
            raise precondition_failed("If-Match")


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
    """Return the time of a date header, or None if it is absent or invalid (S3 ignores it)."""
    if header is None:
        return None
    try:
        return int(parsedate_to_datetime(header).timestamp())
    except ValueError:
        return None
