"""The answer in a reply: what follows the reasoning, held to a JSON Schema if there is one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.errors import ModelFailure
from chalicelib.generation.schemas import parse_json, schema_violation
from chalicelib.prompts.reply_marks import TurnAnswer, cut_reasoning


def parse_answer(text: str, *, reasons: bool, schema: Mapping[str, Any] | None) -> TurnAnswer:
    """Return the answer in a reply, which may have reasoning before it.

    Raises:
        ModelFailure: the reasoning has no end, or the answer does not match `schema`.
    """
    answer = cut_reasoning(text) if reasons else TurnAnswer(text.strip())
    if schema is None:
        return answer
    try:
        value = parse_json(answer.text)
    except ValueError as error:
        raise ModelFailure(f"The answer is to be JSON, and is none: {error}") from error
    reason = schema_violation(value, schema)
    if reason:
        raise ModelFailure(f"The answer does not keep to the output's schema: {reason}")
    return TurnAnswer(_dump_json(value), answer.reasoning)


def _dump_json(value: Any) -> str:
    """Return a value as JSON; half of a surrogate pair, which no text can hold, stays an escape."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text
