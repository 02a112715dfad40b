"""Answering: the cheapest tier that suffices, and never a claim without its source.

The policy, in order of price:

1. Retrieve passages and weigh their sentences. Below `answering.MIN_SUPPORT` nothing
   supports an answer: it is refused, and no dearer tier is asked to make one up.
2. Tier 0, extractive: from `answering.SUFFICIENT_SUPPORT` on, or when the request asks for
   this tier, the best sentences themselves are the answer.
3. Tier 1, a language model: tried when the support lies in between, or when the request
   asks for it. Its answer is used only if a source holds up every sentence of it; if not,
   or if the model fails, tier 0's answer stands and a notice says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chalicelib.contracts import Citation, EmbedTextResult, Hit
from chalicelib.errors import HeadraceError
from chalicelib.query_ports import AnswerWriter, ChatReply, Embedder
from chalicelib.retrieval.answering import (
    NOT_FOUND,
    Evidence,
    best_passages,
    candidates,
    extract,
    sentences_of,
    suffices,
    supported_claims,
    weigh,
)
from chalicelib.retrieval.citations import Source, cite
from chalicelib.retrieval.finding import Finder, Found, Query

Tier = Literal["extractive", "llm"]


@dataclass(frozen=True, slots=True)
class Spent:
    """What was used, for the receipt: embeddings in order, and replies whether used or not."""

    embeddings: tuple[EmbedTextResult, ...]
    replies: tuple[ChatReply, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """An answer with its citations, or a refusal (`answered` false, no citations)."""

    answer: str
    answered: bool
    tier: Tier
    citations: tuple[Citation, ...]
    notices: tuple[str, ...]
    passages: tuple[Hit, ...]
    spent: Spent


@dataclass(frozen=True, slots=True)
class _Draft:
    claims: list[tuple[str, Source]]
    tier: Tier
    notice: str | None = None
    embedding: EmbedTextResult | None = None
    reply: ChatReply | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Answers questions; without a `writer` only tier 0 does."""

    finder: Finder
    embedder: Embedder
    writer: AnswerWriter | None

    def ask(self, query: Query, tier: Tier | None = None) -> Outcome:
        """Return the answer to `query`, by `tier` where the caller names one."""
        found = self.finder.find(query)
        sources = candidates(query.text, found.passages)
        if not sources:
            return _outcome(found, _Draft([], "extractive"), None)
        embedding = self.embedder.embed([source.text for source in sources], query.correlation_id)
        evidence = weigh(query.text, found.vector, sources, embedding.vectors)
        draft = _Draft(extract(evidence), "extractive")
        if draft.claims and _dearer_is_due(tier, evidence):
            draft = self._generate(query, evidence, draft)
        return _outcome(found, draft, embedding)

    def _generate(self, query: Query, evidence: list[Evidence], cheaper: _Draft) -> _Draft:
        """Return tier 1's draft, or `cheaper` with the reason why it stands."""
        if self.writer is None:
            return _Draft(cheaper.claims, "extractive", "No language model is set up.")
        try:
            reply = self.writer.write(query.text, best_passages(evidence))
        except HeadraceError as error:
            notice = f"The language model did not answer ({type(error).__name__})."
            return _Draft(cheaper.claims, "extractive", notice)
        sentences = sentences_of(reply.text)
        if not sentences:
            notice = "The language model wrote nothing."
            return _Draft(cheaper.claims, "extractive", notice, reply=reply)
        embedding = self.embedder.embed(sentences, query.correlation_id)
        claims = supported_claims(query.text, sentences, embedding.vectors, evidence)
        if claims is None:
            notice = "The language model's answer was not supported by the documents."
            return _Draft(cheaper.claims, "extractive", notice, embedding, reply)
        return _Draft(claims, "llm", None, embedding, reply)


def _dearer_is_due(tier: Tier | None, evidence: list[Evidence]) -> bool:
    return tier == "llm" or (tier is None and not suffices(evidence))


def _outcome(found: Found, draft: _Draft, embedding: EmbedTextResult | None) -> Outcome:
    answer, citations = cite(draft.claims)
    embeddings = [found.embedding, embedding, draft.embedding]
    return Outcome(
        answer=answer or NOT_FOUND,
        answered=bool(draft.claims),
        tier=draft.tier,
        citations=citations,
        notices=found.notices + ((draft.notice,) if draft.notice else ()),
        passages=found.passages,
        spent=Spent(
            embeddings=tuple(item for item in embeddings if item is not None),
            replies=(draft.reply,) if draft.reply else (),
        ),
    )
