"""Where runs may read and write in S3, and where their results go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Protocol

from chalicelib.contracts.schedule_places import Destination
from chalicelib.schedules.locations import S3Location, SourceObject, check_location
from functions.run_schedule.kind import Run


class GrantedLocations(Protocol):
    """The locations that an operator granted tenants."""

    def granted(self, tenant: str, *, writes: bool) -> Sequence[str]:
        """Return the prefixes that the tenant may read, or write to."""


class Transfers(Protocol):
    """Objects in buckets of tenants and of the stage, copied by S3 itself."""

    def listed(self, location: S3Location, after: str = "") -> Iterator[SourceObject]:
        """Yield the objects under the folder `location` behind the key `after`, by their keys."""

    def put_object(self, target: S3Location, body: bytes, content_type: str) -> None:
        """Write an object; raise `NotFound` or `InvalidInput` where that is not possible."""

    def copy(self, source: S3Location, target: S3Location, *, size: int, etag: str = "") -> None:
        """Copy the object `source` of `size` bytes, as long as it has `etag` ("" for any).

        Raises:
            NotFound: the object, or a bucket, is gone.
            Conflict: the object has changed.
            InvalidInput: it may not be read, or the target not be written.
        """


def run_folders(
    run: Run, results: Sequence[Destination], locations: GrantedLocations
) -> Iterator[S3Location]:
    """Yield the folder of the run in each destination in S3.

    `{uri}/{schedule}/{time}-{run}/`, by the time that the run was scheduled at, in UTC.

    Raises:
        InvalidInput: the tenant may not write there.
    """
    when = run.order.scheduled_at.astimezone(UTC)
    name = f"{run.order.schedule}/{when:%Y%m%dT%H%M%SZ}-{run.job_id}/"
    for result in results:
        if result.type == "s3":
            granted = locations.granted(run.tenant, writes=True)
            place = check_location(result.uri, run.tenant, run.bucket, granted, writes=True)
            yield S3Location(place.bucket, place.folder + name)
