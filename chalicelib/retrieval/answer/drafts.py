"""Drafts of answers: the outcome of a question with its claims or passages, as events. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.answers import (
    AskCitation,
    AskClaim,
    AskExtract,
    AskNearest,
    AskRefused,
    Claim,
    LookedAt,
    render_claims,
)
from chalicelib.retrieval.answer.citations import cite_claims
from chalicelib.retrieval.answer.nearest import nearest_passages
from chalicelib.retrieval.answer.outcome_texts import outcome_text

if TYPE_CHECKING:
    from chalicelib.contracts.answers import AskEvent, Citation, NearestPassage, Outcome, Tier
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.answer.generated_answers import SourcedClaims
    from chalicelib.retrieval.answer.outcome import AnswerDecision
    from chalicelib.retrieval.search.query import Query

MAX_PATHS = 5
"""The most paths that are named of the documents that were looked at."""


@dataclass(frozen=True, slots=True)
class AnswerDraft:
    """The outcome of a question with its claims, before they are cited.

    `refusal` is the text if there is no claim, "" if there are some. A claim without a source is
    one of a language model that the request asked for. `nearest` are the passages that are closest
    to the question: in place of an answer, or beside one that is not certain.
    """

    outcome: Outcome
    tier: Tier
    claims: SourcedClaims
    refusal: str
    nearest: tuple[NearestPassage, ...]

    @classmethod
    def of(
        cls,
        question: str,
        language: str,
        decision: AnswerDecision,
        generated: SourcedClaims | None,
        found: Sequence[Hit],
    ) -> AnswerDraft:
        """Return the draft by the sentences' decision, and by the claims of a language model.

        The outcome is `answered` only if every claim has a source. A model's claims without one
        leave the question open. The nearest passages are shown with these, and with every answer
        that the sentences do not make certain. `found` are the passages as their pages have them.
        """
        outcome, claims = decision.outcome, generated or decision.claims
        if generated:
            is_supported = all(source is not None for _, source in generated)
            if is_supported:
                outcome = "answered"
            elif outcome == "answered":
                outcome = "nearest"
        nearest: tuple[NearestPassage, ...] = ()
        if outcome == "nearest" or (outcome == "answered" and not decision.is_certain):
            cited = sum(len(each.new_citations) for each in cite_claims(claims))
            nearest = nearest_passages(question, decision.ranked, found, cited + 1)
        refusal = "" if claims else outcome_text(outcome, language)
        return cls(outcome, "llm" if generated else "extractive", claims, refusal, nearest)

    @property
    def events(self) -> list[AskEvent]:
        """Return the events that show the draft, in order."""
        events = _claim_events(self.claims)
        if self.refusal:
            events.append(AskRefused(answer=self.refusal, outcome=self.outcome))
        if self.nearest:
            events.append(AskNearest(passages=self.nearest))
        return events

    @property
    def text(self) -> str:
        """Return the text of the answer, with its marks."""
        return self.refusal or _render(self.claims)

    @property
    def cited(self) -> list[Citation]:
        """Return every citation of a claim, by number."""
        return [each for claim in cite_claims(self.claims) for each in claim.new_citations]

    @property
    def nearest_citations(self) -> list[Citation]:
        """Return the citations of the nearest passages and of their headers, by number."""
        shown: list[Citation] = []
        for passage in self.nearest:
            shown.append(passage.citation)
            shown += [passage.header] if passage.header else []
        return shown


def extract_event(claims: SourcedClaims) -> AskExtract:
    """Return the event that shows the sentences that answer, before a model improves them."""
    cited = list(cite_claims(claims))
    return AskExtract(
        answer=_render(claims),
        claims=_claims(claims),
        citations=tuple(new for each in cited for new in each.new_citations),
    )


def describe_search(query: Query, passages: Sequence[Hit]) -> LookedAt:
    """Return what was searched for `query`, as the caller put it, and the best paths."""
    return LookedAt(
        documents=len({passage.document_id for passage in passages}),
        passages=len(passages),
        paths=tuple(dict.fromkeys(passage.path for passage in passages))[:MAX_PATHS],
        collection=query.collection,
        filter=query.filter,
    )


def _claim_events(claims: SourcedClaims) -> list[AskEvent]:
    events: list[AskEvent] = []
    for cited in cite_claims(claims):
        events += [AskCitation(citation=citation) for citation in cited.new_citations]
        numbers = tuple(citation.n for citation in cited.citations)
        claim = Claim(text=cited.claim, citations=numbers, unsupported=not numbers)
        events.append(AskClaim(claim=claim))
    return events


def _claims(claims: SourcedClaims) -> tuple[Claim, ...]:
    return tuple(event.claim for event in _claim_events(claims) if isinstance(event, AskClaim))


def _render(claims: SourcedClaims) -> str:
    return render_claims(_claims(claims))
