"""Answering: the cheapest tier that suffices, and never a claim without its source.

The policy, in order of price:

1. Retrieve passages and weigh those of their sentences that can reply. Below
   `answering.MIN_SUPPORT` nothing supports an answer: it is refused, and no dearer tier is asked
   to make one up.
2. Tier 0, extractive: from `answering.SUFFICIENT_SUPPORT` on, or when the request asks for
   this tier, the best sentences themselves are the answer.
3. Tier 1, a language model: tried when the support lies in between, or when the request
   asks for it. Its answer is used only if the support check finds every sentence of it held up
   by a passage; if not, or if the model or the check fails, tier 0's answer stands and a notice
   says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.contracts import Claim, EmbedTextResult, Hit, Tier
from chalicelib.contracts.api import AskResponse
from chalicelib.contracts.asking import (
    AskCitation,
    AskClaim,
    AskDone,
    AskEvent,
    AskRefused,
    AskRetrieved,
    folded,
)
from chalicelib.errors import HeadraceError
from chalicelib.query_ports import (
    AnswerPrices,
    AnswerWriter,
    ChatReply,
    Embedder,
    SupportChecker,
    Used,
)
from chalicelib.retrieval.answering import (
    Evidence,
    best_passages,
    candidates,
    extract,
    in_context,
    sentences_of,
    suffices,
    weigh,
)
from chalicelib.retrieval.checking import doubts_of, held_up, sources_of
from chalicelib.retrieval.citations import Source, cited
from chalicelib.retrieval.finding import Finder, Found, Query
from chalicelib.retrieval.refusals import NOT_FOUND
from chalicelib.retrieval.replying import replying


@dataclass(slots=True)
class _Log:
    """What one answer used, and what there is to say about it."""

    used: list[Used] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def embedded(self, role: str, result: EmbedTextResult) -> EmbedTextResult:
        self.used.append(Used(f"{role} embedding", result))
        return result

    def replied(self, role: str, reply: ChatReply) -> ChatReply:
        self.used.append(Used(role, reply))
        return reply


@dataclass(frozen=True, slots=True)
class _Draft:
    claims: list[tuple[str, Source]]
    tier: Tier


@dataclass(frozen=True, slots=True)
class Asker:
    """Answers questions; without a `writer` only tier 0 does."""

    finder: Finder
    embedder: Embedder
    writer: AnswerWriter | None
    prices: AnswerPrices
    checker: SupportChecker

    def ask(self, query: Query, tier: Tier | None = None) -> AskResponse:
        """Return the answer to `query`, by `tier` where the caller names one."""
        return folded(self.events(query, tier))

    def events(self, query: Query, tier: Tier | None = None) -> Iterator[AskEvent]:
        """Yield the answer's events as they come true; see `contracts/asking.py` for the order.

        A claim is yielded once a source holds up the whole answer, and never taken back. What is
        wrong with the query is raised before the first event.
        """
        log = _Log()
        found = self.finder.find(query)
        log.embedded("question", found.embedding)
        log.notices += found.notices
        yield AskRetrieved(asked_as=query.text, passages=len(found.passages))
        draft = self._draft(query, found, tier, log)
        if not draft.claims:
            yield AskRefused(answer=NOT_FOUND)
        for text, citation, new in cited(draft.claims):
            if new:
                yield AskCitation(citation=citation)
            yield AskClaim(claim=Claim(text=text, citations=(citation.n,)))
        yield AskDone(
            answer_id="",
            tier=draft.tier,
            language="",
            receipt=self.prices.answer(query.text, found.passages, log.used),
            notices=tuple(log.notices),
        )

    def _draft(self, query: Query, found: Found, tier: Tier | None, log: _Log) -> _Draft:
        sources = candidates(query.text, found.passages)
        if not sources:
            return _Draft([], "extractive")
        texts = [in_context(source) for source in sources]
        model = found.embedding.model
        embedded = self.embedder.embed(texts, query.correlation_id, model)
        embedding = log.embedded("sentence", embedded)
        evidence = weigh(query.text, found.vector, sources, embedding.vectors)
        replies = replying(query.text, evidence)
        claims = extract(replies)
        if claims and _dearer_is_due(tier, replies):
            written = self._written(query, best_passages(evidence), log)
            if written:
                return _Draft(written, "llm")
        return _Draft(claims, "extractive")

    def _written(
        self, query: Query, passages: list[Hit], log: _Log
    ) -> list[tuple[str, Source]] | None:
        """Return tier 1's claims, or None, with the reason noted, where tier 0's stand."""
        if self.writer is None:
            log.notices.append("No language model is set up.")
            return None
        try:
            reply = log.replied("answer", self.writer.write(query.text, passages))
        except HeadraceError as error:
            log.notices.append(f"The language model did not answer ({type(error).__name__}).")
            return None
        sentences = sentences_of(reply.text)
        if not sentences:
            log.notices.append("The language model wrote nothing.")
            return None
        return self._held_up(query, sentences, passages, log)

    def _held_up(
        self, query: Query, claims: list[str], passages: list[Hit], log: _Log
    ) -> list[tuple[str, Source]] | None:
        try:
            checked = self.checker.check(
                query.text, claims, sources_of(passages), query.correlation_id
            )
        except HeadraceError as error:
            log.notices.append(f"The answer could not be checked ({type(error).__name__}).")
            return None
        log.used.append(Used("support check", checked))
        found = held_up(claims, passages, checked)
        if found is None:
            log.notices.append(
                "The language model's answer was not supported by the documents:"
                f" {doubts_of(checked)}."
            )
        return found


def _dearer_is_due(tier: Tier | None, evidence: list[Evidence]) -> bool:
    return tier == "llm" or (tier is None and not suffices(evidence))
