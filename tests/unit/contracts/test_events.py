from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from chalicelib.contracts.arrivals import ExecutionEnded, ObjectCreated
from chalicelib.contracts.events import EVENT_SOURCE, BusEvent
from tests.unit.contracts.event_schemas import EVENTS, SAMPLES, schema_file, schema_text

each_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.detail_type)


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return found


@each_event
def test_a_published_schema_is_the_contract_s(event: type[BusEvent]) -> None:
    assert schema_file(event).read_text() == schema_text(event)


@each_event
def test_a_sample_holds_to_its_schema_and_its_contract(event: type[BusEvent]) -> None:
    found = sample(event.detail_type)
    assert (found["source"], found["detail-type"]) == (EVENT_SOURCE, event.detail_type)
    schema = json.loads(schema_file(event).read_text())
    jsonschema.validate(
        found["detail"], schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    read = event.model_validate(found["detail"]).model_dump()
    assert read.get("tenant") == ("acme" if "tenant" in event.model_fields else None)


@each_event
def test_what_is_published_holds_to_the_schema(event: type[BusEvent]) -> None:
    built = event.model_validate(sample(event.detail_type)["detail"])
    jsonschema.validate(
        json.loads(built.model_dump_json()), json.loads(schema_file(event).read_text())
    )


def test_samples_of_aws_s_events_are_understood() -> None:
    arrived = ObjectCreated.model_validate(sample("object-created"))
    assert arrived.detail.object.size == 8423
    ended = ExecutionEnded.model_validate(sample("execution-ended"))
    assert ended.detail.status == "ABORTED"
