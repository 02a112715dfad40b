"""A generated answer and the passages that it was written from, for the support check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.support import MAX_SOURCES, MAX_TEXT, CheckResult, CheckSource
from chalicelib.retrieval.answer.citations import Source
from chalicelib.retrieval.text.sentences import Span

if TYPE_CHECKING:
    from chalicelib.contracts.searching import Hit


def sources_of(passages: Sequence[Hit]) -> list[CheckSource]:
    """Return the passages as sources of a check, as many as it takes; ids are their places."""
    return [
        CheckSource(id=at, text=passage.text)
        for at, passage in enumerate(passages[:MAX_SOURCES])
        if 0 < len(passage.text) <= MAX_TEXT
    ]


def held_up(
    claims: Sequence[str], passages: Sequence[Hit], checked: CheckResult
) -> list[tuple[str, Source]] | None:
    """Return each claim with what it rests on in `passages`, or None if one rests on nothing."""
    found = []
    for claim, verdict in zip(claims, checked.verdicts, strict=True):
        if not verdict.supported or verdict.source is None:
            return None
        passage = passages[verdict.source]
        span = Span(verdict.start, verdict.end)
        found.append((claim, Source(passage, span, passage.text[span.start : span.end])))
    return found


def doubts_of(checked: CheckResult) -> str:
    """Return the reasons of every claim that is not held up, each once, in words."""
    reasons = [reason for verdict in checked.verdicts for reason in verdict.reasons]
    return ", ".join(dict.fromkeys(reason.replace("_", " ") for reason in reasons))
