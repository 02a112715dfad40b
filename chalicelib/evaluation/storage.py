"""The objects of an evaluation in S3, and the cache of a tenant's answers and grades.

All lie under `jobs/`, whose objects are removed after seven days, and with their tenant:

    jobs/{tenant}/{job_id}/
        suite.json                      the suite, with the versions of its prompts
        items.jsonl                     a line for each repeat of each case
        rounds/{attempt}-{round}.jsonl  the items that a later round asks for
        outcomes/{n:08d}.json           what came of item n, once it is whole
        failures/{epoch}/{n:08d}.json   the same where the budget ended before it was whole
        waiting/{n:08d}.json            the same where a service had no room; a round asks again
        results.json, junit.xml, report.html, summary.json
    jobs/{tenant}/evaluation-cache/{key}.json

Outcomes, failures and rounds are those of a batch: `chalicelib/batches/storage.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.batches.storage import ITEMS, item_file
from chalicelib.contracts.evaluations.jobs import EvaluationInput, EvaluationItem
from chalicelib.contracts.evaluations.results import EvaluationResult
from chalicelib.contracts.jsonl import read_lines
from chalicelib.errors import NotFound

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.evaluations.suites import Suite

SUITE = "suite.json"
RESULTS = "results.json"
JUNIT = "junit.xml"
REPORT = "report.html"
WAITING = "waiting/"
_CACHE = "evaluation-cache/"


class ObjectCache:
    """The cache of one tenant, as objects of S3."""

    def __init__(self, objects: ItemObjects, bucket: str, tenant: str) -> None:
        self._objects = objects
        self._bucket = bucket
        self._prefix = f"jobs/{tenant}/{_CACHE}"

    def get(self, key: str) -> str | None:
        """Return what is kept under a key, or None."""
        try:
            return self._objects.read(self._bucket, self._place(key)).decode()
        except NotFound:
            return None

    def put(self, key: str, body: str) -> None:
        """Keep `body` under a key."""
        self._objects.write(self._bucket, self._place(key), body.encode(), {})

    def _place(self, key: str) -> str:
        return f"{self._prefix}{key}.json"


def waiting_file(n: int) -> str:
    """Return the name of what came of item `n` before a service had no more room."""
    return WAITING + item_file(n)


def suite_items(suite: Suite) -> Iterator[EvaluationItem]:
    """Yield the items of a suite: every repeat of every case, in order."""
    n = 0
    for case in range(len(suite.cases)):
        for repeat in range(suite.repeats):
            yield EvaluationItem(n=n, case=case, repeat=repeat)
            n += 1


def read_items(
    objects: ItemObjects, bucket: str, prefix: str, expected: int
) -> Iterator[EvaluationItem]:
    """Yield the items of an evaluation, in order."""
    return read_lines(objects.stream(bucket, prefix + ITEMS), EvaluationItem, expected)


def read_input(objects: ItemObjects, bucket: str, prefix: str) -> EvaluationInput:
    """Return the suite of an evaluation with its prompts; raise `NotFound`."""
    return EvaluationInput.model_validate_json(objects.read(bucket, prefix + SUITE))


def read_results(
    objects: ItemObjects, bucket: str, tenant: str, evaluation_id: str
) -> EvaluationResult:
    """Return the results of an evaluation.

    Raises:
        NotFound: it has none, or they were removed after seven days.
    """
    try:
        body = objects.read(bucket, f"jobs/{tenant}/{evaluation_id}/{RESULTS}")
    except NotFound as error:
        raise NotFound(
            f"The evaluation {evaluation_id} has no results: it has not ended, or ended more than "
            "seven days ago. Name another as the baseline, or a file of results.",
            field="baseline",
        ) from error
    return EvaluationResult.model_validate_json(body)
