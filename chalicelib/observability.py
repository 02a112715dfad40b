"""Logs and metrics by Powertools, with one correlation id from request to function.

Metrics are log lines in CloudWatch's embedded format, so they cost no call.
https://docs.aws.amazon.com/powertools/python/latest/core/metrics/
"""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from chalicelib.errors import HeadraceError

NAMESPACE = "Headrace"


@functools.cache
def logger(service: str) -> Logger:
    """Return the structured logger of `service`."""
    return Logger(service=service)


@dataclass(frozen=True, slots=True)
class Observation:
    """What a piece of work may say of itself while it runs."""

    log: Logger
    metrics: EphemeralMetrics

    def count(self, name: str, value: float = 1) -> None:
        """Add to the metric `name`, a count."""
        self.metrics.add_metric(name, MetricUnit.Count, value)


@contextmanager
def observed(service: str, correlation_id: str = "") -> Iterator[Observation]:
    """Log the end of the work in the block, how long it took and how it failed."""
    log = logger(service)
    log.set_correlation_id(correlation_id or None)
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=service)
    started = time.perf_counter()
    outcome = "Failures"
    try:
        yield Observation(log, metrics)
        outcome = "Successes"
    except HeadraceError as error:
        log.warning("refused", extra={"error": type(error).__name__, "why": error.message})
        raise
    except Exception:
        log.exception("failed")
        raise
    finally:
        seconds = time.perf_counter() - started
        metrics.add_metric(outcome, MetricUnit.Count, 1)
        metrics.add_metric("Duration", MetricUnit.Seconds, seconds)
        log.info("ended", extra={"outcome": outcome, "seconds": round(seconds, 4)})
        metrics.flush_metrics()
        log.set_correlation_id(None)
