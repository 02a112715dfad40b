"""Which events of the bus webhooks hear of: those that are a tenant's, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.synthesis.sources import read_sources
from localcloud.events.patterns import compile_pattern
from tests.architecture.ingest_definition import ROOT
from tests.unit.contracts.event_schemas import EVENTS, SAMPLES


@pytest.fixture(scope="module")
def rule() -> Any:
    """The pattern of the rule that feeds webhooks."""
    properties = read_sources(ROOT)["Resources"]["WebhookRule"]["Properties"]
    return compile_pattern(properties["EventPattern"])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.detail_type)
def test_webhooks_should_hear_of_what_is_a_tenants(event: Any, rule: Any) -> None:
    sample = json.loads((SAMPLES / f"{event.detail_type}.json").read_text())
    assert rule.matches(sample) == ("tenant" in event.model_fields)


def test_there_should_be_both_kinds() -> None:
    kinds = {"tenant" in event.model_fields for event in EVENTS}
    assert kinds == {True, False}
