"""What came of the items of an evaluation: which have an outcome, and the outcomes themselves."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.batches import storage
from chalicelib.batches.rounds import ItemStatus, item_statuses
from chalicelib.contracts.batches import ItemError
from chalicelib.contracts.evaluations.results import CaseResult, TargetOutcome
from chalicelib.errors import NotFound
from chalicelib.evaluation.storage import read_items, waiting_file

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.jobs import (
        EvaluationCheckpoint,
        EvaluationInput,
        EvaluationItem,
    )
    from chalicelib.jobs.lifecycle import JobState

READS_AT_ONCE = 16
NOT_ANSWERED = ItemError(
    type="Throttled",
    message="No model had room for it, in several rounds; retry the job a little later.",
)


@dataclass(frozen=True, slots=True)
class CaseResults:
    """The outcomes of one evaluation, at one checkpoint."""

    objects: storage.ItemObjects
    state: JobState
    place: EvaluationCheckpoint

    def statuses(self) -> list[tuple[EvaluationItem, ItemStatus]]:
        """Return each item in order, and what became of it."""
        bucket, prefix = self.state.input.bucket, self.state.prefix
        items = read_items(self.objects, bucket, prefix, self.place.items)
        done = self._numbers(storage.OUTCOMES)
        failed = self._numbers(storage.failures_prefix(self.place.epoch))
        return list(item_statuses(items, done, failed))

    def read(
        self, given: EvaluationInput, statuses: list[tuple[EvaluationItem, ItemStatus]]
    ) -> list[CaseResult]:
        """Return the result of each item; an item without one was not run."""
        with ThreadPoolExecutor(READS_AT_ONCE) as pool:
            return list(pool.map(lambda each: self._result(given, *each), statuses))

    def _result(
        self, given: EvaluationInput, item: EvaluationItem, status: ItemStatus
    ) -> CaseResult:
        name = {
            "done": storage.OUTCOMES + storage.item_file(item.n),
            "failed": storage.failures_prefix(self.place.epoch) + storage.item_file(item.n),
            "missing": waiting_file(item.n),
        }[status]
        try:
            body = self.objects.read(self.state.input.bucket, self.state.prefix + name)
        except NotFound:
            if status != "missing":
                raise
            return _never_run(given, item)
        return CaseResult.model_validate_json(body)

    def _numbers(self, folder: str) -> Iterator[int]:
        keys = self.objects.keys(self.state.input.bucket, self.state.prefix + folder)
        return map(storage.item_number, keys)


def _never_run(given: EvaluationInput, item: EvaluationItem) -> CaseResult:
    return CaseResult(
        case=given.suite.cases[item.case].id,
        repeat=item.repeat,
        outcomes=tuple(
            TargetOutcome(target=target.name, status="not_run", error=NOT_ANSWERED)
            for target in given.suite.targets
        ),
    )
