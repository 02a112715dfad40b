"""Replies of models held to what was asked: thoughts before them cut off, JSON of a schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.errors import ModelFailure
from chalicelib.generation.schemas import parse_json, schema_violation
from chalicelib.prompting.answers import Answer, cut_reasoning


def answer_of(text: str, *, reasons: bool, schema: Mapping[str, Any] | None) -> Answer:
    """Return what of a reply is its answer, where thoughts may stand before it.

    Raises:
        ModelFailure: the thoughts have no end, or the answer does not keep to `schema`.
    """
    answer = cut_reasoning(text) if reasons else Answer(text.strip())
    if schema is None:
        return answer
    try:
        value = parse_json(answer.text)
    except ValueError as error:
        raise ModelFailure(f"The answer is to be JSON, and is none: {error}") from error
    reason = schema_violation(value, schema)
    if reason:
        raise ModelFailure(f"The answer does not keep to the output's schema: {reason}")
    return Answer(_written(value), answer.reasoning)


def _written(value: Any) -> str:
    """Return a value as JSON. Half of a surrogate pair, which no text can hold, stays an escape."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text
