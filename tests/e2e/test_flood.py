"""A flood on a new AWS account: ten functions at once, and whoever asks for more is throttled.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import random
from statistics import median
from typing import Any

import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import Audit, until
from tests.soak import often

FILES = often(500, 60)
SMALL_BYTES = 4096
SEATS = 4
"""The ingests that a deployment lets run at once on ten functions."""


def texts(count: int) -> list[bytes]:
    """Return texts of which no two are alike; the last quarter is small."""
    rng = random.Random(4)
    sizes = [rng.randrange(SMALL_BYTES, 3 * SMALL_BYTES) for _ in range(count - count // 4)]
    sizes += [rng.randrange(100, SMALL_BYTES) for _ in range(count // 4)]
    words = ("pump", "valve", "mill", "turbine", "river", "gate", "rotor", "bearing")
    return [
        f"File {n} tells of the {' '.join(rng.choices(words, k=size // 7))}."[:size].encode()
        for n, size in enumerate(sizes)
    ]


def put(cloud: CloudProcess, bodies: list[bytes]) -> None:
    """Put all files into the inbox, as fast as S3 takes them."""
    for n, body in enumerate(bodies):
        cloud.client("s3").put_object(
            Bucket=cloud.outputs["DocumentsBucketName"],
            Key=f"inbox/local/flood/{n}.txt",
            Body=body,
        )


def documents(audit: Audit) -> list[dict[str, Any]]:
    """Return the documents in the order in which they were last changed."""
    held = audit.partition("TENANT#local")
    found = [item for item in held if item["sk"]["S"].startswith("DOCUMENT#")]
    return sorted(found, key=lambda item: str(item["updated_at"]["S"]))


def most_at_once(executions: list[dict[str, Any]]) -> int:
    """Return how many executions ran at once, at most."""
    begins = [(each["startDate"], 1) for each in executions]
    ends = [(each["stopDate"], -1) for each in executions]
    running = most = 0
    for _, change in sorted(begins + ends, key=lambda event: (event[0], event[1])):
        running += change
        most = max(most, running)
    return most


@pytest.mark.timeout(often(3000, 600), func_only=True)
def test_a_flood_on_a_small_account_loses_nothing_and_has_small_files_first(
    own_cloud: CloudProcess,
) -> None:
    audit = Audit(own_cloud)
    put(own_cloud, texts(FILES))

    def all_ended() -> list[dict[str, Any]] | None:
        found = documents(audit)
        ended = [each for each in found if each["status"]["S"] != "processing"]
        return ended if len(ended) == FILES else None

    ended = until(all_ended, "not all files ended", often(2900, 580))
    assert {each["status"]["S"] for each in ended} == {"ready"}
    sizes = [int(each["bytes"]["N"]) for each in ended]
    assert median(n for n, size in enumerate(sizes) if size < SMALL_BYTES) < FILES / 4
    until(lambda: not audit.places_taken(), "a seat was not given back")
    assert not audit.partition("WAITING")
    executions = audit.executions()
    assert len(executions) == FILES
    assert {each["status"] for each in executions} == {"SUCCEEDED"}
    assert most_at_once(executions) <= SEATS
    for queue in ("InboxQueueUrl", "InboxDeadLettersUrl"):
        assert audit.messages_left(queue) == 0
