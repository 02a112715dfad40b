"""The verdict on a claim: each of its clauses against the sentence that covers it best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.support import ClaimVerdict, Doubt
from chalicelib.retrieval.answer.support.alignment import Alignment, Likeness
from chalicelib.retrieval.answer.support.contradictions import turned
from chalicelib.retrieval.answer.support.entities import figures_in, misplaced, missing
from chalicelib.retrieval.answer.support.scope import (
    ANSWERS,
    compared,
    is_added,
    is_strange,
    other_subject,
    overstated,
    swapped_in,
)
from chalicelib.retrieval.text.parsed_text import Reading

if TYPE_CHECKING:
    from chalicelib.retrieval.text.sentences import Span

COVERED = 0.5
"""Mean cover of its words from which on a clause is held up; chosen on the development half of
`tests/data/support_pairs.json`, like the other constants of this package."""
_STRANGE = 0.3
"""The most that a clause about something unheard of scores."""

Compare = Callable[[Reading, Reading], Likeness]
"""Returns the cosine of each word of a claim with each word of a sentence."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A source taken apart: its sentences, where each stands, and the places among them of those
    that may hold up the claim.
    """

    id: int
    sentences: tuple[Reading, ...]
    spans: tuple[Span, ...]
    near: tuple[int, ...]


def judge(
    claim: Reading,
    passages: Sequence[Passage],
    compare: Compare,
    asked: frozenset[str] = frozenset(),
) -> ClaimVerdict:
    """Return the verdict of the passage that holds up the claim best.

    `asked` are the stems of the question: the claim may use its words, though not its figures.
    """
    verdicts = [_judged(claim, passage, compare, asked) for passage in passages if passage.near]
    none = ClaimVerdict(supported=False, source=None, score=0.0, reasons=(Doubt.NOT_COVERED,))
    return max(verdicts, key=lambda found: (found.supported, found.score), default=none)


def _judged(
    claim: Reading, passage: Passage, compare: Compare, asked: frozenset[str]
) -> ClaimVerdict:
    alignments = {
        at: Alignment(claim, passage.sentences[at], compare(claim, passage.sentences[at]), asked)
        for at in passage.near
    }
    doubts = missing(claim, passage.sentences)
    scores, rests_on = [], set()
    for clause in claim.clauses:
        at = max(alignments, key=lambda place: alignments[place].nearness(clause))
        rests_on.add(at)
        doubts.update(_doubts(alignments[at], clause, passage))
        cover = alignments[at].coverage(clause)
        near = list(alignments.values())
        if is_added(near, clause):
            doubts.add(Doubt.HALF_SUPPORTED)
        strange = is_strange(near, clause)
        scores.append(min(cover, _STRANGE) if strange else cover)
    low = min(scores)
    if claim.is_empty:
        low = 0.0
        doubts.add(Doubt.NOT_COVERED)
    elif low < COVERED:
        doubts.add(Doubt.HALF_SUPPORTED if max(scores) >= COVERED else Doubt.NOT_COVERED)
    rests_on |= figures_in(claim, passage.sentences, rests_on)
    return ClaimVerdict(
        supported=not doubts,
        source=passage.id,
        score=low,
        start=min(passage.spans[at].start for at in rests_on),
        end=max(passage.spans[at].end for at in rests_on),
        reasons=tuple(sorted(doubts)),
    )


def _doubts(alignment: Alignment, clause: range, passage: Passage) -> Iterator[Doubt]:
    within = alignment.clause_for(clause)
    if alignment.coverage(clause, within) < ANSWERS:
        within = range(len(alignment.sentence.words))
    yield from misplaced(alignment, clause, within)
    yield from turned(alignment, clause, within)
    if overstated(alignment, clause, within):
        yield Doubt.OVERSTATED
    if compared(alignment, clause):
        yield Doubt.RELATION_CHANGED
    if other_subject(alignment, clause, within) or swapped_in(alignment, clause, passage.sentences):
        yield Doubt.RELATION_CHANGED
