"""Rollouts for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from chalicelib.contracts.rollouts import (
    DEFAULT_STAGES,
    CallMetrics,
    Guard,
    LivePointer,
    RolloutStop,
    RolloutView,
    Subject,
)
from chalicelib.rollouts.records import RolloutState

TENANT = "acme"
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ID = "01JROLLOUT0000000000000001"
SUBJECT = Subject(kind="prompt", name="faq", label="production")
GUARDS = (Guard(metric="errors", margin=0.05), Guard(metric="latency", margin=0.25))


def rollout(**changes: object) -> RolloutView:
    """Return a rollout of the prompt `faq` from version 3 to 4, changed as named."""
    fields: dict[str, object] = {
        "rollout_id": ID,
        "status": "preparing",
        "subject": SUBJECT,
        "live": "3",
        "to": "4",
        "stages": DEFAULT_STAGES,
        "guards": GUARDS,
        "stage": 0,
        "window_seconds": 300,
        "shadow_budget": Decimal(1),
        "created_at": NOW,
        "updated_at": NOW,
    }
    return RolloutView.model_validate(fields | changes)


def state(**changes: object) -> RolloutState:
    """Return the state of `rollout`, changed as named."""
    return RolloutState(tenant=TENANT, rollout=rollout(**changes), key="key-1")


def pointer(**changes: object) -> LivePointer:
    """Return the pointer of `rollout` before any traffic, changed as named."""
    fields: dict[str, object] = {
        "subject": SUBJECT,
        "rollout_id": ID,
        "live": "3",
        "to": "4",
        "salt": ID,
    }
    return LivePointer.model_validate(fields | changes)


def stop(**changes: object) -> RolloutStop:
    """Return a stop of `rollout` by a guard, changed as named."""
    fields: dict[str, object] = {
        "tenant": TENANT,
        "rollout_id": ID,
        "by": "guard",
        "reason": "Errors are above the margin.",
        "at": NOW,
    }
    return RolloutStop.model_validate(fields | changes)


def call(n: int, arm: str = "live", **changes: object) -> CallMetrics:
    """Return the metrics of the `n`th call, a second after the one before, changed as named."""
    fields: dict[str, object] = {
        "call_id": f"{n:026d}",
        "arm": arm,
        "at": NOW + timedelta(seconds=n),
        "error": False,
        "refused": False,
        "unsafe": False,
        "latency_ms": 1_000,
        "nanodollars": 1_000,
    }
    return CallMetrics.model_validate(fields | changes)
