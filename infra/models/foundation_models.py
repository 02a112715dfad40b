"""Bedrock's list of the foundation models of one region.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from chalicelib.generation.model_checks import ListedModel


def list_models(bedrock: Any) -> tuple[ListedModel, ...]:
    """Return the models that `bedrock`, a boto3 client, lists; raise what boto3 raises.

    The answer is complete: the operation has no pages.
    """
    answer: dict[str, Any] = bedrock.list_foundation_models()
    return tuple(
        ListedModel(
            model_id=summary["modelId"],
            status=summary.get("modelLifecycle", {}).get("status", "ACTIVE"),
            inference_types=frozenset(summary.get("inferenceTypesSupported", ())),
            ends=_day(summary.get("modelLifecycle", {}).get("endOfLifeTime")),
        )
        for summary in answer["modelSummaries"]
    )


def _day(time: datetime | None) -> date | None:
    return None if time is None else time.astimezone(UTC).date()
