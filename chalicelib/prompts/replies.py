"""Replies of models to a prompt's turns: reasoning, JSON answers and verdicts.

Chain of thought: Wei et al. 2022, https://arxiv.org/abs/2201.11903. A second question that checks
the first: Weng et al. 2023, https://arxiv.org/abs/2212.09561.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.errors import ModelFailure
from chalicelib.generation.schemas import parse_json, schema_violation

OPENING = "<reasoning>"
CLOSING = "</reasoning>"
ACCEPT = "ACCEPT"
REJECT = "REJECT"
_VERDICT = re.compile(rf"\W*({ACCEPT}|{REJECT})\b(.*)", re.IGNORECASE | re.DOTALL)


_MARKS = re.compile(r"\A\W+")


@dataclass(frozen=True, slots=True)
class TurnAnswer:
    """An answer, and the reasoning before it."""

    text: str
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class VerifierVerdict:
    """Whether the verifier accepts an answer, and why not ("" if it does)."""

    accepted: bool
    reason: str = ""


def format_reasoning(reasoning: str, output: str) -> str:
    """Return an example's answer in the form that a model is to write."""
    return f"{OPENING}\n{reasoning}\n{CLOSING}\n{output}"


def cut_reasoning(text: str) -> TurnAnswer:
    """Return the answer of a turn that reasons.

    A model that answers at once has no reasoning to cut. The answer follows the last mark, so
    that a mark mentioned in the reasoning ends nothing early.

    Raises:
        ModelFailure: the reasoning has no end, or nothing follows it.
    """
    before, mark, after = text.rpartition(CLOSING)
    if not mark:
        if OPENING in text:
            raise ModelFailure(
                f"The reasoning has no end ({CLOSING}); give the turn more max_tokens."
            )
        return TurnAnswer(text.strip())
    if not after.strip():
        raise ModelFailure(f"Nothing comes after the reasoning ({CLOSING}).")
    return TurnAnswer(after.strip(), before.replace(OPENING, "", 1).strip())


def parse_verdict(text: str) -> VerifierVerdict:
    """Return the verifier's verdict.

    Raises:
        ModelFailure: the text begins with neither of the two words.
    """
    found = _VERDICT.match(text)
    if found is None:
        raise ModelFailure(f"The verifier says neither {ACCEPT} nor {REJECT}.")
    if found[1].upper() == ACCEPT:
        return VerifierVerdict(accepted=True)
    reason = _MARKS.sub("", found[2]).strip()
    return VerifierVerdict(accepted=False, reason=reason or "The verifier gave no reason.")


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
