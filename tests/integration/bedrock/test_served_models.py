"""What the local cloud lists, beside what is said of served models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.generation.model_checks import compare_with_bedrock
from chalicelib.generation.model_file import served_models
from infra.models.foundation_models import list_models
from tests.unit.generation.planning import NOW


def test_the_local_cloud_should_list_every_model_that_is_stood_in_for(
    client: Callable[[str], Any],
) -> None:
    bedrock = client("bedrock")
    standings = compare_with_bedrock(
        served_models(), list_models(bedrock), bedrock.meta.region_name, NOW.date(), local=True
    )
    assert {one.state for one in standings} == {"there"}
    assert {"nova-micro", "titan-embed-text-v2"} <= {one.model for one in standings}
