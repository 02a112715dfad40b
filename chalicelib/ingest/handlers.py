"""Between Lambda's events and the ingest: batches, correlation ids, logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from chalicelib.contracts.arrivals import ExecutionEnded, ObjectCreated
from chalicelib.errors import HeadraceError
from chalicelib.ingest.arrivals import Arrivals, Taken, parse
from chalicelib.ingest.settlements import Settled, Settlements
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

DEFERRALS = "deferrals"


@dataclass(frozen=True, slots=True)
class IngestHandlers:
    """What `app.py` binds to events."""

    arrivals: Arrivals
    settlements: Settlements
    records: IngestRecords

    def object_created(self, event: dict[str, Any]) -> dict[str, Any]:
        """Take a batch of arrivals; return which messages have to come again.

        An upload that has to wait is sent again as a new message, so its age is no queue's to
        tell: that of the batch's oldest is written here, while anything waits.
        """
        waits: list[float] = []
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        response = process_partial_response(event, partial(self._take, waits), processor)
        if waits:
            waited(OLDEST_ARRIVAL, max(waits))
        return {"batchItemFailures": response["batchItemFailures"]}

    def execution_ended(self, event: dict[str, Any]) -> None:
        """Settle the execution that ended."""
        ended = ExecutionEnded.model_validate(event)
        with observed("execution_ended", ended.id) as observation:
            _tell(observation, self.settlements.settle_event(ended))

    def sweep(self) -> None:
        """Look after every place that is held.

        Raises:
            HeadraceError: some places could not be looked after, of the kind that says why; the
                next sweep tries again.
        """
        oldest = timedelta()
        with observed("sweep") as observation:
            missed = SweepErrors(observation.log)
            for running in self.records.running():
                oldest = max(oldest, self.settlements.now() - running.started_at)
                try:
                    swept = self.settlements.sweep(running)
                except HeadraceError as error:
                    missed.add(error, running.execution_arn)
                else:
                    _tell(observation, swept if isinstance(swept, Settled) else None)
            if oldest:
                observation.age(OLDEST_INGEST, oldest.total_seconds())
            missed.tell("running ingests")

    def _take(self, waits: list[float], record: SQSRecord) -> None:
        with observed("object_created") as observation:
            message = parse(record.body)
            observation.log.set_correlation_id(message.id)
            taken = self.arrivals.take(record.body, _deferrals(record))
            observation.became(taken)
        if taken is Taken.DEFERRED and isinstance(message, ObjectCreated):
            waits.append((self.arrivals.now() - message.time).total_seconds())


def _tell(observation: Observation, settled: Settled | None) -> None:
    """Count what became of a document and what that cost; nothing of one that is gone."""
    if settled is None or settled.status is None:
        return
    observation.became(settled.status)
    observation.count(f"Documents{settled.status.title()}")
    if settled.receipt is not None:
        observation.spent(settled.receipt)


def _deferrals(record: SQSRecord) -> int:
    """Return how often this arrival was sent again."""
    attribute = record.message_attributes[DEFERRALS]
    return int(attribute.string_value or 0) if attribute else 0
