"""The JSON Schemas of the events, as `docs/events` holds them.

`python -m tests.unit.contracts.event_schemas` writes them anew after a contract changed.
"""

from __future__ import annotations

import json
from pathlib import Path

from chalicelib.contracts.budgets import BudgetExceeded
from chalicelib.contracts.drift import DriftDetected
from chalicelib.contracts.events import BusEvent, DocumentFailed, DocumentReady, DocumentRejected
from chalicelib.contracts.extractions import ExtractionNeedsReview, ExtractionReady
from chalicelib.contracts.feedback import FeedbackReceived
from chalicelib.contracts.improvement import ImprovementEnded
from chalicelib.contracts.jobs import JobAccepted, JobCompleted, JobFailed
from chalicelib.contracts.rollout_steps import (
    RolledBack,
    RolloutAdvanced,
    RolloutPromoted,
    RolloutWaiting,
)
from chalicelib.contracts.schedule_runs import ScheduleEnded, SchedulePaused
from chalicelib.contracts.training import ModelFailed, ModelRegistered

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "docs" / "events"
SAMPLES = ROOT / "tests" / "events"
EVENTS: tuple[type[BusEvent], ...] = (
    DocumentReady,
    DocumentRejected,
    DocumentFailed,
    JobAccepted,
    JobCompleted,
    JobFailed,
    FeedbackReceived,
    BudgetExceeded,
    ScheduleEnded,
    SchedulePaused,
    RolloutAdvanced,
    RolloutWaiting,
    RolloutPromoted,
    RolledBack,
    DriftDetected,
    ImprovementEnded,
    ExtractionReady,
    ExtractionNeedsReview,
    ModelRegistered,
    ModelFailed,
)


def schema_file(event: type[BusEvent]) -> Path:
    """Return where the schema of `event` lies."""
    return FOLDER / f"{event.detail_type}.json"


def schema_text(event: type[BusEvent]) -> str:
    """Return the schema of the detail of `event`."""
    schema = event.model_json_schema(mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"headrace:{event.detail_type}",
    }
    return json.dumps(head | schema, indent=2) + "\n"


if __name__ == "__main__":
    for kind in EVENTS:
        schema_file(kind).write_text(schema_text(kind))
