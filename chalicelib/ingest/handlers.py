"""Handlers of Lambda's events about ingests: batches, correlation ids, logs and metrics."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from chalicelib.contracts.arrivals import ExecutionEnded
from chalicelib.errors import HeadraceError
from chalicelib.ingest.admission import Admission
from chalicelib.ingest.arrivals import ArrivalProcessor, ArrivalResult, parse_arrival
from chalicelib.ingest.settlement import IngestSettler, SettledIngest
from chalicelib.jobs.job_settlement import SweepErrors
from chalicelib.observability import (
    OLDEST_ARRIVAL,
    OLDEST_INGEST,
    Observation,
    observed,
    waited,
)

if TYPE_CHECKING:
    from chalicelib.jobs.ingest_settlement import IngestRecords

MAX_ADMITTED = 100
"""The most waiting arrivals that a batch of new ones processes, which has a minute."""
UNSETTLED_PAUSES = (10, 60, 300, 900)
"""Seconds until a message comes again that is too early, by how often it came; together longer than
the sweep that settles it in the end takes to come.
"""


class _ComesAgain(Exception):  # noqa: N818 - no error: the message stays in the queue
    """Raised to leave a message in the queue."""


class InboxQueue(Protocol):
    """The queue of arrivals."""

    def hide(self, receipt_handle: str, seconds: int) -> None:
        """Let a message that was received come again after `seconds`."""


@dataclass(frozen=True, slots=True)
class IngestHandlers:
    """Handlers of events about ingests, which `app.py` binds."""

    arrivals: ArrivalProcessor
    admission: Admission
    settlements: IngestSettler
    records: IngestRecords
    queue: InboxQueue

    def object_created(self, event: dict[str, Any]) -> dict[str, Any]:
        """Process a batch of arrivals; return which messages have to come again.

        Those that wait are no longer in the queue, so that SQS does not know their age: it is
        written as a metric here and at each end of an ingest, while anything waits.
        """
        deferred: list[str] = []
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        response = process_partial_response(event, partial(self._take, deferred), processor)
        if deferred:
            with suppress(HeadraceError):  # the next end of an ingest, or the sweep, does it again
                self._admit(MAX_ADMITTED)
        return {"batchItemFailures": response["batchItemFailures"]}

    def execution_ended(self, event: dict[str, Any]) -> None:
        """Settle the execution that ended, and give its seat to who waits."""
        ended = ExecutionEnded.model_validate(event)
        with observed("execution_ended", ended.id) as observation:
            _observe_settled(observation, self.settlements.settle_event(ended))
        self._admit()

    def sweep(self) -> None:
        """Look after every slot that is held, and give those that are free to who waits.

        Raises:
            HeadraceError: some slots could not be looked after, of the kind that says why; the next
                sweep tries again.
        """
        try:
            self._sweep_running()
        finally:
            self._admit()

    def _sweep_running(self) -> None:
        oldest = timedelta()
        with observed("sweep") as observation:
            errors = SweepErrors(observation.log)
            for running in self.records.running():
                oldest = max(oldest, self.settlements.now() - running.started_at)
                try:
                    swept = self.settlements.sweep(running)
                except HeadraceError as error:
                    errors.add(error, running.execution_arn)
                else:
                    _observe_settled(
                        observation, swept if isinstance(swept, SettledIngest) else None
                    )
            if oldest:
                observation.age(OLDEST_INGEST, oldest.total_seconds())
            errors.tell("running ingests")

    def _admit(self, most: int | None = None) -> None:
        if not self.admission.waiting.is_any():
            return
        with observed("admission"):
            oldest = self.admission.admit(self.arrivals.now(), most)
        if oldest:
            waited(OLDEST_ARRIVAL, oldest.total_seconds())

    def _take(self, deferred: list[str], record: SQSRecord) -> None:
        with observed("object_created") as observation:
            message = parse_arrival(record.body)
            observation.log.set_correlation_id(message.id)
            has_waited = "ERROR_CODE" in (record.get("messageAttributes") or {})
            result = self.arrivals.take(record.body, has_waited=has_waited)
            observation.became(result)
        if result is ArrivalResult.DEFERRED:
            deferred.append(message.id)
        if result is ArrivalResult.UNSETTLED:
            self.queue.hide(record.receipt_handle, _pause(record))
            raise _ComesAgain


def _observe_settled(observation: Observation, settled: SettledIngest | None) -> None:
    """Count the end of a document and its cost; nothing for one that is gone."""
    if settled is None or settled.status is None:
        return
    observation.became(settled.status)
    observation.count(f"Documents{settled.status.title()}")
    if settled.receipt is not None:
        observation.spent(settled.receipt)


def _pause(record: SQSRecord) -> int:
    """Return after how many seconds a message that is too early comes again."""
    times = int(record.attributes.approximate_receive_count)
    return UNSETTLED_PAUSES[min(times, len(UNSETTLED_PAUSES)) - 1]
