"""Handlers of Lambda's events about ingests: batches, correlation ids, logs and metrics."""

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

DEFERRALS = "deferrals"


@dataclass(frozen=True, slots=True)
class IngestHandlers:
    """Handlers of events about ingests, which `app.py` binds."""

    arrivals: ArrivalProcessor
    settlements: IngestSettler
    records: IngestRecords

    def object_created(self, event: dict[str, Any]) -> dict[str, Any]:
        """Process a batch of arrivals; return which messages have to come again.

        A deferred upload is sent again as a new message, so that SQS does not know its age:
        the age of the batch's oldest is written as a metric here, while anything waits.
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
            _observe_settled(observation, self.settlements.settle_event(ended))

    def sweep(self) -> None:
        """Look after every slot that is held.

        Raises:
            HeadraceError: some slots could not be looked after, of the kind that says why; the next
                sweep tries again.
        """
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

    def _take(self, waits: list[float], record: SQSRecord) -> None:
        with observed("object_created") as observation:
            message = parse_arrival(record.body)
            observation.log.set_correlation_id(message.id)
            result = self.arrivals.take(record.body, _deferrals(record))
            observation.became(result)
        if result is ArrivalResult.DEFERRED and isinstance(message, ObjectCreated):
            waits.append((self.arrivals.now() - message.time).total_seconds())


def _observe_settled(observation: Observation, settled: SettledIngest | None) -> None:
    """Count the end of a document and its cost; nothing for one that is gone."""
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
