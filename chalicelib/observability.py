"""Logs and metrics by Powertools, with one correlation id from request to function.

Metrics are log lines in CloudWatch's embedded format, so they cost no call. A metric costs in every
hour in which it is written, so only what AWS does not measure by itself is one: what became of
documents, what waits, and what was spent. How long work took and how it ended are fields of the
line that ends it. `POWERTOOLS_METRICS_NAMESPACE` carries the stage; metrics have no dimension.
https://docs.aws.amazon.com/powertools/python/latest/core/metrics/
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from chalicelib.errors import HeadraceError, is_fault

NAMESPACE = "Headrace"
"""The namespace of metrics outside of a stage."""

DOLLARS = "Dollars"
INPUT_TOKENS = "InputTokens"
OUTPUT_TOKENS = "OutputTokens"
OLDEST_ARRIVAL = "OldestArrivalSeconds"
OLDEST_INGEST = "OldestIngestSeconds"
DRIFTED_FEATURES = "DriftedFeatures"
OLDEST_JOB = "OldestJobSeconds"


class Spending(Protocol):
    """The totals of a receipt."""

    @property
    def dollars(self) -> Decimal: ...

    @property
    def tokens_in(self) -> int: ...

    @property
    def tokens_out(self) -> int: ...


@functools.cache
def logger(service: str) -> Logger:
    """Return the structured logger of `service`."""
    return Logger(service=service)


def _metrics() -> EphemeralMetrics:
    metrics = EphemeralMetrics()
    metrics.namespace = metrics.namespace or NAMESPACE
    return metrics


@dataclass(frozen=True, slots=True)
class Observation:
    """The log and the metrics of one piece of work while it runs."""

    log: Logger
    metrics: EphemeralMetrics
    outcomes: list[str] = field(default_factory=list)

    def count(self, name: str) -> None:
        """Add one to the metric `name`."""
        self.metrics.add_metric(name, MetricUnit.Count, 1)

    def age(self, name: str, seconds: float) -> None:
        """Write the metric `name`, in seconds."""
        self.metrics.add_metric(name, MetricUnit.Seconds, seconds)

    def spent(self, receipt: Spending) -> None:
        """Add a receipt to the metrics of spending."""
        _add(self.metrics, receipt)

    def became(self, outcome: str) -> None:
        """Add an outcome to the line that ends the work."""
        self.outcomes.append(outcome)


def spent(receipt: Spending) -> None:
    """Write the metrics of a receipt, outside of any observed work."""
    metrics = _metrics()
    _add(metrics, receipt)
    metrics.flush_metrics()


def drifted(features: int) -> None:
    """Write the metric of features of a subject's calls that have drifted."""
    metrics = _metrics()
    metrics.add_metric(DRIFTED_FEATURES, MetricUnit.Count, features)
    metrics.flush_metrics()


def waited(name: str, seconds: float) -> None:
    """Write the metric `name`, in seconds, outside of any observed work."""
    metrics = _metrics()
    metrics.add_metric(name, MetricUnit.Seconds, seconds)
    metrics.flush_metrics()


def _add(metrics: EphemeralMetrics, receipt: Spending) -> None:
    metrics.add_metric(DOLLARS, "None", float(receipt.dollars))
    for name, tokens in ((INPUT_TOKENS, receipt.tokens_in), (OUTPUT_TOKENS, receipt.tokens_out)):
        if tokens:
            metrics.add_metric(name, MetricUnit.Count, tokens)


def log_refusal(log: Logger, error: HeadraceError, *, answered: bool = False) -> None:
    """Log an error: a fault with its trace, and any other as a warning.

    The metric of failures counts the logged faults.

    Args:
        log: The logger.
        error: The error.
        answered: Whether the caller got the error as a response; it is then logged as info.
    """
    fields = {"error": type(error).__name__, "why": error.message}
    if is_fault(error):
        log.error("failed", extra=fields, exc_info=error)
    else:
        (log.info if answered else log.warning)("refused", extra=fields)


def log_not_swapped(error: HeadraceError) -> None:
    """Log that a version of a model cannot serve; the metric of failures counts it.

    The version before it goes on serving, so that nobody would notice otherwise.
    """
    fields = {"error": type(error).__name__, "why": error.message}
    logger("serving").error("not swapped", extra=fields)


@contextmanager
def observed(service: str, correlation_id: str = "") -> Iterator[Observation]:
    """Log the end of the work in the block, how long it took and how it failed."""
    log = logger(service)
    log.set_correlation_id(correlation_id or None)
    observation = Observation(log, _metrics())
    started = time.perf_counter()
    outcome = "failed"
    try:
        yield observation
        outcome = "succeeded"
    except HeadraceError as error:
        log_refusal(log, error)
        raise
    except Exception:
        log.exception("failed")
        raise
    finally:
        seconds = round(time.perf_counter() - started, 4)
        fields = {"outcome": outcome, "seconds": seconds, "became": observation.outcomes}
        log.info("ended", extra={name: value for name, value in fields.items() if value != []})
        if observation.metrics.metric_set:
            observation.metrics.flush_metrics()
        log.set_correlation_id(None)


def told_under(service: str, request_id: str, body: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the `body` of a stream, and log its errors under the request's id."""
    log = logger(service)
    log.set_correlation_id(request_id)
    try:
        yield from body
    except Exception:
        log.exception("failed")
        raise
    finally:
        log.set_correlation_id(None)
