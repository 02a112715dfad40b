"""Between Lambda's events and the ingest: batches, correlation ids, logs and metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from chalicelib.contracts.arrivals import ExecutionEnded
from chalicelib.errors import HeadraceError, Transient
from chalicelib.ingest.arrivals import Arrivals, parse
from chalicelib.ingest.settlements import Settlements
from chalicelib.jobs.records import IngestRecords
from chalicelib.observability import observed

DEFERRALS = "deferrals"


@dataclass(frozen=True, slots=True)
class IngestHandlers:
    """What `app.py` binds to events."""

    arrivals: Arrivals
    settlements: Settlements
    records: IngestRecords

    def object_created(self, event: dict[str, Any]) -> dict[str, Any]:
        """Take a batch of arrivals; return which messages have to come again."""
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        response = process_partial_response(event, self._take, processor)
        return {"batchItemFailures": response["batchItemFailures"]}

    def execution_ended(self, event: dict[str, Any]) -> None:
        """Settle the execution that ended."""
        ended = ExecutionEnded.model_validate(event)
        with observed("execution_ended", ended.id) as observation:
            if self.settlements.settle_event(ended):
                observation.count("ExecutionsSettled")

    def sweep(self) -> None:
        """Look after every place that is held.

        Raises:
            Transient: some places could not be looked after; the next sweep tries again.
        """
        failures = 0
        with observed("sweep") as observation:
            for running in self.records.running():
                try:
                    if self.settlements.sweep(running):
                        observation.count("ExecutionsSwept")
                except HeadraceError as error:
                    failures += 1
                    observation.log.warning(error.message, execution=running.execution_arn)
            if failures:
                raise Transient(f"{failures} running ingests could not be looked after.")

    def _take(self, record: SQSRecord) -> None:
        with observed("object_created", parse(record.body).id) as observation:
            observation.count(self.arrivals.take(record.body, _deferrals(record)))


def _deferrals(record: SQSRecord) -> int:
    """Return how often this arrival was sent again."""
    attribute = record.message_attributes[DEFERRALS]
    return int(attribute.string_value or 0) if attribute else 0
