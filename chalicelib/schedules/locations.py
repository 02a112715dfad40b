"""Places in S3 that schedules of a tenant may read and write.

    s3://{bucket of the stage}/sources/{tenant}/…   the tenant's files: read
    s3://{bucket of the stage}/results/{tenant}/…   what its runs wrote: read and written
    s3://{another bucket}/{prefix}/…                where an operator granted it to the tenant
    s3://{bucket of the stage}/schedules/{tenant}/… what runs keep for the next one: not theirs

The functions' role may reach the places of all tenants, so that this check alone keeps one from
another. The API makes it when a schedule is made, and each run makes it again: a grant may have
been revoked meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from chalicelib.contracts.schedules import AnyWork

SOURCES = "sources"
RESULTS = "results"
SCHEDULES = "schedules"
MAX_KEY_BYTES = 1_024
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""

_URI = re.compile(r"s3://([^/]*)/(.*)", re.DOTALL)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_FORBIDDEN = ("*", "?", "${", "\\")
"""In a policy, a pattern and a variable; on some systems, a separator of folders."""


def schedule_prefix(tenant: str, schedule_id: str) -> str:
    """Return the prefix of what the runs of a schedule keep for the next one."""
    return f"{SCHEDULES}/{tenant}/{schedule_id}/"


@dataclass(frozen=True, slots=True)
class SourceObject:
    """An object as a listing shows it; `modified` is RFC 3339."""

    key: str
    etag: str
    size: int
    modified: str


@dataclass(frozen=True, slots=True)
class S3Location:
    """An object or a prefix in a bucket; the key is "" for the whole bucket."""

    bucket: str
    key: str

    @property
    def folder(self) -> str:
        """Return the prefix of what lies under the location, which ends in a slash unless empty."""
        return self.key if not self.key or self.key.endswith("/") else f"{self.key}/"

    @property
    def uri(self) -> str:
        """Return the location as `s3://bucket/key`."""
        return f"s3://{self.bucket}/{self.key}"


def parse_location(uri: str) -> S3Location:
    """Return the bucket and the key of `s3://bucket/key`; the key may be empty.

    Raises:
        InvalidInput: it is written in another way, or could be read in more than one.
    """
    found = _URI.fullmatch(uri)
    if found is None:
        raise _refusal(uri, "write it as s3://BUCKET/PREFIX/")
    bucket, key = found.groups()
    if not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise _refusal(uri, f"{bucket!r} is no name of a bucket")
    try:
        size = len(key.encode())
    except UnicodeEncodeError as error:
        raise _refusal(uri, "the key is not valid Unicode") from error
    if size > MAX_KEY_BYTES:
        raise _refusal(uri, f"the key has {size} bytes, of {MAX_KEY_BYTES} at most")
    if any(ord(character) < ord(" ") or character == "\x7f" for character in key):
        raise _refusal(uri, "the key holds a control character")
    if any(mark in key for mark in _FORBIDDEN):
        raise _refusal(uri, "a key is taken as it is written, without *, ?, ${ and \\")
    segments = key.removesuffix("/").split("/") if key else []
    if any(segment in ("", ".", "..") for segment in segments):
        raise _refusal(uri, "the key holds an empty segment, '.' or '..'")
    return S3Location(bucket, key)


def parse_grant(uri: str, bucket: str) -> S3Location:
    """Return the prefix, with its final slash, that an operator grants by `uri`.

    It lies outside `bucket`, which is the stage's.

    Raises:
        InvalidInput: it cannot be granted.
    """
    location = parse_location(uri)
    if location.bucket == bucket:
        raise _refusal(
            uri,
            f"the stage's own bucket is not granted: there, every tenant has {SOURCES}/TENANT/ and"
            f" {RESULTS}/TENANT/",
        )
    return S3Location(location.bucket, location.folder)


def check_location(
    uri: str, tenant: str, bucket: str, granted: Sequence[str], *, writes: bool
) -> S3Location:
    """Return the location `uri` if schedules of `tenant` may read it, or write there.

    Args:
        uri: `s3://bucket/key` of an object or a prefix.
        tenant: Whose schedule asks.
        bucket: The bucket of the stage.
        granted: What an operator granted the tenant for this, each `s3://bucket/prefix/`.
        writes: Whether objects are written there.

    Raises:
        InvalidInput: the tenant may not, or the location is not well formed.
    """
    location = parse_location(uri)
    if location.bucket == bucket:
        kinds = (RESULTS,) if writes else (SOURCES, RESULTS)
        allowed = [S3Location(bucket, f"{kind}/{tenant}/") for kind in kinds]
    else:
        allowed = [parse_grant(each, bucket) for each in granted]
    if any(_lies_in(location, each) for each in allowed):
        return location
    own = S3Location(bucket, f"{RESULTS if writes else SOURCES}/{tenant}/").uri
    raise _refusal(
        uri,
        f"schedules of {tenant} may {'write' if writes else 'read'} {_listed(own, granted)};"
        f" an operator grants others: python -m infra.tenants --location S3_URI {tenant}",
    )


def check_work(
    work: AnyWork,
    tenant: str,
    bucket: str,
    granted: Callable[[bool], Sequence[str]],
) -> None:
    """Raise `InvalidInput` unless `tenant` may use every location in S3 that `work` names.

    `granted` returns what an operator granted the tenant to read, or with True to write.
    """
    for uri, writes in _locations(work):
        check_location(uri, tenant, bucket, granted(writes), writes=writes)


def _locations(work: AnyWork) -> Iterator[tuple[str, bool]]:
    """Yield the locations of `work`, each with whether it is written to."""
    if work.kind == "sync":
        yield work.uri, False
        return
    if work.kind == "batch" and work.source.type in ("object", "prefix"):
        yield work.source.uri, False
    if work.kind == "watch" and work.source is not None:
        yield work.source.uri, False
    for result in work.results:
        if result.type == "s3":
            yield result.uri, True


def _lies_in(location: S3Location, allowed: S3Location) -> bool:
    """Tell whether `location` is `allowed`, or lies under it; both are normal."""
    return location.bucket == allowed.bucket and location.key.startswith(allowed.key)


def _listed(own: str, granted: Sequence[str]) -> str:
    return ", ".join((own, *granted))


def _refusal(uri: str, reason: str) -> InvalidInput:
    return InvalidInput(f"{uri!r}: {reason}.", field="uri")
