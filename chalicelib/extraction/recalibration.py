"""Confidences of a saved extractor, mapped by what reviews taught of it. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from chalicelib.contracts.calibrations import ConfidenceMap, FieldGroup
from chalicelib.contracts.extractions import (
    MAX_REASONS,
    ExtractedField,
    Extraction,
    ReadStatus,
)
from chalicelib.extraction.doubts import doubt_of

_ROW = re.compile(r"/\d+(/|$)")
_NEAREST = 1e-4
"""Confidences are written with four digits: nearer to 0 or 1 than this there is nothing to map."""


def field_group(field: ExtractedField) -> FieldGroup:
    """Return the group of a field: fields of lists have the number of a row in their pointer."""
    if _ROW.search(field.pointer):
        return "cell"
    if field.value is None:
        return "absent"
    return "model" if field.method == "model" else "value"


def log_odds(confidence: float) -> float:
    """Return the logarithm of the odds of a confidence."""
    inside = min(1 - _NEAREST, max(_NEAREST, confidence))
    return math.log(inside / (1 - inside))


def mapped(confidence: float, by: ConfidenceMap) -> float:
    """Return a confidence after a map."""
    odds = by.slope * log_odds(confidence) + by.shift
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, odds))))


def unmapped(confidence: float, by: ConfidenceMap) -> float:
    """Return the confidence that a map made `confidence` of."""
    odds = (log_odds(confidence) - by.shift) / by.slope
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, odds))))


def recalibrated(read: Extraction, maps: Mapping[FieldGroup, ConfidenceMap]) -> Extraction:
    """Return an extraction with mapped confidences, and with the doubts that these raise."""
    fields = tuple(_recalibrated(field, maps) for field in read.fields)
    before = {doubt_of(field) for field in read.fields}
    others = [reason for reason in read.reasons if reason not in before]
    reasons = (*others, *filter(None, map(doubt_of, fields)))
    status: ReadStatus = "partial"
    if all(each.complete for each in read.lists):
        status = "needs_review" if reasons else "complete"
    return read.model_copy(
        update={"fields": fields, "reasons": reasons[:MAX_REASONS], "status": status}
    )


def _recalibrated(
    field: ExtractedField, maps: Mapping[FieldGroup, ConfidenceMap]
) -> ExtractedField:
    update: dict[str, object] = {}
    if (by := maps.get(field_group(field))) is not None:
        update["confidence"] = round(mapped(field.confidence, by), 4)
    if field.candidates and (by := maps.get("value")) is not None:
        update["candidates"] = tuple(
            each.model_copy(update={"confidence": round(mapped(each.confidence, by), 4)})
            for each in field.candidates
        )
    return field.model_copy(update=update) if update else field
