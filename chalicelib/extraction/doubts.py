"""Reasons for a review: fields whose confidence is too low. Pure, and loads no model."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.contracts.extractions import ExtractedField

REVIEW_BELOW = 0.5
"""A field whose confidence is lower sends the extraction to a review."""
MODEL_REVIEW_BELOW = 0.8
"""The same of a value that a language model chose: how good a model is, reviews have to tell."""


def doubt_of(field: ExtractedField) -> str | None:
    """Return why a person should look at a field, None where its confidence is high enough."""
    chosen = field.method == "model" and field.value is not None
    if field.confidence >= (MODEL_REVIEW_BELOW if chosen else REVIEW_BELOW):
        return None
    what = "absent" if field.value is None else repr(field.value)
    return f"{field.pointer} is {what} with a confidence of {field.confidence:.2f} only."
