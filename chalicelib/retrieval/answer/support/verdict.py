"""The verdict on a claim: each clause is compared with the sentence that covers it best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.functions.check_support import ClaimVerdict, Doubt
from chalicelib.retrieval.answer.support.alignment import Alignment, SimilarityMatrix
from chalicelib.retrieval.answer.support.contradictions import contradictions
from chalicelib.retrieval.answer.support.entities import (
    misplaced_entities,
    missing_entities,
    sentences_with_entities,
)
from chalicelib.retrieval.answer.support.scope import (
    ANSWERS,
    adds_comparison,
    adds_unknown,
    has_other_subject,
    is_overstated,
    is_unfamiliar,
    swaps_noun,
)
from chalicelib.retrieval.text.parsed_text import ParsedText

if TYPE_CHECKING:
    from chalicelib.retrieval.text.sentences import TextSpan

COVERED = 0.5
"""Mean cover of its words from which on a clause is held up; chosen on the development half of
`tests/data/support_pairs.json`, like the other constants of this package."""
_STRANGE = 0.3
"""The highest score of a clause about a thing that the source does not mention."""

WordComparer = Callable[[ParsedText, ParsedText], SimilarityMatrix]
"""Returns the cosine of each word of a claim with each word of a sentence."""


@dataclass(frozen=True, slots=True)
class ParsedSource:
    """A source with its parsed sentences and their spans.

    `near` are the indices of the sentences that may support the claim.
    """

    id: int
    sentences: tuple[ParsedText, ...]
    spans: tuple[TextSpan, ...]
    near: tuple[int, ...]


def judge_claim(
    claim: ParsedText,
    passages: Sequence[ParsedSource],
    compare: WordComparer,
    asked: frozenset[str] = frozenset(),
) -> ClaimVerdict:
    """Return the verdict of the passage that supports the claim best.

    `asked` are the stems of the question: the claim may use its words, though not its figures.
    """
    verdicts = [_judged(claim, passage, compare, asked) for passage in passages if passage.near]
    none = ClaimVerdict(supported=False, source=None, score=0.0, reasons=(Doubt.NOT_COVERED,))
    return max(verdicts, key=lambda found: (found.supported, found.score), default=none)


def _judged(
    claim: ParsedText, passage: ParsedSource, compare: WordComparer, asked: frozenset[str]
) -> ClaimVerdict:
    alignments = {
        at: Alignment(claim, passage.sentences[at], compare(claim, passage.sentences[at]), asked)
        for at in passage.near
    }
    doubts = missing_entities(claim, passage.sentences)
    scores, rests_on = [], set()
    for clause in claim.clauses:
        at = max(alignments, key=lambda place: alignments[place].nearness(clause))
        rests_on.add(at)
        doubts.update(_doubts(alignments[at], clause, passage))
        cover = alignments[at].coverage(clause)
        near = list(alignments.values())
        if adds_unknown(near, clause):
            doubts.add(Doubt.HALF_SUPPORTED)
        strange = is_unfamiliar(near, clause)
        scores.append(min(cover, _STRANGE) if strange else cover)
    low = min(scores)
    if claim.is_empty:
        low = 0.0
        doubts.add(Doubt.NOT_COVERED)
    elif low < COVERED:
        doubts.add(Doubt.HALF_SUPPORTED if max(scores) >= COVERED else Doubt.NOT_COVERED)
    rests_on |= sentences_with_entities(claim, passage.sentences, rests_on)
    return ClaimVerdict(
        supported=not doubts,
        source=passage.id,
        score=low,
        start=min(passage.spans[at].start for at in rests_on),
        end=max(passage.spans[at].end for at in rests_on),
        reasons=tuple(sorted(doubts)),
    )


def _doubts(alignment: Alignment, clause: range, passage: ParsedSource) -> Iterator[Doubt]:
    within = alignment.clause_for(clause)
    if alignment.coverage(clause, within) < ANSWERS:
        within = range(len(alignment.sentence.words))
    yield from misplaced_entities(alignment, clause, within)
    yield from contradictions(alignment, clause, within)
    if is_overstated(alignment, clause, within):
        yield Doubt.OVERSTATED
    if adds_comparison(alignment, clause):
        yield Doubt.RELATION_CHANGED
    if has_other_subject(alignment, clause, within) or swaps_noun(
        alignment, clause, passage.sentences
    ):
        yield Doubt.RELATION_CHANGED
