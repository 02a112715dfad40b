"""Pairs of a question and the passage that answers it, of what people rated. Pure.

A rating gives a pair where somebody named the right passage, or rated up what was cited. What was
rated down says which passage does not answer; alone it gives no pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.contracts.answer_log import QuotedSpan
from chalicelib.contracts.feedback import FeedbackRow


@dataclass(frozen=True, slots=True)
class SearchPair:
    """A question as it was searched for, the passage that answers it, and one that does not."""

    question: str
    passage: QuotedSpan
    wrong: QuotedSpan | None
    feedback_id: str


@dataclass(frozen=True, slots=True)
class SearchPairs:
    """Pairs in the order of their ratings, and how many ratings or pairs gave none, by why."""

    pairs: tuple[SearchPair, ...]
    dropped: Mapping[str, int]


def collect_search_pairs(ratings: Iterable[FeedbackRow]) -> SearchPairs:
    """Return the pairs of ratings.

    Of one question and passage there is one pair, that of the newest rating. A passage that was
    rated up and down for the same question by different ratings is left out.
    """
    dropped: Counter[str] = Counter()
    found: dict[tuple[str, str], SearchPair] = {}
    refused: set[tuple[str, str]] = set()
    for rating in sorted(ratings, key=lambda each: each.received_at):
        question, better = rating.asked.asked_as.strip(), rating.better_passage
        rated = rating.asked.cited[:1] if rating.asked.kind == "search" else rating.asked.cited
        if not question:
            dropped["no_question"] += 1
            continue
        if rating.rating == "down":
            refused.update((question, _place(each)) for each in rated)
        if better is not None:
            right: tuple[QuotedSpan, ...] = (better,)
        elif rating.rating == "down":
            dropped["rated_down_without_a_better_passage"] += 1
            continue
        else:
            right = rated
        if not right:
            dropped["nothing_cited"] += 1
        wrong = rated[0] if rating.rating == "down" and rated else None
        if wrong is not None and better is not None and _place(wrong) == _place(better):
            wrong = None
        for each in right:
            pair = SearchPair(question, each, wrong, rating.feedback_id)
            found[question, _place(each)] = pair
    kept = [pair for key, pair in found.items() if key not in refused]
    if contradicted := len(found) - len(kept):
        dropped["rated_up_and_down"] = contradicted
    return SearchPairs(tuple(kept), dropped)


def _place(span: QuotedSpan) -> str:
    return span.bare_span.model_dump_json()
