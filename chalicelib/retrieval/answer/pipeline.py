"""Answering: the cheapest tier that suffices, and never a claim without its source.

The policy, in order of price:

0. A follow-up question is made to stand alone. Sentences that give orders to a language model
   are left out of what was found.
1. Retrieve passages and weigh those of their sentences that can reply. Below
   `evidence.MIN_SUPPORT` nothing supports an answer: it is refused, and no dearer tier is asked
   to make one up.
2. Tier 0, extractive: from `evidence.SUFFICIENT_SUPPORT` on, or when the request asks for
   this tier, the best sentences themselves are the answer.
3. Tier 1, a language model: tried when the support lies in between, or when the request
   asks for it. Its answer is used only if the support check finds every sentence of it held up
   by a passage; if not, or if the model or the check fails, tier 0's answer stands and a notice
   says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.answer_log import QuotedSpan
from chalicelib.contracts.answers import (
    AskCitation,
    AskClaim,
    AskDone,
    AskEvent,
    AskRefused,
    AskResponse,
    AskRetrieved,
    Citation,
    Claim,
    ConversationTurn,
    Tier,
    fold_events,
    render_claim,
)
from chalicelib.errors import HeadraceError, InvalidInput, NoAnswer, QuotaExceeded, Unsupported
from chalicelib.retrieval.answer.answer_log import NOT_LOGGED, AnswerLog, AnswerRecord
from chalicelib.retrieval.answer.citations import SourceSentence, cite_claims, is_quoted_verbatim
from chalicelib.retrieval.answer.context_packing import ContextItem, pack_context
from chalicelib.retrieval.answer.evidence import (
    Evidence,
    OriginalQuestion,
    SentenceScreen,
    answer_sentences,
    blank_instructions,
    boost_evidence,
    candidate_sentences,
    evidence_passages,
    extract_claims,
    is_sufficient,
    text_to_embed,
    weigh_evidence,
)
from chalicelib.retrieval.answer.generated_answers import (
    AnswerWriter,
    ModelReply,
    ModelUse,
    SupportChecker,
    check_sources,
    describe_doubts,
    supported_claims,
)
from chalicelib.retrieval.answer.question_rewriting import is_faithful_rewrite, rewrite_question
from chalicelib.retrieval.answer.replies import filter_replies
from chalicelib.retrieval.search.searcher import QueryEmbedder
from chalicelib.retrieval.text.language import LANGUAGES, detect_language, refusal_text

if TYPE_CHECKING:
    from chalicelib.contracts.embedding import EmbedTextResult
    from chalicelib.contracts.receipts import Receipt
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.search.query import Query, SearchResult
    from chalicelib.retrieval.search.searcher import Searcher


class AnswerPrices(Protocol):
    """What answers cost."""

    def answer(self, question: str, passages: Sequence[Hit], used: Sequence[ModelUse]) -> Receipt:
        """Return the receipt of `used`, in order, and of the one query of the index.

        Where no language model was asked, it says what asking one would have cost.
        """


_Claims = list[tuple[str, SourceSentence]]

_HARD_TO_TELL_APART = {"da", "no"}


@dataclass(slots=True)
class AnswerUsage:
    """What one answer used, and what there is to say about it."""

    used: list[ModelUse] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def embedded(self, role: str, result: EmbedTextResult) -> EmbedTextResult:
        self.used.append(ModelUse(f"{role} embedding", result))
        return result

    def replied(self, role: str, reply: ModelReply) -> ModelReply:
        self.used.append(ModelUse(role, reply))
        if reply.found:
            found = ", ".join(reply.found)
            self.notices.append(f"The screen found {found} in what the language model was to do.")
        return reply

    def failed(self, role: str, error: HeadraceError, what: str) -> None:
        """Note that the language model did not do `what`, why, and what it cost in vain."""
        if error.receipt is not None:
            self.used.append(ModelUse(role, ModelReply("", error.receipt.lines, whole=False)))
        why = type(error).__name__
        if isinstance(error, (InvalidInput, Unsupported, QuotaExceeded, NoAnswer)):
            why += f": {error.message.rstrip('.')}"
        self.notices.append(f"The language model did not {what} ({why}).")


@dataclass(frozen=True, slots=True)
class PreparedQuestion:
    """A question on its way: as it was put, and what is searched for in its place.

    `until` is when a language model has to have done all that it does for it.
    """

    put: str
    query: Query
    tier: Tier | None
    language: str
    log: AnswerUsage
    until: float


@dataclass(frozen=True, slots=True)
class _Draft:
    claims: _Claims
    tier: Tier


@dataclass(frozen=True, slots=True)
class QuestionAnswerer:
    """Answers questions. Without a `writer` only tier 0 does, and what no `keeper` keeps cannot be
    rated.
    """

    finder: Searcher
    embedder: QueryEmbedder
    writer: AnswerWriter | None
    prices: AnswerPrices
    checker: SupportChecker
    screen: SentenceScreen
    keeper: AnswerLog | None = None

    def ask(
        self, query: Query, tier: Tier | None = None, history: Sequence[ConversationTurn] = ()
    ) -> AskResponse:
        """Return the answer to `query`, by `tier` where the caller names one."""
        return fold_events(self.events(query, tier, history))

    def events(
        self, query: Query, tier: Tier | None = None, history: Sequence[ConversationTurn] = ()
    ) -> Iterator[AskEvent]:
        """Yield the answer's events as they come true; see `contracts/asking.py` for the order.

        `history` is the conversation before the question, oldest turn first. A claim is yielded
        once a source holds up the whole answer, and never taken back. What is wrong with the
        query is raised before the first event.
        """
        log = AnswerUsage()
        until = self.writer.deadline() if self.writer is not None else 0.0
        text = self._stand_alone(query, tier, history, log, until)
        alone = replace(query, text=text, texts_only=True)
        asked = PreparedQuestion(query.text, alone, tier, detect_language(query.text), log, until)
        found = self.finder.find(alone)
        log.embedded("question", found.embedding)
        if found.reranked is not None:
            log.used.append(ModelUse("rerank", found.reranked))
        log.notices += found.notices
        yield AskRetrieved(asked_as=alone.text, passages=len(found.passages))
        draft = self._draft(asked, found)
        said: list[str] = []
        citations: list[Citation] = []
        if not draft.claims:
            said.append(refusal_text(asked.language))
            yield AskRefused(answer=said[0])
        for drafted in cite_claims(draft.claims):
            for citation in drafted.new:
                citations.append(citation)
                yield AskCitation(citation=citation)
            rests_on = tuple(citation.n for citation in drafted.citations)
            claim = Claim(text=drafted.claim, citations=rests_on)
            said.append(render_claim(claim))
            yield AskClaim(claim=claim)
        log.notices += _of_another_language(asked.language, draft)
        answer_id = self._kept(asked, found, _told(asked, draft.tier, said, citations))
        yield AskDone(
            answer_id=answer_id,
            tier=draft.tier,
            language=asked.language,
            receipt=self.prices.answer(alone.text, found.passages, log.used),
            notices=tuple(log.notices),
        )

    def _kept(self, asked: PreparedQuestion, found: SearchResult, told: AnswerRecord) -> str:
        if self.keeper is None:
            return ""
        answer_id = self.keeper.keep(asked.query.tenant, told, found)
        if not answer_id:
            asked.log.notices.append(NOT_LOGGED)
        return answer_id

    def _stand_alone(
        self,
        query: Query,
        tier: Tier | None,
        history: Sequence[ConversationTurn],
        log: AnswerUsage,
        until: float,
    ) -> str:
        """Return the question as it reads alone: by rules, by a model where they are unsure."""
        alone = rewrite_question(query.text, history)
        if alone.sure or self.writer is None or tier == "extractive":
            return alone.text
        try:
            reply = self.writer.rewrite(query.text, history, query.spender, until)
        except HeadraceError as error:
            log.failed("question", error, "complete the question")
            return alone.text
        log.replied("question", reply)
        written = reply.text.strip()
        return (
            written
            if reply.whole and is_faithful_rewrite(written, query.text, history)
            else alone.text
        )

    def _draft(self, asked: PreparedQuestion, found: SearchResult) -> _Draft:
        passages, left_out = blank_instructions(found.passages, self.screen)
        if left_out:
            asked.log.notices.append(_screening(left_out))
        evidence = self._evidence(asked, found, passages)
        replies = filter_replies(asked.query.text, evidence)
        claims = extract_claims(replies)
        if claims and _dearer_is_due(asked.tier, replies):
            written = self._written(asked, evidence)
            if written and all(is_quoted_verbatim(source, found.passages) for _, source in written):
                return _Draft(written, "llm")
        return _Draft(claims, "extractive")

    def _evidence(
        self, asked: PreparedQuestion, found: SearchResult, passages: Sequence[Hit]
    ) -> list[Evidence]:
        """Return the sentences of `passages` by how well they support an answer, best first."""
        query = asked.query
        sources = candidate_sentences(query.text, passages)
        if not sources:
            return []
        resolved = asked.put != query.text
        texts = [text_to_embed(source) for source in sources] + [asked.put] * resolved
        model = found.embedding.model
        embedded = self.embedder.embed(texts, query.correlation_id, model)
        vectors = asked.log.embedded("sentence", embedded).vectors
        put = OriginalQuestion(asked.put, vectors[-1]) if resolved else None
        weighed = weigh_evidence(query.text, found.vector, sources, vectors[: len(sources)], put)
        return boost_evidence(weighed, found.voted)

    def _written(self, asked: PreparedQuestion, evidence: Sequence[Evidence]) -> _Claims | None:
        """Return tier 1's claims, or None, with the reason noted, where tier 0's stand."""
        log, question = asked.log, asked.query.text
        if self.writer is None:
            log.notices.append("No language model is set up.")
            return None
        language = LANGUAGES.get(asked.language, "")
        passages = _packed(evidence, self.writer, question, language)
        if not passages:
            log.notices.append("The question leaves the language model no room for a passage.")
            return None
        try:
            reply = self.writer.write(
                question, passages, asked.query.spender, asked.until, language
            )
        except HeadraceError as error:
            log.failed("answer", error, "answer")
            return None
        log.replied("answer", reply)
        sentences = answer_sentences(reply.text)
        if not reply.whole or not sentences:
            what = "wrote nothing" if reply.whole else "was cut off before its end"
            log.notices.append(f"The language model {what}.")
            return None
        return self._held_up(asked, sentences, passages)

    def _held_up(
        self, asked: PreparedQuestion, claims: list[str], passages: Sequence[Hit]
    ) -> _Claims | None:
        log, query = asked.log, asked.query
        try:
            checked = self.checker.check(
                query.text, claims, check_sources(passages), query.correlation_id
            )
        except HeadraceError as error:
            log.notices.append(f"The answer could not be checked ({type(error).__name__}).")
            return None
        log.used.append(ModelUse("support check", checked))
        found = supported_claims(claims, passages, checked)
        if found is None:
            log.notices.append(
                "The language model's answer was not supported by the documents:"
                f" {describe_doubts(checked)}."
            )
        return found


def _told(
    asked: PreparedQuestion, tier: Tier, said: Sequence[str], citations: Sequence[Citation]
) -> AnswerRecord:
    return AnswerRecord(
        kind="answer",
        question=asked.put,
        asked_as=asked.query.text,
        answer=" ".join(said),
        tier=tier,
        cited=tuple(QuotedSpan(**citation.model_dump(exclude={"n"})) for citation in citations),
    )


def _packed(
    evidence: Sequence[Evidence], writer: AnswerWriter, question: str, language: str
) -> list[Hit]:
    """Return the passages of the evidence that are worth their tokens, best first."""
    passages = evidence_passages(evidence)
    support: dict[int, float] = {}
    for item in evidence:
        support.setdefault(id(item.source.passage), item.support)
    parcels = [
        ContextItem(passage.text, support[id(passage)], writer.tokens(passage))
        for passage in passages
    ]
    return [passages[at] for at in pack_context(parcels, writer.room(question, language))]


def _dearer_is_due(tier: Tier | None, evidence: Sequence[Evidence]) -> bool:
    return tier == "llm" or (tier is None and not is_sufficient(evidence))


def _screening(count: int) -> str:
    sentences = "1 sentence" if count == 1 else f"{count} sentences"
    verb = "gives" if count == 1 else "give"
    return f"{sentences} of the documents {verb} orders to a language model, and took no part."


def _of_another_language(asked: str, draft: _Draft) -> list[str]:
    """Say so where the documents answer in another language than the question's."""
    told = detect_language(" ".join(text for text, _ in draft.claims))
    if not (asked and told) or asked == told or {asked, told} == _HARD_TO_TELL_APART:
        return []
    question, answer = LANGUAGES[asked], LANGUAGES[told]
    return [f"The question is in {question}; the documents answer in {answer}."]
