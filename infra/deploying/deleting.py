"""Deletes objects by the thousand, with patience for those that S3 puts off."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infra.deploying.failures import Stopped, passes

Sleep = Callable[[float], None]
ObjectId = dict[str, str]
"""A key, and a version's id where one version is meant."""

_ATTEMPTS = 8
"""The waits between them, doubled each time, add up to two minutes."""


def delete_objects(
    s3: Any, where: Mapping[str, str], batch: Sequence[ObjectId], sleep: Sleep = time.sleep
) -> None:
    """Remove at most a thousand objects of a bucket; those that S3 puts off are tried again.

    S3 answers for each of them: that it is throttled (`SlowDown`), say, while others are gone.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html

    Raises:
        Stopped: S3 will not remove one, or still puts one off after eight times.
    """
    left = list(batch)
    for attempt in range(_ATTEMPTS):
        answer = s3.delete_objects(**where, Delete={"Objects": left, "Quiet": True})
        errors = answer.get("Errors", [])
        for error in errors:
            if not passes(error.get("Code", "")):
                raise Stopped(
                    f"{error['Key']} in {where['Bucket']} cannot be removed: {error.get('Message')}"
                )
        if not errors:
            return
        left = [_id_of(error) for error in errors]
        if attempt < _ATTEMPTS - 1:
            sleep(2.0**attempt)
    raise Stopped(
        f"S3 puts off the removal of {len(left)} objects in {where['Bucket']} "
        f"({errors[0]['Code']}); run the command again later, it goes on."
    )


def _id_of(error: Mapping[str, Any]) -> ObjectId:
    return {name: str(error[name]) for name in ("Key", "VersionId") if error.get(name)}
